"""Doing something with a case: its form as a piece of the page, and what becomes of it.

A refusal comes back as one sentence at the form, with everything that was typed. What somebody else did
meanwhile is a refusal too: the form carries the number of the last event that was on the page.
"""

from __future__ import annotations

import logging
from datetime import date
from typing import Any
from uuid import UUID

from aiohttp import web

from ivr.desk.book.seeds import SeedError
from ivr.desk.case import assigning, confiding
from ivr.desk.case.change import Instruction
from ivr.desk.case.splitting import Part
from ivr.desk.letters import wording
from ivr.desk.reading import casefile
from ivr.desk.reading.casefile import CaseFile
from ivr.desk.recordings import revealing
from ivr.desk.refusals import Refused
from ivr.web.casefile import answering
from ivr.web.casefile.deeds import BY_NAME, Deed, offered
from ivr.web.casefile.finding import SentOn, case_file, code_of
from ivr.web.casefile.page import page_of
from ivr.web.casefile.story import teller
from ivr.web.panel.forms import Form, whole_number
from ivr.web.panel.refusals import field_of, in_persian, key_of
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

log = logging.getLogger(__name__)

LONGEST_REASON = 1000
MOST_DAYS = 10
PARTS = 4  # rows that the form has
# What a form that is shown again has in its fields.
TYPED = (
    *("reason", "agency", "topic", "county", "into", "days", "about", "collective", "person"),
    *("words", "spoken", "voice", "accused", "kept_from", "told", "order_words", "due_on"),
    *("caller", "callback", "national_id"),
)


async def form(visit: Visit) -> web.StreamResponse:
    """The form alone, for htmx; without it the page with the form in it. Where the deed is not offered (any
    more), the page as it is now, which says so; as does the one of a case that was sent on meanwhile.

    Asked for on a page that showed less (`story_seen`), it comes with what has happened since, and says so.
    """
    deed = BY_NAME.get(visit.request.match_info["deed"])
    if deed is None:
        raise NotFound
    try:
        file = await case_file(visit)
    except SentOn:
        return visit.redirect(f"/panel/cases/{code_of(visit)}")
    if deed not in offered(visit, file):  # no #act: of the page that one is on htmx would only scroll there
        return visit.redirect(f"/panel/cases/{file.case.code}?do={deed.name}")
    if not visit.partial:
        return visit.redirect(f"/panel/cases/{file.case.code}?do={deed.name}#act")
    seen, case = whole_number(visit.request.query.get("story_seen", "")), file.case
    if seen in (0, case.last_seq):
        return visit.render("casefile/act.html", **await shown(visit, file, deed))
    return _with_story(visit, file, await shown(visit, file, deed, sentence=_changed(visit, file)))


async def act(deed: Deed, visit: Visit) -> web.StreamResponse:
    """Do it. What is not offered as things stand now goes to the desk all the same, which says why not."""
    file = await case_file(visit)
    visit.require(deed.permission, agency=visit.person.agency, area=file.case.county or "")
    sent = visit.form()
    given = await _given(visit, deed, sent)
    reason = sent.text("reason", most=LONGEST_REASON, needed=False, lines=True)
    wrong, sentence, is_said = dict(sent.wrong), "", False
    if not wrong:
        page = await visit.panel.book.page()
        ask = Instruction(
            file.case.code, visit.actor, reason, visit.now, sent.number("seen", otherwise=0) or None
        )
        try:
            await deed.does(visit.panel.engine, page, ask, given)
            return visit.redirect(f"/panel/cases/{file.case.code}?done={deed.name}")
        except Refused as refusal:
            sentence = in_persian(refusal, visit.words, file.names)
            is_said = key_of(str(refusal)) == "changed"
            if (field := field_of(refusal)) in (*deed.fields, "reason"):  # the form has no other
                wrong[field], sentence = sentence, ""
    fresh = await case_file(visit)
    # Refused before the desk looked at that: the form that comes back counts as seen with all that is new.
    if not is_said and sent.number("seen", otherwise=0) not in (0, fresh.case.last_seq):
        sentence = f"{sentence} {_changed(visit, fresh)}".strip()
    values = await shown(visit, fresh, deed, sent, wrong, sentence)
    if visit.partial:
        return _with_story(visit, fresh, values, status=422)
    return visit.render("casefile/case.html", status=422, **await page_of(visit, fresh), act=values)


def _with_story(
    visit: Visit, file: CaseFile, values: dict[str, Any], status: int = 200
) -> web.StreamResponse:
    """The form, and story and draft of the page around it as they are now."""
    told = teller(visit, file)
    return visit.render("casefile/refused.html", status=status, story=told.story(), teller=told, **values)


def _changed(visit: Visit, file: CaseFile) -> str:
    return visit.words("casefile.changed", status=visit.words(f"common.status.{file.case.status}"))


async def shown(
    visit: Visit,
    file: CaseFile,
    deed: Deed,
    sent: Form | None = None,
    wrong: dict[str, str] | None = None,
    sentence: str = "",
) -> dict[str, Any]:
    """What the template needs. By htmx the story may come with it: whoever gets that has seen the case."""
    if visit.partial:  # else `page_of` notes it
        await revealing.saw(visit.panel.engine, visit.person, file.case.id, visit.now, visit.came.address)
    page, case, names = await visit.panel.book.page(), file.case, file.names
    topics, counties = page.live_topics | {case.topic}, page.live_counties | {case.county}
    return {
        "file": file,
        "case": file.case,
        "deed": deed,
        "needs_reason": deed.needs_reason(visit.actor.side),
        "typed": {name: sent.raw(name) for name in TYPED} if sent else {},
        "wrong": wrong or {},
        "sentence": sentence,
        "parts": _parts(sent),
        "topics": {c: n for c, n in names.topics.items() if c in topics},
        "counties": {c: n for c, n in names.counties.items() if c in counties},
        "colleagues": await _colleagues(visit, file, deed),
        "chosen": sent.many("members") if sent else [],
        "most_days": MOST_DAYS,
        "approval": visit.panel.voices.studio is not None and visit.panel.voices.studio.approval,
        "wordings": await _wordings(visit, file, deed),
    }


async def _given(visit: Visit, deed: Deed, sent: Form) -> dict[str, Any]:
    """The fields of this deed; what won't do is in `sent.wrong`."""
    given: dict[str, Any] = {}
    for name in deed.fields:
        match name:
            case "agency":
                given[name] = sent.text("agency", needed=True)
            case "days":
                given[name] = sent.number("days", least=1, most=MOST_DAYS)
            case "into":
                code = tracking_code(sent.raw(name)) or sent.refuse(name, "casefile.form.code")
                given[name] = code and await _known(visit, sent, name, code)
            case "topic":
                given[name] = sent.text("topic", needed=False)
            case "county":
                given[name] = sent.raw("county")
            case "words" | "spoken":
                given[name] = sent.text(name, most=answering.LONGEST, needed=False, lines=True)
            case "person":
                given[name] = _person(sent)
            case "caller" | "callback" | "national_id":
                given[name] = sent.text(name, needed=False)
            case "order_words":
                given[name] = sent.text(name, most=LONGEST_REASON, lines=True)
            case "due_on":
                given[name] = sent.day(name) or date.min
            case "parts":
                given[name] = [Part(*row) for row in _rows(sent) if row[0] or row[1]]
            case "members":
                codes = filter(None, map(tracking_code, sent.many(name)))
                others = [await _known(visit, sent, name, code) for code in codes]
                given[name] = [code_of(visit), *others]
            case "collective":
                code = tracking_code(sent.raw(name))
                given[name] = code and await _known(visit, sent, name, code)
            case "about":
                given[name] = sent.text("about", most=LONGEST_REASON, needed=False, lines=True)
            case "accused":
                given[name] = sent.raw("accused")
            case "kept_from":
                given[name] = sent.raw("kept_from").replace("،", " ").replace(",", " ").lower().split()
            case "told":
                given[name] = sent.text("told", most=confiding.LONGEST, needed=False, lines=True)
            case "untold":  # the form said that closing tells how she was told
                given[name] = bool(sent.raw(name))
            case "voice":
                digest = sent.raw("voice")
                given[name] = await answering.voice_of(visit, digest) if answering.is_digest(digest) else None
                if digest and given[name] is None:
                    sent.refuse("voice", "casefile.voice.gone")
    if deed.name == "contact":
        given |= {"person": visit.person.id, "address": visit.came.address}
    given["approval"] = visit.panel.voices.studio is not None and visit.panel.voices.studio.approval
    return given


async def _known(visit: Visit, sent: Form, name: str, code: str) -> str:
    """The code of another case that they may see. Else the field is refused, and tells nothing of it."""
    case = await casefile.case_of(visit.panel.engine, visit.scope, code)
    return code if case else sent.refuse(name, "inbox.no_case")


async def _colleagues(visit: Visit, file: CaseFile, deed: Deed) -> dict[str, str]:
    """Full names by id of those in whose hands it may be."""
    if "person" not in deed.fields:
        return {}
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        found = await assigning.colleagues(connection, page, file.case.agency)
    return {str(row.id): row.full_name for row in found}


def _person(sent: Form) -> UUID | None:
    """None: nobody, which is chosen too. What is no id is refused."""
    given = sent.raw("person")
    try:
        return None if given == "nobody" else UUID(given)
    except ValueError:
        sent.refuse("person", "common.form.not_among")
        return None


def _parts(sent: Form | None) -> list[tuple[str, str, str]]:
    rows = _rows(sent) if sent else []
    return rows + [("", "", "")] * (PARTS - len(rows))


def _rows(sent: Form) -> list[tuple[str, str, str]]:
    """Agency, words and topic of each part, as many as the page has rows."""
    columns = [sent.many(f"part_{name}") for name in ("agency", "words", "topic")]
    return [(agency, words.strip(), topic) for agency, words, topic in zip(*columns, strict=False)]


async def _wordings(visit: Visit, file: CaseFile, deed: Deed) -> list[dict[str, Any]]:
    """None where their file has a mistake: she is answered all the same."""
    status = {"answer": "answered", "advise": "advised"}.get(deed.name)
    if status is None or visit.panel.voices.studio is None:
        return []
    page = await visit.panel.book.page()
    folder = visit.panel.voices.studio.wordings
    try:
        return await wording.offered(visit.panel.engine, page.calendar, folder, file.case.code, status)
    except SeedError as mistake:
        log.error("no ready wordings are offered: %s", mistake)
        return []
