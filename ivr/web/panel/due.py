"""A case's clock in words: the same badge wherever a case is shown."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.cases.delay import Pace, Standing
from ivr.web.panel.locale import Locale

NEAR = 2  # working days left


@dataclass(frozen=True, slots=True)
class Mark:
    """A badge: its look and its words."""

    look: str
    word: str


def due_mark(words: Locale, its: Standing) -> Mark:
    """The look only repeats the words."""
    if its.pace is Pace.LATE:
        return Mark("bad", words("common.due.late", n=its.days) if its.days else words("common.due.passed"))
    if its.pace is Pace.LEFT:
        return Mark("warn" if its.days <= NEAR else "", words("common.due.left", n=its.days))
    look = {Pace.ANSWERED: "good", Pace.TODAY: "warn"}.get(its.pace, "")
    return Mark(look, words(f"common.due.{its.pace}"))
