"""`python -m bench.keeping`: what a day's backup reads and writes of many cases, beside one with all rows.

A PostgreSQL of its own with the cases of bench/panel, their events, calls and letters; no recordings. Exit 1
when a day takes more than its share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from bench import say
from bench.escalation.books import books, write
from bench.panel.books import YEARS, fill, tell
from bench.panel.serving import person
from ivr.cases.roles import Role
from ivr.desk.keeping import backed_up
from ivr.desk.keeping.backup import Backup
from ivr.desk.keeping.restore import restore
from ivr.store.backup_chain import Archived, newest, write_list
from ivr.store.engine import make_engine

SHARE = 0.1  # of what a backup with all rows takes, a day's takes at most …
FEW_SHARE = 0.2  # … where there are few: a range is a megabyte, of whatever books
FEW = 100_000
DAYS = 3
SQL = Path(__file__).with_name("day.sql")
# Of the cases' own files the books say that they are gone.
NO_FILES = ("UPDATE recordings SET removed_at = now(), erased_at = now()", "VACUUM FULL recordings")


@dataclass(frozen=True)
class Taken:
    """Of one backup: rows in it, its bytes, seconds of this process' CPU and on the clock."""

    rows: int
    size: int
    cpu: float
    seconds: float


@dataclass
class Result:
    """`nothing`: right after the first one. `restored`: seconds on the clock."""

    cases: int
    whole: Taken
    nothing: Taken
    days: list[Taken] = field(default_factory=list)
    restored: float = 0.0


async def measure(folder: Path, count: int) -> Result:
    async with books(folder, "keeping") as (engine, page):
        say(f"{count:,} cases …")
        now = datetime.now(UTC)
        await fill(engine, page, count, now, (await person(engine, Role.SUPERVISOR, now)).id)
        await tell(engine)
        await write(engine, *NO_FILES)
        await write(engine, "CREATE DATABASE again")
        result = Result(count, await _backup(engine, folder, 0), await _backup(engine, folder, 1))
        many = max(1, count // (YEARS * 365))
        for day in range(2, 2 + DAYS):
            script = SQL.read_text(encoding="utf-8").replace(":many", str(many)).replace(":day", str(day))
            await write(engine, *script.split(";\n\n"))
            result.days.append(await _backup(engine, folder, day))
            say(f"  day {day - 1}: {result.days[-1]}")
        result.restored = await _restore(engine, folder, 1 + DAYS)
        return result


async def _backup(engine: AsyncEngine, folder: Path, number: int) -> Taken:
    """As `ivr backup --new` does it, behind its own start."""
    path, began, cpu = _archive(folder, number), time.perf_counter(), time.process_time()
    earlier, _ = newest(path.parent, ".tar", ())
    work = Backup(engine, folder / "state", lambda finding: None, earlier=earlier)
    with path.open("wb") as out:
        _, sums = await work.write(out)
    taken = Archived(path.name, sums, path.stat().st_size, work.content["taken_at"])
    write_list(path, [*work.earlier.chain, taken], work.held, ())
    told = {"sums": sums, "rows": work.rows, "copied": work.copied, "lacking": work.lacking}
    await backed_up.keep(engine, path.name, told)
    return Taken(work.copied, path.stat().st_size, time.process_time() - cpu, time.perf_counter() - began)


async def _restore(engine: AsyncEngine, folder: Path, number: int) -> float:
    """Into the database `again`, from all of them."""
    url = engine.url.set(database="again").render_as_string(hide_password=False)
    to, began, last = make_engine(url), time.perf_counter(), _archive(folder, number)
    with last.open("rb") as source:
        await restore(to, folder / "again", source, opens=lambda name: last.with_name(name).open("rb"))
    await to.dispose()
    return time.perf_counter() - began


def _archive(folder: Path, number: int) -> Path:
    path = folder / "backups" / f"{number}.tar"
    path.parent.mkdir(exist_ok=True)
    return path


def show(result: Result) -> None:
    its = {"all rows": result.whole, "nothing new": result.nothing}
    its |= {f"day {number}": day for number, day in enumerate(result.days, start=1)}
    for name, taken in its.items():
        print(
            f"{result.cases:,} cases, {name:<12}{taken.rows:>12,} rows {taken.size / 1e6:9.1f} MB"
            f" {taken.cpu:7.1f} s of CPU {taken.seconds:7.1f} s"
        )
    print(f"restored from all of them in {result.restored:.0f} s")


def missed(result: Result) -> str:
    """In one sentence; "" when nothing was."""
    most = SHARE if result.cases > FEW else FEW_SHARE
    size = max(day.size for day in result.days) / result.whole.size
    cpu = max(day.cpu for day in result.days) / result.whole.cpu
    if max(size, cpu) <= most:
        return ""
    return f"missed ({most:.0%} of all rows): a day writes {size:.0%} and takes {cpu:.0%} of the CPU"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.keeping", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--quick", action="store_true", help="100,000 cases")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-keep-", ignore_cleanup_errors=True) as folder:
        result = asyncio.run(measure(Path(folder), FEW if asked.quick else asked.cases))
    if asked.json:
        print(json.dumps(asdict(result), indent=2))
    else:
        show(result)
    sys.exit(missed(result) or 0)


if __name__ == "__main__":
    main()
