"""The first page of figures: cards, charts and one table, for a period and whatever it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ivr.cases import figures
from ivr.cases.figures import CLOSURES, Facts, Figures, What
from ivr.cases.periods import Period
from ivr.desk.reading.figures import Archive, Waiting
from ivr.web.numbers import labels, measures
from ivr.web.numbers.asked import FiguresQuery, asked
from ivr.web.numbers.frame import frame
from ivr.web.numbers.measures import CARDS, NAMED, FiguresRow
from ivr.web.panel import charts
from ivr.web.panel.visit import Visit

WAITS = (0, 1, 2, 4, 8, 15, 31)  # days, where the places of the chart of waiting begin


@dataclass(frozen=True, slots=True)
class Card:
    """`change`: in percent against `before`; None = nothing to compare with. `tone`: good, bad or ""."""

    name: str
    kind: str
    value: float | None
    before: float | None
    change: int | None
    tone: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything that the page and its files are made of."""

    asked: FiguresQuery
    facts: Facts  # of the period
    before: Figures
    compared: Period
    waiting: Sequence[Waiting]
    lines: Sequence[FiguresRow]
    whole: FiguresRow


async def look(visit: Visit) -> Dashboard:
    """Raises NotFound."""
    return await see(visit.panel.archive, await asked(visit))


async def see(archive: Archive, wanted: FiguresQuery) -> Dashboard:
    """All figures of a page."""
    subject = wanted.subject
    compared = wanted.period.so_far(wanted.today)
    both = subject.of(await archive.facts(compared.since, wanted.period.until))
    facts = both.between(wanted.period.since.toordinal(), wanted.period.until.toordinal())
    before = both.between(compared.since.toordinal(), compared.until.toordinal())
    waiting = await archive.waiting(subject)
    whole = measures.whole(figures.total(facts), waiting)
    lines = measures.table(wanted, facts, waiting)
    return Dashboard(wanted, facts, figures.total(before), compared, waiting, lines, whole)


async def dashboard(visit: Visit) -> web.StreamResponse:
    seen = await look(visit)
    words = visit.words
    return visit.render(
        "numbers/dashboard.html",
        **frame(visit, seen.asked),
        cards=cards(seen),
        compared=labels.period_name(seen.compared, words),
        partly=seen.asked.period.since <= seen.asked.today < seen.asked.period.until,
        flow=flow(seen, visit),
        ends=charts.stacked(
            {what: seen.whole.figures[what] for what in CLOSURES}, words.under("numbers.end")
        ),
        end_rows=[
            (
                what,
                seen.whole.figures[what],
                seen.whole.figures[what] / max(seen.whole.figures.closed, 1),
                seen.before[what],
            )
            for what in CLOSURES
            if seen.whole.figures[what] or seen.before[what]
        ],
        waits=charts.bars("waits", figures.waits(seen.facts, WAITS), _wait_names(visit)),
        lines=seen.lines,
        whole=seen.whole,
    )


def cards(seen: Dashboard) -> list[Card]:
    """The numbers that stand first, against the period before."""
    old, found = FiguresRow("", "", seen.before, 0, 0), []
    for name in CARDS:
        measure = NAMED[name]
        value, before = measure.of(seen.whole), measure.of(old)
        change = round(100 * (value - before) / before) if value is not None and before else None
        better = (value or 0) * measure.good > (before or 0) * measure.good
        tone = ("good" if better else "bad") if change and measure.good else ""
        found.append(Card(name, measure.kind, value, before, change, tone))
    found.append(Card("waiting", "number", seen.whole.waiting, None, None, ""))
    found.append(Card("late", "number", seen.whole.late, None, None, "bad" if seen.whole.late else ""))
    return found


def flow(seen: Dashboard, visit: Visit) -> dict[str, Any]:
    """The chart of what was opened, answered and became overdue, and the table behind it."""
    period, today = seen.asked.period, seen.asked.today
    parts = period.parts()
    edges = [part.since.toordinal() for part in parts] + [period.until.toordinal()]
    found = figures.series(seen.facts, edges)
    short, full = labels.part_names(parts, period.grain)
    values: Mapping[str, list[int | None]] = {
        "opened": [its[What.OPENED] for its in found],
        "answered": [its.answered for its in found],
        "overdue": [its[What.OVERDUE] for its in found],
    }
    for series in values.values():  # what has not come yet is not zero
        series[:] = [n if part.since <= today else None for n, part in zip(series, parts, strict=True)]
    names = {name: visit.words(f"numbers.measure.{name}") for name in values}
    drawn = charts.lines(names, values, short, full)
    rows = [(full[n], *(series[n] for series in values.values())) for n in range(len(parts))]
    return {"chart": drawn, "names": names, "rows": rows}


def _wait_names(visit: Visit) -> list[str]:
    """One day, from two to three, thirty-one and more."""
    words, found = visit.words, []
    for since, until in zip(WAITS, [*WAITS[1:], 0], strict=True):
        if not until:
            found.append(words("numbers.waits.more", n=since))
        elif until == since + 1:
            found.append(words("numbers.waits.one", n=since))
        else:
            found.append(words("numbers.waits.from_to", least=since, most=until - 1))
    return found
