"""Every trap of panoramisk's Manager: first shown to be real with the bare class, then closed in ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from panoramisk import Manager  # type: ignore[attr-defined]
from panoramisk.message import Message

from ivr.asterisk.ami import Ami, AmiFailed, AmiLost, AmiRefused, AmiTimeout
from ivr.asterisk.ami_link import compose
from ivr.lab.pace import patience
from ivr.lab.ports import free
from tests.asterisk.pretend_ami import (
    Connection,
    Fields,
    PretendAmi,
    hang_up,
    pretend_ami,
    refuse,
    silent,
    success,
)

# mypy: allow-untyped-calls, allow-untyped-defs


class Bare(Manager):
    """Panoramisk as it is, but for a way to stop its endless reconnecting at the end of a test."""

    stopped = False

    def connect(self, *arguments: Any, **named: Any) -> Any:
        return None if self.stopped else super().connect(*arguments, **named)


@pytest.fixture
async def peer() -> AsyncIterator[PretendAmi]:
    async with pretend_ami() as peer:
        yield peer


@pytest.fixture
async def bare(peer: PretendAmi) -> AsyncIterator[Bare]:
    """Connected, with the shortest waits panoramisk allows."""
    manager = Bare(host="127.0.0.1", port=peer.port, username="ivr", secret="s", reconnect_timeout=0)
    yield manager
    manager.stopped = True
    manager.close()


@pytest.fixture
async def ami(peer: PretendAmi) -> AsyncIterator[Ami]:
    ami = Ami("127.0.0.1", peer.port, "ivr", "s", action_seconds=5)
    yield ami
    await ami.close()


def inbox(source: Ami | Bare, name: str) -> asyncio.Queue[Message]:
    """The events of that name, as they come."""
    events: asyncio.Queue[Message] = asyncio.Queue()
    if isinstance(source, Ami):
        source.on(name, events.put_nowait)
    else:
        source.register_event(name, lambda _, event: events.put_nowait(event))
    return events


async def next_of(events: asyncio.Queue[Message]) -> Message:
    return await asyncio.wait_for(events.get(), patience(10))


# 1. A login that is refused.


async def test_bare_panoramisk_retries_a_refused_login_for_ever(peer: PretendAmi, bare: Bare) -> None:
    peer.replies["login"] = refuse
    await bare.connect()
    await peer.until_received("Login", times=4)


async def test_a_refused_login_is_said_in_one_sentence_and_not_repeated_at_once(
    peer: PretendAmi, ami: Ami
) -> None:
    peer.replies["login"] = refuse
    with pytest.raises(
        AmiRefused, match=r"refused the login of 'ivr' .*Authentication failed.*manager\.conf"
    ):
        await ami.connect()
    with pytest.raises(AmiRefused):
        await ami.action("Status")
    assert peer.count("Login") == 1


async def test_a_refused_login_is_tried_again_until_asterisk_has_read_of_the_account(
    peer: PretendAmi, ami: Ami, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.asterisk.ami.REFUSED_WAIT", 0.05)
    greeted: asyncio.Queue[None] = asyncio.Queue()
    ami.on_connect(lambda: greeted.put_nowait(None))
    peer.replies["login"] = refuse
    with pytest.raises(AmiRefused):
        await ami.connect()
    await peer.until_received("Login", times=3)
    assert "Authentication failed" in ami.refused, "it stands until it is true no more"
    peer.replies["login"] = success
    await asyncio.wait_for(greeted.get(), patience(10))
    assert ami.connected and not ami.refused


# 2. A character split between two TCP segments.


async def send_split_name(connection: Connection) -> None:
    block = "Event: Newchannel\r\nCallerIDName: صدا\r\n\r\n".encode()
    middle = block.index("د".encode()) + 1
    connection.raw(block[:middle])
    await asyncio.sleep(0.05)  # two segments; nothing tells when the first has been read
    connection.raw(block[middle:])


async def test_bare_panoramisk_corrupts_a_split_character(peer: PretendAmi, bare: Bare) -> None:
    events = inbox(bare, "Newchannel")
    await bare.connect()
    await peer.until_received("Login")
    await send_split_name(peer.connections[0])
    assert (await next_of(events)).calleridname == "صا"


async def test_a_split_character_stays_whole(peer: PretendAmi, ami: Ami) -> None:
    events = inbox(ami, "Newchannel")
    await ami.connect()
    await send_split_name(peer.connections[0])
    assert (await next_of(events)).calleridname == "صدا"


# 3. An action whose answer is lost with the connection.


def boot_fully(connection: Connection, action: Fields) -> None:
    success(connection, action)
    connection.send(Event="FullyBooted", Status="Fully Booted")


async def test_bare_panoramisk_calls_the_citizen_twice(peer: PretendAmi, bare: Bare) -> None:
    peer.replies |= {"login": boot_fully, "originate": hang_up}
    await bare.connect()
    await peer.until_received("Login")
    bare.send_action({"Action": "Originate", "Channel": "PJSIP/citizen", "Async": "true"})
    await peer.until_received("Originate", times=2)


async def test_an_action_is_never_sent_twice(peer: PretendAmi, ami: Ami) -> None:
    peer.replies |= {"login": boot_fully, "originate": hang_up}
    booted = inbox(ami, "FullyBooted")
    await ami.connect()
    await next_of(booted)
    with pytest.raises(AmiLost, match="before Asterisk answered Originate") as lost:
        await ami.originate("PJSIP/citizen", context="call-back", exten="s")
    assert lost.value.sent
    await next_of(booted)  # connected again, and this is when panoramisk repeats
    await ami.action("Status")
    assert peer.count("Originate") == 1


async def test_a_call_that_was_queued_when_the_connection_broke_is_lost_not_repeated(
    peer: PretendAmi, ami: Ami
) -> None:
    def queue_then_break(connection: Connection, action: Fields) -> None:
        connection.answer(action, "Success", "Originate successfully queued")
        connection.writer.close()

    peer.replies["originate"] = queue_then_break
    await ami.connect()
    with pytest.raises(AmiLost) as lost:
        await ami.originate("PJSIP/citizen", context="call-back", exten="s")
    assert lost.value.sent


async def test_without_a_connection_the_action_surely_was_not_sent(ami: Ami) -> None:
    with pytest.raises(AmiLost, match="was not sent") as lost:
        await ami.action("Status")
    assert not lost.value.sent


# 4. No answer, and a peer that is gone without a word.


async def test_bare_panoramisk_keeps_an_unanswered_action_for_ever(peer: PretendAmi, bare: Bare) -> None:
    peer.replies["status"] = silent
    await bare.connect()
    await peer.until_received("Login")
    answer = bare.send_action({"Action": "Status"})
    await asyncio.wait_for(bare.send_action({"Action": "Ping"}), patience(10))  # the connection is fine
    assert not answer.done()
    assert len(bare.responses) == 1


async def test_an_unanswered_action_times_out_and_is_forgotten(peer: PretendAmi) -> None:
    peer.replies["status"] = silent
    ami = Ami("127.0.0.1", peer.port, "ivr", "s", action_seconds=0.2)
    await ami.connect()
    with pytest.raises(AmiTimeout, match=r"did not answer Status within 0\.2 seconds"):
        await ami.action("Status")
    assert ami.connected
    assert ami._link is not None and not ami._link.responses  # what it still waits for is its memory
    await ami.close()


async def test_a_late_answer_harms_nobody(peer: PretendAmi) -> None:
    peer.replies["status"] = silent
    ami = Ami("127.0.0.1", peer.port, "ivr", "s", action_seconds=0.2)
    await ami.connect()
    with pytest.raises(AmiTimeout):
        await ami.action("Status")
    peer.connections[0].answer(peer.received[-1], "Success", "late")
    ami._action_seconds = patience(10)  # a busy machine answers late, too
    assert (await ami.action("Ping")).message == "done"
    await ami.close()


async def test_bare_panoramisk_does_not_notice_a_half_open_connection(peer: PretendAmi) -> None:
    peer.replies["ping"] = silent
    manager = Bare(
        host="127.0.0.1", port=peer.port, username="ivr", secret="s", ping_delay=0, ping_interval=0
    )
    await manager.connect()
    await peer.until_received("Ping", times=50)
    assert manager._connected and len(peer.connections) == 1  # panoramisk's own view of the connection
    manager.stopped = True
    manager.close()


async def test_a_half_open_connection_is_noticed_and_replaced(peer: PretendAmi) -> None:
    peer.replies["ping"] = silent
    ami = Ami("127.0.0.1", peer.port, "ivr", "s", action_seconds=0.2, ping_seconds=0.05)
    greeted = asyncio.Queue[None]()
    ami.on_connect(lambda: greeted.put_nowait(None))
    await ami.connect()
    await asyncio.wait_for(greeted.get(), patience(10))
    await peer.until_connected(2)
    peer.replies["ping"] = success
    await asyncio.wait_for(greeted.get(), patience(10))
    ami._action_seconds = patience(10)  # a busy machine answers late, too
    assert (await ami.action("Status")).message == "done"
    await ami.close()


async def test_a_peer_that_never_answers_the_login_is_tried_again(peer: PretendAmi) -> None:
    peer.replies["login"] = silent
    ami = Ami("127.0.0.1", peer.port, "ivr", "s", action_seconds=0.1)
    ami.start()
    await peer.until_connected(2)
    assert not ami.connected
    await ami.close()


# 5. A callback that raises.


async def test_a_failing_callback_costs_bare_panoramisk_its_connection(peer: PretendAmi, bare: Bare) -> None:
    bare.register_event("Hangup", lambda *_: 1 / 0)
    await bare.connect()
    await peer.until_received("Login")
    peer.connections[0].send(Event="Hangup")
    await peer.until_connected(2)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_failing_callback_is_logged_and_the_connection_lives(
    peer: PretendAmi, ami: Ami, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    async def fail_later(event: Message) -> None:
        1 / 0  # noqa: B018

    ami.on("Hangup", fail_later if asynchronous else lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    after = inbox(ami, "Hangup")
    await ami.connect()
    peer.connections[0].send(Event="Hangup")
    await next_of(after)
    await ami.action("Ping")
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]
    assert len(peer.connections) == 1


async def test_a_message_that_panoramisk_trips_over_is_skipped(
    peer: PretendAmi, ami: Ami, caplog: pytest.LogCaptureFixture
) -> None:
    await ami.connect()
    peer.connections[0].raw(b"Event: One\r\nEvent: Two\r\n\r\n")  # makes `event` a list
    assert (await ami.action("Ping")).message == "done"
    assert "an AMI message was skipped" in caplog.text


async def test_a_shutdown_that_only_an_event_tells_of_costs_no_connection(
    peer: PretendAmi, ami: Ami, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller can write it into her number; a socket that is lost tells by itself."""
    caplog.set_level("ERROR")
    await ami.connect()
    peer.connections[0].raw(
        b"Event: Newchannel\r\nCallerIDNum: 1\r\n\r\nEvent: Shutdown\r\n\r\n\r\nX: y\r\n\r\n"
    )
    assert (await ami.action("Ping")).message == "done"
    assert len(peer.connections) == 1 and not caplog.records


# 6. Originate without Async.


def queue(connection: Connection, action: Fields) -> None:
    connection.answer(action, "Success", "Originate successfully queued")


def queue_and_answer(connection: Connection, action: Fields) -> None:
    """Both in one segment, as a quick Asterisk does."""
    queue(connection, action)
    connection.send(
        Event="OriginateResponse", ActionID=action["actionid"], Response="Success",
        Channel="Local/111@lab-1", Reason="4", Uniqueid="1.2",
    )  # fmt: skip


async def test_bare_panoramisk_drops_the_connection_after_a_plain_originate(
    peer: PretendAmi, bare: Bare
) -> None:
    peer.replies["originate"] = queue
    await bare.connect()
    await peer.until_received("Login")
    bare.send_action({"Action": "Originate", "Channel": "Local/111@lab"})
    await peer.until_connected(2)


async def test_originate_is_always_asynchronous_and_tells_how_it_went(peer: PretendAmi, ami: Ami) -> None:
    peer.replies["originate"] = queue_and_answer
    await ami.connect()
    response = await ami.originate(
        "Local/111@lab",
        context="citizen",
        exten="s",
        variables={"CODE": "1,2"},
        caller_id="<0411>",
        timeout=7,
    )
    assert (response.answered, response.reason, response.unique_id) == (True, 4, "1.2")
    sent = peer.received[-1]
    assert sent["async"] == "true"
    assert (sent["context"], sent["exten"], sent["timeout"]) == ("citizen", "s", "7000")
    assert sent["variable"] == r"CODE=1\,2"
    assert len(peer.connections) == 1


async def test_originate_does_not_wait_for_the_outcome_unless_asked(peer: PretendAmi, ami: Ami) -> None:
    peer.replies["originate"] = queue
    await ami.connect()
    response = await ami.originate("Local/111@lab", context="citizen", exten="s", wait=False)
    assert response.reason is None and not response.answered


# 7. Line ends in a value.

INJECTED = "1\r\nAsync: true\r\n\r\nAction: Command\r\nCommand: core stop now"


async def test_a_value_with_line_ends_injects_an_action_into_bare_panoramisk(
    peer: PretendAmi, bare: Bare
) -> None:
    await bare.connect()
    await peer.until_received("Login")
    bare.send_action({"Action": "Originate", "Priority": INJECTED})
    await peer.until_received("Command")


@pytest.mark.parametrize("value", [INJECTED, "a\rb", "a\nb", "a\0b", ["fine", "a\nb"], "\udcff", "x" * 1_000])
async def test_a_value_that_would_not_stay_one_line_is_refused(
    peer: PretendAmi, ami: Ami, value: object
) -> None:
    await ami.connect()
    with pytest.raises(ValueError, match="'Originate': 'Priority'"):
        await ami.action("Originate", Priority=value)
    assert peer.count("Originate") == 0


async def test_the_names_are_checked_as_the_values_are(peer: PretendAmi, ami: Ami) -> None:
    await ami.connect()
    with pytest.raises(ValueError, match="holds CR, LF or NUL"):
        await ami.action("Status\r\nX: y")
    with pytest.raises(ValueError, match="holds CR, LF or NUL"):
        await ami.action("Status", **{"A: b\r\nX": "y"})
    assert peer.count("Status") == 0


@pytest.mark.parametrize("name", ["", "a,b", "a b", "a=b", "FUNC(x)", "a\nb"])
async def test_a_variable_needs_a_plain_name(ami: Ami, name: str) -> None:
    with pytest.raises(ValueError, match="is not a name for a channel variable"):
        await ami.originate("Local/111@lab", context="citizen", exten="s", variables={name: "1"})


# 8. FullyBooted, which comes only to an account with read=system.


async def test_bare_panoramisk_waits_for_fully_booted(peer: PretendAmi, bare: Bare) -> None:
    peer.replies["status"] = hang_up
    await bare.connect()
    await peer.until_received("Login")
    answer = bare.send_action({"Action": "Status"})
    await peer.until_received("Login", times=2)
    peer.replies["status"] = success
    await asyncio.wait_for(bare.send_action({"Action": "Ping"}), patience(10))
    assert not answer.done() and peer.count("Status") == 1
    peer.connections[1].send(Event="FullyBooted")
    assert (await asyncio.wait_for(answer, patience(10))).message == "done"


async def test_ours_works_without_fully_booted(peer: PretendAmi, ami: Ami) -> None:
    await ami.connect()
    peer.connections[0].writer.transport.abort()
    await peer.until_received("Login", times=2)
    await ami.connect()
    assert (await ami.action("Status")).message == "done"


# Beyond the traps.


async def test_what_asterisk_refuses_is_raised_in_its_own_words(peer: PretendAmi, ami: Ami) -> None:
    peer.replies["status"] = lambda connection, action: connection.answer(
        action, "Error", "Permission denied"
    )
    await ami.connect()
    with pytest.raises(AmiFailed, match="refused Status: Permission denied"):
        await ami.channels()
    assert ami.connected


async def test_the_channels_are_gathered_from_their_events(peer: PretendAmi, ami: Ami) -> None:
    def two_channels(connection: Connection, action: Fields) -> None:
        connection.answer(action, "Success", "Channel status will follow")
        for name in ("PJSIP/a", "PJSIP/b"):
            connection.send(Event="Status", ActionID=action["actionid"], Channel=name)
        connection.send(Event="Status", Channel="of another action")
        connection.send(Event="StatusComplete", ActionID=action["actionid"], Items="2")

    peer.replies["status"] = two_channels
    await ami.connect()
    assert [channel.channel for channel in await ami.channels()] == ["PJSIP/a", "PJSIP/b"]


async def test_it_connects_once_asterisk_is_there_and_logs_each_attempt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free()
    ami = Ami("127.0.0.1", port, "ivr", "s")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ami.connect(), 0.5)
    assert f"no connection to Asterisk's manager at 127.0.0.1:{port}" in caplog.text
    async with pretend_ami(port):
        await asyncio.wait_for(ami.connect(), patience(10))
        assert ami.connected
        await ami.close()
    assert not ami.connected


async def test_a_connection_that_fails_for_a_fault_of_ours_is_told_and_another_is_begun(
    peer: PretendAmi, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    def once(*arguments: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise LookupError("a field of tomorrow")
        return compose(*arguments)

    monkeypatch.setattr("ivr.asterisk.ami.compose", once)
    mended = Ami("127.0.0.1", peer.port, "ivr", "s", action_seconds=5)
    async with asyncio.timeout(patience(10)):
        await mended.connect()
    assert mended.connected and "a field of tomorrow" in caplog.text
    await mended.close()
