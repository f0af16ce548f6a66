"""Of an image only the picture goes on, as it was, and which side of it is up."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from ivr.cases.attachments import AttachmentKind as K
from ivr.cases.attachments import measured
from ivr.cases.bare_images import bare
from tests.cases.papers import HOME, PDF, at_her_home, image

COLOURS = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TEXT = PngImagePlugin.PngInfo()
TEXT.add_text("Comment", HOME.decode())
TEXT.add_text("Author", HOME.decode(), zip=True)
TEXT.add_itxt("XML:com.adobe.xmp", HOME.decode())


def opened(content: bytes) -> Image.Image:
    found = Image.open(io.BytesIO(content))
    found.load()
    return found


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (K.JPEG, at_her_home("JPEG", icc_profile=COLOURS, comment=HOME)),
        (K.JPEG, at_her_home("JPEG", progressive=True, icc_profile=COLOURS, xmp=HOME)),
        (
            K.JPEG,
            at_her_home("JPEG", icc_profile=COLOURS) + at_her_home("JPEG"),
        ),  # a film, or a second picture
        (K.PNG, at_her_home("PNG", icc_profile=COLOURS, pnginfo=TEXT)),
        (K.WEBP, at_her_home("WEBP", icc_profile=COLOURS, xmp=HOME)),
        (K.WEBP, at_her_home("WEBP", icc_profile=COLOURS, lossless=True)),
    ],
)
def test_where_it_was_taken_and_what_is_written_beside_it_go_and_the_picture_stays(
    kind: K, content: bytes
) -> None:
    assert HOME in content
    made = bare(kind, content)
    was, now = opened(content), opened(made)
    assert HOME not in made and len(made) < len(content)
    assert (was.tobytes(), was.info["icc_profile"]) == (now.tobytes(), now.info["icc_profile"])
    assert dict(now.getexif()) == ({} if kind is K.WEBP else {0x0112: 6}) and "xmp" not in now.info
    assert measured(io.BytesIO(made)).kind is kind


@pytest.mark.parametrize("kind", [K.JPEG, K.PNG, K.WEBP])
def test_an_image_with_nothing_beside_it_stays_as_it_is(kind: K) -> None:
    content = image(kind.value.removeprefix("image/").upper())
    assert bare(kind, content) == content
    assert bare(K.PDF, PDF) == PDF


@pytest.mark.parametrize("up", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [K.JPEG, K.PNG])
def test_which_side_is_up_stays(up: int, order: str, kind: K) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif[0x0112] = up
    made = bare(kind, image(kind.value.removeprefix("image/").upper(), exif=exif))
    assert opened(made).getexif().get(0x0112, 1) == up


WHOLE = {
    K.JPEG: at_her_home("JPEG", progressive=True),
    K.PNG: at_her_home("PNG"),
    K.WEBP: at_her_home("WEBP"),
}


@given(st.sampled_from(list(WHOLE)), st.data())
def test_whatever_is_broken_in_it_nothing_fails(kind: K, data: st.DataObject) -> None:
    content = WHOLE[kind]
    place = data.draw(st.integers(0, len(content)))
    bare(kind, content[:place] + data.draw(st.binary(max_size=8)) + content[place + 4 :])
    bare(kind, content[:place])
