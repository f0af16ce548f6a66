"""Jalali periods. 26 November 2026 is Thursday, 5 Azar 1405."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ivr.cases.periods import Grain, Period, named, period

THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("grain", "name", "since", "until"),
    [
        (Grain.YEAR, "year:1405", date(2026, 3, 21), date(2027, 3, 21)),
        (Grain.MONTH, "month:1405-09", date(2026, 11, 22), date(2026, 12, 22)),
        (Grain.WEEK, "week:1405-08-30", date(2026, 11, 21), date(2026, 11, 28)),
        (Grain.DAY, "day:1405-09-05", THURSDAY, date(2026, 11, 27)),
    ],
)
def test_a_day_lies_in_its_periods(grain: Grain, name: str, since: date, until: date) -> None:
    found = period(grain, THURSDAY)
    assert found == Period(grain, since, until)
    assert found.name == name
    assert named(name) == found


def test_periods_follow_each_other_without_a_gap() -> None:
    for grain in Grain:
        at = period(grain, date(2024, 3, 18))
        for _ in range(30):
            assert at.after.since == at.until
            assert at.after.before == at
            assert at.parts()[0].since == at.since and at.parts()[-1].until == at.until
            at = at.after


def test_an_unfinished_month_is_compared_with_as_many_days() -> None:
    azar = period(Grain.MONTH, THURSDAY)
    assert azar.so_far(THURSDAY).days == 5
    assert azar.so_far(THURSDAY).since == azar.before.since
    assert azar.so_far(azar.until) == azar.before
    long, short = period(Grain.MONTH, date(2026, 9, 20)), period(Grain.MONTH, date(2026, 10, 20))
    assert (long.days, short.days) == (31, 30)
    assert long.after.so_far(long.after.until - timedelta(days=1)) == Period(
        long.grain, long.since, long.since + timedelta(days=30)
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "month",
        "month:1405",
        "month:1405-13",
        "day:1405-12-30",
        "week:9999-01-01",
        "year:1405-02-40",
        "month:1405-09\n",
    ],
)
def test_other_names_are_nothing_or_harmless(name: str) -> None:
    found = named(name)
    assert found is None or (name in {"month:1405"} and found.name == "month:1405-01")
