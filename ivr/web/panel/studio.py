"""What the speech room does for pages: words spoken, a recorded answer made ready for the telephone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.desk.case.answers import SpokenAnswer


class BadVoice(Exception):
    """A recording that can't be an answer; the text is one English sentence (`ivr.speech.answer_sound`)."""

    @property
    def reason(self) -> str:
        """Key of the Persian one."""
        said = {"nothing can be heard": "silent", "s long without": "length", "bytes; at most": "large"}
        return next((key for part, key in said.items() if part in str(self)), "not_wav")


@dataclass(frozen=True, slots=True)
class Studio:
    """How answers get a voice. `ivr/app.py` fills it.

    `speak`: words and language → a WAV without its extension, or None.
    `prepare`: a WAV that somebody recorded → what the telephone carries, kept under a folder by its hash;
    raises BadVoice. `drafts`: where those wait. `wordings`: the province's folder.
    `approval`: an agency's answer waits.
    """

    speak: Callable[[str, str], Awaitable[str | None]]
    prepare: Callable[[Path, Path], Awaitable[SpokenAnswer]]
    drafts: Path
    wordings: Path
    approval: bool = False
