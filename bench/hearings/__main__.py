"""`python -m bench.hearings`: many offices, each from its seed. Exit 1 when one of them broke a promise.

`--seeds 300`, `--first 1`, `--steps 120`: which. `--story SEED`: that one alone, step by step.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.hearings.world import HearingWorld
from ivr.desk.editing.seeding import seed as plant
from ivr.lab import postgres
from ivr.settings import ROOT
from ivr.store import schema
from ivr.store.engine import make_engine
from tests.fixtures.database import create, drop, named, run

SEEDS, STEPS = 300, 120


def main() -> None:
    """One line for each world, and for each thing that is wrong in it."""
    asked = argparse.ArgumentParser(prog="python -m bench.hearings", description=__doc__)
    asked.add_argument("--seeds", type=int, default=SEEDS)
    asked.add_argument("--first", type=int, default=1)
    asked.add_argument("--steps", type=int, default=STEPS)
    asked.add_argument("--story", type=int)
    asked.add_argument("--quick", action="store_true", help="a tenth of them")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="seda-m") as folder:
        Path(folder).chmod(0o755)
        server = postgres.start(Path(folder))
        try:
            wrong = asyncio.run(_live(server.url, Path(folder), given))
        finally:
            server.stop()
    sys.exit(1 if wrong else 0)


async def _live(url: str, folder: Path, given: argparse.Namespace) -> int:
    await run(url, "ALTER SYSTEM SET fsync = off")
    await run(url, "SELECT pg_reload_conf()")
    await create(url, "template_of_ours")
    await schema.upgrade(named(url, "template_of_ours"), postgres.SERVICE)
    engine = make_engine(named(url, "template_of_ours"))
    await plant(engine, ROOT / "db/seed/east-azerbaijan")
    await engine.dispose()
    many = given.seeds // 10 if given.quick else given.seeds
    seeds = [given.story] if given.story is not None else range(given.first, given.first + many)
    began, wrong, steps = time.monotonic(), 0, 0
    for seed in seeds:
        await create(url, f"world_{seed}", "template_of_ours")
        engine = make_engine(named(url, f"world_{seed}"))
        world = HearingWorld(seed, engine, folder / f"{seed}", given.steps)
        found = await world.run()
        steps += world.done
        wrong += bool(found)
        if given.story is not None:
            print("\n".join(world.story))
        for each in found or [f"{world.done} steps, nothing wrong"]:
            print(f"seed {seed}: {each}", flush=True)
        await engine.dispose()
        await drop(url, f"world_{seed}")
    took = time.monotonic() - began
    print(f"{len(seeds)} worlds, {steps} steps in {took:.0f} s, {wrong} with something wrong")
    return wrong


if __name__ == "__main__":
    main()
