"""Looking whether callers are still there: one at fault hides no other, and the fault comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from ivr.asterisk.ami import Ami, AmiLost
from ivr.asterisk.channel import Channel
from ivr.loops.quiet import QuietWatch


@dataclass
class LineAlone:
    """Of a channel what a look asks for."""

    line: str
    recording: None = None


@dataclass
class Speaking:
    """A call in progress."""

    channel: Channel


def on(line: str) -> Speaking:
    return Speaking(cast(Channel, LineAlone(line)))


async def test_a_call_that_can_t_be_asked_for_hides_no_other_and_the_fault_is_raised() -> None:
    unconnected = Ami("127.0.0.1", 1, "u", "s")
    with pytest.raises(ValueError):
        await QuietWatch(unconnected).turn({"bad": on("PJSIP/x\r\nAction: Logoff")})
    with pytest.raises(AmiLost):  # so the second was asked for
        await QuietWatch(unconnected).turn({"bad": on("PJSIP/x\r\n"), "good": on("PJSIP/y")})
