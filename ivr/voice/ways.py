"""Where a step can lead, and what makes the call go there: the menu as a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

SETTLED = ("language", "kind")  # draft values by which a branch sends every call one known way

NOTHING: Mapping[str, str] = MappingProxyType({})


class By(StrEnum):
    """What takes a call out of a step."""

    CALLER = "caller"  # a key that means something
    ALONE = "alone"  # nothing: the step goes on by itself
    SILENT = "silent"  # no input, up to the limit
    WRONG = "wrong"  # keys that mean nothing, up to the limit
    ABSENT = "absent"  # what it needs is not there

    @property
    def is_willing(self) -> bool:
        """Whether she missed nothing."""
        return self in (By.CALLER, By.ALONE)


class Way(NamedTuple):
    """One way out of a step.

    `sets`: draft values that hold behind it. `fills`: those it gives where nothing was chosen. `again`: she
    wishes to say it again. A drawing tells the `key` that takes it, the `result` that leads to it (the name
    of a word), or the `share` of calls that go it.
    """

    to: str
    by: By
    sets: Mapping[str, str] = NOTHING
    fills: Mapping[str, str] = NOTHING
    again: bool = False
    key: str = ""
    result: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """What happens on no input or no match: after each miss `say`, at the `limit` go to `then`."""

    limit: int
    say: tuple[str, ...]
    then: str
