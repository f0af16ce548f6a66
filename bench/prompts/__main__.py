"""`python -m bench.prompts [--calls 20] [--seconds 30] [--quick] [--json]`: Asterisk's CPU for speech.

As root (SIPp). Callers who speak A-law, then such as speak G.722, hear one long prompt: from its WAV alone,
then from the form beside it that `ivr sounds build` prepares. What the same calls take with a second of it is
taken off. Exit 1 when Asterisk opens another file than it should.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from bench import say
from bench.calls import callers, cpu
from bench.calls.hotline import environment
from ivr.installation import load_secrets
from ivr.lab import asterisk as lab
from ivr.lab.process import Child
from ivr.settings import Settings
from ivr.speech.paths import SUFFIXES
from ivr.speech.sound_forms import put
from ivr.speech.telephone import RATE

PLAN = """[seda111-inbound]
exten => {extension},1,Answer()
 same => n,Playback({prompt})
 same => n,Hangup()
"""


# What SIPp offers instead of A-law.
G722 = {"RTP/AVP 8 96": "RTP/AVP 9 96", "rtpmap:8 PCMA/8000": "rtpmap:9 G722/8000"}
SPOKEN: dict[str, dict[str, str]] = {"alaw": {}, "g722": G722}


def main() -> None:
    """Exit 1 when Asterisk plays another file than it should."""
    parser = argparse.ArgumentParser(prog="python -m bench.prompts", description=__doc__)
    parser.add_argument("--calls", type=int, default=20, help="at once")
    parser.add_argument("--seconds", type=int, default=30, help="of speech in each call")
    parser.add_argument("--quick", action="store_true", help="10 calls of 10 s")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.quick:
        asked.calls, asked.seconds = 10, 10
    found = {codec: _measured(codec, asked.calls, asked.seconds) for codec in SPOKEN}
    if asked.json:
        print(json.dumps(found))
    for codec, rows in found.items() if not asked.json else ():
        print(
            f"{codec}: ms of CPU a second of speech: WAV {rows['wav']:.2f}, prepared {rows['prepared']:.2f}"
        )


def _measured(codec: str, calls: int, seconds: int) -> dict[str, float]:
    """Milliseconds of CPU for each second heard, from the WAV and from the form beside it."""
    os.environ["IVR_SIP__CODECS"] = json.dumps([codec])
    with (
        tempfile.TemporaryDirectory(prefix="bench-prompts-", dir="/tmp") as folder,
        environment(Path(folder), "postgresql://nobody@127.0.0.1:1/none") as settings,
    ):
        put(settings.sounds / "fa" / "beep.wav", np.zeros(RATE), ())
        prompt = settings.sounds / "fa" / "speech.wav"
        spent = {}
        for name, long, forms in (("call", 1, ()), ("wav", seconds, ()), ("prepared", seconds, (codec,))):
            put(prompt, _babble(long), forms)
            spent[name], opened = asyncio.run(_spent(settings, prompt, codec, calls))
            if opened != {SUFFIXES[forms[0]] if forms else ".wav"}:
                sys.exit(f"{codec}, {name}: Asterisk had {sorted(opened)} open")
            say(f"{codec}, {name}: {spent[name]:.2f} s")
        heard = calls * (seconds - 1) / 1000
        return {name: round((spent[name] - spent["call"]) / heard, 3) for name in ("wav", "prepared")}


def _babble(seconds: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    moment = np.arange(seconds * RATE) / RATE
    return np.asarray(0.3 * np.sin(2 * np.pi * (300 + 200 * np.sin(2 * np.pi * moment)) * moment), np.float64)


async def _spent(settings: Settings, prompt: Path, codec: str, calls: int) -> tuple[float, set[str]]:
    """CPU seconds of an Asterisk that plays it to so many callers at once, and the form that it had open."""
    child = await asyncio.to_thread(_started, settings, prompt)
    try:
        before = cpu.seconds(child.process.pid)
        sipp, sip = lab.sipp(say), settings.sip
        load = callers.Load((sip.host, sip.port), calls, 10, calls)
        text = scenario_of(codec, settings.calls.extension)
        calling = asyncio.create_task(callers.run([*sipp.command], load, text, settings.state_path))
        opened: set[str] = set()
        while not calling.done():
            opened |= await asyncio.to_thread(_opened, child.process.pid, prompt)
            await asyncio.sleep(0.2)
        outcome = await calling
        if outcome.completed != calls:
            sys.exit(f"{outcome.failed} of {calls} calls failed")
        return cpu.seconds(child.process.pid) - before, opened
    finally:
        await asyncio.to_thread(child.stop, 5)


def scenario_of(codec: str, extension: str) -> str:
    """Callers who speak that, say nothing and listen."""
    head = callers.HEAD.format(extension=extension, area="0412", sdp=callers.SDP.format(version=1))
    ways = {"same": callers.SAME, "sdp": callers.SDP.format(version=2), "speaking": ""}
    text = head + callers.TAIL.format(**ways, piece=1000 * callers.PIECE)
    for usual, instead in SPOKEN[codec].items():
        text = text.replace(usual, instead)
    return text


def _opened(process: int, prompt: Path) -> set[str]:
    """The suffixes under which it has the prompt open."""
    found = set()
    for handle in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            path = handle.readlink()
            found |= {path.suffix} if path.stem == prompt.stem else set()
    return found


def _started(settings: Settings, prompt: Path) -> Child:
    """The lab's Asterisk with a plan that only plays: started once for its configuration, then on ours."""
    program, secrets = lab.asterisk(say), load_secrets(settings)
    lab.start(program, settings, secrets).stop(5)
    home = settings.state_path / "asterisk"
    plan = PLAN.format(extension=settings.calls.extension, prompt=prompt.with_suffix(""))
    (home / "etc" / "extensions.conf").write_text(plan)
    command: Sequence[str] = [*program.command, "-C", str(home / "etc" / "asterisk.conf"), "-f", "-n"]
    return lab.launch(command, settings, secrets, home / "log" / "console.log")


if __name__ == "__main__":
    main()
