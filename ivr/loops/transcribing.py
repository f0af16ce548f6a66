"""Has recordings put into words, one at a time, where a recogniser is configured. Off by default."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book.learning import Learning
from ivr.desk.book.seeds import SeedError
from ivr.desk.recordings import recognising
from ivr.desk.recordings.recognising import Unheard
from ivr.speech.recognition import Recogniser
from ivr.store import recording_files
from ivr.store.aside import MANY, NoneWorks
from ivr.store.engine import is_a_row_s

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
TRIES = 3  # of one recording, until this process is started anew


class Transcriber:
    """Several workers share the work. That none of many can be put into words is no recording's fault."""

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
        self._doubted: Counter[str] = Counter()  # of these, since one worked: it may be the recogniser
        self._tried, self._any_works = set[str](), False  # in vain, and whether one worked, at this look

    async def all(self) -> None:
        """A look: each that waits, once. Raises NoneWorks, and nobody's failure is counted then."""
        self._tried, self._any_works = set(), False
        while await self.once():
            pass

    async def once(self) -> bool:
        """One recording, the newest first. False when there is none to try at this look. Raises NoneWorks."""
        besides = {name for name, times in self._failed.items() if times >= TRIES} | self._tried
        async with self.engine.begin() as connection:
            found = await self._take(connection, besides)
            if found is None:
                return False
            await self._hear(found)
        return True

    async def _take(self, connection: AsyncConnection, besides: set[str]) -> Unheard | None:
        """Where none of many works the others come first, else as many bad ones would keep them for ever."""
        take = partial(recognising.take, connection, self.recogniser.commands)
        if len(self._doubted) >= MANY:
            if (found := await take(besides | self._doubted.keys())) is not None:
                return found
            self._doubted.clear()
        return await take(besides)

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
        else:
            self._any_works = True
            self._doubted.clear()

    def _fail(self, found: Unheard, error: object) -> None:
        """The others go on; it is tried again, but not for ever. Raises NoneWorks."""
        self._failed[found.name] += 1
        self._tried.add(found.name)
        log.error("recording %s was not put into words: %s", found.name, error)
        if self._any_works:
            return
        self._doubted[found.name] += 1
        if len(self._doubted) >= MANY:
            self._failed -= self._doubted
            self._doubted = Counter(dict.fromkeys(self._doubted, 0))
            raise NoneWorks("transcriber", type(error).__name__) from None

    async def _words(self, found: Unheard) -> str:
        async with AsyncExitStack() as stack:
            lent = recording_files.lent(self.folder, found.name)
            path = await asyncio.to_thread(stack.enter_context, lent)
            return await self.recogniser.words(path, found.language)
