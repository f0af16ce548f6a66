"""Call-backs in the books: who may be rung, how often, and what comes of it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome, Policy
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.call import callback_list, callbacks
from ivr.desk.call.callbacks import Placing
from ivr.desk.case import answers, callback_planning, closing
from ivr.desk.case.change import Instruction
from ivr.desk.case.transaction import locked
from ivr.desk.facts.apply import apply
from ivr.desk.keeping import retention
from ivr.desk.keeping.retention import Retention, Terms
from ivr.desk.reading import as_json, queues
from ivr.desk.reading.inbox import Sight
from ivr.desk.reading.queues import Queue
from ivr.desk.refusals import Refused
from ivr.loops.dialling import Trunk, dial_string
from ivr.store import tables
from ivr.store.callbacks import PUT_ASIDE
from ivr.store.derived import Derived
from ivr.store.facts import CallEndedFact, CallStartedFact, FactCall, RatingFact, VerdictFact
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.database import until_blocked
from tests.fixtures.plans import plan_of
from tests.fixtures.province import answer, read_page

NUMBER = "09141234567"
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=ZoneInfo("Asia/Tehran"))  # a Wednesday
SATURDAY = NOON + timedelta(days=3)


async def page(engine: AsyncEngine) -> Page:
    async with engine.connect() as connection:
        return await read_page(connection)


async def opened(engine: AsyncEngine, folder: Path, number: str = NUMBER, **chosen: Any) -> str:
    """A case from a call that is over; its code."""
    async with office(engine, folder / uuid.uuid4().hex) as desk:
        hers = call(number)
        code = await desk.intake.open_case(hers, opening(**chosen))
        await desk.intake.call_ended(hers, "completed", WEDNESDAY, ())
        await desk.journal.flush()  # nobody waits for the end of a call
        await desk.pump.idle()
    return code


async def answered(engine: AsyncEngine, folder: Path, number: str = NUMBER, **chosen: Any) -> str:
    """A case with its answer; its code."""
    code = await opened(engine, folder, number, **chosen)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    return code


async def claim(engine: AsyncEngine, now: datetime = NOON, **policy: Any) -> Placing | None:
    return await callbacks.claim(engine, await page(engine), Policy(**policy), now)


async def end(engine: AsyncEngine, placing: Placing | None, outcome: Outcome, now: datetime) -> None:
    assert placing is not None
    async with engine.begin() as connection:
        await callbacks.ended(connection, placing.id, outcome, now)


async def rung_in_vain(engine: AsyncEngine) -> None:
    """As often as she may be, and given up."""
    now = NOON
    for _ in range(5):
        while (placing := await claim(engine, now)) is None:
            now += timedelta(hours=1)
        await end(engine, placing, Outcome.NO_ANSWER, now)
    assert await claim(engine, now + timedelta(days=9)) is None


async def row(engine: AsyncEngine, code: str = "") -> Any:
    """The call-back about that case, or the only one."""
    query = select(tables.callbacks).join(tables.cases, tables.cases.c.id == tables.callbacks.c.case_id)
    async with engine.connect() as connection:
        found = await connection.execute(query.where(tables.cases.c.code == code) if code else query)
        return found.one()


async def test_an_answer_is_told_once_however_many_workers_look(engine: AsyncEngine, tmp_path: Path) -> None:
    code = await answered(engine, tmp_path)
    placed = [each for each in await asyncio.gather(*(claim(engine) for _ in range(8))) if each]
    assert [(each.number, each.code) for each in placed] == [("+989141234567", code)]
    assert await claim(engine, NOON + timedelta(days=1)) is None  # until it is known how that ended
    told = await callbacks.briefing(engine, str(placed[0].id))
    assert told is not None and (told.code, told.seen.answer, told.language) == (code, "آب وصل شد.", "fa")
    assert await callbacks.briefing(engine, str(uuid.uuid4())) is None
    assert await callbacks.briefing(engine, "'; --") is None


async def test_a_second_answer_replaces_the_call_about_the_first(engine: AsyncEngine, tmp_path: Path) -> None:
    code = await answered(engine, tmp_path)
    await answer(engine, code, "abfa", "پاسخ دوم", NOON)
    async with engine.connect() as connection:
        states = (await connection.execute(select(tables.callbacks.c.state))).scalars().all()
    assert sorted(states) == ["cancelled", "waiting"]


async def test_who_hears_one_answer_as_another_is_given_is_called_with_that_alone_and_it_is_not_over(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, later, book = await answered(engine, tmp_path), NOON + timedelta(minutes=1), await page(engine)
    first = await claim(engine)
    await answer(engine, code, "abfa", "پاسخ دوم", later)
    await apply(engine, book, [verdict_on(code, True), RatingFact(uuid.uuid4(), NOON, code, CALL, 2)])
    await end(engine, first, Outcome.SOLVED, later)
    await put_down(engine, CALL, later)
    case = await as_json.case_json(engine, code)
    assert case is not None and (case["status"], case["events"][-1]["what"]) == ("answered", "verdict_noted")
    second = await claim(engine, later)
    assert second is not None and second.answer == "پاسخ دوم"
    told = await callbacks.briefing(engine, str(second.id))
    assert told is not None and not told.seen.rated, "of the one that she hears now she is asked"


@pytest.mark.parametrize("calls_herself", [False, True])
async def test_that_the_first_answer_has_not_solved_it_opens_no_case_over_a_second_that_we_call_her_with(
    engine: AsyncEngine, tmp_path: Path, calls_herself: bool
) -> None:
    """In a call of her own she may have heard the second one, and is taken at her word."""
    code, later, book = await answered(engine, tmp_path), NOON + timedelta(minutes=1), await page(engine)
    first = await claim(engine)  # she calls herself while somebody else is on the line with ours
    await answer(engine, code, "abfa", "پاسخ دوم", later)
    await apply(engine, book, [verdict_on(code, False, None if calls_herself else first)])
    await end(engine, first, Outcome.NO_KEY if calls_herself else Outcome.NOT_SOLVED, later)
    await put_down(engine, CALL, later)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == ("reopened" if calls_herself else "answered")
    second = await claim(engine, later)
    assert (second is None) if calls_herself else (second and second.answer == "پاسخ دوم")


async def test_who_said_no_to_the_first_answer_and_is_not_reached_with_the_second_is_the_desk_s_to_tell(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, first = await answered(engine, tmp_path), await claim(engine)
    await answer(engine, code, "abfa", "پاسخ دوم", NOON + timedelta(minutes=1))
    await apply(engine, await page(engine), [verdict_on(code, False, first)])
    await end(engine, first, Outcome.NOT_SOLVED, NOON + timedelta(minutes=2))
    await rung_in_vain(engine)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered" and await untold(engine) == [code]


async def test_that_it_is_solved_takes_no_such_no_back_where_nothing_proves_who_says_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, first = await answered(engine, tmp_path), await claim(engine)
    await answer(engine, code, "abfa", "پاسخ دوم", NOON + timedelta(minutes=1))
    by_anybody = replace(verdict_on(code, True), proven=False)
    await apply(engine, await page(engine), [verdict_on(code, False, first), by_anybody])
    await end(engine, first, Outcome.NOT_SOLVED, NOON + timedelta(minutes=2))
    await rung_in_vain(engine)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered" and await untold(engine) == [code]


async def as_an_older_release_noted_it(engine: AsyncEngine) -> None:
    """It did not tell of which answer her word was."""
    its = tables.case_events
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        noted = update(its).where(its.c.event == "verdict_noted")
        await connection.execute(noted.values(details=its.c.details.op("-")("earlier")))


async def test_so_it_is_where_an_older_release_has_noted_that_she_said_no(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, first = await answered(engine, tmp_path), await claim(engine)
    await answer(engine, code, "abfa", "پاسخ دوم", NOON + timedelta(minutes=1))
    said = replace(verdict_on(code, False, first), at=NOON + timedelta(minutes=2))
    await apply(engine, await page(engine), [said])
    await end(engine, first, Outcome.NOT_SOLVED, said.at)
    await as_an_older_release_noted_it(engine)
    await rung_in_vain(engine)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered" and await untold(engine) == [code]


async def test_who_said_no_once_the_desk_had_opened_her_case_again_and_is_not_reached_is_unconfirmed(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, book = await answered(engine, tmp_path), await page(engine)
    await closing.reopen(engine, book, Instruction(code, Actor("desk", Side.DESK), "گفتگو شد", NOON))
    await apply(engine, book, [verdict_on(code, False)])
    await answer(engine, code, "abfa", "پاسخ دوم", NOON + timedelta(minutes=1))
    await rung_in_vain(engine)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "closed"
    assert case["events"][-1]["details"]["closure"] == "unconfirmed"


async def test_who_was_rung_in_vain_about_the_first_answer_is_rung_once_about_the_second(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, later = await answered(engine, tmp_path), NOON + timedelta(minutes=1)
    first = await claim(engine)
    await answer(engine, code, "abfa", "پاسخ دوم", later)
    await end(engine, first, Outcome.NO_ANSWER, later)
    await end(engine, await claim(engine, later), Outcome.NO_ANSWER, later)
    assert await claim(engine, SATURDAY) is not None
    its = tables.callbacks.c
    async with engine.connect() as connection:
        found = await connection.execute(select(its.state, its.attempts).order_by(its.created_at))
        assert [tuple(each) for each in found] == [("cancelled", 1), ("calling", 2)]


@pytest.mark.parametrize("number", ["", "+442079460123", "112", "909012345678", "0098"])
async def test_who_can_not_be_called_is_not(engine: AsyncEngine, tmp_path: Path, number: str) -> None:
    await answered(engine, tmp_path, number)
    assert (await row(engine)).state == "unreachable"
    assert await claim(engine) is None


async def test_a_number_changed_behind_our_back_is_checked_before_it_is_rung(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).values(number="+4420794601234"))
    assert await claim(engine) is None and (await row(engine)).state == "unreachable"


NEWS = {"starts_at": SATURDAY.isoformat(), "again_on": "2026-12-28"}  # of no slot that could be another's


@pytest.mark.parametrize(
    ("purpose", "odd"),
    [
        ("a_purpose_of_tomorrow", {}),
        ("meeting", {"notice": None}),
        ("meeting", {"notice": ["invited"]}),
        ("meeting", {"notice": NEWS | {"what": "a_kind_of_tomorrow"}}),
        ("meeting", {"notice": NEWS | {"what": "off"}}),
        ("meeting", {"notice": NEWS | {"what": "invited", "official": "king"}}),
        ("order", {"notice": {"words": ""}}),
        ("lottery", {"notice": {"line": "PJSIP/201-1"}}),
        (
            "status",
            {"last_outcome": "an_outcome_of_tomorrow", "attempts": 1, "first_at": NOON, "last_at": NOON},
        ),
    ],
)
async def test_a_row_that_this_release_can_t_work_on_is_put_aside_with_its_reason_and_hinders_no_other(
    engine: AsyncEngine, tmp_path: Path, purpose: str, odd: dict[str, Any]
) -> None:
    bad, good = [await answered(engine, tmp_path, number) for number in (NUMBER, "09141234568")]
    values = {"purpose": purpose, "next_at": NOON - timedelta(days=1)} | odd
    is_it = tables.callbacks.c.id == (await row(engine, bad)).id
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).where(is_it).values(values))
        if purpose == "order":  # she is asked about it until all bodies have reported
            its = update(tables.cases).where(tables.cases.c.code == bad)
            await connection.execute(its.values(status="in_progress"))
    now = NOON + timedelta(hours=4)
    assert (placed := await claim(engine, now)) is not None and placed.code == good
    [told] = await callback_list.listed(engine, "unreachable")
    assert (told["case"], told["tries"]) == (bad, odd.get("attempts", 0)) and told["put_aside"]
    assert await callback_list.put_aside(engine) == 1
    await callbacks.try_anew(engine)
    over = purpose == "lottery"  # nobody holds that line any more
    assert (await row(engine, bad)).state == ("cancelled" if over else "waiting")
    assert await claim(engine, now) is None and await callback_list.put_aside(engine) == (not over)


async def test_what_the_next_release_can_read_is_told_then(engine: AsyncEngine, tmp_path: Path) -> None:
    code = await answered(engine, tmp_path)
    its = tables.callbacks.c.id == (await row(engine)).id
    for purpose in ("a_purpose_of_tomorrow", "answer"):
        async with engine.begin() as connection:
            await connection.execute(update(tables.callbacks).where(its).values(purpose=purpose))
        await callbacks.try_anew(engine)
        placed = await claim(engine)
    assert placed is not None and placed.code == code


async def test_an_answer_that_can_t_be_worked_on_is_the_desk_s_to_tell(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    async with engine.begin() as connection:
        tried = {"last_outcome": "an_outcome_of_tomorrow", "first_at": NOON, "last_at": NOON}
        await connection.execute(update(tables.callbacks).values(tried))
    assert await claim(engine, NOON + timedelta(hours=4)) is None
    assert await callback_list.unreachable(engine) == 1
    assert await untold(engine) == [code]


async def test_a_calendar_without_a_day_puts_nobody_aside(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = await answered(engine, tmp_path)
    others = [await answered(engine, tmp_path, f"0914123450{n}") for n in range(3)]
    full = await page(engine)
    never = {"": {NOON.date() + timedelta(days=day): False for day in range(100)}}
    shut = replace(full, calendar=replace(full.calendar, overrides=never))
    assert await callbacks.claim(engine, shut, Policy(), NOON) is None
    for each in (code, *others):
        waits = await row(engine, each)
        assert (waits.state, waits.next_at - NOON) == ("waiting", timedelta(hours=1))
    assert caplog.text.count("there is no day to call on") == 1, "the calendar's fault is told once a look"
    placed = [await claim(engine, NOON + timedelta(hours=1)) for _ in (code, *others)]
    assert {each.code for each in placed if each} == {code, *others}


@pytest.mark.parametrize("number", ["+442079460123", "+98112", "", "0914;Dial", "+98914123456789"])
def test_the_dial_string_is_made_for_iranian_subscribers_only(number: str) -> None:
    with pytest.raises(ValueError, match="no number that may be called"):
        dial_string(Trunk("PJSIP/{number}@trunk", "111"), number)


def test_the_dial_string_has_the_number_as_the_trunk_wants_it() -> None:
    assert dial_string(Trunk("PJSIP/{number}@trunk", "111"), "+989141234567") == "PJSIP/09141234567@trunk"
    abroad = Trunk("PJSIP/{number}@trunk", "111", international=True)
    assert dial_string(abroad, "09141234567") == "PJSIP/+989141234567@trunk"


async def test_one_number_is_rung_so_often_a_day_and_not_about_two_things_at_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    for _ in range(4):
        await answered(engine, tmp_path)
    first = await claim(engine)
    assert await claim(engine) is None  # her telephone is ringing
    await end(engine, first, Outcome.SOLVED, NOON)
    await end(engine, await claim(engine, NOON + timedelta(hours=1)), Outcome.NO_ANSWER, NOON)
    assert await claim(engine, NOON + timedelta(hours=7)) is None
    assert await claim(engine, SATURDAY) is not None


ORDERED = {"order": "111111", "agency": "abfa", "words": "آب وصل شود", "due_on": "2026-11-25"}
OFF = {"what": "off", "was_at": SATURDAY.isoformat(), "again_on": "2026-12-28"}


async def begun(engine: AsyncEngine, number: str, at: datetime = NOON) -> FactCall:
    """A call of her own, which goes on."""
    hers = replace(CALL, id=uuid.uuid4(), unique_id=f"1700.{uuid.uuid4().hex}", caller=number, started_at=at)
    await apply(engine, await page(engine), [CallStartedFact(hers)])
    return hers


async def put_down(engine: AsyncEngine, hers: FactCall, at: datetime) -> None:
    await apply(engine, await page(engine), [CallEndedFact(hers, "completed", at, steps=(), scraps=())])


@pytest.mark.parametrize(
    ("purpose", "notice"),
    [("answer", None), ("status", None), ("meeting", OFF), ("order", ORDERED)],
)
async def test_who_is_on_the_line_with_us_is_rung_about_nothing_until_she_has_put_down(
    engine: AsyncEngine, tmp_path: Path, purpose: str, notice: dict[str, Any] | None
) -> None:
    """Her line is busy: she would be tried in vain, and no more that day. Others are rung meanwhile."""
    code, other = await answered(engine, tmp_path), await answered(engine, tmp_path, "09141234568")
    this = tables.callbacks.c.id == (await row(engine, code)).id
    async with engine.begin() as connection:
        values = {"purpose": purpose, "notice": notice}
        await connection.execute(update(tables.callbacks).where(this).values(values))
        if purpose == "order":
            its = update(tables.cases).where(tables.cases.c.code == code)
            await connection.execute(its.values(status="in_progress"))
    first, now = await begun(engine, NUMBER), NOON
    placed = await claim(engine)
    assert placed is not None and placed.code == other
    for _ in range(2):  # she dials once more before she was rung
        assert await claim(engine, now) is None
        waits = await row(engine, code)
        assert (waits.state, waits.attempts, waits.next_at) == ("waiting", 0, now + callbacks.THANKS)
        second = await begun(engine, NUMBER, now)
        await put_down(engine, first, now)
        first, now = second, now + callbacks.THANKS
    assert await claim(engine, now) is None
    await put_down(engine, first, now)
    rung = await claim(engine, now + callbacks.THANKS)
    assert rung is not None and rung.code == code, "as soon as it is seen that she has put down"


async def test_who_waits_for_a_call_to_end_is_counted_with_how_long_that_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A faked number and a call without an end keep her waiting, too: somebody has to see it."""
    for number in (NUMBER, NUMBER, "09141234568"):
        await answered(engine, tmp_path, number)
    assert await callback_list.behind_calls(engine, NOON) == (0, 0.0)
    first = await begun(engine, NUMBER, NOON - timedelta(minutes=5))
    second = await begun(engine, NUMBER)
    await begun(engine, "")
    await begun(engine, NUMBER, NOON - callbacks.LONGEST_TALK)
    assert await callback_list.behind_calls(engine, NOON) == (2, 300.0)
    assert await claim(engine) is not None and await claim(engine) is None, "the other number"
    assert await callback_list.behind_calls(engine, NOON) == (2, 300.0), "though they are put off"
    await put_down(engine, first, NOON)
    assert await callback_list.behind_calls(engine, NOON) == (2, 0.0)
    await put_down(engine, second, NOON)
    assert await callback_list.behind_calls(engine, NOON) == (0, 0.0)


@pytest.mark.parametrize("minutes", [0, -30])
async def test_whose_call_has_no_end_in_the_books_is_rung_once_none_can_last_so_long(
    engine: AsyncEngine, tmp_path: Path, minutes: int
) -> None:
    code, since = await answered(engine, tmp_path), NOON + timedelta(minutes=minutes)
    await begun(engine, NUMBER, since)
    over = since + callbacks.LONGEST_TALK
    assert await claim(engine, over - callbacks.THANKS) is None
    rung = await claim(engine, over)
    assert rung is not None and rung.code == code


async def test_whose_call_began_by_a_wrong_clock_and_has_no_end_in_the_books_is_rung(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    await begun(engine, NUMBER, NOON + timedelta(days=90))
    rung = await claim(engine)
    assert rung is not None and rung.code == code


async def test_who_withholds_her_number_is_nobody_on_the_line_whom_others_wait_for(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    for withheld in ("", "anonymous"):
        await begun(engine, withheld)
    rung = await claim(engine)
    assert rung is not None and rung.code == code


async def test_who_is_never_reached_is_closed_as_unconfirmed(engine: AsyncEngine, tmp_path: Path) -> None:
    code, now = await answered(engine, tmp_path), NOON
    for _ in range(5):
        while (placing := await claim(engine, now)) is None:
            now += timedelta(hours=1)
        await end(engine, placing, Outcome.NO_ANSWER, now)
    assert now - NOON > timedelta(days=4)
    while (await row(engine)).state == "waiting":
        now += timedelta(hours=1)
        assert await claim(engine, now) is None
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "closed" and (await row(engine)).state == "unconfirmed"
    last = case["events"][-1]
    assert (last["actor"], last["details"]["closure"]) == ("ivr", "unconfirmed")
    assert "not reached in 5 attempts" in last["details"]["reason"]


async def test_who_is_answered_anew_as_she_is_given_up_is_called_with_that_and_it_is_not_over(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, book, now = await answered(engine, tmp_path), await page(engine), NOON
    for _ in range(5):
        while (placing := await claim(engine, now)) is None:
            now += timedelta(hours=1)
        await end(engine, placing, Outcome.NO_ANSWER, now)

    async def look(now: datetime) -> None:
        while (await row(engine)).state == "waiting":
            now += timedelta(hours=1)
            assert await claim(engine, now) is None

    async with engine.begin() as answering:
        await locked(answering, code)
        looking = asyncio.create_task(look(now))
        await until_blocked(engine)
        ask = Instruction(code, Actor("abfa", Side.AGENCY, "abfa"), now=now)
        await answers.give(answering, book, ask, "پاسخ دوم")
        await answering.execute(delete(tables.callbacks).where(tables.callbacks.c.state == "waiting"))
    await looking
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered" and (await row(engine)).state == "cancelled"


async def test_a_dead_trunk_closes_no_case(engine: AsyncEngine, tmp_path: Path) -> None:
    code, now = await answered(engine, tmp_path), NOON
    while (await row(engine)).state != "unreachable":
        if placing := await claim(engine, now):
            await end(engine, placing, Outcome.FAILED, now)
        now += timedelta(hours=3)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered"


async def test_what_was_surely_not_sent_is_no_attempt(engine: AsyncEngine, tmp_path: Path) -> None:
    await answered(engine, tmp_path)
    await end(engine, await claim(engine), Outcome.NOT_SENT, NOON)
    assert (await row(engine)).attempts == 0
    assert await claim(engine, NOON + timedelta(minutes=11)) is not None


async def test_an_attempt_that_nobody_speaks_of_has_been_made_until_the_call_itself_says_better(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    placing = await claim(engine)
    assert placing is not None and await callbacks.open_attempts(engine, NOON, NOON) == {}
    assert await callbacks.open_attempts(engine, SATURDAY, SATURDAY) == {placing.id: False}
    await callbacks.lose(engine, [placing.id], NOON)
    assert ((await row(engine)).last_outcome, await claim(engine)) == ("unknown", None)
    await end(engine, placing, Outcome.NO_KEY, NOON)  # the journal of a server that was away
    await callbacks.lose(engine, [placing.id], NOON)
    assert (await row(engine)).last_outcome == "no_key"
    again = await claim(engine, NOON + timedelta(hours=4))
    await end(engine, placing, Outcome.BUSY, NOON)
    assert again is not None and (await row(engine)).state == "calling"


async def test_an_attempt_whose_call_goes_on_in_the_books_waits_for_its_end(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Another site's Asterisk may hold it, or its end waits in a journal."""
    await answered(engine, tmp_path)
    placing = await claim(engine)
    assert placing is not None
    talk, book = replace(CALL, id=uuid.uuid4(), unique_id=str(placing.id)), await page(engine)
    await apply(engine, book, [CallStartedFact(talk)])
    assert await callbacks.open_attempts(engine, SATURDAY, SATURDAY) == {placing.id: True}
    await apply(engine, book, [CallEndedFact(talk, "lost", NOON, steps=(), scraps=())])
    ended = await callbacks.open_attempts(engine, SATURDAY, SATURDAY)
    assert ended == {placing.id: False}, "it ended, and nobody says how"


def desk(code: str, reason: str = "گفتگو شد", now: datetime = NOON) -> Instruction:
    return Instruction(code, Actor("desk", Side.DESK), reason, now)


async def test_a_case_that_moved_on_is_not_called_about(engine: AsyncEngine, tmp_path: Path) -> None:
    code = await answered(engine, tmp_path)
    hers = Instruction(code, Actor("citizen", Side.CITIZEN), now=NOON)
    await closing.withdraw(engine, await page(engine), hers)
    assert await claim(engine) is None and (await row(engine)).state == "cancelled"


async def untold(engine: AsyncEngine) -> list[str]:
    """The codes in the desk's queue of answers that nobody could be told of."""
    async with engine.connect() as connection:
        listed = await queues.page(connection, Queue.UNTOLD, Sight(body="bazresi"), NOON)
    return [each.code for each in listed.rows]


async def ended_by_the_desk(engine: AsyncEngine, folder: Path, how: str, number: str = NUMBER) -> str:
    """A case that the desk closes before she was rung, or answers on the spot. Its code."""
    if how == "closed":
        code = await answered(engine, folder, number)
        await closing.close(engine, await page(engine), desk(code))
        return code
    code = await opened(engine, folder, number, topic="other.other")
    await closing.advise(engine, await page(engine), desk(code, "این کار دادگاه است."))
    return code


@pytest.mark.parametrize("how", ["closed", "advised"])
async def test_an_answer_with_which_the_desk_ends_a_case_is_told_and_she_may_say_no(
    engine: AsyncEngine, tmp_path: Path, how: str
) -> None:
    code = await ended_by_the_desk(engine, tmp_path, how)
    assert await untold(engine) == []
    placing = await claim(engine)
    assert placing is not None and placing.code == code and placing.answer
    told = await callbacks.briefing(engine, str(placing.id))
    assert told is not None and told.seen.may_confirm and told.seen.answer == placing.answer
    await apply(engine, await page(engine), [verdict_on(code, False)])
    await end(engine, placing, Outcome.NOT_SOLVED, NOON)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "reopened"


@pytest.mark.parametrize(("days", "state"), [(25, "waiting"), (32, "unreachable")])
async def test_nobody_is_asked_about_a_case_that_she_could_not_open_again_any_more(
    engine: AsyncEngine, tmp_path: Path, days: int, state: str
) -> None:
    """Whoever was not called while nobody was dialled; and what waited so long is the desk's."""
    await callbacks.dialled(engine, False, NOON)
    code, now = await ended_by_the_desk(engine, tmp_path, "advised"), NOON + timedelta(days=days)
    await callbacks.dialled(engine, True, now)
    assert (await row(engine)).state == state
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).values(state="waiting"))
    placing = await claim(engine, now)
    assert (placing is None, (await row(engine)).state) == (
        days > 30,
        "calling" if days < 30 else "unreachable",
    )
    assert await untold(engine) == ([code] if days > 30 else [])


async def test_who_is_not_reached_after_the_desk_ended_her_case_leaves_it_as_it_is(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, now = await ended_by_the_desk(engine, tmp_path, "closed"), NOON
    while (await row(engine)).state != "unconfirmed":
        if placing := await claim(engine, now):
            await end(engine, placing, Outcome.NO_ANSWER, now)
        now += timedelta(hours=3)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["closure"] == "by_desk"


async def test_advice_that_nobody_can_be_called_about_is_the_desks_until_it_says_how_she_was_told(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, book = await ended_by_the_desk(engine, tmp_path, "advised", ""), await page(engine)
    assert await untold(engine) == [code]
    with pytest.raises(Refused, match="how was she told"):
        await closing.told(engine, book, desk(code, " "))
    with pytest.raises(Refused, match="only by the desk"):
        await closing.told(engine, book, Instruction(code, Actor("abfa", Side.AGENCY, "abfa"), "x", NOON))
    await closing.told(engine, book, desk(code, "نامه فرستاده شد"))
    with pytest.raises(Refused, match="no answer that nobody could be told of"):
        await closing.told(engine, book, desk(code))
    case = await as_json.case_json(engine, code)
    assert case is not None and await untold(engine) == []
    last = case["events"][-1]
    assert (last["what"], last["details"]) == ("told", {"reason": "نامه فرستاده شد"})


async def test_once_retention_took_her_name_nobody_is_to_tell_her_any_more(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await ended_by_the_desk(engine, tmp_path, "advised", "")
    assert await callback_list.unreachable(engine) == 1
    later = NOON + timedelta(days=400)
    purged = await retention.keep(
        engine, Retention(rules=[Terms(anonymise_after=365)]), tmp_path, Derived(tmp_path / "derived"), later
    )
    assert purged.anonymised == 1
    assert await untold(engine) == [] and await callback_list.unreachable(engine) == 0


async def test_of_an_answer_that_nobody_could_tell_her_the_desk_tells_by_closing_the_case(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, book = await answered(engine, tmp_path, ""), await page(engine)
    with pytest.raises(Refused, match=f"case {code} is not over: close it once it is answered"):
        await closing.told(engine, book, desk(code, "نامه فرستاده شد"))
    assert await untold(engine) == [code]
    await closing.close(engine, book, desk(code, "نامه فرستاده شد"))
    assert await untold(engine) == []


async def test_an_answer_that_no_voice_reads_rings_nobody_and_waits_for_somebody_to_word_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(tables.cases).values(answer="سیزین ایشینیزه باخیلدی"))
    assert await claim(engine) is None and await untold(engine) == [code]
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    placing = await claim(engine)
    assert placing is not None and await untold(engine) == []
    await end(engine, placing, Outcome.UNREAD, NOON)  # changed behind our back, while she was rung
    assert await untold(engine) == [code]


CALL = FactCall(uuid.uuid4(), "1", NUMBER, "", NOON, NOON, "fa", "", "")


def verdict_on(code: str, solved: bool, ours: Placing | None = None) -> VerdictFact:
    """`ours`: our call on which she says so; None: a call of her own."""
    call = replace(CALL, unique_id=str(ours.id)) if ours else CALL
    return VerdictFact(uuid.uuid4(), NOON, code, call, solved)


async def test_her_verdict_counts_once_and_ends_the_calling(engine: AsyncEngine, tmp_path: Path) -> None:
    code, book = await answered(engine, tmp_path), await page(engine)
    verdict = verdict_on(code, False)
    rating = RatingFact(uuid.uuid4(), NOON, code, CALL, 2)
    for _ in range(2):
        await apply(engine, book, [verdict, rating])
    case = await as_json.case_json(engine, code)
    assert case is not None
    assert [event["what"] for event in case["events"][2:]] == ["answered", "reopened", "rated"]
    assert (await row(engine)).state == "reached" and await claim(engine, SATURDAY) is None
    await answer(engine, code, "abfa", "پاسخ دوم", NOON)
    await apply(engine, book, [verdict])  # the journal once more, after a lost checkpoint
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered"


async def test_that_it_is_solved_is_noted_where_another_answer_was_just_being_given(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, book = await answered(engine, tmp_path), await page(engine)
    async with engine.begin() as answering:
        ask = Instruction(code, Actor("abfa", Side.AGENCY, "abfa"), now=NOON + timedelta(minutes=1))
        await answers.give(answering, book, ask, "پاسخ دوم")
        saying = asyncio.create_task(apply(engine, book, [verdict_on(code, True)]))
        await until_blocked(engine)
    await saying
    case = await as_json.case_json(engine, code)
    assert case is not None
    assert (case["status"], case["events"][-1]["what"]) == ("answered", "verdict_noted")


async def test_a_verdict_that_comes_too_late_is_noted(engine: AsyncEngine, tmp_path: Path) -> None:
    code, book = await answered(engine, tmp_path), await page(engine)
    await closing.close(engine, book, Instruction(code, Actor("desk", Side.DESK), "گفتگو شد", NOON))
    await apply(engine, book, [verdict_on(code, True), verdict_on("0000000000", True)])
    case = await as_json.case_json(engine, code)
    assert case is not None
    assert (case["status"], case["events"][-1]["what"]) == ("closed", "verdict_noted")


async def test_that_it_is_solved_ends_a_case_only_where_it_is_proven_who_says_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, book = await answered(engine, tmp_path), await page(engine)
    await apply(engine, book, [replace(verdict_on(code, True), proven=False)])
    case = await as_json.case_json(engine, code)
    assert case is not None and (case["status"], case["events"][-1]["what"]) == ("answered", "verdict_noted")
    assert (await row(engine)).state == "waiting"  # she is asked on our call
    await apply(engine, book, [verdict_on(code, True)])
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "closed"


async def test_who_says_by_herself_that_it_is_solved_is_called_at_once_to_say_so_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).values(next_at=SATURDAY))
    assert await claim(engine) is None and await wished(engine, code, f"+98{NUMBER[1:]}")
    placing = await claim(engine)
    assert placing is not None
    told = await callbacks.briefing(engine, str(placing.id))
    assert told is not None and told.seen.may_confirm


async def test_the_answer_that_waits_is_told_in_the_language_in_which_she_wished_to_be_called(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    assert (await row(engine)).language == "fa" and await wished(engine, code, f"+98{NUMBER[1:]}")
    placing = await claim(engine)
    assert placing is not None and placing.language == "az"


async def test_the_next_answer_is_told_in_that_language_too(engine: AsyncEngine, tmp_path: Path) -> None:
    code = await answered(engine, tmp_path)
    assert await wished(engine, code, f"+98{NUMBER[1:]}")
    await answer(engine, code, "abfa", "پاسخ دوم", NOON)
    placing = await claim(engine)
    assert placing is not None and (placing.language, placing.answer) == ("az", "پاسخ دوم")


async def test_so_are_the_answers_after_a_call_that_has_reached_her(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await opened(engine, tmp_path)
    assert await wished(engine, code, f"+98{NUMBER[1:]}")
    assert await wished(engine, code, "+989350000000", "wish:another's")
    for _ in range(2):
        await end(engine, await claim(engine), Outcome.HEARD, NOON)
    for later in (timedelta(hours=1), timedelta(hours=2)):
        await answer(engine, code, "abfa", "آب وصل شد.", NOON + later)
        placing = await claim(engine, NOON + later, per_number_per_day=3)
        assert placing is not None and (placing.number, placing.language) == (f"+98{NUMBER[1:]}", "az")
        said = verdict_on(code, False, placing)
        await apply(engine, await page(engine), [said])
        await end(engine, placing, Outcome.NOT_SOLVED, NOON + later)
        await put_down(engine, said.call, NOON + later)


async def test_who_is_to_be_told_in_a_language_that_is_spoken_no_more_is_the_desk_s_to_tell(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    async with engine.begin() as connection:
        for table in (tables.callbacks, tables.cases):
            await connection.execute(update(table).values(language="ku"))
    book = await page(engine)
    async with engine.connect() as connection:
        case = (await connection.execute(select(tables.cases))).one()._mapping
        assert await callback_planning.reach(connection, [case], NOON, book.conventions.languages) == ["no"]
    assert await claim(engine) is None and (await row(engine)).state == "unreachable"


async def test_an_official_who_holds_the_line_is_put_through_to_nobody_who_hears_no_word(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    line = {"line": "1.7", "until": (NOON + timedelta(minutes=5)).isoformat()}
    async with engine.begin() as connection:
        await connection.execute(update(tables.cases).values(language="ku"))
        wanted = {"purpose": "lottery", "notice": line, "language": "ku", "next_at": NOON}
        await connection.execute(update(tables.callbacks).values(wanted))
    held, book = {(await row(engine)).id}, await page(engine)
    assert await callbacks.claim(engine, book, Policy(), NOON, held) is None
    assert (await row(engine)).state == "cancelled"


async def test_what_was_to_be_told_in_such_a_language_is_told_in_her_case_s_where_that_is_spoken(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(tables.callbacks).values(language="ku"))
    placing = await claim(engine)
    assert placing is not None and (placing.language, (await row(engine)).language) == ("fa", "fa")


async def wished(engine: AsyncEngine, code: str, number: str, key: str = "wish:1") -> bool:
    async with engine.begin() as connection:
        return await callback_planning.wish(connection, code, number, "az", key, NOON)


async def test_who_asked_while_the_books_were_away_is_called_as_promised(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(NUMBER), opening())
        await desk.pump.idle()
    assert not await wished(engine, "1234567894", "+989141234567")
    for key in ("wish:1", "wish:1", "wish:2"):
        assert await wished(engine, code, "+989350000000", key)
    placing = await claim(engine)
    assert placing is not None
    told = await callbacks.briefing(engine, str(placing.id))
    assert told is not None and (told.language, told.seen.status, told.seen.may_confirm) == (
        "az", "referred", False,
    )  # fmt: skip
    await end(engine, placing, Outcome.HEARD, NOON)
    assert (await row(engine)).state == "reached"


async def test_an_answer_is_told_to_her_and_not_to_a_stranger_who_wished_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    for number in ("+989350000000", "+989141234567"):
        assert await wished(engine, code, number, f"wish:{number}")
    placed = [await claim(engine), await claim(engine)]
    assert await claim(engine) is None  # her own wish is met by the call that comes anyway
    found = {}
    for placing in placed:
        assert placing is not None
        told = await callbacks.briefing(engine, str(placing.id))
        assert told is not None
        found[placing.number] = (told.seen.answer, told.seen.withheld, told.seen.may_confirm)
    assert found == {"+989141234567": ("آب وصل شد.", False, True), "+989350000000": ("", True, False)}


async def test_her_word_on_the_answer_takes_no_call_from_her_son_who_was_promised_one(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, book = await answered(engine, tmp_path), await page(engine)
    hers, his = "+989141234567", "+989350000000"
    placing = await claim(engine)
    assert placing is not None and placing.number == hers
    for number in (hers, his):
        assert await wished(engine, code, number, f"wish:{number}")
    await apply(engine, book, [verdict_on(code, True, placing)])
    await end(engine, placing, Outcome.SOLVED, NOON)
    promised = await claim(engine)
    assert promised is not None and promised.number == his
    assert await claim(engine) is None


async def test_a_recording_is_looked_for_before_the_call_about_an_answer_and_holds_up_no_status(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Who asked how it stands hears that it can't be played now."""
    code = await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(tables.cases).values(answer_voice="answers/1"))
    assert await wished(engine, code, "+989350000000")
    placed = [await claim(engine), await claim(engine)]
    found = {each.number: ([*each.clips], each.answer, each.instead) for each in placed if each}
    assert found["+989141234567"] == (["answers/1"], "", "آب وصل شد.")
    assert found["+989350000000"][:2] == ([], "")


async def test_who_asked_by_the_code_of_a_duplicate_is_called_about_the_case_in_which_it_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A stranger is not: that code opens nothing of the other case to them."""
    code, again = [await opened(engine, tmp_path, joins=False) for _ in range(2)]
    await closing.merge(engine, await page(engine), desk(again), code)
    for number in ("+989350000000", "+989141234567"):
        assert await wished(engine, again, number, f"wish:{number}")
    placed = [await claim(engine), await claim(engine)]
    assert {each.number: each.code for each in placed if each} == {
        "+989350000000": again, "+989141234567": code,
    }  # fmt: skip
    assert not await wished(engine, "1234567894", "+989141234567")


async def test_who_waits_for_a_call_to_end_is_counted_by_indexes(engine: AsyncEngine) -> None:
    """At each look at the metrics, however many call-backs and calls there have been."""
    query = callback_list.waiting_behind(NOON).compile(engine, compile_kwargs={"literal_binds": True})
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        shown = "\n".join((await connection.execute(text(f"EXPLAIN {query}"))).scalars())
    assert "ix_callbacks_next_at" in shown and "ix_calls_running" in shown, shown


async def test_what_is_due_is_found_by_its_index(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        query = str(callbacks.due(NOON).compile(engine, compile_kwargs={"literal_binds": True}))
        plan = await connection.execute(text(f"EXPLAIN {query}"))
        shown = "\n".join(plan.scalars())
        assert "ix_callbacks_next_at" in shown and "Sort" not in shown
        assert (await connection.execute(select(func.count()).select_from(tables.callbacks))).scalar() == 0


async def test_what_may_go_first_is_found_by_that_index_too(engine: AsyncEngine) -> None:
    plan = await plan_of(engine, callbacks.urgent(NOON, {uuid.uuid4()}))
    assert "ix_callbacks_next_at" in plan and "Seq Scan" not in plan, plan


@pytest.mark.parametrize("purpose", ["answer", "verify"])
async def test_whether_she_is_on_the_line_is_asked_of_the_calls_that_go_on_alone(
    engine: AsyncEngine, tmp_path: Path, purpose: str
) -> None:
    await answered(engine, tmp_path)
    async with engine.begin() as connection:
        changed = update(tables.callbacks).values(purpose=purpose).returning(tables.callbacks)
        wanted = (await connection.execute(changed)).one()
        case = (await connection.execute(select(tables.cases))).one()
    plan = await plan_of(engine, callbacks.her_calls(wanted, case, NOON))
    assert "ix_calls_running" in plan and "Seq Scan" not in plan, plan


async def test_who_waits_right_now_goes_before_a_morning_s_answers(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A line that is held, whose turn it is, a meeting that is near; the rest in the order of its time."""
    morning, far = NOON - timedelta(hours=3), NOON + timedelta(days=20)
    line = {"line": "17.3", "until": (NOON + timedelta(minutes=1)).isoformat()}
    place = {"queue": "operators", "since": morning.isoformat()}
    gone_by = {"what": "off", "was_at": (NOON - timedelta(hours=1)).isoformat(), "again_on": "2026-12-28"}
    kinds: list[tuple[str, dict[str, Any] | None, datetime]] = [
        ("answer", None, morning),
        ("meeting", NEWS | {"what": "invited", "starts_at": far.isoformat()}, morning + timedelta(hours=1)),
        ("answer", None, morning + timedelta(hours=2)),
        ("meeting", NEWS | {"what": "invited", "starts_at": (NOON + timedelta(days=1)).isoformat()}, NOON),
        ("turn", place, NOON),
        ("lottery", line, NOON),
        ("meeting", gone_by, NOON - timedelta(minutes=30)),
    ]
    codes, turns = list[str](), set[uuid.UUID]()
    for n, (purpose, notice, at) in enumerate(kinds):
        codes.append(await answered(engine, tmp_path, f"0914123450{n}"))
        its = (await row(engine, codes[-1])).id
        turns |= {its} if purpose in ("turn", "lottery") else set()
        values = {"purpose": purpose, "notice": notice, "next_at": at}
        async with engine.begin() as connection:
            await connection.execute(
                update(tables.callbacks).where(tables.callbacks.c.id == its).values(values)
            )
    book = await page(engine)
    placed = [await callbacks.claim(engine, book, Policy(), NOON, turns) for _ in kinds]
    told = [codes.index(each.code) for each in placed if each is not None]
    assert told == [5, 4, 3, 0, 1, 2, 6]


async def test_a_server_that_dials_nobody_takes_no_call_off_one_that_does(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code, now = await answered(engine, tmp_path), NOON
    for now in (NOON, NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)):
        await callbacks.dialled(engine, True, now)
        await callbacks.dialled(engine, False, now + timedelta(seconds=30))
        async with engine.connect() as connection:
            assert await callback_planning.calls_back(connection)
        assert await untold(engine) == []
    await callbacks.dialled(engine, False, now + timedelta(minutes=6))  # that one is gone
    assert await untold(engine) == [code]


async def test_whose_telephone_rings_as_the_dialling_ends_is_the_desk_s_to_tell_and_who_talks_hears_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    rings = await answered(engine, tmp_path)
    talks = await answered(engine, tmp_path, "09141234568")
    placed = {each.code: each for each in [await claim(engine), await claim(engine)] if each}
    talk, book = replace(CALL, id=uuid.uuid4(), unique_id=str(placed[talks].id)), await page(engine)
    await apply(engine, book, [CallStartedFact(talk)])
    await callbacks.dialled(engine, False, NOON + timedelta(minutes=6))
    assert await untold(engine) == [rings] and (await row(engine, talks)).state == "calling"
    await callbacks.dialled(engine, True, NOON + timedelta(minutes=7))
    await callbacks.lose(engine, [placed[rings].id], NOON + timedelta(minutes=8))
    assert await untold(engine) == [rings] and await callbacks.in_progress(engine, NOON) == 1
    await callbacks.dialled(engine, False, NOON + timedelta(minutes=13))
    await apply(engine, book, [CallEndedFact(talk, "lost", NOON, steps=(), scraps=())])
    await callbacks.dialled(engine, False, NOON + timedelta(minutes=14))
    assert sorted(await untold(engine)) == sorted([rings, talks])


async def test_a_server_that_dials_nobody_finds_what_is_left_each_minute_by_indexes(
    engine: AsyncEngine,
) -> None:
    plan = await plan_of(engine, select(tables.callbacks.c.id).where(callbacks.is_left(NOON)))
    assert "ix_callbacks_next_at" in plan and "ix_callback_attempts_open" in plan
    assert "Seq Scan" not in plan


async def test_those_that_were_put_aside_are_counted_by_their_index(engine: AsyncEngine) -> None:
    query = select(func.count()).where(PUT_ASIDE)
    assert not query.compile(engine.sync_engine).params, "what is bound tells the planner nothing"
    assert "ix_callbacks_put_aside" in await plan_of(engine, query)
