"""How long what is kept: rules per kind and status, in days after a case's end. Pure."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def particularity(self) -> tuple[bool, bool]:
        """The greatest of the rules about a case counts: kind and status, kind, status, any."""
        return bool(self.kind), bool(self.status)
