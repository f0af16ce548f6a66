"""Who called before is asked about her open case, or goes on where she broke off; nothing of it is told."""

from __future__ import annotations

import pytest

from ivr.voice.events import BROKEN_OFF, OPEN, Ended, TakenUp
from ivr.voice.menu import Menu
from ivr.voice.proof import prove
from ivr.voice.report import figures
from tests.voice.conversation import CODE, DIRECTORY, Conversation, default_menu
from tests.voice.test_words_first import MENU as WORDS_FIRST

TREES = pytest.mark.parametrize("menu", [default_menu(), WORDS_FIRST], ids=["sorting first", "words first"])
HERS = TakenUp(CODE)
TELLING = ("code.", "digit.", "county.tabriz", "topic.water.supply", "agency.", "status.")


def told(talk: Conversation) -> list[object]:
    return [each for each in talk.heard if str(each).startswith(TELLING)]


@TREES
def test_who_has_an_open_case_is_asked_and_the_keys_of_the_menu_stay_as_they_are(menu: Menu) -> None:
    talk = Conversation(menu, earlier=OPEN).press("1")
    assert "earlier.open" in talk.heard and talk.step == "kind", "in one breath with the menu"
    assert talk.press("6").step == "follow_up" and not talk.looked_up, "her code is asked for first"
    assert Conversation(menu, earlier=OPEN).press("1", "1").step in ("topic", "record")
    assert "8" not in menu.steps["kind"].keys  # type: ignore[attr-defined]


@TREES
def test_who_calls_for_the_first_time_or_has_just_finished_hears_nothing_of_it(menu: Menu) -> None:
    talk = Conversation(menu).press("1")
    assert not [each for each in talk.heard if str(each).startswith("earlier.")]


@TREES
def test_who_broke_off_may_go_on_and_hears_nothing_of_her_case(menu: Menu) -> None:
    talk = Conversation(menu, earlier=BROKEN_OFF, taken_up=HERS).press("1")
    assert "earlier.broken" in talk.heard
    talk.press("8")
    assert talk.step == "resume" and not told(talk)
    talk.press("1").speak()
    assert [(kept.code, kept.instead) for kept in talk.kept] == [(CODE, False)] and not talk.opened


@TREES
def test_a_stranger_on_her_line_goes_the_usual_way_by_the_usual_keys(menu: Menu) -> None:
    for presses in ((), ("1",), ("6",)):
        usual = Conversation(menu).press("1", *presses)
        other = Conversation(menu, earlier=BROKEN_OFF, taken_up=HERS).press("1", *presses)
        assert (other.step == usual.step or not presses) and not other.kept and not other.refined


@TREES
def test_who_goes_back_before_she_adds_goes_on_with_her_case_and_opens_no_second_one(menu: Menu) -> None:
    talk = Conversation(menu, earlier=BROKEN_OFF, taken_up=HERS).press("1", "8", "1", "#")
    usual = Conversation(menu, earlier=BROKEN_OFF, taken_up=HERS).press("1", "8", "2")
    assert talk.step == usual.step != "record" and not talk.opened


def test_words_first_she_says_what_she_had_not_said_and_no_more() -> None:
    def resumed(taken: TakenUp) -> Conversation:
        return Conversation(WORDS_FIRST, earlier=BROKEN_OFF, taken_up=taken).press("1", "8")

    talk = resumed(HERS).silent()
    assert talk.step == "topic"
    talk.press("1", "1", "01")
    assert [(about.code, about.topic, about.county) for about in talk.refined][-1] == (
        CODE,
        "water.supply",
        "tabriz",
    )
    assert talk.over and "earlier.kept" in talk.heard, "no review of what this call did not say"
    assert not [each for each in told(talk) if str(each).startswith(("code.", "digit."))] and not talk.opened
    assert resumed(TakenUp(CODE, "water.supply")).silent().step == "county"
    done = resumed(TakenUp(CODE, "water.supply", "tabriz")).silent()
    assert done.over and not done.refined


def test_what_she_adds_may_be_heard_and_said_again_but_nothing_of_before() -> None:
    talk = Conversation(WORDS_FIRST, earlier=BROKEN_OFF, taken_up=HERS).press("1", "8", "1").speak()
    assert talk.step == "topic"
    talk.press("1", "1", "01")
    assert talk.step == "review" and len(talk.session.words) == 1
    talk.press("2")
    assert talk.press("1").over and not talk.opened


def test_who_goes_on_where_her_call_broke_off_may_make_her_case_confidential() -> None:
    talk = Conversation(WORDS_FIRST, earlier=BROKEN_OFF, taken_up=HERS).press("1", "8", "1").speak()
    talk.press("1", "1", "01", "5")
    assert talk.confided == [CODE] and "record.confided" in talk.heard


def test_a_call_that_cannot_be_found_any_more_leads_to_the_menu() -> None:
    talk = Conversation(WORDS_FIRST, earlier=BROKEN_OFF).press("1", "8")
    assert talk.step == "kind" and talk.heard[0] == "earlier.none"


def test_who_hangs_up_while_she_adds_has_added_it() -> None:
    talk = Conversation(WORDS_FIRST, earlier=BROKEN_OFF, taken_up=HERS).press("1", "8", "1")
    talk.speak(ended=Ended.HANGUP)
    assert talk.over and [kept.code for kept in talk.kept] == [CODE] and not talk.opened


@TREES
def test_the_figures_are_those_of_everybody_else(menu: Menu) -> None:
    """However long the offers are, who has not called before comes to the beep as soon as before."""

    def seconds(offer: float) -> list[float]:
        def of(id: str, language: str) -> float:
            return offer if id.startswith("earlier.") else 1.0

        return [figure.seconds for figure in figures(menu, prove(menu, DIRECTORY, of))][:2]

    assert seconds(0) == seconds(60)
