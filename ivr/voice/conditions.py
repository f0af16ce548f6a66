"""What a call can branch on: each condition's values as the tree writes them, and whether one holds.

Times and days are those of the call's beginning, where the province is; dates are Jalali.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from persiantools.jdatetime import JalaliDate

from ivr.voice.events import EARLIER
from ivr.voice.fields import VARIABLE, Fields
from ivr.voice.talk import Talk
from ivr.voice.yaml_tree import Scalar

DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(f"({TIME})-({TIME}|24:00)")
_DATE = r"(?:1[34]\d\d-)?(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_DATES = re.compile(rf"({_DATE})(?:\.\.({_DATE}))?")
_jalali: Any = JalaliDate  # it has no types


@dataclass(frozen=True, slots=True)
class Condition:
    """`told`: its values, for people. `holds`: whether one does. `wrong`: what is wrong with one, or "".

    `known`: the draft value whose names are checked against the province's.
    """

    told: str
    holds: Callable[[Talk, str], bool]
    wrong: Callable[[str], str] = lambda value: ""
    known: str = ""

    def check(self, fields: Fields, key: Scalar) -> None:
        """Note what is wrong with this value."""
        if self.known:
            fields.value(self.known, key, key.value[:20])
        elif message := self.wrong(key.value):
            fields.wrong(key, key.value[:20], message)


def _is(value_of: Callable[[Talk], str]) -> Callable[[Talk, str], bool]:
    return lambda talk, value: value_of(talk) == value


def _one_of(*names: str) -> Callable[[str], str]:
    return lambda value: "" if value in names else f"must be one of {', '.join(names)}"


def within_hours(value: str, now: datetime) -> bool:
    """ "07:00-19:00", or past midnight "19:00-07:00"; the last minute is not in it."""
    opens, closes = value.split("-")
    at = f"{now:%H:%M}"
    return opens <= at < closes if opens < closes else at >= opens or at < closes


def within_dates(value: str, now: datetime) -> bool:
    """ "1405-01-01..1405-01-13", "01-01..01-13" of every year, or one day alone; both ends are in it."""
    first, _, last = value.partition("..")
    day = _jalali(now.date())
    today = f"{day.year:04}-{day.month:02}-{day.day:02}"[-len(first) :]
    last = last or first
    return first <= today <= last if first <= last else today >= first or today <= last


def _wrong_hours(value: str) -> str:
    found = _HOURS.fullmatch(value)
    if found is None:
        return "must be hours like 07:00-19:00"
    return "begins when it ends" if found[1] == found[2] else ""


def _wrong_dates(value: str) -> str:
    found = _DATES.fullmatch(value)
    if found is None:
        return "must be a Jalali day like 1405-01-13 or 01-13, or two of them with .. between"
    first, last = found[1], found[2] or found[1]
    if len(first) != len(last):
        return "names the year at one end only"
    if any(not _is_day(each) for each in (first, last)):
        return "is no day of the Jalali calendar"
    return "ends before it begins" if len(first) > 5 and last < first else ""


def _is_day(text: str) -> bool:
    year, month, day = (int(part) for part in (text if len(text) > 5 else f"1403-{text}").split("-"))
    return bool(_jalali.check_date(year, month, day))  # 1403 is a leap year


def _day(talk: Talk) -> str:
    today, county = talk.caller.now.date(), talk.draft.get("county", "")
    return "working" if talk.directory.calendar.is_working(today, county) else "off"


def _weekday(talk: Talk) -> str:
    return next(name for name, number in DAYS.items() if number == talk.caller.now.weekday())


CONDITIONS = {
    "kind": Condition("what she chose", _is(lambda talk: talk.draft.get("kind", "")), known="kind"),
    "language": Condition("the call's", _is(lambda talk: talk.language), known="language"),
    "topic": Condition("what she chose", _is(lambda talk: talk.draft.get("topic", "")), known="topic"),
    "county": Condition("what she chose", _is(lambda talk: talk.draft.get("county", "")), known="county"),
    "caller_county": Condition(
        "what she chose, else that of her latest case",
        _is(lambda talk: talk.draft.get("county") or talk.known_county),
        known="county",
    ),
    "number": Condition(
        "`shown`, or `withheld`, also from abroad, where she can't be called on it",
        _is(lambda talk: "shown" if talk.shows_number else "withheld"),
        known="number",
    ),
    "caller": Condition(
        "`free` or `blocked`", _is(lambda talk: "blocked" if talk.blocked else "free"), known="caller"
    ),
    "earlier": Condition(
        "what a call of her number left: an `open` case from more than an hour ago, or one of the last hour "
        "that `broken_off` in mid-word or before matter and county were said",
        _is(lambda talk: talk.earlier),
        _one_of(*EARLIER),
    ),
    "hours": Condition(
        '`"07:00-19:00"`, `"19:00-07:00"`',
        lambda talk, value: within_hours(value, talk.caller.now),
        _wrong_hours,
    ),
    "day": Condition(
        "`working`, or `off`: week's end, holiday, closure", _is(_day), _one_of("working", "off")
    ),
    "weekday": Condition("`sat` … `fri`", _is(_weekday), _one_of(*DAYS)),
    "date": Condition(
        '`"1405-01-01..1405-01-13"`, every year `"01-01..01-13"`, `"11-22"`',
        lambda talk, value: within_dates(value, talk.caller.now),
        _wrong_dates,
    ),
}


def condition(on: str) -> Condition | None:
    """The condition of that name; `var.…` is one by itself."""
    if VARIABLE.fullmatch(on):
        return Condition("a variable's value", _is(lambda talk: talk.draft.get(on, "")))
    return CONDITIONS.get(on)
