"""`python -m ivr.speech.recognise MODEL WAV`: the words of a WAV by a transducer of sherpa-onnx.

MODEL is a folder with one each of `*encoder*.onnx`, `*decoder*.onnx`, `*joiner*.onnx` (of several the one
with int8 in its name) and `tokens.txt`, as the project publishes them. Prints the words; exits 1 with one
sentence. Needs the extra `recognition`.
"""

from __future__ import annotations

import sys
import wave
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2


def main(model: str, wav: str) -> int:
    try:
        recogniser = load(Path(model))
        with wave.open(wav, "rb") as sound:
            rate = sound.getframerate()
            raw = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        stream = recogniser.create_stream()
        stream.accept_waveform(rate, raw.astype(np.float32) / 32_768)  # it resamples by itself
        recogniser.decode_stream(stream)
    except (ImportError, OSError, EOFError, ValueError, RuntimeError, wave.Error) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    print(stream.result.text)
    return 0


def lacking(folder: Path) -> str:
    """Why there is no recogniser in that folder, without loading it; "" when all is there."""
    try:
        for part in ("encoder", "decoder", "joiner"):
            _one(folder, part)
    except OSError as error:
        return str(error)
    if not (folder / "tokens.txt").is_file():
        return f"{folder / 'tokens.txt'} is not there"
    return "" if find_spec("sherpa_onnx") else "sherpa-onnx is not installed"


def load(folder: Path) -> Any:
    """Raises ImportError without the extra, OSError when a file is not there, what sherpa raises."""
    files = {part: str(_one(folder, part)) for part in ("encoder", "decoder", "joiner")}
    tokens = folder / "tokens.txt"
    if not tokens.is_file():
        raise OSError(f"{tokens} is not there")
    import sherpa_onnx

    return sherpa_onnx.OfflineRecognizer.from_transducer(
        **files, tokens=str(tokens), num_threads=THREADS, decoding_method="greedy_search"
    )


def _one(folder: Path, part: str) -> Path:
    found = sorted(folder.glob(f"*{part}*.onnx"), key=lambda path: ("int8" not in path.name, path.name))
    if not found:
        raise OSError(f"{folder} holds no *{part}*.onnx")
    return found[0]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("python -m ivr.speech.recognise MODEL WAV")
    sys.exit(main(*sys.argv[1:]))
