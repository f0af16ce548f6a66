"""Telephone numbers as they come. All numbers here are invented."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases import phone

MOBILE, LANDLINE = "+989141234567", "+984133334444"


@pytest.mark.parametrize(
    ("given_number", "full"),
    [
        ("09141234567", MOBILE),
        ("9141234567", MOBILE),
        ("+989141234567", MOBILE),
        ("00989141234567", MOBILE),
        ("989141234567", MOBILE),
        ("+98 914 123 4567", MOBILE),
        ("0914-123-4567", MOBILE),
        ("۰۹۱۴۱۲۳۴۵۶۷", MOBILE),
        ("33334444", LANDLINE),
        ("04133334444", LANDLINE),
        ("4133334444", LANDLINE),
        ("00984133334444", LANDLINE),
        ("+14155550100", "+14155550100"),
        ("1001", ""),
        ("111", ""),
        ("anonymous", ""),
        ("'; DROP TABLE calls; --", ""),
        ("0" * 40, ""),
    ],
)
def test_any_form_becomes_one(given_number: str, full: str) -> None:
    assert phone.normalise(given_number, "041") == full


def test_a_local_number_needs_its_area_code() -> None:
    assert phone.normalise("33334444") == ""
    assert phone.normalise("33334444", "044") == "+984433334444"


@given(st.text(max_size=40))
def test_nothing_breaks_it_and_twice_is_once(text: str) -> None:
    full = phone.normalise(text, "041")
    assert full == "" or phone.normalise(full, "041") == full
    phone.mask(text)
    phone.is_callable(text, "041")


def test_the_key_keeps_what_is_no_telephone_number() -> None:
    assert phone.key("0914 123 4567", "041") == MOBILE
    assert phone.key(" 1001 ", "041") == "1001"
    assert {phone.key(text) for text in ("", "anonymous", "Unknown", "restricted")} == {""}
    assert (phone.key("000111"), phone.key("0 1"), phone.key("*0")) == ("000111", "0 1", "*0")


@pytest.mark.parametrize("noughts", ["0", "00", "0000000000", "+0000000000", "0" * 64, "۰۰۰", " 00-00 "])
def test_noughts_alone_are_a_withheld_number_and_make_no_citizen_of_all_who_send_them(noughts: str) -> None:
    assert phone.key(noughts, "041") == "" and phone.is_withheld(noughts)
    assert phone.mask(noughts) == "withheld" and not phone.is_callable(noughts, "041")


@pytest.mark.parametrize(
    ("number", "may"),
    [
        ("09141234567", True),
        ("33334444", True),
        ("+14155550100", False),
        ("1001", False),
        ("", False),
        ("9099071234", False),
    ],
)
def test_only_iranian_subscribers_are_called_back(number: str, may: bool) -> None:
    assert phone.is_callable(number, "041") is may


def test_logs_never_show_a_whole_number() -> None:
    assert phone.mask("+989141234567") == "+98914***67"
    assert phone.mask("1001") == "***"
    assert phone.mask("anonymous") == "withheld"
    assert "\n" not in phone.mask("0914\n1234567")


@given(st.from_regex(r"0[1-9][0-9]{9}", fullmatch=True))
def test_the_short_way_for_iranian_numbers_says_what_the_long_one_does(number: str) -> None:
    parsed = phonenumbers.parse(number, "IR")
    valid, kind = phonenumbers.is_valid_number(parsed), phonenumbers.number_type(parsed)
    new = number.startswith("099")
    assert phone.normalise(number) == (f"+98{number[1:]}" if valid or new else "")
    assert phone.is_mobile(number) == (kind == phonenumbers.PhoneNumberType.MOBILE or new)


@pytest.mark.parametrize("block", range(990, 1000))
def test_a_mobile_number_of_a_block_that_the_library_does_not_know_yet_is_one(block: int) -> None:
    for written in (f"0{block}7777777", f"{block}7777777", f"0098{block}7777777", f"+98 {block} 7777777"):
        assert phone.normalise(written, "041") == f"+98{block}7777777"
        assert phone.is_mobile(written) and phone.is_callable(written)
