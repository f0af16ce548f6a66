"""A small sum in words, which a person answers by eye or ear and without scripts.

Whoever guesses by machine must teach it that first.

Nothing is kept until it is answered: the sum comes from what the page carries and a key, so none can be made
up, and each is good once and for a few minutes.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.people import limiting
from ivr.store.code_blocks import tracking_key

GREATEST = 20  # of either number


@dataclass(frozen=True, slots=True)
class Sum:
    """How much are `first` and `second`? `proof` comes back with the answer."""

    first: int
    second: int
    proof: str


async def ask(connection: AsyncConnection, now: datetime) -> Sum:
    proof = f"{secrets.token_hex(8)}-{int(now.timestamp())}"
    return Sum(*_sum(await tracking_key(connection), proof), proof)


async def fits(connection: AsyncConnection, proof: str, answer: str, now: datetime) -> bool:
    """Whether this answers a question of ours, for the first time and in time. One try each."""
    made = proof[:40].partition("-")[2]
    if not (made.isascii() and made.isdigit() and len(made) < 12 and answer.isascii() and answer.isdigit()):
        return False
    if not limiting.is_in_time(int(made), now):
        return False
    right = int(answer[:4]) == sum(_sum(await tracking_key(connection), proof))
    return await limiting.is_first(connection, f"question/{proof}", now) and right


def _sum(key: bytes, proof: str) -> tuple[int, int]:
    made = blake2b(f"question/{proof}".encode(), digest_size=8, key=key).digest()
    return 1 + made[0] % GREATEST, 1 + made[1] % GREATEST
