"""A supervisor intervenes in a call: on record first, by a code that is good once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.call import interventions
from ivr.desk.call.interventions import Intervening, Intervention, Unentered
from ivr.desk.people import staffing
from ivr.desk.people.people import NewPerson, Person
from ivr.desk.people.signing_in import From, Keeping, begin
from ivr.desk.refusals import NoSuchCase, Refused, WrongField
from ivr.store.tables import audit, cases, people
from ivr.voice.actions import KeepWords
from tests.desk.call.test_callbacks import answered, claim
from tests.desk.office import WEDNESDAY, call, office, opening, words

SOON = WEDNESDAY + timedelta(seconds=30)


async def supervisor(engine: AsyncEngine, *areas: str, name: str = "karimi") -> Person:
    row: dict[str, Any] = {"id": uuid.uuid4(), "name": name, "full_name": "مریم کریمی"}
    row |= {"role": "supervisor", "areas": areas, "password_hash": "", "must_change": False}
    async with engine.begin() as connection:
        await connection.execute(people.insert(), [row | {"made_at": WEDNESDAY, "password_at": WEDNESDAY}])
        await begin(connection, row["id"], WEDNESDAY, From("127.0.0.1", "tests"), Keeping())
    return Person(row["id"], name, row["full_name"], Role.SUPERVISOR, areas=areas)


async def running(engine: AsyncEngine, folder: Path) -> tuple[uuid.UUID, str]:
    """A call in progress: its id, and its channel."""
    async with office(engine, folder) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        await desk.pump.idle()
    return uuid.UUID(facts.id), facts.unique_id


async def ended(engine: AsyncEngine, folder: Path) -> uuid.UUID:
    async with office(engine, folder) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, ())
        await desk.pump.idle()
    return uuid.UUID(facts.id)


async def test_a_code_stands_for_one_call_once_and_for_a_minute(engine: AsyncEngine, tmp_path: Path) -> None:
    id, channel = await running(engine, tmp_path)
    she = await supervisor(engine)
    begun = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", WEDNESDAY)
    assert len(begun.code) == 8 and begun.code.isdigit() and begun.unique_id == channel
    assert await interventions.redeem(engine, "00000000", SOON) is None
    redeemed = await interventions.redeem(engine, begun.code, SOON)
    assert redeemed == Intervention(begun.id, Intervening.LISTEN, channel)
    assert await interventions.redeem(engine, begun.code, SOON) is None
    late = await interventions.begin(engine, id, Intervening.TAKE, she, "she weeps", WEDNESDAY)
    assert await interventions.redeem(engine, late.code, WEDNESDAY + timedelta(seconds=61)) is None
    await interventions.over(engine, begun.id, SOON + timedelta(minutes=2))
    async with engine.connect() as connection:
        noted = (await connection.execute(select(audit).order_by(audit.c.id))).all()
        first, second = await interventions.of_calls(connection, [id])
    assert [(row.action, row.person_id, row.subject) for row in noted] == [
        ("call_listen", she.id, f"call/{id}"),
        ("call_take", she.id, f"call/{id}"),
    ]
    assert (first.actor, first.reason, first.used_at) == ("karimi", "quality", SOON)
    assert first.over_at == SOON + timedelta(minutes=2) and second.used_at is None
    assert interventions.came_about(first) and not interventions.came_about(second)


async def test_of_a_call_that_is_in_no_list_yet_nobody_is_told_that_it_is_over(engine: AsyncEngine) -> None:
    she = await supervisor(engine)
    with pytest.raises(Unentered, match="no such call yet"):
        await interventions.begin(engine, uuid.uuid4(), Intervening.LISTEN, she, "quality", SOON)


async def test_a_call_that_is_over_can_be_neither_listened_to_nor_ended(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    id, she = await ended(engine, tmp_path), await supervisor(engine)
    for action in Intervening:
        with pytest.raises(Refused, match="over"):
            await interventions.begin(engine, id, action, she, "quality", WEDNESDAY)
    async with engine.connect() as connection:
        assert await interventions.of_calls(connection, [id]) == []


async def test_who_sees_some_counties_alone_steps_into_no_call_with_a_case_of_another(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (id, _), she = await running(engine, tmp_path), await supervisor(engine)
    here, elsewhere = replace(she, areas=("ahar",)), replace(she, areas=("tabriz",))
    before = await interventions.begin(engine, id, Intervening.LISTEN, elsewhere, "quality", WEDNESDAY)
    assert before.code, "she has told of no county yet"
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(replace(call(), id=str(id)), opening(county="ahar"))
        await desk.pump.idle()
    for action in Intervening:
        with pytest.raises(NoSuchCase):
            await interventions.begin(engine, id, action, elsewhere, "quality", SOON)
    assert (await interventions.begin(engine, id, Intervening.LISTEN, here, "quality", SOON)).code


async def test_a_code_of_before_she_chose_another_county_is_good_for_nothing_once_her_case_is_there(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    id, channel = await running(engine, tmp_path)
    here, elsewhere = await supervisor(engine, "ahar"), await supervisor(engine, "tabriz", name="rezaei")
    mine, theirs = [
        await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", WEDNESDAY)
        for she in (here, elsewhere)
    ]
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(replace(call(), id=str(id)), opening(county="ahar"))
        await desk.pump.idle()
    assert await interventions.redeem(engine, theirs.code, SOON) is None
    assert await interventions.redeem(engine, mine.code, SOON) == Intervention(
        mine.id, Intervening.LISTEN, channel
    )
    async with engine.connect() as connection:
        told = await interventions.of_calls(connection, [id])
    assert {row.actor: interventions.came_about(row) for row in told} == {"karimi": True, "rezaei": False}


async def test_a_code_of_a_call_without_a_county_is_good_for_who_sees_some_alone(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (id, _), she = await running(engine, tmp_path), await supervisor(engine, "tabriz")
    begun = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", WEDNESDAY)
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(replace(call(), id=str(id)), opening(county=""))
        await desk.pump.idle()
    assert await interventions.redeem(engine, begun.code, SOON) is not None


async def ours(engine: AsyncEngine, folder: Path) -> uuid.UUID:
    """A call of ours in progress, to tell her of an answer."""
    await answered(engine, folder)
    return await picked_up(engine, folder / "ours")


async def picked_up(engine: AsyncEngine, folder: Path) -> uuid.UUID:
    """The call-back that is due is placed, and she answers it."""
    placed = await claim(engine)
    assert placed is not None
    facts = replace(call(), unique_id=str(placed.id), attempt=str(placed.id))
    async with office(engine, folder) as desk:
        await desk.intake.call_started(facts)
        await desk.pump.idle()
    return uuid.UUID(facts.id)


async def joining(engine: AsyncEngine, folder: Path) -> uuid.UUID:
    """A call in progress whose words joined an older case."""
    async with office(engine, folder) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        async with engine.connect() as connection:
            older = (await connection.execute(select(cases.c.id))).scalar_one()
        facts = replace(call(), cases={code: str(older)})
        await desk.intake.call_started(facts)
        await desk.intake.keep_words(facts, KeepWords(code, words(), instead=False))
        await desk.pump.idle()
    return uuid.UUID(facts.id)


@pytest.mark.parametrize("in_progress", [ours, joining])
async def test_from_whom_a_case_is_kept_steps_into_no_call_about_it(
    engine: AsyncEngine, tmp_path: Path, in_progress: Any
) -> None:
    id = await in_progress(engine, tmp_path)
    she, other = await supervisor(engine), await supervisor(engine, name="rezaei")
    before = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", WEDNESDAY)
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(kept_from=[str(she.id)]))
    for action in Intervening:
        with pytest.raises(NoSuchCase):
            await interventions.begin(engine, id, action, she, "quality", SOON)
    assert await interventions.redeem(engine, before.code, SOON) is None
    hers = await interventions.begin(engine, id, Intervening.TAKE, other, "quality", SOON)
    assert await interventions.redeem(engine, hers.code, SOON) is not None


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 501])
async def test_nobody_intervenes_without_a_reason(engine: AsyncEngine, tmp_path: Path, reason: str) -> None:
    (id, _), she = await running(engine, tmp_path), await supervisor(engine)
    with pytest.raises(WrongField, match="reason"):
        await interventions.begin(engine, id, Intervening.LISTEN, she, reason, WEDNESDAY)
    async with engine.connect() as connection:
        assert await interventions.of_calls(connection, [id]) == []


async def locked(engine: AsyncEngine) -> None:
    await staffing.lock(engine, "karimi", SOON)


async def of_the_desk_no_more(engine: AsyncEngine) -> None:
    await staffing.reassign(engine, NewPerson("karimi", "مریم کریمی", Role.ADMIN), SOON)


async def signed_out(engine: AsyncEngine) -> None:
    await staffing.sign_out_everywhere(engine, "karimi", SOON)


@pytest.mark.parametrize("gone", [locked, of_the_desk_no_more, signed_out])
async def test_a_code_of_somebody_who_is_not_signed_in_any_more_is_good_for_nothing(
    engine: AsyncEngine, tmp_path: Path, gone: Any
) -> None:
    (id, _), she = await running(engine, tmp_path), await supervisor(engine)
    begun = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", WEDNESDAY)
    await gone(engine)
    assert await interventions.redeem(engine, begun.code, SOON) is None


@pytest.mark.parametrize("needs", ["", "totp"])
async def test_a_code_is_good_for_nothing_once_whoever_got_it_had_to_sign_in_again(
    engine: AsyncEngine, tmp_path: Path, needs: str
) -> None:
    """With whatever role now. `needs`: their second factor is still to come."""
    (id, _), she = await running(engine, tmp_path), await supervisor(engine)
    begun = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", WEDNESDAY)
    await of_the_desk_no_more(engine)
    async with engine.begin() as connection:
        at = WEDNESDAY if needs else SOON
        await begin(connection, she.id, at, From("127.0.0.1", "tests"), Keeping(), needs)
    assert await interventions.redeem(engine, begun.code, SOON) is None


async def test_to_end_a_call_takes_no_code(engine: AsyncEngine, tmp_path: Path) -> None:
    (id, _), she = await running(engine, tmp_path), await supervisor(engine)
    assert not (await interventions.begin(engine, id, Intervening.END, she, "abuse", WEDNESDAY)).code


async def test_who_tries_codes_one_after_the_other_finds_none(engine: AsyncEngine, tmp_path: Path) -> None:
    id, channel = await running(engine, tmp_path)
    she = await supervisor(engine)
    begun = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", WEDNESDAY)
    for wrong in range(10):
        assert await interventions.redeem(engine, f"{wrong:08}", SOON) is None
    assert await interventions.redeem(engine, begun.code, SOON) is None, "not even by the right one"
    later = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", SOON)
    redeemed = await interventions.redeem(engine, later.code, SOON + timedelta(seconds=59))
    assert redeemed is None
    again = SOON + timedelta(seconds=61)
    later = await interventions.begin(engine, id, Intervening.LISTEN, she, "quality", again)
    redeemed = await interventions.redeem(engine, later.code, again)
    assert redeemed is not None and redeemed.unique_id == channel
