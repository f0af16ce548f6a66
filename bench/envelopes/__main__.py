"""`python -m bench.envelopes`: the cost of envelopes for each recorded second, and of a range's first byte.

Without the disk's own flushes the CPU's share shows; with them what the pass really takes. `--quick`: fewer.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from ivr.desk.recordings.enclosing import enclose
from ivr.store import envelope, key_file, recording_files
from ivr.store.key_file import KeyFile
from ivr.store.room import BYTES_A_SECOND


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.envelopes", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=int, default=60, help="of a recording (60)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seda-") as folder:
        print(json.dumps(measured(Path(folder), asked.seconds, 20 if asked.quick else 200), indent=2))


def measured(state: Path, seconds: int, many: int) -> dict[str, float]:
    """Microseconds, the median of so many."""
    key_file.make(state / "keys" / "recordings")
    folder, keys = state / "recordings", KeyFile(state / "keys" / "recordings")
    folder.mkdir()
    content = os.urandom(seconds * BYTES_A_SECOND)
    sha256 = hashlib.sha256(content).hexdigest()
    closed = recording_files.closed(folder, "one")

    def again() -> None:
        recording_files.forget(folder, "one")
        recording_files.plain(folder, "one").write_bytes(content)

    def range_of(path: Path) -> None:
        with recording_files.opened_at(path, folder) as file:
            file.seek(len(content) // 2)
            file.read(1)

    def whole(path: Path) -> None:
        with recording_files.opened_at(path, folder) as file:
            file.read()

    hashing = _median(many, lambda: hashlib.sha256(content).digest())
    closing = _median(many, lambda: envelope.write(io.BytesIO(content), io.BytesIO(), keys))
    whole_pass = _median(many, lambda: enclose(folder, "one", sha256, timedelta()), again)
    opening, first = _median(many, lambda: whole(closed)), _median(many, lambda: range_of(closed))
    key_file.add(state / "keys" / "recordings")
    rewrapping = _median(1, lambda: envelope.rewrap(closed, keys))
    again()
    plain = recording_files.plain(folder, "one")
    reading, plain_first = _median(many, lambda: whole(plain)), _median(many, lambda: range_of(plain))
    return {
        "hash, a recorded second": hashing / seconds,
        "close with its hash, a recorded second": closing / seconds,
        "the whole pass with its flushes, a recorded second": whole_pass / seconds,
        "the whole pass, a recording": whole_pass,
        "open, a recorded second": opening / seconds,
        "read the plain file, a recorded second": reading / seconds,
        "first byte in the middle, of an envelope": first,
        "first byte in the middle, of a plain file": plain_first,
        "another key for an envelope, with its flushes": rewrapping,
        "larger by, percent": 100 * (envelope.size_outside(len(content)) / len(content) - 1),
    }


def _median(many: int, do: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    found = []
    for _ in range(many):
        before()
        began = time.perf_counter()
        do()
        found.append(1e6 * (time.perf_counter() - began))
    return sorted(found)[len(found) // 2]


if __name__ == "__main__":
    main()
