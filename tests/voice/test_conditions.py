"""What a call can branch on, at the times and for the callers that tell the values apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from ivr.cases.deadlines import Calendar
from ivr.voice.actions import Words
from ivr.voice.announcements import Announcement
from ivr.voice.conditions import within_dates, within_hours
from ivr.voice.events import Caller
from ivr.voice.parse import parse
from ivr.voice.proof import prove
from tests.voice.conversation import DIRECTORY, OFFICE_HOURS, TEHRAN, Conversation

HEAD = "menu: m\nlanguages: [fa, az]\nsteps:\n"
ENDS = "  one: {type: end, prompt: [goodbye]}\n  two: {type: end, prompt: [no_input]}\n"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("07:00-19:00", ["07:00", "18:59"], ["06:59", "19:00"]),
        ("19:00-07:00", ["19:00", "00:00", "06:59"], ["07:00"]),
        ("20:00-24:00", ["20:00", "23:59"], ["00:00", "19:59"]),
    ],
)
def test_hours_begin_with_their_first_minute_and_may_pass_midnight(
    hours: str, inside: list[str], outside: list[str]
) -> None:
    assert all(within_hours(hours, at(f"2026-11-25 {time}")) for time in inside)
    assert not any(within_hours(hours, at(f"2026-11-25 {time}")) for time in outside)


@pytest.mark.parametrize(
    ("dates", "inside", "outside"),
    [
        ("1405-01-01..1405-01-13", ["2026-03-21", "2026-04-02"], ["2026-03-20", "2026-04-03", "2027-03-21"]),
        ("01-01..01-13", ["2026-03-21", "2027-03-25"], ["2026-03-20"]),
        ("12-25..01-05", ["2026-03-16", "2026-03-25"], ["2026-03-15", "2026-03-26"]),
        ("1405-09-04", ["2026-11-25"], ["2026-11-24"]),
        ("09-04", ["2026-11-25"], ["2026-11-26"]),
    ],
)
def test_dates_are_jalali_and_both_ends_are_in_them(
    dates: str, inside: list[str], outside: list[str]
) -> None:
    assert all(within_dates(dates, at(day)) for day in inside)
    assert not any(within_dates(dates, at(day)) for day in outside)


def branching(on: str, value: str) -> str:
    return f'{HEAD}  ask: {{type: branch, on: {on}, cases: {{"{value}": one}}, go: two}}\n{ENDS}'


@pytest.mark.parametrize(
    ("on", "value", "now", "heard"),
    [
        ("hours", "07:00-19:00", "2026-11-25 10:00", "goodbye"),
        ("hours", "07:00-19:00", "2026-11-25 22:00", "no_input"),
        ("weekday", "wed", "2026-11-25 10:00", "goodbye"),
        ("day", "off", "2026-11-26 10:00", "goodbye"),  # a Thursday
        ("day", "off", "2026-11-25 10:00", "no_input"),
        ("date", "09-04", "2026-11-25 10:00", "goodbye"),
    ],
)
def test_a_call_goes_by_the_time_at_which_it_began(on: str, value: str, now: str, heard: str) -> None:
    menu = parse(branching(on, value).encode(), "m.yaml")
    assert Conversation(menu, Caller("", at(now))).heard == [heard]


def test_a_day_is_off_where_the_book_closes_it() -> None:
    menu = parse(branching("day", "off").encode(), "m.yaml")
    closed = Calendar("Asia/Tehran", frozenset({3, 4}), {"": {date(2026, 11, 25): False}})
    snow = replace(DIRECTORY, calendar=closed)
    caller = Caller("", OFFICE_HOURS)
    assert Conversation(menu, caller, directory=snow).heard == ["goodbye"]
    assert Conversation(menu, caller).heard == ["no_input"]


def test_a_caller_s_county_is_that_of_her_latest_case_until_she_chooses_one() -> None:
    menu = parse(branching("caller_county", "tabriz").encode(), "m.yaml")
    assert Conversation(menu, county="tabriz").heard == ["goodbye"]
    assert Conversation(menu, county="sarab").heard == ["no_input"]


VARIABLES = (
    f'{HEAD}  ask: {{type: menu, prompt: [a], keys: {{"1": {{vars: {{urgent: "yes"}}, go: look}}, '
    f'"2": {{go: look}}}}}}\n  look: {{type: branch, on: var.urgent, cases: {{"yes": one}}, go: two}}\n{ENDS}'
)


@pytest.mark.parametrize(("key", "heard"), [("1", "goodbye"), ("2", "no_input")])
def test_a_choice_gives_the_call_a_variable(key: str, heard: str) -> None:
    menu = parse(VARIABLES.encode(), "m.yaml")
    assert not prove(menu, DIRECTORY).mistakes
    assert Conversation(menu).press(key).heard == [heard]


def test_a_variable_that_nothing_gives_is_named_with_the_one_that_was_meant() -> None:
    menu = parse(VARIABLES.replace("on: var.urgent", "on: var.urgnt").encode(), "m.yaml")
    (mistake,) = prove(menu, DIRECTORY, file="m.yaml").mistakes
    assert str(mistake) == (
        "m.yaml:5:1: steps.look: nothing gives var.urgnt a value (did you mean “var.urgent”?)"
    )


@pytest.mark.parametrize("on", ["hours", "day", "weekday", "date", "caller_county", "var.urgent"])
def test_the_proof_walks_every_branch(on: str) -> None:
    values = {
        "hours": "07:00-19:00",
        "day": "off",
        "weekday": "fri",
        "date": "01-01",
        "caller_county": "tabriz",
    }
    text = branching(on, values.get(on, "yes")).replace(
        "two: {type: end, prompt: [no_input]}", "two: {type: say, prompt: [no_input], go: ask}"
    )
    found = [str(mistake) for mistake in prove(parse(text.encode(), "m.yaml"), DIRECTORY).mistakes]
    assert any("goes round for ever: ask → two → ask" in each for each in found), found


def test_an_announcement_is_heard_with_what_follows_and_an_empty_or_past_one_costs_nothing() -> None:
    text = f"{HEAD}  ask: {{type: announcement, go: one}}\n{ENDS}".replace(
        "  two: {type: end, prompt: [no_input]}\n", ""
    )
    menu = parse(text.encode(), "m.yaml")
    snow = Announcement("today", {"fa": "برف"}, OFFICE_HOURS + timedelta(hours=1))
    told = replace(DIRECTORY, announced={"today": snow})
    assert Conversation(menu, directory=told).heard == [Words("برف"), "goodbye"]
    assert Conversation(menu).heard == ["goodbye"]
    late = Caller("", OFFICE_HOURS + timedelta(hours=1))
    assert Conversation(menu, late, directory=told).heard == ["goodbye"]
    assert prove(menu, DIRECTORY).arrivals[0].best == 2, "one prompt, and nothing for the slot"
