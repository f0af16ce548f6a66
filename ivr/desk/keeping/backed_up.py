"""What was backed up last: the audit has it, and so the next backup knows whether it is of the same past.

Marks of rows (`ivr.store.copying`) tell nothing in another database, nor in one that went back behind the
backup, where transactions are counted anew. There this note is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.people.auditing import note
from ivr.store import copying
from ivr.store.backup_chain import ROWS_AFTER, BackupChain
from ivr.store.tables import audit

ACTION, SUBJECT = "books_backed_up", "books/backed_up"
LATE = timedelta(days=3)
# So many within so long are a habit. Who does it now and then, before an update, mainly backs up otherwise.
HABIT, WITHIN = 7, timedelta(days=14)


async def keep(engine: AsyncEngine, file: str, made: Mapping[str, Any]) -> None:
    """Note it, once it is whole and on its disk. `made`: its `sums`, and how many `rows` there were."""
    detail = {"file": file, "sums": made["sums"], "rows": made["rows"], "copied": made["copied"]}
    async with engine.begin() as connection:
        now = (await connection.execute(select(func.now()))).scalar_one()
        await note(connection, now, ACTION, subject=SUBJECT, detail=detail)


async def last(connection: AsyncConnection) -> tuple[bool, str]:
    """Whether it was kept up, as far as is known here, and when the last one was made, in a few words."""
    now: datetime = (await connection.execute(select(func.now()))).scalar_one()
    newest = select(audit.c.at).where(audit.c.subject == SUBJECT).order_by(audit.c.id.desc()).limit(HABIT)
    made = (await connection.execute(newest)).scalars().all()
    if not made:
        return True, "none was noted: `ivr backup` notes what it writes to a file or a folder, and no other"
    broke_off = len(made) == HABIT and made[0] - made[-1] <= WITHIN and now - made[0] > LATE
    return not broke_off, f"the last one was made at {made[0].astimezone(UTC):%Y-%m-%d %H:%M} UTC"


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
