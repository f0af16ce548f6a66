"""The tracking code: ten digits that a citizen writes down and an old telephone can spell.

Nine digits are a keyed permutation of a sequence number, the tenth is a Damm check digit. Uniqueness comes
from the sequence: the permutation is a bijection, so two numbers never share a code, and any worker with a
leased block of numbers can make codes while the database is away.

How hard is it to guess one? Without the key the nine digits look random among 9×10⁸, so with a million cases
in the books a well-formed guess hits one in 900 times; at the default of five wrong codes an hour a caller
who tries day and night needs a week for each stranger's status, of which she hears an agency and a date,
never a name or a word. The permutation is a ten-round Feistel network over two halves of Z_30000 (as NIST's
FF1, with keyed BLAKE2b for the round function); neighbouring numbers give unrelated codes.
"""

from __future__ import annotations

import re
from hashlib import blake2b

KEY_BYTES = 32
CAPACITY = 900_000_000  # sequence numbers 0 … CAPACITY-1
DIGITS = 10
_HALF = 30_000  # CAPACITY is its square
_ROUNDS = 10
_FIRST = 100_000_000  # so that the first digit is never 0
_GROUPS = (3, 3, 2, 2)
_DIGITS = re.compile(r"(?<![\d.])[1-9]\d{9}(?!\d|\.\d)", re.ASCII)
_SHOWN = 3

# The quasigroup of order ten from H. M. Damm's thesis (2004): totally anti-symmetric, zero diagonal.
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def code_for(sequence: int, key: bytes) -> str:
    """The code of a number in 0 … CAPACITY-1. Raises ValueError for others and for a key of wrong length."""
    if not 0 <= sequence < CAPACITY:
        raise ValueError(f"sequence number {sequence} is outside 0 to {CAPACITY - 1}")
    if len(key) != KEY_BYTES:
        raise ValueError(f"the code key has {len(key)} bytes, not {KEY_BYTES}")
    left, right = divmod(sequence, _HALF)
    keyed = _keyed(key)
    for number in range(_ROUNDS):
        left, right = right, (left + _round(number, right, keyed)) % _HALF
    body = str(_FIRST + left * _HALF + right)
    return body + str(_check(body))


def number_of(code: str, key: bytes) -> int:
    """The sequence number of a code that `is_valid`."""
    left, right = divmod(int(code[:-1]) - _FIRST, _HALF)
    keyed = _keyed(key)
    for number in reversed(range(_ROUNDS)):
        left, right = (right - _round(number, left, keyed)) % _HALF, left
    return left * _HALF + right


def is_valid(code: str) -> bool:
    """Whether it has the form of a tracking code and its check digit is right."""
    return len(code) == DIGITS and code.isascii() and code.isdigit() and code[0] != "0" and _check(code) == 0


def grouped(code: str) -> str:
    """As it is said and printed: groups of 3, 3, 2 and 2 digits."""
    groups, at = [], 0
    for size in _GROUPS:
        groups.append(code[at : at + size])
        at += size
    return " ".join(groups)


def masked(text: str) -> str:
    """Ten digits that can be a code keep three; Asterisk's call ids ("1764211234.5") are none."""
    return _DIGITS.sub(lambda found: _mask(found[0]), text)


def _mask(digits: str) -> str:
    return digits[:_SHOWN] + "*" * (len(digits) - _SHOWN) if is_valid(digits) else digits


def _keyed(key: bytes) -> blake2b:
    """The round function before its word: a copy of it for each round takes half of keying it anew."""
    return blake2b(digest_size=8, key=key)


def _round(number: int, half: int, keyed: blake2b) -> int:
    hashed = keyed.copy()
    hashed.update((number << 16 | half).to_bytes(3, "big"))
    return int.from_bytes(hashed.digest(), "big") % _HALF


def _check(digits: str) -> int:
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][ord(digit) - 48]
    return interim
