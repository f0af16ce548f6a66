"""How a request to meet an official stands, for whoever has its code; and day, hour and place of a slot."""

from __future__ import annotations

from datetime import datetime

from ivr.cases.meetings import AWAITED, OF_A_BODY, SLOTTED, MeetingWay, Official, RequestState
from ivr.cases.statuses import OPEN, Status
from ivr.voice import saying
from ivr.voice.actions import Speech, Words
from ivr.voice.directory import Directory
from ivr.voice.events import MeetingSeen

SLOT_PROMPTS = frozenset(
    {*(f"meeting.invited.{official}" for official in Official), *(f"meeting.way.{way}" for way in MeetingWay)}
) | {"meeting.place"}
_SIMPLY = {
    RequestState.REQUESTED: "meeting.stands.review",
    RequestState.UNDER_REVIEW: "meeting.stands.review",
    RequestState.MET: "meeting.stands.met",
    RequestState.NO_SHOW: "meeting.stands.missed",
}
PROMPTS = SLOT_PROMPTS | {*_SIMPLY.values(), "meeting.waiting", "meeting.stands.comes"}


def body(official: Official, agency: str, directory: Directory) -> tuple[str, ...]:
    """Said behind the rank: whose head he is. Nothing where its name has no sound yet."""
    return directory.named(agency) if official in OF_A_BODY else ()


def slot(
    official: Official, way: MeetingWay, starts_at: datetime, place: str, language: str, whose: Speech = ()
) -> Speech:
    """With whom, day and hour in words, what to bring, where. `starts_at` in the province's zone.

    `whose`: of `body`.
    """
    when = (*saying.day(starts_at.date(), language), *saying.clock(starts_at.time(), language))
    where: Speech = ("meeting.place", Words(place)) if place else ()
    return (f"meeting.invited.{official}", *whose, *when, f"meeting.way.{way}", *where)


def of_now(seen: MeetingSeen | None, status: str, now: datetime) -> MeetingSeen | None:
    """None where the case's own `status` tells all there is. `now` in the province's zone.

    Beside an answer that stands only her slot, a day, or another look at it.
    """
    if seen is None or status not in OPEN or (status == Status.ANSWERED and seen.state not in AWAITED):
        return None
    to_come = seen.state in SLOTTED and seen.starts_at is not None and seen.starts_at > now
    waits = seen.state is RequestState.WAITING and seen.next_on is not None and seen.next_on >= now.date()
    return seen if to_come or waits or seen.state in _SIMPLY else None


def told(seen: MeetingSeen, now: datetime, language: str, directory: Directory) -> Speech:
    """Of what `of_now` found."""
    if seen.state in SLOTTED and seen.starts_at is not None:
        comes: Speech = ("meeting.stands.comes",) if seen.state is RequestState.CONFIRMED else ()
        at = seen.starts_at.astimezone(now.tzinfo)
        whose = body(seen.official, seen.agency, directory)
        return (*slot(seen.official, seen.way, at, seen.place, language, whose), *comes)
    if seen.state is RequestState.WAITING and seen.next_on is not None:
        return ("meeting.waiting", *saying.day(seen.next_on, language))
    return (_SIMPLY[seen.state],)
