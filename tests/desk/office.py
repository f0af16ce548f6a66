"""The desk as the hotline runs it: journal, codes, book, intake and pump on a real database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import who_calls
from ivr.desk.book.book import Book
from ivr.desk.call import intake
from ivr.desk.call.intake import CallFacts, Intake
from ivr.desk.case.codes import CodeBlock
from ivr.desk.facts.apply import Pump
from ivr.lab.pace import patience
from ivr.store.journal import Journal
from ivr.voice.actions import OpenCase
from ivr.voice.events import Ended, Recorded
from tests.fixtures.province import book_of

WEDNESDAY = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
HURRIES = ("COUNTY_SECONDS", "LOOK_UP_SECONDS", "BEGUN_SECONDS", "CODE_SECONDS", "JOURNAL_SECONDS")


@dataclass(slots=True)
class Office:
    engine: AsyncEngine
    journal: Journal
    codes: CodeBlock
    book: Book
    intake: Intake
    pump: Pump


@contextmanager
def unhurried() -> Iterator[None]:
    """Nobody gives up after the half second that a caller waits: a busy machine may take longer."""
    much = patience(20)
    longer: dict[str, Any] = dict.fromkeys(HURRIES, much)
    with patch.multiple(intake, **longer), patch.object(who_calls, "GIVEN_UP_SECONDS", much):
        yield


@asynccontextmanager
async def office(
    engine: AsyncEngine,
    folder: Path,
    *,
    pumping: bool = True,
    lease: bool = True,
    alone: bool = True,
    hurried: bool = False,
) -> AsyncIterator[Office]:
    """Open it on `folder`; leaving closes it as a clean stop would.

    Not `alone`: another process brings its facts into the books. `hurried`: as a caller is, who waits for
    no slow database or disk.
    """
    journal = Journal(folder / "journal", applies=alone)
    codes, book = CodeBlock(folder / "codes"), book_of(engine)
    journal.open()
    codes.open()
    if lease:
        await codes.lease(engine)
    pump = Pump(engine, journal, book)
    running = asyncio.create_task(pump.run()) if pumping and alone else None
    try:
        with nullcontext() if hurried else unhurried():
            yield Office(engine, journal, codes, book, Intake(journal, codes, book, lambda: WEDNESDAY), pump)
    finally:
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        codes.close()
        await journal.close()


def call(caller: str = "09141234567", name: str = "مریم") -> CallFacts:
    return CallFacts(str(uuid.uuid4()), "1700.1", caller, name, WEDNESDAY, WEDNESDAY, "fa", "111", "1")


def words(seconds: float = 6.0, voiced: float = 4.5, ended: Ended = Ended.HASH) -> Recorded:
    name = f"2026/11/25/{uuid.uuid4().hex}"
    return Recorded(name, seconds, voiced, ended, "ab" * 32, 104_044)


def opening(
    *recordings: Recorded,
    kind: str = "complaint",
    topic: str = "water.supply",
    county: str = "ahar",
    **more: Any,
) -> OpenCase:
    """`joins`: she says that it is the matter of an open case, where there is one."""
    return OpenCase(kind, topic, county, "fa", recordings or (words(),), **{"joins": True, **more})
