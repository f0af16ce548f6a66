"""What the live board asks of Asterisk, and does there: the queue, the trunks, a call to end.

All of it is within the rights of the account that only watches (`read=system,call,user,cdr`, `write=call`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from panoramisk.message import Message

from ivr.asterisk.ami import Ami, AmiError, AmiFailed
from ivr.desk.call.live import CallQueue, QueueMember, Unreachable

log = logging.getLogger(__name__)

QUEUE = "operators"
ENDED = "seda111-ended"  # the dialplan's context that takes leave
# Asterisk's device states (devicestate.h) by number, as QueueMember has them.
FREE, RINGING, AWAY = {"1"}, {"6", "7"}, {"0", "4", "5"}
# What its calls do stands before what the gateway answers: one that rings is enough, or a caller on hold.
_UP = ("NOT_INUSE", "INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD")
TRUNK_STATES = {**dict.fromkeys(_UP, "up"), "UNAVAILABLE": "down", "INVALID": "missing"}


def tell_talks(ami: Ami, talks: Callable[..., None]) -> None:
    """Who talks with somebody, by her channel's id; from before, where it began while AMI was away."""

    async def look() -> None:
        with suppress(AmiError):  # it is looked at the next login
            for channel in await ami.channels():
                if channel.bridgeid:
                    talks(channel.uniqueid, before=True)

    ami.on("BridgeEnter", lambda event: talks(event.uniqueid))
    ami.on_connect(look)


class Switchboard:
    """`watched`: names of PJSIP endpoints. Every method raises Unreachable."""

    def __init__(self, ami: Ami, watched: tuple[str, ...] = ()) -> None:
        self.ami = ami
        self.watched = watched

    async def queue(self, name: str = QUEUE) -> CallQueue:
        """Who waits there and who serves."""
        try:
            told = await self.ami.listed("QueueStatus", "QueueStatusComplete", Queue=name)
        except AmiError as error:
            raise Unreachable(str(error)) from None
        waiting = [event for event in told if event.event == "QueueEntry"]
        members = [event for event in told if event.event == "QueueMember"]
        return CallQueue(
            waits={event.uniqueid: int(event.wait or 0) for event in waiting},
            operators=tuple(
                QueueMember(each.name, _state(each), int(each.callstaken or 0)) for each in members
            ),
        )

    async def trunks(self) -> Mapping[str, str]:
        """Endpoint → up, down, missing or unknown.

        Up where Asterisk is not to look (`qualify_frequency`), without a contact down but while a call is on.
        """
        states = {}
        for name in self.watched:
            try:
                answer = await self.ami.action("Getvar", Variable=f"DEVICE_STATE(PJSIP/{name})")
            except AmiError as error:
                raise Unreachable(str(error)) from None
            states[name] = TRUNK_STATES.get(answer.value, "unknown")
        return states

    async def end(self, unique_id: str) -> None:
        """Take leave of the caller and hang up. A channel that can't be led there is hung up at once."""
        try:
            await self._take_leave(unique_id)
        except AmiError as error:
            raise Unreachable(str(error)) from None

    async def _take_leave(self, unique_id: str) -> None:
        try:
            await self.ami.action("Redirect", Channel=unique_id, Context=ENDED, Exten="s", Priority=1)
        except AmiFailed as error:
            log.warning("no leave is taken of %s: %s", unique_id, error)
            await self.ami.action("Hangup", Channel=unique_id, Cause=16)


def _state(member: Message) -> str:
    if member.paused == "1":
        return "paused"
    if member.status in AWAY:
        return "away"
    if member.status in RINGING:
        return "ringing"
    return "free" if member.status in FREE else "talking"
