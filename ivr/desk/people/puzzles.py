"""A proof of work: what a guess costs the machine that makes it, where a wait would cost the citizen.

The browser searches for numbers whose hashes are small (`web/static/puzzle.js`). Nothing is kept until they
come: the puzzle carries its own seal, over the form and the source that it was given to, so none can be made
up, taken elsewhere, or used twice. Each is good for a few minutes.

Work is counted in hashes (SHA-256). It is done in `PARTS`, so that nobody is much unluckier than others.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b, sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.people import limiting
from ivr.desk.people.limiting import Limit, TooOften
from ivr.store.code_blocks import tracking_key

FIRST = 1 << 20  # hashes: 0.4 s of one core in a browser of today, 2 s of an old one
PARTS = 16
LONGEST = 300  # characters of what comes back
_BITS = 48  # of each hash are looked at
_TEXT = r"([0-9a-f]{16}\.(\d{1,12})\.(\d{1,12}))\.([0-9a-f]{32})"
_SOLVED = re.compile(rf"{_TEXT}\.([0-9a-f]{{{8 * PARTS}}})", re.ASCII)


class PuzzleFirst(TooOften):
    """Who solves `puzzle` tries again at once, others after `until`."""

    def __init__(self, until: datetime, puzzle: Puzzle) -> None:
        super().__init__(until)
        self.puzzle = puzzle


@dataclass(frozen=True, slots=True)
class Puzzle:
    """`text` comes back with the numbers. `work`: how many hashes it takes on average."""

    text: str
    work: int
    parts: int = PARTS

    @property
    def below(self) -> int:
        """What the first 48 bits of each part's hash must be smaller than."""
        return (1 << _BITS) * PARTS // self.work


def price(tries: int, limit: Limit, most: int) -> int:
    """Hashes for one more try after so many, where `limit` was free.

    It doubles each time as many again were tried, up to `most` times the first: so long an honest one waits
    while others guess.
    """
    doublings = min(max(0, tries - limit.most) / limit.most, most)  # no larger power than a float holds
    return int(FIRST * min(most, 2**doublings))


async def ask(connection: AsyncConnection, form: str, work: int, now: datetime) -> Puzzle:
    """`form`: which, and from where, like "track/192.0.2.7"."""
    begun = f"{secrets.token_hex(8)}.{int(now.timestamp())}.{work}"
    return Puzzle(f"{begun}.{_seal(await tracking_key(connection), form, begun)}", work)


async def fits(connection: AsyncConnection, form: str, solved: str, least: int, now: datetime) -> bool:
    """Whether this solves a puzzle of ours for this form, for the first time and in time.

    `least`: what one costs now. It may have doubled meanwhile; those gathered while it was cheap are none.
    """
    found = _SOLVED.fullmatch(solved[:LONGEST])
    if found is None:
        return False
    begun, made, work, seal, numbers = found.groups()
    if not limiting.is_in_time(int(made), now) or int(work) * 2 < least:
        return False
    if not secrets.compare_digest(seal, _seal(await tracking_key(connection), form, begun)):
        return False
    if not _solves(seal, int(work), numbers):
        return False
    return await limiting.is_first(connection, f"puzzle/{seal}", now)


def _seal(key: bytes, form: str, begun: str) -> str:
    return blake2b(f"puzzle/{form}/{begun}".encode(), digest_size=16, key=key).hexdigest()


def _solves(seal: str, work: int, numbers: str) -> bool:
    below = Puzzle("", work).below
    return all(hashed(seal, part, numbers[8 * part : 8 * part + 8]) < below for part in range(PARTS))


def hashed(seal: str, part: int, number: str) -> int:
    """What must be small. `number`: eight hexadecimal digits."""
    return int.from_bytes(sha256(f"{seal}{part:04x}{number}".encode()).digest()[: _BITS // 8])
