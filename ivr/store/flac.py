"""A recording in half its room: FLAC (RFC 9639), from which every byte of it comes back.

What stands around the samples, the WAV's head, goes along as a comment; so whoever has no server plays the
file as it is, and whoever asks us gets what was recorded, under the same hash.
"""

from __future__ import annotations

import base64
import io

import soundfile

MARK = b"fLaC"
HEAD = 44  # bytes before the first sample, as Asterisk writes them
_EFFORT = 0.5  # of FLAC's levels: more takes twice the time for a hundredth of the room
_PCM_MONO = b"fmt \x10\0\0\0\1\0\1\0"  # 16 bytes of format follow: PCM, one channel


class NotFlac(Exception):
    """Bytes that can't be brought back; one sentence."""


def packed(content: bytes) -> bytes:
    """A WAV of 16 bits and one channel as FLAC; b"" when it is none, or would not come back as it is."""
    head, samples = content[:HEAD], content[HEAD : HEAD + (len(content) - HEAD) // 2 * 2]
    rate = int.from_bytes(head[24:28], "little")
    if head[12:24] != _PCM_MONO or head[34:40] != b"\x10\0data" or not samples or not 0 < rate <= 655_350:
        return b""
    out = io.BytesIO()
    form = {"format": "FLAC", "subtype": "PCM_16", "compression_level": _EFFORT}
    with soundfile.SoundFile(out, "w", samplerate=rate, channels=1, **form) as file:
        file.comment = " ".join(
            base64.b64encode(part).decode() for part in (head, content[HEAD + len(samples) :])
        )
        file.buffer_write(samples, "int16")
    made = out.getvalue()
    try:
        return made if unpacked(made) == content else b""
    except NotFlac:
        return b""


def is_whole(content: bytes) -> bool:
    """Whether it holds as many samples as its own head says."""
    try:
        return bool(unpacked(content))
    except NotFlac:
        return False


def unpacked(content: bytes) -> bytes:
    """The WAV that was packed. Raises NotFlac."""
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            head, _, tail = file.comment.partition(" ")
            samples = bytes(file.buffer_read(dtype="int16"))
            if len(samples) != 2 * file.frames:
                raise NotFlac(f"it ends after {len(samples) // 2} of {file.frames} samples")
            return base64.b64decode(head) + samples + base64.b64decode(tail)
    except (soundfile.LibsndfileError, ValueError, RuntimeError) as error:
        raise NotFlac(f"it is no FLAC of ours: {error}") from None
