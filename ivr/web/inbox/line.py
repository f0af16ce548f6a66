"""One case as a line of the inbox: what its template says of it.

The same fifty cases are looked at all day by everybody: a line is written when something in it has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup
from persiantools.jdatetime import JalaliDate
from sqlalchemy import Row

from ivr.cases.search import without_numbers
from ivr.desk.reading.inbox import Sight
from ivr.web.inbox.names import InboxNames
from ivr.web.panel.due import Mark, due_mark
from ivr.web.panel.locale import Locale, digits
from ivr.web.panel.visit import Visit

MOST_KEPT = 4_096  # lines, of some two kilobytes each
_MASKED = "•••"  # telephone numbers and national IDs that were spoken: a list shows none, whoever looks at it


@dataclass(frozen=True, slots=True)
class InboxRow:
    """`said`: her words, without numbers. `body`: the agency as people call it. `age`: how long it waits.

    `sounds`: its recordings in the order they were spoken, for whoever may hear them.
    """

    case: Row[Any]
    code: str
    kind: str
    status: str
    agency: str
    body: str
    topic: str
    said: str
    county: str
    due: Mark
    age: str
    dates: str
    marks: tuple[Mark, ...]
    length: str
    sounds: str
    pick: str
    play: str

    @property
    def address(self) -> str:
        return f"/panel/cases/{self.case.code}"


def lines(
    visit: Visit, rows: Sequence[Row[Any]], names: InboxNames, sight: Sight, heard: bool
) -> list[Markup]:
    """`heard`: whether this person may play recordings."""
    macro, zone = visit.macro("inbox/line.html", "row"), ZoneInfo(visit.panel.book.timezone)
    due = [due_mark(visit.words, names.page.standing(row, visit.now)) for row in rows]
    told = (visit.words, zone, names, sight.lowest, heard)
    return [_written(macro, *told, its, _age(visit, row), row) for its, row in zip(due, rows, strict=True)]


@lru_cache(MOST_KEPT)
def _written(
    macro: Callable[[InboxRow], Markup],
    words: Locale,
    zone: ZoneInfo,
    names: InboxNames,
    lowest: str,
    heard: bool,
    its: Mark,
    age: str,
    row: Row[Any],
) -> Markup:
    code = digits(row.code)
    due, opened = (_day(at.astimezone(zone).date()) for at in (row.due_at, row.opened_at))
    line = InboxRow(
        row,
        code,
        words.get(f"common.kind.{row.kind}", row.kind),
        words.get(f"common.status.{row.status}", row.status),
        names.agencies.get(row.agency, row.agency),
        names.shorts.get(row.agency) or names.agencies.get(row.agency, row.agency),
        names.topics.get(row.topic, row.topic),
        without_numbers(" ".join(row.said.split()), _MASKED),
        names.counties.get(row.county or "", words("inbox.no_county")),
        its,
        age,
        words("inbox.due.title", due=due, opened=opened),
        tuple(_marks(words, row, lowest)),
        _length(row.seconds or 0),
        " ".join(map(str, row.recordings)) if heard else "",
        words("inbox.select_one", code=code),
        words("inbox.play", code=code),
    )
    return macro(line)


@lru_cache(4096)
def _day(day: date) -> str:
    return str(JalaliDate(day).strftime("%d %B %Y", locale="fa"))  # type: ignore[no-untyped-call]


def _age(visit: Visit, row: Row[Any]) -> str:
    """How long she has waited; "" when she waits no more."""
    if row.closed_at is not None:
        return ""
    return visit.words("inbox.age", how=_how_long(visit, max(visit.now - row.opened_at, timedelta())))


def _how_long(visit: Visit, gap: timedelta) -> str:
    if gap >= timedelta(days=1):
        return visit.words("inbox.due.days", n=gap.days)
    if gap >= timedelta(hours=1):
        return visit.words("inbox.due.hours", n=gap.seconds // 3600)
    return visit.words("inbox.due.minutes", n=max(gap.seconds // 60, 1))


def _marks(words: Locale, row: Row[Any], lowest: str) -> Iterator[Mark]:
    if row.drafted:
        yield Mark("accent", words("inbox.mark.drafted"))
    if row.level not in {"", lowest} and row.closed_at is None:
        yield Mark("bad", words.get(f"common.level.{row.level}", row.level))
    if row.fallback:
        yield Mark("warn", words("inbox.mark.fallback"))
    if row.silent:
        yield Mark("warn", words("inbox.mark.silent"))
    if row.over_limit:
        yield Mark("warn", words("inbox.mark.over_limit"))
    if row.repeats:
        yield Mark("", words("inbox.mark.repeats", n=row.repeats + 1))
    if row.person_name:
        yield Mark("", words("inbox.mark.person", name=row.person_name))


def _length(seconds: float) -> str:
    """Minutes and seconds; "" where nothing was recorded."""
    whole = round(seconds)
    return digits(f"{whole // 60}:{whole % 60:02}") if whole else ""
