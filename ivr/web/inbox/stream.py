"""News of the cases on an open page, as server-sent events. It ends with the session, and when we leave."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from aiohttp import web

from ivr.desk.reading.news import OpenPage, Stories, Story
from ivr.store.engine import AWAY
from ivr.web.inbox.asked import queues_for, read, sight
from ivr.web.inbox.names import NameBook
from ivr.web.inbox.page import number
from ivr.web.panel.streaming import AGAIN, ALIVE, event_stream, lives
from ivr.web.panel.visit import Visit

ALIVE_SECONDS = 20.0  # how often a quiet stream says that it lives, and asks whether the session does


async def stream(book: NameBook, visit: Visit) -> web.StreamResponse:
    its = await sight(visit)
    asked = read(visit, await book.names(visit.panel), its)
    watch = OpenPage(its, queues_for(its), asked.queue, asked.filters)
    answer = event_stream()
    with visit.panel.news.watching(watch) as stories:
        await answer.prepare(visit.request)
        await answer.write(AGAIN)
        with suppress(ConnectionResetError, *AWAY):  # the page is gone, or it comes again
            while await lives(visit):
                if not await _tell(visit, answer, stories):
                    break
    return answer


async def _tell(visit: Visit, answer: web.StreamResponse, stories: Stories) -> bool:
    """What happens within the next seconds. Whether there may be more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ALIVE_SECONDS):
            while (story := await stories.get()) is not None:
                await answer.write(_event(visit, story))
            return False
    await answer.write(ALIVE)
    return True


def _event(visit: Visit, story: Story) -> bytes:
    told = {
        "changed": list(story.changed),
        "here": list(story.here),
        "counts": {name: number(visit, count) for name, count in story.counts.items()},
        "look": story.look,
    }
    return f"event: cases\ndata: {json.dumps(told, ensure_ascii=False)}\n\n".encode()
