"""How much of a case's time is used: what its clock promises is said in it."""

from __future__ import annotations

from datetime import datetime

from ivr.cases.clock import Clock
from ivr.cases.deadlines import Calendar


def elapsed(clock: Clock, calendar: Calendar, now: datetime, county: str = "") -> int:
    """Working days that counted, so far."""
    still = clock.resume(calendar, now, county) if clock.paused_at else clock
    still = still.run(calendar, now, county)
    return calendar.working_days(clock.opened_at, now, county) - still.stopped_days
