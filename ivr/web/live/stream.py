"""The board as it changes: server-sent events with the pieces that are new, and nothing when nothing is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from aiohttp import web

from ivr.web.board import BoardState
from ivr.web.panel.permissions import Permission
from ivr.web.panel.streaming import AGAIN, ALIVE, event_stream, may_go_on
from ivr.web.panel.visit import Visit

STREAM_SECONDS = 300.0  # then the browser asks again, and its session is looked at again
ALIVE_SECONDS = 15.0
_PIECES = ("stats", "side")
Json = dict[str, Any]


class Drawing:
    """The board's pieces for one visitor, each drawn anew only when what it shows has changed."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self._rows: dict[str, tuple[object, str]] = {}
        self._sent: dict[str, str] = {}

    def row(self, call: Json, look: BoardState) -> str:
        """One call's line of the table."""
        waits = bool(look.queue and call["unique_id"] in look.queue.waits)
        shows = (call, waits, look.numbers is None)
        kept = self._rows.get(call["id"])
        if kept is None or kept[0] != shows:
            html = self._piece("live/row.html", look, call=call, waits=waits)
            kept = self._rows[call["id"]] = (shows, html)
        return kept[1]

    def changes(self, look: BoardState) -> Json | None:
        """What the page does not show yet; None when it shows everything."""
        now = {name: self._piece(f"live/{name}.html", look) for name in _PIECES}
        now |= {call["id"]: self.row(call, look) for call in look.calls}
        order = [call["id"] for call in look.calls]
        fresh = {name: html for name, html in now.items() if self._sent.get(name) != html}
        gone = self._sent.keys() - now.keys()
        self._sent = now
        for id in self._rows.keys() - set(order):
            del self._rows[id]
        if not fresh and not gone:
            return None
        pieces = {name: fresh.pop(name) for name in _PIECES if name in fresh}
        return {"at": round(look.at.timestamp() * 1000), "pieces": pieces, "rows": fresh, "order": order}

    def _piece(self, template: str, look: BoardState, **values: Any) -> str:
        return self.visit.renderer(self.visit, template, {"look": look, **values})


def seen_by(visit: Visit, look: BoardState) -> BoardState:
    """Without the calls of those who have chosen a county that is not theirs."""
    calls = [call for call in look.calls if visit.allowed(Permission.LIVE_SEE, area=call["county"])]
    return replace(look, calls=calls)


async def stream(visit: Visit) -> web.StreamResponse:
    """Until the page is left, its session ends, the house closes, or five minutes are over."""
    answer = event_stream()
    await answer.prepare(visit.request)
    drawing = Drawing(visit)
    loop = asyncio.get_running_loop()
    until, checked = loop.time() + STREAM_SECONDS, loop.time()
    looks = visit.panel.board.watch()
    try:
        await answer.write(AGAIN)
        async for look in looks:
            if (changes := drawing.changes(seen_by(visit, look))) is not None:
                await answer.write(f"data: {json.dumps(changes, ensure_ascii=False)}\n\n".encode())
            if loop.time() - checked > ALIVE_SECONDS:
                if loop.time() > until or not await may_go_on(visit):
                    break
                await answer.write(ALIVE)
                checked = loop.time()
    except ConnectionResetError:  # the page was left
        pass
    finally:
        await _end(looks)
    return answer


async def _end(looks: AsyncIterator[BoardState]) -> None:
    """Now, not when somebody collects it: it counts the watchers."""
    await looks.aclose()  # type: ignore[attr-defined]
