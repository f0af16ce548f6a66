"""What the inbox finds cases by: one spelling for all keyboards, days in blocks, what was typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.code import code_for
from ivr.cases.search import backwards, day_blocks, day_of, end_of, sought, tsquery, without_numbers, words_of

AREA = "041"
CODE = code_for(7, bytes(32))


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("كيفيت آب", "کیفیت اب"),  # Arabic kaf and yeh, madda
        ("مسئول", "مسیول"),  # hamza on its chair
        ("مؤسسه", "موسسه"),
        ("أداره", "اداره"),
        ("جزء", "جز"),  # hamza alone
        ("قبض‌ها", "قبض"),  # zero-width non-joiner and ending
        ("قبض ها", "قبض‌ها"),
        ("آبرسانی", "آب‌رسانی"),  # joined
        ("نمیشود", "آب وصل نمی‌شود"),
        ("آب‌رسانی", "آب رسانی"),
        ("آب رسانی", "آب‌رسانی"),
        ("قَبضِ", "قبض"),  # vowel marks
        ("قبـــض", "قبض"),  # kashida
        ("خانۀ", "خانه"),
        ("۱۲۳۴", "1234"),  # Persian and Arabic digits
        ("١٢٣٤", "۱۲۳۴"),
        ("Wi-Fi", "WI FI"),
        ("1403/12345 نامه", "نامه ۱۴۰۳/۱۲۳۴۵"),
    ],
)
def test_the_same_word_typed_on_another_keyboard_is_the_same(typed: str, written: str) -> None:
    assert {*sought(typed, AREA).words} <= words_of(written), (sought(typed, AREA).words, words_of(written))


def test_letters_of_azerbaijani_are_kept() -> None:
    assert words_of("سو گلمیر") != words_of("سۇ گلمیر")
    assert "سۆز" in words_of("سۆز")


def test_words_without_weight_are_not_asked_for_unless_they_are_all() -> None:
    assert sought("آب در روستا").words == sought("آب روستا").words
    assert sought("را").words


def test_a_code_a_number_and_plain_digits_are_told_apart() -> None:
    persian = CODE.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    spoken = f"{persian[:3]} {persian[3:6]} {persian[6:8]}-{persian[8:]}"
    assert sought(spoken, AREA).code == CODE
    for number in ("09141234567", "+98 914 123 4567", "0098914 1234567", "٩١٤١٢٣٤٥٦٧"):
        assert sought(number, AREA).caller == "+989141234567", number
        assert sought(number, AREA).whole, number
    assert sought("0914123", AREA).caller == "+98914123" and not sought("0914123", AREA).whole
    assert sought("33334444", AREA).caller == "+984133334444" and sought("33334444", AREA).whole
    for between in ("\u00a0", "\u2013", "\u200f", "."):
        assert sought(f"\u2068{CODE[:3]}{between}{CODE[3:]}\u2069", AREA).code == CODE
    assert sought("12", AREA).caller == "" and sought("12", AREA).words == ("12",)
    assert not sought("  ،؛ ", AREA)


@pytest.mark.parametrize("typed", ["۱۴۰۳/۱۲۳۴۵", "1403-12345", "98/12345", "12/3456/789"])
def test_a_letter_s_number_is_looked_for_as_it_stands_in_words_and_is_nobody_s_telephone(typed: str) -> None:
    its = sought(typed, AREA)
    assert {*its.grouped} == words_of(f"نامهٔ شمارهٔ {typed}") - words_of("نامهٔ شمارهٔ") and not its.caller


@pytest.mark.parametrize("typed", ["0914 123 45", "+98 914-123", "914 123 456", "(0914) 1234"])
def test_how_a_telephone_number_begins_may_stand_in_groups(typed: str) -> None:
    assert sought(typed, AREA).caller.startswith("+98914123")


def test_one_number_in_one_piece_has_no_groups() -> None:
    assert not any(
        sought(typed, AREA).grouped for typed in ("۱۲۳۴۵۶۷", "+989141234567", f"\u2068{CODE}\u2069")
    )


@given(st.integers(5_000, 40_000), st.integers(1, 5_000))
def test_a_stretch_of_days_is_held_by_few_blocks_of_one_size(day: int, least: int) -> None:
    first, blocks = backwards(day, least)
    assert day - first + 1 >= least and 1 <= len(blocks) <= 17
    inside = {first, day, (first + day) // 2}
    assert all(len({*blocks} & {*day_blocks(each)}) == 1 for each in inside)
    assert not {*blocks} & {*day_blocks(first - 1)}
    assert day - first < 1.5 * least + 1  # not much more than was asked for


def test_days_change_at_midnight_in_utc() -> None:
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    assert day_of(midnight) == day_of(midnight - timedelta(microseconds=1)) + 1
    assert end_of(day_of(midnight) - 1) == midnight


def test_a_query_quotes_whatever_it_is_given() -> None:
    assert tsquery(["a'b", "c\\"], [["x", "y"]], ["z"]) == "'a''b' & 'c\\\\' & ('x' | 'y') & !'z'"


@pytest.mark.parametrize(
    "number",
    [
        "۰۹۱۴۱۲۳۴۵۶۷",
        "۰۹۱۴ـ۱۲۳ـ۴۵ـ۶۷",
        "۰۹۱۴/۱۲۳/۴۵/۶۷",
        "0914 - 123 - 45 - 67",
        "0914_123_4567",
        "0914–123–4567",
        "0914—123—4567",
        "۰۹۱۴،۱۲۳،۴۵،۶۷",
        "0914,123,45,67",
        "۰۹۱۴٬۱۲۳٬۴۵٬۶۷",
        "0914:123:45:67",
        "09:14:12:34:56:7",
        "0914\u2012123\u20124567",
        "0914,123,000",
        "3333/4455",
        "0914 1405/123",
        "0914 - 1405/123",
        "1405/123-4567",
        "1405/12345 - 67",
        "1404-1405 - 67",
        "914/123/456",
        "041,333,344,55",
        "041\u2012333/444/000",
        "0914\u200e 123\u200e 4567",
        "0914.123.4567",
        "(041) 3333-4455",
        "041/333/344/55",
        "0914/123/000",
        "0914-12-34-567",
        "2011-22-33",
        "0.914.123.000",
    ],
)
def test_a_number_among_words_is_hidden_however_it_is_grouped(number: str) -> None:
    assert without_numbers(f"شماره {number} است", "•") in ("شماره • است", "شماره (•) است")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("حساب 9141234567 (بانک ملی) ریال", "حساب • (بانک ملی) ریال"),
        ("تلفن 0914 - 1234567 ریال", "تلفن • ریال"),
        ("کارت 6037991234567890 ریال", "کارت • ریال"),
        ("به حساب ۱۲۳۴۵۶۷۸۹۰ ریال واریز", "به حساب • ریال واریز"),
        ("کد ملی ۱۲۳۴۵۶۷۸۹۰ ریالی", "کد ملی • ریالی"),
        ("تلفن ۳۳۳۴۴۵۵ هزار تومان", "تلفن • هزار تومان"),
        ("مبلغ ۹۱۴,۱۲۳,۴۵۶ ۷۸", "مبلغ •"),
    ],
)
def test_a_number_before_a_unit_of_money_is_hidden_where_it_may_be_somebody_s(words: str, told: str) -> None:
    assert without_numbers(words, "•") == told


@pytest.mark.parametrize("card", ["شناسنامه ۱۲۳/۴۵۶۷", "شماره شناسنامه ۱۲۳۴/۵۶۷۸۹", "گواهی‌نامه 1234/56789"])
def test_the_number_of_somebody_s_card_is_no_letter_s(card: str) -> None:
    assert without_numbers(card, "•") == f"{card.rpartition(' ')[0]} •"


@pytest.mark.parametrize(
    "words",
    [
        "تا ۱۴۰۵/۰۶/۰۱ و 1405-6-1 و 2026.11.26",
        "در ۱۰/۰۹/۱۴۰۵ ۱۰:۳۰",
        "ساعت 10:30-14:30 و ۸:۰۰ - ۱۴:۳۰ و 10:30 12:00",
        "پلاک ۱۲ ۱۰:۳۰ ۱۴۰۵/۰۶/۰۱ ۸:۰۰",
        "پلاک ۱۲ ۱۴۰۵/۰۶/۰۱",
        "از ۱۴۰۵/۰۶/۰۱-۱۴۰۵/۰۷/۰۱",
        "مبلغ ۲۵۰/۰۰۰/۰۰۰ ریال و 1.500.000 و ۲۵،۰۰۰،۰۰۰ تومان",
        "مبلغ 250,000,000 ریال و ۲۵٬۰۰۰٬۰۰۰ تومان",
        "مبلغ ۱/۲۵۰/۵۰۰ ریال و ۱,۲۵۰,۵۰۰ تومان",
        "نامهٔ ۱۲۳/۴۵۶۷ و بخش‌نامه شمارهٔ ۱۲/۳۴۵۶۷ و بخشنامه ۱۲/۳۴۵۶۷ و شماره 1405/12345",
        "سال ۱۴۰۴/۱۴۰۵، سالِ ۱۴۰۴/۱۴۰۵ و شمارهٔ ۱۴۰۵/۱۲۳",
        "به مبلغ ۱۲,۳۴۵,۶۷۸ پرداخت شود",
        "تا ۱۲,۳۴۵,۶۷۸ (دوازده میلیون) ریال و ۱۲,۳۴۵,۶۷۸ هزار ریال و وام ۲۵۰۰۰۰۰۰ ریال",
        "مبلغ ۱/۲۵۰/۵۰۰ (…) ریال",
        "سال مالی ۱۴۰۴-۱۴۰۵ و سال (۱۴۰۴/۱۴۰۵)",
        "مصوبه ۱۲۳ (۱۴۰۵)",
        "پلاک‌های ۱۲۴، ۱۲۶، ۱۲۸",
        "سال ۱۴۰۵\n۱۲۳ نفر",
        "۱۲۳۴۵۶ نفر",
    ],
)
def test_days_amounts_and_lists_among_words_are_no_numbers_of_somebody_s(words: str) -> None:
    assert without_numbers(words, "•") == words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("مصوبه ۱۲۳ (۱۴۰۵۱)", "مصوبه (•)"),
        ("(041) 3333-4455 و (شماره 09141234567)", "(•) و (شماره •)"),
        ("0914 (123) 4567", "•"),
    ],
)
def test_no_bracket_is_left_alone_by_a_number(words: str, told: str) -> None:
    assert without_numbers(words, "•") == told


def test_a_number_beside_a_day_is_hidden_and_the_day_is_not() -> None:
    said = "۱۴۰۵/۰۶/۰۱ ۰۹۱۴۱۲۳۴۵۶۷ ۱۴۰۵/۰۷/۰۱"
    assert without_numbers(said, "•") == "۱۴۰۵/۰۶/۰۱ • ۱۴۰۵/۰۷/۰۱"
