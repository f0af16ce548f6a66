"""Which rule tells how long a case is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ivr.cases.retention import RetentionRule, is_over, rule_for

ANY, MEETINGS = RetentionRule("", "", 730, 1825), RetentionRule("meeting", "", 365, None)
MERGED, MERGED_MEETINGS = RetentionRule("", "merged", None, 90), RetentionRule("meeting", "merged", 31, 31)
RULES = (ANY, MEETINGS, MERGED, MERGED_MEETINGS)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "status", "rule"),
    [
        ("complaint", "closed", ANY),
        ("meeting", "closed", MEETINGS),
        ("complaint", "merged", MERGED),
        ("meeting", "merged", MERGED_MEETINGS),
    ],
)
def test_the_most_particular_rule_counts(kind: str, status: str, rule: RetentionRule) -> None:
    assert rule_for(RULES, kind, status) is rule
    assert rule_for(RULES[::-1], kind, status) is rule


def test_without_a_rule_everything_stays() -> None:
    kept = rule_for([], "complaint", "closed")
    assert not is_over(kept.recording_days, NOW - timedelta(days=9_999), NOW)
    assert not is_over(kept.anonymise_after, NOW - timedelta(days=9_999), NOW)


def test_a_voice_goes_with_the_name_at_the_latest() -> None:
    assert (MERGED.recording_days, ANY.recording_days, MEETINGS.recording_days) == (90, 730, 365)
    assert is_over(90, NOW - timedelta(days=90), NOW) and not is_over(91, NOW - timedelta(days=90), NOW)
