"""One prompt's words changed in the text of a tree; all else stays as written, comments and order too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain

from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.yaml_tree import Node, Scalar, Table, read_tree

KEY = "words"
_BREAKS = {ord(each): f"\\u{ord(each):04x}" for each in "\x85\u2028\u2029"}  # lines to YAML, none to JSON


def with_words(text: str, id: str, said: Mapping[str, str]) -> str:
    """`said`: language → words; none: what the catalogue says. Raises MenuMistakes where that can't be."""
    lines, keys = text.split("\n"), _entries(_root(text))
    own = keys.get(KEY)
    if own is None:
        changed = _begun(lines, keys, _entry(id, said)) if said else lines
    else:
        begin, node = own
        end = _end(lines, begin, [line for line, _ in keys.values()])
        others = _entries(node)
        if any(line <= begin for line, _ in others.values()):  # in braces: written anew
            entry = _anew(node, id, said)
            changed = [*lines[: begin - 1], *([f"{KEY}:", *entry] if entry else []), *lines[end:]]
        else:
            deep = node.column - 1 if others else 2
            changed = _in_block(lines, begin, end, others, id, _entry(id, said, deep))
    found = "\n".join(changed)
    before = {each: words for each, words in _words_of(own).items() if each != id}
    if _words_of(_entries(_root(found)).get(KEY)) != before | ({id: dict(said)} if said else {}):
        raise MenuMistakes([Mistake("", 1, 1, KEY, "the words can't be written into a text of this form")])
    return found


def _root(text: str) -> Node:
    root, doubled = read_tree(text.encode(), "")
    if doubled:
        raise MenuMistakes(doubled)
    return root


def _entries(node: Node | None) -> dict[str, tuple[int, Node]]:
    """Key → the line (from 1) where it stands, and its value."""
    entries = node.entries if isinstance(node, Table) else ()
    return {key.value: (key.line, value) for key, value in entries}


def _words_of(own: tuple[int, Node] | None) -> dict[str, dict[str, str]]:
    said = _entries(own[1]) if own else {}
    return {
        id: {each: node.value for each, (_, node) in _entries(inner).items() if isinstance(node, Scalar)}
        for id, (_, inner) in said.items()
    }


def _entry(id: str, said: Mapping[str, str], deep: int = 2) -> list[str]:
    """Its lines; none without words. `deep`: as its neighbours stand, which else would swallow it."""
    lines = [f"{id}:", *(f"  {language}: {_quoted(words)}" for language, words in said.items())]
    return [" " * deep + line for line in lines] if said else []


def _quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False).translate(_BREAKS)


def _end(lines: Sequence[str], begin: int, others: Sequence[int], last: int = 0) -> int:
    """The last line of what begins there; comments and empty lines behind it belong to what follows."""
    end = min((line - 1 for line in others if line > begin), default=last or len(lines))
    while end > begin and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _begun(lines: list[str], keys: Mapping[str, tuple[int, Node]], entry: list[str]) -> list[str]:
    """Above the steps and the comment that belongs to them."""
    at = keys["steps"][0] - 1 if "steps" in keys else len(lines)
    while at > 0 and lines[at - 1].startswith("#"):
        at -= 1
    return [*lines[:at], f"{KEY}:", *entry, *lines[at:]]


def _in_block(
    lines: list[str], begin: int, end: int, others: Mapping[str, tuple[int, Node]], id: str, entry: list[str]
) -> list[str]:
    if id not in others:
        return [*lines[:end], *entry, *lines[end:]]
    if not entry and len(others) == 1:
        return [*lines[: begin - 1], *lines[end:]]
    first = others[id][0]
    last = _end(lines, first, [line for line, _ in others.values()], end)
    return [*lines[: first - 1], *entry, *lines[last:]]


def _anew(node: Node, id: str, said: Mapping[str, str]) -> list[str]:
    kept = [_entry(each, words) for each, words in _words_of((0, node)).items() if each != id]
    return [*chain(*kept), *_entry(id, said)]
