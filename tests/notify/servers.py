"""A real HTTP and a real SMTP server that remember what they were sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP


@dataclass(slots=True)
class HttpServer:
    """`answers`: what is answered, in turn; the last one for ever. (0, "") cuts the connection."""

    url: str = ""
    answers: list[tuple[int, str]] = field(default_factory=lambda: [(200, "{}")])
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.text()
        said = {"method": request.method, "url": str(request.rel_url), "path": request.path}
        query, headers = dict(request.query), dict(request.headers)
        self.requests.append({**said, "query": query, "headers": headers, "body": body})
        status, text = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if not status:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200, text=text)


@asynccontextmanager
async def http_server(*answers: tuple[int, str]) -> AsyncIterator[HttpServer]:
    server = HttpServer()
    server.answers = list(answers) or server.answers
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", server.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """It takes every connection and never answers. Its address."""
    over = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    over.set()
    server.close()
    await server.wait_closed()


async def _turns() -> None:
    """Of the loop, which whoever talks to the server shares."""
    for _ in range(50):
        await asyncio.sleep(0)


async def _passed(seconds: float) -> None:
    """Whoever waits no longer than this has had enough; nobody sleeps for it."""
    loop: Any = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds
    try:
        await _turns()
    finally:
        loop.time = now


@asynccontextmanager
async def piecemeal_server(*pieces: str | float, cut: bool = False) -> AsyncIterator[str]:
    """It answers by these, each once the one before was read. `cut`: more is said to come. Its address.

    A number: so many seconds pass before the next one.
    """
    length = sum(len(piece) for piece in pieces if isinstance(piece, str)) + cut
    over = asyncio.Event()

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        await _turns()
        for piece in pieces:
            if isinstance(piece, float):
                await _passed(piece)
                continue
            writer.write(piece.encode())
            await _turns()
        writer.close()
        over.set()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await over.wait()  # time is everybody's
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def scripted_smtp_server(*answers: str | float) -> AsyncIterator[int]:
    """It says these lines, the first at once and each other to what it is told next. Its port.

    A number: so many seconds pass before the next one.
    """

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            if isinstance(answer, float):
                await _passed(answer)
                continue
            writer.write(f"{answer}\r\n".encode())
            with suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n.\r\n" if answer.startswith("354") else b"\r\n")
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@dataclass  # no slots: aiosmtpd looks at every member, and Python 3.11.2's has one that can't be looked at
class SmtpServer:
    """`refuses`: receiver → the line that refuses her."""

    port: int = 0
    refuses: dict[str, str] = field(default_factory=dict)
    letters: list[Any] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.letters.append(envelope)
        return "250 OK"


@asynccontextmanager
async def smtp_server() -> AsyncIterator[SmtpServer]:
    known = SmtpServer()
    controller: Any = UnthreadedController(known, "127.0.0.1", 0, loop=asyncio.get_running_loop())
    server = await controller._create_server()  # aiosmtpd has no public way within a running loop
    known.port = server.sockets[0].getsockname()[1]
    yield known
    server.close()
    await server.wait_closed()
