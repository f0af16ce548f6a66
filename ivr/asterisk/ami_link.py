"""One AMI connection through panoramisk's `Manager`, and what may be sent over it.

Used by `ivr.asterisk.ami` only; the traps closed here are told in docs/decisions/ami.md.
"""
# Panoramisk has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from panoramisk import Manager  # type: ignore[attr-defined]
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

log = logging.getLogger(__name__)

_ANOTHER_LINE = re.compile(r"[\r\n\0]")
BEGINS = ("Asterisk Call Manager/", "Event: ", "Response: ")  # a message; manager.c writes no other
LINE_BYTES = 1_000  # manager.c reads a line into 1,025 bytes and throws a longer one away


class _Protocol(AMIProtocol):
    """Panoramisk's protocol, handed whole messages only, and robust against its own exceptions."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self._link  # panoramisk sets it later, and trips over what comes sooner

    def data_received(self, data: bytes) -> None:
        whole, end, self._partial = (self._partial + data).rpartition(b"\r\n\r\n")
        for each in whole.split(b"\r\n\r\n") if end else ():
            # Bytes that are no UTF-8 panoramisk leaves out: a caller who has some in her number would end an
            # event there, and what stands behind one Asterisk's filters did not see.
            text = each.decode(errors="replace")
            if text.lstrip("\r\n").startswith(BEGINS):
                super().data_received(f"{text}\r\n\r\n".encode())

    def handle_message(self, message: Message) -> None:
        if str(message.event).lower() == "shutdown":  # panoramisk would hang up, and a caller can write one
            return
        try:
            super().handle_message(message)
        except Exception:  # raised in data_received it would cost the connection
            log.exception("an AMI message was skipped")

    def close(self) -> None:
        self.responses.clear()  # what is left here panoramisk would send again
        super().close()


class Link(Manager):
    """One connection. A bare Manager reconnects within itself; ours lives and dies with its connection."""

    def __init__(self, host: str, port: int, received: Callable[[Link, Message], None]) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(host=host, port=port, loop=loop, log=log, protocol_factory=lambda: _Protocol(self))
        self.lost: asyncio.Future[None] = loop.create_future()
        self.followers: dict[str, Follower] = {}
        self._awaited: set[asyncio.Future[Any]] = set()  # answers that a loss ends
        self.register_event("*", received)

    def connection_made(self, opening: asyncio.Task[Any]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            super().connection_made(opening)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
        for answer in self._awaited:
            if not answer.done():
                answer.set_exception(ConnectionError())

    @contextmanager
    def waiting(self, answer: asyncio.Future[Any]) -> Iterator[None]:
        """Meanwhile it ends in a ConnectionError once this connection is lost."""
        self._awaited.add(answer)
        if self.lost.done():
            self.connection_lost(None)
        try:
            yield
        finally:
            self._awaited.discard(answer)

    def ping(self) -> None:
        """Panoramisk's ping does not look for an answer; `Ami` has its own."""

    async def send_awaiting_actions(self, *_: object) -> None:
        """Nothing is ever sent twice."""

    def forget(self, action: Action) -> None:
        """Nobody waits for its answer any more."""
        self.responses.pop(action.id, None)

    def drop(self) -> None:
        """Let go at once, whatever state the other side is in."""
        self.connection_lost(None)
        self.close()
        if self.protocol is not None:
            self.protocol.transport.abort()


class Follower:
    """Gathers the events that bear one ActionID until the `last` kind of event."""

    def __init__(self, last: str) -> None:
        self.last = last
        self.events: list[Message] = []
        self.done: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()

    def add(self, event: Message) -> None:
        self.events.append(event)
        if event.event == self.last and not self.done.done():
            self.done.set_result(self.events)


def compose(name: str, fields: Mapping[str, object]) -> Action:
    """A panoramisk action of its own ActionID. Raises ValueError naming the field that can't be sent."""
    made = Action({})
    for field, value in {"Action": name, **fields}.items():
        values = value if isinstance(value, list | tuple) else [value]
        for each in values:
            _check(name, field, f"{field}: {each}")
        if values:
            made[field] = value
    return made


def _check(action: str, field: str, line: str) -> None:
    """One field is one line: CR or LF would begin another field, or another action."""
    if _ANOTHER_LINE.search(line):
        raise ValueError(f"{action!r}: {field!r} holds CR, LF or NUL")
    try:
        size = len(line.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{action!r}: {field!r} is not valid Unicode") from None
    if size > LINE_BYTES:
        raise ValueError(f"{action!r}: {field!r} is too long ({size} bytes of at most {LINE_BYTES})")


def variable(name: str, value: str) -> str:
    """Asterisk splits the field at commas, minding quotes, brackets and backslashes: none may count."""
    if not re.fullmatch(r"_{0,2}[A-Za-z][A-Za-z0-9_]*", name, re.ASCII):
        raise ValueError(f"Originate: {name!r} is not a name for a channel variable")
    return f"{name}=" + re.sub(r'([\\",()\[\]])', r"\\\1", value)
