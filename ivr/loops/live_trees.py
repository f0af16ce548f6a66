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
from ivr.desk.trees.tree_files import kept_at, read_tree_file
from ivr.settings import ROOT
from ivr.store.engine import AWAY
from ivr.voice.menu import Menu
from ivr.voice.menu_trial import MenuTrial
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.voice.reading import CalledTree
from ivr.voice.steps.tree import TreeStep

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

    `spool`: where the revisions last known are kept, for a start without a database. Trees that they call are
    followed too, and one that changes is read anew with all that call it.
    """

    def __init__(
        self, engine: AsyncEngine, numbers: Mapping[str, str], languages: Collection[str], spool: Path
    ) -> None:
        self.engine, self.languages, self.spool = engine, languages, spool
        self.numbers = dict(numbers)
        self.names = tuple(dict.fromkeys(self.numbers.values()))
        self._live: dict[str, LiveTree] = {}
        self._texts: dict[str, CalledTree] = {}  # of every tree that can be read
        self._plain: dict[str, Menu] = {}  # those that call no other, as they were read
        self._tries: dict[str, menus.OnTrial | None] = {}
        self._followed = list(self.names)

    def called(self, number: str, call: str = "") -> Menu:
        """The tree behind a number for the call of that id; behind one nobody named, the hotline's own."""
        tree = self._live[self.numbers.get(number, self.names[0])]
        return tree.trial.menu if tree.trial is not None and tree.trial.takes(call) else tree.menu

    async def begin(self) -> None:
        """Read what is on the air. Raises MenuMistakes when the hotline's own tree can't be read.

        Another number whose tree can't be had is answered by the hotline's own.
        """
        own = self.names[0]
        found = await asyncio.gather(*map(self._learn, self.names), return_exceptions=True)
        for name, tree in zip(self.names, found, strict=True):
            if tree is None:
                self._live[name] = await self._linked(name)
            elif name == own or not isinstance(tree, MenuMistakes | OSError):
                raise tree
            else:
                log.error("menu %s can't be read, menu %s answers in its place: %s", name, own, tree)
                self._live[name] = self._live[own]

    async def follow(self) -> None:
        """For ever: swap one reference whenever something else is on the air; live calls keep theirs."""
        await menus.watch(self.engine, self._followed, self._published)

    async def _learn(self, name: str) -> None:
        """Its text on the air; without a database the last revision this machine had, else the file.

        Raises MenuMistakes or OSError when there is none that can be read.
        """
        try:
            async with asyncio.timeout(FIRST_MENU_SECONDS):
                now = await menus.on_the_air(self.engine, name)
        except AWAY as error:
            log.warning("the live menu %s can't be read, using the last one known: %s", name, error)
            now = None
        if now is not None:
            self._take(now)
            return
        kept = kept_at(self.spool, name)
        path = kept if kept.is_file() else SHIPPED / f"{name}.yaml"
        self._learnt(name, CalledTree(read_tree_file(path).data), str(path))

    async def _linked(self, name: str) -> LiveTree:
        """Read together with the trees that it calls, which are followed from now on."""
        while True:
            tree = await asyncio.to_thread(self._read, name)
            new = _called_by(tree) - set(self._followed)
            if not new:
                return tree
            for other in new:
                self._followed.append(other)
                try:
                    await self._learn(other)
                except (MenuMistakes, OSError) as error:
                    log.error("menu %s calls menu %s, which can't be had: %s", name, other, error)

    async def _published(self, now: menus.OnAir) -> None:
        """A tree that this version can't read is refused, the old one stays."""
        revision, name = now.revision, now.revision.name
        known = self._texts.get(name)
        try:
            # A third of a second for 2,000 steps, which calls need not wait for.
            await asyncio.to_thread(self._take, now)
            if known is None or known.revision != str(revision.number):
                log.info("menu %s: revision %s is live", name, revision.number)
        except MenuMistakes as error:
            log.error("revision %s of menu %s is refused: %s", revision.number, name, error)
        for other in [*self._live]:
            if other in self._texts and (other == name or name in _called_by(self._live[other])):
                self._live[other] = await self._linked(other)

    def _take(self, now: menus.OnAir) -> None:
        """Keep it for a start without a database, too. Raises MenuMistakes, and leaves what was there."""
        revision, place = now.revision, kept_at(self.spool, now.revision.name)
        self._tries[revision.name] = now.trial
        text = CalledTree(revision.text.encode(), str(revision.number))
        self._learnt(revision.name, text, f"{revision.name}, revision {revision.number}")
        scratch = place.with_suffix(f".{os.getpid()}")  # siblings write it too
        try:
            scratch.write_bytes(text.data)
            scratch.replace(place)
        except OSError as error:
            log.error("%s is not kept for a start without a database: %s", place, error.strerror)

    def _read(self, name: str) -> LiveTree:
        text, menu = self._texts[name], self._plain.get(name)
        menu = menu or self._parsed(text, f"{name}, revision {text.revision}")
        for step in menu.steps.values():
            if isinstance(step, TreeStep) and step.trouble:
                log.error("menu %s, step %s leads to %s: %s", name, step.id, step.missing_go, step.trouble)
        return LiveTree(menu, self._tried(name))

    def _learnt(self, name: str, text: CalledTree, file: str) -> None:
        menu = self._parsed(text, file)
        self._texts[name] = text
        self._plain.pop(name, None)
        if not _called_by(LiveTree(menu)):
            self._plain[name] = menu

    def _tried(self, name: str) -> MenuTrial | None:
        """None too for one that this version can't read: then no call goes through it."""
        trial = self._tries.get(name)
        if trial is None:
            return None
        revision = trial.revision
        try:
            text = CalledTree(revision.text.encode(), str(revision.number))
            tried = self._parsed(text, f"{name}, revision {revision.number}")
        except MenuMistakes as error:
            log.error("the trial of menu %s is refused: %s", name, error)
            return None
        log.info("menu %s: revision %s is tried on %g of the calls", name, tried.revision, trial.share)
        return MenuTrial(tried, trial.share)

    def _parsed(self, text: CalledTree, file: str) -> Menu:
        menu = parse(text.data, file, languages=self.languages, called=self._texts.get)
        return replace(menu, revision=text.revision)


def _called_by(tree: LiveTree) -> set[str]:
    """The trees that it calls, or would if they could be had; those that they call, too."""
    menus_ = (tree.menu, *((tree.trial.menu,) if tree.trial is not None else ()))
    return {step.name for menu in menus_ for step in menu.steps.values() if isinstance(step, TreeStep)}
