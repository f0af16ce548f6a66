"""An office that meets citizens, in the hands of chance, on a real database.

A seed decides who asks, what two clerks decide at once, which session is cancelled or moved while a citizen
is on the line, what she presses, which text message leaves when, what a body reports and what she says of it.
After each step the promises are looked for: `_wrong` says which.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.attendance import InvitationState
from ivr.cases.callback import Outcome, Policy
from ivr.cases.channels import PHONE
from ivr.cases.hearing_order import Urgency
from ivr.cases.kinds import Kind
from ivr.cases.meeting_orders import OrderState
from ivr.cases.meetings import SLOTTED, Official, RequestState
from ivr.cases.statuses import OPEN, Status
from ivr.desk.book.book import Page
from ivr.desk.call import callbacks
from ivr.desk.call.callbacks import Briefing
from ivr.desk.case import answers, closing, confiding, pausing, referring
from ivr.desk.case.callback_planning import MEETING
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.meeting_calls import DECLINED, ELSEWHERE
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.transaction import transaction
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.keeping import verify
from ivr.desk.letters import outgoing
from ivr.desk.letters.notices import Notice, Notices
from ivr.desk.meetings import (
    agenda,
    invitation_answers,
    inviting,
    order_answers,
    order_checking,
    order_giving,
    order_ruling,
    request_deciding,
    request_list,
    session_day,
    session_moving,
    session_planning,
)
from ivr.desk.meetings.order_giving import MeetingOrder, OrderSeen
from ivr.desk.meetings.request_list import EVERYTHING, MeetingRequest
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.meetings.session_planning import PlannedSession
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from ivr.store import tables
from tests.fixtures.province import read_page

ZONE = ZoneInfo("Asia/Tehran")
START = datetime(2026, 11, 25, 8, 0, tzinfo=ZONE)
BODIES = ("abfa", "edu", "emdad")
BELOW = "farmandari_ahar"
CALLERS = 5
MOST_REQUESTS, MOST_SESSIONS = 7, 4
POLICY = Policy(per_number_per_day=9)
TEXTS = ("meeting_invited", "meeting_reminder", "meeting_off")
NOTICES = Notices(notices=[Notice(on=on, to="citizen", by="sms", text=f"{on} {{when}}") for on in TEXTS])
S = RequestState
Doing = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class OpenCall:
    """A citizen on the line: what she is being told, from the moment at which she answered."""

    attempt: Any
    code: str
    told: Briefing
    notice: dict[str, Any]


@dataclass(slots=True)
class HearingWorld:
    """Everything that one seed makes. `run` once; what it returns is wrong."""

    seed: int
    engine: AsyncEngine
    folder: Path
    steps: int = 60
    story: list[str] = field(default_factory=list)
    done: int = 0  # steps that were not refused
    now: datetime = START
    page: Page = field(init=False)
    _chance: random.Random = field(init=False)
    _calls: list[OpenCall] = field(default_factory=list)
    _told: dict[str, tuple[str, str]] = field(default_factory=dict)  # code → what she heard last, and of when
    _shown: set[tuple[str, str]] = field(default_factory=set)  # body, code: what it has seen
    _words: int = 0
    _trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    async def run(self) -> list[str]:
        """Live through it. What is wrong, one sentence each; the first step that breaks a promise ends it."""
        async with self.engine.connect() as connection:
            self.page = await read_page(connection)
        for step in range(self.steps):
            await self._step()
            if wrong := [*self._trouble, *[each async for each in self._wrong()]]:
                return [f"step {step}: {each}" for each in wrong]
        return [each async for each in self._wrong_at_the_end()]

    async def _step(self) -> None:
        doing = self._chosen()
        if self._chance.random() < 0.15:
            await asyncio.gather(self._do(doing), self._do(self._chosen()))
        else:
            await self._do(doing)
        if self._chance.random() < 0.3:
            await self._time_passes()

    def _chosen(self) -> Doing:
        doings: dict[Doing, int] = {
            self._asks: 6, self._is_reviewed: 6, self._is_accepted: 8, self._is_decided_otherwise: 3,
            self._is_given_back: 1, self._is_made_private: 1,
            self._a_session_is_planned: 5, self._is_filled: 7, self._is_placed: 3, self._is_released: 2,
            self._a_session_is_cancelled: 1, self._a_session_is_moved: 2, self._it_begins_late: 2,
            self._bodies_are_invited: 2, self._a_view_is_given: 2,
            self._a_telephone_rings: 8, self._a_call_ends: 10, self._texts_leave: 3,
            self._is_heard: 8, self._did_not_come: 2, self._walks_in: 1,
            self._is_ordered: 8, self._a_body_does_something: 6, self._the_office_rules: 3,
            self._the_office_checks: 4, self._is_extended: 2, self._takes_it_back: 1,
        }  # fmt: skip
        return self._chance.choices([*doings], [*doings.values()])[0]

    async def _do(self, doing: Doing) -> None:
        name = doing.__name__.strip("_")
        try:
            await doing()
        except Refused as refusal:
            self.story.append(f"{name}: refused, {refusal}")
        except Exception as error:  # whatever else comes is a mistake
            self._trouble.append(f"{name}: {type(error).__name__}: {error}")
        else:
            self.done += 1
            self.story.append(f"{self.now:%m-%d %H:%M} {name}")

    async def _time_passes(self) -> None:
        hours = self._chance.choice((0.2, 1, 3, 5, 26, 49))
        self.now += timedelta(hours=hours)
        self.story.append(f"{self.now:%m-%d %H:%M}")
        await sweep(self.engine, self.page, self.now)
        await pausing.end_pauses(self.engine, self.page, self.now)
        await inviting.keep_asking(self.engine, self.page, self.now)

    # What happens

    async def _asks(self) -> None:
        if await self._many(tables.cases, tables.cases.c.kind == Kind.MEETING) < MOST_REQUESTS:
            await register(self.engine, self.page, self._wish(), self.now)

    async def _is_reviewed(self) -> None:
        wish = await self._some_request(*request_deciding.REVIEWABLE)
        about = self._chance.choice(("", "", "", *BODIES))
        bodies = self._chance.sample(BODIES, self._chance.randrange(3))
        urgency = self._chance.choice([*Urgency])
        await request_deciding.review(self.engine, self.page, self._by(wish), urgency, about, bodies)

    async def _is_accepted(self) -> None:
        wish = await self._some_request(S.REQUESTED, S.UNDER_REVIEW, S.SENT_BELOW, S.NO_SHOW)
        await request_deciding.accept(self.engine, self.page, self._by(wish), self._day(3, 40))

    async def _is_decided_otherwise(self) -> None:
        wish = await self._some_request(S.REQUESTED, S.UNDER_REVIEW, S.WAITING, S.NO_SHOW)
        ask, body = self._by(wish, "دلیل"), self._chance.choice(BODIES)
        match self._chance.randrange(4):
            case 0:
                await request_deciding.settle(self.engine, self.page, ask, body)
            case 1:
                await request_deciding.send_below(self.engine, self.page, ask, BELOW)
            case 2:
                await request_deciding.decline(self.engine, self.page, ask)
            case 3:
                await request_deciding.put_off(self.engine, self.page, ask, self._day(3, 60))

    async def _is_given_back(self) -> None:
        wish = await self._some_request(S.SENT_BELOW, S.SETTLED)
        ask = self._by(wish, "حل نشد", wish.case.agency)
        await referring.give_back(self.engine, self.page, ask)

    async def _is_made_private(self) -> None:
        wish = await self._some_request(*S)
        body = self._chance.choice(BODIES)
        await confiding.confide(self.engine, self.page, self._by(wish, "محرمانه"), Secrecy(body))

    async def _a_session_is_planned(self) -> None:
        if (
            await self._many(tables.meeting_sessions, tables.meeting_sessions.c.ends_at > self.now)
            < MOST_SESSIONS
        ):
            wanted = PlannedSession(
                Official.GOVERNOR, "ostandari", self._hour(), self._chance.randint(1, 3), 15, place="تالار"
            )
            by = actor_named(self.page, "desk")
            await session_planning.plan(self.engine, self.page, by, wanted, self.now)

    async def _is_filled(self) -> None:
        number = await self._some_session()
        await agenda.fill(self.engine, self.page, actor_named(self.page, "desk"), number, self.now)

    async def _is_placed(self) -> None:
        wish, number = await self._some_request(S.WAITING, *SLOTTED), await self._some_session()
        slot = self._chance.randint(1, 3)
        await agenda.place(self.engine, self.page, self._by(wish, "بیمار است"), number, slot)

    async def _is_released(self) -> None:
        wish = await self._some_request(*SLOTTED)
        await agenda.release(self.engine, self.page, self._by(wish, "دلیل"), self._day(3, 40))

    async def _a_session_is_cancelled(self) -> None:
        number, ask = await self._some_session(), self._by(None, "مأموریت")
        await session_planning.cancel(self.engine, self.page, ask, number, self._day(5, 40))

    async def _a_session_is_moved(self) -> None:
        number, ask = await self._some_session(), self._by(None, "مأموریت")
        await session_moving.move(self.engine, self.page, ask, number, self._hour())

    async def _it_begins_late(self) -> None:
        number = await self._some_session(today=True)
        await session_moving.delay(self.engine, self.page, self._by(None, "دیر شد"), number, 30)

    async def _bodies_are_invited(self) -> None:
        by = actor_named(self.page, "desk")
        await inviting.invite(self.engine, self.page, by, await self._some_session(), self.now)

    async def _a_view_is_given(self) -> None:
        body, number = self._chance.choice(BODIES), await self._some_session()
        ask = self._by(None, "", body)
        await inviting.answer(self.engine, ask, number, InvitationState.ACCEPTS)
        async with self.engine.connect() as connection:
            seats = await agenda.read(connection, self.page, self.now, number, Scope(body))
        for wish in [seat.wish for seat in seats if seat.wish][:1]:
            ask = self._by(wish, "", body)
            await inviting.give_view(self.engine, self.page, ask, number, "نظر دستگاه")

    async def _a_telephone_rings(self) -> None:
        """She answers at once, or the attempt ends as ringing does."""
        placing = await callbacks.claim(self.engine, self.page, POLICY, self.now)
        if placing is None:
            return
        if self._chance.random() < 0.2:
            outcome = self._chance.choice((Outcome.BUSY, Outcome.NO_ANSWER))
            async with self.engine.begin() as connection:
                await callbacks.ended(connection, placing.id, outcome, self.now)
            return
        told = await callbacks.briefing(self.engine, str(placing.id))
        assert told is not None, "nobody answers in vain"
        query = select(tables.callbacks.c.notice).join(tables.callback_attempts)
        async with self.engine.connect() as connection:
            its = query.where(tables.callback_attempts.c.id == placing.id)
            notice = (await connection.execute(its)).scalar_one() or {}
        self._calls.append(OpenCall(placing.id, placing.code, told, notice))

    async def _a_call_ends(self) -> None:
        """She has heard it to its end, and presses something or nothing."""
        if not self._calls:
            return
        call = self._calls.pop(self._chance.randrange(len(self._calls)))
        pressed = self._pressed(call)
        if call.told.meeting is not None and pressed is not Outcome.NO_KEY:
            self._told[call.code] = told_by(call.notice)
            if pressed is Outcome.ANOTHER_DAY and await self._is_hers(call):
                self._told[call.code] = ("waiting", call.notice["again_on"])
        self.story.append(f"  {call.code}: {pressed}, {call.notice}")
        async with self.engine.begin() as connection:  # as `ivr.desk.facts.apply` does
            await callbacks.ended(connection, call.attempt, pressed, self.now)
            await invitation_answers.heard(connection, self.page, call.attempt, self.now)
            await order_answers.heard(connection, self.page, call.attempt, self.now)
            if pressed in (Outcome.SOLVED, Outcome.NOT_SOLVED):
                ends = closing.close if pressed is Outcome.SOLVED else closing.reopen
                await ends(connection, self.page, self._by(call.code, "", "citizen"))

    async def _texts_leave(self) -> None:
        events = await outgoing.lease(self.engine, self.now)
        await outgoing.spread(self.engine, NOTICES, events, self.page.calendar, self.now)
        for letter in await outgoing.lease(self.engine, self.now):
            await outgoing.delivered(self.engine, letter, self.now)
            if letter.kind != "sms":
                continue
            about = next(each.payload for each in events if letter.key.startswith(each.key))
            self._told[about["case"]] = told_by(about)
            self.story.append(f"  {about['case']}: text {about}")

    async def _is_heard(self) -> None:
        wish, number = await self._in_a_slot_today()
        hearing = Hearing("آب ندارد", "وصل شود")
        async with transaction(self.engine) as connection:
            await session_day.heard(connection, self.page, self._by(wish), number, self.now, hearing)

    async def _did_not_come(self) -> None:
        wish, number = await self._in_a_slot_today()
        await session_day.missed(self.engine, self.page, self._by(wish), number, self.now)

    async def _walks_in(self) -> None:
        number = await self._some_session(today=True)
        ask = self._by(None)
        await session_day.walk_in(self.engine, self.page, ask, number, self.now, self._wish())

    async def _is_ordered(self) -> None:
        wish = await self._some_request(S.MET)
        self._words += self._chance.random() < 0.8
        bodies = self._chance.sample(BODIES, self._chance.choice((1, 1, 2)))
        orders = [MeetingOrder(body, f"کار {self._words}", self._day(2, 12)) for body in bodies]
        await order_giving.give(self.engine, self.page, self._by(wish), orders)

    async def _a_body_does_something(self) -> None:
        order = await self._some_order(OrderState.GIVEN, OrderState.ACCEPTED, OrderState.CONTRADICTED)
        part = order.part
        ask = self._by(part.code, "خلاف آیین‌نامه", part.agency)
        match self._chance.randrange(4):
            case 0:
                await referring.accept(self.engine, self.page, self._by(part.code, "", part.agency))
            case 1:
                await referring.give_back(self.engine, self.page, ask)
            case _:
                await answers.give(self.engine, self.page, ask, "انجام شد")

    async def _the_office_rules(self) -> None:
        order = await self._some_order(*OrderState)
        ask = self._by(order.part.code, "حکم")
        ruling = self._chance.choice(
            (order_ruling.accept_here, order_ruling.object_here, order_ruling.uphold, order_ruling.uphold,
             order_ruling.revoke)
        )  # fmt: skip
        await ruling(self.engine, self.page, ask)

    async def _the_office_checks(self) -> None:
        order = await self._some_order(OrderState.REPORTED, OrderState.OBJECTED)
        ask = self._by(order.part.code, "عکس از جای دیگری است")
        checks = self._chance.choice(
            (order_checking.confirm, order_checking.confirm, order_checking.hand_back)
        )
        await checks(self.engine, self.page, ask)

    async def _is_extended(self) -> None:
        order = await self._some_order(*OrderState)
        ask = self._by(order.part.code, "کمبود لوله")
        await order_giving.extend(self.engine, self.page, ask, self._day(5, 30))

    async def _takes_it_back(self) -> None:
        wish = await self._some_request(*S)
        await closing.withdraw(self.engine, self.page, self._by(wish, "", "citizen"))

    # Parts of it

    def _wish(self) -> Wanted:
        number = f"0914123456{self._chance.randrange(CALLERS)}"
        return Wanted(Kind.MEETING, county="ahar", words="آب ندارم", caller=number, channel=PHONE)

    def _by(self, what: MeetingRequest | str | None, reason: str = "", who: str = "desk") -> Instruction:
        code = what.code if isinstance(what, MeetingRequest) else what or ""
        return Instruction(code, actor_named(self.page, who), reason, self.now)

    def _day(self, first: int, last: int) -> date:
        return self.now.date() + timedelta(days=self._chance.randint(first, last))

    def _hour(self) -> datetime:
        day = self._day(0, 9)
        return datetime(day.year, day.month, day.day, self._chance.randint(8, 16), tzinfo=ZONE)

    def _pressed(self, call: OpenCall) -> Outcome:
        told, some = call.told, self._chance.choice
        if self._chance.random() < 0.15:
            return Outcome.NO_KEY
        if told.meeting is not None:
            asked = (Outcome.COMES, Outcome.COMES, Outcome.CANT_COME, Outcome.ANOTHER_DAY)
            return some(asked) if told.meeting.starts_at else Outcome.HEARD
        if told.order is not None:
            return some((Outcome.ORDER_DONE, Outcome.ORDER_NOT_DONE, Outcome.ORDER_PARTLY))
        return some((Outcome.SOLVED, Outcome.NOT_SOLVED)) if told.seen.may_confirm else Outcome.HEARD

    async def _is_hers(self, call: OpenCall) -> bool:
        """Whether the slot that she was told of is still hers, so that her key counts."""
        stands = await self._standing()
        return call.code in stands and stands[call.code][1] == ("slot", call.notice.get("starts_at"))

    async def _some_request(self, *states: RequestState) -> MeetingRequest:
        async with self.engine.connect() as connection:
            found = await request_list.listed(connection, self.page, self.now, states=states)
        if not found:
            raise Refused("nobody is there")
        return self._chance.choice(sorted(found, key=lambda each: str(each.case.opened_at)))

    async def _some_session(self, today: bool = False) -> int:
        async with self.engine.connect() as connection:
            rows = await session_planning.sittings(connection, self.now - timedelta(hours=9))
        days = self.now.date()
        found = [r.number for r in rows if not today or r.starts_at.astimezone(ZONE).date() == days]
        if not found:
            raise Refused("there is no session")
        return int(self._chance.choice(found))

    async def _in_a_slot_today(self) -> tuple[MeetingRequest, int]:
        """Where nobody has one today, the next slot's day comes."""
        its = tables.meeting_slots.c
        query = select(its.session, its.starts_at, tables.cases.c.code).join(
            tables.cases, tables.cases.c.id == its.case_id
        )
        query = query.where(its.outcome == "", tables.cases.c.closed_at.is_(None)).order_by(its.starts_at)
        async with self.engine.connect() as connection:
            rows = (await connection.execute(query)).all()
            if not rows:
                raise Refused("nobody has a slot")
            row = self._chance.choice(rows)
            self.now = max(self.now, row.starts_at.astimezone(ZONE))
            found = await request_list.of_case(connection, self.page, self.now, EVERYTHING, row.code)
        assert found is not None
        return found, row.session

    async def _some_order(self, *states: OrderState) -> OrderSeen:
        async with self.engine.connect() as connection:
            every = await order_giving.listed(connection, self.page, self.now)
        found = [each for each in every if each.state in states]
        if not found:
            raise Refused("there is no order")
        return self._chance.choice(
            sorted(found, key=lambda each: str((each.part.given_at, each.part.agency)))
        )

    async def _many(self, table: Any, which: Any) -> int:
        async with self.engine.connect() as connection:
            query = select(func.count()).select_from(table).where(which)
            return int((await connection.execute(query)).scalar_one())

    # What must be true

    async def _wrong(self) -> Any:
        stands = await self._standing()
        for each in [*self._without_a_date(stands), *await self._told_otherwise(stands)]:
            yield each
        for each in [*await self._orders_without_a_clock(), *await self._shown_to_the_head()]:
            yield each

    async def _standing(self) -> dict[str, tuple[MeetingRequest, tuple[str, str]]]:
        """Each request whose case runs, with the slot or the day that stands."""
        its = tables.meeting_slots.c
        async with self.engine.connect() as connection:
            query = select(tables.cases.c.id).where(tables.cases.c.kind == Kind.MEETING)
            ids = (await connection.execute(query.where(tables.cases.c.part_of.is_(None)))).scalars().all()
            found = await request_list.of_ids(connection, self.page, self.now, ids)
            slots = {
                r.case_id: r
                for r in await connection.execute(
                    select(its.case_id, its.starts_at).where(its.case_id.is_not(None), its.outcome == "")
                )
            }
        told: dict[str, tuple[MeetingRequest, tuple[str, str]]] = {}
        for wish in found:
            slot = slots.get(wish.case.id)
            at = ("", "")
            if wish.state in SLOTTED and slot is not None:
                at = ("slot", slot.starts_at.astimezone(ZONE).isoformat())
            elif wish.state is S.WAITING:
                at = ("waiting", str(wish.next_on))
            told[wish.code] = (wish, at)
            if wish.case.closed_at is None and (slot is not None) != (wish.state in SLOTTED):
                self._trouble.append(f"request {wish.code} is {wish.state}, slot {slot}")
        return told

    def _without_a_date(self, stands: dict[str, Any]) -> Iterator[str]:
        for code, (wish, _) in stands.items():
            if wish.state is S.WAITING and wish.next_on is None:
                yield f"request {code} waits, and nobody knows until when"
            decided = (S.DECLINED, S.SETTLED, S.SENT_BELOW)
            if wish.state in decided and wish.case.state == wish.state and not wish.case.decided_because:
                yield f"request {code} is {wish.state} without a reason"

    async def _told_otherwise(self, stands: dict[str, Any]) -> list[str]:
        """What she heard last is what stands, or a call is coming that tells her; and no other."""
        its = tables.callbacks.c
        query = select(its.state, its.notice, tables.cases.c.code).join(
            tables.cases, tables.cases.c.id == its.case_id
        )
        async with self.engine.connect() as connection:
            rows = (await connection.execute(query.where(its.purpose == MEETING))).all()
        wrong: list[str] = []
        for code, (wish, at) in stands.items():
            mine = [row for row in rows if row.code == code]
            coming = [told_by(row.notice) for row in mine if row.state == "waiting"]
            if wish.case.closed_at is None:
                wrong += [
                    f"{code} will be told {told}, and {at} stands" for told in coming if not fits(told, at)
                ]
            last = self._told.get(code, ("", ""))
            if wish.case.closed_at is not None or not self._is_ahead(at):
                continue
            tried = [told_by(row.notice) for row in mine if row.state != "cancelled"]
            if not fits(last, at) and not any(fits(told, at) for told in tried):
                wrong.append(f"{code} was told {last}, {at} stands, and nobody calls her")
            ahead = self._is_ahead(last) and last[0] == "slot"
            if at[0] == "waiting" and ahead and ("off", at[1]) not in tried:
                wrong.append(f"{code} was told of the slot {last[1]}, and is not told that it is off")
        return wrong

    def _is_ahead(self, at: tuple[str, str]) -> bool:
        if at[0] == "slot":
            return datetime.fromisoformat(at[1]) > self.now
        return at[0] == "waiting"

    async def _orders_without_a_clock(self) -> list[str]:
        own = tables.meeting_orders.c
        part, whole = tables.cases.alias(), tables.cases.alias()
        query = select(
            part.c.code, part.c.status, part.c.due_at, part.c.paused_at, part.c.closed_at, own.due_on
        )
        query = query.add_columns(whole.c.closed_at.label("over"), own.said, part.c.last_seq)
        query = query.join(part, part.c.id == own.case_id).join(whole, whole.c.id == own.of_case)
        async with self.engine.connect() as connection:
            orders = (await connection.execute(query)).all()
            asked = select(tables.callbacks.c.notice["order"].as_string())
            rung = asked.where(tables.callbacks.c.purpose == "order", tables.callbacks.c.state != "cancelled")
            coming = set((await connection.execute(rung)).scalars())
            reopened = (
                select(tables.cases.c.code)
                .join(tables.case_events)
                .where(tables.case_events.c.event == "reopened")
            )
            again = set((await connection.execute(reopened)).scalars())
        return [*_clockless(orders, coming, again)]

    async def _shown_to_the_head(self) -> list[str]:
        """What each body has seen of requests: slots, mails, referrals. None is about its own head."""
        async with self.engine.connect() as connection:
            numbers = (await connection.execute(select(tables.meeting_sessions.c.number))).scalars().all()
            now: set[tuple[str, str]] = set()
            for body in BODIES:
                for number in numbers:
                    seats = await agenda.read(connection, self.page, self.now, number, Scope(body))
                    now |= {(body, seat.wish.code) for seat in seats if seat.wish}
            mails = select(tables.outbox.c.payload).where(tables.outbox.c.kind == inviting.ASKED)
            mailed = {(p["body"], p["case"]) for p in (await connection.execute(mails)).scalars()}
            query = select(tables.cases).where(tables.cases.c.kind == Kind.MEETING)
            rows = {row.code: row for row in await connection.execute(query)}
            about = select(tables.meeting_requests.c.case_id, tables.meeting_requests.c.about)
            heads = {row.case_id: row.about for row in await connection.execute(about)}
        self._shown |= now | mailed
        wrong = [f"{body} sees {code}, which is about it" for body, code in now if rows[code].accused == body]
        wrong += [f"{body} saw {code}, which is about its head" for body, code in self._shown
                  if heads.get(rows[code].id) == body]  # fmt: skip
        return wrong

    async def _wrong_at_the_end(self) -> Any:
        for alarm in await prove(self.engine, self.page, self.now + GRACE):
            yield str(alarm)
        found: list[Any] = []
        proof = verify.Verification(
            self.engine, self.folder / "recordings", self.folder / "custody", found.append
        )
        await verify.prove(proof, "", ())
        for finding in found:
            yield str(finding)


def told_by(notice: Any) -> tuple[str, str]:
    """What a call or a text says: that there is a slot and when, or until when she waits."""
    if "starts_at" in notice:
        return ("slot", datetime.fromisoformat(notice["starts_at"]).astimezone(ZONE).isoformat())
    return (notice["what"], notice["again_on"])


def fits(told: tuple[str, str], stands: tuple[str, str]) -> bool:
    if told[0] in (DECLINED, ELSEWHERE):
        return stands == ("", "")
    return told == stands or (told[0] in ("off", "waiting") and ("waiting", told[1]) == stands)


def _clockless(orders: Any, coming: set[str], again: set[str]) -> Iterator[str]:
    for order in orders:
        if order.closed_at is not None or order.over is not None:
            continue
        if order.due_at is None or order.status not in OPEN:
            yield f"order {order.code} is {order.status} and has no clock"
        on = order.due_at.astimezone(ZONE).date()
        moves = order.paused_at is not None or order.code in again or order.status == Status.ANSWERED
        if on != order.due_on and not moves:
            yield f"order {order.code} is due on {order.due_on}, and its clock says {on}"
        if order.code not in coming and order.said is None and order.code not in again:
            yield f"nobody asks about order {order.code}, of {order.due_on}"
