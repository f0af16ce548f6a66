"""What one tree says otherwise than the catalogue: sentences of its own under the ids of prompts.

They stand in the tree's own text, so that they go through drafts, publishing and rolling back with it. Each
is played by an id made of what it says (`OwnPrompt.id`): whoever goes on with an older tree hears the older.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ivr.voice.timing import SecondsOf

NEW = "own."  # how the ids of prompts begin that the catalogue has not
LONGEST = 1_000  # characters of one prompt; a minute and a half of speech
SECONDS_PER_CHARACTER = 0.08  # of speech, about


@dataclass(frozen=True, slots=True)
class OwnPrompt:
    """One sentence in one language. `line`: where it stands; `id`: what it is played by."""

    text: str
    line: int = field(default=0, compare=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"said.{hashlib.sha256(self.text.encode()).hexdigest()[:24]}")


Own = Mapping[str, Mapping[str, OwnPrompt]]  # id of a prompt → language → what is said in its place


def played(words: Own) -> Mapping[str, Mapping[str, str]]:
    """Language → id of a prompt → the id that is played in its place."""
    found: dict[str, dict[str, str]] = {}
    for id, language, own in all_own(words):
        found.setdefault(language, {})[id] = own.id
    return found


def all_own(words: Own) -> Iterator[tuple[str, str, OwnPrompt]]:
    """Id of the prompt, language, and what is said."""
    for id, said in words.items():
        for language, own in said.items():
            yield id, language, own


def all_words(words: Own, called: Mapping[str, Own]) -> Iterator[tuple[str, str, OwnPrompt]]:
    """The same, with those of the trees that it calls."""
    for each in (words, *called.values()):
        yield from all_own(each)


def without(words: Own, mute: Collection[str]) -> Own:
    """Without those that are played by these ids."""
    return {id: {name: own for name, own in said.items() if own.id not in mute} for id, said in words.items()}


def without_each(called: Mapping[str, Own], mute: Collection[str]) -> Mapping[str, Own]:
    return {prefix: without(words, mute) for prefix, words in called.items()}


def whole_in(words: Own, languages: Collection[str]) -> frozenset[str]:
    """Prompts that have words of their own in each of these: the catalogue's are not needed."""
    return frozenset(id for id, said in words.items() if set(languages) <= said.keys())


def timed(words: Own, called: Mapping[str, Own], seconds_of: SecondsOf | None) -> SecondsOf | None:
    """The lengths with those of a tree's own words, judged by their letters; None stays None."""
    if seconds_of is None or not (words or called):
        return seconds_of
    usual, own = seconds_of, {}
    for _, language, each in all_words(words, called):
        own[each.id, language] = len(each.text) * SECONDS_PER_CHARACTER
    own |= {(id, language): own[each.id, language] for id, language, each in all_own(words)}
    return lambda id, language: own[id, language] if (id, language) in own else usual(id, language)
