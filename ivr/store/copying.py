"""Tables out of PostgreSQL by COPY, range by range of their pages, and whole into it.

A range has a mark, which changes with every row that comes, goes or is written anew in it. PostgreSQL makes
it of where each row lies and which transaction wrote it (`ctid`, `xmin`): in one and the same database no two
versions of a row share both, for 4 billion transactions. So what a row holds is not read, no row leaves
PostgreSQL, and nothing is asked of a table: rows may be changed, erased and committed in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

PIECE = 4 << 20
PAGES = 128  # of a range: a megabyte, but for what lies elsewhere
SECONDS = 86_400.0  # one table may take long, to be copied or to be made another
VERSION = "alembic_version"
Tables = dict[str, list[str]]  # table → its columns


class RowRange(NamedTuple):
    """The `number`-th of a table, from 1 on: how many rows are in it, and its mark."""

    number: int
    rows: int
    mark: int


async def tables(connection: AsyncConnection) -> Tables:
    """Every table of ours, those that others point to first."""
    return await connection.run_sync(_tables)


async def take_time(connection: AsyncConnection) -> None:
    """What the server would end this transaction for does not: it may be idle while a file is read."""
    await connection.execute(_TAKE_TIME)


async def server(raw: Any) -> str:
    """Which one it is, as it was named when it was made; "" where this role may not ask."""
    if not await raw.fetchval(MAY_ASK):
        return ""
    return str(await raw.fetchval("SELECT system_identifier FROM pg_control_system()"))


async def ranges(raw: Any, table: str, form: object) -> AsyncIterator[RowRange]:
    """Those in which rows are, as this transaction sees them. `form`: what else makes their copies differ."""
    await raw.execute(f"LOCK TABLE {_quoted(table)} IN ACCESS SHARE MODE")  # nobody moves its rows meanwhile
    size, seed = await raw.fetchrow(_FILE, table)
    seed = _number(json.dumps([seed, form]))
    every = await raw.prepare(_MARK.format(_quoted(table)), timeout=SECONDS)
    for first in range(0, size, PAGES):
        rows, mark = await every.fetchrow((first, 0), (first + PAGES, 0), seed, timeout=SECONDS)
        if rows:
            yield RowRange(first // PAGES + 1, rows, int(mark))


async def copy_out(
    raw: Any, table: str, columns: list[str], number: int, take: Callable[[bytes], Awaitable[None]]
) -> None:
    """Hand the rows of a range over in pieces."""
    piece, first = bytearray(), (number - 1) * PAGES

    async def collect(more: bytes) -> None:
        piece.extend(more)
        if len(piece) >= PIECE:
            await take(bytes(piece))
            piece.clear()

    named = ", ".join(map(_quoted, columns))
    within = f"ctid >= '({first},0)' AND ctid < '({first + PAGES},0)'"
    query = f"SELECT {named} FROM {_quoted(table)} WHERE {within}"
    await raw.copy_from_query(query, output=collect, format="text", timeout=SECONDS)
    if piece:
        await take(bytes(piece))


async def copy_in(raw: Any, table: str, columns: list[str], pieces: AsyncIterator[bytes]) -> int:
    """Put rows into a table. How many. Raises what PostgreSQL raises for what it does not understand."""
    said: str = await raw.copy_to_table(table, columns=columns, source=pieces, format="text", timeout=SECONDS)
    return int(said.split()[-1])


async def sequences(raw: Any) -> dict[str, int]:
    """Every sequence that was used → its last value, which is never behind what the tables hold."""
    query = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()"
    return {row[0]: row[1] for row in await raw.fetch(query) if row[1] is not None}


async def set_sequences(raw: Any, values: dict[str, int]) -> None:
    """Go on from there."""
    await raw.executemany("SELECT setval(quote_ident($1)::regclass, $2)", list(values.items()))


async def empty_all(raw: Any, names: Tables) -> None:
    """Remove what the migrations themselves put in."""
    if names:
        await raw.execute(f"TRUNCATE {', '.join(_quoted(name) for name in names)}")


MAY_ASK = "SELECT has_function_privilege('pg_control_system()', 'execute')"
_TAKE_TIME = text(
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('statement_timeout', "
    "'idle_in_transaction_session_timeout', 'transaction_timeout')"  # the last one since PostgreSQL 17
)
# How many pages its file has, and which file it is, in which database.
_FILE = """SELECT pg_relation_size(oid) / current_setting('block_size')::bigint, concat_ws('/', oid,
  pg_relation_filenode(oid), (SELECT oid FROM pg_database WHERE datname = current_database()))
FROM pg_class WHERE oid = quote_ident($1)::regclass"""
_MARK = """SELECT count(*), coalesce(sum(hash_record_extended(row(ctid, xmin), $3)), 0) FROM {}
WHERE ctid >= $1 AND ctid < $2"""


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _tables(connection: Connection) -> Tables:
    looking = inspect(connection)
    ordered = [name for name, _ in looking.get_sorted_table_and_fkc_names() if name and name != VERSION]
    return {name: [column["name"] for column in looking.get_columns(name)] for name in ordered}
