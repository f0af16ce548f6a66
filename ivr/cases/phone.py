"""Telephone numbers as networks deliver them and as people key them."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

_REGION, _IRAN = "IR", "+98"
_IRANIAN = re.compile(r"(?:0|\+98)([1-9][0-9]{9})").fullmatch
_MOBILE = re.compile(r"\+9899[0-9]{8}").fullmatch  # whose new blocks the library knows months late
# What networks send instead of a withheld number, if not noughts alone.
_WITHHELD = frozenset({"", "anonymous", "unknown", "restricted", "unavailable", "private", "asterisk", "s"})
_CALLABLE = frozenset(
    {
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.PERSONAL_NUMBER,
    }
)
_TO_ASCII = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_LONGEST = 64


@lru_cache(maxsize=4096)
def normalise(number: str, area_code: str = "") -> str:
    """E.164 ("+984133334444") of a number in any usual form, or "" when it is none.

    `area_code` ("041") is put before a local eight-digit number.
    """
    if _IRANIAN(number):  # nearly always
        return _e164(number)
    text = number.translate(_TO_ASCII).strip()
    digits = "".join(c for c in text if c.isascii() and c.isdigit())
    if not digits or len(digits) > 15 or any(c.isalpha() for c in text):
        return ""
    if area_code and len(digits) == 8 and digits[0] not in "01" and "+" not in text:
        digits = area_code + digits
    international = text.startswith("+") or (digits.startswith("98") and len(digits) == 12)
    return _e164("+" + digits if international else digits)


def key(number: str, area_code: str = "") -> str:
    """What stands for this caller in look-ups and limits: E.164, else what came, "" when withheld."""
    bare = number.strip()[:_LONGEST]
    return "" if is_withheld(bare) else normalise(bare, area_code) or bare


def of_case(caller_key: str, callback: str) -> frozenset[str]:
    """Which numbers are hers: that she called from, as it would be kept now, and that she gave.

    An older release, whose library did not know a block yet, kept its numbers as they came.
    """
    return frozenset({key(caller_key), callback}) - {""}


def is_withheld(number: str) -> bool:
    """Also noughts alone ("0", "+0000000000"): they would make one citizen of all who send them."""
    bare = number.translate(_TO_ASCII).strip().lower()
    return bare in _WITHHELD or not bare.strip("+0 ()./-")


def is_callable(number: str, area_code: str = "") -> bool:
    """Whether a citizen may be called back there: an Iranian mobile or subscriber number, nothing premium."""
    full = normalise(number, area_code)
    return full.startswith(_IRAN) and _type(full) in _CALLABLE


def is_same(one: str, other: str, area_code: str = "") -> bool:
    """Whether both are the same number, however written."""
    full = normalise(one, area_code)
    return bool(full) and full == normalise(other, area_code)


def is_mobile(number: str) -> bool:
    """Whether it is an Iranian mobile number, which can be sent a text message."""
    full = normalise(number)
    return full.startswith(_IRAN) and _type(full) == PhoneNumberType.MOBILE


@lru_cache(maxsize=4096)
def _type(full: str) -> int:
    """A `PhoneNumberType` of an Iranian number in E.164."""
    if _MOBILE(full):
        return PhoneNumberType.MOBILE
    number = phonenumbers.PhoneNumber(country_code=98, national_number=int(full.removeprefix(_IRAN)))
    return phonenumbers.number_type(number)


def mask(number: str) -> str:
    """For logs: enough to tell two calls apart, not enough to call. "+98914***67"."""
    bare = "".join(c for c in number if c.isprintable())
    if is_withheld(bare):
        return "withheld"
    return "***" if len(bare) < 7 else f"{bare[:-7]}***{bare[-2:]}"


def _e164(text: str) -> str:
    if found := _IRANIAN(text):  # what the parser would make of it is known; its type is often asked for, too
        full = _IRAN + found[1]
        return full if _type(full) != PhoneNumberType.UNKNOWN else ""
    try:
        parsed = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        return ""
    full = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return full if _MOBILE(full) or phonenumbers.is_valid_number(parsed) else ""
