"""Periods, hours and weekdays in Persian words and digits."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from persiantools.jdatetime import JalaliDate

from ivr.cases.periods import Grain, Period
from ivr.web.panel.locale import Locale, digits

WEEK = (5, 6, 0, 1, 2, 3, 4)  # Python's weekdays in the order of our week, from Saturday


def period_name(period: Period, words: Locale) -> str:
    """A month with its year; a week by its first and last day."""
    match period.grain:
        case Grain.YEAR:
            return words("numbers.period.year", year=jalali(period.since, "%Y"))
        case Grain.MONTH:
            return jalali(period.since, "%B %Y")
        case Grain.WEEK:
            last = period.until - timedelta(days=1)
            since, until = jalali(period.since, "%d %B"), jalali(last, "%d %B %Y")
            return words("numbers.period.week", since=since, until=until)
        case Grain.DAY:
            return jalali(period.since, "%A %d %B %Y")


def part_names(parts: list[Period], grain: Grain) -> tuple[list[str], list[str]]:
    """Of the places of a chart: in a few letters, and in full."""
    short = {Grain.YEAR: "%B", Grain.MONTH: "%d", Grain.WEEK: "%A", Grain.DAY: "%A"}[grain]
    full = "%B %Y" if grain is Grain.YEAR else "%A %d %B"
    return [jalali(part.since, short) for part in parts], [jalali(part.since, full) for part in parts]


def weekdays() -> list[str]:
    """From Saturday on."""
    saturday = date(2026, 11, 21)
    return [jalali(saturday + timedelta(days=n), "%A") for n in range(7)]


def hour_names() -> list[str]:
    return [digits(hour) for hour in range(24)]


def jalali(day: date, form: str) -> str:
    """As `strftime` has it, but the day of the month without a zero before it."""
    made: Any = JalaliDate(day, locale="fa")  # type: ignore[no-untyped-call]
    return str(made.strftime(form.replace("%d", digits(made.day))))
