"""The province's book: who is responsible for what and until when, kept in memory and reread on change.

Also the two questions that a call asks of the database, each one round trip.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases import phone
from ivr.cases.channels import tells_number_only
from ivr.cases.clock import Clock
from ivr.cases.deadlines import Calendar
from ivr.cases.delay import Standing, standing
from ivr.cases.escalation import Ladder, Ladders, Term, from_json
from ivr.cases.kinds import Kind
from ivr.cases.meetings import MeetingWay, Official, RequestState, is_anew
from ivr.cases.meetings import standing as request_standing
from ivr.cases.routing import Rule, Rules, RuleScope
from ivr.cases.statuses import Status
from ivr.cases.transitions import REOPEN
from ivr.desk.book import left_behind
from ivr.desk.book.left_behind import NOT_WITHHELD, UNANSWERED
from ivr.desk.book.who_calls import WhoCalls
from ivr.desk.people import limiting
from ivr.desk.people.limiting import Limit
from ivr.store.case_parts import followed_by, parts_column, parts_seen
from ivr.store.cases import WITHHELD
from ivr.store.clocks import FAR
from ivr.store.direct import Prepared, asking, direct, from_arrays
from ivr.store.limits import limits as limits_set
from ivr.store.listening import listen
from ivr.store.tables import (
    agencies,
    areas,
    attempts,
    calendar_days,
    calendar_revisions,
    cases,
    code_misses,
    meeting_requests,
    meeting_sessions,
    meeting_slots,
    precedents,
    provinces,
    routing_rules,
    topics,
)
from ivr.voice.actions import OpenCase
from ivr.voice.events import CallerKnown, CaseSeen, Lookup, MeetingSeen, TakenUp

log = logging.getLogger(__name__)

CHANNEL = "ivr_directory"  # NOTIFY when agencies, areas, topics, rules or calendar change
# Withheld numbers share one allowance; it is larger so that one of them can't shut out the rest.
WITHHELD_TIMES = 20
MANY_MISSES = 100  # wrong codes of all callers within the window: somebody guesses
MISSES_OF_ALL = "codes by telephone"  # their key in `attempts`


class BookEmpty(Exception):
    """The database has no province yet: it wants `ivr db upgrade`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many cases of one caller go their usual way within an hour and a day; further ones go to the desk.

    `repeat_days`: so long what she says of the same matter joins her open case. 0 switches each of the three
    off. `wrong_codes`: so many unknown codes one caller may enter within `wrong_codes_minutes`.
    `reveals_per_day`: of so many cases one person may reveal whose they are or take recordings.
    """

    cases_per_hour: int = 0
    cases_per_day: int = 0
    repeat_days: int = 0
    wrong_codes: int = 5
    wrong_codes_minutes: int = 60
    reveals_per_day: int = 30

    def changed(self, values: Mapping[str, int]) -> Limits:
        """With what people set in their place."""
        return replace(self, **{name: values[name] for name in values if hasattr(self, name)})


@dataclass(frozen=True, slots=True)
class Conventions:
    """What the configuration says of the province and the book does not hold. Nobody may guess it.

    `weekend`: Python weekdays. `languages`: those that are spoken here. `limits`: where people set none.
    """

    timezone: str
    weekend: frozenset[int]
    languages: tuple[str, ...]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Page:
    """One reading of the book, immutable. `deadlines` and `counties` hold what is retired, too."""

    rules: Rules
    calendar: Calendar
    deadlines: Mapping[str, int]  # topic → working days
    counties: frozenset[str]
    other_topic: str
    area_code: str
    ladders: Ladders
    limits: Limits
    revisions: Mapping[str, int]  # county ("" = everywhere) → what its cases must be timed by
    conventions: Conventions
    confidential: frozenset[str] = frozenset()  # topics whose cases are
    parents: Mapping[str, str] = field(default_factory=dict)  # body → the one above it
    retired_topics: frozenset[str] = frozenset()
    retired_counties: frozenset[str] = frozenset()

    @property
    def live_topics(self) -> frozenset[str]:
        """Those of which cases are opened."""
        return frozenset(self.deadlines) - self.retired_topics

    @property
    def live_counties(self) -> frozenset[str]:
        """Those in which cases are opened."""
        return self.counties - self.retired_counties

    def away_from(self, accused: str) -> str:
        """Who has a case that is about this body: the desk, and of the desk itself the body above it."""
        desk = self.rules.desk
        return self.parents.get(desk, desk) if accused == desk else desk

    @property
    def revision(self) -> int:
        """The newest reading of calendar and ladders that this page knows."""
        return max(self.revisions.values(), default=0)

    def wanted(self, county: str) -> int:
        """The revision below which a county's cases must be timed anew."""
        return max(self.revisions.get("", 0), self.revisions.get(county, 0))

    def term(self, clock: Clock, kind: str, topic: str, county: str) -> Term:
        """The time that such a case has."""
        governing = self.rules.governing_topic(kind, topic)
        if clock.ordered_days is not None:
            return Term(clock, self.calendar, clock.ordered_days, county)
        return Term(clock, self.calendar, self.deadlines.get(governing, self.deadlines[topic]), county)

    def ladder(self, kind: str, topic: str, agency: str) -> Ladder:
        """The ladder that such a case climbs."""
        return self.ladders.of(self.rules.governing_topic(kind, topic), agency)

    def standing(self, case: Row[Any], now: datetime) -> Standing:
        """How a case stands to its deadline; a line of the inbox will do."""
        ended, answered = case.closed_at is not None, case.stopped_at is not None
        return standing(
            self.calendar, now, case.due_at, case.county or "", ended=ended, answered=answered,
            paused_until=case.paused_until,
        )  # fmt: skip


class Book:
    """Of one database. What people set there goes before the limits of the configuration."""

    def __init__(self, engine: AsyncEngine, conventions: Conventions) -> None:
        self.engine = engine
        self.conventions = conventions
        self.told: list[Callable[[], Awaitable[None]]] = []  # who else must hear that the book changed
        self._page: Page | None = None
        self._who_calls = WhoCalls(engine)

    @property
    def timezone(self) -> str:
        return self.conventions.timezone

    @property
    def limits_now(self) -> Limits:
        return self._page.limits if self._page else self.conventions.limits

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.limits_now.wrong_codes_minutes)

    @property
    def area_code(self) -> str:
        return self._page.area_code if self._page else ""

    async def page(self) -> Page:
        """The latest reading; read now if there is none yet. Raises BookEmpty or what AWAY names."""
        if self._page is None:
            await self.load()
        assert self._page is not None
        return self._page

    async def load(self) -> None:
        """Read everything anew and swap it in whole."""
        async with self.engine.connect() as connection:
            self._page = await read_page(connection, self.conventions)

    async def follow(self) -> None:
        """For ever: reread whenever the database says that something changed, and after each reconnect."""
        await listen(self.engine.url.render_as_string(hide_password=False), CHANNEL, self._reload)

    async def recall(self, number: str, now: datetime) -> CallerKnown:
        """The county of this caller's latest case that has one, her language; blocked? does a case wait?"""
        caller = phone.key(number, self.area_code)
        if not caller:
            return CallerKnown(waits=False)
        return await self._who_calls.recall(caller, now)

    async def take_up(self, number: str, now: datetime) -> tuple[str, TakenUp] | None:
        """The case, by its id, of this number's call that broke off; None where there is none."""
        caller = phone.key(number, self.area_code)
        return await left_behind.take_up(self.engine, caller, now) if caller else None

    async def same_matter(self, number: str, opening: OpenCase, now: datetime) -> tuple[str, str] | None:
        """Code and id of this caller's case in which the same matter still waits for its agency's answer.

        Another matter, a request to meet, a further number to call and whatever is about "something else" has
        none.
        """
        days = self.limits_now.repeat_days
        caller, since = phone.key(number, self.area_code), now - timedelta(days=days)
        general = self._page is None or opening.topic == self._page.other_topic
        its_own = opening.kind == Kind.MEETING or opening.callback or opening.national_id
        if not caller or not days or general or its_own:
            return None
        matter = {"kind": opening.kind, "topic": opening.topic, "county": opening.county}
        async with asking(self.engine) as raw:
            row = await _SAME.first(raw, caller=caller, since=since, **matter)
        return None if row is None else (row["code"], str(row["id"]))

    async def look_up(
        self, number: str, code: str, now: datetime, *, counts: bool = True, missed: int = 0
    ) -> CaseSeen:
        """One question to the database; a second one only to note a wrong code (unless not `counts`).

        `missed`: wrong codes of this call. Withheld numbers share no allowance, lest one shut out the rest:
        each call has its own. While many guess, a call has one; who has a case here by her number keeps hers.
        """
        caller, since = phone.key(number, self.area_code), now - self.window
        most = self.limits_now.wrong_codes
        async with direct(self.engine) as (connection, raw):
            asked = {"caller": caller, "code": code, "since": since, "until": now + FAR}
            row = await _SEEN.first(raw, **asked, all=MISSES_OF_ALL)
            guessed = row["in_all"] >= MANY_MISSES and not row["hers"]
            if missed >= (1 if guessed else most) or (caller and row["misses"] >= most):
                return CaseSeen(Lookup.TOO_MANY)
            if row["status"] is not None:
                return seen_in(row, caller, now, code)
            if counts:
                over = or_(code_misses.c.at < since, limiting.is_ahead(code_misses.c.at, now))
                await connection.execute(delete(code_misses).where(over))
                await connection.execute(insert(code_misses).values(caller_key=caller, at=now))
                await limiting.count(connection, MISSES_OF_ALL, Limit(MANY_MISSES, self.window), now)
            return CaseSeen(Lookup.UNKNOWN)

    async def _reload(self) -> None:
        try:
            await self.load()
        except BookEmpty as error:
            log.warning("the book could not be reread: %s", error)
        for tell in self.told:
            await tell()


def seen_in(row: Any, caller: str, now: datetime, code: str = "") -> CaseSeen:
    """Anyone who knows the code may hear how it stands. `code`: by which it was looked up.

    The answer to a case that was opened by telephone is for her number, or the one that she gave there; where
    she withheld it, or came to the desk and was handed the code, the code is all there is. The code of a
    duplicate that went on in it opens it to her number alone.
    """
    into = row["code"] if code and row["code"] != code else ""
    own = caller in phone.of_case(row["caller_key"], row["callback"])
    parts = parts_seen(row["parts"])
    said = row["answer"] or row["answer_voice"] or row["answer_spoken"] or any(each.voice for each in parts)
    withheld = bool(said) and not own and (bool(into) or _tells_number_only(row))
    may_go_on = row["status"] in (Status.CLOSED, Status.ADVISED, Status.WITHDRAWN)
    ended = row["closed_at"] if may_go_on else None
    return CaseSeen(
        Lookup.FOUND,
        row["status"],
        row["agency"],
        row["due_at"],
        "" if withheld else row["answer"],
        "" if withheld else row["answer_voice"],
        may_confirm=own,
        may_reopen=own and ended is not None and now - ended <= REOPEN,
        kind=row["kind"],
        rated=row["satisfaction"] is not None,
        parts=tuple(replace(each, voice="") for each in parts) if withheld else parts,
        spoken="" if withheld else row["answer_spoken"],
        withheld=withheld,
        past=withheld and row["anonymised_at"] is not None,
        meeting=meeting_in(row),
        into=into,
    )


def _tells_number_only(row: Any) -> bool:
    return tells_number_only(row["channel"], row["caller_key"], row["anonymised_at"] is not None)


def meeting_in(row: Any) -> MeetingSeen | None:
    """How a request to meet stands, of a mapping that `with_meeting` found; None for other kinds of case."""
    if row["kind"] != Kind.MEETING:
        return None
    stored = RequestState(row["request_state"]) if row["request_state"] else None
    anew = is_anew(row["decided_at"], row["answered_at"])
    state = request_standing(stored, Status(row["status"]), at_the_office=False, anew=anew)
    if row["slot_at"] is None:
        return MeetingSeen(state, row["next_on"])
    who, way = Official(row["official"]), MeetingWay(row["way"])
    place = row["meeting_place"] if way is MeetingWay.IN_PERSON else ""
    return MeetingSeen(state, row["next_on"], row["slot_at"], who, way, place, row["meeting_agency"])


_HERS = (cases.c.caller_key == bindparam("caller"), NOT_WITHHELD)  # of `caller`


def same_matter() -> Select[Any]:
    """`caller`'s latest case since then of this kind, topic and county that an agency must still answer."""
    matter = [cases.c[name] == bindparam(name) for name in ("kind", "topic")]
    matter.append(cases.c.confidential.is_(None))  # nobody who shares her telephone hears of it
    here = func.coalesce(cases.c.county, "") == bindparam("county")
    query = select(cases.c.code, cases.c.id).where(*_HERS, *matter, here, *UNANSWERED)
    since = cases.c.opened_at > bindparam("since")
    return query.where(since).order_by(cases.c.opened_at.desc()).limit(1)


def lately() -> Select[Any]:
    """How many cases each `caller` opened in the hour and the day up to `at`: a row for each, by its `n`."""
    times = [Column(name, cases.c.opened_at.type) for name in ("at", "hour", "day")]
    asked = from_arrays([Column("n", Integer), Column("caller", Text), *times], "asked").c
    hers = (cases.c.caller_key == asked.caller, NOT_WITHHELD)
    within = (cases.c.opened_at > asked.day, cases.c.opened_at < asked.at)
    hour = func.count().filter(cases.c.opened_at > asked.hour).label("hour")
    counted = select(hour, func.count().label("day")).where(*hers, *within).lateral("counted")
    return select(asked.n, counted.c.hour, counted.c.day).join(counted, true())


def lately_withheld() -> Select[Any]:
    """The same of all who withheld their numbers together, of the newest `most`: one row."""
    at = bindparam("at", type_=cases.c.opened_at.type)
    within = (WITHHELD, cases.c.opened_at > bindparam("day"), cases.c.opened_at < at)
    newest = select(cases.c.opened_at).where(*within).order_by(cases.c.opened_at.desc())
    found = newest.limit(bindparam("most", type_=Integer)).subquery()
    hour = func.count().filter(found.c.opened_at > bindparam("hour")).label("hour")
    counted: tuple[Any, ...] = (hour, func.count().label("day"))
    return select(*counted).select_from(found)


def seen() -> Select[Any]:
    """How often `caller` missed `since`, and the case that she follows by `code`: always exactly one row.

    What was noted later than `until` counts for nothing: a clock was ahead.
    """
    by_caller = code_misses.c.caller_key == bindparam("caller")
    lately = code_misses.c.at > bindparam("since"), code_misses.c.at <= bindparam("until")
    in_all = select(attempts.c.many).where(
        attempts.c.key == bindparam("all"),
        attempts.c.since > bindparam("since"),
        attempts.c.since <= bindparam("until"),
    )
    one = (
        select(
            func.count().label("misses"),
            func.coalesce(in_all.scalar_subquery(), 0).label("in_all"),
            select(cases.c.id).where(*_HERS).exists().label("hers"),
        )
        .select_from(code_misses)
        .where(by_caller, *lately)
        .subquery()
    )
    said = (cases.c.answer, cases.c.answer_voice, cases.c.answer_spoken)
    hers = (cases.c.caller_key, cases.c.callback, cases.c.channel, cases.c.anonymised_at)
    told = (*said, cases.c.satisfaction, *hers)
    stands = (cases.c.code, cases.c.status, cases.c.agency, cases.c.due_at, cases.c.closed_at, cases.c.kind)
    case = with_meeting(select(*stands, *told, cases.c.answered_at, parts_column()))
    found = case.where(followed_by(bindparam("code"))).subquery()
    return select(one, found).select_from(one.outerjoin(found, true()))


def with_meeting(query: Select[Any]) -> Select[Any]:
    """A query of cases, with what the office noted of each and her slot besides: for `meeting_in`."""
    slot, session, noted = meeting_slots.c, meeting_sessions.c, meeting_requests.c
    query = query.add_columns(noted.state.label("request_state"), noted.next_on, noted.decided_at)
    query = query.add_columns(slot.starts_at.label("slot_at"), session.official, session.way)
    query = query.add_columns(session.place.label("meeting_place"), session.agency.label("meeting_agency"))
    hers = (slot.case_id == cases.c.id) & (slot.outcome == "")
    query = query.outerjoin(meeting_requests, noted.case_id == cases.c.id)
    return query.outerjoin(meeting_slots, hers).outerjoin(meeting_sessions, session.number == slot.session)


_SAME = Prepared(same_matter())
LATELY = Prepared(lately())
LATELY_WITHHELD = Prepared(lately_withheld())
_SEEN = Prepared(seen())


async def read_page(connection: AsyncConnection, conventions: Conventions) -> Page:
    """The book as this transaction sees it. Raises BookEmpty."""
    # Before what it is of: what is changed in between is then read again, and cases timed by it once more.
    revised = (await connection.execute(select(calendar_revisions))).all()
    province = (await connection.execute(select(provinces))).first()
    if province is None:
        raise BookEmpty("the database has no province yet: run `ivr db upgrade`")
    of_body = (agencies.c[name] for name in ("code", "assignable", "retired_at", "parent"))
    bodies = (await connection.execute(select(*of_body))).all()
    ruled = (await connection.execute(select(routing_rules))).all()
    rules = [Rule(r.topic, RuleScope(r.scope), r.agency, r.county) for r in ruled]
    in_force = await connection.execute(select(precedents).where(precedents.c.ended_at.is_(None)))
    rules += [Rule(r.topic, RuleScope.PRECEDENT, r.agency, r.county) for r in in_force]
    about = (topics.c.code, topics.c.deadline_days, topics.c.confidential, topics.c.retired_at)
    days = (await connection.execute(select(*about))).all()
    counties = (await connection.execute(select(areas.c.code, areas.c.retired_at))).all()
    set_here = {row.name: row.value for row in await connection.execute(select(limits_set))}
    return Page(
        rules=Rules(
            desk=province.desk,
            agencies={body.code: body.assignable for body in bodies},
            rules=tuple(rules),
            kinds=province.kinds,
            retired=frozenset(body.code for body in bodies if body.retired_at),
        ),
        calendar=await read_calendar(connection, conventions),
        deadlines={day.code: day.deadline_days for day in days},
        counties=frozenset(county.code for county in counties),
        other_topic=province.other_topic,
        area_code=province.area_code,
        limits=conventions.limits.changed(set_here),
        ladders=from_json(province.escalation),
        revisions={row.county: row.revision for row in revised},
        conventions=conventions,
        confidential=frozenset(each.code for each in days if each.confidential),
        parents={body.code: body.parent for body in bodies if body.parent},
        retired_topics=frozenset(day.code for day in days if day.retired_at),
        retired_counties=frozenset(county.code for county in counties if county.retired_at),
    )


async def read_calendar(connection: AsyncConnection, conventions: Conventions) -> Calendar:
    """Which days are worked, as this transaction sees it."""
    overrides: dict[str, dict[date, bool]] = {}
    for row in await connection.execute(select(calendar_days)):
        overrides.setdefault(row.county, {})[row.day] = row.is_working
    return Calendar(conventions.timezone, conventions.weekend, overrides)
