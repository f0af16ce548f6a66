"""The words of its own that a tree has in YAML, read and checked: `words`, by prompt and language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ivr.voice import script
from ivr.voice.fields import Fields
from ivr.voice.mistakes import shown
from ivr.voice.own_words import LONGEST, NEW, Own, OwnPrompt
from ivr.voice.yaml_tree import Scalar


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
