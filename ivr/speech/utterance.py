"""One utterance through pyttsx3, in a process of its own (`ivr.speech.synth` starts it).

Reads one JSON object from standard input: `text`, `voice`, `rate` (words a minute), `pitch` (0–99), `wav`
(where to write). Exits 0 only when the whole utterance is in that file; otherwise the reason stands in one
line on standard error. pyttsx3 itself prints to standard output, which nobody reads.

Run by its path, not as a module: start-up is most of the cost, so it imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any


def load_espeak() -> None:
    """Put the packaged library where pyttsx3's own `dlopen("libespeak-ng.so.1")` finds it."""
    import espeakng_loader

    loader: Any = espeakng_loader
    os.environ["ESPEAK_DATA_PATH"] = loader.get_data_path()
    ctypes.CDLL(loader.get_library_path(), mode=ctypes.RTLD_GLOBAL)


def speak(order: dict[str, Any]) -> None:
    """Write the utterance. Raises on an unknown voice, which pyttsx3 passes over in silence."""
    from pyttsx3.drivers import _espeak
    from pyttsx3.engine import Engine

    problems: list[BaseException] = []
    finished: list[bool] = []
    engine = Engine("espeak")
    engine.connect("error", lambda name, exception: problems.append(exception))
    engine.connect("finished-utterance", lambda name, completed: finished.append(completed))
    if _espeak.SetVoiceByName(order["voice"].encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {order['voice']!r}")
    for name in ("voice", "rate", "pitch"):
        engine.setProperty(name, order[name])
    engine.save_to_file(order["text"], order["wav"])
    # Not runAndWait: it cancels whatever espeak's own thread holds at that moment, which may be the rate just
    # set (one utterance in thirty came out at the default one) or the utterance, and it returns too early.
    # This loop ends when the file is written; one that never ends is ended by the parent's time-out.
    engine.startLoop()
    if problems or finished != [True]:
        raise problems[0] if problems else RuntimeError("the utterance was cut short")


def main() -> int:
    try:
        load_espeak()
        speak(json.load(sys.stdin))
    except Exception as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # espeak's own clean-up has been seen to abort
