"""Some calls go one way and the rest another: by chance, for each call always the same, and told apart."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bench.rehearsal.lived import lived
from ivr.voice.actions import TakeWay
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.rehearsal import rehearse
from ivr.voice.session import Session
from ivr.voice.step_figures import TreeFigures, passed
from tests.voice.conversation import CALLER, DIRECTORY, TREE, Conversation
from tests.voice.test_rehearsal import WHOLE

TEXT = TREE.read_text(encoding="utf-8")
TRIED = re.sub(
    r"\bgo: kind\b|\bthen: kind\b", lambda found: found[0].replace("kind", "shorter"), TEXT
).replace("\nsteps:\n", "\nsteps:\n  shorter: {type: share, share: 0.2, to: topic, go: kind}\n")
CALLS = [str(n) for n in range(1_000)]


def tree(text: str = TRIED) -> Menu:
    return parse(text.encode(), "m.yaml")


TREE_TRIED = tree()


def way(call: str) -> str:
    (found,) = Conversation(TREE_TRIED, replace(CALLER, call=call)).press("1").ways
    return found


def test_so_many_calls_as_it_says_go_there_and_each_always_the_same_way() -> None:
    gone = {call: way(call) for call in CALLS}
    assert set(gone.values()) == {"way:topic", "way:kind"}
    assert sum(each == "way:topic" for each in gone.values()) / len(CALLS) == pytest.approx(0.2, abs=0.05)
    assert gone == {call: way(call) for call in CALLS}


def test_two_such_steps_choose_each_by_itself() -> None:
    step = TREE_TRIED.steps["shorter"]
    both = [Session(TREE_TRIED, DIRECTORY, replace(CALLER, call=call)) for call in CALLS[:300]]
    chosen = {tuple(next(replace(step, id=id).perform(talk)) for id in ("one", "two")) for talk in both}
    ways = (TakeWay("way:topic"), TakeWay("way:kind"))
    assert chosen == {(one, two) for one in ways for two in ways}


def test_what_came_of_either_way_is_counted_and_its_calls_are_found() -> None:
    figures = TreeFigures()
    keys = {"way:topic": WHOLE[1:], "way:kind": ()}
    for call in CALLS[:50]:
        one = lived(TREE_TRIED, DIRECTORY, ("1", *keys[way(call)]), call)
        figures.add(one.began, one.steps, "hung_up")
        assert f"shorter:{way(call)}" in passed(one.steps)
    told = figures.as_json()["shorter"]
    assert told["entered"] == 50 == sum(sum(fates.values()) for fates in told["ways"].values())
    assert set(told["ways"]["kind"]) == {"dropped"}
    again = TreeFigures()
    again.merge(figures.as_json(), figures.calls)
    assert again.as_json() == figures.as_json()
    del told["ways"]
    again.merge({"shorter": told}, 50)
    assert again.calls == 100, "a day that an older release counted tells of none"


def test_a_rehearsal_sends_each_call_of_the_past_where_its_id_decides() -> None:
    before = tree(TEXT)
    past = [lived(before, DIRECTORY, WHOLE, call) for call in CALLS[:40]]
    found = rehearse(before, TREE_TRIED, past, DIRECTORY)
    elsewhere = {each.call for each in found.calls if each.after.landing != each.before.landing}
    assert elsewhere == {call for call in CALLS[:40] if way(call) == "way:topic"}
