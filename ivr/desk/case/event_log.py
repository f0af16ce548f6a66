"""The append-only story of a case, chained (`ivr.cases.custody`). No other module writes `case_events`.

`chained_rows` and `open_stories` for the events that a case is opened with, `add_event` for every later one,
`tell_all` for later ones of many cases at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import LargeBinary, Select, Uuid, and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.custody import FIRST, UNCHAINED, chained, event_hash, state_of
from ivr.desk.case import entries
from ivr.store.case_events import NOTIFY, UNCHAINED_ROWS, notices
from ivr.store.direct import ALL, ManyRows, from_arrays
from ivr.store.tables import case_events, cases

MACHINE = "ivr"  # the actor of events that no person caused

# What a citizen said of an answer, where something proves that she did: an unproven one speaks for nobody.
HER_WORD = and_(
    case_events.c.event.in_(("verdict_noted", "reopened")), ~case_events.c.details.contains({"proven": False})
)

Row = dict[str, Any]


async def calls_it_solved(connection: AsyncConnection, case: Any) -> bool:
    """Whether she said, of the answer that it has, that it is solved, which changed nothing any more.

    Her word may have come out of the journal once the case had ended otherwise.
    """
    its = case_events.c
    solved = its.details.contains({"solved": True}) & ~its.details.contains({"earlier": True})
    word = (its.case_id == case.id, its.event == "verdict_noted", HER_WORD, solved)
    query = select(its.id).where(*word, its.at >= case.answered_at).limit(1)
    return (await connection.execute(query)).first() is not None


INSERT_OPENING = ManyRows(
    insert(case_events).on_conflict_do_nothing(index_elements=[case_events.c.id]),
    [column for column in case_events.c if column.name not in ("noted_on", "noted_no")],
)


def event_row(
    cause: uuid.UUID,
    case: uuid.UUID,
    seq: int,
    at: datetime,
    event: str,
    details: Row,
    actor: str = MACHINE,
) -> Row:
    """The same cause and event make the same id, so that it can't be written twice. Not yet chained."""
    return {
        "id": uuid.uuid5(cause, event),
        "case_id": case,
        "seq": seq,
        "at": at,
        "actor": actor,
        "event": event,
        "details": details,
    }


def chained_rows(events: Sequence[Row], case: Mapping[str, Any]) -> list[Row]:
    """The first events of a case that opens with this row."""
    return chained(events, state_of(case))


async def open_stories(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """The first events of cases that this very transaction opens: `chained_rows`."""
    await connection.execute(case_events.insert(), rows)
    await announce(connection, [row["case_id"] for row in rows])


async def announce(connection: AsyncConnection, ids: Iterable[uuid.UUID]) -> None:
    """Tell whoever listens, once this transaction is through, that something happened to these cases."""
    for notice in notices(ids):
        await connection.execute(NOTIFY, notice)


async def add_event(
    connection: AsyncConnection,
    cause: uuid.UUID,
    case: uuid.UUID,
    at: datetime,
    event: str,
    details: Row,
    actor: str = MACHINE,
) -> None:
    """The case's next event, once. Locks the case, so that numbers have no gaps and the chain no forks.

    It vouches for the case's row as it is now: change that first, in the same transaction.
    """
    row = event_row(cause, case, 0, at, event, details, actor)
    told = select(case_events.c.id).where(case_events.c.id == row["id"])
    number = update(cases).where(cases.c.id == case, ~told.exists()).values(last_seq=cases.c.last_seq + 1)
    found = (await connection.execute(number.returning(*cases.c))).first()
    if found is None:
        (await connection.execute(told)).one()  # raises when there is no such case
        return
    row["seq"] = found.last_seq
    rows = chained([row], state_of(found._mapping), await _last_hash(connection, case))
    await connection.execute(case_events.insert(), rows)
    await entries.refresh(connection, [case])
    await announce(connection, [case])


@dataclass(frozen=True, slots=True)
class Told:
    """The next event of a case that this transaction has locked. `values`: the columns that it changes."""

    case: uuid.UUID
    cause: uuid.UUID
    event: str
    details: Row
    values: Row


async def tell_all(connection: AsyncConnection, told: Sequence[Told], at: datetime) -> None:
    """Change many locked cases, all in the same columns, with one event each. Vouches for their new rows.

    Only columns that the inbox's entries don't hold: times and rungs.
    """
    before = await _last_hashes(connection, [each.case for each in told])
    names = tuple(told[0].values)
    new = {f"{ALL}id": [each.case for each in told]}
    new |= {f"{ALL}{name}": [each.values[name] for each in told] for name in names}
    found = {row.id: row for row in await connection.execute(_change(names), new)}
    rows: list[Row] = []
    for each in told:
        case = found[each.case]
        row = event_row(each.cause, case.id, case.last_seq, at, each.event, each.details)
        rows += chained([row], state_of(case._mapping), before[case.id])
    await connection.execute(case_events.insert(), rows)
    await entries.keep_up(connection, [each.case for each in told])
    await announce(connection, [each.case for each in told])


@cache
def _change(names: tuple[str, ...]) -> Any:
    """One statement for any number of cases: these columns from arrays, and the next number."""
    new = from_arrays([cases.c.id, *(cases.c[name] for name in names)])
    values = {name: new.c[name] for name in names} | {"last_seq": cases.c.last_seq + 1}
    return update(cases).where(cases.c.id == new.c.id).values(values).returning(*cases.c)


async def chain_up(connection: AsyncConnection, case: uuid.UUID) -> int:
    """Chain what code before the chain wrote, as it is found. How many. The case must be locked."""
    query = select(case_events).where(case_events.c.case_id == case).order_by(case_events.c.seq)
    previous, done = FIRST, 0
    for event in (await connection.execute(query)).all():
        hashed: bytes = event.hash
        if hashed == UNCHAINED:
            hashed, done = event_hash(event._mapping, UNCHAINED, previous), done + 1
            await connection.execute(_CHAIN, {"event": event.id, "before": previous, "hashed": hashed})
        previous = hashed
    return done


_CHAIN = select(
    func.custody_chain(
        bindparam("event", type_=Uuid),
        bindparam("before", type_=LargeBinary),
        bindparam("hashed", type_=LargeBinary),
    )
)


async def chain_older(connection: AsyncConnection, limit: int = 500) -> int:
    """Chain up some cases that have unchained events. How many cases; 0 = there are no more."""
    waiting = (await connection.execute(with_unchained(limit))).scalars().all()
    query = select(cases.c.id).where(cases.c.id.in_(waiting)).order_by(cases.c.id).with_for_update()
    found = (await connection.execute(query)).scalars().all()
    for case in found:
        await chain_up(connection, case)
    return len(found)


async def _last_hash(connection: AsyncConnection, case: uuid.UUID) -> bytes:
    query = select(case_events.c.hash).where(case_events.c.case_id == case)
    query = query.order_by(case_events.c.seq.desc()).limit(1)
    last = (await connection.execute(query)).scalar()
    if last == UNCHAINED:
        await chain_up(connection, case)
        last = (await connection.execute(query)).scalar()
    return FIRST if last is None else bytes(last)


async def _last_hashes(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """The same of many cases."""
    last = (case_events.c.case_id == cases.c.id, case_events.c.seq == cases.c.last_seq)
    query = select(case_events.c.case_id, case_events.c.hash).join(cases, and_(*last))
    rows = await connection.execute(query.where(cases.c.id.in_(ids)))
    found = {row.case_id: bytes(row.hash) for row in rows}
    for case in ids:
        if found.get(case, UNCHAINED) == UNCHAINED:
            found[case] = await _last_hash(connection, case)
    return found


def with_unchained(limit: int) -> Select[Any]:
    """Some cases that have unchained events."""
    return select(case_events.c.case_id).where(UNCHAINED_ROWS).limit(limit)
