"""`python -m bench.power`: power cuts under real calls through Asterisk, on ext4 and on XFS.

The state (recordings, journals, codes) and PostgreSQL lie on a file system in an image; there is no second
volume. At random moments the image is cloned as it is at that instant (FICLONE: nothing is flushed for it,
and nothing gets in between); what only this machine's memory knows is not in the clone, as after a power cut.
Each clone is then mounted, and what callers had been told by then is looked for: every word before "your
words are safe" in a recording whose file is there, every code in a journal's line that is whole. Then the
hotline is begun again on it (`bench.power.begun_again`): PostgreSQL repairs itself, what the journals have
comes into the books, and each code must open a case of her who was told it, each word be in a case, and none
of the next codes be one that was given. The callers' own logs say what they were told.

Exit 1 when anything that was acknowledged is missing, or no word or no code was. With `--unflushed` the
product's own flush is taken out (`bench.power.unflushed`), and exit 1 says that nothing was missing: that the
bench finds no losses. Needs root with CAP_SYS_ADMIN, loop devices, mkfs.ext4 and mkfs.xfs (Debian: xfsprogs;
the images lie on an XFS of their own, which can clone). Not tried: a disk that says "flushed" and lies.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import say
from bench.chaos.evidence import Call, told_calls
from bench.chaos.lab import Disks, LabError, lab
from bench.chaos.run import Asked, run
from bench.images import NoImages, made, mounted
from bench.power.begun_again import STATE, Found, begin_again, judge
from ivr.lab.postgres import PostgresError
from tests.fixtures.small_disk import SmallDisk

MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f", "-m", "reflink=1")}
AGAIN = {"ext4": "loop", "xfs": "loop,nouuid"}  # how a clone is mounted
IMAGE_BYTES, HOST_BYTES = 1 << 30, 24 << 30  # sparse
FICLONE = 0x40049409  # linux/fs.h
FIRST_SECONDS = 12.0  # until then nobody has been told anything


@dataclass(frozen=True, slots=True)
class Cut:
    """A clone, and the moment before it was made (seconds since 1970)."""

    image: Path
    at: float


def main() -> None:
    """One line a cut."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.power",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--on", action="append", choices=[*MAKE], help="only on this; both otherwise")
    parser.add_argument("--cuts", type=int, default=20, help="on each file system (20)")
    parser.add_argument("--seconds", type=float, default=90.0, help="of calls on each (90)")
    parser.add_argument("--rate", type=int, default=4, help="new calls a second (4)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--quick", action="store_true", help="three cuts on each within half a minute")
    parser.add_argument(
        "--unflushed",
        action="store_true",
        help="recordings are not flushed: exit 0 when that is found",
    )
    asked = parser.parse_args()
    cuts, seconds = (3, 30.0) if asked.quick else (asked.cuts, asked.seconds)
    looked = list[list[Found]]()
    for kind in asked.on or MAKE:
        try:
            ivr = "bench.power.unflushed" if asked.unflushed else "ivr.cli"
            found = asyncio.run(power_cuts(kind, cuts, seconds, asked.rate, asked.seed, ivr))
        except (NoImages, LabError, PostgresError) as error:
            sys.exit(str(error))
        for n, each in enumerate(found, 1):
            print(f"{kind}, cut {n}: {each}", *each.missing, sep="\n", flush=True)
        gone = sum(len(each.missing) for each in found)
        words, codes = sum(each.words for each in found), sum(each.codes for each in found)
        told = f"{words} words and {codes} codes acknowledged, {gone} missing"
        print(f"{kind}, seed {asked.seed}, {len(found)} cuts: {told}", flush=True)
        looked.append(found)
    sys.exit(0 if proven(looked, asked.unflushed) else 1)


def proven(looked: Sequence[Sequence[Found]], unflushed: bool) -> bool:
    """That nothing is missing, of words and codes on each file system; `unflushed`: that something is."""
    sample = all(any(cut.words for cut in cuts) and any(cut.codes for cut in cuts) for cuts in looked)
    return sample and any(cut.missing for cuts in looked for cut in cuts) == unflushed


async def power_cuts(
    kind: str, cuts: int, seconds: float, rate: int, seed: int, ivr: str = "ivr.cli"
) -> list[Found]:
    """What each of them left. `ivr`: the module that serves. Raises NoImages, LabError."""
    home = Path(tempfile.mkdtemp(prefix="power-", dir="/tmp"))  # short: a socket's path has 107 bytes
    try:
        host, disk = home / "host", home / "disk"
        with made(home / "host.img", host, HOST_BYTES, *MAKE["xfs"]):
            image = host / "state.img"
            with made(image, disk, IMAGE_BYTES, *MAKE[kind]):
                logs = home / "logs"
                logs.mkdir()
                asked = Asked(seed, seconds, rate, ())
                clones = await _call_and_cut(home, disk, image, logs, asked, cuts, ivr)
            calls = told_calls(logs)
            return [await _look(cut, kind, home / "cut", calls, logs) for cut in clones]
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _call_and_cut(
    home: Path, disk: Path, image: Path, logs: Path, asked: Asked, cuts: int, ivr: str
) -> list[Cut]:
    chance = random.Random(f"power {asked.seed}")
    at = sorted(chance.uniform(FIRST_SECONDS, asked.seconds + FIRST_SECONDS) for _ in range(cuts))
    for name in (STATE, "postgres"):
        (disk / name).mkdir()
    (home / "postgres").symlink_to(disk / "postgres")
    state = SmallDisk(disk / STATE, "loop", disk / ".ballast")
    async with lab(home, Disks(state, alone=True), ivr=ivr) as line:
        cutting = asyncio.create_task(_cut(image, at))
        await run(line, asked, logs)
        return await cutting


async def _cut(image: Path, at: list[float]) -> list[Cut]:
    began, clones = time.monotonic(), list[Cut]()
    for n, moment in enumerate(at):
        await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
        clones.append(await asyncio.to_thread(_clone, image, image.with_name(f"cut{n}.img")))
        say(f"  power cut {n + 1} at {moment:.1f} s")
    return clones


def _clone(image: Path, to: Path) -> Cut:
    at = time.time()
    with image.open("rb") as one, to.open("wb") as other:
        fcntl.ioctl(other, FICLONE, one.fileno())
    return Cut(to, at)


async def _look(cut: Cut, kind: str, place: Path, calls: list[Call], logs: Path) -> Found:
    with mounted(cut.image, place, AGAIN[kind]):
        return judge(cut.at, calls, await begin_again(place, logs))


if __name__ == "__main__":
    main()
