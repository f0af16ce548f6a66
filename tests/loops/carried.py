"""A call, carried to its end by the hotline's own line: only Asterisk is pretended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from ivr.asterisk.channel import Channel, SpeaksWords
from ivr.asterisk.server import AgiConnection, AgiServer
from ivr.loops.carrying import OpenLine, carry
from tests.asterisk.pretend import Pretend, prompt_file, until

Pretended = TypeVar("Pretended", bound=Pretend)


async def speech(words: str, language: str) -> str:
    """A synthesiser that says everything."""
    return f"/spoken/{language}"


async def carried(
    line: OpenLine,
    call: Pretended,
    recordings: Path,
    sounds: Callable[[str, str], str] = prompt_file,
    speak: SpeaksWords = speech,
) -> Pretended:
    """The same call, over on both sides."""

    def answer(connection: AgiConnection) -> Awaitable[object]:
        return carry(line, Channel(connection, sounds=sounds, recordings=recordings, speak=speak))

    server = AgiServer("127.0.0.1", 0, answer=answer)
    await server.start()
    try:
        await call.run(server.port)
        await until(lambda: not server.calls)
    finally:
        await server.close()
    return call
