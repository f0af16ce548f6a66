"""A process that died has facts in its journal that are not in the books: a living sibling brings them there.

Facts carry ids, so that it does not matter how far the dead one came. The journal's lock lets one adopt at a
time; a process that starts meanwhile takes another slot.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Book
from ivr.desk.facts.apply import Pump
from ivr.store import journal_reading, slots
from ivr.store.journal import Journal, JournalError, JournalInUse

log = logging.getLogger(__name__)


async def adopt_left(engine: AsyncEngine, book: Book, spool: Path) -> int:
    """Every journal that nobody has and that holds facts which are not applied. How many there were."""
    adopted = 0
    for folder in slots.journals(spool):
        if not journal_reading.is_left(folder):
            continue
        try:
            await _adopt(engine, book, folder)
        except JournalInUse:
            continue  # somebody was quicker
        except JournalError as error:
            log.error("what a dead process left in %s must wait: %s", folder, error)
        else:
            adopted += 1
            log.warning("what a dead process left in %s is in the books now", folder)
    return adopted


async def _adopt(engine: AsyncEngine, book: Book, folder: Path) -> None:
    journal = Journal(folder)
    journal.open()
    try:
        await empty(Pump(engine, journal, book, linger=0))
    finally:
        await journal.close()


async def empty(pump: Pump) -> None:
    """Bring all that is in an open journal into the books. Waits for a database that is away."""
    pumping, idle = asyncio.create_task(pump.run()), asyncio.create_task(pump.idle())
    try:
        await asyncio.wait({pumping, idle}, return_when=asyncio.FIRST_COMPLETED)
        if not idle.done():
            pumping.result()  # it ends only by what it raises
    finally:
        for part in (pumping, idle):
            part.cancel()
        await asyncio.gather(pumping, idle, return_exceptions=True)
