"""What Asterisk's own log tells, also where Asterisk was killed in the middle of a line; and what a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bench.chaos.evidence import look, warnings
from ivr.voice.riff import with_header
from tests.voice.test_wave import speech, wav


def test_a_line_torn_by_a_kill_hides_no_warning(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"
    log.write_text(
        "[2026-11-26 16:12:07.1] NOTICE[1] a.c: nothing\n"
        "[2026-11-26 16:12:08.349] WARNING[2] b.c: one\n"
        "[2[2026-11-26 16:12:09.5] ERROR[3] c.c: behind a torn one\n"
        "[2026-11-26 16:12:1",
        encoding="utf-8",
    )
    found = [*warnings(log)]
    assert [line.rpartition(": ")[2] for _, line in found] == ["one", "behind a torn one"]
    assert round(found[1][0] - found[0][0], 3) == 1.151


@pytest.mark.parametrize("more", [b"", b"odd"])
def test_a_header_that_is_missing_is_told_from_words_that_are_not_those_of_the_books(more: bytes) -> None:
    """What the product would have written is worked out here without it, and is the same."""
    whole = wav(speech(2)) + more
    refused = bytes(4) + whole[4:8] + b"\xf8\xff" * 16 + whole[40:]  # of a disk that was full at first
    inside = refused[:9_000] + bytes([refused[9_000] ^ 1]) + refused[9_001:]
    changed = whole[:9_000] + bytes([whole[9_000] ^ 1]) + whole[9_001:]

    def told(content: bytes, of_books: bytes) -> tuple[bool, bool, bool]:
        its = look(content, hashlib.sha256(of_books).hexdigest())
        return its["playable"], its["same"], its["same_with_header"]

    assert told(whole, whole) == (True, True, False)
    assert told(refused, with_header(refused)) == (False, False, True)
    assert told(inside, with_header(refused)) == (False, False, False)
    assert told(refused, refused) == (False, True, False)
    assert told(changed, whole) == (True, False, False)
    assert told(refused[:40], with_header(refused)) == (False, False, False)
