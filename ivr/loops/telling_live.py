"""This server's calls for the live board, told whenever somebody who looks asks, and not otherwise."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call import live
from ivr.store.engine import AWAY, is_away
from ivr.store.listening import listen

log = logging.getLogger(__name__)

LEAST_SECONDS = 0.5  # however many look


async def tell(
    engine: AsyncEngine,
    process: str,
    going_on: Callable[[], list[dict[str, Any]]],
    clock: Callable[[], datetime],
) -> None:
    """For ever. `process` names this server among all."""
    last = float("-inf")

    async def asked() -> None:
        nonlocal last
        if time.monotonic() - last < LEAST_SECONDS:
            return
        last = time.monotonic()
        try:
            await live.tell(engine, process, clock(), going_on())
        except AWAY as error:
            if not is_away(error):
                raise
            log.warning("the live board is not told of this server's calls: %s", error)

    await listen(engine.url.render_as_string(hide_password=False), live.CHANNEL, asked)
