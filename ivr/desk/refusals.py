"""Why the desk does not do what it is asked. The text is one sentence for the person who asked."""

from __future__ import annotations

from ivr.cases.transitions import Refused

__all__ = ["NoSuchCase", "Refused"]


class NoSuchCase(Refused):
    """The code belongs to no case."""
