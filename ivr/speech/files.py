"""The prompt files on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ivr.voice.catalogue import Catalogue, CatalogueMistakes, parse
from ivr.voice.mistakes import Mistake


def load(paths: Iterable[Path]) -> Catalogue:
    """`sounds/prompts.yaml`, then the province's. CatalogueMistakes tells every mistake of all files."""
    sources: list[tuple[str, bytes]] = []
    for path in paths:
        try:
            sources.append((str(path), path.read_bytes()))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CatalogueMistakes([Mistake(str(path), 1, 1, "", f"cannot be read: {reason}")]) from None
    return parse(sources)


class Cached:
    """The catalogue of files that are read again when they change."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._read: tuple[tuple[int, ...], Catalogue] | None = None

    def catalogue(self) -> Catalogue:
        """Raises CatalogueMistakes."""
        times = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in self._paths)
        if self._read is None or self._read[0] != times:
            self._read = times, load(self._paths)
        return self._read[1]
