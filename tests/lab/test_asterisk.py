"""Asterisk of the lab: what we render loads without a complaint, and stops cleanly."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from ivr.asterisk import dialplan
from ivr.asterisk.ami import Ami, AmiFailed
from ivr.commands import doctor
from ivr.lab import asterisk
from ivr.lab.asterisk import Program
from ivr.lab.caller import Beep, PutDown, Speak, Wait, place_call
from ivr.lab.pace import patience
from tests.fixtures.hotline import Pbx, running_pbx

Programs = tuple[Program, Program]


async def test_the_lab_configuration_loads_without_a_complaint(programs: Programs, stand_ins: Path) -> None:
    async with running_pbx(programs, stand_ins) as pbx:
        assert pbx.complaints == []
        assert "seda111-call" in pbx.console("dialplan show seda111-call")
        assert "operators" in pbx.console("queue show")
        assert "seda111" in pbx.console("moh show classes")


async def test_the_production_files_load_beside_an_existing_asterisk(
    programs: Programs, stand_ins: Path
) -> None:
    """The lab's own sections are replaced by includes of the production files, as docs/production.md says."""
    async with running_pbx(programs, stand_ins) as pbx:
        etc = pbx.settings.state_path / "asterisk" / "etc"
        # One that this transport can send to: Asterisk asks its gateways whether they live.
        sip = pbx.settings.sip.model_copy(update={"trunk": ["127.0.0.2"]})
        dialplan.render("production", pbx.settings.model_copy(update={"sip": sip}), pbx.secrets, etc)
        for name in ("extensions", "pjsip", "queues", "musiconhold", "manager"):
            own = {"pjsip": "[udp]\ntype = transport\nprotocol = udp\nbind = 127.0.0.1:"
                            f"{pbx.settings.sip.port}\n",
                   "manager": f"[general]\nenabled = yes\nport = {pbx.settings.ami.port}\n"
                              "bindaddr = 127.0.0.1\n"}.get(name, "[general]\n")  # fmt: skip
            (etc / f"{name}.conf").write_text(f"{own}#include {name}_seda111.conf\n")
        pbx.asterisk.stop(5)
        console = pbx.asterisk.log
        command = [*pbx.program.command, "-C", str(etc / "asterisk.conf"), "-f", "-n"]
        before = len(pbx.complaints)
        pbx.asterisk = asterisk.launch(command, pbx.settings, pbx.secrets, console)
        assert pbx.complaints[before:] == []
        assert "seda111-call" in pbx.console("dialplan show seda111-inbound")
        assert "127.0.0.2" in pbx.console("pjsip show identifies")
        assert "seda111" in pbx.console("moh show classes")
        assert "Local/1001@seda111-demo" not in pbx.console("queue show operators")
        (etc / "queues_seda111_members.conf").write_text("member => Local/1001@seda111-demo\n")
        pbx.console("queue reload all")
        assert "Local/1001@seda111-demo" in pbx.console("queue show operators")


async def test_a_call_that_is_given_up_leaves_no_sipp_behind(pbx: Pbx) -> None:
    calling = asyncio.create_task(place_call(pbx.sipp.command, pbx.settings.sip.port, (Beep(), Wait(60))))
    async with asyncio.timeout(patience(20)):
        while "Record" not in await asyncio.to_thread(pbx.console, "core show channels"):
            await asyncio.sleep(0.1)  # another process: no event
    assert await asyncio.to_thread(sipps)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert await asyncio.to_thread(sipps) == []


def sipps() -> list[int]:
    """This process's own."""
    found = (each.as_dict(["pid", "cmdline"]) for each in psutil.Process().children())
    return [each["pid"] for each in found if "-sf" in (each["cmdline"] or ())]


async def test_a_server_that_says_nothing_is_left_soon_and_the_caller_can_speak(
    programs: Programs, stand_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialplan, "FIRST_SECONDS", 2)
    async with running_pbx(programs, stand_ins) as pbx:
        silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", pbx.settings.agi.port)
        outcome = await pbx.call(Beep(), Speak(2), PutDown())
        silent.close()
        assert outcome.completed, outcome
        assert len(pbx.fallbacks) == 1


async def test_the_doctor_sees_that_asterisk_does_not_know_our_extension(
    programs: Programs, stand_ins: Path
) -> None:
    async with running_pbx(programs, stand_ins) as pbx:
        assert (await doctor._dialplan(pbx.settings)).ok  # this check alone: all of them take seconds
        extensions = pbx.settings.state_path / "asterisk" / "etc" / "extensions.conf"
        extensions.write_text("[general]\n[from-trunk]\nexten => 111,1,Goto(seda111-inbound,111,1)\n")
        await asyncio.to_thread(pbx.console, "dialplan reload")
        found = await doctor._dialplan(pbx.settings)  # this check alone: all of them take seconds
    assert not found.ok and "knows no 111@seda111-inbound" in found.found and "#include" in found.mend


async def test_each_manager_account_may_do_its_own_work_only(pbx: Pbx) -> None:
    settings, secrets = pbx.settings.ami, pbx.secrets
    watcher = Ami(settings.host, settings.port, settings.username, secrets.ami)
    caller = Ami(settings.host, settings.port, settings.originate_username, secrets.originate)
    await asyncio.gather(watcher.connect(), caller.connect())
    try:
        async with asyncio.timeout(patience(60)):
            while await watcher.channels():  # of tests before this one
                await asyncio.sleep(0.2)
        for ami, action, fields in (
            (watcher, "Originate", {"Channel": "Local/111@seda111-inbound", "Context": "seda111-demo",
                                    "Exten": "s", "Priority": "1"}),
            (watcher, "Command", {"Command": "core show version"}),
            (caller, "Command", {"Command": "core show version"}),
            (caller, "Status", {}),
            (caller, "Originate", {"Channel": "Local/111@seda111-inbound", "Application": "System",
                                   "Data": "true"}),
        ):  # fmt: skip
            with pytest.raises(AmiFailed):
                await ami.action(action, **fields)
    finally:
        await asyncio.gather(watcher.close(), caller.close())


async def test_no_telephone_writes_events_of_asterisks_manager(pbx: Pbx) -> None:
    """Asterisk decodes %0d%0a in the user part of a SIP address, and leaves it so in CallerIDNum."""
    settings, secrets = pbx.settings.ami, pbx.secrets
    watcher = Ami(settings.host, settings.port, settings.username, secrets.ami)
    caller = Ami(settings.host, settings.port, settings.originate_username, secrets.originate)
    heard, connected = list[str](), list[None]()
    await asyncio.gather(watcher.connect(), caller.connect())
    try:
        for ami in (watcher, caller):
            await ami.action("Ping")  # its answer comes behind FullyBooted
            ami.on("*", lambda event: heard.append(event["Event"]))
            ami.on_connect(lambda: connected.append(None))  # once more
        rings = "ChannelState: 5\r\nUniqueid: 01234567-0123-"  # on its own it passes for that of our call
        shut = "\r\n\r\nEvent: Shutdown\r\n\r\n"
        for forged in (
            f"Event: BridgeEnter{shut}",
            f"Event: Hangup\r\nUniqueid: 01234567-0123-{shut}",
            f"{rings}{shut}",
            # \xff is no UTF-8: the filters do not see an empty line with it, nor what stands behind it
            f"{rings}\r\xff\n\r\xff\nEvent: Forged\r\xff\n\r\xff\n\xff",
            f"{rings}\r\n\r\n\xffEvent: Forged\r\n\r\n\xff",
            f"{rings}\r\n\r\n\xff\r\nEvent: Forged\r\n\r\n\xff",
            f"{rings}\r\n\r\n\r\n\xff\r\nEvent: Forged\r\n\r\n\xff",
            f"{rings}\r\n\r\n\x01\xff\r\nEvent: Forged\r\n\r\n\xff",
        ):
            lines = quote(f"\r\n{forged}".encode("latin-1"))
            assert (await pbx.call(Beep(), Speak(2), PutDown(), number=f"0914{lines}")).completed
            for ami in (watcher, caller):
                await ami.action("Ping")  # its answer comes behind what the call brought
        # That such a telephone rings may be heard, as one event; its channel has no id of ours.
        assert set(heard) <= {"Newstate"} and connected == []
    finally:
        await asyncio.gather(watcher.close(), caller.close())


async def test_nothing_is_left_after_stopping(programs: Programs, stand_ins: Path) -> None:
    async with running_pbx(programs, stand_ins) as pbx:
        pid = pbx.asterisk.process.pid
    assert not psutil.pid_exists(pid)
    assert not pbx.settings.state_path.exists()
