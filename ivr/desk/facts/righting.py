"""What was said while nobody could tell the time gets the right one on its way into the books.

A call that began before this machine's clock was compared with the database's bears a mark: how long the
machine had been up, which no wrong clock touches. While it is up since, that tells when the call began, and
all its times move by as much. After a restart it is only known that nothing is yet to come.
So does each call of which only a file tells, the dialplan's own or one that nobody accounts for: the mark is
made of the file's time as it is found (`mark_of`), and is right unless the clock was set since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ivr.store.clocks import FAR, is_a_time, since
from ivr.store.facts import Fact

log = logging.getLogger(__name__)

# The dialplan ends a call after half an hour, its fall-back three minutes later.
LONGEST_CALL = timedelta(hours=2)


async def righted(raw: Any, facts: Sequence[Fact]) -> Sequence[Fact]:
    """The facts, those of such calls with the times that the database's clock tells."""
    if not any(fact.call.uptime for fact in facts):
        return facts
    now: datetime = await raw.fetchval("SELECT clock_timestamp()")
    if not is_a_time(now):
        return facts
    moved = [_right(fact, now) if fact.call.uptime else fact for fact in facts]
    if many := sum(was != its for was, its in zip(facts, moved, strict=True)):
        log.warning("%d facts of calls that began before anybody could tell the time got the right one", many)
    return moved


def _right(fact: Fact, now: datetime) -> Fact:
    said, ago = fact.call.started_at, since(fact.call.uptime)
    began = min(said, now) if ago is None else now - timedelta(seconds=ago)
    off = began - said
    earliest, latest = began, now
    if abs(off) <= FAR:  # no two clocks agree to the second
        off, earliest, latest = timedelta(), said - FAR, now + FAR

    def right(moment: datetime) -> datetime:
        """What came after the clock was set right, in mid-call, is right; a file's time may be any."""
        moved = moment + off if said <= moment <= said + LONGEST_CALL else moment
        return max(earliest, min(moved, latest))

    moved: Fact = _moved(fact, right)
    return moved


def _moved(part: Any, right: Callable[[datetime], datetime]) -> Any:
    match part:
        case datetime():
            return right(part)
        case tuple():
            return tuple(_moved(each, right) for each in part)
        case _ if is_dataclass(part) and not isinstance(part, type):
            its = {each.name: _moved(getattr(part, each.name), right) for each in fields(part)}
            return replace(part, **its)
    return part
