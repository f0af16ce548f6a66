"""Citizens' telephones for tests: answers Asterisk's calls on one UDP port, each number in its own way.

A small SIP user agent of our own, for one Asterisk on loopback: INVITE, ACK, CANCEL and BYE without
retransmissions. What is said and heard is `ivr.lab.caller`'s.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from typing import cast

from ivr.lab.caller import CallerReport, CallerStep, Failed, Party, PutDown, StayOn
from ivr.lab.pace import patience

BUSY, RINGS, GONE = "486 Busy Here", "180 Ringing", "480 Temporarily Unavailable"
_CRLF = "\r\n"


class Callee(asyncio.DatagramProtocol):
    """Answers calls. `answers`: number → what it does: steps of a conversation, or a SIP status line.

    `rung` counts the calls to each number, `outcomes` holds each conversation that is over.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Sequence[CallerStep] | str] = {}
        self.rung: Counter[str] = Counter()
        self.outcomes: dict[str, CallerReport] = {}
        self.changed = asyncio.Event()
        self._calls: dict[str, _Answered] = {}
        self._invites: dict[str, str] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return int(transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        for running in self._running:
            running.cancel()
        self.transport.close()

    async def until_over(self, *numbers: str, seconds: float = 60) -> None:
        """Until these have had their conversations."""
        async with asyncio.timeout(patience(seconds)):
            while not all(number in self.outcomes for number in numbers):
                self.changed.clear()
                await self.changed.wait()

    async def until_rung(self, number: str, times: int = 1, seconds: float = 30) -> None:
        async with asyncio.timeout(patience(seconds)):
            while self.rung[number] < times:
                self.changed.clear()
                await self.changed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, packet: bytes, address: tuple[str, int]) -> None:
        text = packet.decode(errors="replace")
        method, call = text.split(" ", 1)[0], _field(text, "Call-ID")
        match method:
            case "INVITE" if call not in self._invites and call not in self._calls:
                self._invited(text, call, address)
            case "CANCEL":
                self._send(_reply(text, "200 OK"), address)
                if invite := self._invites.pop(call, ""):
                    self._send(_reply(invite, "487 Request Terminated"), address)
            case "ACK" if call in self._calls:
                self._calls[call].connected.set()
            case "BYE":
                self._send(_reply(text, "200 OK"), address)
                if call in self._calls:
                    self._calls[call].over.set()
            case "OPTIONS":
                self._send(_reply(text, "200 OK"), address)

    def _invited(self, invite: str, call: str, address: tuple[str, int]) -> None:
        found = re.match(r"INVITE sip:([^@;>]+)@", invite)
        number = found[1] if found else ""
        self.rung[number] += 1
        self.changed.set()
        does = self.answers.get(number, GONE)
        self._send(_reply(invite, "100 Trying"), address)
        if isinstance(does, str):
            if does == RINGS:
                self._invites[call] = invite
            self._send(_reply(invite, does), address)
            return
        self._calls[call] = answered = _Answered(self, invite, address)
        task = asyncio.create_task(self._converse(number, answered, does))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _converse(self, number: str, answered: _Answered, steps: Sequence[CallerStep]) -> None:
        self.outcomes[number] = await answered.run(steps)
        self.changed.set()

    def _send(self, message: str, address: tuple[str, int]) -> None:
        self.transport.sendto(message.encode(), address)


class _Answered(Party):
    """One call that is taken."""

    def __init__(self, callee: Callee, invite: str, address: tuple[str, int]) -> None:
        super().__init__()
        self.callee, self.invite, self.address = callee, invite, address
        self.connected = asyncio.Event()

    async def run(self, steps: Sequence[CallerStep]) -> CallerReport:
        if not steps or not isinstance(steps[-1], PutDown | StayOn):
            steps = [*steps, StayOn()]
        loop = asyncio.get_running_loop()
        media, _ = await loop.create_datagram_endpoint(lambda: self.phone, local_addr=("127.0.0.1", 0))
        sending = asyncio.create_task(self.phone.run())
        try:
            self._answer(media.get_extra_info("sockname")[1])
            async with asyncio.timeout(patience(10)):
                await self.connected.wait()
            for step in steps:
                await self.take(step)
            self.outcome.completed = True
        except (Failed, TimeoutError) as error:
            self.outcome.problem = str(error) or "the call was not put through"
            self.hang_up()
        finally:
            sending.cancel()
            media.close()
        self.outcome.heard = self.phone.heard
        return self.outcome

    def _answer(self, port: int) -> None:
        there = re.search(r"^m=audio (\d+)", self.invite, re.M)
        self.phone.there = ("127.0.0.1", int(there[1])) if there else None
        self.outcome.answered = True
        # Not Asterisk's own payload type for keys, but the caller's side of the lab's.
        sdp = _CRLF.join(
            [
                "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
                f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000",
                "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=sendrecv", "",
            ]
        )  # fmt: skip
        self.callee._send(_reply(self.invite, "200 OK", sdp), self.address)

    def hang_up(self) -> None:
        """BYE from the side that was called: From and To change places."""
        if self.over.is_set():
            return
        contact = re.search(r"<(sip:[^>]+)>", _field(self.invite, "Contact"))
        lines = [
            f"BYE {contact[1] if contact else 'sip:127.0.0.1'} SIP/2.0",
            "Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK" + _field(self.invite, "Call-ID")[:16] + "bye",
            f"From: {_tagged(_field(self.invite, 'To'))}",
            f"To: {_field(self.invite, 'From')}",
            f"Call-ID: {_field(self.invite, 'Call-ID')}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        self.callee._send(_CRLF.join([*lines, "", ""]), self.address)


def _field(message: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r?$", message, re.M | re.I)
    return found[1] if found else ""


def _tagged(to: str) -> str:
    return to if ";tag=" in to else f"{to};tag=callee"


def _reply(request: str, status: str, sdp: str = "") -> str:
    lines = [f"SIP/2.0 {status}"]
    lines += [f"Via: {via}" for via in re.findall(r"^Via:\s*(.*?)\r?$", request, re.M | re.I)]
    lines += [f"{name}: {_field(request, name)}" for name in ("From", "Call-ID", "CSeq")]
    to = _field(request, "To")
    lines.append(f"To: {to if status.startswith('100') else _tagged(to)}")
    if sdp:
        lines += ["Contact: <sip:callee@127.0.0.1>", "Content-Type: application/sdp"]
    lines.append(f"Content-Length: {len(sdp)}")
    return _CRLF.join([*lines, "", sdp])
