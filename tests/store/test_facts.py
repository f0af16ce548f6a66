"""What stands in a line of the journal: read as it was written, and told exactly where it can't be."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, Field, fields
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr.cases.callback import Outcome
from ivr.settings import ROOT
from ivr.store import facts
from ivr.store.facts import (
    KINDS,
    CallEndedFact,
    CaseOpenedFact,
    Fact,
    FactError,
    WordsKeptFact,
    read,
    salvage,
    write,
)
from tests.store.noted import AT, CALL, noted

LINES = (ROOT / "tests/golden/facts.journal").read_bytes().splitlines()
OLD = [line.partition(b" ")[2] for line in LINES]
DOC = (ROOT / "docs/facts.md").read_text(encoding="utf-8")
PARTS = (facts.FactCall, facts.FactRecording, facts.FactStep, facts.FactAttempt)
MOMENT = re.compile(r"(?<=\d)Z(?=\")")


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{each.name: BY_TYPE[str(each.type)] for each in fields(kind)})


ZONES = st.sampled_from([UTC, timezone(timedelta(hours=3, minutes=30))])
MOMENTS = st.datetimes(timezones=ZONES)
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(),
    "bool": st.booleans(),
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "uuid.UUID": st.uuids(),
    "MaybeId": st.uuids().map(str) | st.just(""),
    "AwareDatetime": MOMENTS,
    "AwareDatetime | None": MOMENTS | st.none(),
    "Outcome": st.sampled_from(Outcome),
}
for part in PARTS:
    BY_TYPE[part.__name__] = built(part)
    BY_TYPE[f"{part.__name__} | None"] = BY_TYPE[part.__name__] | st.none()
    BY_TYPE[f"tuple[{part.__name__}, ...]"] = st.lists(BY_TYPE[part.__name__], max_size=3).map(tuple)
ANY = st.one_of([built(kind) for kind in KINDS.values()])


@settings(max_examples=300, deadline=None)
@given(fact=ANY)
def test_what_is_written_is_read_as_it_was(fact: Fact) -> None:
    body = write(fact)
    assert b"\n" not in body and read(body) == fact


@settings(max_examples=300, deadline=None)
@given(steps=BY_TYPE["tuple[FactStep, ...]"])
@example(steps=(facts.FactStep(AT, 'a","step":"b', "Z", '"at":"2026-11-25T08:00:00Z","step":"Z"'),))
def test_a_call_s_row_tells_of_her_way_as_rows_always_did(steps: tuple[facts.FactStep, ...]) -> None:
    told = [
        {"at": step.at.isoformat(), "step": step.step, "key": step.key, "note": step.note}
        | ({"missed": True} if step.missed else {})
        for step in steps
    ]
    assert json.loads(facts.way(steps)) == told


def test_every_kind_is_in_the_journal_of_the_release_before() -> None:
    assert {type(read(body)) for body in OLD} == set(KINDS.values())


@pytest.mark.parametrize("body", OLD, ids=lambda body: json.loads(body)["type"])
def test_the_release_before_finds_the_names_and_values_that_it_wrote_itself(body: bytes) -> None:
    """Without them a roll-back would put new facts aside. UTC has two forms, and it reads both."""
    old, new = json.loads(body), json.loads(MOMENT.sub("+00:00", write(read(body)).decode()))
    absent = {name for name in old if name not in new}
    assert {name: old[name] for name in new} == new
    assert absent <= {"case", "code", "reserved"} and not any(old[name] for name in absent)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "the whole: Input should be an object"),
        (b"{}", "type: Field required"),
        (b'{"type":"gossip"}', "of unknown type 'gossip'"),
        (b'{"type":"rating","version":2}', "rating of version 2: a newer release wrote it"),
        (b'{"type":"rating","version":1}', "id: Field required, and 4 more"),
        (write(noted(1))[:-1] + b',"version":2}', "rating of version 2: a newer release wrote it"),
        (write(noted(1))[:-1], "the whole: Invalid JSON: EOF while parsing an object"),
        (write(noted(1)).replace(b'"score":1', b'"score":"1"'), "score: Input should be a valid integer"),
        (OLD[2].replace(b'"seconds":6.0', b'"seconds":"long"'), "recordings.0.seconds: "),
        (OLD[2].replace(b"+03:30", b""), "at: Input should have timezone info, and 2 more"),
        (OLD[4].replace(b'"case":"', b'"case":"x'), "case: String should match pattern"),
    ],
)
def test_what_can_t_be_read_is_told_with_its_place(body: bytes, says: str) -> None:
    with pytest.raises(FactError, match=re.escape(says)):
        read(body)


def test_only_what_does_not_begin_as_ours_is_asked_first_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    body, spoken = write(noted(3)), write(noted(3, "version"))
    how = facts._adapter  # private: each parses the whole body once

    def noting(name: str) -> Any:
        asked.append(name)
        return how(name)

    monkeypatch.setattr(facts, "_adapter", noting)
    for each in (body, body.replace(b":", b": ", 1), spoken):
        read(each)
    assert asked == ["rating", "", "rating", "", "rating"]


def test_a_field_that_this_release_does_not_know_hinders_nobody() -> None:
    assert read(write(noted(3))[:-1] + b',"more":{"than":"we know"}}') == noted(3)


def test_of_a_fact_that_can_t_be_read_as_a_whole_the_rest_is_kept() -> None:
    opened = salvage(OLD[2].replace(b'"seconds":6.0', b'"seconds":"long"').replace(b'"ahar"', b"7"))
    assert isinstance(opened, CaseOpenedFact)
    known = (opened.code, opened.topic, opened.county, opened.recordings)
    assert known == ("5051394890", "water.supply", "", ())
    kept = salvage(OLD[4].replace(b'"type"', b'"version":9,"type"').replace(b'"size":', b'"sizes":'))
    assert isinstance(kept, WordsKeptFact) and kept.instead and kept.recording.name == ""


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type":[]}', OLD[2].replace(b'"call"', b'"cull"')])
def test_nothing_is_kept_of_a_fact_that_does_not_say_whose_it_is(body: bytes) -> None:
    assert salvage(body) is None


def test_words_of_a_wrong_type_are_written_all_the_same() -> None:
    wrong: Any = 5
    ended = CallEndedFact(CALL, wrong, AT, (), ())
    with pytest.raises(FactError, match="outcome: "):
        read(write(ended))


@pytest.mark.parametrize("kind", [*KINDS.values(), *PARTS], ids=lambda kind: kind.__name__)
def test_the_document_lists_each_fact_with_its_version_and_fields(kind: type[Any]) -> None:
    name = f"`{kind.TYPE}`, version {kind.VERSION}" if hasattr(kind, "TYPE") else f"`{kind.__name__}`"
    section = DOC.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)`( \(may be absent\))? \|", section, re.MULTILINE)
    assert told == [(each.name, " (may be absent)" if optional(each) else "") for each in fields(kind)]


def test_the_document_lists_nothing_else() -> None:
    told = set(re.findall(r"^## `(\w+)`", DOC, re.MULTILINE))
    assert told == {*KINDS, *(part.__name__ for part in PARTS)}


def optional(field: Field[Any]) -> bool:
    return field.default is not MISSING
