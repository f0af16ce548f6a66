"""Whatever is done to a recording that nothing touches any more: killed anywhere, its words can be read."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ivr.settings import ROOT
from ivr.store import key_file
from tests.desk.facts.test_reconcile import put
from tests.voice.test_wave import speech, wav

CONTENT = wav(speech(14.0))  # several pieces of an envelope
NOISE = wav(np.random.default_rng(1).uniform(-32_768, 32_767, 40_000))  # which nothing makes smaller


def headless(content: bytes) -> bytes:
    """As it is where a full disk refused the first block and Asterisk wrote its lengths at the end."""
    return bytes(4) + content[4:8] + b"\xf8\xff" * 16 + content[40:]


# At each step that changes a name or opens a file the process is gone, without another word.
KILLED = """
import hashlib, os, sys
from datetime import timedelta
from pathlib import Path
from ivr.desk.recordings.enclosing import enclose
from ivr.desk.recordings.packing import pack
from ivr.store.recording_files import digest, plain, read
from ivr.voice.riff import with_header

folder, name, sha256, ready = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
settle = {".sealed": enclose, ".flac": pack, ".wav": pack}[ready]
content, day = plain(folder, name).read_bytes(), plain(folder, name).parent
STEPS = ("open", "os.rename", "os.remove", "os.utime")

def run(last):
    steps = 0
    def hook(event, args):
        nonlocal steps
        if event in STEPS:
            steps += 1
            if steps == last:
                os._exit(9)
    sys.addaudithook(hook)
    done = settle(folder, name, sha256, timedelta())
    os._exit(1 if done is None or done is False else 0)

for last in range(1, 100):
    for path in day.iterdir():
        path.unlink()
    plain(folder, name).write_bytes(content)
    child = os.fork()
    if not child:
        run(last)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    there = sorted(path.suffix for path in day.iterdir())
    assert hashlib.sha256(with_header(read(folder, name))).hexdigest() == sha256, there
    print(code, *there)
    assert settle(folder, name, sha256, timedelta()) == settle(folder, name, sha256, timedelta())
    assert digest(folder, name).hex() == sha256
    assert [path.suffix for path in day.iterdir()] == [ready]
    if code == 0:
        break
"""


@pytest.mark.parametrize(
    ("ready", "recorded", "stored"),
    [
        (".sealed", CONTENT, CONTENT),
        (".flac", CONTENT, CONTENT),
        (".sealed", CONTENT, headless(CONTENT)),
        (".flac", CONTENT, headless(CONTENT)),
        (".wav", NOISE, headless(NOISE)),
    ],
)
async def test_killed_between_any_two_steps_it_can_be_read_and_is_finished_later(
    tmp_path: Path, ready: str, recorded: bytes, stored: bytes
) -> None:
    """Also what a full disk refused its head: it has that then, in whatever it lies."""
    key_file.make(tmp_path / "keys" / "recordings")
    folder, name = tmp_path / "recordings", put(tmp_path, stored)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED, str(folder), name, hashlib.sha256(recorded).hexdigest(), ready],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ways = set(done.stdout.split("\n"))
    both = {f"9 {' '.join(sorted((ready, '.wav')))}"} if ready != ".wav" else set()
    assert {"9 .wav", "9 .new .wav", *both, f"9 {ready}", f"0 {ready}"} <= ways, ways
