"""Has the database what a journal's checkpoint says that it has?

Not after a fail-over to a replica that lagged, nor after a restore of an older copy. Its own mark tells
(`ivr.store.journal.journal_marks`): the checkpoint goes back to that, and what the database lacks is applied
again. Facts carry ids, so that too much does no harm.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store import code_blocks, slots
from ivr.store.direct import asking
from ivr.store.disk_thread import ask_once
from ivr.store.journal import journal_marks, journal_reading
from ivr.store.journal.applied import Applied, JournalUnread, Position, identity_of

log = logging.getLogger(__name__)

COMPARE_SECONDS = 60.0  # how often a quiet journal is compared; one with facts is by each batch


async def compare(engine: AsyncEngine, journal: Applied) -> None:
    """Let the journal go on where the database is. Raises what AWAY names; for who applies it alone.

    JournalUnread while it can't be told how far the journal goes.
    """
    identity = await journal.introduce()
    async with engine.begin() as connection:
        row = await journal_marks.begin(connection, identity)
        at = Position() if row is None else Position(row.segment, row.byte)
        if at > journal.flushed and journal.unshown is not None:
            raise JournalUnread(f"{journal.folder}: {journal.unshown}")
        if at > journal.flushed:
            log.error("journal %s was set back or replaced; all of it is applied again", journal.folder)
            await journal_marks.note_setback(connection, identity, row and row.marked_at, 0, False)
            await journal_marks.begin(connection, await journal.rename())
            at, journal.marked = Position(), False
        elif not journal.recalled:
            journal.applied = at  # the checkpoint is lost
        elif at < journal.applied and (journal.marked or row is not None):
            await _note(connection, journal, at, row and row.marked_at)
    journal.marked = True
    journal.go_to(min(at, journal.applied))


async def _note(connection: AsyncConnection, journal: Applied, at: Position, to: datetime | None) -> None:
    """Before anything is applied again: who reads it must see what is going on."""
    try:
        between = partial(journal_reading.between, journal.folder, at, journal.applied)
        facts = await ask_once(between)
    except OSError as error:
        raise JournalUnread(f"{journal.folder} can't be read: {error}") from error
    beyond = bool(journal.dropped) and at.segment <= journal.dropped
    if not (facts or beyond):
        return
    log.error(
        "the database went back %d facts of journal %s (to %s); they are applied again%s",
        facts, journal.folder, to or "an unknown time", "; older ones are not kept any more" * beyond,
    )  # fmt: skip
    await journal_marks.note_setback(connection, journal.identity, to, facts, beyond)
    await code_blocks.skip(connection)


async def behind(engine: AsyncEngine, spool: Path) -> set[Path]:
    """The journals of which the database lacks facts that it had. Raises what AWAY names."""
    said = await ask_once(partial(_checkpoints, spool))
    async with asking(engine) as raw:
        there = await journal_marks.positions(raw, [identity for identity, _ in said.values()])
    return {folder for folder, (id, at) in said.items() if there.get(id, Position()) < at}


def _checkpoints(spool: Path) -> dict[Path, tuple[str, Position]]:
    """Of the journals that the database was told of."""
    found = {}
    for folder in slots.journals(spool):
        if identity := identity_of(folder):
            found[folder] = identity, journal_reading.applied(folder)
    return found
