"""`python -m bench.replica`: PostgreSQL goes back in time under calls, by its own means.

Fail-over: the line to a standby by streaming replication is cut, later the first is killed and the standby
promoted. Restore: the first is stopped, and a base backup with its archived WAL brought to a time that is
past (recovery_target_time), promoted and served under the same address. Both, unless one is asked for.

Exit 1 when a call's code then opens no case, or another's, when words are lacking or anything is there twice,
when a code is given twice, or when nobody says how far the database went back, or says it wrongly.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import make_url, text

from bench.replica.going_back import WAYS
from bench.standby import socket_of
from ivr.desk.case.codes import CodeBlock, desk_code
from ivr.desk.editing.seeding import seed
from ivr.desk.reading import as_json
from ivr.lab import postgres
from ivr.settings import ROOT
from ivr.store import schema
from ivr.store.engine import AWAY, make_engine
from ivr.store.journal import journal_marks
from ivr.voice.actions import KeepWords
from tests.desk.office import Office, call, office, opening, words

EXAMPLES = """examples:
  python -m bench.replica                                  three rounds of each
  python -m bench.replica --restore --seconds 30 --behind 20 --json
  python -m bench.replica --quick                          one short round of each: the suite's
"""
EVERY_SECONDS = 0.05  # a call
GIVEN_SECONDS = 0.02  # a number at the desk
AFTER_SECONDS = 2.0  # of calls once the database is back
SLACK = timedelta(seconds=1)  # until a standby that is left hears nothing any more


@dataclass(slots=True)
class Told:
    """What a code must open."""

    call: str
    recordings: int = 1


@dataclass(slots=True)
class Round:
    """`before`: of the calls, until the database went back; `lacking`: facts that it then lacked, as it says;
    `away`: seconds until it took writes again; `given`: codes at the desk and in processes just begun.

    The others must be 0. `lost`: codes that open nothing, cases that lack words; `doubled`: cases or words
    too many; `anothers`: codes that open another call's case, or were given twice; `told_nothing`: calls
    without a code, and a setback of which nobody says anything; `told_wrongly`: one of which is said what is
    untrue.
    """

    way: str
    calls: int = 0
    before: int = 0
    given: int = 0
    lacking: int = 0
    away: float = 0.0
    lost: int = 0
    doubled: int = 0
    anothers: int = 0
    told_nothing: int = 0
    told_wrongly: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.anothers or self.told_nothing or self.told_wrongly)


def main() -> None:
    """One line a round."""
    asked = _arguments()
    logging.disable(logging.CRITICAL)
    found = []
    for way in [way for way in WAYS if getattr(asked, way.replace("-", "_"))] or WAYS:
        for _ in range(asked.rounds):
            with tempfile.TemporaryDirectory(prefix="seda-r") as folder:
                Path(folder).chmod(0o755)
                found.append(asyncio.run(_round(way, Path(folder), asked.seconds, asked.behind)))
            if not asked.json:
                print(*(f"{name} {value}" for name, value in asdict(found[-1]).items()), sep=", ", flush=True)
    good = all(each.good for each in found)
    if asked.json:
        print(json.dumps({"good": good, "rounds": [asdict(each) for each in found]}, indent=2))
    sys.exit(0 if good else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.replica",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fail-over", action="store_true", help="only to a standby that lags")
    parser.add_argument("--restore", action="store_true", help="only a point-in-time restore")
    parser.add_argument("--rounds", type=int, default=3, help="of each (3)")
    parser.add_argument("--seconds", type=float, default=10, help="of calls before it goes back (10)")
    parser.add_argument("--behind", type=float, default=4, help="seconds of them that it then lacks (4)")
    parser.add_argument("--quick", action="store_true", help="one round of 3 seconds, of which 2 are lacking")
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.seconds, asked.behind = 1, 3.0, 2.0
    if not 0 < asked.behind < asked.seconds:
        parser.error("--behind must be more than 0 and less than --seconds")
    return asked


async def _round(way: str, folder: Path, seconds: float, behind: float) -> Round:
    found, going = Round(way), WAYS[way]()
    first = postgres.start(folder / "first")
    await schema.upgrade(first.url, postgres.SERVICE)
    planting = make_engine(first.url)
    await seed(planting, ROOT / "db/seed/east-azerbaijan")
    await planting.dispose()
    servers = await going.prepare(first, folder)
    first = servers[0]
    address = folder / "address"  # what a floating address is elsewhere
    address.symlink_to(socket_of(first))
    engine = make_engine(
        str(make_url(first.url).update_query_dict({"host": str(address)}).render_as_string(False))
    )
    told: dict[str, Told] = {}
    given: list[str] = []
    try:
        async with office(engine, folder / "spool") as desk:
            callers, others = _call(desk, told, found), _give(desk, folder, given)
            busy = [asyncio.create_task(each) for each in (callers, others)]
            await asyncio.sleep(seconds - behind)
            await going.leave()
            to = datetime.now(UTC)
            await asyncio.sleep(behind)
            found.before, stopped = found.calls, datetime.now(UTC)
            servers.append(second := await going.go_back())
            scratch = folder / "address.new"
            scratch.symlink_to(socket_of(second))
            scratch.replace(address)
            found.away = round((datetime.now(UTC) - stopped).total_seconds(), 1)
            await asyncio.sleep(AFTER_SECONDS)
            for task in busy:
                task.cancel()
            for ended in await asyncio.gather(*busy, return_exceptions=True):
                if not isinstance(ended, asyncio.CancelledError):
                    raise RuntimeError("a caller or the desk gave up") from ended
            await desk.pump.idle()
            await _judge(desk, told, given, to, found)
            return found
    finally:
        await engine.dispose()
        for server in servers:
            with suppress(Exception):  # it was killed
                server.stop()


async def _call(desk: Office, told: dict[str, Told], found: Round) -> None:
    while True:
        facts = call()
        code = await desk.intake.open_case(facts, opening())
        found.calls += 1
        if not code:
            found.told_nothing += 1
        elif code in told:
            found.anothers += 1
        else:
            told[code] = Told(facts.id)
            if len(told) % 3 == 0:
                told[code].recordings += 1  # before: who is stopped while she waits has said them
                await desk.intake.keep_words(facts, KeepWords(code, words(), instead=False))
        await asyncio.sleep(EVERY_SECONDS)


async def _give(desk: Office, folder: Path, given: list[str]) -> None:
    """Who else gives codes: people at the desk, and now and then a process that has just begun."""
    for n in range(sys.maxsize):
        with suppress(*AWAY):
            async with desk.engine.begin() as connection:
                code = await desk_code(connection)
            given.append(code)
        if n % 10 == 0:
            codes = CodeBlock(folder / "new" / str(n))
            codes.open()
            with suppress(*AWAY):
                await codes.lease(desk.engine)
                given.append(await codes.take())
            codes.close()
        await asyncio.sleep(GIVEN_SECONDS)


async def _judge(
    desk: Office, told: dict[str, Told], given: Collection[str], to: datetime, found: Round
) -> None:
    found.given = len(given)
    async with desk.engine.connect() as connection:
        found.said = await journal_marks.told(connection)
        setbacks = await journal_marks.setbacks(connection)
        calls = (await connection.execute(text("SELECT call_id, count(*) FROM cases GROUP BY 1"))).all()
    found.doubled = sum(int(many) - 1 for _, many in calls)
    found.lacking = sum(each.applied_again for each in setbacks)
    found.told_nothing += not setbacks
    found.told_wrongly = sum(
        each.beyond or not each.applied_again or each.went_back_to is None or each.went_back_to > to + SLACK
        for each in setbacks
    )
    found.anothers += sum(many - 1 for many in Counter([*told, *given]).values())
    for code, its in told.items():
        case = await as_json.case_json(desk.engine, code)
        if case is None or len(case["recordings"]) < its.recordings:
            found.lost += 1
        elif case["call_id"] != its.call:
            found.anothers += 1
        else:
            found.doubled += len(case["recordings"]) > its.recordings


if __name__ == "__main__":
    main()
