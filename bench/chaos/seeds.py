"""Several seeds one after the other, a report of each in a folder: started again, it goes on where it ended.

A report counts for the code that it is of (`code_of`), and for no other; with it lies what it was judged by,
so an accountant that was mended judges all of them again, and no call is placed anew. One line a seed and one
verdict on all of them. Beside what `report.Result.good` asks of each, less than MOST_EXCUSED of all words may
be excused.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import say
from bench.chaos.report import MOST_EXCUSED

# Heads of the table → what is summed in a report's last row.
COLUMNS = {
    "calls": "calls", "faults": "times", "words": "words", "kept": "words_kept", "excused": "words_excused",
    "only disk's": "words_alone",
    "lost": "words_lost", "doubled": "calls_doubled", "codes": "codes_true", "false codes": "codes_false",
    "cut, no note": "recordings_unmarked", "told nothing": "calls_told_nothing",
    "told wrongly": "told_wrongly", "turned away": "turned_away",
}  # fmt: skip
# What a run is made of. Notes, and tests of something else, leave its reports as they are.
RUNS = (
    "ivr", "dialplan", "sounds", "db", "bench", "tests/fixtures", "config.yaml", "pyproject.toml",
    "requirements.lock", "requirements-dev.lock",
)  # fmt: skip
JUDGES = tuple(f"bench/chaos/{name}.py" for name in ("accountant", "alarms", "report", "seeds"))
BUSY = "import os; ours = os.getppid()\nwhile os.getppid() == ours: pass"  # ends with us, however we do
Report = Mapping[str, Any]


def run_seeds(
    seeds: Sequence[int],
    asked: Mapping[str, Any],
    folder: Path,
    one: Callable[[int], Report | None],
    judge: Callable[[Report], Report],
) -> list[Report]:
    """`one` runs a seed (None: it could not, so is tried again next time), unless its report lies there.

    `judge` gives the report of what a seed left, from a run of now or of before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = list[Report]()
    for seed in seeds:
        path = folder / f"{seed}.json"
        left = folder / f"{seed}.evidence"
        if (ran := _there(left, asked)) is not None:
            say(f"seed {seed}: run before, see {path}")
        elif (new := one(seed)) is not None:
            ran = {"asked": asked, **new}
            _write(left, json.dumps(ran))
        if ran is not None:
            found.append({"asked": asked, **judge(ran)})
            _write(path, json.dumps(found[-1], indent=2))
    return found


def _write(path: Path, text: str) -> None:
    half = path.with_suffix(".new")
    half.write_text(text)
    half.replace(path)


def first_of(folder: Path, asked: Mapping[str, Any]) -> int | None:
    """The lowest seed of which a report of that run lies there."""
    found = (path for path in folder.glob("*.evidence") if path.stem.isdecimal() and _there(path, asked))
    return min((int(path.stem) for path in found), default=None)


def code_of(root: Path) -> str:
    """What runs there, whether it is in a commit or not: one word that is another for any change of it, but
    of who judges what it left.
    """
    whole = hashlib.sha256()
    for path in sorted(path for name in RUNS for path in (root / name, *(root / name).rglob("*"))):
        if path.is_file() and path.suffix != ".pyc" and str(path.relative_to(root)) not in JUDGES:
            whole.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
            whole.update(path.read_bytes())
    return whole.hexdigest()[:12]


def commit_of(root: Path) -> str:
    """For who reads a report. Where there is no git, nothing."""
    try:
        asked = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def as_plain_sum(reports: Sequence[Report], wanted: int) -> dict[str, Any]:
    """For JSON: a row a seed, all of them, and whether it is good: each of the `wanted` is."""
    rows = [
        {"seed": each["seed"], "disks": 2 - each["one_disk"], "good": each["good"], **_row(each)}
        for each in reports
    ]
    whole = {name: sum(row[name] for row in rows) for name in COLUMNS}
    share = (whole["excused"] - whole["only disk's"]) / max(1, whole["words"])
    reasons = sorted({reason for report in reports for reason in report["excused"]})
    return {
        "good": len(rows) == wanted and all(row["good"] for row in rows) and share < MOST_EXCUSED,
        "excused_share": round(share, 5),
        "only_disk_share": round(whole["only disk's"] / max(1, whole["words"]), 5),
        "excused": {why: sum(report["excused"].get(why, 0) for report in reports) for why in reasons},
        "seeds": rows,
        "all": whole,
        "problems": [f"seed {report['seed']}: {each}" for report in reports for each in report["problems"]],
    }


def as_text_sum(plain: Mapping[str, Any], wanted: int) -> str:
    """The same to read."""
    heads = ["seed", "disks", *COLUMNS, "good"]
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    for row in [*plain["seeds"], {"seed": "all", "disks": "", "good": plain["good"], **plain["all"]}]:
        cells = [row["seed"], row["disks"], *(row[name] for name in COLUMNS), "yes" if row["good"] else "NO"]
        lines.append(" | ".join(map(str, cells)))
    share = f"{100 * plain['excused_share']:.2f} % excused (less than {100 * MOST_EXCUSED:g} % may be)"
    share += f" and {100 * plain['only_disk_share']:.2f} % that an only disk did not take"
    verdict = "GOOD" if plain["good"] else "NOT GOOD"
    return "\n".join(
        [
            *(f"| {line} |" for line in lines),
            "",
            *(f"excused: {many} words {why}" for why, many in plain["excused"].items()),
            *(f"PROBLEM  {each}" for each in plain["problems"]),
            f"{len(plain['seeds'])} of {wanted} seeds, {plain['all']['calls']} calls, {share}: {verdict}",
        ]
    )


@contextmanager
def busy_cores(many: int) -> Iterator[None]:
    """So many processors have something else to do meanwhile."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(many)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def _there(path: Path, asked: Mapping[str, Any]) -> Report | None:
    try:
        report: Report = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return report if report.get("asked") == asked else None


def _row(report: Report) -> dict[str, int]:
    everything = report["table"][-1]
    return {head: everything[name] for head, name in COLUMNS.items()}
