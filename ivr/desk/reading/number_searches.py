"""Searches by telephone number: who may, how often, and on record.

Numbers are masked. Whoever may reveal one may also search by how it begins; everybody else only by a whole
number, of which she must know every digit and may try few: else what is masked could be read digit by digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import phone
from ivr.cases.search import Sought
from ivr.desk.people import auditing, limiting
from ivr.desk.people.limiting import Limit, TooOften
from ivr.desk.people.people import Person

HOUR = timedelta(hours=1)
BLIND, KNOWING = (
    Limit(30, HOUR),
    Limit(120, HOUR),
)  # different numbers; without and with the right to see them
_ONCE = Limit(1, HOUR)  # so long the same number is the same search: further pages, filters, a page renewed


def permitted(sought: Sought, knows: bool) -> Sought:
    """As far as somebody may who `knows` numbers or doesn't: the beginning of one is then only a word."""
    return sought if knows or sought.whole else replace(sought, caller="")


async def count(engine: AsyncEngine, person: Person, number: str, knows: bool, now: datetime) -> bool:
    """One more search by number. Whether it is a new one, to be noted. Raises TooOften, on record too."""
    try:
        async with engine.begin() as connection:
            digest = blake2b(number.encode(), digest_size=16).hexdigest()
            if await limiting.count(connection, f"number/{person.id}/{digest}", _ONCE, now):
                return False
            if until := await limiting.count(connection, f"numbers/{person.id}", _most(knows), now):
                raise TooOften(until)
            return True
    except TooOften:
        await _refused(engine, person, now)
        raise


async def note(
    engine: AsyncEngine, person: Person, sought: Sought, found: Sequence[str], now: datetime, address: str
) -> None:
    """On record before it is shown. Auditors see no numbers either: it is masked, cases have their codes."""
    subject = f"number/{phone.mask(sought.caller)}" if sought.whole else "number/beginning"
    detail = {"digits": len(sought.caller) - 1, "found": list(found)}
    async with engine.begin() as connection:
        await auditing.note(
            connection, now, "number_searched", person=person.id, subject=subject, address=address,
            detail=detail,
        )  # fmt: skip


def _most(knows: bool) -> Limit:
    return KNOWING if knows else BLIND


async def _refused(engine: AsyncEngine, person: Person, now: datetime) -> None:
    """Once an hour, however often it is tried."""
    async with engine.begin() as connection:
        if not await limiting.count(connection, f"numbers-refused/{person.id}", _ONCE, now):
            await auditing.note(connection, now, "number_search_refused", person=person.id)
