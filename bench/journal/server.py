"""Our own side of the calls, whole but for Asterisk: with its journal, or with one that only remembers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from datetime import datetime
from pathlib import Path

import uvloop

from ivr.asterisk.channel import Channel
from ivr.asterisk.server import AgiConnection, AgiServer, prepare_process
from ivr.calls import Line, carry
from ivr.desk.apply import Pump
from ivr.desk.book import Book
from ivr.desk.codes import CodeBlock
from ivr.desk.intake import Intake
from ivr.desk.seeding import directory_from
from ivr.settings import ROOT, load
from ivr.store.engine import make_engine
from ivr.store.journal import Fact, Journal, Position
from ivr.voice.parse import parse


class Remembering(Journal):
    """Switched off: facts go to a list, at once, and the pump finds them there. Nothing survives anything."""

    facts: list[Fact]

    def open(self) -> None:
        self.facts = []

    async def close(self) -> None:
        pass

    async def append(self, fact: Fact, within: float = 0.0, keep: bool = False) -> None:
        self.note(fact)

    def note(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.flushed = Position(0, len(self.facts))
        self.grown.set()

    async def flush(self) -> None:
        pass

    def read(self, after: Position, limit: int = 200) -> tuple[list[Fact], Position]:
        found = self.facts[after.offset : after.offset + limit]
        return found, Position(0, after.offset + len(found))

    def checkpoint(self, position: Position) -> None:
        self.applied = position

    def save_checkpoint(self) -> None:
        pass


async def serve(kind: str, state: Path, url: str) -> None:
    """Say on which port, then serve until standard input ends."""
    settings, engine = load(), make_engine(url)
    journal = (Journal if kind == "on" else Remembering)(state / "journal")
    journal.open()
    codes, book = CodeBlock(state / "codes"), Book(engine)
    codes.open()
    await codes.lease(engine)
    tree = ROOT / "dialplan" / "menus" / "111.yaml"
    menu = parse(tree.read_bytes(), tree.name, languages=settings.calls.languages)
    intake = Intake(journal, codes, book)
    line = Line(menu, directory_from(settings.seed_path), intake, lambda: datetime.now().astimezone())
    pump = Pump(engine, journal, book)
    pumping = asyncio.create_task(pump.run())

    async def speak(words: str, language: str) -> str | None:
        return None

    def answer(connection: AgiConnection) -> Awaitable[object]:
        recordings = state / "recordings"
        sounds = lambda id, language: f"/sounds/{language}/{id}"  # noqa: E731
        return carry(line, Channel(connection, sounds=sounds, recordings=recordings, speak=speak))

    server = AgiServer("127.0.0.1", 0, answer=answer)
    await server.start()
    print(server.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.close()
    await pump.idle()
    pumping.cancel()
    await journal.close()
    await engine.dispose()


if __name__ == "__main__":
    prepare_process()
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
