"""`ivr backup`, `ivr restore`: database and recordings together, as one archive."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import typer

from ivr.commands.output import err, fail, load_settings, run, show_json, with_database
from ivr.commands.progress import bars, watched
from ivr.installation import CommandError as Trouble
from ivr.installation import service_role, vault
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.cases.proving import Finding
    from ivr.desk.keeping.backup import Backup
    from ivr.desk.keeping.restore import Restored
    from ivr.store.archive import Writer
    from ivr.store.backup_chain import BackupChain

BACKUP_EXAMPLES = (
    "Examples: ivr backup /backup   ·   ivr backup /backup --new   ·   ivr backup - --for age1… > a.tar.age"
)
RESTORE_EXAMPLES = "Examples: ivr restore --check a.tar   ·   ivr restore a.tar.age --identity holder.txt"
STREAM = Path("-")
NAME, HALF = "seda111-", ".half"  # an archive's name begins so, and ends so while it is being written
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]


def backup(
    to: Annotated[Path, typer.Argument(help="File, folder, or - for standard output.")],
    new: Annotated[
        bool, typer.Option("--new", help="Leave out what the last backups in that folder hold.")
    ] = False,
    leave_stored: Annotated[
        bool, typer.Option(help="Leave out recordings that are in the recordings' store and not here.")
    ] = False,
    to_whom: Annotated[
        list[str], typer.Option("--for", help="A public key (age1…) whose holder alone opens it; repeatable.")
    ] = [],  # noqa: B006  typer's way
    clear: Annotated[
        bool, typer.Option("--clear", help="In clear, whatever at_rest.recipients says.")
    ] = False,
    json: Json = False,
) -> None:
    """Back up database, recordings, journal, code key and secrets, beside the running hotline.

    The archive holds personal data and secrets: name a holder of a key, here or in at_rest.recipients, or
    keep it as you keep those. Exit 1 when something was missing, changed, or on a disk that does not give it;
    the rest is in it, and what it lacks is named in it.

    With --new it stands on earlier ones, without which it can't be restored: keep them in one folder. It is
    whole where there is none for the same holders, and once a month.
    """
    from ivr.store.backup_chain import BackupChain

    if new and to == STREAM:
        fail("--new wants a file or a folder: the earlier backups are looked for beside it", 2)
    if json and to == STREAM:
        fail("with - the archive goes to standard output, so there is no room for --json", 2)
    settings = load_settings()
    os.nice(10)
    found: list[Finding] = []
    named = [] if clear else [each.strip() for each in to_whom or settings.at_rest.recipients]
    holders = _holders(named)
    ending = ".tar.age" if holders else ".tar"
    with _alone(to):
        found += _keys_for_whom_it_is_now(settings)
        earlier = _earlier(to if to.is_dir() else to.parent, ending, named) if new else BackupChain()
        with _target(to, ending) as (path, whole), _closed(whole, path, holders) as out:
            _want_room(settings, path, earlier)
            into = _guarded(out, path)
            work, made = with_database(
                settings, lambda engine: _back_up(settings, engine, into, found, leave_stored, earlier)
            )
        if to != STREAM:
            _help_the_next(settings, path, work, made, named)
    made |= {"file": str(path), "findings": [finding.text for finding in found]}
    if json:
        show_json(made)
    else:
        for finding in found:
            err.print(finding.text, style="red", markup=False, highlight=False, soft_wrap=True)
        print(f"{path}: {_said(work, made)}", file=sys.stderr)
    raise SystemExit(1 if found else 0)


def _help_the_next(
    settings: Settings, path: Path, work: Backup, made: Mapping[str, Any], holders: Sequence[str]
) -> None:
    """It finds beside the archive what lies in it, and in the books that these are of the same past."""
    from sqlalchemy.exc import SQLAlchemyError

    from ivr.desk.keeping.backed_up import keep
    from ivr.store.backup_chain import Archived, write_list

    what = "lacks what is told above" if work.lacking else "is whole"
    taken = Archived(path.name, made["sums"], path.stat().st_size, made["taken_at"])
    try:
        write_list(path, [*work.earlier.chain, taken], work.held, holders)
    except OSError as error:
        why = error.strerror or error
        raise Trouble(f"{path} {what}, but its list beside it can't be written: {why}") from error
    try:
        with_database(settings, lambda engine: keep(engine, path.name, made))
    except (SQLAlchemyError, OSError, Trouble) as error:
        why = str(error).splitlines()[0]
        raise Trouble(f"{path} {what}, but the next one copies all rows: it can't be noted: {why}") from error


def _said(work: Backup, made: Mapping[str, Any]) -> str:
    said = f"{work.rows} rows, {made['files']} files, {made['bytes']} bytes"
    if chain := work.earlier.chain:
        said += f", stands on {len(chain)} earlier ones with {work.left} files"
        said += f" and {work.rows - work.copied} rows"
    if work.anew:
        said += f"; all rows are in it: {work.anew}"
    if work.lacking:
        said += f"; NOT WHOLE, {len(work.lacking)} things are lacking: see above"
    return f"{said}; SHA-256 of its list: {made['sums']}"


def restore(
    source: Annotated[Path, typer.Argument(help="The archive, or - for standard input.")],
    check_only: Annotated[
        bool, typer.Option("--check", help="Only prove the archive; needs no database.")
    ] = False,
    identity: Annotated[
        Path | None, typer.Option(help="The secret key, of a backup that was made for its holder.")
    ] = None,
    json: Json = False,
) -> None:
    """Put a backup into an empty machine: a new database and an empty IVR_STATE. All of it or nothing.

    Those it stands on (`ivr backup --new`) are looked for beside it. With --identity the key of recordings
    in envelopes is brought back, too. What it lacks is told; with --check the exit code is 1 then. What was
    gone before it was taken is told, too, and is no fault of the archive.
    """
    from ivr.desk.keeping.restore import RestoreError, check
    from ivr.desk.keeping.restore import restore as put_back
    from ivr.store.age import AgeError
    from ivr.store.archive import ArchiveError
    from ivr.store.copying import SECONDS
    from ivr.store.grants import NoSuchRole

    settings = load_settings()
    secret = _secret(identity)
    try:
        with _source(source) as whole, _opened(whole, secret) as stream:
            opens = None if source == STREAM else _beside(source, secret)
            beside = None if source == STREAM else source.absolute().parent
            if check_only:
                done = run(check(stream, opens))
            else:
                state, role = settings.state_path, service_role(settings)
                done = with_database(
                    settings,
                    lambda e: put_back(e, state, stream, role, opens, beside),
                    as_owner=True,
                    command_seconds=SECONDS,
                )
    except (ArchiveError, AgeError, RestoreError, NoSuchRole) as error:
        named = isinstance(error, ArchiveError | AgeError)
        raise Trouble(f"{source}: {error}" if named else str(error)) from None
    _show(done, check_only, json)
    if done.unnoted:
        print(f"{done.unnoted}: keep restores.json of IVR_STATE for the next restore", file=sys.stderr)
    if not check_only:
        _bring_keys_back(settings, secret)
    elif done.lacking:
        raise SystemExit(1)


def _show(done: Restored, checked: bool, json: bool) -> None:
    content = done.content
    if json:
        figures = {"rows": done.rows, "files": done.files, "recordings": done.recordings, "bytes": done.size}
        told = {"taken_at": content["taken_at"], "revision": content["revision"]}
        show_json({**told, "lacking": done.lacking, "gone": done.gone, **figures})
        return
    for lacks in done.lacking:
        err.print(f"lacking: {lacks}", style="red", markup=False, highlight=False, soft_wrap=True)
    for gone in done.gone:
        err.print(f"gone before: {gone}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    what = f"{done.recordings} recordings, {done.files} files, {done.size} bytes of {content['taken_at']}"
    if checked:
        whole = f"not whole ({len(done.lacking)} things are lacking), but" if done.lacking else "whole and"
        print(f"{whole} as it was written: {what}")
    else:
        print(f"restored: {sum(done.rows.values())} rows, {what}")
        print("now: ivr verify, ivr sounds build, then start ivr serve")


async def _back_up(
    settings: Settings,
    engine: AsyncEngine,
    out: IO[bytes],
    found: list[Finding],
    leave_stored: bool,
    earlier: BackupChain,
) -> tuple[Backup, dict[str, Any]]:
    from sqlalchemy.exc import ProgrammingError

    from ivr.desk.keeping.backup import Backup, BackupError
    from ivr.desk.keeping.verify import totals

    expected: dict[str, int] = {}
    with suppress(ProgrammingError):  # no tables: said below
        expected = {"recordings": (await totals(engine))["recordings"]}
    with bars(expected) as step:
        state, store = settings.state_path, vault(settings)
        work = Backup(engine, state, found.append, step, store, leave_stored, earlier)
        try:
            writer, sums = await work.write(out)
        except BackupError as error:
            raise Trouble(str(error)) from None
    return work, _figures(work, writer, sums)


def _figures(work: Backup, writer: Writer, sums: str) -> dict[str, Any]:
    content = work.content
    told = {"taken_at": content["taken_at"], "revision": content["revision"], "rows": work.rows}
    return {
        **told,
        "copied": work.copied,
        "anew": work.anew,
        "files": writer.files,
        "bytes": writer.size,
        "left": work.left,
        "lacking": work.lacking,
        "gone": work.gone,
        "sums": sums,
    }


def _earlier(folder: Path, ending: str, holders: Sequence[str]) -> BackupChain:
    """What the last backups there hold; nothing, and it is said why, where the next one is to be whole."""
    from ivr.store.backup_chain import WHOLE_AFTER, BackupChain, newest

    chain, why = newest(folder, ending, holders)
    if chain.chain and datetime.fromisoformat(chain.chain[0].taken_at) < datetime.now(UTC) - WHOLE_AFTER:
        why = f"{chain.chain[0].file}, on which the last one stands, is {WHOLE_AFTER.days} days old"
    if why:
        print(f"this backup is whole: {why}", file=sys.stderr)
    return BackupChain() if why else chain


def _guarded(out: IO[bytes], path: Path) -> IO[bytes]:
    """The same; what can't be written is not taken for a trouble of the database."""

    class Guarded:
        def write(self, piece: bytes) -> int:
            try:
                return out.write(piece)
            except OSError as error:
                raise _unwritten(path, error) from error

    return cast("IO[bytes]", Guarded())


def _unwritten(path: Path, error: OSError) -> Trouble:
    what = "standard output" if path == STREAM else path
    return Trouble(f"{what} can't be written: {error.strerror or error}")


def _want_room(settings: Settings, path: Path, earlier: BackupChain) -> None:
    """Told at a terminal before it takes its time, and refused before it fills a disk."""
    from rich.filesize import decimal

    from ivr.desk.keeping.backup import least_bytes

    if path == STREAM:
        return
    least, disk = least_bytes(settings.state_path, earlier), os.statvfs(path.parent)
    free = (disk.f_bavail if os.geteuid() else disk.f_bfree) * disk.f_frsize
    told = f"{path} takes {decimal(least)} for its files alone; {decimal(free)} are free there"
    if least > free and disk.f_blocks:  # some that are far away don't tell
        raise Trouble(f"{told}: it was not begun")
    if err.is_terminal:
        err.print(told, style="dim", markup=False, highlight=False, soft_wrap=True)


def _holders(given: Sequence[str]) -> list[Any]:
    """Read before anything is written."""
    from ivr.store.age import AgeError, recipients

    try:
        return recipients(given)
    except AgeError as error:
        fail(str(error), 2)


def _secret(identity: Path | None) -> list[Any]:
    from ivr.store.age import AgeError, identities

    try:
        return identities(identity) if identity else []
    except AgeError as error:
        fail(str(error), 2)


@contextmanager
def _closed(out: IO[bytes], path: Path, holders: Sequence[Any]) -> Iterator[IO[bytes]]:
    """The same, for these holders alone; in clear for none."""
    from ivr.store.age import closing

    if holders:
        with closing(_guarded(out, path), holders) as inside:
            yield inside
    else:
        yield out


@contextmanager
def _opened(whole: IO[bytes], secret: Sequence[Any]) -> Iterator[IO[bytes]]:
    """What is in an archive that was closed for somebody; any other one as it is."""
    from ivr.store.age import MARK, AgeError, opening

    begins = cast("Any", whole).peek(len(MARK))[: len(MARK)]
    if begins != MARK:
        yield whole
    elif not secret:
        raise AgeError("this backup is for the holder of a key alone: --identity FILE")
    else:
        with opening(whole, secret) as inside:
            yield inside


def _beside(source: Path, secret: Sequence[Any]) -> Callable[[str], AbstractContextManager[IO[bytes]]]:
    """Opens the earlier archives of the same folder."""
    from ivr.store.archive import ArchiveError

    @contextmanager
    def opens(name: str) -> Iterator[IO[bytes]]:
        try:
            file = (source.parent / Path(name).name).open("rb")
        except OSError as error:
            raise ArchiveError(f"it stands on {name}, which can't be read: {error.strerror}") from None
        with file, _opened(file, secret) as stream:
            yield stream

    return opens


def _keys_for_whom_it_is_now(settings: Settings) -> list[Finding]:
    """Closes the recordings' keys anew where others are to open them, though no recording is closed any more.

    The server does so only where it closes recordings; a holder of before is to open no backup to come.
    """
    from ivr.cases.proving import Finding
    from ivr.installation import key_copies
    from ivr.store.age import AgeError
    from ivr.store.envelope import Unopened

    try:
        key_copies(settings).keep()
    except (AgeError, Unopened, OSError) as error:  # all else is backed up
        return [Finding("key_unkept", f"the copy of the recordings' keys stays as it was: {error}")]
    return []


def _bring_keys_back(settings: Settings, secret: Sequence[Any]) -> None:
    """Of the recordings' envelopes, if there are any."""
    from ivr.installation import key_copies
    from ivr.store.age import AgeError

    copies = key_copies(settings)
    if copies.closed and not copies.keys and not secret:
        print("recordings in envelopes wait for their key: ivr keys recover --identity FILE", file=sys.stderr)
    try:
        names = copies.recover(secret) if secret else []
    except (AgeError, OSError) as error:
        raise Trouble(f"restored, but the recordings' key was not brought back: {error}") from None
    if names:
        print(f"the recordings' keys are back: {', '.join(names)}", file=sys.stderr)


@contextmanager
def _alone(to: Path) -> Iterator[None]:
    """One at a time in a folder: the next stands on what this one leaves. What a killed one left goes."""
    folder = to if to.is_dir() else to.parent
    try:
        lock = None if to == STREAM else os.open(folder, os.O_RDONLY)
    except OSError:
        lock = None  # what is wrong with it is told when we write there
    if lock is None:
        yield
        return
    try:
        if _locked(lock, folder):
            for half in folder.glob(f"{NAME}*{HALF}"):
                half.unlink()
        yield
    finally:
        os.close(lock)


def _locked(lock: int, folder: Path) -> bool:
    """False on a file system that knows no locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fail(f"another backup is being written into {folder}: let it end first", 1)
    except OSError:
        return False
    return True


@contextmanager
def _target(to: Path, ending: str) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file that appears under its name when it is whole and on the disk."""
    if to == STREAM:
        if sys.stdout.isatty():
            fail("an archive is nothing for a terminal: give a file, or a pipe behind -", 2)
        yield to, sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = to / f"{NAME}{datetime.now(UTC):%Y%m%dT%H%M%SZ}{ending}" if to.is_dir() else to
    if path.exists():
        fail(f"{path} is there already", 2)
    half = path.with_name(f"{path.name}{HALF}")
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
        raise _unwritten(path, error) from error
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
