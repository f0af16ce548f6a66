"""The Iranian national ID: ten digits, the last a weighted check digit (mod 11)."""

from __future__ import annotations


def is_valid(number: str) -> bool:
    """Exactly ten ASCII digits, not all equal, check digit right."""
    if len(number) != 10 or not number.isascii() or not number.isdigit() or len(set(number)) == 1:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
    remainder = total % 11
    return int(number[9]) == (remainder if remainder < 2 else 11 - remainder)
