"""Numbers, digits, codes and days out of fragments, held against independent libraries."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words
from persiantools.jdatetime import JalaliDate

from ivr.settings import ROOT
from ivr.voice import saying
from ivr.voice.actions import Speech
from ivr.voice.catalogue import parse

CATALOGUE = parse([("prompts.yaml", (ROOT / "sounds" / "prompts.yaml").read_bytes())])
LANGUAGES = ("fa", "az")
NUMBERS = st.one_of(
    st.integers(0, saying.BIGGEST),
    st.integers(0, 1_100),
    st.builds(lambda a, b, c: a * 10**6 + b * 10**3 + c, *[st.sampled_from([0, 1, 20, 100, 999])] * 3),
)
DIGITS = st.text("0123456789", min_size=1, max_size=40)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def written(speech: Speech, language: str) -> str:
    return " ".join(CATALOGUE.text(str(id), language) for id in speech)


def expected(n: int, language: str) -> str:
    """num2words' own words. Its Azerbaijani loses the one of 21,000, so those groups are joined here."""
    if language == "fa" or n < 1_000:
        return str(num2words(n, lang=language))  # type: ignore[no-untyped-call]
    millions, thousands, rest = n // 10**6, n // 1_000 % 1_000, n % 1_000
    words = [f"{expected(millions, 'az')} milyon"] if millions else []
    words += ["min" if thousands == 1 else f"{expected(thousands, 'az')} min"] if thousands else []
    words += [expected(rest, "az")] if rest else []
    return " ".join(words)


@given(NUMBERS, st.sampled_from(LANGUAGES))
def test_a_number_says_the_words_that_num2words_writes(n: int, language: str) -> None:
    assert written(saying.number(n, language), language) == expected(n, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_to_two_thousand_says_its_words(language: str) -> None:
    for n in range(2_001):
        assert written(saying.number(n, language), language) == expected(n, language)


@pytest.mark.parametrize("n", [-1, 1_000_000_000])
def test_a_number_outside_the_range_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="999,999,999"):
        saying.number(n, "fa")


@given(NUMBERS, DAYS, st.booleans(), DIGITS, st.sampled_from(LANGUAGES), st.times())
def test_nothing_is_said_that_is_not_among_the_fragments(
    n: int, day: date, year: bool, text: str, language: str, at: time
) -> None:
    said = {
        *saying.number(n, language),
        *saying.day(day, language, year=year),
        *saying.digits(text, language),
        *saying.code(text, language),
        *saying.clock(at, language),
    }
    assert said <= saying.fragments(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fragment_is_said_somewhere_and_is_in_the_catalogue(language: str) -> None:
    numbers = [*range(1_300), 1_000_001, *range(0, 2_000_000, 1_000)]
    said = {id for n in numbers for id in saying.number(n, language)}
    days = [date(2026, 1, 1) + timedelta(n) for n in range(380)]
    said |= {id for day in days for id in saying.day(day, language, year=True)}
    said |= {*saying.code("0123456789", language), *saying.dictated("0123456789", language)}
    said |= {*saying.clock(time(10, 30), language)}
    assert said == saying.fragments(language)
    assert said <= CATALOGUE.ids(language)


def test_a_code_is_said_in_groups_of_three_three_two_two() -> None:
    groups = " ".join(str(id).removeprefix("digit.") for id in saying.code("9876543210", "fa")).split("pause")
    assert [group.split() for group in groups] == [list("987"), list("654"), list("32"), list("10"), []]


@given(DIGITS)
def test_digits_are_all_said_in_order_and_never_one_alone_behind_a_pause(text: str) -> None:
    said = [str(id) for id in saying.digits(text, "fa")]
    assert "".join(id[-1] for id in said if id != saying.PAUSE) == text
    groups = "".join("|" if id == saying.PAUSE else "d" for id in said).split("|")
    assert len(text) == 1 or all(2 <= len(group) <= 3 for group in groups)


@pytest.mark.parametrize("text", ["", "12a", "12*", "۱۲", "1 2", "²"])
def test_what_is_not_a_row_of_digits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        saying.digits(text, "fa")


@given(DAYS)
def test_a_persian_day_names_the_weekday_the_day_the_month_and_the_year(day: date) -> None:
    jalali = JalaliDate(day, locale="fa")  # type: ignore[no-untyped-call]
    weekday, ordinal, month, year, *number = saying.day(day, "fa", year=True)
    said = CATALOGUE.text(str(weekday), "fa")
    assert said.replace("\u200c", "") == jalali.strftime("%A").replace("\u200c", "").replace(" ", "")
    assert CATALOGUE.text(str(month), "fa") == jalali.strftime("%B")
    assert ordinal == f"day.{jalali.day}"
    assert year == "year"
    assert tuple(number) == saying.number(jalali.year, "fa")


def test_an_azerbaijani_day_goes_from_the_year_down() -> None:
    said = written(saying.day(date(2026, 12, 16), "az", year=True), "az")
    assert said == "min dörd yüz beş ilinin azər ayının iyirmi beşi çərşənbə"


def test_the_ordinals_of_days_are_their_cardinals_with_an_ending() -> None:
    for n in range(1, 32):
        ordinal, cardinal = CATALOGUE.text(f"day.{n}", "fa"), expected(n, "fa")
        # سه becomes سوم, سی سی‌ام
        stem = cardinal.removesuffix("سه") + "سو" if cardinal.endswith("سه") else cardinal
        assert ordinal == (f"{stem}‌ام" if stem == "سی" else f"{stem}م")


@pytest.mark.parametrize(
    ("at", "language", "said"),
    [
        (time(9), "fa", "clock.at number.9"),
        (time(10, 30), "fa", "clock.at number.10 clock.and number.30 clock.minutes"),
        (time(14, 45), "az", "clock.at number.14 number.40.and number.5 clock.minutes"),
    ],
)
def test_an_hour_is_said_with_its_minutes_where_there_are_any(at: time, language: str, said: str) -> None:
    assert " ".join(map(str, saying.clock(at, language))) == said
