"""A number that was written down wrongly is put right, and nothing of hers goes to the wrong one any more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome
from ivr.cases.search import sought
from ivr.desk.book.book import seen_in
from ivr.desk.call.callbacks import briefing, ended
from ivr.desk.case import closing, confiding
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.contact import EVENT, RightContact, put_right
from ivr.desk.case.rows import outbox_row
from ivr.desk.facts.apply import apply
from ivr.desk.meetings import agenda
from ivr.desk.people import unsealing
from ivr.desk.reading import as_json, searching
from ivr.desk.reading.inbox import Sight
from ivr.desk.refusals import Refused, WrongField
from ivr.store.case_parts import parts_column
from ivr.store.tables import audit, callbacks, cases, outbox, people
from tests.desk.call.test_callbacks import NOON, answered, claim, end, page, verdict_on
from tests.desk.call.test_interventions import supervisor
from tests.desk.call.test_verifying import HERS, asked, of, walk_in
from tests.desk.keeping.test_verify import findings
from tests.desk.meetings.hall import Hall, hall
from tests.fixtures.database import until_blocked
from tests.fixtures.province import answer

WRONG, WRONG_FULL, FULL = "09120000009", "+989120000009", "+989120000001"
ID = "0012345679"


async def right(
    engine: AsyncEngine,
    code: str,
    *,
    by: str = "desk/sadr",
    seen: int | None = None,
    now: datetime = NOON,
    **fields: Any,
) -> None:
    book = await page(engine)
    ask = Instruction(code, actor_named(book, by), now=now, seen=seen)
    await put_right(engine, book, ask, RightContact(**fields))


async def row(engine: AsyncEngine, code: str) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(select(cases).where(cases.c.code == code))).one()


async def found(engine: AsyncEngine, number: str) -> list[str]:
    async with engine.connect() as connection:
        seen = await searching.find(connection, sought(number, "041"), Sight("desk"), NOON)
    return [each.code for each in seen.rows]


async def test_a_walk_in_s_answer_is_told_on_the_right_number_once_she_said_yes_there(
    engine: AsyncEngine,
) -> None:
    code = await walk_in(engine, WRONG)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    await right(engine, code, caller="۰۹۱۲ ۰۰۰ ۰۰۰۱")
    placing = await claim(engine)
    assert await asked(engine, placing), "the right number is asked for, and the wrong one never"
    assert await claim(engine) is None
    await end(engine, placing, Outcome.CONFIRMED, NOON)
    told = await claim(engine)
    assert told is not None and (told.number, told.answer) == (FULL, "آب وصل شد.")


async def test_who_said_at_the_right_number_that_she_wants_no_calls_is_not_called_there(
    engine: AsyncEngine,
) -> None:
    other = await walk_in(engine, HERS)
    await end(engine, await claim(engine), Outcome.REFUSED, NOON)
    code = await walk_in(engine, WRONG)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    await right(engine, code, caller=HERS)
    assert await claim(engine) is None
    assert (await of(engine, code))["answer"].state == "unreachable", "the desk tells her"
    assert (await of(engine, other))["verify"].state == "reached"


async def test_an_answer_that_nobody_could_be_told_of_is_told_once_a_number_is_written_down(
    engine: AsyncEngine,
) -> None:
    code = await walk_in(engine, "")
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    assert await claim(engine) is None and (await of(engine, code))["answer"].state == "unreachable"
    await right(engine, code, callback=HERS, national_id=ID)
    assert await asked(engine, await claim(engine))
    its = (await of(engine, code))["answer"]
    assert (its.state, its.number, its.attempts) == ("waiting", FULL, 0)


async def test_what_a_stranger_at_the_wrong_number_heard_she_is_told_anew(
    engine: AsyncEngine,
) -> None:
    code = await walk_in(engine, WRONG)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    async with engine.begin() as connection:
        letter = outbox_row("late", "sms", NOON, {"to": WRONG_FULL, "case": code})
        await connection.execute(outbox.insert(), [letter])
    ringing = await claim(engine)
    assert ringing is not None and ringing.number == WRONG_FULL
    with pytest.raises(Refused, match="is being called about"):
        await right(engine, code, caller=HERS)
    await end(engine, ringing, Outcome.NO_KEY, NOON)
    await right(engine, code, caller=HERS)
    assert await asked(engine, await claim(engine))
    its = (await of(engine, code))["answer"]
    assert (its.number, its.attempts, its.last_outcome) == (FULL, 0, None)
    async with engine.connect() as connection:
        sent = (await connection.execute(select(outbox).where(outbox.c.key == "late"))).one()
    assert sent.delivered_at is not None and "put right" in sent.last_error


async def test_her_case_is_known_and_found_by_the_right_number_and_not_by_the_wrong_one(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await walk_in(engine, WRONG, national_id="")
    assert await found(engine, WRONG) == [code]
    await right(engine, code, caller=HERS, national_id=ID)
    assert (await found(engine, WRONG), await found(engine, HERS)) == ([], [code])
    its = await row(engine, code)
    assert (its.caller, its.caller_key, its.national_id) == (FULL, FULL, ID)
    async with engine.connect() as connection:
        query = select(cases, parts_column()).where(cases.c.code == code)
        mapping = (await connection.execute(query)).one()._mapping
    extra = dict.fromkeys(("request_state", "decided_at", "slot_at", "next_on"))
    hears = {n: seen_in({**mapping, **extra}, n, NOON).may_confirm for n in (FULL, WRONG_FULL)}
    assert hears == {FULL: True, WRONG_FULL: False}
    assert await findings(engine, tmp_path) == []


async def test_the_number_that_called_stays_and_only_where_to_call_her_is_put_right(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path, callback=WRONG)
    with pytest.raises(WrongField, match="caller"):
        await right(engine, code, caller=HERS)
    before = await row(engine, code)
    await right(engine, code, callback=HERS)
    after = await row(engine, code)
    assert (after.caller, after.caller_key, after.callback) == (before.caller, before.caller_key, FULL)
    assert await asked(engine, await claim(engine))


async def test_the_story_says_what_was_put_right_by_whom_and_no_digit_which_the_audit_has_masked(
    engine: AsyncEngine,
) -> None:
    code = await walk_in(engine, WRONG)
    seen = (await row(engine, code)).last_seq
    await right(engine, code, seen=seen, caller=HERS)
    with pytest.raises(Refused, match="has changed since"):  # a second press
        await right(engine, code, seen=seen, caller=HERS)
    with pytest.raises(Refused, match="just that already"):
        await right(engine, code, caller=HERS)
    told = await as_json.case_json(engine, code)
    assert told is not None
    last = told["events"][-1]
    assert (last["what"], last["actor"], last["details"]) == (EVENT, "desk/sadr", {"given": ["caller"]})
    async with engine.connect() as connection:
        query = select(audit.c.detail).where(audit.c.action == EVENT)
        [detail] = (await connection.execute(query)).scalars().all()
    assert detail == {"given": ["caller"], "caller": ["0912***09", "+98912***01"]}


@pytest.mark.parametrize(
    ("field", "typed"),
    [("callback", "0912"), ("callback", "+14155550100"), ("national_id", "0012345678"), ("caller", "x")],
)
async def test_what_is_no_number_and_no_national_id_is_refused_and_changes_nothing(
    engine: AsyncEngine, field: str, typed: str
) -> None:
    code = await walk_in(engine, WRONG)
    with pytest.raises(WrongField, match=field):
        await right(engine, code, **dict[str, Any]({field: typed}))
    assert (await row(engine, code)).caller == WRONG


async def test_only_the_desk_may_and_not_where_hers_is_elsewhere_sealed_or_forgotten(
    engine: AsyncEngine,
) -> None:
    code, book = await walk_in(engine, WRONG), await page(engine)
    with pytest.raises(Refused, match="by the agency"):
        await right(engine, code, by="abfa", caller=HERS)
    ask = Instruction(code, actor_named(book, "desk"), "می‌ترسد", NOON)
    await confiding.confide(engine, book, ask, Secrecy())
    with pytest.raises(Refused, match="another one of the few"):
        await right(engine, code, caller=HERS)
    one, other = await walk_in(engine, WRONG), await walk_in(engine, WRONG)
    await closing.merge(engine, book, Instruction(one, actor_named(book, "desk"), "همان", NOON), other)
    with pytest.raises(Refused, match="no number of its own"):
        await right(engine, one, caller=HERS)
    async with engine.begin() as connection:
        nameless = update(cases).where(cases.c.code == other).values(anonymised_at=NOON)
        await connection.execute(nameless)
    with pytest.raises(Refused, match="anonymised"):
        await right(engine, other, caller=HERS)


async def test_a_call_that_begins_as_the_number_is_put_right_is_waited_for(engine: AsyncEngine) -> None:
    code = await walk_in(engine, WRONG)
    begins = update(callbacks).where(callbacks.c.purpose == "verify").values(state="calling")
    async with engine.connect() as connection:
        await connection.execute(begins)
        wish = asyncio.create_task(right(engine, code, caller=HERS))
        await until_blocked(engine)
        await connection.commit()
    with pytest.raises(Refused, match="is being called about"):
        await wish
    assert (await row(engine, code)).caller == WRONG


async def test_who_says_yes_on_our_call_as_the_number_is_put_right_and_the_desk_don_t_block_each_other(
    engine: AsyncEngine,
) -> None:
    """Her word locks the call-back that rang, and then what waits to be told there."""
    code = await walk_in(engine, WRONG)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    asking = await claim(engine)
    assert asking is not None and asking.verifies
    async with engine.connect() as connection:
        rang = select(callbacks.c.id).where(callbacks.c.purpose == "verify").with_for_update()
        await connection.execute(rang)
        wish = asyncio.create_task(right(engine, code, caller=HERS))
        await until_blocked(engine)
        await ended(connection, asking.id, Outcome.CONFIRMED, NOON)
        await connection.commit()
    await wish
    assert (await row(engine, code)).caller == FULL
    assert (await of(engine, code))["answer"].number == FULL


async def test_a_wrong_telephone_that_rang_does_not_count_as_hers(engine: AsyncEngine) -> None:
    """Where hers never rang the desk looks into it: the case is not closed as unconfirmed."""
    code = await walk_in(engine, WRONG)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    await end(engine, await claim(engine), Outcome.NO_ANSWER, NOON)
    await right(engine, code, caller=HERS)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    now = NOON
    while (its := (await of(engine, code))["answer"]).state == "waiting":
        now += timedelta(hours=1)
        if (placing := await claim(engine, now)) is not None:
            assert placing.number == FULL
            await end(engine, placing, Outcome.FAILED, now)
    assert (its.state, (await row(engine, code)).status) == ("unreachable", "answered")


async def rung_in_vain(engine: AsyncEngine, code: str, now: datetime) -> datetime:
    """As often as she may be; when it was given up."""
    while (await of(engine, code))["answer"].state == "waiting":
        now += timedelta(hours=1)
        if (placing := await claim(engine, now)) is not None:
            await end(engine, placing, Outcome.NO_ANSWER, now)
    return now


@pytest.mark.parametrize("how", ["unconfirmed", "by_desk"])
async def test_a_case_that_ended_as_nobody_answered_at_the_wrong_number_is_told_at_the_right_one(
    engine: AsyncEngine, how: str
) -> None:
    code, book = await walk_in(engine, WRONG), await page(engine)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    if how == "by_desk":
        await closing.close(engine, book, Instruction(code, actor_named(book, "desk"), "کافی است", NOON))
    now = await rung_in_vain(engine, code, NOON)
    assert (await row(engine, code)).closure == how
    await right(engine, code, now=now, caller=HERS)
    asking = await claim(engine, now)
    assert await asked(engine, asking)
    await end(engine, asking, Outcome.CONFIRMED, now)
    told = await claim(engine, now)
    assert told is not None and (told.number, told.answer) == (FULL, "آب وصل شد.")
    heard = await briefing(engine, str(told.id))
    assert heard is not None and heard.seen.may_confirm, "she may say that it is not solved"
    await end(engine, told, Outcome.NO_ANSWER, now)
    await rung_in_vain(engine, code, now)
    its = await row(engine, code)
    assert (its.status, its.closure, (await of(engine, code))["answer"].state) == (
        "closed",
        how,
        "unconfirmed",
    )


async def test_who_said_since_that_it_is_solved_is_not_rung_for_a_right_number(
    engine: AsyncEngine,
) -> None:
    code, book = await walk_in(engine, WRONG), await page(engine)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    now = await rung_in_vain(engine, code, NOON)
    said = verdict_on(code, True)
    await apply(engine, book, [replace(said, at=now, call=replace(said.call, started_at=now))])
    await right(engine, code, now=now, caller=HERS)
    assert await claim(engine, now) is None


async def test_her_word_that_comes_out_of_the_journal_after_we_gave_her_up_counts_as_when_she_said_it(
    engine: AsyncEngine,
) -> None:
    code, book = await walk_in(engine, WRONG), await page(engine)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    now = await rung_in_vain(engine, code, NOON)
    before = now - timedelta(minutes=5)
    said = verdict_on(code, True)
    await apply(engine, book, [replace(said, at=before, call=replace(said.call, started_at=before))])
    assert (await row(engine, code)).closure == "unconfirmed"
    await right(engine, code, now=now, caller=HERS)
    assert await claim(engine, now) is None


async def invited_in_vain(engine: AsyncEngine) -> tuple[Hall, str]:
    """At the wrong number, of a slot in a fortnight."""
    at = await hall(engine)
    code = await at.accepted(2, WRONG)
    await end(engine, await claim(engine, at.at), Outcome.CONFIRMED, at.at)
    await at.fill(await at.session(slots=1, starts_at=at.at + timedelta(days=21)))
    for _ in range(7 * 24):
        at.at += timedelta(hours=1)
        if (placing := await claim(engine, at.at)) is not None:
            assert placing.number == WRONG_FULL
            await end(engine, placing, Outcome.NO_ANSWER, at.at)
    return at, code


async def told_at_the_right_number(at: Hall, code: str) -> list[str]:
    """What she hears at once of her meeting."""
    await right(at.engine, code, now=at.at, caller=HERS)
    asking = await claim(at.engine, at.at)
    assert await asked(at.engine, asking)
    await end(at.engine, asking, Outcome.CONFIRMED, at.at)
    told = []
    while (placing := await claim(at.engine, at.at)) is not None:
        heard = await briefing(at.engine, str(placing.id))
        assert heard is not None and heard.meeting is not None and heard.number == FULL
        told.append(heard.meeting.what)
        await end(at.engine, placing, Outcome.HEARD, at.at)
    return told


async def test_a_slot_of_which_nobody_heard_at_the_wrong_number_is_told_at_the_right_one(
    engine: AsyncEngine,
) -> None:
    assert await told_at_the_right_number(*await invited_in_vain(engine)) == ["invited"]


@pytest.mark.parametrize("given_up", [False, True])
async def test_whose_reminder_rang_at_the_wrong_number_too_hears_of_her_slot_once_at_the_right_one(
    engine: AsyncEngine, given_up: bool
) -> None:
    at, code = await invited_in_vain(engine)
    its = callbacks.c.notice["what"].as_string() == "reminder"
    async with engine.connect() as connection:
        at.at = (await connection.execute(select(callbacks.c.next_at).where(its))).scalar_one()
    await end(engine, await claim(engine, at.at), Outcome.NO_ANSWER, at.at)
    if given_up:
        async with engine.begin() as connection:
            await connection.execute(update(callbacks).where(its).values(state="unconfirmed", ended_at=at.at))
    at.at += timedelta(minutes=5)
    assert await told_at_the_right_number(at, code) == ["invited"]
    for _ in range(8):
        at.at += timedelta(hours=1)
        assert await claim(engine, at.at) is None


async def test_of_a_slot_that_was_taken_back_since_only_that_is_told_at_the_right_number(
    engine: AsyncEngine,
) -> None:
    at, code = await invited_in_vain(engine)
    await agenda.release(engine, at.page, at.by(code, "بیمار است"), at.at.date() + timedelta(days=40))
    assert await told_at_the_right_number(at, code) == ["off"]


async def test_who_was_rung_in_vain_on_the_wrong_number_is_not_given_up_as_it_is_put_right(
    engine: AsyncEngine,
) -> None:
    code, book = await walk_in(engine, WRONG), await page(engine)
    await end(engine, await claim(engine), Outcome.CONFIRMED, NOON)
    await answer(engine, code, "abfa", "آب وصل شد.", NOON)
    await end(engine, await claim(engine), Outcome.NO_ANSWER, NOON)
    async with engine.begin() as connection:
        await connection.execute(update(callbacks).where(callbacks.c.purpose == "answer").values(attempts=99))
    async with engine.connect() as connection:
        await connection.execute(select(cases.c.id).where(cases.c.code == code).with_for_update())
        gives_up = asyncio.create_task(claim(engine, NOON + timedelta(days=14)))
        await until_blocked(engine)
        ask = Instruction(code, actor_named(book, "desk/sadr"), now=NOON)
        await put_right(connection, book, ask, RightContact(caller=HERS))
        await connection.commit()
    await gives_up
    its = (await of(engine, code))["answer"]
    assert ((await row(engine, code)).status, its.number, its.attempts) == ("answered", FULL, 0)


async def test_of_an_opened_confidential_case_the_number_is_put_right_and_no_digit_of_it_noted(
    engine: AsyncEngine,
) -> None:
    code, book = await walk_in(engine, WRONG), await page(engine)
    ask = Instruction(code, actor_named(book, "desk"), "می‌ترسد", NOON)
    await confiding.confide(engine, book, ask, Secrecy())
    async with engine.begin() as connection:
        both = [await supervisor(engine, name=name) for name in ("sadr", "karimi")]
        await connection.execute(update(people).values(trusted=True))
    asker, second = [replace(each, trusted=True) for each in both]
    await unsealing.ask_for_case(engine, asker, code, "شماره نادرست است", NOON)
    [waits] = await unsealing.listed(engine, second, NOON)
    with pytest.raises(Refused, match="another one of the few"):
        await right(engine, code, caller=HERS, person=asker.id)
    await unsealing.allow(engine, second, waits.id, NOON)
    await right(engine, code, caller=HERS, person=asker.id)
    assert (await row(engine, code)).caller == FULL
    async with engine.connect() as connection:
        details = (await connection.execute(select(audit.c.detail).where(audit.c.action == EVENT))).scalars()
    assert list(details) == [{"given": ["caller"]}]
