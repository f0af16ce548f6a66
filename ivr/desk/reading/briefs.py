"""One page for each citizen of a session: her story and voice, what was before, what the bodies say of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.presence import Presence, presence
from ivr.desk.book.book import Page
from ivr.desk.case import attachments
from ivr.desk.meetings import inviting, order_giving, session_day
from ivr.desk.meetings.agenda import Seat
from ivr.desk.meetings.order_giving import OrderSeen
from ivr.desk.meetings.request_list import MeetingRequest
from ivr.desk.people.scope import Scope
from ivr.desk.reading import related
from ivr.desk.reading.related import Related
from ivr.store.tables import recordings


@dataclass(frozen=True, slots=True)
class Brief:
    """`views`: each body that is needed, with what it said: None where nobody asked it."""

    slot: Row[Any]
    wish: MeetingRequest
    presence: Presence
    voices: Sequence[Row[Any]]
    papers: Sequence[Row[Any]]
    views: Mapping[str, Row[Any] | None]
    orders: Sequence[OrderSeen]
    earlier: Sequence[Related]
    minutes: Row[Any] | None

    @property
    def story(self) -> str:
        """What she wrote, else what is written of what she said."""
        return self.wish.case.words or "\n".join(row.transcript for row in self.voices if row.transcript)


async def briefs(
    connection: AsyncConnection, page: Page, scope: Scope, number: int, seats: Sequence[Seat], now: datetime
) -> list[Brief]:
    """Of everybody who has a slot, in order."""
    wishes = [seat.wish for seat in seats if seat.wish is not None]
    ids = {wish.case.id for wish in wishes}
    voices = await voices_of(connection, ids)
    papers = [row for row in await attachments.of_cases(connection, ids) if row.removed_at is None]
    views = await inviting.views_of(connection, ids)
    minutes = await session_day.minutes_of(connection, number)
    return [
        Brief(
            seat.slot,
            seat.wish,
            presence(seat.slot),
            [row for row in voices if row.case_id == seat.wish.case.id],
            [row for row in papers if row.case_id == seat.wish.case.id],
            {body: views.get((seat.wish.case.id, body)) for body in seat.wish.bodies},
            await order_giving.listed(connection, page, now, of_case=seat.wish.case.id),
            await related.of_caller(connection, scope, seat.wish.case),
            minutes.get(seat.wish.case.id),
        )
        for seat in seats
        if seat.wish is not None
    ]


async def voices_of(connection: AsyncConnection, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """What was recorded of these cases and is there, the oldest first."""
    here = (recordings.c.removed_at.is_(None), recordings.c.superseded.is_(False))
    query = select(recordings).where(recordings.c.case_id.in_(ids), *here)
    return (await connection.execute(query.order_by(recordings.c.recorded_at))).all()
