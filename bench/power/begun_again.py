"""A hotline begun again on what a power cut left: its journals come into the books, and it gives codes.

With the product's own code, as `ivr serve` and `ivr spool retry` do; the database has repaired itself. The
next codes are taken as whoever calls next would hear them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncEngine

from bench.chaos.accountant import CODE_DIGITS, KEPT, was_cut_by_key
from bench.chaos.evidence import Call, Evidence, Places, gather, words_of
from ivr.commands import spool
from ivr.desk.case.codes import CodeBlock
from ivr.lab import postgres
from ivr.settings import Settings
from ivr.store import slots
from ivr.store.engine import make_engine, plain_url

STATE = "state"  # beside PostgreSQL's folder, on the disk that is cut
NEXT_CODES = 600  # of each slot: three chunks
PASSES = 5  # until everything is in the books


@dataclass(slots=True)
class Left:
    """What is on the disk, and in the books that were made of it.

    `written`: codes in whole lines of journals; `waiting`: what did not come into the books.
    """

    held: set[tuple[int, int]]
    written: set[str]
    books: Evidence
    next_codes: list[str]
    waiting: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Found:
    """What had been told by a cut, and what of it is missing or untrue.

    `keyed`: words of `words` that Asterisk itself took the end off at her key (`bench.chaos.accountant`).
    """

    words: int = 0
    codes: int = 0
    keyed: int = 0
    missing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        wrong = f"{len(self.missing)} missing or untrue"
        keyed = f" ({self.keyed} of them cut short by her own key)" if self.keyed else ""
        return f"{self.words} words{keyed} and {self.codes} codes acknowledged, {wrong}"


async def begin_again(disk: Path, logs: Path) -> Left:
    """On that disk, which it changes. Raises PostgresError."""
    state = disk / STATE
    held = {(word.n, word.k) for path in _sounds(state) for word in words_of(path)}
    written = {code for path in state.rglob("journal/*.log") for code in codes_in(path.read_bytes())}
    for own in ((disk / "postgres").glob(name) for name in (".s.PGSQL*", "postmaster.pid")):
        for each in own:  # of the one that lost its power
            each.unlink()
    database = await asyncio.to_thread(postgres.start, disk)
    engine, settings = make_engine(database.url, pool=2), Settings(state=state)
    try:
        waiting = await _take_all(settings, engine)
        following = await next_codes(settings, engine)
        places = Places(logs, {"": settings.recordings}, (state / "fallback",), state / "none")
        books = await gather(places, plain_url(database.url))
    finally:
        await engine.dispose()
        await asyncio.to_thread(database.stop)
    return Left(held, written, books, following, waiting)


def _sounds(state: Path) -> Iterator[Path]:
    yield from state.rglob("recordings/**/*.wav")
    yield from state.rglob("fallback/*.wav")


async def _take_all(settings: Settings, engine: AsyncEngine) -> list[str]:
    """What still waits after it, but for the half lines at segments' ends."""
    waiting = list[str]()
    for _ in range(PASSES):
        await spool.take_all(settings, engine)
        found = [*spool.on_disk(settings), *await spool.stray_recordings(settings, engine)]
        waiting = [f"{each.where} {each.name}: {each.why}" for each in found if each.where != "quarantine"]
        if not waiting:
            break
    return waiting


async def next_codes(settings: Settings, engine: AsyncEngine) -> list[str]:
    """What those who call next would be spoken."""
    found = list[str]()
    for journal in slots.journals(settings.spool):
        slot = journal.parent
        codes = CodeBlock(slot / "codes", settings.marks(slot.name))
        codes.open()
        try:
            await codes.lease(engine)
            found += [await codes.take() for _ in range(NEXT_CODES)]
        finally:
            codes.close()
    return found


def judge(at: float, calls: Sequence[Call], left: Left) -> Found:
    """What callers had been told by that moment, against what is left."""
    found = Found(missing=[f"  {each} still waits" for each in left.waiting])
    cases = {case.code: case for case in left.books.cases.values()}
    entered = {(word.n, word.k): each.case for each in left.books.recordings for word in each.words or ()}
    spoken = left.written | cases.keys()
    for call in calls:
        told = max((when for when, prompt in call.heard if prompt in KEPT and when < at), default=0.0)
        for said in call.said:
            if said.ended < told:
                found.words += 1
                word = f"  word {said.k} of call {call.n}, told so {at - told:.2f} s before the cut"
                held = (call.n, said.k) in left.held
                if not held and was_cut_by_key(call, said):
                    found.keyed += 1
                elif not held:
                    found.missing.append(word)
                elif not entered.get((call.n, said.k)):
                    found.missing.append(f"{word}, is in no case")
        for code in call.codes if told else ():
            if len(code) == CODE_DIGITS and _spoken(call) < at:
                found.codes += 1
                spoken.add(code)
                if code not in left.written:
                    found.missing.append(f"  code {code} of call {call.n}")
                if code not in cases or cases[code].caller != call.number:
                    found.missing.append(f"  code {code} of call {call.n} opens no case of hers")
    again = sorted({code for code in left.next_codes if code in spoken or left.next_codes.count(code) > 1})
    found.missing += [f"  code {code} is given again, or is none" for code in again]
    return found


def _spoken(call: Call) -> float:
    """When the last digit of her code began."""
    return max(at for at, prompt in call.heard if prompt.startswith("digit."))


def codes_in(segment: bytes) -> Iterator[str]:
    """Of each line that is whole."""
    for line in segment.splitlines():
        body = line[9:]
        if line[:8] == b"%08x" % crc32(body):
            code = json.loads(body).get("code")
            if code:
                yield code
