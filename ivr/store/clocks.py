"""What a wrong clock can't falsify: which times can be, and how long this machine has been up."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

# Nothing that runs this release can be earlier; nor, as far as anybody can say, later.
EARLIEST, LATEST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
FAR = timedelta(minutes=2)  # what calls and closes by the minute must not be wrong by
NEAR = timedelta(seconds=2)  # what is no nearer to the database's clock goes by that
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def is_a_time(moment: datetime) -> bool:
    return EARLIEST <= moment <= LATEST


def uptime() -> float:
    """Seconds since this machine began, sleep included. Nobody sets it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def mark() -> str:
    """This moment, for as long as this machine is up: which run of which machine, and its uptime."""
    return f"{_boot()} {uptime():.6f}"


def mark_of(moment: float) -> str:
    """The same of a moment that this machine's clock told, if nobody has set it since.

    Of one before this machine began, or yet to come, no more can be told than after a restart.
    """
    up, ago = uptime(), time.time() - moment
    return f"{_boot() if 0 <= ago <= up else '-'} {up - ago:.6f}"


def since(mark: str) -> float | None:
    """How many seconds ago that was; None where it was before this machine began, or on another."""
    boot, _, at = mark.partition(" ")
    try:
        return uptime() - float(at) if boot and boot == _boot() else None
    except ValueError:
        return None


@cache
def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
