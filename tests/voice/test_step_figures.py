"""What callers did at each step, read off the rows of their calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ivr.voice.footprints import Did, Fate, fate
from ivr.voice.rewalk import PastCall
from ivr.voice.step_figures import TreeFigures, passed
from tests.voice.test_rehearsal import WHOLE, call


def today(past: PastCall) -> PastCall:
    """The same call a minute ago."""
    return moved(past, datetime.now(UTC) - timedelta(minutes=1) - past.began)


def moved(past: PastCall, by: timedelta) -> PastCall:
    """The same call at another time."""
    steps = [{**each, "at": (datetime.fromisoformat(each["at"]) + by).isoformat()} for each in past.steps]
    return replace(past, began=past.began + by, steps=steps)


def figures(*calls_: tuple[str, ...], seconds: float = 4.0) -> TreeFigures:
    found = TreeFigures()
    for keys in calls_:
        one = call(*keys, seconds=seconds)
        found.add(one.began, one.steps)
    return found


def test_who_presses_misses_falls_silent_and_hangs_up_is_counted_at_her_step() -> None:
    found = figures(WHOLE, ("1", "-", "9", "1", "1", "1"), ("1",))
    kind = found.steps["kind"]
    assert (found.calls, kind.entered) == (3, 3)
    assert {did: kind.many(did) for did in (Did.PRESSED, Did.WRONG, Did.SILENT, Did.HUNG_UP)} == {
        Did.PRESSED: 2, Did.WRONG: 1, Did.SILENT: 1, Did.HUNG_UP: 1,
    }  # fmt: skip
    assert found.steps["topic"].entered == 2 and found.steps["topic"].many(Did.PRESSED) == 4
    assert found.steps["record"].many(Did.SPOKE) == 1


def test_a_deed_stands_in_the_second_in_which_it_came_about() -> None:
    found = figures(WHOLE, seconds=4.4)
    assert dict(found.steps["kind"].seconds[Did.PRESSED]) == {4: 1}
    assert dict(found.steps["record"].seconds[Did.SPOKE]) == {20: 1}


def test_figures_of_two_days_add_up() -> None:
    one, both = figures(WHOLE), figures(WHOLE)
    both.merge(one.as_json(), one.calls)
    assert both.as_json() == figures(WHOLE, WHOLE).as_json() and both.calls == 2


def test_a_call_is_found_by_what_she_did_and_where() -> None:
    one = call("1", "9")
    assert passed(one.steps) == [
        "kind:entered", "kind:hung_up", "kind:wrong", "language:entered", "language:pressed",
    ]  # fmt: skip


def test_a_row_of_before_that_does_not_say_what_missed_counts_keys_as_pressed() -> None:
    one = call("1", "9")
    older = [{name: value for name, value in step.items() if name != "missed"} for step in one.steps]
    assert "kind:pressed" in passed(older)


def test_whoever_left_words_or_heard_of_her_case_was_served_and_who_hung_up_before_was_dropped() -> None:
    whole, early = call(*WHOLE), call("1")
    assert fate("hung_up", whole.steps) is Fate.SERVED
    assert fate("hung_up", early.steps) is Fate.DROPPED
    assert fate("completed", early.steps) is Fate.ENDED
    assert fate("lost", whole.steps) is fate("failed", early.steps) is Fate.FAILED
