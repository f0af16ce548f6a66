"""YAML as a bounded tree that keeps every value's place and never builds anything but text.

Works on PyYAML's event stream, so that no constructor, tag, alias or merge key is ever followed: what a
bomb would multiply is refused when it is first seen. libyaml reads the events where PyYAML has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from ivr.voice.mistakes import MOST_MISTAKES, MenuMistakes, Mistake, shown

LARGEST_FILE = 1024 * 1024  # bytes
DEEPEST = 20
MISREAD = "a number like 8:30 or 015 is read as another one: write 8.5, or 15, or put it in quotes"
MOST_NODES = 80_000

_Loader: Any = getattr(yaml, "CLoader", yaml.Loader)
# For our own files, where no places are asked for. Both are safe; libyaml's is ten times faster.
SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# YAML's own set of printable characters, less the byte-order mark inside a text.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as written. `quoted` tells "1" from 1. Places count from 1."""

    value: str
    quoted: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping in the file's order, without duplicates."""

    entries: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int


Node = Scalar | Listing | Table


def entry(node: Node, name: str) -> Node | None:
    """What stands behind that key; None too where it is no mapping."""
    entries = node.entries if isinstance(node, Table) else ()
    return next((inner for key, inner in entries if key.value == name), None)


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not been read yet."""

    is_table: bool
    line: int
    column: int
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    key: Scalar | None = None

    def close(self) -> Node:
        if self.is_table:
            return Table(tuple(self.entries.values()), self.line, self.column)
        return Listing(tuple(self.items), self.line, self.column)


def read_tree(data: bytes, file: str) -> tuple[Node, list[Mistake]]:
    """The tree and its duplicate keys. Raises MenuMistakes when the file can't or mustn't be read."""
    text = _decode(data, file)
    composer = _Composer(file)
    try:
        for event in _events(text):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        composer.refuse(mark, f"this is not valid YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        composer.refuse(None, f"this is not valid YAML: {' '.join(str(error).split())}")
    if composer.root is None:
        composer.refuse(None, "the file is empty")
    return composer.root, composer.mistakes


def doubled(text: str) -> Iterator[tuple[int, str]]:
    """Line and key of what stands twice in a mapping, of which YAML's own loaders keep the last.

    For our own files, where anchors and merge keys are allowed. Raises YAMLError.
    """
    for node, _ in _walked(text):
        if isinstance(node, yaml.MappingNode):
            keys = set[tuple[str, str]]()
            for key, _ in node.value:
                its = key.tag, str(key.value)
                if its in keys and key.value != "<<":
                    yield key.start_mark.line + 1, its[1]
                keys.add(its)


def misread(text: str) -> Iterator[tuple[int, str]]:
    """Line and key of numbers that YAML's own loaders take for others: 8:30 is 510 there, and 015 is 13."""
    for node, key in _walked(text):
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")):
            digits = node.value.lstrip("+-").replace("_", "")
            octal = digits.isdigit() and digits[0] == "0" and int(digits, 8) != int(digits)
            if octal or ":" in digits:
                yield node.start_mark.line + 1, key


def _walked(text: str) -> Iterator[tuple[yaml.Node | None, str]]:
    """Every node, with the key that it stands behind; once, however many aliases lead to it."""
    waiting, done = [(yaml.compose(text, Loader=SAFE), "")], set[int]()
    while waiting:
        node, key = waiting.pop()
        if id(node) in done:  # behind an alias
            continue
        done.add(id(node))
        yield node, key
        if isinstance(node, yaml.SequenceNode):
            waiting += [(each, key) for each in node.value]
        elif isinstance(node, yaml.MappingNode):
            waiting += [(value, str(name.value)) for name, value in node.value]


def _events(text: str) -> Iterator[yaml.Event]:
    return iter(yaml.parse(text, Loader=_Loader))


def _decode(data: bytes, file: str) -> str:
    if len(data) > LARGEST_FILE:
        message = f"the file has {len(data):,} bytes; at most {LARGEST_FILE:,} are allowed"
        raise MenuMistakes([Mistake(file, 1, 1, "", message)])
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise _at(file, before, f"byte 0x{data[error.start]:02x} is not UTF-8") from None
    if bad := _UNPRINTABLE.search(text):
        raise _at(file, text[: bad.start()], _unprintable(bad[0]))
    return text


def _at(file: str, before: str, message: str) -> MenuMistakes:
    """The mistake that stands right after the text `before`."""
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", before)
    return MenuMistakes([Mistake(file, len(lines), len(lines[-1]) + 1, "", message)])


class _Composer:
    """Events in, one tree out, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.mistakes: list[Mistake] = []
        self._open: list[_Open] = []
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        """Build one event in. Raises MenuMistakes for what a menu file must not hold."""
        match event:
            case yaml.DocumentStartEvent():
                self._check_document(event)
            case yaml.AliasEvent():
                self.refuse(event.start_mark, "aliases (*name) are not allowed: write the value out")
            case yaml.ScalarEvent():
                self._check_node(event)
                self._add(self._scalar(event))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check_node(event)
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._add(self._open.pop().close())

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        if bad := _UNPRINTABLE.search(event.value):  # written as an escape, like "\\0"
            self.refuse(event.start_mark, _unprintable(bad[0]))
        return Scalar(event.value, not event.implicit[0], *_place(event))

    def refuse(self, mark: Any, message: str) -> NoReturn:
        """Raise the one mistake that ends the reading."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise MenuMistakes([*self.mistakes, Mistake(self.file, line, column, self._path(), message)])

    def _check_document(self, event: yaml.DocumentStartEvent) -> None:
        if self.root is not None:
            self.refuse(event.start_mark, "a second document (---) is not allowed")
        if event.version or event.tags:
            self.refuse(event.start_mark, "directives (%YAML, %TAG) are not allowed")

    def _check_node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self.refuse(event.start_mark, f"the file has more than {MOST_NODES:,} values")
        if event.anchor is not None:
            self.refuse(event.start_mark, "anchors (&name) are not allowed: write the value out")
        if getattr(event, "tag", None) is not None:
            self.refuse(event.start_mark, "tags (!name) are not allowed")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if self._open and self._open[-1].is_table and self._open[-1].key is None:
            self.refuse(event.start_mark, "a key must be one word, not a mapping or a list")
        if len(self._open) >= DEEPEST:
            self.refuse(event.start_mark, f"nested deeper than {DEEPEST} levels")
        self._open.append(_Open(isinstance(event, yaml.MappingStartEvent), *_place(event)))

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if not parent.is_table:
            parent.items.append(node)
        elif parent.key is None:
            assert isinstance(node, Scalar)  # _begin refuses any other key
            self._check_key(node)
            parent.key = node
        else:
            self._add_entry(parent, parent.key, node)

    def _check_key(self, key: Scalar) -> None:
        if key.value == "<<" and not key.quoted:
            self._refuse_at(key, "merge keys (<<) are not allowed: write the values out")

    def _add_entry(self, parent: _Open, key: Scalar, node: Node) -> None:
        earlier = parent.entries.setdefault(key.value, (key, node))
        if earlier[0] is not key:
            message = f"{shown(key.value)} stands twice; the first is in line {earlier[0].line}"
            self.mistakes.append(Mistake(self.file, key.line, key.column, self._path(), message))
        parent.key = None
        if len(self.mistakes) >= MOST_MISTAKES:
            raise MenuMistakes(self.mistakes)

    def _refuse_at(self, node: Scalar, message: str) -> NoReturn:
        mistake = Mistake(self.file, node.line, node.column, self._path(), message)
        raise MenuMistakes([*self.mistakes, mistake])

    def _path(self) -> str:
        return ".".join(o.key.value[:60] for o in self._open if o.key is not None)


def _unprintable(character: str) -> str:
    return f"the control character U+{ord(character):04X} is not allowed"


def _place(event: yaml.Event) -> tuple[int, int]:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1
