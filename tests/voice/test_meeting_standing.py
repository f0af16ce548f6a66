"""111 → 6 tells a meeting's code whether it has a slot, when and where, or until when it waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ivr.cases.meetings import MeetingWay, Official, RequestState
from ivr.voice import callback, verdict
from ivr.voice.actions import Sound, Words
from ivr.voice.events import CaseSeen, Lookup, MeetingSeen
from tests.voice.conversation import CODE, DIRECTORY, OFFICE_HOURS, TEHRAN, Conversation

AT = datetime(2026, 12, 1, 10, 30, tzinfo=TEHRAN)  # Tuesday, the 10th of Azar
S = RequestState


WAITS = MeetingSeen(S.WAITING, date(2026, 12, 5))
UNTIL: list[Sound] = ["meeting.waiting", "weekday.sat", "day.14", "month.9"]
ANSWER, UNREAD = Words("آب وصل شد"), "سیزین ایشینیزه باخیلدی"


def answered(meeting: MeetingSeen = WAITS, answer: str = str(ANSWER.text), **more: Any) -> CaseSeen:
    """Her request has its answer, and she has given her slot back since."""
    return CaseSeen(Lookup.FOUND, "answered", "abfa", None, answer, kind="meeting", meeting=meeting, **more)


def heard(meeting: MeetingSeen, language: str = "fa", status: str = "referred") -> list[str]:
    due = OFFICE_HOURS + timedelta(days=9)
    seen = CaseSeen(Lookup.FOUND, status, "ostandari", due, kind="meeting", meeting=meeting)
    return [str(sound) for sound in verdict.situation(seen, OFFICE_HOURS, language, DIRECTORY)]


@pytest.mark.parametrize("language", ["fa", "az"])
def test_who_has_a_slot_hears_with_whom_when_and_where(language: str) -> None:
    its = MeetingSeen(S.CONFIRMED, AT.date(), AT, Official.MAYOR, MeetingWay.IN_PERSON, "تالار")
    said = heard(its, language)
    assert {"meeting.invited.mayor", "weekday.tue", "day.10", "month.9", "meeting.way.in_person"} <= set(said)
    assert said[-1] == "meeting.stands.comes" and str(Words("تالار")) in said
    assert "status.due_is" not in said


def test_of_whom_there_are_many_the_body_is_named() -> None:
    its = MeetingSeen(S.INVITED, AT.date(), AT, Official.HEAD, MeetingWay.PHONE, agency="gas")
    said = heard(its)
    assert said[said.index("meeting.invited.head") + 1 :][:2] == ["agency.gas", "weekday.tue"]
    governor = heard(replace(its, official=Official.GOVERNOR))
    assert governor[governor.index("meeting.invited.governor") + 1] == "weekday.tue"


@pytest.mark.parametrize(
    ("meeting", "says"),
    [
        (MeetingSeen(S.WAITING, date(2026, 12, 5)), ["meeting.waiting", "weekday.sat", "day.14", "month.9"]),
        (MeetingSeen(S.UNDER_REVIEW), ["meeting.stands.review"]),
        (MeetingSeen(S.MET), ["meeting.stands.met"]),
        (MeetingSeen(S.NO_SHOW), ["meeting.stands.missed"]),
    ],
)
def test_without_a_slot_its_state_is_told(meeting: MeetingSeen, says: list[str]) -> None:
    assert heard(meeting)[-len(says) :] == says


@pytest.mark.parametrize(
    "meeting",
    [
        MeetingSeen(S.SETTLED),
        MeetingSeen(S.WAITING, date(2026, 11, 24)),  # past: nothing is promised any more
        MeetingSeen(S.INVITED, date(2026, 11, 25), OFFICE_HOURS - timedelta(hours=1)),
    ],
)
def test_what_is_no_news_leaves_the_case_its_deadline(meeting: MeetingSeen) -> None:
    assert heard(meeting)[-1] == "status.no_answer_yet"


def test_a_case_that_has_ended_tells_nothing_of_a_slot() -> None:
    assert heard(MeetingSeen(S.MET), status="withdrawn") == [
        "status.withdrawn",
        "status.agency_is",
        "agency.ostandari",
    ]


@pytest.mark.parametrize(
    ("meeting", "says"), [(WAITS, UNTIL), (MeetingSeen(S.UNDER_REVIEW), ["meeting.stands.review"])]
)
def test_who_has_her_answer_hears_what_she_still_waits_for_before_she_is_asked_whether_it_is_solved(
    meeting: MeetingSeen, says: list[Sound]
) -> None:
    talk = Conversation(seen=answered(meeting, may_confirm=True)).press("1", "6", CODE).listen()
    assert talk.heard[-len(says) - 2 :] == [ANSWER, *says, "verdict.menu"] and talk.verdicts == []
    assert talk.press("3").heard[-len(says) - 2 :] == [ANSWER, *says, "verdict.menu"]


@pytest.mark.parametrize("key", ["1", "2", "#"])
def test_no_key_ends_her_case_before_she_has_heard_that_too(key: str) -> None:
    talk = Conversation(seen=answered(may_confirm=True)).press("1", "6", CODE, key)
    assert talk.heard[-len(UNTIL) - 1 :] == [*UNTIL, "verdict.menu"] and talk.verdicts == []


def test_from_another_number_she_hears_it_behind_the_answer_or_behind_that_there_is_one() -> None:
    told = Conversation(seen=answered()).press("1", "6", CODE).heard
    assert told[told.index(ANSWER) + 1 :][: len(UNTIL)] == UNTIL
    for seen, kept in (
        (answered(answer="", withheld=True), "status.answer_withheld"),
        (answered(answer=UNREAD), "status.answer_unread"),
    ):
        said = Conversation(seen=seen).press("2", "6", CODE).heard
        assert said[said.index(kept) + 1 :][:1] == ["meeting.waiting"] and said[-1] == "verdict.or_operator"


def test_who_was_refused_and_is_invited_after_all_hears_of_her_slot_behind_the_refusal() -> None:
    slot = MeetingSeen(S.INVITED, AT.date(), AT, Official.MAYOR, MeetingWay.IN_PERSON, "تالار")
    told = Conversation(seen=replace(answered(slot), status="in_progress")).press("1", "6", CODE).heard
    assert told[told.index(ANSWER) - 1 :][:3] == ["status.answer_was", ANSWER, "meeting.invited.mayor"]


def test_on_our_call_about_the_answer_she_hears_it_before_a_key_ends_her_case() -> None:
    talk = Conversation(menu=callback.menu(CODE, answered(may_confirm=True), "fa")).listen()
    assert talk.heard == [ANSWER, "callback.agency_is", "agency.abfa", *UNTIL, "verdict.menu"]
    unread = Conversation(menu=callback.menu(CODE, answered(answer=UNREAD, may_confirm=True), "az"))
    assert "meeting.waiting" in unread.heard and unread.verdicts == []


@pytest.mark.parametrize("state", [S.SETTLED, S.MET, S.DECLINED])
def test_who_waits_for_nothing_more_hears_her_answer_alone(state: RequestState) -> None:
    talk = Conversation(seen=answered(MeetingSeen(state, date(2026, 12, 5)), may_confirm=True))
    assert not {"meeting.waiting", "meeting.stands.met"} & set(talk.press("1", "6", CODE, "2").heard)
