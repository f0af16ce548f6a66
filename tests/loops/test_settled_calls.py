"""A key on a call of ours counts before she is thanked for it, whatever becomes of the call."""

from __future__ import annotations

import errno
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call import intake
from ivr.lab.pace import patience
from ivr.store.journal import pen
from tests.asterisk.pretend import Pretend
from tests.desk.call.test_callbacks import row
from tests.desk.meetings.hall import hall
from tests.desk.meetings.test_order_answers import called, ordered
from tests.desk.meetings.test_order_giving import NEAR, listed
from tests.desk.office import office
from tests.loops.carried import carried
from tests.loops.test_rescue import line_of, tree


@dataclass
class Thanked(Pretend):
    """Keeps what a kill -9 of the server would leave once she hears that what she said is noted."""

    journal: Path = Path()
    left: Path = Path()

    async def during(self, line: str) -> None:
        if "/sounds/order.done" in line:
            shutil.copytree(self.journal, self.left / "journal")


async def test_what_she_said_of_an_order_counts_though_the_server_is_killed_over_the_thanks_for_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await hall(engine)
    _, [part] = await ordered(at, "abfa")
    placing = await called(at, NEAR)
    assert placing is not None
    state, left = tmp_path / "state", tmp_path / "left"
    ours = Thanked("1", arguments=("callback", str(placing.id)), journal=state / "journal", left=left)
    async with office(engine, state, pumping=False) as desk:
        await carried(line_of(desk, tree()), ours, tmp_path)
    for folder in (left, state):  # and where it lives on, the end of her call says nothing new
        async with office(engine, folder) as desk:
            await desk.pump.idle()
        [seen] = await listed(at)
        assert (seen.part.said, (await row(engine)).state) == ("order_done", "reached")
        assert (await at.events(part)).count("order_said") == 1


@pytest.mark.parametrize("fails", [False, True])
async def test_whose_key_a_disk_that_hangs_did_not_take_hears_that_nobody_knows_and_it_counts_later(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Also where it refuses the key as it wakes, and takes the end of her call before it."""
    at = await hall(engine)
    await ordered(at, "abfa")
    placing = await called(at, NEAR)
    assert placing is not None
    real, well = pen._write_all, threading.Event()  # a disk that sleeps between two writes
    refused = [OSError(errno.EIO, "Input/output error")] if fails else []

    def asleep(fd: int, content: bytes) -> None:
        well.wait(patience(60))
        if refused and b"our_call_settled" in content:
            raise refused.pop()
        real(fd, content)

    async with office(engine, tmp_path) as desk:
        monkeypatch.setattr(pen, "_write_all", asleep)
        monkeypatch.setattr(intake, "JOURNAL_SECONDS", 0.2)
        try:
            ours = Pretend(keys="1", arguments=("callback", str(placing.id)))
            await carried(line_of(desk, tree()), ours, tmp_path / "recordings")
        finally:
            well.set()
        assert "/sounds/verdict.unsure" in ours.played and "/sounds/order.done" not in ours.played
        await desk.journal.flush()
        await desk.pump.idle()
    [seen] = await listed(at)
    assert (seen.part.said, (await row(engine)).last_outcome) == ("order_done", "order_done")
