"""What the dialplan recorded alone, while nobody of ours answered, becomes cases at the desk, exactly once.

The file is called `<epoch>_<caller's digits>_<chance>_<call's id>~<what she chose>.wav`. The call's id is
there when a server had taken her call before it died; the words then belong to that call, and to its case.
What she chose by then is `<language>~<code>~<kind>~<topic>~<county>`: the code was set aside for her and has
been spoken (dialplan/shared/hotline.conf.j2).
"""

from __future__ import annotations

import dataclasses
import fcntl
import logging
import os
import re
import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from ivr.cases.code import is_valid
from ivr.cases.kinds import Kind
from ivr.desk.call.intake import CallFacts, Intake, fact_call, recording_begun
from ivr.store.clocks import mark_of
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.facts import RecordingBegunFact
from ivr.store.flushing import flush, replace
from ivr.store.folders import listed
from ivr.store.journal import JournalError
from ivr.store.recording_files import PLAIN, is_of
from ivr.store.room import EMPTY, is_closed, trim
from ivr.store.volumes import SECOND
from ivr.voice.actions import OpenCase
from ivr.voice.events import Ended, Recorded
from ivr.voice.riff import with_header
from ivr.voice.wave import measure, was_closed, was_refused

log = logging.getLogger(__name__)

SETTLED_SECONDS = 10.0  # a file that has not grown for so long is complete …
# … and so many times as long, as the dialplan records at most, one that Asterisk has not closed: a telephone
# that sends nothing while she pauses lets it be, and by NFS its growth shows late.
_OPEN_TIMES = 18
LEAST_SECONDS = 0.5  # less is no word
_CUT = ".cut"  # what a mark's name ends with (dialplan/shared/hotline.conf.j2)
_NAME = re.compile(
    r"(?P<epoch>\d{9,11})_(?P<caller>[0-9+]*)_(?P<chance>[0-9a-zA-Z]+)(_(?P<call>[0-9a-f]{32})?)?"
)
_CHOSEN = re.compile(r"[a-z0-9][a-z0-9_.]*")
_NAMESPACE = uuid.UUID("0b6a0f0e-6d52-4c55-9d5c-5a2f1d1c1111")
# What a disk refused to flush, until it is a case: the disk may hold zeros for it, and a second flush says
# nothing of that.
_unkept: dict[Path, bytes] = {}
# What Asterisk has open, or died over: how long it is, and since when we see that, by no clock that jumps.
_open: dict[Path, tuple[int, float]] = {}


def fallbacks(folder: Path, unread: list[Path]) -> list[Path]:
    """What the dialplan recorded and nobody has taken in yet, on either disk.

    A disk that does not show everything is added to `unread`.
    """
    return [path for place in places(folder) for path in _recorded(place, unread)]


def places(folder: Path) -> tuple[Path, Path]:
    """The dialplan's folder on each disk."""
    return folder, folder / SECOND


def nameless(path: Path) -> str:
    """What logs and lists call it, a pattern that finds it: without her number and what she chose."""
    match = _named(path)
    return f"{match['epoch']}_*_{match['chance']}*" if match else path.name


def _named(path: Path) -> re.Match[str] | None:
    return _NAME.fullmatch(path.stem.partition("~")[0])


def _recorded(place: Path, unread: list[Path]) -> list[Path]:
    try:
        shown = in_time(place, partial(listed, place, partial(_refused, unread)))
    except TimeoutError as error:
        _refused(unread, place, error)
        return []
    return sorted(Path(entry.path) for entry in shown if entry.name.endswith(PLAIN))


def _refused(unread: list[Path], place: Path, error: OSError) -> None:
    log.error("%s can't be looked at for what the dialplan recorded: %s", place, error)
    unread.append(place)


def told_by_names(
    folder: Path, languages: Collection[str], recordings: Collection[str]
) -> dict[str, RecordingBegunFact]:
    """Recording of a server → what the dialplan's own recording of the same call is called by.

    That one may hold no word.
    """
    found: dict[str, RecordingBegunFact] = {}
    for place in places(folder):
        for path in [*_recorded(place, []), *_recorded(place / EMPTY, [])]:
            match = _named(path)
            if match and match["call"]:
                id = str(uuid.UUID(match["call"]))
                its = [name for name in recordings if is_of(name, id)]
                found |= {name: _begun(path, name, languages) for name in its}
    return found


def _begun(path: Path, name: str, languages: Collection[str]) -> RecordingBegunFact:
    chosen, code = _chosen(path, languages)
    call, _ = _call(path, 0.0, chosen.language)
    return recording_begun(fact_call(call), call.started_at, name, chosen, code)


async def take_in(
    intake: Intake,
    folder: Path,
    recordings: Path,
    settled: float = SETTLED_SECONDS,
    unread: list[Path] | None = None,
) -> int:
    """Journal every settled recording as a case, then remove it from `folder`. How many there were.

    Ids and file names come from the file's own name, so a crash between two steps repeats the same case
    instead of making a second. What holds no word is moved to `EMPTY` in it. Where another process takes
    them in, nothing is done. One file, or one disk (then it is added to `unread`), that can't be read holds
    up no other. Raises JournalError.
    """
    its = [] if unread is None else unread
    return sum([await take_in_from(intake, place, recordings, its, settled) for place in places(folder)])


async def take_in_from(
    intake: Intake, place: Path, recordings: Path, unread: list[Path], settled: float = SETTLED_SECONDS
) -> int:
    """The same of one disk. One that hangs is waited for, which holds up nobody but who waits here."""
    try:
        fd = await ask_once(partial(_alone_in, place))
    except OSError as error:
        _refused(unread, place, error)
        return 0
    if fd is None:
        return 0
    try:
        await ask_once(partial(_remove_probes, place, settled))
        found = await ask_once(partial(_recorded, place, unread))
        if place not in unread:  # what a sick disk does not show for once is not watched from the start again
            for gone in [path for path in list(_open) if path.parent == place and path not in found]:
                _open.pop(gone, None)
        return await _take_all(intake, found, recordings, settled)
    finally:
        os.close(fd)


def _remove_probes(place: Path, settled: float) -> None:
    """What the dialplan wrote to see whether the disk takes more, and marks of recordings that are gone."""
    with suppress(OSError):  # of what it does not show `_recorded` tells
        gone = (mark for mark in place.glob(f"*{_CUT}") if not mark.with_suffix("").exists())
        for probe in [*place.glob("*.room"), *gone]:
            with suppress(OSError):
                if time.time() - probe.stat().st_mtime > settled:
                    probe.unlink()


def _cut_mark(path: Path) -> Path:
    """What the dialplan leaves beside a recording that Asterisk gave up; on a full disk it is empty."""
    return path.with_name(f"{path.name}{_CUT}")


def _alone_in(place: Path) -> int | None:
    """What keeps others out until it is closed; None where nothing is, or another. Raises OSError."""
    try:
        fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return fd


async def _take_all(intake: Intake, found: Sequence[Path], recordings: Path, settled: float) -> int:
    taken = 0
    for path in found:
        try:
            if await ask_once(partial(_is_settled, path, settled)):
                await _take_one(intake, path, recordings)
                taken += 1
        except OSError as error:
            log.error("%r can't be taken in now: %s", nameless(path), error.strerror or error)
        except JournalError:
            raise  # it would take none of the others either
        except Exception:
            log.exception("%r can't be taken in and waits", nameless(path))
    return taken


def _is_settled(path: Path, settled: float) -> bool:
    """One that is open is judged by our own looks: by a clock minutes off, it stands still as she speaks."""
    closed = path in _unkept or is_closed(path)  # first: as it is opened, NFS asks for its size anew
    found = path.stat()
    if closed:
        return abs(time.time() - found.st_mtime) >= settled  # or the clock was set back since
    now = time.monotonic()
    size, since = _open.get(path, (-1, now))
    if size != found.st_size:
        _open[path] = found.st_size, now
        return False
    return now - since >= _OPEN_TIMES * settled


async def _take_one(intake: Intake, path: Path, recordings: Path) -> None:
    recorded = await ask_once(partial(_move_in, path, recordings))
    if recorded is None:
        return
    spoken = intake.book.conventions.languages
    chosen, code = _chosen(path, spoken)
    call, spoken_at = await ask_once(partial(_call, path, recorded.seconds, chosen.language))
    name = _named(path)
    if not (name and name["call"]) and chosen.language in ("", spoken[0]):  # no server had asked her for hers
        known = (await intake.recall(call.caller)).language
        if known in spoken:
            call.language, chosen = known, dataclasses.replace(chosen, language=known)
    await intake.take_in(call, dataclasses.replace(chosen, recordings=(recorded,)), code, spoken_at)
    await ask_once(path.unlink)
    _unkept.pop(path, None)
    log.warning("a caller whom only the dialplan answered: %s is a case at the desk now", nameless(path))


def _move_in(path: Path, recordings: Path) -> Recorded | None:
    """A second name (or a copy) among the recordings; None when there is nothing to hear."""
    trim(path)
    volume = f"{SECOND}/" if path.parent.name == SECOND else ""  # it stays on its disk: the other may be full
    name = f"{volume}fallback/{_id(path, 'recording').hex}"
    target = recordings / f"{name}.wav"
    stored = _unkept.get(path) or (target if target.exists() else path).read_bytes()
    content = with_header(stored)
    found = measure(content)
    if found.seconds < LEAST_SECONDS:
        empty = path.parent / EMPTY
        empty.mkdir(exist_ok=True)
        path.replace(empty / path.name)
        log.warning("%s holds no word; moved to %s", nameless(path), empty)
        return None
    _bring(path, content, target, recordings, anew=path in _unkept or content is not stored)
    ended = Ended.CUT if _cut_mark(path).exists() else _ended(stored)
    return Recorded(name, found.seconds, found.voiced_seconds, ended, found.sha256, found.size)


def _ended(content: bytes) -> Ended:
    if was_refused(content):
        return Ended.CUT
    # Asterisk died in the middle: what it had still in memory is not there, and nobody may call it whole.
    return Ended.HANGUP if was_closed(content) else Ended.BROKEN


def _bring(path: Path, content: bytes, target: Path, root: Path, *, anew: bool) -> None:
    if anew or not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if anew or not _linked(path, target):
            replace(target, content)
    try:
        flush(target, root)
    except OSError:
        _unkept[path] = content
        with suppress(OSError):
            target.unlink(missing_ok=True)  # it says what is so, should we die
        raise


def _linked(path: Path, target: Path) -> bool:
    try:
        os.link(path, target)
    except OSError:  # another file system
        return False
    return True


def _chosen(path: Path, languages: Collection[str]) -> tuple[OpenCase, str]:
    """What she had chosen, and her code, as the name has it. `ivr.desk.case.rows.rule` leaves out what the
    book lacks.
    """
    chosen = [part if _CHOSEN.fullmatch(part) else "" for part in path.stem.split("~")[1:]]
    language, code, kind, topic, county, *_ = [*chosen, "", "", "", "", ""]
    known = language if language in languages else ""
    return OpenCase(kind or Kind.REQUEST, topic, county, known, ()), code if is_valid(code) else ""


def _call(path: Path, seconds: float, language: str) -> tuple[CallFacts, datetime]:
    """Who and when. A file with a strange name still counts: by its own time, from nobody known."""
    match = _named(path)
    began = int(match["epoch"]) if match else path.stat().st_mtime - seconds
    started_at = datetime.fromtimestamp(began, UTC)
    id = uuid.UUID(match["call"]) if match and match["call"] else _id(path, "call")
    call = CallFacts(
        id=str(id),
        unique_id=f"fallback:{id.hex}",  # not the name, which has her number
        caller=match["caller"] if match else "",
        caller_name="",
        started_at=started_at,
        answered_at=started_at,
        language=language,
        menu_name="",
        menu_revision="",
        uptime=mark_of(began),  # nobody had compared the clock that the dialplan went by
    )
    return call, started_at + timedelta(seconds=seconds)


def _id(path: Path, what: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, f"{what}:{path.name}")
