"""Passwords: argon2id (RFC 9106, second recommended set), what a good one is, and one made by chance."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ivr.desk.people.common_passwords import is_common
from ivr.desk.refusals import WrongField

SHORTEST, LONGEST = 10, 200
CHANCE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that are mistaken for another
HASHER = PasswordHasher()
_AT_ONCE = 2  # 64 MiB and four threads each
# Arabic yeh and kaf, and the two rows of digits: one and the same key gives another sign on another keyboard.
_ONE_KEY = str.maketrans("يك۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "یک" + "0123456789" * 2)


def check(password: str, name: str, full_name: str = "") -> None:
    """Raises WrongField: too short, too long, too plain, or the name in another coat."""
    plain = folded(password).casefold()
    if len(password) < SHORTEST:
        raise WrongField("password", f"must have {SHORTEST} characters or more")
    if len(password) > LONGEST:
        raise WrongField("password", f"must have {LONGEST} characters or fewer")
    if len(set(plain)) < 5 or plain.isdigit():
        raise WrongField("password", "is too easy to guess")
    if is_common(plain):
        raise WrongField("password", "is too easy to guess")
    parts = (folded(name).casefold(), *folded(full_name).casefold().split())
    if any(part in plain for part in parts if len(part) > 3):
        raise WrongField("password", "must not hold the name")


def by_chance() -> str:
    """Like "k7mx-…": 77 bits, easy to read from paper."""
    made = "-".join("".join(secrets.choice(CHANCE_LETTERS) for _ in range(4)) for _ in range(4))
    return by_chance() if is_common(made) else made  # one in some thousands


def folded(password: str) -> str:
    """The same from whatever keyboard."""
    return unicodedata.normalize("NFC", password).translate(_ONE_KEY)


async def hashed(password: str) -> str:
    async with _gate():
        return await asyncio.to_thread(HASHER.hash, folded(password))


async def fits(password: str, hash_: str) -> bool:
    """Takes as long for a name that nobody has: give `NOBODY()`."""
    async with _gate():
        return await asyncio.to_thread(_fits, password, hash_)


def _fits(password: str, hash_: str) -> bool:
    for each in dict.fromkeys((folded(password), password)):  # older releases hashed it as it was typed
        try:
            return HASHER.verify(hash_, each)
        except (VerificationError, InvalidHashError):
            continue
    return False


@cache
def nobody() -> str:
    """The hash of a password that nobody knows."""
    return HASHER.hash(secrets.token_urlsafe())


_gates: dict[int, asyncio.Semaphore] = {}


def _gate() -> asyncio.Semaphore:
    """One for each event loop."""
    return _gates.setdefault(id(asyncio.get_running_loop()), asyncio.Semaphore(_AT_ONCE))
