"""A hotline of real parts (journals on a real disk, pump, reconciler, PostgreSQL) in the hands of chance.

A seed decides what is said, which worker writes it down, who is killed in the middle of which byte, what the
disk forgets though it said "flushed", which checkpoint is lost, how far the database goes back, and in which
order journals are read. The same seed does the same again. In the end all of it is brought into the books,
and every word and every code that was spoken is looked for.

Facts of one call may lie in any worker's journal: more disorder than the house makes, so that no order of
facts is left out. The database is real and goes back by savepoints, all within one transaction that is never
committed: so a world costs a fifth of a second, not a server.
"""

from __future__ import annotations

import os
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.code import code_for
from ivr.desk.book.book import Book
from ivr.desk.case.joining import reserve
from ivr.desk.facts.adopting import adopt_left, empty
from ivr.desk.facts.apply import Pump
from ivr.desk.facts.reconcile import reconcile
from ivr.desk.facts.strays import Shelf
from ivr.store import slots
from ivr.store.code_blocks import next_desk_number, tracking_key
from ivr.store.facts import (
    CallEndedFact,
    CallStartedFact,
    CaseOpenedFact,
    Fact,
    FactCall,
    FactRecording,
    RecordingBegunFact,
    WordsKeptFact,
)
from ivr.store.journal import Journal, Position
from ivr.store.journal.journal_follower import JournalFollower
from ivr.store.tables import cases, recordings
from ivr.voice.wave import measure
from tests.desk.facts.test_fallback import audio
from tests.store.noted import AT

WORKERS = 3
STEPS = 45
LATEST_PASS = 4  # reconciling again changes nothing from here on, or something is wrong


@dataclass(frozen=True, slots=True)
class Powers:
    """What may happen beyond crashes and torn lines. `lies`: a disk forgets what it flushed."""

    lies: bool = False
    goes_back: bool = True


@dataclass(slots=True)
class Caller:
    """One call: what is left to happen, what she was told, and which files hold her words."""

    call: FactCall
    left: list[Fact]
    files: dict[str, bool] = field(default_factory=dict)  # name → whether a fact that names it is on the disk
    told: str = ""


@dataclass(slots=True)
class Written:
    """A fact that was acknowledged, and where it ends."""

    fact: Fact
    end: Position


@dataclass(slots=True)
class World:
    """Everything that one seed makes. `run` once; what it returns is wrong."""

    seed: int
    folder: Path
    engine: AsyncEngine
    book: Book
    powers: Powers = field(default_factory=Powers)
    story: list[str] = field(default_factory=list)
    _chance: random.Random = field(init=False)
    _key: bytes = b""
    _numbers: Iterator[int] = field(init=False)
    _journals: list[Journal] = field(default_factory=list)
    _written: list[list[Written]] = field(default_factory=list)
    _callers: list[Caller] = field(default_factory=list)
    _point: Any = None
    _kept: dict[Path, bytes] = field(default_factory=dict)
    _lost: set[uuid.UUID] = field(default_factory=set)  # calls of which the disk forgot something

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._numbers = iter(range(self.seed % 1_000 * 1_000, 800_000_000))

    async def run(self) -> list[str]:
        """Live through it, then bring all of it into the books. What is wrong then, one sentence each."""
        async with self.engine.begin() as connection:  # the first number of a database: it takes a second one
            await next_desk_number(connection)
        async with _never_committed(self.engine) as raw:
            self._key = await self._tracking_key()
            self._journals = [self._opened(n) for n in range(WORKERS)]
            self._written = [[] for _ in range(WORKERS)]
            pid = raw.get_server_pid()
            try:
                for _ in range(STEPS):
                    await self._step(raw)
            finally:
                for journal in self._journals:
                    await journal.close()
            await self._bring_in()
            async with self.engine.connect() as connection:
                again = (await connection.get_raw_connection()).driver_connection
                if again is None or again.get_server_pid() != pid:
                    return ["the database refused facts, and its connection was given up"]
            return await self._wrong()

    # What happens

    async def _step(self, raw: Any) -> None:
        powers = self.powers
        doings = {
            self._somebody_calls: 3,
            self._somebody_speaks: 12,
            self._a_worker_dies: 3,
            self._a_journal_is_read: 4,
            self._a_checkpoint_is_lost: 1,
            self._the_reconciler_looks: 2,
        }
        doing = self._chance.choices([*doings], [*doings.values()])[0]
        await doing()
        if powers.goes_back and self._chance.random() < 0.08:
            await self._the_database_moves(raw)

    async def _somebody_calls(self) -> None:
        self._callers.append(self._caller())

    async def _somebody_speaks(self) -> None:
        if (caller := self._who()) is None:
            return
        fact, where = caller.left.pop(0), self._chance.randrange(WORKERS)
        await self._write(where, fact)
        self._heard(caller, fact)

    async def _a_worker_dies(self) -> None:
        """In the middle of a line, at any byte of it; the disk may forget more than that."""
        where = self._chance.randrange(WORKERS)
        journal, caller = self._journals[where], self._who()
        safe, path = journal.flushed, slots.place(self.folder, where) / "journal"
        if caller is not None:
            fact = caller.left[0]
            await journal.append(fact)
            if self._chance.random() < 0.5:  # her call goes on elsewhere, or it is over as it stands
                caller.left = self._after(caller, fact)
        await journal.close()
        file = path / f"{safe.segment:08d}.log"
        size = file.stat().st_size
        cut = self._chance.randint(safe.offset, size)
        if self.powers.lies and self._chance.random() < 0.5:
            cut = self._chance.randint(0, size)
            self._forget(where, Position(safe.segment, cut))
        os.truncate(file, cut)
        self.story.append(f"worker {where} dies, segment {safe.segment} ends at {cut} of {size}")
        self._journals[where] = self._opened(where)

    async def _a_journal_is_read(self) -> None:
        where = self._chance.randrange(WORKERS)
        await self._read(slots.place(self.folder, where) / "journal")

    async def _a_checkpoint_is_lost(self) -> None:
        """Or an older one is there again."""
        for folder in slots.journals(self.folder):
            path = folder / "checkpoint.json"
            if not path.exists():
                continue
            match self._chance.randrange(3):
                case 0:
                    self._kept[path] = path.read_bytes()
                case 1 if path in self._kept:
                    path.write_bytes(self._kept[path])
                    self.story.append(f"an older checkpoint of {folder}")
                case 2:
                    path.unlink()
                    self.story.append(f"no checkpoint of {folder}")

    async def _the_reconciler_looks(self) -> None:
        done = await reconcile(self._shelf, settled=0.0)
        self.story.append(f"the reconciler: {done.cases} cases, {done.added} added, {len(done.waiting)} wait")

    async def _the_database_moves(self, raw: Any) -> None:
        """Either this is the moment to which it goes back later, or it does."""
        if self._point is None:
            self._point = raw.transaction()
            await self._point.start()
        else:
            await self._point.rollback()
            self._point = None
            self.story.append("the database goes back")

    # Parts of it

    def _caller(self) -> Caller:
        call = FactCall(uuid.UUID(int=self._chance.getrandbits(128), version=4), f"m.{self.seed}", "", "",
                        AT, AT, "fa", "111", "1")  # fmt: skip
        caller = Caller(call, [CallStartedFact(call)])
        code, case = code_for(next(self._numbers), self._key), uuid.UUID(int=self._chance.getrandbits(128))
        many = self._chance.choice((1, 1, 2, 3))
        for n in range(many):
            name = f"2026/11/25/{self._chance.getrandbits(128):032x}"
            further = (str(case), code) if n else ("", "")
            begun = RecordingBegunFact(AT, call, name, "complaint", "water.supply", "ahar", "fa", "", "",
                                       *further, reserved="" if n else code)  # fmt: skip
            said = self._recording(name)
            kept: Fact
            if n:
                id = uuid.UUID(int=self._chance.getrandbits(128))
                kept = WordsKeptFact(id, AT, str(case), code, call, said, instead=self._chance.random() < 0.3)
            else:
                kept = CaseOpenedFact(case, AT, code, call, "complaint", "water.supply", "ahar", "fa", "", "",
                                      (said,))  # fmt: skip
            caller.left += [begun, kept]
        if self._chance.random() < 0.25:  # her server dies over her first words; the dialplan goes on alone
            caller.left = caller.left[:2]
            name = f"fallback/{self._chance.getrandbits(128):032x}"
            alone = replace(kept_first(case, code, call, self._recording(name)), id=reserve(call.id))
            caller.left.append(alone)
        caller.left.append(CallEndedFact(call, "completed", AT, (), ()))
        return caller

    def _recording(self, name: str) -> FactRecording:
        found = measure(WORDS)
        return FactRecording(name, found.seconds, found.voiced_seconds, "hash", found.sha256, found.size)

    def _heard(self, caller: Caller, fact: Fact) -> None:
        """What she knows, and what is on the disk, once a fact is acknowledged."""
        match fact:
            case RecordingBegunFact(name=name):
                caller.files[name] = True
                self._put(name)
            case CaseOpenedFact(recordings=(said,), code=code):
                caller.told = code
                caller.files[said.name] = True
                self._put(said.name)

    def _put(self, name: str) -> None:
        path = self.folder / "recordings" / f"{name}.wav"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(WORDS)

    def _after(self, caller: Caller, torn: Fact) -> list[Fact]:
        """What happens to a call whose server died over that fact."""
        over = CallEndedFact(caller.call, "completed", AT, (), ())
        return [over] if self._chance.random() < 0.5 or isinstance(torn, CallEndedFact) else caller.left

    def _who(self) -> Caller | None:
        speaking = [caller for caller in self._callers if caller.left]
        return self._chance.choice(speaking) if speaking else None

    async def _write(self, where: int, fact: Fact) -> None:
        await self._journals[where].append(fact)
        self._written[where].append(Written(fact, self._journals[where].flushed))
        self.story.append(f"worker {where} writes {fact.TYPE} of {fact.call.id}")

    def _forget(self, where: int, end: Position) -> None:
        gone = [each for each in self._written[where]
                if each.end.segment == end.segment and each.end > end]  # fmt: skip
        self._lost |= {each.fact.call.id for each in gone}

    async def _read(self, folder: Path) -> None:
        follower = JournalFollower(folder)
        follower.open()
        try:
            await empty(Pump(self.engine, follower, self.book, linger=0))
        finally:
            await follower.close()
        self.story.append(f"{folder} is read to {follower.applied}")

    async def _bring_in(self) -> None:
        for _ in range(LATEST_PASS):
            await adopt_left(self.engine, self.book, self.folder)
            await reconcile(self._shelf, settled=0.0)

    def _opened(self, number: int) -> Journal:
        journal = Journal(slots.place(self.folder, number) / "journal", applies=False)
        journal.open()
        return journal

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self.engine, self.book, self.folder / "recordings", self.folder)

    async def _tracking_key(self) -> bytes:
        async with self.engine.connect() as connection:
            return await tracking_key(connection)

    # What must be true

    async def _wrong(self) -> list[str]:
        async with self.engine.connect() as connection:
            made = (await connection.execute(select(cases.c.id, cases.c.code, cases.c.call_id))).all()
            heard = (await connection.execute(select(recordings.c.name, recordings.c.case_id))).all()
        by_code = {row.code: row for row in made}
        of_case = {row.id: row.call_id for row in made}
        where = {row.name: row.case_id for row in heard}
        many = Counter(row.call_id for row in made)
        wrong: list[str] = []
        for caller in self._callers:
            wrong += self._wrong_of(caller, by_code, of_case, where, many)
        return wrong

    def _wrong_of(
        self,
        caller: Caller,
        by_code: dict[str, Any],
        of_case: dict[uuid.UUID, uuid.UUID],
        where: dict[str, uuid.UUID],
        many: Counter[uuid.UUID],
    ) -> Iterator[str]:
        call, forgotten = caller.call.id, caller.call.id in self._lost
        its = by_code.get(caller.told)
        if its is not None and its.call_id != call:
            yield f"code {caller.told} of call {call} opens another's case"
        if caller.told and its is None and not forgotten:
            yield f"code {caller.told} of call {call} opens no case"
        if many[call] > 1:
            yield f"call {call} has {many[call]} cases"
        for name in caller.files:
            case = where.get(name)
            if case is None:
                yield f"recording {name} of call {call} is in no case"
            elif of_case[case] != call and not forgotten:
                yield f"recording {name} of call {call} is in another's case"
            elif its is not None and case != its.id and not forgotten:
                yield f"recording {name} of call {call} is not in the case of her code"


WORDS = audio(1.0)


def kept_first(case: uuid.UUID, code: str, call: FactCall, said: FactRecording) -> CaseOpenedFact:
    return CaseOpenedFact(case, AT, code, call, "complaint", "water.supply", "ahar", "fa", "", "", (said,))


@asynccontextmanager
async def _never_committed(engine: AsyncEngine) -> AsyncIterator[Any]:
    """One connection, in a transaction that ends with nothing; all that begins in it is a savepoint."""
    async with engine.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
    outer = raw.transaction(isolation="read_committed")  # as SQLAlchemy asks of what is within
    await outer.start()
    try:
        yield raw
    finally:
        with suppress(Exception):  # what failed has ended it
            await outer.rollback()
        await engine.dispose()
