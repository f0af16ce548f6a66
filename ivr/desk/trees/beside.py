"""A tree is checked beside the others of this machine: with those it calls, and for those that call it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ivr.desk.trees.tree_files import kept_at, read_tree_file
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.reading import CalledTree, FindTree
from ivr.voice.report import Proof
from ivr.voice.steps.tree import TREE_NAME

# Parses and proves a text under a name for messages, with the trees that it may call. Raises MenuMistakes.
Prove = Callable[[bytes, str, FindTree], tuple[Menu, Proof]]


@dataclass(frozen=True, slots=True)
class TreesBeside:
    """`spool`: where the live trees of this machine are kept; `shipped`: the files for all others.

    `answering`: the trees that numbers lead to.
    """

    spool: Path
    shipped: Path
    answering: Collection[str] = ()

    def called(self, name: str) -> CalledTree | None:
        """What this machine last had on the air, else the file that ships."""
        places = (kept_at(self.spool, name), self.shipped / f"{name}.yaml")
        path = next((each for each in places if re.fullmatch(TREE_NAME, name) and each.is_file()), None)
        try:
            return CalledTree(read_tree_file(path).data) if path else None
        except OSError:
            return None

    def proved(self, raw: bytes, file: str, prove: Prove) -> tuple[Menu, Proof]:
        """The tree, and that every tree that calls it is as sound as before. Raises MenuMistakes."""
        menu, proof = prove(raw, file, self.called)
        if broken := list(self._broken(menu.name, raw, file, prove)):
            raise MenuMistakes(broken)
        return menu, proof

    def _answers(self, name: str) -> CalledTree | None:
        with suppress(MenuMistakes):  # a file that can't be read is told where it is checked itself
            return self.called(name)
        return None

    def _broken(self, name: str, raw: bytes, file: str, prove: Prove) -> Iterator[Mistake]:
        def with_it(other: str) -> CalledTree | None:
            return CalledTree(raw) if other == name else self.called(other)

        for caller in self.answering:
            tree = self._answers(caller) if caller != name else None
            if tree is None or b"tree" not in tree.data or not (why := _wrong(tree, with_it, prove)):
                continue
            if not _wrong(tree, self.called, prove):
                told = f"menu {caller} calls this tree and, with this text, could not any more: {why}"
                yield Mistake(file, 1, 1, "menu", told)


def _wrong(tree: CalledTree, called: FindTree, prove: Prove) -> str:
    try:
        prove(tree.data, "", called)
    except MenuMistakes as error:
        first = error.mistakes[0]
        return f"{first.key}: {first.message}"
    return ""
