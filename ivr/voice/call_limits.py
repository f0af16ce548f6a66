"""How long a whole call may take: what a tree promises of itself, and where a caller goes who gets stuck."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from ivr.voice.fields import Fields
from ivr.voice.yaml_keys import YamlKey, read_mapping
from ivr.voice.yaml_values import WAY_OUT, NumberValue, StepValue, first_step


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


_SAFE_OUT = first_step("the tree's first `code`, else its `end`", "code", "end")
_WARNS = "`ivr menu check` warns when "
LIMIT_KEYS = (
    YamlKey("misses", NumberValue(1, 100, "", whole=True), "so many misses in the whole call …", 12),
    YamlKey(
        "leave_seconds",
        NumberValue(10, 3600),
        "… or so long in questions (`menu`, `topic`, `county`, `digits`, `review`), repeats and ways back "
        "too, and no further one is begun",
        270,
    ),
    YamlKey("then", StepValue(), "where she goes then, once: a person, or the beep", WAY_OUT),
    YamlKey("safe_then", StepValue(), "where she goes instead when her words are safe", _SAFE_OUT),
    YamlKey(
        "to_beep_seconds",
        NumberValue(1, 3600),
        f"{_WARNS}who hears all comes to her beep later than this, whatever its kind",
        inf,
    ),
    YamlKey(
        "call_seconds",
        NumberValue(1, 3600),
        f"{_WARNS}her whole call takes longer, but for reviews, and meetings, which ask for more",
        inf,
    ),
    YamlKey(
        "menus_seconds",
        NumberValue(1, 7200),
        f"{_WARNS}questions can keep her longer, whatever she does: `leave_seconds` and the longest of them",
        inf,
    ),
)


def read_limits(fields: Fields) -> CallLimits:
    """The `limits:` mapping."""
    return CallLimits(**read_mapping(LIMIT_KEYS, fields))
