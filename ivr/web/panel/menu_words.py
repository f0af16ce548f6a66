"""The words of a menu's drawing in Persian: what steps are, what a key or a branch goes by, numbers."""

from __future__ import annotations

from ivr.voice.catalogue import Catalogue
from ivr.voice.tree_cards import TreeWords
from ivr.web.panel.locale import digits, duration, number, words

_ELSEWHERE = {"type": "live.step", "kind": "common.kind", "language": "live.language"}


def tree_words(catalogue: Catalogue, language: str) -> TreeWords:
    """Prompts are shown in that language, all else in Persian."""
    text = words()
    known = catalogue.ids(language)

    def prompt(id: str) -> str:
        return catalogue.text(id, language) if id in known else ""

    def word(key: str, otherwise: str) -> str:
        group, _, value = key.partition(".")
        if group == "key":
            return digits(otherwise)
        said = text.get(f"menus.tree.{key}", "") or text.get(f"{_ELSEWHERE.get(group, '')}.{value}", "")
        return said or (group in ("topic", "county") and prompt(key)) or otherwise

    return TreeWords(prompt, word, lambda figure: number(round(figure, 1)), duration)
