"""How long what is kept: rules per kind and status, in days after a case's end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST_DAYS = 31  # a citizen may say for 30 days that it is not solved


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """`kind` and `status` "" = any. Days after the end; None = never.

    A recording is the citizen's voice, so it goes at the latest when she becomes nameless.
    """

    kind: str = ""
    status: str = ""
    delete_recording_after: int | None = None
    anonymise_after: int | None = None

    @property
    def recording_days(self) -> int | None:
        days = [d for d in (self.delete_recording_after, self.anonymise_after) if d is not None]
        return min(days, default=None)


def rule_for(rules: Sequence[RetentionRule], kind: str, status: str) -> RetentionRule:
    """The most particular one: kind and status, kind, status, any. Without a rule everything stays."""
    for wanted in ((kind, status), (kind, ""), ("", status), ("", "")):
        for rule in rules:
            if (rule.kind, rule.status) == wanted:
                return rule
    return RetentionRule()


def is_over(days: int | None, closed_at: datetime, now: datetime) -> bool:
    """Whether so many days have gone by since the end."""
    return days is not None and closed_at + timedelta(days=days) <= now
