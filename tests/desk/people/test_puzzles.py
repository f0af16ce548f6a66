"""What a guess costs: a proof of work that can't be made up, gathered, taken elsewhere or used twice."""

from __future__ import annotations

from datetime import timedelta
from time import process_time

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.counter import tracking
from ivr.desk.people import puzzles, signing_in
from ivr.desk.people.limiting import Limit
from ivr.desk.people.puzzles import FIRST, Puzzle
from tests.desk.office import WEDNESDAY
from tests.fixtures.solving import CHEAP, solved

HERE = "track/192.0.2.1"


def cost(guesses: int, limit: Limit, most: int) -> int:
    """Hashes for so many guesses one after the other."""
    return sum(puzzles.price(tries, limit, most) for tries in range(limit.most, guesses))


def test_the_first_is_cheap_and_it_doubles_up_to_what_an_honest_one_bears() -> None:
    limit = Limit(5, timedelta(minutes=10))
    prices = [puzzles.price(tries, limit, 32) // FIRST for tries in (0, 5, 10, 15, 20, 25, 30, 10_000_000)]
    assert prices == [1, 1, 2, 4, 8, 16, 32, 32]


def test_three_hundred_guesses_cost_the_guesser_thousands_of_times_what_one_try_costs_her() -> None:
    """The figures of docs/security.md, in the first price."""
    codes = cost(300, tracking.SLIPS, tracking.MOST_OF_ONE) / FIRST
    passwords = cost(300, signing_in.OF_A_NAME, signing_in.MOST_OF_ONE) / FIRST
    of_a_name = cost(300, signing_in.OF_A_NAME_IN_ALL, signing_in.MOST_OF_ALL) / FIRST
    assert [round(each, -2) for each in (codes, passwords, of_a_name)] == [8800, 8400, 1500]


@pytest.mark.usefixtures("cheap")
async def test_it_is_good_once_for_minutes_and_only_where_it_was_given(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        puzzle = await puzzles.ask(connection, HERE, CHEAP, WEDNESDAY)
        right = solved(puzzle)

        async def fits(given: str = right, form: str = HERE, least: int = CHEAP, later: int = 0) -> bool:
            now = WEDNESDAY + timedelta(seconds=later)
            return await puzzles.fits(connection, form, given, least, now)

        assert not await fits(form="track/192.0.2.2"), "a neighbour's"
        assert not await fits(form="sign-in/192.0.2.1"), "another form's"
        assert not await fits(later=600) and not await fits(later=-60)
        assert not await fits(least=2 * CHEAP + 1), "gathered while it was cheap"
        begun, _, work, seal, numbers = right.split(".")
        assert not await fits(right.replace(f".{work}.", ".16.")), "a price that he names himself"
        assert not await fits(right.replace(seal, "0" * 32))
        for made_up in ("0" * 128, numbers[8:] + numbers[:8], "²" * 128, ""):
            assert not await fits(f"{puzzle.text}.{made_up}")
        for junk in ("", ".", "x" * 5_000, begun):
            assert not await fits(junk)
        assert await fits(least=2 * CHEAP), "the price has doubled while her browser computed"
        assert not await fits(), "used up"


def test_to_check_one_costs_us_nothing_against_finding_it() -> None:
    puzzle = Puzzle(f"{'0' * 16}.1.{FIRST // 8}.{'7' * 32}", FIRST // 8)
    begun = process_time()
    numbers = solved(puzzle).split(".")[4]
    found = process_time()
    assert all(puzzles._solves("7" * 32, puzzle.work, numbers) for _ in range(100))  # the check alone
    assert (process_time() - found) / 100 < (found - begun) / 100
