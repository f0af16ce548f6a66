"""`python -m bench.replica`: PostgreSQL and a standby by streaming replication, under calls.

The line between them is cut, later the first is killed and the standby promoted. Exit 1 when a code then
opens no case, or another's, or anything is there twice, or nobody says so. `--rounds 3`, `--seconds 10` of
calls, `--behind 4` seconds that the standby lacks.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, text

from bench.standby import fail_over, leave_behind, socket_of, standby
from ivr.desk.case.codes import desk_code
from ivr.desk.editing.seeding import seed
from ivr.desk.reading import as_json
from ivr.lab import postgres
from ivr.settings import ROOT
from ivr.store import schema
from ivr.store.engine import AWAY, make_engine
from ivr.store.journal import journal_marks
from ivr.voice.actions import KeepWords
from tests.desk.office import Office, call, office, opening, words

EVERY_SECONDS = 0.05  # a call


@dataclass(slots=True)
class Told:
    """What a code must open."""

    call: str
    recordings: int = 1


def main() -> None:
    """One line a round."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=10)
    asked.add_argument("--behind", type=float, default=4)
    asked.add_argument("--quick", action="store_true", help="one round")
    given = asked.parse_args()
    logging.disable(logging.CRITICAL)
    wrong = 0
    for number in range(1 if given.quick else given.rounds):
        with tempfile.TemporaryDirectory(prefix="seda-r") as folder:
            Path(folder).chmod(0o755)
            wrong += asyncio.run(_round(Path(folder), given.seconds, given.behind, number + 1))
    sys.exit(1 if wrong else 0)


async def _round(folder: Path, seconds: float, behind: float, number: int) -> int:
    first = postgres.start(folder / "first")
    await schema.upgrade(first.url, postgres.SERVICE)
    planting = make_engine(first.url)
    await seed(planting, ROOT / "db/seed/east-azerbaijan")
    await planting.dispose()
    second = standby(first, folder / "second")
    address = folder / "address"  # what a floating address is elsewhere
    address.symlink_to(socket_of(first))
    engine = make_engine(
        str(make_url(first.url).update_query_dict({"host": str(address)}).render_as_string(False))
    )
    told: dict[str, Told] = {}
    try:
        async with office(engine, folder / "spool") as desk:
            calling = asyncio.create_task(_call(desk, told))
            await asyncio.sleep(seconds - behind)
            await leave_behind(second)
            await asyncio.sleep(behind)
            at_once = len(told)
            await fail_over(first, second)
            scratch = folder / "address.new"
            scratch.symlink_to(socket_of(second))
            scratch.replace(address)
            await asyncio.sleep(2)
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            await desk.pump.idle()
            return await _judge(desk, told, at_once, number)
    finally:
        await engine.dispose()
        second.stop()
        with suppress(Exception):  # it was killed
            first.stop()


async def _call(desk: Office, told: dict[str, Told]) -> None:
    while True:
        facts = call()
        code = await desk.intake.open_case(facts, opening())
        told[code] = Told(facts.id)
        if len(told) % 3 == 0:
            await desk.intake.keep_words(facts, KeepWords(code, words(), instead=False))
            told[code].recordings += 1
        if len(told) % 20 == 0:  # somebody at the desk takes numbers, too
            with suppress(*AWAY):
                async with desk.engine.begin() as connection:
                    await desk_code(connection)
        await asyncio.sleep(EVERY_SECONDS)


async def _judge(desk: Office, told: dict[str, Told], before: int, number: int) -> int:
    async with desk.engine.connect() as connection:
        said = await journal_marks.told(connection)
        calls = (await connection.execute(text("SELECT call_id, count(*) FROM cases GROUP BY 1"))).all()
    twice = sum(int(many) - 1 for _, many in calls)
    found: Counter[str] = Counter()
    for code, its in told.items():
        case = await as_json.case_json(desk.engine, code)
        if case is None or case["call_id"] != its.call:
            found["no case of hers"] += 1
        else:
            found["whole" if len(case["recordings"]) == its.recordings else "not whole"] += 1
    given = f"{len(told)} codes, {before} of them before the fail-over"
    print(f"round {number}: {given}: {dict(found)}, {twice} twice;",
          "; ".join(said) or "nobody says that it went back", flush=True)  # fmt: skip
    return len(told) - found["whole"] + twice + (not said)


if __name__ == "__main__":
    main()
