"""Facts that were put aside are tried again: what one release can't read or book, another one can."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.case.joining import ConfidedFound
from ivr.desk.facts.apply import MALFORMED, apply, is_unusable
from ivr.store import slots
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY
from ivr.store.facts import CaseOpenedFact, ConfidedFact, Fact, Unreadable, WordsKeptFact, read_or_not
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
        aside: list[tuple[Path, Fact]] = []
        for report in await ask_once(partial(journal_reading.put_aside, folder, refused)):
            path = report.with_suffix("")
            if path.suffix != ".fact":
                continue
            try:
                fact = read_or_not(await ask_once(path.read_bytes))
            except OSError as error:
                refused(path, error)
                continue
            if isinstance(fact, Unreadable):
                log.info("%s stays where it is: %s", path, fact.why)
            else:
                aside.append((path, fact))
        wishes = [fact for _, fact in aside if isinstance(fact, ConfidedFact)]
        for path, fact in sorted(aside, key=lambda each: isinstance(each[1], ConfidedFact)):
            if await _applied(engine, page, path, fact, wishes):
                done += 1
                try:
                    path.unlink()
                    path.with_name(f"{path.name}.why").unlink()
                except OSError as error:
                    refused(path, error)
    return done


async def _applied(
    engine: AsyncEngine, page: Page, path: Path, fact: Fact, wishes: Sequence[ConfidedFact]
) -> bool:
    """`wishes`: a case is confidential by the transaction that opens it, before anybody is told of it."""
    facts = [fact]
    if isinstance(fact, CaseOpenedFact | WordsKeptFact):
        facts += [ConfidedFound.of(its) for its in wishes if its.call.id == fact.call.id]
    try:
        await apply(engine, page, facts)
    except (*MALFORMED, *AWAY) as error:
        if not is_unusable(error):
            raise
        log.info("%s stays where it is: %s", path, error)
        return False
    log.warning("%s was put aside, and is in the books now", path)
    return True
