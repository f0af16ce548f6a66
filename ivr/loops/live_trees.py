"""The menu trees on the air in this process: one for each number that is called, swapped each by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.desk.trees.tree_files import kept_at, read_tree_file
from ivr.settings import ROOT
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY
from ivr.store.flushing import put
from ivr.voice.menu import Menu
from ivr.voice.menu_trial import MenuTrial
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.own_words import OwnPrompt, all_words, without, without_each
from ivr.voice.parse import parse
from ivr.voice.reading import CalledTree
from ivr.voice.steps.tree import TreeStep

log = logging.getLogger(__name__)

# Id, words and language of what a tree says itself: whether they can be played from now on.
Adopt = Callable[[str, str, str], Awaitable[bool]]
FIRST_MENU_SECONDS = 5.0
SOUND_SECONDS = 30.0  # for all words of a tree; whoever published it has made them already
AGAIN_SECONDS = 15.0
SHIPPED = ROOT / "dialplan" / "menus"
WHY = "the log says why"


@dataclass(frozen=True, slots=True)
class LiveTree:
    """What answers; `trial`: the tree that gets some of the calls."""

    menu: Menu
    trial: MenuTrial | None = None


class LiveTrees:
    """`numbers`: number called → its tree's name, the hotline's own number first.

    `spool`: where the revisions last known are kept, for a start without a database. Trees that they call are
    followed too, and one that changes is read anew with all that call it. `adopt`: gives a tree's own words
    their sound.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        numbers: Mapping[str, str],
        languages: Collection[str],
        spool: Path,
        adopt: Adopt,
    ) -> None:
        self.engine, self.languages, self.spool, self.adopt = engine, languages, spool, adopt
        self.numbers = dict(numbers)
        self.names = tuple(dict.fromkeys(self.numbers.values()))
        self._live: dict[str, LiveTree] = {}
        self._texts: dict[str, CalledTree] = {}  # of every tree that can be read
        self._plain: dict[str, Menu] = {}  # those that call no other, as they were read
        self._tries: dict[str, menus.OnTrial | None] = {}
        self._followed = list(self.names)
        self._mute: dict[str, str] = {}  # trees that wait for the sound of words, and of which
        self._refused: dict[str, str] = {}  # what can't be read → a sentence
        self._turn = asyncio.Lock()

    @property
    def troubles(self) -> list[str]:
        """Trees that do not answer here: they want for sound, or can't be read. A sentence each.

        Strangers may read it: what is wrong in a tree the log says.
        """
        mute = [
            f"menu {name}: {words} can't be spoken here, so what was there before answers; it is tried again"
            for name, words in self._mute.items()
        ]
        return mute + list(self._refused.values())

    def called(self, number: str, call: str = "") -> Menu:
        """The tree behind a number for the call of that id; behind one nobody named, the hotline's own."""
        own = self.names[0]
        tree = self._live.get(self.numbers.get(number, own)) or self._live[own]
        return tree.trial.menu if tree.trial is not None and tree.trial.takes(call) else tree.menu

    async def begin(self) -> None:
        """Read what is on the air. Raises MenuMistakes when the hotline's own tree can't be read.

        Another number whose tree can't be had is answered by the hotline's own.
        """
        own = self.names[0]
        found = await asyncio.gather(*map(self._learn, self.names), return_exceptions=True)
        for name, tree in zip(self.names, found, strict=True):
            if tree is None:
                self._live[name] = await self._begun(name)
            elif name == own or not isinstance(tree, MenuMistakes | OSError):
                raise tree
            else:
                log.error("menu %s can't be read, menu %s answers in its place: %s", name, own, tree)
                told = f"menu {name} can't be read here, so menu {own} answers in its place; {WHY}"
                self._refused[name] = told

    async def follow(self) -> None:
        """For ever: swap one reference whenever something else is on the air; live calls keep theirs."""
        async with asyncio.TaskGroup() as both:
            both.create_task(menus.watch(self.engine, self._followed, self._published))
            both.create_task(self._try_again())

    async def _try_again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            for name in tuple(self._mute):
                async with self._turn:
                    await self._swap(name)

    async def _learn(self, name: str) -> None:
        """Its text on the air; where that can't be read the last revision this machine had, else the file.

        Raises MenuMistakes or OSError when there is none that can be read.
        """
        try:
            async with asyncio.timeout(FIRST_MENU_SECONDS):
                now = await menus.on_the_air(self.engine, name)
        except AWAY as error:
            log.warning("the live menu %s can't be read, using the last one known: %s", name, error)
            now = None
        if now is not None:
            try:
                await ask_once(partial(self._take, now))
                return
            except MenuMistakes as error:
                self._refuse(now.revision, error)
        self._learn_file(name)

    def _refuse(self, revision: menus.Revision, error: MenuMistakes) -> None:
        """What was there before goes on. It is of another release, perhaps."""
        name, number = revision.name, revision.number
        log.error("menu %s: revision %s is refused, using the last one known: %s", name, number, error)
        told = f"menu {name}: revision {number} on the air can't be read here"
        self._refused[name] = f"{told}, so what was there before answers; {WHY}"

    def _learn_file(self, name: str) -> None:
        """The last revision this machine had; where that can't be read, the file that ships."""
        kept = kept_at(self.spool, name)
        for path in (kept, SHIPPED / f"{name}.yaml"):
            try:
                self._learnt(name, CalledTree(read_tree_file(path).data), str(path))
                return
            except (MenuMistakes, OSError) as error:
                if path is not kept:
                    raise
                if not isinstance(error, FileNotFoundError):
                    log.error("%s can't be read, using the file that ships: %s", kept, error)

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

    async def _begun(self, name: str) -> LiveTree:
        """Where its own words have no sound yet the catalogue's are heard, rather than nothing."""
        tree = await self._linked(name)
        mute = await self._without_sound(name, tree)
        menu = tree.menu
        if mute:
            words, called = without(menu.words, mute), without_each(menu.called_words, mute)
            menu = replace(menu, words=words, called_words=called)
        return LiveTree(menu, None if mute else tree.trial)

    async def _published(self, now: menus.OnAir) -> None:
        """A tree that this version can't read, or whose words have no sound here, is refused."""
        async with self._turn:
            await self._read_anew(now)

    async def _read_anew(self, now: menus.OnAir) -> None:
        revision, name = now.revision, now.revision.name
        known = self._texts.get(name)
        try:
            # A third of a second for 2,000 steps, which calls need not wait for.
            await ask_once(partial(self._take, now))
            if known is None or known.revision != str(revision.number):
                log.info("menu %s: revision %s was published", name, revision.number)
        except MenuMistakes as error:
            self._refuse(revision, error)
        for other in self.names:
            live = self._live.get(other)
            calls = live is not None and name in _called_by(live)
            if other in self._texts and (other == name or calls):
                await self._swap(other)

    async def _swap(self, name: str) -> None:
        """What was learnt answers from now on, once all of it can be heard here."""
        tree = await self._linked(name)
        if await self._without_sound(name, tree):
            return
        self._live[name] = tree
        tried = f", {tree.trial.menu.revision} is tried" if tree.trial else ""
        log.info("menu %s: revision %s answers%s", name, tree.menu.revision, tried)

    async def _without_sound(self, name: str, tree: LiveTree) -> frozenset[str]:
        """Ids of its own words that have no sound here and can't be given one in time. They are noted."""
        wanted = {(own.id, language): (id, own.text) for id, language, own in _all_words(tree)}
        making = {
            each: asyncio.ensure_future(self.adopt(each[0], text, each[1]))
            for each, (_, text) in wanted.items()
        }
        if making:
            _, late = await asyncio.wait(making.values(), timeout=SOUND_SECONDS)
            for task in late:
                task.cancel()
        mute = [
            each for each, task in making.items() if not task.done() or task.cancelled() or not task.result()
        ]
        waited = self._mute.pop(name, None)
        if mute:
            self._mute[name] = ", ".join(sorted({f"{wanted[each][0]} ({each[1]})" for each in mute}))
            log.error("menu %s waits for the sound of %s", name, self._mute[name])
        elif waited:
            log.info("menu %s has the sound of its words now", name)
        return frozenset(id for id, _ in mute)

    def _take(self, now: menus.OnAir) -> None:
        """Keep it for a start without a database, too. Raises MenuMistakes, and leaves what was there."""
        revision, place = now.revision, kept_at(self.spool, now.revision.name)
        self._tries[revision.name] = now.trial
        text = CalledTree(revision.text.encode(), str(revision.number))
        self._learnt(revision.name, text, f"{revision.name}, revision {revision.number}")
        self._refused.pop(revision.name, None)
        try:
            put(place, text.data)
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
        trial, what = self._tries.get(name), f"menu {name}: the trial"
        self._refused.pop(what, None)
        if trial is None:
            return None
        revision = trial.revision
        try:
            text = CalledTree(revision.text.encode(), str(revision.number))
            tried = self._parsed(text, f"{name}, revision {revision.number}")
        except MenuMistakes as error:
            log.error("the trial of menu %s is refused: %s", name, error)
            told = f"{what} of revision {revision.number} can't be read here, so no call goes through it"
            self._refused[what] = f"{told}; {WHY}"
            return None
        log.info("menu %s: revision %s is tried on %g of the calls", name, tried.revision, trial.share)
        return MenuTrial(tried, trial.share)

    def _parsed(self, text: CalledTree, file: str) -> Menu:
        menu = parse(text.data, file, languages=self.languages, called=self._texts.get)
        return replace(menu, revision=text.revision)


def _all_words(tree: LiveTree) -> Iterator[tuple[str, str, OwnPrompt]]:
    yield from all_words(tree.menu.words, tree.menu.called_words)
    if tree.trial is not None:
        yield from all_words(tree.trial.menu.words, tree.trial.menu.called_words)


def _called_by(tree: LiveTree) -> set[str]:
    """The trees that it calls, or would if they could be had; those that they call, too."""
    menus_ = (tree.menu, *((tree.trial.menu,) if tree.trial is not None else ()))
    return {step.name for menu in menus_ for step in menu.steps.values() if isinstance(step, TreeStep)}
