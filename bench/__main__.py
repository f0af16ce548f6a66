"""`make bench`: every bench one after the other, each in a process of its own. `--quick` is passed on.

Beside each stands how busy others kept the machine just before and after it. One that misses while that was
more than DISTURBED is run once more, and that counts. What has a run of its own is only named. Exit 1 when
one misses a target.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import psutil

LOOK_SECONDS = 3.0
DISTURBED = 25.0  # per cent of all cores
APART = {"soak": "takes an hour and 20 GB: `make soak`"}


def busy() -> float:
    """Per cent of the cores that others use, while none of our benches runs."""
    return float(psutil.cpu_percent(LOOK_SECONDS))


def attempt(name: str, *passed_on: str) -> tuple[bool, bool]:
    """Whether it met its targets, and whether it was disturbed."""
    print(f"== bench.{name} {' '.join(passed_on)}", flush=True)
    before = busy()
    met = not subprocess.run([sys.executable, "-m", f"bench.{name}", *passed_on], check=False).returncode
    after, load = busy(), os.getloadavg()[0]
    found = "met" if met else "MISSED"
    print(f"-- {found}; others used {before:.0f} % of {os.cpu_count()} cores before it", end="")
    print(f" and {after:.0f} % after it (load {load:.1f})", flush=True)
    return met, max(before, after) > DISTURBED


def benches() -> list[str]:
    """The folders of bench/ that have a __main__, and no run of their own."""
    found = sorted(place.parent.name for place in Path(__file__).parent.glob("*/__main__.py"))
    return [name for name in found if name not in APART]


def main() -> None:
    """Run them all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the short form of each")
    passed_on = ["--quick"] if parser.parse_args().quick else []
    missed = []
    for name in benches():
        met, disturbed = attempt(name, *passed_on)
        if not met and disturbed:
            print("-- disturbed: once more", flush=True)
            met, _ = attempt(name, *passed_on)
        if not met:
            missed.append(name)
    for name, why in APART.items():
        print(f"== bench.{name} is left out: it {why}", flush=True)
    sys.exit(f"a target was missed in: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
