"""What is announced now, in this process: made audible before anybody comes to it, and gone in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import announcing
from ivr.voice.announcements import Announcement

log = logging.getLogger(__name__)

AGAIN_SECONDS = 15.0


class Announced:
    """`live`: by slot; one mapping for all calls, so that those in progress hear and lose it too.

    `languages`: of callers, each of whom hears it once it is spoken for hers. `speak`: words and language →
    a sound, kept; None: it can't be spoken.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        languages: Collection[str],
        speak: Callable[[str, str], Awaitable[str | None]],
        clock: Callable[[], datetime],
    ) -> None:
        self.live: dict[str, Announcement] = {}
        self._engine, self._languages, self._speak, self._clock = engine, languages, speak, clock
        self._ends: list[asyncio.TimerHandle] = []
        self._found: Mapping[str, Announcement] = {}

    @property
    def troubles(self) -> list[str]:
        """A sentence for each that some callers do not hear, nor what it took the place of."""
        told = "announcement {} can't be spoken here for callers of {}: these hear nothing; it is tried again"
        return [told.format(each.slot, ", ".join(sorted(each.mute))) for each in self._waiting()]

    async def follow(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as both:
            both.create_task(announcing.watch(self._engine, self.reread))
            both.create_task(self._try_again())

    async def _try_again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            await self._switch_on(self._waiting())

    def _waiting(self) -> list[Announcement]:
        now = self._clock()
        return [each for each in self.live.values() if each.mute and now < each.until]

    async def reread(self) -> None:
        """No caller waits for the synthesiser: what can't be heard yet is not live yet."""
        self._found = found = await announcing.current(self._engine, self._clock())
        for gone in [slot for slot, each in self.live.items() if found.get(slot) != each]:
            del self.live[gone]
        # What is mute has turns of its own: nobody's end waits for it.
        new = [found[slot] for slot in found.keys() - self.live.keys()]
        await self._switch_on(replace(each, mute=frozenset(self._languages)) for each in new)

    async def _switch_on(self, these: Iterable[Announcement]) -> None:
        await asyncio.gather(*map(self._switch, these))
        self._end_in_time()

    async def _switch(self, one: Announcement) -> None:
        """For callers of the languages in which it is still mute."""
        wanted = [language for language in self._languages if language in one.mute]
        spoken = await asyncio.gather(*(self._speak(one.text(language), language) for language in wanted))
        if self._found.get(one.slot) != one:
            return  # meanwhile
        mute = frozenset(language for language, sound in zip(wanted, spoken, strict=True) if not sound)
        if mute and one.slot not in self.live:
            log.error("announcement %s waits for its sound (%s)", one.slot, ", ".join(sorted(mute)))
        self.live[one.slot] = replace(one, mute=mute)

    def _end_in_time(self) -> None:
        for timer in self._ends:
            timer.cancel()
        loop, now = asyncio.get_running_loop(), self._clock()
        self._ends = [
            loop.call_later(max(0.0, (each.until - now).total_seconds()), self._end, each)
            for each in self.live.values()
        ]

    def _end(self, over: Announcement) -> None:
        if self.live.get(over.slot) == over:
            del self.live[over.slot]
