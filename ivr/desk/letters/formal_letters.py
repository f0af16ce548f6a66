"""Letters on paper about a case: a referral, a reminder, an invitation and so on, by `letters.yaml`.

A letter's number is that of the event which it tells of (code/seq), so that printing it again gives the same
letter, and anybody can find the event that it stands for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from persiantools import digits
from pydantic import Field, field_validator
from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.channels import NOBODYS
from ivr.cases.deadlines import Calendar
from ivr.cases.delay import standing
from ivr.cases.meetings import OF_A_BODY, MeetingWay
from ivr.cases.statuses import OPEN, Status
from ivr.desk.book.book import Page
from ivr.desk.book.seeds import SeedError, Text
from ivr.desk.book.yaml_file import read_placed
from ivr.desk.case import precedents
from ivr.desk.case.order_calls import is_order
from ivr.desk.letters.notices import LetterEntry, check_fields, names_in
from ivr.desk.letters.outgoing import case_and_names, jalali
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.tables import agencies, case_events, cases, meeting_sessions
from ivr.store.tables import precedents as rulings

log = logging.getLogger(__name__)
_tell = lru_cache(4)(log.error)  # once, and not at each look at a case

FILE = "letters.yaml"
FIELDS = frozenset({"code", "kind", "topic", "county", "agency", "opened", "due", "late", "level", "words"})
FIELDS |= {"address"}  # of the matter
FIELDS |= {"task"}  # the office's words in place of hers: of a part, a collective or a confidential case
FIELDS |= {"returnable"}  # the agency, where it may send the case back
SLOT_FIELDS = ("when", "official", "way", "where", "link", "place")  # of her meeting; place: where or link
FIELDS |= set(SLOT_FIELDS)
MOST_WORDS = 1_500  # characters of hers on a letter; the case holds the rest
_LINK = re.compile(r"(https?://\S+)", re.IGNORECASE)  # opened by nobody in other digits


class LetterKind(StrEnum):
    REFERRAL = "referral"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    INVITATION = "invitation"  # to her meeting
    ORDER = "order"  # of the office, to the body: given at a meeting or outside one


# The events that each kind tells of; a reminder tells of how the case stands.
EVENTS = {
    LetterKind.REFERRAL: ("referred", "ruled", "reopened"),
    LetterKind.ESCALATION: ("escalated",),
    LetterKind.INVITATION: ("meeting_invite", "meeting_move", "meeting_delayed"),
    LetterKind.ORDER: ("referred", "ruled", "reopened"),
}
_NO_SLOT = ("release", "another_day", "give_up", "meet", "miss")  # after these there is none to invite to
_OF_SLOTS = (*EVENTS[LetterKind.INVITATION], *(f"meeting_{action}" for action in _NO_SLOT))


class Letterhead(LetterEntry):
    opening: str = ""
    lines: list[Text] = Field(default=[])
    footer: str = ""


class Labels(LetterEntry):
    date: str = ""
    number: str = ""
    attachment: str = ""
    none: str = ""
    code: str = ""
    track: str = ""
    confirm: str = ""
    fingerprint: str = ""


class LetterWording(LetterEntry):
    to: Text
    subject: Text
    text: list[Text] = Field(min_length=1)

    @field_validator("to", "subject", "text")
    @classmethod
    def _known(cls, said: str | list[str]) -> str | list[str]:
        for words in [said] if isinstance(said, str) else said:
            if not _prints(words):
                check_fields(words, FIELDS)  # its error says which
        return said


class Stationery(LetterEntry):
    """The whole file."""

    letterhead: Letterhead = Letterhead()
    labels: Labels = Labels()
    signature: list[Text] = Field(default=[])
    track: str = ""
    confirm: str = ""
    kinds: dict[str, Text] = Field(default={})
    levels: dict[str, Text] = Field(default={})
    ways: dict[str, Text] = Field(default={})
    officials: dict[str, Text] = Field(default={})
    letters: dict[LetterKind, LetterWording] = Field(default={})


@dataclass(frozen=True, slots=True)
class PaperHeading:
    """Over the paragraphs that follow."""

    text: str


@dataclass(frozen=True, slots=True)
class PaperTable:
    """`shares`: of the columns' widths, from the right. `roomy`: rows high enough to sign in."""

    heads: Sequence[str]
    shares: Sequence[int]
    rows: Sequence[Sequence[str]]
    roomy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What is set under a letterhead. `date` is Jalali, all digits Persian; `to` "" = to nobody.

    `track`, `confirm`: addresses that QR codes lead to, "" = none. `fingerprint`: of the text, in short.
    """

    number: str
    date: str
    to: str
    subject: str
    paragraphs: Sequence[str | PaperHeading | PaperTable]
    stationery: Stationery
    track: str = ""
    confirm: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalLetter(Paper):
    """One letter, ready to be set. `as_of`: the case's last event when it was written."""

    paragraphs: Sequence[str]
    kind: LetterKind
    code: str
    case: UUID
    as_of: int


def _prints(words: str) -> bool:
    """Also with a form for text, as `{code:>12}`. `{due:%Y}` has one for dates, and all are texts here."""
    try:
        words.format_map(dict.fromkeys(FIELDS, "xx"))  # two: no form within a form takes them
        return FIELDS.issuperset(names_in(words))
    except (LookupError, AttributeError, ValueError):
        return False


def load(folder: Path) -> Stationery:
    """Raises SeedError with file, line and key of every mistake."""
    return read_placed(folder / FILE, Stationery)


def letters_of(folder: Path, case: Row[Any], events: Sequence[Row[Any]], order: bool) -> list[LetterKind]:
    """Which letters there are to print: those that `write` would. None while the file is broken.

    `order`: whether the case carries one.
    """
    try:
        worded = _worded(folder, _changed_at(folder))
    except SeedError as error:
        _tell("no letter can be printed: %s", str(error))
        return []
    return [kind for kind in LetterKind if kind in worded and _told_by(kind, case, events, order) is not None]


@lru_cache(4)
def _worded(folder: Path, changed_at: int) -> frozenset[LetterKind]:
    """Asked for with every look at a case; read again when the file has changed."""
    return frozenset(load(folder).letters)


def _changed_at(folder: Path) -> int:
    try:
        return (folder / FILE).stat().st_mtime_ns
    except OSError:
        return 0


async def write(
    engine: AsyncEngine,
    page: Page,
    folder: Path,
    code: str,
    kind: LetterKind,
    now: datetime,
    seen: ColumnElement[bool],
) -> FormalLetter:
    """Raises NoSuchCase, SeedError, or Refused when there is nothing that such a letter could tell."""
    stationery = load(folder)
    case, events, order = await _case(engine, code, seen)
    told = _told_by(kind, case, events, order)
    if told is None or kind not in stationery.letters:
        raise Refused(f"there is no {kind} letter for case {code} now")
    (event, moment), at = told, page.calendar.day(told[1] or now)
    agency, escalation = case.agency_name, kind is LetterKind.ESCALATION
    if escalation and event.details.get("agency", case.agency) != case.agency:  # of a body that had it before
        async with engine.connect() as connection:
            its = select(agencies.c.name).where(agencies.c.code == event.details["agency"])
            agency = (await connection.execute(its)).scalar() or agency
    due_at = _deadline(case, event) if escalation else case.due_at
    then = standing(page.calendar, moment, due_at, case.county or "") if moment else page.standing(case, now)
    words = _words(case, event.details, stationery, page.calendar, due_at, then.late, agency)
    words |= await _slot(engine, event.details, ZoneInfo(page.calendar.timezone), stationery)
    words["returnable"] = words["agency"] if await _may_return(engine, page, case) else ""
    wording = stationery.letters[kind]
    if words["task"] and any("task" in names_in(text) for text in wording.text):
        words["words"] = ""  # an older file prints all under {words}
    return FormalLetter(
        kind=kind,
        number=digits.en_to_fa(f"{case.code}/{event.seq}"),
        date=jalali(at, "fa"),
        code=digits.en_to_fa(case.code),
        to=wording.to.format_map(words),
        subject=wording.subject.format_map(words),
        paragraphs=[
            text.format_map(words) for text in wording.text if all(words[name] for name in names_in(text))
        ],
        stationery=stationery,
        track=f"{stationery.track}{case.code}" if stationery.track and case.channel not in NOBODYS else "",
        case=case.id,
        as_of=events[-1].seq,
    )


async def _case(
    engine: AsyncEngine, code: str, seen: ColumnElement[bool]
) -> tuple[Row[Any], Sequence[Row[Any]], bool]:
    async with engine.connect() as connection:
        visible = select(cases.c.id).where(cases.c.code == code, seen)
        if (await connection.execute(visible)).first() is None:
            raise NoSuchCase(f"there is no case {code}")
        case = await case_and_names(connection, code)
        assert case is not None
        query = select(case_events).where(case_events.c.case_id == case.id).order_by(case_events.c.seq)
        return case, (await connection.execute(query)).all(), await is_order(connection, case.id)


def _told_by(
    kind: LetterKind, case: Row[Any], events: Sequence[Row[Any]], order: bool
) -> tuple[Row[Any], datetime | None] | None:
    """The event that such a letter tells of and its moment; None for the moment = that of the printing."""
    waits = case.status in OPEN and case.status != Status.ANSWERED
    if kind is LetterKind.REMINDER:  # of what is so when it is printed, to whoever has the case then
        return (events[-1], None) if waits else None
    found = [event for event in events if event.event in EVENTS[kind]]
    if kind is LetterKind.ORDER and (not order or case.status in (Status.WITHDRAWN, Status.MERGED)):
        return None  # what is withdrawn is no order any more
    if kind is LetterKind.INVITATION:
        last = [event for event in events if event.event in _OF_SLOTS][-1:]
        found = [event for event in last if event in found and case.closed_at is None]
    if kind in (
        LetterKind.REFERRAL,
        LetterKind.ORDER,
    ):  # only the one by which it came to the body that has it
        found = [event for event in found if event.details.get("agency") == case.agency]
    return (found[-1], found[-1].at) if found else None


async def _may_return(engine: AsyncEngine, page: Page, case: Row[Any]) -> bool:
    """Whether the body that has it could still say that it is not its own, as `referring.give_back`.

    A collective one goes with all who wait in it: a ruling on one of them holds it, too.
    """
    if case.agency == page.rules.desk:
        return False
    members = select(cases).where(cases.c.member_of == case.id, cases.c.closed_at.is_(None))
    ruled = members.where(cases.c.id.in_(select(rulings.c.case_id)))
    async with engine.connect() as connection:
        for each in [case, *(await connection.execute(ruled)).all()]:
            matter = page.rules.governing_topic(each.kind, each.topic), each.county or ""
            if await precedents.binds_to(connection, each.id, each.agency, matter):
                return False
    return True


def _deadline(case: Row[Any], event: Row[Any]) -> datetime:
    """An escalation tells of the deadline that passed, wherever it has moved since."""
    if "due_at" in event.details:
        return datetime.fromisoformat(event.details["due_at"])
    found: datetime = case.due_at
    return found


def _words(
    case: Row[Any],
    details: Mapping[str, Any],
    stationery: Stationery,
    calendar: Calendar,
    due_at: datetime,
    late: int,
    agency: str,
) -> dict[str, str]:
    """What the placeholders stand for; digits Persian. `late` "" = by no working day."""
    level = str(details.get("level") or case.level)
    words = ((case.told or "") if case.confidential else case.words).strip()
    words = words if len(words) <= MOST_WORDS else f"{words[: _cut(words)].rstrip()}…"
    known = {
        "code": case.code,
        "kind": stationery.kinds.get(case.kind, case.kind),
        "topic": case.topic_name,
        "county": case.county_name or "",
        "address": "" if case.confidential else _address(case.place or {}),
        "agency": agency,
        "opened": jalali(calendar.day(case.opened_at), "fa"),
        "due": jalali(calendar.day(due_at), "fa"),
        "late": str(late) if late else "",
        "level": stationery.levels.get(level, level),
        "words": words,
        "task": words if case.confidential or case.channel in NOBODYS else "",
    }
    return {name: _persian(text) for name, text in known.items()}


def _address(place: Mapping[str, Any]) -> str:
    """Without one the point, or the address's ID. No blank in a point: one number, read left to right."""
    if address := (place.get("address") or "").strip():
        return str(address)
    if place.get("latitude") is not None:
        return f"{place['latitude']},{place['longitude']}"
    return str(place.get("address_id") or "").strip()


def _cut(words: str) -> int:
    """Before a link rather than within it: half of one leads nowhere."""
    links = (link.start() for link in _LINK.finditer(words) if link.start() < MOST_WORDS < link.end())
    return next(links, 0) or MOST_WORDS


def _persian(text: str) -> str:
    pieces = _LINK.split(text)
    pieces[::2] = [str(digits.en_to_fa(piece)) for piece in pieces[::2]]
    return "".join(pieces)


async def _slot(
    engine: AsyncEngine, details: Mapping[str, Any], zone: ZoneInfo, stationery: Stationery
) -> dict[str, str]:
    """Day, hour and way of the slot that an event gave her, with whom; where to, or number or address."""
    if "at" not in details or "session" not in details:
        return dict.fromkeys(SLOT_FIELDS, "")
    at = datetime.fromisoformat(details["at"]).astimezone(zone)
    query = select(meeting_sessions, agencies.c.name).join(agencies)
    async with engine.connect() as connection:
        its = meeting_sessions.c.number == details["session"]
        session = (await connection.execute(query.where(its))).one()
    when = digits.en_to_fa(f"{jalali(at.date(), 'fa')}، {at:%H:%M}")
    in_person = session.way == MeetingWay.IN_PERSON
    where, link = (session.place, "") if in_person else ("", session.link)
    way = stationery.ways.get(session.way, session.way)
    who = stationery.officials.get(session.official, session.official)
    who = f"{who}، {session.name}" if session.official in OF_A_BODY else who
    place = {"where": where, "link": link, "place": where or link}
    return {"when": str(when), "official": who, "way": way} | place
