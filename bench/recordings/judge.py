"""What the books say of each call: whether anybody was called cut, turned away, or asked to say it again."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

_ROWS = """SELECT c.caller, c.steps, r.name, r.ended, r.seconds, r.case_id IS NOT NULL AS cased
FROM calls c LEFT JOIN recordings r ON r.call_id = c.id"""
CHOPPED = 0.35  # seconds that Asterisk takes off for the key, and what was on its way at a hang-up
# Asterisk may drop what comes after what follows it; a frame of opus that got lost is made up, or is not.
UNMEASURED = frozenset({"jitter"})


@dataclass(slots=True)
class Judged:
    """Each list names calls by number and pattern. `asked`: so many were to be placed."""

    asked: int
    calls: int = 0
    spoke: int = 0
    kept: int = 0
    cut: list[str] = field(default_factory=list)
    turned_away: list[str] = field(default_factory=list)
    asked_again: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)  # never answered, or the beep never came to her
    codecs: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        harmed = self.cut or self.turned_away or self.asked_again or self.short or self.unheard
        return not harmed and 0 < self.asked == self.calls == self.kept

    def as_plain(self) -> dict[str, Any]:
        """Stable names, for JSON."""
        lists = ("cut", "turned_away", "asked_again", "short", "unheard")
        names = ("asked", "calls", "spoke", "kept", "good")
        figures = {name: getattr(self, name) for name in names}
        counts = {name: len(getattr(self, name)) for name in lists}
        examples = {name: getattr(self, name)[:20] for name in lists if getattr(self, name)}
        return {**figures, **counts, "codecs": dict(self.codecs), "examples": examples}


async def judge(log: Path, database: str, asked: int) -> Judged:
    """`log`: what the callers wrote down, who were `asked` so many. `database`: a plain address."""
    connection: Any = await asyncpg.connect(database)  # type: ignore[no-untyped-call]
    try:
        rows = await connection.fetch(_ROWS)
    finally:
        await connection.close()
    books: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        books[row["caller"].removeprefix("+98").lstrip("0")].append(row)
    found = Judged(asked)
    for line in log.read_text().splitlines():
        told = json.loads(line)
        judge_one(told, books.get(told["number"].lstrip("0"), []), found)
    return found


def judge_one(told: dict[str, Any], rows: Sequence[Any], found: Judged) -> None:
    """One call: what she did, and what the books have of it."""
    name = f"{told['n']} ({told['pattern']})"
    found.calls += 1
    found.codecs[told["pattern"].split()[0]] += 1
    recorded = [row for row in rows if row["name"]]
    notes = [step["note"] for row in rows[:1] for step in json.loads(row["steps"])]
    tries = [note for note in notes if note.startswith("recorded")]
    if any(row["ended"] == "cut" for row in recorded) or "recorded:cut" in tries:
        found.cut.append(name)
    if len(recorded) > 1 or len(tries) > 1:
        found.asked_again.append(f"{name}: {', '.join(tries)}")
    if not told["spoke"]:
        away = "no_room" in notes
        (found.turned_away if away else found.unheard).append(f"{name}: {', '.join(filter(None, notes))}")
        return
    found.spoke += 1
    if not recorded or not recorded[0]["cased"]:
        found.turned_away.append(f"{name}: {', '.join(filter(None, notes))}")
        return
    found.kept += 1
    if not UNMEASURED & set(told["habits"]) and recorded[0]["seconds"] < told["sent"] - CHOPPED:
        found.short.append(f"{name}: {recorded[0]['seconds']:.2f} of {told['sent']:.2f} s")
