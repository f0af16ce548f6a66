"""`ivr backup`, `ivr restore`: database and recordings together, as one archive."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import typer

from ivr.commands.output import err, fail, load_settings, run, show_json, with_database
from ivr.commands.progress import bars, watched
from ivr.installation import CommandError as Trouble
from ivr.installation import vault
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.cases.proving import Finding
    from ivr.desk.keeping.backup import Backup
    from ivr.desk.keeping.restore import Restored
    from ivr.store.archive import Writer

BACKUP_EXAMPLES = "Examples: ivr backup /backup   ·   ivr backup - | age -r age1… > seda111.tar.age"
RESTORE_EXAMPLES = "Examples: ivr restore /backup/seda111.tar   ·   ivr restore --check /backup/seda111.tar"
STREAM = Path("-")
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]


def backup(
    to: Annotated[Path, typer.Argument(help="File, folder, or - for standard output.")],
    leave_stored: Annotated[
        bool, typer.Option(help="Leave out recordings that are in the recordings' store and not here.")
    ] = False,
    json: Json = False,
) -> None:
    """Back up database, recordings, journal, code key and secrets, beside the running hotline.

    The archive holds personal data and secrets: keep it as you keep those. Exit 1 when a recording was found
    missing or changed; the rest is in the archive all the same.
    """
    if json and to == STREAM:
        fail("with - the archive goes to standard output, so there is no room for --json", 2)
    settings = load_settings()
    os.nice(10)
    found: list[Finding] = []
    with _target(to) as (path, out):
        made = with_database(settings, lambda engine: _back_up(settings, engine, out, found, leave_stored))
    made |= {"file": str(path), "findings": [finding.text for finding in found]}
    if json:
        show_json(made)
    else:
        for finding in found:
            err.print(finding.text, style="red", markup=False, highlight=False, soft_wrap=True)
        said = f"{made['rows']} rows, {made['files']} files, {made['bytes']} bytes"
        print(f"{path}: {said}; SHA-256 of its list: {made['sums']}", file=sys.stderr)
    raise SystemExit(1 if found else 0)


def restore(
    source: Annotated[Path, typer.Argument(help="The archive, or - for standard input.")],
    check_only: Annotated[
        bool, typer.Option("--check", help="Only prove the archive; needs no database.")
    ] = False,
    json: Json = False,
) -> None:
    """Put a backup into an empty machine: a new database and an empty IVR_STATE. All of it or nothing."""
    from ivr.desk.keeping.restore import RestoreError, check
    from ivr.desk.keeping.restore import restore as put_back
    from ivr.store.archive import ArchiveError

    settings = load_settings()
    try:
        with _source(source) as stream:
            if check_only:
                done = run(check(stream))
            else:
                done = with_database(settings, lambda engine: put_back(engine, settings.state_path, stream))
    except (ArchiveError, RestoreError) as error:
        raise Trouble(f"{source}: {error}" if isinstance(error, ArchiveError) else str(error)) from None
    _show(done, check_only, json)


def _show(done: Restored, checked: bool, json: bool) -> None:
    content = done.content
    if json:
        figures = {"rows": done.rows, "files": done.files, "recordings": done.recordings, "bytes": done.size}
        show_json({"taken_at": content["taken_at"], "revision": content["revision"], **figures})
        return
    what = f"{done.recordings} recordings, {done.files} files, {done.size} bytes of {content['taken_at']}"
    if checked:
        print(f"whole and as it was written: {what}")
    else:
        print(f"restored: {sum(done.rows.values())} rows, {what}")
        print("now: ivr verify, ivr sounds build, then start ivr serve")


async def _back_up(
    settings: Settings, engine: AsyncEngine, out: IO[bytes], found: list[Finding], leave_stored: bool
) -> dict[str, Any]:
    from sqlalchemy.exc import ProgrammingError

    from ivr.desk.keeping.backup import Backup, BackupError
    from ivr.desk.keeping.verify import totals
    from ivr.store.vault import VaultError

    expected: dict[str, int] = {}
    with suppress(ProgrammingError):  # no tables: said below
        expected = {"recordings": (await totals(engine))["recordings"]}
    with bars(expected) as step:
        work = Backup(engine, settings.state_path, found.append, step, vault(settings), leave_stored)
        try:
            writer, sums = await work.write(_guarded(out))
        except (BackupError, VaultError) as error:
            raise Trouble(str(error)) from None
    return _figures(work, writer, sums)


def _figures(work: Backup, writer: Writer, sums: str) -> dict[str, Any]:
    content = work.content
    told = {"taken_at": content["taken_at"], "revision": content["revision"], "rows": work.rows}
    return {**told, "files": writer.files, "bytes": writer.size, "sums": sums}


def _guarded(out: IO[bytes]) -> IO[bytes]:
    """The same; what can't be written is not taken for a trouble of the database."""

    class Guarded:
        def write(self, piece: bytes) -> int:
            try:
                return out.write(piece)
            except OSError as error:
                raise Trouble(f"the archive can't be written: {error.strerror or error}") from error

    return cast("IO[bytes]", Guarded())


@contextmanager
def _target(to: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file that appears under its name when it is whole and on the disk."""
    if to == STREAM:
        if sys.stdout.isatty():
            fail("an archive is nothing for a terminal: give a file, or a pipe behind -", 2)
        yield to, sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = to / f"seda111-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar" if to.is_dir() else to
    if path.exists():
        fail(f"{path} is there already", 2)
    half = path.with_name(f"{path.name}.half")
    try:
        fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        fail(f"{half} can't be written: {error.strerror}", 2)
    try:
        with os.fdopen(fd, "wb") as out:
            yield path, out
            out.flush()
            os.fsync(fd)
        half.rename(path)
    except OSError as error:
        raise Trouble(f"{half} can't be written: {error.strerror or error}") from error
    finally:
        half.unlink(missing_ok=True)


@contextmanager
def _source(source: Path) -> Iterator[IO[bytes]]:
    if source == STREAM:
        yield sys.stdin.buffer
        return
    try:
        file = source.open("rb")
    except OSError as error:
        fail(f"{source} can't be read: {error.strerror}", 2)
    with file, bars({"archive": source.stat().st_size}, bytes=True) as step:
        yield watched(file, "archive", step)
