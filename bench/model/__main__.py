"""`python -m bench.model`: many worlds, each from its seed. Exit 1 when one of them lost or doubled anything.

`--seeds 2000`, `--first 1`: which. `--story SEED`: that one alone, step by step; with `--lies`, as it was.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from bench.model.world import Powers, World
from ivr.desk.editing.seeding import seed as plant
from ivr.desk.facts import strays
from ivr.lab import postgres
from ivr.settings import ROOT
from ivr.store import schema
from ivr.store.engine import make_engine
from tests.fixtures.province import book_of

SEEDS = 1_000


def main() -> None:
    """One line for each world in which something is wrong."""
    asked = argparse.ArgumentParser(prog="python -m bench.model", description=__doc__)
    asked.add_argument("--seeds", type=int, default=SEEDS)
    asked.add_argument("--first", type=int, default=1)
    asked.add_argument("--story", type=int)
    asked.add_argument("--lies", action="store_true")
    asked.add_argument("--quick", action="store_true", help="a tenth of them")
    given = asked.parse_args()
    strays.TAKEN_SECONDS = 0.0  # an hour is a moment here
    logging.disable(logging.CRITICAL)  # what is damaged is told thousands of times
    many = given.seeds // 10 if given.quick else given.seeds
    with tempfile.TemporaryDirectory(prefix="seda-w") as folder:
        Path(folder).chmod(0o755)
        server = postgres.start(Path(folder))
        try:
            wrong = asyncio.run(_live(server.url, Path(folder), given, many))
        finally:
            server.stop()
    sys.exit(1 if wrong else 0)


async def _live(url: str, folder: Path, given: argparse.Namespace, many: int) -> int:
    await schema.upgrade(url, postgres.SERVICE)
    engine, one = make_engine(url), make_engine(url, pool=1)
    await plant(engine, ROOT / "db/seed/east-azerbaijan")
    book, began, wrong = book_of(engine), time.monotonic(), 0
    if given.story is not None:
        seeds, kinds = [given.story], [Powers(given.lies)]
    else:
        seeds, kinds = [*range(given.first, given.first + many)], [Powers(), Powers(lies=True)]
    for powers in kinds:
        for seed in seeds:
            world = World(seed, folder / f"{powers.lies:d}" / f"{seed}", one, book, powers)
            found = await world.run()
            wrong += bool(found)
            for each in found:
                print(f"seed {seed}{' --lies' if powers.lies else ''}: {each}", flush=True)
            if given.story is not None:
                print("\n".join(world.story))
    await engine.dispose()
    worlds = len(seeds) * len(kinds)
    print(f"{worlds} worlds in {time.monotonic() - began:.0f} s, {wrong} with something wrong")
    return wrong


if __name__ == "__main__":
    main()
