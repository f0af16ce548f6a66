"""A file in an envelope: read by the key's holder alone, in any part, and told when it is not what it was."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.store import envelope, key_file
from ivr.store.envelope import HEAD_BYTES, PIECE_BYTES, SLOT_BYTES, TAG_BYTES, Damaged, KeyMissing
from ivr.store.key_file import KeyFile

SIZES = (0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    path = tmp_path_factory.mktemp("state") / "keys" / "recordings"
    key_file.make(path)
    return KeyFile(path)


def closed(folder: Path, keys: KeyFile, content: bytes) -> Path:
    path = folder / "words.sealed"
    envelope.enclose(io.BytesIO(content), path, keys)
    return path


def key_of(path: Path) -> str:
    """The name of the key that opens it, as its head tells."""
    head = path.read_bytes()[:SLOT_BYTES]
    return str(json.loads(head[head.index(b"{") : head.index(b"}") + 1])["key"])


def read(path: Path, keys: KeyFile) -> bytes:
    with envelope.opened(path, keys) as file:
        return file.read()


@pytest.mark.parametrize("size", SIZES)
def test_what_goes_in_comes_out_and_nothing_of_it_shows(tmp_path: Path, keys: KeyFile, size: int) -> None:
    content = (b"her words " * (size // 10 + 1))[:size]
    path = closed(tmp_path, keys, content)
    assert read(path, keys) == content and b"her words" not in path.read_bytes()
    outside = path.stat().st_size
    assert (envelope.size_outside(size), envelope.size_inside(outside)) == (outside, size)
    assert [*tmp_path.iterdir()] == [path] and not stat.S_IMODE(path.stat().st_mode) & 0o007


@given(start=st.integers(0, 3 * PIECE_BYTES + 10), size=st.integers(0, PIECE_BYTES + 10))
@settings(max_examples=60, deadline=None)
def test_any_part_is_read_without_the_rest(
    tmp_path_factory: pytest.TempPathFactory, keys: KeyFile, start: int, size: int
) -> None:
    content = os.urandom(3 * PIECE_BYTES + 5)
    path = closed(tmp_path_factory.mktemp("part"), keys, content)
    with envelope.opened(path, keys) as file:
        file.seek(start)
        assert file.read(size) == content[start : start + size]


def test_of_a_range_only_its_own_pieces_are_asked_for(tmp_path: Path, keys: KeyFile) -> None:
    content = os.urandom(3 * PIECE_BYTES)
    path = closed(tmp_path, keys, content)
    sick = bytearray(path.read_bytes())
    sick[HEAD_BYTES + 5] ^= 1  # in the first piece
    path.write_bytes(sick)
    with envelope.opened(path, keys) as file:
        file.seek(PIECE_BYTES)
        assert file.read(100) == content[PIECE_BYTES : PIECE_BYTES + 100]
        file.seek(0)
        with pytest.raises(Damaged, match="from 0 on"):
            file.read(1)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_changed_moved_or_cut_off_is_told(tmp_path: Path, keys: KeyFile, size: int) -> None:
    path = closed(tmp_path, keys, os.urandom(size))
    whole = path.read_bytes()
    changes = {
        "a bit in the middle": whole[: len(whole) // 2 + 4200] + b"?" + whole[len(whole) // 2 + 4201 :],
        "the last byte": whole[:-1],
        "all but the head": whole[:HEAD_BYTES],
        "in the head": whole[:100],
        "another one's end": whole + bytes(TAG_BYTES),
        "nothing left": b"",
    }
    body, piece = whole[HEAD_BYTES:], PIECE_BYTES + TAG_BYTES
    if len(body) > 2 * piece:
        changes["its last piece gone"] = whole[: HEAD_BYTES + 2 * piece]
        changes["two pieces changed places"] = (
            whole[:HEAD_BYTES] + body[piece : 2 * piece] + body[:piece] + body[2 * piece :]
        )
    for what, content in changes.items():
        if content != whole:
            path.write_bytes(content)
            with pytest.raises(Damaged):
                print(what, len(read(path, keys)))


def test_without_its_key_nothing_opens_and_with_it_everything_again(tmp_path: Path, keys: KeyFile) -> None:
    path = closed(tmp_path, keys, b"her words")
    key_file.make(tmp_path / "other")
    with pytest.raises(KeyMissing, match=f"closed with the key {keys.newest}"):
        read(path, KeyFile(tmp_path / "other"))
    with pytest.raises(KeyMissing):
        read(path, KeyFile(tmp_path / "nowhere"))
    with pytest.raises(KeyMissing):
        closed(tmp_path, KeyFile(tmp_path / "nowhere"), b"")
    assert read(path, keys) == b"her words"


def test_a_new_key_changes_the_head_alone_and_half_a_head_is_enough(tmp_path: Path) -> None:
    key_file.make(tmp_path / "keys")
    keys = KeyFile(tmp_path / "keys")
    path, first = closed(tmp_path, keys, b"her words"), keys.newest
    before = path.read_bytes()
    key_file.add(tmp_path / "keys")
    assert read(path, keys) == b"her words" and key_of(path) == first
    assert envelope.rewrap(path, keys) and not envelope.rewrap(path, keys)
    after = path.read_bytes()
    assert key_of(path) == keys.newest != first and first.encode() not in after
    assert after[HEAD_BYTES:] == before[HEAD_BYTES:]
    # The power went in either write, under the old key or the new one.
    for torn in (0, SLOT_BYTES):
        for head in (before[:SLOT_BYTES] + after[SLOT_BYTES:HEAD_BYTES], after[:HEAD_BYTES]):
            path.write_bytes(
                head[:torn] + os.urandom(SLOT_BYTES) + head[torn + SLOT_BYTES :] + after[HEAD_BYTES:]
            )
            assert read(path, keys) == b"her words"
            assert envelope.rewrap(path, keys) and key_of(path) == keys.newest
    key_file.keep_newest(tmp_path / "keys")
    assert read(path, keys) == b"her words"
