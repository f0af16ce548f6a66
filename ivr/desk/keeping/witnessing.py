"""Roots of seals, sent away: who can rewrite the database and this machine can't rewrite what others have.

A file gets each root as it is made. By mail and webhook the newest one leaves, at most once in a while: it
stands for all before it. Their letters go through the outbox, so that nothing is lost while the network is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.case.rows import outbox_row
from ivr.desk.keeping.sealing import Seal, as_seal, keep_roots, last_seal, last_written, unsealed
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.tables import custody_entries, custody_seals, outbox

LATE = timedelta(minutes=10)  # what is written should be sealed by then, and its root gone
EVENT = "custody_seal"
_MAIL = """این ریشهٔ زنجیره‌ای است که هر چه در سامانهٔ ۱۱۱ ثبت شده در آن آمده است.
این نامه را نگه دارید: با آن می‌توان نشان داد که تا این زمان چیزی حذف یا عوض نشده است.

"""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Where roots go. `file`: on another disk, or one that can only be appended to."""

    file: Path | None = None
    mail: tuple[str, ...] = ()
    webhook: tuple[str, ...] = ()
    every: timedelta = timedelta(hours=1)

    @property
    def letters(self) -> list[tuple[str, str]]:
        """By which way, to whom."""
        return [("email", to) for to in self.mail] + [("webhook", to) for to in self.webhook]

    def __bool__(self) -> bool:
        return bool(self.file or self.letters)


NOBODY = Witnesses()


async def send_away(engine: AsyncEngine, witnesses: Witnesses, now: datetime) -> None:
    """What each witness should have by now. Raises RootsUnkept when the file takes nothing."""
    async with engine.begin() as connection:
        seal = await _worth_telling(connection)
        if seal is not None:
            lately = await _lately(connection, witnesses.every)
            for by, to in witnesses.letters:
                await _write(connection, seal, lately, by, to, now)
    if witnesses.file:
        await keep_roots(engine, witnesses.file)


async def troubles(engine: AsyncEngine, witnesses: Witnesses) -> list[str]:
    """One sentence for each thing that keeps roots from being made, or from leaving."""
    async with engine.connect() as connection:
        now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        last = await last_seal(connection)
        waiting = await unsealed(connection, last.complete_to, now - LATE)
        late = select(func.max(custody_seals.c.seal)).where(custody_seals.c.made_at < now - LATE)
        due = (await connection.execute(late)).scalar() or 0
        dead = await _undelivered(connection, witnesses, now - LATE)
    found = []
    if last.seal and waiting and last.made_at < now - LATE:
        found.append(f"{waiting} rows wait for a seal, the last one is of {last.made_at.isoformat()}")
    if witnesses.file and await ask_once(partial(_written, witnesses.file)) < due:
        found.append(f"{witnesses.file} lacks the latest roots")
    if dead:
        found.append(f"{dead} letters with a root have not left")
    return found


async def _worth_telling(connection: AsyncConnection) -> Seal | None:
    """The newest seal that is not over letters alone: telling of those would go on for ever."""
    other = select(custody_entries.c.number).where(
        custody_entries.c.seal == custody_seals.c.seal, custody_entries.c.kind != "letter"
    )
    query = select(custody_seals).where(other.exists()).order_by(custody_seals.c.seal.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return as_seal(row) if row else None


async def _lately(connection: AsyncConnection, every: timedelta) -> list[int]:
    made = custody_seals.c.made_at > func.clock_timestamp() - every
    return list((await connection.execute(select(custody_seals.c.seal).where(made))).scalars())


async def _write(
    connection: AsyncConnection, seal: Seal, lately: list[int], by: str, to: str, now: datetime
) -> None:
    """A letter, unless this seal, or another one a short while ago, was told already."""
    told = [_key(number, by, to) for number in {*lately, seal.seal}]
    if (await connection.execute(select(outbox.c.id).where(outbox.c.key.in_(told)).limit(1))).first():
        return
    row = outbox_row(_key(seal.seal, by, to), by, now, {"to": to, "case": "", **_content(seal, by)})
    await connection.execute(insert(outbox).values(row).on_conflict_do_nothing(index_elements=["key"]))


def _key(seal: int, by: str, to: str) -> str:
    return f"{EVENT}:{seal}:{by}:{to}"


def _content(seal: Seal, by: str) -> dict[str, Any]:
    """The line stands in the mail's subject too, in plain letters, however the body is encoded."""
    if by == "email":
        return {"subject": seal.line, "text": _MAIL + seal.line}
    details = {"seal": seal.seal, "root": seal.root.hex(), "line": seal.line}
    return {"event": EVENT, "at": seal.made_at.isoformat(), "details": details}


async def _undelivered(connection: AsyncConnection, witnesses: Witnesses, before: datetime) -> int:
    """Letters with a root that are dead, or have waited for long; none that a later one there stands for."""
    later, to = outbox.alias("later"), outbox.c.payload["to"].astext
    same = (later.c.kind == outbox.c.kind, later.c.payload["to"].astext == to)
    left = (later.c.delivered_at.is_not(None), later.c.last_error.is_(None))  # and was not given up
    told = select(later.c.id).where(*same, *left, later.c.created_at > outbox.c.created_at)
    told = told.where(later.c.key.startswith(f"{EVENT}:"))
    waits = (outbox.c.delivered_at.is_(None), outbox.c.created_at < before)
    query = select(func.count()).where(*waits, outbox.c.key.startswith(f"{EVENT}:"), ~told.exists())
    query = query.where(tuple_(outbox.c.kind, to).in_(witnesses.letters))
    return (await connection.execute(query)).scalar_one()


def _written(path: Path) -> int:
    try:
        last = in_time(path, partial(last_written, path))
    except OSError:
        return 0
    return last.seal if last else 0
