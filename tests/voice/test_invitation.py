"""We call her about her meeting: day, hour and place in words; 1 comes, 2 can't, 3 another day."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime

import pytest

from ivr.cases.meetings import MeetingWay, Official
from ivr.settings import ROOT
from ivr.voice import callback
from ivr.voice.actions import Say, Words
from ivr.voice.catalogue import parse
from ivr.voice.invitation import MeetingNews
from ivr.voice.session import Session
from tests.voice.conversation import CALLER, CODE, DIRECTORY, TEHRAN, Conversation

AT = datetime(2026, 12, 1, 10, 30, tzinfo=TEHRAN)  # Tuesday, the 10th of Azar
AGAIN = date(2026, 12, 26)
INVITED = MeetingNews("invited", AGAIN, starts_at=AT, place="تالار استانداری")


def called(news: MeetingNews = INVITED, language: str = "fa") -> Conversation:
    return Conversation(menu=callback.meeting(CODE, news, language))


def plain(talk: Conversation) -> str:
    return " ".join(str(sound) for sound in talk.heard if not str(sound).startswith(("digit.", "pause")))


def test_she_hears_who_calls_with_whom_when_and_where_she_meets_and_her_code() -> None:
    talk = called()
    assert Words("تالار استانداری") in talk.heard
    assert plain(talk).startswith(
        "callback.greeting meeting.invited.governor weekday.tue day.10 month.9 "
        "clock.at number.10 clock.and number.30 clock.minutes meeting.way.in_person meeting.place"
    )
    assert [str(s) for s in talk.heard if str(s).startswith("digit.")] == [f"digit.{d}" for d in CODE]


@pytest.mark.parametrize(
    ("key", "verdict", "said"),
    [
        ("1", "comes", "meeting.comes"),
        ("2", "cant_come", "meeting.cant_come"),
        ("3", "another_day", "meeting.another_day weekday.sat day.5 month.10"),
    ],
)
def test_her_key_counts_and_she_is_told_what_comes_of_it(key: str, verdict: str, said: str) -> None:
    talk = called()
    assert talk.heard[-1] == "meeting.menu"
    talk.press(key)
    assert talk.session.verdict == verdict and plain(talk) == f"{said} callback.goodbye"
    assert talk.over and talk.verdicts == []


def test_nothing_cuts_day_and_place_short() -> None:
    action = Session(callback.meeting(CODE, INVITED, "fa"), DIRECTORY, CALLER).start()
    assert isinstance(action, Say) and not action.barge_in


@pytest.mark.parametrize("keys", ["7", "***7"])
def test_another_key_tells_it_again_and_silence_is_no_answer(keys: str) -> None:
    talk = called().press(*keys)
    assert "meeting.invited.governor" in talk.heard and talk.heard[-1] == "meeting.menu"
    talk.silent(2)
    assert talk.session.verdict == "" and talk.heard[-1] == "callback.goodbye"


def test_who_has_no_slot_hears_until_when_she_waits_and_is_asked_nothing() -> None:
    talk = called(MeetingNews("waiting", AGAIN), "az")
    assert plain(talk).startswith("callback.greeting meeting.waiting month.10 day.5 weekday.sat")
    assert talk.over and talk.session.verdict == "heard"


def test_whose_slot_is_off_hears_until_when_she_waits_for_another() -> None:
    talk = called(MeetingNews("off", AGAIN), "az")
    assert plain(talk).startswith("callback.greeting meeting.off month.10 day.5 weekday.sat")


@pytest.mark.parametrize("what", ["elsewhere", "declined"])
def test_who_waits_no_more_hears_that_no_slot_holds_and_no_day(what: str) -> None:
    assert plain(called(MeetingNews(what, AGAIN))).startswith(
        f"callback.greeting meeting.{what} meeting.code_is"
    )


@pytest.mark.parametrize("what", ["off", "elsewhere", "declined"])
def test_that_no_slot_holds_counts_as_heard_with_a_key_and_by_no_answering_machine(what: str) -> None:
    """Else she comes for nothing."""
    talk = called(MeetingNews(what, AGAIN)).press("*")
    assert talk.heard[0] == f"meeting.{what}" and talk.heard[-1] == "meeting.heard_menu"
    talk.press("1")
    assert talk.over and talk.session.verdict == "heard" and talk.heard == ["callback.goodbye"]
    nobody = called(MeetingNews(what, AGAIN)).silent(3)
    assert nobody.over and nobody.session.verdict == ""


def test_a_meeting_by_telephone_has_no_place_and_a_mayor_is_named() -> None:
    talk = called(replace(INVITED, official=Official.MAYOR, way=MeetingWay.PHONE, place=""))
    assert "meeting.invited.mayor" in plain(talk) and "meeting.way.phone" in plain(talk)
    assert "meeting.place" not in talk.heard


@pytest.mark.parametrize("what", ["invited", "reminder", "moved", "delayed"])
def test_of_whom_there_are_many_the_body_is_named_each_time_that_she_is_told_with_whom(what: str) -> None:
    news = replace(INVITED, what=what, official=Official.HEAD, agency="gas")
    talk = called(news)
    assert "meeting.invited.head agency.gas weekday.tue" in plain(talk)
    assert "meeting.invited.head agency.gas weekday.tue" in plain(talk.press("*"))
    for agency in ("", "added_by_people"):  # of an older release's call, and one whose name has no sound yet
        assert "meeting.invited.head weekday.tue" in plain(called(replace(news, agency=agency)))
    governor = replace(news, official=Official.GOVERNOR, agency="ostandari")
    assert "meeting.invited.governor weekday.tue" in plain(called(governor))


def test_what_she_is_asked_and_told_of_her_slot_bids_nobody_come_who_meets_by_telephone() -> None:
    said = parse([("p.yaml", (ROOT / "sounds/prompts.yaml").read_bytes())])
    for id in ("meeting.menu", "meeting.comes", "meeting.stands.comes"):
        assert not re.search("می‌آیید|بیایید|منتظر", said.text(id, "fa")), id
        assert not re.search("gəl|gözlə", said.text(id, "az").lower()), id


@pytest.mark.parametrize("what", ["reminder", "moved", "delayed"])
def test_news_of_a_slot_say_first_what_is_new_and_ask_again(what: str) -> None:
    talk = called(replace(INVITED, what=what))
    assert plain(talk).startswith(f"callback.greeting meeting.{what} meeting.invited.governor weekday.tue")
    assert talk.heard[-1] == "meeting.menu"
    assert talk.press("1").session.verdict == "comes"
