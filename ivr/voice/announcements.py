"""What a supervisor has callers told for a while, without touching a tree: the words of one slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ivr.voice.actions import Speech, Words

LONGEST_TEXT = 300  # characters; whoever needs more needs a prompt
LONGEST_SECONDS = 30.0  # that it takes to say them


@dataclass(frozen=True, slots=True)
class Announcement:
    """`words`: language → text, at least one. Nobody hears it from `until` on. `number`: of its row.

    `mute`: languages of callers to whom it can't be spoken in this process yet; they hear nothing.
    """

    slot: str
    words: Mapping[str, str]
    until: datetime
    author: str = ""
    number: int = 0
    mute: frozenset[str] = field(default=frozenset(), compare=False)

    def said(self, language: str, now: datetime) -> Speech:
        """What a caller with that language hears: in another one where hers has no text."""
        if now >= self.until or language in self.mute:
            return ()
        return (Words(self.text(language)),)

    def text(self, language: str) -> str:
        """What is spoken to whoever has that language: without a text of hers the Persian one, if any."""
        return self.words.get(language) or self.words.get("fa") or next(iter(self.words.values()))
