"""What the injector writes down is what was done, for the accountant believes it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.chaos import injector
from bench.chaos.faults import Fault
from bench.chaos.injector import Injector
from bench.chaos.lab import SERVERS, LabError


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
