"""Server-sent events of an open page: how they begin, and whether they may go on."""

from __future__ import annotations

from aiohttp import web

from ivr.desk.people import signing_in
from ivr.store.engine import AWAY
from ivr.web.panel.visit import Visit

AGAIN = b"retry: 2000\n\n"  # milliseconds until a browser comes back
ALIVE = b": alive\n\n"


def event_stream() -> web.StreamResponse:
    return web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})


async def lives(visit: Visit) -> bool:
    """Whether they are still signed in. Raises one of `AWAY`."""
    assert visit.session is not None
    panel = visit.panel
    return await signing_in.lives(panel.engine, visit.session.id, panel.clock(), panel.entry.keeping)


async def may_go_on(visit: Visit) -> bool:
    """The same for a page that is wanted most while the books are away, when nobody can say: it goes on."""
    try:
        return await lives(visit)
    except AWAY:
        return True
