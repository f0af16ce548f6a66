"""Whole tables out of and into PostgreSQL by COPY, in pieces of a few megabytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

PIECE = 4 << 20
SECONDS = 86_400.0  # one table may take long
VERSION = "alembic_version"
Tables = dict[str, list[str]]  # table → its columns


async def tables(connection: AsyncConnection) -> Tables:
    """Every table of ours, those that others point to first."""
    return await connection.run_sync(_tables)


async def copy_out(raw: Any, table: str, columns: list[str], take: Callable[[bytes], Awaitable[None]]) -> int:
    """Hand a table's rows over in pieces. How many rows."""
    piece = bytearray()

    async def collect(more: bytes) -> None:
        piece.extend(more)
        if len(piece) >= PIECE:
            await take(bytes(piece))
            piece.clear()

    said: str = await raw.copy_from_table(
        table, columns=columns, output=collect, format="text", timeout=SECONDS
    )
    if piece:
        await take(bytes(piece))
    return int(said.split()[-1])


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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _tables(connection: Connection) -> Tables:
    looking = inspect(connection)
    ordered = [name for name, _ in looking.get_sorted_table_and_fkc_names() if name and name != VERSION]
    return {name: [column["name"] for column in looking.get_columns(name)] for name in ordered}
