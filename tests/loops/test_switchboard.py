"""What the live board, and whoever waits for an operator, hear of Asterisk's queues and trunks."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from ivr.asterisk.ami import Ami
from ivr.asterisk.channel import Channel
from ivr.asterisk.connection import AgiConnection
from ivr.lab.asterisk import Program
from ivr.lab.caller import StayOn
from ivr.lab.pace import patience
from ivr.loops.switchboard import Switchboard, tell_talks
from ivr.voice.actions import Operator
from tests.asterisk.pretend_ami import Connection, Fields, pretend_ami
from tests.asterisk.test_channel_real import answering, folder, serving
from tests.fixtures.hotline import Pbx, running_pbx

__all__ = ["folder"]  # a fixture

HIS, OURS = "Local/111@seda111-inbound", "Local/s@seda111-demo"


async def test_who_talks_with_an_operator_since_asterisk_could_not_be_heard_is_known_to_once_it_can(
    pbx: Pbx, folder: Path
) -> None:
    talking, hers, told = asyncio.Event(), list[str](), list[str]()
    settings = pbx.settings.ami
    ami = Ami(settings.host, settings.port, settings.username, pbx.secrets.ami)

    def talks(unique_id: str, before: bool = False) -> None:
        told.extend([unique_id] if before else [])
        talking.set()

    tell_talks(ami, talks)

    async def script(channel: Channel, connection: AgiConnection) -> None:
        if channel.line.startswith("Local/"):  # the operator's telephone
            while not re.search(r" 2 +basic", await asyncio.to_thread(pbx.console, "bridge show all")):
                await asyncio.sleep(0.1)  # another process: no event
            await ami.connect()
            await talking.wait()
        else:
            hers.append(channel.unique_id)
            await channel.perform(Operator("operators", "fa", 20))

    with serving(pbx, HIS):
        async with answering(pbx, folder, script) as errors, asyncio.timeout(patience(30)):
            await pbx.call(StayOn())
            await ami.close()
    assert not errors and hers[0] in told, errors


async def test_who_serves_another_queue_of_the_pbx_is_no_operator_of_ours(
    programs: tuple[Program, Program], stand_ins: Path
) -> None:
    async with running_pbx(programs, stand_ins) as pbx:
        with (pbx.settings.state_path / "asterisk" / "etc" / "queues.conf").open("a") as queues:
            queues.write(f"\n[tax-office]\nmember => {HIS}\n")
        pbx.console("queue reload all", f"queue add member {OURS} to operators")
        settings = pbx.settings.ami
        ami = Ami(settings.host, settings.port, settings.username, pbx.secrets.ami)
        try:
            await ami.connect()
            seen = [await Switchboard(ami).queue(name) for name in ("operators", "tax-office", "none")]
        finally:
            await ami.close()
    names = [[operator.name for operator in queue.operators] for queue in seen]
    assert names == [[OURS], [HIS], []]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        *((state, "up") for state in ("NOT_INUSE", "INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD")),
        *(("UNAVAILABLE", "down"), ("INVALID", "missing"), ("UNKNOWN", "unknown")),
    ],
)
async def test_a_trunk_on_which_a_call_rings_or_a_caller_is_on_hold_is_up(told: str, shown: str) -> None:
    def states(connection: Connection, action: Fields) -> None:
        assert action["variable"] == "DEVICE_STATE(PJSIP/trunk)"
        connection.send(Response="Success", ActionID=action["actionid"], Value=told)

    async with pretend_ami() as peer:
        peer.replies["getvar"] = states
        ami = Ami("127.0.0.1", peer.port, "ivr", "secret")
        try:
            await ami.connect()
            assert await Switchboard(ami, ("trunk",)).trunks() == {"trunk": shown}
        finally:
            await ami.close()
