"""Requests to meet an official as the office sees them: where each stands, and its place with reasons."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.cases.channels import COLLECTIVE
from ivr.cases.hearing_order import Because, Candidate, Ground, Ranked, Urgency, fair_order, place
from ivr.cases.meetings import OFFICE_OWES, SLOTTED, RequestState, is_anew, standing
from ivr.cases.same_citizen import Acquaintances, is_same
from ivr.cases.statuses import Status
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning
from ivr.desk.case.callback_planning import Reach
from ivr.desk.meetings import order_giving
from ivr.desk.meetings.request_deciding import at_the_office, lists_of, today
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.store.cases import WISHES
from ivr.store.tables import cases, meeting_requests, meeting_sessions, meeting_slots

_NOTED = [column for column in meeting_requests.c if column.name not in ("case_id", "reason")]

_OF_OTHERS = frozenset({Ground.FIRST_MEETING, Ground.UNKEPT_ORDERS})
EVERYTHING = Scope()
_SITS_ON = timedelta(hours=12)  # so long after its end some of a session may be in the room


@dataclass(frozen=True, slots=True)
class OtherSlot:
    """One that is still to come, by another request (`case`) of hers. `sure`: else only from one number."""

    session: int
    slot: int
    case: uuid.UUID
    sure: bool


@dataclass(frozen=True, slots=True)
class MeetingRequest:
    """One request. `case`: her case and what the office noted. `late`: a step is owed since a day gone by.

    `place`: where the fair order puts her. `reasons`: why, for people: of a confidential one nothing that her
    other cases tell, of others nothing that confidential ones do; so it is with `others`, her other slots.
    `by_phone`: whether she can be told. `unnoted_in`: the session in which her slot has gone by, and nobody
    said what came of it.
    """

    case: Row[Any]
    state: RequestState
    place: Ranked
    reasons: tuple[Because, ...]
    late: bool
    by_phone: Reach
    others: tuple[OtherSlot, ...] = ()
    unnoted_in: int | None = None

    @property
    def code(self) -> str:
        return str(self.case.code)

    @property
    def bodies(self) -> Sequence[str]:
        return self.case.bodies or ()

    @property
    def next_on(self) -> date | None:
        found: date | None = self.case.next_on
        return found


async def listed(
    connection: AsyncConnection,
    page: Page,
    now: datetime,
    scope: Scope = EVERYTHING,
    states: Collection[RequestState] | None = None,
) -> list[MeetingRequest]:
    """Those of these states whose case is open, in the fair order. Bodies other than the office see none.

    Without states those of which the office owes a step, as of a slot of which nobody said what came of it.
    """
    if scope.agency:
        return []
    rows = (await connection.execute(_wishes().where(scope.cases()))).all()
    wanted = OFFICE_OWES if states is None else states
    by_state = {row.id: state_of(page, row) for row in rows}
    unnoted: Collection[uuid.UUID] = ()
    if states is None:
        unnoted = await _unnoted(connection, now, [id for id, state in by_state.items() if state in SLOTTED])
    found = [row for row in rows if by_state[row.id] in wanted or row.id in unnoted]
    return await _in_sight(connection, scope, await told(connection, page, now, found))


async def next_for(
    connection: AsyncConnection, page: Page, now: datetime, session: Row[Any]
) -> list[MeetingRequest]:
    """Who is to be heard next at that session, in the fair order.

    The office's list are those who wait; that of a county governor, mayor or head are those sent to him. A
    deputy hears nobody about himself.
    """
    lists = lists_of(page, session)
    states = {RequestState.WAITING} | ({RequestState.SENT_BELOW} if any(lists) else set())
    found = await listed(connection, page, now, states=states)
    there = [wish for wish in found if (wish.case.tier or "") in lists]
    return [wish for wish in there if not lists & {wish.case.about, wish.case.accused}]


async def of_case(
    connection: AsyncConnection, page: Page, now: datetime, scope: Scope, code: str
) -> MeetingRequest | None:
    """The one request, whatever its state; None where there is none that they may know of."""
    if scope.agency:
        return None
    query = _request().where(cases.c.code == code, scope.cases())
    rows = (await connection.execute(query)).all()
    found = await _in_sight(connection, scope, await told(connection, page, now, rows))
    return next(iter(found), None)


async def of_ids(
    connection: AsyncConnection, page: Page, now: datetime, ids: Collection[uuid.UUID]
) -> list[MeetingRequest]:
    """Those, whatever their state."""
    rows = (await connection.execute(_request().where(cases.c.id.in_(ids)))).all()
    return await told(connection, page, now, rows)


async def as_read(
    connection: AsyncConnection, scope: Scope, wishes: Collection[MeetingRequest]
) -> list[MeetingRequest]:
    """Those of them that are in sight, as far as they may be read: who she is, is in no confidential one."""
    query = _request(scope.columns()).where(cases.c.id.in_([wish.case.id for wish in wishes]))
    read = {row.id: row for row in await connection.execute(query.where(scope.in_sight()))}
    told = await _in_sight(connection, scope, wishes)
    return [replace(wish, case=read[wish.case.id]) for wish in told if wish.case.id in read]


async def _in_sight(
    connection: AsyncConnection, scope: Scope, wishes: Collection[MeetingRequest]
) -> list[MeetingRequest]:
    """With those of her other slots of which they may know; a body of none."""
    ids = {other.case for wish in wishes for other in wish.others}
    seen: set[uuid.UUID] = set()
    if ids and not scope.agency:
        query = select(cases.c.id).where(cases.c.id.in_(ids), scope.in_sight())
        seen = {*(await connection.execute(query)).scalars()}
    return [replace(wish, others=tuple(o for o in wish.others if o.case in seen)) for wish in wishes]


async def told(
    connection: AsyncConnection, page: Page, now: datetime, rows: Sequence[Row[Any]]
) -> list[MeetingRequest]:
    """These rows with place, delay and reach, in the fair order."""
    callers = {row.caller_key for row in rows if not phone.is_withheld(row.caller_key)}
    zone = ZoneInfo(page.calendar.timezone)
    spoken = page.conventions.languages
    reach = await callback_planning.reach(connection, [row._mapping for row in rows], now, spoken)
    of = {row.code: (row, by_phone) for row, by_phone in zip(rows, reach, strict=True)}
    met = await _met(connection, callers)
    unkept = await order_giving.unkept(connection, page, callers, now)
    owed = Counter(order.part.hers for order in unkept)
    told_owed = Counter(order.part.hers for order in unkept if not order.part.confidential)
    places = fair_order([_candidate(row, row.caller_key in met, owed) for row in rows], now, zone)
    why = {
        row.code: place(_candidate(row, met.get(row.caller_key, False), told_owed), now, zone) for row in rows
    }
    ahead = await _slots_ahead(connection, now)
    unnoted = await _unnoted(connection, now, [row.id for row in rows])
    wishes = [_wish(page, now, *of[each.code], each, why[each.code], unnoted) for each in places]
    return [replace(wish, others=_others(wish.case, ahead)) for wish in wishes]


async def _slots_ahead(connection: AsyncConnection, now: datetime) -> Acquaintances:
    """Slots that are still to come and somebody's, with who she is; of no confidential case."""
    its, hers = meeting_slots.c, cases.c
    who = (hers.id, hers.caller_key, hers.caller_name, hers.national_id)
    query: Select[Any] = select(its.session, its.slot, *who).select_from(meeting_slots)
    query = query.join(cases, hers.id == its.case_id).join(meeting_sessions)
    query = query.where(its.outcome == "", hers.closed_at.is_(None), OPEN_TO_ALL)
    query = query.where(meeting_sessions.c.ends_at > now - _SITS_ON)
    return Acquaintances(await connection.execute(query.order_by(its.starts_at, its.slot)))


async def _unnoted(
    connection: AsyncConnection, now: datetime, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, int]:
    """By case the session in which its slot has gone by, with no word of what came of it."""
    return {row.case_id: row.session for row in await connection.execute(gone_by(now, ids))}


def gone_by(now: datetime, ids: Collection[uuid.UUID]) -> Select[Any]:
    """The slots of these cases that are over, and of which nobody said what came of them."""
    its = meeting_slots.c
    query = select(its.case_id, its.session).join(meeting_sessions)
    over = meeting_sessions.c.ends_at <= now - _SITS_ON
    return query.where(its.case_id.in_(ids), its.outcome == "", over)


def _others(case: Row[Any], ahead: Acquaintances) -> tuple[OtherSlot, ...]:
    told = () if case.confidential else ahead.of(case)
    hers = [its for its in told if its.id != case.id]
    return tuple(OtherSlot(its.session, its.slot, its.id, is_same(case, its)) for its in hers)


def state_of(page: Page, row: Row[Any]) -> RequestState:
    stored = None if row.state is None else RequestState(row.state)
    anew = is_anew(row.decided_at, row.answered_at)
    return standing(stored, Status(row.status), at_the_office(page, row), below=bool(row.tier), anew=anew)


def _wish(
    page: Page,
    now: datetime,
    row: Row[Any],
    by_phone: Reach,
    place: Ranked,
    told: Ranked,
    unnoted: Mapping[uuid.UUID, int],
) -> MeetingRequest:
    state = state_of(page, row)
    unnoted_in = unnoted.get(row.id) if state in SLOTTED else None
    dated = row.next_on if state is RequestState.WAITING else None
    late = dated < today(page, now) if dated else state in OFFICE_OWES and row.due_at < now
    late = late or unnoted_in is not None
    reasons = tuple(each for each in told.reasons if not (row.confidential and each.why in _OF_OTHERS))
    return MeetingRequest(row, state, place, reasons, late, by_phone, unnoted_in=unnoted_in)


def _candidate(row: Row[Any], met_before: bool, owed: Mapping[str, int]) -> Candidate:
    its = (row.code, row.opened_at, Urgency(row.urgency or 0), met_before, owed.get(row.caller_key, 0))
    return Candidate(*its, row.missed_at)


def _request(columns: Sequence[Any] = tuple(cases.c)) -> Select[Any]:
    noted = meeting_requests.c.case_id == cases.c.id
    query = select(*columns, *_NOTED, meeting_requests.c.reason.label("decided_because"))
    query = query.outerjoin(meeting_requests, noted)
    return query.where(cases.c.kind == "meeting", cases.c.part_of.is_(None), cases.c.channel != COLLECTIVE)


def _wishes() -> Select[Any]:
    """Those to be decided on; whose case is collected had her slot all the same, and stands on its agenda."""
    return _request().where(WISHES, cases.c.member_of.is_(None))


async def _met(connection: AsyncConnection, callers: Collection[str]) -> dict[str, bool]:
    """Which of these callers have met an official before, and whether of more than a confidential case."""
    query = select(cases.c.caller_key, func.bool_or(OPEN_TO_ALL).label("openly"))
    query = query.join(meeting_requests, meeting_requests.c.case_id == cases.c.id)
    query = query.where(cases.c.caller_key.in_(callers), meeting_requests.c.met_at.is_not(None))
    found = await connection.execute(query.group_by(cases.c.caller_key))
    return {row.caller_key: row.openly for row in found}
