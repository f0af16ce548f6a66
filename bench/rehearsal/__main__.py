"""10,000 calls of 300 different ways through 111.yaml, rehearsed in the tree with the words first.

    python -m bench.rehearsal [--quick]

Processor seconds of one process; the target is below 10.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace
from time import process_time

from bench.rehearsal.lived import lived
from ivr.installation import directory_of
from ivr.settings import ROOT, Settings
from ivr.voice.parse import parse
from ivr.voice.rehearsal import rehearse

TARGET_SECONDS = 10.0
TREES = ROOT / "dialplan" / "menus"


def main() -> None:
    """Exit 1 above the target."""
    parser = argparse.ArgumentParser(prog="python -m bench.rehearsal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 calls")
    many = 1_000 if parser.parse_args().quick else 10_000
    directory = directory_of(Settings())
    before, after = (
        parse((TREES / name).read_bytes(), name) for name in ("111.yaml", "111-words-first.yaml")
    )
    chance = random.Random(7)
    ways = [lived(before, directory, _keys(chance), seconds=chance.uniform(2, 20)) for _ in range(300)]
    calls = [replace(chance.choice(ways), id=str(n)) for n in range(many)]
    began = process_time()
    found = rehearse(before, after, calls, directory)
    took = process_time() - began
    events = sum(len(call.steps) for call in calls)
    print(found.sentence)
    print(f"{many:,} calls of {events:,} events through two trees: {took:.2f} s of a processor")
    most = TARGET_SECONDS * many / 10_000
    sys.exit(f"missed: {took:.2f} s of a processor, at most {most:g}" if took > most else 0)


def _keys(chance: random.Random) -> list[str]:
    """Half come to their end; the others hang up somewhere."""
    topic = chance.choice((["1", "1"], ["2", "1"], ["-", "1", "1"], ["*", "2", "1"], ["0"]))
    whole = ["1", chance.choice("1234"), *topic, chance.choice(("01", "00")), "r:20", "1", "-"]
    return whole if chance.random() < 0.5 else whole[: chance.randrange(len(whole))]


if __name__ == "__main__":
    main()
