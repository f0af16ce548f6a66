"""She keeps her place in the operators' queue, and we ring her when it is her turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.voice import callback
from ivr.voice.actions import HangUp, KeepPlace, OpenCase, Operator, Record, Say
from ivr.voice.events import (
    CaseOpened,
    Ended,
    HungUp,
    Keys,
    NotKept,
    Recorded,
    Said,
    Transfer,
    Transferred,
)
from ivr.voice.menu import Menu
from ivr.voice.our_call import TRIES
from ivr.voice.parse import parse
from ivr.voice.session import Session
from ivr.voice.turn_call import TurnNews
from tests.voice.conversation import CALLER, CODE, DIRECTORY, TREE, Conversation, default_menu
from tests.voice.test_words_first import MENU as WORDS_FIRST


def called(language: str = "fa", transfer: Transfer = Transfer.ANSWERED) -> Conversation:
    return Conversation(menu=callback.turn(CODE, TurnNews("operators"), language), transfer=transfer)


@pytest.mark.parametrize("language", ["fa", "az"])
def test_she_hears_who_calls_and_why_and_her_key_puts_her_through_before_others(language: str) -> None:
    talk = called(language)
    assert talk.heard == ["callback.greeting", "turn.who", "turn.menu"] and not talk.transfers
    talk.press("1")
    [transfer] = talk.transfers
    assert (transfer.queue, transfer.first, transfer.language) == ("operators", True, language)
    assert talk.over and talk.session.verdict == "talked"


def test_where_nobody_answers_she_is_told_so_and_keeps_her_place() -> None:
    talk = called(transfer=Transfer.NOBODY).press("1")
    assert "turn.nobody" in talk.heard and talk.session.verdict == ""


def test_who_is_cut_off_while_she_waits_for_an_operator_keeps_her_place() -> None:
    """Nobody knows whether she hung up, the line broke, or Asterisk went down."""
    talk = Conversation(menu=callback.turn(CODE, TurnNews("operators"), "fa"))
    waits = Session(talk.menu, talk.directory, talk.caller)
    told = [waits.start(), *(waits.receive(event) for event in (Said(), Keys("1", Ended.FULL), Said()))]
    assert isinstance(told[-1], Operator)
    assert isinstance(waits.receive(HungUp()), HangUp) and waits.verdict == ""


def test_who_needs_nobody_any_more_says_so_and_is_not_rung_again() -> None:
    talk = called().press("2")
    assert not talk.transfers and talk.session.verdict == "wont_talk" and "turn.declined" in talk.heard


def test_without_her_key_nobody_is_put_through_and_she_counts_as_not_reached() -> None:
    talk = called().silent(TRIES)
    assert talk.over and not talk.transfers and talk.session.verdict == ""


def test_a_star_tells_it_again_as_often_as_she_likes() -> None:
    talk = called().press(*"*" * TRIES)
    assert talk.heard == ["turn.who", "turn.menu"]
    assert talk.press("1").session.verdict == "talked"


AFTER_HER_WORDS = b"""\
menu: "after"
languages: [fa]
steps:
  record: {type: record, prompt: [a], sets: {kind: request}, too_short: {then: bye}, go: operator}
  operator: {type: operator, nobody: bye, call_back: record}
  bye: {type: end, prompt: [e]}
"""


def test_who_has_her_words_safe_already_is_asked_for_no_others() -> None:
    talk = Conversation(parse(AFTER_HER_WORDS, "m.yaml"), busy=True).speak().press("1")
    assert talk.over and talk.places == [KeepPlace(CODE, "operators")] and len(talk.opened) == 1
    assert talk.heard == ["turn.kept", "goodbye"] and not talk.transfers


def test_her_place_hangs_on_the_case_of_her_words() -> None:
    talk = Conversation(busy=True).press("1", "0", "1")
    assert talk.step == "turn_words" and not talk.places
    talk.speak(ended=Ended.HANGUP)
    hours = "01256 07:00 19:00"  # she is not rung when they have gone home
    assert talk.over and talk.places == [KeepPlace(CODE, "operators", hours)] and len(talk.opened) == 1


@pytest.mark.parametrize("menu", [default_menu(), WORDS_FIRST], ids=["sorting first", "words first"])
@pytest.mark.parametrize("room", [True, False], ids=["clicks", "no disk"])
def test_who_leaves_no_words_there_waits_in_line_and_is_asked_no_second_time(menu: Menu, room: bool) -> None:
    talk = Conversation(menu, busy=True, room=room, transfer=Transfer.ANSWERED).press("1", "0", "1")
    while not talk.over:
        talk.speak(0.2, voiced=0.1)
    assert len(talk.transfers) == 1 and not talk.places and not talk.opened


def test_where_a_tree_says_goodbye_to_who_left_no_words_she_hears_that_her_place_is_not_kept() -> None:
    water = parse(TREE.with_name("122.yaml").read_bytes(), "122.yaml", languages=("fa", "az"))
    talk = Conversation(water, busy=True).press("1", "0", "1")
    while not talk.over:
        talk.speak(0.2, voiced=0.1)
    assert talk.heard[-2:] == ["turn.not_kept", "goodbye.short"] and not talk.places


def test_who_has_talked_since_is_not_called_in_her_turn_for_words_that_are_safe_only_then() -> None:
    talk = Conversation(busy=True, journal=False).press("1", "0", "1")
    assert isinstance(talk.session.receive(Said()), Record)
    opening = talk.session.receive(Recorded("2026/11/25/1", 5.0, 5.0, Ended.HASH))
    assert isinstance(opening, OpenCase)
    assert isinstance(talk.session.receive(NotKept()), Say)
    assert isinstance(talk.session.receive(Said()), Operator)
    assert isinstance(talk.session.receive(Transferred(Transfer.ANSWERED)), OpenCase)
    assert isinstance(talk.session.receive(CaseOpened(CODE)), HangUp)


def test_a_hash_pressed_twice_behind_her_words_cuts_off_nothing_of_what_leads_to_her_code() -> None:
    talk = Conversation(busy=True).press("1", "0", "1").speak()
    told = ["record.safe", "turn.kept", "code.ready"]
    assert talk.heard == told and isinstance(talk.action, Say) and talk.action.heeds_key
    talk.tell(Said("#", after=0.3))
    assert talk.heard == told
    assert "code.is" in talk.press("#").heard, "a later one shortens the wait for her pen"


def test_who_goes_back_from_there_is_not_called_in_a_turn_that_she_may_choose_again() -> None:
    talk = Conversation(busy=True).press("1", "0", "1", "#")
    assert talk.step == "kind"
    assert "turn.offer" in talk.press("0").heard, "she is asked again"
    talk.press("1", "#", "1", "1", "1", "01").speak().press("1")
    assert len(talk.opened) == 1 and not talk.places


def test_where_no_code_leads_to_her_words_she_is_told_that_her_place_is_not_kept() -> None:
    """Else she waits for a call that never comes."""
    talk = Conversation(busy=True, code="").press("1", "0", "1").speak()
    assert talk.over and not talk.places
    assert talk.heard == ["record.safe", "turn.not_kept", "code.none", "goodbye"]


@pytest.mark.parametrize(
    "facts",
    [
        {"busy": False},
        {"directory": replace(DIRECTORY, calls_back=False)},
        {"caller": replace(CALLER, number="")},
        {"caller": replace(CALLER, number="+442079460123")},
    ],
)
def test_it_is_offered_only_where_she_would_wait_and_can_be_called(facts: dict[str, object]) -> None:
    talk = Conversation(**({"busy": True} | facts)).press("1", "0")  # type: ignore[arg-type]
    assert talk.transfers and not talk.places and "turn.offer" not in talk.heard
