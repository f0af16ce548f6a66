"""A talk with an official, recorded only if she consents: what goes before, and what is left of it."""

from __future__ import annotations

from ivr.voice.actions import FindRoom
from ivr.voice.events import Connected, RoomFound
from ivr.voice.talk import Flow, Gone, Talk

MOST_SECONDS = 1_800.0  # of one conversation
UNRECORDED = "lottery.unrecorded"


def may_record(talk: Talk, consents: bool) -> Flow[bool]:
    """Whether it is recorded. Where no disk has room for what she consents to, she is told that it is not."""
    if not consents:
        return False
    room = yield from talk.do(FindRoom(MOST_SECONDS), RoomFound)
    if not room.found:
        talk.say(UNRECORDED)
    return room.found


def keep(talk: Talk, how: Connected) -> Flow[None]:
    """What was recorded is hers and joins her case. Raises Gone when she has hung up."""
    if how.recording is not None and how.recording.voiced_seconds:
        talk.uncased.append(how.recording)
    if how.gone:
        raise Gone  # the frame keeps what was recorded
    if talk.uncased:
        yield from talk.keep_words(instead=False)
