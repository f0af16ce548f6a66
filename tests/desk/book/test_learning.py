"""A suggester that is learned beside the calls."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from ivr.cases.suggest import Suggester
from ivr.desk.book.learning import Learning
from ivr.desk.book.seeds import SeedError
from tests.fixtures.database import SEED

TEXTS = ("آب نداریم", "تو صوفیان آسفالت کوچه مون خرابه", "bargh nadarim gaz ham ghate", "یک نفر رسیدگی کند")
MOST_HERE = 0.3  # seconds of a core in this process; learning takes a whole one


async def test_it_is_learned_once_by_another_process_and_answers_as_if_learned_here(
    suggester: Suggester,
) -> None:
    learning, began = Learning(SEED), time.process_time()
    one, other = await asyncio.gather(learning.suggester(), learning.suggester())
    assert time.process_time() - began < MOST_HERE
    assert one is other
    assert one.threshold == pytest.approx(suggester.threshold, abs=1e-4)
    for text in TEXTS:
        here, there = suggester.suggest(text), one.suggest(text)
        assert (there.agency, there.topic, there.doubt, there.town) == (
            here.agency,
            here.topic,
            here.doubt,
            here.town,
        )
        assert there.confidence == pytest.approx(here.confidence, abs=1e-4)


async def test_what_is_wrong_with_the_files_is_told_as_when_they_are_read_here(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match=r"areas\.yaml can't be read"):
        await Learning(tmp_path).suggester()


async def test_who_stops_waiting_leaves_no_process() -> None:
    before = children()
    waiting = asyncio.create_task(Learning(SEED).suggester())
    while not (begun := children() - before):
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not begun & children()


def children() -> set[str]:
    return {
        child for each in Path("/proc/self/task").glob("*/children") for child in each.read_text().split()
    }
