"""A session as files: for a calendar program (RFC 5545), and its agenda as a table.

Heads get the block in which they are needed, their own sessions whole, and no more of the agenda than their
page shows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.desk.meetings import session_moving
from ivr.desk.meetings.agenda import Seat
from ivr.desk.people import auditing
from ivr.web.meetings.meeting_words import names_of, official
from ivr.web.meetings.session_pages import found_session, vacancy
from ivr.web.panel.sending import send
from ivr.web.panel.sheets import MOMENT, NUMBER, Column, Sheet, SheetRow
from ivr.web.panel.visit import Visit

_OCTETS = 74  # of a line, before it goes on in the next
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """`changed`: grows with every change, so that a program replaces what it has."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    location: str
    description: str
    cancelled: bool
    changed: int


async def calendar(visit: Visit) -> web.StreamResponse:
    row, seats = await found_session(visit)
    names = await names_of(visit)
    async with visit.panel.engine.connect() as connection:
        starts_at, ends_at = await session_moving.begins(connection, row), row.ends_at
    hours = [seat.slot.starts_at for seat in seats if seat.slot.outcome != "no_show"]  # those stay behind
    if visit.scope.agency not in ("", row.agency) and hours:
        each = (row.ends_at - row.starts_at) / max(row.slots, 1)
        starts_at, ends_at = min(hours), max(hours) + each
    event = CalendarEvent(
        f"{row.number}-{int(row.made_at.timestamp())}@seda111",  # by whatever name the panel is opened
        starts_at,
        ends_at,
        visit.words("meetings.calendar_summary", who=official(visit, row, names)),
        row.place or row.link,
        visit.words("meetings.calendar_text", n=sum(seat.wish is not None for seat in seats)),
        row.state == "cancelled",
        int((visit.now - row.made_at).total_seconds()),
    )
    headers = {"Content-Disposition": f'attachment; filename="session-{row.number}.ics"'}
    body = ics(event, visit.now).encode()
    return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=headers)


def ics(event: CalendarEvent, now: datetime) -> str:
    """One event, lines folded and ended as the standard has it."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Seda 111//meetings//FA", "METHOD:PUBLISH"]
    lines += ["BEGIN:VEVENT", f"UID:{event.uid}", f"SEQUENCE:{event.changed}"]
    for name, at in (("DTSTAMP", now), ("DTSTART", event.starts_at), ("DTEND", event.ends_at)):
        lines.append(f"{name}:{at.astimezone(UTC).strftime(_STAMP)}")
    lines.append(f"STATUS:{'CANCELLED' if event.cancelled else 'CONFIRMED'}")
    told = (("SUMMARY", event.summary), ("LOCATION", event.location), ("DESCRIPTION", event.description))
    lines += [f"{name}:{_escaped(text)}" for name, text in told if text]
    lines += ["END:VEVENT", "END:VCALENDAR"]
    return "".join(f"{piece}\r\n" for line in lines for piece in _folded(line))


def _escaped(text: str) -> str:
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return "\\n".join(text.splitlines())


def _folded(line: str) -> Iterator[str]:
    """No letter is cut in two."""
    piece = ""
    for letter in line:
        if len((piece + letter).encode()) > _OCTETS:
            yield piece
            piece = " "
        piece += letter
    yield piece


async def agenda_sheet(visit: Visit) -> web.StreamResponse:
    """XLSX; on record, for it holds what citizens said."""
    row, seats = await found_session(visit)
    async with visit.panel.engine.begin() as connection:
        await auditing.note(
            connection, visit.now, "meeting_agenda_exported", person=visit.person.id,
            subject=f"meeting_session/{row.number}", address=visit.came.address,
        )  # fmt: skip
    words, names = visit.words, await names_of(visit)
    heads = [("slot", NUMBER, 8), ("hour", MOMENT, 18), ("code", "text", 14), ("wants", "text", 60)]
    heads += [("county", "text", 16), ("bodies", "text", 40), ("state_of", "text", 16), ("reach", "text", 18)]
    columns = [Column(words(f"meetings.{name}"), kind, width) for name, kind, width in heads]
    title = words("meetings.session_n", n=row.number)
    zone = ZoneInfo((await visit.panel.book.page()).calendar.timezone)
    jalali = words.texts["meetings.jalali_of"]

    def line(seat: Seat) -> SheetRow:
        wish = seat.wish
        if wish is None:
            vacant = words(f"meetings.{vacancy(row, seat.slot, visit.now)}")
            return [seat.slot.slot, seat.slot.starts_at, "", vacant, "", "", "", ""]
        shown = [body for body in wish.bodies if not visit.scope.agency or body == visit.scope.agency]
        bodies = words("meetings.comma").join(names.agencies.get(body, body) for body in shown)
        told = wish.case.told if wish.case.confidential else wish.case.words
        its = [wish.code, told or words("meetings.spoken")]
        its += [names.counties.get(wish.case.county, ""), bodies]
        its += [words(f"meetings.state.{wish.state}"), words(f"meetings.by_phone.{wish.by_phone}")]
        return [seat.slot.slot, seat.slot.starts_at, *its]

    async def batches() -> AsyncIterator[Sequence[SheetRow]]:
        yield [line(seat) for seat in seats]

    sheet = Sheet(title, columns, zone, jalali)
    return await send(visit, sheet, batches(), "xlsx", f"111-session-{row.number}.xlsx")
