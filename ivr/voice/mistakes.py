"""What is wrong in a menu file: each mistake with its place and the nearest right name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from heapq import nlargest

# A hostile file may hold thousands of mistakes; nobody reads beyond this many.
MOST_MISTAKES = 50
LONGEST_NAME = 64
MOST_COMPARED = 20  # names with a mistaken one, letter by letter
_UNLIKE = 0.59  # of 1.0; what is no nearer is another name


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
    compared = SequenceMatcher(b=given)

    def at_most(name: str) -> float:
        compared.set_seq1(name)
        return min(compared.real_quick_ratio(), compared.quick_ratio())

    found, best = "", _UNLIKE
    # Letters alone tell which few of thousands are worth a comparison, which costs ten times as much.
    for name in nlargest(MOST_COMPARED, (each for each in names if len(each) <= LONGEST_NAME), key=at_most):
        compared.set_seq1(name)
        if compared.ratio() > best:
            found, best = name, compared.ratio()
    return found


def shown(text: str) -> str:
    """A value from the file, quoted and short enough for one line."""
    flat = " ".join(text.split())
    return f"“{flat[:57]}…”" if len(flat) > 60 else f"“{flat}”"
