"""What was proved last: `ivr verify` notes in the audit how far all was as written, and goes on from there.

The note is sealed like every row of the audit. It names the root of the last day and of the last seal: what
is proved from there stands on them, and they must be what they were.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Date, Row, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.keeping.sealing import keep_setbacks, last_seal, setback_line
from ivr.desk.people.auditing import note
from ivr.store.journal import journal_marks
from ivr.store.journal.journal_marks import Setback
from ivr.store.tables import audit, case_events, custody_days

ACTION, SUBJECT = "books_verified", "books/verified"
SEEN, RESTORED = "setback_seen", "books_restored"
OVERDUE = timedelta(days=8)  # a whole proof is to be made once a week
SPARED = timedelta(days=7)  # so long nothing is erased after the books went back, or until somebody looked
WEEK = timedelta(days=6, hours=12)  # so long after the last one the next may begin: in the same night's hours
_WELL = audit.c.detail["findings"].as_integer() == 0
_SPARED = "the books went back ({}): put holds back; until `ivr verify --seen`, or {}, nothing is erased"
_RESTORE = "the books are those of a backup of {} (restored {}); roots of later seals were told elsewhere"


@dataclass(frozen=True, slots=True)
class Proved:
    """How far all was as it was written: that day and that seal, with their roots in hex.

    `whole`: from the first row on. `listened`: the files' bytes too. `at`: when it was begun.
    """

    at: datetime
    day: date
    day_root: str
    seal: int
    seal_root: str
    whole: bool
    listened: bool
    findings: int = 0

    def touched(self) -> ColumnElement[bool]:
        """Events that were written since."""
        return case_events.c.noted_on > self.day


async def standing(connection: AsyncConnection, whole: bool, listened: bool) -> Proved | None:
    """How far a proof that begins now can come; None before the first day is closed."""
    day = (
        await connection.execute(select(custody_days).order_by(custody_days.c.day.desc()).limit(1))
    ).first()
    if day is None:
        return None
    seal, now = await last_seal(connection), (await connection.execute(select(func.now()))).scalar_one()
    return Proved(now, day.day, bytes(day.root).hex(), seal.seal, seal.root.hex(), whole, listened)


async def keep(engine: AsyncEngine, done: Proved) -> None:
    """Note it."""
    detail = {k: v for k, v in asdict(done).items() if k != "at"} | {"day": done.day.isoformat()}
    async with engine.begin() as connection:
        await note(connection, done.at, ACTION, subject=SUBJECT, detail=detail)


async def see(engine: AsyncEngine, why: str, files: Iterable[Path] = ()) -> list[str]:
    """Note that somebody has looked into what went back. `why`: what was found, and done about it.

    In these files of roots, too: the books alone excuse no root. The lines for other witnesses.
    Raises RootsUnkept.
    """
    async with engine.begin() as connection:
        backs = await went_back(connection)
        for file in files:
            await keep_setbacks(file, backs)
        now = (await connection.execute(select(func.now()))).scalar_one()
        await note(connection, now, SEEN, subject=SUBJECT, reason=why)
    return [setback_line(back) for back in backs]


async def note_restore(connection: AsyncConnection, taken_at: str) -> None:
    """Note that these books are of a backup of that time."""
    now = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    await note(connection, now, RESTORED, subject=SUBJECT, detail={"taken_at": taken_at})


async def setbacks(connection: AsyncConnection, lost: Collection[datetime] = ()) -> list[str]:
    """That the database or a journal went back, one sentence each, until somebody has looked.

    `lost`: of when roots are that were told elsewhere and lost by it. As long as there are any it is told,
    whatever the books say: whoever rewrites them writes there, too, that somebody has looked.
    """
    seen = max((row.at for row in await _noted(connection, SEEN)), default=None)
    told = await journal_marks.told(connection, seen, lost)
    for back in await _by_restores(connection):
        if back.to and any(map(back.took, lost)):
            told.append(_RESTORE.format(f"{back.to:%Y-%m-%d %H:%M:%SZ}", f"{back.at:%Y-%m-%d %H:%M:%SZ}"))
    return told


async def spared(connection: AsyncConnection) -> list[str]:
    """That nothing is erased for now, in a sentence: what was protected since then may be so no more."""
    now: datetime = (await connection.execute(select(func.now()))).scalar_one()
    since = max([now - SPARED, *(row.at for row in await _noted(connection, SEEN))])
    backs = await journal_marks.setbacks(connection, since)
    found = [row.went_back_at for row in backs if row.applied_again or row.beyond]
    found += [row.at for row in await _noted(connection, RESTORED) if row.at > since]
    if not found:
        return []
    last = max(found)
    return [_SPARED.format(*(f"{at:%Y-%m-%d %H:%MZ}" for at in (last, last + SPARED)))]


async def went_back(connection: AsyncConnection) -> list[Setback]:
    """All times that the books know; of each journal the last one."""
    return [*await _by_journals(connection), *await _by_restores(connection)]


async def _by_journals(connection: AsyncConnection) -> list[Setback]:
    """Of the database, not of the journal itself."""
    rows = await journal_marks.setbacks(connection)
    its = [row for row in rows if row.went_back_to and (row.applied_again or row.beyond)]
    return [Setback(row.went_back_at, row.went_back_to) for row in its]


async def _by_restores(connection: AsyncConnection) -> list[Setback]:
    its = await _noted(connection, RESTORED)
    return [Setback(row.at, datetime.fromisoformat(row.detail["taken_at"])) for row in its]


async def _noted(connection: AsyncConnection, action: str) -> Sequence[Row[Any, Any]]:
    query = select(audit.c.at, audit.c.detail).where(audit.c.subject == SUBJECT, audit.c.action == action)
    return (await connection.execute(query.order_by(audit.c.id))).all()


async def last(engine: AsyncEngine, *, whole: bool, well: bool, listened: bool) -> Proved | None:
    """The latest one. `whole`: of those from the first row on; `well`: of those without a finding;
    `listened`: of those that read the files' bytes.
    """
    wanted = [audit.c.subject == SUBJECT, audit.c.action == ACTION]
    wanted += [audit.c.detail["whole"].as_boolean()] if whole else []
    wanted += [audit.c.detail["listened"].as_boolean()] if listened else []
    wanted += [_WELL] if well else []
    query = select(audit.c.at, audit.c.detail).where(*wanted).order_by(audit.c.id.desc()).limit(1)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else _read(row)


async def days(connection: AsyncConnection) -> Sequence[Row[date, str]]:
    """The days up to which all was well in any proof, each with its root in hex: they stand for good."""
    its = (cast(audit.c.detail["day"].as_string(), Date).label("day"), audit.c.detail["day_root"].as_string())
    query = select(*its).where(audit.c.subject == SUBJECT, audit.c.action == ACTION, _WELL)
    return (await connection.execute(query.distinct().order_by("day"))).all()


async def _whole(engine: AsyncEngine) -> tuple[Proved | None, datetime | None]:
    """The last whole one, and the moment from which the next is counted; a young installation has neither."""
    whole = await last(engine, whole=True, well=False, listened=True)
    if whole is not None:
        return whole, whole.at
    async with engine.connect() as connection:
        return None, (await connection.execute(select(func.min(custody_days.c.closed_at)))).scalar()


async def is_due(engine: AsyncEngine, now: datetime) -> bool:
    """Whether a whole proof is to be made; a young installation owes none yet."""
    _, since = await _whole(engine)
    return since is not None and now - since > WEEK


@dataclass(frozen=True, slots=True)
class LastProof:
    """For `ivr doctor`: when all was proved last, in one sentence; `wrong`: somebody should do something."""

    says: str
    wrong: bool


async def told(engine: AsyncEngine) -> LastProof:
    """A young installation owes no proof yet."""
    whole, since = await _whole(engine)
    async with engine.connect() as connection:
        now: datetime = (await connection.execute(select(func.now()))).scalar_one()
    late = since is not None and now - since > OVERDUE
    if whole is None:
        return LastProof("all was never proved from the first row on: ivr verify", late)
    days, findings = (now - whole.at).days, f" with {whole.findings} findings" if whole.findings else ""
    text = f"all was proved {days} days ago{findings}"
    return LastProof(
        text + (", it should be once a week: ivr verify" if late else ""), late or bool(findings)
    )


def _read(row: Row[Any, Any]) -> Proved:
    return Proved(row.at, **row.detail | {"day": date.fromisoformat(row.detail["day"])})
