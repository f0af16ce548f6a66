"""What only the holder of a key opens, piece by piece, and told when it is not what was closed."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pyrage
import pytest

from ivr.store import age
from ivr.store.age import AgeError
from tests.store.test_key_copies import holder

WORDS = os.urandom(300_000)


def closed(*to: str) -> bytes:
    out = io.BytesIO()
    with age.closing(out, age.recipients(to)) as file:
        for start in range(0, len(WORDS), 7_000):
            file.write(WORDS[start : start + 7_000])
    return out.getvalue()


def opened(content: bytes, path: Path) -> bytes:
    with age.opening(io.BytesIO(content), age.identities(path)) as file:
        return file.read()


def test_each_holder_opens_it_and_age_itself_would(tmp_path: Path) -> None:
    content = closed(holder(tmp_path / "one"), holder(tmp_path / "other"))
    assert content.startswith(age.MARK) and WORDS[:100] not in content
    assert opened(content, tmp_path / "one") == opened(content, tmp_path / "other") == WORDS
    assert pyrage.decrypt(content, age.identities(tmp_path / "one")) == WORDS


def test_a_key_that_does_not_fit_is_told_before_anything_is_read(tmp_path: Path) -> None:
    content = closed(holder(tmp_path / "hers"))
    holder(tmp_path / "his")
    with pytest.raises(AgeError, match="for another key"):
        opened(content, tmp_path / "his")
    (tmp_path / "empty").write_text("# nothing\n")
    for path, why in ((tmp_path / "empty", "holds no key like"), (tmp_path / "nowhere", "can't be read")):
        with pytest.raises(AgeError, match=why):
            age.identities(path)


@pytest.mark.parametrize("change", [slice(None, -1), slice(None, 200_000), slice(None, 10), slice(0, 0)])
def test_what_is_cut_off_is_told_at_its_end(tmp_path: Path, change: slice) -> None:
    content = closed(holder(tmp_path / "hers"))[change]
    with pytest.raises(AgeError, match="damaged or cut off"):
        opened(content, tmp_path / "hers")


def test_a_disk_that_takes_no_more_is_told_as_it_says_it(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def write(self, piece: object) -> int:
            raise OSError(28, "No space left on device")

    to = age.recipients([holder(tmp_path / "hers")])
    with pytest.raises(OSError, match="No space left"), age.closing(Full(), to) as file:
        file.write(WORDS)
    with pytest.raises(OSError, match="No space left"), age.closing(Full(), to) as file:
        try:
            file.write(WORDS)
        except OSError as error:
            raise ValueError("what it looks like from here") from error
    with pytest.raises(ValueError, match="of ours"), age.closing(io.BytesIO(), to):
        raise ValueError("a fault of ours")
