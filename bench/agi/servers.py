"""The servers that are compared: `python -m bench.agi.servers NAME PORT SCRIPT` serves until it is killed.

All send the same twenty lines a call. Ours makes them in the real channel, the others send them as they are.
"""
# Pystrix has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ivr.asterisk.channel import Channel
from ivr.asterisk.server import AgiConnection, AgiServer, prepare_process
from ivr.voice.actions import Action, Ask, Record, Say
from ivr.voice.events import Keys

SECRET = "secret"
# One call, as long as a short real one: the answers come from generator.c.
SAFE = "safe"
CALL: tuple[Action | str, ...] = (
    Say(("welcome",), "fa"),
    Ask(("language.choose",), "fa", first_key_seconds=4),
    Ask(("kind.menu",), "fa"),
    Ask(("topic.menu", "topic.leaf_menu"), "fa", max_keys=2, first_key_seconds=7, next_key_seconds=4),
    Ask(("county.ask",), "fa", max_keys=2, first_key_seconds=7, next_key_seconds=3),
    Record("fa"),
    SAFE,
    Ask(("review.menu",), "fa"),
    Say(("code.is", "digit.1", "digit.2", "digit.3"), "fa"),
    Say(("goodbye",), "fa"),
)
COMMANDS = 20


async def carry(channel: Channel) -> list[tuple[datetime, str, str, str]]:
    """Carry one call and keep its step log: when, which step, what was pressed, what came of it."""
    now = channel.caller(datetime.now(UTC)).now
    steps = [(now, channel.unique_id, "", "begin")]
    for action in CALL:
        if isinstance(action, str):
            await channel.kept()
            continue
        event = await channel.perform(action)
        key = event.pressed if isinstance(event, Keys) else ""
        steps.append((datetime.now(UTC), type(action).__name__, key, type(event).__name__))
    await channel.finish()
    return steps


def our_server(port: int, recordings: Path) -> AgiServer:
    """The real server and channel with everything on."""
    sounds = recordings.parent / "sounds"

    def answer(connection: AgiConnection) -> Awaitable[object]:
        return carry(Channel(connection, sounds=path, recordings=recordings, speak=speak))

    def path(prompt: str, language: str) -> str | None:
        return f"{sounds}/{language}/{prompt}"

    async def speak(words: str, language: str) -> str | None:
        return None

    return AgiServer("127.0.0.1", port, answer=answer, secret=SECRET)


async def ours(port: int, lines: list[str]) -> None:
    # The generator makes no files, so every recording fails: that is not what is measured, nor logged.
    logging.getLogger("ivr.asterisk.recording").setLevel(logging.CRITICAL)
    prepare_process()
    with tempfile.TemporaryDirectory() as folder:
        await our_server(port, Path(folder) / "recordings").start()
        await asyncio.Event().wait()


async def panoramisk(port: int, lines: list[str]) -> None:
    from panoramisk.fast_agi import Application, Request

    async def answer(request: Request) -> None:
        for line in lines:
            await request.send_command(line)

    application: Any = Application(loop=asyncio.get_running_loop())
    application.add_route("bench", answer)
    prepare_process()
    server = await asyncio.start_server(application.handler, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def pystrix(port: int, lines: list[str]) -> None:
    from pystrix.agi.agi_core import _Action
    from pystrix.agi.fastagi import FastAGIServer

    def answer(agi: Any, *_: Any) -> None:
        for line in lines:
            agi.execute(_Action(line))

    prepare_process()
    server = FastAGIServer(port=port)
    server.register_script_handler(None, answer)
    server.serve_forever()


def main() -> None:
    name, port, script = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    lines = script.read_text(encoding="utf-8").splitlines()
    if name == "pystrix":
        pystrix(port, lines)
    elif name == "panoramisk":
        asyncio.run(panoramisk(port, lines))
    else:
        import uvloop

        uvloop.run(ours(port, lines))


if __name__ == "__main__":
    main()
