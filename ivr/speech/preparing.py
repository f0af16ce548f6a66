"""A person's answer made ready in a process of its own: no signal library beside the calls.

`python -m ivr.speech.preparing WAV FOLDER` prints {name, sha256, seconds}, or {wrong} with the sentence.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from ivr.speech.paths import PROJECT

SECONDS = 30.0


class Unfit(Exception):
    """Can't be an answer; one sentence of `ivr.speech.answer_sound`."""


async def prepared(source: Path, folder: Path) -> tuple[str, str, float]:
    """Name, SHA-256 and seconds of what `answer_sound.prepare` made under `folder`. Raises Unfit."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.speech.preparing", str(source.absolute()), str(folder.absolute()),
        cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
        made = json.loads(said)
    except (TimeoutError, ValueError):
        raise Unfit(f"{source}: could not be made ready") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if "wrong" in made:
        raise Unfit(made["wrong"])
    return made["name"], made["sha256"], made["seconds"]


def main() -> int:
    from ivr.speech.answer_sound import prepare  # here alone, see above
    from ivr.speech.telephone import AudioError

    try:
        made = asdict(prepare(Path(sys.argv[1]), Path(sys.argv[2])))
    except AudioError as error:
        made = {"wrong": str(error)}
    print(json.dumps(made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
