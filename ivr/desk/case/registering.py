"""The service desk: a case that did not come by telephone, under the same rules and with the same code.

One function, one transaction; its rows are made where a call's are (`ivr.desk.case.rows`).
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import national_id, phone
from ivr.cases.channels import DESK
from ivr.cases.kinds import Kind
from ivr.cases.places import Where
from ivr.cases.search import plain_number
from ivr.desk.book.book import Page
from ivr.desk.case import entries, suggestion_outcomes
from ivr.desk.case.change import Books
from ivr.desk.case.codes import desk_code
from ivr.desk.case.event_log import open_stories
from ivr.desk.case.rows import CaseOpening, Rows, add_case
from ivr.desk.case.transaction import transaction
from ivr.desk.refusals import WrongField
from ivr.store.facts import FactRecording
from ivr.store.tables import callbacks, cases, outbox, recordings, referrals

if TYPE_CHECKING:
    from ivr.cases.suggest import Suggester, Suggestion  # bring numpy

Json = dict[str, Any]
MOST_WORDS = 4_000  # characters, as Open311 has it
LONGEST = 200  # characters of anything else
MOST_ADDRESS = 500
_DIALLED = re.compile(r"\+?[\d ()./-]{4,24}")  # of no use for calling back, but what somebody gave
_BREAKS = str.maketrans("\x0b\x0c", "\n\n")  # soft line and page breaks, as word processors copy them
TO_COME = FactRecording("", 0.0, 0.0, "", "", 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A case as somebody registers it for a citizen. Without a topic the words decide, where they can.

    `by` goes into the story. `place`: `address`, `address_id`, `latitude`, `longitude`, those that are known.
    `audio`: what `audio.put` gave, `TO_COME` before that. `beneath`: so many characters at the end of `words`
    were put there by us; no limit of hers is meant for them.
    """

    kind: str
    topic: str = ""
    county: str = ""
    words: str = ""
    caller: str = ""
    caller_name: str = ""
    callback: str = ""
    national_id: str = ""
    language: str = "fa"
    channel: str = DESK
    by: str = DESK
    place: Json | None = None
    audio: FactRecording | None = None
    beneath: int = dataclasses.field(default=0, repr=False)  # a request sent again is known by the repr


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of it. `suggestion`: where the words were asked."""

    id: uuid.UUID
    code: str
    suggestion: Suggestion | None


def check(wanted: Wanted, page: Page) -> None:
    """Raises WrongField for the first thing that won't do."""
    for field, sentence in _mistakes(wanted, page):
        raise WrongField(field, sentence)


async def register(
    books: Books,
    page: Page,
    wanted: Wanted,
    now: datetime,
    suggester: Suggester | None = None,
    case: uuid.UUID | None = None,
) -> Registered:
    """Open the case, by the id `case` if one is given. Raises WrongField; then nothing was written.

    Words are asked for a suggestion wherever there is a `suggester`; it decides only where no topic was given
    and it is sure enough. Else the case opens at the desk for a person to read.
    """
    check(wanted, page)
    words, identity = wanted.words.translate(_BREAKS), plain_number(wanted.national_id)
    wanted = dataclasses.replace(wanted, words=words, national_id=identity)
    suggestion, at = None, _given(wanted, page, suggester)
    if suggester is not None and wanted.words.strip():
        words = wanted.words[:MOST_WORDS]  # it takes long over more
        suggestion = suggester.suggest(words, at.county, wanted.kind, at.town, page.retired_topics)
    case = case or uuid.uuid4()
    async with transaction(books) as connection:
        code = await desk_code(connection)
        rows = Rows()
        add_case(rows, _opening(case, wanted, page, at, suggestion, now), code, page)
        await save(connection, rows)
        if suggestion is not None:
            chosen = suggestion_outcomes.Placement.of(rows.cases[0], wanted.by) if wanted.topic else None
            await suggestion_outcomes.keep(
                connection, case, suggestion, suggestion_outcomes.WORDS, now, chosen
            )
    return Registered(case, code, suggestion)


async def save(connection: AsyncConnection, rows: Rows) -> None:
    """The rows of cases that this transaction opens, and that nobody else can know yet."""
    for table, its in ((cases, rows.cases), (recordings, rows.recordings), (referrals, rows.referrals)):
        if its:
            await connection.execute(table.insert(), its)
    await entries.write(connection, entries.opening_entries(rows.cases, rows.recordings, rows.referrals))
    await open_stories(connection, rows.events)
    await connection.execute(outbox.insert(), rows.outbox)
    if rows.callbacks:
        await connection.execute(callbacks.insert(), rows.callbacks)


def _given(wanted: Wanted, page: Page, suggester: Suggester | None) -> Where:
    """The county that was given, else the address's; the town that the address names in it."""
    address = (wanted.place or {}).get("address", "")
    at = suggester.places.where(address, wanted.county) if suggester is not None else Where()
    return at if at.sure and at.county in page.live_counties else Where(wanted.county)


def _opening(
    case: uuid.UUID, wanted: Wanted, page: Page, at: Where, guess: Suggestion | None, now: datetime
) -> CaseOpening:
    topic, (county, town, _) = wanted.topic, at
    if guess is not None:
        county = county or (guess.county if guess.county in page.live_counties else "")
        town = town or (guess.town if guess.county == county else "")
        topic = topic or (guess.topic if guess.assigned else "")
    return CaseOpening(
        id=case,
        at=now,
        kind=wanted.kind,
        topic=topic or page.other_topic,
        county=county,
        town=town,
        language=wanted.language,
        callback=wanted.callback,
        national_id=wanted.national_id,
        caller=wanted.caller,
        caller_name=wanted.caller_name,
        recordings=[wanted.audio] if wanted.audio else [],
        channel=wanted.channel,
        by=wanted.by,
        words=wanted.words.strip(),
        place=wanted.place,
    )


def _mistakes(wanted: Wanted, page: Page) -> Iterator[tuple[str, str]]:
    if wanted.kind not in set(Kind):
        yield "kind", f"must be one of {', '.join(Kind)}"
    if wanted.topic and wanted.topic not in page.live_topics:
        yield "topic", "there is no such topic"
    if wanted.county and wanted.county not in page.live_counties:
        yield "county", "there is no such county"
    if wanted.language not in page.conventions.languages:
        yield "language", f"must be one of {', '.join(page.conventions.languages)}"
    if not (wanted.topic or wanted.words.strip() or wanted.audio):
        yield "words", "a case needs a topic, words or a recording"
    if len(wanted.words) - wanted.beneath > MOST_WORDS:
        yield "words", f"at most {MOST_WORDS} characters"
    for field in ("words", "caller", "caller_name", "callback", "national_id", "by"):
        text: str = getattr(wanted, field)
        if field != "words" and len(text) > LONGEST:
            yield field, f"at most {LONGEST} characters"
        if not _is_clean(text.translate(_BREAKS) if field == "words" else text):
            yield field, "holds a character that is no text"
    yield from _place_mistakes(wanted.place or {})
    if wanted.caller and not (
        phone.normalise(wanted.caller, page.area_code) or _DIALLED.fullmatch(wanted.caller)
    ):
        yield "caller", "is no telephone number"
    if wanted.callback and not phone.is_callable(wanted.callback, page.area_code):
        yield "callback", "is no Iranian number that can be called"
    if wanted.national_id and not national_id.is_valid(plain_number(wanted.national_id)):
        yield "national_id", "is no national ID"


def _place_mistakes(place: Json) -> Iterator[tuple[str, str]]:
    for field, most in (("latitude", 90.0), ("longitude", 180.0)):
        degrees = place.get(field)
        if degrees is not None and not -most <= degrees <= most:  # NaN is neither
            yield field, f"must be between -{most:g} and {most:g} degrees"
    if ("latitude" in place) != ("longitude" in place):
        yield "latitude", "latitude and longitude go together"
    for field in ("address", "address_id"):
        if len(place.get(field, "")) > MOST_ADDRESS or not _is_clean(place.get(field, "")):
            yield field, f"at most {MOST_ADDRESS} characters of text"


def _is_clean(text: str) -> bool:
    """Text that any database takes: no control characters but line breaks, no half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return all(c in "\n\r\t" or (c >= " " and c != "\x7f") for c in text)
