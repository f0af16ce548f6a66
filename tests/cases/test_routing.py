"""Who is responsible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.routing import Reason, RoutingDecision, Rule, Rules, RuleScope
from ivr.desk.book.seeds import load_seeds
from tests.fixtures.database import SEED

BODIES = {"desk": True, "abfa": True, "bus": True, "town_ahar": True, "town_tabriz": True, "court": False}


def rules(*given_rules: Rule, **kinds: str) -> Rules:
    return Rules(desk="desk", agencies=BODIES, rules=given_rules, kinds=kinds)


COUNTY = Rule("bus", RuleScope.COUNTY, "bus", "tabriz")
PATTERN = Rule("bus", RuleScope.COUNTY_PATTERN, "town_{county}")
NOWHERE = Rule("bus", RuleScope.NO_COUNTY, "abfa")
ANYWHERE = Rule("bus", RuleScope.DEFAULT, "abfa")


@pytest.mark.parametrize(
    ("county", "agency", "scope"),
    [
        ("tabriz", "bus", RuleScope.COUNTY),
        ("ahar", "town_ahar", RuleScope.COUNTY_PATTERN),
        ("", "abfa", RuleScope.NO_COUNTY),
        ("heris", "abfa", RuleScope.DEFAULT),  # the pattern names a town that is no agency
    ],
)
def test_the_most_specific_rule_wins(county: str, agency: str, scope: RuleScope) -> None:
    route = rules(ANYWHERE, NOWHERE, PATTERN, COUNTY).route("complaint", "bus", county)
    assert (route.agency, route.reason, route.rule and route.rule.scope) == (agency, Reason.RULE, scope)


def test_two_equally_specific_rules_that_disagree_are_for_the_desk() -> None:
    route = rules(COUNTY, Rule("bus", RuleScope.COUNTY, "abfa", "tabriz")).route("complaint", "bus", "tabriz")
    assert (route.agency, route.reason) == ("desk", Reason.TIE)


def test_two_equally_specific_rules_that_agree_are_one() -> None:
    assert rules(COUNTY, COUNTY).route("complaint", "bus", "tabriz").reason is Reason.RULE


def test_a_gap_goes_to_the_desk_and_says_so() -> None:
    assert rules().route("complaint", "bus", "tabriz") == RoutingDecision("desk", Reason.NO_RULE)
    assert rules(Rule("bus", RuleScope.DEFAULT, "gone")).route("complaint", "bus").reason is Reason.NO_RULE


def test_a_body_outside_the_network_is_named_but_gets_no_case() -> None:
    route = rules(Rule("law", RuleScope.DEFAULT, "court")).route("complaint", "law", "ahar")
    assert (route.agency, route.reason, route.advice) == ("desk", Reason.OUTSIDE, "court")


def test_a_kind_may_be_governed_by_one_topic() -> None:
    book = rules(ANYWHERE, Rule("hall", RuleScope.DEFAULT, "bus"), meeting="hall")
    assert book.route("meeting", "bus").agency == "bus"
    assert book.route("complaint", "bus").agency == "abfa"


some_rules = st.lists(
    st.builds(
        Rule,
        topic=st.sampled_from(["bus", "law"]),
        scope=st.sampled_from(RuleScope),
        agency=st.sampled_from([*BODIES, "town_{county}", "gone"]),
        county=st.sampled_from(["", "ahar", "tabriz"]),
    ),
    max_size=8,
)


@given(some_rules, st.sampled_from(["bus", "law", "what"]), st.sampled_from(["", "ahar", "tabriz", "heris"]))
def test_every_case_has_a_body_that_may_have_it(given_rules: list[Rule], topic: str, county: str) -> None:
    route = rules(*given_rules).route("complaint", topic, county)
    assert BODIES[route.agency]
    turned = rules(*given_rules[::-1]).route("complaint", topic, county)
    assert (route.agency, route.reason, route.advice) == (turned.agency, turned.reason, turned.advice)


def test_the_seeded_province_has_no_gap_and_no_tie() -> None:
    seeds = load_seeds(SEED)
    book = Rules(
        desk=seeds.agencies.fallback,
        agencies={agency.code: agency.scope == "inside" for agency in seeds.agencies.agencies},
        rules=tuple(seeds.rules()),
    )
    for _, leaf in seeds.leaves():
        for county in ("", *(county.code for county in seeds.areas.counties)):
            assert book.route("complaint", leaf.code, county).reason in (Reason.RULE, Reason.OUTSIDE)
    assert book.route("complaint", "transit.bus", "tabriz").agency == "bus_tabriz"
    assert book.route("complaint", "transit.bus", "ahar").agency == "shahrdari_ahar"
    assert book.route("complaint", "transit.bus").agency == "gov_urban"
    assert book.route("complaint", "other.police", "ahar").advice == "police"
