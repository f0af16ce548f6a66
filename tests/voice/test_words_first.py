"""The words first, sorting afterwards: the other tree that ships, walked as callers walk it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr import installation
from ivr.settings import Settings
from ivr.voice.actions import Action, HangUp, OpenCase, RefineCase
from ivr.voice.events import Caller, CaseOpened, CaseRefined, Ended, HungUp, NotKept
from ivr.voice.parse import parse
from ivr.voice.proof import check
from ivr.voice.report import slowest
from ivr.voice.session import Session
from tests.voice.conversation import CALLER, CODE, DIRECTORY, OFFICE_HOURS, TREE, Conversation, default_menu
from tests.voice.test_proof import answer_without_meaning

WORDS_FIRST = TREE.with_name("111-words-first.yaml")
MENU = parse(WORDS_FIRST.read_bytes(), WORDS_FIRST.name)
WATER, TABRIZ = ("1", "1"), "01"


def left_words(*keys: str, **facts: object) -> Conversation:
    """She has chosen language and kind, and spoken."""
    return Conversation(MENU, **facts).press(*(keys or ("1", "1"))).speak()  # type: ignore[arg-type]


def said(talk: Conversation) -> list[tuple[str, str]]:
    return [(about.topic, about.county) for about in talk.refined]


def test_the_beep_comes_after_two_keys_and_the_code_is_promised_before_she_is_sorted() -> None:
    talk = left_words()
    assert talk.step == "topic" and talk.heard[:2] == ["record.safe", "record.promise"]
    [opened] = talk.opened
    assert (opened.kind, opened.topic, opened.county) == ("complaint", "other.other", "")


def test_each_answer_refines_the_case_and_the_code_comes_last() -> None:
    talk = left_words().press(*WATER)
    assert said(talk) == [("water.supply", "")] and talk.refined[0].code == CODE
    talk.press(TABRIZ, "1")
    assert said(talk)[1:] == [("water.supply", "tabriz")]
    assert talk.step == "code" and "code.is" in talk.heard
    assert talk.silent().over and len(talk.opened) == 1 and len(talk.refined) == 2


@pytest.mark.parametrize("keys", [(), ("1",), WATER, (*WATER, TABRIZ)])
def test_whoever_hangs_up_afterwards_has_lost_nothing(keys: tuple[str, ...]) -> None:
    talk = left_words().press(*keys).hang_up()
    assert talk.over and len(talk.opened) == 1 and not talk.kept
    told = {(): [], ("1",): [], WATER: [("water.supply", "")]}
    assert said(talk) == told.get(keys, [("water.supply", ""), ("water.supply", "tabriz")])
    assert talk.session.leaves_unsaid is (TABRIZ not in keys), "who calls again at once may go on"


def test_who_hangs_up_in_mid_record_leaves_one_case_as_before() -> None:
    talk = Conversation(MENU).press("1", "2").speak(ended=Ended.HANGUP)
    assert talk.over and talk.opened[0].kind == "criticism" and not talk.refined


def test_going_back_takes_nothing_back_and_what_she_says_then_counts() -> None:
    talk = left_words().press(*WATER, "#")
    assert talk.step == "topic" and said(talk) == [("water.supply", "")]
    talk.press("9", "4", TABRIZ)
    assert said(talk)[1:] == [("gov.crisis", ""), ("gov.crisis", "tabriz")]


def test_there_is_no_way_back_before_the_words() -> None:
    talk = left_words().press("#", "#")
    assert talk.step == "topic" and len(talk.opened) == 1


def test_silence_leads_to_the_code_and_never_away_from_it() -> None:
    talk = left_words().silent(4)
    assert talk.step == "code" and not talk.refined and len(talk.opened) == 1
    wrong = left_words().press("1", "9", "9", "9").press("98", "99", "97").press("1")
    assert wrong.step == "code" and not wrong.refined


def test_an_unknown_county_and_another_matter_change_nothing() -> None:
    talk = left_words().press("0", "00", "1")
    assert talk.step == "code" and said(talk) == [("other.other", "")]


@pytest.mark.parametrize("choice", ["3", "4"])
def test_saying_it_again_comes_back_to_the_review_and_asks_nothing_twice(choice: str) -> None:
    talk = left_words().press(*WATER, TABRIZ, choice).speak()
    assert talk.step == "review" and len(talk.opened) == 1
    assert talk.kept[0].instead is (choice == "3")
    assert talk.press("1").step == "code" and len(talk.refined) == 2


def test_keys_known_by_heart_work_at_the_first_question() -> None:
    assert Conversation(MENU).press("6").step == "follow_up"
    talk = Conversation(MENU).press("5").speak()
    assert talk.opened[0].kind == "meeting" and talk.step == "topic"


def test_the_meeting_itself_chosen_after_her_words_asks_how_to_reach_her_too() -> None:
    talk = left_words("1", "4").press("9", "1", TABRIZ)
    assert talk.step == "callback" and said(talk)[-1] == ("gov.meeting", "tabriz")
    assert left_words("1", "4").press("9", "1", "#", *WATER, TABRIZ).step == "review"


def test_a_meeting_asks_how_to_reach_her_after_her_words() -> None:
    talk = left_words("1", "5").press(*WATER, TABRIZ, "2", "09120000001", "1", "1", "0012345679", "1")
    last = talk.refined[-1]
    assert (last.callback, last.national_id) == ("09120000001", "0012345679")
    assert talk.press("1").step == "code" and "code.will_verify" in talk.heard
    withheld = left_words("1", "5", caller=Caller("", OFFICE_HOURS)).press(*WATER, TABRIZ)
    assert withheld.step == "callback_number"
    assert withheld.silent(2).step == "national_id" and withheld.silent(2).step == "code"


def test_who_gave_a_number_and_goes_back_to_be_called_on_hers_is_called_there() -> None:
    talk = left_words("1", "5").press(*WATER, TABRIZ, "2", "09120000001", "1", "#", "#", "1")
    assert (talk.step, talk.refined[-1].callback) == ("national_id", CALLER.number)
    talk.press("2", "1")
    assert "code.will_call" in talk.heard and len(talk.refined) == 4


def test_nothing_is_refined_where_nothing_was_kept_or_her_words_joined_an_earlier_case() -> None:
    for opening, promised in ((NotKept(), False), (CaseOpened(CODE, joined=True), False)):
        talk = Unkept(opening)
        assert talk.run_to_the_end() == 0 and ("record.promise" in talk.heard) is promised


def test_a_disk_that_does_not_take_what_she_says_costs_her_neither_words_nor_code() -> None:
    talk = left_words().press(*WATER)
    talk.session.about = replace(talk.refined[0], topic="")
    flow = talk.session.refine_case()
    assert isinstance(next(flow), RefineCase)
    with pytest.raises(StopIteration):
        flow.send(CaseRefined(noted=False))
    assert talk.press(TABRIZ, "1").step == "code"


class Unkept:
    """A call whose opening the desk answers so; then she presses and says nothing that means anything."""

    def __init__(self, opening: NotKept | CaseOpened) -> None:
        self.opening = opening
        self.heard: list[object] = []
        self.session = Session(MENU, DIRECTORY, Caller("", OFFICE_HOURS))

    def run_to_the_end(self) -> int:
        """How often the case was refined."""
        action: Action | None = self.session.start()
        refined = spoken = 0
        while action is not None and not isinstance(action, HangUp):
            self.heard += getattr(action, "speech", ())
            refined += isinstance(action, RefineCase)
            spoken += isinstance(action, OpenCase)
            event = self.opening if isinstance(action, OpenCase) else answer_without_meaning(action, False)
            action = self.session.receive(HungUp() if spoken > 3 else event)
        return refined


def test_the_tree_is_proved_and_short() -> None:
    settings = Settings()
    menu, proof = check(
        WORDS_FIRST.read_bytes(),
        WORDS_FIRST.name,
        DIRECTORY,
        languages=settings.calls.languages,
        prompts=installation.catalogue(settings).ids("fa"),
        seconds_of=installation.lengths(settings),
    )
    assert proof.complete and menu.name == default_menu().name
    beeps = {a.kind: a.best for a in slowest(proof.arrivals) if a.step == "record"}
    assert set(beeps) == {"complaint", "criticism", "suggestion", "request", "meeting"}
    assert max(best for best in beeps.values() if best) <= 35
