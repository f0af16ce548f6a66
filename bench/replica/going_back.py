"""The ways in which a database goes back in time, by PostgreSQL's own means."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bench.standby import base_backup, fail_over, leave_behind, own_by, standby
from ivr.lab import postgres
from tests.fixtures.database import run as execute


class GoingBack(Protocol):
    """`prepare` before any call, `leave` at the time to which `go_back` brings the database."""

    async def prepare(self, first: postgres.Server, folder: Path) -> list[postgres.Server]:
        """All that run then, the one to be used before the others: the first itself, or started again."""

    async def leave(self) -> None:
        """What is given from now on will be lacking."""

    async def go_back(self) -> postgres.Server:
        """The server that takes its place, once it takes writes."""


class FailOver:
    """The line to a standby is cut; later the first is killed and the standby promoted."""

    async def prepare(self, first: postgres.Server, folder: Path) -> list[postgres.Server]:
        self.first, self.second = first, await asyncio.to_thread(standby, first, folder / "second")
        return [first, self.second]

    async def leave(self) -> None:
        await leave_behind(self.second)

    async def go_back(self) -> postgres.Server:
        await fail_over(self.first, self.second)
        return self.second


class Restore:
    """Point-in-time: a base backup, and its WAL's archive up to a moment that is long past by then."""

    async def prepare(self, first: postgres.Server, folder: Path) -> list[postgres.Server]:
        self.archive, self.copy = folder / "archive", folder / "second"
        self.archive.mkdir()
        own_by(first, self.archive)
        await execute(first.url, "ALTER SYSTEM SET archive_mode = on")
        await execute(first.url, f"ALTER SYSTEM SET archive_command = 'cp %p {self.archive}/%f'")
        state = first.own.pgdata.parent
        await asyncio.to_thread(first.stop)
        self.first = await asyncio.to_thread(postgres.start, state)
        await asyncio.to_thread(base_backup, self.first, self.copy)
        return [self.first]

    async def leave(self) -> None:
        self.to = datetime.now(UTC)

    async def go_back(self) -> postgres.Server:
        await asyncio.to_thread(self.first.stop)  # what it had last is archived, too
        place = self.copy / "postgres"
        with (place / "postgresql.auto.conf").open("a") as settings:
            print(f"restore_command = 'cp {self.archive}/%f %p'",
                  f"recovery_target_time = '{self.to}'", "recovery_target_action = promote",
                  "archive_mode = off", "hot_standby = off",  # nobody is served before it takes writes
                  sep="\n", file=settings)  # fmt: skip
        (place / "recovery.signal").touch()
        return await asyncio.to_thread(postgres.start, self.copy)


WAYS: dict[str, type[GoingBack]] = {"fail-over": FailOver, "restore": Restore}
