"""Images and a PDF as cameras and scanners write them."""

from __future__ import annotations

import io

from PIL import Image

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer <<>>\nstartxref\n9\n%%EOF\n"


def image(form: str, size: tuple[int, int] = (40, 30), **more: object) -> bytes:
    """`form`: JPEG, PNG, WEBP, GIF, …"""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 180, 90)).save(out, form, **more)
    return out.getvalue()
