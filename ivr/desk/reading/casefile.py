"""Everything that the page of one case shows, read at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, null, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.alphabet import persian_order
from ivr.cases.callback import Outcome
from ivr.cases.channels import COLLECTIVE
from ivr.cases.meetings import OF_A_BODY, Official
from ivr.cases.statuses import Status
from ivr.cases.transitions import Actor, CaseAction, Side, permitted
from ivr.desk.call import interventions
from ivr.desk.case import attachments, callback_planning, family
from ivr.desk.case.confiding import EVENT as CONFIDED
from ivr.desk.case.event_log import MACHINE
from ivr.desk.meetings import office_deeds
from ivr.desk.meetings.order_reading import SESSION
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.desk.reading import related
from ivr.desk.reading.related import Related
from ivr.desk.recordings import marks
from ivr.desk.recordings.transcripts import edition
from ivr.desk.refusals import NoSuchCase
from ivr.store.callbacks import UNTOLD
from ivr.store.tables import (
    agencies,
    areas,
    callback_attempts,
    callbacks,
    calls,
    case_events,
    cases,
    meeting_orders,
    people,
    provinces,
    recordings,
    referrals,
    suggestions,
    topics,
)

KIN_NAMED = 50  # parts or members of a case; a collective one may have thousands
# Why the desk did these is for its own eyes: how she was told, who is afraid of whom.
_OF_THE_DESK = frozenset({"topic_changed", "told", "closed", "withdrawn", "held", "hold_ended"})


@dataclass(frozen=True, slots=True)
class CaseNames:
    """Codes by the names people know. `assignable`: agencies that can be given cases, by name.

    `office`: the governor's, as far as meetings ask.
    """

    agencies: Mapping[str, str]
    topics: Mapping[str, str]
    counties: Mapping[str, str]
    assignable: Sequence[str] = ()
    desk: str = ""
    office: str = ""

    def body_of(self, session: Row[Any]) -> str:
        """Of which body its official is; "" of the governor, and of a deputy without one of his own."""
        at_large = session.official == Official.DEPUTY and session.agency == self.office
        if session.official not in OF_A_BODY or at_large:
            return ""
        return self.agencies.get(session.agency, session.agency)


@dataclass(frozen=True, slots=True)
class MarkedRecording:
    """A recording with its marks. `edition`: the number of its last transcript by hand, 0 = none."""

    row: Row[Any]
    marks: Sequence[Row[Any]]
    edition: int


@dataclass(frozen=True, slots=True)
class TiedCases:
    """Cases with the same tie to one, at most `KIN_NAMED`. `more`: how many are not named."""

    rows: Sequence[Row[Any]]
    more: int = 0


@dataclass(frozen=True, slots=True)
class CaseFile:
    """`attempts`: our calls to the citizen. `people`: who acted, by the names they sign in with.

    `interventions`: what supervisors did in `calls` and in ours to her.
    `by_phone`: whether she can be told by telephone.
    `untold`: it has an answer of which the desk must tell her.
    `kin`: the cases that this one is tied to. `hands`: whose it is at its body, by full name.
    `below`: how each of its parts stands, also one that is out of sight; of a collective case one that waits.
    `order`: where it carries one, with the `session` at which it was given.
    `report`: where its body owes the governor's office one.
    """

    case: Row[Any]
    names: CaseNames
    events: Sequence[Row[Any]]
    referrals: Sequence[Row[Any]]
    recordings: Sequence[MarkedRecording]
    calls: Sequence[Row[Any]]
    suggestions: Sequence[Row[Any]]
    attempts: Sequence[Row[Any]]
    of_caller: Sequence[Related]
    of_matter: Sequence[Related]
    people: Mapping[str, str] = field(default_factory=dict)
    kin: Mapping[str, TiedCases] = field(default_factory=dict)
    hands: str = ""
    interventions: Sequence[Row[Any]] = ()
    by_phone: str = ""
    untold: bool = False
    attachments: Sequence[Row[Any]] = ()
    order: Row[Any] | None = None
    report: Row[Any] | None = None
    below: Sequence[Row[Any]] = ()

    def actions(self, actor: Actor) -> frozenset[CaseAction]:
        """What the table of transitions lets them try; an agency that has it not may do nothing."""
        if actor.side is Side.AGENCY and actor.agency != self.case.agency:
            return frozenset()
        found = permitted(Status(self.case.status), actor.side) - family.forbidden(self.case, self.below)
        if self.case.draft is None:
            found -= {CaseAction.APPROVE, CaseAction.TURN_DOWN}
        if self.case.anonymised_at is not None:
            found -= {CaseAction.REOPEN}
        paused = self.case.paused_at is not None
        return found - {CaseAction.PAUSE if paused else CaseAction.RESUME}


async def names(connection: AsyncConnection) -> CaseNames:
    """All of the province's."""
    about = (agencies.c.code, agencies.c.name, agencies.c.assignable, agencies.c.retired_at)
    bodies = sorted((await connection.execute(select(*about))).all(), key=lambda row: persian_order(row.name))
    matters = await connection.execute(select(topics.c.code, topics.c.name))
    places = await connection.execute(select(areas.c.code, areas.c.name))
    return CaseNames(
        {row.code: row.name for row in bodies},
        {row.code: row.name for row in matters},
        {row.code: row.name for row in places},
        [row.code for row in bodies if row.assignable and row.retired_at is None],
        str((await connection.execute(select(provinces.c.desk).limit(1))).scalar() or ""),
    )


async def read(
    engine: AsyncEngine, scope: Scope, code: str, languages: Collection[str] = ()
) -> CaseFile | None:
    """None: there is no such case that they may know of. `languages`: as for `callback_planning.reach`."""
    async with engine.connect() as connection:
        case = await _case(connection, scope, code)
        if case is None:
            return None
        whole = scope.reads_whole(case)
        heard = await _recordings(connection, case.id) if whole else []
        events = await _of(connection, case_events, case.id, case_events.c.seq)
        if not whole:
            events = _for_its_body(case, events)
        said = " ".join([case.words, *(each.row.transcript or "" for each in heard)])
        its_calls = await _calls(connection, case, heard) if whole else []
        ours = await interventions.placed_for(connection, case.id) if whole else []
        stepped_in = await interventions.of_calls(connection, {*ours, *(call.id for call in its_calls)})
        by_phone = await reach_of(connection, case.id, datetime.now(UTC), languages)
        acted = {event.actor.rpartition("/")[2] for event in events} | {each.actor for each in stepped_in}
        return CaseFile(
            case,
            await names(connection),
            events,
            await _of(connection, referrals, case.id, referrals.c.referred_at),
            heard,
            its_calls,
            await _of(connection, suggestions, case.id, suggestions.c.suggested_at) if whole else [],
            await _attempts(connection, case.id),
            await related.of_caller(connection, scope, case),
            await related.of_matter(connection, scope, case, said),
            await full_names(connection, acted),
            await _kin(connection, scope, case),
            await _hands(connection, case),
            stepped_in,
            by_phone,
            await _untold(connection, case),
            await attachments.of_cases(connection, [case.id]) if whole else [],
            await _order(connection, case.id, whole),
            await office_deeds.owed_of(connection, case.id),
            await _below(connection, case),
        )


def _for_its_body(case: Row[Any], events: Sequence[Row[Any]]) -> list[Row[Any]]:
    """A confidential case's story without what people wrote before it came there, or for the desk alone.

    What that body wrote itself stays, but for an answer that is composed of several bodies' (`parts`).
    """
    since = max((event.seq for event in events if _came_by(case, event)), default=case.last_seq + 1)
    for event in events:
        others = event.actor != MACHINE and event.actor.partition("/")[0] != case.agency
        others = others or "parts" in event.details  # its actor is whoever answered last
        if others and (event.seq < since or event.event in _OF_THE_DESK):
            for name in ("reason", "text", "spoken"):
                event.details.pop(name, None)
    return [event for event in events if event.event != CONFIDED]


def _came_by(case: Row[Any], event: Row[Any]) -> bool:
    """Whether it brought the case to the body that has it. The first referral is from nobody."""
    before = event.details.get("from", "" if event.event == "referred" else case.agency)
    return bool(event.details.get("agency") == case.agency != before)


async def reach_of(
    connection: AsyncConnection, case: UUID, now: datetime, languages: Collection[str]
) -> callback_planning.Reach:
    """Whether she can be told by telephone, also where nobody may read her number."""
    hers = (await connection.execute(select(cases).where(cases.c.id == case))).one()
    [by_phone] = await callback_planning.reach(connection, [hers._mapping], now, languages)
    return by_phone


async def case_of(engine: AsyncEngine, scope: Scope, code: str) -> Row[Any] | None:
    """The case alone. None: there is no such case that they may know of."""
    async with engine.connect() as connection:
        return await _case(connection, scope, code)


async def opened_by(engine: AsyncEngine, scope: Scope, actor: Actor, code: str) -> Row[Any] | None:
    """The case that they registered themselves, wherever it belongs: who stands before them needs her code.

    None: it was not them, or it is kept from them.
    """
    its = (case_events.c.case_id == cases.c.id, case_events.c.event == "opened", case_events.c.seq == 1)
    hers = select(case_events.c.seq).where(*its, case_events.c.actor == actor.name).exists()
    query = select(*scope.columns()).where(cases.c.code == code, scope.not_kept(), hers)
    async with engine.connect() as connection:
        return (await connection.execute(query)).first()


async def must_know(engine: AsyncEngine, scope: Scope, code: str) -> None:
    """Before a deed on a code that was sent. Raises NoSuchCase, for nobody's and one out of sight alike."""
    if await case_of(engine, scope, code) is None:
        raise NoSuchCase(f"there is no case {code}")


async def sent_on(engine: AsyncEngine, scope: Scope, code: str) -> bool:
    """Whether it was this agency's and went to another one: all that it is still told. False to the desk."""
    if not scope.agency:
        return False
    had = (referrals.c.case_id == cases.c.id, referrals.c.agency == scope.agency)
    query = select(cases.c.id).where(cases.c.code == code, scope.not_kept(), OPEN_TO_ALL)
    query = query.where(cases.c.agency != scope.agency, select(referrals.c.id).where(*had).exists())
    async with engine.connect() as connection:
        return (await connection.execute(query)).first() is not None


async def _case(connection: AsyncConnection, scope: Scope, code: str) -> Row[Any] | None:
    query = select(*scope.columns()).where(cases.c.code == code, scope.cases())
    return (await connection.execute(query)).first()


async def _untold(connection: AsyncConnection, case: Row[Any]) -> bool:
    query = select(callbacks.c.id).where(callbacks.c.case_id == case.id, UNTOLD).limit(1)
    told_of = case.status in callback_planning.TOLD_OF and case.anonymised_at is None
    return told_of and (await connection.execute(query)).first() is not None


async def _order(connection: AsyncConnection, case: UUID, whole: bool) -> Row[Any] | None:
    """Of a confidential one no body reads at which session it was given: that would tell whose it is."""
    query = select(meeting_orders, (SESSION if whole else null()).label("session"))
    return (await connection.execute(query.where(meeting_orders.c.case_id == case))).first()


async def _of(connection: AsyncConnection, table: Any, case: UUID, order: Any) -> list[Row[Any]]:
    return list(
        (await connection.execute(select(table).where(table.c.case_id == case).order_by(order))).all()
    )


async def _recordings(connection: AsyncConnection, case: UUID) -> list[MarkedRecording]:
    rows = await _of(connection, recordings, case, recordings.c.recorded_at)
    noted = await marks.listed(connection, [row.name for row in rows])
    return [
        MarkedRecording(
            row, [mark for mark in noted if mark.recording == row.name], await edition(connection, row.name)
        )
        for row in rows
    ]


async def _calls(
    connection: AsyncConnection, case: Row[Any], heard: Sequence[MarkedRecording]
) -> list[Row[Any]]:
    """That which opened it, and those in which she spoke to it again."""
    ids = {each.row.call_id for each in heard} | {case.call_id}
    query = select(calls).where(calls.c.id.in_(ids - {None})).order_by(calls.c.started_at)
    return [*(await connection.execute(query)).all()]


async def _attempts(connection: AsyncConnection, case: UUID) -> list[Row[Any]]:
    """Of those in a row that did not leave us, sixty a day, the first and the last."""
    its = callback_attempts.c
    before, after = (
        each(its.outcome).over(partition_by=its.callback_id, order_by=its.at)
        for each in (func.lag, func.lead)
    )
    all_ = select(its.at, its.outcome, callbacks.c.purpose, before.label("before"), after.label("after"))
    all_ = all_.join(callbacks, callbacks.c.id == its.callback_id).where(callbacks.c.case_id == case)
    rows = all_.subquery().c
    told = (each.is_distinct_from(Outcome.NOT_SENT) for each in (rows.before, rows.outcome, rows.after))
    query = select(rows.at, rows.outcome, rows.purpose).where(or_(*told)).order_by(rows.at)
    return list(await connection.execute(query))


async def full_names(connection: AsyncConnection, named: Collection[str]) -> dict[str, str]:
    """Of people, by the names they sign in with."""
    query = select(people.c.name, people.c.full_name).where(people.c.name.in_(named))
    return {row.name: row.full_name for row in await connection.execute(query)}


async def _below(connection: AsyncConnection, case: Row[Any]) -> list[Row[Any]]:
    query = select(cases.c.status, cases.c.closed_at)
    if case.channel == COLLECTIVE:
        query = query.where(cases.c.member_of == case.id, cases.c.closed_at.is_(None)).limit(1)
    else:
        query = query.where(cases.c.part_of == case.id)
    return list(await connection.execute(query))


async def _hands(connection: AsyncConnection, case: Row[Any]) -> str:
    query = select(people.c.full_name).where(people.c.id == case.person_id)
    return str((await connection.execute(query)).scalar() or "") if case.person_id else ""


async def _kin(connection: AsyncConnection, scope: Scope, case: Row[Any]) -> dict[str, TiedCases]:
    """What it was merged into, is a part or a member of; its parts and members."""
    above = {"part_of": case.part_of, "member_of": case.member_of, "merged_into": case.merged_into}
    found: dict[str, list[Row[Any]]] = {}
    many: dict[str, int] = {}
    for row in await connection.execute(_tied(scope, case, above)):
        many = {tie: getattr(row, f"{tie}s") for tie in _BELOW}
        for tie, column in _BELOW.items():
            if row._mapping[column.name] == case.id:
                found.setdefault(tie, []).append(row)
        for tie, id in above.items():
            if row.id == id:
                found.setdefault(tie, []).append(row)
    return {tie: TiedCases(rows, many.get(tie, len(rows)) - len(rows)) for tie, rows in found.items()}


_BELOW = {"part": cases.c.part_of, "member": cases.c.member_of}
# Its body, its state, and what `Page.standing` asks. Of an order beside them `first_due_on`, as it was given.
_SHOWN_OF_A_PART = ("agency", "status", "due_at", "county", "closed_at", "stopped_at", "paused_until")


def _tied(scope: Scope, case: Row[Any], above: Mapping[str, UUID | None]) -> Select[Any]:
    """Those above first: however many are below, none of them may be missing."""
    below = {tie: column == case.id for tie, column in _BELOW.items()}
    is_higher = cases.c.id.in_([id for id in above.values() if id is not None])
    query = select(*(cases.c[name] for name in ("id", "code", "part_of", "member_of", *_SHOWN_OF_A_PART)))
    query = query.outerjoin(meeting_orders, meeting_orders.c.case_id == cases.c.id)
    query = query.add_columns(
        meeting_orders.c.first_due_on,
        *(func.count().filter(its).over().label(f"{tie}s") for tie, its in below.items()),
    )
    query = query.where(scope.cases(), or_(*below.values(), is_higher))
    return query.order_by(is_higher.desc(), cases.c.code).limit(KIN_NAMED)
