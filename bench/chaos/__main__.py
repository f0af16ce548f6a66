"""`python -m bench.chaos`: calls through a real Asterisk while faults are injected; an account of every word.

Exit 0: nothing lost, nothing doubled, every code resolves, no false alarm. Exit 1: something is wrong, the
evidence is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench import say
from bench.chaos.accountant import Accountant, general_problems
from bench.chaos.evidence import Evidence, Places, from_plain, gather
from bench.chaos.evidence import as_plain as evidence_as_plain
from bench.chaos.faults import CLOSING_SECONDS, FAULTS, LONG, OF_SICK_DISKS, Fault, closing_of, schedule
from bench.chaos.lab import Disks, LabError, lab
from bench.chaos.report import Result, as_json, as_plain, as_text, too_little
from bench.chaos.run import Asked, run
from bench.chaos.seeds import (
    Report,
    as_plain_sum,
    as_text_sum,
    busy_cores,
    code_of,
    commit_of,
    first_of,
    run_seeds,
)
from bench.chaos.sick_disks import Wanted, sick_disks
from bench.chaos.speech import NoSpeech
from bench.images import NoImages
from ivr.lab import asterisk
from ivr.lab.packages import PackagesError
from ivr.lab.postgres import PostgresError
from ivr.settings import ROOT
from ivr.store.engine import plain_url
from tests.fixtures.small_disk import NoSmallDisk, small_disk_of

EXAMPLES = """examples:
  python -m bench.chaos                            ten minutes, a fresh seed, which is printed
  python -m bench.chaos --seed 7                   the same callers and the same schedule again
  python -m bench.chaos --seeds 5 --calls 2000     five seeds, one verdict; again: goes on where it ended;
                                                   each has one of the faults that take long
  python -m bench.chaos --seeds 5 --calls 2000 --busy   the same while all cores are busy
  python -m bench.chaos --long --calls 2000        with fail-overs, a spool set back and the like
  python -m bench.chaos --speech state/sounds      one caller in seven hears built prompts
  python -m bench.chaos --one-disk                 as a default installation, without a second volume
  python -m bench.chaos --minutes 1 --only "Asterisk killed" --only "server killed" --keep /tmp/chaos --json
"""
MOST_CALLS = 9_999  # a word spells its call with four digits
# Beside its words, a recording in progress has three minutes set aside, and a hundred may be in progress.
DISK_BYTES, BYTES_A_CALL = (20 << 20) + 100 * 3_000_000, 110_000
LEFT_OUT = "no disk here can be made to hang or refuse; left out"
JOURNAL_BYTES, DATABASE_BYTES = 128 << 20, 2 << 30


def main() -> None:
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is ended leaves no server, disk or mount
    try:
        with busy_cores((os.cpu_count() or 1) if asked.busy else 0):
            good = _one(asked) if asked.seeds is None else _many(asked)
    except (NoSpeech, LabError, asterisk.LabError, PackagesError, PostgresError, NoSmallDisk) as error:
        sys.exit(str(error))
    sys.exit(0 if good else 1)


def _one(asked: argparse.Namespace) -> bool:
    result = _ran(asked, secrets.randbelow(10**6) if asked.seed is None else asked.seed, asked.keep)
    print(as_json(result) if asked.json else as_text(result))
    return result.good


def _many(asked: argparse.Namespace) -> bool:
    def report(seed: int) -> Report | None:
        try:
            evidence = _ran(asked, seed, None).evidence
            if what(asked) != told:
                say(f"seed {seed}: the code was changed meanwhile, so it counts for nothing")
                return None
            return {"seed": seed, "commit": commit_of(ROOT), "evidence": evidence_as_plain(evidence)}
        except LabError as error:
            say(f"seed {seed}: {error}")
            return None

    def judge(ran: Report) -> Report:
        evidence = from_plain(ran["evidence"])
        return {"commit": ran["commit"], **as_plain(judged(_asked(asked, ran["seed"]), evidence))}

    told = what(asked)
    first = first_of(asked.into, told) if asked.seed is None else asked.seed
    first = secrets.randbelow(10**6) if first is None else first
    reports = run_seeds(range(first, first + asked.seeds), told, asked.into, report, judge)
    found = as_plain_sum(reports, asked.seeds)
    print(json.dumps(found, indent=2) if asked.json else as_text_sum(found, asked.seeds))
    return bool(found["good"])


def what(asked: argparse.Namespace) -> dict[str, str]:
    """By which a report is known to be of the same run."""
    names = ("rate", "minutes", "kinds", "speech", "busy", "one_disk")
    return {name: str(getattr(asked, name)) for name in names} | {"code": code_of(ROOT)}


def _ran(asked: argparse.Namespace, seed: int, keep: Path | None) -> Result:
    return asyncio.run(chaos(_asked(asked, seed), keep, one_disk=has_one_disk(asked, seed)))


def _asked(asked: argparse.Namespace, seed: int) -> Asked:
    seconds = asked.minutes * 60
    faults = schedule(seed, seconds, asked.kinds, closing(asked, seed))
    return Asked(seed, seconds, asked.rate, (*faults,), asked.speech)


def has_one_disk(asked: argparse.Namespace, seed: int) -> bool:
    """Of several seeds every second one, unless it is said which."""
    return bool(asked.one_disk) if asked.one_disk is not None or asked.seeds is None else seed % 2 == 1


def closing(asked: argparse.Namespace, seed: int) -> str:
    """Of several seeds each has one of the faults that take long, where there is room for it."""
    usual = asked.seeds is not None and not asked.long and not asked.only
    room = asked.minutes * 60 >= 2 * CLOSING_SECONDS
    return closing_of(seed, asked.without or ()) if usual and room else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos", description=__doc__, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10.0, help="how long calls are placed (10)")
    parser.add_argument("--calls", type=int, help="how many, instead of how long")
    parser.add_argument(
        "--quick", action="store_true", help="for one minute, as the short form of all benches"
    )
    parser.add_argument("--seed", type=int, help="replays a run; the first of several")
    parser.add_argument(
        "--seeds", type=int, help="so many runs, one table and one verdict; those of the same code are kept"
    )
    parser.add_argument(
        "--into", type=Path, default=Path("var/chaos"), help="where reports of --seeds lie (var/chaos)"
    )
    parser.add_argument("--busy", action="store_true", help="all cores have something else to do meanwhile")
    parser.add_argument("--rate", type=int, default=5, help="new calls a second (5)")
    parser.add_argument("--only", action="append", choices=[*FAULTS], help="only this fault; may be repeated")
    parser.add_argument(
        "--without", action="append", choices=[*FAULTS], help="not this fault; may be repeated"
    )
    parser.add_argument("--long", action="store_true", help="all faults that take long (faults.LONG)")
    parser.add_argument("--keep", type=Path, help="keep the state in this new folder (short path)")
    parser.add_argument(
        "--speech",
        type=Path,
        help="built prompts (state/sounds), which one caller in seven hears",
    )
    disks = parser.add_mutually_exclusive_group()
    disks.add_argument(
        "--one-disk", action="store_true", default=None, help="no second volume; of --seeds else each odd one"
    )
    disks.add_argument(
        "--two-disks", dest="one_disk", action="store_false", default=None, help="a second volume (usual)"
    )
    parser.add_argument("--json", action="store_true", help="stable JSON instead of text")
    asked = parser.parse_args()
    if asked.quick:
        asked.minutes = 1.0
    if asked.calls:
        asked.minutes = asked.calls / asked.rate / 60
    usual = [kind for kind in FAULTS if asked.long or kind not in LONG]
    asked.kinds = [kind for kind in asked.only or usual if kind not in (asked.without or ())]
    if not 0 < asked.minutes * 60 * asked.rate <= MOST_CALLS:
        parser.error(f"minutes × 60 × rate must be from 1 to {MOST_CALLS} calls")
    if asked.keep and asked.seeds:
        parser.error("--keep is for one seed: of several the evidence of those that are not good stays")
    if asked.keep and asked.keep.exists():
        parser.error(f"{asked.keep} is there already: --keep wants a new folder")
    return asked


async def chaos(asked: Asked, keep: Path | None = None, *, one_disk: bool = False) -> Result:
    """One run and its account. The state is removed when all is good and `keep` is not given."""
    home = keep or Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))  # short: a socket's path has 107 bytes
    good = False
    try:
        with _disks(home, asked.calls, one_disk) as disks:
            try:
                result = await _run(asked, home, disks)
                good = result.good
            finally:
                if not good or keep is not None:
                    shutil.copytree(disks.state.path, home / "state", symlinks=True, ignore=_no_sockets)
                    for disk in disks.database:
                        shutil.copytree(disk.path, home / "database", ignore=_no_sockets)
                    say(f"the evidence is kept in {home}")
    finally:
        if good and keep is None:
            shutil.rmtree(home, ignore_errors=True)
    return result


@contextmanager
def _disks(home: Path, calls: int, alone: bool) -> Iterator[Disks]:
    """Those that can be sick too, where this machine lets us have them."""
    size = DISK_BYTES + calls * BYTES_A_CALL
    with ExitStack() as stack:
        state = stack.enter_context(small_disk_of(size))
        wanted = (
            Wanted(state.path / "recordings", size, 2_000 + 3 * calls),
            Wanted(state.path / "spool", JOURNAL_BYTES, 2_000),
            Wanted(home / "postgres", DATABASE_BYTES, 20_000),
        )
        try:
            recordings, journal, database = stack.enter_context(sick_disks(home / "disks", *wanted))
        except NoImages as error:
            say(f"{LEFT_OUT} ({error}): {', '.join(sorted(OF_SICK_DISKS))}")
            yield Disks(state, alone=alone)
        else:
            yield Disks(state, [recordings], [journal], [database], alone)


async def _run(asked: Asked, home: Path, disks: Disks) -> Result:
    asked = replace(asked, schedule=_possible(asked, disks))
    say(f"seed {asked.seed}: {asked.calls} calls, {len(asked.schedule)} faults; in {home}")
    for fault in asked.schedule:
        say(f"  {fault.at:7.1f} s  {fault.kind}" + (f" for {fault.seconds:g} s" if fault.seconds else ""))
    logs = home / "logs"
    logs.mkdir(parents=True)
    async with lab(home, disks, asked.speech) as line:
        await run(line, asked, logs)
        state, second = line.settings.state_path, home / "second"
        roots = {"second/": second / "recordings", "": state / "recordings"}
        pbx = state / "asterisk" / "log" / "messages.log"
        places = Places(logs, roots, (state / "fallback", second / "fallback"), pbx)
        evidence = await gather(places, plain_url(line.url))
    evidence.one_disk = disks.alone
    result = judged(asked, evidence)
    (logs / "report.json").write_text(as_json(result))
    return result


def judged(asked: Asked, evidence: Evidence) -> Result:
    """What the accountant finds in what a run left."""
    accountant = Accountant(evidence)
    verdicts = accountant.verdicts()
    general = [*general_problems(accountant), *too_little(asked.calls, verdicts)]
    return Result(asked.seed, asked.rate, asked.seconds, verdicts, evidence, general)


def _possible(asked: Asked, disks: Disks) -> tuple[Fault, ...]:
    return tuple(fault for fault in asked.schedule if disks.recordings or fault.kind not in OF_SICK_DISKS)


def _no_sockets(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not ((path := Path(folder, name)).is_file() or path.is_dir())}


if __name__ == "__main__":
    main()
