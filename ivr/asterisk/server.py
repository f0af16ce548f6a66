"""The FastAGI server: one `AgiConnection` per call, one awaited reply at a time.

A peer costs its own connection and nothing else: whatever it sends or leaves out, the calls beside it go on.
Nothing is queued, in or out, so nothing can pile up: see docs/decisions/fastagi.md.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import logging
import resource
import socket
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ivr.asterisk.agi import HEADER_BYTES, LINE_BYTES
from ivr.asterisk.connection import AgiConnection, AnswersCall, Drained

__all__ = ["AgiConnection", "AgiServer", "Drained", "listening_socket", "prepare_process", "settle"]

log = logging.getLogger(__name__)

BACKLOG = 4096
SPARE_FILES = 1_000  # for everything that is not a call: database, journal, web, recordings being measured
APOLOGY_SECONDS = 30.0  # after a drain: for the speech under way and the apology


class AgiServer:
    """Accepts Asterisk's connections and carries each call by `answer`.

    `allow`: networks Asterisk may come from. `secret`: the first argument of AGI() ("" = none asked for).
    `header_seconds`: how long a peer may take to introduce itself. `max_calls`: connections at once, in all.
    `loop` and the limits are for the connections.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        answer: AnswersCall,
        allow: Sequence[str] = ("127.0.0.0/8", "::1/128"),
        secret: str = "",
        header_bytes: int = HEADER_BYTES,
        header_seconds: float = 5.0,
        line_bytes: int = LINE_BYTES,
        max_calls: int = 12_000,
    ) -> None:
        self.host, self.port = host, port
        self.header_bytes, self.line_bytes = header_bytes, line_bytes
        self.loop: asyncio.AbstractEventLoop
        self._answer = answer
        self._networks = tuple(ip_network(network, strict=False) for network in allow)
        self._secret = secret.encode()
        self._header_seconds = header_seconds
        self._max_calls = max_calls
        self._connections: set[AgiConnection] = set()
        self._strangers: dict[AgiConnection, float] = {}  # not yet introduced → until when, soonest first
        self._calls: dict[AgiConnection, asyncio.Task[None]] = {}
        self._dropped: Counter[str] = Counter()
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def calls(self) -> int:
        """How many calls are in progress."""
        return len(self._calls)

    async def start(self, listening: socket.socket | None = None) -> None:
        """Listen, on a socket that others may share or on our own.

        `port` 0 becomes the one that was given. OSError when the address can't be had.
        """
        self.loop = asyncio.get_running_loop()
        listening = listening or listening_socket(self.host, self.port)
        self.port = listening.getsockname()[1]
        self._listener = await self.loop.create_server(
            lambda: AgiConnection(self), sock=listening, backlog=BACKLOG
        )
        self._sweep()
        log.info("FastAGI listens on %s port %d", self.host, self.port)

    async def drain(self, seconds: float) -> None:
        """Take no more calls, let live ones finish for `seconds`, then tell them, then close.

        Whoever is connected is a call already, also when she has not introduced herself yet.
        """
        self._stop_listening()
        while self._strangers:  # noqa: ASYNC110  for milliseconds; the sweep drops who says nothing
            await asyncio.sleep(0.02)
        await self._finished(seconds)
        if self._calls:
            log.warning("%d calls outlasted the drain and are told so", len(self._calls))
        for connection in tuple(self._connections):
            connection.drain()
        await self._finished(APOLOGY_SECONDS)
        await self.close()

    async def close(self) -> None:
        """Stop at once. Calls in progress lose their connection, and get a moment to put their words away."""
        self._stop_listening()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self._connections):
            connection.close()
        await self._finished(10.0)
        for call in self._calls.values():
            call.cancel()
        await self._finished(1.0)

    async def _finished(self, seconds: float) -> None:
        if self._calls:
            await asyncio.wait(self._calls.values(), timeout=seconds)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()

    # What the connections tell.

    def connected(self, connection: AgiConnection) -> None:
        if not self._allowed(connection.peer):
            self.drop(connection, "its address is not allowed")
        elif len(self._connections) >= self._max_calls:
            self.drop(connection, f"there are {self._max_calls} connections already")
        else:
            self._connections.add(connection)
            self._strangers[connection] = self.loop.time() + self._header_seconds

    def introduced(self, connection: AgiConnection) -> None:
        if self._strangers.pop(connection, None) is None:
            return  # dropped a moment ago
        if self._secret and not self._knows_secret(connection):
            self.drop(connection, "its first argument is not the shared secret")
            return
        self._calls[connection] = self.loop.create_task(connection.carry(self._answer))

    def finished(self, connection: AgiConnection) -> None:
        self._calls.pop(connection, None)

    def disconnected(self, connection: AgiConnection) -> None:
        self._connections.discard(connection)
        self._strangers.pop(connection, None)

    def drop(self, connection: AgiConnection, reason: str) -> None:
        """Cut a peer off. The first of a kind is logged at once, the rest of that second as a sum."""
        if not self._dropped[reason]:
            log.warning("cut off FastAGI peer %s: %s", connection.peer, reason)
        self._dropped[reason] += 1
        self._strangers.pop(connection, None)
        connection.close()

    def _knows_secret(self, connection: AgiConnection) -> bool:
        if not connection.arguments:
            return False
        given, connection.arguments = connection.arguments[0], connection.arguments[1:]
        connection.variables = connection.variables.without("agi_arg_1")
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._secret)

    def _allowed(self, peer: str) -> bool:
        return _among(peer, self._networks)

    def _sweep(self) -> None:
        now = self.loop.time()
        overdue = [c for c, until in self._strangers.items() if until <= now]
        for connection in overdue:
            self.drop(connection, "it did not introduce itself in time")
        for reason, count in self._dropped.items():
            if count > 1:
                log.warning("cut off %d FastAGI peers more: %s", count - 1, reason)
        self._dropped.clear()
        self._sweeper = self.loop.call_later(min(1.0, self._header_seconds / 4), self._sweep)


def files_for(max_calls: int) -> int:
    """How many files that many calls at once may need: each its socket, and the rest of the process."""
    return max_calls + SPARE_FILES


def prepare_process(max_calls: int = 12_000) -> int:
    """Make this process fit for that many calls: file descriptors, and a garbage collector that rests.

    Returns how many calls its files are enough for: those beyond must be refused before accept() fails.
    Thousands of live calls are no garbage, and walking them costs 7 to 22 % of the time at 5,000. What is
    new is looked through in small lots: to let go of 50,000 objects at once halts everybody for 0.1 s.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = files_for(max_calls)
    if soft != resource.RLIM_INFINITY and soft < want:
        most = want if hard == resource.RLIM_INFINITY else min(want, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < want:
            log.warning("this process may open %d files: too few for %d calls at once", most, max_calls)
            max_calls = max(1, most - min(SPARE_FILES, most // 2))
    gc.set_threshold(5_000, 50, 1_000)
    return max_calls


def settle() -> None:
    """What stands once a process is ready stays, so that the garbage collector never walks it again.

    Modules, tables and menus are 150,000 objects: whenever it came to them, everybody waited 0.1 s.
    """
    gc.collect()
    gc.freeze()


def listening_socket(host: str, port: int) -> socket.socket:
    """With keep-alive, which accepted connections inherit: it finds out a peer whose machine is gone.

    "::" is every address of the machine, those of IPv4, too. Raises OSError.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    listening = socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)
    listening.setblocking(False)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    return listening


@lru_cache(maxsize=1024)
def _among(peer: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
