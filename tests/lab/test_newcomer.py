"""A newcomer's first ten minutes: what `make run` starts, called, answered and ended as its README says."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import time as hour
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from playwright.async_api import Browser

from ivr.desk.reading import as_json
from ivr.installation import load_secrets
from ivr.lab import run
from ivr.lab.asterisk import Program, cache
from ivr.lab.callee import Callee
from ivr.lab.caller import Hear, Listen, Press, PutDown, Speak, StayOn
from ivr.lab.pace import patience
from ivr.lab.ports import taken
from ivr.lab.postgres import NOTE
from ivr.lab.process import Child
from ivr.settings import BrowserPhone, Callbacks, Settings
from ivr.store.engine import make_engine
from tests.fixtures.hotline import Hotline, environment, free_settings, fresh_number, worries
from tests.lab.test_hotline import TO_THE_BEEP
from tests.web.public.test_call_page import calling, complains

SPOKEN = cache() / "newcomer-sounds.tar"
PATIENCE = 180.0  # seconds: a machine with many processes lets each part wait
STARTED, STOPPED = "serving until Ctrl-C", "stopped; nothing is left running"
COMPLAINS = (*TO_THE_BEEP, Speak(4), Press("#"), Hear(), Press("1"), Hear(), PutDown())
HEAR_OUT = Listen(quiet=2, most=PATIENCE)
SOLVED = (HEAR_OUT, Press("1"), HEAR_OUT, Press("5"), StayOn())


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Says how long it took, for whoever looks why it failed or became slow."""
    began = time.monotonic()
    try:
        yield
    finally:
        print(f"{what}: {time.monotonic() - began:.1f} s")


def bring_sounds(settings: Settings) -> None:
    """What an earlier run has spoken, if any did; the build makes anew what has changed since."""
    if SPOKEN.is_file():
        settings.sounds.mkdir(parents=True)
        shutil.unpack_archive(SPOKEN, settings.sounds, "tar")


def keep_sounds(settings: Settings) -> None:
    """For the next run. Whole or not at all, since others run beside us."""
    handle, draft = tempfile.mkstemp(dir=cache())
    with os.fdopen(handle, "wb") as half, tarfile.open(fileobj=half, mode="w") as kept:
        kept.add(settings.sounds, ".")
    Path(draft).replace(SPOKEN)


class Newcomer:
    """The terminals in front of her: in one of them `make run` goes on."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings, self.log = settings, log
        # Without a database: the embedded one. Who may call from the browser is the lab's to say.
        self.environment = environment(settings, "") | {"IVR_RTP": settings.rtp.model_dump_json()}
        self.run = Child.start(
            "make run", [sys.executable, "-m", "ivr.lab.run"],
            log=log, pid_file=log.with_suffix(".pid"), env=self.environment,
        )  # fmt: skip

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    async def until_said(self, words: str) -> None:
        async with asyncio.timeout(patience(2 * PATIENCE)):
            while words not in self.said:
                assert not self.run.ended, self.said
                await asyncio.sleep(0.1)

    async def types(self, *arguments: str) -> str:
        """What `ivr …` in another terminal prints."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ivr.cli", *arguments,
            env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(patience(PATIENCE)):
            out, err = await process.communicate()
        assert process.returncode == 0, (arguments, out.decode(), err.decode())
        return out.decode()

    def processes(self) -> list[str]:
        """All that `make run` has started and that runs."""
        found = []
        for process in psutil.process_iter(["pid", "cmdline", "environ", "status"]):
            if (process.info["environ"] or {}).get("IVR_STATE") == str(self.settings.state):
                found.append(" ".join(process.info["cmdline"]))
        return found

    async def is_well(self) -> None:
        url = f"http://127.0.0.1:{self.settings.web.port}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            told = await answer.json()
        assert answer.status == 200 and told["ready"] and not worries(told), told

    @asynccontextmanager
    async def hotline(self, programs: tuple[Program, Program]) -> AsyncIterator[Hotline]:
        """What she has started, as other tests know it; she is the one who ends it."""
        url = (self.settings.state_path / NOTE).read_text().strip()
        secrets, engine = load_secrets(self.settings), make_engine(url)
        yield Hotline(self.settings, secrets, *programs, self.run, url, engine, self.run)
        await engine.dispose()


@asynccontextmanager
async def newcomer(callbacks: Callbacks) -> AsyncIterator[Newcomer]:
    folder = Path(tempfile.mkdtemp(prefix="new-", dir="/tmp"))  # short, for sockets
    folder.chmod(0o755)  # as root PostgreSQL runs as a user of its own
    settings = free_settings(folder / "var", callbacks=callbacks, browser_phone=BrowserPhone())
    bring_sounds(settings)
    one = Newcomer(settings, folder / "make-run.log")
    try:
        yield one
    finally:
        await asyncio.to_thread(one.run.stop, PATIENCE)
        print(one.said)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(1800)
async def test_the_first_ten_minutes(chrome: Browser, programs: tuple[Program, Program]) -> None:
    callee = Callee()
    dial = f"PJSIP/loopback/sip:{{number}}@127.0.0.1:{await callee.open()}"
    at_any_hour = Callbacks(dial=dial, opens=hour(0), closes=hour(23, 59, 59), days_off=True)
    async with newcomer(at_any_hour) as she:
        with timed("make run"):
            await she.until_said(STARTED)
        if "prompts: 0 made" not in she.said:
            keep_sounds(she.settings)
        assert f":{she.settings.web.port}/call" in she.said
        codes = [demonstrated(she.said)]
        await she.is_well()
        async with she.hotline(programs) as hotline:
            with timed("two demo calls, and one by telephone called back"):
                async with asyncio.TaskGroup() as at_once:  # she has several terminals, and they take minutes
                    demonstrating = at_once.create_task(two_demo_calls(she))
                    answering = at_once.create_task(called_back(she, hotline, callee))
            with timed("a call from the browser"):
                codes.append(await from_the_browser(chrome, hotline))
        codes += [*demonstrating.result(), answering.result()]
        listed = json.loads(await she.types("case", "list", "--json"))
        assert sorted(case["code"] for case in listed) == sorted(codes) and len(set(codes)) == 5
        await she.is_well()
        with timed("Ctrl-C"):
            await ended_by_ctrl_c(she)
    callee.close()


def demonstrated(said: str) -> str:
    """The code of the case that the demonstration call printed."""
    block = said[said.index("placing one demonstration call") : said.index(STARTED)]
    printed = dict(line.split(maxsplit=1) for line in block.splitlines()[1:-1] if len(line.split()) > 1)
    told = [printed[name] for name in ("kind", "county", "agency", "status")]
    assert told == ["complaint", "tabriz", "abfa", "referred"], block
    assert printed["recording"].endswith(" s") and "opened" in block, block
    return printed["code"]


async def two_demo_calls(she: Newcomer) -> list[str]:
    codes = []
    for each in ("first", "second"):
        with timed(f"{each} demo-call"):
            case = json.loads(await she.types("demo-call", "--json"))
        await she.is_well()
        assert (case["kind"], case["county"]) == ("complaint", "tabriz")
        assert case["recordings"][0]["seconds"] > 3.5
        codes.append(case["code"])
    return codes


async def called_back(she: Newcomer, hotline: Hotline, callee: Callee) -> str:
    """A citizen calls, her case is answered, and her telephone rings: she presses 1."""
    with timed("a call by telephone"):
        number, code = await by_telephone(hotline)
    callee.answers[number] = SOLVED
    with timed("its answer, called back"):
        await she.types("case", "answer", code, "آب وصل شد.", "--by", "abfa")
        await callee.until_over(number, seconds=PATIENCE)
    assert callee.outcomes[number].completed, callee.outcomes[number].problem
    assert callee.rung[number] == 1
    assert (await closed(hotline, code))["closure"] == "solved"
    return code


async def from_the_browser(chrome: Browser, hotline: Hotline) -> str:
    async with calling(chrome, hotline, permissions=["microphone"]) as page:
        path = await complains(page, hotline)
    name = path.relative_to(hotline.settings.recordings).as_posix()
    async with asyncio.timeout(patience(PATIENCE)):
        while True:
            for case in await as_json.cases(hotline.engine, limit=50):
                if name in [each["path"] for each in case["recordings"]]:
                    assert (case["topic"], case["county"]) == ("water.supply", "tabriz")
                    return str(case["code"])
            await asyncio.sleep(0.1)


async def by_telephone(hotline: Hotline) -> tuple[str, str]:
    """Her number and her code."""
    number = fresh_number()
    outcome = await hotline.call(*COMPLAINS, number=number)
    assert outcome.completed, outcome.problem
    return number, (await hotline.case_of(number, PATIENCE))["code"]


async def closed(hotline: Hotline, code: str) -> dict[str, Any]:
    async with asyncio.timeout(patience(PATIENCE)):
        while True:
            case = await as_json.case_json(hotline.engine, code)
            if case is not None and case["status"] == "closed":
                return case
            await asyncio.sleep(0.1)


async def ended_by_ctrl_c(she: Newcomer) -> None:
    assert len(she.processes()) > 2, she.processes()  # at the least run, server and Asterisk
    os.kill(she.run.process.pid, signal.SIGINT)
    assert await asyncio.to_thread(she.run.process.wait, patience(PATIENCE)) == 0
    assert she.said.rstrip().endswith(STOPPED)
    assert she.processes() == [] and taken(she.settings) == []


async def test_a_demonstration_call_of_which_no_case_came_is_told_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IVR_STATE", str(tmp_path))  # without prompts
    monkeypatch.setenv("IVR_DATABASE_URL", "postgresql://seda111@127.0.0.1:1/seda111")
    await run.demonstrate()
    assert "demonstration call: " in (told := capsys.readouterr().err) and "`ivr sounds build`" in told


def test_a_state_that_root_began_is_told_to_its_next_user_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IVR_STATE", str(tmp_path))
    monkeypatch.setenv("IVR_BROWSER_PHONE__WHOSE", "everyone")
    monkeypatch.setattr(sys, "argv", ["run"])
    lock, opened = tmp_path / "run" / "lock", Path.open

    def opening(path: Path, *args: Any, **options: Any) -> Any:
        if path == lock:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", opening)
    with pytest.raises(SystemExit) as end:
        run.main()
    told = capsys.readouterr().err.strip()
    assert end.value.code == 1 and str(lock) in told and "chown -R" in told and len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("argument", "code", "told"),
    [("--help", 0, "config.yaml"), ("--port", 2, "unrecognized"), ("8222", 2, "unrecognized")],
)
def test_who_asks_how_to_start_it_or_gives_it_an_argument_starts_nothing(
    tmp_path: Path, argument: str, code: int, told: str
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()  # so that whatever starts after all ends at once
    command, where = [sys.executable, "-m", "ivr.lab.run", argument], {"IVR_STATE": f"{blocked}/state"}
    done = subprocess.run(command, env=os.environ | where, capture_output=True, text=True, check=False)
    assert (done.returncode, told in done.stdout + done.stderr) == (code, True)
