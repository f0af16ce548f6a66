"""What goes wrong when: a schedule made from a seed, pure, and the same for the same seed.

Each kind also has a test at its worst moment: tests/bench/chaos/test_worst_moments.py.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`target`: what is harmed, one thing at a time. `seconds`: how long, from … to; 0: over at once.

    `also`: other targets, which nothing else harms meanwhile.
    """

    target: str
    seconds: tuple[float, float] = (0.0, 0.0)
    also: tuple[str, ...] = ()


# A server carries calls; work and panel are processes of their own (docs/decisions/workers.md).
FAULTS = {
    "one server killed": Kind("server"),
    "one server stopped": Kind("server", (1, 6)),
    "every server killed": Kind("server"),
    "every server away": Kind("server", (10, 14)),  # a restart that takes long
    # A deploy: in whatever it was doing, before or after it told the others to drain.
    "new server killed": Kind("server", (0.5, 8)),
    # Facts lie in journals, and no server is there, when the database comes back.
    "database and servers away": Kind("server", (8, 15), ("cable",)),
    # A snapshot of some seconds ago. Not while the database goes back as well: then facts are nowhere.
    "spool set back": Kind("server", (4, 9), ("work", "panel", "disk", "PostgreSQL")),
    "one server's clock wrong": Kind("server", (6, 12)),
    "work killed": Kind("work"),
    "work stopped": Kind("work", (1, 9)),
    "panel killed": Kind("panel"),
    "PostgreSQL killed": Kind("PostgreSQL"),
    "PostgreSQL stopped": Kind("PostgreSQL", (2, 9)),
    "database fails over": Kind("PostgreSQL", (3, 8)),  # to a standby that lacks so many seconds
    "database session killed": Kind("session"),
    "database cut": Kind("cable", (3, 14)),
    "database silent": Kind("cable", (3, 14)),
    "Asterisk killed": Kind("Asterisk"),
    "Asterisk stopped": Kind("Asterisk", (1, 4)),
    "hostile audio": Kind("audio", (3, 9)),  # datagrams of strangers on every audio port
    "disk full": Kind("disk", (3, 9)),
    "disk without inodes": Kind("disk", (3, 9)),
    "every disk full": Kind("disk", (3, 9)),  # but the second volume; PostgreSQL's, too
    "every disk slow": Kind("disk", (7, 14)),  # a flush takes 3.5 s; PostgreSQL's, too
    # Up to what is a slow disk (ten seconds), and beyond it.
    "recordings' disk hangs": Kind("disk", (3, 14)),
    "recordings' disk refuses": Kind("disk", (3, 9)),
    "recordings' disk read-only": Kind("disk", (3, 9)),
    "journal's disk hangs": Kind("disk", (3, 14)),
    "journal's disk refuses": Kind("disk", (3, 9)),
    "journal's disk read-only": Kind("disk", (3, 9)),
}
# What only a machine can do that lets us have such disks: bench.chaos.sick_disks.
OF_SICK_DISKS = frozenset(
    {
        "every disk full",
        "every disk slow",
        *(kind for kind in FAULTS if "'s disk" in kind or "s' disk" in kind),
    }
)
# What takes so long that two minutes have no room for it beside the others. Of several seeds each one has one
# of them, near its end.
LONG = frozenset(
    {
        "database and servers away",
        "spool set back",
        "one server's clock wrong",
        "database fails over",
        "every disk slow",
    }
)
# Seconds between two faults' beginnings. Those of different targets may overlap.
GAP = 1.5, 7.0
FIRST = 4.0
CLOSING_SECONDS = 40.0  # before the end such a one begins, under calls; all others have begun by then
LAST = "every server killed"  # at the very end, so that everything must be found again


@dataclass(frozen=True, slots=True)
class Fault:
    """`at`: seconds from the run's beginning; `chance` decides what is left open (which server)."""

    at: float
    kind: str
    seconds: float
    chance: float


def closing_of(seed: int, without: Collection[str] = ()) -> str:
    """Which of those that take long this seed has: five seeds in a row have all. "" where none is left."""
    kinds = sorted(LONG - set(without))
    return kinds[seed % len(kinds)] if kinds else ""


def schedule(seed: int, seconds: float, kinds: Sequence[str], closing: str = "") -> list[Fault]:
    """Every kind once in each round, in another order each time, at any moment; near the end `closing`."""
    chance = random.Random(f"faults {seed}")
    found: list[Fault] = []
    at, bag = FIRST, list[str]()
    until = seconds - CLOSING_SECONDS if closing else seconds
    while at < until:
        bag = bag or chance.sample(list(kinds), len(kinds))
        kind = bag.pop()
        found.append(_fault(at, kind, chance))
        at += chance.uniform(*GAP)
    if closing:
        found.append(_fault(until, closing, chance))
    return [*found, Fault(seconds, LAST, 0.0, chance.random())]


def _fault(at: float, kind: str, chance: random.Random) -> Fault:
    lasts = round(chance.uniform(*FAULTS[kind].seconds), 2)
    return Fault(round(at, 2), kind, lasts, chance.random())
