"""Who is responsible: rules over topic × area, the most specific wins, and nothing ever goes nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

COUNTY_MARK = "{county}"


class RuleScope(StrEnum):
    """Where a rule holds, the most specific first."""

    PRECEDENT = "precedent"  # the desk ruled so for this county ("" = unknown)
    COUNTY = "county"  # in this one county
    # in any known county; the agency's code holds `{county}`, which a town with a body of its own replaces
    COUNTY_PATTERN = "county_pattern"
    NO_COUNTY = "no_county"  # where the caller's county is unknown
    DEFAULT = "default"


class Reason(StrEnum):
    """Why an agency was chosen. All but RULE put the case at the desk; NO_RULE is a gap to fill."""

    RULE = "rule"
    NO_RULE = "no_rule"
    TIE = "tie"
    OVER_LIMIT = "over_limit"  # this caller opened many cases lately: the desk reads first
    CONFIDENTIAL = "confidential"  # the desk writes what the body may read of it
    OUTSIDE = "outside"  # the rule names a body that can only be advised to the citizen, not given cases


@dataclass(frozen=True, slots=True)
class Rule:
    topic: str
    scope: RuleScope
    agency: str
    county: str = ""

    def agency_in(self, county: str) -> str:
        return self.agency.replace(COUNTY_MARK, county)

    def covers(self, agency: str, county: str) -> bool:
        """Whether it is the pattern's body for that county or for one of its towns."""
        own = self.agency_in(county)
        return agency == own or agency.startswith(f"{own}_")

    def holds_in(self, county: str) -> bool:
        match self.scope:
            case RuleScope.PRECEDENT:
                return county == self.county
            case RuleScope.COUNTY:
                return bool(county) and county == self.county
            case RuleScope.COUNTY_PATTERN:
                return bool(county)
            case RuleScope.NO_COUNTY:
                return not county
            case RuleScope.DEFAULT:
                return True


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """`advice`: the outside body to name to the citizen, when the reason is OUTSIDE."""

    agency: str
    reason: Reason
    rule: Rule | None = None
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """A province's rules. `agencies`: code → may it be given cases?  `desk`: the inspection office.

    `kinds`: kind → the topic whose rules and deadline govern every case of that kind. `retired`: agencies
    that are known for the cases that they had, and get no more.
    """

    desk: str
    agencies: Mapping[str, bool]
    rules: Iterable[Rule]
    kinds: Mapping[str, str] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()
    _by_topic: dict[str, list[Rule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_topic: dict[str, list[Rule]] = {}
        for rule in self.rules:
            by_topic.setdefault(rule.topic, []).append(rule)
        object.__setattr__(self, "_by_topic", by_topic)

    def governing_topic(self, kind: str, topic: str) -> str:
        return self.kinds.get(kind, topic)

    def route(self, kind: str, topic: str, county: str = "", town: str = "") -> RoutingDecision:
        """The responsible body for such a case. A rule that names no known agency counts as absent.

        `town`: as `Places` knows it, "" for the county's own.
        """
        here = [rule for rule in self.of(kind, topic) if rule.holds_in(county)]
        named = [(rule, self.named_by(rule, county, town)) for rule in here]
        for scope in RuleScope:
            tier = [(rule, body) for rule, body in named if rule.scope is scope and self.can_name(body)]
            if tier:
                return self._decide(tier)
        return RoutingDecision(self.desk, Reason.NO_RULE)

    def named_by(self, rule: Rule, county: str = "", town: str = "") -> str:
        """The body that a rule means there: by a pattern the town's own where it has one, else the county's.

        A ruling for one of a pattern's bodies means that of the place: it was about whose matter it is, and
        says nothing of another town.
        """
        if rule.scope is RuleScope.PRECEDENT and county:
            patterns = [each for each in self._by_topic[rule.topic] if each.scope is RuleScope.COUNTY_PATTERN]
            rule = next((each for each in patterns if each.covers(rule.agency, county)), rule)
        own = rule.agency_in(f"{county}_{town}")
        return own if town and self.can_name(own) else rule.agency_in(county)

    def of(self, kind: str, topic: str) -> list[Rule]:
        """All rules that bear on such a case, wherever they hold."""
        return self._by_topic.get(self.governing_topic(kind, topic), [])

    def can_name(self, agency: str) -> bool:
        """Whether a rule may name that body."""
        return agency in self.agencies and agency not in self.retired

    def can_have(self, agency: str) -> bool:
        """Whether that body may be given a case."""
        return self.can_name(agency) and self.agencies[agency]

    def _decide(self, tier: list[tuple[Rule, str]]) -> RoutingDecision:
        first, agency = tier[0]
        if any(body != agency for _, body in tier[1:]):
            return RoutingDecision(self.desk, Reason.TIE, first)
        if not self.agencies[agency]:
            return RoutingDecision(self.desk, Reason.OUTSIDE, first, advice=agency)
        return RoutingDecision(agency, Reason.RULE, first)
