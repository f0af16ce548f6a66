"""The hotline's side of an hour in which an official takes calls: who is offered it, and how a wait ends."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.channel import BridgedAt, Channel
from ivr.cases.live_hour import FRESH, HourOffered
from ivr.cases.meetings import Official
from ivr.desk.editing.seeding import directory_from
from ivr.desk.meetings import (
    hour_hearing,
    hour_planning,
    hour_queue,
    session_moving,
    session_planning,
)
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.loops.carrying import OpenLine
from ivr.loops.hour_line import HourLine
from ivr.settings import ROOT, Settings
from ivr.voice.actions import JoinHour, RingOfficial
from ivr.voice.events import Connected, Event, HourState, HourTold
from ivr.voice.parse import parse
from tests.asterisk.pretend import Pretend
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_live_hour_desk import announced, joins, row_of
from tests.desk.office import WEDNESDAY, office
from tests.fixtures.province import CONVENTIONS
from tests.loops.carried import carried

TREE = ROOT / "dialplan" / "menus" / "111.yaml"
TO_HER_PLACE = "17--2"  # her language, the offer; nothing before the beep, nor after the code; not recorded
EXTENSIONS = {"201": "PJSIP/201"}


@asynccontextmanager
async def followed(at: Hall) -> AsyncIterator[HourLine]:
    """A line that follows the books."""
    line = HourLine(at.engine, EXTENSIONS, lambda: at.at)
    following = asyncio.create_task(line.follow())
    try:
        yield line
    finally:
        following.cancel()


async def until_offered(line: HourLine, official: Official | None) -> None:
    wanted = official and HourOffered(official, "ostandari")
    async with asyncio.timeout(patience(10)):
        while line.offered() != wanted:
            await asyncio.sleep(0.02)


async def test_a_place_that_became_free_is_offered_at_once_however_it_did(engine: AsyncEngine) -> None:
    """By his click, and by the death of the process that carried her call."""
    at = await hall(engine)
    async with followed(at) as line:
        number = await announced(at, room=1)
        await until_offered(line, Official.GOVERNOR)
        call, _ = await joins(at)
        await until_offered(line, None)
        await hour_queue.take(engine, at.by(""), number)
        await until_offered(line, Official.GOVERNOR)
        await hour_queue.unanswered(engine, call, at.at)
        await until_offered(line, None)
        at.at += FRESH
        await hour_hearing.keep_noting(engine, at.page, at.at)
        await until_offered(line, Official.GOVERNOR)


async def test_what_is_done_to_an_hour_on_its_session_s_page_changes_what_callers_are_offered(
    engine: AsyncEngine,
) -> None:
    at = await hall(engine)
    async with followed(at) as line:
        number, why = await announced(at), at.by("", "مأموریت")
        await until_offered(line, Official.GOVERNOR)
        await session_moving.delay(engine, at.page, why, number, 30)
        at.at += timedelta(minutes=70)
        await until_offered(line, Official.GOVERNOR)
        moved = at.at + timedelta(days=7)
        await session_moving.move(engine, at.page, why, number, moved)
        await until_offered(line, None)
        at.at = moved
        await until_offered(line, Official.GOVERNOR)
        await session_planning.cancel(engine, at.page, why, number, LATER)
        await until_offered(line, None)


async def test_of_two_heads_who_take_calls_at_once_she_stands_in_the_line_of_whom_she_was_offered(
    engine: AsyncEngine,
) -> None:
    at = await hall(engine)
    line = HourLine(engine, EXTENSIONS, lambda: at.at)
    await announced(at, official=Official.HEAD, agency="gas", room=2)
    await line.reread()
    gas, code = line.offered(), await at.wish()
    water_s = await announced(at, official=Official.HEAD, agency="abfa")
    assert gas == HourOffered(Official.HEAD, "gas")
    told = await line.join(str(uuid.uuid4()), JoinHour(code, "fa", False, gas))
    assert told == HourTold(HourState.WAITING, 1)

    await line.reread()
    water, call = line.offered(), uuid.uuid4()
    assert water == HourOffered(Official.HEAD, "abfa"), "where nobody waits yet"
    assert (await line.join(str(call), JoinHour(code, "fa", False, water))).place == 1
    assert (await row_of(at, call)).session == water_s
    assert (await line.join(str(uuid.uuid4()), JoinHour(code, "fa", False, gas))).place == 2
    assert (await line.join(str(uuid.uuid4()), JoinHour(code, "fa", False, gas))).state is HourState.FULL


class RingsUntil:
    """Of a channel what a call needs while the official's telephone rings."""

    hung_up = False

    def __init__(self, until: Callable[[], Awaitable[None]]) -> None:
        self.until = until

    async def ring(self, places: Sequence[str], action: RingOfficial, bridged_at: BridgedAt) -> Event:
        await self.until()
        return Connected(True)


async def test_a_fault_while_they_talk_is_told_once_and_the_books_learn_of_it_all_the_same(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    at = await hall(engine)
    line = HourLine(engine, EXTENSIONS, lambda: at.at)
    number = await announced(at)
    call, _ = await joins(at)
    await hour_queue.take(engine, at.by(""), number)
    asked = 0

    def bridged_at() -> float | None:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise LookupError("a bridge of tomorrow")
        return 0.0

    async def until_told() -> None:
        async with asyncio.timeout(patience(20)):
            while (await row_of(at, call)).state != "talking":
                await asyncio.sleep(0.05)

    channel = cast(Channel, RingsUntil(until_told))
    await line.ring(str(call), channel, RingOfficial("fa", False, 60), bridged_at)
    assert caplog.text.count("LookupError: a bridge of tomorrow") == 1
    assert (await row_of(at, call)).outcome == "heard"


async def talks_while_the_books_go(at: Hall) -> tuple[HourLine, uuid.UUID, datetime]:
    """For five minutes; when he took her call."""
    line = HourLine(at.engine, EXTENSIONS, lambda: at.at)
    number = await announced(at)
    call, _ = await joins(at)
    await hour_queue.take(at.engine, at.by(""), number)
    taken_at = at.at

    async def books_go() -> None:
        await run_sql(at.engine, "ALTER TABLE hour_calls RENAME TO gone")
        at.at += timedelta(minutes=5)

    channel = cast(Channel, RingsUntil(books_go))
    await line.ring(
        str(call), channel, RingOfficial("fa", False, 60), lambda: 0.0 if at.at > taken_at else None
    )
    return line, call, taken_at


async def test_who_talked_while_the_books_were_away_was_heard_since_he_took_her_call(
    engine: AsyncEngine,
) -> None:
    """They are back before her call is over."""
    at = await hall(engine)
    line, call, taken_at = await talks_while_the_books_go(at)
    await run_sql(engine, "ALTER TABLE gone RENAME TO hour_calls")
    assert (await row_of(at, call)).state == "ringing"
    await line.left(str(call), hung_up=True)
    hers = await row_of(at, call)
    assert (hers.outcome, hers.talked_at) == ("heard", taken_at)


async def test_who_talked_was_heard_though_the_books_are_still_away_as_her_call_ends(
    engine: AsyncEngine,
) -> None:
    """The sweep of a worker that they answer first gives her up."""
    at = await hall(engine)
    line, call, taken_at = await talks_while_the_books_go(at)
    hung_up_at = at.at
    await line.left(str(call), hung_up=True)
    await run_sql(engine, "ALTER TABLE gone RENAME TO hour_calls")
    at.at += timedelta(minutes=1)
    await hour_hearing.keep_noting(engine, at.page, at.at)
    assert (await row_of(at, call)).outcome == "left"
    await line.reread()
    hers = await row_of(at, call)
    assert (hers.state, hers.outcome, hers.talked_at) == ("over", "heard", taken_at)
    assert hers.ended_at == hung_up_at
    assert await hour_hearing.keep_noting(engine, at.page, at.at) == 1


async def run_sql(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def test_a_short_talk_that_nobody_saw_begin_has_lasted_since_he_took_her_call(
    engine: AsyncEngine,
) -> None:
    at = await hall(engine)
    line = HourLine(engine, EXTENSIONS, lambda: at.at)
    number = await announced(at)
    call, _ = await joins(at)
    await hour_queue.take(engine, at.by(""), number)
    taken_at = at.at

    async def minutes_pass() -> None:
        at.at += timedelta(minutes=5)

    channel = cast(Channel, RingsUntil(minutes_pass))
    await line.ring(
        str(call), channel, RingOfficial("fa", False, 60), lambda: 0.0 if at.at > taken_at else None
    )
    assert (await row_of(at, call)).talked_at == taken_at


@dataclass
class InLine(Pretend):
    """Waits for the official until something happens."""

    happens: Callable[[], Awaitable[object]] | None = None

    async def during(self, line: str) -> None:
        if line.startswith("EXEC Wait") and self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()

    def answer(self, line: str) -> list[str]:
        waits = line.startswith(("EXEC Wait", "SET MUSIC"))
        ends = ["HANGUP"] if self.dead and waits else []
        return ["200 result=0", *ends] if waits else super().answer(line)

    async def hangs_up(self) -> None:
        self.dead = True


async def waits(
    at: Hall, folder: Path, happens: Callable[[InLine, int], Awaitable[object]]
) -> tuple[InLine, Sequence[Row[Any]]]:
    """She leaves her words and stands in line, then it happens. Her call, and the line as it is then."""
    number = await announced(at, starts_at=WEDNESDAY - timedelta(minutes=1), even_off=True)
    hours = HourLine(at.engine, EXTENSIONS, lambda: WEDNESDAY)
    await hours.reread()
    settings = Settings(state=folder)
    menu = parse(TREE.read_bytes(), TREE.name, languages=settings.calls.languages)

    async with office(at.engine, folder) as desk:
        given = (directory_from(settings.seed_path, CONVENTIONS), desk.intake, lambda: WEDNESDAY)
        line = OpenLine(lambda *_: menu, *given, hours=hours)
        call = InLine(keys=TO_HER_PLACE)
        call.happens = lambda: happens(call, number)
        await carried(line, call, folder)
        await desk.pump.idle()
    async with at.engine.connect() as connection:
        return call, await hour_queue.of_hour(connection, number)


async def test_who_waits_as_the_hour_is_closed_hears_so_and_is_in_no_line(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await hall(engine)
    at.at = WEDNESDAY
    call, line = await waits(at, tmp_path, lambda _, hour: hour_planning.close(engine, at.by(""), hour))
    told = [each.removeprefix("/sounds/") for each in call.played]
    assert told[told.index("queue.youarenext") :][2:4] == ["hour.closed", "hour.kept"]
    [hers] = line
    assert (hers.state, hers.outcome) == ("over", "not_taken")
    [case] = await as_json.cases(engine, limit=5)
    assert (case["code"], case["kind"]) == (hers.code, "meeting"), "it is as she was told"


async def test_who_hangs_up_while_she_waits_has_left_and_her_words_are_a_case(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await hall(engine)
    at.at = WEDNESDAY
    _, [hers] = await waits(at, tmp_path, lambda call, _: call.hangs_up())
    assert (hers.state, hers.outcome) == ("over", "left")
    [case] = await as_json.cases(engine, limit=5)
    assert (case["code"], case["kind"]) == (hers.code, "meeting")
