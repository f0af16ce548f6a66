"""The bad peers: seeded, on every port, each for a few seconds and no politer than a stranger would be.

`python -m bench.attack.peers --help`: in a process of its own, so that what it costs is not ours. Prints what
it did as JSON. Shares no code with the product.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

HOLD_SECONDS = 4.0  # how long one that says little holds its connection
AT_ONCE = 120
BOUNDARY = "x0x0x"


@dataclass(frozen=True, slots=True)
class Targets:
    """Ports of 127.0.0.1. `rtp`: the first and the last."""

    web: int
    agi: int
    ami: int
    sip: int
    ws: int
    rtp: tuple[int, int]
    extension: str = "111"


@dataclass(slots=True)
class Peer:
    """One of them, with its own chance."""

    at: Targets
    chance: random.Random

    async def tcp(
        self, port: int, *pieces: bytes, drip: float = 0.0, hold: float = 0.0, reset: bool = False
    ) -> bytes:
        """Connect, send, wait; what came back, as far as it was there by then."""
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
        said = b""
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.wait_for(writer.drain(), 5)
                await asyncio.sleep(drip)
            with suppress(TimeoutError):
                said = await asyncio.wait_for(reader.read(4096), max(hold, 0.5))
            if hold:
                await asyncio.sleep(hold * self.chance.random())
            if reset:  # no goodbye: RST
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
        finally:
            writer.close()
        return said

    async def udp(self, port: int, *datagrams: bytes) -> None:
        """Whatever is answered is not listened to."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            for each in datagrams:
                with suppress(OSError):
                    out.sendto(each, ("127.0.0.1", port))
                await asyncio.sleep(0.01)

    def junk(self, most: int) -> bytes:
        return self.chance.randbytes(self.chance.randint(1, most))

    def number(self) -> str:
        return f"09{self.chance.randrange(10**9):09}"

    # HTTP

    def post(self, path: str, kind: str, body: bytes, length: int | None = None) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        return (
            head.encode()
            + f"Content-Length: {len(body) if length is None else length}\r\n\r\n".encode()
            + body
        )

    async def http_slow_head(self) -> None:
        await self.tcp(self.at.web, b"GET / HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 8, drip=0.4)

    async def http_slow_body(self) -> None:
        begun = self.post("/track", "application/x-www-form-urlencoded", b"code=1", 100_000)
        await self.tcp(self.at.web, begun, *[b"1"] * 8, drip=0.4)

    async def http_idle(self) -> None:
        await self.tcp(self.at.web, hold=HOLD_SECONDS)

    async def http_punycode(self) -> None:
        kind = "application/x-www-form-urlencoded; charset=punycode"
        await self.tcp(self.at.web, self.post("/panel/sign-in", kind, b"name=" + b"a" * 200_000))

    async def http_multipart(self) -> None:
        part = b"--" + BOUNDARY.encode() + b"\r\nContent-Disposition: form-data; name=\xff" + self.junk(3_000)
        await self.tcp(self.at.web, self.post("/track", f"multipart/form-data; boundary={BOUNDARY}", part))

    async def http_chunks(self) -> None:
        head = b"POST /track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await self.tcp(
            self.at.web, head + self.chance.choice((b"-5\r\n", b"ffffffffffffffff\r\n", b"5;x\r\nabc"))
        )

    async def http_header(self) -> None:
        await self.tcp(self.at.web, b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")

    async def http_junk(self) -> None:
        await self.tcp(self.at.web, b"\x16\x03\x01" + self.junk(2_000), reset=True)

    async def http_pipeline(self) -> None:
        await self.tcp(self.at.web, b"GET /track HTTP/1.1\r\nHost: x\r\n\r\n" * 40)

    async def http_json(self) -> None:
        deep = b"[" * self.chance.randint(1_000, 60_000)
        await self.tcp(self.at.web, self.post("/api/v1/cases", "application/json", deep))

    async def http_guess(self) -> None:
        body = f"code={self.chance.randrange(10**10):010}".encode()
        await self.tcp(self.at.web, self.post("/track", "application/x-www-form-urlencoded", body))

    # FastAGI

    async def agi_health_check(self) -> None:
        await self.tcp(self.at.agi, reset=self.chance.random() < 0.5)

    async def agi_silent(self) -> None:
        await self.tcp(self.at.agi, hold=HOLD_SECONDS)

    async def agi_endless_header(self) -> None:
        await self.tcp(self.at.agi, *[b"agi_x: " + b"y" * 900 + b"\n"] * 40, drip=0.02)

    async def agi_wrong_secret(self) -> None:
        name = self.junk(60).replace(b"\n", b"")
        head = b"agi_network: yes\nagi_uniqueid: 1.1\nagi_callerid: 111\nagi_calleridname: " + name
        await self.tcp(self.at.agi, head + b"\nagi_arg_1: wrong\nagi_arg_2: \x00\r\n\n")

    async def agi_junk(self) -> None:
        await self.tcp(self.at.agi, self.junk(20_000), reset=True)

    # AMI

    async def ami_guess(self) -> None:
        secret = str(self.chance.random()).encode()
        await self.tcp(self.at.ami, b"Action: Login\r\nUsername: ivr\r\nSecret: " + secret + b"\r\n\r\n")

    async def ami_without_login(self) -> None:
        origin = b"Action: Originate\r\nChannel: Local/111@seda111\r\nApplication: Echo\r\n\r\n"
        await self.tcp(self.at.ami, origin, b"Action: Command\r\nCommand: core stop now\r\n\r\n")

    async def ami_junk(self) -> None:
        await self.tcp(self.at.ami, self.junk(4_000), hold=1.0)

    async def ami_idle(self) -> None:
        await self.tcp(self.at.ami, b"Action: ", hold=HOLD_SECONDS)

    # SIP and its audio

    def sip(self, method: str, user: str, caller: str, body: str = "", call: str = "") -> bytes:
        mark = f"{self.chance.getrandbits(48):x}"
        lines = [
            f"{method} sip:{user}@127.0.0.1:{self.at.sip} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{mark}",
            f"From: <sip:{caller}@127.0.0.1>;tag={mark}",
            f"To: <sip:{user}@127.0.0.1>",
            f"Call-ID: {call or mark}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            "Contact: <sip:x@127.0.0.1:9>",
            f"Content-Length: {len(body)}",
            *(["Content-Type: application/sdp"] if body else []),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def offer(self) -> str:
        audio = "m=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        return f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{audio}"

    async def sip_options(self) -> None:
        await self.udp(self.at.sip, *[self.sip("OPTIONS", self.at.extension, "x") for _ in range(10)])

    async def sip_dial_out(self) -> None:
        user = self.chance.choice(("00982155500111", "s", "111-app", "9000", "desk"))
        await self.udp(self.at.sip, self.sip("INVITE", user, self.number(), self.offer()))

    async def sip_injected(self) -> None:
        caller = "x%0aagi_arg_1:%20y%0d%0aagi_extension:%20board"
        call = f"{self.chance.getrandbits(48):x}"
        invite = self.sip("INVITE", self.at.extension, caller, self.offer(), call)
        await self.udp(self.at.sip, invite, self.sip("CANCEL", self.at.extension, caller, "", call))

    async def sip_never_acknowledged(self) -> None:
        await self.udp(self.at.sip, self.sip("INVITE", self.at.extension, self.number(), self.offer()))

    async def sip_register(self) -> None:
        await self.udp(self.at.sip, *[self.sip("REGISTER", "seda111-desk", "seda111-desk") for _ in range(5)])

    async def sip_junk(self) -> None:
        cut = self.sip("INVITE", self.at.extension, self.number(), self.offer())
        await self.udp(self.at.sip, self.junk(1_400), cut[: self.chance.randrange(len(cut))], b"\r\n" * 400)

    async def sip_goodbye(self) -> None:
        await self.udp(self.at.sip, self.sip("BYE", self.at.extension, self.number(), "", "nobody"))

    async def rtp_noise(self) -> None:
        for _ in range(10):
            packet = struct.pack(
                "!BBHII", 0x80, 8, self.chance.getrandbits(16), 0, self.chance.getrandbits(32)
            )
            await self.udp(self.chance.randrange(*self.at.rtp) & ~1, packet + self.junk(160))

    # The browser telephone's WebSocket

    def upgrade(self, origin: str) -> bytes:
        head = f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n"
        key = "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        return (head + key + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n").encode()

    async def ws_foreign(self) -> None:
        frame = self.sip("REGISTER", "seda111-phone", "seda111-phone")
        masked = struct.pack("!BBH", 0x81, 0xFE, len(frame)) + bytes(4) + frame
        await self.tcp(self.at.ws, self.upgrade("https://elsewhere.invalid"), masked)

    async def ws_huge_frame(self) -> None:
        await self.tcp(self.at.ws, self.upgrade("x"), struct.pack("!BBQ", 0x82, 0xFF, 2**40) + self.junk(500))

    async def ws_junk(self) -> None:
        await self.tcp(self.at.ws, self.upgrade("x"), self.junk(2_000), reset=True)

    async def ws_idle(self) -> None:
        await self.tcp(self.at.ws, self.upgrade("x"), hold=HOLD_SECONDS)


PORTS = ("http", "agi", "ami", "sip", "rtp", "ws")
KINDS = tuple(name for name in vars(Peer) if name.partition("_")[0] in PORTS and "_" in name)


def schedule(seed: int, seconds: float, rate: float) -> list[tuple[float, str, int]]:
    """When which comes, and its own seed; the same for the same seed. Each kind comes in turn, shuffled."""
    chance, found, at = random.Random(f"attack {seed}"), [], 0.0
    kinds: list[str] = []
    while at < seconds:
        kinds = kinds or chance.sample(KINDS, len(KINDS))
        found.append((at, kinds.pop(), chance.getrandbits(32)))
        at += chance.expovariate(rate)
    return found


async def attack(targets: Targets, seed: int, seconds: float, rate: float) -> Counter[str]:
    """How many of each kind came; "turned away": those whose connection was refused or cut."""
    began, done, turns = asyncio.get_running_loop().time(), Counter[str](), asyncio.Semaphore(AT_ONCE)

    async def come(kind: str, own: int) -> None:
        deed: Callable[[], Awaitable[None]] = getattr(Peer(targets, random.Random(own)), kind)
        async with turns:
            try:
                await deed()
            except (OSError, TimeoutError):
                done["turned away"] += 1
        done[kind] += 1

    async with asyncio.TaskGroup() as group:
        for at, kind, own in schedule(seed, seconds, rate):
            await asyncio.sleep(max(0.0, began + at - asyncio.get_running_loop().time()))
            group.create_task(come(kind, own))
    return done


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.attack.peers", description=__doc__)
    for name in ("web", "agi", "ami", "sip", "ws"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--rtp", type=int, nargs=2, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, required=True, help="peers a second")
    asked = parser.parse_args()
    targets = Targets(asked.web, asked.agi, asked.ami, asked.sip, asked.ws, tuple(asked.rtp))
    print(json.dumps(asyncio.run(attack(targets, asked.seed, asked.seconds, asked.rate))))


if __name__ == "__main__":
    main()
