"""Recordings that nothing accounts for: each becomes exactly one case, or a row with a named reason why not.

A process that is killed between the beep and the journalled case leaves a file that no row and no fact names.
Its journal still tells whose it is (`recording_begun`, or the beginning of the call that the file was named
for), or else the books or the dialplan (`whose_call`). The file itself is what must not be lost, so nothing
is journalled here: its rows are written at once, under ids made from the call's id or the file's name. Doing
it again, or twice at once, changes nothing.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.kinds import Kind
from ivr.desk.book.book import BookEmpty
from ivr.desk.case.joining import CaseFound, ConfidedFound, WordsFound, reserve
from ivr.desk.facts.apply import MALFORMED, apply, is_unusable
from ivr.desk.facts.comparing import behind
from ivr.desk.facts.fallback import LEAST_SECONDS, SETTLED_SECONDS
from ivr.desk.facts.journals import ask
from ivr.desk.facts.righting import LONGEST_CALL
from ivr.desk.facts.strays import (
    LOOK_BACK_SECONDS,
    START_LOOK_BACK_SECONDS,
    Recalled,
    Shelf,
    Stray,
    asked,
    recall,
    remember,
    strays,
    without_row,
)
from ivr.desk.facts.whose_call import is_bare, told_by_others, told_by_the_dialplan
from ivr.store import recording_files
from ivr.store.calls import LOST
from ivr.store.clocks import FAR, mark_of
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY
from ivr.store.envelope import Unopened
from ivr.store.facts import (
    CallEndedFact,
    CaseOpenedFact,
    ConfidedFact,
    Fact,
    FactCall,
    FactRecording,
    RecordingBegunFact,
    WordsKeptFact,
    happened_at,
)
from ivr.store.flushing import flush
from ivr.store.flushing import replace as rewrite
from ivr.store.journal import Journal
from ivr.store.journal.journal_marks import last_setback
from ivr.store.room import trim
from ivr.store.tables import cases
from ivr.store.volumes import disk_of
from ivr.voice.events import Ended
from ivr.voice.riff import with_header
from ivr.voice.wave import measure, was_closed

log = logging.getLogger(__name__)

TOO_SHORT, NO_VOICE = "too_short", "no_voice"  # why a file is no case
# So many times as long as others waits what no journal tells more of than its call: in half a minute the
# dialplan, which may have gone on with the call, has begun to record.
_PATIENCE = 3
_NAMESPACE = uuid.UUID("7d2c1c54-5f0e-4f38-9a0b-3c1a1d1c1111")
ANEW_SECONDS = 3_600.0  # what was closed since then is written anew
MOST_UNKEPT = 64 << 20  # bytes of …
# … what a disk refused to flush: it may hold zeros for it, and a second flush says nothing of that.
_unkept: dict[Path, bytes] = {}
# The fact that tells most comes first.
_TRUST = (CaseOpenedFact, WordsKeptFact, RecordingBegunFact, CallEndedFact)


@dataclass(slots=True)
class Pass:
    """What one pass made of the strays, and the names of those that must wait, `growing` of them not long.

    `unread`: folders of which a damaged disk does not show everything, journals too.
    """

    cases: int = 0
    added: int = 0
    empty: int = 0
    growing: int = 0
    waiting: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


async def reconcile(
    shelf: Shelf,
    *,
    own: Journal | None = None,
    live: Collection[str] = frozenset(),
    settled: float = SETTLED_SECONDS,
    look_back: float = LOOK_BACK_SECONDS,
) -> Pass:
    """One pass. Raises BookEmpty or what AWAY names; then the next pass begins where this one did.

    `own`: the journal that this process writes. `live`: recordings of its calls in progress, which are left
    alone, as is what belongs to a sibling that lives and a file that grew within the last `settled` seconds.
    """
    now, done = time.time(), Pass()
    known = (await ask_once(partial(recall, shelf.spool))).setback
    async with shelf.engine.connect() as connection:
        setback = await last_setback(connection, known)
    # What the reconciler itself had brought into a database that went back is in no journal.
    since = setback.to.timestamp() - START_LOOK_BACK_SECONDS if setback and setback.to else 0.0
    look = await strays(shelf, look_back, since if setback else math.inf)
    for stray in look.strays:
        if not stray.bookable:
            log.error("recording %r waits: its name is not UTF-8; rename it, then touch it", stray.name)
    over = [stray for stray in look.strays if stray.name not in live and stray.bookable]
    ripe = [s for s in over if abs(now - s.grown_at) >= settled]  # or the clock was set back since
    done.growing = len(over) - len(ripe)
    done.waiting = [s.name for s in set(look.strays) - set(ripe)] + look.left
    done.unread = sorted(look.unread)
    if ripe:
        await _enter_all(shelf, ripe, own, done, _PATIENCE * settled)
    seen = Recalled(now, done.waiting, setback.at if setback else known, look.unread)
    await ask_once(partial(remember, shelf.spool, seen))
    return done


async def _enter_all(
    shelf: Shelf, ripe: Sequence[Stray], own: Journal | None, done: Pass, patience: float
) -> None:
    alone = await told_by_the_dialplan(shelf, [stray.name for stray in ripe])  # before it is taken in
    told = await ask_once(partial(ask, shelf.spool, [s.name for s in ripe], own, shelf.alone))
    done.unread += sorted(map(str, told.unread))
    if lacking := await behind(shelf.engine, shelf.spool):
        log.warning("the database lacks facts of %d journals: recordings wait for them", len(lacking))
        done.waiting += [stray.name for stray in ripe]
        done.growing += len(ripe)
        return
    # Asked again after the journals were read: what they spoke of may have been applied in between.
    for stray in await without_row(shelf.engine, ripe):
        facts, dialplan = told.facts.get(stray.name, []), alone.get(stray.name)
        early = dialplan is None and is_bare(facts) and abs(time.time() - stray.grown_at) < patience
        if early or told.must_wait(*stray):
            done.waiting.append(stray.name)
            done.growing += early or stray.name in told.soon
            continue
        await _enter_one(shelf, stray, facts, dialplan, told.confided, done)


async def _enter_one(
    shelf: Shelf,
    stray: Stray,
    told: Sequence[Fact],
    dialplan: RecordingBegunFact | None,
    confided: Mapping[str, Sequence[ConfidedFact]],
    done: Pass,
) -> None:
    """What is wrong with this one alone holds up no other. Raises BookEmpty or what AWAY names."""
    try:
        disk = disk_of(shelf.recordings, stray.name)
        recorded = await asked(disk, partial(_measured, shelf.recordings, stray))
    except (OSError, Unopened) as error:
        log.error("recording %s can't be taken in now: %s", stray.name, error)
        done.waiting.append(stray.name)
        return
    try:
        if is_bare(told):
            told = await told_by_others(shelf.engine, stray, told, dialplan)
        await _enter(shelf, stray, recorded, told, confided, done)
    except Exception as error:
        if isinstance(error, (BookEmpty, *AWAY)) and not is_unusable(error):
            raise  # nobody's could be entered now
        log.exception("recording %s can't be taken in and waits", stray.name)
        done.waiting.append(stray.name)


async def _enter(
    shelf: Shelf,
    stray: Stray,
    recorded: FactRecording,
    told: Sequence[Fact],
    confided: Mapping[str, Sequence[ConfidedFact]],
    done: Pass,
) -> None:
    """By what the journal tells, the best first; by the file alone when that can't be used.

    `confided`: what her call wished to be confidential is so by the same transaction, before anybody is told.
    """
    page = await shelf.book.page()
    told = [*_opened_by_wish(stray, recorded, told, confided), *told]
    for fact in [*_best_first(told), None]:
        try:
            facts = await _facts(shelf, stray, recorded, fact)
            facts += map(ConfidedFound.of, confided.get(str(fact.call.id), ()) if fact else ())
            await apply(shelf.engine, page, facts)
        except (*MALFORMED, *AWAY) as error:
            if fact is None or not is_unusable(error):
                raise
            log.error("what the journal says of recording %s can't be used: %s", stray.name, error)
        else:
            _count(stray, facts, done)
            return


def _opened_by_wish(
    stray: Stray,
    recorded: FactRecording,
    told: Sequence[Fact],
    confided: Mapping[str, Sequence[ConfidedFact]],
) -> list[Fact]:
    """The opening whose line is lost, as the first wish after its words names it: the call's latest case may
    be another one, which would tell its body what is confidential.
    """
    best = min(told, key=_trust, default=None)
    if best is None or isinstance(best, CaseOpenedFact | WordsKeptFact):
        return []
    begun = best if isinstance(best, RecordingBegunFact) else None
    if begun and (begun.case or begun.code):
        return []
    opened = _opening(best.call, _said_at(stray, best, recorded), best, recorded)
    wishes = [
        wish
        for wish in confided.get(str(best.call.id), ())
        if wish.case and wish.at >= (begun or opened).at and opened.code in ("", wish.code)
    ]  # a code set aside for her that is not the wish's is of a case before that
    if not wishes:
        return []
    wish = min(wishes, key=happened_at)
    return [replace(opened, id=uuid.UUID(wish.case), code=wish.code)]


def _best_first(told: Sequence[Fact]) -> Iterator[Fact]:
    """Each also without its code, which may be a stranger's."""
    for fact in sorted(told, key=_trust):
        yield fact
        if (codeless := _without_code(fact)) != fact:
            yield codeless


def _without_code(fact: Fact) -> Fact:
    match fact:
        case RecordingBegunFact():
            return replace(fact, code="", reserved="")
        case CaseOpenedFact() | WordsKeptFact():
            return replace(fact, code="")
    return fact


async def _facts(shelf: Shelf, stray: Stray, recorded: FactRecording, told: Fact | None) -> list[Fact]:
    """What must be applied, in one transaction. The call is over, if nothing said so before."""
    language = shelf.book.conventions.languages[0]
    call = _unknown(stray, language) if told is None else told.call
    at = _moment(stray) if told is None else _said_at(stray, told, recorded)
    over = CallEndedFact(call, LOST, at, steps=(), scraps=())
    if recorded.ended in (TOO_SHORT, NO_VOICE):
        return [replace(over, scraps=(recorded,))]
    if isinstance(told, WordsKeptFact):
        return [_found(told, recorded), over]
    begun = told if isinstance(told, RecordingBegunFact) else None
    case, code = (begun.case, begun.code) if begun else ("", "")  # which may be older than the call
    own = told.id if isinstance(told, CaseOpenedFact) else None  # of a call with several
    case = case or await _case_of(shelf.engine, call.id, code, own)
    if case or code:
        kept = WordsKeptFact(_id("kept", stray.name), at, case, code, call, recorded, instead=False)
        return [_found(kept, recorded, begun), over]
    return [_opening(call, at, told, recorded), over]


def _found(
    kept: WordsKeptFact, recorded: FactRecording, begun: RecordingBegunFact | None = None
) -> WordsFound:
    return WordsFound(
        id=kept.id,
        at=kept.at,
        case=kept.case,
        code=kept.code,
        call=kept.call,
        recording=recorded,
        instead=kept.instead,
        repeat=kept.repeat,
        begun=begun,
    )


def _opening(call: FactCall, at: datetime, told: Fact | None, recorded: FactRecording) -> CaseFound:
    """A case at the desk, with what was chosen before she spoke. All words of a call make one case."""
    opened = told if isinstance(told, CaseOpenedFact) else None
    chosen = told if isinstance(told, CaseOpenedFact | RecordingBegunFact) else None
    reserved = told.reserved if isinstance(told, RecordingBegunFact) else ""
    return CaseFound(
        # The database refused what she opened once; its code may have been promised.
        id=opened.id if opened else reserve(call.id),
        at=opened.at if opened else at,
        code=opened.code if opened else reserved,
        call=call,
        kind=chosen.kind if chosen else Kind.REQUEST,
        topic=chosen.topic if chosen else "",
        county=chosen.county if chosen else "",
        language=chosen.language if chosen else call.language,
        callback=chosen.callback if chosen else "",
        national_id=chosen.national_id if chosen else "",
        recordings=(recorded,),
    )


def _measured(root: Path, stray: Stray) -> FactRecording:
    path = recording_files.plain(root, stray.name)
    # One that is not plain was in the books once, was closed, and the database went back.
    content = _kept(path, root) if path.is_file() else recording_files.read(root, stray.name)
    found = measure(content)
    ended: str = Ended.BROKEN  # nobody is left to say how
    if found.seconds < LEAST_SECONDS:
        ended = TOO_SHORT
    elif not found.voiced_seconds:
        ended = NO_VOICE
    return FactRecording(stray.name, found.seconds, found.voiced_seconds, ended, found.sha256, found.size)


def _kept(path: Path, root: Path) -> bytes:
    """What it holds, on its disk. Raises OSError; then it is tried again with what was read now.

    Also what Asterisk closed of late is written anew: whoever recorded it is dead, and may have been refused.
    """
    trim(path)  # whoever set room aside for it is dead
    content, status = path.read_bytes(), path.stat()
    refused = _unkept.pop(path, b"")
    anew = bool(refused) and len(refused) >= len(content)
    stored = refused if anew else content
    content = with_header(stored)
    late = time.time() - status.st_mtime < ANEW_SECONDS and was_closed(content)
    try:
        if anew or late or content is not stored:
            rewrite(path, content, status.st_mtime)
        flush(path, root)
    except OSError:
        if sum(map(len, _unkept.values())) + len(content) <= MOST_UNKEPT:
            _unkept[path] = content
        raise
    return content


def _count(stray: Stray, facts: Sequence[Fact], done: Pass) -> None:
    match facts[0]:
        case CaseOpenedFact():
            done.cases += 1
            log.warning("recording %s was in no case; it is one at the desk now", stray.name)
        case WordsKeptFact():
            done.added += 1
            log.warning("recording %s was in no case; it is with its call's case now", stray.name)
        case _:
            done.empty += 1


async def _case_of(engine: AsyncEngine, call: uuid.UUID, code: str, own: uuid.UUID | None) -> str:
    """The latest case of a call, or the `own` one of what was said; "" for none, and for the one in reserve
    that may yet get that code.
    """
    query = select(cases.c.id).where(cases.c.id == own if own else cases.c.call_id == call)
    async with engine.connect() as connection:
        found = (await connection.execute(query.order_by(cases.c.opened_at.desc()).limit(1))).scalar()
    return "" if found is None or (code and found == reserve(call)) else str(found)


def _trust(fact: Fact) -> int:
    return next((place for place, kind in enumerate(_TRUST) if isinstance(fact, kind)), len(_TRUST))


def _unknown(stray: Stray, language: str) -> FactCall:
    """The call of a file of which nobody can tell anything; `language`: the one that calls begin in."""
    return FactCall(
        id=_id("call", stray.name),
        unique_id=f"recovered:{stray.name}",
        caller="",
        caller_name="",
        started_at=_moment(stray),
        answered_at=_moment(stray),
        language=language,
        menu_name="",
        menu_revision="",
        uptime=mark_of(stray.grown_at),
    )


def _moment(stray: Stray) -> datetime:
    return datetime.fromtimestamp(stray.grown_at, UTC)


def _said_at(stray: Stray, told: Fact, recorded: FactRecording) -> datetime:
    """When the file grew last, unless that is a wrong clock's: before her call, or after any can end.

    Nor later than its length after she was about to speak: where Asterisk is another user, what gives room
    back (`trim`) moves the file's time.
    """
    began, grown = told.call.started_at, _moment(stray)
    if isinstance(told, RecordingBegunFact):
        grown = min(grown, told.at + timedelta(seconds=recorded.seconds))
    return grown if began - FAR <= grown <= began + LONGEST_CALL else happened_at(told)


def _id(what: str, name: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, f"{what}:{name}")
