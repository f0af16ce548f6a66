"""Where the audio lies. Imports nothing heavy: the server asks here too."""

from __future__ import annotations

from pathlib import Path

WAV_HEADER = 44  # bytes


def wav_path(out: Path, language: str, id: str) -> Path:
    """`<out>/<language>/<id, dots as folders>.wav`"""
    return out / language / f"{id.replace('.', '/')}.wav"


def recording_of(recorded: Path, language: str, id: str) -> Path | None:
    """A recording given for this prompt, its file named by the id with dots or with folders."""
    for path in (recorded / language / f"{id}.wav", wav_path(recorded, language, id)):
        if path.is_file():
            return path
    return None


def is_audio(wav: Path) -> bool:
    """Whether the file is there and holds more than a header."""
    try:
        return wav.stat().st_size > WAV_HEADER
    except OSError:
        return False
