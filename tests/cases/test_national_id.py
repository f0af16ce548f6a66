"""The national ID's checksum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.national_id import is_valid


@pytest.mark.parametrize("number", ["0499370899", "0790419904", "0084575948", "0963695398", "0684159414"])
def test_published_examples_are_right(number: str) -> None:
    assert is_valid(number)


@given(st.text("0123456789", min_size=9, max_size=9).filter(lambda body: len(set(body)) > 1))
def test_exactly_one_last_digit_fits(body: str) -> None:
    assert sum(is_valid(body + digit) for digit in "0123456789") == 1


@pytest.mark.parametrize(
    "number", ["", "049937089", "04993708990", "0499370898", "1111111111", "۰۴۹۹۳۷۰۸۹۹", "049937089x"]
)
def test_the_rest_is_wrong(number: str) -> None:
    assert not is_valid(number)
