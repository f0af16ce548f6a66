"""The menu trees on the air in this process: one for each number that is called, each followed for itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.settings import ROOT
from ivr.store.engine import AWAY
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse

log = logging.getLogger(__name__)

FIRST_MENU_SECONDS = 5.0
SHIPPED = ROOT / "dialplan" / "menus"


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
        self._live: dict[str, Menu] = {}

    def called(self, number: str) -> Menu:
        """The tree behind that number; behind one that nobody named, the hotline's own."""
        return self._live[self.numbers.get(number, self.names[0])]

    async def begin(self) -> None:
        """Read what is on the air. Raises MenuMistakes when the hotline's own tree can't be read.

        Another number whose tree can't be had is answered by the hotline's own.
        """
        own, *others = self.names
        self._live[own] = await self._first(own)
        for name in others:
            try:
                self._live[name] = await self._first(name)
            except (MenuMistakes, OSError) as error:
                log.error("menu %s can't be read, menu %s answers in its place: %s", name, own, error)
                self._live[name] = self._live[own]

    async def follow(self, name: str) -> None:
        """For ever: swap one reference whenever another revision is published; live calls keep theirs."""
        await menus.watch(self.engine, name, self._published)

    async def _first(self, name: str) -> Menu:
        """The live revision; without a database the last one this machine had, else the file."""
        try:
            async with asyncio.timeout(FIRST_MENU_SECONDS):
                revision = await menus.current(self.engine, name)
        except AWAY as error:
            log.warning("the live menu %s can't be read, using the last one known: %s", name, error)
            revision = None
        if revision is not None:
            return self._parsed(revision)
        kept = self._kept(name)
        path = kept if kept.is_file() else SHIPPED / f"{name}.yaml"
        return parse(path.read_bytes(), str(path), languages=self.languages)

    async def _published(self, revision: menus.Revision) -> None:
        """A revision that this version can't read is refused, the old one stays."""
        try:
            self._live[revision.name] = self._parsed(revision)
        except MenuMistakes as error:
            log.error("revision %s of menu %s is refused: %s", revision.number, revision.name, error)
            return
        log.info("menu %s: revision %s is live", revision.name, revision.number)

    def _parsed(self, revision: menus.Revision) -> Menu:
        raw = revision.text.encode()
        menu = parse(raw, f"{revision.name}, revision {revision.number}", languages=self.languages)
        kept = self._kept(revision.name)
        scratch = kept.with_suffix(f".{os.getpid()}")  # siblings write it too
        try:
            scratch.write_bytes(raw)
            scratch.replace(kept)
        except OSError as error:
            log.error("%s is not kept for a start without a database: %s", kept, error.strerror)
        return replace(menu, revision=str(revision.number))

    def _kept(self, name: str) -> Path:
        return self.spool / f"menu-{name}.yaml"
