"""The web lets in so many connections, and idle ones don't stay."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiohttp import web

from ivr.asterisk.server import listening_socket
from ivr.lab.pace import patience
from ivr.web import doors
from ivr.web.doors import Doors, runner_of
from ivr.web.health import application

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(
    most: int, most_each: int, *proxies: str, both: bool = False
) -> AsyncIterator[tuple[Doors, int]]:
    """`both`: on an address of IPv6 that takes IPv4, too."""
    runner = await runner_of(application())
    made = Doors(cast(Callable[[], asyncio.Protocol], runner.server), most, most_each, proxies)
    listening = listening_socket("::" if both else "127.0.0.1", 0)
    await made.open(listening)
    try:
        yield made, listening.getsockname()[1]
    finally:
        made.close()
        await runner.cleanup()


async def come(port: int) -> Line:
    return await asyncio.open_connection("127.0.0.1", port)


async def served(line: Line) -> bool:
    """Whether a request on it is answered, and not the line cut."""
    reader, writer = line
    try:
        writer.write(ASK)
        async with asyncio.timeout(patience(10)):
            return (await reader.read(4096)).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


async def test_one_address_has_so_many_connections_and_again_when_one_goes() -> None:
    async with serving(most=10, most_each=2) as (made, port):
        first, second = await come(port), await come(port)
        assert await served(first) and await served(second)
        assert not await served(await come(port))
        first[1].close()
        async with asyncio.timeout(patience(10)):
            while made.there > 1:
                await asyncio.sleep(0.01)
        assert await served(await come(port)), "somebody went"


NO_IPV6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize("both", [False, pytest.param(True, marks=NO_IPV6)])
async def test_a_proxys_connections_count_in_all_only(both: bool) -> None:
    async with serving(4, 2, "127.0.0.0/8", both=both) as (_, port):
        lines = [await come(port) for _ in range(5)]
        assert [await served(line) for line in lines] == [True] * 4 + [False]


async def test_however_many_say_nothing_they_use_no_more_files_than_are_let_in() -> None:
    async with serving(most=20, most_each=1_000) as (made, port):
        lines = [await come(port) for _ in range(400)]
        for reader, _ in lines[20:]:
            async with asyncio.timeout(patience(10)):
                assert await reader.read() == b"", "closed at once"
        assert made.there == 20 and await served(lines[0])
        for _, writer in lines:
            writer.close()


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_who_says_nothing_whole_is_closed(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(doors, "IDLE_SECONDS", 0.3)
    async with serving(10, 10) as (made, port):
        reader, writer = await come(port)
        writer.write(said)
        async with asyncio.timeout(patience(10)):
            assert await reader.read() == b""
        assert made.there == 0


async def test_few_files_are_shared_with_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (400, 400))
    assert Doors(cast(Callable[[], asyncio.Protocol], web.Server), 1_000, 10).most == 100
