"""What the injector writes down is what was done, for the accountant believes it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.chaos import injector
from bench.chaos.faults import Fault
from bench.chaos.injector import Injector
from bench.chaos.lab import AGAIN_SECONDS, NEW_SERVER, PANEL, SERVERS, WORK, LabError, command_of


@pytest.mark.parametrize(
    ("kind", "harm", "noted"),
    [
        ("spool set back", "set_spool_back", ["every server away"]),  # they were stopped for it all the same
        ("database fails over", "standby", []),  # no standby, nothing done
    ],
)
async def test_of_a_fault_that_could_not_be_done_what_callers_met_is_written_down(
    kind: str, harm: str, noted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise LabError("it could not be done")

    monkeypatch.setattr(injector, harm, refuse)
    monkeypatch.setattr("psutil.Process", lambda pid: None)
    serving = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    database = SimpleNamespace(own=SimpleNamespace(get_postmaster_info=lambda: SimpleNamespace(pid=1)))
    lab: Any = SimpleNamespace(
        kept=dict.fromkeys(SERVERS), databases=[database], database=database, home=tmp_path,
        settings=SimpleNamespace(agi=SimpleNamespace(port=serving.sockets[0].getsockname()[1])),
    )  # fmt: skip
    log = tmp_path / "faults.jsonl"
    log.touch()
    await Injector(lab, log).run([Fault(0.0, kind, 0.1, 0.5)])
    serving.close()
    assert [json.loads(line)["kind"] for line in log.read_text().splitlines()] == noted


def test_a_deploy_s_new_server_tells_the_others_to_drain_and_nobody_else_does() -> None:
    assert command_of(NEW_SERVER)[-1] == "--take-over"
    assert not any("--take-over" in command_of(name) for name in (*SERVERS, WORK, PANEL))


async def test_a_deploy_that_died_is_over_once_those_whom_it_told_to_drain_are_gone_and_begun_anew(
    tmp_path: Path,
) -> None:
    serving = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    agi = SimpleNamespace(port=serving.sockets[0].getsockname()[1], drain_seconds=0.3)
    killed = list[float]()

    def begin() -> Any:
        process = SimpleNamespace(kill=lambda: killed.append(time.time()), wait=lambda: 0)
        return SimpleNamespace(process=process)

    lab: Any = SimpleNamespace(
        kept=dict.fromkeys(SERVERS), settings=SimpleNamespace(agi=agi), another_server=begin
    )
    log = tmp_path / "faults.jsonl"
    await Injector(lab, log).run([Fault(0.0, "new server killed", 0.1, 0.5)])
    serving.close()
    told = json.loads(log.read_text())
    assert told["ended"] - killed[0] >= agi.drain_seconds + AGAIN_SECONDS
