"""`python -m bench.publishing`: ten revisions published during 50 live calls through a real Asterisk.

Each revision says goodbye in other words, so that a sound is made for each. The calls' own rows tell which
revision they went through: of the calls that began after a publication and still went the older way, the last
one says how long it took. Every call has to come to its end with its case, on the tree that it began with.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.calls import callers
from bench.calls.books import settled
from bench.calls.hotline import BenchError, Hotline, hotline
from ivr.desk.book import menus
from ivr.desk.trees import drafts
from ivr.desk.trees.publishing import publish_draft
from ivr.installation import tree_check
from ivr.lab import asterisk as lab
from ivr.lab.packages import PackagesError
from ivr.speech.sound_book import SoundBook
from ivr.store.engine import async_url, make_engine
from ivr.store.tables import calls
from ivr.voice.words_in_text import with_words

LIVE, RATE = 50, 8  # calls under way before the first is published; new ones a second
REVISIONS, APART = 10, 0.9  # seconds
TAKES = 2.5  # seconds at most that one more is saved, checked, spoken and published, with APART
TARGET = 1.0  # seconds from a publication to the last call that goes the older way
WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """`slowest`: seconds. `used`: revisions that calls went through. `live`: calls at the first of them."""

    revisions: int
    live: int
    calls: int
    completed: int
    cases: int
    used: int
    slowest: float

    @property
    def missed(self) -> list[str]:
        whole = self.completed == self.calls == self.cases
        told = [] if whole else [f"{self.completed} of {self.calls} calls completed, {self.cases} cases"]
        late = [f"a call went the older way {self.slowest:.2f} s after"] if self.slowest >= TARGET else []
        few = [] if self.used > self.revisions else [f"only {self.used} revisions were used"]
        return told + late + few


def main() -> None:
    """Exit 0 when every target is met, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m bench.publishing", description=__doc__)
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    parser.add_argument("--quick", action="store_true", help="the same: it takes three minutes")
    asked = parser.parse_args()
    try:
        found = asyncio.run(_bench())
    except (BenchError, lab.LabError, PackagesError) as error:
        sys.exit(str(error))
    if asked.json:
        print(json.dumps(asdict(found) | {"missed": found.missed}))
    else:
        print(f"{found.revisions} revisions published, {found.live} calls under way at the first")
        print(f"{found.completed} of {found.calls} calls completed, {found.cases} cases")
        print(f"the last call on an older tree began {found.slowest:.3f} s after the newer was published")
    sys.exit("; ".join(found.missed) or 0)


async def _bench() -> Found:
    with tempfile.TemporaryDirectory(prefix="bench-publishing-") as folder:
        async with hotline(Path(folder)) as line:
            engine = make_engine(async_url(line.database_url))
            try:
                return await _measure(line, engine, Path(folder))
            finally:
                await engine.dispose()


async def _measure(line: Hotline, engine: AsyncEngine, state: Path) -> Found:
    sip, many = line.settings.sip, LIVE + RATE * int(REVISIONS * TAKES + 4)
    sipp = lab.sipp(say)
    load = callers.Load((sip.host, sip.port), many, RATE, many)
    calling = asyncio.create_task(
        callers.run(list(sipp.command), load, callers.complaint(line.settings, sipp), state)
    )
    live = await _until_live(engine, calling)
    say(f"{live} calls under way; {REVISIONS} revisions …")
    await _publish(line, engine)
    outcome = await calling
    books = await settled(line, outcome.completed)
    used, slowest = await _used(engine, line.settings.calls.menu)
    return Found(REVISIONS, live, many, outcome.completed, books.cases, used, slowest)


async def _until_live(engine: AsyncEngine, calling: asyncio.Task[callers.Outcome]) -> int:
    under_way = select(func.count()).where(calls.c.ended_at.is_(None))
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            async with engine.connect() as connection:
                if (many := (await connection.execute(under_way)).scalar_one()) >= LIVE:
                    return int(many)
            if calling.done():
                raise BenchError(f"never {LIVE} calls at the same time: {calling.result()}")
            await asyncio.sleep(0.05)


async def _publish(line: Hotline, engine: AsyncEngine) -> None:
    """As a page does: saved, checked, spoken, published."""
    settings = line.settings
    name, prove = settings.calls.menu, tree_check(settings)
    book = SoundBook(settings.sounds, settings.calls.languages, settings.sip.codecs)
    now = await menus.current(engine, name)
    assert now is not None
    for n in range(REVISIONS):
        words = f"خدا نگهدار شما، این نسخهٔ {n + 1} است."
        text = with_words(now.text, "goodbye", {"fa": words})
        draft = await drafts.save_draft(engine, name, text, "bench", f"{n + 1}")
        await drafts.check_draft(engine, name, draft.number, "bench", prove)
        if await book.speak(words, "fa") is None:
            raise BenchError("the words could not be spoken")
        await publish_draft(engine, name, draft.number, "bench", "", datetime.now(UTC))
        await asyncio.sleep(APART)


async def _used(engine: AsyncEngine, name: str) -> tuple[int, float]:
    """How many revisions calls went through; the longest time for which calls still began on an older one."""
    history = sorted(await menus.history(engine, name), key=lambda each: each.number)
    query = (
        select(calls.c.menu_revision, func.max(calls.c.started_at))
        .where(calls.c.menu_name == name)
        .group_by(calls.c.menu_revision)
    )
    async with engine.connect() as connection:
        last = {int(number): at for number, at in await connection.execute(query) if number}
    return len(last), _slowest([(each.number, each.at) for each in history], last)


def _slowest(history: Sequence[tuple[int, datetime]], last: dict[int, datetime]) -> float:
    late = [
        (last[number] - replaced).total_seconds()
        for (number, _), (_, replaced) in pairwise(history)
        if number in last
    ]
    return max(0.0, *late) if late else 0.0


if __name__ == "__main__":
    main()
