"""What is wrong in a menu file: each mistake with its place and the nearest right name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from difflib import get_close_matches

# A hostile file may hold thousands of mistakes; nobody reads beyond this many.
MOST_MISTAKES = 50
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake. `line` and `column` count from 1; `key` is a dotted path, "" for the file itself."""

    file: str
    line: int
    column: int
    key: str
    message: str
    nearest: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: "
        key = f"{self.key}: " if self.key else ""
        hint = f" (did you mean “{self.nearest}”?)" if self.nearest else ""
        return f"{place}{key}{self.message}{hint}"

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


class MenuMistakes(Exception):
    """A menu file is refused. `mistakes` holds every one of them, in the file's order."""

    def __init__(self, mistakes: Collection[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.line, m.column)))
        super().__init__("\n".join(str(m) for m in self.mistakes))


def nearest(given: str, names: Collection[str]) -> str:
    """The one of `names` that `given` was probably meant to be, or ""."""
    if not given or len(given) > LONGEST_NAME:
        return ""
    found = get_close_matches(given, [n for n in names if len(n) <= LONGEST_NAME], n=1, cutoff=0.6)
    return found[0] if found else ""


def shown(text: str) -> str:
    """A value from the file, quoted and short enough for one line."""
    flat = " ".join(text.split())
    return f"“{flat[:57]}…”" if len(flat) > 60 else f"“{flat}”"
