"""What a caller may want of 111. The values are stable names: database, JSON, menus, prompts."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    COMPLAINT = "complaint"
    CRITICISM = "criticism"
    SUGGESTION = "suggestion"
    REQUEST = "request"
    MEETING = "meeting"
