"""The web's door: so many connections at once, from one address and in all, and no more.

Idle ones cost a file each; 20,000 of them would use up those that calls need. One that has said nothing whole
for `IDLE_SECONDS` is closed by aiohttp (its keep-alive), so whoever holds many must go on making new ones.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
import socket
from collections import Counter
from collections.abc import Callable, Sequence

from aiohttp import web

log = logging.getLogger(__name__)

IDLE_SECONDS = 20.0
FILES_SHARE = 4  # of the files that a process may open, at most this part is the web's
BACKLOG = 128


def unmapped(address: str) -> str:
    """The IPv4 address that comes as one of IPv6, by which proxies are named; any other text as it is."""
    try:
        return str(ipaddress.IPv6Address(address).ipv4_mapped or address)
    except ValueError:
        return address


class Doors:
    """Lets in `most` connections, of them `most_each` from one address; a proxy's count in all only."""

    def __init__(
        self, inside: Callable[[], asyncio.Protocol], most: int, most_each: int, proxies: Sequence[str] = ()
    ) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.most = most if files == resource.RLIM_INFINITY else min(most, files // FILES_SHARE)
        self.most_each, self.inside = most_each, inside
        self._proxies = tuple(ipaddress.ip_network(each) for each in proxies)
        self._there: Counter[str] = Counter()
        self._refused = 0
        self._server: asyncio.Server | None = None

    async def open(self, listening: socket.socket) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), sock=listening, backlog=BACKLOG
        )

    def close(self) -> None:
        """No new ones; those inside stay."""
        if self._server is not None:
            self._server.close()

    @property
    def there(self) -> int:
        """Connections now."""
        return self._there.total()

    def comes(self, address: str) -> bool:
        """Whether one from there may come in; it must then be told when it `goes`."""
        each = self._there[address] < self.most_each or self._is_proxy(address)
        if self.there < self.most and each:
            self._there[address] += 1
            return True
        self._refused += 1
        if self._refused & (self._refused - 1) == 0:  # the 1st, 2nd, 4th, 8th …
            log.warning("web connections are refused (%d so far), now one from %s", self._refused, address)
        return False

    def goes(self, address: str) -> None:
        self._there[address] -= 1
        if not self._there[address]:
            del self._there[address]

    def _is_proxy(self, address: str) -> bool:
        return any(ipaddress.ip_address(address) in network for network in self._proxies)


class _Connection(asyncio.Protocol):
    """Counts, and passes all else to aiohttp's own protocol."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._address = ""
        self._inside: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        address = unmapped(peer[0].partition("%")[0]) if peer else "0.0.0.0"  # gone already
        if not self._doors.comes(address):
            transport.abort() if isinstance(transport, asyncio.Transport) else transport.close()
            return
        self._address, self._inside = address, self._doors.inside()
        self._inside.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._inside is not None:
            self._doors.goes(self._address)
            self._inside.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._inside is not None:
            self._inside.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inside.eof_received() if self._inside is not None else None

    def pause_writing(self) -> None:
        if self._inside is not None:
            self._inside.pause_writing()

    def resume_writing(self) -> None:
        if self._inside is not None:
            self._inside.resume_writing()


async def runner_of(pages: web.Application) -> web.AppRunner:
    """aiohttp's side, set up; its `server` makes the protocols inside."""
    runner = web.AppRunner(pages, access_log=None, keepalive_timeout=IDLE_SECONDS)
    await runner.setup()
    return runner
