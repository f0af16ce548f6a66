"""Where a case stands. The values are stable names: database, JSON, prompts (`status.<value>`)."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    OPENED = "opened"  # at the inspection office's desk, not yet with an agency
    REFERRED = "referred"  # with an agency, its clock running
    IN_PROGRESS = "in_progress"  # the agency has taken it up
    ANSWERED = "answered"  # an answer is there; the citizen has not confirmed it
    CLOSED = "closed"
    RETURNED = "returned"  # the agency says: not ours; back at the desk
    REOPENED = "reopened"  # the citizen says: not solved
    ADVISED = "advised"  # answered on the spot
    WITHDRAWN = "withdrawn"  # by the citizen
    MERGED = "merged"  # goes on in another case


# Statuses in which someone still owes the citizen something.
OPEN = frozenset(
    {Status.OPENED, Status.REFERRED, Status.IN_PROGRESS, Status.ANSWERED, Status.RETURNED, Status.REOPENED}
)

# … and in which an answer that is there is one that she rejected; a duplicate's comes where it goes on.
ANSWER_OWED = OPEN - {Status.ANSWERED} | {Status.MERGED}
