"""We ring whose case was drawn: she says by key whether she talks, and whether it may be recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ivr.voice import callback
from ivr.voice.actions import Connect, HangUp, KeepWords, Say
from ivr.voice.events import Connected, Ended, HungUp, Recorded, Said, WordsKept
from ivr.voice.lottery_call import LotteryNews
from tests.voice.conversation import CODE, Conversation

TALK = Recorded("2026/11/25/talk", 60.0, 40.0, Ended.HANGUP)


def called(language: str = "fa", room: bool = True, held: Sequence[bool] = ()) -> Conversation:
    menu = callback.lottery(CODE, LotteryNews("1.7"), language)
    return Conversation(menu=menu, room=room, held=[*held])


def connecting(talk: Conversation) -> Connect:
    assert isinstance(talk.action, Connect)
    return talk.action


def after(talk: Conversation, event: Any) -> list[object]:
    """What is asked of the shell from then on; all said is said, all kept is kept."""
    asked: list[object] = []
    action = talk.session.receive(event)
    while action is not None:
        asked.append(action)
        if isinstance(action, HangUp):
            break
        event = WordsKept() if isinstance(action, KeepWords) else Said()
        action = talk.session.receive(event)
    return asked


@pytest.mark.parametrize("language", ["fa", "az"])
@pytest.mark.parametrize(("key", "records"), [("1", True), ("2", False)])
def test_she_hears_who_calls_about_what_and_talks_recorded_only_if_she_says_so(
    language: str, key: str, records: bool
) -> None:
    talk = called(language)
    assert talk.heard[:3] == ["callback.greeting", "lottery.who", "meeting.code_is"]
    assert talk.heard[-1] == "lottery.menu"
    talk.press(key)
    assert connecting(talk).line == "1.7" and connecting(talk).record is records
    asked = after(talk, Connected(True, TALK if records else None))
    kept = [each for each in asked if isinstance(each, KeepWords)]
    assert [each.code for each in kept] == [CODE] * records and isinstance(asked[-1], HangUp)
    assert talk.session.verdict == "talked"


def test_what_was_recorded_is_kept_when_she_hangs_up() -> None:
    talk = called().press("1")
    asked = after(talk, Connected(True, TALK, gone=True))
    assert talk.session.verdict == "talked"
    assert [each.recording for each in asked if isinstance(each, KeepWords)] == [TALK]


def test_who_does_not_want_to_is_left_alone_and_silence_says_nothing() -> None:
    talk = called().press("3")
    assert talk.over and talk.session.verdict == "wont_talk" and talk.heard[0] == "lottery.declined"
    talk = called().silent(3)
    assert talk.over and talk.session.verdict == ""


def test_a_star_tells_it_again_as_often_as_she_likes() -> None:
    talk = called().press("*", "*", "*")
    assert talk.heard == ["lottery.who", "lottery.menu"]
    assert talk.press("3").session.verdict == "wont_talk"


def test_where_no_disk_has_room_she_is_told_that_nothing_is_recorded() -> None:
    talk = called(room=False).press("1")
    assert talk.heard == ["lottery.unrecorded", "lottery.connecting"] and not connecting(talk).record


def test_when_the_official_has_gone_she_is_told_so() -> None:
    talk = called().press("2")
    asked = after(talk, Connected(False))
    assert isinstance(asked[0], Say) and asked[0].speech == ("lottery.gone", "callback.goodbye")
    assert talk.session.verdict == "not_connected"
    talk = called().press("2")
    after(talk, HungUp())
    assert talk.session.verdict == "not_connected"


@pytest.mark.parametrize("language", ["fa", "az"])
def test_when_the_official_has_put_down_before_she_picks_up_she_hears_no_invitation(language: str) -> None:
    talk = called(language, held=[False])
    assert talk.over and talk.heard == ["callback.greeting", "lottery.gone", "callback.goodbye"]
    assert talk.session.verdict == "", "she agreed to nothing"


def test_when_he_puts_down_while_she_hears_who_calls_she_is_asked_nothing() -> None:
    talk = called(held=[True, False])
    assert talk.over and "lottery.menu" not in talk.heard
    assert talk.heard[-2:] == ["lottery.gone", "callback.goodbye"] and talk.session.verdict == ""


@pytest.mark.parametrize("key", ["*", "5", ""])
def test_when_he_puts_down_before_she_has_chosen_she_is_not_asked_again(key: str) -> None:
    talk = called(held=[True, True, False])
    assert talk.heard[-1] == "lottery.menu"
    talk = talk.press(key) if key else talk.silent()
    assert talk.over and talk.heard == ["lottery.gone", "callback.goodbye"] and talk.session.verdict == ""
