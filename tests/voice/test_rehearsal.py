"""Calls that were, walked through another tree."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bench.rehearsal.lived import lived
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.rehearsal import Rehearsal, rehearse
from ivr.voice.rewalk import PastCall
from tests.voice.conversation import DIRECTORY, TREE, default_menu
from tests.voice.test_words_first import MENU as WORDS_FIRST

TEXT = TREE.read_text(encoding="utf-8")
OLD = default_menu()
WHOLE = ("1", "1", "1", "1", "01", "r:20", "1", "-")


def edited(*edits: tuple[str, str]) -> Menu:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return parse(text.encode(), "draft")


def call(*keys: str, seconds: float = 4.0) -> PastCall:
    return lived(OLD, DIRECTORY, keys, "it", seconds)


def through(after: Menu, *calls: PastCall) -> Rehearsal:
    return rehearse(OLD, after, calls, DIRECTORY)


def fates(found: Rehearsal) -> list[str]:
    return [each.fate for each in found.calls]


def test_in_the_same_tree_every_call_lands_where_it_did_in_as_many_seconds() -> None:
    calls = [call(*WHOLE), call("1", "-", "1"), call("1", "9", "1", "1", "1"), call(), call(*WHOLE[:6])]
    found = through(OLD, *calls)
    assert fates(found) == ["same"] * 5
    for lived_, each in zip(calls, found.calls, strict=True):
        assert abs(each.before.seconds - lived_.seconds) < 0.1 and each.before == each.after
    assert str(found.calls[0].before.landing).startswith("words complaint/")
    assert found.sentence == "Of 5 calls 5 land where they did."


def test_who_presses_a_key_that_means_something_else_now_lands_elsewhere() -> None:
    draft = edited(('"1": {kind: complaint', '"1": {kind: suggestion'))
    found = through(draft, call(*WHOLE), call("1", "3", "1", "1", "01", "r:20", "1", "-"))
    assert fates(found) == ["elsewhere", "same"]
    (example,) = found.examples("elsewhere")
    assert example["before"].startswith("words complaint/") and example["after"].startswith(
        "words suggestion/"
    )
    assert found.sentence == "Of 2 calls 1 land where they did, 1 elsewhere."


def test_a_question_that_nobody_was_ever_asked_is_where_they_get_stuck() -> None:
    asked = """\
  sure:
    type: menu
    prompt: [emergency]
    no_input: {limit: 1, then: goodbye}
    keys:
      "9": {go: topic}

  topic:
"""
    draft = edited(("    go: topic\n", "    go: sure\n"), ("  topic:\n", asked))
    found = through(draft, call(*WHOLE))
    assert fates(found) == ["stuck"] and found.examples("stuck")[0]["stuck_at"] == "sure"


def test_a_call_is_walked_at_the_hour_that_it_was_in_the_province() -> None:
    by_day = '\nsteps:\n  by_day: {type: branch, on: hours, cases: {"12:00-16:00": language}, go: goodbye}\n'
    draft = edited(("\nsteps:\n", by_day), ("start: language", "start: by_day"))
    assert fates(through(draft, call(*WHOLE))) == ["same"], "it began at 10:00 UTC"


def test_a_step_under_another_name_is_known_by_its_words() -> None:
    draft = edited(("  county:\n", "  shahr:\n"), ("go: county", "go: shahr"))
    assert fates(through(draft, call(*WHOLE))) == ["same"]


def test_words_first_the_same_callers_come_to_the_beep_sooner_and_who_left_nothing_leaves_her_words() -> None:
    found = through(WORDS_FIRST, call(*WHOLE), call("1", "1", "-", "-", seconds=12), call("1", "6"))
    assert fates(found) == ["same", "gained", "same"]
    sooner = found.sooner()
    assert sooner is not None and sooner >= 8  # topic, matter and county come behind it
    assert "sooner in the median" in found.sentence


def test_who_hesitates_once_at_the_topic_lands_elsewhere_where_the_tree_goes_on_at_once() -> None:
    found = through(WORDS_FIRST, call("1", "1", "-", "1", "1", "01", "r:20", "1", "-"))
    (example,) = found.examples("elsewhere")
    assert (example["before"], example["after"]) == (
        "words complaint/water.supply/tabriz", "words complaint/other.other/tabriz",
    )  # fmt: skip


def test_who_interrupts_a_prompt_does_so_at_the_same_second_and_who_hears_it_out_hears_the_longer_one() -> (
    None
):
    long = edited(
        ("prompt: [kind.menu, keys.help]", "prompt: [kind.menu, keys.help, welcome, welcome, welcome]")
    )
    early = through(long, call("1", "1", "1", "1", "01", "r:20", "1", "-", seconds=0.5)).calls[0]
    assert abs(early.after.seconds - early.before.seconds) < 0.1
    late = through(long, call(*WHOLE, seconds=30)).calls[0]
    assert abs(late.after.seconds - late.before.seconds - 6) < 0.1  # a prompt of unknown length counts 2 s


def test_masked_keys_stand_for_a_right_number_and_a_call_without_steps_is_left_out() -> None:
    keys = ["1", "5", "1", "1", "01", "1", "1", "0012345679", "1", "r:20", "1", "-"]
    meeting = call(*keys)
    assert any("•" in step["key"] for step in meeting.steps)
    empty = PastCall("none", meeting.began, 0, True, "", "fa", "", [])
    found = through(OLD, meeting, empty)
    assert len(found.calls) == 1 and str(found.calls[0].before.landing).startswith("words meeting")
    assert abs(found.calls[0].before.seconds - meeting.seconds) < 0.1, "what was read back was right"


@pytest.mark.parametrize(
    ("did", "county"),
    [
        ([("1", "", 2.0)], "ahar"),
        ([("2", "", 0.4), ("1", "", 2.0)], "ahar"),  # an echo of the key before
        ([("*", "", 2.0), ("1", "", 2.0)], "ahar"),
        ([("1", "", 0.5)], "ahar"),  # taken at once, by an earlier release
        ([("1", "", 0.5), ("", "timeout", 9.0), ("01", "", 2.0)], "tabriz"),  # it was pressed twice
    ],
)
def test_the_county_of_her_earlier_case_is_offered_behind_what_was_said_first_and_taken_as_it_was(
    did: list[tuple[str, str, float]], county: str
) -> None:
    past = call(*WHOLE)
    steps = list(past.steps)
    place = next(place for place, step in enumerate(steps) if step["step"] == "county")
    at, hers = datetime.fromisoformat(steps[place - 1]["at"]), list[dict[str, str]]()
    for key, note, seconds in [("", "said", 1.0), *did]:
        at += timedelta(seconds=seconds)
        hers.append({"at": at.isoformat(), "step": "county", "key": key, "note": note})
    steps[place : place + 1] = hers
    [found] = through(OLD, replace(past, county="ahar", steps=steps)).calls
    assert found.before.landing.county == found.after.landing.county == county


def test_the_table_has_a_row_for_each_fate_with_examples() -> None:
    draft = edited(('"1": {kind: complaint', '"1": {kind: suggestion'))
    told = through(draft, *(call(*WHOLE) for _ in range(5))).as_json()
    (row,) = told["fates"]
    assert (row["fate"], row["calls"], row["share"], len(row["examples"])) == ("elsewhere", 5, 1.0, 3)
    assert rehearse(OLD, OLD, (), DIRECTORY).sentence == "There are no calls to rehearse with."


ASKS = """\
menu: "asks"
languages: [fa]
steps:
  ask: {type: enquiry, url: "https://example.ir/", found: found, not_found: none, failed: away}
  found: {type: record, prompt: [a], sets: {kind: request}, go: bye}
  none: {type: record, prompt: [a], sets: {kind: complaint}, go: bye}
  away: {type: record, prompt: [a], sets: {kind: criticism}, go: bye}
  bye: {type: end}
"""


def test_another_system_answers_in_a_rehearsal_and_sometimes_does_not() -> None:
    """All its outcomes come, and always the same for the same call."""
    tree = parse(ASKS.encode(), "asks.yaml")
    calls = [replace(lived(tree, DIRECTORY, ("r:20",)), id=str(number)) for number in range(60)]
    kinds = [[each.after.landing.kind for each in rehearse(tree, tree, calls, DIRECTORY).calls] for _ in "12"]
    assert kinds[0] == kinds[1]
    many = {kind: kinds[0].count(kind) for kind in ("request", "complaint", "criticism")}
    assert sum(many.values()) == len(calls) and 40 < many["request"] < 56, "eight of ten"
    assert many["complaint"] and many["criticism"]
