"""Where the audio lies. Imports nothing heavy: the server asks here too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

WAV_HEADER = 44  # bytes
PROJECT = Path(__file__).resolve().parents[2]  # where `python -m ivr.…` finds us


def wav_path(out: Path, language: str, id: str) -> Path:
    """`<out>/<language>/<id, dots as folders>.wav`"""
    return out / language / f"{id.replace('.', '/')}.wav"


def recording_of(recorded: Sequence[Path], language: str, id: str) -> Path | None:
    """A recording given for this prompt, its file named by the id with dots or with folders.

    `recorded`: the folders to look into, in this order.
    """
    for folder in recorded:
        for path in (folder / language / f"{id}.wav", wav_path(folder, language, id)):
            if path.is_file():
                return path
    return None


def is_audio(wav: Path) -> bool:
    """Whether the file is there and holds more than a header."""
    try:
        return wav.stat().st_size > WAV_HEADER
    except OSError:
        return False
