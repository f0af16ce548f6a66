"""Who says BYE first, where both hang up at once: SIPp and Asterisk are sockets of the test here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from ivr.lab.pace import patience
from ivr.lab.relay import Relay

INVITE = b"INVITE sip:111@127.0.0.1 SIP/2.0\r\nVia: v\r\nFrom: f\r\nTo: t\r\nCall-ID: c\r\n\r\n"
BYE = b"BYE sip:somebody SIP/2.0\r\n\r\n"


class Ends:
    """SIPp's socket and Asterisk's, and the relay between them."""

    def __init__(self) -> None:
        self.sipp, self.asterisk = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
        for end in (self.sipp, self.asterisk):
            end.bind(("127.0.0.1", 0))
            end.setblocking(False)

    async def begin(self) -> None:
        self.relay = await Relay.open(self.asterisk.getsockname()[1], lambda *_: None)
        self.sipp.connect(("127.0.0.1", self.relay.near_port))
        self.sipp.send(INVITE)
        loop = asyncio.get_running_loop()
        received, far = await asyncio.wait_for(loop.sock_recvfrom(self.asterisk, 2_000), patience(10))
        assert received == INVITE
        self.asterisk.connect(far)

    async def heard(self, end: socket.socket) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(end, 2_000), patience(10))


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    both = Ends()
    await both.begin()
    yield both
    both.relay.close()
    both.sipp.close()
    both.asterisk.close()


async def test_a_bye_that_crosses_the_sign_waits_until_sipp_has_said_its_own(ends: Ends) -> None:
    ends.relay.hang_up()
    assert (await ends.heard(ends.sipp)).startswith(b"INFO ")
    ends.asterisk.send(BYE)
    ends.asterisk.send(b"SIP/2.0 200 OK\r\n\r\n")
    assert await ends.heard(ends.sipp) == b"SIP/2.0 200 OK\r\n\r\n"  # behind the BYE, and before it
    ends.sipp.send(BYE)
    assert await ends.heard(ends.asterisk) == BYE
    assert await ends.heard(ends.sipp) == BYE


async def test_no_sign_is_given_once_asterisk_has_hung_up(ends: Ends) -> None:
    ends.asterisk.send(BYE)
    assert await ends.heard(ends.sipp) == BYE
    ends.relay.hang_up()
    ends.asterisk.send(b"SIP/2.0 200 OK\r\n\r\n")
    assert await ends.heard(ends.sipp) == b"SIP/2.0 200 OK\r\n\r\n"


async def test_a_strangers_packet_takes_nobodys_place(ends: Ends) -> None:
    """Asterisk sends on for a while to the port of a telephone that is gone, and the port may be ours now."""
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", ends.relay.near_port))
        stranger.send(b"\x80\x08 audio of another call")
        ends.sipp.send(b"ACK sip:somebody SIP/2.0\r\n\r\n")
        assert (await ends.heard(ends.asterisk)).startswith(b"ACK "), "the stranger's packet went no further"
        ends.asterisk.send(BYE)
        assert await ends.heard(ends.sipp) == BYE
