"""What pages about menu trees work with: how one is checked here, drawn, completed and walked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from ivr.desk.trees.beside import TreesBeside
from ivr.voice import proof
from ivr.voice.catalogue import Catalogue
from ivr.voice.directory import Directory
from ivr.voice.enquiries import AskedHost
from ivr.voice.menu import Menu
from ivr.voice.menu_schema import menu_schema
from ivr.voice.reading import FindTree
from ivr.voice.report import Proof, figures
from ivr.voice.timing import SecondsOf
from ivr.voice.tree_drawing import draw
from ivr.voice.tried_call import TriedCall
from ivr.web.panel.menu_words import tree_words

MOST_DRAWN = 400  # steps; a picture of more is no help while one types


@dataclass(frozen=True, slots=True)
class TreeTools:
    """Of one installation, as it is when one asks. `name`: the tree of the hotline.

    `walk`: a draft with a list of keys, up to where the caller has to do something; raises KeysMistake.
    `beside`: the trees on the air on this machine, which one may call or be called by.
    Everything blocks, some for tenths of a second: call it in a thread.
    """

    name: str
    languages: tuple[str, ...]
    directory: Callable[[], Directory]
    catalogue: Callable[[], Catalogue]
    lengths: Callable[[], SecondsOf]
    walk: Callable[[Menu, Sequence[str]], TriedCall]
    beside: TreesBeside
    hosts: Mapping[str, AskedHost]

    def check(self, raw: bytes, file: str) -> tuple[Menu, Proof]:
        """Parse and prove. Raises MenuMistakes."""
        return self.beside.proved(raw, file, self._proved)

    def _proved(self, raw: bytes, file: str, called: FindTree) -> tuple[Menu, Proof]:
        catalogue = self.catalogue()
        prompts = frozenset.intersection(*map(catalogue.ids, self.languages))
        return proof.check(
            raw,
            file,
            self.directory(),
            languages=self.languages,
            prompts=prompts,
            hosts=self.hosts,
            seconds_of=self.lengths(),
            called=called,
        )

    def drawing(
        self, menu: Menu, heat: Mapping[str, float] | None = None, link: Callable[[str], str] | None = None
    ) -> str:
        """As SVG; "" for a tree too large to be drawn on a page. `heat`, `link`: see `draw`."""
        if len(menu.steps) > MOST_DRAWN:
            return ""
        words = tree_words(self.catalogue(), menu.languages[0], menu.words)
        return draw(menu, self.directory(), words, seconds_of=self.lengths(), heat=heat, link=link)

    def schema(self) -> dict[str, Any]:
        """With the names that are here to choose from."""
        directory, catalogue = self.directory(), self.catalogue()
        return dict(
            menu_schema(
                languages=self.languages,
                prompts=frozenset.intersection(*map(catalogue.ids, self.languages)),
                topics=[topic.code for topic in directory.topics],
                counties=[county.code for county in directory.counties],
            )
        )


def shown_figures(menu: Menu, proof: Proof) -> list[dict[str, Any]]:
    """Seconds to the beep, of the whole call and in questions, each with the tree's limit, or None."""
    names = ("to_beep", "whole", "questions")
    return [
        {
            "name": name,
            "seconds": figure.seconds if figure.seconds < inf else None,
            "limit": figure.limit if figure.limit < inf else None,
            "over": figure.seconds > figure.limit,
        }
        for name, figure in zip(names, figures(menu, proof), strict=True)
    ]
