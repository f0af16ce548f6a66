"""What a citizen is to be told about her meeting by telephone: one call at a time, the newest counts.

The call goes the way of all call-backs (`ivr.desk.call.callbacks`): quiet hours, attempts, a number that was
given is asked for first. With a slot comes the reminder on the day before. Beside each call there is an SMS,
where she may be written to (`notices.yaml`: `meeting_invited`, `meeting_reminder`, `meeting_off`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.callback import Outcome
from ivr.cases.meetings import MeetingWay, Official
from ivr.desk.case import callback_planning
from ivr.desk.case.callback_planning import HOURS_LOST, MEETING, REMINDER, TELLS_OFF, YET_TO_TELL
from ivr.desk.case.rows import outbox_row
from ivr.store.callbacks import NOBODY_ON_THE_LINE
from ivr.store.tables import callbacks, cases, meeting_sessions, meeting_slots, outbox
from ivr.voice.invitation import MeetingNews

INVITED, WAITING, OFF, MOVED, DELAYED = "invited", "waiting", "off", "moved", "delayed"
ELSEWHERE = "elsewhere"  # a body has her request now: no slot and no day that she was told holds any more
DECLINED = "declined"  # there is no meeting: the slot that she was told is off, and she waits for none
_WITH_SLOT = frozenset({INVITED, MOVED, DELAYED, REMINDER})
REMINDED_AT = time(10)  # of the day before, in the province
AGAIN = timedelta(days=30)  # after her slot: until when she hears of another, if she wants another day then
SOON = timedelta(days=2)  # a slot so near is told on a day off too, and sooner again
_TEXTS = {INVITED: "meeting_invited", MOVED: "meeting_invited", DELAYED: "meeting_invited"}
_TEXTS |= {REMINDER: "meeting_reminder", OFF: "meeting_off"}
# After these she comes to no slot of that call: a call that was only heard told of none, whatever it was for.
_GIVEN_BACK = (Outcome.CANT_COME, Outcome.ANOTHER_DAY, Outcome.HEARD)
_ITS_TEXT = callbacks.c.key + ":sms:" + callbacks.c.number  # of `ivr.desk.letters.outgoing.spread`
_MAY_HAVE_HEARD = or_(callbacks.c.attempts > 0, select(outbox.c.id).where(outbox.c.key == _ITS_TEXT).exists())


async def plan(connection: AsyncConnection, case: Any, notice: Mapping[str, Any], now: datetime) -> None:
    """Have her called with this news, and with none before it that has not reached her.

    Whoever knows of a slot that is off hears that also where she goes on waiting, or waits no more.
    """
    hours = await _may_come_at(connection, case.id, now)
    if hours:
        notice = {**notice, "before": hours[0].isoformat()}
    if hours and "starts_at" not in notice:
        what = OFF if notice["what"] == WAITING else notice["what"]
        notice = {**notice, "what": what, "was_at": hours[-1].isoformat()}
    await cancel(connection, case.id, now)
    await _plan(connection, case, notice, now)
    if "starts_at" in notice and notice["what"] != DELAYED:
        starts_at = datetime.fromisoformat(notice["starts_at"])
        at = datetime.combine(starts_at.date() - timedelta(days=1), REMINDED_AT, starts_at.tzinfo)
        if not is_told_once(notice, now):
            again_on = (starts_at.date() + AGAIN).isoformat()
            reminder = {**notice, "what": REMINDER, "again_on": again_on}
            reminder.pop("before", None)  # which the news itself takes the place of
            await _plan(connection, case, reminder, now, at)


def is_told_once(notice: Mapping[str, Any], now: datetime) -> bool:
    """Whether who hears of that slot today is not reminded of it too: it is tomorrow, or nearer."""
    starts_at = datetime.fromisoformat(notice["starts_at"])
    return starts_at.date() - timedelta(days=1) <= now.astimezone(starts_at.tzinfo).date()


async def _may_come_at(connection: AsyncConnection, case: uuid.UUID, now: datetime) -> list[datetime]:
    """The hours ahead that she may know as hers: what she heard last, and what she was tried with since.

    What was planned in between and never reached her takes none of them away.
    """
    its, heard = callbacks.c, callbacks.alias().c
    reached = (heard.case_id == case, heard.purpose == MEETING, heard.state == "reached")
    last = select(func.max(heard.created_at)).where(*reached).scalar_subquery()
    since = its.created_at >= func.coalesce(last, its.created_at)
    query = select(its.notice["starts_at"].as_string().label("at"), its.created_at, its.last_outcome)
    query = query.where(its.case_id == case, its.purpose == MEETING, since, _MAY_HAVE_HEARD)
    told = [row for row in await connection.execute(query) if row.at]
    given_back = {(row.at, row.created_at) for row in told if row.last_outcome in _GIVEN_BACK}
    hours = {datetime.fromisoformat(row.at) for row in told if (row.at, row.created_at) not in given_back}
    return sorted(at for at in hours if at > now)


async def _plan(
    connection: AsyncConnection,
    case: Any,
    notice: Mapping[str, Any],
    now: datetime,
    at: datetime | None = None,
) -> None:
    key = f"meeting:{case.id}:{uuid.uuid4()}"
    await callback_planning.plan_news(connection, case, key, now, dict(notice), at=at)
    if kind := _TEXTS.get(notice["what"]):
        row = outbox_row(key, kind, now, {"case": case.code} | dict(notice)) | {"next_at": at or now}
        await connection.execute(insert(outbox).values(row).on_conflict_do_nothing())


async def cancel(connection: AsyncConnection, case: uuid.UUID, now: datetime) -> None:
    """It is not so any more. Who is on the line with it is not rung with it again; her key does not count."""
    its = (callbacks.c.case_id == case, callbacks.c.purpose == MEETING, YET_TO_TELL)
    await connection.execute(update(callbacks).where(*its).values(state="cancelled", ended_at=now))


async def decline(connection: AsyncConnection, case: Any, now: datetime) -> None:
    """No meeting. Who knows of a slot hears that it is off, and that alone, before the answer to her case."""
    hours = await _may_come_at(connection, case.id, now)
    await cancel(connection, case.id, now)
    if hours:
        at = hours[-1]
        news = {"what": DECLINED, "was_at": at.isoformat(), "before": hours[0].isoformat()}
        await _plan(connection, case, news | {"again_on": at.date().isoformat()}, now)


async def give_way(connection: AsyncConnection, reminder: Any, now: datetime) -> None:
    """The reminder tells all that an invitation would that has not reached her."""
    others = (callbacks.c.case_id == reminder.case_id, callbacks.c.id != reminder.id)
    waits = (callbacks.c.purpose == MEETING, NOBODY_ON_THE_LINE)
    free = select(callbacks.c.id).where(*others, *waits).with_for_update(skip_locked=True)  # else it is ended
    its = update(callbacks).where(callbacks.c.id.in_(free))
    await connection.execute(its.values(state="cancelled", ended_at=now))


def presses_from(notice: Mapping[str, Any], now: datetime) -> datetime | None:
    """From when it presses: `SOON` before the first hour ahead at which she is to come, or might.

    `was_at` is when a slot that is off would have been, `before` the first hour that she knew when this was
    planned. Once an hour has gone by nobody comes for it in vain.
    """
    ahead = _ahead(notice, ("starts_at", *HOURS_LOST), now)
    return min(ahead) - SOON if ahead else None


def _ahead(notice: Mapping[str, Any], names: Collection[str], now: datetime) -> list[datetime]:
    """Those of its hours that are still to come."""
    hours = [datetime.fromisoformat(notice[name]) for name in names if notice.get(name)]
    return [at for at in hours if at > now]


def is_pressing(notice: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is of no use the day after tomorrow."""
    since = presses_from(notice, now)
    return since is not None and since <= now


async def is_to_tell_off(
    connection: AsyncConnection, case: uuid.UUID, now: datetime, number: str = ""
) -> bool:
    """Whether our call is still to tell her, or tells her now, that a slot to come is off.

    With a `number`, whether it does so there soon: one that is put off, as after one in vain, does not.
    """
    if not await callback_planning.calls_back(connection):
        return False
    its = callbacks.c
    hers = (its.case_id == case, its.purpose == MEETING, its.state.in_(callback_planning.OPEN))
    query = select(its.notice).where(*hers, TELLS_OFF)
    if number:
        query = query.where(its.number == number, or_(its.state == "calling", its.next_at <= now))
    return any(_ahead(notice, HOURS_LOST, now) for notice in (await connection.execute(query)).scalars())


async def was_invited(connection: AsyncConnection, case: uuid.UUID, session: int) -> bool:
    """Whether she may have heard of her slot there: she was rung about it, or written to."""
    its = (callbacks.c.case_id == case, callbacks.c.purpose == MEETING, _MAY_HAVE_HEARD)
    there = callbacks.c.notice["session"].as_integer() == session
    return (await connection.execute(select(callbacks.c.id).where(*its, there).limit(1))).first() is not None


def still_true(notice: Mapping[str, Any], now: datetime, today: date) -> bool:
    """Not once the slot has begun, nor once the day has gone by until which she was to hear of another.

    As long as she might come for a slot that is off she hears that; who is declined, only so long.
    """
    at = notice.get("starts_at") or notice.get("was_at")
    if at and datetime.fromisoformat(at) > now:
        return True
    no_day = "starts_at" in notice or notice.get("what") == DECLINED
    return not no_day and date.fromisoformat(notice["again_on"]) >= today


def outlives_case(notice: Any, now: datetime) -> bool:
    """Whether it is told also once her case is over: she may have ended it on hearing its answer, and would
    come for a slot that is off all the same. Of anything else that it tells she hears no more."""
    return isinstance(notice, dict) and bool(_ahead(notice, HOURS_LOST, now))


def news_of(notice: Mapping[str, Any]) -> MeetingNews:
    """As it is told; `starts_at` is kept in the province's zone. ValueError: there are no such news."""
    starts_at = notice.get("starts_at")
    if notice["what"] not in (_WITH_SLOT if starts_at else (WAITING, OFF, ELSEWHERE, DECLINED)):
        raise ValueError(f"there are no news called {notice['what']}")
    return MeetingNews(
        notice["what"],
        date.fromisoformat(notice["again_on"]),
        Official(notice.get("official", Official.GOVERNOR)),
        MeetingWay(notice.get("way", MeetingWay.IN_PERSON)),
        datetime.fromisoformat(starts_at) if starts_at else None,
        notice.get("place", ""),
        notice.get("agency", ""),
    )


async def still_hers(connection: AsyncConnection, told: Mapping[str, Any], now: datetime) -> bool:
    """Whether what an event tells of a slot is so: it may have waited, been given up, or passed."""
    if "slot" not in told:
        return "was_at" not in told or not await _has_another(connection, told["case"], now)
    its, at = meeting_slots.c, datetime.fromisoformat(told["starts_at"])
    if at <= now:
        return False
    hers = (its.session == told["session"], its.slot == told["slot"], its.starts_at == at, its.outcome == "")
    case = (cases.c.code == told["case"], cases.c.closed_at.is_(None))  # an ended one's is given up later
    query = select(its.slot).join(cases, cases.c.id == its.case_id).where(*case, *hers)
    if told.get("place"):  # the same hour may be somewhere else by now
        session = meeting_sessions.c
        query = query.join(meeting_sessions, session.number == its.session)
        query = query.where(session.place == told["place"])
    return (await connection.execute(query)).first() is not None


async def _has_another(connection: AsyncConnection, code: str, now: datetime) -> bool:
    """Whether a slot was given since to whom it was to be told that hers is off: she would stay at home."""
    its = meeting_slots.c
    query = select(its.slot).join(cases, cases.c.id == its.case_id)
    hers = query.where(cases.c.code == code, its.outcome == "", its.starts_at > now)
    return (await connection.execute(hers)).first() is not None
