"""Facts that were put aside are tried again: what one release can't read or book, another one can."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.facts.apply import MALFORMED, apply, is_unusable
from ivr.store import slots
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY
from ivr.store.facts import read
from ivr.store.folders import TellRefused
from ivr.store.journal import journal_reading

log = logging.getLogger(__name__)


def _logged(path: Path, error: OSError) -> None:
    log.error("%s was put aside, and its disk does not give it: %s", path, error)


async def try_again(engine: AsyncEngine, page: Page, spool: Path, refused: TellRefused = _logged) -> int:
    """How many are in the books now, and no longer in quarantine. Raises what AWAY names of the database.

    `refused` is told of what its disk does not give, or keeps; the others don't wait for it.
    Facts carry ids: what has come into the books otherwise meanwhile does not come twice.
    """
    done = 0
    for folder in await ask_once(partial(slots.journals, spool)):
        for report in await ask_once(partial(journal_reading.put_aside, folder, refused)):
            fact = report.with_suffix("")
            if fact.suffix != ".fact":
                continue
            try:
                body = await ask_once(fact.read_bytes)
            except OSError as error:
                refused(fact, error)
                continue
            if await _applied(engine, page, fact, body):
                done += 1
                try:
                    fact.unlink()
                    report.unlink()
                except OSError as error:
                    refused(fact, error)
    return done


async def _applied(engine: AsyncEngine, page: Page, path: Path, body: bytes) -> bool:
    try:
        await apply(engine, page, [read(body)])
    except (*MALFORMED, *AWAY) as error:
        if not is_unusable(error):
            raise
        log.info("%s stays where it is: %s", path, error)
        return False
    log.warning("%s was put aside, and is in the books now", path)
    return True
