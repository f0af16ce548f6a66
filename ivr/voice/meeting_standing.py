"""How a request to meet an official stands, for whoever has its code; and day, hour and place of a slot."""

from __future__ import annotations

from datetime import datetime

from ivr.cases.meetings import SLOTTED, MeetingWay, Official, RequestState
from ivr.voice import saying
from ivr.voice.actions import Speech, Words
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


def slot(official: Official, way: MeetingWay, starts_at: datetime, place: str, language: str) -> Speech:
    """With whom, day and hour in words, what to bring, where. `starts_at` in the province's zone."""
    when = (*saying.day(starts_at.date(), language), *saying.clock(starts_at.time(), language))
    where: Speech = ("meeting.place", Words(place)) if place else ()
    return (f"meeting.invited.{official}", *when, f"meeting.way.{way}", *where)


def told(seen: MeetingSeen, now: datetime, language: str) -> Speech:
    """Nothing where the case's own status tells all there is. `now` in the province's zone."""
    if seen.state in SLOTTED and seen.starts_at is not None and seen.starts_at > now:
        comes: Speech = ("meeting.stands.comes",) if seen.state is RequestState.CONFIRMED else ()
        at = seen.starts_at.astimezone(now.tzinfo)
        return (*slot(seen.official, seen.way, at, seen.place, language), *comes)
    if seen.state is RequestState.WAITING and seen.next_on is not None and seen.next_on >= now.date():
        return ("meeting.waiting", *saying.day(seen.next_on, language))
    return (_SIMPLY[seen.state],) if seen.state in _SIMPLY else ()
