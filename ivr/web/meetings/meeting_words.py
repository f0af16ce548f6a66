"""What pages of meetings share: names of bodies, and the desk's refusals in Persian."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from persiantools.jdatetime import JalaliDate

from ivr.desk.meetings.request_deciding import the_office
from ivr.desk.reading.casefile import CaseNames, names
from ivr.desk.refusals import Refused, WrongField
from ivr.web.panel import refusals
from ivr.web.panel.forms import Form
from ivr.web.panel.locale import digits
from ivr.web.panel.visit import Visit

# The rest is said as on a case's page.
_FORMS: Mapping[str, str] = {
    "needs": r"request \S+: \w+ needs a \w+",
    "state": r"request \S+ is (?P<state>\w+): \w+ is not possible",
    "next_on": r"the next date must be .* within (?P<days>\d+) days",
    "ahead": r"request \S+ is put ahead of (?P<count>\d+) others: .*",
    "taken": r"slot (?P<slot>\d+) of session \d+ is not free",
    "not_yet": r"the day of request \S+ has not come yet",
    "no_request": r"case \S+ is no request to meet an official",
    "cancelled": r"session \d+ is cancelled",
    "over": r"session \d+ is over",
    "no_reason": r"a session is cancelled with a reason",
    "begun_to_move": r"session \d+ has begun and can't be moved",
    "session_changed": r"session \d+ has changed since you looked",
    "its_day": r"session \d+ is delayed on its day only, and within it",
    "move_reason": r"a session is moved or delayed with a reason",
    "late_minutes": r"minutes: a delay has .*",
    "day_off": r"\S+ is a day off",
    "sits": r"the \w+ of \S+ sits in session (?P<session>\d+) then",
    "slots": r"a session has .*",
    "minutes": r"a slot has .*",
    "keeps_out": r"bodies: \S+ is kept from a complaint .*",
    "knows": r"about: \S+ has had this case already .*",
    "slot_with": r"about: she has a slot with \S+: release it first",
    "later": r"starts_at: .*",
    "due_on": r"due_on: an order is due .*",
    "earlier": r"due_on: an extension .*",
    "again": r"this order was given to (?P<agency>\S+) already",
    "not_heard": r"request \S+ is \w+: orders are given once she was heard",
    "no_objection": r"nobody objects to order \S+",
    "no_uphold": r"an order is upheld with a reason",
    "no_order": r"case \S+ is no order",
    "lottery_open": r"lottery \d+ is not worked through",
    "lottery_empty": r"there is no closed case that can be drawn",
    "lottery_over": r"lottery \d+ is not open",
    "lottery_no_case": r"case \S+ waits for no result of a lottery",
    "lottery_untried": r"the citizen of case \S+ was not rung",
    "lottery_untalked": r"nobody has talked with the citizen of case \S+",
    "lottery_says": r"reason: what she says is missing .*",
    "lottery_confidential": r"case \S+ is confidential now: .*",
    "lottery_no_calls": r"nobody is called from here",
    "hour_over": r"hour \d+ is over",
    "hour_not_open": r"hour \d+ is not open",
    "hour_busy": r"the official is still with \S+",
    "hour_nobody": r"nobody waits in hour \d+",
    "hour_lasts": r"such an hour lasts .*",
    "hour_room": r"\d+ to \d+ may wait in line, not \d+",
    "hour_rings": r"extensions: .*",
    "hour_past": r"ends: .*",
    "hour_far": r"on: .*",
    "nothing_to_check": r"order \S+ reports nothing that is to be checked",
    "begun": r"session \d+ has begun",
    "not_begun": r"session \d+ has not begun",
    "no_name": r"a substitute has a name",
    "no_ground": r"an invitation is refused with a reason",
    "not_invited": r"\S+ is not invited to session \d+",
    "not_asked": r"no view of case \S+ is asked for",
    "heard_already": r"case \S+ was heard already",
    "no_hearing": r"request \S+ waits for no hearing in session \d+",
    "came_later": r"request \S+ came later than that",
    "unheard": r"request \S+ was not heard in session \d+",
    "rewritten": r"minutes of request \S+ were written since you looked",
    "day_not_come": r"the day of session \d+ has not come yet",
    "people": r"people: .*",
    "link": r"link: .*",
    "place": r"place: .*",
    "other_list": r"request \S+ is not on the list of (?P<agency>\S+)",
    "void_reason": r"a paper is withdrawn with a reason",
    "no_paper": r"there is no paper .* in force",
}
_KNOWN = {key: re.compile(form, re.DOTALL) for key, form in _FORMS.items()}
# Which field is at fault, where it is one.
_FIELDS = {
    "next_on": "next_on",
    "ahead": "reason",
    "no_reason": "reason",
    "other_list": "code",
    "void_reason": "reason",
    "no_paper": "paper",
    "move_reason": "reason",
    "day_off": "on",
    "later": "at",
}
_FIELDS |= {
    "no_name": "who",
    "no_ground": "reason",
    "no_uphold": "reason",
    "again": "words",
    "no_order": "order",
    "slots": "slots",
    "minutes": "minutes",
    "taken": "slot",
    "no_request": "code",
    "hour_lasts": "ends",
    "hour_room": "room",
}


def jalali_day(day: date) -> str:
    """Day, month and year in words of the Jalali calendar."""
    jalali: Any = JalaliDate  # it has no types
    its = jalali(day)
    return str(its.strftime(f"{its.day} %B %Y", locale="fa"))


def official(visit: Visit, session: Any, names: CaseNames) -> str:
    """Who holds it, and of which body."""
    who = visit.words(f"meetings.official.{session.official}")
    body = names.body_of(session)
    return visit.words("meetings.of_body", who=who, body=body) if body else who


async def names_of(visit: Visit) -> CaseNames:
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        return replace(await names(connection), office=the_office(page))


def put(form: Form, refusal: Refused, visit: Visit, its: CaseNames) -> str:
    """The refusal's sentence, at its field of the form; returned where it is about the whole of it."""
    key, sentence = in_persian(refusal, visit, its)
    field = refusal.field if isinstance(refusal, WrongField) else refusals.field_of(refusal)
    field = _FIELDS.get(key, field)
    if field:
        form.wrong.setdefault(field, sentence)
    return "" if field else sentence


def in_persian(refusal: Refused, visit: Visit, its: CaseNames) -> tuple[str, str]:
    """Its key, "" for a case's own, and one sentence."""
    for key, form in _KNOWN.items():
        if found := form.fullmatch(str(refusal)):
            values = {name: _named(visit, its, name, value) for name, value in found.groupdict().items()}
            said = visit.words(f"meetings.refused.{key}")
            return key, said.format(**values)
    return "", refusals.in_persian(refusal, visit.words, its)


def _named(visit: Visit, its: CaseNames, name: str, value: str) -> str:
    if name == "agency":
        return its.agencies.get(value, value)
    return visit.words(f"meetings.state.{value}") if name == "state" else digits(value)
