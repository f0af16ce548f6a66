"""A pretend Asterisk: plays Asterisk's side of FastAGI over a real socket, for tests.

It knows the commands our channel sends and answers as `res_agi.c`, `app_read.c` and `app_playback.c` do, only
without sound and without waiting. What the caller does is a plan:

- `keys`: what she presses, as text; each Read takes from it what it may. `-` stands for silence until the
  time-out. When it is empty, every Read times out.
- `says`: the samples she speaks at each recording; `record_ends` how it ends: `dtmf`, `silence`, `limit`.
- `hash_in_beep`: she presses # during the beep of the first recording.
- `hangs_up_at`: the number of the command (from 1) during which she hangs up.
- `killed_at`: the number of the command at which the connection is reset without an answer.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import struct
import wave
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ivr.lab.pace import patience

HEADER = {
    "network": "yes",
    "network_script": "seda111",
    "request": "agi://127.0.0.1/seda111",
    "channel": "PJSIP/caller-00000001",
    "language": "fa",
    "type": "PJSIP",
    "uniqueid": "1764028800.42",
    "version": "22.10.1",
    "callerid": "02155500111",
    "calleridname": "unknown",
    "callingpres": "0",
    "callingani2": "0",
    "callington": "0",
    "callingtns": "0",
    "dnid": "111",
    "rdnis": "unknown",
    "context": "seda111-inbound",
    "extension": "111",
    "priority": "3",
    "enhanced": "0.0",
    "accountcode": "",
    "threadid": "140231742678784",
}
_SUBSTITUTE = re.compile(r"\$\{(\w+)\}").sub
SPEECH = struct.pack("<160h", *([3000, -3000] * 80))


async def until(condition: Callable[[], object]) -> None:
    """Come back when `condition` holds."""
    async with asyncio.timeout(patience(20)):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Pretend:
    """One call. After `run`, `commands` holds what was asked, `variables` what was set."""

    keys: str = ""
    says: list[int] = field(default_factory=lambda: [24_000])
    record_ends: str = "dtmf"
    hash_in_beep: bool = False
    queue_status: str = "CONTINUE"
    hangs_up_at: int = 0
    killed_at: int = 0
    header: dict[str, str | bytes] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    commands: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    played: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    dead: bool = False

    def opening(self) -> bytes:
        """The header, as `setup_env` writes it."""
        values = HEADER | self.header | {f"arg_{n}": a for n, a in enumerate(self.arguments, start=1)}
        raw = {name: v if isinstance(v, bytes) else v.encode() for name, v in values.items()}
        return b"".join(b"agi_%s: %s\n" % (name.encode(), v) for name, v in raw.items()) + b"\n"

    async def run(self, port: int) -> Pretend:
        """Call, obey until the server closes, and say what a real call leaves: self."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(self.opening())
        while line := await reader.readline():
            self.commands.append(line.decode("utf-8", "surrogateescape").removesuffix("\n"))
            if len(self.commands) == self.killed_at:
                writer.transport.abort()
                return self
            await self.during(self.commands[-1])
            for answer in self.answer(self.commands[-1]):
                writer.write(answer.encode() + b"\n")
        writer.close()
        return self

    async def during(self, line: str) -> None:
        """What happens before one command is answered: here nothing."""

    def answer(self, line: str) -> list[str]:
        """The lines that answer one command, with HANGUP where the plan has it."""
        words = shlex.split(line)
        if len(self.commands) == self.hangs_up_at:
            self.dead = True
            return [self._reply(words, hanging_up=True), "HANGUP"]
        return [self._reply(words)]

    def _reply(self, words: list[str], hanging_up: bool = False) -> str:
        match words:
            case ["SET", "VARIABLE", name, value]:
                self.variables[name] = value
                return "200 result=1"
            case ["EXEC", "MSet", pairs]:
                self.variables |= dict(pair.split("=", 1) for pair in pairs.split(","))
                return "200 result=0"
            case ["GET", "VARIABLE", name]:
                held = self.variables.get(name)
                return f"200 result=1 ({held})" if held else "200 result=0"
            case ["GET", "FULL", "VARIABLE", text]:
                return f"200 result=1 ({_SUBSTITUTE(self._variable, text)})"
            case ["EXEC", "Read", arguments]:
                self._read(arguments, hanging_up)
                return "200 result=0"
            case ["EXEC", "Playback", files]:
                self.played += files.split("&")
                return "200 result=-1" if hanging_up else "200 result=0"
            case ["EXEC", "Queue", _]:
                if not hanging_up:
                    self.variables["QUEUESTATUS"] = self.queue_status
                return "200 result=-1" if hanging_up else "200 result=0"
            case ["RECORD", "FILE", *_, "BEEP", _] if self.hash_in_beep:
                self.hash_in_beep = False
                return "200 result=35 (randomerror) endpos=0"
            case ["RECORD", "FILE", path, "wav", "#", most, *_, silence] if not self.dead or hanging_up:
                return self._record(Path(path), int(most), int(silence.removeprefix("s=")), hanging_up)
            case ["RECORD", "FILE", *_]:
                return "511 Command Not Permitted on a dead channel or intercept routine"
            case _:
                return "510 Invalid or unknown command"

    def _variable(self, found: re.Match[str]) -> str:
        return self.variables.get(found[1], "")

    def _read(self, arguments: str, hanging_up: bool) -> None:
        name, files, most, _options, _tries, _seconds = arguments.split(",")
        self.played += files.split("&") if files else []
        if hanging_up or self.dead:
            self.variables |= {name: "", "READSTATUS": "HANGUP"}
        elif files in self.missing:
            self.variables |= {name: "", "READSTATUS": "ERROR"}
        else:
            pressed, status = self._press(int(most))
            self.variables |= {name: pressed, "READSTATUS": status}

    def _press(self, most: int) -> tuple[str, str]:
        pressed = ""
        while self.keys:
            key, self.keys = self.keys[0], self.keys[1:]
            if key == "-":
                return pressed, "TIMEOUT"
            if key == "#":
                return pressed, "OK"
            pressed += key
            if len(pressed) == most:
                return pressed, "OK"
        return pressed, "TIMEOUT"

    def _record(self, path: Path, most: int, silence: int, hanging_up: bool) -> str:
        samples = self.says.pop(0) if self.says else 0
        if samples < 0:
            return "200 result=-1 (writefile)"
        with wave.open(str(path.with_suffix(".wav")), "wb") as file:
            file.setparams((1, 2, 8000, samples, "NONE", ""))
            file.writeframes((SPEECH * (samples // 160 + 1))[: samples * 2])
        ends = {
            "dtmf": "35 (dtmf)",
            "hangup": "-1 (hangup)",
            "limit": "0 (timeout)",
            "silence": f"{most - samples // 8 - silence * 1000} (timeout)",
        }
        return f"200 result={ends['hangup' if hanging_up else self.record_ends]} endpos={samples}"


def growing(path: Path) -> Generator[None, None, None]:
    """A recording that is a second longer each time."""
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        while True:
            sound.writeframes(SPEECH * 50)
            file.flush()
            yield


@dataclass
class GoesOn(Pretend):
    """A recording, of her words or of a talk, goes on while the server ends, until it is `through`."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    through: asyncio.Event = field(default_factory=asyncio.Event)
    talk: Path = Path()

    async def run(self, port: int) -> Pretend:
        with suppress(ConnectionError):
            await super().run(port)
        return self

    async def during(self, line: str) -> None:
        match shlex.split(line):
            case ["EXEC", "MixMonitor", arguments]:
                self.talk = Path(arguments.removesuffix(",b"))
                return
            case ["EXEC", "Bridge", _]:
                words = growing(self.talk)
            case ["RECORD", "FILE", path, *_]:
                words = growing(Path(f"{path}.wav"))
            case _:
                return
        while not self.through.is_set():
            next(words)
            self.begun.set()
            await asyncio.sleep(0.02)  # the pace at which it grows
        words.close()

    def _record(self, path: Path, most: int, silence: int, hanging_up: bool) -> str:
        return "200 result=35 (dtmf) endpos=0"  # nobody is there to read it


def prompt_file(prompt: str, language: str) -> str:
    """Where a channel that talks to `Pretend` has its prompts."""
    return f"/sounds/{prompt}"


async def no_speech(words: str, language: str) -> None:
    """A synthesiser that can say nothing."""
