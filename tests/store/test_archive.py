"""The archive: a plain tar with its own sums, of which no damage passes."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from ivr.store.archive import CONTENT, SUMS, ArchiveError, Reader, Writer

FILES = {"spool/a.log": b"one\ntwo\n", "secrets/empty": b"", "recordings/2026/x.wav": bytes(range(256)) * 9}


def written() -> bytes:
    out = io.BytesIO()
    writer = Writer(out, {"taken_at": "now"})
    for name, content in FILES.items():
        writer.add(name, io.BytesIO(content), len(content), 1_700_000_000.5, 0o600)
    writer.finish()
    return out.getvalue()


def read(archive: bytes) -> dict[str, bytes]:
    reader = Reader(io.BytesIO(archive))
    assert reader.content() == {"form": "seda111 backup 1", "taken_at": "now"}
    members = {}
    while (member := reader.next()) is not None:
        members[member.name] = b"".join(member.pieces())
    return members


def test_what_is_written_is_read() -> None:
    assert read(written()) == FILES


def test_members_that_nobody_reads_are_proved_all_the_same() -> None:
    reader = Reader(io.BytesIO(written()))
    reader.content()
    names = [member.name for member in iter(reader.next, None) if member]
    assert names == list(FILES)
    with pytest.raises(ArchiveError, match=r"recordings/2026/x\.wav is not what was backed up"):
        damaged = Reader(io.BytesIO(written().replace(bytes(range(256)), bytes(256), 1)))
        damaged.content()
        for _ in iter(damaged.next, None):
            pass


def test_who_is_left_in_the_middle_by_an_error_writes_nothing_by_himself() -> None:
    out = io.BytesIO()
    given = Writer(out, {"taken_at": "now"})
    before = out.getvalue()
    del given
    assert before and out.getvalue() == before


def test_tar_and_sha256sum_can_do_without_us(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(written())
    subprocess.run(["tar", "-xf", "a.tar"], cwd=tmp_path, check=True)
    checked = subprocess.run(["sha256sum", "-c", SUMS], cwd=tmp_path, check=True, capture_output=True)
    assert checked.stdout.decode().splitlines() == [f"{name}: OK" for name in (CONTENT, *FILES)]


def test_no_cut_and_no_flipped_bit_passes() -> None:
    """Where a bit means nothing (the filling between members) all members are as they were."""
    whole, passed = written(), 0
    for place in range(0, len(whole), 37):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        try:
            assert read(bytes(flipped)) == FILES, place
            passed += 1
        except ArchiveError:
            pass
    end = whole.index(SUMS.encode()) + 512 + 4 * 64
    assert passed < len(range(0, len(whole), 37)) * 0.9
    for length in range(0, end, 101):
        with pytest.raises(ArchiveError):
            read(whole[:length])


def test_a_file_that_grows_is_cut_and_one_that_shrinks_is_filled_so_that_the_rest_is_whole() -> None:
    out = io.BytesIO()
    writer = Writer(out, {"taken_at": "now"})
    writer.add("spool/grows", io.BytesIO(b"abcdef"), 3, 0)
    writer.add("spool/shrinks", io.BytesIO(b"abc"), 6, 0)
    writer.add("spool/after", io.BytesIO(b"abc"), 3, 0)
    writer.finish()
    found = {"spool/grows": b"abc", "spool/shrinks": b"abc\0\0\0", "spool/after": b"abc"}
    assert read(out.getvalue()) == found


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "spool/../../x", "spool/a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    out = io.BytesIO()
    writer = Writer(out, {"taken_at": "now"})
    writer.add(name, io.BytesIO(b"x"), 1, 0)
    writer.finish()
    with pytest.raises(ArchiveError, match="no backup of ours"):
        read(out.getvalue())


@pytest.mark.parametrize("content", [b"", b"x" * 2000, bytes(20_480)])
def test_what_is_no_backup_is_called_so(content: bytes) -> None:
    with pytest.raises(ArchiveError, match="this is no backup of Seda 111"):
        Reader(io.BytesIO(content)).content()
