"""A case's inbox entry: written with each event, in its transaction; made up for what older code wrote."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.search import sought
from ivr.desk.case import answers, entries, referring
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.case.registering import Wanted, register
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.reading import queues, searching
from ivr.desk.reading.inbox import Sight
from ivr.desk.reading.queues import Queue
from ivr.lab.pace import patience
from ivr.store.aside import Aside
from ivr.store.case_events import CHANNEL
from ivr.store.engine import plain_url
from ivr.store.tables import case_events, cases, inbox_entries, recordings
from tests.desk.counter import Counter, counter
from tests.desk.office import Office, call, office, opening, words

ALL = Sight("gov_inspection", lowest="officer")


async def found(at: Counter, typed: str, sight: Sight = ALL) -> list[str]:
    async with at.engine.connect() as connection:
        page = await searching.find(connection, sought(typed, "041"), sight, at.at)
    return [row.code for row in page.rows]


async def standing(at: Counter, queue: Queue, sight: Sight = ALL) -> list[str]:
    async with at.engine.connect() as connection:
        return [row.code for row in (await queues.page(connection, queue, sight, at.at)).rows]


async def entry(at: Counter, code: str) -> Any:
    query = (
        select(inbox_entries).join(cases, cases.c.id == inbox_entries.c.case_id).where(cases.c.code == code)
    )
    async with at.engine.connect() as connection:
        return (await connection.execute(query)).one()


async def in_writing(at: Counter, said: str) -> str:
    wanted = Wanted("complaint", "water.supply", "ahar", said, caller="09141234567")
    return (await register(at.engine, at.page, wanted, at.at)).code


async def test_a_letter_s_number_is_found_however_it_is_written(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code = await in_writing(at, "نامهٔ شمارهٔ ۱۴۰۳/۱۲۳۴۵ بی‌پاسخ مانده")
    whole = await in_writing(at, "نامهٔ ۱۴۰۴۵۶۷۸۹ بی‌پاسخ مانده")
    for typed in ("۱۴۰۳/۱۲۳۴۵", "1403/12345", "12345-1403", "نامه 1403/12345"):
        assert await found(at, typed) == [code], typed
    assert await found(at, "1404/56789") == [whole]
    assert {code, whole} <= {*await found(at, "0914 123 4567")}


async def test_a_number_that_was_given_for_the_answer_finds_its_case_as_the_caller_s_does(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    both = await in_writing(at, "آب نداریم")
    given = Wanted("complaint", "water.supply", "ahar", "گاز نداریم", callback="09141234567")
    withheld = (await register(at.engine, at.page, given, at.at)).code
    assert {*await found(at, "0914 123 4567")} == {both, withheld}
    assert await found(at, "09141234567", Sight("edu", "edu")) == []
    secrecy = Secrecy(told="شکایت از یک کارمند")
    await confide(engine, at.page, at.ask(withheld, "desk/sadr", "تهدید شده است"), secrecy)
    assert await found(at, "09141234567") == [both]


async def test_what_was_typed_answered_and_transcribed_is_found_at_once(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code = await in_writing(at, "لوله‌ی فاضلابِ کوچه ترکیده")
    assert await found(at, "لوله فاضلاب تركيده") == [code]  # an Arabic kaf
    await answers.give(engine, at.page, at.ask(code, "abfa"), "پیمانکار فرستاده شد")
    assert await found(at, "پیمانکار") == [code] and await found(at, "پیمانکار گاز") == []


async def test_an_agency_finds_a_case_from_when_it_comes_to_it_until_it_leaves(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code = await in_writing(at, "چراغ خیابان")
    water, power = Sight("abfa", "abfa"), Sight("bargh_tabriz", "bargh_tabriz")
    assert await found(at, "چراغ", water) == [code] and await found(at, "چراغ", power) == []
    await referring.refer(engine, at.page, at.ask(code), "bargh_tabriz")
    assert await found(at, "چراغ", water) == [] and await found(at, "چراغ", power) == [code]
    assert await standing(at, Queue.NEW, water) == [] and await standing(at, Queue.NEW, power) == [code]


async def test_silent_and_fallback_recordings_wait_for_an_ear_until_the_case_is_answered(
    engine: AsyncEngine, tmp_path: Any
) -> None:
    at = await counter(engine)
    async with office(engine, tmp_path) as desk:
        await _opened(desk, words(6.0, 4.0))
        silent = await _opened(desk, words(4.0, 0.1))
    assert await standing(at, Queue.FAINT) == [silent]
    row = await entry(at, silent)
    assert row.silent and not row.fallback and row.seconds == 4.0
    await answers.give(engine, at.page, at.ask(silent), "شنیده شد")
    assert await standing(at, Queue.FAINT) == []


async def _opened(desk: Office, *recorded: Any) -> str:
    """Another caller each time: the same one's words would join her case."""
    code = await desk.intake.open_case(call(f"0914{uuid.uuid4().int % 10**7:07}"), opening(*recorded))
    await desk.pump.idle()
    return code


async def test_cases_that_older_code_opened_and_changed_are_entered_once_by_several_at_once(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    codes = [await in_writing(at, f"درخواست شماره {number}") for number in range(7)]
    changed = await in_writing(at, "پل شکسته")
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM inbox_entries WHERE case_id IN "
                                      "(SELECT id FROM cases WHERE words LIKE '%شماره%')"))  # fmt: skip
        await connection.execute(update(cases).where(cases.c.code.in_(codes)).values(entered=None))
        newer = update(cases).where(cases.c.code == changed).values(words="سد شکسته")
        await _unrenewed(connection, (await connection.execute(newer.returning(cases.c.id))).scalar_one())
    assert await found(at, "درخواست") == [] and await found(at, "سد") == []
    done = await asyncio.gather(*(entries.catch_up(engine, batch=2) for _ in range(3)))
    assert sum(done) >= 8
    assert {*await found(at, "درخواست")} == {*codes} and await found(at, "سد") == [changed]
    assert await entries.catch_up(engine) == 0


async def _unrenewed(connection: AsyncConnection, case: uuid.UUID) -> None:
    """Its last event was by older code, which knows no entries."""
    its = update(inbox_entries).where(inbox_entries.c.case_id == case)
    await connection.execute(its.values(seq=inbox_entries.c.seq - 1))


async def test_a_climb_changes_nothing_in_an_entry_and_leaves_behind_only_what_was(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    codes = [await in_writing(at, f"درخواست شماره {number}") for number in range(3)]
    async with engine.begin() as connection:
        await _unrenewed(connection, (await at.row(codes[1])).id)
    at.later(60)
    assert await sweep(engine, at.page, at.at) == 3
    missing = [(await at.row(code)).last_seq - (await entry(at, code)).seq for code in codes]
    assert missing == [0, 2, 0]
    assert [await entries.catch_up(engine) for _ in range(2)] == [1, 0]


async def test_of_what_was_looked_through_before_only_newer_events_are_asked_about(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    earlier, later = await in_writing(at, "پل شکسته"), await in_writing(at, "سد شکسته")
    newest = await entries.newest_event(engine)
    async with engine.begin() as connection:
        for code in (earlier, later):
            await _unrenewed(connection, (await at.row(code)).id)
    assert await entries.catch_up(engine, above=newest) == 0
    assert await entries.catch_up(engine, above=newest - 1) == 1
    missing = [(await at.row(code)).last_seq - (await entry(at, code)).seq for code in (earlier, later)]
    assert missing == [1, 0]
    assert await entries.catch_up(engine) == 1


async def test_a_span_of_events_at_a_time_is_asked_about_as_far_back_as_two_days(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "SPAN", 2)
    at = await counter(engine)
    long_ago, *lately = [await in_writing(at, f"درخواست شماره {number}") for number in range(5)]
    async with engine.begin() as connection:
        for code in (long_ago, *lately):
            await _unrenewed(connection, (await at.row(code)).id)
        its = case_events.c.case_id == (await at.row(long_ago)).id
        older = text("noted_on - 2")
        await connection.execute(update(case_events).where(its).values(noted_on=older))
    assert await entries.catch_up(engine) == len(lately)
    missing = [(await at.row(code)).last_seq - (await entry(at, code)).seq for code in (long_ago, *lately)]
    assert missing == [1, 0, 0, 0, 0]


async def test_of_three_cases_one_of_which_no_entry_can_be_made_keeps_no_other_out_of_the_inbox(
    engine: AsyncEngine, tmp_path: Any
) -> None:
    at, aside = await counter(engine), Aside()
    async with office(engine, tmp_path) as desk:
        codes = [await _opened(desk, words()) for _ in range(3)]
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM inbox_entries"))
        await connection.execute(update(cases).values(entered=None))
        odd = recordings.c.case_id == (await at.row(codes[1])).id
        await connection.execute(
            update(recordings).where(odd).values(seconds=float("nan"))
        )  # no number in JSON
    assert await entries.catch_up(engine, at.at, batch=2, aside=aside) == 2
    assert [(await at.row(code)).entered for code in codes] == [True, None, True]
    assert aside.counts == {"inbox": 1}
    async with engine.begin() as connection:
        await connection.execute(update(recordings).where(odd).values(seconds=6.0))
    assert await entries.catch_up(engine, at.later(1), aside=aside) == 1 and aside.troubles == []


async def test_a_transcript_counts_from_the_event_that_brings_it(engine: AsyncEngine, tmp_path: Any) -> None:
    at = await counter(engine)
    async with office(engine, tmp_path) as desk:
        code = await _opened(desk, words())
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(transcript="کنتور خراب است"))
        await entries.refresh(connection, [(await entry(at, code)).case_id])
    assert await found(at, "کنتور") == [code]


async def test_whoever_listens_is_told_of_every_event_once_it_is_through(engine: AsyncEngine) -> None:
    at = await counter(engine)
    told: asyncio.Queue[str] = asyncio.Queue()
    listening: Any = await asyncpg.connect(  # type: ignore[no-untyped-call]
        plain_url(engine.url.render_as_string(hide_password=False))
    )
    await listening.add_listener(CHANNEL, lambda *notice: told.put_nowait(notice[-1]))
    code = await in_writing(at, "برق رفته")
    case = (await at.row(code)).id.hex
    assert await asyncio.wait_for(told.get(), patience(20)) == case
    await at.engine.dispose()
    await referring.accept(engine, at.page, at.ask(code, "abfa"))
    assert await asyncio.wait_for(told.get(), patience(20)) == case
    at.later(60)
    assert await sweep(engine, at.page, at.at) == 1
    assert await asyncio.wait_for(told.get(), patience(20)) == case
    assert await standing(at, Queue.ESCALATED) == await standing(at, Queue.OVERDUE) == [code]
    await listening.close()
