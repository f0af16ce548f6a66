"""The words of a menu's drawing in Persian: what steps are, what a key or a branch goes by, numbers."""

from __future__ import annotations

from ivr.voice.catalogue import Catalogue
from ivr.voice.own_words import Own
from ivr.voice.tree_cards import TreeWords
from ivr.web.panel.locale import digits, duration, number, words

_ELSEWHERE = {"type": "live.step", "kind": "common.kind", "language": "live.language"}


def tree_words(catalogue: Catalogue, language: str, own: Own | None = None) -> TreeWords:
    """Prompts are shown in that language, all else in Persian. `own`: what the tree says itself."""
    text = words()
    known = catalogue.ids(language)

    def prompt(id: str) -> str:
        if own and (said := own.get(id, {}).get(language)):
            return said.text
        return catalogue.text(id, language) if id in known else ""

    def word(key: str, otherwise: str) -> str:
        group, _, value = key.partition(".")
        if group == "key":
            return digits(otherwise)
        if group in ("hours", "date"):
            to = text("menus.tree.to")
            return digits(otherwise).replace("..", to).replace("-", to if group == "hours" else "/")
        if group == "var":
            return f"{value.removesuffix(f'.{otherwise}')}: {digits(otherwise)}"
        if group == "on" and value.startswith("var."):
            return f"{text('menus.tree.on.var')} {value.removeprefix('var.')}"
        if group == "caller_county":
            key = f"county.{value}"
        said = text.get(f"menus.tree.{key}", "") or text.get(f"{_ELSEWHERE.get(group, '')}.{value}", "")
        return said or (group in ("topic", "county", "caller_county") and prompt(key)) or otherwise

    return TreeWords(prompt, word, lambda figure: number(round(figure, 1)), duration)
