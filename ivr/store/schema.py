"""Bring a database to the newest form."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from asyncpg.exceptions import DeadlockDetectedError
from sqlalchemy import Connection, func, inspect, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.code import KEY_BYTES
from ivr.store import copying
from ivr.store.code_blocks import TRACKING_KEY, key_material
from ivr.store.engine import make_engine
from ivr.store.grants import grant

MIGRATIONS = Path(__file__).resolve().parents[2] / "db"
# Two instances that upgrade at once take turns. Any constant will do.
_LOCK = 1_111_111
LOCK_SECONDS = 30  # for a table that somebody works with: all others wait behind who waits for it
TRIES = 6  # where it and whoever writes hold each other up
# What calls bring to the books, first what whoever brings it, and whoever reads or works there, begins with.
WRITTEN = ("cases", "calls", "recordings", "referrals", "case_events", "inbox_entries", "outbox", "callbacks")
NEWER = "the database's schema is newer than this code, which works on beside it"


class NewerSchema(Exception):
    """A newer release has migrated the database; one sentence."""


async def upgrade(url: str, service: str = "", step: Callable[[], None] = lambda: None) -> None:
    """Run all missing migrations and make the code key once. Harmless when there is nothing to do.

    `service`: the role that is to work with the tables, where it is not the one of `url`. `step`: after each.
    Raises NoSuchRole and NewerSchema.
    """
    engine = make_engine(url, pool=1, command_seconds=copying.SECONDS)
    try:
        for tried in range(TRIES):  # first gently: most migrations touch none of it, or one table
            try:
                return await _upgrade(engine, service, step, alone=tried > 0)
            except DBAPIError as error:
                if (
                    tried + 1 == TRIES
                    or getattr(error.orig, "sqlstate", "") != DeadlockDetectedError.sqlstate
                ):
                    raise
    finally:
        await engine.dispose()


async def _upgrade(engine: AsyncEngine, service: str, step: Callable[[], None], alone: bool) -> None:
    async with engine.begin() as connection:
        await copying.take_time(connection)
        await migrate(connection, alone=alone, step=step)
        key = {"name": TRACKING_KEY, "value": secrets.token_bytes(KEY_BYTES), "made_at": func.now()}
        await connection.execute(insert(key_material).values(key).on_conflict_do_nothing())
        if service:
            await grant(connection, service)


async def is_current(engine: AsyncEngine) -> bool:
    """Whether no migration is missing."""
    async with engine.connect() as connection:
        at = await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_heads())
    return set(at) == set(ScriptDirectory.from_config(_config()).get_heads())


async def is_newer(connection: AsyncConnection) -> bool:
    """Whether it has migrations that this code lacks: a newer release is here, or was."""
    at = await revision(connection)
    return bool(at) and not knows(at)


async def missing(engine: AsyncEngine) -> int:
    """How many migrations; none where a newer release has been."""
    async with engine.connect() as connection:
        at = await revision(connection)
    if at and not knows(at):
        return 0
    return len(list(ScriptDirectory.from_config(_config()).iterate_revisions("head", at or "base")))


async def migrate(
    connection: AsyncConnection,
    to: str = "head",
    alone: bool = False,
    step: Callable[[], None] = lambda: None,
) -> None:
    """Run the missing migrations in this transaction. Those who come at once take turns. Raises NewerSchema.

    One takes as long as it takes with many rows, if the connection's `command_seconds` are enough.
    `alone`: nobody reads or writes meanwhile what calls write, so that who holds some of it waits for none.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    if await is_newer(connection):
        raise NewerSchema(f"{NEWER}: update this machine")
    if alone:
        there = await connection.run_sync(lambda c: inspect(c).get_table_names())
        if names := [name for name in WRITTEN if name in there]:
            await connection.execute(text(f"LOCK TABLE {', '.join(names)}"))
    await connection.run_sync(_migrate, to, step)


async def revision(connection: AsyncConnection) -> str:
    """What the database is at; "" when it was never migrated."""
    return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision()) or ""


def knows(revision: str) -> bool:
    """Whether this code has that migration."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return any(script.revision == revision for script in scripts)


def _migrate(connection: Connection, to: str, step: Callable[[], None]) -> None:
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["step"] = step
    command.upgrade(config, to)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
