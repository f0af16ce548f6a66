"""Who gets this? The agency for a kind, topic and county, the rule that won, those that lost, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.clock import Clock
from ivr.cases.routing import Reason, RoutingDecision, Rule, RuleScope
from ivr.cases.suggest import Suggester, Suggestion
from ivr.desk.book.book import Page
from ivr.desk.people.scope import Scope
from ivr.store.tables import cases, precedents

ORDER = list(RuleScope)


@dataclass(frozen=True, slots=True)
class Weighed:
    """One rule and what became of it.

    `fate`: won | tie | outside, or why it lost: less_specific | elsewhere (another county, or only with or
    without one) | unknown_agency | retired_agency.
    """

    rule: Rule
    agency: str
    fate: str


@dataclass(frozen=True, slots=True)
class WhoGets:
    """`governing`: the topic whose rules and deadline hold.

    `topic_from`, `county_from`: given | words | "" (nothing said).
    """

    topic: str
    county: str
    topic_from: str
    county_from: str
    governing: str
    route: RoutingDecision
    weighed: tuple[Weighed, ...]
    precedents: tuple[dict[str, Any], ...]
    days: int
    due_at: datetime
    suggestion: Suggestion | None = None


async def who_gets(
    engine: AsyncEngine,
    page: Page,
    kind: str,
    topic: str,
    county: str,
    at: datetime,
    words: str = "",
    suggester: Suggester | None = None,
    scope: Scope | None = None,
) -> WhoGets:
    """What would become of such a call at that moment. Unknown codes count as not given, as at an opening.

    `scope`: of whoever asks; None: the machine.
    """
    found = None
    if suggester is not None and words.strip():
        found = suggester.suggest(words, county, kind, retired=page.retired_topics)
    chosen, topic_from = (topic, "given") if topic in page.deadlines else (page.other_topic, "")
    if not topic_from and found is not None and found.topic in page.deadlines:
        chosen, topic_from = found.topic, "words"
    place, county_from = (county, "given") if county in page.counties else ("", "")
    if not county_from and found is not None and found.county in page.counties:
        place, county_from = found.county, "words"
    town = found.town if found is not None and found.county == place else ""
    governing, route = page.rules.governing_topic(kind, chosen), page.rules.route(kind, chosen, place, town)
    term = page.term(Clock(at), kind, chosen, place)
    return WhoGets(
        chosen,
        place,
        topic_from,
        county_from,
        governing,
        route,
        tuple(weigh(page, kind, chosen, place, town, route)),
        tuple(await _precedents(engine, governing, scope or Scope())),
        term.days,
        term.due_at,
        found,
    )


def weigh(page: Page, kind: str, topic: str, county: str, town: str, route: RoutingDecision) -> list[Weighed]:
    """All rules of the topic, the most specific first."""
    rules = sorted(page.rules.of(kind, topic), key=lambda rule: (ORDER.index(rule.scope), rule.county))
    named = [(rule, page.rules.named_by(rule, county, town)) for rule in rules]
    return [Weighed(rule, body, _fate(page, rule, body, county, route)) for rule, body in named]


def _fate(page: Page, rule: Rule, agency: str, county: str, route: RoutingDecision) -> str:
    if not rule.holds_in(county):
        return "elsewhere"
    if agency in page.rules.retired:
        return "retired_agency"
    if agency not in page.rules.agencies:
        return "unknown_agency"
    if route.rule is None or rule.scope is not route.rule.scope:
        return "less_specific"
    return {Reason.TIE: "tie", Reason.OUTSIDE: "outside"}.get(route.reason, "won")


async def _precedents(engine: AsyncEngine, topic: str, scope: Scope) -> list[dict[str, Any]]:
    """The rulings on that topic that are in force, in any county.

    Without code and why where the case is confidential, or not theirs to see.
    """
    open_to_them = and_(cases.c.confidential.is_(None), scope.in_sight()).label("open_to_them")
    query = select(precedents, cases.c.code, open_to_them)
    query = query.join(cases, cases.c.id == precedents.c.case_id)
    query = query.where(precedents.c.topic == topic, precedents.c.ended_at.is_(None))
    async with engine.connect() as connection:
        rows = (await connection.execute(query.order_by(precedents.c.ruled_at.desc()))).all()
    return [
        {
            "county": row.county,
            "agency": row.agency,
            "case": row.code if row.open_to_them else "",
            "by": row.ruled_by,
            "reason": row.reason if row.open_to_them else "",
            "at": row.ruled_at,
        }
        for row in rows
    ]
