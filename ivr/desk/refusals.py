"""Why the desk does not do what it is asked. The text is one sentence for the person who asked."""

from __future__ import annotations

from ivr.cases.transitions import Refused

__all__ = ["NoSuchCase", "Refused", "WrongField"]


class NoSuchCase(Refused):
    """The code belongs to no case."""


class WrongField(Refused):
    """What was given for `field` won't do."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
