"""What the processes of a machine tell, joined: who is late is believed a while, who is gone is not."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ivr.desk.facts.gauges import Gauge
from ivr.lab.pace import patience
from ivr.loops import telling
from ivr.loops.household import NO_CALLS, SILENT_SECONDS, Household
from ivr.loops.lag import Lag
from ivr.loops.telling import ALIVE, GAUGES, READY, Sayings, Telling, is_alive
from ivr.store.journal.bell import reachable
from ivr.web.health import Report
from ivr.web.metrics import text

WELL = {"draining": False, "checks": {"database": ""}, "warnings": []}


async def test_one_late_answer_is_no_trouble_and_silence_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(seconds: float) -> None:
        monkeypatch.setattr(telling, "ANSWER_SECONDS", seconds)

    waits(0.05)
    awake, now = asyncio.Event(), 100.0

    async def calls() -> Any:
        await awake.wait()
        return WELL

    async def panel() -> Any:
        return WELL

    house = Household(tmp_path, "panel-1", {READY: panel}, ["calls", "panel"], lambda: now)
    process = Telling(tmp_path, "calls-2", {READY: calls})
    await process.open()
    assert (await house.ready()).checks["calls"] == NO_CALLS  # it has never told that it is well
    awake.set()
    waits(patience(20))
    assert not any((await house.ready()).checks.values())
    awake.clear()
    waits(0.05)
    assert await house.ready() == Report({"database": "", "calls": ""}, [])
    now += SILENT_SECONDS
    report = await house.ready()
    assert report.checks["calls"] == NO_CALLS and report.warnings == ["calls-2 does not answer"]
    awake.set()
    waits(patience(20))
    assert not any((await house.ready()).checks.values())
    process.close()  # who is gone is missed at once
    assert (await house.ready()).checks["calls"] == NO_CALLS


async def test_a_process_that_could_not_be_asked_is_again_whatever_was_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[Exception] = [OSError(28, "No space left on device"), ValueError("a path of tomorrow")]

    def in_the_way(folder: Path) -> AbstractContextManager[str]:
        if faults:
            raise faults.pop(0)
        return reachable(folder)

    async def alive() -> bool:
        return True

    monkeypatch.setattr(telling, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(telling, "reachable", in_the_way)
    process = Telling(tmp_path, "calls-2", {ALIVE: alive})
    await process.open()
    async with asyncio.timeout(patience(10)):
        while faults or not await is_alive(tmp_path, "calls-2"):
            await asyncio.sleep(0.01)
    process.close()
    assert "a path of tomorrow" in caplog.text


async def test_what_only_grows_is_told_of_each_process_so_that_a_silent_one_lowers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(many: int, calls: int) -> Sayings:
        lag = Lag("calls", lambda: 0.0)
        for _ in range(many):
            lag.saw(0.0)
        told = [
            *lag.gauges(),
            Gauge("ivr_loop_failures", "…", many, {"loop": "codes"}),
            Gauge("ivr_enquiries", "…", many, {"host": "post", "result": "ok"}),
            Gauge("ivr_calls_live", "…", calls),
        ]

        async def gauges() -> list[dict[str, Any]]:
            return [asdict(each) for each in told]

        return {GAUGES: gauges}

    async def page() -> list[str]:
        return text(await house.gauges()).splitlines()

    house = Household(tmp_path, "calls-1", of(3, 1), ["calls"])
    process = Telling(tmp_path, "calls-2", of(5, 2))
    await process.open()
    both = await page()
    one = {
        'ivr_loop_lag_seconds_bucket{role="calls",le="+Inf",process="calls-1"} 3',
        'ivr_loop_failures{loop="codes",process="calls-1"} 3',
        'ivr_enquiries{host="post",result="ok",process="calls-1"} 3',
    }
    other = {line.replace("calls-1", "calls-2").replace("} 3", "} 5") for line in one}
    assert one | other | {"ivr_calls_live 3"} <= set(both)
    for name, kind in (
        ("loop_lag_seconds", "histogram"),
        ("loop_failures", "counter"),
        ("enquiries", "counter"),
    ):
        assert both.count(f"# TYPE ivr_{name} {kind}") == 1  # all of one name together
    process.close()
    alone = await page()
    assert one <= set(alone) and not other & set(alone)
