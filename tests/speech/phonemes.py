"""What espeak-ng is going to pronounce, as its own phoneme letters: the nearest thing to an ear here."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import espeakng_loader

AUDIO_OUTPUT_SYNCHRONOUS = 2
CHARS_UTF8 = 1
IPA = 2
STRESS = str.maketrans("", "", "ˈˌ")


@cache
def _espeak() -> Any:
    loader: Any = espeakng_loader
    library = ctypes.CDLL(loader.get_library_path())
    assert library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, loader.get_data_path().encode(), 0) > 0
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    return library


def phonemes(words: str, voice: str) -> str:
    """IPA without stress marks, clauses joined by blanks."""
    espeak = _espeak()
    assert espeak.espeak_SetVoiceByName(voice.encode()) == 0
    rest, clauses = ctypes.c_char_p(words.encode()), []
    while rest.value is not None:
        clause = espeak.espeak_TextToPhonemes(ctypes.byref(rest), CHARS_UTF8, IPA)
        clauses.append((clause or b"").decode().translate(STRESS))
    return " ".join(" ".join(clauses).split())
