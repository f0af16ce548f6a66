"""She hears the answer and says whether it is solved: when we call her, and when she asks herself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.voice import verdict
from ivr.voice.actions import Ask, Clip, HangUp, Record, Say, Words
from ivr.voice.events import CaseSeen, Ended, HungUp, Keys, Lookup, Said
from tests.voice.conversation import CODE, UNKNOWN, Conversation

ANSWERED = CaseSeen(Lookup.FOUND, "answered", "abfa", None, "آب وصل شد", may_confirm=True)


def called(seen: CaseSeen = ANSWERED, language: str = "fa") -> Conversation:
    return Conversation(menu=verdict.menu(CODE, seen, language))


def test_she_hears_who_answers_what_and_to_which_code() -> None:
    talk = called()
    assert talk.heard[:2] == ["callback.greeting", "callback.code_is"]
    said = talk.heard[talk.heard.index("callback.agency_is") :]
    assert said == [
        "callback.agency_is", "agency.abfa", "status.answer_is", Words("آب وصل شد"), "verdict.menu",
    ]  # fmt: skip
    assert [sound for sound in talk.heard if str(sound).startswith("digit.")] == [f"digit.{d}" for d in CODE]


def test_a_recorded_answer_is_played_instead_of_words() -> None:
    assert Clip("answers/1") in called(replace(ANSWERED, voice="answers/1")).heard


@pytest.mark.parametrize(
    ("language", "words", "intro"),
    [
        ("az", "آب وصل شد", "status.answer_in_fa"),
        ("az", "Su gəldi", "status.answer_is"),
        ("fa", "Su gəldi", "status.answer_in_az"),
    ],
)
def test_an_answer_in_another_language_than_hers_is_announced(language: str, words: str, intro: str) -> None:
    heard = called(replace(ANSWERED, answer=words), language).heard
    assert heard[heard.index(intro) + 1] == Words(words)


def test_an_answer_that_no_voice_can_read_is_neither_noise_nor_silence() -> None:
    heard = called(replace(ANSWERED, answer="سیزین ایشینیزه باخیلدی"), "az").heard
    assert "status.answer_unread" in heard and not any(isinstance(sound, Words) for sound in heard)
    voiced = called(replace(ANSWERED, answer="سیزین ایشینیزه باخیلدی", voice="answers/1"), "az").heard
    assert Clip("answers/1") in voiced and "status.answer_unread" not in voiced


def test_solved_is_safe_before_she_is_asked_how_content_she_is() -> None:
    talk = called().press("1")
    assert talk.verdicts == [True] and talk.heard == ["verdict.solved", "verdict.rate"]
    talk.press("4")
    assert talk.rates == [4] and talk.over and talk.session.verdict == "solved"


def test_contentment_is_asked_once_and_only_one_to_five_counts() -> None:
    assert called(replace(ANSWERED, rated=True)).press("1").over
    assert called().press("1", "9").rates == [] and called().press("1").silent().rates == []


def test_not_solved_counts_at_once_and_her_words_join_the_case() -> None:
    talk = called().press("2")
    assert talk.verdicts == [False] and isinstance(talk.action, Say)
    talk.speak()
    assert [kept.code for kept in talk.kept] == [CODE] and not talk.opened
    assert talk.over and talk.session.verdict == "not_solved"


@pytest.mark.parametrize("ended", [Ended.HANGUP, Ended.SILENCE, Ended.LIMIT])
def test_words_are_kept_however_they_end(ended: Ended) -> None:
    talk = called().press("2").speak(ended=ended)
    assert len(talk.kept) == 1 and talk.over


def test_a_silent_recording_is_no_reason_and_hanging_up_at_the_beep_is_one_neither() -> None:
    assert called().press("2").speak(voiced=0).kept == []
    talk = called().press("2").listen()
    assert isinstance(talk.action, Record)
    assert talk.hang_up().kept == [] and talk.verdicts == [False]


def test_three_and_star_tell_again_but_not_for_ever() -> None:
    talk = called().press("3")
    assert Words("آب وصل شد") in talk.heard
    talk.press(*"*3*3*")
    assert talk.over and talk.session.verdict == "" and talk.heard == ["callback.later", "callback.goodbye"]


def test_without_a_key_she_was_not_reached() -> None:
    talk = called().silent()
    assert talk.heard == ["verdict.menu"]  # not the whole answer to an answering machine
    assert talk.silent().over and talk.session.verdict == "" and talk.verdicts == []


def test_a_status_is_told_without_a_question() -> None:
    talk = called(CaseSeen(Lookup.FOUND, "referred", "abfa"))
    assert talk.over and "status.referred" in talk.heard and talk.session.verdict == "heard"
    stranger = called(replace(ANSWERED, may_confirm=False))
    assert stranger.over and Words("آب وصل شد") in stranger.heard and stranger.verdicts == []


def test_whatever_is_pressed_the_call_ends() -> None:
    talk = called()
    for _ in range(30):
        match talk.action:
            case Ask():
                talk.tell(Keys("8", Ended.FULL))
            case Say():
                talk.tell(Said())
            case HangUp():
                return
            case _:
                talk.tell(HungUp())
    raise AssertionError("it goes on for ever")


def test_following_up_herself_she_may_say_so_too() -> None:
    talk = Conversation(seen=ANSWERED).press("1", "6", CODE)
    assert talk.heard[-1] == "verdict.menu" and Words("آب وصل شد") in talk.heard
    assert talk.press("1", "5").verdicts == [True] and talk.rates == [5] and talk.over
    reopened = Conversation(seen=ANSWERED).press("1", "6", CODE, "2").speak()
    assert reopened.verdicts == [False] and [kept.code for kept in reopened.kept] == [CODE]
    assert not reopened.opened


def test_from_another_telephone_she_only_hears() -> None:
    talk = Conversation(seen=replace(ANSWERED, may_confirm=False)).press("1", "6", CODE)
    assert talk.heard[-1] == "status.after" and talk.press("2").verdicts == []
    assert Conversation(seen=UNKNOWN).press("1", "6", CODE).verdicts == []
