"""How telephones send what is said into them: codec, packet length, and habits that leave an odd file."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Codec:
    """`packet`: bytes in a millisecond of any length, or 0 where only whole frames of 20 ms can be sent."""

    name: str
    number: int
    clock: int
    packet: int
    said: str


CODECS = {
    codec.name: codec
    for codec in (
        Codec("alaw", 8, 8_000, 8, "PCMA/8000"),
        Codec("ulaw", 0, 8_000, 8, "PCMU/8000"),
        Codec("g722", 9, 8_000, 8, "G722/8000"),
        Codec("gsm", 3, 8_000, 0, "GSM/8000"),
        Codec("opus", 107, 48_000, 0, "opus/48000/2"),
    )
}
PTIMES = (10, 15, 20, 25, 30, 35, 40, 50, 60)
HABITS = (
    "plain", "odd last packet", "silence suppressed", "loss", "jitter", "hold", "late key", "hang-up",
)  # fmt: skip
LOSS, JITTER_SECONDS = 0.1, 0.06
HOLD_SECONDS, LATE_SECONDS = 3.0, 4.0


@dataclass(frozen=True, slots=True)
class Pattern:
    codec: str
    ptime: int  # milliseconds
    habits: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return f"{self.codec} {self.ptime} ms, {' + '.join(sorted(self.habits)) or 'plain'}"


def every() -> list[Pattern]:
    """Each codec in each packet length with each habit, and with each two of them."""
    sets = [frozenset[str]()]
    sets += [frozenset({one}) for one in HABITS[1:]]
    sets += [frozenset(two) for two in itertools.combinations(HABITS[1:], 2)]
    found = []
    for codec in CODECS.values():
        lengths = PTIMES if codec.packet else (20, 40, 60) if codec.name == "gsm" else (20,)
        found += [Pattern(codec.name, length, habits) for length in lengths for habits in sets]
    return found


def short() -> list[Pattern]:
    """Each codec, each packet length and each habit at least once, those that did harm among them."""
    found = [
        Pattern("alaw" if n % 2 else "ulaw", ptime, frozenset(habits) - {"plain"})
        for n, (ptime, habits) in enumerate(zip(PTIMES, itertools.cycle(_harmful()), strict=False))
    ]
    found += [Pattern("alaw", 20, frozenset({habit}) - {"plain"}) for habit in HABITS]
    return [*found, Pattern("g722", 30), Pattern("gsm", 40), Pattern("opus", 20, frozenset({"loss"}))]


def _harmful() -> Iterator[tuple[str, str]]:
    """An odd last packet together with something that the clock shows."""
    for habit in ("silence suppressed", "loss", "hold", "late key"):
        yield "odd last packet", habit


def chosen(calls: int, seed: int) -> list[Pattern]:
    """So many, every one as often as the others, in any order."""
    them, chance = every(), random.Random(f"patterns {seed}")
    if calls <= len(short()):
        return short()[:calls]
    bag = [them[n % len(them)] for n in range(calls)]
    chance.shuffle(bag)
    return bag
