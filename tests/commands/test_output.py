"""What every command says of a database that does not take what it is given, and how it shows rows."""

from __future__ import annotations

import asyncio
import errno
import os
import pty
import re
import shlex
import socket
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.main import get_command

from ivr import cli
from ivr.asterisk.ami import AmiRefused
from ivr.commands import output
from ivr.commands.output import with_database
from ivr.installation import CommandError
from ivr.lab import demo
from ivr.lab.demo import DemoError
from ivr.settings import ROOT, Settings
from ivr.store.tables import factor_roles
from tests.asterisk.pretend_ami import pretend_ami
from tests.fixtures.commands import roles, typed
from tests.fixtures.hotline import write_tone


@pytest.mark.parametrize(
    "console", [Console(width=80, force_terminal=True), output.out], ids=["terminal", "pipe"]
)
def test_a_row_of_a_table_is_one_line_in_which_nothing_is_cut_nor_taken_for_a_sign(
    console: Console, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "out", console)
    dead = {"id": str(uuid.uuid4()), "to": None, "last_error": "gateway: [/refused] " + 30 * "too long\n "}
    sent = {"id": "نامه", "to": "09121234567", "last_error": ""}
    output.show_table(["id", "to", "last_error"], [dead, sent])
    [_, first, second] = capsys.readouterr().out.splitlines()
    error = "gateway: [/refused]" + 30 * " too long"
    assert first == f"{dead['id']}  {11 * ' '}  {error}" and len(error) > 250
    assert second == f"نامه{32 * ' '}  09121234567"


def test_what_stands_between_colons_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    said = "2001:db8:a:b::1 has no :id: and no :key:"
    output.show_table(["why"], [{"why": said}])
    output.out.print(said, soft_wrap=True)
    with pytest.raises(SystemExit):
        output.fail(said)
    told = capsys.readouterr()
    assert told.out.splitlines() == ["why", said, said] and told.err.splitlines() == [said]


async def test_of_a_row_that_is_there_already_nobody_is_sent_to_the_doctor(
    database_url: str, tmp_path: Path
) -> None:
    async def twice(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            for _ in range(2):
                await connection.execute(factor_roles.insert().values(role="operator", needed=True))

    settings = Settings(state=tmp_path, database_url=database_url)
    with pytest.raises(CommandError, match="the database refused it: duplicate key") as told:
        await asyncio.to_thread(with_database, settings, twice)
    assert "doctor" not in str(told.value)


async def test_a_migration_tells_of_a_database_that_is_away_as_every_command_does(tmp_path: Path) -> None:
    away = "postgresql://seda111@127.0.0.1:1/seda111"
    code, _, told = await typed("", tmp_path, "db", "upgrade", **roles(away))
    assert code == 1 and told.startswith("the database can't be used: "), told
    assert "`ivr doctor` tells more" in told and "Error:" not in told


async def test_who_makes_a_database_at_a_terminal_sees_how_far_it_is(empty_url: str, tmp_path: Path) -> None:
    script, words = "from ivr.cli import main; main()", ("db", "upgrade")
    many = len(list((ROOT / "db" / "versions").glob("*.py")))
    told = set(re.findall(rf"(\d+)/{many}\b", await read_at(True, script, empty_url, tmp_path, *words)))
    assert {"0", f"{many}"} < told, told
    assert await read_at(True, script, empty_url, tmp_path, *words) == "", "there is nothing to do"


# Times of a test for those of a person; then the command itself.
HURRIED = """
from ivr import cli
from ivr.commands import doctor, output
output.CONNECT_SECONDS, output.WAIT_SECONDS, doctor.LOOK_SECONDS = 1.0, 0.2, 0.5
cli.main()
"""
# The connection comes at once, and what it is asked takes longer than a person waits without a word.
SLOW = """
import asyncio, sys
from sqlalchemy import text
from ivr.commands import output
from ivr.settings import load

async def work(engine):
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_sleep(3)"))

output.WAIT_SECONDS = 2.0
output.with_database(load(), work)
"""


async def read_at(terminal: bool, script: str, url: str, state: Path, *words: str) -> str:
    """What such a process says on its standard error."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *words),
        env={**os.environ, **roles(url), "IVR_STATE": str(state)},
        stdout=subprocess.DEVNULL,
        stderr=theirs if terminal else subprocess.PIPE,
    )
    _, piped = await process.communicate()
    with os.fdopen(theirs), os.fdopen(ours, "rb", buffering=0) as screen:
        seen = b"".join(iter(lambda: screen.read(4096) or b"", b""))
    return seen.decode() if terminal else piped.decode()


WAITS = re.compile(r"still waiting for (.+), until \d\d:\d\d:\d\d at the latest")


async def test_who_waits_at_a_terminal_for_a_database_that_says_nothing_reads_for_what_and_until_when(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://seda111@127.0.0.1:{mute.getsockname()[1]}/seda111"
        told = await read_at(True, HURRIED, url, tmp_path, "case", "list")
        assert WAITS.findall(told) == ["the database"] and "can't be used" in told.splitlines()[-1], told
        looks = WAITS.findall(await read_at(True, HURRIED, url, tmp_path, "doctor"))
        assert "the look at database" in looks and len(set(looks)) == len(looks), looks
        for terminal, more in ((True, ["--json"]), (False, [])):
            quiet = await read_at(terminal, HURRIED, url, tmp_path, "case", "list", *more)
            assert not WAITS.search(quiet) and "can't be used" in quiet, quiet


async def test_of_a_database_that_answers_and_has_much_to_do_no_word_is_said(
    database_url: str, tmp_path: Path
) -> None:
    assert await read_at(True, SLOW, database_url, tmp_path) == ""


async def test_a_command_whose_standard_error_is_closed_does_what_it_does(
    database_url: str, tmp_path: Path
) -> None:
    """As some schedulers begin theirs."""
    command = shlex.join([sys.executable, "-c", "from ivr import cli; cli.main()", "call", "list", "--json"])
    process = await asyncio.create_subprocess_shell(
        f"{command} 2>&-",
        env={**os.environ, **roles(database_url), "IVR_STATE": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert (process.returncode, said.decode().strip()) == (0, "[]")


def its_sounds(state: Path) -> None:
    """What a demonstration call asks the length of."""
    for id in ("beep", "record/ask"):
        write_tone(state / "sounds" / "fa" / f"{id}.wav", 400, 0.1)


async def test_a_demonstration_call_tells_of_an_asterisk_that_is_away_and_not_of_a_case_that_did_not_come(
    tmp_path: Path,
) -> None:
    its_sounds(tmp_path)
    away = {"IVR_AMI__PORT": "1", "IVR_AMI__ACTION_SECONDS": "0.1"}
    nowhere = "postgresql://seda111@127.0.0.1:1/seda111"
    code, _, told = await typed(nowhere, tmp_path, "demo-call", **away)
    said = "Asterisk's manager does not answer at 127.0.0.1:1; `ivr doctor` tells more"
    assert (code, told.strip()) == (1, said)


async def test_a_demonstration_call_tells_of_a_database_that_is_away_or_says_nothing_as_every_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its_sounds(tmp_path)
    monkeypatch.setattr(output, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for port, why in ((1, "Connect call failed"), (mute.getsockname()[1], "no answer (TimeoutError)")):
            async with pretend_ami() as asterisk:
                asked = {"IVR_AMI__PORT": str(asterisk.port)}
                url = f"postgresql://seda111@127.0.0.1:{port}/seda111"
                code, _, told = await typed(url, tmp_path, "demo-call", **asked)
            assert (code, asterisk.count("originate")) == (1, 1), told
            assert told.startswith("the database can't be used: ") and why in told, told


async def test_a_demonstration_call_of_which_no_case_comes_in_time_says_so(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its_sounds(tmp_path)
    monkeypatch.setattr(demo, "CASE_SECONDS", 0.2)
    async with pretend_ami() as asterisk:
        code, _, told = await typed(database_url, tmp_path, "demo-call", IVR_AMI__PORT=str(asterisk.port))
    assert code == 1 and told.startswith("no case came of the demonstration call within 0.2 s"), told


@pytest.mark.parametrize("error", [DemoError("no case came"), AmiRefused("the login was refused")])
def test_what_asterisk_says_to_a_command_is_told_without_a_name_of_ours(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        output.in_sentences(work)
    assert (end.value.code, capsys.readouterr().err.strip()) == (1, str(error))


TABLE = "output.in_sentences(lambda: output.show_table(['n'], [{'n': n * 'x'} for n in range(500)]))"
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.mark.parametrize(
    "arguments", [("-m", "ivr.cli", "menu", "schema"), ("-c", f"from ivr.commands import output; {TABLE}")]
)
async def test_who_reads_no_further_gets_neither_a_finding_nor_a_word_for_it(
    arguments: tuple[str, ...],
) -> None:
    ours, its = os.pipe()  # takes less than there is to say
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=its, stderr=asyncio.subprocess.PIPE
    )
    os.close(its)
    assert await asyncio.to_thread(os.read, ours, 1)
    os.close(ours)
    _, said = await process.communicate()
    assert (process.returncode, said) == (141, b""), "as `cat` ends whom `head` has left"


async def ends(stdout: int, *arguments: str) -> tuple[int | None, bytes]:
    """Exit code and what stands on stderr, of a Python that writes to `stdout` when it likes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=stdout, stderr=asyncio.subprocess.PIPE, env=BUFFERED
    )
    os.close(stdout)
    _, said = await process.communicate()
    return process.returncode, said


SHORT = "import sys; from ivr.commands import output; output.in_sentences(lambda: [print('few'), {}])".format
NO_CASE = SHORT("exec('from ivr.lab.demo import DemoError; raise DemoError(\"no case came\")')")


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (("-m", "ivr.cli", "menu", "check", "dialplan/menus/111.yaml"), (141, b"")),
        (("-c", SHORT("None")), (141, b"")),
        (("-c", SHORT("sys.exit(1)")), (1, b"")),
        (("-c", NO_CASE), (1, b"no case came\n")),
    ],
    ids=["command", "prints", "finding", "error"],
)
async def test_a_few_lines_that_nobody_reads_end_it_so_too_and_hide_neither_a_finding_nor_an_error(
    arguments: tuple[str, ...], end: tuple[int, bytes]
) -> None:
    ours, its = os.pipe()
    os.close(ours)
    assert await ends(its, *arguments) == end


# Ctrl-C at the moment when that is imported, or looked for.
STOPPED = """
import signal, sys, typer.main

class Stopping:
    def find_spec(self, name, *_):
        if name == {name!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Stopping())
if not {name!r}:
    typer.main.get_command = lambda _: signal.raise_signal(signal.SIGINT)
from {module} import {main}
sys.argv = ["ivr", "--help"]
{main}()
"""


@pytest.mark.parametrize("name", ["ivr.commands.verify", ""], ids=["imported", "put together"])
async def test_who_presses_ctrl_c_before_the_command_has_begun_reads_no_traceback(name: str) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, main = scripts["ivr"].partition(":")
    script = STOPPED.format(name=name, module=module, main=main)
    assert await ends(os.open(os.devnull, os.O_WRONLY), "-c", script) == (130, b"")


@pytest.mark.parametrize(("then", "code"), [("None", 1), ("sys.exit(2)", 2)])
async def test_a_few_lines_that_a_full_disk_refuses_are_told_of_in_a_sentence(then: str, code: int) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert await ends(full, "-c", SHORT(then)) == (code, b"stdout: No space left on device\n")


async def test_a_full_disk_that_is_not_stdouts_is_not_told_as_stdouts() -> None:
    its = "exec('import errno; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))')"
    code = f"import os; {SHORT(its)}"
    assert await ends(os.open(os.devnull, os.O_WRONLY), "-c", code) == (
        1, b"OSError: [Errno 28] No space left on device\n"
    )  # fmt: skip


async def test_a_table_that_a_full_disk_refuses_is_told_of_so_too() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    many = f"from ivr.commands import output; {TABLE}"
    assert await ends(full, "-c", many) == (1, b"stdout: No space left on device\n")


async def test_what_a_disk_or_a_pipe_refuses_a_command_is_not_told_of_the_database(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings(state=tmp_path, database_url=database_url)

    async def reads(engine: AsyncEngine) -> None:
        (tmp_path / "nothing").read_bytes()

    async def prints(engine: AsyncEngine) -> None:
        raise BrokenPipeError

    with pytest.raises(CommandError) as told:
        await asyncio.to_thread(with_database, settings, reads)
    assert str(told.value) == f"{tmp_path / 'nothing'}: No such file or directory"
    with pytest.raises(BrokenPipeError):
        await asyncio.to_thread(with_database, settings, prints)

    async def fills(engine: AsyncEngine) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        await asyncio.to_thread(with_database, settings, fills)


async def test_a_socket_that_is_not_there_is_the_database_s(tmp_path: Path) -> None:
    async def asks(engine: AsyncEngine) -> None:
        async with engine.connect():
            pass

    settings = Settings(state=tmp_path, database_url=f"postgresql://seda111@/seda111?host={tmp_path}")
    with pytest.raises(CommandError, match=r"the database can't be used: .* `ivr doctor` tells more"):
        await asyncio.to_thread(with_database, settings, asks)


def commands(command: Any, *name: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for each, its in command.commands.items():
        yield from commands(its, *name, each)


def test_each_example_in_the_help_is_taken_as_it_stands() -> None:
    for name, command in commands(get_command(cli.app), "ivr"):
        _, _, examples = (command.epilog or "").partition(": ")
        for example in examples.split("   ·   "):
            words = shlex.shlex(example, posix=True, punctuation_chars=True)
            words.whitespace_split, words.commenters = True, ""
            typed = [*words]
            typed = typed[typed.index("ivr") :]  # what a shell does with it before …
            end = next((n for n, word in enumerate(typed) if word in {"|", "||", ">", "("}), len(typed))
            assert tuple(typed[: len(name)]) == name, example
            command.make_context(name[-1], typed[len(name) : end])  # … and behind; raises UsageError
            assert {*re.findall(r"--say (\w+)=", example)} <= {*Settings().calls.languages}, example
