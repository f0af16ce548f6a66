"""What all pages of figures share: tabs, filters, the period, and how numbers are written."""

from __future__ import annotations

from typing import Any

from ivr.cases.kinds import Kind
from ivr.desk.book.names import Called
from ivr.web.numbers import labels
from ivr.web.numbers.asked import BY, FiguresQuery
from ivr.web.numbers.measures import CARDS, DAYS, MEASURES, SCORE
from ivr.web.panel.locale import Locale, number
from ivr.web.panel.permissions import ROUTES
from ivr.web.panel.sheets import SHARE
from ivr.web.panel.visit import Visit

APART = {"rated", "escalated"}  # of the files alone: a page has no room for everything
TABS = ("numbers", "numbers.league", "numbers.gaps", "numbers.hours")


def frame(visit: Visit, asked: FiguresQuery) -> dict[str, Any]:
    """Values for `numbers/frame.html`."""
    words, period = visit.words, asked.period
    return {
        "asked": asked,
        "tabs": [tab for tab in TABS if not (asked.subject.seen.agency and tab == "numbers.gaps")],
        "period_name": labels.period_name(period, words),
        "earlier": asked.query(period=period.before.name),
        "later": asked.query(period=period.after.name) if period.until <= asked.today else "",
        "periods": {
            words(f"numbers.grain.{grain}"): {each.name: labels.period_name(each, words) for each in offered}
            for grain, offered in asked.periods().items()
        },
        "choices": choices(asked.called, asked, words),
        "measures": [
            m for m in MEASURES if m.name not in APART and (asked.by == "agency" or m.name != "received")
        ],
        "dimensions": BY,
        "helps": (*CARDS, "received", "unconfirmed", "other_ends", "p90", "escalated", "waiting", "late"),
        "shown": shown(words),
        "name_of": lambda line: line.name or unnamed(asked.by, line.code, words),
        "inbox": "inbox" in ROUTES and visit.allowed("cases_see"),
        "may_export": visit.allowed("numbers_export"),
        "may_reveal": visit.allowed("identity_reveal"),
    }


def choices(called: Called, asked: FiguresQuery, words: Locale) -> dict[str, dict[str, str]]:
    """What each filter offers; none for what the person can't choose."""
    seen = asked.subject.seen
    found: dict[str, dict[str, str]] = {
        "agency": {} if "agency" in asked.fixed else dict(called.agency),
        "county": {
            code: name for code, name in called.county.items() if not seen.areas or code in seen.areas
        },
        "topic": dict(called.topic),
        "kind": {kind: words(f"common.kind.{kind}") for kind in Kind},
    }
    return {name: offered for name, offered in found.items() if offered}


def unnamed(dimension: str, code: str, words: Locale) -> str:
    """A kind has its word, an unknown county too; what has been taken out of the books its code."""
    if dimension == "kind":
        return words.get(f"common.kind.{code}", code)
    return code or words("numbers.unknown_county")


def percent(share: float) -> int:
    """Whole ones; nothing that is less than all is told as all, or more than nothing as nothing."""
    told = round(100 * share)
    return min(max(told, 1), 99) if 0 < round(share, 9) < 1 else told


def shown(words: Locale) -> Any:
    """A number as its kind of column writes it; "—" for none."""

    def written(value: float | None, kind: str) -> str:
        if value is None:
            return words("common.none")
        if kind == SHARE:
            return words("numbers.percent", n=percent(value))
        if kind == SCORE:
            return number(round(value, 1))
        if kind == DAYS:
            return words("numbers.days", n=int(value))
        return number(value)

    return written
