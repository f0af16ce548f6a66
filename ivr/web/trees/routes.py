"""The routes of the menu trees."""

from __future__ import annotations

from ivr.web.panel.visit import Route
from ivr.web.trees import keypad, tree_calls, tree_editing, tree_pages, tree_publishing, tree_words


def routes() -> list[Route]:
    return [
        *tree_pages.routes(),
        *tree_editing.routes(),
        *tree_publishing.routes(),
        *keypad.routes(),
        *tree_words.routes(),
        *tree_calls.routes(),
    ]
