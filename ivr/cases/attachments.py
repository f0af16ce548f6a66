"""What may be attached to a case: an image or a PDF, told by its bytes, whatever its name says. Pure.

A file is looked at as far as needed to say that it is whole and of its kind: its beginning, its measures, its
end. What a viewer would run or ask for is not looked for; whoever serves it sees to that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import IO

MOST_BYTES = 10 << 20
MOST_PIXELS = 100_000_000  # more is no photograph of a paper, and fills whoever opens it
MOST_OF_A_CASE = 50
LONGEST_NOTE = 300  # characters
_TAIL = 2048  # bytes at a PDF's end that hold its mark


class AttachmentKind(StrEnum):
    """The values are media types."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    PDF = "application/pdf"

    @property
    def suffix(self) -> str:
        return {"jpeg": "jpg"}.get(self.value.partition("/")[2], self.value.partition("/")[2])

    @property
    def is_image(self) -> bool:
        return self is not AttachmentKind.PDF


class WhyUnfit(StrEnum):
    """Why a file is not taken. The values are stable names."""

    EMPTY = "empty"
    LARGE = "large"
    KIND = "kind"  # neither of the images nor a PDF
    BROKEN = "broken"  # begins like one, and is not whole
    PIXELS = "pixels"


class UnfitAttachment(Exception):
    """It is not taken; `why` says for what reason."""

    def __init__(self, why: WhyUnfit) -> None:
        super().__init__(f"the file is not taken: {why}")
        self.why = why


@dataclass(frozen=True, slots=True)
class PaperFound:
    """What a file is. `pixels`: 0 for a PDF."""

    kind: AttachmentKind
    size: int
    pixels: int = 0


def measured(file: IO[bytes]) -> PaperFound:
    """What it is, by its bytes. Raises UnfitAttachment. Reads from its beginning, piece by piece."""
    size = file.seek(0, 2)
    if not size:
        raise UnfitAttachment(WhyUnfit.EMPTY)
    if size > MOST_BYTES:
        raise UnfitAttachment(WhyUnfit.LARGE)
    head = _at(file, 0, 32)
    for kind, begins, look in _KINDS:
        if begins.match(head):
            pixels = look(file, size)
            if pixels is None:
                raise UnfitAttachment(WhyUnfit.BROKEN)
            if pixels > MOST_PIXELS:
                raise UnfitAttachment(WhyUnfit.PIXELS)
            return PaperFound(kind, size, pixels)
    raise UnfitAttachment(WhyUnfit.KIND)


def _at(file: IO[bytes], place: int, many: int) -> bytes:
    file.seek(place)
    return file.read(many)


def _png(file: IO[bytes], size: int) -> int | None:
    """Its chunks, one after the other, to the last."""
    place, pixels = 8, None
    while (head := _at(file, place, 24)) and len(head) >= 12:
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if name == b"IHDR" and length == 13:
            pixels = int.from_bytes(head[8:12], "big") * int.from_bytes(head[12:16], "big")
        if name == b"IEND":
            return pixels or None
        place += length + 12
        if place > size:
            return None
    return None


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a segment behind them


def _jpeg(file: IO[bytes], size: int) -> int | None:
    """Its segments up to the picture, then the mark of its end: telephones write more behind it."""
    place, pixels = 2, 0
    while place + 4 <= size:
        head = _at(file, place, 9)
        if head[0] != 0xFF:
            return None
        mark = head[1]
        if mark == 0xFF or mark in ALONE:
            place += 1 if mark == 0xFF else 2
            continue
        length = int.from_bytes(head[2:4], "big")
        if length < 2:
            return None
        if mark in _FRAMES and len(head) == 9:
            pixels = int.from_bytes(head[5:7], "big") * int.from_bytes(head[7:9], "big")
        if mark == 0xDA:
            return pixels if pixels and _ends(file, place + length, size) else None
        place += 2 + length
    return None


def _ends(file: IO[bytes], place: int, size: int) -> bool:
    before = b""
    while place < size:
        piece = _at(file, place, 1 << 16)
        if b"\xff\xd9" in before + piece:
            return True
        before, place = piece[-1:], place + len(piece)
    return False


def _webp(file: IO[bytes], size: int) -> int | None:
    """The length that it claims is there, and the first picture's measures."""
    head = _at(file, 0, 34)
    if int.from_bytes(head[4:8], "little") + 8 > size or len(head) < 30:
        return None
    match head[12:16]:
        case b"VP8X":
            wide, high = (int.from_bytes(head[n : n + 3], "little") + 1 for n in (24, 27))
        case b"VP8 " if head[23:26] == b"\x9d\x01\x2a":
            wide, high = (int.from_bytes(head[n : n + 2], "little") & 0x3FFF for n in (26, 28))
        case b"VP8L" if head[20] == 0x2F:
            bits = int.from_bytes(head[21:25], "little")
            wide, high = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            return None
    return wide * high or None


def _pdf(file: IO[bytes], size: int) -> int | None:
    """Its end, with the place of its table."""
    tail = _at(file, max(0, size - _TAIL), _TAIL)
    return 0 if b"%%EOF" in tail and b"startxref" in tail else None


_KINDS = (
    (AttachmentKind.JPEG, re.compile(rb"\xff\xd8\xff"), _jpeg),
    (AttachmentKind.PNG, re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (AttachmentKind.WEBP, re.compile(rb"RIFF.{4}WEBP", re.DOTALL), _webp),
    (AttachmentKind.PDF, re.compile(rb"%PDF-[12]\.\d"), _pdf),
)
