"""`python -m bench.recordings`: real recordings of every packetisation on a line that is well.

Exit 0: as many called as were asked, nobody was called cut, turned away or asked again, and all they sent is
in its file. Exit 1: not so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np

from bench import say
from bench.chaos import tones
from bench.chaos.lab import ASTERISK, Disks, Lab, LabError, lab
from bench.chaos.run import settled
from bench.recordings.judge import Judged, judge
from bench.recordings.patterns import CODECS, short
from bench.recordings.phones import BEEP_PACKETS
from ivr.lab import asterisk
from ivr.lab.media import babble
from ivr.lab.packages import PackagesError
from ivr.lab.postgres import PostgresError
from ivr.store.engine import plain_url
from tests.fixtures.small_disk import NoSmallDisk, small_disk_of

SPEECH_SECONDS, SILENCE_SECONDS = 1.4, 0.5
MODULES = ("res_convert", "codec_g722", "codec_opus_open_source", "format_ogg_opus_open_source")
DISK_BYTES, BYTES_A_CALL = 400 << 20, 80_000


def main() -> None:
    asked = _arguments()
    try:
        found = asyncio.run(recordings(asked.calls, asked.seed, asked.rate, asked.at_once, asked.keep))
    except (LabError, asterisk.LabError, PackagesError, PostgresError, NoSmallDisk) as error:
        sys.exit(str(error))
    print(json.dumps(found.as_plain(), indent=2))
    sys.exit(0 if found.good else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.recordings", description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000, help="how many recordings (5000)")
    parser.add_argument("--quick", action="store_true", help="each codec, length and habit once: the suite's")
    parser.add_argument("--seed", type=int, default=111)
    parser.add_argument("--rate", type=int, default=4, help="new calls a second (4)")
    parser.add_argument("--at-once", type=int, default=60, help="no more calls than so many (60)")
    parser.add_argument("--keep", type=Path, help="keep the state in this new folder (short path)")
    asked = parser.parse_args()
    asked.calls = len(short()) if asked.quick else asked.calls
    return asked


async def recordings(calls: int, seed: int, rate: int, at_once: int, keep: Path | None = None) -> Judged:
    """One run and what the books say of it."""
    home = keep or Path(tempfile.mkdtemp(prefix="rec-", dir="/tmp"))  # short: a socket's path has 107 bytes
    home.mkdir(exist_ok=True)
    try:
        with small_disk_of(DISK_BYTES + calls * BYTES_A_CALL) as disk:
            logs = home / "logs"
            logs.mkdir(parents=True)
            async with lab(home, Disks(disk)) as line:
                sounds = await asyncio.to_thread(_prepare, line, home)
                await line.ready()
                say(f"{calls} calls, {rate} a second, at most {at_once} at once; in {home}")
                await _call(line, logs, sounds, calls, seed, rate, at_once)
                await settled(line)
                return await judge(logs / "calls.jsonl", plain_url(line.url), calls)
    finally:
        if keep is None:
            shutil.rmtree(home, ignore_errors=True)


async def _call(line: Lab, logs: Path, sounds: Path, calls: int, seed: int, rate: int, at_once: int) -> None:
    with (logs / "callers.err").open("wb") as errors:
        callers = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.recordings.callers", "--folder", str(logs), "--sounds", str(sounds),
            "--port", str(line.settings.sip.port), "--extension", line.settings.calls.extension,
            "--seed", str(seed), "--rate", str(rate), "--at-once", str(at_once), "--calls", str(calls),
            "--", *line.sipp, stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    assert callers.stdout is not None
    told = 0.0
    async for text in callers.stdout:
        if (now := asyncio.get_running_loop().time()) - told > 30:
            told = now
            say(f"  {text.decode().strip()}")
    if await callers.wait():
        raise LabError(f"the callers failed: {(logs / 'callers.err').read_text()[-2000:]}")


def _prepare(line: Lab, home: Path) -> Path:
    """Let Asterisk speak every codec, encode what is said in each, and make the beep the longest sound."""
    program = asterisk.asterisk(say)
    _speak_all(line)
    sounds = home / "sounds"
    sounds.mkdir()
    _write(sounds / "speech.wav", babble(SPEECH_SECONDS))
    _write(sounds / "silence.wav", tones.tone(tones.SILENT, round(SILENCE_SECONDS * 50)))
    for beep in line.settings.sounds.rglob("beep.wav"):
        _write(beep, tones.tone(tones.line_of("beep"), BEEP_PACKETS + 6))
    said = ""
    for name in ("speech", "silence"):
        path = sounds / name
        convert = [f"file convert {path}.wav {path}.{codec}" for codec in CODECS]
        said += asterisk.console(program, line.settings, convert)
    missing = [codec for codec in CODECS if not (sounds / f"speech.{codec}").exists()]
    if missing:
        raise LabError(f"Asterisk can't encode {', '.join(missing)}: {said}")
    return sounds


def _speak_all(line: Lab) -> None:
    """Started again with every codec; the lab itself, like a trunk here, speaks A-law and µ-law only."""
    etc, kept = line.settings.state_path / "asterisk" / "etc", line.kept[ASTERISK]
    endpoints, modules = etc / "pjsip.conf", etc / "modules.conf"
    endpoints.write_text(endpoints.read_text().replace("allow = alaw,ulaw", f"allow = {','.join(CODECS)}"))
    modules.write_text(modules.read_text() + "".join(f"load = {name}.so\n" for name in MODULES))
    kept.child.stop(8)
    kept.child = kept.again()


def _write(path: Path, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, tones.RATE, 0, "NONE", ""))
        sound.writeframes(samples.astype("<i2").tobytes())


if __name__ == "__main__":
    main()
