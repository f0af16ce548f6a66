"""Who calls: the question of every call, before its first prompt.

Questions go to the database at most every 20 ms, so that those of a rush go together; one that comes alone
does not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer, Select, Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.left_behind import (
    JUST_NOW,
    NOT_WITHHELD,
    UNANSWERED,
    broken_off,
    has_row,
    open_before,
    told,
)
from ivr.store.blocked_callers import blocked_callers, in_force
from ivr.store.direct import ALL, Prepared, asking, from_arrays
from ivr.store.tables import cases
from ivr.voice.events import CallerKnown

APART_SECONDS = 0.02  # between two questions to the database, and as long as any of them waits
GIVEN_UP_SECONDS = 0.5  # no caller waits longer: the connection is free again

_Asked = tuple[str, datetime, asyncio.Future[CallerKnown]]


class WhoCalls:
    """`recall` of one process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._waiting: list[_Asked] = []
        self._asking = set[asyncio.Task[None]]()
        self._soon: asyncio.Handle | None = None
        self._not_before = 0.0  # by the loop's time

    async def recall(self, caller: str, now: datetime) -> CallerKnown:
        """What is known of a number in E.164. Raises what AWAY names."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[CallerKnown] = loop.create_future()
        self._waiting.append((caller, now, answer))
        if self._soon is None:
            self._soon = loop.call_at(self._not_before, self._go)
        return await answer

    def _go(self) -> None:
        self._soon = None
        asked, self._waiting = [each for each in self._waiting if not each[2].done()], []
        if asked:
            self._not_before = asyncio.get_running_loop().time() + APART_SECONDS
            task = asyncio.create_task(self._ask(asked))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, asked: Sequence[_Asked]) -> None:
        """Each is told, or what went wrong; who has given up is not."""
        wanted = {f"{ALL}n": [*range(len(asked))], f"{ALL}caller": [caller for caller, _, _ in asked]}
        try:
            async with asyncio.timeout(GIVEN_UP_SECONDS), asking(self.engine) as raw:
                now = asked[-1][1]
                rows = await _KNOWN.all(raw, now=now, hour=now - JUST_NOW, **wanted)
        except Exception as error:
            for _, _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for row in rows:
            if not (answer := asked[row["n"]][2]).done():
                answer.set_result(_told(row))


def _told(row: Any) -> CallerKnown:
    county, language = row["county"] or "", row["language"] or ""
    return CallerKnown(county, row["blocked"], row["waits"], language, told(row))


def known() -> Select[Any]:
    """Of each `caller` latest county and language or NULL, a block `now`, an unanswered case; rows by `n`.

    And what an earlier call left (`ivr.desk.book.left_behind`), seen from `hour`.
    """
    asked = from_arrays([Column("n", Integer), Column("caller", Text)], "asked").c
    hers = (cases.c.caller_key == asked.caller, NOT_WITHHELD)
    block = select(blocked_callers.c.id).where(blocked_callers.c.caller_key == asked.caller)
    block = block.where(in_force(bindparam("now", type_=blocked_callers.c.until.type)))
    waiting = select(cases.c.id).where(*hers, *UNANSWERED)
    latest = cases.c.opened_at.desc()
    where = (cases.c.county.is_not(None), cases.c.confidential.is_(None))  # lines are shared
    county = select(cases.c.county).where(*hers, *where).order_by(latest).limit(1)
    spoken = select(cases.c.language).where(*hers, cases.c.channel == "phone").order_by(latest).limit(1)
    named = (county.scalar_subquery().label("county"), spoken.scalar_subquery().label("language"))
    left = (has_row(broken_off(hers)).label("broken_off"), open_before(hers).label("open"))
    return select(asked.n, *named, has_row(block).label("blocked"), has_row(waiting).label("waits"), *left)


_KNOWN = Prepared(known())
