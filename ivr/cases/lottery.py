"""Closed cases drawn at random, whose citizens the governor's office rings. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

COUNT = 5
BACK = timedelta(days=30)  # how long ago a case may have been closed


class LotteryResult(StrEnum):
    """What came of a case that was drawn. The values are stable names: database, JSON, the panel's words."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"  # it is open again
    NOT_REACHED = "not_reached"


def drawn(codes: Iterable[str], seed: str, count: int = COUNT) -> list[str]:
    """Those whose hash with the seed is lowest: who has both can draw again, and nobody foretells them."""
    return sorted(codes, key=lambda code: hashlib.sha256(f"{seed}:{code}".encode()).digest())[:count]
