"""What is announced now, in this process: made audible before anybody comes to it, and gone in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import announcing
from ivr.voice.announcements import Announcement


class Announced:
    """`live`: by slot; one mapping for all calls, so that those in progress hear and lose it too.

    `speak`: words and language → a sound, kept; None: it can't be spoken.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        speak: Callable[[str, str], Awaitable[str | None]],
        clock: Callable[[], datetime],
    ) -> None:
        self.live: dict[str, Announcement] = {}
        self._engine, self._speak, self._clock = engine, speak, clock
        self._ends: list[asyncio.TimerHandle] = []

    async def follow(self) -> None:
        """For ever."""
        await announcing.watch(self._engine, self.reread)

    async def reread(self) -> None:
        """No caller waits for the synthesiser: what can't be heard yet is not live yet."""
        found = await announcing.current(self._engine, self._clock())
        for gone in [slot for slot, each in self.live.items() if found.get(slot) != each]:
            del self.live[gone]
        for slot, each in found.items():
            if slot not in self.live:
                await asyncio.gather(*(self._speak(text, language) for language, text in each.words.items()))
                self.live[slot] = each
        self._end_in_time()

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
