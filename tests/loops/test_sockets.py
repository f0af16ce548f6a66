"""The processes of one state share their listening sockets, and nobody else gets them."""

from __future__ import annotations

import asyncio
import resource
import socket
import stat
import threading
from pathlib import Path

import pytest
import uvloop

from ivr.asterisk.server import AgiConnection, AgiServer
from ivr.lab.pace import patience
from ivr.lab.ports import free
from ivr.loops import sockets as listening
from ivr.loops import telling as telling_module
from ivr.loops.sockets import ListeningError, Sharing, drain, obtain, siblings
from ivr.loops.telling import ALIVE, Telling, is_alive
from ivr.settings import Agi, Duty, Settings, Web
from ivr.store.journal.bell import reachable
from tests.asterisk.pretend import Pretend, until

NAME = "calls+panel+work-1"
CALLS: tuple[Duty, ...] = ("calls",)
PANEL: tuple[Duty, ...] = ("panel",)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path, agi=Agi(port=free()), web=Web(port=free()))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Longer than a Unix socket's path may be."""
    return tmp_path / ("d" * 100) / "serve"


async def test_who_starts_on_a_full_disk_is_found_by_siblings_and_whoever_asks_once_it_has_room(
    settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def alive() -> bool:
        return True

    monkeypatch.setattr(listening, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(telling_module, "AGAIN_SECONDS", 0.01)
    place.parent.write_bytes(b"")  # no folder can be made
    first = await obtain(settings, place)
    sharing, telling = (
        Sharing(place, NAME, first, lambda: None),
        Telling(place.with_name("tell"), NAME, {ALIVE: alive}),
    )
    sharing.open()
    await telling.open()
    assert siblings(place) == [] and not await is_alive(place.with_name("tell"), NAME)
    place.parent.unlink()
    async with asyncio.timeout(patience(20)):
        while siblings(place) != [NAME] or not await is_alive(place.with_name("tell"), NAME):
            await asyncio.sleep(0.01)
    second = await obtain(settings, place)
    assert second.keys() == first.keys()
    sharing.close()
    telling.close()
    for each in (*first.values(), *second.values()):
        each.close()


async def test_a_connection_that_waits_is_the_sibling_s_when_one_ends(
    settings: Settings, place: Path
) -> None:
    first = await obtain(settings, place)
    sharing = Sharing(place, NAME, first, lambda: None)
    sharing.open()
    second = await obtain(settings, place)
    assert {name: each.getsockname() for name, each in second.items()} == {
        "agi": ("127.0.0.1", settings.agi.port), "web": ("127.0.0.1", settings.web.port)
    }  # fmt: skip
    with socket.create_connection(("127.0.0.1", settings.agi.port)) as caller:
        sharing.close()
        for each in first.values():
            each.close()
        accepted, _ = second["agi"].accept()
        accepted.sendall(b"heard")
        assert caller.recv(5) == b"heard"
        accepted.close()
    assert siblings(place) == []
    for each in second.values():
        each.close()
    with pytest.raises(ConnectionRefusedError):  # nobody serves, nobody listens
        socket.create_connection(("127.0.0.1", settings.agi.port))


async def test_who_is_told_to_drain_hears_it_and_what_the_dead_left_is_removed(
    settings: Settings, place: Path
) -> None:
    told = threading.Event()
    sharing = Sharing(place, NAME, {}, told.set)
    sharing.open()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    # the way there, as the server takes it
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead, reachable(place) as near:
        dead.bind(f"{near}/dead")
    assert len(siblings(place)) == 1 and not (place / "dead").exists()
    assert not told.is_set()
    drain(place, ["gone", *siblings(place)])
    assert await asyncio.to_thread(told.wait, patience(5))
    sharing.close()
    sharing.close()


async def test_siblings_are_answered_again_once_the_process_has_a_free_file(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "AGAIN_SECONDS", 0.01)
    told = threading.Event()
    sharing = Sharing(place, NAME, {}, told.set)
    sharing.open()
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sibling, reachable(place) as near:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
        try:
            sibling.connect(f"{near}/{NAME}")
            async with asyncio.timeout(patience(20)):
                while "no sibling is answered for now: Too many open files" not in caplog.text:
                    await asyncio.sleep(0.01)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))
        drain(place, [NAME])
        assert await asyncio.to_thread(told.wait, patience(20))
    sharing.close()


async def test_where_the_folder_can_not_be_made_calls_are_answered_all_the_same(place: Path) -> None:
    place.parent.mkdir()
    place.touch()
    sharing = Sharing(place, NAME, {}, lambda: None)
    sharing.open()
    sharing.close()


async def test_sockets_of_another_address_are_not_used(settings: Settings, place: Path) -> None:
    first = await obtain(settings, place)
    sharing = Sharing(place, NAME, first, lambda: None)
    sharing.open()
    moved = settings.model_copy(update={"web": Web(port=free())})
    second = await obtain(moved, place)
    assert second["web"].getsockname()[1] == moved.web.port
    assert second["agi"].getsockname()[1] == settings.agi.port
    sharing.close()
    for each in (*first.values(), *second.values()):
        each.close()


async def test_another_program_on_our_port_is_named(
    settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "START_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", settings.web.port)):
        with pytest.raises(ListeningError, match=rf"another program.*{settings.web.port}"):
            await obtain(settings, place)
        with pytest.raises(ConnectionRefusedError):  # and the other one was let go
            socket.create_connection(("127.0.0.1", settings.agi.port))


async def test_no_worker_is_blamed_for_a_port_but_one_that_does_what_it_is_for_and_shares_none(
    settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "START_SECONDS", 0.3)
    monkeypatch.setattr(listening, "HANG_SECONDS", 0.3)
    monkeypatch.setattr(listening, "ASK_SECONDS", 0.1)
    caplog.set_level("INFO")
    own = await obtain(settings, place, PANEL)
    panel = Sharing(place, "panel-1", own, lambda: None)
    panel.open()
    moved = settings.model_copy(update={"web": Web(port=settings.agi.port)})  # another than that panel shares
    with socket.create_server(("127.0.0.1", settings.agi.port)):
        for each, duties in ((settings, CALLS), (moved, PANEL)):
            with pytest.raises(ListeningError, match=rf"another program.*{settings.agi.port}"):
                await obtain(each, place, duties)
        assert caplog.text.count("not listening yet: ") == 2 and "for up to 0.3 s" in caplog.text
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent, reachable(place) as near:
            silent.bind(f"{near}/calls-2")
            silent.listen()
            with pytest.raises(ListeningError, match=rf"a worker that does not answer.*{settings.agi.port}"):
                await obtain(settings, place, CALLS)
    panel.close()
    for sock in own.values():
        sock.close()


async def test_no_program_is_blamed_for_an_address_that_this_machine_does_not_have(
    settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "START_SECONDS", 0.0)
    elsewhere = settings.model_copy(update={"agi": Agi(host="192.0.2.1", port=settings.agi.port)})
    with pytest.raises(ListeningError, match=r"^the address can't be had: "):
        await obtain(elsewhere, place, CALLS)


async def test_who_drains_keeps_no_socket_on_which_callers_would_wait_in_silence(
    settings: Settings, place: Path
) -> None:
    async def scenario() -> None:
        sockets = await obtain(settings, place)
        sharing, over = Sharing(place, NAME, sockets, lambda: None), asyncio.Event()
        sharing.open()

        async def answer(_: AgiConnection) -> None:
            await over.wait()

        server = AgiServer("127.0.0.1", settings.agi.port, answer=answer)
        await server.start(sockets["agi"])
        calling = asyncio.create_task(Pretend().run(settings.agi.port))
        await until(lambda: server.calls)
        sharing.close()
        draining = asyncio.create_task(server.drain(10))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", settings.agi.port)
        assert server.calls == 1
        over.set()
        await asyncio.gather(draining, calling)

    await asyncio.to_thread(uvloop.run, scenario())
