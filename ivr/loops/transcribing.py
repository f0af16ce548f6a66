"""Has recordings put into words, one at a time, where a recogniser is configured. Off by default."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.learning import Learning
from ivr.desk.book.seeds import SeedError
from ivr.desk.recordings import recognising
from ivr.desk.recordings.recognising import Unheard
from ivr.speech.recognition import Recogniser
from ivr.store import recording_files
from ivr.store.engine import is_a_row_s

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
TRIES = 3  # of one recording, until this process is started anew


class Transcriber:
    """Several workers share the work."""

    def __init__(
        self,
        engine: AsyncEngine,
        recogniser: Recogniser,
        folder: Path,
        learning: Learning,
        clock: Callable[[], datetime],
    ) -> None:
        self.engine = engine
        self.recogniser = recogniser
        self.folder = folder
        self.learning = learning
        self.clock = clock
        self._failed: Counter[str] = Counter()

    async def all(self) -> None:
        """As long as there is one to try."""
        while await self.once():
            pass

    async def once(self) -> bool:
        """One recording, the newest first. False when there is none to try."""
        given_up = [name for name, times in self._failed.items() if times >= TRIES]
        async with self.engine.begin() as connection:
            found = await recognising.take(connection, self.recogniser.commands, given_up)
            if found is None:
                return False
            await self._hear(found)
        return True

    async def _hear(self, found: Unheard) -> None:
        try:
            words = await self._words(found)
        except Exception as error:  # the recogniser's, the disk's or the recording's: no database is asked
            self._fail(found, error)
            return
        try:
            suggester = await self.learning.suggester()
        except SeedError as error:
            log.error("no suggestion can be made: %s", error)
            suggester = None
        try:
            await recognising.heard(self.engine, found, words, suggester, self.clock())
        except Exception as error:  # a recogniser may print what the books never take, as a NUL
            if not is_a_row_s(error):
                raise
            self._fail(found, getattr(error, "orig", error))  # SQLAlchemy's own text repeats the words

    def _fail(self, found: Unheard, error: object) -> None:
        """The others go on; it is tried again, but not for ever."""
        self._failed[found.name] += 1
        log.error("recording %s was not put into words: %s", found.name, error)

    async def _words(self, found: Unheard) -> str:
        async with AsyncExitStack() as stack:
            lent = recording_files.lent(self.folder, found.name)
            path = await asyncio.to_thread(stack.enter_context, lent)
            return await self.recogniser.words(path, found.language)
