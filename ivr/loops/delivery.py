"""Carries the outbox out of the house: a loop over `ivr.desk.letters.outgoing` and the ways of `ivr.notify`.

Each way has a lane of its own, and so has what waits for nobody outside: one that hangs holds up its own.
Why not a job-queue library: docs/decisions/outbox.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp

from ivr.desk.book.book import Book
from ivr.desk.book.seeds import SeedError
from ivr.desk.book.yaml_file import is_gone
from ivr.desk.letters import held_events, outgoing
from ivr.desk.letters.notices import FILE, Notices, load_sparing
from ivr.desk.letters.outgoing import LEASE, Leased
from ivr.loops.every import Loops, is_waited_for
from ivr.notify import mail
from ivr.notify.post import Dispatch, NotSent, Sender
from ivr.notify.sms import ConsoleSms, HttpSms
from ivr.notify.webhook import Webhook
from ivr.settings import Notify, config_file
from ivr.store.engine import is_a_row_s

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # how often it is asked which lanes have something due …
COUNT_EVERY = timedelta(minutes=1)  # … and how many letters nobody takes
BATCH = 50  # letters
EVENTS = 200  # what waits for nobody outside: a statement for all costs little more than one for each
STILL = f"messages still wait that needed what was wrong in {FILE}"
TOLD = "the log and `ivr doctor` name line and key"
LATE = "messages that nobody takes wait (ivr outbox list --state waiting says why)"
LANES = (outgoing.INSIDE, *outgoing.LETTERS)


def _now() -> datetime:
    return datetime.now(UTC)


def open_session(settings: Notify) -> aiohttp.ClientSession:
    """aiohttp itself repeats a GET once when the connection is cut; the letter's id goes with both."""
    connector = aiohttp.TCPConnector(limit=0)  # `at_once` limits each way, and none takes another's
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(settings.seconds))


def ways(
    session: aiohttp.ClientSession, settings: Notify, clock: Callable[[], datetime]
) -> dict[str, Sender]:
    """The ways that are configured, by the kind of letter."""
    found: dict[str, Sender] = {"webhook": Webhook(session, settings.webhook_secret, clock)}
    if settings.sms.by:
        found["sms"] = HttpSms(session, settings.sms) if settings.sms.by == "http" else ConsoleSms()
    if settings.email.host:
        found["email"] = mail.Mail(settings.email, settings.seconds)
    return found


class Delivery:
    """Several workers share the work. `folder`: the province's, with notices.yaml."""

    def __init__(
        self, book: Book, settings: Notify, folder: Path, clock: Callable[[], datetime] = _now
    ) -> None:
        self.book, self.engine = book, book.engine
        self.settings = settings
        self.folder = folder
        self.clock = clock
        self._mistakes = ""  # one sentence while notices.yaml has any
        self._waiting = False  # events wait for it, or did when it was last looked
        self._notices: Notices | None = None
        self._read: tuple[int, ...] | None = None  # as which file it was read; () = there was none
        self._released = False  # what waited for another file is due
        self._late: Mapping[str, int] = {}  # of each way, letters that nobody takes …
        self._counted: datetime | None = None  # … as of then
        self._made = {lane: asyncio.Event() for lane in LANES}  # there are letters that may leave at once

    @property
    def trouble(self) -> str:
        """One sentence while notices.yaml has mistakes, events wait for what it did not let be written, or
        nobody takes some letters."""
        late = ", ".join(f"{many} by {kind}" for kind, many in sorted(self._late.items()))
        return self._mistakes or (STILL if self._waiting else f"{LATE}: {late}" if late else "")

    def start(self, loops: Loops) -> None:
        """Every lane, and the look that wakes them."""
        for lane in LANES:
            loops.start(f"delivery: {lane}", partial(self.run, lane))
        loops.every("delivery", LOOK_SECONDS, self.look)

    async def run(self, lane: str) -> None:
        """That lane, for ever: once, and whenever it is woken. Raises what is our fault and no row's."""
        made = self._made[lane]
        async with open_session(self.settings) as session:
            found = ways(session, self.settings, self.clock)
            while True:
                done = 0
                made.clear()
                try:
                    done = await self.once(lane, found)
                except Exception as error:
                    if not is_waited_for(error):
                        raise
                    log.warning("nothing can leave (%s) for now: %s", lane, error)
                if done < self._most(lane):  # what comes meanwhile leaves together, which costs less
                    await made.wait()

    async def look(self) -> None:
        """Wake every lane of which something is due. Raises what AWAY names."""
        lanes = await outgoing.due_lanes(self.engine, self.clock())
        changed = await asyncio.to_thread(self._stamp) != self._read or not self._released
        if changed or (self._waiting and not self._mistakes):
            lanes.add(outgoing.INSIDE)
        for lane in lanes:
            self._made[lane].set()
        now = self.clock()
        if self._counted is None or not timedelta() <= now - self._counted < COUNT_EVERY:
            self._late, self._counted = await outgoing.tried_long(self.engine), now

    def _most(self, lane: str) -> int:
        """Of letters no more than leave before their lease is over, also where none is answered."""
        rounds = max(1, int(LEASE.total_seconds() / 2 / self._seconds(lane)))
        return EVENTS if lane == outgoing.INSIDE else min(BATCH, self.settings.at_once * rounds)

    def _seconds(self, lane: str) -> float:
        """How long one letter of it may take."""
        return mail.LONGEST_SECONDS if lane == "email" else self.settings.seconds

    async def once(self, lane: str, ways: Mapping[str, Sender]) -> int:
        """One batch of that lane. How many rows were dealt with, whatever became of them."""
        notices: Notices | None = None
        taken = lane
        if lane == outgoing.INSIDE:
            notices = await self._current()
            taken = outgoing.WISH if notices is None else lane  # events wait until the file can be read
        turns = asyncio.Semaphore(self.settings.at_once)
        unmarked = asyncio.Event()  # what left could not be marked, and leaves once more after its lease

        async def deal(row: Leased) -> None:
            async with turns:
                if unmarked.is_set() and row.is_letter:
                    return
                try:
                    await self._deal(row, ways)
                except Exception:
                    unmarked.set()
                    raise

        rows = await outgoing.lease(self.engine, self.clock(), self._most(lane), taken)
        events = [row for row in rows if row.is_event]
        made = notices is not None and await self._spread(events, notices, ways)
        if taken == outgoing.INSIDE and self._waiting and not self._mistakes:
            self._waiting = await held_events.held(self.engine) > 0
        dealt = await asyncio.gather(*(deal(row) for row in rows if not row.is_event), return_exceptions=True)
        for error in filter(None, dealt):  # only once none is on its way any more
            raise error
        if made:
            await self.look()
        return len(rows)

    async def _spread(self, events: list[Leased], notices: Notices, ways: Mapping[str, Sender]) -> int:
        """How many letters became of them. One by one where that fails: one at fault holds up no other."""
        if not events:
            return 0
        try:
            return await outgoing.spread(
                self.engine, notices, events, (await self.book.page()).calendar, self.clock(), ways
            )
        except Exception as error:
            if not is_a_row_s(error):
                raise
            if len(events) == 1:
                log.exception("no letters can be made of %s", events[0].key)
                await outgoing.failed(self.engine, events[0], str(error), False, self.clock())
                return 0
        return sum([await self._spread([event], notices, ways) for event in events])

    async def _current(self) -> Notices | None:
        """Read again when the file changed, and what waits for that is due at once."""
        await asyncio.to_thread(self._look)
        if not self._released:
            await held_events.release(self.engine, self.clock())
            self._waiting = self._waiting or await held_events.held(self.engine) > 0
            self._released = True
        return self._notices

    def _stamp(self) -> tuple[int, ...]:
        """Which file is there, () for none in its folder, (0,) for no folder."""
        try:
            its = (self.folder / FILE).stat()
        except OSError:
            return (0,) if is_gone(self.folder) else ()
        return its.st_mtime_ns, its.st_ctime_ns, its.st_ino

    def _look(self) -> None:
        """Of a file that is refused as a whole, what was read before stays."""
        found = self._stamp()
        if found == self._read:
            return
        self._read, self._released = found, False
        try:
            self._notices, faults = load_sparing(self.folder)
        except SeedError as error:
            log.error("notices are refused: %s", error)
            self._mistakes = f"{FILE} is refused, and what was read before it counts: {TOLD}"
        else:
            for fault in faults:
                log.error("what needs it waits: %s", fault)
            self._waiting = self._waiting or bool(faults)
            self._mistakes = f"messages wait that need what is wrong in {FILE}: {TOLD}" if faults else ""

    async def _deal(self, row: Leased, ways: Mapping[str, Sender]) -> None:
        """A row that can't be worked on is put aside with its reason, and hinders no other."""
        try:
            await self._carry_out(row, ways)
        except Exception as error:
            if not is_a_row_s(error):
                raise
            # Not by its key, which ends in her number.
            log.exception("%s %s can't be worked on and is put aside", row.kind, row.id)
            why = f"can't be worked on: {type(error).__name__}: {error}"
            await outgoing.failed(self.engine, row, why, True, self.clock())

    async def _carry_out(self, row: Leased, ways: Mapping[str, Sender]) -> None:
        if row.kind == outgoing.WISH:
            await outgoing.call_back(self.engine, await self.book.page(), row, self.clock())
            return
        if await outgoing.is_no_longer_so(self.engine, row, self.clock()):
            return
        refusal = await self._send(row, ways)
        if refusal is None:
            await outgoing.delivered(self.engine, row, self.clock())
            return
        why, now = str(refusal), self.clock()
        dead = await outgoing.failed(self.engine, row, why, refusal.for_good, now, refusal.of_us)
        to = outgoing.masked(row.kind, outgoing.told(row.payload, "to"))
        log.log(logging.ERROR if dead else logging.WARNING, "%s to %s was not sent: %s", row.kind, to, why)

    async def _send(self, row: Leased, ways: Mapping[str, Sender]) -> NotSent | None:
        """Why it was not accepted; None when it was."""
        way = ways.get(row.kind)
        if way is None:
            return NotSent(f"no way is configured for {row.kind}: notify.{row.kind} in {config_file()}", True)
        letter = Dispatch(str(row.id), row.kind, str(row.payload.get("to", "")), row.payload)
        try:
            async with asyncio.timeout(self._seconds(row.kind)):
                await way.send(letter)
        except NotSent as refusal:
            return refusal
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            return NotSent(f"no answer: {type(error).__name__}")
        except Exception as error:  # a fault of ours must not stop what comes after it
            log.exception("a %s could not be sent", row.kind)
            return NotSent(f"{type(error).__name__}, see the log")
        return None
