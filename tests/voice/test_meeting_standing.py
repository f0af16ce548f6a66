"""111 → 6 tells a meeting's code whether it has a slot, when and where, or until when it waits."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from ivr.cases.meetings import MeetingWay, Official, RequestState
from ivr.voice import verdict
from ivr.voice.actions import Words
from ivr.voice.events import CaseSeen, Lookup, MeetingSeen
from tests.voice.conversation import OFFICE_HOURS, TEHRAN

AT = datetime(2026, 12, 1, 10, 30, tzinfo=TEHRAN)  # Tuesday, the 10th of Azar
S = RequestState


def heard(meeting: MeetingSeen, language: str = "fa", status: str = "referred") -> list[str]:
    due = OFFICE_HOURS + timedelta(days=9)
    seen = CaseSeen(Lookup.FOUND, status, "ostandari", due, kind="meeting", meeting=meeting)
    return [str(sound) for sound in verdict.situation(seen, OFFICE_HOURS, language)]


@pytest.mark.parametrize("language", ["fa", "az"])
def test_who_has_a_slot_hears_with_whom_when_and_where(language: str) -> None:
    its = MeetingSeen(S.CONFIRMED, AT.date(), AT, Official.MAYOR, MeetingWay.IN_PERSON, "تالار")
    said = heard(its, language)
    assert {"meeting.invited.mayor", "weekday.tue", "day.10", "month.9", "meeting.way.in_person"} <= set(said)
    assert said[-1] == "meeting.stands.comes" and str(Words("تالار")) in said
    assert "status.due_is" not in said


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
