"""What every command says of a database that does not take what it is given."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands.output import with_database
from ivr.installation import CommandError
from ivr.settings import Settings
from ivr.store.tables import factor_roles


async def test_of_a_row_that_is_there_already_nobody_is_sent_to_the_doctor(
    database_url: str, tmp_path: Path
) -> None:
    async def twice(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            for _ in range(2):
                await connection.execute(factor_roles.insert().values(role="operator", needed=True))

    settings = Settings(state=tmp_path, database_url=database_url)
    with pytest.raises(CommandError, match="the database refused it: duplicate key") as told:
        await asyncio.to_thread(with_database, settings, twice)
    assert "doctor" not in str(told.value)
