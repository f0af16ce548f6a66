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
