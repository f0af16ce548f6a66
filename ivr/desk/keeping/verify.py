"""Is everything as it was written? Cases, days, recordings and attachments against their hashes.

Changes nothing and may run beside a live hotline: it goes page by page, and each is one consistent look.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.custody import FIRST, day_heading, read_day_line
from ivr.cases.proving import Finding, check_case
from ivr.cases.zone import ZONE
from ivr.desk.keeping import answer_voices
from ivr.desk.keeping.answer_voices import AnswerVoice
from ivr.desk.keeping.custody import day_lines, list_path
from ivr.desk.keeping.proved import Proved, setbacks, went_back
from ivr.desk.keeping.proved import days as proved_days
from ivr.desk.keeping.seal_proof import SealProof, Witnessed, read_roots
from ivr.desk.keeping.sealing import ROOTS
from ivr.desk.refusals import NoSuchCase
from ivr.store import envelope, flac, recording_files
from ivr.store.attachments import beside
from ivr.store.envelope import Damaged, KeyMissing
from ivr.store.folders import listed, remedy
from ivr.store.recording_files import CLOSED, PACKED, PLAIN, keys_beside, plain, where
from ivr.store.tables import (
    attachments,
    case_events,
    cases,
    custody_days,
    precedents,
    recordings,
    referrals,
)
from ivr.store.vault import Vault, VaultError
from ivr.store.volumes import SECOND
from ivr.voice.riff import with_header
from ivr.voice.wave import with_lengths

PAGE = 500
ELSEWHERE = "look for it in a backup"
BLOCK, NEAR = 4096, 64  # a disk loses whole ones; sound before them may end in a few zeros
# `removed`: recordings and attachments that retention took; `anonymised`: cases, of those counted before.
# `never`: numbers that no row came for; `unsealed`: rows of the last minute, which no seal proves yet.
LOOKED = (
    *("cases", "anonymised", "events", "recordings", "attachments", "removed", "days"),
    *("seals", "rows", "never", "unsealed"),
)
LATE = timedelta(days=1)  # a day that is over for so long should be closed


@dataclass(slots=True)
class Verification:
    """What was looked at. `tell` hears of each finding once, `step` of progress (what, how many more)."""

    engine: AsyncEngine
    recordings: Path
    lists: Path
    tell: Callable[[Finding], None]
    step: Callable[[str, int], None] = lambda what, count: None
    vault: Vault | None = None  # where a recording may be that is not here any more
    looked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LOOKED, 0))
    findings: int = 0
    since: Proved | None = None  # only what was written after that
    store_away: str = ""  # why it is not asked again
    witnesses: tuple[Path, ...] = ()  # files and folders where the seals' roots were written down
    _told: set[tuple[str, str, int | None, str, str, str]] = field(default_factory=set)

    def found(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            text = "" if finding.case or finding.recording or finding.day else finding.text
            key = (finding.kind, finding.case, finding.event, finding.recording, finding.day, text)
            if key not in self._told:
                self._told.add(key)
                self.findings += 1
                self.tell(finding)

    def count(self, what: str, number: int = 1) -> None:
        self.looked[what] += number
        self.step(what, number)


_MEND_SETBACK = (
    ". Look through the cases of that time with the desks and have done again what is missing; then: "
    'ivr verify --seen "what was found"'
)


async def prove(
    proof: Verification, code: str = "", roots: Collection[str] = (), listen: bool = True
) -> None:
    """Everything, or with `code` that case alone (then without the days). Raises NoSuchCase.

    `roots`: roots of days that were kept elsewhere. `listen`: read the files' bytes too.
    """
    await _prove_cases(proof, code)
    if not code:
        await _prove_days(proof, roots)
        witnessed = await _witnessed(proof)
        async with proof.engine.connect() as connection:
            backs = await went_back(connection)
        seals = SealProof(proof.engine, proof.found, proof.count, witnessed, backs)
        await (seals.run(proof.since.seal, proof.since.seal_root) if proof.since else seals.run())
        async with proof.engine.connect() as connection:
            told = await setbacks(connection, seals.lost)
        proof.found(Finding("went_back", f"{text}{_MEND_SETBACK}") for text in told)
    if listen:
        await _prove_recordings(proof, code)
        await _prove_answers(proof, code)
        await _prove_attachments(proof, code)


async def totals(engine: AsyncEngine) -> dict[str, int]:
    """How much there is to look at, for a progress bar."""
    tables = {"cases": cases, "recordings": recordings, "days": custody_days}
    async with engine.connect() as connection:
        return {
            name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for name, table in tables.items()
        }


# Cases


async def _prove_cases(proof: Verification, code: str) -> None:
    query, after = select(cases).order_by(cases.c.id).limit(PAGE), None
    if code:
        query = query.where(cases.c.code == code)
    if proof.since:
        query = query.where(cases.c.id.in_(_touched(proof.since)))
    while True:
        page = query if after is None else query.where(cases.c.id > after)
        async with _one_look(proof.engine) as connection:
            rows = (await connection.execute(page)).all()
            await _prove_page(proof, connection, rows)
        if code and not rows:
            raise NoSuchCase(f"there is no case {code}")
        if code or len(rows) < PAGE:
            break
        after = rows[-1].id
    if not code and not proof.since:
        proof.found(await _of_no_case(proof.engine))


def _touched(since: Proved) -> Select[Any]:
    return select(case_events.c.case_id).where(since.touched())


async def _prove_page(proof: Verification, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
    ids = [row.id for row in rows]
    told = await _children(connection, select(case_events).order_by(case_events.c.seq), case_events, ids)
    heard = await _children(connection, select(recordings), recordings, ids)
    ruled = await _children(connection, select(precedents), precedents, ids)
    referred = await _children(connection, select(referrals), referrals, ids)
    papers = await _children(connection, select(attachments), attachments, ids)
    for row in rows:
        its = (told[row.id], heard[row.id], ruled[row.id], referred[row.id], papers[row.id])
        proof.found(check_case(row, *its))
        proof.count("events", len(told[row.id]))
        proof.count("cases")
        if row.anonymised_at is not None:
            proof.count("anonymised")


async def _children(
    connection: AsyncConnection, query: Select[Any], table: Any, ids: Sequence[Any]
) -> dict[Any, list[Row[Any]]]:
    found: dict[Any, list[Row[Any]]] = defaultdict(list)
    for row in await connection.execute(query.where(table.c.case_id.in_(ids))):
        found[row.case_id].append(row)
    return found


async def _of_no_case(engine: AsyncEngine) -> list[Finding]:
    """Events whose case is gone, which the database itself forbids unless it is told not to."""
    query = select(case_events.c.case_id).outerjoin(cases, cases.c.id == case_events.c.case_id)
    async with engine.connect() as connection:
        gone = (await connection.execute(query.where(cases.c.id.is_(None)).distinct())).scalars().all()
    return [_case_gone(str(case)) for case in gone]


def _case_gone(case: str, day: str = "") -> Finding:
    return Finding("case_removed", f"the case with the id {case} is gone from the books", case, day=day)


async def _witnessed(proof: Verification) -> Witnessed:
    """The roots that were written down, on this machine and wherever else we were told of."""

    def refused(path: Path, error: OSError) -> None:
        text = f"{path} can't be read: {error.strerror}; roots in it prove nothing until then: "
        text += remedy(error, "see dmesg")
        proof.found([Finding("witness_unread", text)])

    return await asyncio.to_thread(read_roots, *proof.witnesses, proof.lists / ROOTS, refused=refused)


# Days


async def _prove_days(proof: Verification, roots: Collection[str]) -> None:
    async with proof.engine.connect() as connection:
        proved = await proved_days(connection)  # before the days: one may be closed and proved meanwhile
        days = (await connection.execute(select(custody_days).order_by(custody_days.c.day))).all()
        now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        first = (await connection.execute(select(func.min(case_events.c.noted_on)))).scalar()
    every, previous, expected = days, FIRST, days[0].day if days else first
    if proof.since:
        days = [row for row in days if row.day > proof.since.day]
        previous, expected = bytes.fromhex(proof.since.day_root), proof.since.day + timedelta(days=1)
    for row in days:
        for missing in _between(expected, row.day):
            proof.found([_day("day_removed", missing, "the root of {} is gone")])
        if row.day == expected and bytes(row.previous) != previous:
            proof.found([_day("day_changed", row.day, "the root of {} does not follow the one before")])
        await _prove_day(proof, row)
        proof.count("days")
        previous, expected = bytes(row.root), row.day + timedelta(days=1)
    roots_now = {row.day: bytes(row.root).hex() for row in every}
    proof.found(_unlisted(proof.lists, roots_now))
    for day, root in proved:
        if day not in roots_now:
            proof.found([_day("day_removed", day, "the root of {} was proved, and is gone")])
        elif roots_now[day] != root:
            proof.found([_day("day_changed", day, "the root of {} is not the one that was proved")])
    if expected and datetime.combine(expected + LATE, time(), ZONE) + LATE < now:
        proof.found([_day("day_open", expected, "{} is over and has no root: does `ivr serve` run?")])
    for root in sorted(set(roots) - {*roots_now.values()}):
        proof.found([Finding("root_unknown", f"no day has the root {root}: what it stood for was changed")])


async def _prove_day(proof: Verification, row: Row[Any]) -> None:
    path, heading = list_path(proof.lists, row.day), day_heading(row.day, bytes(row.previous))
    digest, events = hashlib.sha256(heading), 0
    async with _one_look(proof.engine) as connection:
        async for line in day_lines(connection, row.day):
            digest.update(line)
            events += 1
        as_closed = digest.digest() == bytes(row.root)
        try:
            its_list = await asyncio.to_thread(_digest, path)
        except OSError as error:
            its_list = None
            text = f"{path}, the list of {{}}, can't be read: {error.strerror}; {remedy(error, ELSEWHERE)}"
            proof.found([_day("list_unread", row.day, text)])
        if its_list is not None and its_list != bytes(row.root):
            text = f"{path} is not the list that {{}} was closed with, or its root was changed"
            proof.found([_day("list_changed", row.day, text)])
        elif not as_closed and its_list is not None:
            proof.found(await _differences(connection, path, row.day))
    if not as_closed:
        text = f"{{}} was closed with {row.events} events, and has {events} now that give another root"
        if its_list is None:
            text += f"; {path}, which would tell which, is not on this machine"
        proof.found([_day("day_changed", row.day, text)])


async def _differences(connection: AsyncConnection, path: Path, day: date) -> list[Finding]:
    """What was taken away or put into a closed day, by its list."""
    now = [read_day_line(line) async for line in day_lines(connection, day)]
    found: list[Finding] = []
    with path.open("rb") as file:
        then = (read_day_line(line) for line in file.readlines()[3:])
        merged = heapq.merge(((*line, "then") for line in then), ((*line, "now") for line in now))
        for (case, seq), group in groupby(merged, key=lambda line: (line[0], line[1])):
            at = {when: hashed for _, _, hashed, when in group}
            if at.get("then") != at.get("now"):
                found.append(await _difference(connection, day, case, seq, at))
    return found


async def _difference(
    connection: AsyncConnection, day: date, case: str, seq: int, at: dict[str, str]
) -> Finding:
    code = (await connection.execute(select(cases.c.code).where(cases.c.id == case))).scalar()
    if code is None:
        return _case_gone(case, day.isoformat())
    if "now" not in at:
        here = (case_events.c.case_id == case, case_events.c.seq == seq)
        moved = (await connection.execute(select(case_events.c.noted_on).where(*here))).scalar()
        text = f"says that it was written on {moved}, not {day}" if moved else "is gone"
        return Finding("event_removed", f"case {code}: event {seq} {text}", code, seq)
    kind, text = ("event_changed", "is not what was written") if "then" in at else ("event_added", "is new")
    return Finding(kind, f"case {code}: event {seq} {text} since {day} was closed", code, seq)


def _unlisted(folder: Path, known: Collection[date]) -> Iterator[Finding]:
    refused: list[Finding] = []

    def refuse(place: Path, error: OSError) -> None:
        text = f"{place} can't be read: {error.strerror}; {remedy(error, ELSEWHERE)}"
        refused.append(Finding("list_unread", text))

    found = (Path(entry.path) for entry in listed(folder, refuse))
    for path in sorted(path for path in found if path.match("????-??-??.txt")):
        with suppress(ValueError):
            if (day := date.fromisoformat(path.stem)) not in known:
                yield _day("day_removed", day, f"the root of {{}} is gone; {path} is its list")
    yield from refused


def _between(first: date | None, below: date) -> Iterator[date]:
    while first is not None and first < below:
        yield first
        first += timedelta(days=1)


def _day(kind: str, day: date, text: str) -> Finding:
    return Finding(kind, text.format(day), day=day.isoformat())


# Recordings


async def _prove_recordings(proof: Verification, code: str) -> None:
    query, after = select(recordings).order_by(recordings.c.name).limit(PAGE), ""
    if code:
        query = query.join(cases, cases.c.id == recordings.c.case_id).where(cases.c.code == code)
    if proof.since:
        late = recordings.c.recorded_at >= datetime.combine(proof.since.day, time(), ZONE)
        query = query.where(late | recordings.c.case_id.in_(_touched(proof.since)))
    while True:
        async with proof.engine.connect() as connection:
            rows = (await connection.execute(query.where(recordings.c.name > after))).all()
            codes = await _codes(connection, {row.case_id for row in rows})
        for row in rows:
            prove = _prove_recording if row.removed_at is None else _prove_removal
            told = await asyncio.to_thread(prove, proof, row, codes)
            proof.found(await _still(proof, recordings, row, told))
            proof.count("recordings" if row.removed_at is None else "removed")
        if len(rows) < PAGE:
            return
        after = rows[-1].name


async def _still(
    proof: Verification, table: Table, row: Row[Any], found: Sequence[Finding]
) -> Sequence[Finding]:
    """None of what retention has taken since the page was read, which may be long ago."""
    if found and row.removed_at is None:
        taken = select(table.c.name).where(table.c.name == row.name, table.c.removed_at.is_not(None))
        async with proof.engine.connect() as connection:
            if (await connection.execute(taken)).first() is not None:
                return []
    return found


def _prove_recording(proof: Verification, row: Row[Any], codes: dict[Any, str]) -> list[Finding]:
    case, gone, barred, locked = codes.get(row.case_id, ""), "", "", ""
    path = plain(proof.recordings, row.name)
    digest: bytes | None = b""
    try:
        path = where(proof.recordings, row.name) or path
        digest = recording_files.digest(proof.recordings, row.name)
    except KeyMissing as error:
        locked = str(error)
    except Damaged:
        pass  # a disk's doing, or a person's: looked at below
    except OSError as error:
        key = error.filename == str(keys_beside(proof.recordings).path)
        if key or isinstance(error, PermissionError):
            mend = remedy(error, "put its copy back, or move it away and ivr keys recover")
            barred = f"{error.filename or path} can't be read: {error.strerror}; {mend}"
        else:
            gone = f"its disk does not give it: {error.strerror}"
    if digest is not None and digest.hex() == row.sha256:
        return []
    stored, refused = None, ""
    try:
        stored = _stored(proof, row.name)
    except VaultError as error:
        refused = str(error)
    if locked:
        kind, text = "recording_locked", f"{locked}; bring the key back, or ivr keys recover"
        text += "; the copy in the store is whole" if stored == row.sha256 else ""
    elif barred:
        kind, text = "recording_unread", barred
        text += "; the copy in the store is whole" if stored == row.sha256 else ""
    elif digest is not None and (gone := gone or _lost(path, row)):
        kind, text = "recording_lost", f"{path} is not whole: {gone}, as after a power cut or on a sick disk"
        text += "; the copy in the store is" if stored == row.sha256 else f"; {ELSEWHERE}"
    elif digest is not None:
        kind, text = "recording_changed", f"{path} is not what was recorded: its bytes were changed"
        text += "; the copy in the store is" if stored == row.sha256 else "; compare it with one in a backup"
    elif proof.store_away and refused:
        return [Finding("store_unread", f"{refused}; what is there alone is not proved")]  # once for all
    elif refused:
        kind, text = "recording_unread", f"recording {row.name} is not given by its store: {refused}"
    elif stored is None:
        kind, text = "recording_missing", f"{path} is not there"
        text += ", nor is it in the store" if proof.vault else ""
        away = row.name.startswith(f"{SECOND}/") and not (proof.recordings / SECOND).is_dir()
        text += "; its disk is not mounted" if away else f"; {ELSEWHERE}"
    elif stored != row.sha256:
        kind, text = (
            "recording_changed",
            f"recording {row.name} in the store is not what was recorded; {ELSEWHERE}",
        )
    else:
        return []
    return [Finding(kind, f"case {case}: {text}" if case else text, case, recording=row.name)]


def _lost(path: Path, row: Row[Any]) -> str:
    """What a disk did to it: it ends early, or has blocks that were never written; "" for a person's doing.

    Who cuts words out writes the file anew, with a length in its head that fits; zeros of a silence don't
    begin and end where blocks do. Asterisk writes the head again at the end: a disk may have the first one.
    """
    size = row.size if path.suffix == PLAIN else row.packed_size or row.size
    if path.suffix == CLOSED:
        size = envelope.size_outside(size)
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"its disk does not give it: {error.strerror}"
    if (missing := size - len(content)) > 0:
        return "" if _fits(path, content) else f"{missing} of its {size} bytes are not there"
    heads = {"its head lacks the length": with_lengths, "a full disk refused its head": with_header}
    for lacking, mended in heads.items() if path.suffix == PLAIN else ():
        if hashlib.sha256(mended(content)).hexdigest() == row.sha256:
            return f"{lacking}, all her words are there (at_rest mends it)"
    never = sum(_blocks(found.start(), found.end(), len(content)) for found in _ZEROS.finditer(content))
    return f"{never} of its {len(content)} bytes were never written" if never else ""


_ZEROS = re.compile(rb"\0+")


def _blocks(start: int, end: int, size: int) -> int:
    """How many of these zeros are whole blocks that a disk lost; 0 for a silence."""
    first, last = -(-start // BLOCK) * BLOCK, size if end == size else end // BLOCK * BLOCK
    return last - first if last > first and first - start < NEAR and end - last < NEAR else 0


def _fits(path: Path, content: bytes) -> bool:
    """Whether it is as long as its own head says."""
    if path.suffix == CLOSED:
        return False
    if path.suffix == PACKED:
        return flac.is_whole(content)
    return int.from_bytes(content[4:8], "little") + 8 == len(content)


def _prove_removal(proof: Verification, row: Row[Any], codes: dict[Any, str]) -> list[Finding]:
    """What retention took is no finding, unless it is still there."""
    case = codes.get(row.case_id, "")
    try:
        path = where(proof.recordings, row.name)
    except OSError:  # nobody hears it there
        return []
    if row.erased_at is None or path is None:
        return []
    text = f"{path} was erased by retention and is there again: taken from a backup?"
    return [Finding("recording_back", f"case {case}: {text}" if case else text, case, recording=row.name)]


# Answers in a person's voice


async def _prove_answers(proof: Verification, code: str) -> None:
    of = [cases.c.code == code] if code else []
    if proof.since:
        of.append(cases.c.id.in_(_touched(proof.since)))
    async for page in answer_voices.pages(proof.engine, *of):
        for voice in page:
            proof.found(await asyncio.to_thread(_prove_answer, proof, voice))
            proof.count("recordings")


def _prove_answer(proof: Verification, voice: AnswerVoice) -> list[Finding]:
    path = plain(proof.recordings, voice.name)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        kind, text = "answer_missing", f"is not there; {ELSEWHERE}"
    except PermissionError as error:
        kind, text = "answer_unread", f"can't be read: {error.strerror}; {remedy(error, ELSEWHERE)}"
    except OSError as error:
        kind, text = "answer_lost", f"is not given by its disk: {error.strerror}; {ELSEWHERE}"
    else:
        if answer_voices.is_what_was_said(voice.name, hashlib.sha256(content).hexdigest()):
            return []
        kind, text = "answer_lost", f"is not whole, as after a power cut or on a sick disk; {ELSEWHERE}"
        if _fits(path, content):
            kind = "answer_changed"
            text = "is not what was said: its bytes were changed; compare it with one in a backup"
    text = f"case {voice.code}: {path}, the answer in a person's voice, {text}"
    return [Finding(kind, text, voice.code, recording=voice.name)]


# Attachments


async def _prove_attachments(proof: Verification, code: str) -> None:
    query = select(attachments, cases.c.code).join(cases, cases.c.id == attachments.c.case_id)
    query, after = query.order_by(attachments.c.name).limit(PAGE), ""
    if code:
        query = query.where(cases.c.code == code)
    if proof.since:
        query = query.where(attachments.c.case_id.in_(_touched(proof.since)))
    while True:
        async with proof.engine.connect() as connection:
            rows = (await connection.execute(query.where(attachments.c.name > after))).all()
        for row in rows:
            told = await asyncio.to_thread(_prove_attachment, proof, row)
            proof.found(await _still(proof, attachments, row, told))
            proof.count("attachments" if row.removed_at is None else "removed")
        if len(rows) < PAGE:
            return
        after = rows[-1].name


def _prove_attachment(proof: Verification, row: Row[Any]) -> list[Finding]:
    path = beside(proof.recordings) / row.name
    kind = ""
    try:
        digest = _digest(path)
    except OSError as error:
        if row.erased_at is not None:
            return []
        kind, text = "attachment_lost", f"is not given by its disk: {error.strerror}; {ELSEWHERE}"
        if isinstance(error, PermissionError):
            kind, text = "attachment_unread", f"can't be read: {error.strerror}; {remedy(error, ELSEWHERE)}"
        return [Finding(kind, f"case {row.code}: {path} {text}", row.code, recording=row.name)]
    if row.removed_at is not None:
        if row.erased_at is not None and digest is not None:
            kind, text = "attachment_back", "was erased by retention and is there again: taken from a backup?"
    elif digest is None:
        kind, text = "attachment_missing", f"is not there; {ELSEWHERE}"
    elif digest.hex() != row.sha256:
        kind, text = (
            "attachment_changed",
            "is not what was attached: its bytes were changed; compare it with a backup",
        )
    return [Finding(kind, f"case {row.code}: {path} {text}", row.code, recording=row.name)] if kind else []


def _stored(proof: Verification, name: str) -> str | None:
    """The hash of the copy; None where there is none. Raises VaultError."""
    if proof.vault is None:
        return None
    if proof.store_away:
        raise VaultError(proof.store_away)
    try:
        return proof.vault.sha256(name)
    except FileNotFoundError:
        return None
    except VaultError as error:
        if proof.vault.is_away():
            proof.store_away = str(error)
        raise


async def _codes(connection: AsyncConnection, ids: Collection[Any]) -> dict[Any, str]:
    rows = await connection.execute(select(cases.c.id, cases.c.code).where(cases.c.id.in_(ids)))
    return {row.id: row.code for row in rows}


def _digest(path: Path) -> bytes | None:
    """None when there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        return None


def _one_look(engine: AsyncEngine) -> AsyncConnection:
    """A connection on which everything is seen as of one moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ").connect()
