"""Each role of `ivr serve` dies by itself, in the middle of real calls, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from ivr.lab.asterisk import Program
from ivr.lab.caller import PutDown, Speak
from ivr.lab.pace import patience
from ivr.settings import Serve
from tests.fixtures.hotline import Hotline, fresh_number, running_hotline
from tests.lab.test_hotline import TO_THE_BEEP
from tests.lab.test_workers import WHOLE, completed, one_whole_case
from tests.web.test_metrics import metrics


@pytest.fixture
async def house(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str
) -> AsyncIterator[Hotline]:
    """Everything for one test alone, each role in a process of its own."""
    async with running_hotline(programs, stand_ins, postgres_url, template, serve=Serve()) as running:
        yield running


def process(hotline: Hotline, role: str) -> psutil.Process:
    """The one that does it now."""
    started = psutil.Process(hotline.server.process.pid).children()
    return next(each for each in started if _does(each, role))


def _does(process: psutil.Process, role: str) -> bool:
    """One that has just died is no longer of that name for us; one just begun has it not yet."""
    try:
        return process.name() == f"ivr {role}" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_who_speaks_notices_nothing_when_panel_and_work_die_and_is_in_the_books_soon_after(
    house: Hotline,
) -> None:
    number = fresh_number()
    calling = asyncio.create_task(completed(house, number))
    await house.recording_grown()
    for role in ("panel", "work"):
        process(house, role).kill()
    await calling
    assert house.fallbacks == []
    await one_whole_case(house, number)
    await house.ready()
    found = dict[str, float]()
    async with asyncio.timeout(patience(30)):
        while [found.get(f'ivr_processes{{role="{role}"}}') for role in ("calls", "panel", "work")] != [
            1,
            1,
            1,
        ]:
            await asyncio.sleep(0.1)  # the work has its books in order before it says that it is there
            found = (await metrics(house))[1]
    looks = (
        f'ivr_loop_lag_seconds_bucket{{role="calls",le="+Inf",process="calls-{process(house, "calls").pid}"}}'
    )
    assert found[looks] > 0


async def test_the_calls_die_and_her_words_become_a_case_by_the_work_that_lives(house: Hotline) -> None:
    number, later = fresh_number(), fresh_number()
    steps = (*TO_THE_BEEP, Speak(5), PutDown())
    calling = asyncio.create_task(house.call(*steps, number=number))
    await house.recording_grown()
    (died := process(house, "calls")).kill()
    assert (await calling).completed
    case = await house.case_of(number, 40)
    assert (case["topic"], case["events"][0]["details"]["recovered"]) == ("water.supply", True)
    await house.ready()
    assert process(house, "calls") != died
    await completed(house, later)
    await one_whole_case(house, later)


async def test_at_the_end_the_last_call_is_finished_and_in_the_books_before_all_are_gone(
    house: Hotline,
) -> None:
    number = fresh_number()
    started = psutil.Process(house.server.process.pid).children()
    calling = asyncio.create_task(house.call(*WHOLE, number=number))
    await house.recording_grown()
    house.server.process.terminate()
    assert (await calling).completed
    assert await asyncio.to_thread(house.server.process.wait, patience(30)) == 0
    assert not any(each.is_running() for each in started)
    assert len(await house.cases_of(number)) == 1
