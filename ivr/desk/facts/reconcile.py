"""Recordings that nothing accounts for: each becomes exactly one case, or a row with a named reason why not.

A process that is killed between the beep and the journalled case leaves a file that no row and no fact names.
Its journal still tells whose it is (`recording_begun`). The file itself is what must not be lost, so nothing
is journalled here: its rows are written at once, under ids made from the call's id or the file's name. Doing
it again, or twice at once, changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.kinds import Kind
from ivr.desk.call.intake import BEGUN
from ivr.desk.case.joining import reserve
from ivr.desk.facts.apply import MALFORMED, apply
from ivr.desk.facts.fallback import LEAST_SECONDS, SETTLED_SECONDS
from ivr.desk.facts.journals import ask
from ivr.desk.facts.strays import LOOK_BACK_SECONDS, Shelf, Stray, remember, strays, without_row
from ivr.store.engine import AWAY, is_our_fault
from ivr.store.flushing import flush
from ivr.store.journal import Fact, Journal
from ivr.store.room import trim
from ivr.store.tables import cases
from ivr.voice.events import Ended, Recorded
from ivr.voice.wave import measure

log = logging.getLogger(__name__)

LOST = "lost"  # the outcome of a call whose process died
TOO_SHORT, NO_VOICE = "too_short", "no_voice"  # why a file is no case
_NAMESPACE = uuid.UUID("7d2c1c54-5f0e-4f38-9a0b-3c1a1d1c1111")
_CHOSEN = ("kind", "topic", "county", "language", "callback", "national_id")
_TRUST = ("case_opened", "words_kept", BEGUN, "call_ended")  # the fact that tells most comes first


@dataclass(slots=True)
class Pass:
    """What one pass made of the strays, and the names of those that must wait, `growing` of them not long."""

    cases: int = 0
    added: int = 0
    empty: int = 0
    growing: int = 0
    waiting: list[str] = field(default_factory=list)


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
    found = await strays(shelf, look_back)
    over = [stray for stray in found if stray.name not in live]
    ripe = [s for s in over if abs(now - s.grown_at) >= settled]  # or the clock was set back since
    done.growing = len(over) - len(ripe)
    done.waiting = [s.name for s in set(found) - set(ripe)]
    if ripe:
        await _enter_all(shelf, ripe, own, done)
    await asyncio.to_thread(remember, shelf.spool, now, done.waiting)
    return done


async def _enter_all(shelf: Shelf, ripe: Sequence[Stray], own: Journal | None, done: Pass) -> None:
    told = await asyncio.to_thread(ask, shelf.spool, [s.name for s in ripe], own, shelf.alone)
    # Asked again after the journals were read: what they spoke of may have been applied in between.
    for stray in await without_row(shelf.engine, ripe):
        if told.must_wait(*stray):
            done.waiting.append(stray.name)
            done.growing += stray.name in told.soon
            continue
        try:
            recorded = await asyncio.to_thread(_measured, shelf.recordings, stray)
        except OSError as error:
            log.error("%s can't be taken in now: %s", error.filename, error.strerror)
            done.waiting.append(stray.name)
            continue
        await _enter(shelf, stray, recorded, told.facts.get(stray.name, []), done)


async def _enter(shelf: Shelf, stray: Stray, recorded: Recorded, told: Sequence[Fact], done: Pass) -> None:
    """By what the journal tells, the best first; by the file alone when that can't be used."""
    page = await shelf.book.page()
    best = sorted(told, key=_trust)
    codeless = [{**fact, "code": ""} for fact in best if fact.get("code")]  # it may be a stranger's
    for fact in [*best, *codeless, None]:
        try:
            facts = await _facts(shelf.engine, stray, recorded, fact)
            await apply(shelf.engine, page, facts)
        except (*MALFORMED, *AWAY) as error:
            unusable = isinstance(error, MALFORMED) or is_our_fault(error)
            if fact is None or not unusable:
                raise
            log.error("what the journal says of recording %s can't be used: %s", stray.name, error)
        else:
            _count(stray, facts, done)
            return


async def _facts(engine: AsyncEngine, stray: Stray, recorded: Recorded, told: Fact | None) -> list[Fact]:
    """What must be applied, in one transaction. The call is over, if nothing said so before."""
    call = _unknown(stray) if told is None else told["call"]
    at = _moment(stray)
    over: Fact = {"type": "call_ended", "call": call, "outcome": LOST, "ended_at": at, "steps": []}
    over["scraps"] = []
    words = {"call": call, "recovered": True}
    if recorded.ended in (TOO_SHORT, NO_VOICE):
        return [{**over, "scraps": [asdict(recorded)]}]
    if told is not None and told["type"] == "words_kept":
        return [{**told, **words, "recording": asdict(recorded)}, over]
    begun = told if told is not None and told["type"] == BEGUN else {}
    case, code = begun.get("case", ""), begun.get("code", "")  # which may be older than the call
    case = case or await _case_of(engine, call["id"], code)
    if case or code:
        kept = {"id": str(_id("kept", stray.name)), "at": at, "instead": False, "case": case, "code": code}
        kept |= {name: begun[name] for name in _CHOSEN if name in begun}
        return [{"type": "words_kept", **kept, **words, "recording": asdict(recorded)}, over]
    return [{**_opening(call, at, told), **words, "recordings": [asdict(recorded)]}, over]


def _opening(call: dict[str, Any], at: str, told: Fact | None) -> Fact:
    """A case at the desk, with what was chosen before she spoke. All words of a call make one case."""
    bare: Fact = {
        "type": "case_opened",
        "id": str(reserve(call["id"])),
        "at": at,
        "code": "",
        "kind": Kind.REQUEST,
        "topic": "",
        "county": "",
        "language": call["language"],
        "callback": "",
        "national_id": "",
    }
    if told is not None and told["type"] == "case_opened":
        return bare | told  # the database refused it once; its code may have been promised
    if told is not None and told["type"] == BEGUN:
        return bare | {name: told[name] for name in _CHOSEN} | {"code": told.get("reserved", "")}
    return bare


def _measured(root: Path, stray: Stray) -> Recorded:
    path = root / f"{stray.name}.wav"
    trim(path)  # whoever set room aside for it is dead
    flush(path, root)  # nobody has
    found = measure(path.read_bytes())
    ended: Any = Ended.HANGUP  # nobody is left to say how
    if found.seconds < LEAST_SECONDS:
        ended = TOO_SHORT
    elif not found.voiced_seconds:
        ended = NO_VOICE
    return Recorded(stray.name, found.seconds, found.voiced_seconds, ended, found.sha256, found.size)


def _count(stray: Stray, facts: Sequence[Fact], done: Pass) -> None:
    match facts[0]["type"]:
        case "case_opened":
            done.cases += 1
            log.warning("recording %s was in no case; it is one at the desk now", stray.name)
        case "words_kept":
            done.added += 1
            log.warning("recording %s was in no case; it is with its call's case now", stray.name)
        case _:
            done.empty += 1


async def _case_of(engine: AsyncEngine, call: str, code: str) -> str:
    """The latest case of a call; "" for none, and for the one in reserve that may yet get that code."""
    query = select(cases.c.id).where(cases.c.call_id == uuid.UUID(call))
    async with engine.connect() as connection:
        found = (await connection.execute(query.order_by(cases.c.opened_at.desc()).limit(1))).scalar()
    return "" if found is None or (code and found == reserve(call)) else str(found)


def _trust(fact: Fact) -> int:
    kind = fact.get("type")
    return _TRUST.index(kind) if kind in _TRUST else len(_TRUST)


def _unknown(stray: Stray) -> dict[str, Any]:
    """The call of a file of which nobody can tell anything."""
    return {
        "id": str(_id("call", stray.name)),
        "unique_id": f"recovered:{stray.name}",
        "caller": "",
        "caller_name": "",
        "started_at": _moment(stray),
        "answered_at": _moment(stray),
        "language": "",
        "menu_name": "",
        "menu_revision": "",
    }


def _moment(stray: Stray) -> str:
    return datetime.fromtimestamp(stray.grown_at, UTC).isoformat()


def _id(what: str, name: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, f"{what}:{name}")
