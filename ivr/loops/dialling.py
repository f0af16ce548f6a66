"""Calls citizens back: one attempt after the other, each committed before Asterisk hears of it.

What must be told and when is the desk's (`ivr.desk.call.callbacks`); what is said, when she answers, the
call's (`ivr.loops.carrying`). Here is only the placing, and finding out what became of it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from panoramisk.message import Message
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import (
    Ami,
    AmiError,
    AmiFailed,
    AmiLost,
    AmiRefused,
    AmiTimeout,
    OriginateResponse,
)
from ivr.cases import phone
from ivr.cases.callback import Outcome, Policy
from ivr.cases.turns import whose_turn
from ivr.desk.book.book import Book
from ivr.desk.call import callbacks
from ivr.desk.call.callbacks import Placing
from ivr.desk.call.live import CallQueue, Unreachable
from ivr.desk.case import turn_calls
from ivr.store import recording_files
from ivr.store.disk_thread import ask_once, in_time
from ivr.store.folders import day_folders
from ivr.voice import script
from ivr.voice.wave import HEADER_BYTES

log = logging.getLogger(__name__)

CONTEXT = "seda111-callback"
ATTEMPT = "IVR_ATTEMPT"
LANGUAGE = "IVR_LANGUAGE"  # in which the dialplan apologises where no server takes the call
NUMBER = "{number}"
LOOK_SECONDS = 3.0  # how often a call that is due is looked for
TELL_SECONDS = 60.0  # how often it is told whether anybody is called from here
MARGIN_SECONDS = 20.0  # after the ringing, until an attempt that nobody speaks of counts as lost …
MISSED_SECONDS = 20.0  # … whose channel was gone at each look for so long: its end may be on the way
ELSEWHERE_SECONDS = 180.0  # … and that talks in the books takes none of our lines
CAUSE_SECONDS = 1.0  # until the channel's hang-up tells why
# Q.850 causes (Asterisk's causes.h). 21 is a call declined: she is there, and not now.
CAUSES = {17: Outcome.BUSY} | dict.fromkeys((16, 18, 19, 20, 21), Outcome.NO_ANSWER)
RANG = (16, 17)  # of a trunk that works
UNSURE = 19  # nobody answered, or SIP 480: it is off, or a gateway has no line for us
# Where nothing rang. 18 may be of a trunk that does not answer (SIP 408), 21 of one that refuses us (401,
# 403, 407); 20 is a telephone that is off.
PERHAPS_REFUSED = (18, UNSURE, 20, 21)
WAITS_FOR = (AmiLost, AmiTimeout, AmiFailed)  # of what look raises; a refused login is told
UNSAID = 3  # times that a call is put off for want of what is to be heard, until it is told
# So long a recording is away, looked for so often, until it counts as lost: another server may have it, and
# nobody looks at night or on days off.
LOST, LOOKS = timedelta(days=1), 30
GONE = timedelta(days=7)  # … where its disk can't say, or is not mounted
UNSAID_FOR = timedelta(hours=1)  # that it is told: who still waits is tried meanwhile
NOT_THROUGH = 10  # numbers that fail or decline, and none rings, until the trunk is suspected
READY_SECONDS = 30.0  # for speaking what she is to hear: in longer her attempt might count as lost
STILL_RINGING = 3  # OriginateResponse's reason when the time was up, even though nothing rang
RINGING = "5"  # Newstate's ChannelState, once the trunk has said so (SIP 180)
UP = "6"  # once it is answered
LINE_SECONDS = 1.0  # how often it is looked whether who waits for her has put down
NORMAL_CLEARING = 16  # of CAUSES


@dataclass(frozen=True, slots=True)
class Trunk:
    """How a citizen is dialled. `dial` holds {number}.

    `at_once`: calls in progress, of all workers, beside who talks with an operator in her turn.
    """

    dial: str
    caller_id: str
    international: bool = False
    ring_seconds: float = 40.0
    at_once: int = 2


class Dialler:
    """Places what is due, at each `look`. `originate` may only place calls; `ami` sees which are up."""

    def __init__(
        self,
        engine: AsyncEngine,
        book: Book,
        policy: Policy,
        trunk: Trunk,
        *,
        originate: Ami,
        ami: Ami,
        speak: Callable[[str, str], Awaitable[str | None]],
        recordings: Path,
        clock: Callable[[], datetime],
        queue: Callable[[str], Awaitable[CallQueue]],
        resting: Callable[[], bool] = lambda: False,
    ) -> None:
        """`queue`: who waits for an operator there now, and who serves."""
        self.engine = engine
        self.book = book
        self.policy = policy
        self.trunk = trunk
        self.originate = originate
        self.ami = ami
        self.speak = speak
        self.recordings = recordings
        self.clock = clock
        self.queue = queue
        self.resting = resting  # a server that takes no calls any more places none either
        self._placing: set[asyncio.Task[None]] = set()
        self._causes: dict[str, asyncio.Future[int]] = {}
        self._tried_anew = False
        self._unsaid: dict[str, tuple[int, datetime]] = {}  # by case: how often, and when last
        self._rings = set[str]()  # attempts of which the trunk says so
        self._given_up = set[str]()  # … which are hung up, as who waited for her has put down
        self._not_through: dict[str, datetime] = {}  # numbers that failed since one rang, and when last
        # By attempt, and whether she talks in the books: since when its channel is gone.
        self._missed: dict[tuple[uuid.UUID, bool], float] = {}
        originate.on("Hangup", self._hung_up)
        originate.on("Newstate", self._rang)

    def close(self) -> None:
        """Let go of what is being placed: it is looked up by whoever comes next."""
        for placing in self._placing:
            placing.cancel()

    @property
    def trouble(self) -> str:
        """What is to be told while none is put through, or calls are put off again and again, else ""."""
        found = []
        if (many := len(self._not_through)) >= NOT_THROUGH:
            last = f"{max(self._not_through.values()).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            found.append(
                f"{many} numbers could not be put through and none rang since, the last failed at {last}: "
                "look at callbacks.dial and the trunk"
            )
        since = self.clock() - UNSAID_FOR
        put_off = sum(tries >= UNSAID and last > since for tries, last in self._unsaid.values())
        if put_off:
            found.append(
                f"{put_off} call-backs were put off {UNSAID} times or more: what is to be heard can't be "
                "spoken (the log tells which), or its recording is not there (`ivr verify` tells of which "
                "case)"
            )
        return "; ".join(found)

    async def look(self) -> None:
        """Place what is due. Raises BookEmpty, AmiError or what AWAY names while that can't be done.

        While Asterisk is away nothing is placed, as the health says; of a refused login it hears from here.
        """
        if not self._tried_anew:  # this release may know what the one before did not
            await callbacks.try_anew(self.engine)
            self._tried_anew = True
        now = self.clock()
        elsewhere = await self._lose_lost_ones(now)
        page = await self.book.page()
        if self.originate.refused:
            raise AmiRefused(self.originate.refused)
        free = self.trunk.at_once + elsewhere - await callbacks.in_progress(self.engine, now)
        if free < 1 or not self.originate.connected or self.resting():
            return
        places, odd = await turn_calls.kept_and_odd(self.engine)
        turns = await self._turns(places) | odd | await self._held()  # the desk puts odd ones aside
        kept = turn_calls.still_kept(places, page.calendar, self.clock())
        for _ in range(free):
            placing = await callbacks.claim(self.engine, page, self.policy, self.clock(), turns, kept)
            if placing is None:
                return
            task = asyncio.create_task(self._place(placing))
            self._placing.add(task)
            task.add_done_callback(self._placed)

    async def _turns(self, places: Sequence[Row[Any]]) -> frozenset[uuid.UUID]:
        """Whose turn it is among those who keep a place in an operators' queue."""
        found: set[uuid.UUID] = set()
        for name in dict.fromkeys(row.notice["queue"] for row in places):
            try:
                line = await self.queue(name)
            except Unreachable as error:
                log.warning("whose turn it is in queue %s can't be told: %s", name, error)
                continue
            now = self.clock()
            since = [now - timedelta(seconds=waited) for waited in line.waits.values()]
            its = [turn_calls.place_of(row, now) for row in places if row.notice["queue"] == name]
            found |= whose_turn(its, since, line.serving)
        return frozenset(found)

    async def _held(self) -> frozenset[uuid.UUID]:
        """For whom an official holds the line here: he has not put down, and it is not another site's."""
        lines = await callbacks.held_lines(self.engine, self.clock())
        up = await self._up() if lines else frozenset()
        return frozenset(id for id, line in lines.items() if line in up)

    async def _up(self) -> frozenset[str]:
        return frozenset(channel.uniqueid for channel in await self.ami.channels())

    async def pause(self) -> None:
        """Until it is worth another look."""
        if self._placing:
            await asyncio.wait(self._placing, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(LOOK_SECONDS)

    def _placed(self, task: asyncio.Task[None]) -> None:
        self._placing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a call-back went wrong; its attempt counts", exc_info=error)

    async def _place(self, placing: Placing) -> None:
        """Ring her, once. Where nobody knows what came of it, the attempt stays open and is looked up."""
        if (unsaid := await self._made_ready(placing)) is not None:
            await self._say(placing.id, unsaid)
            return
        log.info("call-back %s rings %s", placing.id, phone.mask(placing.number))
        try:
            outcome = await self._ring(placing)
        except AmiLost as error:
            outcome = None if error.sent else Outcome.NOT_SENT
        except AmiTimeout:
            outcome = None
        except (AmiError, ValueError) as error:
            log.error("call-back %s was refused: %s", placing.id, error)
            outcome = Outcome.FAILED
            self._not_through[placing.number] = self.clock()
        if outcome is not None:
            log.info("call-back %s: %s", placing.id, outcome)
            await self._say(placing.id, outcome)

    async def _made_ready(self, placing: Placing) -> Outcome | None:
        """Have ready what she is to hear, so that she need not wait for it; else how the attempt ends.

        Nobody is asked about what was not heard. An answer whose recording stays away is the desk's to tell;
        whatever there is of one in parts she is rung to hear.
        """
        there = [await self._is_there(name, placing.opened) for name in placing.clips]
        words = placing.answer if all(there) else placing.instead or placing.answer
        spoken = await self._is_spoken(words, placing.language)
        if spoken and (all(there) or placing.instead):
            self._unsaid.pop(placing.code, None)
            return None
        tries = self._unsaid.get(placing.code, (0, None))[0] + 1
        self._unsaid[placing.code] = tries, self.clock()
        away = self.clock() - placing.since
        is_lost = placing.looks >= LOOKS and away >= (GONE if None in there else LOST)
        if not spoken or tries < UNSAID or not is_lost:
            log.error("call-back %s waits: what she is to hear can't be spoken or played", placing.id)
            return Outcome.NOT_SENT
        if words or any(there):
            return None
        log.error("call-back %s is the desk's: nothing of what she is to hear is there", placing.id)
        return Outcome.UNREAD

    async def _is_spoken(self, text: str, language: str) -> bool:
        """What no voice reads, like a place in other letters, is left out of the call, as ever.

        Of a text that takes too long there is more the next time.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                for words in script.pieces(text):
                    if script.is_spoken(words) and await self.speak(words, language) is None:
                        return False
                return True
        return False

    async def _is_there(self, name: str, opened: datetime) -> bool | None:
        """Whether it holds any sound. None: nobody knows, for its disk is sick, hangs, or is not mounted."""
        has_sound = partial(_has_sound, self.recordings, name, opened)
        there: bool | None = None
        with suppress(OSError):
            there = await ask_once(partial(in_time, self.recordings, has_sound))
        if not there:
            log.error("recording %s is not there to be played", name)
        return there

    async def _ring(self, placing: Placing) -> Outcome | None:
        """None: she answered, and the call itself says how it went."""
        cause = self._causes[str(placing.id)] = asyncio.get_running_loop().create_future()
        line = asyncio.create_task(self._watch_line(placing))
        try:
            response = await self._originate(placing)
            if response.answered:
                self._not_through.clear()
                return None
            if str(placing.id) in self._given_up:
                return Outcome.GIVEN_UP  # which says nothing of the trunk
            why, outcome = 0, Outcome.NO_ANSWER
            if response.reason != STILL_RINGING:
                await asyncio.wait({cause}, timeout=CAUSE_SECONDS)
                why = cause.result() if cause.done() else 0
                outcome = CAUSES.get(why, Outcome.FAILED)
            rang = str(placing.id) in self._rings
            if outcome is Outcome.BUSY and rang:
                outcome = Outcome.NO_ANSWER  # she rejected it: mobile networks say 486 of that, too
            elif why in PERHAPS_REFUSED and not (rang or placing.verifies):
                outcome = Outcome.FAILED  # no case closes for it; of a stranger it counts as a ring
            if outcome is not Outcome.FAILED and (why in RANG or rang):
                self._not_through.clear()  # not where it rang and then failed: some ring before they route
            elif response.reason != STILL_RINGING and why != UNSURE:
                self._not_through[placing.number] = self.clock()
            return outcome
        finally:
            line.cancel()
            del self._causes[str(placing.id)]
            self._rings.discard(str(placing.id))
            self._given_up.discard(str(placing.id))

    async def _watch_line(self, placing: Placing) -> None:
        """Her telephone is hung up as soon as who waits for her, if anybody does, has put down."""
        while placing.line and str(placing.id) not in self._given_up:
            await asyncio.sleep(LINE_SECONDS)
            with suppress(AmiError):  # it rings on; or she has just answered, and is told
                await self._give_up(placing)

    async def _give_up(self, placing: Placing) -> None:
        id, up = str(placing.id), {channel.uniqueid: channel for channel in await self.ami.channels()}
        hers = up.get(id)
        if placing.line in up or hers is None or hers.channelstate == UP:
            return
        log.info("call-back %s is given up: who held the line for her has put down", placing.id)
        self._given_up.add(id)  # before: that it is over may be heard first, on the other connection
        try:
            await self.ami.action("Hangup", Channel=hers.channel, Cause=NORMAL_CLEARING)
        except AmiError:
            self._given_up.discard(id)
            raise

    def _rang(self, event: Message) -> None:
        if event.uniqueid in self._causes and event.channelstate == RINGING:
            self._rings.add(event.uniqueid)

    def _hung_up(self, event: Message) -> None:
        cause = self._causes.get(event.uniqueid)
        if cause is not None and not cause.done():
            cause.set_result(int(event.cause or 0))

    async def _originate(self, placing: Placing) -> OriginateResponse:
        return await self.originate.originate(
            dial_string(self.trunk, placing.number),
            context=CONTEXT,
            exten="s",
            variables={ATTEMPT: str(placing.id), LANGUAGE: placing.language},
            caller_id=self.trunk.caller_id,
            timeout=self.trunk.ring_seconds,
            channel_id=str(placing.id),
        )

    async def _say(self, attempt: uuid.UUID, outcome: Outcome) -> None:
        async with self.engine.begin() as connection:
            await callbacks.ended(connection, attempt, outcome, self.clock())

    async def _lose_lost_ones(self, at: datetime) -> int:
        """Attempts of a process that died, or whose answer got lost: made, unless the call is still up.

        How many talk on a line that is not ours: another site's, or of a machine that is gone.
        A look that fails begins anew: while the books were away they could not hear how a call ended.
        """
        missed, self._missed = self._missed, {}
        before = at - timedelta(seconds=self.trunk.ring_seconds + MARGIN_SECONDS)
        silent = await callbacks.open_attempts(self.engine, before, at)
        if not silent:
            return 0
        up, now = await self._up(), asyncio.get_running_loop().time()
        self._missed = {each: missed.get(each, now) for each in silent.items() if str(each[0]) not in up}
        gone = [(attempt, talks, now - since) for (attempt, talks), since in self._missed.items()]
        lost = [attempt for attempt, talks, ago in gone if not talks and ago >= MISSED_SECONDS]
        await callbacks.lose(self.engine, lost, self.clock())
        return sum(talks and ago >= ELSEWHERE_SECONDS for _, talks, ago in gone)


async def tell_whether(engine: AsyncEngine, dials: bool, clock: Callable[[], datetime]) -> None:
    """Whoever promises a call must know whether anybody is called from here."""
    await callbacks.dialled(engine, dials, clock())


def _has_sound(recordings: Path, name: str, opened: datetime) -> bool | None:
    """`opened`: under a bare mount point calls leave words, too, but none from before her case."""
    try:
        return recording_files.plain(recordings, name).stat().st_size > HEADER_BYTES
    except FileNotFoundError:
        before = f"{opened:%Y/%m/%d}"
        has_older = any(str(day.relative_to(recordings)) < before for day in day_folders(recordings))
        return False if has_older or recordings.is_mount() else None


def dial_string(trunk: Trunk, number: str) -> str:
    """Checked again right before the call. Raises ValueError: nobody but an Iranian subscriber is rung."""
    full = phone.normalise(number)
    if not full.startswith("+98") or not phone.is_callable(full) or not full[1:].isdigit():
        raise ValueError(f"{phone.mask(number)} is no number that may be called")
    if trunk.dial.count(NUMBER) != 1:
        raise ValueError(f"callbacks.dial must hold {NUMBER} once")
    return trunk.dial.replace(NUMBER, full if trunk.international else f"0{full[3:]}")
