"""The newcomer's table of CONTRIBUTING and the map of docs/architecture.md are true."""

from __future__ import annotations

import re

import pytest

from ivr.settings import ROOT

ROW = re.compile(r"^\| (.+?) \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_at_least_forty_things_are_told() -> None:
    assert len(ROWS) >= 40


@pytest.mark.parametrize(("what", "file", "name"), ROWS, ids=[row[0] for row in ROWS])
def test_each_file_is_there_and_names_its_thing(what: str, file: str, name: str) -> None:
    assert name in (ROOT / file).read_text(encoding="utf-8"), what


def test_the_map_names_every_room_of_the_desk_and_every_loop() -> None:
    rooms = [path.parent.name for path in (ROOT / "ivr" / "desk").glob("*/__init__.py")]
    loops = [path.name for path in (ROOT / "ivr" / "loops").glob("*.py") if path.stem != "__init__"]
    assert not [room for room in rooms if f"`desk/{room}/`" not in MAP]
    assert not [loop for loop in loops if loop not in MAP]


def test_every_path_that_the_map_names_is_there() -> None:
    named = set(re.findall(r"`((?:ivr|tests|dialplan|docs)/[\w/.-]+\.\w+)`", MAP))
    assert named and not [path for path in named if not (ROOT / path).exists()]
