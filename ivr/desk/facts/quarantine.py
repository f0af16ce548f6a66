"""Facts that were put aside are tried again: what one release can't read or book, another one can."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.facts.apply import MALFORMED, apply, is_unusable
from ivr.store import slots
from ivr.store.engine import AWAY
from ivr.store.facts import read
from ivr.store.journal import journal_reading

log = logging.getLogger(__name__)


async def try_again(engine: AsyncEngine, page: Page, spool: Path) -> int:
    """How many are in the books now, and no longer in quarantine. Raises what AWAY names.

    Facts carry ids: what has come into the books otherwise meanwhile does not come twice.
    """
    done = 0
    for folder in await asyncio.to_thread(slots.journals, spool):
        for report in await asyncio.to_thread(journal_reading.put_aside, folder):
            fact = report.with_suffix("")
            if fact.suffix == ".fact" and await _applied(engine, page, fact):
                fact.unlink()
                report.unlink()
                done += 1
    return done


async def _applied(engine: AsyncEngine, page: Page, path: Path) -> bool:
    try:
        await apply(engine, page, [read(await asyncio.to_thread(path.read_bytes))])
    except (*MALFORMED, *AWAY) as error:
        if not is_unusable(error):
            raise
        log.info("%s stays where it is: %s", path, error)
        return False
    log.warning("%s was put aside, and is in the books now", path)
    return True
