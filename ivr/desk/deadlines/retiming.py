"""Open cases timed anew after a closure, or a change of holidays or ladders. One batch is one transaction.

Which cases wait is told by the cases themselves (`ivr.store.calendar_revisions`), so that a pass may die at
any moment, several may run at once, and a case that was opened by an older reading is found by the next one.
What was used of a clock stays used: the deadline is worked out from the opening, under the new calendar.
An order stays due on the day that the official gave; a collective case on that of the first of its members.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import COLLECTIVE
from ivr.cases.clock import Clock
from ivr.cases.escalation import next_at
from ivr.desk.book.book import Page
from ivr.desk.case import order_calls
from ivr.desk.case.change import clock_by_day, clock_of
from ivr.desk.case.event_log import Told, tell_all
from ivr.store.aside import Aside
from ivr.store.calendar_revisions import UNTIMED
from ivr.store.direct import Prepared, asking, from_arrays
from ivr.store.tables import cases, referrals

log = logging.getLogger(__name__)

Values = dict[str, Any]
BATCH = 200
EVENT = "retimed"
_VOUCHED = ("due_at", "stopped_days", "ordered_days")  # what an event vouches for, of what is new


async def retime(
    engine: AsyncEngine,
    page: Page,
    now: datetime | None = None,
    batch: int = BATCH,
    aside: Aside | None = None,
) -> int:
    """Time anew every case that waits for it and is held by nobody; how many deadlines moved."""
    now, moved, aside = now or datetime.now(UTC), 0, aside or Aside()
    wanted = {county: page.wanted(county) for county in ("", *sorted(page.counties))}
    async with asking(engine) as raw:  # a transaction for each county only where a case waits
        late = await _LATE.all(raw, all_county=[*wanted], all_timed_by=[*wanted.values()])
        strayed = await _STRAYED.all(raw)
    if not late and not strayed:
        aside.none_left("deadlines")
        return 0
    save = partial(_save, page=page, now=now)
    for county in (row["county"] for row in late):
        for query in (waiting(county, wanted[county], batch), collected(county, wanted[county], batch)):
            moved += await aside.batches("deadlines", engine, query, save, now, batch)

    async def follow(whole: uuid.UUID) -> int:
        async with engine.begin() as connection:
            return await _with_the_first(connection, whole, page, now)

    async with engine.connect() as connection:  # once their members are timed, whichever county's they are
        wholes = (await connection.execute(_WHOLES)).all()
    behind = {whole.id: whole.id for whole in wholes if _is_behind(whole, page) or _has_strayed(whole, page)}
    if not late and not behind:
        aside.none_left("deadlines")
    return moved + await aside.each("deadlines", behind, follow, now)


def late() -> Select[Any]:
    """Of those counties, each with the reading that its cases are wanted by, the ones with an older case."""
    its = from_arrays([cases.c.county, cases.c.timed_by]).c
    older = select(cases.c.id).where(cases.c.closed_at.is_(None), cases.c.timed_by < its.timed_by)
    nowhere = and_(its.county == "", older.where(cases.c.county.is_(None)).exists())
    return select(its.county).where(or_(older.where(cases.c.county == its.county).exists(), nowhere))


_LATE = Prepared(late())
_MEMBER = cases.alias("member")
_FIRST_DUE = select(func.min(_MEMBER.c.due_at)).where(
    _MEMBER.c.member_of == cases.c.id, _MEMBER.c.closed_at.is_(None)
)
_WHOLES = select(cases, _FIRST_DUE.scalar_subquery().label("first_due")).where(
    cases.c.channel == COLLECTIVE, cases.c.closed_at.is_(None)
)


def strayed() -> Select[Any]:
    """Collective cases that wait for an answer and are not due when the first of their members is.

    None is marked that an older release timed, which goes on beside this one through an upgrade.
    """
    elsewhere = cases.c.due_at != _FIRST_DUE.scalar_subquery()
    its = (cases.c.channel == COLLECTIVE, cases.c.closed_at.is_(None), cases.c.stopped_at.is_(None))
    return select(cases.c.id).where(*its, elsewhere)


_STRAYED = Prepared(strayed())


def waiting(county: str, wanted: int, batch: int) -> Select[Any]:
    """A county's open cases that an older reading timed, locked; none that is a collective one or in one."""
    query = _behind(county, wanted, batch).where(cases.c.channel != COLLECTIVE, cases.c.member_of.is_(None))
    return query.with_for_update(skip_locked=True)


def collected(county: str, wanted: int, batch: int) -> Select[Any]:
    """Those in a collective case, which is locked with them: it waits as soon as one of them is timed."""
    whole = cases.alias("whole")
    query = _behind(county, wanted, batch).join(whole, whole.c.id == cases.c.member_of)
    return query.with_for_update(of=[cases, whole], key_share=True, skip_locked=True)


def _behind(county: str, wanted: int, batch: int) -> Select[Any]:
    here = cases.c.county == county if county else cases.c.county.is_(None)
    return select(cases).where(here, cases.c.closed_at.is_(None), cases.c.timed_by < wanted).limit(batch)


def _is_behind(case: Any, page: Page) -> bool:
    return bool(case.timed_by < page.wanted(case.county or ""))


def _has_strayed(whole: Row[Any], page: Page) -> bool:
    """Not if its own county is off on that day: it is as near as it gets then."""
    if whole.stopped_at or whole.first_due is None:
        return False
    clock = clock_of(whole).due_by(page.calendar, whole.first_due, whole.county or "")
    return bool(_times(whole, clock, page)["due_at"] != whole.due_at)


async def _save(connection: AsyncConnection, found: Sequence[Row[Any]], page: Page, now: datetime) -> int:
    days = await order_calls.days_of(connection, [case.id for case in found if case.part_of])
    times = [(case, _times(case, clock_by_day(case, page, days.get(case.id)), page)) for case in found]
    if wholes := {case.member_of for case in found if case.member_of}:
        await connection.execute(update(cases).where(cases.c.id.in_(wholes)).values(timed_by=UNTIMED))
    return await _write(connection, times, now)


async def _with_the_first(connection: AsyncConnection, whole: uuid.UUID, page: Page, now: datetime) -> int:
    """A collective case that waits for an answer is due when the first of its members is.

    Of those that are timed: as long as another is not, it waits itself.
    """
    its = cases.c
    waits = select(cases).where(its.id == whole, its.closed_at.is_(None))
    case = (await connection.execute(waits.with_for_update(key_share=True))).first()
    if case is None:
        return 0
    theirs = select(its.county, its.timed_by, its.due_at).where(its.member_of == whole)
    members = (await connection.execute(theirs.where(its.closed_at.is_(None)))).all()
    timed = [member.due_at for member in members if not _is_behind(member, page)]
    clock = clock_of(case)
    if timed and not case.stopped_at:
        clock = clock.due_by(page.calendar, min(timed), case.county or "")
    times = _times(case, clock, page)
    if len(timed) < len(members):
        times["timed_by"] = case.timed_by
    return await _write(connection, [(case, times)], now)


async def _write(connection: AsyncConnection, times: Sequence[tuple[Row[Any], Values]], now: datetime) -> int:
    """With an event where that vouches for what is new. How many deadlines moved."""
    new = [each for each in times if _is_new(*each)]
    same = [{"its_case": case.id} | its for case, its in times if not _is_new(case, its)]
    if same:
        await connection.execute(_TIME, same)
    if new:
        moves = [{"its_case": case.id, "due_at": its["due_at"]} for case, its in new]
        await connection.execute(_MOVE_REFERRAL, moves)
        await tell_all(connection, [_told(case, its) for case, its in new], now)
    return sum(its["due_at"] != case.due_at for case, its in new)


def _is_new(case: Row[Any], new: Values) -> bool:
    return any(new[name] != getattr(case, name) for name in _VOUCHED)


def _times(case: Row[Any], clock: Clock, page: Page) -> Values:
    """A case that can't be timed keeps its times; it must not keep the others waiting."""
    times: Values = {name: getattr(case, name) for name in (*_VOUCHED, "next_rung_at")}
    try:
        term = page.term(clock, case.kind, case.topic, case.county or "")
        ladder = page.ladder(case.kind, case.topic, case.agency)
        next_rung_at = None if case.stopped_at else next_at(ladder, term, case.rung)
        times |= {"due_at": term.due_at, "next_rung_at": next_rung_at}
        times |= {"stopped_days": clock.stopped_days, "ordered_days": clock.ordered_days}
    except (KeyError, ValueError) as error:
        log.error("case %s can't be timed anew: %r", case.code, error)
    return times | {"timed_by": page.revision}


def _told(case: Row[Any], new: Values) -> Told:
    cause = uuid.uuid5(case.id, f"{EVENT}:{case.last_seq + 1}")
    moved = {"before": case.due_at.isoformat(), "due_at": new["due_at"].isoformat()}
    return Told(case.id, cause, EVENT, moved if new["due_at"] != case.due_at else {}, new)


# The columns to set are named by the values that are given.
_TIME = update(cases).where(cases.c.id == bindparam("its_case"))
_MOVE_REFERRAL = update(referrals).where(
    referrals.c.case_id == bindparam("its_case"), referrals.c.ended_at.is_(None)
)
