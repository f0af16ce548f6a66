"""The prompt catalogue: what each prompt id says in each language, written and spoken.

`sounds/prompts.yaml` holds what every province says, the province's own `prompts.yaml` its names; an id of
the later file wins. The form of both files is told in docs/sounds.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.voice.mistakes import MenuMistakes, Mistake, nearest, shown
from ivr.voice.yaml_tree import Listing, Node, Scalar, Table, read_tree

ID = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")  # an id is also a path, so nothing else is let in
MAX_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Voice:
    """`name` is espeak-ng's, `rate` in words a minute, `pitch` 0–99."""

    name: str
    rate: int = 140
    pitch: int = 50


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words in one voice. `spoken`: as the synthesiser must read them (vowels, ezafe), "" = as written."""

    text: str
    voice: str  # a key of Catalogue.voices
    spoken: str = ""

    @property
    def words(self) -> str:
        return self.spoken or self.text


@dataclass(frozen=True, slots=True)
class Tone:
    """A generated sound, the same in every language. `hz` 0 is silence."""

    hz: float
    seconds: float


Prompt = tuple[Utterance | Tone, ...]


class CatalogueMistakes(MenuMistakes):
    """Prompt files are refused. `mistakes` holds every one of them."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Immutable. `words`: id → language → what is heard, in order; `tones`: id → tone."""

    voices: Mapping[str, Voice] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, Prompt]] = field(default_factory=dict)
    tones: Mapping[str, Tone] = field(default_factory=dict)

    def find(self, id: str, language: str) -> Prompt | None:
        """The prompt, or None when it does not exist in that language."""
        if tone := self.tones.get(id):
            return (tone,)
        return self.words.get(id, {}).get(language)

    def text(self, id: str, language: str) -> str:
        """As written, for eyes: "" for a tone. Raises KeyError for an unknown id or language."""
        if id in self.tones:
            return ""
        return " ".join(part.text for part in self.words[id][language] if isinstance(part, Utterance))

    def spoken(self, id: str, language: str) -> str:
        """As the synthesiser reads it, for who changes it. Raises as `text` does."""
        if id in self.tones:
            return ""
        return " ".join(part.words for part in self.words[id][language] if isinstance(part, Utterance))

    def ids(self, language: str) -> frozenset[str]:
        """Every id that exists in this language."""
        return frozenset(self.tones) | {id for id, said in self.words.items() if language in said}


def parse(sources: Sequence[tuple[str, bytes]]) -> Catalogue:
    """Merge (file name, YAML) pairs, later over earlier. Raises CatalogueMistakes with every mistake."""
    reader = _Reader()
    for name, text in sources:
        reader.read(name, text)
    reader.check_voices()
    if reader.mistakes:
        raise CatalogueMistakes(reader.mistakes)
    return Catalogue(reader.voices, reader.words, reader.tones)


class _Reader:
    """Walks the YAML tree, which knows its places, and notes every mistake on the way."""

    def __init__(self) -> None:
        self.file = ""
        self.mistakes: list[Mistake] = []
        self.voices: dict[str, Voice] = {}
        self.words: dict[str, dict[str, Prompt]] = {}
        self.tones: dict[str, Tone] = {}
        self._said_in: list[tuple[str, Node, str, str]] = []  # file, place, key, voice

    def read(self, name: str, text: bytes) -> None:
        self.file = name
        try:
            root, doubled = read_tree(text, name)
        except MenuMistakes as refused:
            self.mistakes += refused.mistakes
            return
        self.mistakes += doubled
        for key, node in self._entries(root, "", ("voices", "prompts")):
            read = self._voice if key == "voices" else self._prompt
            for name_, value in self._entries(node, key):
                read(name_, value)

    def check_voices(self) -> None:
        """Only when every file is read: a province's file speaks with the generic file's voices."""
        for file, node, key, voice in self._said_in:
            if voice not in self.voices:
                self.file = file
                self._wrong(node, key, f"there is no voice {shown(voice)} under voices", voice, self.voices)

    def _wrong(
        self, node: Node, key: str, message: str, given: str = "", names: Collection[str] = ()
    ) -> None:
        hint = nearest(given, names)
        self.mistakes.append(Mistake(self.file, node.line, node.column, key, message, hint))

    def _entries(self, node: Node, key: str, allowed: Collection[str] = ()) -> Iterator[tuple[str, Node]]:
        if not isinstance(node, Table):
            self._wrong(node, key, "must be a mapping of keys to values")
            return
        for name, value in node.entries:
            if allowed and name.value not in allowed:
                self._wrong(name, key, f"unknown key {shown(name.value)}", name.value, allowed)
            else:
                yield name.value, value

    def _voice(self, name: str, node: Node) -> None:
        key = f"voices.{name}"
        fields = self._scalars(node, key, ("voice", "rate", "pitch"))
        rate = self._number(node, f"{key}.rate", fields.get("rate", "140"), 80, 450)
        pitch = self._number(node, f"{key}.pitch", fields.get("pitch", "50"), 0, 99)
        self.voices[name] = Voice(fields.get("voice", name), int(rate), int(pitch))

    def _prompt(self, id: str, node: Node) -> None:
        if not ID.fullmatch(id):
            self._wrong(node, id, "an id is small Latin letters, digits and _, parted by dots")
        elif _is_tone(node):
            self.tones[id] = self._tone(node, id)
            self.words.pop(id, None)
        else:
            self._said(id, node)

    def _tone(self, node: Node, key: str) -> Tone:
        fields = self._scalars(node, key, ("tone", "silence", "seconds"))
        if "silence" in fields:
            return Tone(0, self._number(node, f"{key}.silence", fields["silence"], 0.01, MAX_SECONDS))
        hz = self._number(node, f"{key}.tone", fields.get("tone", ""), 20, 3_400)
        seconds = self._number(node, f"{key}.seconds", fields.get("seconds", ""), 0.01, MAX_SECONDS)
        return Tone(hz, seconds)

    def _said(self, id: str, node: Node) -> None:
        said = {}
        for language, value in self._entries(node, id):
            nodes = value.items if isinstance(value, Listing) else (value,)
            if not nodes:
                self._wrong(value, f"{id}.{language}", "has no parts")
            parts = [self._part(one, f"{id}.{language}", language) for one in nodes]
            said[language] = tuple(part for part in parts if part)
        self.words[id] = {**self.words.get(id, {}), **said}
        self.tones.pop(id, None)

    def _part(self, node: Node, key: str, language: str) -> Utterance | Tone | None:
        if _is_tone(node):
            return self._tone(node, key)
        if isinstance(node, Scalar):
            fields = {"text": node.value}
        else:
            fields = self._scalars(node, key, ("text", "spoken", "voice"))
        text, voice = fields.get("text", "").strip(), fields.get("voice", language)
        self._said_in.append((self.file, node, key, voice))
        if not text:
            self._wrong(node, key, "says nothing: it needs a text")
            return None
        return Utterance(text, voice, fields.get("spoken", "").strip())

    def _scalars(self, node: Node, key: str, allowed: Collection[str]) -> dict[str, str]:
        fields = {}
        for name, value in self._entries(node, key, allowed):
            if isinstance(value, Scalar):
                fields[name] = value.value
            else:
                self._wrong(value, f"{key}.{name}", "must be a single value")
        return fields

    def _number(self, node: Node, key: str, text: str, low: float, high: float) -> float:
        try:
            number = float(text)
        except ValueError:
            number = low - 1
        if low <= number <= high:
            return number
        self._wrong(node, key, f"must be a number from {low:g} to {high:g}, not {shown(text)}")
        return low


def _is_tone(node: Node) -> bool:
    return isinstance(node, Table) and any(key.value in ("tone", "silence") for key, _ in node.entries)
