"""How far each journal's facts are in this database, as the database itself says.

A mark moves in the transaction that applies the facts, so it is never ahead of them, and a database that goes
back in time goes back with its marks. The journal's own checkpoint is a file and does not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Integer,
    Table,
    Text,
    any_,
    bindparam,
    false,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.base import metadata, moment
from ivr.store.direct import Prepared
from ivr.store.journal.applied import Position

AT_WORK = timedelta(minutes=1)  # from when a row says that it was written until it can be seen
TOLD = timedelta(days=30)  # so long the doctor and `ivr verify` tell that a database went back

# `journal`: its identity. Up to `segment` and `byte` its facts are here. `went_back_at`: when it was last
# found that this database lacked some that it once had, which are `applied_again`; `went_back_to`: when the
# last of those that it still had were applied, if it had any. `beyond`: some were no longer in the journal.
# None applied again, and not `beyond`: it is the journal that went back, and is another one since.
journal_marks = Table(
    "journal_marks",
    metadata,
    Column("journal", Text, primary_key=True),
    Column("segment", BigInteger, nullable=False),
    Column("byte", BigInteger, nullable=False),
    moment("marked_at"),
    moment("went_back_at", nullable=True),
    moment("went_back_to", nullable=True),
    Column("applied_again", Integer, nullable=False, server_default="0"),
    Column("beyond", Boolean, nullable=False, server_default=false()),
)
_MARKS = journal_marks.c


class WentBack(Exception):
    """The database lacks facts of this journal that were applied: nothing further is before they are."""


@dataclass(frozen=True, slots=True)
class JournalMark:
    """What a batch makes of a journal's mark, which must not be before `before`."""

    journal: str
    before: Position
    to: Position


class Setback(NamedTuple):
    """When it was last found that the database had gone back, and to when; None: to an unknown time."""

    at: datetime
    to: datetime | None

    def took(self, written_at: datetime) -> bool:
        """Whether what was written at that time was lost, as far as that is known."""
        return self.to is not None and self.to - written_at < AT_WORK and written_at <= self.at


_MOVE = Prepared(
    update(journal_marks)
    .where(
        _MARKS.journal == bindparam("this", type_=Text),
        tuple_(_MARKS.segment, _MARKS.byte)
        >= tuple_(bindparam("segment_before", type_=BigInteger), bindparam("byte_before", type_=BigInteger)),
    )
    .values(
        segment=bindparam("segment_to", type_=BigInteger),
        byte=bindparam("byte_to", type_=BigInteger),
        marked_at=func.now(),
    )
    .returning(_MARKS.marked_at)
)


async def move(raw: Any, mark: JournalMark) -> datetime:
    """In asyncpg's transaction that applies the facts up to there. What time it is. Raises WentBack."""
    before = {"segment_before": mark.before.segment, "byte_before": mark.before.offset}
    to = {"segment_to": mark.to.segment, "byte_to": mark.to.offset}
    row = await _MOVE.first(raw, this=mark.journal, **before, **to)
    if row is None:
        raise WentBack(f"the database is behind {mark.before} of journal {mark.journal}")
    at: datetime = row["marked_at"]
    return at


async def begin(connection: AsyncConnection, journal: str) -> Any:
    """The row of a journal, locked; None where there was none, and now there is, at the very beginning."""
    new = {"journal": journal, "segment": 0, "byte": 0, "marked_at": func.now()}
    made = await connection.execute(insert(journal_marks).values(new).on_conflict_do_nothing())
    its = select(journal_marks).where(_MARKS.journal == journal)
    return None if made.rowcount else (await connection.execute(its.with_for_update())).one()


async def note_setback(
    connection: AsyncConnection, journal: str, to: datetime | None, facts: int, beyond: bool
) -> None:
    """Write down that the database had gone back, for people and for the reconciler."""
    told = {"went_back_at": func.now(), "went_back_to": to, "applied_again": facts, "beyond": beyond}
    await connection.execute(update(journal_marks).where(_MARKS.journal == journal).values(told))


_POSITIONS = Prepared(
    select(_MARKS.journal, _MARKS.segment, _MARKS.byte).where(
        _MARKS.journal == any_(bindparam("journals", type_=ARRAY(Text)))
    )
)


async def positions(raw: Any, journals: Collection[str]) -> dict[str, Position]:
    """Of those journals that the database knows, by asyncpg."""
    rows = await _POSITIONS.all(raw, journals=[*journals])
    return {row["journal"]: Position(row["segment"], row["byte"]) for row in rows}


async def setbacks(connection: AsyncConnection, since: datetime | None = None) -> list[Any]:
    """The rows of journals whose facts were found missing after `since`, the latest first."""
    query = select(journal_marks).where(_MARKS.went_back_at.is_not(None))
    if since is not None:
        query = query.where(_MARKS.went_back_at > since)
    return list((await connection.execute(query.order_by(_MARKS.went_back_at.desc()))).all())


async def last_setback(connection: AsyncConnection, since: datetime | None) -> Setback | None:
    """When the latest one after `since` was found, and the earliest time that one of these went back to."""
    rows = await setbacks(connection, since)
    if not rows:
        return None
    to = [row.went_back_to for row in rows]
    return Setback(rows[0].went_back_at, None if None in to else min(to))


async def told(
    connection: AsyncConnection, seen: datetime | None = None, lost: Collection[datetime] = ()
) -> list[str]:
    """What was found of late, one sentence for each journal: the facts are back, what people did is not.

    `seen`: when somebody looked into what had been found by then. What took something `lost` is told anyway.
    """
    since = (await connection.execute(select(func.now()))).scalar_one() - TOLD
    since = max(since, seen or since)
    return [
        _sentence(row)
        for row in await setbacks(connection)
        if row.went_back_at > since or any(map(Setback(row.went_back_at, row.went_back_to).took, lost))
    ]


def _sentence(row: Any) -> str:
    found, to = f"{row.went_back_at:%Y-%m-%d %H:%M:%SZ}", "an unknown time"
    if row.went_back_to is not None:
        to = f"{row.went_back_to:%Y-%m-%d %H:%M:%SZ}"
    if not (row.applied_again or row.beyond):
        text = f"a journal was set back or replaced (found {found}), after facts of {to} were in the books"
        return text + ": facts that it had not given yet are gone; their words become cases at the desk"
    text = f"the database went back {row.applied_again} facts, to {to} (found {found}); applied again"
    text += "; what people did at their desks since then is in no journal"
    return text + ("; facts that the journal no longer keeps are lost" if row.beyond else "")
