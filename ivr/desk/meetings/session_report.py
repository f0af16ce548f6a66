"""What a session's report to the press is written from: counts, themes, bodies and orders, no citizen named.

Words of an order are free text: her name and long numbers are taken out of them, and whoever publishes may
leave an order out. What is kept from somebody (`agenda.is_apart`) is counted, and nothing else of it told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.attendance import Came
from ivr.cases.meeting_orders import OrderState
from ivr.cases.search import without_numbers
from ivr.cases.spelling import any_spelling, letters_of
from ivr.desk.book.book import Page
from ivr.desk.meetings import agenda, inviting, order_giving, session_planning
from ivr.desk.meetings.order_giving import OrderSeen
from ivr.desk.meetings.request_list import EVERYTHING

HIDDEN = "…"
LEAST_NAME = 3  # letters of a part of her name that is taken out
MOST_JOINED = 4  # words of it that may be written in one


@dataclass(frozen=True, slots=True)
class ReportedOrder:
    """`words` without her name and long numbers."""

    seen: OrderSeen
    words: str


@dataclass(frozen=True, slots=True)
class SessionReport:
    """`themes`: topics with how many were heard about each, the most first. `bodies`: that were to attend.

    `present`: those of which the head or somebody for him was noted as there.
    `orders`: without those that were withdrawn.
    """

    session: Row[Any]
    heard: int
    themes: Sequence[tuple[str, int]]
    bodies: Sequence[str]
    present: Sequence[str]
    orders: Sequence[ReportedOrder]


async def read(connection: AsyncConnection, page: Page, now: datetime, number: int) -> SessionReport | None:
    """None: there is no such session."""
    session = await session_planning.sitting(connection, number)
    if session is None:
        return None
    seats = await agenda.read(connection, page, now, number, EVERYTHING)
    met = [seat.wish for seat in seats if seat.wish is not None and seat.slot.outcome == "met"]
    told = [wish for wish in met if not agenda.is_apart(wish.case)]
    orders: list[ReportedOrder] = []
    for wish in told:
        for seen in await order_giving.listed(connection, page, now, of_case=wish.case.id):
            if seen.part.confidential is None and seen.state is not OrderState.REVOKED:
                orders.append(ReportedOrder(seen, unnamed(seen.part.words, wish.case)))
    themes = Counter(wish.case.topic for wish in told)
    if set(themes) == {page.other_topic}:  # which says nothing
        themes.clear()
    bodies = dict.fromkeys(body for wish in told for body in wish.bodies)
    came = await inviting.attendances(connection, number)
    present = [a.invitation.agency for a in came if a.invitation.came in (Came.HEAD, Came.SUBSTITUTE)]
    return SessionReport(session, len(met), themes.most_common(), [*bodies], present, orders)


def nameless(words: str, name: str, forgotten_at: datetime | None) -> str:
    """Without that name, any part of it, and numbers of seven digits and more, whatever their spelling.

    Once retention took her name nobody can tell any more where it stands in these words.
    """
    if forgotten_at is not None:
        return words and HIDDEN
    each = [word for word in name.split() if len(letters_of(word)) > 1]  # no initials, no «و»
    spans = (span for span in combinations(range(len(each) + 1), 2) if span[1] - span[0] <= MOST_JOINED)
    runs = (" ".join(each[begin:end]) for begin, end in spans)
    parts = sorted((run for run in runs if len(letters_of(run)) >= LEAST_NAME), key=len, reverse=True)
    said = letters_of(words)
    for part in (name, *parts):
        if (its := letters_of(part)) and its in said:
            words = re.sub(rf"(?<!\w){any_spelling(part)}(?!\w)", HIDDEN, words, flags=re.IGNORECASE)
            said = letters_of(words)
    return without_numbers(words, HIDDEN)


def unnamed(words: str, whole: Row[Any]) -> str:
    """The same, of words about that case."""
    return nameless(words, whole.caller_name, whole.anonymised_at)
