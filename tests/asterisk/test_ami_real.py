"""Our AMI against a real Asterisk that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ivr.asterisk.ami import Ami, AmiFailed, AmiLost, AmiRefused
from ivr.installation import load_secrets
from ivr.lab import asterisk as lab
from ivr.lab.pace import patience
from ivr.lab.ports import UDP, free
from ivr.lab.process import Child
from ivr.settings import Agi, Rtp, Settings, Sip, Web, Ws
from ivr.settings import AmiAccount as AmiSettings

ACCOUNT = "\n[tester]\nsecret = right\nread = call,user\nwrite = call,originate\n"
DIALPLAN = """
[ami-test]
exten => talk,1,Answer()
 same => n,Wait(60)
exten => ring,1,Wait(60)
exten => busy,1,Hangup(17)
"""


@dataclass
class Lab:
    """An Asterisk of this module's own, with an account and extensions for these tests."""

    program: lab.Program
    settings: Settings
    child: Child | None = None

    def start(self) -> None:
        self.child = lab.start(self.program, self.settings, load_secrets(self.settings))
        etc = self.settings.state_path / "asterisk" / "etc"
        for name, text in (("manager.conf", ACCOUNT), ("extensions.conf", DIALPLAN)):
            path = etc / name
            path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
        lab.console(self.program, self.settings, ["dialplan reload", "manager reload"])

    def restart(self) -> None:
        """With the configuration as it is."""
        assert self.child is not None
        command = list(map(str, self.child.process.args))
        self.child = Child.start("Asterisk", command, log=self.child.log, pid_file=self.child.pid_file)

    def kill(self) -> None:
        if self.child is not None and not self.child.ended:
            self.child.process.kill()
            self.child.process.wait()

    def ami(self, secret: str = "right", events: str = "on") -> Ami:
        return Ami("127.0.0.1", self.settings.ami.port, "tester", secret, action_seconds=20, events=events)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    state: Path = tmp_path_factory.mktemp("ami")
    ports = Settings(
        state=state, ami=AmiSettings(port=free()), sip=Sip(port=free(UDP)), ws=Ws(port=free()),
        agi=Agi(port=free()), web=Web(port=free()), rtp=Rtp(start=40_000, end=40_099),
    )  # fmt: skip
    made = Lab(lab.asterisk(print), ports)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def ami(running: Lab) -> AsyncIterator[Ami]:
    ami = running.ami()
    await asyncio.wait_for(ami.connect(), patience(20))
    yield ami
    await ami.close()


async def test_a_real_asterisk_lets_us_in_and_answers(ami: Ami) -> None:
    assert (await ami.action("Ping")).ping == "Pong"


async def test_a_wrong_secret_is_refused_in_one_sentence(running: Lab) -> None:
    stranger = running.ami("wrong")
    with pytest.raises(AmiRefused, match=r"refused the login of 'tester'.*Authentication failed"):
        await asyncio.wait_for(stranger.connect(), patience(20))
    await stranger.close()


@pytest.mark.parametrize(("exten", "reason"), [("talk", 4), ("ring", 3), ("busy", 0), ("nowhere", 0)])
async def test_originate_tells_how_the_call_began(ami: Ami, exten: str, reason: int) -> None:
    response = await ami.originate(
        f"Local/{exten}@ami-test", context="ami-test", exten="talk", timeout=1 if exten == "ring" else 20
    )
    assert (response.answered, response.reason) == (reason == 4, reason)
    assert bool(response.unique_id) == response.answered


async def test_the_channels_of_a_call_are_listed_to_an_account_with_write_call(ami: Ami) -> None:
    response = await ami.originate("Local/talk@ami-test", context="ami-test", exten="talk")
    assert response.channel in [channel.channel for channel in await ami.channels()]
    await ami.action("Hangup", Channel=response.channel)
    with pytest.raises(AmiFailed, match="Permission denied"):
        await ami.action("CoreShowChannels")


async def test_without_events_actions_and_lists_still_work(running: Lab) -> None:
    ami = running.ami(events="off")
    heard: set[str] = set()
    ami.on("*", lambda event: heard.add(event.event))
    await asyncio.wait_for(ami.connect(), patience(20))
    await ami.originate("Local/talk@ami-test", context="ami-test", exten="talk", wait=False)
    while not (up := await ami.channels()):
        pass
    await ami.action("Hangup", Channel=up[0].channel)
    assert heard == {"Status", "StatusComplete"}
    await ami.close()


@examples(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.sampled_from("صدا۱ ab,;|&\"'()[]{}\\$=~^"), max_size=40))
async def test_a_variable_arrives_as_it_was_sent(ami: Ami, value: str) -> None:
    response = await ami.originate(
        "Local/talk@ami-test", context="ami-test", exten="talk", variables={"FIRST": value, "SECOND": "2"}
    )
    first = await ami.action("Getvar", Channel=response.channel, Variable="FIRST")
    second = await ami.action("Getvar", Channel=response.channel, Variable="SECOND")
    await ami.action("Hangup", Channel=response.channel)
    assert first.value == value.rstrip(" ")  # AMI drops blanks at the end of a line
    assert second.value == "2"


async def test_after_asterisk_was_killed_it_connects_again_and_repeats_nothing(
    running: Lab, ami: Ami
) -> None:
    again = asyncio.Event()
    calling = asyncio.create_task(ami.originate("Local/ring@ami-test", context="ami-test", exten="talk"))
    ringing: asyncio.Queue[object] = asyncio.Queue()
    ami.on("Newchannel", ringing.put_nowait)
    await asyncio.wait_for(ringing.get(), patience(20))
    running.kill()
    with pytest.raises(AmiLost) as lost:
        await calling
    assert lost.value.sent and not ami.connected
    with pytest.raises(AmiLost) as unsent:
        await ami.action("Ping")
    assert not unsent.value.sent
    ami.on_connect(again.set)
    await asyncio.to_thread(running.restart)
    await asyncio.wait_for(again.wait(), patience(60))
    assert await ami.channels() == []
