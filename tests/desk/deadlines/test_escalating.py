"""Cases whose time has come climb their ladder. 25 November 2026 is a Wednesday."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.escalation import Ladder, Ladders, Rung, as_json
from ivr.desk.case import closing, pausing, referring
from ivr.desk.case.rows import outbox_row
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.store.aside import Aside
from ivr.store.tables import cases, outbox, provinces
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.fixtures.province import answer

BILL = "water.bill"  # seven working days: due on Sunday, 6 December; the usual ladder


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def climbs(at: Counter, code: str) -> list[dict[str, Any]]:
    events = (await at.case(code))["events"]
    return [e["details"] for e in events if e["what"] in ("reminded", "escalated")]


async def notices(at: Counter, code: str) -> list[dict[str, Any]]:
    kinds = outbox.c.kind.in_(["case_reminded", "case_escalated"])
    query = select(outbox.c.payload).where(kinds).order_by(outbox.c.created_at)
    async with at.engine.connect() as connection:
        found = (await connection.execute(query)).scalars().all()
    return [payload for payload in found if payload["case"] == code]


async def proved(at: Counter) -> bool:
    return await prove(at.engine, at.page, at.at + GRACE) == []


async def test_a_case_that_nobody_answers_climbs_rung_by_rung_up_to_the_governor(at: Counter) -> None:
    code, levels = await at.open(BILL), []
    for _ in range(27):
        await sweep(at.engine, at.page, at.at)
        assert await proved(at)
        levels.append(str((await at.row(code)).level))
        at.later()
    # The deadline's day belongs to the agency: on the 7th the head has it, two working days later a deputy.
    assert [levels.index(level) for level in at.page.ladders.levels] == [0, 12, 14, 19]
    told = await climbs(at, code)
    assert [t["name"] for t in told] == ["reminder", "overdue", "deputy", "governor", "governor"]
    assert [t["rung"] for t in told] == [1, 2, 3, 4, 5]
    events = [e["what"] for e in (await at.case(code))["events"]][2:]
    assert events == ["reminded", *["escalated"] * 4], "what comes before the deadline is no escalation"
    assert not any("skipped" in t for t in told)
    sent = await notices(at, code)
    assert sent == [{"case": code} | t for t in told]
    assert sent[1]["agency"] == "abfa" and sent[1]["level"] == "head"


async def test_after_days_without_a_sweep_each_case_climbs_to_where_it_must_be_with_one_notice(
    at: Counter,
) -> None:
    codes = [await at.open(BILL) for _ in range(3)]
    at.later(60)
    assert not await proved(at)
    assert await sweep(at.engine, at.page, at.at) == 3
    assert await proved(at)
    assert await sweep(at.engine, at.page, at.at) == 0
    for code in codes:
        (told,), (notice,) = await climbs(at, code), await notices(at, code)
        assert told["level"] == notice["level"] == "governor"
        assert told["skipped"] == ["reminder", "overdue", "deputy"]


async def test_no_case_is_passed_over(at: Counter) -> None:
    """At the desk, paused until its time is over, returned, reopened and high up already: all climb."""
    unassigned, paused, returned, reopened = [await at.open(BILL, caller=f"0914000000{n}") for n in range(4)]
    async with at.engine.begin() as connection:
        away = update(cases).where(cases.c.code == unassigned).values(agency="gov_inspection")
        await connection.execute(away)
    await pausing.pause(at.engine, at.page, at.ask(paused, "abfa", "x"), 10)
    await referring.give_back(at.engine, at.page, at.ask(returned, "abfa", "x"))
    await answer(at.engine, reopened, "abfa", "x", at.at)
    await closing.reopen(at.engine, at.page, at.ask(reopened, "citizen"))
    assert (await at.row(reopened)).level == "head"
    at.later(11)
    assert await sweep(at.engine, at.page, at.at) == 2, "not the paused one, nor the one at the head's"
    at.later(3)
    await sweep(at.engine, at.page, at.at)
    assert [(await at.row(code)).level for code in (unassigned, paused, returned, reopened)] == [
        "deputy_governor",
        "officer",
        "deputy_governor",
        "deputy_governor",
    ]
    at.later(40)
    assert await sweep(at.engine, at.page, at.at) == 4
    assert {(await at.row(code)).level for code in (unassigned, paused, returned, reopened)} == {"governor"}


async def test_an_answer_stops_the_ladder_and_a_new_agency_does_not_begin_it_anew(at: Counter) -> None:
    code = await at.open(BILL)
    await sweep(at.engine, at.page, at.later(13))
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    row = await at.row(code)
    assert (row.rung, row.level, str(row.next_rung_at.date())) == (2, "head", "2026-12-08")
    await answer(at.engine, code, "edu", "x", at.at)
    assert await sweep(at.engine, at.page, at.later(90)) == 0
    assert (await at.row(code)).next_rung_at is None


async def climbs_at_the_top_by_its_new_deadline(at: Counter, code: str) -> None:
    row = await at.row(code)
    assert (row.level, at.page.calendar.working_days(row.due_at, row.next_rung_at, "ahar")) == ("governor", 5)
    at.at = row.next_rung_at
    assert await proved(at) and await sweep(at.engine, at.page, at.later()) == 1 and await proved(at)


@pytest.mark.parametrize("is_withdrawn", [False, True])
async def test_opened_again_at_the_top_it_climbs_there_again_by_its_new_deadline(
    at: Counter, tmp_path: Path, is_withdrawn: bool
) -> None:
    code = await at.open(BILL)
    await sweep(at.engine, at.page, at.later(60))
    assert (await at.row(code)).rung > 5, "the last rung came again and again"
    if is_withdrawn:
        await closing.withdraw(at.engine, at.page, at.ask(code, "citizen"))
    else:
        await answer(at.engine, code, "abfa", "x", at.at)
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    await climbs_at_the_top_by_its_new_deadline(at, code)
    told = (await climbs(at, code))[-1]
    assert (told["rung"], told["name"]) == (4, "governor") and "skipped" not in told
    assert await findings(at.engine, tmp_path) == []


async def test_not_solved_that_lifts_to_the_top_climbs_there_by_its_new_deadline(at: Counter) -> None:
    code = await at.open(BILL)
    await sweep(at.engine, at.page, at.later(15))
    assert (await at.row(code)).level == "deputy_governor"
    await answer(at.engine, code, "abfa", "x", at.at)
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    await climbs_at_the_top_by_its_new_deadline(at, code)


@pytest.mark.parametrize("ladder", ["usual", "one rung"])
async def test_what_it_is_merged_into_climbs_by_that_deadline_too(at: Counter, ladder: str) -> None:
    if ladder == "one rung":
        ladders = Ladders(("officer", "head"), Ladder((Rung("overdue", "head", 0),)))
        async with at.engine.begin() as connection:
            await connection.execute(update(provinces).values(escalation=as_json(ladders)))
        await at.reread()
    old = await at.open(BILL)
    await sweep(at.engine, at.page, at.later(15))
    await answer(at.engine, old, "abfa", "x", at.at)
    await closing.reopen(at.engine, at.page, at.ask(old, "citizen"))
    young, before = await at.open(BILL), await at.row(old)
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), young)
    row = await at.row(young)
    assert (row.level, row.rung, row.next_rung_at) == (before.level, before.rung, before.next_rung_at)
    at.at = row.next_rung_at
    assert await sweep(at.engine, at.page, at.later()) == 1 and await proved(at)


async def test_a_ladder_of_one_rung_that_does_not_repeat_is_climbed_again_by_a_new_deadline(
    at: Counter,
) -> None:
    ladders = Ladders(("officer", "head"), Ladder((Rung("overdue", "head", 0),)))
    async with at.engine.begin() as connection:
        await connection.execute(update(provinces).values(escalation=as_json(ladders)))
    await at.reread()
    climbed = await at.open(BILL)
    assert await sweep(at.engine, at.page, at.later(30)) == 1
    assert (await at.row(climbed)).next_rung_at is None
    codes = [climbed, await at.open(BILL, caller="09142222222")]
    for code in codes:
        await answer(at.engine, code, "abfa", "x", at.at)
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
        assert (await at.row(code)).level == "head"
    at.later(30)
    assert not await proved(at)
    assert await sweep(at.engine, at.page, at.at) == 2 and await proved(at)


async def test_several_workers_share_the_work_and_nobody_climbs_twice(at: Counter, tmp_path: Path) -> None:
    codes = [await at.open(BILL) for _ in range(40)]
    at.later(13)
    done = await asyncio.gather(*(sweep(at.engine, at.page, at.at, batch=3) for _ in range(4)))
    assert sum(done) == 40
    assert [len(await climbs(at, code)) for code in codes] == [1] * 40
    assert await proved(at)
    assert await findings(at.engine, tmp_path) == [], "the chains of events hold"


async def test_a_sweep_that_dies_between_any_two_statements_is_made_good_by_the_next(at: Counter) -> None:
    codes = [await at.open(BILL) for _ in range(6)]
    at.later(13)
    for fatal in range(1, 12):
        seen = 0

        def die(*_: Any, fatal: int = fatal) -> None:
            nonlocal seen
            seen += 1
            if seen == fatal:
                raise ConnectionResetError

        event.listen(at.engine.sync_engine, "before_cursor_execute", die)
        try:
            await sweep(at.engine, at.page, at.at, batch=2)
        except ConnectionResetError:
            pass
        finally:
            event.remove(at.engine.sync_engine, "before_cursor_execute", die)
        for code in codes:
            told, rung = await climbs(at, code), (await at.row(code)).rung
            assert [t["rung"] for t in told] == [2] * (rung // 2)
            assert len(await notices(at, code)) == len(told)
    await sweep(at.engine, at.page, at.at)
    assert [len(await climbs(at, code)) for code in codes] == [1] * 6


async def test_an_answer_at_the_same_moment_leaves_no_half_of_either(at: Counter) -> None:
    codes = [await at.open(BILL) for _ in range(12)]
    at.later(13)
    giving = (answer(at.engine, code, "abfa", "x", at.at) for code in codes)
    await asyncio.gather(sweep(at.engine, at.page, at.at, batch=2), *giving)
    for code in codes:
        case = await at.case(code)
        assert (case["status"], case["next_rung_at"]) == ("answered", None)
        assert [e["seq"] for e in case["events"]] == list(range(1, len(case["events"]) + 1))
    assert await sweep(at.engine, at.page, at.later(99)) == 0


async def test_a_case_that_can_t_be_timed_does_not_keep_the_others_waiting(
    at: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    odd, good = await at.open("water.supply"), await at.open(BILL)
    known = {topic: days for topic, days in at.page.deadlines.items() if topic != "water.supply"}
    object.__setattr__(at.page, "deadlines", known)
    assert await sweep(at.engine, at.page, at.later(13), batch=1) == 1
    assert len(await climbs(at, good)) == 1 and await climbs(at, odd) == []
    assert f"case {odd} can't climb" in caplog.text
    await at.reread()
    assert not await proved(at), "the watchdog sees it"
    at.at += timedelta(hours=2)
    assert await sweep(at.engine, at.page, at.at) == 1


async def test_a_message_left_over_under_a_climb_s_key_hinders_no_climb(at: Counter) -> None:
    codes = [await at.open(BILL) for _ in range(3)]
    odd = await at.row(codes[1])
    cause = uuid.uuid5(odd.id, f"escalated:{odd.last_seq + 1}")
    left = outbox_row(f"case_escalated:{cause}", "case_escalated", at.at, {"case": "left over"})
    async with at.engine.begin() as connection:
        await connection.execute(outbox.insert(), [left])
    assert await sweep(at.engine, at.page, at.later(60)) == 3
    assert await proved(at) and [len(await notices(at, code)) for code in codes] == [1, 0, 1]


async def test_a_case_that_the_books_refuse_waits_with_its_reason_and_alone(
    at: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    codes = [await at.open(BILL) for _ in range(3)]
    last, aside = await at.put_behind(codes[1]), Aside()
    assert await sweep(at.engine, at.page, at.later(60), batch=2, aside=aside) == 2
    assert [len(await climbs(at, code)) for code in codes] == [1, 0, 1]
    assert f"{(await at.row(codes[1])).id} can't be worked on and is put aside: Integrity" in caplog.text
    assert aside.counts == {"escalation": 1}
    assert not await proved(at), "the watchdog, and so the doctor, names it"
    await at.mend(codes[1], last)
    assert await sweep(at.engine, at.page, at.at, aside=aside) == 0, "not again before an hour is over"
    at.at += timedelta(hours=2)
    assert await sweep(at.engine, at.page, at.at, aside=aside) == 1 and await proved(at)
    assert not aside.troubles
