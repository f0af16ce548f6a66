"""Passes SIP between SIPp and Asterisk, so that a test hears who says what, and can have SIPp hang up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable


class Relay:
    """Passes SIP between SIPp (near) and Asterisk (far), and tells who says what."""

    def __init__(self, saw: Callable[[bytes, bool], None]) -> None:
        self._saw = saw
        self.near: asyncio.DatagramTransport
        self.far: asyncio.DatagramTransport
        self.near_port = 0
        self._sipp: tuple[str, int] | None = None
        self._invite = b""
        self._signed = self._left = False  # SIPp was told to hang up; somebody has
        self.vanished = False  # the telephone is gone: nothing passes any more
        self.asked = 0  # how often Asterisk asked whether the telephone is still there
        self._crossing = b""

    @classmethod
    async def open(cls, port: int, saw: Callable[[bytes, bool], None]) -> Relay:
        self, loop = cls(saw), asyncio.get_running_loop()
        self.near, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self._from_sipp), local_addr=("127.0.0.1", 0)
        )
        self.far, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self._from_asterisk), remote_addr=("127.0.0.1", port)
        )
        self.near_port = self.near.get_extra_info("sockname")[1]
        return self

    def _from_sipp(self, message: bytes, address: tuple[str, int]) -> None:
        if self.vanished or address != (self._sipp or address):
            return  # audio of a call whose telephone had this port before us must not take SIPp's place
        if message.startswith(b"INVITE "):
            self._sipp, self._invite = address, message
        elif self._sipp is None:
            return
        self._saw(message, False)
        self.far.sendto(message)
        if message.startswith(b"BYE "):
            self._left = True
            if self._crossing:
                self.near.sendto(self._crossing, address)

    def _from_asterisk(self, message: bytes, _: tuple[str, int]) -> None:
        self._saw(message, True)
        if self._sipp is None or self.vanished:
            return
        if message.startswith((b"INVITE ", b"ACK ")):  # a new offer in mid-call, which SIPp expects nowhere
            if message.startswith(b"INVITE "):
                self.asked += 1
                self.far.sendto(self._accepted(message))
            return
        if message.startswith(b"BYE "):
            if self._signed and not self._left:
                self._crossing = message  # SIPp takes it before its own or after it, not meanwhile
                return
            self._left = True
        self.near.sendto(message, self._sipp)

    def _accepted(self, offer: bytes) -> bytes:
        """The telephone's answer: what it offered at first."""
        kept = re.findall(rb"^(?:Via|From|To|Call-ID|CSeq):.*?$", offer, re.M | re.I)
        contact = re.findall(rb"^Contact:.*?$", self._invite, re.M | re.I)
        body = self._invite.partition(b"\r\n\r\n")[2]
        lines = [b"SIP/2.0 200 OK", *(line.strip() for line in [*kept, *contact]),
                 b"Content-Type: application/sdp", b"Content-Length: %d" % len(body)]  # fmt: skip
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def hang_up(self) -> None:
        """An INFO in the call's name is SIPp's sign to say BYE; nothing if somebody has said it."""
        if self._sipp is not None and not self._left:
            self._signed = True
            same = re.findall(rb"^(?:Via|From|To|Call-ID):.*?$", self._invite, re.M)
            lines = [b"INFO sip:caller SIP/2.0", *(line.strip() for line in same), b"CSeq: 9 INFO",
                     b"Content-Length: 0"]  # fmt: skip
            self.near.sendto(b"\r\n".join(lines) + b"\r\n\r\n", self._sipp)

    def remind(self) -> None:
        """To a SIPp that has not said BYE though it was told to: a datagram of either side may be lost."""
        if self._signed and not self._left and self._sipp is not None:
            self.near.sendto(self._crossing, self._sipp) if self._crossing else self.hang_up()

    def close(self) -> None:
        self.near.close()
        self.far.close()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received(data, addr)
