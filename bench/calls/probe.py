"""A caller in Python that measures: key pressed → first audio packet of the next prompt.

It calls like a phone (INVITE, RTP every 20 ms, keys by RFC 4733) and notes for every packet it receives when
the kernel took it in (SO_TIMESTAMPNS), so that its own scheduling does not count.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

SECOND = 1_000_000_000
FRAME = 160  # samples in 20 ms at 8 kHz
ALAW, EVENT = 8, 96  # payload types in our offer
SILENCE = b"\xd5" * FRAME
KEYS = "0123456789*#"
KEY_PACKETS, END_PACKETS = 5, 3  # 100 ms of key, its end sent three times (RFC 4733 §2.5.1.4)
SO_TIMESTAMPNS = 35  # linux/asm-generic/socket.h; Python has no name for it


class ProbeError(Exception):
    """The call did not go as a call should."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet as it came in. `at`: nanoseconds since 1970."""

    at: int
    payload: bytes


@dataclass(slots=True)
class Press:
    """One key. `began` and `ended`: when its first and its first end packet left us, ns since 1970."""

    key: str
    stamp: int
    done: asyncio.Future[None]
    sent: int = 0
    began: int = 0
    ended: int = 0


class Media:
    """The RTP side: sends silence or a key every 20 ms, keeps what comes in."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.remote: tuple[str, int] | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._ssrc = random.getrandbits(32)
        self._sequence = itertools.count(random.getrandbits(15))
        self._stamp = 0
        self._press: Press | None = None
        self._heard = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._receive)
        self._sender = asyncio.create_task(self._send())

    def close(self) -> None:
        self._sender.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    async def press(self, key: str) -> Press:
        """Press a key for 100 ms; returns when its end was sent."""
        self._press = press = Press(key, self._stamp, self._loop.create_future())
        await press.done
        return press

    async def quiet(self, seconds: float) -> None:
        """Wait until something was heard and then nothing for so long."""
        await self._heard.wait()
        while self._heard.is_set():
            self._heard.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), seconds)

    def since(self, at: int) -> list[Packet]:
        return [packet for packet in self.packets if packet.at >= at]

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                datagram, ancillary, _, _ = self._socket.recvmsg(2048, 64)
                if datagram[1] & 0x7F == ALAW:
                    self.packets.append(Packet(_kernel_time(ancillary), datagram[12:]))
                    self._heard.set()

    async def _send(self) -> None:
        due = self._loop.time()
        while True:
            if self.remote:
                self._send_packet()
            self._stamp = (self._stamp + FRAME) % 2**32
            due += 0.02
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    def _send_packet(self) -> None:
        press = self._press
        if press is None:
            self._rtp(ALAW, self._stamp, SILENCE)
            return
        ending = press.sent >= KEY_PACKETS
        length = FRAME * min(press.sent + 1, KEY_PACKETS + 1)
        event = struct.pack("!BBH", KEYS.index(press.key), 0x80 * ending | 10, length)
        at = time.time_ns()
        self._rtp(EVENT, press.stamp, event, marker=press.sent == 0)
        if press.sent == 0:
            press.began = at
        if press.sent == KEY_PACKETS:
            press.ended = at
        press.sent += 1
        if press.sent == KEY_PACKETS + END_PACKETS:
            self._press = None
            press.done.set_result(None)

    def _rtp(self, payload_type: int, stamp: int, payload: bytes, marker: bool = False) -> None:
        sequence = next(self._sequence) % 2**16
        head = struct.pack("!BBHII", 0x80, marker << 7 | payload_type, sequence, stamp, self._ssrc)
        self._socket.sendto(head + payload, self.remote)  # type: ignore[arg-type]


def _kernel_time(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    for _, kind, value in ancillary:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("=qq", value)
            return int(seconds * SECOND + nanoseconds)
    return time.time_ns()


class Phone(asyncio.DatagramProtocol):
    """The SIP side of one call (RFC 3261, as much as a caller on loopback needs)."""

    def __init__(self, server: tuple[str, int], extension: str, number: str) -> None:
        self.media = Media()
        self.ended = asyncio.Event()
        self._server, self._extension, self._number = server, extension, number
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._call_id = f"{random.getrandbits(64):016x}"
        self._tag = f"{random.getrandbits(32):08x}"
        self._to = f"<sip:{extension}@{server[0]}:{server[1]}>"

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self._here = "{}:{}".format(*transport.get_extra_info("sockname")[:2])

    async def call(self, seconds: float = 20.0) -> None:
        """Call, and return once it is answered. Raises ProbeError with the status line otherwise."""
        invite = self._message("INVITE", 1, self._offer())
        try:
            async with asyncio.timeout(seconds):
                answer = await self._ask(invite)
        except TimeoutError:
            raise ProbeError(f"no answer within {seconds:g} seconds") from None
        port = re.search(r"^m=audio (\d+)", answer, re.M)
        address = re.search(r"^c=IN IP4 (\S+)", answer, re.M)
        if port is None or address is None:
            raise ProbeError("the answer holds no audio")
        self.media.remote = (address[1], int(port[1]))

    async def hang_up(self) -> None:
        """End the call if the other side has not, and forget it."""
        if self.media.remote and not self.ended.is_set():
            self._transport.sendto(self._message("BYE", 2), self._server)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 2)
        self.media.close()
        self._transport.close()

    async def _ask(self, invite: bytes) -> str:
        while not self._answer.done():
            self._transport.sendto(invite, self._server)
            await asyncio.wait({self._answer}, timeout=2)
        return self._answer.result()

    def datagram_received(self, data: bytes, source: tuple[str | object, int]) -> None:
        text = data.decode(errors="replace")
        line = text.partition("\r\n")[0]
        if line.startswith("BYE "):
            self.ended.set()
            self._transport.sendto(_accepted(text), self._server)
        elif "CSeq: 2 BYE" in text:
            self.ended.set()
        elif "CSeq: 1 INVITE" in text and line[8:9] != "1":
            self._invited(line, text)

    def _invited(self, line: str, text: str) -> None:
        self._to = _header(text, "To")
        self._transport.sendto(self._message("ACK", 1), self._server)
        if self._answer.done():
            return  # said again, so our ACK was lost
        if line.startswith("SIP/2.0 200"):
            self._answer.set_result(text)
        else:
            self._answer.set_exception(ProbeError(line))

    def _message(self, method: str, sequence: int, body: str = "") -> bytes:
        head = [
            f"{method} sip:{self._extension}@{self._server[0]}:{self._server[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._here};branch=z9hG4bK{random.getrandbits(48):x};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self._number}@{self._here}>;tag={self._tag}",
            f"To: {self._to}",
            f"Call-ID: {self._call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self._number}@{self._here}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*head, "", body]).encode()

    def _offer(self) -> str:
        lines = (
            "v=0", "o=probe 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            f"m=audio {self.media.port} RTP/AVP {ALAW} {EVENT}", f"a=rtpmap:{ALAW} PCMA/8000",
            f"a=rtpmap:{EVENT} telephone-event/8000", f"a=fmtp:{EVENT} 0-16", "a=ptime:20", "a=sendrecv", "",
        )  # fmt: skip
        return "\r\n".join(lines)


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*?)\r$", text, re.M)
    return found[1] if found else ""


def _accepted(request: str) -> bytes:
    kept = [f"{name}: {_header(request, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode()


async def phone(server: tuple[str, int], extension: str, number: str) -> Phone:
    """A phone with a socket of its own, ready to call."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_datagram_endpoint(
        lambda: Phone(server, extension, number), local_addr=("127.0.0.1", 0)
    )
    return made
