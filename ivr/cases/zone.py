"""The zone in which the books count days: fixed for good, whatever an installation's calendar is set to.

Roots of custody, the days of events and moments in JSON are in it; deadlines and what people are told go by
the province's own (`province.timezone`), which this is unless it is set.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

TIMEZONE = "Asia/Tehran"
ZONE = ZoneInfo(TIMEZONE)
