"""Callers from whom no packet comes: those whose telephones send nothing in silence, and those who vanished.

Asterisk ends a call without audio and without reports (RTCP) after `rtp_timeout`. A telephone that sends
neither in silence is asked by a re-INVITE before that: its answer puts the end off; who is gone gives none.
And where no packets come RECORD FILE hears no silence: the key that ends a recording is pressed for her. All
of it is within `write=call`. Measured in docs/decisions/lines.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ivr.asterisk.ami import Ami, AmiError, AmiFailed
from ivr.asterisk.channel import Channel

LOOK_SECONDS = 2.0
USUAL_LOOKS = 3  # a call that is not being recorded is looked at every third time
ASK_SECONDS = 8.0  # without any sign of life, and again after as long: well before rtp_timeout
# Between two looks: a quarter of a second of speech. Comfort noise (RFC 3389) comes more rarely.
SPEECH_PACKETS = 4


class OnLine(Protocol):
    """A call in progress."""

    channel: Channel


@dataclass(slots=True)
class _Heard:
    """What was known of a call at the last look. Times are the loop's."""

    packets: int
    signs: tuple[str, ...]
    spoke_at: float
    lived_at: float


class QuietWatch:
    """`calls`: those in progress, by id."""

    def __init__(self, ami: Ami) -> None:
        self.ami = ami
        self._heard: dict[str, _Heard] = {}
        self._turn = 0

    async def turn(self, calls: Mapping[str, OnLine]) -> None:
        """One of many. Raises AmiError while Asterisk can't be asked, and what was at fault with a call."""
        everybody = self._turn % USUAL_LOOKS == 0
        self._turn += 1
        await self.look([*calls.items()], everybody)

    async def look(self, calls: Iterable[tuple[str, OnLine]], everybody: bool = True) -> None:
        """At those being recorded, or at all. What Asterisk does not tell now it tells the next time.

        Where one of them can't be looked at for a fault of ours the others are, before that is raised.
        """
        fault: Exception | None = None
        there = [(id, call.channel) for id, call in calls if call.channel.line.startswith("PJSIP/")]
        self._heard = {id: self._heard[id] for id, _ in there if id in self._heard}
        for id, channel in there:
            if everybody or channel.recording:
                try:
                    await self._look_at(id, channel)
                except AmiFailed:  # she hung up meanwhile
                    self._heard.pop(id, None)
                except AmiError:
                    raise
                except Exception as error:
                    fault = error
        if fault is not None:
            raise fault

    async def _look_at(self, id: str, channel: Channel) -> None:
        answer = await self.ami.action("Getvar", Channel=channel.line, Variable="CHANNEL(rtcp,all)")
        told = dict(part.split("=", 1) for part in str(answer.value or "").split(";") if "=" in part)
        if not told.get("rxcount", "").isdigit():
            return
        now, packets = asyncio.get_running_loop().time(), int(told["rxcount"])
        signs = tuple(told.get(name, "") for name in ("rxcount", "rtt", "txjitter", "lp", "rlp"))
        before = self._heard.get(id) or _Heard(packets, signs, now, now)
        lived = now if signs != before.signs else before.lived_at
        spoke = packets - before.packets >= SPEECH_PACKETS
        spoke_at = now if spoke or not channel.recording else before.spoke_at
        heard = self._heard[id] = _Heard(packets, signs, spoke_at, lived)
        await self._end_recording(channel, now - spoke_at)
        if now - lived >= ASK_SECONDS:
            heard.lived_at = now  # the next question is due as long after this one
            await self._ask(channel)

    async def _end_recording(self, channel: Channel, quiet: float) -> None:
        record = channel.recording
        if record and not channel.fell_silent and quiet >= record.silence_seconds:
            channel.fell_silent = True
            key = {"Channel": channel.line, "Digit": "#", "Receive": "true"}
            await self.ami.action("PlayDTMF", **key)

    async def _ask(self, channel: Channel) -> None:
        """Whether the telephone is still there."""
        refresh = {"Variable": "PJSIP_SEND_SESSION_REFRESH()", "Value": "invite"}
        await self.ami.action("Setvar", Channel=channel.line, **refresh)
