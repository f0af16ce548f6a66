"""The short way to PostgreSQL for what every call needs: asyncpg itself, on SQLAlchemy's pool.

Statements are still written with SQLAlchemy and compiled once; what is saved is its work per execution, some
0.3 ms of CPU each. All else goes the ordinary way.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ARRAY, ClauseElement, Column, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB, Insert
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util.concurrency import greenlet_spawn

from ivr.store.engine import forget_values

_encoded = json.JSONEncoder(ensure_ascii=False).encode


class JsonText(str):
    """What is JSON already: on this way it goes into its column as it is."""


def _json(value: Any) -> str:
    return value if isinstance(value, JsonText) else _encoded(value)


class Prepared:
    """A statement for asyncpg. `names`: the columns of an INSERT's rows."""

    def __init__(self, statement: ClauseElement, names: Sequence[str] | None = None) -> None:
        compiled: Any = statement.compile(dialect=dialect(), column_keys=names)  # type: ignore[no-untyped-call]
        self.sql = str(compiled)
        self.order: list[str] = list(compiled.positiontup)
        self.fixed: dict[str, Any] = compiled.params
        self.json = {name for name in self.order if isinstance(compiled.binds[name].type, JSONB)}

    async def run(self, raw: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once per row, in one round trip."""
        if rows:
            await raw.executemany(self.sql, [self._values(row) for row in rows])

    async def first(self, raw: Any, **values: Any) -> Any:
        """The first row, or None."""
        return await raw.fetchrow(self.sql, *self._values(values))

    async def all(self, raw: Any, **values: Any) -> Any:
        """Every row."""
        return await raw.fetch(self.sql, *self._values(values))

    def _values(self, row: Mapping[str, Any]) -> list[Any]:
        return [self._value(name, row[name] if name in row else self.fixed[name]) for name in self.order]

    def _value(self, name: str, value: Any) -> Any:
        return _json(value) if name in self.json else value


class ManyRows:
    """An INSERT of any number of rows as one statement: half the work of one for each, here and there."""

    def __init__(
        self, statement: Insert, columns: Sequence[Column[Any]], **instead: Callable[[Any], Any]
    ) -> None:
        """`columns`: what a row holds. `instead`: what becomes of a column's value on its way in."""
        self.columns = columns
        rows = from_arrays(columns)
        values = [instead.get(each.name, _as_it_is)(rows.c[each.name]) for each in columns]
        names = [each.name for each in columns]
        self.statement = statement.from_select(names, select(*values), include_defaults=False)
        self._prepared = Prepared(self.statement)

    async def run(self, raw: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """All of them, in their order, by asyncpg."""
        if rows:
            written = {ALL + each.name: _written(each, rows) for each in self.columns}
            await self._prepared.run(raw, [written])

    async def execute(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same by SQLAlchemy."""
        if rows:
            arrays = {ALL + each.name: [row.get(each.name) for row in rows] for each in self.columns}
            await connection.execute(self.statement, arrays)


def _as_it_is(value: Any) -> Any:
    return value


def _written(column: Column[Any], rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    values = [row.get(column.name) for row in rows]
    is_json = isinstance(column.type, JSONB)
    return [_json(each) for each in values] if is_json else values


ALL = "all_"  # before the name of a column whose values come as an array


def from_arrays(columns: Iterable[Column[Any]], name: str = "new") -> Any:
    """A table of the arrays `all_…` of these columns, a row for each place in them.

    PostgreSQL can't see how long they are while it plans, or it would plan anew each time: one plan is kept.
    """
    columns = list(columns)
    given = (cast(bindparam(ALL + each.name, type_=ARRAY(each.type)), ARRAY(each.type)) for each in columns)
    rows = func.unnest(*(select(each).scalar_subquery() for each in given)).table_valued(
        *(column(each.name, each.type) for each in columns)
    )
    return rows.render_derived(name=name)


@asynccontextmanager
async def direct(engine: AsyncEngine) -> AsyncIterator[tuple[AsyncConnection, Any]]:
    """A pooled connection without a transaction, and asyncpg's own beneath it.

    What SQLAlchemy executes there belongs to a transaction that was begun on asyncpg's.
    """
    async with _without_transactions(engine).connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        try:
            yield connection, raw
        except BaseException as error:
            forget_values(error)
            # SQLAlchemy did not see the error, so it can't know that this connection may be unusable.
            await connection.invalidate()
            raise


@asynccontextmanager
async def asking(engine: AsyncEngine) -> AsyncIterator[Any]:
    """asyncpg's connection alone, from the same pool, for a question that needs no transaction."""
    lent = await engine.raw_connection()
    try:
        yield lent.driver_connection
    except BaseException as error:
        forget_values(error)
        await greenlet_spawn(lent.invalidate)
        raise
    await greenlet_spawn(lent.close)


def _without_transactions(engine: AsyncEngine) -> AsyncEngine:
    """The same pool. Made once per engine: it costs as much as a statement."""
    if engine not in _PLAIN:
        _PLAIN[engine] = engine.execution_options(isolation_level="AUTOCOMMIT")
    return _PLAIN[engine]


_PLAIN: WeakKeyDictionary[AsyncEngine, AsyncEngine] = WeakKeyDictionary()
