"""A case's clock. It never goes back: what was used stays used, only stops are left out.

Time stands still while a case is paused and while an answer waits for the citizen. The deadline is always
worked out from the opening, so that a change of agency or topic can't start it anew. Only a case that is
opened again is given days, and only as many as it lacks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ivr.cases.deadlines import Calendar
from ivr.cases.transitions import Refused


@dataclass(frozen=True, slots=True)
class Clock:
    """`stopped_days`: working days that don't count: of all stops that ended, and those given to a case that
    was opened again; `paused_days`: those of them that were pauses.

    A pause ends by itself at `paused_until`. `stopped_at`: since when an answer waits for the citizen.
    `ordered_days`: working days in place of the topic's, that an official gave, or that were left of the
    deadline that the case had before she said what it is about, or that a duplicate of it had.
    """

    opened_at: datetime
    stopped_days: int = 0
    paused_days: int = 0
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    stopped_at: datetime | None = None
    ordered_days: int | None = None

    def due_at(self, calendar: Calendar, days: int, county: str = "") -> datetime:
        """The end of the last working day; a running pause counts as if it were used to its end."""
        running = 0
        if self.paused_at and self.paused_until:
            running = calendar.working_days(self.paused_at, self.paused_until, county)
        return calendar.due_at(self.opened_at, days + self.stopped_days + running, county)

    def is_paused(self, now: datetime) -> bool:
        return self.paused_until is not None and now < self.paused_until

    def pause(self, calendar: Calendar, now: datetime, days: int, cap: int, county: str = "") -> Clock:
        """Stop until the end of the `days`th working day. Raises Refused when more than `cap` in all."""
        if self.is_paused(now):
            raise Refused("the clock is paused already")
        clock = self.resume(calendar, now, county) if self.paused_at else self
        if days < 1:
            raise Refused("a pause takes at least one working day")
        if clock.paused_days + days > cap:
            left = max(cap - clock.paused_days, 0)
            raise Refused(f"a case may be paused for {cap} working days in all, and {left} are left")
        return replace(clock, paused_at=now, paused_until=calendar.due_at(now, days, county))

    def resume(self, calendar: Calendar, now: datetime, county: str = "") -> Clock:
        """End the pause; only the days that it lasted are left out. Raises Refused when there is none."""
        if not self.paused_at or not self.paused_until:
            raise Refused("the clock is not paused")
        used = calendar.working_days(self.paused_at, min(now, self.paused_until), county)
        return replace(
            self,
            stopped_days=self.stopped_days + used,
            paused_days=self.paused_days + used,
            paused_at=None,
            paused_until=None,
        )

    def stop(self, calendar: Calendar, now: datetime, county: str = "") -> Clock:
        """Stand still for the citizen's word. Ends a pause; harmless when it stands still already."""
        if self.stopped_at:
            return self
        clock = self.resume(calendar, now, county) if self.paused_at else self
        return replace(clock, stopped_at=now)

    def run(self, calendar: Calendar, now: datetime, county: str = "") -> Clock:
        """Go on after a stop. Harmless when it runs."""
        if not self.stopped_at:
            return self
        stood = calendar.working_days(self.stopped_at, now, county)
        return replace(self, stopped_days=self.stopped_days + stood, stopped_at=None)

    def give(self, calendar: Calendar, now: datetime, days: int, least: int, county: str = "") -> Clock:
        """So many days more that at least `least` working days are left of `days`; none where they are."""
        due, fair = self.due_at(calendar, days, county), calendar.due_at(now, least, county)
        return replace(self, stopped_days=self.stopped_days + calendar.working_days(due, fair, county))

    def due_by(self, calendar: Calendar, due_at: datetime, county: str = "") -> Clock:
        """With so many days of its own that it is due then; its stops count as far as that leaves room."""
        days = max(calendar.working_days(self.opened_at, due_at, county), 1)
        stopped = min(self.stopped_days, days - 1)
        return replace(self, stopped_days=stopped, ordered_days=days - stopped)


def fair_days(days: int) -> int:
    """How many working days a case has left at least that is opened again: half its time, but two to five."""
    return min(max(2, -(-days // 2)), 5)
