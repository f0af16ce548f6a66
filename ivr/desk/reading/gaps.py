"""The gap list: where nobody is responsible, nobody answers, or nobody calls (docs/figures.md).

It asks about the topics and counties in force, as far as they were asked for and may be seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

from ivr.cases import figures
from ivr.cases.figures import Facts, What
from ivr.cases.kinds import Kind
from ivr.cases.routing import Reason
from ivr.desk.book.book import Page
from ivr.desk.book.names import Called
from ivr.desk.meetings.request_deciding import the_office
from ivr.desk.reading.figures import EVERY_CASE, Subject
from ivr.voice.menu import Menu

GAPS = (Reason.NO_RULE, Reason.TIE)
SILENT_SHARE = 0.5  # of what was to be expected
LEAST_EXPECTED = 8.0  # cases; with fewer, silence says nothing


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A topic that no rule gives to a body in these counties ("" = unknown). `cases`: of the period."""

    topic: str
    reason: Reason
    counties: tuple[str, ...]
    everywhere: bool
    cases: int


@dataclass(frozen=True, slots=True)
class Silent:
    """A county with far fewer cases than its share of the year before, or none."""

    county: str
    cases: int
    expected: float


def uncovered(page: Page, facts: Facts, subject: Subject = EVERY_CASE) -> list[Uncovered]:
    """Topics × counties that fall to the desk, with what came of it in the period; the most cases first."""
    opened = figures.crossed(facts, What.OPENED, "topic", "county")
    asked = {*_counties(page, subject), *([] if subject.county else [""])}
    found = []
    for topic in sorted(_topics(page, subject)):
        for reason, counties in _unruled(page, Kind.COMPLAINT, topic, asked):
            cases = sum(opened.get((topic, county), 0) for county in counties)
            found.append(Uncovered(topic, reason, counties, _everywhere(page, counties), cases))
    return sorted(found, key=lambda gap: (-gap.cases, gap.topic))


@dataclass(frozen=True, slots=True)
class Unled:
    """What callers of a menu can say and no rule gives to one body: such cases go to the desk.

    `kinds`: all of them that are so; `counties`: "" = unknown, and all of the province where `everywhere`.
    """

    topic: str
    kinds: tuple[str, ...]
    reason: Reason
    counties: tuple[str, ...]
    everywhere: bool

    def __str__(self) -> str:
        where = ", ".join(county or "an unknown county" for county in self.counties)
        what = f"{self.topic} ({', '.join(self.kinds)}) in {'any county' if self.everywhere else where}"
        if self.reason is Reason.TIE:
            return f"several bodies are responsible for {what}: such cases go to the desk"
        return f"no body is responsible for {what}: such cases go to the desk"


def of_menu(page: Page, menu: Menu) -> list[Unled]:
    """The leaves of a tree, kind × topic, that lack a responsible body in some county."""
    said = _said(menu)
    kinds = [kind for kind in Kind if kind in said["kind"]]
    topics = page.live_topics if "topic" in said["asked"] else {page.other_topic, *said["topic"]}
    counties = page.live_counties if "county" in said["asked"] else said["county"]
    found: dict[tuple[str, Reason, tuple[str, ...]], list[str]] = defaultdict(list)
    for topic in sorted(topics):
        for kind in kinds:
            for reason, where in _unruled(page, kind, topic, {*counties, ""}):
                found[topic, reason, where].append(kind)
    return [
        Unled(topic, tuple(kinds), reason, where, _everywhere(page, where))
        for (topic, reason, where), kinds in found.items()
    ]


def _said(menu: Menu) -> Mapping[str, set[str]]:
    """The kinds, topics and counties that the tree itself names; `asked`: which of them it asks for."""
    said: dict[str, set[str]] = defaultdict(set)
    for step in menu.steps.values():
        said["asked"].add(step.question)
        for way in step.ways():
            for name, value in (*way.sets.items(), *way.fills.items()):
                said[name].add(value)
    return said


def _unruled(
    page: Page, kind: str, topic: str, counties: Collection[str]
) -> Iterator[tuple[Reason, tuple[str, ...]]]:
    reasons: dict[Reason, list[str]] = {}
    for county in sorted(counties):
        reason = page.rules.route(kind, topic, county).reason
        if reason in GAPS:
            reasons.setdefault(reason, []).append(county)
    for reason, where in reasons.items():
        yield reason, tuple(where)


def unmanned(page: Page, facts: Facts, called: Called) -> list[tuple[str, int]]:
    """Bodies that got cases in the period and have nobody in the panel; with how many. The desk apart.

    People of the governor's office decide on requests to meet, and answer no other case of it.
    """
    theirs = (the_office(page), Kind.MEETING) if called.office_manned else None
    spared = called.manned | page.rules.retired | {page.rules.desk}
    lacking: Counter[str] = Counter()
    for (code, kind), count in figures.crossed(facts, What.RECEIVED, "agency", "kind").items():
        if code not in spared and (code, kind) != theirs:
            lacking[code] += count
    return sorted(lacking.items(), key=lambda pair: (-pair[1], pair[0]))


def silent(page: Page, facts: Facts, year_before: Facts, subject: Subject = EVERY_CASE) -> list[Silent]:
    """Counties that say far less than they did, as a share of the whole; those without a case at all."""
    now, before = _opened(facts), _opened(year_before)
    whole, earlier = sum(now.values()), sum(before.values())
    found = []
    for county in sorted(_counties(page, subject)):
        cases = now.get(county, 0)
        expected = whole * before.get(county, 0) / earlier if earlier else 0.0
        # Two standard deviations below, or chance alone would list a county every month.
        few = cases < SILENT_SHARE * expected and cases < expected - 2 * sqrt(expected)
        if (few and expected >= LEAST_EXPECTED) or (whole and not cases):
            found.append(Silent(county, cases, expected))
    return sorted(found, key=lambda gap: (gap.cases - gap.expected, gap.county))


def unchosen(page: Page, facts: Facts, subject: Subject = EVERY_CASE) -> list[str]:
    """Topics of which nobody opened a case in the period."""
    opened = {code for code, its in figures.by(facts, "topic").items() if its[What.OPENED]}
    return sorted(_topics(page, subject) - opened)


def _topics(page: Page, subject: Subject) -> frozenset[str]:
    return page.live_topics & {subject.topic} if subject.topic else page.live_topics


def _counties(page: Page, subject: Subject) -> frozenset[str]:
    seen = page.live_counties.intersection(subject.seen.areas or page.live_counties)
    return seen & {subject.county} if subject.county else seen


def _everywhere(page: Page, counties: Collection[str]) -> bool:
    return {*page.live_counties, ""} <= set(counties)


def _opened(facts: Facts) -> Mapping[str, int]:
    return {code: its[What.OPENED] for code, its in figures.by(facts, "county").items()}
