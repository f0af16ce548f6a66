"""The inbox's entry of a case, written in the transaction of each of its events; and those still to write.

No other module writes `inbox_entries`. What older code opened or changed meanwhile is entered by `catch_up`.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Select, Text, any_, func, literal_column, select, text, true, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.routing import Reason
from ivr.cases.search import day_blocks, day_of, facet, words_of
from ivr.cases.zone import TIMEZONE
from ivr.store.aside import Aside
from ivr.store.cases import UNENTERED
from ivr.store.direct import ManyRows
from ivr.store.tables import case_events, cases, inbox_entries, recordings, referrals

Row = dict[str, Any]
BATCH = 200  # cases of one transaction; calls in the same process wait for no more than some ten milliseconds
LATELY = timedelta(days=1)  # so far back changes by older code are looked for …
SPAN = 50_000  # … events (and calls, which share their numbers) at once: a question grows with no day

_FACETS = (("k", "kind"), ("t", "topic"), ("a", "agency"), ("s", "status"), ("w", "channel"))
_IDLE = ("closed_at", "stopped_at")  # a case that has either waits for nobody's ear
_BETWEEN = "\x1f"  # two lexemes, in none of which it stands
_FALLBACK = "fallback/"  # the folder of what the dialplan recorded alone (`ivr.desk.facts.fallback`)


def opening_entries(opened: Iterable[Row], heard: Iterable[Row], sent: Iterable[Row]) -> list[Row]:
    """The entries of cases that a transaction opens with these recordings and referrals."""
    of_heard, of_sent = _by_case(heard), _by_case(sent)
    return [_entry(case, of_heard[case["id"]], of_sent[case["id"]]) for case in opened]


def _by_case(rows: Iterable[Row]) -> defaultdict[uuid.UUID, list[Row]]:
    found = defaultdict[uuid.UUID, list[Row]](list)
    for row in rows:
        found[row["case_id"]].append(row)
    return found


async def refresh(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> None:
    """Write the entries of these cases as they are now. Whoever changed them holds them locked."""
    found = await connection.execute(_facts(ids))
    await write(connection, [_entry(row._mapping, row.heard, row.sent, row.repeats) for row in found])


async def write(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Put entries in the place of what was there."""
    await _WRITE.execute(connection, rows)


async def keep_up(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> None:
    """The last event of these cases changed nothing that their entries hold: those know it now."""
    its, last = inbox_entries.c, cases.c.last_seq
    known = update(inbox_entries).where(its.case_id.in_(ids), its.case_id == cases.c.id, its.seq == last - 1)
    await connection.execute(known.values(seq=last))


async def catch_up(
    engine: AsyncEngine,
    now: datetime | None = None,
    batch: int = BATCH,
    aside: Aside | None = None,
    above: int | None = None,
) -> int:
    """Enter every case that older code opened, newest first, then those that it changed lately. How many.

    May die anywhere, be run again, and run several times at once: each batch is one transaction.
    `above`: events up to that number were looked through before.
    """
    now, aside = now or datetime.now(UTC), aside or Aside()
    done = await aside.batches("inbox", engine, unentered(batch), _enter, now, batch)
    async for low, high in _spans(engine, above):
        done += await aside.batches("inbox", engine, behind(batch, low, high), _renew, now, batch)
    return done


async def newest_event(engine: AsyncEngine) -> int:
    """The highest number of an event; 0 when there is none. Lower ones may still become visible."""
    async with engine.connect() as connection:
        newest = (await connection.execute(newest_up_to(None))).one_or_none()
        return newest.noted_no if newest else 0


async def _spans(engine: AsyncEngine, above: int | None) -> AsyncIterator[tuple[int, int]]:
    """From the newest event on, down to `above` or as far as LATELY goes: above and up to which number."""
    top: int | None = None
    while True:
        async with engine.connect() as connection:
            newest = (await connection.execute(newest_up_to(top))).one_or_none()
        if newest is None or not newest.lately or newest.noted_no <= (above or 0):
            return
        top = max(newest.noted_no - SPAN, above or 0)
        yield top, newest.noted_no


def newest_up_to(number: int | None) -> Select[Any]:
    """The event with the highest number up to this, and whether it was told lately."""
    its, today = case_events.c, func.cast(func.timezone(TIMEZONE, func.now()), case_events.c.noted_on.type)
    query = select(its.noted_no, (its.noted_on >= today - LATELY).label("lately"))
    if number is not None:
        query = query.where(its.noted_no <= number)
    return query.order_by(its.noted_no.desc()).limit(1)


async def _renew(connection: AsyncConnection, found: Sequence[Any]) -> int:
    await refresh(connection, [row.id for row in found])
    return len(found)


async def _enter(connection: AsyncConnection, found: Sequence[Any]) -> int:
    done = await _renew(connection, found)
    its = cases.c.id.in_([row.id for row in found])
    await connection.execute(update(cases).where(its).values(entered=True))
    return done


def unentered(batch: int) -> Select[Any]:
    """Cases without an entry, locked; what others hold is left to them."""
    return select(cases.c.id).where(UNENTERED).limit(batch).with_for_update(skip_locked=True)


def behind(batch: int, above: int, up_to: int) -> Select[Any]:
    """Cases of whose events with these numbers their entry does not know the last one, locked.

    An entry is looked for by each such case: planned as a join, all the cases that there are would be read.
    """
    its = case_events.c
    is_late = (its.noted_no > above) & (its.noted_no <= up_to)
    lately = select(its.case_id, func.max(its.seq).label("seq")).where(is_late)
    told = lately.group_by(its.case_id).cte("told")
    known = select(inbox_entries.c.case_id).where(
        inbox_entries.c.case_id == told.c.case_id, inbox_entries.c.seq < told.c.seq
    )
    late = select(told.c.case_id).join(known.limit(1).lateral("late"), true())
    query = select(cases.c.id).where(cases.c.id == any_(func.array(late.scalar_subquery())))
    return query.limit(batch).with_for_update(skip_locked=True)


def _entry(case: Mapping[Any, Any], heard: Sequence[Row], sent: Sequence[Row], repeats: int = 0) -> Row:
    counts = [row for row in heard if not row["superseded"]]
    silent = bool(counts) and all(row["silent"] for row in counts)
    fallback = any(_FALLBACK in row["name"] for row in counts)
    waits = not any(case.get(name) for name in _IDLE)
    return {
        "case_id": case["id"],
        "opened_at": case["opened_at"],
        "agency": case["agency"],
        "lexemes": _BETWEEN.join(sorted(each.replace(_BETWEEN, " ") for each in _lexemes(case, heard))),
        "seq": case["last_seq"],
        "seconds": sum(row["seconds"] for row in counts),
        "silent": silent,
        "fallback": fallback,
        "faint": (silent or fallback) and waits,
        "over_limit": any(row["reason"] == Reason.OVER_LIMIT for row in sent),
        "repeats": repeats,
    }


def _lexemes(case: Mapping[Any, Any], heard: Sequence[Row]) -> set[str]:
    said = [row.get("transcript") or "" for row in heard if not row["superseded"]]
    said += [case.get("words") or "", case.get("answer") or ""]
    if case.get("confidential"):  # nobody finds out by a name in them whose it is
        said = [case.get("told") or ""]
    found = words_of(*said)
    found |= {facet(letter, case[name]) for letter, name in _FACETS}
    found |= {facet("c", case["county"] or ""), *day_blocks(day_of(case["opened_at"]))}
    known = case["callback"] and not case.get("confidential")
    return found | ({facet("n", case["callback"])} if known else set())


def _facts(ids: Sequence[uuid.UUID]) -> Select[Any]:
    """All that entries are made of, in one question."""
    heard = _gathered(recordings, "name", "seconds", "silent", "superseded", "transcript")
    sent = _gathered(referrals, "agency", "reason")
    again = select(func.count()).where(
        case_events.c.case_id == cases.c.id, case_events.c.details.has_key("repeat")
    )
    return select(
        *(cases.c[name] for name in _OF_CASE),
        heard.label("heard"),
        sent.label("sent"),
        again.scalar_subquery().label("repeats"),
    ).where(cases.c.id.in_(ids))


_OF_CASE = (
    *("id", "last_seq", "kind", "topic", "county", "agency", "status", "channel", "callback", "opened_at"),
    *("words", "answer", "closed_at", "stopped_at", "confidential", "told"),
)


def _gathered(table: Any, *names: str) -> Any:
    """A case's rows of a table as one JSON list."""
    pairs: list[Any] = []
    for name in names:
        pairs += [literal_column(f"'{name}'"), table.c[name]]
    rows = func.jsonb_agg(func.jsonb_build_object(*pairs))
    found = select(rows).where(table.c.case_id == cases.c.id).scalar_subquery()
    return func.coalesce(found, text("'[]'::jsonb"))


def _at_once(statement: Insert) -> ManyRows:
    """An array of arrays is not ragged: the lexemes of a row come as one text."""
    columns = [Column(c.name, Text if c.name == "lexemes" else c.type) for c in inbox_entries.c]
    return ManyRows(statement, columns, lexemes=_taken_apart)


def _taken_apart(text: Any) -> Any:
    return func.array_to_tsvector(func.string_to_array(text, _BETWEEN))


def _upsert() -> Insert:
    statement = insert(inbox_entries)
    new = {c.name: statement.excluded[c.name] for c in inbox_entries.c if c.name != "case_id"}
    return statement.on_conflict_do_update(index_elements=[inbox_entries.c.case_id], set_=new)


_WRITE = _at_once(_upsert())
ENTER = _at_once(insert(inbox_entries).on_conflict_do_nothing(index_elements=[inbox_entries.c.case_id]))
