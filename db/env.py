"""Alembic's entry. `ivr.store.schema` hands a connection in; the bare tool reads IVR_DATABASE_URL."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from ivr.store.engine import make_engine
from ivr.store.tables import metadata


def migrate(connection: Connection) -> None:
    """Run the migrations on this connection."""
    step = context.config.attributes.get("step", lambda: None)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_server_default=True,
        on_version_apply=lambda **_: step(),
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_migrate() -> None:
    """For the command-line tool."""
    engine = make_engine(os.environ["IVR_DATABASE_URL"], pool=1)
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(connect_and_migrate())
else:
    migrate(given)
