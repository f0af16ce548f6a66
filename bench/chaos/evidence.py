"""What the accountant goes by: the callers' logs, SIPp's own, the injector's, the books, and the files.

Read with plain SQL and by the audio itself; shares no code with the product.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from bench.chaos import tones

_RECORDINGS = """SELECT r.name, r.case_id, r.ended, r.sha256, coalesce(c.caller, '') AS caller
FROM recordings r LEFT JOIN calls c ON c.id = r.call_id"""
_WARNED = re.compile(r"\[(\d{4}-\d\d-\d\d [\d:.]+)\] (?:WARNING|ERROR)\[")
# Kind, topic and county that each caller's keys choose (`bench.chaos.phones`).
CHOICE = ("complaint", "water.supply", "tabriz")
HEADER = 44  # bytes of a WAV file as Asterisk writes it; the lengths in it are wrong when Asterisk was killed


@dataclass(frozen=True, slots=True)
class Fault:
    """Seconds since 1970. `served`: when a server took calls again after one or all were killed."""

    kind: str
    began: float
    ended: float
    served: float = 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """A whole word: the `k`th of its call."""

    k: int
    began: float
    ended: float
    where: str


@dataclass(slots=True)
class Call:
    """One caller's own account.

    `heard`: when which prompt began; `codes`: the digits of each that was spoken; `played`: words that were;
    `unheard`: how many more she said once her telephone knew that nobody was there (see the accountant);
    `abrupt`: her telephone stops sending with her last word.
    """

    n: int
    number: str
    kind: str
    invited: float
    answered: float | None
    ended: float
    ended_by: str
    said: list[Said]
    beeps: list[float]
    heard: list[tuple[float, str]]
    codes: list[str]
    played: list[tones.Word]
    keys: list[tuple[float, str]] = field(default_factory=list)
    unheard: int = 0
    abrupt: bool = False


@dataclass(slots=True)
class Case:
    """`chosen`: its kind, topic and county, "" where it has none."""

    id: str
    code: str
    caller: str
    chosen: tuple[str, str, str] = CHOICE


@dataclass(slots=True)
class Recording:
    """A row, and what its file holds.

    `case`: "" when it is in none; `words`: None when there is no file; `size` in bytes; `playable`: it begins
    as a WAV does; `same`: as the books hold it; `same_with_header`: it would be, had it the header it lacks.
    """

    name: str
    case: str
    ended: str
    words: list[tones.Word] | None
    same: bool = True
    caller: str = ""
    size: int = 0
    playable: bool = True
    same_with_header: bool = False


@dataclass(slots=True)
class Evidence:
    """`one_disk`: the installation had no second volume."""

    calls: list[Call]
    faults: list[Fault]
    cases: dict[str, Case] = field(default_factory=dict)
    recordings: list[Recording] = field(default_factory=list)
    strays: dict[str, list[tones.Word]] = field(default_factory=dict)
    answered_by_sipp: set[int] = field(default_factory=set)
    warnings: list[tuple[float, str]] = field(default_factory=list)  # when, and Asterisk's line
    one_disk: bool = False


def as_plain(found: Evidence) -> dict[str, Any]:
    """For JSON, so that it can be judged again (`from_plain`)."""
    return {**asdict(found), "answered_by_sipp": sorted(found.answered_by_sipp)}


def from_plain(plain: Mapping[str, Any]) -> Evidence:
    """What `as_plain` made, once it was JSON."""
    return Evidence(
        [_call_of(each) for each in plain["calls"]],
        [Fault(**each) for each in plain["faults"]],
        {id: Case(**{**each, "chosen": tuple(each["chosen"])}) for id, each in plain["cases"].items()},
        [Recording(**{**each, "words": _words(each["words"])}) for each in plain["recordings"]],
        {path: _words(words) or [] for path, words in plain["strays"].items()},
        set(plain["answered_by_sipp"]),
        [(at, line) for at, line in plain["warnings"]],
        plain["one_disk"],
    )


def _call_of(plain: Mapping[str, Any]) -> Call:
    pairs = {name: [tuple(each) for each in plain[name]] for name in ("heard", "keys")}
    said, played = [Said(**each) for each in plain["said"]], _words(plain["played"])
    return Call(**{**plain, **pairs, "said": said, "played": played})


def _words(plain: Sequence[Sequence[int]] | None) -> list[tones.Word] | None:
    return None if plain is None else [tones.Word(*each) for each in plain]


@dataclass(frozen=True, slots=True)
class Places:
    """`logs`: of the callers and the injector. `roots`: what a recording's name begins with → where such lie.

    `fallbacks`: where the dialplan's own recordings lay. `pbx`: Asterisk's own log.
    """

    logs: Path
    roots: Mapping[str, Path]
    fallbacks: Sequence[Path]
    pbx: Path

    def of(self, name: str) -> Path | None:
        """A recording's file, None when there is none."""
        places = (
            root / f"{name.removeprefix(p)}.wav" for p, root in self.roots.items() if name.startswith(p)
        )
        return next((path for path in places if path.is_file()), None)


async def gather(places: Places, database: str) -> Evidence:
    """Everything there is to know about a run. `database`: a plain address."""
    folder = places.logs
    calls = told_calls(folder)
    log = folder / "faults.jsonl"
    faults = [json.loads(line) for line in log.open()] if log.exists() else []
    found = Evidence(calls, [Fault(f["kind"], f["began"], f["ended"], f["served"]) for f in faults])
    found.answered_by_sipp = _answered(folder / "sipp.csv")
    found.warnings = [*warnings(places.pbx)]
    await _read_books(found, database, places)
    known = {places.of(recording.name) for recording in found.recordings}
    for root in (*places.roots.values(), *places.fallbacks):
        found.strays |= {str(path): words_of(path) for path in root.rglob("*.wav") if path not in known}
    return found


def told_calls(folder: Path) -> list[Call]:
    """The callers' own accounts, from the folder that they leave them in."""
    payloads = [base64.b64decode(text) for text in json.loads((folder / "payloads.json").read_text())]
    lines = [(tones.lines(tones.from_alaw(each)) or [tones.SILENT])[0] for each in payloads]
    return [_call(json.loads(line), lines) for line in (folder / "calls.jsonl").open()]


def _call(told: dict[str, Any], lines: Sequence[int]) -> Call:
    heard = [(at, lines[number], count) for at, number, count, _ in told["heard"]]
    prompts = [*_prompts(heard)]
    whole = [Said(k, began, ended, where) for k, began, ended, where in told["said"] if ended]
    dead = told["dead"] or float("inf")
    said = [each for each in whole if each.ended <= dead]
    return Call(
        told["n"], told["number"], told["kind"], told["invited"], told["answered"], told["ended"],
        told["ended_by"], said, told["beeps"], prompts, [*_codes([prompt for _, prompt in prompts])],
        tones.words([line for _, line, count in heard for _ in range(count)]),
        [(at, key) for at, key in told["keys"]], len(whole) - len(said),
        told["abrupt"],
    )  # fmt: skip


def _prompts(heard: Sequence[tuple[float, int, int]]) -> Iterator[tuple[float, str]]:
    before = tones.SILENT
    for at, line, _ in heard:
        if line != before and (prompt := tones.PROMPT_OF.get(line)):
            yield at, prompt
        before = line


def _codes(prompts: Sequence[str]) -> Iterator[str]:
    digits: str | None = None
    for prompt in [*prompts, ""]:
        if digits is not None and prompt.startswith("digit."):
            digits += prompt[-1]
            continue
        if digits:
            yield digits
        digits = "" if prompt in ("code.is", "code.once_more") else None


def _answered(log: Path) -> set[int]:
    answers = re.finditer(r"\tR\tchaos-(\d+)\tCSeq: ?1 INVITE\tSIP/2.0 200", log.read_text(errors="replace"))
    return {int(found[1]) for found in answers}


def warnings(log: Path) -> Iterator[tuple[float, str]]:
    """When Asterisk warned, and its line; one that is torn where it was killed may hold the next one."""
    for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
        if told := _WARNED.search(line):
            yield datetime.fromisoformat(told[1]).timestamp(), line


async def _read_books(found: Evidence, database: str, places: Places) -> None:
    connection: Any = await asyncpg.connect(database)  # type: ignore[no-untyped-call]
    try:
        for row in await connection.fetch("SELECT id, code, caller, kind, topic, county FROM cases"):
            chosen = (row["kind"], row["topic"], row["county"] or "")
            found.cases[str(row["id"])] = Case(str(row["id"]), row["code"], row["caller"], chosen)
        for row in await connection.fetch(_RECORDINGS):
            found.recordings.append(_recording(row, places))
    finally:
        await connection.close()


def _recording(row: Any, places: Places) -> Recording:
    path, case = places.of(row["name"]), str(row["case_id"] or "")
    if path is None:
        return Recording(row["name"], case, row["ended"], None, False, row["caller"])
    its = look(path.read_bytes(), row["sha256"])
    return Recording(row["name"], case, row["ended"], words_of(path), caller=row["caller"], **its)


def look(content: bytes, sha256: str) -> dict[str, Any]:
    """What its file tells beside its words. `sha256`: in the books."""
    playable = content[:4] == b"RIFF"
    lacks = not playable and len(content) >= HEADER
    return {
        "same": _hash(content) == sha256,
        "size": len(content),
        "playable": playable,
        "same_with_header": lacks and _hash(_with_header(content)) == sha256,
    }


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _with_header(content: bytes) -> bytes:
    """In the place of what it begins with: of 8,000 samples a second, 16 bits, one channel."""
    sound = content[HEADER:]
    padded = sound + b"\0" * (len(sound) % 2)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, tones.RATE, 2 * tones.RATE, 2, 16)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(sound)) + padded
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def words_of(path: Path) -> list[tones.Word]:
    """The whole words that a recording holds."""
    content = path.read_bytes()[HEADER:]
    return tones.words(tones.lines(np.frombuffer(content[: len(content) // 2 * 2], "<i2")))
