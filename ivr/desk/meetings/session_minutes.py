"""What minutes and attendance of a session are written from.

Minutes go to those who sat there and sign them, so what is kept from one of them (a complaint about a head, a
confidential case, an order that became so) stands in an annex of its own. No citizen is named in either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.book.book import Page
from ivr.desk.meetings import agenda, inviting, order_giving, session_day, session_planning
from ivr.desk.meetings.agenda import LostSlot
from ivr.desk.meetings.inviting import Attendance
from ivr.desk.meetings.request_list import EVERYTHING, MeetingRequest
from ivr.desk.meetings.session_report import ReportedOrder, unnamed


@dataclass(frozen=True, slots=True)
class Sat:
    """One slot that somebody has, or had come for. `said`, `decided`: without her name; "" = nothing.

    `apart`: it is kept from some of those who sat there; `orders_apart`: these orders of another are.
    """

    slot: Row[Any] | LostSlot
    wish: MeetingRequest
    apart: bool
    said: str
    decided: str
    people: int
    orders: Sequence[ReportedOrder]
    orders_apart: Sequence[ReportedOrder]

    @property
    def is_forgotten(self) -> bool:
        """Whether retention took words of it: what is printed now is not what was signed."""
        rows = (self.wish.case, *(order.seen.part for order in self.orders))
        return any(row.anonymised_at is not None for row in rows)

    @property
    def annexed(self) -> Sat:
        """What stands of it in the annex: all, or these orders alone."""
        return self if self.apart else replace(self, said="", decided="", people=1, orders=self.orders_apart)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """`bodies`: with what each promised and who came."""

    session: Row[Any]
    bodies: Sequence[Attendance]
    sat: Sequence[Sat]

    @property
    def heard(self) -> list[Sat]:
        return [each for each in self.sat if each.slot.outcome == "met"]

    def minuted(self, annex: bool) -> list[Sat]:
        """What stands in the minutes, or in their annex."""
        if not annex:
            return [each for each in self.heard if not each.apart]
        return [each.annexed for each in self.heard if each.apart or each.orders_apart]

    @property
    def kept_apart(self) -> int:
        """How many cases stand in the annex, and orders of others."""
        return sum(1 if each.apart else len(each.orders_apart) for each in self.minuted(True))

    @property
    def missed(self) -> list[Sat]:
        return [each for each in self.sat if each.slot.outcome == "no_show"]

    @property
    def sent_home(self) -> list[Sat]:
        return [each for each in self.sat if isinstance(each.slot, LostSlot)]


async def read(connection: AsyncConnection, page: Page, now: datetime, number: int) -> SessionRecord | None:
    """None: there is no such session."""
    session = await session_planning.sitting(connection, number)
    if session is None:
        return None
    minutes = await session_day.minutes_of(connection, number)
    sat: list[Sat] = []
    for seat in await agenda.read(connection, page, now, number, EVERYTHING):
        if seat.wish is None:
            continue
        case, its = seat.wish.case, minutes.get(seat.wish.case.id)
        given = await order_giving.listed(connection, page, now, of_case=case.id)
        orders = [ReportedOrder(each, unnamed(each.part.words, case)) for each in given]
        said, decided = ((unnamed(text, case) if its else "") for text in _texts(its))
        apart, people = agenda.is_apart(case), its.people if its else 1
        told = [each for each in orders if apart or not each.seen.part.confidential]
        sealed = [each for each in orders if not apart and each.seen.part.confidential]
        sat.append(Sat(seat.slot, seat.wish, apart, said, decided, people, told, sealed))
    for slot, wish in await agenda.sent_home(connection, page, now, number, EVERYTHING):
        sat.append(Sat(slot, wish, agenda.is_apart(wish.case), "", "", 1, (), ()))
    sat.sort(key=lambda each: int(each.slot.slot))
    return SessionRecord(session, await inviting.attendances(connection, number), sat)


def _texts(minutes: Row[Any] | None) -> tuple[str, str]:
    return (minutes.said, minutes.decided) if minutes is not None else ("", "")
