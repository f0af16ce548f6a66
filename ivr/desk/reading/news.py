"""News of cases for pages that are open: each process listens once, asks once for all who watch the same.

Nothing here is relied on: a page that may have missed something is told to look again (`look`).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.reading.inbox import EVERYTHING, Filters, Sight
from ivr.desk.reading.queues import Queue, belonging, counts
from ivr.desk.reading.searching import has_left, visible
from ivr.store.case_events import CHANNEL
from ivr.store.engine import is_away
from ivr.store.listening import hear

log = logging.getLogger(__name__)

LINGER_SECONDS = 0.5  # what happens this close together is told at once
MOST = 300  # cases told of one by one; beyond that: look again
_WAITING = 50  # stories that a slow page may be behind


@dataclass(frozen=True, slots=True)
class OpenPage:
    """What a page shows. `queue` None: a search, in which only what is on the page matters."""

    sight: Sight
    queues: tuple[Queue, ...]
    queue: Queue | None = None
    filters: Filters = EVERYTHING


@dataclass(frozen=True, slots=True)
class Story:
    """Codes of cases that something happened to, `here`: those that belong to the queue now; its numbers."""

    changed: Sequence[str] = ()
    here: Sequence[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    look: bool = False


Stories = asyncio.Queue[Story | None]  # None: the end


class News:
    """One for each process. `run` until it is cancelled."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self.engine, self.clock = engine, clock
        self.closed = False
        self._watching: dict[Stories, OpenPage] = {}

    async def run(self) -> None:
        url = self.engine.url.render_as_string(hide_password=False)
        await hear(url, CHANNEL, self._told)

    @contextmanager
    def watching(self, watch: OpenPage) -> Iterator[Stories]:
        stories: Stories = asyncio.Queue(_WAITING)
        if self.closed:
            stories.put_nowait(None)
        self._watching[stories] = watch
        try:
            yield stories
        finally:
            del self._watching[stories]

    def close(self) -> None:
        """Let every page go: this process is about to leave, and another will tell them."""
        self.closed = True
        for stories in self._watching:
            _put(stories, None)

    async def _told(self, said: frozenset[str] | None) -> None:
        if not self._watching:
            return
        ids = {uuid.UUID(each) for notice in said or () for each in notice.split()}
        try:
            if said is None or len(ids) > MOST:
                self._all_look()
            else:
                await self._tell(sorted(ids))
        except Exception as error:
            self._all_look()
            if not is_away(error):
                raise
            log.warning("open pages can't be told what changed: %s", error)
        await asyncio.sleep(LINGER_SECONDS)

    def _all_look(self) -> None:
        for stories in self._watching:
            _put(stories, Story(look=True))

    async def _tell(self, ids: list[uuid.UUID]) -> None:
        told: dict[OpenPage, Story] = {}
        async with self.engine.connect() as connection:
            for watch in {*self._watching.values()}:
                told[watch] = await self._story(connection, watch, ids)
        for stories, watch in self._watching.items():
            if watch in told and told[watch] != Story():
                _put(stories, told[watch])

    async def _story(self, connection: AsyncConnection, watch: OpenPage, ids: list[uuid.UUID]) -> Story:
        now = self.clock()
        changed = (await connection.execute(visible(ids, watch.sight))).scalars().all()
        if len(changed) < len(ids) and (await connection.execute(has_left(ids, watch.sight))).first():
            return Story(look=True)  # not which: that case is not theirs any more
        if not changed:
            return Story()
        here: Sequence[str] = ()
        if watch.queue:
            query = belonging(watch.queue, watch.sight, now, watch.filters, ids)
            here = (await connection.execute(query)).scalars().all()
        return Story(changed, here, await counts(connection, watch.sight, now, watch.queues))


def _put(stories: Stories, story: Story | None) -> None:
    """A page too slow to be told everything looks again in the end; one that is let go needs nothing more."""
    if story is None or stories.full():
        while not stories.empty():
            stories.get_nowait()
        story = story and Story(look=True)
    stories.put_nowait(story)
