"""Deadlines in working days: the Iranian week and holidays, and what the province overrides.

A case's day of opening does not count; the deadline is the end (23:59:59) of the Nth working day after it,
in the province's own time. A day's end rather than the clock time of opening, because the caller is told a
date and may hold the agency to that whole day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

WEEKEND = frozenset({3, 4})  # Python weekdays: Thursday, Friday
_END_OF_DAY = time(23, 59, 59)
_MOST_KNOWN = 50_000
_MOST_DAYS = 1000  # a calendar with no working day in this many days is a mistake, not a deadline


@lru_cache(maxsize=64)
def iranian_holidays(year: int) -> frozenset[date]:
    """Without the weekend. Dates of the lunar calendar are estimates; overrides mend them."""
    return frozenset(holidays.country_holidays("IR", years=year))


@dataclass(frozen=True, slots=True)
class Calendar:
    """`overrides`: county ("" = the whole province) → day → is it a working day?"""

    timezone: str = "Asia/Tehran"
    weekend: frozenset[int] = WEEKEND
    overrides: Mapping[str, Mapping[date, bool]] = field(default_factory=dict)
    # Thousands of cases opened on one day have the same deadlines and delays, and counting days is slow.
    _known: dict[tuple[date, int, str], datetime] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _counted: dict[tuple[date, date, str], int] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def is_working(self, day: date, county: str = "") -> bool:
        """A county's own override wins over the province's, that over weekend and holidays."""
        for area in (county, "") if county else ("",):
            ruled = self.overrides.get(area, {}).get(day)
            if ruled is not None:
                return ruled
        return day.weekday() not in self.weekend and day not in iranian_holidays(day.year)

    def due_at(self, opened_at: datetime, days: int, county: str = "") -> datetime:
        """The end of the `days`th working day after `opened_at` (which carries its zone).

        Raises ValueError for a naive time, fewer than one day, or a calendar without working days.
        """
        if opened_at.tzinfo is None:
            raise ValueError("opened_at has no time zone")
        if days < 1:
            raise ValueError(f"a deadline of {days} working days is no deadline")
        zone = ZoneInfo(self.timezone)
        asked = opened_at.astimezone(zone).date(), days, county
        if (known := self._known.get(asked)) is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[asked] = self._end_of_day(*asked, zone)
        return known

    def _end_of_day(self, day: date, days: int, county: str, zone: ZoneInfo) -> datetime:
        opened_on, left = day, days
        for _ in range(_MOST_DAYS + 2 * days):
            day += timedelta(days=1)
            left -= self.is_working(day, county)
            if not left:
                return datetime.combine(day, _END_OF_DAY, zone)
        raise ValueError(f"the calendar has no {days} working days after {opened_on}")

    def working_days(self, since: datetime, until: datetime, county: str = "") -> int:
        """How many working days lie after the day of `since`, up to and with the day of `until`."""
        zone = ZoneInfo(self.timezone)
        asked = since.astimezone(zone).date(), until.astimezone(zone).date(), county
        if (known := self._counted.get(asked)) is None:
            if len(self._counted) >= _MOST_KNOWN:
                self._counted.clear()
            known = self._counted[asked] = self._between(*asked)
        return known

    def _between(self, first: date, last: date, county: str) -> int:
        days = range(1, (last - first).days + 1)
        return sum(self.is_working(first + timedelta(days=n), county) for n in days)
