"""The short form of `make chaos`: two minutes, every fault that is soon over, and not a word is lost."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from bench.chaos.__main__ import LEFT_OUT
from bench.chaos.faults import FAULTS, LONG, OF_SICK_DISKS

SEED, SECONDS = 111, 120.0
RATE = 3  # calls a second; the long form's are five
KINDS = [kind for kind in FAULTS if kind not in LONG]


@pytest.mark.timeout(1200)
async def test_nothing_is_lost_or_doubled_and_every_code_resolves_whatever_is_killed() -> None:
    # Calls are real time: an Asterisk that the suite's other processes starve loses more than its buffer.
    first = ["nice", "-n", "-10", sys.executable, "-m", "bench.chaos", "--json"]
    asked = ["--seed", str(SEED), "--minutes", str(SECONDS / 60), "--rate", str(RATE)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*first, *asked, stdout=pipe, stderr=pipe)
    said, told = (text.decode() for text in await process.communicate())
    print(told)  # the seed, the schedule, and where the evidence lies
    assert said, told
    report = json.loads(said)
    table = {row["fault"]: row for row in report["table"]}
    assert report["problems"] == [], "\n".join(report["accounts"])
    assert (report["good"], process.returncode) == (True, 0)
    kinds = set(KINDS) - (OF_SICK_DISKS if LEFT_OUT in told else set())
    assert kinds <= set(table) and all(table[kind]["times"] for kind in kinds)
    everything = table["all"]
    assert everything["false_alarms"] == 0
    assert everything["calls"] == SECONDS * RATE
    assert everything["words_kept"] > everything["words"] * 0.7 > everything["calls"] * 1_000 / 600
    assert everything["codes_true"] > everything["calls"] * 400 / 600
    assert everything["outcomes"]["told it is kept"] > 0  # most hear their code as well
