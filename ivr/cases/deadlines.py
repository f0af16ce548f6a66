"""Deadlines in working days: the Iranian week and holidays, and what the province overrides.

A case's day of opening does not count; the deadline is the end (23:59:59) of the Nth working day after it,
in the province's own time. A day's end rather than the clock time of opening, because the caller is told a
date and may hold the agency to that whole day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache, partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

_END_OF_DAY = time(23, 59, 59)
_YEAR = 365
_MOST_DAYS = 1000  # a calendar with no working day in this many days is a mistake, not a deadline


@lru_cache(maxsize=64)
def iranian_holidays(year: int) -> frozenset[date]:
    """Without the weekend. Dates of the lunar calendar are estimates; overrides mend them."""
    return frozenset(holidays.country_holidays("IR", years=year))


@dataclass(frozen=True, slots=True)
class Calendar:
    """`weekend`: Python weekdays.

    `overrides`: county ("" = the whole province) → day → is it a working day?
    """

    timezone: str
    weekend: frozenset[int]
    overrides: Mapping[str, Mapping[date, bool]] = field(default_factory=dict)
    # The working days of each area that has days of its own, counted once: every deadline is then a look-up.
    _counted: dict[str, _Counted] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_working(self, day: date, county: str = "") -> bool:
        """A county's own override wins over the province's, that over weekend and holidays."""
        for area in (county, "") if county else ("",):
            ruled = self.overrides.get(area, {}).get(day)
            if ruled is not None:
                return ruled
        return day.weekday() not in self.weekend and day not in iranian_holidays(day.year)

    def working_day_from(self, day: date, county: str = "") -> date:
        """That day; where nobody works on it, the next on which they do. Raises ValueError as `due_at`."""
        if self.is_working(day, county):
            return day
        return self.due_at(datetime.combine(day, time(), ZoneInfo(self.timezone)), 1, county).date()

    def due_at(self, opened_at: datetime, days: int, county: str = "") -> datetime:
        """The end of the `days`th working day after `opened_at` (which carries its zone).

        Raises ValueError for a naive time, fewer than one day, or a calendar without working days.
        """
        if opened_at.tzinfo is None:
            raise ValueError("opened_at has no time zone")
        if days < 1:
            raise ValueError(f"a deadline of {days} working days is no deadline")
        zone = ZoneInfo(self.timezone)
        opened_on = opened_at.astimezone(zone).toordinal()
        last = opened_on + _MOST_DAYS + 2 * days
        counted = self._counted_for(county)
        known = counted.cover(opened_on, opened_on + 2 * days)
        while (at := bisect_right(known.days, opened_on) + days - 1) >= len(known.days):
            if known.end > last:
                day = date.fromordinal(opened_on)
                raise ValueError(f"the calendar has no {days} working days after {day}")
            known = counted.cover(opened_on, known.end)
        return datetime.combine(date.fromordinal(known.days[at]), _END_OF_DAY, zone)

    def day(self, moment: datetime) -> date:
        """The date of a moment where the province is."""
        return moment.astimezone(ZoneInfo(self.timezone)).date()

    def working_days(self, since: datetime, until: datetime, county: str = "") -> int:
        """How many working days lie after the day of `since`, up to and with the day of `until`."""
        zone = ZoneInfo(self.timezone)
        first, last = since.astimezone(zone).toordinal(), until.astimezone(zone).toordinal()
        if last <= first:
            return 0
        days = self._counted_for(county).cover(first, last).days
        return bisect_right(days, last) - bisect_right(days, first)

    def _counted_for(self, county: str) -> _Counted:
        area = county if county in self.overrides else ""
        if area not in self._counted:
            self._counted[area] = _Counted(partial(self._is_working, area))
        return self._counted[area]

    def _is_working(self, area: str, day: int) -> bool:
        return self.is_working(date.fromordinal(day), area)


class _Days(NamedTuple):
    """The ordinals of working `days` in order, from `start` to before `end`: years of 365 days."""

    days: list[int]
    start: int
    end: int


@dataclass(slots=True)
class _Counted:
    """An area's working days, as far as they are known. What `is_working` says of a day is asked once."""

    is_working: Callable[[int], bool]
    known: _Days | None = None

    def cover(self, first: int, last: int) -> _Days:
        """All days from `first` to `last`, and more. Threads share them: what was given out never changes."""
        start, end = first // _YEAR * _YEAR, (last // _YEAR + 1) * _YEAR
        known = self.known or _Days([], start, start)
        if start < known.start or end > known.end:
            before = filter(self.is_working, range(start, known.start))
            after = filter(self.is_working, range(known.end, end))
            days = [*before, *known.days, *after]
            known = self.known = _Days(days, min(start, known.start), max(end, known.end))
        return known
