"""What was changed, newest first, and taking it back: an undo is a change of its own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.editing.changing import Done, Why, Wish, apply
from ivr.desk.editing.nouns import BY_NAME
from ivr.desk.editing.values import Row
from ivr.desk.refusals import Refused
from ivr.store.book_changes import book_changes
from ivr.store.row_version import version

Json = dict[str, Any]
PAGE = 50


class CannotUndo(Refused):
    """`what`: unknown | undone | later | seeds; `params` fill it in, in any language."""

    def __init__(self, what: str, **params: Any) -> None:
        self.what, self.params = what, params
        super().__init__(SENTENCES[what].format(**params))


SENTENCES = {
    "unknown": "there is no change {number}",
    "undone": "change {number} is undone already",
    "later": "change {later} ({by}, {at:%Y-%m-%d %H:%M}) stands in the way: undo that first",
    "seeds": "{key} was changed by the seed files after change {number}",
}


async def history(
    engine: AsyncEngine, noun: str = "", key: str = "", before: int = 0, limit: int = PAGE
) -> list[Json]:
    """Changes, newest first, from below the number `before` on; of one noun, or of one row."""
    query = select(book_changes).order_by(book_changes.c.number.desc()).limit(limit)
    if noun:
        query = query.where(book_changes.c.noun == noun)
    if key:
        query = query.where(book_changes.c.key == key)
    if before:
        query = query.where(book_changes.c.number < before)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
        stories = {(r.noun, r.key): await _story(connection, r.noun, r.key) for r in rows}
    return [_json(row, stories[row.noun, row.key]) for row in rows]


async def undo(engine: AsyncEngine, why: Why, number: int) -> list[Done]:
    """Put back what was before that change; of an import, before all its changes. All or nothing.

    Raises Refused with one sentence when later changes stand in its way, WrongRow when the book would not
    hold any more.
    """
    async with engine.begin() as connection:
        first = (
            await connection.execute(select(book_changes).where(book_changes.c.number == number))
        ).first()
        if first is None:
            raise CannotUndo("unknown", number=number)
        rows = [first] if first.batch is None else await _batch(connection, first.batch)
        wishes, undoes, held = [], {}, {}
        for row in rows:
            before = await _may_be_undone(connection, row)
            wishes.append(
                Wish(row.noun, row.key, _whole(row, _restored(row)), version(_whole(row, row.after)))
            )
            undoes[row.key], held[row.key] = row.number, before or _stays(row)
        return await apply(connection, replace(why, undoes=undoes, held=held), wishes)


async def _batch(connection: AsyncConnection, batch: uuid.UUID) -> Sequence[Found[Any]]:
    query = select(book_changes).where(book_changes.c.batch == batch)
    return (await connection.execute(query.order_by(book_changes.c.number.desc()))).all()


async def _may_be_undone(connection: AsyncConnection, row: Found[Any]) -> bool:
    """Whether the row was people's before that change. Raises Refused."""
    story = await _story(connection, row.noun, row.key)
    if why_not := _in_the_way(row, story):
        raise why_not
    current = (await BY_NAME[row.noun].rows(connection)).get(row.key)
    if version(current) != version(_whole(row, row.after)):
        raise CannotUndo("seeds", number=row.number, key=f"{row.noun} {row.key}")
    earlier = [each for each in story if each.number < row.number]
    return bool(earlier and earlier[0].held)


def _in_the_way(row: Found[Any], story: Sequence[Found[Any]]) -> CannotUndo | None:
    """Why it can't be undone. `story`: all changes of its row, newest first."""
    undone: set[int] = set()
    for each in story:
        if each.number == row.number:
            break
        if each.number in undone:
            continue
        if each.undoes is None or row.undoes is not None:
            return CannotUndo("later", later=each.number, by=each.changed_by, at=each.changed_at)
        undone.add(each.undoes)
    return CannotUndo("undone", number=row.number) if row.number in undone else None


def _restored(row: Found[Any]) -> Row | None:
    """What cases may point at by now is not deleted again but retired."""
    return {**row.after, "retired": True} if _stays(row) else row.before


def _whole(change: Found[Any], row: Row | None) -> Row | None:
    return BY_NAME[change.noun].whole(row)


def _stays(row: Found[Any]) -> bool:
    return row.before is None and BY_NAME[row.noun].stays


async def _story(connection: AsyncConnection, noun: str, key: str) -> Sequence[Found[Any]]:
    query = select(book_changes).where(book_changes.c.noun == noun, book_changes.c.key == key)
    return (await connection.execute(query.order_by(book_changes.c.number.desc()))).all()


def _json(row: Found[Any], story: Sequence[Found[Any]]) -> Json:
    done = Done(row.noun, row.key, row.before, row.after)
    return {
        "number": row.number,
        "at": row.changed_at.isoformat(),
        "by": row.changed_by,
        "noun": row.noun,
        "key": row.key,
        "before": row.before,
        "after": row.after,
        "fields": done.fields,
        "reason": row.reason,
        "batch": row.batch and str(row.batch),
        "undoes": row.undoes,
        "may_undo": row.noun in BY_NAME and _in_the_way(row, story) is None,
    }
