"""What is kept long enough goes by itself; the chain, open cases and what is held stay."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import astuple, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import IO, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Column, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome, Policy
from ivr.cases.custody import state_of
from ivr.cases.kinds import Kind
from ivr.cases.retention import RetentionRule
from ivr.cases.statuses import Status
from ivr.desk.book.seeds import SeedError
from ivr.desk.call import blocking
from ivr.desk.call.callbacks import claim, ended
from ivr.desk.case import answers, callback_planning, closing, collecting, holds, order_calls, splitting
from ivr.desk.case.callback_planning import ORDER
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.splitting import Part
from ivr.desk.keeping import proved, retention
from ivr.desk.keeping.retention import Retention, Ripe, Terms
from ivr.desk.recordings.hearing import Rendition, Renditions
from ivr.desk.refusals import Refused
from ivr.lab.pace import patience
from ivr.loops import time_of_day, worker
from ivr.loops.every import Loops
from ivr.store.aside import Aside
from ivr.store.derived import Derived
from ivr.store.facts import FactStep
from ivr.store.journal import journal_marks
from ivr.store.tables import (
    attachments,
    blocked_callers,
    callback_attempts,
    callbacks,
    calls,
    case_events,
    cases,
    outbox,
    recordings,
)
from ivr.store.volumes import link
from ivr.voice import riff
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import alike, findings
from tests.desk.office import WEDNESDAY, Office, call, office, opening, words
from tests.fixtures.commands import ivr
from tests.fixtures.damaged import asleep, unmounted
from tests.fixtures.database import SEED
from tests.fixtures.plans import plan_of
from tests.loops.test_put_aside import worker_at
from tests.loops.test_time_of_day import Ahead
from tests.voice.voices import voice

KEPT = Retention(
    rules=[
        Terms(delete_recording_after=100, anonymise_after=400),
        Terms(kind=Kind.MEETING, delete_recording_after=50),
        Terms(status=Status.WITHDRAWN, anonymise_after=40),
    ],
    calls=400,
    scraps=90,
)
CALLER = "09141234567"
HERS = ("caller", "caller_key", "caller_name", "callback", "national_id", "words", "told", "place", "draft")


class Archive:
    """Cases with real files, a year ago."""

    def __init__(self, at: Counter, desk: Office, folder: Path) -> None:
        self.at, self.desk, self.folder = at, desk, folder

    async def case(self, disk: str = "", **more: Any) -> tuple[str, Path]:
        recorded = words()
        recorded = replace(recorded, name=disk + recorded.name)
        path = self.folder / "recordings" / f"{recorded.name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF" + recorded.name.encode())
        recorded = replace(recorded, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        calling = call(CALLER)
        code = await self.desk.intake.open_case(calling, opening(recorded, **more))
        await self.desk.intake.call_ended(calling, "completed", self.at.at, (), ())
        await self.desk.pump.idle()
        return code, path

    async def closed(self, **more: Any) -> tuple[str, Path]:
        code, path = await self.case(**more)
        await answers.give(self.at.engine, self.at.page, self.at.ask(code), "آب وصل شد.")
        await closing.close(self.at.engine, self.at.page, self.at.ask(code, "citizen"))
        return code, path

    async def keep(
        self, days: int, batch: int = 200, aside: Aside | None = None, kept: Retention = KEPT
    ) -> retention.Purged:
        now = self.at.at + timedelta(days=days)
        folder, derived = self.folder / "recordings", Derived(self.folder / "derived")
        return await retention.keep(self.at.engine, kept, folder, derived, now, batch, aside)


@pytest.fixture
async def archive(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Archive]:
    async with office(engine, tmp_path / "desk") as desk:
        yield Archive(await counter(engine), desk, tmp_path)


async def test_first_the_voice_goes_then_the_name_and_the_chain_still_holds(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    code, path = await archive.closed()
    assert await archive.keep(99) == retention.Purged() and path.exists()
    assert await archive.keep(100) == retention.Purged(recordings=1, files=1) and not path.exists()
    case = await at.case(code)
    assert case["recordings"][0]["removed_at"] and case["caller"] == CALLER
    assert (case["events"][-1]["what"], case["events"][-1]["actor"]) == ("recordings_removed", "ivr")
    assert await findings(engine, archive.folder) == []

    assert await archive.keep(400) == retention.Purged(anonymised=1)
    row = await at.row(code)
    assert (row.caller, row.caller_key, row.caller_name, row.words, row.place) == ("", "", "", "", None)
    assert row.anonymised_at and row.answer == "آب وصل شد." and row.closure == "solved"
    async with engine.connect() as connection:
        left = select(callbacks.c.number).union(select(calls.c.caller), select(calls.c.unique_id))
        numbers = await connection.execute(left)
        assert set(numbers.scalars()) == {""}
    assert await findings(engine, archive.folder) == []
    assert await archive.keep(500) == retention.Purged(), "once"


async def test_her_call_forgets_her_with_the_last_case_that_knows_her_however_long_calls_are_kept(
    archive: Archive,
) -> None:
    at, engine = archive.at, archive.at.engine
    longer = KEPT.model_copy(update={"calls": 9_000})
    _, (other, _), (held, _) = [await archive.closed() for _ in range(3)]
    joined = update(recordings).where(recordings.c.case_id == (await at.row(held)).id)
    async with engine.begin() as connection:
        await connection.execute(joined.values(call_id=(await at.row(other)).call_id))
    await holds.hold(engine, at.ask(held, "desk", "دادگاه"))

    async def known() -> set[str]:
        query = select(cases.c.code).join(calls, calls.c.id == cases.c.call_id)
        async with engine.connect() as connection:
            return set((await connection.execute(query.where(calls.c.caller != ""))).scalars())

    assert (await archive.keep(400, kept=longer)).anonymised == 2
    assert await known() == {other, held}
    await holds.end(engine, at.ask(held, "desk", "رأی قطعی شد"))
    assert (await archive.keep(400, kept=longer)).anonymised == 1
    assert await known() == set()
    assert await findings(engine, archive.folder) == []


async def our_call(archive: Archive, *others: str) -> tuple[str, str]:
    """A case of which she was told by a call of ours, and that call; others were about nothing."""
    at = archive.at
    code, _ = await archive.case()
    await answers.give(at.engine, at.page, at.ask(code), "آب وصل شد.")
    placing = await claim(at.engine, at.page, Policy(), at.at)
    assert placing is not None
    for unique_id in (str(placing.id), *others):
        calling = replace(call(CALLER), unique_id=unique_id)
        await archive.desk.intake.call_ended(calling, "completed", at.at, (), ())
    await archive.desk.pump.idle()
    return code, str(placing.id)


async def test_our_call_to_her_about_a_case_forgets_her_with_it(archive: Archive) -> None:
    """No case came of it, nor words that joined one."""
    at, engine = archive.at, archive.at.engine
    code, _ = await our_call(archive, "1700.2")
    await closing.close(engine, at.page, at.ask(code, "citizen"))
    longer = KEPT.model_copy(update={"calls": 9_000})
    assert (await archive.keep(400, kept=longer)).anonymised == 1
    async with engine.connect() as connection:
        known = await connection.execute(select(calls.c.unique_id).where(calls.c.caller != ""))
        assert known.scalars().all() == ["1700.2"], "which was about nothing of hers"


async def test_our_call_to_her_knows_her_as_long_as_the_case_that_it_was_about(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    code, ours = await our_call(archive, str(uuid4()), "1700.2")

    async def known() -> list[str]:
        query = select(calls.c.unique_id).outerjoin(cases, cases.c.call_id == calls.c.id)
        async with engine.connect() as connection:
            found = await connection.execute(query.where(cases.c.id.is_(None), calls.c.caller != ""))
            return list(found.scalars())

    assert await archive.keep(9_000) == retention.Purged(calls=2)
    assert await known() == [ours], "the case is open"
    await closing.close(engine, at.page, at.ask(code, "citizen"))
    await holds.hold(engine, at.ask(code, "desk", "دادگاه"))
    assert await archive.keep(9_000) == retention.Purged() and await known() == [ours]
    await holds.end(engine, at.ask(code, "desk", "رأی قطعی شد"))
    assert (await archive.keep(9_000)).anonymised == 1 and await known() == []


async def test_what_was_keyed_in_a_call_with_a_withheld_number_is_forgotten_too(archive: Archive) -> None:
    calling, keyed = call(""), FactStep(WEDNESDAY, "national_id", "0012345679", "")
    await archive.desk.intake.call_ended(calling, "completed", archive.at.at, (keyed,))
    await archive.desk.pump.idle()
    assert await archive.keep(399) == retention.Purged()
    assert await archive.keep(400) == retention.Purged(calls=1)
    async with archive.at.engine.connect() as connection:
        assert (await connection.execute(select(calls.c.steps))).scalars().all() == [[]]
    assert await archive.keep(500) == retention.Purged(), "once"


async def test_a_number_that_she_gave_goes_from_all_that_asked_for_her_there(archive: Archive) -> None:
    await archive.closed(callback="09120000001")

    async def books() -> str:
        async with archive.at.engine.connect() as connection:
            rows = await connection.execute(select(callbacks.c.purpose, callbacks.c.key, callbacks.c.number))
            return str(rows.all())

    assert "verify:" in await books() and "9120000001" in await books()
    assert (await archive.keep(400)).anonymised == 1
    assert "verify" in await books() and "9120000001" not in await books()


async def test_whoever_tries_all_numbers_finds_hers_in_nothing_that_the_story_vouched_for_before(
    archive: Archive,
) -> None:
    """All else that went into those digests still stands in the row."""
    at, engine = archive.at, archive.at.engine
    whole, _ = await archive.case(callback="09120000001")
    bodies = [Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")]
    parts = await splitting.split(engine, at.page, at.ask(whole), bodies)
    for code, part in zip(parts, bodies, strict=True):
        await answers.give(engine, at.page, at.ask(code, part.agency), "شد")
    await closing.close(engine, at.page, at.ask(whole, "citizen"))
    codes = (whole, *parts)
    before = [dict((await at.row(code))._mapping) for code in codes]
    assert (await archive.keep(400)).anonymised == 3
    async with engine.connect() as connection:
        vouched = {*map(bytes, (await connection.execute(select(case_events.c.state))).scalars())}
    for code, was in zip(codes, before, strict=True):
        left = dict((await at.row(code))._mapping)
        guessed = left | {name: was[name] for name in HERS} | {"anonymised_at": None}
        assert state_of(guessed) not in vouched
        assert state_of(guessed | {"salt": was["salt"]}) in vouched, "with what is gone it fits"
        assert left["salt"] is None
    assert await findings(engine, archive.folder) == []


async def test_a_case_that_forgot_whose_it_is_is_not_opened_again(archive: Archive) -> None:
    at = archive.at
    code, _ = await archive.closed()
    assert (await archive.keep(400)).anonymised == 1
    with pytest.raises(Refused, match="register anew"):
        await closing.reopen(at.engine, at.page, at.ask(code, "desk", "هنوز قطع است"))
    assert (await at.row(code)).status == "closed"


async def test_who_asks_for_a_case_that_forgot_her_is_forgotten_a_month_after_our_call(
    archive: Archive,
) -> None:
    at, engine = archive.at, archive.at.engine
    code, _ = await archive.closed()
    assert (await archive.keep(400)).anonymised == 1
    async with engine.begin() as connection:
        hers = (code, "+989120000001", "fa", "call_back_wished:1", at.at)
        assert await callback_planning.wish(connection, *hers)
    placing = await claim(engine, at.page, Policy(), at.at)
    assert placing is not None
    async with engine.begin() as connection:
        await ended(connection, placing.id, Outcome.HEARD, at.at)
    ours = replace(call("+989120000001"), unique_id=str(placing.id))
    await archive.desk.intake.call_ended(ours, "completed", at.at, (), ())
    await archive.desk.pump.idle()

    async def numbers() -> list[str]:
        """Of what asked for her, of the attempts, and of our call."""
        whose = (callbacks.c.number, callback_attempts.c.number, calls.c.caller)
        async with engine.connect() as connection:
            found = [(await connection.execute(select(each))).scalars().all() for each in whose]
        return [number for each in found for number in each if number]

    longer = KEPT.model_copy(update={"calls": 9_000})
    await archive.keep(30)
    assert await numbers() == ["+989120000001"] * 3
    await holds.hold(engine, at.ask(code, "desk", "دادگاه"))
    for days in (31, 800):
        await archive.keep(days, kept=longer)
        assert await numbers() == ["+989120000001"] * 3
    await holds.end(engine, at.ask(code, "desk", "رأی قطعی شد"))
    await archive.keep(800, kept=longer)
    assert await numbers() == []


async def test_our_call_about_an_order_forgets_its_words_with_the_order_or_with_her_case(
    archive: Archive,
) -> None:
    at, engine, page = archive.at, archive.at.engine, archive.at.page
    whole, _ = await archive.case()
    bodies = [Part("abfa", "خانهٔ مریم"), Part("shahrdari_ahar", "کوچهٔ مریم")]
    needless, kept = await splitting.split(engine, page, at.ask(whole), bodies)
    hers, orders = await at.row(whole), [await at.row(code) for code in (needless, kept)]
    async with engine.begin() as connection:
        for order in orders:
            await order_calls.plan(connection, hers, order, at.at.date(), at.at, ZoneInfo("Asia/Tehran"))
    await closing.withdraw(engine, page, at.ask(needless, "desk", "دیگر لازم نیست"))
    await answers.give(engine, page, at.ask(kept, "shahrdari_ahar"), "شد")
    await closing.close(engine, page, at.ask(whole, "citizen"))

    async def quoted() -> set[str]:
        words = select(callbacks.c.notice["words"].as_string()).where(callbacks.c.purpose == ORDER)
        async with engine.connect() as connection:
            return {*(await connection.execute(words)).scalars()}

    assert await quoted() == {"خانهٔ مریم", "کوچهٔ مریم"}
    assert (await archive.keep(40)).anonymised == 1
    assert await quoted() == {"", "کوچهٔ مریم"} and (await at.row(whole)).caller == CALLER
    assert (await archive.keep(400)).anonymised == 2
    assert await quoted() == {""}


async def test_who_was_blocked_and_why_goes_with_the_numbers_of_calls(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    desk, other = at.ask("").actor, "09120000001"
    for number in (CALLER, other):
        await blocking.block(engine, at.page, desk, number, 10, "شوخی مریم", at.at)
    await blocking.lift(engine, at.page, desk, other, at.at)
    report = await retention.preview(engine, KEPT, at.at + timedelta(days=400))
    assert [row["cases"] for row in report if row["what"] == "blocks"] == [1]
    assert await archive.keep(399) == retention.Purged()
    assert await archive.keep(400) == retention.Purged(blocks=1)
    assert [row["caller"] for row in await blocking.listed(engine, past=True)] == [f"+98{CALLER[1:]}"]
    assert await archive.keep(410) == retention.Purged(blocks=1)
    async with engine.connect() as connection:
        left = await connection.execute(select(blocked_callers.c.caller_key, blocked_callers.c.reason))
        assert {*left.all()} == {("", "")} and await blocking.listed(engine, past=True) == []


async def test_each_kind_and_status_has_its_own_time(archive: Archive) -> None:
    meeting, _ = await archive.closed(kind="meeting", topic="other.other", county="")
    withdrawn, _ = await archive.case(topic="water.bill")
    await closing.withdraw(archive.at.engine, archive.at.page, archive.at.ask(withdrawn, "citizen"))
    assert await archive.keep(40) == retention.Purged(recordings=1, anonymised=1, files=1)
    assert (await archive.at.row(withdrawn)).anonymised_at is not None
    assert await archive.keep(50) == retention.Purged(recordings=1, files=1)
    await archive.keep(4_000)
    assert (await archive.at.row(meeting)).anonymised_at is None, "its rule names no time for that"


async def test_however_little_is_looked_through_at_once_every_case_comes_to_its_turn(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOOKED_THROUGH", 2)
    kept, stays = await archive.case()
    paths = [(await archive.closed(topic=topic))[1] for topic in 3 * ("water.bill", "energy.gas")]
    assert await archive.keep(100, batch=1) == retention.Purged(recordings=6, files=6)
    assert stays.exists() and not any(path.exists() for path in paths)
    assert [event["what"] for event in (await archive.at.case(kept))["events"]][-1] != "recordings_removed"
    assert await archive.keep(100, batch=1) == retention.Purged(), "once"


@pytest.mark.parametrize("days", (100, 400))
async def test_a_million_cases_leave_the_garbage_collector_no_more_than_two(
    archive: Archive, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements made for each batch did: it stood for 0.1 s to let them go, and kept most for ever."""
    monkeypatch.setattr(retention, "LOOKED_THROUGH", 1)
    left = []
    for many in (2, 2, 6):  # the first may fill what is kept for the next time
        for _ in range(many):
            await archive.closed()
        gc.collect()
        before = _columns()
        gc.disable()
        try:
            assert any(astuple(await archive.keep(days, batch=1)))
            left.append(_columns() - before)
        finally:
            gc.enable()
    assert left[2] <= left[1], left


def _columns() -> int:
    return sum(isinstance(each, Column) for each in gc.get_objects())


async def test_what_has_nothing_left_is_not_looked_through_again(engine: AsyncEngine) -> None:
    """As each hour it would, however many years the books go back."""
    over = cases.c.closed_at <= WEDNESDAY
    rule = Ripe(retention.REMOVED, RetentionRule("", "", 1, None), 1, over, WEDNESDAY)
    for kept, index in zip(retention.THINGS, ("ix_recordings_kept", "ix_attachments_kept"), strict=True):
        for query in (retention.with_some_left(rule, kept), retention.last_looked_through(rule, kept)):
            plan = await plan_of(engine, query)
            assert index in plan and "Seq Scan" not in plan, plan
    assert "ix_recordings_scraps" in await plan_of(engine, retention.scraps_due(90, WEDNESDAY))
    plan = await plan_of(engine, retention.calls_due(90, WEDNESDAY))
    assert {"ix_calls_known", "pk_callback_attempts"} <= {*plan.split()} and "Seq Scan" not in plan, plan
    plan = await plan_of(engine, retention.asked_for_since(WEDNESDAY))
    assert "ix_callbacks_asked_for" in plan and "Seq Scan" not in plan, plan
    to_erase = {"recordings": retention.RECORDINGS_TO_ERASE.params(last="")}
    to_erase["attachments"] = retention.PAPERS_TO_ERASE.params(last=uuid4())
    for name, query in to_erase.items():
        plan = await plan_of(engine, query)
        assert f"ix_{name}_to_erase" in plan and "Seq Scan" not in plan, plan
    plan = await plan_of(engine, retention.calls_of_cases().params(ids=[uuid4()]))
    assert {"pk_calls", "ix_calls_unique_id"} <= {*plan.split()} and "Seq Scan" not in plan, plan


async def test_what_a_rule_takes_is_found_by_indices_whatever_it_is_within(engine: AsyncEngine) -> None:
    rules = [KEPT.rules[0].rule()]
    events = (retention.REMOVED, retention.ANONYMISED)
    removed, nameless = (next(retention._ripe(rules, each, WEDNESDAY)) for each in events)  # as `keep` does
    queries = [retention.with_some_left(removed, kept) for kept in retention.THINGS]
    for query in (*queries, retention.due(nameless, 50)):
        plan = await plan_of(engine, query)
        assert "Recursive Union" in plan and "Seq Scan" not in plan, plan


async def test_a_duplicate_is_kept_as_long_as_the_case_that_it_went_on_in(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    (first, _), (again, _), (thrice, path) = [await archive.case() for _ in range(3)]
    await closing.merge(engine, at.page, at.ask(thrice, "desk", "همان تماس"), again)
    await closing.merge(engine, at.page, at.ask(again, "desk", "همان تماس"), first)
    assert await archive.keep(9_000) == retention.Purged() and path.exists()
    at.later(200)
    await answers.give(engine, at.page, at.ask(first), "آب وصل شد.")
    await closing.close(engine, at.page, at.ask(first, "citizen"))
    await holds.hold(engine, at.ask(first, "desk", "دادگاه"))
    assert await archive.keep(9_000) == retention.Purged()
    assert (await at.row(thrice)).caller == CALLER
    await holds.end(engine, at.ask(first, "desk", "رأی قطعی شد"))
    assert await archive.keep(99) == retention.Purged(), "its time counts from that case's end"
    assert await archive.keep(100) == retention.Purged(recordings=3, files=3)
    assert await findings(engine, archive.folder) == []


async def test_the_parts_of_a_case_under_a_hold_are_held(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    whole, _ = await archive.case()
    bodies = [Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")]
    for code, part in zip(await splitting.split(engine, at.page, at.ask(whole), bodies), bodies, strict=True):
        await answers.give(engine, at.page, at.ask(code, part.agency), "شد")
    await closing.close(engine, at.page, at.ask(whole, "citizen"))
    await holds.hold(engine, at.ask(whole, "desk", "دادگاه"))
    assert await archive.keep(9_000) == retention.Purged()
    await holds.end(engine, at.ask(whole, "desk", "رأی قطعی شد"))
    assert await archive.keep(9_000) == retention.Purged(recordings=1, anonymised=3, files=1)


async def test_what_the_callers_of_a_collective_case_under_a_hold_said_is_held(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    (hers, first), (again, second) = [await archive.case() for _ in range(2)]
    mine = actor_named(at.page, "desk")
    made = await collecting.collect(engine, at.page, mine, [hers, again], "آب قطع است", at.at)
    assert (made.members, made.merged) == ([hers], [again])
    await answers.give(engine, at.page, at.ask(made.code), "آب وصل شد.")
    await closing.close(engine, at.page, at.ask(hers, "citizen"))
    assert await collecting.settle(engine, at.page, at.at) == 1
    await holds.hold(engine, at.ask(made.code, "desk", "دادگاه"))
    assert await archive.keep(9_000) == retention.Purged() and first.exists() and second.exists()
    assert (await at.row(hers)).caller == (await at.row(again)).caller == CALLER
    await holds.end(engine, at.ask(made.code, "desk", "رأی قطعی شد"))
    assert await archive.keep(9_000) == retention.Purged(recordings=2, anonymised=3, files=2)


async def test_a_call_whose_words_joined_a_case_keeps_its_number_as_long_as_that_one(
    archive: Archive,
) -> None:
    at, engine = archive.at, archive.at.engine
    is_open, _ = await archive.case(topic="water.bill")
    code, _ = await archive.closed()
    async with engine.begin() as connection:
        hers = update(recordings).where(recordings.c.case_id == (await at.row(is_open)).id)
        await connection.execute(hers.values(call_id=(await at.row(code)).call_id))
    assert await archive.keep(9_000) == retention.Purged(recordings=1, anonymised=1, files=1)


async def test_an_open_case_and_one_under_a_hold_are_never_touched(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    is_open, first = await archive.case(topic="water.bill")
    answered, second = await archive.case(topic="energy.gas")
    await answers.give(engine, at.page, at.ask(answered), "x")
    held, third = await archive.closed()
    await holds.hold(engine, at.ask(held, "desk", "دادگاه"))
    with pytest.raises(Refused, match="held already"):
        await holds.hold(engine, at.ask(held, "desk", "دادگاه"))
    assert await archive.keep(9_000) == retention.Purged()
    assert all(path.exists() for path in (first, second, third))
    assert (await at.row(is_open)).caller == (await at.row(held)).caller == CALLER
    await holds.end(engine, at.ask(held, "desk", "رأی قطعی شد"))
    assert await archive.keep(9_000) == retention.Purged(recordings=1, anonymised=1, files=1)
    story = [event["what"] for event in (await at.case(held))["events"]]
    assert story[-4:] == ["held", "hold_ended", "recordings_removed", "anonymised"]
    assert await findings(engine, archive.folder) == []
    for by, reason in (("abfa", "x"), ("desk", " ")):
        with pytest.raises(Refused):
            await holds.hold(engine, Instruction(held, actor_named(at.page, by), reason))


async def test_several_workers_share_it_and_each_case_is_told_once(archive: Archive) -> None:
    codes = [(await archive.closed(topic=topic))[0] for topic in ("water.bill", "energy.gas", "water.supply")]
    gone = await asyncio.gather(*(archive.keep(500, batch=1) for _ in range(4)))
    assert sum(each.anonymised for each in gone) == 3 and sum(each.recordings for each in gone) == 3
    for code in codes:
        story = [event["what"] for event in (await archive.at.case(code))["events"]]
        assert story.count("anonymised") == story.count("recordings_removed") == 1
    assert await findings(archive.at.engine, archive.folder) == []


async def taken_but_for_its_file(archive: Archive, path: Path) -> bytes:
    """Of a recording that retention took, and whose disk lets the file go only now: its content."""
    content = path.read_bytes()
    path.unlink()
    path.mkdir()  # can't be unlinked
    assert await archive.keep(100) == retention.Purged(recordings=1)
    path.rmdir()
    path.write_bytes(content)
    return content


async def test_a_file_that_would_not_go_is_tried_again(archive: Archive) -> None:
    _, path = await archive.closed()
    content = await taken_but_for_its_file(archive, path)
    assert await archive.keep(101) == retention.Purged(files=1) and not path.exists()
    path.write_bytes(content)  # as from a backup
    assert [each.kind for each in await findings(archive.at.engine, archive.folder)] == ["recording_back"]


async def test_what_another_machine_erased_goes_here_too_unless_its_case_is_held(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    (code, hers), (held, kept) = await archive.closed(), await archive.closed()
    paper = archive.folder / "attachments" / "petition.pdf"
    paper.parent.mkdir()
    paper.write_bytes(b"%PDF")
    row = {"id": uuid4(), "case_id": (await at.row(code)).id, "name": paper.name, "kind": "application/pdf"}
    row |= {"size": 4, "sha256": "", "added_by": "desk", "added_at": at.at}
    async with engine.begin() as connection:
        await connection.execute(attachments.insert().values(row))
    elsewhere, now = archive.folder / "elsewhere", at.at + timedelta(days=100)
    done = await retention.keep(engine, KEPT, elsewhere / "recordings", Derived(elsewhere / "derived"), now)
    assert done == retention.Purged(recordings=2, files=3) and hers.exists() and paper.exists()
    await holds.hold(engine, at.ask(held, "desk", "دادگاه"))
    assert await retention.erase_here(engine, archive.folder / "recordings", now) == 2
    assert (hers.exists(), paper.exists(), kept.exists()) == (False, False, True)
    assert await retention.erase_here(engine, archive.folder / "recordings", now) == 0


async def test_the_work_takes_what_another_machine_erased(
    service: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RETENTION_SECONDS", 0.01)
    async with office(service, tmp_path) as desk:
        archive = Archive(await counter(service), desk, tmp_path)
        _, path = await archive.closed()
        elsewhere, now = tmp_path / "elsewhere", archive.at.at + timedelta(days=100)
        await retention.keep(service, KEPT, elsewhere / "recordings", Derived(elsewhere / "derived"), now)
        worker_at(now, desk, tmp_path).start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while path.exists():
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()


async def test_after_a_restore_the_work_takes_nothing_until_somebody_has_looked(
    service: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hold that kept it was set after the backup, and is set again before that."""
    monkeypatch.setattr(worker, "RETENTION_SECONDS", 0.01)
    async with office(service, tmp_path) as desk:
        archive = Archive(await counter(service), desk, tmp_path)
        (held, kept), (_, path) = await archive.closed(), await archive.closed()
        async with service.begin() as connection:
            await proved.note_restore(connection, WEDNESDAY.isoformat())
        worker_at(archive.at.at + timedelta(days=4_000), desk, tmp_path).start(loops := Loops())
        try:
            async with asyncio.timeout(patience(20)):
                while caplog.text.count("nothing is erased") < 2:
                    await asyncio.sleep(0.05)
                assert kept.exists() and path.exists()
                await holds.hold(service, archive.at.ask(held, "desk", "دادگاه"))
                await proved.see(service, "به دفتر نگاه شد")
                while path.exists():
                    await asyncio.sleep(0.05)
        finally:
            await loops.close()
    assert kept.exists()


async def test_nothing_is_spared_a_week_after_the_database_went_back_nor_where_a_journal_alone_did(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def spared() -> int:
        async with engine.connect() as connection:
            return len(await proved.spared(connection))

    for to, facts, so in ((WEDNESDAY, 0, 0), (WEDNESDAY, 12, 1), (None, 12, 1)):
        async with engine.begin() as connection:
            await journal_marks.begin(connection, "one")
            await journal_marks.note_setback(connection, "one", to, facts, False)
        assert await spared() == so
    monkeypatch.setattr(proved, "SPARED", timedelta())
    assert await spared() == 0


async def test_the_command_takes_nothing_after_a_restore_before_somebody_has_looked(
    archive: Archive, database_url: str, tmp_path: Path
) -> None:
    case, path = await archive.closed()
    async with archive.at.engine.begin() as connection:
        await connection.execute(update(cases).values(closed_at=func.now() - timedelta(days=9_000)))
        await proved.note_restore(connection, WEDNESDAY.isoformat())
    code, said = await ivr(database_url, tmp_path, "retention")
    assert code == 1 and "ivr verify --seen" in said and "nothing is erased" in said
    assert path.exists() and (await archive.at.row(case)).anonymised_at is None


async def test_a_file_that_is_yet_to_go_stays_as_long_as_its_case_is_held(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    code, path = await archive.closed()
    await taken_but_for_its_file(archive, path)
    await holds.hold(engine, at.ask(code, "desk", "دادگاه"))
    assert await archive.keep(101) == retention.Purged() and path.exists()
    assert await findings(engine, archive.folder) == []
    await holds.end(engine, at.ask(code, "desk", "رأی قطعی شد"))
    assert await archive.keep(101) == retention.Purged(files=1) and not path.exists()


async def test_of_many_files_those_stay_whose_case_is_held_while_the_first_ones_go(archive: Archive) -> None:
    at, engine = archive.at, archive.at.engine
    code, first = await archive.closed()
    await alike(engine, first.stem, 24)
    paths = [first, *(first.with_name(f"{first.stem}{n:02}.wav") for n in range(24))]
    for path in paths:
        path.touch()
    with asleep(first) as sleepers:
        keeping = asyncio.create_task(archive.keep(100))
        async with asyncio.timeout(patience(20)):
            while not sleepers:
                await asyncio.sleep(0.01)
        await holds.hold(engine, at.ask(code, "desk", "دادگاه"))
    gone = await keeping
    assert 0 < gone.files < len(paths) == gone.recordings
    assert sum(path.exists() for path in paths) == len(paths) - gone.files
    await holds.end(engine, at.ask(code, "desk", "رأی قطعی شد"))
    await archive.keep(100)
    assert not any(path.exists() for path in paths)


async def test_words_on_a_disk_that_is_not_mounted_are_called_erased_once_they_are(archive: Archive) -> None:
    link(archive.folder / "recordings", archive.folder / "disk")
    _, path = await archive.closed(disk="second/")
    aside = Aside()
    with unmounted(archive.folder / "disk"):
        assert await archive.keep(100, aside=aside) == retention.Purged(recordings=1)
        assert aside.counts[retention.FILES] == 1
    assert path.exists()
    assert await archive.keep(100, aside=aside) == retention.Purged(files=1) and not path.exists()


async def test_of_three_cases_one_that_the_books_refuse_to_change_keeps_no_other_nor_any_file(
    archive: Archive,
) -> None:
    topics = ("water.bill", "energy.gas", "water.supply")
    closed = [await archive.closed(topic=topic) for topic in topics]
    odd, aside = closed[1][0], Aside()
    last = await archive.at.put_behind(odd)
    assert await archive.keep(500, batch=2, aside=aside) == retention.Purged(2, 2, 0, 2)
    assert [path.exists() for _, path in closed] == [False, True, False]
    assert (await archive.at.row(odd)).caller == CALLER, "nothing of it is half gone"
    assert aside.counts == {"recordings_removed": 1, "anonymised": 1, retention.FILES: 0}
    await archive.at.mend(odd, last)
    assert await archive.keep(501, aside=aside) == retention.Purged(1, 1, 0, 1) and aside.troubles == []
    assert await findings(archive.at.engine, archive.folder) == []


async def test_a_case_whose_recordings_another_process_took_after_all_is_told_no_more(
    archive: Archive,
) -> None:
    odd, _ = await archive.closed()
    last, aside = await archive.at.put_behind(odd), Aside()
    await archive.keep(100, aside=aside)
    assert aside.counts["recordings_removed"] == 1
    await archive.at.mend(odd, last)
    assert (await archive.keep(100)).recordings == 1
    await archive.keep(101, aside=aside)
    assert aside.troubles == []


async def test_files_that_their_disk_does_not_let_go_keep_none_behind_them(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    closed = [await archive.closed(topic=topic) for topic in ("water.bill", "energy.gas", "water.supply")]
    *held, last = sorted(path for _, path in closed)
    for path in held:
        path.unlink()
        path.mkdir()  # can't be unlinked
    aside = Aside()
    assert await archive.keep(100, aside=aside) == retention.Purged(recordings=3, files=1)
    assert not last.exists() and aside.counts[retention.FILES] == 2
    for path in held:
        path.rmdir()
    assert (await archive.keep(100, aside=aside)).files == 2 and aside.troubles == []


async def test_of_a_disk_that_lets_nothing_go_the_log_names_a_few_and_counts_the_rest(
    archive: Archive, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FILES_TOLD", 1)
    closed = [await archive.closed(topic=topic) for topic in ("water.bill", "energy.gas", "water.supply")]
    for _, path in closed:
        path.unlink()
        path.mkdir()  # can't be unlinked
    aside = Aside()
    for _ in range(2):
        caplog.clear()
        assert (await archive.keep(100, aside=aside)).files == 0
        one, rest = [told.message for told in caplog.records if told.levelno == logging.ERROR]
        assert one.startswith(f"{retention.FILES}: ") and rest.startswith(f"{retention.FILES}: 2 more")
    assert aside.counts[retention.FILES] == 3


async def test_the_command_says_what_could_not_go_and_ends_with_1(
    archive: Archive, database_url: str, tmp_path: Path
) -> None:
    odd, _ = await archive.closed()
    last = await archive.at.put_behind(odd)
    long_ago = update(cases).values(closed_at=func.now() - timedelta(days=9_000))
    async with archive.at.engine.begin() as connection:
        await connection.execute(long_ago)
    code, said = await ivr(database_url, tmp_path, "retention")
    assert code == 1 and "recordings: 0, anonymised: 0" in said and "(anonymised: 1)" in said
    await archive.at.mend(odd, last)
    code, said = await ivr(database_url, tmp_path, "retention")
    assert code == 0 and "anonymised: 1" in said


async def test_the_command_takes_nothing_by_a_clock_that_is_not_the_database_s(
    archive: Archive, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, path = await archive.closed()
    async with archive.at.engine.begin() as connection:
        await connection.execute(update(cases).values(closed_at=func.now() - timedelta(days=9_000)))
    monkeypatch.setattr(time_of_day, "datetime", Ahead)
    code, said = await ivr(database_url, tmp_path, "retention")
    assert code == 1 and "ahead of the database's" in said and "retention" in said
    assert path.exists() and (await archive.at.row(case)).anonymised_at is None


async def test_what_the_dialplan_recorded_alone_without_a_word_goes_like_any_scrap(archive: Archive) -> None:
    """Its name has her number."""
    folders = [archive.folder / "fallback" / disk / "empty" for disk in ("", "second")]
    for folder, ago in product(folders, (0, 1)):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"1700000000_09141234567_{ago}_.wav"
        path.write_bytes(b"RIFF")
        os.utime(path, 2 * ((archive.at.at - timedelta(days=ago)).timestamp(),))
    day, recorded = archive.at.at + timedelta(days=89), archive.folder / "recordings"
    report = await retention.preview(archive.at.engine, KEPT, day, recorded)
    assert [row["cases"] for row in report if row["what"] == "scraps"] == [2]
    assert await archive.keep(89) == retention.Purged(files=2)
    assert [len([*folder.iterdir()]) for folder in folders] == [1, 1]
    assert await archive.keep(90) == retention.Purged(files=2)


async def test_what_was_made_of_a_recording_for_listening_goes_with_it(archive: Archive) -> None:
    code, path = await archive.closed()
    path.write_bytes(riff.wav(voice(120.0, seconds=1, loud=0.5)))
    other, kept = await archive.case(topic="water.bill")
    kept.write_bytes(riff.wav(voice(210.0, seconds=1, loud=0.5)))
    booth = Renditions(archive.folder / "recordings", Derived(archive.folder / "derived"))
    made: dict[str, list[IO[bytes]]] = {}
    for each in (code, other):
        async with archive.at.engine.connect() as connection:
            query = select(recordings).join(cases, cases.c.id == recordings.c.case_id)
            row = (await connection.execute(query.where(cases.c.code == each))).one()
        made[each] = [await booth.opened(row, form) for form in (Rendition.BLIND, Rendition.EVEN)]
        made[each].append(await booth.outline(row))
    there = {each: [Path(file.name) for file in files] for each, files in made.items()}
    assert all(path.is_file() for paths in there.values() for path in paths)
    assert (await archive.keep(100)).files == 1
    assert not any(path.exists() for path in there[code]) and all(path.exists() for path in there[other])
    for file in (*made[code], *made[other]):
        file.close()


# Another process makes a recording ready: it has read it, and goes on when it is told to.
LISTENER = """
import sys, uuid
from pathlib import Path
from ivr.store.derived import Derived
def make():
    content = Path(sys.argv[2]).read_bytes()
    print("reading", flush=True)
    sys.stdin.readline()
    return content
try:
    Derived(Path(sys.argv[1])).get(uuid.UUID(sys.argv[3]), "blind.wav", make)
    print("made")
except FileNotFoundError:
    print("gone")
"""


async def test_nothing_comes_back_from_a_process_that_was_in_the_middle_of_it(archive: Archive) -> None:
    _, path = await archive.closed()
    async with archive.at.engine.connect() as connection:
        id = (await connection.execute(select(recordings.c.id))).scalar_one()
    folder = archive.folder / "derived"
    listener = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LISTENER, str(folder), str(path), str(id), stdin=PIPE, stdout=PIPE
    )
    assert listener.stdout is not None
    async with asyncio.timeout(patience(30)):
        assert await listener.stdout.readline() == b"reading\n"
        assert (await archive.keep(100)).files == 1
        said, _ = await listener.communicate(b"\n")
    assert said == b"gone\n" and [each for each in folder.rglob("*") if each.is_file()] == []


async def test_who_hides_a_deletion_behind_retention_is_named(archive: Archive) -> None:
    code, path = await archive.closed()
    async with archive.at.engine.begin() as connection:
        await connection.execute(update(recordings).values(removed_at=func.now(), erased_at=func.now()))
    path.unlink()
    assert [each.kind for each in await findings(archive.at.engine, archive.folder)] == ["recording_hidden"]
    async with archive.at.engine.begin() as connection:
        await connection.execute(update(cases).values(caller="", caller_key="", anonymised_at=func.now()))
    kinds = {each.kind for each in await findings(archive.at.engine, archive.folder, code)}
    assert kinds == {"recording_hidden", "case_changed"}


async def test_what_left_long_ago_is_pruned_and_dead_letters_stay(archive: Archive) -> None:
    await archive.closed()
    engine, now = archive.at.engine, archive.at.at
    async with engine.begin() as connection:
        rows = (await connection.execute(select(outbox.c.id).order_by(outbox.c.id))).scalars().all()
        sent = update(outbox).where(outbox.c.id.in_(rows[1:])).values(delivered_at=now)
        await connection.execute(sent)
        await connection.execute(update(outbox).where(outbox.c.id == rows[0]).values(dead_at=now))
    assert await retention.prune(engine, now + timedelta(days=89)) == 0
    assert await retention.prune(engine, now + timedelta(days=90), batch=1) == len(rows) - 1
    async with engine.connect() as connection:
        assert (await connection.execute(select(outbox.c.id))).scalars().all() == rows[:1]


async def test_words_on_paper_go_with_the_name(engine: AsyncEngine, tmp_path: Path) -> None:
    at = await counter(engine)
    wanted = Wanted("complaint", "water.supply", "ahar", "من مریم هستم، آب نداریم", CALLER, "مریم")
    done = await register(engine, at.page, wanted, at.at)
    await closing.withdraw(engine, at.page, at.ask(done.code, "citizen"))
    await retention.keep(engine, KEPT, tmp_path, Derived(tmp_path / "derived"), at.at + timedelta(days=40))
    row = await at.row(done.code)
    assert (row.words, row.caller_name, row.draft) == ("", "", None)
    assert await findings(engine, tmp_path) == []


async def test_the_report_says_what_would_go_and_takes_nothing(
    archive: Archive, database_url: str, tmp_path: Path
) -> None:
    _, path = await archive.closed()
    held, _ = await archive.closed(topic="energy.gas")
    await holds.hold(archive.at.engine, archive.at.ask(held, "desk", "دادگاه"))
    report = await retention.preview(archive.at.engine, KEPT, archive.at.at + timedelta(days=100))
    (removal,) = [
        row for row in report if row["what"] == "recordings_removed" and not row["kind"] + row["status"]
    ]
    assert (removal["days"], removal["cases"], removal["held"]) == (100, 1, 1)
    assert sum(row["cases"] for row in report if row["what"] == "anonymised") == 0 and path.exists()
    ago = archive.at.at - timedelta(days=4_000)
    async with archive.at.engine.begin() as connection:
        await connection.execute(update(cases).values(closed_at=ago))
        await connection.execute(update(recordings).values(recorded_at=ago))
    exit_code, said = await ivr(database_url, tmp_path, "retention", "--dry-run", "--json")
    counted = {row["what"]: row["cases"] for row in json.loads(said) if not row["status"]}
    assert exit_code == 0 and counted["anonymised"] == counted["recordings_removed"] == 1 and path.exists()
    exit_code, said = await ivr(database_url, tmp_path, "retention", "--json")
    assert exit_code == 0 and json.loads(said)["anonymised"] == 1 and not path.exists()
    exit_code, said = await ivr(database_url, tmp_path, "hold", "list", "--json")
    assert [row["case"] for row in json.loads(said)] == [held]


def test_the_province_s_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "areas.yaml").touch()
    assert retention.load(SEED).rules and retention.load(tmp_path) == Retention()


@pytest.mark.parametrize("folder", ["gone", ""])
def test_a_province_s_folder_that_is_gone_or_whose_disk_is_away_says_not_that_it_has_no_rules(
    tmp_path: Path, folder: str
) -> None:
    with pytest.raises(SeedError, match=r"is not there, or empty$"):
        retention.load(tmp_path / folder)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules: [{status: opened, anonymise_after: 90}]", "is opened is not over"),
        ("rules: [{anonymise_after: 30}]", "greater than or equal to 31"),
        ("rules: [{kind: letter, anonymise_after: 90}]", "retention.yaml:1"),
        ("rules: [{anonymise_after: 90}, {delete_recording_after: 90}]", "the same kind and status"),
        ("rules: [{forget: 90}]", "forget"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / retention.FILE).write_text(text)
    with pytest.raises(SeedError, match=why):
        retention.load(tmp_path)


async def test_what_people_set_goes_before_the_file_until_they_take_it_back(engine: AsyncEngine) -> None:
    from ivr.desk.editing import terms
    from ivr.desk.editing.changing import change, wish
    from ivr.desk.editing.nouns import RETENTION
    from ivr.desk.editing.undoing import undo
    from ivr.desk.editing.values import WrongRow
    from tests.desk.editing.test_changing import why
    from tests.fixtures.database import SEED

    assert await terms.in_force(engine, SEED) == retention.load(SEED)
    [longer] = await change(engine, why(), wish(RETENTION, {"what": "cases", "delete_after": "۱۰۰۰"}))
    meetings = {"what": "cases", "kind": "meeting", "delete_after": "60", "anonymise_after": "90"}
    await change(engine, why(), wish(RETENTION, meetings))
    kept = await terms.in_force(engine, SEED)
    assert {(r.kind, r.delete_recording_after) for r in kept.rules} >= {(None, 1000), ("meeting", 60)}
    assert kept.scraps == retention.load(SEED).scraps
    for wrong in ({"delete_after": "30"}, {"what": "scraps", "kind": "meeting"}, {"status": "opened"}):
        with pytest.raises(WrongRow):
            await change(engine, why(), wish(RETENTION, {"what": "cases"} | wrong))
    assert longer.before is None
    await undo(engine, why(), longer.number)
    back = (await terms.in_force(engine, SEED)).rules
    assert Terms(delete_recording_after=1000) not in back
    assert len(back) == len(retention.load(SEED).rules) + 1, "the file's own rule holds again"
