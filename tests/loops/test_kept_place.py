"""The hotline's side of a place in the operators' queue: from when on she has it, and who takes her call."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Policy
from ivr.desk.call import callbacks
from ivr.desk.call.live import CallQueue, QueueMember
from ivr.desk.case import turn_calls
from ivr.desk.editing.seeding import directory_from
from ivr.loops.carrying import OpenLine
from ivr.settings import ROOT, Settings
from ivr.store.tables import cases, outbox
from ivr.voice.parse import parse
from tests.asterisk.pretend import Pretend
from tests.desk.call.test_callbacks import NOON, page
from tests.desk.case.test_turn_calls import keeps
from tests.desk.office import WEDNESDAY, office
from tests.fixtures.province import CONVENTIONS
from tests.loops.carried import carried

TREE = ROOT / "dialplan" / "menus" / "111.yaml"
TO_HER_WORDS = "101-"  # her language, an operator, "call me in my turn"; nothing before the beep
BUSY = CallQueue({"1764028800.1": 60}, (QueueMember("one", "talking", 3),))


async def test_she_has_it_since_she_came_and_not_since_she_had_heard_what_she_may_do(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    settings, now = Settings(state=tmp_path), [WEDNESDAY]
    menu = parse(TREE.read_bytes(), TREE.name, languages=settings.calls.languages)

    async def queue(name: str) -> CallQueue:
        now[0] += timedelta(seconds=15)  # until the offer is over; who comes meanwhile comes after her
        return BUSY

    async with office(engine, tmp_path) as desk:
        given = (directory_from(settings.seed_path, CONVENTIONS), desk.intake, lambda: now[0])
        line = OpenLine(lambda *_: menu, *given, queue=queue)
        await carried(line, Pretend(keys=TO_HER_WORDS), tmp_path)
        await desk.pump.idle()
    async with engine.connect() as connection:
        wishes = select(outbox.c.payload).where(outbox.c.kind == "call_back_wished")
        [wish] = (await connection.execute(wishes)).scalars()
    assert (wish["queue"], datetime.fromisoformat(wish["since"])) == ("operators", WEDNESDAY)


@pytest.mark.parametrize("rung", [True, False])
async def test_a_place_is_offered_only_while_citizens_are_called(
    engine: AsyncEngine, tmp_path: Path, rung: bool
) -> None:
    """Operators may serve from earlier on, and those who came after her would talk with them first."""
    settings = Settings(state=tmp_path)
    menu = parse(TREE.read_bytes(), TREE.name, languages=settings.calls.languages)

    async def queue(name: str) -> CallQueue:
        return BUSY

    async with office(engine, tmp_path) as desk:
        given = (directory_from(settings.seed_path, CONVENTIONS), desk.intake, lambda: WEDNESDAY)
        hour = WEDNESDAY.hour
        rings = (time(hour), time(hour + 1)) if rung else (time(hour + 1), time(hour + 2))
        line = OpenLine(lambda *_: menu, *given, queue=queue, rings=rings)
        call = Pretend(keys=TO_HER_WORDS)
        await carried(line, call, tmp_path)
    assert any("turn/offer" in each or "turn.offer" in each for each in call.played) == rung
    assert any(line.startswith("EXEC Queue operators,") for line in call.commands) != rung


@pytest.mark.parametrize("confidential", [None, "caller"])
async def test_whoever_takes_her_turn_is_shown_her_number_unless_her_case_is_confidential(
    engine: AsyncEngine, tmp_path: Path, confidential: str | None
) -> None:
    """It was ours, which the network tells of whom we call."""
    number = "+989141234567"
    await keeps(engine, tmp_path, NOON, number)
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(confidential=confidential))
    [place] = await turn_calls.kept(engine)
    placing = await callbacks.claim(engine, await page(engine), Policy(), NOON, {place.id})
    assert placing is not None
    ours = Pretend(keys="1", arguments=("callback", str(placing.id)), header={"callerid": "111"})
    menu = parse(TREE.read_bytes(), TREE.name, languages=Settings(state=tmp_path).calls.languages)
    async with office(engine, tmp_path) as desk:
        given = (directory_from(Settings(state=tmp_path).seed_path, CONVENTIONS), desk.intake, lambda: NOON)
        await carried(OpenLine(lambda *_: menu, *given), ours, tmp_path)
    assert any(line.startswith("EXEC Queue operators,") for line in ours.commands)
    assert ours.variables.get("CALLERID(num)") == (None if confidential else "09141234567")
