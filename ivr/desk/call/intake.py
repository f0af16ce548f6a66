"""What a call asks of the desk. Words and promises go to the journal; the database is never waited for.

`ivr.desk.facts.apply.Pump` carries the journalled facts to the database right afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from ivr.cases.callback import Outcome
from ivr.desk.book.book import Book
from ivr.desk.call import callbacks
from ivr.desk.call.callbacks import Briefing
from ivr.desk.case.codes import CodeBlock
from ivr.desk.case.joining import reserve
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY
from ivr.store.facts import (
    CallBackWishedFact,
    CallEndedFact,
    CallStartedFact,
    CaseOpenedFact,
    CaseRefinedFact,
    ConfidedFact,
    Fact,
    FactAttempt,
    FactCall,
    FactRecording,
    FactStep,
    OurCallSettledFact,
    RatingFact,
    ReasonLostFact,
    RecordingBegunFact,
    VerdictFact,
    WordsKeptFact,
    is_patient,
)
from ivr.store.journal import Journal, JournalError
from ivr.voice.actions import Confide, Confirm, KeepWords, MissReason, OpenCase, Rate, RefineCase, Settle
from ivr.voice.events import CallerKnown, CaseSeen, Lookup, Recorded, TakenUp

log = logging.getLogger(__name__)
T = TypeVar("T")

COUNTY_SECONDS = 0.5  # between two prompts: silence on the line
LOOK_UP_SECONDS = 1.0
JOURNAL_SECONDS = 10.0  # a disk that takes longer hangs; a slow one (two flushes of 3.5 s) is waited for
CODE_SECONDS = 2.0  # her words are as safe without a code
BEGUN_SECONDS = 0.5  # before the beep: silence on the line, too
SHARE_SECONDS = 1.0  # while she is told what to do, a recording's name waits for another's way to the disk
FALLBACK = "fallback"  # the outcome of a call that only the dialplan answered
_REMEMBERED = 20_000  # codes promised lately, whose cases may still be on their way
_LONGEST_TEXT = 200


@dataclass(slots=True)
class CallFacts:
    """What is known of a call. `id` is a UUID; `caller` as the network gave it, "" when withheld.

    `cases`: tracking code → id of the case opened in this call; `recordings`: names; `unsure`: code and id of
    a case that a sick disk did not confirm, to be used for the next try, so that it is one case however often
    the disk wrote it; `joined`: codes of earlier cases that words of this call were added to. `Intake` fills
    these. `waits`: an earlier case of hers may wait for an answer. `naming`: the latest recording that was
    named, and its fact's way to the disk. `reserved`: the code of its first case, should there be one.
    `told`: what facts tell of the call so far. `uptime`: the mark by which its times can be put right.
    """

    id: str
    unique_id: str
    caller: str
    caller_name: str
    started_at: datetime
    answered_at: datetime | None
    language: str
    menu_name: str
    menu_revision: str
    attempt: str = ""  # of the call-back that this is
    cases: dict[str, str] = field(default_factory=dict)
    recordings: list[str] = field(default_factory=list)
    unsure: tuple[str, str] | None = None
    joined: set[str] = field(default_factory=set)
    waits: bool = True
    naming: tuple[str, asyncio.Future[None]] | None = None
    reserved: str = ""
    told: FactCall | None = None
    uptime: str = ""


def _now() -> datetime:
    return datetime.now(UTC)


class Intake:
    """The desk's window to the telephone. `calls`: ids of those in progress; `live`: their recordings' names.

    `others_promise`: whether a sibling promised a code whose case is still on its way to the database.
    """

    def __init__(
        self,
        journal: Journal,
        codes: CodeBlock,
        book: Book,
        clock: Callable[[], datetime] = _now,
        others_promise: Callable[[str], bool] = lambda code: False,
    ) -> None:
        self.journal = journal
        self.codes = codes
        self.book = book
        self.clock = clock
        self.others_promise = others_promise
        self.live: set[str] = set()
        self.calls: set[str] = set()
        self._promised: OrderedDict[str, None] = OrderedDict()

    async def call_started(self, call: CallFacts) -> None:
        """Note that a call began. Waits for nothing: no one is told anything that depends on it."""
        self.calls.add(call.id)
        self.journal.note(CallStartedFact(_call(call)))

    def recording_named(
        self, call: CallFacts, name: str, chosen: OpenCase, code: str = ""
    ) -> asyncio.Future[None]:
        """Write down whose words will be in that file, before there is one: the file alone does not tell.

        `code`: of the case that they belong to, where there is one already. It goes to the disk while she is
        told what to do, with another call's flush if one comes soon. That no file may follow harms nobody.
        """
        if call.naming is None or call.naming[0] != name:
            case = call.cases.get(code, "")
            fact = recording_begun(_call(call), self.clock(), name, chosen, call.reserved, case, code)
            writing = self.journal.append(fact, within=SHARE_SECONDS, keep=True)
            writing.add_done_callback(_forget)
            call.naming = name, writing
        return call.naming[1]

    async def recording_begun(self, call: CallFacts, name: str, chosen: OpenCase, code: str = "") -> None:
        """The recording is about to begin: wait until the journal names it, with what was known of it.

        Who did not hear the prompt out does not wait for another call's flush either. A sick disk is not
        waited for long, since it may have room for her words all the same; the fact comes when it is well.
        """
        writing = self.recording_named(call, name, chosen, code)
        call.recordings.append(name)
        self.live.add(name)
        try:
            if writing.done():
                return writing.result()
            self.journal.hasten()
            async with asyncio.timeout(BEGUN_SECONDS):
                await asyncio.shield(writing)
        except (JournalError, TimeoutError) as error:
            log.error("recording %s is not in the journal yet: %s", name, error or "the disk is slow")

    async def call_ended(
        self,
        call: CallFacts,
        outcome: str,
        ended_at: datetime,
        steps: Sequence[FactStep],
        scraps: Sequence[Recorded] = (),
        verdict: str = "",
        unsaid: bool = False,
    ) -> None:
        """Note how it ended. `scraps`: recordings that became no case (too short to hold a word).

        `unsaid`: it broke off, as the matter or county of its case was to be said.

        Where the disk is not waited for (`ends_on_disk`) and this process dies within the second, the call is
        closed as lost.
        """
        fact = CallEndedFact(
            _call(call),
            outcome,
            ended_at,
            tuple(map(_clean_step, steps)),
            _written(scraps),
            FactAttempt(uuid.UUID(call.attempt), Outcome(verdict or Outcome.NO_KEY))
            if call.attempt
            else None,
            unsaid,
        )
        try:
            if ends_on_disk(call, scraps):
                await self._append(fact)
            else:
                self.journal.note(fact)
                if not is_patient(fact):
                    self.journal.hasten()
        except JournalError as error:
            log.error("the end of call %s is journalled later: %s", call.id, error)
            self.journal.note(fact)
        finally:
            self.live.difference_update(call.recordings)
            self.calls.discard(call.id)

    async def reserve_code(self, call: CallFacts) -> str:
        """The code that this call's first case will have, for the dialplan to speak should this process die.

        "" when the call has its case, or no code comes in time.
        """
        if not (call.reserved or call.cases or call.joined or call.unsure):
            call.reserved = await self._take_code(COUNTY_SECONDS)
        return call.reserved

    async def _take_code(self, seconds: float) -> str:
        """ "" when none can be promised in time: the disk that keeps how far they are used may hang."""
        if code := self.codes.take_at_hand():
            return code
        taking = asyncio.ensure_future(self.codes.take())
        with suppress(TimeoutError):  # who takes it is not stopped half-way: that number is left out
            async with asyncio.timeout(seconds):
                return await asyncio.shield(taking)
        return ""

    async def open_case(self, call: CallFacts, opening: OpenCase) -> str:
        """Make the words safe and return the case's code once they are.

        "" when no code can be promised: the words are safe all the same and become a case at the desk.
        Who says that she speaks of the open case of her number again joins it with her words; its code then.
        Raises JournalError when nothing could be made safe; the words may still be found to be, later.
        """
        if call.unsure is None and opening.joins and call.waits and (code := await self._join(call, opening)):
            return code
        if call.unsure is None:
            call.unsure = call.reserved or await self._take_code(CODE_SECONDS), str(uuid.uuid4())
        code, case = call.unsure
        await self._append(self._opened(case, code, call, opening))
        call.unsure, call.reserved = None, ""
        call.cases[code] = case
        self._remember(code)
        return code

    async def knows_matter(self, call: CallFacts, opening: OpenCase) -> bool:
        """Whether her number has an open case of what she chose: then she is asked whether it is that one."""
        first = call.waits and not (call.cases or call.unsure)
        return first and await self._same_matter(call, opening) is not None

    async def _same_matter(self, call: CallFacts, opening: OpenCase) -> tuple[str, str] | None:
        """Code and id; None also when nobody can look in time: the desk may merge the two later."""
        try:
            return await _within(COUNTY_SECONDS, self.book.same_matter(call.caller, opening, self.clock()))
        except AWAY as error:
            log.warning("an open case of this caller could not be looked for: %s", error)
            return None

    async def _join(self, call: CallFacts, opening: OpenCase) -> str:
        """Add the words to the open case of her number on the same matter; "" when none is known."""
        words = [recorded for recorded in opening.recordings if recorded.name]
        found = await self._same_matter(call, opening)
        if found is None or not words:
            return ""
        code, call.cases[code] = found[0], found[1]
        for recorded in words:
            await self._append(replace(self._kept(call, KeepWords(code, recorded, False)), repeat=True))
        call.joined.add(code)
        return code

    async def take_in(self, call: CallFacts, opening: OpenCase, code: str, spoken_at: datetime) -> None:
        """A recording made without us becomes a case. `code`: the one that was spoken, if any.

        The same call's id makes the same case, however often. Raises JournalError.
        """
        opened = self._opened(str(reserve(uuid.UUID(call.id))), code, call, opening)
        await self.journal.append(replace(opened, at=spoken_at))
        self._remember(code)
        await self.call_ended(call, FALLBACK, spoken_at, ())

    async def keep_words(self, call: CallFacts, kept: KeepWords) -> None:
        """Add a recording to the case opened in this call. Raises JournalError."""
        await self._append(self._kept(call, kept))

    async def refine_case(self, call: CallFacts, about: RefineCase) -> None:
        """What she says of the case opened in this call, after her words. Raises JournalError."""
        fact = CaseRefinedFact(
            id=uuid.uuid4(),
            at=self.clock(),
            case=call.cases.get(about.code, ""),
            code=about.code,
            call=_call(call),
            topic=about.topic,
            county=about.county,
            callback=_clean(about.callback),
            national_id=_clean(about.national_id),
        )
        await self._append(fact)

    async def confide(self, call: CallFacts, wish: Confide) -> None:
        """Her case is to be confidential. Raises JournalError."""
        case = call.cases.get(wish.code, "")
        await self._append(ConfidedFact(uuid.uuid4(), self.clock(), case, wish.code, _call(call)))

    async def wish_call_back(self, call: CallFacts, code: str) -> None:
        """She wants to be called about a code that can't be looked up now. Raises JournalError."""
        await self._append(CallBackWishedFact(self.clock(), code, call.language, _call(call)))

    async def keep_place(
        self, call: CallFacts, code: str, queue: str, since: datetime, hours: str = ""
    ) -> None:
        """She is to be called when it is her turn in that queue, within `hours`. Raises JournalError."""
        place = queue, since, hours
        await self._append(CallBackWishedFact(self.clock(), code, call.language, _call(call), *place))

    async def confirm(self, call: CallFacts, verdict: Confirm) -> None:
        """What she says of the answer to her case. Raises JournalError; then it is tried again later: no file
        tells of it.
        """
        said = verdict.solved, verdict.proven
        fact = VerdictFact(uuid.uuid4(), self.clock(), verdict.code, _call(call), *said)
        await self._append(fact, keep=True)

    async def settle(self, call: CallFacts, said: Settle) -> None:
        """What she says on our call, however it goes on. Raises JournalError, as `confirm` does."""
        attempt = FactAttempt(uuid.UUID(call.attempt), Outcome(said.outcome))
        await self._append(OurCallSettledFact(self.clock(), _call(call), attempt), keep=True)

    async def miss_reason(self, call: CallFacts, missed: MissReason) -> None:
        """Her reason for "not solved" is not kept. Nothing was promised, so nothing is waited for."""
        self.journal.note(ReasonLostFact(uuid.uuid4(), self.clock(), missed.code, _call(call), missed.why))

    async def rate(self, call: CallFacts, rating: Rate) -> None:
        """How content she is. She is only thanked for it, so nothing is waited for."""
        self.journal.note(RatingFact(uuid.uuid4(), self.clock(), rating.code, _call(call), rating.score))

    async def briefing(self, attempt: str) -> Briefing | None:
        """What to tell a citizen who has answered our call; None when nobody can say in time."""
        try:
            return await _within(LOOK_UP_SECONDS, callbacks.briefing(self.book.engine, attempt))
        except AWAY as error:
            log.warning("a call-back could not be looked up: %s", error)
            return None

    async def recall(self, number: str) -> CallerKnown:
        """What the books know of this caller; nothing when nobody can look in time."""
        try:
            async with asyncio.timeout(COUNTY_SECONDS):  # what it waits for is given up at once
                return await self.book.recall(number, self.clock())
        except AWAY:
            return CallerKnown()

    async def take_up(self, call: CallFacts) -> TakenUp:
        """The case of her number's call that broke off: what this call says goes to it from now on."""
        try:
            found = await _within(COUNTY_SECONDS, self.book.take_up(call.caller, self.clock()))
        except AWAY as error:
            log.warning("a call that broke off could not be looked for: %s", error)
            return TakenUp()
        if found is None:
            return TakenUp()
        id, taken = found
        call.cases[taken.code] = id
        call.joined.add(taken.code)
        return taken

    async def look_up(self, number: str, code: str, missed: int = 0) -> CaseSeen:
        """What may be told about a code. Wrong codes are counted per caller, across all workers.

        `missed`: wrong ones of this call so far.
        """
        # Asked before the books: a case that comes into them in between is found there.
        sure, promised = True, code in self._promised
        try:
            if not promised:
                promised = await _within(LOOK_UP_SECONDS, ask_once(partial(self.others_promise, code)))
        except OSError as error:  # it counts as a guess all the same: else anybody could try all of them
            log.warning("whether a sibling promised a tracking code can't be told: %s", error)
            sure = False
        try:
            looking = self.book.look_up(number, code, self.clock(), counts=not promised, missed=missed)
            seen = await _within(LOOK_UP_SECONDS, looking)
        except AWAY as error:
            log.warning("a tracking code could not be looked up: %s", error)
            return CaseSeen(Lookup.UNAVAILABLE)
        if seen.result is Lookup.UNKNOWN and (promised or not sure):
            return CaseSeen(Lookup.UNAVAILABLE)  # promised, but its case has not reached the database yet
        return seen

    def _kept(self, call: CallFacts, kept: KeepWords) -> WordsKeptFact:
        return WordsKeptFact(
            id=uuid.uuid4(),
            at=self.clock(),
            case=call.cases.get(kept.code, ""),
            code=kept.code,
            call=_call(call),
            recording=_written([kept.recording])[0],
            instead=kept.instead,
        )

    def _opened(self, case: str, code: str, call: CallFacts, opening: OpenCase) -> CaseOpenedFact:
        return CaseOpenedFact(
            id=uuid.UUID(case),
            at=self.clock(),
            code=code,
            call=_call(call),
            kind=opening.kind,
            topic=opening.topic,
            county=opening.county,
            language=opening.language,
            callback=_clean(opening.callback),
            national_id=_clean(opening.national_id),
            recordings=_written(opening.recordings),
        )

    async def _append(self, fact: Fact, keep: bool = False) -> None:
        """Raises JournalError also when the disk does not answer: silence on the line is no answer either."""
        try:
            async with asyncio.timeout(JOURNAL_SECONDS):
                await self.journal.append(fact, keep=keep)
        except TimeoutError:
            raise JournalError(f"{self.journal.folder} took longer than {JOURNAL_SECONDS:g} s") from None

    def _remember(self, code: str) -> None:
        if not code:
            return
        self._promised[code] = None
        if len(self._promised) > _REMEMBERED:
            self._promised.popitem(last=False)


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Raises TimeoutError on time, even where giving up a connection to a stopped server takes longer."""
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if done:
        return task.result()
    task.cancel()
    task.add_done_callback(_forget)
    raise TimeoutError(f"no answer within {seconds} s")


def _forget(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _call(call: CallFacts) -> FactCall:
    """The same for all its facts: only the language changes."""
    if call.told is None or call.told.language != call.language:
        call.told = fact_call(call)
    return call.told


def ends_on_disk(call: CallFacts, scraps: Sequence[Recorded]) -> bool:
    """Whether its end waits for the disk: only where words or a citizen's verdict hang on it."""
    return bool(call.attempt or scraps)


def recording_begun(
    call: FactCall, at: datetime, name: str, chosen: OpenCase, reserved: str, case: str = "", code: str = ""
) -> RecordingBegunFact:
    """Whose words that file holds, with what was known of them. `reserved`: the code set aside for her.

    `case`, `code`: of the case that they belong to, where there is one already.
    """
    return RecordingBegunFact(
        at=at,
        call=call,
        name=name,
        kind=chosen.kind,
        topic=chosen.topic,
        county=chosen.county,
        language=chosen.language,
        callback=_clean(chosen.callback),
        national_id=_clean(chosen.national_id),
        case=case,
        code=code,
        reserved=reserved,
    )


def fact_call(call: CallFacts) -> FactCall:
    """What its facts tell of it."""
    return FactCall(
        id=uuid.UUID(call.id),
        unique_id=_clean(call.unique_id),
        caller=_clean(call.caller),
        caller_name=_clean(call.caller_name),
        started_at=call.started_at,
        answered_at=call.answered_at,
        language=call.language,
        menu_name=call.menu_name,
        menu_revision=call.menu_revision,
        uptime=call.uptime,
    )


def _written(recorded: Sequence[Recorded]) -> tuple[FactRecording, ...]:
    """Those that Asterisk wrote."""
    return tuple(
        FactRecording(r.name, r.seconds, r.voiced_seconds, r.ended, r.sha256, r.size)
        for r in recorded
        if r.name
    )


def _clean_step(step: FactStep) -> FactStep:
    key, note = _clean(step.key), _clean(step.note)
    clean = key == step.key and note == step.note
    return step if clean else FactStep(step.at, step.step, key, note, step.missed)


def _clean(text: str) -> str:
    """Text that any database takes: no NUL, no half characters, bounded. Callers send what they like."""
    if text.isascii() and "\0" not in text:  # nearly always
        return text[:_LONGEST_TEXT]
    whole = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return whole[:_LONGEST_TEXT]
