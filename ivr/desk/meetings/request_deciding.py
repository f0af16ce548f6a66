"""What the office decides about a request to meet. One function is one transaction and one event of the case.

The case goes along: a referral, an answer that she is called about, or a clock that stands until a date.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.channels import COLLECTIVE
from ivr.cases.hearing_order import Urgency
from ivr.cases.kinds import Kind
from ivr.cases.meetings import (
    DATED,
    Official,
    RequestAction,
    RequestState,
    check_next_on,
    decide,
    is_anew,
    standing,
)
from ivr.cases.statuses import Status
from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Page
from ivr.desk.case import answers, meeting_calls, pausing, referring
from ivr.desk.case.change import Books, Instruction, unchanged
from ivr.desk.case.event_log import MACHINE, add_event
from ivr.desk.case.transaction import locked, transaction
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import case_events, meeting_requests, meeting_sessions, meeting_slots, referrals

A, S = RequestAction, RequestState
# What she may say herself, by telephone, and what happens by itself; all else is the office's.
HERS, BY_ITSELF = frozenset({A.CONFIRM, A.ANOTHER_DAY, A.GIVE_UP}), frozenset({A.INVITE})
NOON = time(12)
REVIEWED, RELEASED = "meeting_reviewed", f"meeting_{A.RELEASE}"  # events
# Events after which she has a slot, or none any more; whose slot is over still stands on that agenda.
_PLACES = frozenset({f"meeting_{A.INVITE}"})
_LEAVES = frozenset({RELEASED, f"meeting_{A.ANOTHER_DAY}", f"meeting_{A.GIVE_UP}"})
REVIEWABLE = DATED | {S.REQUESTED, S.UNDER_REVIEW, S.SENT_BELOW, S.NO_SHOW}


class Deciding:
    """A request that this transaction has locked, and what becomes of it."""

    def __init__(
        self,
        connection: AsyncConnection,
        page: Page,
        ask: Instruction,
        case: Row[Any],
        stored: Row[Any] | None,
    ) -> None:
        self.connection, self.page, self.ask, self.case, self.stored = connection, page, ask, case, stored
        self.values: dict[str, Any] = {}
        self.details: dict[str, Any] = {}

    @property
    def state(self) -> RequestState:
        stored = None if self.stored is None else RequestState(self.stored.state)
        status, here = Status(self.case.status), at_the_office(self.page, self.case)
        anew = self.stored is not None and is_anew(self.stored.decided_at, self.case.answered_at)
        return standing(stored, status, here, below=bool(self.tier), anew=anew)

    @property
    def tier(self) -> str:
        """The body on whose list it is; "" for the office's own."""
        return (self.stored.tier or "") if self.stored is not None else ""

    def part_of_it(self, name: str) -> Instruction:
        """For what else is done to the case within this decision."""
        ask = self.ask
        actor = Actor(MACHINE, Side.MACHINE) if ask.actor.side is Side.CITIZEN else ask.actor
        return replace(ask, actor=actor, seen=None, cause=uuid.uuid5(ask.cause, name))

    async def wait(self, day: date) -> None:
        """The case's clock stands until that day, on which somebody owes her a step."""
        self.values["next_on"] = day
        self.details["next_on"] = day.isoformat()
        if self.case.status == Status.ANSWERED:
            return  # nobody owes it anything: no clock runs
        until = datetime.combine(day, NOON, ZoneInfo(self.page.calendar.timezone))
        await pausing.wait_until(self.connection, self.page, self.part_of_it("wait"), until)

    async def wait_no_more(self) -> None:
        self.values["next_on"] = None
        await pausing.wait_no_more(self.connection, self.page, self.part_of_it("go on"))

    async def call_her(self, notice: dict[str, Any]) -> None:
        """She is called with it, until when she waits being that of `wait` unless told otherwise."""
        notice = {"again_on": self.details["next_on"]} | notice
        await meeting_calls.plan(self.connection, self.case, notice, self.ask.now)

    async def hand_over(self, agency: str) -> None:
        """It is that body's to see to. Who may have been told a day hears that it holds no more."""
        if self.stored is not None and self.stored.next_on is not None:
            until = today(self.page, self.ask.now) + meeting_calls.AGAIN
            news = {"what": meeting_calls.ELSEWHERE, "again_on": until.isoformat()}
            await meeting_calls.plan(self.connection, self.case, news, self.ask.now)
        await self.refer(agency)

    async def refer(self, agency: str) -> None:
        """The case, with a running clock, is that body's."""
        await self.wait_no_more()
        self.details["agency"] = agency
        await referring.refer(self.connection, self.page, self.part_of_it("refer"), agency)

    async def call_home(self) -> None:
        """Where another body has it, the case is the office's; what that body has answered stays its own."""
        if self.case.status != Status.ANSWERED and not at_the_office(self.page, self.case):
            await self.refer(office_of(self.page, self.case))

    async def save(self, event: str, state: RequestState) -> None:
        ask = self.ask
        row = {
            "state": state,
            "reason": ask.reason.strip(),
            "decided_by": ask.actor.name,
            "decided_at": ask.now,
        }
        if event == REVIEWED and not ask.reason.strip():
            del row["reason"]  # that of the decision stays
        row |= self.values
        done = insert(meeting_requests).values(row | {"case_id": self.case.id})
        await self.connection.execute(done.on_conflict_do_update(index_elements=["case_id"], set_=row))
        if ask.reason.strip():
            self.details["reason"] = ask.reason.strip()
        cause = self.part_of_it("decision").cause
        await add_event(self.connection, cause, self.case.id, ask.now, event, self.details, ask.actor.name)


def at_the_office(page: Page, case: Any) -> bool:
    """Whether the case is with who decides on meetings, or with the desk."""
    return case.agency in (page.rules.desk, office_of(page, case))


def office_of(page: Page, case: Any) -> str:
    """The body that such requests go to."""
    return page.rules.route(Kind.MEETING, case.topic, case.county or "").agency


def the_office(page: Page) -> str:
    """The body whose official is met when nobody says which."""
    return page.rules.route(Kind.MEETING, page.other_topic, "").agency


def lists_of(page: Page, session: Any) -> frozenset[str]:
    """The bodies on whose lists they stand from whom a session is filled; "" for the office's own.

    That is the governor's and every deputy's, who also hears whom the office has sent to his body.
    """
    own = "" if session.agency == the_office(page) else str(session.agency)
    return frozenset({own, ""} if session.official in (Official.GOVERNOR, Official.DEPUTY) else {own})


def today(page: Page, now: datetime) -> date:
    return now.astimezone(ZoneInfo(page.calendar.timezone)).date()


@asynccontextmanager
async def deciding(
    books: Books,
    page: Page,
    ask: Instruction,
    action: RequestAction,
    *,
    next_on: date | None = None,
    agency: str = "",
) -> AsyncIterator[Deciding]:
    """Checked before anything is done, written after it. Raises NoSuchCase or Refused."""
    async with transaction(books) as connection:
        one = await held(connection, page, ask)
        _may(ask, action)
        given = {"next_on": next_on, "reason": ask.reason.strip(), "agency": agency}
        target = decide(ask.code, one.state, action, given)
        if next_on is not None:
            check_next_on(today(page, ask.now), next_on)
        yield one
        await one.save(f"meeting_{action}", target)


def _may(ask: Instruction, action: RequestAction | None = None) -> None:
    """Raises Refused."""
    side = ask.actor.side
    hers, by_itself = side is Side.CITIZEN and action in HERS, side is Side.MACHINE and action in BY_ITSELF
    if side is not Side.DESK and not hers and not by_itself:
        raise Refused("only the office decides on requests to meet an official")


async def held(connection: AsyncConnection, page: Page, ask: Instruction) -> Deciding:
    """The request, which nobody else decides on until the transaction ends. Raises NoSuchCase or Refused.

    One that is collected is none any more, unless she was heard before: her minutes may be amended.
    """
    case = await locked(connection, ask.code)
    unchanged(case, ask)
    query = select(meeting_requests).where(meeting_requests.c.case_id == case.id)
    stored = (await connection.execute(query)).first()
    collected = case.member_of and (stored is None or stored.met_at is None)
    if case.kind != Kind.MEETING or case.part_of or collected or case.channel == COLLECTIVE:
        raise Refused(f"case {ask.code} is no request to meet an official")
    return Deciding(connection, page, ask, case, stored)


async def review(
    books: Books,
    page: Page,
    ask: Instruction,
    urgency: Urgency = Urgency.USUAL,
    about: str = "",
    bodies: Collection[str] = (),
) -> None:
    """Note how urgent it is, which bodies are to attend, and whose head it complains of ("": nobody's).

    Raises Refused for a body that has seen the case and would be kept from it, or is to attend and be kept
    from it; WrongField for one that there is not.
    """
    async with transaction(books) as connection:
        one = await held(connection, page, ask)
        _may(ask)
        if one.state not in REVIEWABLE:
            raise Refused(f"request {ask.code} is {one.state}: review is not possible")
        state = S.UNDER_REVIEW if one.state is S.REQUESTED else one.state
        await _check_bodies(one, about, bodies)
        one.values = {"urgency": int(urgency), "about": about or None, "bodies": list(dict.fromkeys(bodies))}
        one.details = {"urgency": int(urgency), "bodies": one.values["bodies"]}
        await one.save(REVIEWED, state)


async def accept(books: Books, page: Page, ask: Instruction, next_on: date) -> None:
    """It will be heard; until `next_on` she waits for a slot."""
    async with deciding(books, page, ask, A.ACCEPT, next_on=next_on) as one:
        one.values["tier"] = None
        await one.call_home()
        await one.wait(next_on)
        await one.call_her({"what": meeting_calls.WAITING})


async def put_off(books: Books, page: Page, ask: Instruction, next_on: date) -> None:
    """There is still no slot: another date, and why."""
    async with deciding(books, page, ask, A.PUT_OFF, next_on=next_on) as one:
        await one.wait(next_on)
        await one.call_her({"what": meeting_calls.WAITING})


async def send_below(books: Books, page: Page, ask: Instruction, agency: str) -> None:
    """First to the head of agency, county governor or mayor who holds days of his own."""
    async with deciding(books, page, ask, A.SEND_BELOW, agency=agency) as one:
        one.values |= {"below": agency, "tier": agency}
        await one.hand_over(agency)


async def settle(books: Books, page: Page, ask: Instruction, agency: str) -> None:
    """Without a meeting: that body sees to it, within its deadline."""
    async with deciding(books, page, ask, A.SETTLE, agency=agency) as one:
        await one.hand_over(agency)


async def decline(books: Books, page: Page, ask: Instruction) -> None:
    """No meeting. The reason is the answer that she is called about; who presses 2 is decided on again."""
    async with deciding(books, page, ask, A.DECLINE) as one:
        await one.call_home()
        one.values["next_on"] = None
        await meeting_calls.decline(one.connection, one.case, ask.now)
        of = "" if at_the_office(page, one.case) else office_of(page, one.case)
        await answers.give(one.connection, page, one.part_of_it("answer"), ask.reason, of=of)


async def _check_bodies(one: Deciding, about: str, bodies: Collection[str]) -> None:
    known = one.page.rules.agencies
    for field, code in (("about", about), *(("bodies", code) for code in bodies)):
        if code and code not in known:
            raise WrongField(field, f"there is no agency {code[:40]}")
    for kept_from in {about, one.case.accused} & {*bodies}:
        raise WrongField("bodies", f"{kept_from} is kept from a complaint about its head and can't attend")
    had = select(referrals.c.id).where(referrals.c.case_id == one.case.id, referrals.c.agency == about)
    if about and ((await one.connection.execute(had.limit(1))).first() or await _was_shown(one, about)):
        raise WrongField("about", f"{about} has had this case already and can't be kept from it any more")
    hers = (meeting_slots.c.case_id == one.case.id, meeting_slots.c.outcome == "")
    sits = select(meeting_slots.c.slot).join(meeting_sessions)
    sits = sits.where(*hers, meeting_sessions.c.agency == about)
    if about and about != the_office(one.page) and (await one.connection.execute(sits.limit(1))).first():
        raise WrongField("about", f"she has a slot with {about}: release it first")


async def _was_shown(one: Deciding, agency: str) -> bool:
    """Whether that body saw her slot and words as one that was to attend."""
    about = (case_events.c.case_id == one.case.id, case_events.c.event.like("meeting_%"))
    query = select(case_events.c.event, case_events.c.details).where(*about).order_by(case_events.c.seq)
    noted, placed = False, False
    for row in await one.connection.execute(query):
        if row.event == REVIEWED:
            noted = agency in row.details["bodies"]
        placed = row.event not in _LEAVES if row.event in _PLACES | _LEAVES else placed
        if noted and placed:
            return True
    return False
