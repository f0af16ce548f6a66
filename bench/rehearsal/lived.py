"""Calls as they would stand in the books: a tree walked by tokens (`ivr.voice.tokens`), with a clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.voice import tokens
from ivr.voice.actions import (
    Action,
    Ask,
    HangUp,
    Record,
    Say,
)
from ivr.voice.directory import Directory
from ivr.voice.events import (
    Caller,
    Event,
    HungUp,
    Recorded,
    Said,
)
from ivr.voice.menu import Menu
from ivr.voice.rewalk import PastCall
from ivr.voice.session import Session
from ivr.voice.well_desk import answered

BEGAN = datetime(2026, 11, 25, 10, tzinfo=UTC)
NUMBER = "+989120000000"
ANSWER_SECONDS = 4.0  # from a question's first word to her key, and how long each thing that is said takes


def lived(
    menu: Menu, directory: Directory, keys: Sequence[str], id: str = "", seconds: float = ANSWER_SECONDS
) -> PastCall:
    """The call of who does that and then hangs up. Raises ValueError for a token that does not fit."""
    session = Session(menu, directory, Caller(NUMBER, BEGAN, call=id))
    left, steps, now, gone = deque(keys), list[dict[str, Any]](), BEGAN, False
    action: Action | None = session.start()
    while action is not None and not isinstance(action, HangUp):
        event = _hers(action, left) or answered(action)
        now += timedelta(seconds=_takes(event, action, seconds))
        trace, misses = session.trace(event), session.misses
        steps.append({"at": now.isoformat(), "step": trace.step, "key": trace.key, "note": trace.note})
        gone = gone or isinstance(event, HungUp) or (isinstance(event, Recorded) and event.ended.is_gone)
        action = session.receive(event)
        if session.misses > misses:
            steps[-1]["missed"] = True
    return PastCall(id, BEGAN, (now - BEGAN).total_seconds(), gone, NUMBER, session.language, "", steps)


def _hers(action: Action, left: deque[str]) -> Event | None:
    if isinstance(action, Say):
        return tokens.answer(action, left.popleft()) if left and left[0] == tokens.HANG_UP else Said()
    if not isinstance(action, Ask | Record):
        return None
    token = left.popleft() if left else tokens.HANG_UP
    event = tokens.answer(action, token, "r")
    if event is None:
        raise ValueError(f"{token} does not fit {action}")
    return event


def _takes(event: Event, action: Action, seconds: float) -> float:
    if isinstance(event, Recorded):
        return event.seconds
    return seconds if isinstance(action, Ask | Say) else 0.0
