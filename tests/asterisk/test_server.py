"""The FastAGI server over real sockets: whatever one peer does, the calls beside it go on."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop

from ivr.asterisk.agi import Reply, command
from ivr.asterisk.server import AgiConnection, AgiServer, Drained, prepare_process
from ivr.lab.pace import patience
from tests.asterisk.pretend import Pretend, until

NOOP = command("GET", "VARIABLE", "NAME")
Answer = Callable[[AgiConnection], Awaitable[None]]


async def twenty(connection: AgiConnection) -> None:
    for number in range(20):
        reply = await connection.send(command("SET", "VARIABLE", f"N{number}", str(number)))
        assert reply == Reply(200, "1")


@asynccontextmanager
async def serving(answer: Answer = twenty, **settings: Any) -> AsyncIterator[AgiServer]:
    server = AgiServer("127.0.0.1", 0, answer=answer, **settings)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


async def dial(server: AgiServer, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    return reader, writer


async def cut_off(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), patience(20)) == b""
    except ConnectionError:
        return True


async def good_calls(server: AgiServer, many: int = 20) -> None:
    """Calls beside the trouble: each must have all its twenty commands."""
    for call in await asyncio.gather(*(Pretend().run(server.port) for _ in range(many))):
        assert len(call.variables) == 20


async def test_calls_side_by_side_each_get_their_own_replies() -> None:
    async with serving() as server:
        await good_calls(server, 200)


async def test_it_is_the_same_on_uvloop_which_serves_in_production() -> None:
    async def scenario() -> None:
        async with serving(secret="s") as server:
            calls = [Pretend(arguments=("s",)).run(server.port) for _ in range(50)]
            assert all(len(call.variables) == 20 for call in await asyncio.gather(*calls))
            reader, writer = await dial(server, b"GET / HTTP/1.1\r\n\r\n")
            assert await cut_off(reader)
            writer.close()
            await asyncio.wait_for(server.drain(5), patience(20))

    await asyncio.to_thread(uvloop.run, scenario())


async def test_a_call_knows_what_asterisk_said_and_never_shows_the_secret() -> None:
    seen: list[tuple[tuple[str, ...], dict[str, str]]] = []

    async def answer(connection: AgiConnection) -> None:
        seen.append((connection.arguments, dict(connection.variables)))

    async with serving(answer, secret="s3cret") as server:
        await Pretend(arguments=("s3cret", "more")).run(server.port)
    [(arguments, variables)] = seen
    assert arguments == ("more",)
    assert variables["agi_uniqueid"] == "1764028800.42"
    assert "s3cret" not in str(variables)


@pytest.mark.parametrize("arguments", [(), ("",), ("s3cre",), ("s3cret ",), ("", "s3cret"), ("\udcff",)])
async def test_a_peer_without_the_secret_gets_no_call(arguments: tuple[str, ...]) -> None:
    async with serving(secret="s3cret") as server:
        opening = Pretend().opening()[:-1] + b"".join(
            f"agi_arg_{n}: {a}\n".encode("utf-8", "surrogateescape") for n, a in enumerate(arguments, start=1)
        )
        reader, writer = await dial(server, opening + b"\n")
        assert await cut_off(reader)
        writer.close()
        assert (await Pretend(arguments=("s3cret",)).run(server.port)).variables


async def test_a_peer_from_elsewhere_is_cut_off() -> None:
    async with serving(allow=("127.0.0.2/32",)) as server:
        reader, writer = await dial(server, Pretend().opening())
        assert await cut_off(reader)
        writer.close()
        sender = socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0))
        sender.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=sender)
        writer.write(Pretend().opening())
        assert await reader.readline() == b"SET VARIABLE N0 0\n"
        writer.close()


async def test_a_hangup_is_told_at_once_and_the_reply_still_comes() -> None:
    told: list[str] = []

    async def answer(connection: AgiConnection) -> None:
        connection.on_hangup = lambda: told.append("hangup")
        reply = await connection.send(NOOP)
        told.append(f"{reply.value} {connection.hung_up} {connection.lost}")

    async with serving(answer) as server:
        reader, writer = await dial(server, Pretend().opening())
        await reader.readline()
        writer.write(b"HANGUP\n200 result=1 (x)\nHANGUP\n")
        assert await cut_off(reader)
        writer.close()
    assert told == ["hangup", "x True False"]


async def test_a_lost_connection_answers_every_command_with_511() -> None:
    replies: list[Reply] = []

    async def answer(connection: AgiConnection) -> None:
        replies.append(await connection.send(NOOP))
        replies.append(await connection.send(NOOP))

    async with serving(answer) as server:
        await Pretend(killed_at=1).run(server.port)
        await until(lambda: not server.calls)
    assert [reply.code for reply in replies] == [511, 511]


async def test_a_second_command_before_the_reply_is_a_mistake() -> None:
    caught = asyncio.Event()

    async def answer(connection: AgiConnection) -> None:
        first = connection.send(NOOP)
        with pytest.raises(RuntimeError, match="before the reply"):
            connection.send(NOOP)
        caught.set()
        await first

    async with serving(answer) as server:
        await Pretend().run(server.port)
    assert caught.is_set()


async def test_an_error_in_a_call_ends_that_call_only(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(connection: AgiConnection) -> None:
        if connection.variables["agi_uniqueid"] == "bad":
            raise LookupError("wrong")
        await twenty(connection)

    async with serving(answer) as server:
        bad = await Pretend(header={"uniqueid": "bad"}).run(server.port)
        await good_calls(server)
    assert not bad.commands
    assert "call bad" in caplog.text and "LookupError: wrong" in caplog.text


@pytest.mark.parametrize(
    "bytes_of_no_use",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50,
        b"\0" * 100_000,
        b"agi_x: " + b"y" * 100_000,
        b"agi_x: y\n" * 20_000,
        Pretend().opening() + b"z" * 200_000,
        Pretend().opening() + b"\n" * 500_000,
        Pretend().opening() + b"200 result=0\n" * 100_000,
    ],
)
async def test_garbage_and_floods_are_cut_off_beside_good_calls(bytes_of_no_use: bytes) -> None:
    async def patient(connection: AgiConnection) -> None:
        if connection.peer == "127.0.0.3":
            await connection.send(NOOP)
        await twenty(connection)

    async with serving(patient) as server:
        senders = []
        for _ in range(20):
            sender = socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.3", 0))
            sender.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=sender)
            writer.write(bytes_of_no_use)
            senders.append((reader, writer))
        await good_calls(server)
        for reader, writer in senders:
            assert await cut_off_after_commands(reader)
            writer.close()


async def cut_off_after_commands(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), patience(20))
    return reader.at_eof() or reader.exception() is not None


async def test_a_port_scan_costs_nothing() -> None:
    async with serving() as server:
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", server.port)):
                pass
        await good_calls(server)
        await until(lambda: not server._connections)  # those that are no call yet are not counted


async def test_a_peer_that_vanishes_in_mid_line_costs_its_own_call_only() -> None:
    async with serving() as server:
        opening = Pretend().opening()
        for piece in (opening[:100], opening[:-1], opening + b"200 resu", opening + b"200 result=1\n200"):
            _, writer = await dial(server, piece)
            writer.transport.abort()
        await good_calls(server)
        # those that are no call yet are not counted
        await until(lambda: not (server.calls or server._connections))


async def test_a_silent_peer_is_cut_off_after_its_time(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(header_seconds=1.5) as server:
        openings = (b"", b"agi_network: yes\n", Pretend().opening()[:-1])
        silent = [await dial(server, opening) for opening in openings]
        await good_calls(server)
        for reader, writer in silent:
            assert await cut_off(reader)
            writer.close()
    assert caplog.text.count("did not introduce itself in time") <= 6


async def test_an_introduced_call_may_be_silent_for_longer_than_that() -> None:
    async with serving(header_seconds=1.0) as server:
        reader, writer = await dial(server, Pretend().opening())
        assert await reader.readline() == b"SET VARIABLE N0 0\n"
        other, _ = await dial(server, b"agi_")
        assert await cut_off(other)  # so the time is over
        writer.write(b"200 result=1\n")
        assert await reader.readline() == b"SET VARIABLE N1 1\n"
        writer.close()


IDLERS = """
import resource, socket, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
idle = []
for number in range(int(sys.argv[2])):
    source = (f"127.0.0.{4 + number % 4}", 0)
    idle.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), source_address=source))
print("open", flush=True)
sys.stdin.read()
"""


async def test_ten_thousand_idle_connections_do_not_disturb_calls() -> None:
    prepare_process(10_200)
    async with serving(header_seconds=600, max_calls=10_100) as server:
        pipe = asyncio.subprocess.PIPE
        arguments = (sys.executable, "-c", IDLERS, str(server.port), "10000")
        idlers = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
        assert idlers.stdin and idlers.stdout
        assert await idlers.stdout.readline() == b"open\n"
        await good_calls(server, 50)
        assert len(server._connections) >= 10_000  # those that are no call yet are not counted
        idlers.stdin.close()
        await idlers.wait()
        await until(lambda: not server._connections)  # those that are no call yet are not counted


async def test_connections_over_the_limit_are_cut_off_and_told_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(max_calls=5, header_seconds=60) as server:
        kept = [await dial(server) for _ in range(5)]
        await until(lambda: len(server._connections) == 5)  # those that are no call yet are not counted
        began = time.monotonic()
        for _ in range(50):
            reader, writer = await dial(server)
            assert await cut_off(reader)
            writer.close()
        took = time.monotonic() - began
        for _, writer in kept:
            writer.transport.abort()
        await until(lambda: not server._connections)  # those that are no call yet are not counted
        await good_calls(server, 5)
    told = caplog.text.count("there are 5 connections already")
    assert told < 50 and told <= 2 * (2 + took), "a sweep each second"


async def test_no_callers_number_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="ivr")

    async def answer(connection: AgiConnection) -> None:
        raise ValueError("any")

    async with serving(answer, secret="x") as server:
        await Pretend(arguments=("x",)).run(server.port)
        reader, writer = await dial(server, Pretend().opening())
        await cut_off(reader)
        writer.close()
    assert caplog.text and "02155500111" not in caplog.text


async def test_a_drain_takes_no_new_call_and_lets_a_live_one_finish() -> None:
    async with serving() as server:
        reader, writer = await dial(server, Pretend().opening())
        await reader.readline()
        drain = asyncio.create_task(server.drain(20))
        # whether it still listens shows nowhere else
        await until(lambda: server._listener and not server._listener.is_serving())
        with pytest.raises(ConnectionError):
            await dial(server)
        for _ in range(19):
            writer.write(b"200 result=1\n")
            await reader.readline()
        assert not drain.done()
        writer.write(b"200 result=1\n")
        assert await cut_off(reader)
        await asyncio.wait_for(drain, patience(20))
        writer.close()


async def test_a_call_that_outlasts_the_drain_is_told_and_may_apologise() -> None:
    read, sorry = command("EXEC", "Read", "K,a,1,,1,7"), command("EXEC", "Playback", "apology")
    replies: list[Reply] = []

    async def answer(connection: AgiConnection) -> None:
        with pytest.raises(Drained):
            await connection.send(read, drainable=True)
        replies.append(await connection.send(sorry))
        with pytest.raises(Drained):
            await connection.send(read, drainable=True)
        replies.append(await connection.send(NOOP))

    async with serving(answer) as server:
        reader, writer = await dial(server, Pretend().opening())
        assert await reader.readline() == read
        drain = asyncio.create_task(server.drain(0))
        assert await reader.readline() == sorry
        writer.write(b"200 result=0 (of Read)\n")
        writer.write(b"200 result=0 (of Playback)\n")
        assert await reader.readline() == NOOP
        writer.write(b"200 result=1 (of GET)\n")
        assert await cut_off(reader)
        await asyncio.wait_for(drain, patience(20))
        writer.close()
    assert [reply.value for reply in replies] == ["of Playback", "of GET"]


async def test_a_recording_under_way_outlives_the_drain() -> None:
    record, read = command("RECORD", "FILE", "x", "wav", "#", "1", "s=8"), command("EXEC", "Read", "K,a,1")
    heard: list[str] = []

    async def answer(connection: AgiConnection) -> None:
        heard.append(str((await connection.send(record)).value))
        try:
            await connection.send(read, drainable=True)
        except Drained:
            heard.append("drained")

    async with serving(answer) as server:
        reader, writer = await dial(server, Pretend().opening())
        assert await reader.readline() == record
        drain = asyncio.create_task(server.drain(0))
        await until(lambda: any(c._drained for c in server._connections))  # its state, which no peer sees
        writer.write(b"200 result=35 (dtmf) endpos=8000\n")
        assert await cut_off(reader)
        await asyncio.wait_for(drain, patience(20))
        writer.close()
    assert heard == ["dtmf", "drained"]


async def test_closing_lets_a_call_put_its_words_away() -> None:
    done: list[str] = []

    async def answer(connection: AgiConnection) -> None:
        reply = await connection.send(NOOP)
        await asyncio.sleep(0.05)
        done.append(reply.text)

    async with serving(answer) as server:
        _, writer = await dial(server, Pretend().opening())
        await until(lambda: server.calls)
        await server.close()
        assert done == ["the connection is lost"]
        writer.close()


async def test_an_ipv6_listener_knows_mapped_addresses() -> None:
    async with serving() as server:
        # the list alone; from here only 127.0.0.1 can call
        assert server._allowed("::ffff:127.0.0.1") and server._allowed("::1")
        # the list alone; from here only 127.0.0.1 can call
        assert not server._allowed("::ffff:10.0.0.1") and not server._allowed("") and not server._allowed("x")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_on_every_address_calls_come_by_ipv4_too_and_the_list_counts_them_as_that() -> None:
    server = AgiServer("::", 0, answer=twenty, allow=("127.0.0.0/8",))
    await server.start()
    try:
        await good_calls(server, 1)
        reader, writer = await asyncio.open_connection("::1", server.port)
        assert await cut_off(reader), "that one is not in the list"
        writer.close()
    finally:
        await server.close()


async def test_an_address_that_is_taken_is_an_os_error() -> None:
    async with serving() as server:
        with pytest.raises(OSError, match="in use"):
            await AgiServer("127.0.0.1", server.port, answer=twenty).start()
