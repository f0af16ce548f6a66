"""Has recordings put into words, one at a time, where a recogniser is configured. Off by default."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book.learning import Learning
from ivr.desk.recordings import recognising
from ivr.desk.recordings.recognising import Unheard
from ivr.speech.recognition import Recogniser
from ivr.store import recording_files
from ivr.store.aside import MANY, Aside, NoneWorks
from ivr.store.engine import is_a_row_s

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
STEP = "transcriber"
WALK, NEW = timedelta(hours=1), timedelta(days=1)
TRIES = 3  # of one recording, an hour apart, until this process is started anew


class Transcriber:
    """Several workers share the work. That none of many can be put into words is no recording's fault."""

    def __init__(
        self,
        engine: AsyncEngine,
        recogniser: Recogniser,
        folder: Path,
        learning: Learning,
        clock: Callable[[], datetime],
        aside: Aside,
    ) -> None:
        self.engine = engine
        self.recogniser = recogniser
        self.folder = folder
        self.learning = learning
        self.clock = clock
        self.aside = aside
        self._failed: Counter[str] = Counter()
        self._doubted: Counter[str] = Counter()  # of these, since one worked: it may be the recogniser
        self._tried: dict[str, Exception] = {}  # in vain, at this look
        self._any_works = False  # at this look
        self._here: set[str] = set()  # which failed: they are tried again without a walk
        self._walked: datetime | None = None  # when a walk through all, to the last, found nothing to try

    async def all(self) -> None:
        """A look: each that waits, once. Whoever fails is put aside for an hour: few may share an outage.

        Raises NoneWorks, and nobody's failure is counted then.
        """
        self._tried, self._any_works = {}, False
        while await self.once():
            pass
        self._failed.update(self._tried.keys())
        if not self._any_works:
            self._doubted.update(self._tried.keys())
        for name, error in self._tried.items():
            self.aside.put(STEP, name, error, self.clock(), tell=False)

    async def once(self) -> bool:
        """One recording, the newest first. False when there is none to try at this look. Raises NoneWorks."""
        besides = {name for name, times in self._failed.items() if times >= TRIES}
        besides |= {*self._tried, *self.aside.waiting(STEP, self.clock())}
        # No transaction while a program listens: `ivr db upgrade` would wait for it.
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with alone.connect() as connection:
            found = await self._take(connection, besides)
            if found is None:
                return False
            try:
                await self._hear(found)
            finally:
                await recognising.let_go(connection, found.name)
        return True

    async def _take(self, connection: AsyncConnection, besides: set[str]) -> Unheard | None:
        """Where none of many works the others come first, else as many bad ones would keep them for ever.

        What has lain elsewhere for a day is passed by, page after page: once an hour.
        """
        take = partial(recognising.take, connection, self.folder, self.recogniser.commands)
        doubted = set(self._doubted) if len(self._doubted) >= MANY else set()
        walked = self._walked is not None and self.clock() < self._walked + WALK
        since = self.clock() - NEW if walked else None
        if (found := await take(besides | doubted, since)) is not None:
            return found
        if not walked:
            self._walked = self.clock()
        if doubted:
            self._doubted.clear()
        left = self._here - besides
        return await take(among=left) if left else None

    async def _hear(self, found: Unheard) -> None:
        try:
            words = await self._words(found)
        except Exception as error:  # the recogniser's, the disk's or the recording's: no database is asked
            self._fail(found, error)
            return
        suggester = await self.learning.if_any()
        try:
            await recognising.heard(self.engine, found, words, suggester, self.clock())
        except Exception as error:  # a recogniser may print what the books never take, as a NUL
            if not is_a_row_s(error):
                raise
            self._fail(found, getattr(error, "orig", error))  # SQLAlchemy's own text repeats the words
        else:
            self._any_works = True
            self._doubted.clear()
            self._here.discard(found.name)

    def _fail(self, found: Unheard, error: Exception) -> None:
        """The others go on; it is tried again, but not for ever. Raises NoneWorks."""
        self._tried[found.name] = error
        self._here.add(found.name)
        log.error("recording %s was not put into words: %s", found.name, error)
        doubted = self._doubted.keys() | self._tried.keys()
        if not self._any_works and len(doubted) >= MANY:
            self._failed -= self._doubted
            self._doubted = Counter(dict.fromkeys(doubted, 0))
            raise NoneWorks(STEP, type(error).__name__) from None

    async def _words(self, found: Unheard) -> str:
        async with AsyncExitStack() as stack:
            lent = recording_files.lent(self.folder, found.name)
            path = await asyncio.to_thread(stack.enter_context, lent)
            return await self.recogniser.words(path, found.language)
