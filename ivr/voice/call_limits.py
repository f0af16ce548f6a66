"""How long a whole call may take: what a tree promises of itself, and where a caller goes who gets stuck."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from ivr.voice.fields import Fields


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Seconds; `inf` and "" where the tree says nothing.

    After so many `misses`, or `leave_seconds` of questions, no further question is begun: she goes to `then`,
    with her words safe to `safe_then`. The other three `ivr menu check` compares with what it finds.
    """

    misses: float = inf
    leave_seconds: float = inf
    then: str = ""
    safe_then: str = ""
    to_beep_seconds: float = inf
    call_seconds: float = inf
    menus_seconds: float = inf


NO_LIMITS = CallLimits()


def read_limits(fields: Fields) -> CallLimits:
    """The `limits:` mapping."""
    found = CallLimits(
        misses=fields.whole("misses", 1, 100),
        leave_seconds=fields.number("leave_seconds", 10, 3600),
        then=fields.step("then"),
        safe_then=fields.step("safe_then"),
        to_beep_seconds=fields.number("to_beep_seconds", 1, 3600, inf),
        call_seconds=fields.number("call_seconds", 1, 3600, inf),
        menus_seconds=fields.number("menus_seconds", 1, 7200, inf),
    )
    fields.close()
    return found
