"""Which calls a tree on trial gets, and when it is taken back."""

from __future__ import annotations

from types import MappingProxyType
from uuid import UUID

import numpy as np
import pytest

from ivr.voice.menu import Menu
from ivr.voice.menu_trial import MenuTrial, Tally, by_chance, calls_at, looks, worse

MENU = Menu("111", ("fa",), "start", MappingProxyType({}), revision="7")


def test_whether_two_ways_differ_by_more_than_chance_is_the_same_either_way_round() -> None:
    far = by_chance((70, 100), (90, 100))
    assert far == pytest.approx(0.0007, abs=0.0002) and far == pytest.approx(by_chance((90, 100), (70, 100)))
    assert by_chance((70, 100), (72, 100)) > 0.8 and by_chance((5, 10), (5, 10)) == 1.0
    assert by_chance((0, 0), (3, 5)) == 1.0, "a way without calls tells nothing"


def test_a_trial_takes_its_share_of_the_calls_and_the_same_ones_in_every_process() -> None:
    calls = [str(UUID(int=n)) for n in range(4_000)]
    trial = MenuTrial(MENU, 0.1)
    taken = {call for call in calls if trial.takes(call)}
    assert len(taken) == pytest.approx(400, abs=80)
    assert taken == {call for call in calls if MenuTrial(MENU, 0.1).takes(call)}
    assert taken < {call for call in calls if MenuTrial(MENU, 0.3).takes(call)}


def test_a_trial_is_looked_at_whenever_it_has_half_as_many_calls_again() -> None:
    assert [calls_at(look) for look in (1, 2, 3, 4)] == [20, 30, 45, 67]
    assert [looks(calls) for calls in (0, 19, 20, 29, 30, 44, 45)] == [0, 0, 1, 1, 2, 2, 3]


def test_a_tree_in_which_every_call_fails_goes_at_the_first_look() -> None:
    found = worse(Tally(180, 50, 1), Tally(20, 0, 20))
    assert found is not None and (found.measure, found.now) == ("failed", 1.0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Tally(180, 50), Tally(19, 19)),  # too few calls
        (Tally(19, 0), Tally(180, 180)),
        (Tally(9_000, 2_700), Tally(1_000, 340)),  # surely more, but by less than the margin
        (Tally(180, 54), Tally(20, 8)),  # beyond the margin, and chance may have done it
        (Tally(900, 300), Tally(100, 10)),  # better
        (Tally(20, 20), Tally(20, 20)),
    ],
)
def test_less_than_the_margin_or_too_little_to_know_takes_nothing_back(old: Tally, new: Tally) -> None:
    assert worse(old, new) is None


def test_of_two_equal_trees_about_one_trial_in_a_hundred_is_taken_back_by_chance() -> None:
    taken_back = sum(_trial(np.random.default_rng(seed), 0.3, 0.3) for seed in range(300))
    assert taken_back <= 6


def test_a_tree_that_drops_ten_points_more_is_found_out() -> None:
    assert all(_trial(np.random.default_rng(seed), 0.3, 0.4) for seed in range(40))


def _trial(chance: np.random.Generator, old_dropped: float, new_dropped: float) -> bool:
    """Whether a trial on a tenth of the calls is taken back within 3,000 of its own."""
    old = new = Tally(0)
    for look in range(1, looks(3_000) + 1):
        more = calls_at(look) - new.calls
        new = Tally(calls_at(look), new.dropped + int(chance.binomial(more, new_dropped)))
        old = Tally(old.calls + 9 * more, old.dropped + int(chance.binomial(9 * more, old_dropped)))
        if worse(old, new):
            return True
    return False
