"""News of the cases on an open page, as server-sent events. It ends with the session, and when we leave."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from ivr.desk import signing_in
from ivr.desk.news import Stories, Story, Watch
from ivr.web.inbox.asked import queues_for, read, sight
from ivr.web.inbox.names import NameBook
from ivr.web.inbox.page import number
from ivr.web.panel.visit import Visit

ALIVE_SECONDS = 20.0  # how often a quiet stream says that it lives, and asks whether the session does
_AGAIN = b"retry: 2000\n\n"  # milliseconds until a browser comes back


async def stream(book: NameBook, visit: Visit) -> web.StreamResponse:
    its = await sight(visit)
    asked = read(visit, await book.names(visit.panel), its)
    watch = Watch(its, queues_for(its), asked.queue, asked.filters)
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    with visit.panel.news.watching(watch) as stories:
        await answer.prepare(visit.request)
        await answer.write(_AGAIN)
        try:
            while (said := await _next(visit, stories)) is not None:
                await answer.write(said)
        except ConnectionResetError:  # the page is gone
            pass
    return answer


async def _next(visit: Visit, stories: Stories) -> bytes | None:
    """None at the end."""
    try:
        async with asyncio.timeout(ALIVE_SECONDS):
            story = await stories.get()
    except TimeoutError:
        assert visit.session is not None
        now, keeping = visit.panel.clock(), visit.panel.keeping
        lives = await signing_in.lives(visit.panel.engine, visit.session.id, now, keeping)
        return b": alive\n\n" if lives else None
    return None if story is None else _event(visit, story)


def _event(visit: Visit, story: Story) -> bytes:
    told = {
        "changed": list(story.changed),
        "here": list(story.here),
        "counts": {name: number(visit, count) for name, count in story.counts.items()},
        "look": story.look,
    }
    return f"event: cases\ndata: {json.dumps(told, ensure_ascii=False)}\n\n".encode()
