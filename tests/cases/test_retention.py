"""Which rule tells how long a case is kept."""

from __future__ import annotations

from ivr.cases.retention import RetentionRule

ANY, MEETINGS = RetentionRule("", "", 730, 1825), RetentionRule("meeting", "", 365, None)
MERGED, MERGED_MEETINGS = RetentionRule("", "merged", None, 90), RetentionRule("meeting", "merged", 31, 31)


def test_kind_and_status_go_before_kind_and_that_before_status() -> None:
    rules = [MERGED, MERGED_MEETINGS, ANY, MEETINGS]
    assert sorted(rules, key=lambda rule: rule.particularity) == [ANY, MERGED, MEETINGS, MERGED_MEETINGS]


def test_a_voice_goes_with_the_name_at_the_latest() -> None:
    assert (MERGED.recording_days, ANY.recording_days, MEETINGS.recording_days) == (90, 730, 365)
    assert RetentionRule().recording_days is None
