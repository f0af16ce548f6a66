"""Words to a WAV file through pyttsx3 and espeak-ng, one process for each utterance.

pyttsx3 hangs in threads, mixes up utterances in one process and fails silently on an unknown voice
(docs/decisions/speech.md): a process that is waited for and then looked at has none of these troubles.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from ivr.speech.telephone import AudioError, Samples, read, to_telephone
from ivr.voice.catalogue import Voice

SECONDS = 20.0  # the longest an utterance may take; a usual one takes 0.07
UTTERANCE = Path(__file__).with_name("utterance.py")


class SynthesisError(Exception):
    """Nothing was spoken. The text is one sentence with the reason."""


def respelt(words: str, voice: Voice) -> str:
    """As espeak-ng must get them: its Azerbaijani makes of one «ğ» a longer vowel, of two the sound too."""
    return words.replace("ğ", "ğğ") if voice.name.partition("+")[0] == "az" else words


def synthesise(words: str, voice: Voice, *, timeout: float = SECONDS) -> Samples:
    """The words in telephone form. Blocks; raises SynthesisError, at the latest after `timeout` seconds."""
    with tempfile.TemporaryDirectory(prefix="seda-speech-") as folder:
        wav = Path(folder) / "utterance.wav"
        _speak(words, voice, wav, timeout)
        try:
            audio = to_telephone(*read(wav))
        except AudioError as error:
            raise SynthesisError(f"the synthesiser wrote no audio for {words[:40]!r}: {error}") from None
    if not audio.any():
        raise SynthesisError(f"nothing in {words[:40]!r} makes a sound")
    return audio


def _speak(words: str, voice: Voice, wav: Path, timeout: float) -> None:
    order = {
        "text": respelt(words, voice),
        "voice": voice.name,
        "rate": voice.rate,
        "pitch": voice.pitch,
        "wav": str(wav),
    }
    try:
        # -P: the script's folder is not put on the module path.
        done = subprocess.run(
            [sys.executable, "-P", str(UTTERANCE)],
            input=json.dumps(order).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SynthesisError(f"the synthesiser did not finish {words[:40]!r} in {timeout:g} s") from None
    except OSError as error:
        raise SynthesisError(f"the synthesiser cannot be started: {error}") from None
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip() or f"it ended with {done.returncode}"
        raise SynthesisError(f"the synthesiser failed on {words[:40]!r}: {reason}")
