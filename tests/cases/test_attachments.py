"""What may be attached: told by the bytes, whole, and of a size that people can open."""

from __future__ import annotations

import io

import pytest

from ivr.cases.attachments import MOST_BYTES, AttachmentKind, UnfitAttachment, WhyUnfit, measured
from tests.cases.papers import PDF, image

K = AttachmentKind
JPEG, PNG, WEBP = (image(form) for form in ("JPEG", "PNG", "WEBP"))


@pytest.mark.parametrize(
    ("content", "kind", "pixels"),
    [
        (JPEG, K.JPEG, 1200),
        (image("JPEG", progressive=True), K.JPEG, 1200),
        (JPEG + b"a film that the telephone adds", K.JPEG, 1200),
        (PNG, K.PNG, 1200),
        (WEBP, K.WEBP, 1200),
        (image("WEBP", lossless=True), K.WEBP, 1200),
        (image("WEBP", exif=b"Exif\0\0x"), K.WEBP, 1200),
        (PDF, K.PDF, 0),
    ],
)
def test_images_and_pdfs_are_known_by_their_bytes(content: bytes, kind: K, pixels: int) -> None:
    found = measured(io.BytesIO(content))
    assert (found.kind, found.size, found.pixels) == (kind, len(content), pixels)


def too_many_pixels() -> bytes:
    place = PNG.index(b"IHDR") + 4
    return PNG[:place] + (60_000).to_bytes(4, "big") * 2 + PNG[place + 8 :]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", WhyUnfit.EMPTY),
        (PDF + bytes(MOST_BYTES), WhyUnfit.LARGE),
        (b"MZ\x90\x00 a program named petition.jpg", WhyUnfit.KIND),
        (b"<html><script>1</script>", WhyUnfit.KIND),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", WhyUnfit.KIND),
        (image("GIF"), WhyUnfit.KIND),
        (b"hello " + PDF, WhyUnfit.KIND),
        (too_many_pixels(), WhyUnfit.PIXELS),
    ],
)
def test_anything_else_is_refused_with_its_reason(content: bytes, why: WhyUnfit) -> None:
    with pytest.raises(UnfitAttachment) as refused:
        measured(io.BytesIO(content))
    assert refused.value.why is why


@pytest.mark.parametrize("whole", [JPEG, PNG, WEBP, PDF], ids=["jpeg", "png", "webp", "pdf"])
def test_what_was_cut_off_anywhere_is_broken_or_no_paper_at_all(whole: bytes) -> None:
    for end in range(1, len(whole) - 7):
        with pytest.raises(UnfitAttachment) as refused:
            measured(io.BytesIO(whole[:end]))
        assert refused.value.why in (WhyUnfit.BROKEN, WhyUnfit.KIND)
