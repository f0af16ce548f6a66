"""Change the province's book: one transaction, one at a time, each row's change kept with who, when and why.

What people changed is theirs: seeding leaves it alone (`ivr.desk.editing.seeding`). Open cases keep their
agency and deadline: only the calendar moves these, as docs/cases.md says.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import CHANNEL
from ivr.desk.editing.checks import DraftBook, closes_doors, has_open_cases, read_province, wrongs
from ivr.desk.editing.nouns import BY_NAME, Noun
from ivr.desk.editing.values import Row, Wrong, WrongRow, read_row
from ivr.desk.refusals import Refused
from ivr.store.book_changes import book_changes
from ivr.store.calendar_revisions import raise_revision
from ivr.store.named_lock import alone
from ivr.store.row_version import version


class Conflict(Refused):
    """Somebody else was faster. `current`: the row as it is now."""

    def __init__(self, sentence: str, current: Row | None) -> None:
        super().__init__(sentence)
        self.current = current


@dataclass(frozen=True, slots=True)
class Wish:
    """A row as it should be; `values` None: it should go. `seen`: the version looked at; None: any."""

    noun: str
    key: str
    values: Row | None
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a change came to. `number` 0: a rehearsal, or nothing to do."""

    noun: str
    key: str
    before: Row | None
    after: Row | None
    number: int = 0

    @property
    def fields(self) -> list[str]:
        """Those that differ."""
        before, after = self.before or {}, self.after or {}
        return [name for name in {**before, **after} if before.get(name) != after.get(name)]


@dataclass(frozen=True, slots=True)
class Why:
    """Who changes, when, and why. `batch`: the import; `undoes`: number of the change → its own key."""

    actor: Actor
    reason: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    batch: uuid.UUID | None = None
    undoes: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, bool] = field(default_factory=dict)


def wish(
    noun: Noun, given: Mapping[str, Any], key: str = "", seen: str | None = None, held: Row | None = None
) -> Wish:
    """What a form or a file's line asks for. `key` "": a new row; `held`: as it stands. Raises WrongRow."""
    values = read_row(noun.fields, given, held)
    if key and noun.key(values) != key:
        changed = [n for n, part in zip(noun.keys, key.split("/"), strict=False) if str(values[n]) != part]
        raise WrongRow([Wrong((changed or noun.keys)[0], "key_changed")])
    return Wish(noun.name, noun.key(values), values, seen)


async def change(engine: AsyncEngine, why: Why, *wishes: Wish, rehearse: bool = False) -> list[Done]:
    """All or nothing. Raises WrongRow, Conflict, Refused. What is so already makes no change."""
    _desk_only(why.actor)
    async with engine.connect() as connection, connection.begin() as transaction:
        done = await apply(connection, why, wishes)
        if rehearse:
            await transaction.rollback()
            return [Done(d.noun, d.key, d.before, d.after) for d in done]
    return done


async def apply(connection: AsyncConnection, why: Why, wishes: Sequence[Wish]) -> list[Done]:
    """The same within a transaction."""
    await alone(connection, "seed")
    rows = {name: await BY_NAME[name].rows(connection) for name in {wish.noun for wish in wishes}}
    done = []
    for wish in wishes:
        before = rows[wish.noun].pop(wish.key, None)
        _unchanged(wish, before)
        if wish.values is not None:
            rows[wish.noun][wish.key] = wish.values
        if before != wish.values:
            done.append(Done(wish.noun, wish.key, before, wish.values))
    if not done:
        return []
    await _check(connection, done, await read_province(connection, why.now, rows))
    for each in done:
        await _write(connection, each, why)
    return [await _keep(connection, each, why) for each in done]


async def _write(connection: AsyncConnection, done: Done, why: Why) -> None:
    noun = BY_NAME[done.noun]
    if done.after is not None:
        await noun.put(connection, done.after, why.actor.name, why.now)
    elif done.before is not None:
        if noun.stays:
            raise Refused(f"{done.noun} {done.key} is retired, never deleted: cases may point at it")
        await noun.drop(connection, done.before)


def _unchanged(wish: Wish, before: Row | None) -> None:
    if wish.seen is None or wish.seen == version(before):
        return
    if not wish.seen:
        raise WrongRow([Wrong(BY_NAME[wish.noun].keys[0], "there")])
    raise Conflict(f"{wish.noun} {wish.key} has changed since you looked", before)


async def _check(connection: AsyncConnection, done: Sequence[Done], province: DraftBook) -> None:
    """`province`: as it will be. Raises WrongRow; a field among several rows is `key#field`."""
    found = []
    for each in done:
        its = list(wrongs(each.noun, each.before, each.after, province))
        closes = each.noun == "agency" and closes_doors(each.before, each.after)
        if closes and await has_open_cases(connection, each.key):
            its.append(Wrong("retired", "open_cases"))
        place = f"{each.key}#" if len(done) > 1 else ""
        found += [Wrong(f"{place}{w.field}", w.what, w.params, w.nearest) for w in its]
    if found:
        raise WrongRow(found)


async def _keep(connection: AsyncConnection, done: Done, why: Why) -> Done:
    """The change's own row, and word to all who follow the book."""
    if done.noun == "day":
        await raise_revision(connection, (done.after or done.before or {})["county"])
    row = {
        "changed_at": why.now,
        "changed_by": why.actor.name,
        "noun": done.noun,
        "key": done.key,
        "before": done.before,
        "after": done.after,
        "reason": why.reason.strip(),
        "batch": why.batch,
        "undoes": why.undoes.get(done.key),
        "held": why.held.get(done.key, True),
    }
    kept = await connection.execute(book_changes.insert().values(row).returning(book_changes.c.number))
    await tell(connection)
    return Done(done.noun, done.key, done.before, done.after, kept.scalar_one())


async def tell(connection: AsyncConnection) -> None:
    """All who follow the book read it anew once this transaction is over."""
    await connection.execute(select(func.pg_notify(CHANNEL, "")))


def _desk_only(actor: Actor) -> None:
    if actor.side is not Side.DESK:
        raise Refused(f"the province's book can't be changed by the {actor.side}, only by the desk")
