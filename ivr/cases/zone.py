"""The zone in which the books count days: fixed for good, whatever an installation's calendar is set to.

Roots of custody, the days of events and moments in JSON are in it; deadlines and what people are told go by
the province's own (`province.timezone`), which this is unless it is set.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

TIMEZONE = "Asia/Tehran"
ZONE = ZoneInfo(TIMEZONE)
SUMMER = datetime(2026, 7, 1, tzinfo=UTC)
_OFFSET = timedelta(hours=3, minutes=30)
OUTDATED = f"time zones from before 2022b, by which {TIMEZONE} is an hour off each summer"


def is_outdated(there: datetime) -> bool:
    """Whether that is no longer the local time of `SUMMER`: Iran has had no summer time since 2022."""
    return there.replace(tzinfo=UTC) != SUMMER + _OFFSET
