"""League table, gap list, heat map of the hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from ivr.cases import figures
from ivr.cases.figures import What
from ivr.cases.league import LEAST, Rank, league
from ivr.desk.reading import gaps
from ivr.web.numbers import labels
from ivr.web.numbers.asked import FiguresQuery, asked
from ivr.web.numbers.frame import frame, unnamed
from ivr.web.panel import charts
from ivr.web.panel.locale import Locale
from ivr.web.panel.sheets import NUMBER, Column
from ivr.web.panel.visit import NotFound, Visit

YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Group:
    """One kind of gap. `name`: its words are numbers.gaps.<name>.…"""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Map:
    """`rows`: weekdays from Saturday × hours. `peak`: day, hour, how often."""

    name: str
    rows: Sequence[Sequence[int]]
    count: int
    peak: tuple[str, str, int]
    chart: charts.Heat


async def places(visit: Visit) -> tuple[FiguresQuery, list[Rank]]:
    """The desk is a body like the others. Who sees one agency sees its shares alone, without a rank."""
    wanted = await asked(visit)
    facts = await visit.panel.archive.facts(wanted.period.since, wanted.period.until)
    found = league(figures.by(wanted.subject.of(facts), "agency"))
    if wanted.subject.seen.agency:
        found = [replace(place, rank=0) for place in found]
    return wanted, found


async def league_page(visit: Visit) -> web.StreamResponse:
    wanted, found = await places(visit)
    return visit.render("numbers/league.html", **frame(visit, wanted), places=found, least=LEAST)


async def groups(visit: Visit) -> tuple[FiguresQuery, list[Group]]:
    """Raises NotFound for people of an agency: gaps are the province's."""
    wanted = await asked(visit)
    if wanted.subject.seen.agency:
        raise NotFound
    archive, period = visit.panel.archive, wanted.period
    whole = await archive.facts(period.since - YEAR, period.until)
    since, until = period.since.toordinal(), period.until.toordinal()
    now, before = whole.between(since, until), whole.between(since - YEAR.days, since)
    facts = wanted.subject.of(now)
    page, words = await visit.panel.book.page(), visit.words

    def title(name: str, kind: str = "text", width: int = 30) -> Column:
        return Column(words(f"numbers.gaps.{name}"), kind, width)

    uncovered = [
        (
            _name(wanted, "topic", gap.topic, words),
            words("numbers.gaps.everywhere") if gap.everywhere else _listed(gap.counties, wanted, words),
            words(f"numbers.gaps.reason.{gap.reason}"),
            gap.cases,
        )
        for gap in gaps.uncovered(page, facts, wanted.subject)
    ]
    unmanned = [
        (_name(wanted, "agency", code, words), cases)
        for code, cases in gaps.unmanned(page, facts, wanted.called)
    ]
    every = replace(wanted.subject, agency="", county="")  # a county is silent beside the others
    silent = [
        (_name(wanted, "county", gap.county, words), gap.cases, round(gap.expected) or None)
        for gap in gaps.silent(page, every.of(now), every.of(before), wanted.subject)
    ]
    anybodys = replace(wanted.subject, agency="").of(now)  # citizens choose no body
    unchosen = [
        (_name(wanted, "topic", code, words),) for code in gaps.unchosen(page, anybodys, wanted.subject)
    ]
    cases = title("cases", NUMBER, 10)
    return wanted, [
        Group("uncovered", (title("topic"), title("counties"), title("why"), cases), uncovered),
        Group("unmanned", (title("agency", width=44), cases), unmanned),
        Group("silent", (title("county"), cases, title("expected", NUMBER, 10)), silent),
        Group("unchosen", (title("topic"),), unchosen),
    ]


async def gaps_page(visit: Visit) -> web.StreamResponse:
    if visit.scope.agency:
        return visit.redirect("/panel/numbers")
    wanted, found = await groups(visit)
    return visit.render("numbers/gaps.html", **frame(visit, wanted), groups=found)


async def maps(visit: Visit) -> tuple[FiguresQuery, list[Map]]:
    """Calls belong to no agency: they are shown for the whole province only, else the cases that came."""
    wanted = await asked(visit)
    facts = wanted.subject.of(await visit.panel.archive.facts(wanted.period.since, wanted.period.until))
    first = What.CALLED if wanted.whole else What.OPENED
    return wanted, [_map(what, figures.hours(facts, what), visit.words) for what in (first, What.OVERDUE)]


async def hours_page(visit: Visit) -> web.StreamResponse:
    wanted, found = await maps(visit)
    return visit.render(
        "numbers/hours.html", **frame(visit, wanted), maps=found, days=labels.weekdays(),
        hours=labels.hour_names(),
    )  # fmt: skip


def _map(what: What, counts: figures.Array, words: Locale) -> Map:
    rows = [[int(n) for n in counts[weekday]] for weekday in labels.WEEK]
    days, hours = labels.weekdays(), labels.hour_names()
    most, day, hour = max((n, -d, -h) for d, row in enumerate(rows) for h, n in enumerate(row))
    drawn = charts.heat(rows, days, hours, words.texts["numbers.hours.cell"])
    peak = days[-day], hours[-hour], most
    return Map(str(what), rows, sum(map(sum, rows)), peak, drawn)


def _name(wanted: FiguresQuery, dimension: str, code: str, words: Locale) -> str:
    return wanted.name_of(dimension, code) or unnamed(dimension, code, words)


def _listed(codes: Sequence[str], wanted: FiguresQuery, words: Locale) -> str:
    return words("numbers.gaps.comma").join(_name(wanted, "county", code, words) for code in codes)
