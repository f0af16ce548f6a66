"""What the bench of escalation calls missed."""

from __future__ import annotations

from dataclasses import replace

from bench.escalation.__main__ import Result, missed


def result(opened: int, due: int, seconds: float) -> Result:
    return Result(opened, due, due, due, due, 0, seconds, 0.3, 2.0, 5.0, 900, 9.0, 200.0)


def test_thirty_thousand_climb_within_a_minute_and_a_hundred_thousand_in_as_much_longer() -> None:
    few = result(30_000, 3_000, 5.9)
    assert missed(few, result(300_000, 30_000, 59.0)) == []
    assert missed(few, result(300_000, 30_000, 61.0)) == ["the sweep took 61.0 s > 60 s"]
    many = result(100_000, 10_000, 19.9)
    assert missed(many, result(1_000_000, 100_000, 199.0)) == []
    assert missed(many, result(1_000_000, 100_000, 201.0)) == ["the sweep took 201.0 s > 200 s"]


def test_a_case_that_did_not_climb_is_told() -> None:
    one = replace(result(30_000, 3_000, 5.9), climbed=2_999)
    assert missed(one, result(300_000, 30_000, 58.0)) == ["30,000 cases: 2,999 of 3,000 climbed"]
