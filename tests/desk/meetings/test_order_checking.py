"""The office looks at what a body reports before the citizen is called; she waits for no office."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome
from ivr.cases.meeting_orders import OrderState as O
from ivr.desk.call import callbacks
from ivr.desk.case import answers, closing, order_calls
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.letters import held_events, outgoing
from ivr.desk.letters.held_events import HELD_FOR
from ivr.desk.letters.notices import FILE, load_sparing
from ivr.desk.meetings import order_checking, order_giving
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from ivr.store.tables import callbacks as rows
from ivr.store.tables import outbox
from tests.desk.meetings.hall import Hall, hall
from tests.desk.meetings.test_order_answers import called, ordered, says
from tests.desk.meetings.test_order_giving import FAR, NEAR, listed

SOON = date(2026, 12, 5)  # a working day before NEAR


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def reported(at: Hall, *bodies: str) -> tuple[str, list[str]]:
    """Ordered, and each body says that it is done; the whole has its answer."""
    code, parts = await ordered(at, *bodies)
    for part, body in zip(parts, bodies, strict=True):
        await answers.give(at.engine, at.page, at.by(part, who=body), "وصل شد")
    return code, parts


async def to_check(at: Hall) -> list[str]:
    async with at.engine.connect() as connection:
        return [o.part.code for o in await order_checking.to_check(connection, at.page, at.at, Scope())]


async def texts(at: Hall, code: str) -> list[datetime]:
    """When the SMS about her answer goes."""
    mine = (outbox.c.kind == "case_answered", outbox.c.payload["case"].as_string() == code)
    query = select(outbox.c.next_at).where(*mine, outbox.c.delivered_at.is_(None))
    async with at.engine.connect() as connection:
        return list((await connection.execute(query)).scalars())


async def test_once_the_office_has_looked_at_all_of_it_she_is_called_at_once(at: Hall) -> None:
    code, parts = await reported(at, "abfa", "edu")
    assert await to_check(at) == sorted(parts) and await called(at, SOON) is None
    await order_checking.confirm(at.engine, at.page, at.by(parts[0], who="desk/sadr"))
    assert await to_check(at) == parts[1:] and await called(at, SOON) is None
    await order_checking.confirm(at.engine, at.page, at.by(parts[1], who="desk/sadr"))
    assert await to_check(at) == [] and await texts(at, code) == [at.at]
    placing = await called(at, SOON)
    assert placing is not None and placing.code == code
    event = (await at.case(parts[1]))["events"][-1]
    assert (event["what"], event["actor"]) == ("order_checked", "desk/sadr")
    with pytest.raises(Refused, match="nothing that is to be checked"):
        await order_checking.confirm(at.engine, at.page, at.by(parts[0]))


async def test_who_is_not_looked_at_by_the_day_is_called_all_the_same(at: Hall) -> None:
    code, parts = await reported(at, "abfa")
    noon = datetime(2026, 12, 8, 8, 30, tzinfo=UTC)
    assert await called(at, SOON) is None and await texts(at, code) == [noon]
    placing = await called(at, NEAR)
    assert placing is not None and placing.code == code and await to_check(at) == parts


async def test_what_is_reported_while_nobody_is_dialled_waits_for_the_office_once_somebody_is(
    at: Hall,
) -> None:
    await callbacks.dialled(at.engine, False, at.at)
    code, parts = await reported(at, "abfa", "edu")
    await callbacks.dialled(at.engine, True, at.at)
    assert await called(at, SOON) is None
    await callbacks.dialled(at.engine, False, at.at + timedelta(minutes=6))
    for part in parts:
        await order_checking.confirm(at.engine, at.page, at.by(part))
    await callbacks.dialled(at.engine, True, at.at)
    placing = await called(at, SOON)
    assert placing is not None and placing.code == code


@pytest.mark.parametrize("looked", [True, False])
async def test_what_an_older_release_noted_no_wait_of_waits_for_the_office_once_somebody_is_dialled(
    at: Hall, looked: bool
) -> None:
    await callbacks.dialled(at.engine, False, at.at)
    code, parts = await reported(at, "abfa", "edu")
    for part in parts if looked else parts[:1]:
        await order_checking.confirm(at.engine, at.page, at.by(part))
    async with at.engine.begin() as connection:
        older = update(rows).where(rows.c.purpose == "answer")
        await connection.execute(older.values(next_at=rows.c.created_at, notice=None))
    await callbacks.dialled(at.engine, True, at.at)
    placing = await called(at, SOON)
    if not looked:
        assert placing is None
        placing = await called(at, NEAR)
    assert placing is not None and placing.code == code


async def test_a_mended_notice_does_not_tell_her_of_an_answer_that_the_office_is_to_look_at(
    at: Hall, tmp_path: Path
) -> None:
    code, _ = await reported(at, "abfa")
    (tmp_path / FILE).write_text('notices: [{on: case_answered, to: citizen, by: sms, text: "{cdoe}"}]')
    faulty, _ = load_sparing(tmp_path)
    noon = datetime(2026, 12, 8, 8, 30, tzinfo=UTC)
    events = [row for row in await outgoing.lease(at.engine, noon, 500) if not row.is_letter]
    await outgoing.spread(at.engine, faulty, events, at.page.calendar, noon)
    assert await texts(at, code) == [noon + HELD_FOR]
    later = noon + timedelta(minutes=5)
    async with at.engine.begin() as connection:
        await order_calls.hold(connection, await at.row(code), later, noon)
    await held_events.release(at.engine, noon)
    assert await texts(at, code) == [later] and await held_events.held(at.engine) == 0


async def test_opened_again_before_its_day_no_text_tells_of_that_answer(at: Hall, tmp_path: Path) -> None:
    code, _ = await reported(at, "abfa")
    (tmp_path / FILE).write_text('notices: [{on: case_answered, to: citizen, by: sms, text: "{code}"}]')
    notices, _ = load_sparing(tmp_path)
    await closing.reopen(at.engine, at.page, at.by(code, "حل نشد"))
    noon = datetime(2026, 12, 8, 8, 30, tzinfo=UTC)
    events = [row for row in await outgoing.lease(at.engine, noon, 500) if row.kind == "case_answered"]
    assert events and await outgoing.spread(at.engine, notices, events, at.page.calendar, noon) == 0


async def test_handed_back_it_is_owed_again_with_the_day_that_it_had_and_nothing_tells_of_an_answer(
    at: Hall,
) -> None:
    code, [part] = await reported(at, "abfa")
    before = await at.row(part)
    at.later(3)
    with pytest.raises(Refused, match="without a reason"):
        await order_checking.hand_back(at.engine, at.page, at.by(part))
    await order_checking.hand_back(at.engine, at.page, at.by(part, "عکس از جای دیگری است", "desk/sadr"))
    after, whole = await at.row(part), await at.row(code)
    assert (after.status, after.agency, after.due_at) == ("referred", "abfa", before.due_at)
    assert (after.rung, after.level) == (before.rung, before.level) and after.stopped_at is None
    assert whole.status == "in_progress" and whole.paused_until is not None
    assert (await at.events(code)).count("handed_back") == 1 and await texts(at, code) == []
    [seen] = await listed(at)
    assert seen.state is O.GIVEN and await to_check(at) == []
    placing = await called(at, NEAR)
    assert placing is not None
    told = await callbacks.briefing(at.engine, str(placing.id))
    assert told is not None and told.order is not None, "she is asked on the day, as was promised"
    await sweep(at.engine, at.page, at.at)
    assert await prove(at.engine, at.page, at.at) == []
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "این بار شد")
    assert await to_check(at) == [part], "each report is looked at"


async def test_handed_back_after_its_day_it_climbs_from_that_day_on_and_nobody_is_alarmed(at: Hall) -> None:
    """Reported on the day that it was given: none of its days was used, and all are over."""
    _, [part] = await reported(at, "abfa")
    at.later(9)
    await order_checking.hand_back(at.engine, at.page, at.by(part, "عکس از جای دیگری است"))
    assert (await at.row(part)).due_at.date() == NEAR
    levels = list[str]()
    for _ in range(4):
        await sweep(at.engine, at.page, at.at)
        assert await prove(at.engine, at.page, at.at + 2 * GRACE) == []
        levels.append((await at.row(part)).level)
        at.later()
    assert levels == ["head", "head", "head", "deputy_governor"], "two working days after the 8th"


async def test_what_she_has_said_herself_nobody_needs_to_look_at_first(at: Hall) -> None:
    code, (part, other) = await ordered(at, "abfa", "edu")
    await order_giving.extend(at.engine, at.page, at.by(other, "ثبت‌نام دی"), FAR)
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    placing = await called(at, NEAR)
    assert placing is not None
    await says(at, placing, Outcome.ORDER_DONE)
    await answers.give(at.engine, at.page, at.by(other, who="edu"), "ثبت‌نام شد")
    assert await called(at, NEAR, 15) is None, "the other order is looked at, or waits for its day"
    await order_checking.confirm(at.engine, at.page, at.by(other))
    placing = await called(at, NEAR, 16)
    assert placing is not None and placing.code == code


async def test_only_the_office_and_only_what_was_answered_is_handed_back(at: Hall) -> None:
    code, (part, _) = await ordered(at, "abfa", "edu")
    for deed in (order_checking.confirm, order_checking.hand_back):
        with pytest.raises(Refused, match="only the office"):
            await deed(at.engine, at.page, at.by(part, "چرا", "abfa/karimi"))
    with pytest.raises(Refused, match="is no order"):
        await order_checking.confirm(at.engine, at.page, at.by(code))
    with pytest.raises(Refused, match="possible from answered"):
        await order_checking.hand_back(at.engine, at.page, at.by(part, "چرا"))
    done, _ = await reported(at, "abfa")
    with pytest.raises(Refused, match="hand back what its parts report"):
        await order_checking.hand_back(at.engine, at.page, at.by(done, "چرا"))
