"""`python -m bench.chaos.wrong_clock serve …`: `ivr` in a process whose clock stands in the year 2000.

As after a power cut without a battery. Python's own clocks are set back before anything of ours is imported;
the machine's stay, for Asterisk and PostgreSQL are on it.
"""

from __future__ import annotations

import datetime
import time
from typing import Any

_time = time.time
BACK = datetime.timedelta(seconds=_time() - 946_684_800)  # to the beginning of 2000
_real = datetime.datetime


class _Known(type):
    """What C makes is a plain one, and counts as well."""

    def __instancecheck__(cls, it: object) -> bool:
        return isinstance(it, _real)


class Wrong(_real, metaclass=_Known):
    """A `datetime` whose now is long ago."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _real.now(tz) - BACK


def main() -> None:
    """Set them back, then do what `ivr` does."""
    time.time = lambda: _time() - BACK.total_seconds()
    time.time_ns = lambda: int(time.time() * 1e9)
    datetime.datetime = Wrong  # type: ignore[misc]
    from ivr.cli import main as ivr

    ivr()


if __name__ == "__main__":
    main()
