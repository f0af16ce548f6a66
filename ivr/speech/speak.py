"""`python -m ivr.speech.speak`: one text to one telephone WAV, outside the server's process.

The server starts it (`ivr.speech.sound_book`), so that neither espeak-ng nor the signal library ever lives in
the process that carries the calls. Reads one JSON object: `pieces` (each `words` and `voice`), `wav`,
`codecs`, `timeout`. Exits 0 when the file is whole, else 1 with the reason on standard error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ivr.speech.sound_forms import put
from ivr.speech.synth import SynthesisError, synthesise
from ivr.speech.telephone import AudioError, Samples
from ivr.voice.catalogue import Voice


def _joined(pieces: list[dict[str, Any]], timeout: float) -> Samples:
    """One after the other. Raises SynthesisError."""
    return np.concatenate(
        [synthesise(piece["words"], Voice(**piece["voice"]), timeout=timeout) for piece in pieces]
    )


def main() -> int:
    order = json.load(sys.stdin)
    try:
        put(Path(order["wav"]), _joined(order["pieces"], order["timeout"]), order["codecs"])
    except (SynthesisError, AudioError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
