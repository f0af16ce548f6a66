"""The short form of `python -m bench.replica`: a database that really goes back under calls, either way."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from bench.replica.going_back import WAYS


@pytest.mark.parametrize("way", WAYS)
async def test_no_call_and_no_code_is_lost_doubled_or_another_s_when_the_database_goes_back(way: str) -> None:
    command = [sys.executable, "-m", "bench.replica", "--quick", "--json", f"--{way}"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    said, told = (text.decode() for text in await process.communicate())
    assert said, told
    found = json.loads(said)
    assert (found["good"], process.returncode) == (True, 0), said
    [round] = found["rounds"]
    assert round["way"] == way and round["lacking"] and round["calls"] > round["before"] and round["given"]
