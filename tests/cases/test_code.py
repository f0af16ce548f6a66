"""Tracking codes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.code import CAPACITY, code_for, grouped, is_valid, number_of

KEY = bytes(range(32))
codes = st.integers(0, CAPACITY - 1).map(lambda n: code_for(n, KEY))


@given(codes)
def test_codes_are_ten_digits_that_do_not_begin_with_zero(code: str) -> None:
    assert len(code) == 10 and code.isdigit() and code[0] != "0" and is_valid(code)


@given(codes, st.integers(0, 9), st.integers(0, 9))
def test_every_wrong_digit_is_caught(code: str, at: int, digit: int) -> None:
    wrong = code[:at] + str(digit) + code[at + 1 :]
    assert is_valid(wrong) == (wrong == code)


@given(codes, st.integers(0, 8))
def test_every_swap_of_neighbours_is_caught(code: str, at: int) -> None:
    wrong = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert is_valid(wrong) == (wrong == code)


def test_a_long_run_of_numbers_gives_no_code_twice() -> None:
    made = Counter(code_for(n, KEY) for n in range(60_000, 120_000))
    assert max(made.values()) == 1


@given(st.sets(st.integers(0, CAPACITY - 1), min_size=2, max_size=50))
def test_different_numbers_give_different_codes(numbers: set[int]) -> None:
    assert len({code_for(n, KEY) for n in numbers}) == len(numbers)


def test_neighbours_tell_nothing_of_each_other() -> None:
    """Codes of a run of numbers spread evenly: each leading digit about as often, no constant step."""
    made = [int(code_for(n, KEY)[:9]) for n in range(9_000)]
    leading = Counter(str(code)[0] for code in made)
    assert all(850 < leading[digit] < 1150 for digit in "123456789")
    assert Counter(b - a for a, b in pairwise(made)).most_common(1)[0][1] < 5


@given(st.binary(min_size=32, max_size=32).filter(lambda key: key != KEY))
def test_another_key_gives_other_codes(key: bytes) -> None:
    assert [code_for(n, key) for n in range(3)] != [code_for(n, KEY) for n in range(3)]


def test_codes_that_citizens_wrote_down_stay_what_they_are() -> None:
    given = {0: "5695813826", 1: "5032089063", 111: "3033315261", CAPACITY - 1: "4832507657"}
    assert {number: code_for(number, KEY) for number in given} == given
    assert {number_of(code, KEY): code for code in given.values()} == given


def test_codes_are_grouped_for_speaking() -> None:
    assert grouped("1234567890") == "123 456 78 90"


@pytest.mark.parametrize(
    "text", ["", "123", "12345678901", "۱۲۳۴۵۶۷۸۹۰", "0000000000", "12345a7890", " 123456789"]
)
def test_other_things_are_no_codes(text: str) -> None:
    assert not is_valid(text)


@pytest.mark.parametrize(("number", "key"), [(-1, KEY), (CAPACITY, KEY), (0, b"short")])
def test_numbers_and_keys_out_of_range_are_refused(number: int, key: bytes) -> None:
    with pytest.raises(ValueError, match=r"outside|bytes"):
        code_for(number, key)
