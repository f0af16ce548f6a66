"""A case registered at the service desk: one form by keyboard, and beside it what the house knows already.

What stands beside follows what is typed: her earlier cases once her number is whole, and which topic and body
the words point to. Without scripts the likely duplicate is told when the form is sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.cases import national_id, phone
from ivr.cases.kinds import Kind
from ivr.cases.search import plain_number
from ivr.desk.book.book import Page
from ivr.desk.case import registering
from ivr.desk.case.registering import Wanted
from ivr.desk.counter.opened_once import open_once, opened
from ivr.desk.people.limiting import TooOften
from ivr.desk.reading import casefile, earlier
from ivr.desk.reading.earlier import EarlierCase
from ivr.desk.refusals import WrongField
from ivr.web.panel.forms import Form, latin
from ivr.web.panel.locale import digits
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.visit import Visit

FIELDS = ("caller", "caller_name", "national_id", "kind", "county", "words", "topic", "callback", "language")
LEAST_WORDS = 8  # characters, before anything is proposed
LEAST_SHARE = 0.01  # of confidence, below which nothing is proposed
KEY_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Beside:
    """`cases`: hers, the newest first. `remark`: why none are shown. `guesses`: topic, body, share of 1."""

    cases: Sequence[EarlierCase] = ()
    remark: str = ""
    guesses: Sequence[Any] = ()
    several: bool = False

    @property
    def same(self) -> list[str]:
        """Codes of those that are likely about the same."""
        return [each.case.code for each in self.cases if each.same]


async def blank(visit: Visit) -> web.StreamResponse:
    typed = dict.fromkeys(FIELDS, "") | {"language": "fa"}
    if len(visit.person.areas) == 1:
        typed["county"] = visit.person.areas[0]
    return await _page(visit, typed, _new_key(), {}, Beside())


async def beside(visit: Visit) -> web.StreamResponse:
    """The piece that follows what is typed."""
    form = visit.form()
    found = await _beside(visit, await visit.panel.book.page(), _typed(form))
    return visit.render("servicedesk/beside.html", beside=found, names=await _names(visit))


async def open_case(visit: Visit) -> web.StreamResponse:
    """Open it, once; or show what is wrong, with everything typed still there."""
    form, page = visit.form(), await visit.panel.book.page()
    typed = _typed(form)
    wanted = _wanted(form, page, visit.actor.name)
    key, engine = f"{visit.person.id}/{form.raw('form')[:KEY_LENGTH]}", visit.panel.engine
    found = await _beside(visit, page, typed)
    async with engine.connect() as connection:  # after that: what it opens at this moment is not a duplicate
        code = "" if form.wrong else await opened(connection, wanted, key)
    if code:
        return visit.redirect(visit.path("desk.receipt", code=code))
    if not form.wrong:
        try:
            registering.check(wanted, page)
        except WrongField as refusal:
            form.wrong[refusal.field] = visit.words(f"desk.wrong.{refusal.field}")
    shown = set(form.raw("warned").split())
    if form.wrong or not shown.issuperset(found.same):
        return await _page(visit, typed, form.raw("form") or _new_key(), form.wrong, found)
    code = await open_once(engine, page, wanted, visit.now, await _suggester(visit), key)
    return visit.redirect(visit.path("desk.receipt", code=code))


async def _page(
    visit: Visit, typed: dict[str, str], key: str, wrong: dict[str, str], found: Beside
) -> web.Response:
    page = await visit.panel.book.page()
    names = await _names(visit)
    topics, counties = page.live_topics, page.live_counties
    return visit.render(
        "servicedesk/opening.html",
        status=422 if wrong or found.same else 200,
        typed=typed,
        key=key,
        wrong=wrong,
        beside=found,
        names=names,
        kinds=list(Kind),
        topics={code: name for code, name in names.topics.items() if code in topics},
        counties={code: name for code, name in names.counties.items() if code in counties},
        languages=page.conventions.languages,
        most_words=registering.MOST_WORDS,
    )


async def _beside(visit: Visit, page: Page, typed: dict[str, str]) -> Beside:
    guesses, several = await _guesses(visit, page, typed)
    topics = {typed["topic"]} if typed["topic"] else {guess.topic for guess in guesses[:1]}
    rows, remark = await _earlier(visit, page, typed["caller"])
    hers = earlier.compared(rows, topics - {page.other_topic}, typed["words"])
    return Beside(hers, remark, guesses, several)


async def _guesses(visit: Visit, page: Page, typed: dict[str, str]) -> tuple[Sequence[Any], bool]:
    words = typed["words"].strip()
    suggester = await _suggester(visit) if len(words) >= LEAST_WORDS else None
    if suggester is None:
        return (), False
    kind = typed["kind"] if typed["kind"] in set(Kind) else ""
    county = typed["county"] if typed["county"] in page.live_counties else ""
    words = words[: registering.MOST_WORDS]
    found = suggester.suggest(words, county, kind, retired=page.retired_topics)
    told = [guess for guess in found.top if guess.confidence >= LEAST_SHARE]
    return told, bool(found.parts)


async def _suggester(visit: Visit) -> Any:
    """None: nothing is proposed, and a person reads what has no topic; it is registered all the same."""
    if visit.panel.learning is None:
        return None
    return await visit.panel.learning.if_any()


async def _earlier(visit: Visit, page: Page, number: str) -> tuple[Sequence[Any], str]:
    knows = visit.allowed(P.IDENTITY_REVEAL)
    try:
        rows = await earlier.of_number(
            visit.panel.engine, visit.person, number, page.area_code, visit.now, visit.came.address, knows
        )
    except TooOften as refusal:
        at = refusal.until.astimezone(ZoneInfo(visit.panel.book.timezone))
        return (), visit.words("desk.too_often", at=digits(f"{at:%H:%M}"))
    return rows, ""


def _wanted(form: Form, page: Page, by: str) -> Wanted:
    """What won't do is in `form.wrong`."""
    number, callback = _number(form, page, "caller"), _number(form, page, "callback")
    identity = plain_number(form.text("national_id", needed=False))
    if identity and not national_id.is_valid(identity):
        form.refuse("national_id", "desk.wrong.national_id")
    return Wanted(
        kind=form.choice("kind", list(Kind)),
        topic=form.text("topic", needed=False),  # whether it is one is asked of what is new
        county=form.text("county", needed=False),
        words=form.text("words", registering.MOST_WORDS, needed=False, lines=True),
        caller=number,
        caller_name=form.text("caller_name", registering.LONGEST, needed=False),
        callback=callback,
        national_id=identity,
        language=form.choice("language", page.conventions.languages),
        by=by,
    )


def _number(form: Form, page: Page, field: str) -> str:
    """In full, or "": nobody writes down one that leads nowhere."""
    typed = latin(form.text(field, needed=False))
    full = phone.normalise(typed, page.area_code)
    if typed and not (full if field == "caller" else phone.is_callable(typed, page.area_code)):
        form.refuse(field, f"desk.wrong.{field}")
    return full


def _new_key() -> str:
    return secrets.token_urlsafe(18)


def _typed(form: Form) -> dict[str, str]:
    return {name: form.raw(name) for name in FIELDS}


async def _names(visit: Visit) -> casefile.CaseNames:
    async with visit.panel.engine.connect() as connection:
        return await casefile.names(connection)
