"""`ivr serve`, timed after recordings: whole, with a journal that only remembers, or without their flush."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime
from pathlib import Path

from ivr import app
from ivr.asterisk import server
from ivr.asterisk.agi import Reply
from ivr.asterisk.connection import AgiConnection
from ivr.settings import load
from ivr.store import flushing, slots
from ivr.store.facts import Fact
from ivr.store.journal import Journal, Position

waited_ms: list[float] = []


class Remembering(Journal):
    """Switched off: facts go to a list, at once, and the pump finds them there. Nothing survives anything."""

    facts: list[Fact]
    began: Position

    def open(self) -> None:
        super().open()
        self.facts, self.began = [], self.flushed

    def append(self, fact: Fact | None, within: float = 0.0, keep: bool = False) -> asyncio.Future[None]:
        if fact is not None:
            self.note(fact)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def note(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.flushed = Position(self.began.segment, len(self.facts))
        self.grown.set()

    def read(self, after: Position, limit: int = 200) -> tuple[list[Fact], Position]:
        done = after.offset if after.segment == self.began.segment else 0
        found = self.facts[done : done + limit]
        return found, Position(self.began.segment, done + len(found))

    def checkpoint(self, position: Position, now: datetime | None = None) -> None:
        self.applied = position

    def save_checkpoint(self) -> None:
        pass


class Timed(AgiConnection):
    """Notes how long after the reply to RECORD FILE the next prompt is asked for."""

    recording = False
    ended_at = 0.0

    def send(self, command: bytes, drainable: bool = False) -> asyncio.Future[Reply]:
        if command.startswith(b"EXEC Read") and self.ended_at:
            waited_ms.append((time.perf_counter() - self.ended_at) * 1000)
            self.ended_at = 0.0
        self.recording = command.startswith(b"RECORD FILE")
        return super().send(command, drainable)

    def data_received(self, received: bytes) -> None:
        if self.recording:
            self.ended_at = time.perf_counter()
        super().data_received(received)


def main(kind: str, told: Path) -> None:
    """Serve until SIGTERM, then write the milliseconds waited down."""
    if kind == "no journal":
        slots.Journal = Remembering  # type: ignore[attr-defined]
    if kind == "unflushed":
        flushing.sync = lambda path: None
    server.AgiConnection = Timed  # type: ignore[misc]
    try:
        app.serve(load())
    finally:
        told.write_text(json.dumps(waited_ms))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
