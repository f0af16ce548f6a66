"""Where the audio lies. Imports nothing heavy: the server asks here too."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

WAV_HEADER = 44  # bytes
# What Asterisk calls a file in each codec of a channel.
SUFFIXES: Mapping[str, str] = MappingProxyType(
    {"alaw": ".alaw", "ulaw": ".ulaw", "g722": ".g722", "slin16": ".sln16"}
)
PROJECT = Path(__file__).resolve().parents[2]  # where `python -m ivr.…` finds us


def wav_path(out: Path, language: str, id: str) -> Path:
    """`<out>/<language>/<id, dots as folders>.wav`"""
    return out / language / f"{id.replace('.', '/')}.wav"


def beside(wav: Path, codec: str) -> Path:
    """The same prompt in that codec (`ivr.speech.sound_forms`)."""
    return wav.with_suffix(SUFFIXES[codec])


def unprepared(wav: Path, codecs: Collection[str]) -> Iterator[str]:
    """Those of `codecs` in which the prompt is not there, or not as its WAV is now."""
    made = _time(wav)
    return (codec for codec in codecs if made is None or _time(beside(wav, codec)) != made)


def _time(path: Path) -> int | None:
    """None also of a file with nothing in it, as a power cut leaves one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns if found.st_size else None


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
