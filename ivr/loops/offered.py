"""What calls offer and name: topics, counties, bodies as the book has them now, less what has no sound."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from ivr.desk.book.book import Book, BookEmpty
from ivr.desk.editing.seeding import directory
from ivr.store.disk_thread import ask_once
from ivr.voice.directory import Directory

log = logging.getLogger(__name__)

AGAIN_SECONDS = 15.0


class Offered:
    """`directory` is swapped whole; calls keep the one that they began with."""

    def __init__(
        self,
        book: Book,
        files: Directory,
        sound: Callable[[str, str], str | None],
    ) -> None:
        """`files`: the directory until the database can be read; what it names is taken to have its sound."""
        self.directory = files
        self.added: frozenset[str] = frozenset()  # prompts of what people added
        self._silent: frozenset[str] = frozenset()  # those that want for a sound
        self._book, self._files, self._sound = book, files, sound
        self._turn = asyncio.Lock()

    @property
    def differs(self) -> bool:
        """Whether what was left out has its sound by now, or what is offered lost it: nobody tells us.

        Looks at the disk.
        """
        return any(self._is_heard(id) == (id in self._silent) for id in self.added)

    async def reread(self) -> None:
        """After every change of the book. Raises what AWAY names, so that the listener asks again."""
        async with self._turn:  # who asks last must not be overtaken
            await self._reread()

    def _is_heard(self, id: str) -> bool:
        return all(self._sound(id, each) for each in self._book.conventions.languages)

    async def _reread(self) -> None:
        conventions = self._book.conventions
        try:
            found = await directory(self._book.engine, conventions)
        except BookEmpty as error:
            log.warning("what calls offer could not be reread: %s", error)
            return
        added = frozenset(_names(found) - _names(self._files))
        silent = await ask_once(lambda: frozenset(id for id in added if not self._is_heard(id)))
        self.added, self._silent = added, silent
        self.directory = replace(
            found,
            calls_back=self._files.calls_back,
            topics=tuple(each for each in found.topics if f"topic.{each.code}" not in silent),
            counties=tuple(each for each in found.counties if f"county.{each.code}" not in silent),
            agencies=tuple(each for each in found.agencies if f"agency.{each}" not in silent),
        )
        if silent:
            log.warning("not told to callers, for they have no sound: %s", ", ".join(sorted(silent)))


def _names(directory: Directory) -> set[str]:
    """The prompts in which calls name what there is to choose, and who is responsible."""
    chosen = {f"topic.{each.code}" for each in directory.topics}
    chosen |= {f"county.{each.code}" for each in directory.counties}
    return chosen | {f"agency.{each}" for each in directory.agencies}
