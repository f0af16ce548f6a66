"""The menu trees on the air in this process: one for each number that is called, swapped each by itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.desk.trees.tree_files import read_tree_file
from ivr.settings import ROOT
from ivr.store.engine import AWAY
from ivr.voice.menu import Menu
from ivr.voice.menu_trial import MenuTrial
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse

log = logging.getLogger(__name__)

FIRST_MENU_SECONDS = 5.0
SHIPPED = ROOT / "dialplan" / "menus"


@dataclass(frozen=True, slots=True)
class LiveTree:
    """What answers; `trial`: the tree that gets some of the calls."""

    menu: Menu
    trial: MenuTrial | None = None


class LiveTrees:
    """`numbers`: number called → its tree's name, the hotline's own number first.

    `spool`: where the revisions last known are kept, for a start without a database.
    """

    def __init__(
        self, engine: AsyncEngine, numbers: Mapping[str, str], languages: Collection[str], spool: Path
    ) -> None:
        self.engine, self.languages, self.spool = engine, languages, spool
        self.numbers = dict(numbers)
        self.names = tuple(dict.fromkeys(self.numbers.values()))
        self._live: dict[str, LiveTree] = {}

    def called(self, number: str, call: str = "") -> Menu:
        """The tree behind a number for the call of that id; behind one nobody named, the hotline's own."""
        tree = self._live[self.numbers.get(number, self.names[0])]
        return tree.trial.menu if tree.trial is not None and tree.trial.takes(call) else tree.menu

    async def begin(self) -> None:
        """Read what is on the air. Raises MenuMistakes when the hotline's own tree can't be read.

        Another number whose tree can't be had is answered by the hotline's own.
        """
        own = self.names[0]
        found = await asyncio.gather(*map(self._first, self.names), return_exceptions=True)
        for name, tree in zip(self.names, found, strict=True):
            if isinstance(tree, LiveTree):
                self._live[name] = tree
            elif name == own or not isinstance(tree, MenuMistakes | OSError):
                raise tree
            else:
                log.error("menu %s can't be read, menu %s answers in its place: %s", name, own, tree)
                self._live[name] = self._live[own]

    async def follow(self) -> None:
        """For ever: swap one reference whenever something else is on the air; live calls keep theirs."""
        await menus.watch(self.engine, self.names, self._published)

    async def _first(self, name: str) -> LiveTree:
        """What is on the air; without a database the last live revision this machine had, else the file."""
        try:
            async with asyncio.timeout(FIRST_MENU_SECONDS):
                now = await menus.on_the_air(self.engine, name)
        except AWAY as error:
            log.warning("the live menu %s can't be read, using the last one known: %s", name, error)
            now = None
        if now is not None:
            return LiveTree(self._kept(now.revision), self._tried(now))
        kept = self._place(name)
        path = kept if kept.is_file() else SHIPPED / f"{name}.yaml"
        return LiveTree(parse(read_tree_file(path).data, str(path), languages=self.languages))

    async def _published(self, now: menus.OnAir) -> None:
        """A tree that this version can't read is refused, the old one stays."""
        revision, menu = now.revision, self._live[now.revision.name].menu
        if (menu.name, menu.revision) != (revision.name, str(revision.number)):
            try:
                # A third of a second for 2,000 steps, which calls need not wait for.
                menu = await asyncio.to_thread(self._kept, revision)
                log.info("menu %s: revision %s is live", revision.name, revision.number)
            except MenuMistakes as error:
                log.error("revision %s of menu %s is refused: %s", revision.number, revision.name, error)
        self._live[revision.name] = LiveTree(menu, await asyncio.to_thread(self._tried, now))

    def _tried(self, now: menus.OnAir) -> MenuTrial | None:
        """None too for one that this version can't read: then no call goes through it."""
        if now.trial is None:
            return None
        try:
            tried, share = self._parsed(now.trial.revision), now.trial.share
        except MenuMistakes as error:
            log.error("the trial of menu %s is refused: %s", now.revision.name, error)
            return None
        log.info("menu %s: revision %s is tried on %g of the calls", tried.name, tried.revision, share)
        return MenuTrial(tried, share)

    def _kept(self, revision: menus.Revision) -> Menu:
        """Read, and kept for a start without a database."""
        menu, place = self._parsed(revision), self._place(revision.name)
        scratch = place.with_suffix(f".{os.getpid()}")  # siblings write it too
        try:
            scratch.write_bytes(revision.text.encode())
            scratch.replace(place)
        except OSError as error:
            log.error("%s is not kept for a start without a database: %s", place, error.strerror)
        return menu

    def _parsed(self, revision: menus.Revision) -> Menu:
        name = f"{revision.name}, revision {revision.number}"
        menu = parse(revision.text.encode(), name, languages=self.languages)
        return replace(menu, revision=str(revision.number))

    def _place(self, name: str) -> Path:
        return self.spool / f"menu-{name}.yaml"
