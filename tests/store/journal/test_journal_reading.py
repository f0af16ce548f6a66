"""A journal read from outside, while its process writes it or after it died."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

from ivr.store.facts import FactRecording, RecordingBegunFact, WordsKeptFact
from ivr.store.journal import Journal, Position
from ivr.store.journal.journal_reading import applied, names_since, naming, run_began, waiting
from tests.store.noted import AT, CALL

ONE, TWO = "2026/11/25/one", "2026/11/25/two"


async def test_facts_are_found_by_the_recording_they_name_past_damage_and_torn_tails(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.open()
    began = RecordingBegunFact(AT, replace(CALL, caller_name=TWO), ONE, *[""] * 6)
    await journal.append(began)
    await journal.append(replace(began, county="damaged"))
    kept = WordsKeptFact(
        uuid.UUID(int=1), AT, "", "", CALL, FactRecording(TWO, 1.0, 1.0, "hash", "", 0), False
    )
    await journal.append(kept)
    await journal.close()
    [segment] = tmp_path.glob("*.log")
    content = segment.read_bytes().replace(b'"damaged"', b'"changed"')
    segment.write_bytes(content + b'0badc0de {"name":"' + ONE.encode() + b'"')
    found = naming(tmp_path, [ONE, TWO, "2026/11/25/none"])
    assert {name: [fact for _, fact in facts] for name, facts in found.items()} == {ONE: [began], TWO: [kept]}
    assert found[TWO][0][0] == Position(1, len(content))
    assert list(waiting(tmp_path)) == [began, kept]


async def test_a_reader_knows_whether_anyone_writes_since_when_and_what(tmp_path: Path) -> None:
    assert run_began(tmp_path) is None
    for run in (1, 2):
        journal = Journal(tmp_path)
        journal.open()
        await journal.append(RecordingBegunFact(AT, CALL, f"run {run}", *[""] * 6))
        journal.checkpoint(journal.flushed)
        assert run_began(tmp_path) == run
        assert names_since(tmp_path, run) == {f"run {run}"}
        await journal.close()
        assert run_began(tmp_path) is None and list(waiting(tmp_path)) == []
    assert applied(tmp_path).segment == 2
