"""One call's line to Asterisk: one command at a time, one future for its reply."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from ivr.asterisk.agi import AgiCodec, AgiEvent, Broken, Environment, Hangup, Reply, Variables

log = logging.getLogger(__name__)

STRAYS = 100  # lines nobody asked for that one call may send
NO_VARIABLES = Variables("")
LOST = Reply(511, text="the connection is lost")

AnswersCall = Callable[["AgiConnection"], Awaitable[object]]


class Host(Protocol):
    """What a connection needs of its server."""

    loop: asyncio.AbstractEventLoop
    header_bytes: int
    line_bytes: int

    def connected(self, connection: AgiConnection) -> None: ...
    def introduced(self, connection: AgiConnection) -> None: ...
    def disconnected(self, connection: AgiConnection) -> None: ...
    def drop(self, connection: AgiConnection, reason: str) -> None: ...
    def finished(self, connection: AgiConnection) -> None: ...


class Drained(Exception):
    """The server is about to stop and this call's time is over: end it, the dialplan apologises."""


class AgiConnection(asyncio.Protocol):
    """One call's line to Asterisk.

    `variables` and `arguments` are what Asterisk said first (the secret is not among the arguments).
    `hung_up`: the caller is gone; `lost`: so is the connection; `told_hangup`: Asterisk said that she
    hung up. `on_hangup` is called once when either comes.
    """

    __slots__ = (
        "_abandoned", "_awaited", "_codec", "_cut", "_drainable", "_drained", "_loop", "_server", "_strays",
        "_transport", "arguments", "hung_up", "lost", "on_hangup", "peer", "told_hangup", "variables",
    )  # fmt: skip

    def __init__(self, server: Host) -> None:
        self._server = server
        self._loop = server.loop
        self._codec = AgiCodec(server.header_bytes, server.line_bytes)
        self._transport: asyncio.Transport
        self._awaited: asyncio.Future[Reply] | None = None
        self._abandoned = 0  # replies still to come that nobody waits for
        self._strays = 0
        self._cut = self._drainable = self._drained = False
        self.variables = NO_VARIABLES
        self.arguments: tuple[str, ...] = ()
        self.peer = ""
        self.hung_up = self.lost = self.told_hangup = False
        self.on_hangup: Callable[[], None] | None = None

    def send(self, command: bytes, drainable: bool = False) -> asyncio.Future[Reply]:
        """Send one command line; await the result for its reply. RuntimeError: one is still awaited.

        On a lost connection the reply is `LOST`, a 511. A `drainable` command raises `Drained` when the
        server stops; Asterisk carries it out to its end all the same, then the next one: only commands that
        always reply (EXEC, RECORD FILE, variables) may be sent, never STREAM FILE or GET DATA.
        """
        if self._awaited is not None:
            if not self._awaited.done():
                raise RuntimeError("an AGI command was sent before the reply to the last one")
            self._awaited = None
            self._abandoned += 1
        awaited: asyncio.Future[Reply] = self._loop.create_future()
        self._drainable = drainable
        if self.lost:
            awaited.set_result(LOST)
        elif drainable and self._drained:
            awaited.set_exception(Drained)
        else:
            self._awaited = awaited
            self._transport.write(command)
        return awaited

    def drain(self) -> None:
        """Raise `Drained` into the drainable command under way, and into every later one."""
        self._drained = True
        if self._drainable and self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(Drained)

    def close(self) -> None:
        """End the conversation now."""
        self._cut = True
        self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if peer else ""
        self._server.connected(self)

    def data_received(self, received: bytes) -> None:
        for event in self._codec.feed(received):
            if type(event) is not Reply:
                self._told(event)
            elif (awaited := self._awaited) is None or self._abandoned:
                self._not_awaited()
            else:
                self._awaited = None
                if not awaited.done():
                    awaited.set_result(event)
            if self._cut:
                break

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._server.disconnected(self)
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(LOST)
        self.gone()

    def _not_awaited(self) -> None:
        if self._abandoned:
            self._abandoned -= 1
        else:
            self._stray()

    def _told(self, event: AgiEvent) -> None:
        match event:
            case Environment(variables=variables, arguments=arguments):
                self.variables, self.arguments = variables, arguments
                self._server.introduced(self)
            case Hangup():
                self.told_hangup = True
                self.gone()
            case Broken(reason=reason):
                self._server.drop(self, reason)
            case _:
                self._stray()

    def gone(self) -> None:
        """Somebody saw it, be it before Asterisk says so."""
        first = not self.hung_up
        self.hung_up = True
        if first and self.on_hangup is not None:
            self.on_hangup()

    def _stray(self) -> None:
        self._strays += 1
        if self._strays == STRAYS:
            self._server.drop(self, f"{STRAYS} lines nobody asked for")

    async def carry(self, answer: AnswersCall) -> None:
        """Run this call's own task. Whatever happens in it ends this call only."""
        try:
            await answer(self)
        except Drained:
            log.info("call %s was drained", self.variables.get("agi_uniqueid"))
        except Exception:
            # IVR_DONE stays unset, so the dialplan's fall-back takes the caller over.
            log.exception("call %s from Asterisk at %s failed", self.variables.get("agi_uniqueid"), self.peer)
        finally:
            self._server.finished(self)
            self._transport.close()
