"""What was backed up last: the audit has it, and so the next backup knows whether it is of the same past.

Marks of rows (`ivr.store.copying`) tell nothing in another database, nor in one that went back behind the
backup, where transactions are counted anew. There this note is missing.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.people.auditing import note
from ivr.store import copying
from ivr.store.backup_chain import ROWS_AFTER, BackupChain
from ivr.store.tables import audit

ACTION, SUBJECT = "books_backed_up", "books/backed_up"
LATE = timedelta(days=3)
# Days with one, within so long, that are a habit. Who does it now and then mainly backs up otherwise.
HABIT, WITHIN = 7, timedelta(days=14)
GIVEN_UP = timedelta(days=30)  # whoever made none for so long does it otherwise now
LOOKED = 1500  # notes: one each quarter of an hour for two weeks


async def keep(engine: AsyncEngine, file: str, made: Mapping[str, Any]) -> None:
    """Note it, once it is on its disk. `made`: its `sums`, how many `rows` there were, what is `lacking`."""
    detail = {"file": file, "sums": made["sums"], "rows": made["rows"], "copied": made["copied"]}
    detail["lacking"] = len(made["lacking"])
    detail["host"] = socket.gethostname()  # each machine of one database has a timer of its own
    async with engine.begin() as connection:
        now = (await connection.execute(select(func.now()))).scalar_one()
        await note(connection, now, ACTION, subject=SUBJECT, detail=detail)


async def last(connection: AsyncConnection) -> tuple[bool, str]:
    """Whether it was kept up here, as far as is known, and when the last one was made, in a few words.

    One that lacks things is none to rely on: not well, until another is made or they were given up.

    A machine that has no habit of its own tells of all. Notes of an earlier release, without a machine, count
    for each.
    """
    now: datetime = (await connection.execute(select(func.now()))).scalar_one()
    here, notes = socket.gethostname(), (await connection.execute(newest())).all()
    if not notes:
        return True, "none was noted: `ivr backup` notes what it writes to a file or a folder, and no other"
    ours = [each for each in notes if each.host in (here, None)]
    if len(_days(ours)) >= HABIT:
        notes = ours
    made: datetime = notes[0].at
    broke_off = len(_days(notes)) >= HABIT and LATE < now - made <= GIVEN_UP
    by = " by this machine" if notes[0].host == here else ""
    said = f"the last one was made{by} at {made.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if not notes[0].lacking or now - made > GIVEN_UP:
        return not broke_off, said
    return False, f"{said} and is not whole: {notes[0].lacking} things are lacking in {notes[0].file}"


def _days(notes: Sequence[Row[Any]]) -> set[date]:
    """Those with one, within two weeks of the last."""
    return {each.at.astimezone(UTC).date() for each in notes if notes[0].at - each.at <= WITHIN}


def newest() -> Select[Any]:
    """Of the last ones: when, on which machine, which file, and how many things it lacks (once: null)."""
    detail = audit.c.detail
    its = select(audit.c.at, *(detail[name].as_string().label(name) for name in ("host", "file")))
    its = its.add_columns(detail["lacking"].as_integer().label("lacking"))
    return its.where(audit.c.subject == SUBJECT).order_by(audit.c.id.desc()).limit(LOOKED)


async def forgotten(connection: AsyncConnection, raw: Any, earlier: BackupChain) -> str:
    """Why the next backup is to copy all rows though some lie in these, in one sentence; else ""."""
    since = earlier.rows_since
    if since is None:
        return ""
    now: datetime = (await connection.execute(select(func.now()))).scalar_one()
    if now - since > ROWS_AFTER:
        return "they are read once a week"
    if not await copying.server(raw):
        return "PostgreSQL does not tell us which server it is: GRANT EXECUTE ON FUNCTION pg_control_system()"
    last = earlier.chain[-1]
    its = (audit.c.subject == SUBJECT, audit.c.detail["sums"].as_string() == last.sums)
    if (await connection.execute(select(audit.c.id).where(*its).limit(1))).first() is None:
        return f"the database does not know of {last.file}: it is another one, or went back to before that"
    return ""
