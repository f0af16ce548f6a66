"""A tree and the fragments that it takes from files of their own, as one text that needs no file any more.

What goes on the air is such a text: a fragment's file that changes later changes no tree by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.yaml_tree import Listing, Node, Scalar, Table, entry, read_tree

INDENT = "  "


@dataclass(frozen=True, slots=True)
class FragmentFile:
    """`file`: its name in messages."""

    file: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of the text, from `first` on, that come from a file; `indent`: how many columns further right."""

    file: str
    first: int
    lines: int
    indent: int


@dataclass(frozen=True, slots=True)
class TreeText:
    """A tree's text as it may go on the air. `file`: where the tree itself comes from."""

    file: str
    data: bytes
    parts: tuple[_Part, ...] = ()

    def placed(self, mistakes: Collection[Mistake]) -> MenuMistakes:
        """These mistakes of the text, each in the file that an admin has to mend."""
        return MenuMistakes([self._placed(mistake) for mistake in mistakes])

    def _placed(self, mistake: Mistake) -> Mistake:
        line = mistake.line
        for part in self.parts:
            if part.first <= mistake.line < part.first + part.lines:
                at, column = mistake.line - part.first + 1, max(mistake.column - part.indent, 1)
                return replace(mistake, file=part.file, line=at, column=column)
            if part.first + part.lines <= mistake.line:
                line -= part.lines + 1  # and the line that names it
        return replace(mistake, line=max(line, 1))


def bundled(data: bytes, file: str, find: Callable[[str], FragmentFile | None]) -> TreeText:
    """The text with every fragment behind it that it uses and does not hold. Raises MenuMistakes.

    What `find` does not know either stays away: the parser tells it where it is used.
    """
    tree, _ = read_tree(data, file)
    taken = _taken(tree, find)
    if not taken:
        return TreeText(file, data)
    text = data.decode("utf-8").removeprefix("\ufeff")
    lines = text.splitlines()
    at, indent = _place(tree, file, len(lines))
    added = list(lines[:at])
    if indent is None:
        added.append("fragments:")
        indent = INDENT
    parts = []
    for name, fragment in taken.items():
        own = fragment.data.decode("utf-8").removeprefix("\ufeff").splitlines()
        added.append(f"{indent}{name}:")
        parts.append(_Part(fragment.file, len(added) + 1, len(own), len(indent + INDENT)))
        added += [f"{indent}{INDENT}{line}" if line.strip() else "" for line in own]
    whole = "\n".join([*added, *lines[at:]]) + "\n"
    return TreeText(file, whole.encode(), tuple(parts))


def _taken(tree: Node, find: Callable[[str], FragmentFile | None]) -> dict[str, FragmentFile]:
    """What it uses of files, and what those use. Each is read by itself, so that a mistake stays in it."""
    own = entry(tree, "fragments")
    known = {key.value for key, _ in own.entries} if isinstance(own, Table) else set()
    found: dict[str, FragmentFile] = {}
    waiting = list(_uses(tree))
    while waiting:
        name = waiting.pop(0)
        fragment = None if name in known or name in found else find(name)
        if fragment is not None:
            inner, mistakes = read_tree(fragment.data, fragment.file)
            if not isinstance(inner, Table):
                message = "a fragment is a mapping with exits and steps"
                mistakes.append(Mistake(fragment.file, inner.line, inner.column, "", message))
            if mistakes:
                raise MenuMistakes(mistakes)
            found[name] = fragment
            waiting += _uses(inner)
    return found


def _uses(node: Node) -> Iterator[str]:
    """The fragments that are named anywhere in it."""
    if isinstance(node, Listing):
        return
    if isinstance(node, Table):
        type, use = entry(node, "type"), entry(node, "use")
        if isinstance(type, Scalar) and type.value == "fragment" and isinstance(use, Scalar):
            yield use.value
        for _, inner in node.entries:
            yield from _uses(inner)


def _place(tree: Node, file: str, end: int) -> tuple[int, str | None]:
    """Behind how many lines they go, and how far in; None: the tree has no fragments of its own."""
    own = entry(tree, "fragments")
    if own is None:
        return end, None
    if not isinstance(own, Table) or not own.entries:
        message = "must be a mapping of one fragment or more, or left out"
        raise MenuMistakes([Mistake(file, own.line, own.column, "fragments", message)])
    first = own.entries[0][0]
    if (own.line, own.column) != (first.line, first.column):
        message = "stands in {braces}: write each fragment on lines of its own to use others from files"
        raise MenuMistakes([Mistake(file, own.line, own.column, "fragments", message)])
    return first.line - 1, " " * (first.column - 1)
