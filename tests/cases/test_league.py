"""Who keeps deadlines, and how sure that is."""

from __future__ import annotations

from ivr.cases.figures import Figures, What
from ivr.cases.league import interval, league


def body(kept: int, missed: int) -> Figures:
    return Figures({What.IN_TIME: kept, What.OVERDUE: missed})


def test_a_small_number_does_not_beat_a_proven_one() -> None:
    places = league({"small": body(30, 0), "large": body(990, 10), "bad": body(10, 90), "tiny": body(29, 0)})
    assert [(p.code, p.rank) for p in places] == [("large", 1), ("small", 2), ("bad", 3), ("tiny", 0)]


def test_equals_share_a_rank_and_who_did_nothing_is_not_listed() -> None:
    places = league({"a": body(40, 10), "b": body(40, 10), "c": body(20, 30), "d": body(0, 0)})
    assert [(p.code, p.rank) for p in places] == [("a", 1), ("b", 1), ("c", 3)]


def test_the_interval_holds_the_share_and_narrows() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    for kept, of in ((0, 10), (5, 10), (10, 10), (500, 1000)):
        low, high = interval(kept, of)
        assert 0 <= low <= kept / of <= high <= 1 or (low, high) == (0, 1)
    few, many = interval(5, 10), interval(500, 1000)
    assert many[1] - many[0] < (few[1] - few[0]) / 5
