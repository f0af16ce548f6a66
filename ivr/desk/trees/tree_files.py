"""A tree's file, with the fragments that it takes from `fragments/` beside it."""

from __future__ import annotations

import re
from pathlib import Path

from ivr.voice.bundling import FragmentFile, TreeText, bundled
from ivr.voice.fields import STEP_ID
from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.yaml_tree import LARGEST_FILE

FRAGMENTS = "fragments"


def read_tree_file(path: Path) -> TreeText:
    """Raises OSError, or MenuMistakes of what can't be read at all."""
    folder = path.parent / FRAGMENTS

    def find(name: str) -> FragmentFile | None:
        file = folder / f"{name}.yaml"
        if not re.fullmatch(STEP_ID, name) or not file.is_file():
            return None
        return FragmentFile(str(file), _bytes(file))

    return bundled(_bytes(path), str(path), find)


def kept_at(spool: Path, name: str) -> Path:
    """Where the live revision of a tree is kept on this machine, for a start without a database."""
    return spool / f"menu-{name}.yaml"


def _bytes(path: Path) -> bytes:
    """No more of it than a tree may have, and what shows that it has more."""
    with path.open("rb") as file:
        raw, size = file.read(LARGEST_FILE + 1), path.stat().st_size
    if len(raw) > LARGEST_FILE:
        message = f"has {size:,} bytes; a menu has at most {LARGEST_FILE:,}"
        raise MenuMistakes([Mistake(str(path), 1, 1, "", message)])
    return raw
