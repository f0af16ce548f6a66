"""What the journals of every slot tell of recordings, also beside processes that serve."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ivr.store import slots
from ivr.store.facts import (
    CallStartedFact,
    CaseOpenedFact,
    ConfidedFact,
    Fact,
    RecordingBegunFact,
    Unreadable,
    WordsKeptFact,
    salvage,
)
from ivr.store.journal import Journal, JournalError, Position, journal_reading

log = logging.getLogger(__name__)

SIGN_SECONDS = 5.0  # how often a process signs that all it noted is on the disk (Journal.sign)


async def keep_signing(journal: Journal) -> None:
    """For ever."""
    while True:
        with suppress(JournalError):  # unsigned, as it must be then
            await journal.sign()
        await asyncio.sleep(SIGN_SECONDS)


@dataclass(slots=True)
class RecordingFacts:
    """`facts`: recording → what is told of it. `awaited`: recordings that somebody else is about to book.

    `soon`: of these the ones whose call's earlier words are on their way, which takes a moment.
    `confided`: call → her wishes that a case of it be confidential.
    `signed_at`: up to when the siblings that live have told everything. `unread`: journals of which a disk
    does not give all: they may name anything, so what no other journal names waits.
    """

    facts: dict[str, list[Fact]] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)
    soon: set[str] = field(default_factory=set)
    confided: dict[str, list[ConfidedFact]] = field(default_factory=dict)
    signed_at: float = math.inf
    unread: set[Path] = field(default_factory=set)

    def must_wait(self, name: str, grown_at: float) -> bool:
        """A file that nobody names may be one of a sibling that hangs and has not told yet."""
        latest = min(grown_at, time.time() - 2 * SIGN_SECONDS)  # the clock may have been set back since
        untold = bool(self.unread) or self.signed_at <= latest
        return name in self.awaited or (name not in self.facts and untold)


def ask(
    spool: Path, names: Collection[str], own: Journal | None = None, alone: bool = True
) -> RecordingFacts:
    """`own`: the journal that this process writes. `alone`: there are no journals on other machines.

    The order counts: who lives and has signed, then what is told, then how far that is applied. Whoever looks
    for rows must do so after this.
    """
    told, wanted = RecordingFacts(signed_at=math.inf if alone else -math.inf), frozenset(names)
    living: dict[Path, int | None] = {}
    for folder in slots.journals(spool):
        mine = own is not None and own.folder == folder
        try:
            began = living[folder] = None if mine else journal_reading.run_began(folder)
            if began is not None:
                told.signed_at = min(told.signed_at, journal_reading.signed_at(folder))
                told.awaited |= wanted & journal_reading.names_since(folder, began)
            found = journal_reading.naming(folder, wanted)
        except OSError as error:
            log.error("a journal can't be read, recordings that no other one names wait: %s", error)
            told.unread.add(folder)
            continue
        applied = _applied(folder, own)
        for name, facts in found.items():
            told.facts.setdefault(name, []).extend(_usable(facts))
            if any(
                position > applied and not isinstance(fact, RecordingBegunFact) for position, fact in facts
            ):
                told.awaited.add(name)  # its own fact is on the way
    unnamed = {name for name in wanted if not told.facts.get(name)}
    for folder, began in living.items() if not told.unread else ():  # else they wait all the same
        for name, (position, fact) in journal_reading.of_their_calls(folder, unnamed).items():
            carried = isinstance(fact, CallStartedFact)  # else it took in what the dialplan recorded
            if carried or not told.facts.get(name):
                told.facts[name] = [CallStartedFact(fact.call)]
            if carried and began is not None and position.segment >= began:
                told.awaited.add(name)  # whoever carries that call has not told yet
    told.soon = _before_their_case(spool, told, own)
    told.awaited |= told.soon
    return told


def _before_their_case(spool: Path, told: RecordingFacts, own: Journal | None) -> set[str]:
    """Recordings of calls whose case or earlier words are on the way: these come first.

    What else these calls wished is told on the way.
    """
    of: dict[str, set[str]] = {}
    for name, facts in told.facts.items():
        for fact in facts:
            of.setdefault(str(fact.call.id), set()).add(name)
    found: set[str] = set()
    for folder in slots.journals(spool) if of else ():
        if folder in told.unread:
            continue
        calls = journal_reading.of_calls(folder, of.keys())
        applied = _applied(folder, own)
        for call_id, facts_of_call in calls.items():
            wishes = [fact for fact in _usable(facts_of_call) if isinstance(fact, ConfidedFact)]
            told.confided.setdefault(call_id, []).extend(wishes)
            on_the_way = [fact for position, fact in facts_of_call if position > applied]
            if any(isinstance(fact, CaseOpenedFact | WordsKeptFact | Unreadable) for fact in on_the_way):
                found |= of[call_id]
    return found


def _usable(found: Iterable[tuple[Position, Fact | Unreadable]]) -> Iterator[Fact]:
    """What can't be read as a whole tells what it can: the words themselves are in the file."""
    for _, fact in found:
        told = salvage(fact.body) if isinstance(fact, Unreadable) else fact
        if told is not None:
            yield told


def _applied(folder: Path, own: Journal | None) -> Position:
    mine = own is not None and own.folder == folder
    return max(journal_reading.applied(folder), own.applied if own and mine else Position())


def others_promise(spool: Path, own: Journal, code: str) -> bool:
    """Whether another process promised this code and its case has not reached the books yet.

    Raises OSError where a disk does not let that be told.
    """
    refused: OSError | None = None
    for folder in slots.journals(spool):
        try:
            if folder != own.folder and journal_reading.promises(folder, code):
                return True
        except OSError as error:
            refused = error
    if refused is not None:
        raise refused
    return False
