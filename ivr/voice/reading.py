"""One menu file being read: what its names may refer to, where they lead, and the mistakes so far.

Fragments and trees that are called are read each in a reading of its own, which knows those around it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from ivr.voice.enquiries import AskedHost
from ivr.voice.mistakes import MOST_MISTAKES, MenuMistakes, Mistake, nearest
from ivr.voice.own_words import Own
from ivr.voice.yaml_tree import Node, Table

NUMBER = ("shown", "withheld")  # whether she can be called on the number she calls from
CALLER = ("free", "blocked")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a tree. `exits`: names by which its steps leave it. `steps`: as written, at that `path`."""

    exits: tuple[str, ...]
    steps: Table
    path: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of its steps; a call enters by the first."""
        return tuple(key.value for key, _ in self.steps.entries)


@dataclass(frozen=True, slots=True)
class CalledTree:
    """The text of a tree that another one calls; `revision`: "" of one that was never published."""

    data: bytes
    revision: str = ""


# The tree of that name, or None. Raises MenuMistakes of one that can't be read at all.
FindTree = Callable[[str], CalledTree | None]


@dataclass(frozen=True, slots=True)
class Known:
    """What names may refer to in this installation; None: anything.

    `hosts`: who may be asked by HTTP. `trees`: those that may be called; without it their steps stay away.
    """

    languages: Collection[str] | None = None
    prompts: Collection[str] | None = None
    kinds: Collection[str] | None = None
    topics: Collection[str] | None = None
    counties: Collection[str] | None = None
    hosts: Mapping[str, AskedHost] | None = None
    trees: FindTree | None = None


ANYTHING = Known()


@dataclass(frozen=True, slots=True)
class Joined:
    """What was read so far of a tree and of all that it calls, which become one.

    `steps`: as they are in the tree. `trees`: that were read because one calls them. `words`: in their own
    words, by `prefix`.
    """

    steps: set[str] = field(default_factory=set)
    trees: list[str] = field(default_factory=list)
    words: dict[str, Own] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """One file being read: what its names may refer to, and the mistakes so far.

    `languages`, `prompts`: `known`, until the tree names its own. `used`: of the fragments.
    `names`: a step's name as written → as it is in the tree, where the two differ, as in a fragment;
    `outer`: what is read around it; `inside`: the fragments that are being read, outermost first.
    """

    file: str
    known: Known = ANYTHING
    languages: Collection[str] | None = None
    prompts: Collection[str] | None = None
    steps: Mapping[str, str] = field(default_factory=dict)  # id → type as written, "" for none that there is
    mistakes: list[Mistake] = field(default_factory=list)
    fragments: Mapping[str, Fragment] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    joined: Joined = field(default_factory=Joined)
    names: Mapping[str, str] = field(default_factory=dict)
    calls: tuple[str, ...] = ()  # the trees that are being read, each called by the one before it
    prefix: str = ""  # of steps in a tree that is called
    back: str = ""  # where a call goes on at the end of such a tree
    outer: Reading | None = None
    inside: tuple[str, ...] = ()
    _firsts: dict[tuple[str, ...], str] = field(default_factory=dict)

    def first(self, types: tuple[str, ...]) -> str:
        """The first step of the first of these types that there is one of, or ""; the nearest around it."""
        if types not in self._firsts:
            found = (step for type in types if (step := self._first(type)))
            self._firsts[types] = next(found, "")
        return self._firsts[types]

    def _first(self, type: str) -> str:
        found = next((self.flat(id) for id, its in self.steps.items() if its == type), "")
        return found or (self.outer._first(type) if self.outer else "")

    def flat(self, name: str) -> str:
        """A step's name as it is in the tree."""
        return self.names.get(name, name)

    def within(self, step: str, use: str, steps: Mapping[str, str], exits: Mapping[str, str]) -> Reading:
        """To read the fragment `use` where that step uses it; `steps`: those of the fragment by type."""
        names = {**{name: f"{step}.{name}" for name in steps}, **exits}
        known = {**steps, **dict.fromkeys(exits, "")}
        return replace(self, steps=known, names=names, outer=self, inside=(*self.inside, use), _firsts={})

    def wrong(self, at: Node, key: str, message: str, given: str = "", names: Collection[str] = ()) -> None:
        """Note a mistake, once; `given` is compared with `names` for a suggestion."""
        found = Mistake(self.file, at.line, at.column, key, message, nearest(given, names))
        if found in self.mistakes:
            return
        self.mistakes.append(found)
        if len(self.mistakes) >= MOST_MISTAKES:
            raise MenuMistakes(self.mistakes)

    def values(self, name: str) -> Collection[str] | None:
        """What the draft's value `name` may be."""
        its = self.known
        known = {"language": self.languages, "kind": its.kinds, "topic": its.topics, "number": NUMBER}
        known |= {"caller": CALLER, "county": its.counties}
        return known.get(name)
