"""What is kept how long, by the province's `retention.yaml`; what its time is over for goes by itself.

    rules:                        # days after a case's end; the most particular rule counts
      - {delete_recording_after: 730, anonymise_after: 1825}
      - {kind: meeting, status: closed, delete_recording_after: 365}
    calls: 1825                   # days after which a call's number goes, where its case is over, and a block
    scraps: 90                    # and recordings that belong to no case, also of the dialplan's own

An open case is never touched, nor one under a legal hold (`ivr.desk.case.holds`), nor what belongs to it: its
parts, and duplicates that were merged into it.
Rows stay and so does the chain: what goes is told by an event, `recordings_removed` or `anonymised`. One
batch is one transaction and takes what no other worker holds; the files go afterwards, and what was made of
them for listening, and again where interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    Text,
    TextClause,
    Update,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    false,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.kinds import Kind
from ivr.cases.retention import LEAST_DAYS, RetentionRule
from ivr.cases.statuses import OPEN, Status
from ivr.desk.book.yaml_file import read_placed
from ivr.desk.case import entries, holds
from ivr.desk.case.event_log import Told, tell_all
from ivr.desk.case.holds import holds_what_is_of, is_held
from ivr.desk.people.auditing import note
from ivr.store import recording_files
from ivr.store.aside import Aside
from ivr.store.attachments import UNERASED, beside, forget
from ivr.store.callbacks import ASKED_FOR
from ivr.store.calls import KNOWN
from ivr.store.derived import Derived
from ivr.store.folders import listed
from ivr.store.recordings import SCRAPS, TO_ERASE
from ivr.store.room import ALONE, EMPTY
from ivr.store.tables import (
    attachments,
    blocked_callers,
    callback_attempts,
    callbacks,
    calls,
    cases,
    marks,
    meeting_minutes,
    outbox,
    recordings,
    transcripts,
)
from ivr.store.volume import want_mounted
from ivr.store.volumes import SECOND, disk_of

log = logging.getLogger(__name__)

FILE = "retention.yaml"
BATCH = 50  # four times as many held the event loop for 50 ms and more
FILES_BATCH = 20  # that go before it is asked again which case is held since
LOOKED_THROUGH = 5_000  # recordings that are kept, of whose cases those are found whose time is over
REMOVED, ANONYMISED = "recordings_removed", "anonymised"  # events
ERASED_LATELY = timedelta(days=60)
FILES = "files to erase"  # what their disk does not let go
_A_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"  # what a call of ours is known by: its attempt's
FILES_TOLD = 5  # a line each in one pass; a disk that is read-only lets none go
CALLS_FORGOTTEN, LETTERS_PRUNED = TOLD = "calls_forgotten", "letters_pruned"  # in the audit
NOBODY: dict[str, Any] = dict.fromkeys(("caller", "caller_key", "caller_name", "callback", "national_id"), "")
NOBODY |= {"words": "", "told": None, "place": None, "draft": null(), "salt": None}
Json = dict[str, Any]
Days = Annotated[int, Field(ge=LEAST_DAYS, le=36_500)]


class Terms(BaseModel):
    """One rule as the file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Kind | None = None
    status: Status | None = None
    delete_recording_after: Days | None = None
    anonymise_after: Days | None = None

    @model_validator(mode="after")
    def _ends(self) -> Terms:
        if self.status in OPEN:
            raise ValueError(f"a case that is {self.status} is not over, and nothing of it may go")
        return self

    def rule(self) -> RetentionRule:
        return RetentionRule(
            self.kind or "", self.status or "", self.delete_recording_after, self.anonymise_after
        )


class Retention(BaseModel):
    """Without a file nothing ever goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rules: list[Terms] = []
    calls: Days | None = None
    scraps: Days | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Retention:
        if len({(rule.kind, rule.status) for rule in self.rules}) < len(self.rules):
            raise ValueError("two rules are about the same kind and status")
        return self


@dataclass(frozen=True, slots=True)
class Purged:
    """What one pass took. `files`: of recordings and attachments."""

    recordings: int = 0
    anonymised: int = 0
    calls: int = 0
    files: int = 0
    blocks: int = 0


def load(folder: Path) -> Retention:
    """Raises SeedError with file, line and key of every mistake."""
    return read_placed(folder / FILE, Retention)


async def keep(
    engine: AsyncEngine,
    kept: Retention,
    folder: Path,
    derived: Derived,
    now: datetime,
    batch: int = BATCH,
    aside: Aside | None = None,
) -> Purged:
    """Let everything go whose time is over. Any worker may, at any time, and be interrupted anywhere."""
    rules, aside = [terms.rule() for terms in kept.rules], aside or Aside()
    for event in (REMOVED, ANONYMISED):
        aside.waiting(event, now)
    counts = {
        event: sum([await _batches(engine, each, now, batch, aside) for each in _ripe(rules, event, now)])
        for event in (REMOVED, ANONYMISED)
    }
    scraps = await _scraps(engine, kept.scraps, now)
    numbers = await _calls(engine, kept.calls, now, batch)
    blocks = await _blocks(engine, kept.calls, now)
    await _asked_for_since(engine, now, batch)
    files = await erase(engine, folder, derived, now, aside)
    if kept.scraps is not None:
        files += await asyncio.to_thread(_erase_wordless, folder, now - timedelta(days=kept.scraps))
    return Purged(counts[REMOVED] + scraps, counts[ANONYMISED], numbers, files, blocks)


async def preview(
    engine: AsyncEngine, kept: Retention, now: datetime, folder: Path | None = None
) -> list[Json]:
    """What `keep` would take now, by rule; `held`: cases that a legal hold keeps. Changes nothing.

    `folder`: of recordings; without it scraps of the dialplan's own are not counted.
    """
    rules, found = [terms.rule() for terms in kept.rules], list[Json]()
    async with engine.connect() as connection:
        for ripe in (each for event in (REMOVED, ANONYMISED) for each in _ripe(rules, event, now)):
            held = func.count().filter(is_held())
            query = select(func.count().filter(~is_held()), held, func.min(cases.c.closed_at))
            many, kept_back, oldest = (await connection.execute(query.where(ripe.condition))).one()
            found.append(
                {"what": ripe.event, "kind": ripe.rule.kind, "status": ripe.rule.status, "days": ripe.days}
                | {"cases": many, "held": kept_back, "oldest": oldest and oldest.isoformat()}
            )
        terms = (("scraps", kept.scraps, scraps_due), ("calls", kept.calls, calls_due))
        for what, days, due_now in (*terms, ("blocks", kept.calls, blocks_due)):
            count = select(func.count()).select_from(due_now(days, now).subquery())
            many = (await connection.execute(count)).scalar_one()
            if what == "scraps" and folder is not None and days is not None:
                many += len(await asyncio.to_thread(_wordless, folder, now - timedelta(days=days)))
            found.append({"what": what, "kind": "", "status": "", "days": days, "cases": many})
    return found


@dataclass(frozen=True, slots=True)
class Ripe:
    """The cases of one rule whose time is over, and that no more particular rule is about."""

    event: str
    rule: RetentionRule
    days: int
    condition: ColumnElement[bool]
    before: datetime


def _ripe(rules: Sequence[RetentionRule], event: str, now: datetime) -> Iterator[Ripe]:
    for rule in rules:
        days = rule.recording_days if event == REMOVED else rule.anonymise_after
        if days is not None:
            before = now - timedelta(days=days)
            others = [_about(other) for other in rules if other.particularity > rule.particularity]
            over = (cases.c.closed_at <= before, ~_goes_on(before), _about(rule), ~or_(false(), *others))
            yield Ripe(event, rule, days, and_(*over, _undone(event, before)), before)


def _about(rule: RetentionRule) -> ColumnElement[bool]:
    named = [cases.c[name] == value for name in ("kind", "status") if (value := getattr(rule, name))]
    return and_(cases.c.closed_at.is_not(None), *named)


def _goes_on(before: datetime) -> ColumnElement[bool]:
    """Whether a case that it is within is open, or is over for a shorter time."""
    above = holds.above()
    lately = or_(above.c.closed_at.is_(None), above.c.closed_at > before)
    return and_(holds.WITHIN_ANOTHER, select(above.c.id).where(lately).exists())


def _undone(event: str, before: datetime) -> ColumnElement[bool]:
    """`before`: no recording of a case that ended before then is younger; an attachment may be."""
    if event == ANONYMISED:
        return cases.c.anonymised_at.is_(None)
    left = (recordings.c.case_id == cases.c.id, recordings.c.removed_at.is_(None))
    heard = select(recordings.c.name).where(*left, recordings.c.recorded_at <= before)
    lies = (attachments.c.case_id == cases.c.id, attachments.c.removed_at.is_(None))
    seen = select(attachments.c.id).where(*lies, attachments.c.added_at <= before)
    return or_(heard.exists(), seen.exists())


def due(ripe: Ripe, batch: int, goes_on: bool = False) -> Select[Any]:
    """Those to be anonymised that are over longest; `goes_on` behind the last one seen (`after`)."""
    place = (cases.c.closed_at, cases.c.id)
    query = select(cases).where(ripe.condition, ~is_held())
    if goes_on:
        query = query.where(_is_behind(*place))
    return query.order_by(*place).limit(batch).with_for_update(skip_locked=True, of=cases)


def _is_behind(at: ColumnElement[Any], key: ColumnElement[Any]) -> ColumnElement[bool]:
    """What `after` says of a row. A statement is made once a pass, not for each batch.

    Of the columns of those that were thrown away, of a million cases' batches, the collector let go 0.1 s at
    a time, and of most never.
    """
    return tuple_(at, key) > tuple_(bindparam("at", type_=at.type), bindparam("key", type_=key.type))


def _after(at: datetime, key: Any) -> Json:
    return {"at": at, "key": key}


def _of_these(ripe: Ripe) -> Select[Any]:
    """Those of `ids`."""
    its = cases.c.id == any_(bindparam("ids", type_=ARRAY(cases.c.id.type)))
    query = select(cases).where(its, ripe.condition, ~is_held())
    return query.order_by(cases.c.id).with_for_update(skip_locked=True, of=cases)


async def _batches(engine: AsyncEngine, ripe: Ripe, now: datetime, batch: int, aside: Aside) -> int:
    take = partial(_anonymise if ripe.event == ANONYMISED else _remove, now=now)

    async def once(query: Select[Any], values: Json) -> tuple[Sequence[Row[Any]], int]:
        began = time.monotonic()
        found = await aside.batch(ripe.event, engine, query, take, now, values)
        await asyncio.sleep(time.monotonic() - began)  # once it may be a million: calls go first
        return found

    if ripe.event == REMOVED:
        these = _of_these(ripe)
        return sum(
            [(await once(these, {"ids": ids}))[1] async for ids in _with_some_left(engine, ripe, batch)]
        )
    query, further, values, done = due(ripe, batch), due(ripe, batch, goes_on=True), Json(), 0
    while True:
        found, taken = await once(query, values)
        done += taken
        if len(found) < batch:
            return done
        query, values = further, _after(found[-1].closed_at, found[-1].id)


async def _with_some_left(engine: AsyncEngine, ripe: Ripe, batch: int) -> AsyncIterator[list[uuid.UUID]]:
    """By what is kept, the oldest first: of the cases that are over most have nothing left for years."""
    for kept in THINGS:
        its, last = with_some_left(ripe, kept), last_looked_through(ripe, kept)
        further = with_some_left(ripe, kept, True), last_looked_through(ripe, kept, True)
        values = Json()
        while True:
            async with engine.connect() as connection:
                ids = [*(await connection.execute(its, values)).scalars()]
                end = (await connection.execute(last, values)).one_or_none()
            for first in range(0, len(ids), batch):
                yield ids[first : first + batch]
            if end is None:
                break
            (its, last), values = further, _after(end.at, end.key)


@dataclass(frozen=True, slots=True)
class KeptThing:
    """What belongs to cases and is taken away: since when it is there, and its key."""

    table: Table
    at: ColumnElement[datetime]
    key: ColumnElement[Any]


THINGS = (
    KeptThing(recordings, recordings.c.recorded_at, recordings.c.name),
    KeptThing(attachments, attachments.c.added_at, attachments.c.id),
)


def _looked_through(ripe: Ripe, kept: KeptThing, goes_on: bool) -> Select[Any]:
    its = kept.table.c
    query = select(its.case_id, kept.at.label("at"), kept.key.label("key"))
    query = query.where(its.removed_at.is_(None), kept.at <= ripe.before)
    if goes_on:
        query = query.where(_is_behind(kept.at, kept.key))
    return query.order_by(kept.at, kept.key).limit(LOOKED_THROUGH)


def with_some_left(ripe: Ripe, kept: KeptThing, goes_on: bool = False) -> Select[Any]:
    """The cases of what is looked through next that the rule is about; `goes_on` behind `after`."""
    looked = _looked_through(ripe, kept, goes_on).subquery()
    query = select(cases.c.id).join(looked, looked.c.case_id == cases.c.id)
    return query.where(ripe.condition, ~is_held()).distinct()


def last_looked_through(ripe: Ripe, kept: KeptThing, goes_on: bool = False) -> Select[Any]:
    """The last of it; none when less is left."""
    return _looked_through(ripe, kept, goes_on).offset(LOOKED_THROUGH - 1).limit(1)


async def _remove(connection: AsyncConnection, found: Sequence[Row[Any]], now: datetime) -> int:
    """The recordings of these cases, which are counted, and their attachments."""
    ids = [case.id for case in found]
    names = await _remove_recordings(connection, ids, now)
    papers = await _remove_attachments(connection, ids, now)
    told = [
        Told(case.id, _cause(case, REMOVED), REMOVED, _gone(case.id, names, papers), {})
        for case in found
        if case.id in names or case.id in papers
    ]
    if told:
        await tell_all(connection, told, now)
        await entries.refresh(connection, [each.case for each in told])
    return sum(len(each) for each in names.values())


async def _anonymise(connection: AsyncConnection, found: Sequence[Row[Any]], now: datetime) -> int:
    """These cases forget who spoke, and so does all that leads to her."""
    ids = [case.id for case in found]
    names = await _remove_recordings(connection, ids, now)
    papers = await _remove_attachments(connection, ids, now)
    nameless = update(cases).where(cases.c.id.in_(ids)).values(NOBODY | {"anonymised_at": now})
    await connection.execute(nameless)
    told = [
        Told(case.id, _cause(case, ANONYMISED), ANONYMISED, _gone(case.id, names, papers), {})
        for case in found
    ]
    await tell_all(connection, told, now)
    await entries.refresh(connection, ids)
    hers = select(callbacks.c.id).where(callbacks.c.case_id.in_(ids))
    await _forget_numbers(connection, hers)
    await connection.execute(_wordless_orders(found))
    written = update(meeting_minutes).where(meeting_minutes.c.case_id.in_(ids))
    await connection.execute(written.values(said="", decided=""))
    hers_too = (await connection.execute(_CALLS_OF_CASES, {"ids": ids})).scalars().all()
    await _forget(connection, (await connection.execute(_OF_THESE_CALLS, {"ids": hers_too})).all(), now)
    return len(found)


async def _forget_numbers(connection: AsyncConnection, these: Select[Any] | Sequence[uuid.UUID]) -> None:
    """Of call-backs, and of the attempts at them."""
    attempts = update(callback_attempts).where(callback_attempts.c.callback_id.in_(these))
    await connection.execute(attempts.values(number=""))
    keyless = cast(callbacks.c.id, Text)  # that of an asking at a number names it
    numbers = update(callbacks).where(callbacks.c.id.in_(these))
    await connection.execute(numbers.values(number="", key=keyless))


def _wordless_orders(found: Sequence[Row[Any]]) -> Update:
    """Call-backs about orders quote them: those about these cases, and those about orders that are these."""
    its, ids = callbacks.c, [case.id for case in found]
    parts = {case.code: case.part_of for case in found if case.part_of}
    about = or_(its.case_id.in_(ids), its.notice["order"].as_string().in_(parts))
    quoting = update(callbacks).where(its.case_id.in_([*ids, *parts.values()]), about)
    return quoting.where(its.notice.has_key("words")).values(notice=its.notice.concat({"words": ""}))


async def _remove_recordings(
    connection: AsyncConnection, ids: Collection[uuid.UUID], now: datetime
) -> dict[uuid.UUID, list[str]]:
    """Decided, not yet done: `erase` takes the files. What was written down of them goes at once."""
    own = (recordings.c.case_id.in_(ids), recordings.c.removed_at.is_(None))
    marked = update(recordings).where(*own).values(removed_at=now, transcript=None)
    names: dict[uuid.UUID, list[str]] = {}
    for row in await connection.execute(marked.returning(recordings.c.case_id, recordings.c.name)):
        names.setdefault(row.case_id, []).append(row.name)
    gone = [name for each in names.values() for name in each]
    for told in (transcripts, marks):
        await connection.execute(told.delete().where(told.c.recording.in_(gone)))
    return {case: sorted(each) for case, each in names.items()}


async def _remove_attachments(
    connection: AsyncConnection, ids: Collection[uuid.UUID], now: datetime
) -> dict[uuid.UUID, list[str]]:
    """Likewise; ids. What was said of them goes at once."""
    own = (attachments.c.case_id.in_(ids), attachments.c.removed_at.is_(None))
    marked = update(attachments).where(*own).values(removed_at=now, note="")
    papers: dict[uuid.UUID, list[str]] = {}
    for row in await connection.execute(marked.returning(attachments.c.case_id, attachments.c.id)):
        papers.setdefault(row.case_id, []).append(str(row.id))
    return {case: sorted(each) for case, each in papers.items()}


def _gone(case: uuid.UUID, names: dict[uuid.UUID, list[str]], papers: dict[uuid.UUID, list[str]]) -> Json:
    told: Json = {"recordings": names.get(case, [])}
    return told | ({"attachments": papers[case]} if case in papers else {})


def _cause(case: Row[Any], event: str) -> uuid.UUID:
    return uuid.uuid5(case.id, f"{event}:{case.last_seq + 1}")


def scraps_due(days: int | None, now: datetime) -> Select[Any]:
    before = now - timedelta(days=days) if days is not None else None
    ripe = recordings.c.recorded_at <= before if before else false()
    return select(recordings.c.name).where(SCRAPS, ripe)


async def _scraps(engine: AsyncEngine, days: int | None, now: datetime) -> int:
    async with engine.begin() as connection:
        marked = update(recordings).where(recordings.c.name.in_(scraps_due(days, now)))
        return int((await connection.execute(marked.values(removed_at=now))).rowcount)


def calls_due(days: int | None, now: datetime) -> Select[Any]:
    before = now - timedelta(days=days) if days is not None else None
    return _forgettable().where(calls.c.started_at <= before if before else false())


def _forgettable() -> Select[Any]:
    """Calls that still have a number or keys, no case that is open, held, or still knows its caller.

    Neither one that they opened, nor one that words of theirs joined, nor one that we called her about.
    """
    known = select(cases.c.id).where(or_(cases.c.anonymised_at.is_(None), is_held()))
    opened = known.where(cases.c.call_id == calls.c.id).exists()
    joins = known.join(recordings, recordings.c.case_id == cases.c.id)
    joined = joins.where(recordings.c.call_id == calls.c.id).exists()
    asked = known.join(callbacks, callbacks.c.case_id == cases.c.id)
    asked = asked.join(callback_attempts, callback_attempts.c.callback_id == callbacks.c.id)
    ours = case((calls.c.unique_id.regexp_match(_A_UUID), cast(calls.c.unique_id, Uuid)))  # by its index
    about = asked.where(callback_attempts.c.id == ours).exists()
    query = select(calls.c.id, calls.c.noted_no)
    return query.where(KNOWN, calls.c.ended_at.is_not(None), ~opened, ~joined, ~about)


def calls_of_cases() -> Select[Any]:
    """Those of `ids`, ours to her too, locked.

    Of two workers at two cases of a call the later one finds both nameless.
    """
    these: Any = bindparam("ids", expanding=True)
    opened = select(cases.c.call_id).where(cases.c.id.in_(these))
    joined = select(recordings.c.call_id).where(recordings.c.case_id.in_(these))
    placed = _placed(callbacks.c.case_id.in_(these))
    query = select(calls.c.id).where(KNOWN, calls.c.id.in_(opened.union(joined, placed)))
    return query.order_by(calls.c.id).with_for_update()


def _placed(which: ColumnElement[bool]) -> Select[Any]:
    """Our calls for such call-backs."""
    ours, attempt = calls.alias("ours"), callback_attempts.c
    placed = select(ours.c.id).join(callback_attempts, ours.c.unique_id == cast(attempt.id, Text))
    return placed.join(callbacks, callbacks.c.id == attempt.callback_id).where(which)


_CALLS_OF_CASES = calls_of_cases()
_PLACED_FOR = _placed(callbacks.c.id.in_(bindparam("ids", expanding=True)))
_OF_THESE_CALLS = _forgettable().where(calls.c.id.in_(bindparam("ids", expanding=True)))


async def _calls(engine: AsyncEngine, days: int | None, now: datetime, batch: int) -> int:
    some = calls_due(days, now).order_by(calls.c.started_at).limit(batch)
    query, done = some.with_for_update(skip_locked=True), 0
    while True:
        async with engine.begin() as connection:
            found = (await connection.execute(query)).all()
            await _forget(connection, found, now)
        done += len(found)
        if len(found) < batch:
            return done


def asked_for_since(now: datetime) -> Select[Any]:
    """Call-backs about nameless cases: whoever asks for one is rung, and her number is there anew."""
    its, before = callbacks.c, now - timedelta(days=LEAST_DAYS)
    nameless = select(cases.c.id).where(cases.c.anonymised_at.is_not(None), ~is_held())
    of_one = nameless.where(cases.c.id == its.case_id).exists()
    return select(its.id).where(ASKED_FOR, its.ended_at <= before, of_one)


async def _asked_for_since(engine: AsyncEngine, now: datetime, batch: int) -> None:
    """With our calls to her; the one in which she asked goes with the others."""
    query = asked_for_since(now).limit(batch).with_for_update(skip_locked=True, of=callbacks)
    while True:
        async with engine.begin() as connection:
            found = (await connection.execute(query)).scalars().all()
            await _forget_numbers(connection, found)
            ours = (await connection.execute(_PLACED_FOR, {"ids": found})).scalars().all()
            await _forget(connection, (await connection.execute(_OF_THESE_CALLS, {"ids": ours})).all(), now)
        if len(found) < batch:
            return


def blocks_due(days: int | None, now: datetime) -> Select[Any]:
    its, before = blocked_callers.c, now - timedelta(days=days) if days is not None else None
    over = func.least(its.until, its.ended_at) <= before if before else false()
    return select(its.id).where(its.caller_key != "", over)


async def _blocks(engine: AsyncEngine, days: int | None, now: datetime) -> int:
    """Who was blocked, and why, goes with the numbers of calls."""
    over = update(blocked_callers).where(blocked_callers.c.id.in_(blocks_due(days, now)))
    async with engine.begin() as connection:
        return int((await connection.execute(over.values(caller_key="", reason=""))).rowcount)


async def _forget(connection: AsyncConnection, found: Sequence[Row[Any]], now: datetime) -> None:
    blank = update(calls).where(calls.c.id.in_([row.id for row in found]))
    nobody: Json = dict.fromkeys(("unique_id", "caller", "caller_key", "caller_name"), "")
    nobody |= {"steps": [], "noted_no": None}
    await connection.execute(blank.values(nobody))
    await _tell(connection, CALLS_FORGOTTEN, [row.noted_no for row in found], now)


async def _tell(
    connection: AsyncConnection, action: str, numbers: Collection[int | None], now: datetime
) -> None:
    """The audit names the numbers whose rows are not what was sealed any more, and `ivr verify` asks it."""
    if sealed := sorted(number for number in numbers if number is not None):
        await note(connection, now, action, detail={"numbers": sealed})


def _files(table: Table, which: TextClause | ColumnElement[bool], key: ColumnElement[Any]) -> Select[Any]:
    """Those behind `last` that may go: of a case that is held since they wait for the hold's end."""
    last: Any = bindparam("last", type_=key.type)
    query = select(table.c.id, table.c.name, key.label("key")).where(which, key > last)
    return query.where(~holds_what_is_of(table.c.case_id)).order_by(key).limit(FILES_BATCH)


def _erased(table: Table, key: ColumnElement[Any]) -> Select[Any]:
    return _files(table, table.c.erased_at >= bindparam("since"), key)


RECORDINGS_TO_ERASE = _files(recordings, TO_ERASE, recordings.c.name)
PAPERS_TO_ERASE = _files(attachments, UNERASED, attachments.c.id)
RECORDINGS_ERASED = _erased(recordings, recordings.c.name)
PAPERS_ERASED = _erased(attachments, attachments.c.id)


async def erase(engine: AsyncEngine, folder: Path, derived: Derived, now: datetime, aside: Aside) -> int:
    """The files that were removed from the books. How many. A recording's copy in the store: `storing`.

    What its disk does not let go is stepped over, however much it is, and tried again by the next pass. The
    first few have a line each in the log, the others are counted.
    """
    aside.begin_anew(FILES)
    done, last = await _erase_attachments(engine, beside(folder), now, aside), ""

    def unlink(row: Any) -> None:
        """The file, plain or in its envelope, then what was made of it."""
        want_mounted(disk_of(folder, row.name))  # else it lies there still, once the disk is back
        recording_files.forget(folder, row.name)
        derived.forget(row.id)

    while True:
        async with engine.connect() as connection:
            found = (await connection.execute(RECORDINGS_TO_ERASE, {"last": last})).all()
        gone = [row.name for row in found if await _gone_from_disk(unlink, row, aside, now)]
        async with engine.begin() as connection:
            erased = update(recordings).where(recordings.c.name.in_(gone)).values(erased_at=now)
            await connection.execute(erased)
        done += len(gone)
        if len(found) < FILES_BATCH:
            break
        last = found[-1].name
    if (more := aside.counts[FILES] - FILES_TOLD) > 0:
        log.error("%s: %d more do not go, which have no line of their own", FILES, more)
    return done


def _wordless(folder: Path, before: datetime) -> list[Path]:
    """What the dialplan recorded alone and holds no word: in no books, but named by the caller's number."""
    alone, found = folder.resolve().parent / ALONE, list[Path]()
    for place in (alone, alone / SECOND):
        for entry in listed(place / EMPTY):
            with suppress(OSError):
                if entry.stat().st_mtime <= before.timestamp():
                    found.append(Path(entry.path))
    return found


def _erase_wordless(folder: Path, before: datetime) -> int:
    gone = 0
    for path in _wordless(folder, before):
        with suppress(OSError):  # the next pass tries again
            path.unlink()
            gone += 1
    return gone


async def _erase_attachments(engine: AsyncEngine, folder: Path, now: datetime, aside: Aside) -> int:
    def unlink(row: Any) -> None:
        forget(folder, row.name)

    done, last = 0, uuid.UUID(int=0)
    while True:
        async with engine.connect() as connection:
            found = (await connection.execute(PAPERS_TO_ERASE, {"last": last})).all()
        gone = [row.id for row in found if await _gone_from_disk(unlink, row, aside, now)]
        async with engine.begin() as connection:
            erased = update(attachments).where(attachments.c.id.in_(gone)).values(erased_at=now)
            await connection.execute(erased)
        done += len(gone)
        if len(found) < FILES_BATCH:
            return done
        last = found[-1].id


async def erase_here(engine: AsyncEngine, folder: Path, now: datetime) -> int:
    """What is called erased and lies here all the same: another machine did, which has other folders.

    How many files; of two months, for a machine that was off. Harmless as often as one likes.
    """
    done = 0
    for query, last, take in (
        (RECORDINGS_ERASED, "", _take_recording),
        (PAPERS_ERASED, uuid.UUID(int=0), _take_paper),
    ):
        while True:
            async with engine.connect() as connection:
                values = {"since": now - ERASED_LATELY, "last": last}
                found = (await connection.execute(query, values)).all()
            done += await asyncio.to_thread(_take_all, take, folder, [row.name for row in found])
            if len(found) < FILES_BATCH:
                break
            last = found[-1].key
    return done


def _take_all(take: Callable[[Path, str], bool], folder: Path, names: Sequence[str]) -> int:
    done = 0
    for name in names:
        try:
            done += take(folder, name)
        except OSError as error:  # tomorrow again
            log.error("%s is called erased and does not go: %s", name, error)
    return done


def _take_recording(folder: Path, name: str) -> bool:
    if lies := recording_files.where(folder, name) is not None:
        recording_files.forget(folder, name)
    return lies


def _take_paper(folder: Path, name: str) -> bool:
    if lies := (beside(folder) / name).is_file():
        forget(beside(folder), name)
    return lies


async def _gone_from_disk(unlink: Callable[[Any], None], row: Any, aside: Aside, now: datetime) -> bool:
    try:
        await asyncio.to_thread(unlink, row)
    except OSError as error:
        aside.put(FILES, row.name, error, now, tell=aside.counts[FILES] < FILES_TOLD)
        return False
    return True


async def prune(engine: AsyncEngine, now: datetime, days: int = 90, batch: int = 1_000) -> int:
    """Delete what left the house so long ago; dead letters stay for a person. How many."""
    done = 0
    while True:
        async with engine.begin() as connection:
            old = select(outbox.c.id).where(outbox.c.delivered_at <= now - timedelta(days=days))
            some = old.order_by(outbox.c.delivered_at).limit(batch).with_for_update(skip_locked=True)
            delete = outbox.delete().where(outbox.c.id.in_(some)).returning(outbox.c.noted_no)
            gone = (await connection.execute(delete)).scalars().all()
            await _tell(connection, LETTERS_PRUNED, gone, now)
        done += len(gone)
        if len(gone) < batch:
            return done


def as_json(gone: Purged) -> Json:
    return asdict(gone)
