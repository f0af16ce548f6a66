"""`ivr keys`: what opens the recordings' envelopes, and that it does not get lost."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.output import fail, load_settings, show_json, with_database
from ivr.installation import CommandError, key_copies
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.store.key_copies import KeyCopies

app = typer.Typer(help="Keys of the recordings' envelopes (at_rest in the settings).", no_args_is_help=True)
STREAM = Path("-")


@app.command(epilog="Examples: ivr keys show   ·   ivr keys show --json")
def show(
    json: Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")] = False,
) -> None:
    """Each key, the newest first, and whether a copy of it is known elsewhere; exit 1 when one is not.

    Also when recordings are closed with a key that is not here. Where none is closed nor is to be, no key is
    needed, and an empty list is well.
    """
    settings = load_settings()
    copies = key_copies(settings)
    with _told():
        known, names = copies.known(), copies.keys.current()
    if json:
        show_json([{"name": name, "copied": name in known} for name in names])
    else:
        for name in names:
            print(name, "a copy is known elsewhere" if name in known else "ONLY HERE")
    closed, unopened = _closed(settings)
    if unopened:
        raise CommandError(unopened)
    if not names and not closed and not settings.at_rest.recordings:
        if not json:
            print("no key, and none is needed: recordings are in clear (at_rest.recordings is off)")
    elif why := copies.lacking():
        raise CommandError(why)


@app.command(epilog="Example: ivr keys new")
def new() -> None:
    """A new key. What is closed stays open to the ones before: ivr keys rewrap.

    None is made where a closed copy holds one that the key file lacks: that one comes back first.
    """
    from ivr.store import age, key_file

    settings = load_settings()
    copies = key_copies(settings)
    path = copies.keys.path
    assert path is not None
    with _told():
        age.recipients(copies.recipients)
        if why := copies.forgotten():
            left = "where no holder of it is left, move {} away first".format(why.partition(" holds ")[0])
            raise CommandError(f"{why}; {left}")
        (key_file.add if path.is_file() else key_file.make)(path)
    print(f"{copies.keys.newest} in {path}, which is in no backup")
    if why := _kept(copies):
        print(f"nothing is closed with it yet: {why}")


@app.command(epilog="Examples: ivr keys kept /media/usb/recordings   ·   ssh safe cat keys | ivr keys kept -")
def kept(
    copy: Annotated[Path, typer.Argument(help="The copy, on another disk; - for standard input.")],
) -> None:
    """Show a copy of the key file that lies elsewhere: what it holds may be used from then on."""
    copies = key_copies(load_settings())
    path = copies.keys.path
    assert path is not None
    try:
        text = sys.stdin.read() if copy == STREAM else copy.read_text(encoding="ascii")
        if copy != STREAM and path.exists() and copy.stat().st_dev == path.stat().st_dev:
            raise CommandError(f"{copy} is on the same disk as {path}: both would be lost together")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{copy} can't be read: {error}") from None
    with _told():
        names = copies.confirm(text)
    if not names:
        raise CommandError(f"{copy} holds no key of {path}")
    print(f"a copy is known elsewhere: {', '.join(names)}")


@app.command(epilog="Example: ivr keys recover --identity holder.txt")
def recover(
    identity: Annotated[Path, typer.Option(help="The secret key of one of at_rest.recipients.")],
) -> None:
    """Bring the key file back from the copy that is closed for a holder (in every backup)."""
    from ivr.store.age import identities

    copies = key_copies(load_settings())
    with _told():
        names = copies.recover(identities(identity))
    print(f"brought back: {', '.join(names)}" if names else "there was nothing to bring back")


@app.command(epilog="Example: ivr keys rewrap")
def rewrap() -> None:
    """Let the newest key open every envelope, beside the running server. Twice is harmless."""
    from ivr.desk.keeping.backup import files
    from ivr.store import envelope
    from ivr.store.folders import remedy
    from ivr.store.recording_files import CLOSED

    settings = load_settings()
    copies = _usable(settings)
    os.nice(10)
    done = there = 0
    failed: list[str] = []

    def refused(place: Path, error: OSError) -> None:
        failed.append(f"{place}: {error.strerror}; {remedy(error, 'see dmesg')}, then ivr keys rewrap again")

    for path in files(settings.recordings, refused):
        if path.suffix == CLOSED:
            there += 1
            try:
                if why := copies.lacking():  # a key came meanwhile
                    raise CommandError("\n".join([*failed, f"{why}; then ivr keys rewrap again"]))
                with suppress(FileNotFoundError):  # retention took it
                    done += envelope.rewrap(path, copies.keys)
            except (envelope.Unopened, OSError) as error:
                failed.append(str(error))
    print(f"{done} of {there} envelopes are opened by {copies.keys.newest} now, the others were")
    if failed:
        raise CommandError("\n".join(failed))


@app.command("open", epilog="Example: ivr keys open var/recordings/2026/11/25/3f….sealed words.wav")
def open_(
    source: Annotated[Path, typer.Argument(help="An envelope.")],
    to: Annotated[Path, typer.Argument(help="The WAV to write.")],
) -> None:
    """Open one envelope without server or database: the words themselves, into a file of yours alone."""
    from ivr.store import envelope
    from ivr.store.recording_files import as_recorded

    copies = key_copies(load_settings())
    with _told(), as_recorded(envelope.opened(source, copies.keys), source) as file:
        words = file.read()  # all of it before any is written
    try:
        fd = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        fail(f"{to} is there already", 2)
    except OSError as error:
        raise CommandError(f"{to} can't be written: {error.strerror}") from None
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(words)
    except BaseException as error:  # Ctrl-C, too
        to.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CommandError(f"{to} can't be written: {error.strerror}") from None
        raise


def _closed(settings: Settings) -> tuple[int, str]:
    """How many recordings are in envelopes, and why any can't be opened: as `ivr doctor` judges."""
    from ivr.desk.recordings import enclosing

    async def asked(engine: AsyncEngine) -> tuple[int, list[str]]:
        return await enclosing.enclosed(engine), await enclosing.some_enclosed(engine)

    many, some = with_database(settings, asked)
    unopened, mend = enclosing.unopened(settings.recordings, some)
    return many, f"{unopened}; {mend}" if unopened else ""


def _usable(settings: Settings) -> KeyCopies:
    copies = key_copies(settings)
    if why := _kept(copies):
        raise CommandError(why)
    return copies


def _kept(copies: KeyCopies) -> str:
    """Sees to the closed copies. Why nothing may be closed with the newest key, all the same."""
    with _told():
        copies.keep()
        return copies.lacking()


@contextmanager
def _told() -> Iterator[None]:
    """What a key or a file refuses, in one sentence. Raises CommandError."""
    from ivr.store.age import AgeError
    from ivr.store.envelope import Unopened
    from ivr.store.folders import refusal

    try:
        yield
    except (AgeError, Unopened) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        mend = "; see its owner and mode (ls -ld)" if isinstance(error, PermissionError) else ""
        raise CommandError(refusal(error) + mend) from None
