"""The whole product under load: the real `ivr serve` and PostgreSQL, calls of the real menu over FastAGI.

Each caller walks 111.yaml to her words, which are a link to a WAV of 8 s, keeps them and hears her code. What
a call costs is the processors' time: of the process that carries calls, of the one that brings its facts into
the books, and of PostgreSQL, until all of a round stand there.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import subprocess
import time
import uuid
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import psutil
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.agi.report import LATE, Figures
from bench.calls.cpu import Meter
from bench.calls.report import percentile
from bench.escalation.books import books
from bench.served import ServedLine, publish_menu, serving
from ivr.lab import postgres
from ivr.store.case_events import CHANNEL
from ivr.store.engine import plain_url
from ivr.store.tables import calls, cases
from ivr.voice.wave import RATE

GENERATOR = Path(__file__).parent.parent / "bin" / "generator"
KEYS = "1111011"  # language, past the numbers for danger, kind, topic (group, leaf), county; and 1 keeps
WORDS = 8  # seconds
WARM = 200
SETTLE_SECONDS = 120.0
LATE_MS = 250
# At once, calls in all, milliseconds that each reply is late.
ROUNDS = {"100": (100, 4_000), "1000": (1_000, 6_000), LATE: (100, 500, LATE_MS)}
QUICK = {"100": (100, 600), "1000": (1_000, 2_000), LATE: (100, 200, LATE_MS)}
# What happened to cases, and was told nobody yet.
UNTOLD = (
    "SELECT EXISTS (SELECT FROM outbox WHERE delivered_at IS NULL AND dead_at IS NULL AND next_at <= now())"
)
# What PostgreSQL was asked to execute, each execution counted.
COUNTED = "SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"


@dataclass(slots=True)
class Product:
    """A hotline, and what the bench holds of it. `told`: when each case was seen in the books."""

    line: ServedLine
    raw: Any
    words: Path
    roots: dict[str, int]
    first: int = 0
    told: dict[str, float] = field(default_factory=dict)

    async def round(self, at_once: int, many: int, late_ms: int = 0) -> Figures:
        """So many calls; what they took."""
        command = _walk(self.line, self.roots["calls"], self.words, (at_once, many, late_ms), self.first)
        ended, opened, statements = *await self._books(), await self.raw.fetchval(COUNTED)
        meter = Meter.start(self.roots)
        run = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        found: Figures = json.loads((await run.communicate())[0])
        self.first += many
        await self._settled(ended + many, opened + many)
        spent = meter.read()
        found |= {f"{role}_us": spent[role] * 1e6 / many for role in self.roots}
        found["cpu_us"], found["with_pump_us"] = found["calls_us"], found["calls_us"] + found["work_us"]
        found["statements"] = float(await self.raw.fetchval(COUNTED) - statements) / many
        found["lost"] = float(many - ((await self._books())[1] - opened))
        return found | await self._routed()

    async def _books(self) -> tuple[int, int]:
        """How many calls have ended, and how many cases there are."""
        async with self.line.engine.connect() as connection:
            ended = select(func.count()).where(calls.c.ended_at.is_not(None))
            opened = select(func.count()).select_from(cases)
            found = await connection.execute(select(ended.scalar_subquery(), opened.scalar_subquery()))
            return tuple(found.one())

    async def _settled(self, ended: int, opened: int) -> None:
        """And what happened to them is told to whoever wants to know, which the same process does."""
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until and (await self._books() < (ended, opened) or await self._untold()):
            await asyncio.sleep(0.5)

    async def _untold(self) -> bool:
        async with self.line.engine.connect() as connection:
            return bool((await connection.execute(text(UNTOLD))).scalar_one())

    async def _routed(self) -> Figures:
        """How long after her words were safe each case stood in the books, with its body: milliseconds."""
        lines = (line.split() for line in _kept(self.words).read_text().splitlines())
        safe = {f"0{number}": int(at) / 1e6 for number, at in lines}
        async with self.line.engine.connect() as connection:
            named = await connection.execute(select(cases.c.id, cases.c.caller))
            ids = {row.caller: row.id.hex for row in named}
        took = [1000 * (self.told[ids[number]] - at) for number, at in safe.items() if number in ids]
        return {f"routed_ms_p{percent}": percentile(took, percent) for percent in (50, 99)}

    def heard(self, _connection: Any, _pid: int, _channel: str, ids: str) -> None:
        """PostgreSQL tells of cases that a transaction has just opened or changed."""
        at = time.time()
        for each in ids.split():
            self.told.setdefault(uuid.UUID(each).hex, at)


@asynccontextmanager
async def product(home: Path) -> AsyncIterator[Product]:
    """All of it in that folder, warm."""
    await _count_statements(home)
    async with books(home, "agi") as (engine, _):
        await publish_menu(engine)
        state = home / "state"
        (state / "fallback").mkdir(parents=True)
        async with serving(engine, state) as line, _listening(engine) as raw:
            words = state / "words.wav"
            _speak(words)
            found = Product(line, raw, words, _roots(line, home))
            await raw.add_listener(CHANNEL, found.heard)
            await found.round(20, WARM)
            yield found


async def measured(quick: bool) -> dict[str, Figures]:
    """Its rounds: as fast as calls go, 100 and 1,000 at once, and 100 as slow as prompts make them."""
    with TemporaryDirectory(prefix="agi-", dir="/tmp", ignore_cleanup_errors=True) as name:
        async with product(Path(name)) as running:
            rounds = QUICK if quick else ROUNDS
            return {mode: await running.round(*asked) for mode, asked in rounds.items()}


@asynccontextmanager
async def calling(line: ServedLine, at_once: int = 50) -> AsyncIterator[None]:
    """Calls as slow as prompts make them, one after the other on so many lines, until the end.

    Raises RuntimeError when they stopped before.
    """
    words = line.settings.state_path / "words.wav"
    _speak(words)
    run = await asyncio.create_subprocess_exec(*_walk(line, line.pid, words, (at_once, 1_000_000, LATE_MS)))
    try:
        yield
        if run.returncode is not None:
            raise RuntimeError(f"the callers stopped by themselves ({run.returncode})")
    finally:
        with suppress(ProcessLookupError):
            run.kill()
        await run.wait()


def _walk(line: ServedLine, pid: int, words: Path, load: tuple[int, int, int], first: int = 0) -> list[str]:
    """What places such a `load` (see ROUNDS) of callers, numbered from `first`, and watches that process."""
    at_once, many, late_ms = load
    numbers = (line.settings.agi.port, pid, at_once, 0, many, late_ms, 2)
    return [str(GENERATOR), *map(str, (*numbers, KEYS, words, line.secret, first, _kept(words)))]


def _kept(words: Path) -> Path:
    """Where it notes whose words were said to be safe when."""
    return words.with_suffix(".kept")


async def _count_statements(home: Path) -> None:
    """PostgreSQL counts them only if it is told to before it starts."""
    server = postgres.start(home)
    try:
        raw: Any = await asyncpg.connect(plain_url(server.url))  # type: ignore[no-untyped-call]
        await raw.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        await raw.close()
    finally:
        server.stop()


@asynccontextmanager
async def _listening(engine: AsyncEngine) -> AsyncIterator[Any]:
    """A connection of the bench's own, whose statements are not counted."""
    url = plain_url(engine.url.render_as_string(hide_password=False))
    raw: Any = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
    try:
        await raw.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        await raw.execute("SET pg_stat_statements.track = 'none'")
        yield raw
    finally:
        await raw.close()


def _roots(line: ServedLine, home: Path) -> dict[str, int]:
    """The processes whose time is counted, by what they do."""
    roles = {child.name().removeprefix("ivr "): child.pid for child in psutil.Process(line.pid).children()}
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    return {"calls": roles["calls"], "work": roles["work"], "postgresql": postmaster}


def _speak(path: Path) -> None:
    """Words and pauses, as long as the article's callers need."""
    chance, samples = random.Random(111), list[int]()
    for number in range(WORDS * 4):
        loud = 0 if number % 5 == 4 else 4_000
        samples += [chance.randint(-loud, loud) for _ in range(RATE // 4)]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, len(samples), "NONE", ""))
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
