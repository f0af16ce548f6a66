"""An official takes calls himself: she is offered it, her words come first, and she waits for her turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ivr.cases.live_hour import HourOffered
from ivr.cases.meetings import Official
from ivr.voice.actions import AwaitHour, JoinHour, RingOfficial
from ivr.voice.events import Connected, Ended, HourState, HourTold, Recorded
from ivr.voice.menu import Menu
from tests.voice.conversation import CODE, Conversation, default_menu
from tests.voice.test_words_first import MENU as WORDS_FIRST

TREES = {"sorted": default_menu(), "words first": WORDS_FIRST}
both = pytest.mark.parametrize("menu", TREES.values(), ids=list(TREES))
GOVERNOR = HourOffered(Official.GOVERNOR, "ostandari")
TALK = Recorded("2026/11/25/talk", 60.0, 40.0, Ended.HANGUP)
SECOND, NEXT = HourTold(HourState.WAITING, 2, 4.0), HourTold(HourState.WAITING, 1, 4.0)
TURN = HourTold(HourState.TURN)


def offered(menu: Menu | None = None, **facts: Any) -> Conversation:
    """At the menu, while the governor takes calls."""
    facts = {"hour": GOVERNOR} | facts
    return Conversation(menu or TREES["sorted"], **facts).press("1")


def in_line(*line: HourTold, consent: str = "2", **facts: Any) -> Conversation:
    """She has spoken, heard her code, said whether it may be recorded, and stands in line."""
    talk = offered(line=list(line), **facts).press("7").speak().silent()
    assert talk.heard == ["hour.consent"]
    return talk.press(consent) if consent else talk.silent()


@both
def test_the_offer_stands_before_the_menu_and_its_key_counts(menu: Menu) -> None:
    talk = offered(menu)
    assert talk.step == "kind" and talk.heard.index("hour.offer") == talk.heard.index("hour.governor") + 1
    assert talk.heard.index("hour.offer") < len(talk.heard) - 1, "the menu itself follows"
    assert talk.press("7").step == "hour_words" and talk.heard == ["hour.ask"]


@both
@pytest.mark.parametrize("rank", [Official.HEAD, Official.MAYOR, Official.COUNTY_GOVERNOR])
def test_of_whom_there_are_many_the_body_is_said_where_its_name_has_a_sound(
    menu: Menu, rank: Official
) -> None:
    told = offered(menu, hour=HourOffered(rank, "gas")).heard
    at = told.index(f"hour.{rank}")
    assert told[at + 1 : at + 3] == ["agency.gas", "hour.offer"]
    told = offered(menu, hour=HourOffered(rank, "added_by_people")).heard
    assert told[told.index(f"hour.{rank}") + 1] == "hour.offer"


@both
def test_with_no_hour_open_nothing_is_offered_and_the_key_means_nothing(menu: Menu) -> None:
    talk = offered(menu, hour=None)
    assert not {"hour.offer", "hour.governor"} & set(talk.heard)
    assert talk.press("7").step == "kind" and talk.heard[0] == "no_match"


def test_nothing_is_offered_to_who_is_blocked() -> None:
    talk = Conversation(TREES["sorted"], hour=GOVERNOR)
    talk.session.blocked = True
    assert talk.press("1").step == "kind" and "hour.offer" not in talk.heard
    assert talk.press("7").heard[0] == "no_match"


@both
@pytest.mark.parametrize("language", ["1", "2"])
def test_her_words_are_a_case_and_she_has_its_code_before_she_stands_in_line(
    menu: Menu, language: str
) -> None:
    talk = Conversation(menu, hour=GOVERNOR, line=[SECOND, TURN], rings=[Connected(True)])
    talk.press(language, "7").speak()
    [opened] = talk.opened
    assert opened.kind == "meeting" and "code.is" in talk.heard and not talk.in_line
    talk.silent().press("2")
    assert talk.in_line[0] == JoinHour(CODE, opened.language, False, GOVERNOR)
    assert talk.over and {"hour.turn", "hour.over"} <= set(talk.heard)


def test_who_hangs_up_in_mid_record_leaves_one_case() -> None:
    talk = offered().press("7").speak(ended=Ended.HANGUP)
    assert talk.over and len(talk.opened) == 1 and not talk.in_line


def test_her_place_is_told_when_it_changes_and_only_then() -> None:
    talk = in_line(SECOND, replace(SECOND, waited=60.0), NEXT, TURN, rings=[Connected(True)])
    places = [each for each in talk.heard if str(each).startswith(("queue.youare", "queue.there", "number."))]
    assert places == ["queue.thereare", "number.2", "queue.youarenext"]
    assert [each.place for each in talk.in_line if isinstance(each, AwaitHour)] == [2, 2, 1]


@pytest.mark.parametrize(("consent", "records"), [("1", True), ("2", False), ("", False)])
def test_it_is_recorded_only_if_she_says_so_and_joins_her_case(consent: str, records: bool) -> None:
    rings = [Connected(True, TALK if records else None)]
    talk = in_line(NEXT, TURN, consent=consent, rings=rings)
    [ring] = [each for each in talk.in_line if isinstance(each, RingOfficial)]
    assert ring.record is records and [kept.recording for kept in talk.kept] == [TALK] * records
    assert all(kept.code == CODE and not kept.instead for kept in talk.kept)


def test_a_star_asks_for_her_consent_once_more_and_is_no_answer() -> None:
    talk = in_line(NEXT, TURN, consent="*", rings=[Connected(True)])
    assert talk.heard == ["hour.consent"] and not talk.in_line
    talk.press("1")
    assert [each.record for each in talk.in_line if isinstance(each, RingOfficial)] == [True]


def test_where_no_disk_has_room_she_is_told_that_nothing_is_recorded() -> None:
    talk = offered(line=[NEXT, TURN], rings=[Connected(True)]).press("7").speak().silent()
    talk.room = False
    talk.press("1")
    assert "lottery.unrecorded" in talk.heard
    assert [each.record for each in talk.in_line if isinstance(each, RingOfficial)] == [False]


def test_when_his_telephone_does_not_answer_she_keeps_her_place_and_is_told() -> None:
    talk = in_line(NEXT, TURN, TURN, rings=[Connected(False), Connected(True)])
    at = talk.heard.index("hour.unanswered")
    assert talk.heard[at + 1] == "queue.youarenext" and talk.heard[-2:] == ["hour.over", "goodbye"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ([HourTold(HourState.CLOSED)], "hour.closed"),
        ([HourTold(HourState.FULL)], "hour.full"),
        ([HourTold(HourState.AWAY)], "hour.away"),
        ([NEXT, HourTold(HourState.CLOSED)], "hour.closed"),
        ([NEXT, replace(NEXT, waited=1_500.0)], "hour.nobody"),
    ],
)
def test_whom_nobody_takes_hears_why_and_that_her_words_are_kept(line: list[HourTold], why: str) -> None:
    talk = in_line(*line)
    assert talk.over and len(talk.opened) == 1
    assert talk.heard[-3:] == [why, "hour.kept", "goodbye"]


def test_what_was_recorded_is_kept_when_she_hangs_up_in_mid_talk() -> None:
    talk = in_line(NEXT, TURN, consent="1", rings=[Connected(True, TALK, gone=True)])
    assert talk.over and [kept.recording for kept in talk.kept] == [TALK]


def test_words_without_a_promised_code_stand_in_no_line_and_she_is_told() -> None:
    talk = offered(code="").press("7").speak()
    assert talk.over and not talk.in_line and {"hour.away", "hour.kept"} <= set(talk.heard)
