"""Callers from whom no packet comes: those whose telephones send nothing in silence, and those who vanished.

Asterisk ends a call without audio and without reports (RTCP) after `rtp_timeout`. A telephone that sends
neither in silence is asked by a re-INVITE before that: its answer puts the end off; who is gone gives none.
And where no packets come RECORD FILE hears no silence: the key that ends a recording is pressed for her. All
of it is within `write=call`. Which call is looked at how often, measured: docs/decisions/lines.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from ivr.asterisk.ami import Ami, AmiError, AmiFailed
from ivr.voice.actions import Record

LOOK_SECONDS = 2.0  # a turn: so often is looked at who is being recorded and may be silent by her telephone
USUAL_TURNS = 4  # between two looks at who only listens
STEADY_TURNS = 8  # … at whose telephone sends in silence, too: Asterisk itself hears what a look would tell
DOUBTED_TURNS = 2  # … once it did not
ASKED_TURNS = 6  # … at who has just been asked
STEADY_PACKETS = 30  # a second, while she only listens: a telephone that sends in silence (20 or 30 ms each)
SPARE_SECONDS = 0.5  # less than so many turns take: a look may be answered sooner than the one before it
AT_ONCE = 16  # looks that ask Asterisk together: one wake-up for all of them, and no long turn of the loop
# Between two looks: a quarter of a second of speech. Comfort noise (RFC 3389) comes more rarely.
SPEECH_PACKETS = 4


class LineLookedAt(Protocol):
    """Of a `Channel` what a look asks for."""

    recording: Record | None
    recording_since: float
    fell_silent: bool

    @property
    def line(self) -> str: ...


class OnLine(Protocol):
    """A call in progress."""

    @property
    def channel(self) -> LineLookedAt: ...


@dataclass
class TakenOver:
    """A caller who has left the hotline's hands for a supervisor's, by her channel's name."""

    line: str
    recording: Record | None = None
    recording_since: float = 0.0
    fell_silent: bool = False

    @property
    def channel(self) -> LineLookedAt:
        return self


@dataclass(slots=True)
class _Heard:
    """What was known of a call at the last look. Times are `monotonic`, as the channel's."""

    at: float
    packets: int
    signs: tuple[str, ...]
    spoke_at: float
    recording: bool
    ask_at: float = 0.0  # when she is asked unless there is a sign of life before
    steady: bool = False
    due: int = 0  # in which turn it is looked at again


class QuietWatch:
    """`calls`: those in progress, by id."""

    def __init__(self, ami: Ami) -> None:
        self.ami = ami
        self._heard: dict[str, _Heard] = {}
        self._turn = 0

    async def turn(self, calls: Mapping[str, OnLine]) -> None:
        """One of many: look at those who are due.

        Raises AmiError while Asterisk can't be asked, and what was at fault with a call. What Asterisk does
        not tell now it tells the next time. Where one of them can't be looked at for a fault of ours the
        others are, before that is raised.
        """
        self._turn += 1
        there = [(id, call.channel) for id, call in calls.items() if call.channel.line.startswith("PJSIP/")]
        self._heard = {id: self._heard[id] for id, _ in there if id in self._heard}
        due = [(id, channel) for id, channel in there if self._is_due(id, channel)]
        faults = await self._look_at_all(due)
        try:
            if faults:
                raise faults[0]
        finally:  # else they kept this turn, and it them and all these calls, for the garbage collector
            del faults

    async def _look_at_all(self, due: Sequence[tuple[str, LineLookedAt]]) -> list[BaseException]:
        """What was at fault; that Asterisk can't be asked first, and then no more are looked at."""
        faults: list[BaseException] = []
        for first in range(0, len(due), AT_ONCE):
            looks = (self._look(id, channel) for id, channel in due[first : first + AT_ONCE])
            faults += filter(None, await asyncio.gather(*looks, return_exceptions=True))
            if any(isinstance(each, AmiError) for each in faults):
                break
        return sorted(faults, key=lambda each: not isinstance(each, AmiError))

    def _is_due(self, id: str, channel: LineLookedAt) -> bool:
        heard = self._heard.get(id)
        return heard is None or self._turn >= heard.due or (bool(channel.recording) and not heard.steady)

    async def _look(self, id: str, channel: LineLookedAt) -> None:
        try:
            await self._look_at(id, channel)
        except AmiFailed:  # she hung up meanwhile
            self._heard.pop(id, None)

    async def _look_at(self, id: str, channel: LineLookedAt) -> None:
        answer = await self.ami.action("Getvar", Channel=channel.line, Variable="CHANNEL(rtcp,all)")
        told = dict(part.split("=", 1) for part in str(answer.value or "").split(";") if "=" in part)
        if not told.get("rxcount", "").isdigit():
            return
        now, packets = monotonic(), int(told["rxcount"])
        signs = tuple(told.get(name, "") for name in ("rxcount", "rtt", "txjitter", "lp", "rlp"))
        recording = bool(channel.recording)
        before = self._heard.get(id) or _Heard(now, packets, (), now, recording)
        new = packets - before.packets
        spoke_at = now if new >= SPEECH_PACKETS or not recording else before.spoke_at
        heard = self._heard[id] = _Heard(now, packets, signs, spoke_at, recording, before.ask_at)
        enough = new > 0 and new >= STEADY_PACKETS * (now - before.at)
        listened = not (recording or before.recording)
        heard.steady = enough and (listened or before.steady)
        turns = STEADY_TURNS if heard.steady else DOUBTED_TURNS if before.steady else USUAL_TURNS
        # Before the beep she was listening: that nothing came then is no silence of hers.
        await self._end_recording(channel, now - max(spoke_at, channel.recording_since))
        asks = signs == before.signs and now >= before.ask_at
        if asks:
            turns = ASKED_TURNS
            await self._ask(channel)
        heard.due = self._turn + turns
        if asks or signs != before.signs:
            heard.ask_at = now + turns * LOOK_SECONDS - SPARE_SECONDS

    async def _end_recording(self, channel: LineLookedAt, quiet: float) -> None:
        record = channel.recording
        if record and not channel.fell_silent and quiet >= record.silence_seconds:
            channel.fell_silent = True
            key = {"Channel": channel.line, "Digit": "#", "Receive": "true"}
            await self.ami.action("PlayDTMF", **key)

    async def _ask(self, channel: LineLookedAt) -> None:
        """Whether the telephone is still there."""
        refresh = {"Variable": "PJSIP_SEND_SESSION_REFRESH()", "Value": "invite"}
        await self.ami.action("Setvar", Channel=channel.line, **refresh)
