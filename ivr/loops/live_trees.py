"""The menu trees on the air in this process: one for each number that is called, swapped each by itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.settings import ROOT
from ivr.store.engine import AWAY
from ivr.voice.menu import Menu
from ivr.voice.menu_trial import MenuTrial
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.own_words import all_own
from ivr.voice.parse import parse

log = logging.getLogger(__name__)

# Id, words and language of what a tree says itself: whether they can be played from now on.
Adopt = Callable[[str, str, str], Awaitable[bool]]
FIRST_MENU_SECONDS = 5.0
SOUND_SECONDS = 30.0  # for all words of a tree; whoever published it has made them already
AGAIN_SECONDS = 15.0
AGAIN = "it is tried again, what answered before answers"
SHIPPED = ROOT / "dialplan" / "menus"


@dataclass(frozen=True, slots=True)
class LiveTree:
    """What answers; `trial`: the tree that gets some of the calls."""

    menu: Menu
    trial: MenuTrial | None = None


class LiveTrees:
    """`numbers`: number called → its tree's name, the hotline's own number first.

    `spool`: where the revisions last known are kept, for a start without a database. `adopt`: gives a tree's
    own words their sound.
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
        self._waiting: dict[str, menus.OnAir] = {}  # what has no sound here yet
        self._turn = asyncio.Lock()

    @property
    def troubles(self) -> list[str]:
        """Trees that do not answer here, or not in their own words, for want of sound; a sentence each."""
        return [
            f"menu {name}: revision {now.revision.number} has words that can't be spoken here: {AGAIN}"
            for name, now in self._waiting.items()
        ]

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
        async with asyncio.TaskGroup() as both:
            both.create_task(menus.watch(self.engine, self.names, self._published))
            both.create_task(self._try_again())

    async def _try_again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            for now in tuple(self._waiting.values()):
                await self._published(now, again=True)

    async def _first(self, name: str) -> LiveTree:
        """What is on the air; without a database the last live revision this machine had, else the file."""
        try:
            async with asyncio.timeout(FIRST_MENU_SECONDS):
                now = await menus.on_the_air(self.engine, name)
        except AWAY as error:
            log.warning("the live menu %s can't be read, using the last one known: %s", name, error)
            now = None
        if now is not None:
            menu = self._parsed(now.revision)
            self._keep(now.revision)
            sounding, trial = await self._with_sound(menu), await self._tried(now)
            if sounding.words != menu.words:
                self._waiting[name] = now
            return LiveTree(sounding, trial)
        kept = self._place(name)
        path = kept if kept.is_file() else SHIPPED / f"{name}.yaml"
        return LiveTree(await self._with_sound(parse(path.read_bytes(), str(path), languages=self.languages)))

    async def _published(self, now: menus.OnAir, again: bool = False) -> None:
        """A tree that this version can't read, or whose words have no sound here, is refused: the old stays.

        `again`: what waits for its sound is tried anew, unless something else is on the air by now.
        """
        name = now.revision.name
        async with self._turn:
            if again and self._waiting.get(name) is not now:
                return
            was_waiting = self._waiting.pop(name, None) is not None
            menu = self._live[name].menu
            if was_waiting or (menu.name, menu.revision) != (name, str(now.revision.number)):
                menu = await self._next(now, menu)
            self._live[name] = LiveTree(menu, await self._tried(now))

    async def _next(self, now: menus.OnAir, menu: Menu) -> Menu:
        """The tree on the air, or `menu` where it can't answer."""
        revision = now.revision
        try:
            # A third of a second for 2,000 steps, which calls need not wait for.
            found = await asyncio.to_thread(self._parsed, revision)
        except MenuMistakes as error:
            log.error("revision %s of menu %s is refused: %s", revision.number, revision.name, error)
            return menu
        if mute := await self._mute(found):
            log.error("revision %s of menu %s waits for %s", revision.number, revision.name, ", ".join(mute))
            self._waiting[revision.name] = now
            return menu
        await asyncio.to_thread(self._keep, revision)
        log.info("menu %s: revision %s is live", revision.name, revision.number)
        return found

    async def _tried(self, now: menus.OnAir) -> MenuTrial | None:
        """None too for one that this version can't read, or can't speak: then no call goes through it."""
        if now.trial is None:
            return None
        try:
            tried, share = await asyncio.to_thread(self._parsed, now.trial.revision), now.trial.share
        except MenuMistakes as error:
            log.error("the trial of menu %s is refused: %s", now.revision.name, error)
            return None
        if mute := await self._mute(tried):
            log.error("the trial of menu %s waits for %s", now.revision.name, ", ".join(mute))
            self._waiting[now.revision.name] = now
            return None
        log.info("menu %s: revision %s is tried on %g of the calls", tried.name, tried.revision, share)
        return MenuTrial(tried, share)

    async def _with_sound(self, menu: Menu) -> Menu:
        """Of who begins: where its own words have no sound the catalogue's are heard, rather than nothing."""
        mute = await self._mute(menu)
        if mute:
            log.error("menu %s begins without its own words for %s", menu.name, ", ".join(mute))
        told = {
            id: {language: own for language, own in said.items() if f"{id} ({language})" not in mute}
            for id, said in menu.words.items()
        }
        return replace(menu, words=told) if mute else menu

    async def _mute(self, menu: Menu) -> list[str]:
        """Its own words that have no sound here and can't be given one in time."""
        wanted = {f"{id} ({language})": (own, language) for id, language, own in all_own(menu.words)}
        making = {
            name: asyncio.ensure_future(self.adopt(own.id, own.text, language))
            for name, (own, language) in wanted.items()
        }
        if making:
            _, late = await asyncio.wait(making.values(), timeout=SOUND_SECONDS)
            for each in late:
                each.cancel()
        return [
            name for name, made in making.items() if not made.done() or made.cancelled() or not made.result()
        ]

    def _keep(self, revision: menus.Revision) -> None:
        """For a start without a database."""
        place = self._place(revision.name)
        scratch = place.with_suffix(f".{os.getpid()}")  # siblings write it too
        try:
            scratch.write_bytes(revision.text.encode())
            scratch.replace(place)
        except OSError as error:
            log.error("%s is not kept for a start without a database: %s", place, error.strerror)

    def _parsed(self, revision: menus.Revision) -> Menu:
        name = f"{revision.name}, revision {revision.number}"
        menu = parse(revision.text.encode(), name, languages=self.languages)
        return replace(menu, revision=str(revision.number))

    def _place(self, name: str) -> Path:
        return self.spool / f"menu-{name}.yaml"
