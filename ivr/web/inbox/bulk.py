"""The same deed on many cases: each its own transaction, and what became of each is told.

What changed since it was looked at is left alone: nobody's decision is overridden unseen.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from aiohttp import web
from sqlalchemy import select

from ivr.desk.case import assigning, closing, collecting, pausing, referring
from ivr.desk.case.change import Instruction
from ivr.desk.reading import casefile
from ivr.desk.reading.casefile import CaseNames
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.tables import cases
from ivr.web.inbox.names import NameBook
from ivr.web.inbox.page import MOST_ROWS
from ivr.web.panel.forms import Form
from ivr.web.panel.locale import digits
from ivr.web.panel.refusals import in_persian
from ivr.web.panel.visit import Visit
from ivr.web.window import tracking_code

LONGEST_REASON = 1000
MOST_DAYS = pausing.MOST_PAUSED_DAYS
_SEEN = re.compile(r"[0-9]{1,9}")
DoesEach = Callable[[Instruction], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """`why`: the sentence of a refusal; "" where it was done."""

    code: str
    why: str = ""


async def refer(book: NameBook, visit: Visit) -> web.StreamResponse:
    names, form, page = await book.names(visit.panel), visit.form(), await visit.panel.book.page()
    agency = names.body_called(form.text("agency"))
    if not agency:
        form.refuse("agency", "refusal.no_agency")
    engine = visit.panel.engine
    return await _each(book, visit, "refer", form, lambda ask: referring.refer(engine, page, ask, agency))


async def hand(book: NameBook, visit: Visit) -> web.StreamResponse:
    """`person`: an id, "me" or "nobody"."""
    form, page = visit.form(), await visit.panel.book.page()
    person = _person(visit, form)
    engine = visit.panel.engine
    deed = {"me": "mine", "nobody": "nobody"}.get(form.raw("person"), "hand")
    return await _each(book, visit, deed, form, lambda ask: assigning.hand(engine, page, ask, person))


async def accept(book: NameBook, visit: Visit) -> web.StreamResponse:
    page = await visit.panel.book.page()
    does = partial(referring.accept, visit.panel.engine, page)
    return await _each(book, visit, "accept", visit.form(), does)


async def pause(book: NameBook, visit: Visit) -> web.StreamResponse:
    form, page = visit.form(), await visit.panel.book.page()
    days = form.number("days", 1, MOST_DAYS)
    engine = visit.panel.engine
    return await _each(book, visit, "pause", form, lambda ask: pausing.pause(engine, page, ask, days))


async def close(book: NameBook, visit: Visit) -> web.StreamResponse:
    """Of nobody who can't be called is it said that she was told: that is asked on each case's page."""
    page = await visit.panel.book.page()
    does = partial(closing.close, visit.panel.engine, page, told=False)
    return await _each(book, visit, "close", visit.form(), does)


async def collect(book: NameBook, visit: Visit) -> web.StreamResponse:
    """Into the collective case `into`, or a new one that the oldest of them begins; `reason`: about what."""
    form, page = visit.form(), await visit.panel.book.page()
    given = form.raw("into").strip()
    into = tracking_code(given)
    if given and await casefile.case_of(visit.panel.engine, visit.scope, into) is None:
        form.refuse("into", "inbox.no_case")
    elif not into and not form.raw("reason").strip():
        form.refuse("reason", "inbox.bulk.about_needed")

    async def join(ask: Instruction) -> None:
        nonlocal into
        engine, seen = visit.panel.engine, ask.seen
        done = await collecting.collect(engine, page, ask.actor, [ask.code], ask.reason, ask.now, into, seen)
        into = done.code

    return await _each(book, visit, "collect", form, join, lambda: f" {digits(into)}" if into else "")


async def _each(
    book: NameBook,
    visit: Visit,
    deed: str,
    form: Form,
    does: DoesEach,
    more: Callable[[], str] | None = None,
) -> web.StreamResponse:
    """`more`: what stands behind the deed's name once it is done; then the oldest case is the first."""
    codes = picked(form.many("codes"))
    if more:
        codes = await _oldest_first(visit, codes)
    reason = form.text("reason", most=LONGEST_REASON, needed=False, lines=True)
    if not codes:
        form.refuse("codes", "inbox.bulk.none")
    known = await book.names(visit.panel)
    names = CaseNames(known.agencies, known.topics, known.counties)
    outcomes = [] if form.wrong else [await _one(visit, names, *each, reason, does) for each in codes.items()]
    return visit.render(
        "inbox/outcomes.html",
        status=422 if form.wrong else 200,
        deed=f"{visit.words(f'inbox.bulk.{deed}')}{more() if more else ''}",
        outcomes=outcomes,
        done=sum(not outcome.why for outcome in outcomes),
        wrong=form.wrong,
    )


def picked(texts: Sequence[str]) -> dict[str, int | None]:
    """Code → the last event that was on the page, from values like 1234567890:4; None where there is none."""
    pairs = (text.partition(":") for text in texts)
    known = ((tracking_code(code), _SEEN.fullmatch(seen)) for code, _, seen in pairs)
    codes = {code: int(seen[0]) if seen else None for code, seen in known if code}
    return dict(islice(codes.items(), MOST_ROWS))


async def _one(
    visit: Visit, names: CaseNames, code: str, seen: int | None, reason: str, does: DoesEach
) -> BulkResult:
    """What may not be seen is not there."""
    if seen is None:
        return BulkResult(code, visit.words("inbox.bulk.unseen"))
    if await casefile.case_of(visit.panel.engine, visit.scope, code) is None:
        return BulkResult(code, visit.words("inbox.no_case"))
    try:
        await does(Instruction(code, visit.actor, reason, visit.now, seen))
    except (NoSuchCase, Refused) as refusal:
        return BulkResult(code, in_persian(refusal, visit.words, names))
    return BulkResult(code)


async def _oldest_first(visit: Visit, codes: Mapping[str, int | None]) -> dict[str, int | None]:
    """Those that are no cases behind the others."""
    query = select(cases.c.code).where(cases.c.code.in_(codes), visit.scope.cases())
    async with visit.panel.engine.connect() as connection:
        known = (await connection.execute(query.order_by(cases.c.opened_at, cases.c.code))).scalars()
        return {code: codes[code] for code in [*known, *codes]}


def _person(visit: Visit, form: Form) -> uuid.UUID | None:
    given = form.raw("person")
    if given == "me":
        return visit.person.id
    try:
        return None if given == "nobody" else uuid.UUID(given)
    except ValueError:
        form.refuse("person", "common.form.not_among")
        return None
