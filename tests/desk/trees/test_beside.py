"""A tree is checked with those that it calls, and does not break those that call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.desk.trees.beside import TreesBeside
from ivr.desk.trees.tree_files import kept_at
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.proof import Proof, check
from ivr.voice.reading import FindTree
from tests.voice.test_calling_trees import HOTLINE, WATER
from tests.voice.test_proof import SMALL


def prove(raw: bytes, file: str, called: FindTree) -> tuple[Menu, Proof]:
    return check(raw, file, SMALL, called=called)


@pytest.fixture
def beside(tmp_path: Path) -> TreesBeside:
    """The hotline's tree is on the air, the water company's ships as a file."""
    kept_at(tmp_path, "hotline").write_text(HOTLINE, encoding="utf-8")
    (tmp_path / "122.yaml").write_text(WATER, encoding="utf-8")
    return TreesBeside(tmp_path, tmp_path, ("hotline", "122", "gone"))


def refused(beside: TreesBeside, text: str) -> str:
    with pytest.raises(MenuMistakes) as caught:
        beside.proved(text.encode(), "m.yaml", prove)
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line, mistake.key) == ("m.yaml", 1, "menu")
    return mistake.message


def test_a_tree_that_a_live_one_calls_may_change_but_not_so_that_it_cannot_be_called(
    beside: TreesBeside,
) -> None:
    beside.proved(WATER.replace("prompt: [d]", "prompt: [b]").encode(), "m.yaml", prove)
    told = refused(beside, WATER.replace("[fa]", "[fa, en]"))
    assert told.startswith(
        "menu hotline calls this tree and, with this text, could not any more: steps.water: "
    )
    assert "it speaks en, which this tree does not" in told


def test_a_caller_that_was_broken_before_is_no_reason_to_refuse(beside: TreesBeside) -> None:
    broken = HOTLINE.replace("[b], go: bye", "[b], go: nowhere")
    kept_at(beside.spool, "hotline").write_text(broken, encoding="utf-8")
    beside.proved(WATER.replace("[fa]", "[fa, en]").encode(), "m.yaml", prove)


def test_what_is_on_the_air_goes_before_the_file_and_no_name_leads_out_of_the_folders(
    beside: TreesBeside,
) -> None:
    kept_at(beside.spool, "122").write_text("live", encoding="utf-8")
    live = beside.called("122")
    assert live is not None and live.data == b"live"
    assert beside.called("../122") is None and beside.called("none") is None
