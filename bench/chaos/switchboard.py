"""Passes SIP between SIPp and Asterisk for all calls, and tells when a call begins, is answered, and ends."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

_SAME = re.compile(rb"^(?:Via|From|To|Call-ID):.*?$", re.M)
_CALL = re.compile(rb"^Call-ID: *chaos-(\d+)", re.M)
_AUDIO = re.compile(rb"^m=audio (\d+)", re.M)


class Told(NamedTuple):
    """`what`: invited, answered, refused, caller_left or hotline_left; `port`: of the audio when answered."""

    what: str
    n: int
    port: int = 0


class Switchboard:
    """`near_port` is where SIPp calls; everything goes on to 127.0.0.1:`port`. Nothing waits: `poll` it."""

    def __init__(self, port: int) -> None:
        self._near, self._far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self._near, self._far):
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._near.bind(("127.0.0.1", 0))
        self._far.connect(("127.0.0.1", port))
        self._sipp: tuple[str, int] | None = None
        self._invites: dict[int, bytes] = {}

    @property
    def near_port(self) -> int:
        port: int = self._near.getsockname()[1]
        return port

    def poll(self) -> Iterator[Told]:
        """Pass on what has come since the last time."""
        with suppress(BlockingIOError):
            while True:
                message, self._sipp = self._near.recvfrom(65_535)
                with suppress(OSError):  # Asterisk is not there: SIPp will say it again
                    self._far.send(message)
                yield from self._told(message, from_asterisk=False)
        while (answer := self._from_asterisk()) is not None:
            if self._sipp is not None:
                self._near.sendto(answer, self._sipp)
            yield from self._told(answer, from_asterisk=True)

    def _from_asterisk(self) -> bytes | None:
        while True:
            try:
                return self._far.recv(65_535)
            except BlockingIOError:
                return None
            except OSError:  # the kernel's word that nobody listens there
                continue

    def _told(self, message: bytes, from_asterisk: bool) -> Iterator[Told]:
        found = _CALL.search(message)
        if found is None:
            return
        n, first = int(found[1]), message.split(b"\r\n", 1)[0]
        if not from_asterisk:
            if first.startswith(b"INVITE ") and n not in self._invites:
                self._invites[n] = message
                yield Told("invited", n)
            elif first.startswith(b"BYE "):
                yield Told("caller_left", n)
        elif first.startswith(b"BYE "):
            yield Told("hotline_left", n)
        elif b"CSeq: 1 INVITE" in message and first[8:9] in b"23456":
            port = _AUDIO.search(message)
            yield Told("answered", n, int(port[1])) if first[8:9] == b"2" and port else Told("refused", n)

    def hang_up(self, n: int) -> None:
        """An INFO in the call's name is SIPp's sign to say BYE."""
        if self._sipp is not None and n in self._invites:
            same = [line.strip() for line in _SAME.findall(self._invites[n])]
            lines = [b"INFO sip:caller SIP/2.0", *same, b"CSeq: 9 INFO", b"Content-Length: 0"]
            self._near.sendto(b"\r\n".join(lines) + b"\r\n\r\n", self._sipp)

    def close(self) -> None:
        self._near.close()
        self._far.close()
