"""A suggester that is learned beside the calls."""

from __future__ import annotations

import asyncio
import resource
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ivr.cases.suggest import Suggester
from ivr.desk.book.learning import Learning
from ivr.desk.book.seeds import SeedError
from tests.fixtures.database import SEED

TEXTS = ("آب نداریم", "تو صوفیان آسفالت کوچه مون خرابه", "bargh nadarim gaz ham ghate", "یک نفر رسیدگی کند")
MOST_HERE = 0.5  # of what the other process uses; a share, for seconds of a core tell of the machine


async def test_it_is_learned_once_by_another_process_and_answers_as_if_learned_here(
    suggester: Suggester,
) -> None:
    learning, here_before, there_before = Learning(SEED), time.process_time(), children_time()
    one, other = await asyncio.gather(learning.suggester(), learning.suggester())
    here, there = time.process_time() - here_before, children_time() - there_before
    assert here < MOST_HERE * there
    assert one is other
    assert one.threshold == pytest.approx(suggester.threshold, abs=1e-4)
    for text in TEXTS:
        mine, theirs = suggester.suggest(text), one.suggest(text)
        assert (theirs.agency, theirs.topic, theirs.doubt, theirs.town) == (
            mine.agency,
            mine.topic,
            mine.doubt,
            mine.town,
        )
        assert theirs.confidence == pytest.approx(mine.confidence, abs=1e-4)


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


def children_time() -> float:
    """Seconds of a core that ended children of this process have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def children() -> set[str]:
    found: set[str] = set()
    for each in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # that thread has just ended
            found |= {*each.read_text().split()}
    return found
