"""Where nobody is responsible, nobody answers, nobody calls."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.figures import Facts, FigureFact, Numbering, What, packed, unpacked
from ivr.cases.roles import Role
from ivr.cases.routing import Reason, Rule, RuleScope
from ivr.desk.book.book import Page
from ivr.desk.book.names import Called, called
from ivr.desk.people.people import NewPerson, add_within
from ivr.desk.people.scope import Scope
from ivr.desk.reading import gaps
from ivr.desk.reading.figures import Subject
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY
from tests.voice.conversation import default_menu
from tests.voice.test_words_first import MENU as WORDS_FIRST


@pytest.fixture
async def page(engine: AsyncEngine) -> Page:
    return (await counter(engine)).page


def facts(*some: FigureFact) -> Facts:
    names = Numbering()
    return unpacked(names, [(1, packed(names, some))])


def opened(county: str, count: int, topic: str = "water.bill", what: What = What.OPENED) -> FigureFact:
    return FigureFact(what, "abfa", county, topic, "complaint", 0, count)


def without(page: Page, topic: str, *instead: Rule) -> Page:
    rules = [rule for rule in page.rules.rules if rule.topic != topic]
    return replace(page, rules=replace(page.rules, rules=(*rules, *instead)))


def manned(*bodies: str) -> Called:
    return Called({}, {}, {}, frozenset(bodies), office_manned=False)


def test_the_province_as_it_is_has_somebody_for_everything(page: Page) -> None:
    assert gaps.uncovered(page, facts()) == []


def test_a_topic_without_a_rule_is_named_with_what_came_of_it(page: Page) -> None:
    bare = without(page, "water.bill", Rule("water.bill", RuleScope.COUNTY, "abfa", "ahar"))
    (gap,) = gaps.uncovered(bare, facts(opened("tabriz", 7), opened("ahar", 90), opened("", 2)))
    assert (gap.topic, gap.reason, gap.cases, gap.everywhere) == ("water.bill", Reason.NO_RULE, 9, False)
    assert "tabriz" in gap.counties and "ahar" not in gap.counties
    (gap,) = gaps.uncovered(without(page, "water.bill"), facts())
    assert gap.everywhere


def test_two_bodies_for_one_thing_are_a_gap_too(page: Page) -> None:
    both = [Rule("water.bill", RuleScope.DEFAULT, agency) for agency in ("abfa", "edu")]
    (gap,) = gaps.uncovered(without(page, "water.bill", *both), facts())
    assert gap.reason is Reason.TIE


def test_every_leaf_of_both_trees_has_a_body_for_every_county(page: Page) -> None:
    for menu in (default_menu(), WORDS_FIRST):
        assert gaps.of_menu(page, menu) == []


def test_a_leaf_that_nobody_is_responsible_for_is_named_with_its_kinds_and_counties(page: Page) -> None:
    bare = without(page, "water.bill", Rule("water.bill", RuleScope.COUNTY, "abfa", "ahar"))
    [gap] = gaps.of_menu(bare, default_menu())
    assert gap.topic == "water.bill" and gap.reason is Reason.NO_RULE and not gap.everywhere
    assert {"complaint", "request"} <= set(gap.kinds)
    assert "meeting" not in gap.kinds, "one office has them all"
    assert "" in gap.counties and "tabriz" in gap.counties and "ahar" not in gap.counties
    assert str(gap).startswith("no body is responsible for water.bill (complaint, criticism, ")
    both = [Rule("water.bill", RuleScope.DEFAULT, agency) for agency in ("abfa", "edu")]
    [tie] = gaps.of_menu(without(page, "water.bill", *both), default_menu())
    assert "several bodies are responsible" in str(tie) and "in any county" in str(tie)


def test_a_tree_is_compared_only_in_what_its_callers_can_say(page: Page) -> None:
    bare = without(page, "water.bill")
    steps = "  words: {type: record, prompt: [a], too_short: {limit: 1, then: bye}, "
    steps += "sets: {kind: request, topic: TOPIC}, go: bye}\n"
    head = "menu: small\nlanguages: [fa]\nstart: words\ndefaults: {no_input: {limit: 3, then: bye}, "
    head += "no_match: {limit: 3, then: bye}}\nsteps:\n  bye: {type: end}\n"

    def tree(topic: str) -> Menu:
        return parse((head + steps.replace("TOPIC", topic)).encode(), "m.yaml")

    assert gaps.of_menu(bare, tree("water.supply")) == []
    [gap] = gaps.of_menu(bare, tree("water.bill"))
    assert (gap.kinds, gap.counties) == (("request",), ("",)), "no county is asked for"


def test_bodies_that_get_cases_and_have_nobody_to_answer(page: Page) -> None:
    got = facts(opened("ahar", 5, what=What.RECEIVED))
    assert gaps.unmanned(page, got, manned("edu")) == [("abfa", 5)]
    assert gaps.unmanned(page, got, manned("abfa")) == []
    retired = replace(page, rules=replace(page.rules, retired=frozenset({"abfa"})))
    assert gaps.unmanned(retired, got, manned()) == [], "it gets none any more"


async def test_the_governor_s_office_has_somebody_whose_role_it_is(page: Page, engine: AsyncEngine) -> None:
    got = facts(FigureFact(What.RECEIVED, "ostandari", "ahar", "other.other", "meeting", 0, 3))
    assert gaps.unmanned(page, got, await called(engine)) == [("ostandari", 3)]
    person = NewPerson("sadr", "sadr", Role.GOVERNOR)
    async with engine.begin() as connection:
        await add_within(connection, person, "", WEDNESDAY, None, "")
    assert gaps.unmanned(page, got, await called(engine)) == []


def test_the_governor_s_office_lacks_somebody_for_the_cases_that_its_people_do_not_answer(page: Page) -> None:
    """They decide on requests to meet; what was referred there besides is an agency's to answer."""
    received = FigureFact(What.RECEIVED, "ostandari", "ahar", "other.other", "meeting", 0, 3)
    got = facts(received, replace(received, kind="complaint", count=2))
    assert gaps.unmanned(page, got, replace(manned(), office_manned=True)) == [("ostandari", 2)]
    assert gaps.unmanned(page, got, replace(manned("ostandari"), office_manned=True)) == []


def test_a_county_that_fell_silent_stands_out_and_chance_does_not(page: Page) -> None:
    before = facts(*(opened(county, 1000) for county in page.counties))
    now = dict.fromkeys(page.counties, 40) | {"ahar": 5, "tabriz": 30}
    found = gaps.silent(page, facts(*(opened(c, n) for c, n in now.items())), before)
    assert [(gap.county, gap.cases, round(gap.expected)) for gap in found] == [("ahar", 5, 38)]


def test_a_county_without_a_case_is_named_even_in_the_first_year(page: Page) -> None:
    now = facts(*(opened(county, 3) for county in page.counties if county != "ahar"))
    assert [gap.county for gap in gaps.silent(page, now, facts())] == ["ahar"]
    assert gaps.silent(page, facts(), facts()) == [], "a day without any call is not the counties' silence"


def test_what_is_retired_or_was_not_asked_for_is_no_gap(page: Page) -> None:
    past = replace(
        without(page, "water.bill"),
        retired_topics=frozenset({"water.bill"}),
        retired_counties=frozenset({"leylan"}),
    )
    now = facts(opened("tabriz", 9), opened("ahar", 9))
    assert gaps.uncovered(past, now) == [] == gaps.of_menu(past, default_menu())
    assert "water.bill" not in gaps.unchosen(past, facts())
    silent = [gap.county for gap in gaps.silent(past, now, facts())]
    assert "leylan" not in silent and "marand" in silent
    hers = Subject(topic="water.sewage", seen=Scope(areas=("ahar", "marand", "leylan")))
    assert [gap.county for gap in gaps.silent(past, now, facts(), hers)] == ["marand"]
    assert gaps.unchosen(past, now, hers) == ["water.sewage"]
    bare = replace(without(page, "water.sewage"), retired_counties=frozenset({"leylan"}))
    [gap] = gaps.uncovered(bare, now, hers)
    assert gap.counties == ("", "ahar", "marand") and not gap.everywhere
    [gap] = gaps.uncovered(bare, now, replace(hers, county="ahar"))
    assert gap.counties == ("ahar",)
    [gap] = gaps.uncovered(bare, now)
    assert gap.everywhere and "leylan" not in gap.counties


def test_topics_that_nobody_chose(page: Page) -> None:
    found = gaps.unchosen(page, facts(opened("ahar", 1)))
    assert "water.bill" not in found and "water.sewage" in found
