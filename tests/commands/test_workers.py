"""`ivr serve` as processes, without Asterisk: roles side by side, and a take-over that must not be."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from ivr.lab.pace import patience
from ivr.loops.sockets import drain, siblings
from ivr.loops.telling import duties_of
from tests.fixtures.hotline import environment, on_its_own_ports

ALL = {"calls": 2, "panel": 1, "work": 1}
UNREADY = "import ivr.app; ivr.app.READY_SECONDS = 1; import ivr.cli; ivr.cli.main()"


async def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + patience(seconds)
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


def text_of(folder: Path) -> str:
    return (folder / "said").read_text()


@asynccontextmanager
async def serving_by(database_url: str, folder: Path, *python: str) -> AsyncIterator[None]:
    """`ivr serve` with a worker of each role, as `python …` begins it; it ends well. It says `text_of`."""
    env = environment(on_its_own_ports(folder), database_url)
    with (folder / "said").open("wb") as said:
        serving = await asyncio.create_subprocess_exec(
            sys.executable, *python, "serve", "--workers", "1", env=env, stderr=said
        )
    try:
        yield
    finally:
        if serving.returncode is None:
            serving.terminate()
        assert await asyncio.wait_for(serving.wait(), patience(40)) == 0


async def test_a_worker_that_dies_is_started_again_and_a_sick_one_takes_nothing_over(
    database_url: str, tmp_path: Path
) -> None:
    settings = on_its_own_ports(tmp_path)
    env, place = environment(settings, database_url), tmp_path / "run" / "serve"
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(f"\0{tmp_path}")
    serving = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli", "serve", "--workers", "2", stderr=asyncio.subprocess.DEVNULL,
        env={**env, "NOTIFY_SOCKET": f"@{tmp_path}"},
    )  # fmt: skip

    def workers() -> set[int]:
        return {child.pid for child in psutil.Process(serving.pid).children()}

    try:
        await until(lambda: len(siblings(place)) == 4)
        assert Counter(each for name in siblings(place) for each in duties_of(name)) == ALL
        told = (systemd.recv(64) for _ in range(100))  # the watchdog is fed, too
        assert await asyncio.to_thread(lambda: b"READY=1" in told)
        before = workers()
        victim, *others = before
        os.kill(victim, signal.SIGKILL)
        await until(lambda: victim not in workers() and len(workers()) == len(siblings(place)) == 4)
        assert set(others) < workers()

        sick = await asyncio.create_subprocess_exec(  # without Asterisk nobody is ready
            sys.executable, "-c", UNREADY, "serve", "--role", "calls", "--take-over",
            env=env, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await sick.communicate()
        assert sick.returncode == 1
        assert said.decode().splitlines()[-1].startswith("not ready, so not serving:")
        assert len(siblings(place)) == 4 and set(others) < workers()
    finally:
        systemd.close()
        serving.terminate()
        assert await asyncio.wait_for(serving.wait(), patience(40)) == 0
    assert siblings(place) == []
    slots = {path.name for path in (tmp_path / "spool").iterdir() if path.name.isdigit()}
    assert slots <= {"1", "2", "32"}  # the dead one's was taken again, the sick one had the next


# The first look at each process, and the first word that it shall end, fail for a fault of ours.
CLUMSY = """
import sys
import ivr.commands.workers as workers
looked, told, failed = workers.is_alive, workers._terminate, []
async def looks(place, name):
    if not failed:
        failed.append(name)
        raise LookupError("a look of tomorrow")
    lives = await looked(place, name)
    if lives and name.startswith("panel"):
        print("the panel lives", file=sys.stderr, flush=True)
    return lives
def tells(*each):
    workers._terminate = told
    raise LookupError("a word of tomorrow")
workers.is_alive, workers._terminate = looks, tells
workers.SIGN_SECONDS, workers.SILENT_SECONDS = 0.2, float(sys.argv.pop(1))
import ivr.cli
ivr.cli.main()
"""


async def test_a_watch_that_failed_once_still_kills_who_hangs_and_all_end_when_told_to(
    database_url: str, tmp_path: Path
) -> None:
    settings = on_its_own_ports(tmp_path)
    env, place = environment(settings, database_url), tmp_path / "run" / "serve"
    with (tmp_path / "said").open("wb") as said:
        serving = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLUMSY, f"{patience(10)}", "serve", "--workers", "1", env=env, stderr=said
        )
    try:
        await until(lambda: len(siblings(place)) == 3, 90)
        [victim] = [int(name.rpartition("-")[2]) for name in siblings(place) if "panel" in name]
        await until(lambda: "the panel lives" in (tmp_path / "said").read_text())
        os.kill(victim, signal.SIGSTOP)
        await until(lambda: not psutil.pid_exists(victim), 90)
    finally:
        for child in psutil.Process(serving.pid).children():
            child.resume()  # who is stopped could not end
        serving.terminate()
        assert await asyncio.wait_for(serving.wait(), patience(40)) == 0
    text = (tmp_path / "said").read_text()
    assert "a look of tomorrow" in text and "a word of tomorrow" in text


async def test_who_dies_as_it_drains_for_a_take_over_is_not_begun_again_as_the_old_release(
    database_url: str, tmp_path: Path
) -> None:
    settings = on_its_own_ports(tmp_path)
    env, place = environment(settings, database_url), tmp_path / "run" / "serve"
    serving = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli", "serve", "--workers", "1", stderr=asyncio.subprocess.DEVNULL,
        env={**env, "IVR_AGI__HEADER_SECONDS": f"{patience(600)}"},
    )  # fmt: skip
    try:
        await until(lambda: len(siblings(place)) == 3, 90)
        [carrying] = [name for name in siblings(place) if duties_of(name) == {"calls"}]
        with socket.create_connection((settings.agi.host, settings.agi.port)):  # a call, for who drains
            drain(place, siblings(place))
            await until(lambda: siblings(place) == [])
            os.kill(int(carrying.rpartition("-")[2]), signal.SIGKILL)
            assert await asyncio.wait_for(serving.wait(), patience(90)) == 0
    finally:
        if serving.returncode is None:
            serving.terminate()
            await serving.wait()


async def test_a_role_that_others_told_to_end_is_begun_again_each_time_and_the_log_says_so(
    database_url: str, tmp_path: Path
) -> None:
    place = tmp_path / "run" / "serve"

    async def told_of(victim: str) -> None:
        sentence = f"{victim} ended, and none of ours told it to; another starts"
        await until(lambda: sentence in text_of(tmp_path))

    async with serving_by(database_url, tmp_path, "-m", "ivr.cli"):
        for each in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            await until(lambda: len(siblings(place)) == 3, 90)
            [victim] = [name for name in siblings(place) if duties_of(name) == {"calls"}]
            os.kill(int(victim.rpartition("-")[2]), each)
            await told_of(victim)
        await until(lambda: len(siblings(place)) == 3, 90)
    assert text_of(tmp_path).count("; another starts") == 3  # and none for our own word


async def test_who_drains_already_as_others_are_taken_over_is_not_begun_again_as_the_old_release(
    database_url: str, tmp_path: Path
) -> None:
    settings = on_its_own_ports(tmp_path)
    env, place = environment(settings, database_url), tmp_path / "run" / "serve"
    env |= {"IVR_AGI__HEADER_SECONDS": f"{patience(600)}"}

    async def started(*options: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ivr.cli", "serve", *options, stderr=asyncio.subprocess.DEVNULL, env=env
        )

    there = [await started("--workers", "1")]
    try:
        await until(lambda: len(siblings(place)) == 3, 90)
        older = siblings(place)
        [carrying] = [name for name in older if duties_of(name) == {"calls"}]
        pid = int(carrying.rpartition("-")[2])
        with socket.create_connection((settings.agi.host, settings.agi.port)):  # a call, for who drains
            os.kill(pid, signal.SIGTERM)
            await until(lambda: carrying not in siblings(place))
            there.append(await started("--role", "calls"))  # what a take-over brings, but for Asterisk
            await until(lambda: len(siblings(place)) == 3, 90)
            drain(place, older)
            assert psutil.pid_exists(pid)
        assert await asyncio.wait_for(there[0].wait(), patience(90)) == 0
        [new] = siblings(place)
        assert new == f"calls-{there[1].pid}"
    finally:
        for each in there:
            if each.returncode is None:
                each.terminate()
                await each.wait()


# The panel ends well before it serves, each time.
BRIEF = """
import ivr.app as app, ivr.commands.workers as workers
served = app.serve
def serve(settings, duties, **rest):
    if duties != ("panel",):
        served(settings, duties, **rest)
app.serve, workers.LONGEST_WAIT = serve, 3.0
import ivr.cli
ivr.cli.main()
"""


async def test_who_ends_well_at_once_is_begun_ever_more_slowly_and_the_line_is_up(
    database_url: str, tmp_path: Path
) -> None:
    async with serving_by(database_url, tmp_path, "-c", BRIEF):
        await until(lambda: text_of(tmp_path).count("another starts in 3 s") == 2)
        assert "another starts in 2 s" in text_of(tmp_path)
        there = {duty for name in siblings(tmp_path / "run" / "serve") for duty in duties_of(name)}
        assert there == {"calls", "work"}


HURRIED = "import ivr.commands.workers as w; w.ALL_SECONDS = 1; import ivr.cli; ivr.cli.main()"


async def test_a_panel_whose_port_another_has_keeps_systemd_from_no_line_that_is_well(
    database_url: str, tmp_path: Path
) -> None:
    settings = on_its_own_ports(tmp_path)
    env, place = environment(settings, database_url), tmp_path / "run" / "serve"
    systemd, told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), list[bytes]()
    systemd.bind(f"\0{tmp_path}")
    systemd.setblocking(False)

    def ready() -> bool:
        with suppress(BlockingIOError):
            told.append(systemd.recv(64))
        return b"READY=1" in told

    with systemd, socket.create_server((settings.web.host, settings.web.port)):
        serving = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HURRIED, "serve", "--workers", "1", stderr=asyncio.subprocess.DEVNULL,
            env={**env, "NOTIFY_SOCKET": f"@{tmp_path}"},
        )  # fmt: skip
        try:
            await until(ready)
            there = {duty for name in siblings(place) for duty in duties_of(name)}
            assert "calls" in there and "panel" not in there
        finally:
            serving.terminate()
            await asyncio.wait_for(serving.wait(), patience(40))


# There is room for no panel at first.
CROWDED = """
import errno, os
import ivr.commands.workers as workers
forked, refused = workers.Forked, []
def forking(work, name):
    if name == "ivr panel" and not refused:
        refused.append(name)
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return forked(work, name)
workers.Forked = forking
import ivr.cli
ivr.cli.main()
"""


async def test_a_role_for_which_there_is_no_room_yet_is_begun_later_and_the_others_go_on(
    database_url: str, tmp_path: Path
) -> None:
    async with serving_by(database_url, tmp_path, "-c", CROWDED):
        await until(lambda: len(siblings(tmp_path / "run" / "serve")) == 3)
        assert "panel can't be started: Resource temporarily unavailable" in text_of(tmp_path)
