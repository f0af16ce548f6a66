"""Images and a PDF as cameras and scanners write them."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer <<>>\nstartxref\n9\n%%EOF\n"


def image(form: str, size: tuple[int, int] = (40, 30), **more: object) -> bytes:
    """`form`: JPEG, PNG, WEBP, GIF, …"""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 180, 90)).save(out, form, **more)
    return out.getvalue()


HOME = b"the place of her home"  # stands for the bytes of a place


def at_her_home(form: str, up: int = 6, **more: Any) -> bytes:
    """With the place where it was taken, and which side is up."""
    exif = Image.Exif()
    exif[0x0112] = up
    exif[0x010E] = HOME.decode()
    exif.get_ifd(0x8825)[29] = HOME.decode()
    return image(form, exif=exif, **more)
