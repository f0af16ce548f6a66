"""What one tree says otherwise than the catalogue: sentences of its own under the ids of prompts.

They stand in the tree's own text, so that they go through drafts, publishing and rolling back with it. Each
is played by an id made of what it says (`OwnPrompt.id`): whoever goes on with an older tree hears the older.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ivr.voice import script
from ivr.voice.mistakes import shown
from ivr.voice.timing import SecondsOf
from ivr.voice.yaml_tree import Scalar

if TYPE_CHECKING:
    from ivr.voice.fields import Fields

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


def read_words(words: Fields, languages: tuple[str, ...]) -> Own:
    """What stands under `words`, every mistake noted."""
    found: dict[str, Mapping[str, OwnPrompt]] = {}
    for key, node in words.each():
        said = words.as_fields(key.value[:20], node) if words.is_prompt_id(key) else None
        if said is not None:
            found[key.value] = dict(_said(said, languages))
            _check_new(words, key, [each for each in languages if each not in found[key.value]])
    return found


def _check_new(words: Fields, key: Scalar, lacks: list[str]) -> None:
    """Note what is wrong with a prompt that the catalogue has not."""
    known = words.reading.prompts
    if known is None or key.value in known:
        return
    if not key.value.startswith(NEW):
        message = f"there is no prompt {shown(key.value)}, and the name of a new one begins with {NEW}"
        words.wrong(key, key.value, message, key.value, known)
    elif lacks:
        words.wrong(key, key.value, f"is a new prompt: it needs words in {', '.join(lacks)} too")


def _said(said: Fields, languages: tuple[str, ...]) -> Iterator[tuple[str, OwnPrompt]]:
    for language, node in said.each():
        if language.value not in languages:
            message = f"there is no language {language.value[:20]} in this tree"
            said.wrong(language, language.value[:20], message, language.value, languages)
        elif not isinstance(node, Scalar):
            said.wrong(node, language.value, "must be one value, not a list or a mapping")
        elif _is_sayable(said, language.value, node):
            yield language.value, OwnPrompt(node.value.strip(), language.line)


def _is_sayable(said: Fields, language: str, node: Scalar) -> bool:
    """Whether a voice can say it; if not it is noted."""
    if not node.value.strip():
        said.wrong(node, language, "is empty")
    elif len(node.value) > LONGEST:
        said.wrong(node, language, f"has {len(node.value):,} characters; at most {LONGEST:,} are spoken")
    elif not (any(map(str.isalpha, node.value)) and script.is_readable(node.value)):
        said.wrong(node, language, "no voice can read this: write Persian, or Azerbaijani in Latin letters")
    else:
        return True
    return False


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
