"""A province's escalation.yaml, read and checked. Every mistake names file, line and key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from ivr.cases.escalation import STANDARD, Ladder, Ladders, Rung
from ivr.voice.fields import Fields
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.reading import Reading
from ivr.voice.yaml_tree import Listing, Node, Table, read_tree

NAME = "[a-z][a-z0-9_]{0,39}"
MOST_DAYS = 365


def read_ladders(path: Path, topics: Collection[str], agencies: Collection[str]) -> Ladders:
    """The file's ladders; STANDARD when there is no such file.

    Raises MenuMistakes with all mistakes at once, OSError when it can't be read.
    """
    if not path.exists():
        return STANDARD
    tree, mistakes = read_tree(path.read_bytes(), str(path))
    reading = Reading(str(path), mistakes=mistakes)
    if isinstance(tree, Table):
        ladders = _ladders(Fields(reading, tree, ""), topics, agencies)
        if not reading.mistakes:
            return ladders
    else:
        reading.wrong(tree, "", "must be a mapping with levels, ladder, repeat, topics and agencies")
    raise MenuMistakes(reading.mistakes)


def _ladders(fields: Fields, topics: Collection[str], agencies: Collection[str]) -> Ladders:
    levels = tuple(level.value for level in fields.items("levels"))
    if len(set(levels)) < len(levels):
        fields.wrong(fields.table, "levels", "names a level twice")
    usual = _ladder(fields, levels)
    own = [dict(_own(fields, *part, levels)) for part in (("topics", topics), ("agencies", agencies))]
    fields.close()
    return Ladders(levels, usual, *own)


def _own(
    fields: Fields, part: str, known: Collection[str], levels: tuple[str, ...]
) -> Iterator[tuple[str, Ladder]]:
    """The ladders of single topics, or agencies."""
    inner = fields.inner(part, needed=False)
    for key, node in inner.each() if inner else ():
        assert inner is not None
        if key.value not in known:
            inner.wrong(key, key.value[:40], f"is none of the province's {part}", key.value, known)
        its = inner.as_fields(key.value[:40], node)
        if its is not None:
            yield key.value, _ladder(its, levels)
            its.close()


def _ladder(fields: Fields, levels: tuple[str, ...]) -> Ladder:
    listing = fields.node("ladder", needed=True)
    rungs: list[Rung] = []
    if isinstance(listing, Listing) and listing.items:
        for number, node in enumerate(listing.items, 1):
            rungs += _rung(fields, f"ladder[{number}]", node, levels, rungs)
    elif listing is not None:
        fields.wrong(listing, "ladder", "must list rungs, like [{rung: overdue, level: head, after: 0}]")
    return Ladder(tuple(rungs), fields.whole("repeat", 1, MOST_DAYS, 0))


def _rung(
    fields: Fields, name: str, node: Node, levels: tuple[str, ...], below: list[Rung]
) -> Iterator[Rung]:
    its = fields.as_fields(name, node)
    if its is None:
        return
    before, after = (its.whole(side, 0, MOST_DAYS, -1) for side in ("before", "after"))
    if (before < 0) == (after < 0):
        its.wrong(node, "after", "a rung has either before or after, in working days")
    rung = Rung(
        its.matching("rung", NAME, "a name of a-z, 0-9 and _"),
        its.one_of("level", levels),
        after if before < 0 else -before,
    )
    its.close()
    if below and rung.days <= below[-1].days:
        its.wrong(node, "after", f"must come later than {below[-1].name}")
    known = rung.level in levels and below and below[-1].level in levels
    if known and levels.index(rung.level) < levels.index(below[-1].level):
        its.wrong(node, "level", f"{rung.level} is lower than {below[-1].level}, who has it by then")
    yield rung
