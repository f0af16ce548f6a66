"""The form that is hashed: the same content always gives the same bytes, another never."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.custody import (
    COVERED,
    FIRST,
    SIGNED,
    canonical,
    chained,
    day_heading,
    day_line,
    event_hash,
    named_recordings,
    read_day_line,
    state_of,
)
from ivr.store.tables import case_events, cases

CASE = uuid.UUID(int=7)
AT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
EVENT = {"id": uuid.UUID(int=1), "case_id": CASE, "seq": 1, "at": AT, "actor": "ivr", "event": "opened"}
EVENT |= {"details": {"kind": "complaint", "متن": "آب قطع است"}}


def test_an_event_has_the_hash_that_the_documentation_lets_anyone_work_out() -> None:
    text = (
        '{"actor":"ivr","at":"2026-11-25T08:00:00.000000+00:00","case_id":"00000000-0000-0000-0000-000000000007",'
        '"details":{"kind":"complaint","متن":"آب قطع است"},"event":"opened",'
        f'"id":"00000000-0000-0000-0000-000000000001","previous":"{"0" * 64}","seq":1,"state":"{"ab" * 32}"}}'
    )
    assert event_hash(EVENT, b"\xab" * 32, FIRST) == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", uuid.UUID(int=2)), ("case_id", uuid.UUID(int=8)), ("seq", 2), ("actor", "abfa"),
        ("at", datetime(2026, 11, 25, 8, 0, 0, 1, tzinfo=UTC)), ("event", "closed"), ("details", {}),
    ],
)  # fmt: skip
def test_whatever_is_changed_in_an_event_changes_its_hash(name: str, value: Any) -> None:
    assert event_hash(EVENT | {name: value}, b"", FIRST) != event_hash(EVENT, b"", FIRST)
    assert event_hash(EVENT, b"\0", FIRST) != event_hash(EVENT, b"", FIRST) != event_hash(EVENT, b"", b"\1")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_the_form_survives_json(value: Any) -> None:
    assert canonical(json.loads(json.dumps(value))) == canonical(value)
    assert canonical(json.loads(canonical(value))) == canonical(value)


def test_the_same_moment_and_number_have_one_form() -> None:
    assert canonical(AT) == canonical(AT.astimezone(ZoneInfo("Asia/Tehran")))
    assert canonical({"a": (1, 2.0)}) == canonical({"a": [1.0, 2]}) == b'{"a":[1,2]}'


def test_a_chain_links_each_event_to_the_one_before() -> None:
    one, two = chained([EVENT, EVENT | {"seq": 2}], b"s")
    assert (one["previous"], two["previous"]) == (FIRST, one["hash"])
    assert chained([EVENT | {"seq": 2}], b"s", one["hash"]) == [two]


def test_empty_columns_do_not_count_so_that_new_ones_can_join() -> None:
    case = {"code": "1234567890", "answer": "بله", "due_at": AT}
    empty = {"county": None, "closure": "", "paused_days": 0}
    assert state_of(case) == state_of(case | empty) != state_of(case | {"answer": "نه"})


def test_every_column_of_a_case_and_an_event_is_covered_or_known_not_to_be() -> None:
    """A new column: add it to COVERED; here only if it may change without an event, and say why."""
    in_the_signature = {"id", "last_seq"}  # the id is the events' case_id, the number that of the last one
    worked_out = {"next_rung_at", "timed_by", "entered"}  # anew, from what is covered
    assert {column.name for column in cases.c} == {*COVERED} | in_the_signature | worked_out
    # The day is vouched for by the day's root, the number by the seal of that minute.
    outside = {"state", "previous", "hash", "noted_on", "noted_no"}
    assert {column.name for column in case_events.c} == {*SIGNED} | outside


def test_recordings_are_named_by_the_events_that_brought_them() -> None:
    assert named_recordings({"files": {"a": "1"}}) == {"a": "1"}
    assert named_recordings({"recording": "b", "sha256": "2"}) == {"b": "2"}
    assert named_recordings({"recording": "b"}) == named_recordings({"agency": "abfa"}) == {}


def test_a_days_list_can_be_read_back() -> None:
    line = day_line(CASE, 12, b"\xab" * 32)
    assert read_day_line(line) == (str(CASE), 12, "ab" * 32)
    assert day_heading(date(2026, 11, 25), FIRST).splitlines()[1:] == [
        b"day 2026-11-25", b"previous " + b"0" * 64
    ]  # fmt: skip
    with pytest.raises(ValueError):
        read_day_line(b"nonsense\n")
