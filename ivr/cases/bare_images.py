"""An image without what is written beside the picture: where it was taken, when and by what. Pure.

What stands behind the picture's end goes, too. JPEG and PNG keep which side is up, and all their colours.
"""

from __future__ import annotations

import re
import zlib
from typing import Literal

from ivr.cases.attachments import ALONE, AttachmentKind

_AFTER_SCAN = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # where the picture's own bytes end
_COLOURS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_PNG = frozenset("tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs acTL fcTL fdAT".split())  # noqa: SIM905
_WEBP = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP")
_NO_EXIF_OR_XMP = 0xFF & ~0x0C  # VP8X's flags
_UP = 0x0112  # EXIF's tag "orientation"


def bare(kind: AttachmentKind, content: bytes) -> bytes:
    """A PDF as it is. Of a file that is not whole, what is before the fault."""
    match kind:
        case AttachmentKind.JPEG:
            return _jpeg(content)
        case AttachmentKind.PNG:
            return _png(content)
        case AttachmentKind.WEBP:
            return _webp(content)
    return content


def _jpeg(content: bytes) -> bytes:
    kept, place = [content[:2]], 2
    while place + 1 < len(content) and content[place] == 0xFF and (mark := content[place + 1]) != 0xD9:
        if mark == 0xFF:  # fills up
            place += 1
            continue
        end = place + 2
        if mark not in ALONE:
            end += max(2, int.from_bytes(content[end : end + 2], "big"))
        if mark == 0xDA:
            found = _AFTER_SCAN.search(content, end)
            end = found.start() if found else len(content)
        inside = content[place + 4 : end]
        if mark == 0xE1 and inside.startswith(b"Exif\0\0") and 1 < (up := _orientation(inside[6:])) < 9:
            inside = b"Exif\0\0" + _only_orientation(up)
            kept.append(b"\xff\xe1" + (len(inside) + 2).to_bytes(2, "big") + inside)
        elif 0xC0 <= mark < 0xE0 or (mark in _COLOURS and inside.startswith(_COLOURS[mark])):
            kept.append(content[place:end])
        place = end
    return b"".join(kept) + b"\xff\xd9"


def _orientation(tiff: bytes) -> int:
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, many: int) -> int:
        return int.from_bytes(tiff[at : at + many], order)

    first = number(4, 4)
    tags = range(first + 2, min(first + 2 + 12 * number(first, 2), len(tiff)), 12)
    return next((number(at + 8, 2) for at in tags if number(at, 2) == _UP), 1)


def _only_orientation(up: int) -> bytes:
    """EXIF with one tag."""
    tag = _UP.to_bytes(2, "big") + b"\0\x03\0\0\0\x01" + up.to_bytes(2, "big") + b"\0\0"
    return b"MM\0*\0\0\0\x08\0\x01" + tag + bytes(4)


def _png(content: bytes) -> bytes:
    kept, place, name = [content[:8]], 8, b""
    while name != b"IEND" and place + 12 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        name = content[place + 4 : place + 8]
        if name[:1].isupper() or name.decode("latin-1") in _PNG:
            kept.append(content[place:end])
        elif name == b"eXIf" and 1 < (up := _orientation(content[place + 8 : end - 4])) < 9:
            inside = name + _only_orientation(up)
            kept.append((len(inside) - 4).to_bytes(4, "big") + inside + zlib.crc32(inside).to_bytes(4, "big"))
        place = end
    return b"".join(kept)


def _webp(content: bytes) -> bytes:
    kept, place = [b"WEBP"], 12
    while place + 8 < len(content):
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        end = place + 8 + size + size % 2
        chunk = content[place:end]
        if chunk[:4] == b"VP8X" and size:
            chunk = chunk[:8] + bytes([chunk[8] & _NO_EXIF_OR_XMP]) + chunk[9:]
        if chunk[:4] in _WEBP:
            kept.append(chunk)
        place = end
    inside = b"".join(kept)
    return b"RIFF" + len(inside).to_bytes(4, "little") + inside
