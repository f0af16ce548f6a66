"""One change of one case: locked, checked against the table of transitions, written with its event.

What every change keeps: an open case has exactly one running referral, whose agency is the case's; its
deadline is worked out from its opening; and the change is one numbered event with actor, time and reason.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import COLLECTIVE
from ivr.cases.clock import Clock, fair_days
from ivr.cases.escalation import next_at
from ivr.cases.kinds import Kind
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import Actor, CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case import duplicates, order_calls, suggestion_outcomes
from ivr.desk.case.event_log import add_event
from ivr.desk.case.rows import outbox_row
from ivr.desk.refusals import Refused
from ivr.store.tables import cases, outbox, referrals

CITIZEN = "citizen"
ALONG = "went_along"  # of a duplicate, with the case in which it went on
Books = AsyncEngine | AsyncConnection
EVENTS = {
    CaseAction.REFER: "referred",
    CaseAction.ACCEPT: "accepted",
    CaseAction.ANSWER: "answered",
    CaseAction.PROPOSE: "answer_proposed",
    CaseAction.APPROVE: "answered",
    CaseAction.TURN_DOWN: "answer_turned_down",
    CaseAction.HAND_BACK: "handed_back",
    CaseAction.RETURN: "returned",
    CaseAction.RULE: "ruled",
    CaseAction.CLOSE: "closed",
    CaseAction.REOPEN: "reopened",
    CaseAction.WITHDRAW: "withdrawn",
    CaseAction.ADVISE: "advised",
    CaseAction.MERGE: "merged",
    CaseAction.CHANGE_TOPIC: "topic_changed",
    CaseAction.PAUSE: "paused",
    CaseAction.RESUME: "resumed",
    CaseAction.AWAIT: "awaits",
    CaseAction.EXTEND: "extended",
    CaseAction.SPLIT: "split",
    CaseAction.COLLECT: "collected",
    CaseAction.RELEASE: "released",
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """Who asks what to happen to which case, and why.

    `seen`: the number of the last event that the asker saw; the change is refused when there are newer ones.
    `cause`: names what comes of it; a journalled fact gives its own id, so that it can't be done twice.
    """

    code: str
    actor: Actor
    reason: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    seen: int | None = None
    cause: uuid.UUID = field(default_factory=uuid.uuid4)


def actor_named(page: Page, name: str) -> Actor:
    """`abfa` or `abfa/karimi`: an officer of that agency; `citizen`; else a person of the desk."""
    body = name.partition("/")[0]
    if name == CITIZEN:
        return Actor(name, Side.CITIZEN)
    if body in page.rules.agencies and body != page.rules.desk:
        return Actor(name, Side.AGENCY, body)
    return Actor(name, Side.DESK)


class Change:
    """The case as it is, and what becomes of it. A desk function fills it; `changing` writes it."""

    def __init__(
        self,
        connection: AsyncConnection,
        page: Page,
        case: Row[Any],
        action: CaseAction,
        ask: Instruction,
        status: Status,
    ) -> None:
        self.connection = connection
        self.page = page
        self.case = case
        self.action = action
        self.event = EVENTS[action]
        self.ask = ask
        self.status = status
        self.agency: str = case.agency
        self.kind: str = case.kind
        self.topic: str = case.topic
        self.county: str = case.county or ""
        self.clock = clock_of(case)
        self.rung: int = case.rung
        self.level: str = case.level or page.ladders.levels[0]
        self.values: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self.quiet = False  # who must know hears it of another case
        self.not_after: datetime | None = None  # the deadline that it must keep, whatever the book says
        self._begins = ""
        self._ends = self.event

    def move(self, agency: str, begins: str, ends: str = "") -> None:
        """A body is responsible anew; if it is another one, none of its people is yet, and no draft its own.

        `begins`, `ends`: the reasons the two referrals keep. Raises Refused where the case is about that
        body; where nobody chose it, as when the case is opened again, another has it, and the desk where
        that body gets no more cases or could read nothing of this one.
        """
        if self.action is CaseAction.REOPEN and not self.page.rules.can_have(agency):
            self.details["retired"] = agency
            agency = self.page.rules.desk
        elif self.action is CaseAction.REOPEN and is_unread(self.page, self.case, agency):
            agency = self.page.rules.desk
        if agency == self.case.accused:
            if self.action is not CaseAction.REOPEN:
                raise Refused(f"case {self.ask.code} is about {agency}: it is kept from that body")
            agency = self.page.away_from(agency)
        if agency != self.agency:
            self.values |= {"person_id": None, "draft": None}
        self.details |= {"from": self.agency, "agency": agency}
        self.agency, self._begins, self._ends = agency, begins, ends or self._ends

    def of(self, case: Row[Any], action: CaseAction, status: Status) -> Change:
        """What this change brings another case of the family; `save` it too. Lock it first."""
        cause = uuid.uuid5(self.ask.cause, str(case.id))
        ask = replace(self.ask, code=case.code, cause=cause, seen=None)
        return Change(self.connection, self.page, case, action, ask, status)

    def climb(self) -> None:
        """The next higher level is responsible from now on; at the top of the ladder it stays there."""
        ladder = self.page.ladder(self.kind, self.topic, self.agency)
        higher = self.page.ladders.above(ladder, self.case.rung, self.level)
        if higher != self.case.rung:
            self.rung, self.level = higher, ladder.rungs[higher - 1].level
            self.come_again()
        self.details |= {"rung": self.rung, "level": self.level}

    def come_again(self) -> None:
        """By a new deadline the top rung comes again at its own day, however often it came by the old one."""
        ladder = self.page.ladder(self.kind, self.topic, self.agency)
        self.rung = min(self.rung, len(ladder.rungs) - 1)
        if self.rung != self.case.rung:
            self.details["stands"] = self.rung  # for the watchdog; `rung` tells of a climb

    def keep_up_with(self, other: Row[Any]) -> None:
        """It goes on for that case too: due when that is at the latest, and no level lower.

        It stands on its own ladder's rung for that level: how often that one climbed was by another deadline.
        A pause of its own that runs now is one of both.
        """
        page, calendar = self.page, self.page.calendar
        level = page.ladders.higher(self.level, other.level or self.level)
        if level != self.level:
            own = page.ladder(self.kind, self.topic, self.agency)
            its = page.ladder(other.kind, other.topic, other.agency)
            passed, there = (
                sum(page.ladders.higher(rung.level, level) == level for rung in ladder.rungs)
                for ladder in (own, its)
            )
            to_come = other.rung < there  # by its deadline: `come_again`
            self.rung, self.level = max(self.rung, passed - to_come), level
            self.details |= {"rung": self.rung, "level": level}
        sooner = self.clock.due_by(calendar, other.due_at, self.county)
        now_due, due_at = (
            page.term(clock, self.kind, self.topic, self.county).due_at for clock in (self.clock, sooner)
        )
        if due_at < min(now_due, self.case.due_at):
            self.clock = sooner
            self.details["stopped_days"] = sooner.stopped_days  # its own, as `duplicates.hurrying` asks

    async def give_time(self) -> None:
        """What is opened again has a fair time left, whatever was used before; an order whose day is still
        ahead keeps that."""
        self.come_again()
        case, calendar, now = self.case, self.page.calendar, self.ask.now
        days = self.page.term(self.clock, self.kind, self.topic, self.county).days
        before = self.clock = self.clock.run(calendar, now, self.county)
        day = await order_calls.day_of(self.connection, case.id) if case.part_of else None
        if day is not None and day > calendar.day(now):
            self.clock = before.due_by(calendar, case.due_at, self.county)
            return
        of_topic = days
        if day is None:  # not of the days that another deadline left it
            its = replace(before, ordered_days=None)
            of_topic = self.page.term(its, self.kind, self.topic, self.county).days
        self.clock = before.give(calendar, now, days, fair_days(of_topic), self.county)
        if self.clock != before:
            self.details["days_given"] = self.clock.stopped_days - before.stopped_days

    def wait(self, until: datetime | None) -> None:
        """The clock stands until that day, for nothing any more if None; a wait or pause before it ends."""
        calendar, now = self.page.calendar, self.ask.now
        if self.clock.paused_at:
            self.clock = self.clock.resume(calendar, now, self.county)
        if until is not None:
            days = max(calendar.working_days(now, until, self.county), 1)
            cap = self.clock.paused_days + days
            self.clock = self.clock.pause(calendar, now, days, cap, self.county)
            self.details["until"] = until.date().isoformat()

    async def running(self) -> Row[Any] | None:
        """The referral that is in force."""
        query = select(referrals).where(referrals.c.case_id == self.case.id, referrals.c.ended_at.is_(None))
        return (await self.connection.execute(query)).first()

    async def returns(self) -> int:
        """How often an agency said that the case is not its own."""
        query = select(func.count()).where(
            referrals.c.case_id == self.case.id, referrals.c.ended_reason == "returned"
        )
        return (await self.connection.execute(query)).scalar_one()

    async def save(self) -> None:
        """Write everything."""
        await self._keep_day()
        self._settle_clock()
        times = self._times()
        due_at = times["due_at"]
        row: dict[str, Any] = {"status": self.status, "agency": self.agency, "topic": self.topic}
        row |= {"kind": self.kind, "county": self.county or None, "rung": self.rung, "level": self.level}
        row |= times | asdict(self.clock) | self.values
        if self.status not in OPEN or self.action is CaseAction.REOPEN:
            row["draft"] = None  # what waits to be approved ends with it, or with her “not solved”
        await self.connection.execute(update(cases).where(cases.c.id == self.case.id).values(row))
        await self._save_referral(due_at)
        # The desk's own advice says nothing of whose it was, nor does who is not content with it.
        placed = self._begins and self.status in OPEN and self.action is not CaseAction.REOPEN
        if placed or self.topic != self.case.topic:
            choice = suggestion_outcomes.Placement(self.topic, self.agency, self.ask.actor.name)
            await suggestion_outcomes.chosen(self.connection, self.case.id, choice, self.ask.now)
        if due_at != self.case.due_at:
            self.details |= {"due_before": self.case.due_at.isoformat(), "due_at": due_at.isoformat()}
        await self.tell(self.event, self.case, self.details)
        if self.agency != self.case.agency:
            await self._take_along()

    async def save_quietly(self) -> None:
        """What its members bring a collective case, if anything: whoever has it hears as it climbs."""
        if self.details or self.clock != clock_of(self.case):
            self.quiet = True
            await self.save()

    async def tell(self, event: str, case: Row[Any], details: dict[str, Any]) -> None:
        """An event in a case's story, and a message to whom it may concern."""
        ask, cause = self.ask, self.ask.cause
        if ask.reason.strip():
            details = {"reason": ask.reason.strip()} | details
        await add_event(self.connection, cause, case.id, ask.now, event, details, actor=ask.actor.name)
        if self.quiet:
            return
        kind = f"case_{event}"
        level = self.level if case is self.case else case.level
        message = outbox_row(f"{kind}:{cause}", kind, ask.now, {"case": case.code, "level": level})
        await self.connection.execute(outbox.insert(), [message])

    async def _take_along(self) -> None:
        """What went on in it lies where it does: the body that it left sees neither. One quiet event each."""
        below = await duplicates.below(self.connection, {self.case.id})
        elsewhere = (cases.c.id.in_(below), cases.c.agency != self.agency)
        query = select(cases).where(*elsewhere).order_by(cases.c.code).with_for_update(key_share=True)
        for each in (await self.connection.execute(query)).all():
            values = {"agency": self.agency, "person_id": None}
            await self.connection.execute(update(cases).where(cases.c.id == each.id).values(values))
            one = self.of(each, self.action, Status.MERGED)
            one.ask, one.quiet = replace(one.ask, reason=""), True
            await one.tell(ALONG, each, {"with": self.ask.code, "from": each.agency, "agency": self.agency})

    def _settle_clock(self) -> None:
        """Stand still or run as the status demands."""
        step = self.clock.stop if self._waits else self.clock.run
        self.clock = step(self.page.calendar, self.ask.now, self.county)

    @property
    def _waits(self) -> bool:
        """For the citizen's word, or for nothing any more."""
        return self.status is Status.ANSWERED or self.status not in OPEN

    async def _keep_day(self) -> None:
        """What leaves an order's clock alone leaves it due on its day, though a closure came before."""
        is_old = self.case.timed_by < self.page.wanted(self.county)
        if self.case.part_of and is_old and self.clock == clock_of(self.case):
            day = await order_calls.day_of(self.connection, self.case.id)
            self.clock = clock_by_day(self.case, self.page, day)

    def _times(self) -> dict[str, Any]:
        """Deadline and next rung, worked out anew only if something bears on them."""
        page, case = self.page, self.case
        same = (self.clock, self.kind, self.topic, self.county, self.rung)
        before = (clock_of(case), case.kind, case.topic, case.county or "", case.rung)
        if same == before and not self._begins and case.timed_by >= page.wanted(self.county):
            return {"due_at": case.due_at, "next_rung_at": case.next_rung_at}
        term = page.term(self.clock, self.kind, self.topic, self.county)
        ladder = page.ladder(self.kind, self.topic, self.agency)
        next_rung_at = None if self._waits else next_at(ladder, term, self.rung)
        due_at = min(term.due_at, self.not_after) if self.not_after else term.due_at
        times: dict[str, Any] = {"due_at": due_at, "next_rung_at": next_rung_at}
        if case.channel != COLLECTIVE:  # such a one waits on for the pass that brings it to its members
            times["timed_by"] = page.revision
        return times

    async def _save_referral(self, due_at: datetime) -> None:
        is_running = (referrals.c.case_id == self.case.id, referrals.c.ended_at.is_(None))
        if self._begins or self.status not in OPEN:
            end = {"ended_at": self.ask.now, "ended_reason": self._ends}
            if self.case.paused_at:  # its time ends as late as it stood, not as late as it was to stand
                stood = clock_of(self.case).resume(self.page.calendar, self.ask.now, self.case.county or "")
                term = self.page.term(stood, self.case.kind, self.case.topic, self.case.county or "")
                end["due_at"] = min(term.due_at, self.case.due_at)
            await self.connection.execute(update(referrals).where(*is_running).values(end))
        elif due_at != self.case.due_at:
            await self.connection.execute(update(referrals).where(*is_running).values(due_at=due_at))
        if self._begins:
            row = {"id": uuid.uuid4(), "case_id": self.case.id, "agency": self.agency, "reason": self._begins}
            row |= {"referred_at": self.ask.now, "due_at": due_at}
            if self.status not in OPEN:  # whose the end is, and nobody's work any more
                row |= {"ended_at": self.ask.now, "ended_reason": self._ends}
            await self.connection.execute(referrals.insert(), [row])


def of_members(
    connection: AsyncConnection, page: Page, whole: Row[Any], actor: Actor, now: datetime
) -> Change:
    """What those who wait in a collective case bring it: `keep_up_with` each, then `save_quietly`."""
    ask = Instruction(whole.code, actor, now=now)
    return Change(connection, page, whole, CaseAction.COLLECT, ask, Status(whole.status))


def clock_of(case: Row[Any]) -> Clock:
    return Clock(**{f.name: getattr(case, f.name) for f in fields(Clock)})


def clock_by_day(case: Row[Any], page: Page, due_on: date | None) -> Clock:
    """An order that is due on its day stays so, however many days that are by now; unless it is a day off.

    `due_on`: that day; None: it is no order.
    """
    clock, calendar, county = clock_of(case), page.calendar, case.county or ""
    if due_on is None or due_on != calendar.day(case.due_at) or not calendar.is_working(due_on, county):
        return clock
    return clock.due_by(calendar, case.due_at, county)


def is_unread(page: Page, case: Row[Any], agency: str) -> bool:
    """Whether a confidential case would tell that body nothing: the desk has written nothing for it yet."""
    sealed = case.confidential and not case.told and case.kind != Kind.MEETING
    return bool(sealed) and agency != page.rules.desk


def must_go(page: Page, case: Row[Any]) -> bool:
    """Whether the body that has it may not work on it: it is about that body, or would tell it nothing."""
    return case.agency == case.accused or is_unread(page, case, case.agency)


def unchanged(case: Row[Any], ask: Instruction) -> None:
    """Raises Refused when something happened to the case that the asker didn't see."""
    if ask.seen is not None and case.last_seq != ask.seen:
        raise Refused(f"case {ask.code} has changed since you looked: it is {case.status} now")
