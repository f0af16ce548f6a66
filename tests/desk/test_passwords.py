"""What a good password is, and how it is kept."""

from __future__ import annotations

import pytest
from argon2 import Type, extract_parameters

from ivr.desk import passwords
from ivr.desk.refusals import WrongField


async def test_passwords_are_kept_as_argon2id_with_64_mib() -> None:
    password = passwords.by_chance()
    kept = await passwords.hashed(password)
    found = extract_parameters(kept)
    assert (found.type, found.memory_cost, found.time_cost) == (Type.ID, 65_536, 3)
    assert await passwords.fits(password, kept) and not await passwords.fits(f"{password} ", kept)
    assert not await passwords.fits(password, "no hash at all") and password not in kept


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "12345678901234",
        "aaaaaaaaaaaaaaa",
        "karimi-karimi-1",
        "xx-MARYAM-yy",
        "x" * 201,
        "abababababab",
    ],
)
def test_what_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(WrongField):
        passwords.check(password, "karimi", "Maryam K")


def test_what_chance_makes_is_good_enough() -> None:
    for _ in range(50):
        passwords.check(passwords.by_chance(), "karimi")
