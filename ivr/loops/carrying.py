"""The loop that carries one call: the session asks, the channel and the desk answer.

What the caller said is journalled before she is told anything that depends on it: `OpenCase`
and `KeepWords` are answered only after the desk has them on disk, and no recording begins unnamed.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from datetime import time as time_of
from functools import partial
from math import inf
from time import monotonic
from typing import Any

from ivr.asterisk.channel import Channel
from ivr.asterisk.server import Drained
from ivr.cases.phone import mask
from ivr.desk.call.callbacks import Briefing
from ivr.desk.call.intake import CallFacts, Intake, ends_on_disk
from ivr.desk.call.live import CallQueue, Unreachable
from ivr.loops.enquiring import Enquiries
from ivr.loops.hour_line import CALL_SECONDS, HourLine
from ivr.store.calls import LOST
from ivr.store.facts import FactStep
from ivr.store.journal import JournalError
from ivr.store.recording_files import new_stem
from ivr.voice import callback, verdict
from ivr.voice.actions import (
    Action,
    Ask,
    AwaitHour,
    Confide,
    Confirm,
    Connect,
    Enquire,
    FindRoom,
    HangUp,
    JoinHour,
    KeepPlace,
    KeepWords,
    LookAtQueue,
    LookUpCase,
    MissReason,
    OpenCase,
    Operator,
    Rate,
    RecallCaller,
    Record,
    RefineCase,
    RingOfficial,
    Say,
    Settle,
    TakeUp,
    TakeWay,
    WishCallBack,
)
from ivr.voice.directory import Directory
from ivr.voice.events import (
    CaseOpened,
    CaseRefined,
    CaseSeen,
    Confided,
    Confirmed,
    Connected,
    Ended,
    Enquired,
    EnquiryResult,
    Event,
    HourState,
    HourTold,
    HungUp,
    Keys,
    Lookup,
    NotKept,
    PlaceKept,
    QueueSeen,
    Rated,
    Recorded,
    RoomFound,
    Said,
    Transfer,
    Transferred,
    WayTaken,
    WishNoted,
    WordsKept,
)
from ivr.voice.menu import Menu
from ivr.voice.session import Session

log = logging.getLogger(__name__)

QUEUE_SECONDS = 1.0  # of silence, until who waits there is told


@dataclass(slots=True)
class OpenLine:
    """What every call needs. `called`: the tree behind a number, for the call of that id.

    `live`: the calls in progress, by id. `hours`: officials who take calls themselves. `mark`: by which
    a call's times can be put right, while nobody can tell the time.
    """

    called: Callable[[str, str], Menu]
    directory: Directory
    intake: Intake
    clock: Callable[[], datetime]  # the zoned time of the province
    live: dict[str, Call] = field(default_factory=dict)
    hours: HourLine | None = None
    enquiries: Enquiries | None = None
    queue: Callable[[str], Awaitable[CallQueue]] | None = None  # who waits and serves there now
    rings: tuple[time_of, time_of] = (time_of.min, time_of.max)  # from when to when citizens are called
    mark: Callable[[], str] = str

    def talks(self, unique_id: str, before: bool = False) -> None:
        """Asterisk says that the caller on this channel talks with somebody now: an operator has taken it.

        `before`: since nobody knows when, so long enough to be a talk.
        """
        since = -inf if before else monotonic()
        for call in self.live.values():
            if call.facts.unique_id == unique_id:
                call.talked, call.bridged_at = True, call.bridged_at or since

    def going_on(self) -> list[dict[str, Any]]:
        """What the live board shows of this process's calls."""
        return [call.going_on() for call in self.live.values()]


class Call:
    """One call in progress."""

    def __init__(self, line: OpenLine, channel: Channel, told: Briefing | None = None) -> None:
        now = line.clock()
        id = str(uuid.uuid4())
        caller = replace(channel.caller(now), call=id)
        menu = line.called(channel.called, id)
        if told is not None:  # a call of ours: the network tells our own number
            caller = replace(caller, number=told.number, name="")
            channel.shown_number = "" if told.sealed else told.number.replace("+98", "0", 1)  # as told here
            menu = _menu_of(told, menu)
        self.line = line
        self.channel = channel
        channel.new_stem = partial(new_stem, id)
        hour = line.hours.offered() if line.hours is not None and told is None else None
        self.session = Session(menu, line.directory, caller, hour)
        self.facts = CallFacts(
            id=id,
            unique_id=channel.unique_id,
            caller=caller.number,
            caller_name=caller.name,
            started_at=now,
            answered_at=now,
            language=self.session.language,
            menu_name=menu.name,
            menu_revision=menu.revision,
            attempt=channel.attempt if told else "",
            uptime=line.mark(),
        )
        self.steps: list[FactStep] = []
        self.step, self.step_since = self.session.step, now
        self.outcome = "failed"
        self.wrong_codes = 0
        self.talked = False  # with an operator, or an official
        self.bridged_at: float | None = None  # since then with the official whose telephone rang last
        self.in_line = False  # for an official
        self.came_to_queue = now  # latest; whoever leaves it keeps her place from then on
        self.foreseen: asyncio.Task[None] | None = None  # held, or it may be collected before it is done
        self.told_code = ""  # which code the dialplan would tell her
        self.told_kept = False  # whether it was told of words of hers that are safe, or in a recording begun

    async def carry(self) -> None:
        """Carry it to its end. Whatever happens, words that no case holds become one."""
        log.info("call %s from %s began", self.facts.id, mask(self.facts.caller))
        await self.line.intake.call_started(self.facts)
        self.line.live[self.facts.id] = self
        try:
            await self.channel.took(self.facts.id)
            spoken = self.session.language
            if spoken != self.line.intake.book.conventions.languages[0]:
                await self.channel.speaks(spoken)  # the dialplan began it in the first one
            await self._converse()
        except Drained:
            self.outcome = "drained"
            await self._rescue()  # the dialplan's fall-back apologises, and takes words or says they are kept
        except Exception:
            log.exception("call %s failed at step %s", self.facts.id, self.session.step)
            await self._rescue()
            raise  # the server closes the connection, and the dialplan's fall-back takes over
        finally:
            self.channel.leave_room()
            if self.foreseen is not None:
                self.foreseen.cancel()
            del self.line.live[self.facts.id]
            if self.in_line and self.line.hours is not None:
                await asyncio.shield(self.line.hours.left(self.facts.id, self.channel.hung_up))
            closing = self._close()
            # Else it ends in this turn of the loop, and nothing stops it.
            waits = ends_on_disk(self.facts, self.session.uncased)
            await (asyncio.shield(closing) if waits else closing)
            self.session.close()

    def going_on(self) -> dict[str, Any]:
        """Where the caller is now. Her number is masked: this leaves the process."""
        session, facts = self.session, self.facts
        step = session.menu.steps.get(session.step)
        return {
            "id": facts.id,
            "unique_id": facts.unique_id,
            "number": mask(facts.caller),
            "began": facts.started_at.isoformat(),
            "step": session.step,
            "type": step.TYPE if step else "end",
            "since": self.step_since.isoformat(),
            "language": session.language,
            "kind": session.draft.get("kind", ""),
            "topic": session.draft.get("topic", ""),
            "county": session.draft.get("county", ""),
            "safe": bool(facts.cases),
            "ours": bool(facts.attempt),
        }

    async def _converse(self) -> None:
        session = self.session
        action: Action | None = session.start()
        chosen = session.chosen
        while action is not None:
            if isinstance(action, HangUp):
                self.outcome = self._how_it_ended()
                await self.channel.finish()
                return
            event = await self._answer(action)
            now = self.line.clock()
            self._log(event, now)
            spoken, misses = session.language, session.misses
            action = session.receive(event)
            if session.misses > misses:
                self.steps[-1] = replace(self.steps[-1], missed=True)
            if session.step != self.step:
                self.step, self.step_since = session.step, now
            if session.language != spoken and not self.channel.hung_up:
                await self.channel.speaks(session.language)
            before, chosen = chosen, session.chosen
            if chosen != before and not self.channel.hung_up:
                await self._tell_chosen(await self._own_code())

    async def _own_code(self) -> str:
        """That of the case opened in this call, else the one set aside for it; "" where hers is another."""
        code = self.session.code
        if code is None and not self.told_kept and not self.facts.attempt:
            return await self.line.intake.reserve_code(self.facts)
        return self._opened_here(code or "")

    def _opened_here(self, code: str) -> str:
        """That code, "" of a case that was there before: it may be a stranger's, or she keyed it herself."""
        return code if code in self.facts.cases and code not in self.facts.joined else ""

    async def _tell_chosen(self, code: str) -> None:
        """What the dialplan needs should this process die."""
        if not self.channel.hung_up:
            self.told_code = code
            await self.channel.chose(code, *self.session.chosen)

    async def _tell_kept(self, code: str, but: str = "") -> None:
        """The words are safe in the case of that code; the dialplan may tell her that one, or none.

        `but`: a recording of more of them, which is not safe yet.
        """
        self.told_kept = True
        own = self._opened_here(code)
        if self.told_code and not own:
            await self._tell_chosen("")
        await (self.channel.kept_but(but) if but else self.channel.kept())
        if own and own != self.told_code:
            await self._tell_chosen(own)

    def _how_it_ended(self) -> str:
        if self.channel.vanished:
            return LOST
        return "hung_up" if self.channel.hung_up and not self.talked else "completed"

    async def _answer(self, action: Action) -> Event:
        intake = self.line.intake
        match action:
            case Ask() | Say():
                began = monotonic()
                event = await self.channel.perform(action)
                after = monotonic() - began
                if isinstance(event, Keys):
                    return Keys(event.pressed, event.ended, after)
                return replace(event, after=after) if isinstance(event, Said) else event
            case (
                OpenCase() | KeepWords() | RefineCase() | Confide() | Confirm() | Settle() | WishCallBack()
                | KeepPlace()
            ):  # fmt: skip
                return await self._keep(action)
            case FindRoom(seconds=seconds):
                if not (name := self.channel.name_recording(seconds)):
                    return RoomFound(False)
                chosen, code = self._chosen()
                intake.recording_named(self._so_far(), name, chosen, code)
                return RoomFound(True, await intake.knows_matter(self.facts, chosen))
            case MissReason():
                await intake.miss_reason(self._so_far(), action)
                return Confirmed()
            case Rate():
                await intake.rate(self._so_far(), action)
                return Rated()
            case RecallCaller():
                known = await intake.recall(self.facts.caller)
                self.facts.waits = known.waits
                return known
            case TakeUp():
                taken = await intake.take_up(self.facts)
                if taken.code:
                    await self._tell_kept(taken.code)
                return taken
            case TakeWay(way=way):
                return WayTaken(way)
            case LookUpCase(code=code):
                seen = await intake.look_up(self.facts.caller, code, self.wrong_codes)
                self.wrong_codes += seen.result is Lookup.UNKNOWN
                seen = await _as_heard(self.channel, seen)
                self._foresee(seen)
                return seen
            case HangUp():
                raise AssertionError("the loop ends before this")
            case Record() if not self.channel.hung_up:
                await self._begin_recording(action.max_seconds)
                event = await self.channel.perform(action)
                is_nothing = self.session.is_wordless(event) and not _is_cut(event)
                if is_nothing and self.session.code is not None and not self.channel.hung_up:
                    await self.channel.kept()
                return event
            case Connect(record=True, max_seconds=seconds) if not self.channel.hung_up:
                await self._begin_recording(seconds)
                return await self.channel.perform(action)
            case Enquire():
                if self.line.enquiries is None:
                    return Enquired(EnquiryResult.FAILED)
                return await self.line.enquiries.ask(self.channel, action)
            case JoinHour() | AwaitHour() | RingOfficial():
                return await self._in_line(action)
            case LookAtQueue(queue=queue):
                self.came_to_queue = self.line.clock()
                return QueueSeen(await self._is_busy(queue))
            case Operator():
                event = await self.channel.perform(action)
                talked = isinstance(event, HungUp) and self.talked and not self.channel.vanished
                return Transferred(Transfer.ANSWERED) if talked else event
            case _:
                return await self.channel.perform(action)

    def _foresee(self, seen: CaseSeen) -> None:
        """Her answer is made ready while she hears how her case stands."""
        session = self.session
        speech = verdict.answer(seen, session.language, session.directory)
        self.foreseen = asyncio.create_task(self.channel.foresee(speech, session.language))

    async def _is_busy(self, queue: str) -> bool:
        """Whether who comes now has to wait. Where nobody can say in time, or serves, she just goes there.

        So does she while nobody is rung: those who come after her would be served before her.
        """
        opens, closes = self.line.rings
        if self.line.queue is None or not opens <= self.line.clock().time() < closes:
            return False
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                return (await self.line.queue(queue)).is_busy
        except (Unreachable, TimeoutError) as error:
            log.warning("whether queue %s is busy can't be told: %s", queue, error)
            return False

    async def _in_line(self, action: JoinHour | AwaitHour | RingOfficial) -> Event:
        """For an official who takes calls himself. Her words are safe already."""
        hours = self.line.hours
        if hours is None:
            return HourTold(HourState.AWAY)
        match action:
            case JoinHour():
                self.in_line = True
                await self.channel.lasts(CALL_SECONDS)
                return await hours.join(self.facts.id, action)
            case AwaitHour():
                return await hours.wait(self.facts.id, self.channel, action)
        if action.record and not self.channel.hung_up:
            await self._begin_recording(action.max_seconds)
        self.bridged_at = None
        event = await hours.ring(self.facts.id, self.channel, action, lambda: self.bridged_at)
        if isinstance(event, Connected) and event.recording is None and not event.gone:
            await self.channel.kept()
        return event

    async def _begin_recording(self, seconds: float) -> None:
        """No recording begins unnamed."""
        if name := self.channel.named_recording(seconds):
            await self.line.intake.recording_begun(self._so_far(), name, *self._chosen())
            code = self.session.code
            if code is not None or self.told_kept:  # also of another matter, behind "not solved"
                await self._tell_kept(code or "", but=name)

    def _chosen(self) -> tuple[OpenCase, str]:
        """What is known of words that she has not said yet: their case so far, and its code if any."""
        return self.session.opening(()), self.session.code or ""

    async def _keep(
        self,
        action: OpenCase | KeepWords | RefineCase | Confide | Confirm | Settle | WishCallBack | KeepPlace,
    ) -> Event:
        """What no journal takes is told as that: the call goes on, and nothing is promised."""
        intake = self.line.intake
        try:
            match action:
                case OpenCase():
                    code = await intake.open_case(self._so_far(), action)
                    await self._tell_kept(code)
                    return CaseOpened(code, code in self.facts.joined)
                case KeepWords():
                    await intake.keep_words(self._so_far(), action)
                    if action.recording.name == self.facts.recordings[-1]:
                        await self.channel.kept()
                    return WordsKept()
                case RefineCase():
                    await intake.refine_case(self._so_far(), action)
                    return CaseRefined()
                case Confide():
                    await intake.confide(self._so_far(), action)
                    return Confided()
                case Confirm():
                    await intake.confirm(self._so_far(), action)
                    return Confirmed()
                case Settle():
                    await intake.settle(self._so_far(), action)
                    return Confirmed()
                case WishCallBack(code=code):
                    await intake.wish_call_back(self._so_far(), code)
                    return WishNoted()
                case KeepPlace(code=code, queue=queue, hours=hours):
                    since = self.came_to_queue
                    await intake.keep_place(self._so_far(), code, queue, since, hours)
                    return PlaceKept()
        except JournalError as error:
            log.error("call %s: nothing can be kept: %s", self.facts.id, error)
        match action:
            case RefineCase():
                return CaseRefined(False)
            case Confirm() | Settle():
                return Confirmed(False)
            case WishCallBack():
                return WishNoted(False)
            case KeepPlace():
                return PlaceKept(False)
        return NotKept()

    def _so_far(self) -> CallFacts:
        self.facts.language = self.session.language
        return self.facts

    def _log(self, event: Event, now: datetime) -> None:
        trace = self.session.trace(event)
        self.steps.append(FactStep(now, trace.step, trace.key, trace.note))

    async def _rescue(self) -> None:
        opening, code = self.session.rescue(), self.session.code
        if opening is None:
            return
        self.session.uncased = []
        if code is None:
            await self._keep(opening)
            return
        for recorded in opening.recordings:  # to the case of her earlier words
            await self._keep(KeepWords(code, recorded, instead=False))

    async def _close(self) -> None:
        session, steps = self.session, tuple(self.steps)
        unsaid = self.outcome != "completed" and session.leaves_unsaid
        told = tuple(session.uncased), session.verdict, unsaid
        await self.line.intake.call_ended(self._so_far(), self.outcome, self.line.clock(), steps, *told)
        log.info("call %s %s after %d steps", self.facts.id, self.outcome, len(self.steps))


def _menu_of(told: Briefing, tree: Menu) -> Menu:
    """The flow of a call of ours. Whom she may ask for an operator, the tree says."""
    if told.verifies:
        return callback.verification(told.language)
    if told.lottery is not None:
        return callback.lottery(told.code, told.lottery, told.language)
    if told.turn is not None:
        return callback.turn(told.code, told.turn, told.language)
    if told.order is not None:
        return callback.order(told.code, told.order, told.language)
    if told.meeting is not None:
        return callback.meeting(told.code, told.meeting, told.language)
    return callback.menu(told.code, told.seen, told.language, callback.operator_of(tree, told.language))


def _is_cut(event: Event) -> bool:
    """Whether the disk took only the beginning of her words, if any."""
    return isinstance(event, Recorded) and event.ended is Ended.CUT


async def _as_heard(channel: Channel, seen: CaseSeen) -> CaseSeen:
    """Nobody is asked about an answer that is silence to her, be it in part."""
    clips = verdict.clips(seen)
    there = await asyncio.gather(*map(channel.has, clips))
    gone = [name for name, is_there in zip(clips, there, strict=True) if not is_there]
    return verdict.without(seen, gone) if gone else seen


async def carry(line: OpenLine, channel: Channel) -> None:
    """Carry one call from answer to its row in the books. A call of ours that nobody knows is given up."""
    told = None
    if channel.attempt and (told := await line.intake.briefing(channel.attempt)) is None:
        log.error("attempt %s was answered, and nobody knows what to tell", channel.attempt)
        return  # the dialplan apologises
    if told is not None:
        told = replace(told, seen=await _as_heard(channel, told.seen))
    await Call(line, channel, told).carry()
