"""A telephone for tests: SIPp signals, our own audio presses keys, speaks, and hears prompts and beeps.

SIPp's own audio needs raw sockets, so root; this needs nothing. Every SIP message passes through a relay of
ours, which reads Asterisk's audio address from its answer and sees the other side hang up.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ivr.lab.media import RATE, Phone, babble, is_beep, is_voiced
from ivr.lab.pace import patience
from ivr.lab.ports import UDP, free
from ivr.lab.relay import Relay

TAIL = 0.2  # seconds of a cut prompt that are still on their way
REMINDED = 2.0  # seconds after which a SIPp that was told to hang up is told again
SIGNALLING = 30.0  # seconds for an answer or an ending: a machine with many processes lets one wait for ten


@dataclass(frozen=True, slots=True)
class Wait:
    """Say nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys one after the other."""

    keys: str
    gap: float = 0.15


@dataclass(frozen=True, slots=True)
class Speak:
    """Babble for so many seconds, or say `samples` (8 kHz)."""

    seconds: float = 3.0
    samples: NDArray[np.int16] | None = None


@dataclass(frozen=True, slots=True)
class Listen:
    """Until a prompt was heard and then nothing for `quiet` seconds; fails after `most` seconds."""

    quiet: float = 0.9
    most: float = 60.0


@dataclass(frozen=True, slots=True)
class Hear:
    """Until a prompt has begun, so that the next key barges in."""

    most: float = 20.0


@dataclass(frozen=True, slots=True)
class Beep:
    """Until the beep is over; fails after `most` seconds."""

    most: float = 60.0


@dataclass(frozen=True, slots=True)
class PutDown:
    """The caller hangs up."""


@dataclass(frozen=True, slots=True)
class Vanish:
    """The telephone is gone without a word: no audio, no signalling, no answer to any."""


@dataclass(frozen=True, slots=True)
class StayOn:
    """Until the hotline hangs up; fails after `most` seconds."""

    most: float = 90.0


CallerStep = Wait | Press | Speak | Listen | Hear | Beep | PutDown | Vanish | StayOn


@dataclass(frozen=True, slots=True)
class Handset:
    """What kind of telephone. `suppresses`: sends nothing in silence, but for `reports` (RTCP). `tones`: its
    keys are tones in the speech, and it offers nothing else.
    """

    suppresses: bool = False
    reports: bool = False
    tones: bool = False


USUAL = Handset()


@dataclass(slots=True)
class CallerReport:
    """`completed`: SIPp is content and every step came true. `ended_by` "caller", "hotline" or "".

    `did`: when each step began, on the clock of `heard`.
    """

    completed: bool = False
    ended_by: str = ""
    problem: str = ""
    answered: bool = False
    voiced_seconds: float = 0.0
    log: str = ""
    heard: list[tuple[float, bytes]] = field(default_factory=list, repr=False)
    did: list[tuple[float, CallerStep]] = field(default_factory=list, repr=False)
    asked: int = 0  # how often Asterisk asked whether the telephone is still there


class Failed(Exception):
    """A step did not come true."""


async def place_call(
    sipp: Sequence[str], port: int, steps: Sequence[CallerStep], *,
    number: str = "09141234567", name: str | bytes = "", extension: str = "111", headers: Sequence[str] = (),
    model: Handset = USUAL,
) -> CallerReport:  # fmt: skip
    """Call 127.0.0.1:`port` and go through the steps; without an ending step, stay to the end.

    `sipp` is the command that runs it. `name` goes into the From header, quotes escaped, bytes as they are.
    `headers`: further ones of the INVITE.
    """
    if not steps or not isinstance(steps[-1], PutDown | StayOn):
        steps = [*steps, StayOn()]
    with tempfile.TemporaryDirectory(prefix="sipp-") as folder:
        call = _SippCall(sipp, port, Path(folder), _scenario(number, name, headers), extension)
        call.be(model)
        return await call.run(steps)


class Party:
    """One side of a call: its telephone, and what it does with it step by step."""

    def __init__(self) -> None:
        self.phone = Phone()
        self.outcome = CallerReport()
        self.over, self.audio = asyncio.Event(), asyncio.Event()
        self.phone.on_audio = self.audio.set

    def hang_up(self) -> None:
        raise NotImplementedError

    def vanish(self) -> None:
        raise NotImplementedError

    async def take(self, step: CallerStep) -> None:
        self.outcome.did.append((asyncio.get_running_loop().time(), step))
        match step:
            case PutDown():
                self.outcome.ended_by = self.outcome.ended_by or "caller"
                self.hang_up()
            case Vanish():
                self.vanish()
            case StayOn(most):
                await self._within(most, self.over.wait(), "the hotline did not hang up")
            case Wait(seconds):
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self.over.wait()
            case Press(keys, gap):
                await self._within(60, self._press(keys, gap), "the keys were not sent")
            case Speak(seconds, samples):
                speech = babble(seconds) if samples is None else samples
                most = len(speech) / RATE + 30
                await self._within(most, self.phone.speak(speech), "the speech was not sent")
            case Listen(quiet, most):
                await self._within(most, self._prompt_over(quiet), "no prompt came to its end")
            case Hear(most):
                await self._within(most, self._frame(is_voiced), "no prompt began")
            case Beep(most):
                await self._within(most, self._beep_over(), "no beep was heard")

    async def _press(self, keys: str, gap: float) -> None:
        for key in keys:
            await self.phone.press(key)
            await asyncio.sleep(gap)

    async def _within(self, seconds: float, work: object, problem: str) -> None:
        assert asyncio.iscoroutine(work)
        try:
            async with asyncio.timeout(patience(seconds)):
                await _first(work, self.over.wait())
        except TimeoutError:
            raise Failed(f"{problem} within {seconds:g} s") from None

    async def _frame(self, wanted: Callable[[bytes], bool], tail: float = TAIL) -> None:
        """Until a frame like that is heard, from `tail` seconds after now."""
        since = asyncio.get_running_loop().time() + tail
        seen = len(self.phone.heard)
        while True:
            self.audio.clear()
            for at, audio in self.phone.heard[seen:]:
                if at >= since and wanted(audio):
                    return
            seen = len(self.phone.heard)
            await self.audio.wait()

    async def _prompt_over(self, quiet: float) -> None:
        await self._frame(is_voiced)
        await self._silence(quiet, is_voiced)

    async def _beep_over(self) -> None:
        await self._frame(is_beep, tail=0)
        await self._silence(0.06, is_beep)

    async def _silence(self, quiet: float, sound: Callable[[bytes], bool]) -> None:
        """Until no such frame came for that long."""
        loop = asyncio.get_running_loop()
        last, seen = loop.time(), len(self.phone.heard)
        while (left := last + quiet - loop.time()) > 0:
            self.audio.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.audio.wait()
            await self._caught_up()
            new, seen = self.phone.heard[seen:], len(self.phone.heard)
            last = max([last, *(at for at, audio in new if sound(audio))])

    async def _caught_up(self) -> None:
        """Hear first what came while this process had no turn: the loop takes one packet at a time."""
        before = -1
        while before != len(self.phone.heard):
            before = len(self.phone.heard)
            for _ in range(2):
                await asyncio.sleep(0)


class _SippCall(Party):
    def __init__(self, sipp: Sequence[str], port: int, folder: Path, scenario: bytes, extension: str) -> None:
        super().__init__()
        self.sipp, self.port, self.folder = sipp, port, folder
        self.scenario = scenario
        self.extension = extension
        self.id = uuid.uuid4().hex
        self.answered = asyncio.Event()
        self.relay: Relay | None = None
        self.said: list[str] = []  # every SIP message's first line, with the loop's time

    def be(self, model: Handset) -> None:
        """A telephone of that kind."""
        self.phone.suppresses, self.phone.reports = model.suppresses, model.reports
        self.phone.tones = model.tones
        if model.tones:
            self.scenario = b"".join(
                line.replace(b" 8 101", b" 8")
                for line in self.scenario.splitlines(keepends=True)
                if not line.startswith((b"a=rtpmap:101", b"a=fmtp:101"))
            )

    def hang_up(self) -> None:
        assert self.relay is not None
        self.relay.hang_up()

    def vanish(self) -> None:
        assert self.relay is not None
        self.phone.vanished = self.relay.vanished = True

    async def run(self, steps: Sequence[CallerStep]) -> CallerReport:
        loop = asyncio.get_running_loop()
        audio, _ = await loop.create_datagram_endpoint(lambda: self.phone, local_addr=("127.0.0.1", 0))
        relay = self.relay = await Relay.open(self.port, self._saw)
        sending = asyncio.create_task(self.phone.run())
        try:
            process = await self._signal(relay.near_port, audio.get_extra_info("sockname")[1])
            try:
                await self._follow(steps, relay, process)
            finally:
                await _ended(process, relay)
        finally:
            sending.cancel()
            audio.close()
            relay.close()
        self.outcome.heard = self.phone.heard
        self.outcome.voiced_seconds = sum(len(a) for _, a in self.phone.heard if is_voiced(a)) / 8_000
        return self.outcome

    async def _signal(self, relay: int, media: int) -> asyncio.subprocess.Process:
        scenario = self.folder / "caller.xml"
        scenario.write_bytes(self.scenario)
        return await asyncio.create_subprocess_exec(
            *self.sipp, f"127.0.0.1:{relay}", "-sf", str(scenario), "-s", self.extension, "-m", "1",
            "-i", "127.0.0.1", "-p", str(free(UDP)), "-cid_str", f"{self.id}-%u", "-nostdin",
            "-key", "media", str(media), "-trace_err", "-error_file", str(self.folder / "errors.log"),
            cwd=self.folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def _follow(
        self, steps: Sequence[CallerStep], relay: Relay, process: asyncio.subprocess.Process
    ) -> None:
        outcome = self.outcome
        ended = asyncio.create_task(process.communicate())
        try:
            async with asyncio.timeout(patience(SIGNALLING)):
                await _first(self.answered.wait(), asyncio.shield(ended))
            if not self.answered.is_set():
                raise Failed("the call was not answered")
            for n, step in enumerate(steps):
                await self.take(step)
                if self.over.is_set() and not all(isinstance(s, StayOn | PutDown) for s in steps[n + 1 :]):
                    raise Failed(f"the hotline hung up during step {n + 1}, {step}")
        except (Failed, TimeoutError) as error:
            outcome.problem = str(error) or f"the call was not answered within {SIGNALLING:g} s"
            relay.hang_up()
        outcome.asked = relay.asked
        if relay.vanished:
            process.kill()
        for _ in range(round(patience(SIGNALLING) / REMINDED)):
            if (await asyncio.wait({ended}, timeout=REMINDED))[0]:
                break
            relay.remind()
        if not ended.done():
            process.kill()
            outcome.problem = outcome.problem or "SIPp did not end"
        _, complaints = await ended
        errors = self.folder / "errors.log"
        outcome.log = complaints.decode(errors="replace")
        outcome.log += errors.read_text(errors="replace") if errors.exists() else ""
        outcome.log += "\n".join(self.said)
        outcome.completed = (process.returncode == 0 or relay.vanished) and not outcome.problem

    def _saw(self, message: bytes, from_asterisk: bool) -> None:
        line = message.split(b"\r\n", 1)[0].decode(errors="replace")
        who = "Asterisk" if from_asterisk else "SIPp"
        self.said.append(f"{asyncio.get_running_loop().time():.3f} {who}: {line}")
        if not from_asterisk:
            if message.startswith(b"ACK "):
                self.answered.set()  # not sooner: SIPp takes no sign of ours before it has sent this
            return
        if message.startswith(b"SIP/2.0 200") and (port := re.search(rb"^m=audio (\d+)", message, re.M)):
            self.phone.there = ("127.0.0.1", int(port[1]))
            self.outcome.answered = True
        elif message.startswith(b"BYE "):
            self.outcome.ended_by = self.outcome.ended_by or "hotline"
            self.over.set()


async def _ended(process: asyncio.subprocess.Process, relay: Relay) -> None:
    """A call that is given up is hung up, and leaves no SIPp behind."""
    if process.returncode is None:
        relay.hang_up()
        try:
            async with asyncio.timeout(patience(4.0)):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _first(*works: object) -> None:
    """Until one of them is done; the others are given up."""
    running = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in running:
            each.cancel()


def _scenario(number: str, name: str | bytes, headers: Sequence[str]) -> bytes:
    shown = name if isinstance(name, bytes) else name.replace("\\", "\\\\").replace('"', '\\"').encode()
    if b"[" in shown or b"]]>" in shown:
        raise ValueError("SIPp reads [ in a name as its own keyword")
    text = (Path(__file__).parent / "caller.xml").read_bytes()
    more = "".join(f"{header}\n" for header in headers).encode()
    text = text.replace(b"@NAME@", shown).replace(b"@HEADERS@", more)
    return text.replace(b"@NUMBER@", number.encode())
