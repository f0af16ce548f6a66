"""`python -m bench.packing`: the room that packing saves and the CPU that it and reading take.

Over our own prompts as they come over a line in A-law, or the WAV files of `--files FOLDER` as they
are. No target was set, but that something is packed and each comes back as it was: else exit 1. `--quick`:
fewer.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ivr.commands.output import load_settings
from ivr.speech.sound_forms import ALAW
from ivr.store import flac
from ivr.store.room import BYTES_A_SECOND
from ivr.voice import riff
from ivr.voice.wave import read


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.packing", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--files", type=Path, help="a folder of WAV files instead of our prompts")
    asked = parser.parse_args()
    folder = asked.files or load_settings().sounds
    found = sorted(folder.rglob("*.wav"))[: 40 if asked.quick else 400]
    if not found:
        sys.exit(f"there is no WAV in {folder}: ivr sounds build")
    heard = [path.read_bytes() for path in found]
    figures = measured(heard if asked.files else [_over_the_line(each) for each in heard])
    print(json.dumps(figures, indent=2))
    if why := missed(figures):
        sys.exit(f"missed: {why}")


def missed(figures: dict[str, float]) -> str:
    if not figures["packed"]:
        return "not one recording was packed"
    changed = figures["came back otherwise"]
    return f"{changed:.0f} recordings came back otherwise than they were" if changed else ""


def measured(contents: list[bytes]) -> dict[str, float]:
    """Shares of the room, and microseconds of CPU a recorded second."""
    seconds = sum(len(each) for each in contents) / BYTES_A_SECOND
    packed, packing = _took(lambda: [flac.packed(each) for each in contents])
    back, reading = _took(lambda: [flac.unpacked(each) for each in packed if each])
    given = [content for content, made in zip(contents, packed, strict=True) if made]
    whole = sum(came == content for came, content in zip(back, given, strict=True))
    size = sum(len(made or content) for made, content in zip(packed, contents, strict=True))
    return {
        "files": len(contents),
        "seconds": round(seconds),
        "packed": len(given),
        "came back as they were": whole,
        "came back otherwise": len(given) - whole,
        "room, percent": round(100 * size / sum(len(each) for each in contents), 1),
        "pack, µs a second": round(1e6 * packing / seconds),
        "read, µs a second": round(1e6 * reading / seconds),
    }


def _over_the_line(content: bytes) -> bytes:
    samples, rate = read(content)
    heard = ALAW.decoded(ALAW.encoded((samples * 32_767).astype("<i2")))
    return riff.wav(heard / 32_767, rate)


def _took(do: Callable[[], list[bytes]]) -> tuple[list[bytes], float]:
    began = time.process_time()
    return do(), time.process_time() - began


if __name__ == "__main__":
    main()
