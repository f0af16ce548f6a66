"""Reads the entries of one YAML mapping as typed values, noting every mistake and reading on.

A value that is wrong or missing is noted and replaced by a placeholder, so that one reading finds all
mistakes; nobody sees the placeholders, because a file with mistakes gives no menu.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from ivr.voice.mistakes import shown
from ivr.voice.reading import Reading
from ivr.voice.yaml_tree import Listing, Node, Scalar, Table

PROMPT_ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
STEP_ID = re.compile(r"[a-z][a-z0-9_]*")
VARIABLE = re.compile(r"var\.[a-z][a-z0-9_]{0,40}")  # as a branch writes it
MOST_PROMPTS = 20  # in one utterance
# What YAML readers take for a number, a truth value or nothing unless it stands in quotes. `on` and `off`
# are left out: `on` is the name of a key here.
_NOT_TEXT = re.compile(
    r"[-+]?[0-9][0-9_.:,eE+-]*|0[xob][0-9a-fA-F_]+|~|null|true|false|yes|no|y|n|", re.IGNORECASE
)


class Fields:
    """The entries of `table`, which stands at the dotted path `path`."""

    def __init__(self, reading: Reading, table: Table, path: str) -> None:
        self.reading = reading
        self.table = table
        self.path = path
        self._entries = {key.value: (key, node) for key, node in table.entries}
        self._names: dict[str, None] = {}

    def wrong(self, at: Node, name: str, message: str, given: str = "", names: Collection[str] = ()) -> None:
        """Note a mistake in the entry `name`."""
        self.reading.wrong(at, self.at(name), message, given, names)

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def node(self, name: str, *, needed: bool) -> Node | None:
        """The entry's node; a missing one is a mistake where it is `needed`."""
        self._names[name] = None
        if name in self._entries:
            return self._entries[name][1]
        if needed:
            self.wrong(self.table, name, "is missing")
        return None

    def close(self) -> None:
        """All known names have been asked for: every other entry is a mistake."""
        for name, (key, _) in self._entries.items():
            if name not in self._names:
                here = ", ".join(self._names)
                self.wrong(key, name, f"there is no such key here; there are {here}", name, self._names)

    def scalar(self, name: str, *, needed: bool = True) -> Scalar | None:
        node = self.node(name, needed=needed)
        if node is None or isinstance(node, Scalar):
            return node
        self.wrong(node, name, "must be one value, not a list or a mapping")
        return None

    def text(self, name: str, default: str | None = None) -> str:
        """A text; a plain 00 or no must be quoted."""
        node = self.scalar(name, needed=default is None)
        if node is None:
            return default or ""
        if not self.is_text(node, name):
            return ""
        if not node.value:  # in quotes, or a block without a line
            self.wrong(node, name, "is empty")
        return node.value

    def is_text(self, node: Scalar, name: str) -> bool:
        """Whether other YAML readers would take it for text too; if not it is noted."""
        if node.quoted or not _NOT_TEXT.fullmatch(node.value):
            return True
        self.wrong(node, name, f'must be in quotes: "{node.value[:20]}"' if node.value else "is empty")
        return False

    def one_of(self, name: str, allowed: Collection[str], *, or_variable: bool = False) -> str:
        text, node = self.text(name), self.scalar(name, needed=False)
        fits = text in allowed or (or_variable and VARIABLE.fullmatch(text))
        if text and node is not None and not fits:
            names = ", ".join((*allowed, "var.…") if or_variable else allowed)
            self.wrong(node, name, f"{shown(text)} is none of {names}", text, allowed)
        return text

    def matching(self, name: str, pattern: str, meaning: str, default: str | None = None) -> str:
        """A text of the form `pattern`, explained by `meaning`."""
        text = self.text(name, default)
        node = self.scalar(name, needed=False)
        if text and node is not None and not re.fullmatch(pattern, text):
            self.wrong(node, name, f"{shown(text)} must be {meaning}")
        return text

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """A number within limits, unquoted."""
        node = self.scalar(name, needed=default is None)
        if node is None:
            return low if default is None else default
        if node.quoted or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", node.value):
            self.wrong(node, name, f"{shown(node.value)} must be a number, written without quotes")
            return low
        value = float(node.value)
        if not low <= value <= high:
            self.wrong(node, name, f"{node.value} must be from {low:g} to {high:g}")
        return value

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self.number(name, low, high, default)
        node = self.scalar(name, needed=False)
        if node is not None and value != int(value):
            self.wrong(node, name, f"{node.value} must be a whole number")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        node = self.scalar(name, needed=False)
        if node is None:
            return default
        if node.quoted or node.value not in ("true", "false"):
            self.wrong(node, name, f"{shown(node.value)} must be true or false")
        return node.value == "true"

    def items(self, name: str, *, needed: bool = True) -> Iterator[Scalar]:
        """The texts of a list."""
        node = self.node(name, needed=needed)
        if node is None:
            return
        if not isinstance(node, Listing):
            self.wrong(node, name, "must be a list, like [one, two]")
            return
        for item in node.items:
            if not isinstance(item, Scalar):
                self.wrong(item, name, "must be a list of single values")
            elif self.is_text(item, name):
                yield item

    def prompts(self, name: str, *, needed: bool = True) -> tuple[str, ...]:
        """Prompt ids known to the catalogue; empty only where the entry may be left out."""
        found = tuple(self.items(name, needed=needed))
        for item in found:
            self._check_prompt(name, item)
        node = self.node(name, needed=False)
        if isinstance(node, Listing) and not node.items and needed:
            self.wrong(node, name, "must name at least one prompt")
        if len(found) > MOST_PROMPTS:
            self.wrong(found[MOST_PROMPTS], name, f"has more than {MOST_PROMPTS} prompts")
        return tuple(item.value for item in found)

    def is_prompt_id(self, item: Scalar, name: str = "") -> bool:
        """Whether it has the form of one; if not it is noted, where `name` says or under its own."""
        if PROMPT_ID.fullmatch(item.value):
            return True
        message = f"{shown(item.value)} is no prompt id: use a-z, 0-9, _ and single dots"
        self.wrong(item, name or item.value[:20], message)
        return False

    def _check_prompt(self, name: str, item: Scalar) -> None:
        known = self.reading.prompts
        if self.is_prompt_id(item, name) and known is not None and item.value not in known:
            self.wrong(item, name, f"there is no prompt {shown(item.value)}", item.value, known)

    def step(self, name: str, type: str = "") -> str:
        """The id of a step that exists. `type`: of which it must be."""
        text, node = self.text(name), self.scalar(name, needed=False)
        if text and node is not None:
            steps = self.reading.steps
            if text not in steps:
                self.wrong(node, name, f"there is no step {shown(text)}", text, steps)
            elif type and steps[text] not in ("", type):
                self.wrong(node, name, f"{text} is not a {type} step")
        return self.reading.flat(text)

    def value(self, name: str, node: Scalar, key: str = "") -> None:
        """Check that the draft's value `name` may be this; `key`: where it stands, if not under its name."""
        known = self.reading.values(name)
        if known is not None and node.value not in known:
            self.wrong(node, key or name, f"there is no {name} {shown(node.value)}", node.value, known)

    def inner(self, name: str, *, needed: bool = True) -> Fields | None:
        """The mapping in the entry `name`."""
        node = self.node(name, needed=needed)
        if node is None:
            return None
        return self.as_fields(name, node)

    def as_fields(self, name: str, node: Node) -> Fields | None:
        if isinstance(node, Table):
            return Fields(self.reading, node, self.at(name))
        self.wrong(node, name, "must be a mapping, like {key: value}")
        return None

    def each(self) -> Iterator[tuple[Scalar, Node]]:
        """Every entry, for mappings whose keys the admin chooses; nothing is left for `close`."""
        for key, node in self.table.entries:
            self._names[key.value] = None
            yield key, node


def checked_key(fields: Fields, key: Scalar, allowed: Callable[[str], bool], meaning: str) -> bool:
    """Whether a key the admin chose is quoted where it must be and of the right form."""
    if not fields.is_text(key, key.value[:20]):
        return False
    if allowed(key.value):
        return True
    fields.wrong(key, key.value[:20], f"{shown(key.value)} must be {meaning}")
    return False
