"""Facts that differ by a number, for whoever cares about journals and not about what is in them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

from ivr.store.facts import Fact, FactCall, RatingFact

AT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
CALL = FactCall(uuid.UUID(int=111), "1700.1", "09141234567", "مریم", AT, AT, "fa", "111", "1")


def lay(folder: Path, *bodies: bytes) -> None:
    """A journal as another release may have left it."""
    folder.mkdir(parents=True)
    lines = [b"%08x %s\n" % (crc32(body), body) for body in bodies]
    (folder / "00000001.log").write_bytes(b"".join(lines))


def noted(n: int, text: str = "") -> RatingFact:
    return RatingFact(uuid.UUID(int=1), AT, text, CALL, n)


def number(fact: Fact) -> int:
    assert isinstance(fact, RatingFact)
    return fact.score
