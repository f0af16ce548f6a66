"""A whole call's limits: nobody is kept in questions, whatever she does, and nobody loses her words by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.voice.actions import Ask, Say
from ivr.voice.call_limits import CallLimits
from ivr.voice.events import Ended, Keys
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.proof import prove
from ivr.voice.report import Figure, figures
from tests.voice.conversation import DIRECTORY, Conversation, default_menu
from tests.voice.test_words_first import MENU, TABRIZ, WATER, left_words

QUESTION = 40.0  # seconds that she takes for each
TREES = pytest.mark.parametrize("menu", [default_menu(), MENU], ids=["sorting first", "words first"])


def takes_long(talk: Conversation, key: str, after: float = QUESTION) -> None:
    assert isinstance(talk.action, Ask)
    ended = Ended.HASH if key == "#" else Ended.FULL if key else Ended.TIMEOUT
    talk.tell(Keys(key.strip("#"), ended, after))


@TREES
@settings(max_examples=40, deadline=None)
@given(keys=st.lists(st.sampled_from(["*", "#", "", "9", "1", "5"]), min_size=40, max_size=40))
def test_whatever_she_presses_she_reaches_a_person_or_the_beep(menu: Menu, keys: list[str]) -> None:
    talk, asked = Conversation(menu), 0.0
    for key in keys:
        if not isinstance(talk.action, Ask):
            break
        asked += QUESTION
        takes_long(talk, key)
    assert isinstance(talk.action, Say) or talk.over
    assert talk.step in ("record", "message", "goodbye") and asked <= menu.limits.leave_seconds + QUESTION


@TREES
def test_too_many_misses_in_the_whole_call_lead_to_a_person_once(menu: Menu) -> None:
    talk = Conversation(replace(menu, limits=replace(menu.limits, misses=2)))
    talk.press("1", "9", "9")
    assert talk.step == "message"  # nobody was there
    assert talk.speak().opened[0].kind == "request"


def test_with_her_words_safe_she_is_led_to_her_code() -> None:
    talk = left_words()
    for _ in range(8):
        if talk.step == "topic":
            takes_long(talk, "*")
    assert talk.step == "code" and len(talk.opened) == 1


def test_her_own_code_may_be_repeated_as_often_as_she_likes() -> None:
    talk = left_words().press(*WATER, TABRIZ, "1")
    for _ in range(20):
        takes_long(talk, "1")
    assert talk.step == "code"


def test_time_that_nobody_measures_keeps_nobody_from_anything() -> None:
    assert Conversation().press("1", *["*"] * 50).step == "kind"


def test_the_figures_are_shown_with_their_limits_and_warn_above_them() -> None:
    proof = prove(MENU, DIRECTORY, lambda id, language: 1.0)
    beep, whole, longest = figures(MENU, proof)
    assert beep.seconds == 5 and beep.limit == 35  # five prompts
    assert whole.limit == 150 and longest.seconds > 270
    tight = replace(MENU, limits=replace(MENU.limits, to_beep_seconds=4))
    assert str(figures(tight, proof)[0]) == "warning: to the beep 0:05 (limit 0:04)"
    assert str(Figure("x", float("inf"), float("inf"))) == "x without end"


def test_a_tree_without_limits_has_none() -> None:
    bare = "menu: m\nlanguages: [fa]\nstart: bye\nsteps:\n  bye: {type: end, prompt: [a]}\n"
    assert parse(bare.encode(), "m.yaml").limits == CallLimits()
