"""The board: one look at everything, as often as a second while somebody watches, shared by all who do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call import live
from ivr.desk.call.live import CallQueue, DaySoFar, Disk, KeptPlace, Unreachable
from ivr.desk.counter import following
from ivr.store.engine import AWAY

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
NUMBERS_SECONDS = 15.0  # of today, and names of topics and counties
PATIENCE_SECONDS = 2.0  # with the books, and with Asterisk
Json = dict[str, Any]


class Switchboard(Protocol):
    """What the board asks of Asterisk. Every method raises Unreachable."""

    async def queue(self) -> CallQueue: ...
    async def trunks(self) -> Mapping[str, str]: ...
    async def end(self, unique_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Numbers:
    """What changes slowly: today, a week ago up to this hour, and names by code."""

    today: DaySoFar
    before: DaySoFar
    topics: Mapping[str, str]
    counties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BoardState:
    """What goes on. `calls` as `ivr.loops.carrying` tells them, with moments; None: nobody could say."""

    at: datetime
    calls: Sequence[Json] = ()
    queue: CallQueue | None = None
    places: Sequence[KeptPlace] = ()
    trunks: Mapping[str, str] | None = None
    disks: Sequence[Disk] = ()
    numbers: Numbers | None = None


async def _none() -> list[Json]:
    return []


@dataclass(slots=True)
class Board:
    """`going_on`: the calls of this machine, which need no books; `disks`: its disks."""

    engine: AsyncEngine
    timezone: str
    clock: Callable[[], datetime]
    switchboard: Switchboard | None = None
    disks: Callable[[], Sequence[Disk]] = list
    going_on: Callable[[], Awaitable[list[Json]]] = _none
    _watchers: int = 0
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _last: BoardState | None = None
    _next: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Numbers | None = None
    _counted: float = float("-inf")
    _closed: bool = False

    async def now(self) -> BoardState:
        """A look for a page; the last one while somebody watches."""
        return self._last if self._last else await self._look()

    @property
    def watched(self) -> bool:
        """Whether anybody looks, so that all servers are asked."""
        return self._watchers > 0

    async def run(self) -> None:
        """For ever: a look each second while anybody watches."""
        while True:
            await self._wanted.wait()
            look = await self._look()
            if self.watched:  # else nobody waits for it, and the next who comes shall see no old one
                self._last = look
            self._next.set()
            self._next = asyncio.Event()
            await asyncio.sleep(EVERY_SECONDS)

    async def watch(self) -> AsyncIterator[BoardState]:
        """One look after the other, until the house closes."""
        self._watchers += 1
        self._wanted.set()
        try:
            while not self._closed:
                if self._last is not None:
                    yield self._last
                await self._next.wait()
        finally:
            self._watchers -= 1
            if not self.watched:
                self._wanted.clear()
                self._last = None

    async def close(self, _: object = None) -> None:
        """The house closes: all who watch are sent away."""
        self._closed = True
        self._next.set()

    async def _look(self) -> BoardState:
        at = self.clock()
        told, ours, numbers, queue, places, trunks = await asyncio.gather(
            _within(self._told(at)),
            _within(self.going_on()),
            _within(self._count(at)),
            self._queue(),
            _within(live.places(self.engine)),
            self._trunks(),
        )
        calls = {call["id"]: call for call in told or ()} | {call["id"]: call for call in ours or ()}
        shown = [_timed(call) for call in calls.values()]
        return BoardState(
            at,
            sorted(shown, key=lambda call: call["began"]),
            queue,
            places or (),
            trunks,
            self.disks(),
            numbers,
        )

    async def _told(self, at: datetime) -> list[Json]:
        await live.ask(self.engine)
        return await live.told(self.engine, at)

    async def _count(self, at: datetime) -> Numbers:
        now = asyncio.get_running_loop().time()
        if self._numbers is None or now - self._counted > NUMBERS_SECONDS:
            today, before = await live.today(self.engine, at.astimezone(ZoneInfo(self.timezone)))
            async with self.engine.connect() as connection:
                every = await following.services(connection, retired=True)
                topics = {each.code: each.name for each in every}
                counties = await following.counties(connection, retired=True)
                self._numbers = Numbers(today, before, topics, counties)
            self._counted = now
        return self._numbers

    async def _queue(self) -> CallQueue | None:
        return None if self.switchboard is None else await _within(self.switchboard.queue())

    async def _trunks(self) -> Mapping[str, str] | None:
        return None if self.switchboard is None else await _within(self.switchboard.trunks())


async def _within(work: Any) -> Any:
    """None when nobody can say in time."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await work
    except (Unreachable, *AWAY) as error:
        log.info("the live board lacks something: %s", error)
        return None


def _timed(call: Json) -> Json:
    return call | {name: datetime.fromisoformat(call[name]) for name in ("began", "since")}
