"""Looking into a journal's folder from outside, also beside the process that writes it. Changes nothing."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from ivr.store.facts import Fact, Unreadable, happened_at, read_or_not
from ivr.store.folders import TellRefused, listed, unseen
from ivr.store.journal.applied import Position, at_byte, body_of, checkpoint_of, segments
from ivr.store.journal.journal_keeping import latest
from ivr.store.recording_files import is_of
from ivr.store.volumes import SECOND

# Recording or call → what is told of it, and where each ends, oldest first.
ToldFacts = dict[str, list[tuple[Position, Fact | Unreadable]]]
_NAMES = re.compile(rb'"name":"([^"]+)"')  # of recordings, wherever in a fact
_CALLS = re.compile(rb'"call":\{"id":"([^"]+)"')


def applied(folder: Path) -> Position:
    """How far the facts are applied, as far as the folder tells."""
    try:
        return checkpoint_of(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return Position()


def waiting(folder: Path) -> Iterator[Fact | Unreadable]:
    """The facts that are not applied yet, oldest first."""
    for _, line in _lines(folder, applied(folder)):
        if (body := body_of(line)) is not None:
            yield read_or_not(body)


def lag(folder: Path) -> tuple[int, datetime | None]:
    """How many facts are not applied yet, and of when the first is."""
    count, first = 0, None
    for _, line in _lines(folder, applied(folder)):
        count += 1
        if first is None and (body := body_of(line)) is not None:
            fact = read_or_not(body)
            first = None if isinstance(fact, Unreadable) else happened_at(fact)
    return count, first


def put_aside(folder: Path, refused: TellRefused = unseen) -> list[Path]:
    """The reports on what is in quarantine, on either disk; each is named after its fact, and `.why`."""
    shelves = (folder / "quarantine", folder / SECOND / "quarantine")
    found = (Path(entry.path) for shelf in shelves for entry in listed(shelf, refused))
    return sorted(path for path in found if path.suffix == ".why")


def naming(folder: Path, names: Collection[str]) -> ToldFacts:
    """Recording → the facts that speak of it and where each ends, oldest first.

    Looked for in what is not applied and in the last segments before it (`latest`), of which only lines that
    hold one of the names are parsed: that takes well under a second, however long facts are kept.
    """
    return _telling(folder, _NAMES, names)


def of_calls(folder: Path, ids: Collection[str]) -> ToldFacts:
    """Call → its facts and where each ends, oldest first; looked for as by `naming`."""
    return _telling(folder, _CALLS, ids)


def of_their_calls(folder: Path, names: Collection[str]) -> dict[str, tuple[Position, Fact]]:
    """Recording → what is first told of the call that it was named for, and where that ends.

    For those of which nothing else tells; looked for as by `naming`.
    """
    found: dict[str, tuple[Position, Fact]] = {}
    others = set[bytes]()
    for position, line in _lines(folder, _lately(folder)) if names else ():
        call = _CALLS.search(line)
        if call is None or call[1] in others or (body := body_of(line)) is None:
            continue
        hers = [name for name in names if is_of(name, call[1].decode(errors="replace"))]
        fact = read_or_not(body) if hers else None
        if fact is None:
            others.add(call[1])
        elif not isinstance(fact, Unreadable):
            found = dict.fromkeys(hers, (position, fact)) | found
    return found


def speaking_of(folder: Path, text: str) -> Iterator[tuple[Position, bytes]]:
    """Every fact's JSON in which that recording, call, case or code is a value, oldest first."""
    wanted = b'"%s"' % text.encode()
    for position, line in _lines(folder, Position()):
        if wanted in line and (body := body_of(line)) is not None:
            yield position, body


def _telling(folder: Path, speaks: re.Pattern[bytes], names: Collection[str]) -> ToldFacts:
    wanted = {name.encode() for name in names}
    found: ToldFacts = {}
    for position, line in _lines(folder, _lately(folder)):
        spoken_of = wanted.intersection(speaks.findall(line))
        body = body_of(line) if spoken_of else None
        if body is not None:
            fact = read_or_not(body)
            for name in spoken_of:
                found.setdefault(name.decode(), []).append((position, fact))
    return found


def between(folder: Path, after: Position, upto: Position) -> int:
    """How many lines stand there."""
    return sum(1 for position, _ in _lines(folder, after) if position <= upto)


def _lately(folder: Path) -> Position:
    upto = applied(folder).segment
    return Position(latest({number: path for number, path in segments(folder).items() if number < upto}))


def names_since(folder: Path, segment: int) -> set[str]:
    """Every recording that the facts from this segment on speak of."""
    lines = _lines(folder, Position(segment))
    return {name.decode(errors="replace") for _, line in lines for name in _NAMES.findall(line)}


def run_began(folder: Path) -> int | None:
    """The first segment of the process that has this journal open; None when nobody has."""
    try:
        fd = os.open(folder / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.read(fd, 20).strip()
        return int(said) if said.isdigit() else 0
    finally:
        os.close(fd)
    return None


def is_left(folder: Path) -> bool:
    """Whether nobody has this journal open and facts in it may wait to be applied."""
    found = segments(folder)
    if not found:
        return False
    last, path = [*found.items()][-1]
    end = Position(last, path.stat().st_size)
    return applied(folder) < end and run_began(folder) is None


def signed_at(folder: Path) -> float:
    """Up to when everything noted is on the disk, as its process says every few seconds. 0.0: never said."""
    try:
        return (folder / "lock").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def promises(folder: Path, code: str) -> bool:
    """Whether a case with this code waits to be applied."""
    wanted = b'"code":"%s"' % code.encode()
    return any(wanted in line and body_of(line) for _, line in _lines(folder, applied(folder)))


def unread(folder: Path) -> str:
    """What a disk says where it does not give what is looked into here, with the place; else ""."""
    try:
        for _ in _lines(folder, _lately(folder)):
            pass
    except OSError as error:
        return str(error)
    return ""


def _lines(folder: Path, after: Position) -> Iterator[tuple[Position, bytes]]:
    """Whole lines behind a position, and where each ends. Their checksums are the caller's to look at.

    Raises OSError, with the place of a page that the disk does not give.
    """
    for segment, path in segments(folder).items():
        if segment < after.segment:
            continue
        try:
            file = path.open("rb")
        except FileNotFoundError:  # long since applied, and removed a moment ago
            continue
        with file:
            offset = after.offset if segment == after.segment else 0
            file.seek(offset)
            try:
                for line in file:
                    offset += len(line)
                    yield Position(segment, offset), line
            except OSError as error:
                raise at_byte(offset, path, error) from error
