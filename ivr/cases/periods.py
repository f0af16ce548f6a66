"""Periods as people here name them: Jalali years and months, weeks from Saturday, single days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

_DAY = timedelta(days=1)
_NAME = re.compile(r"(year|month|week|day):(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
FIRST_YEAR, LAST_YEAR = 1380, 1500


def days_between(since: datetime, until: datetime, zone: ZoneInfo) -> int:
    """Whole calendar days of that zone: from an evening to the next morning it is one."""
    return (until.astimezone(zone).date() - since.astimezone(zone).date()).days


class Grain(StrEnum):
    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Period:
    """From the day `since` up to and without the day `until`."""

    grain: Grain
    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days

    @property
    def name(self) -> str:
        """What an address holds: `month:1405-09`, `week:1405-09-07` (its Saturday), `year:1405`."""
        jalali = _jalali(self.since)
        length = {Grain.YEAR: 4, Grain.MONTH: 7}.get(self.grain, 10)
        return f"{self.grain}:{jalali.isoformat()[:length]}"

    @property
    def before(self) -> Period:
        """The one just before it."""
        return period(self.grain, self.since - _DAY)

    @property
    def after(self) -> Period:
        return period(self.grain, self.until)

    def parts(self) -> list[Period]:
        """What a chart of it is divided into: a year into months, else into days."""
        grain = Grain.MONTH if self.grain is Grain.YEAR else Grain.DAY
        found, day = [], self.since
        while day < self.until:
            found.append(period(grain, day))
            day = found[-1].until
        return found

    def so_far(self, today: date) -> Period:
        """As much of the period before as has passed of this one, for a fair comparison.

        The whole of it once this one is over; a month's last days may have no counterpart.
        """
        before = self.before
        if today >= self.until or today < self.since:
            return before
        passed = (today - self.since).days + 1
        return Period(before.grain, before.since, min(before.since + passed * _DAY, before.until))


def period(grain: Grain, day: date) -> Period:
    """The one that holds `day`."""
    jalali = _jalali(day)
    match grain:
        case Grain.YEAR:
            return Period(grain, _day(jalali.year, 1), _day(jalali.year + 1, 1))
        case Grain.MONTH:
            year, month = divmod(jalali.year * 12 + jalali.month, 12)
            return Period(grain, _day(jalali.year, jalali.month), _day(year, month + 1))
        case Grain.WEEK:
            saturday = day - _DAY * ((day.weekday() + 2) % 7)
            return Period(grain, saturday, saturday + 7 * _DAY)
        case Grain.DAY:
            return Period(grain, day, day + _DAY)


def named(name: str) -> Period | None:
    """What `Period.name` gave; None for anything else."""
    found = _NAME.fullmatch(name)
    if found is None or not FIRST_YEAR <= int(found[2]) <= LAST_YEAR:
        return None
    try:
        day = _day(int(found[2]), int(found[3] or 1), int(found[4] or 1))
    except ValueError:
        return None
    return period(Grain(found[1]), day)


def _jalali(day: date) -> JalaliDate:
    return JalaliDate(day)  # type: ignore[no-untyped-call]


def _day(year: int, month: int, day: int = 1) -> date:
    """Raises ValueError where there is no such day."""
    gregorian: date = JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    return gregorian
