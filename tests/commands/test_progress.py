"""Progress of long work where there is no terminal: `make run` says how far the prompts are."""

from __future__ import annotations

from itertools import count

from ivr.commands.progress import lines


def test_now_and_then_a_line_tells_how_many_of_how_many() -> None:
    said: list[str] = []
    told = lines(said.append, seconds=5, clock=map(float, count(step=2)).__next__)
    for done in range(1, 8):
        told(done, 900)
    assert said == ["3 of 900 spoken so far", "6 of 900 spoken so far"]
