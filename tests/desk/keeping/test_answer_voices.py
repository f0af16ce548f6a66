"""An answer in a person's voice is proved and backed up like a citizen's words, though no row tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple
from itertools import count
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import answers
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.keeping import answer_voices, sealing
from ivr.speech.answer_sound import prepare
from tests.desk.case.test_family import split
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_backup import Machine, new, old
from tests.desk.keeping.test_verify import close_days, findings
from tests.fixtures.commands import ivr
from tests.fixtures.damaged import bad_sector, root_s
from tests.fixtures.hotline import write_tone

__all__ = ["new", "old"]  # fixtures

PITCHES: Iterator[int] = count(400, 20)


def recorded(folder: Path) -> SpokenAnswer:
    """One that no other case has."""
    write_tone(folder / "said.wav", next(PITCHES), 1.5)
    return SpokenAnswer(*astuple(prepare(folder / "said.wav", folder / "recordings")))


def file_of(folder: Path, voice: SpokenAnswer) -> Path:
    return folder / "recordings" / f"{voice.name}.wav"


async def answered(at: Counter, folder: Path, code: str = "", body: str = "abfa") -> tuple[str, Path]:
    """A case that is answered so, and the file."""
    code, voice = code or await at.open(), recorded(folder)
    await answers.give(at.engine, at.page, at.ask(code, body), "", voice)
    return code, file_of(folder, voice)


async def test_what_became_of_a_spoken_answer_is_named(engine: AsyncEngine, tmp_path: Path) -> None:
    at = await counter(engine)
    (gone, missing), (empty, lost), (cut, half), (other, changed), (sick, bad), _ = [
        await answered(at, tmp_path) for _ in range(6)
    ]
    _, part, _ = await split(at)
    _, of_part = await answered(at, tmp_path, part)
    waits, draft = await at.open(), recorded(tmp_path)
    await answers.propose(engine, at.page, at.ask(waits, "abfa"), "", draft)
    assert await findings(engine, tmp_path) == []

    missing.unlink()
    of_part.unlink()
    file_of(tmp_path, draft).unlink()
    lost.write_bytes(b"")
    content = half.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    changed.write_bytes(content)  # somebody else's answer, whole
    with bad_sector(bad):
        found = await findings(engine, tmp_path)
    assert {(each.kind, each.case) for each in found} == {
        ("answer_missing", gone), ("answer_missing", part), ("answer_missing", waits),
        ("answer_lost", empty), ("answer_lost", cut), ("answer_lost", sick), ("answer_changed", other),
    }  # fmt: skip
    assert all("backup" in each.text for each in found)
    assert [each.kind for each in await findings(engine, tmp_path, gone)] == ["answer_missing"]
    with root_s(bad):
        (barred,) = await findings(engine, tmp_path, sick)
    assert barred.kind == "answer_unread" and barred.recording.endswith(bad.stem), barred
    assert "see its owner and mode" in barred.text and "backup" not in barred.text


async def test_a_proof_of_what_is_new_hears_the_answers_given_since(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await counter(engine)
    before, old_file = await answered(at, tmp_path)
    await close_days(engine, tmp_path)
    await sealing.seal(engine)
    said = await ivr(database_url, tmp_path, "verify")
    assert said[0] == 0 and "1 recordings" in said[1], said
    since, new_file = await answered(at, tmp_path)
    await sealing.seal(engine)
    old_file.unlink()
    said = await ivr(database_url, tmp_path, "verify", "--new")
    assert said[0] == 0 and "1 recordings" in said[1], said
    new_file.unlink()
    status, out = await ivr(database_url, tmp_path, "verify", "--new")
    assert status == 1 and f"case {since}: {new_file}" in out and before not in out
    assert f"case {before}: {old_file}" in (await ivr(database_url, tmp_path, "verify"))[1]


async def test_a_backup_tells_of_a_spoken_answer_that_is_gone_or_another_and_brings_back_the_rest(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    at = await counter(old.engine)
    (_, missing), (_, changed), (_, whole) = [await answered(at, old.state) for _ in range(3)]
    missing.unlink()
    changed.write_bytes(whole.read_bytes())
    archive = str(tmp_path / "a.tar")
    status, said = await ivr(old.url, old.state, "backup", archive)
    gone = f"{missing}, the answer in a person's voice, is not there to be backed up"
    assert status == 1 and gone in said and "NOT WHOLE" not in said, said
    assert f"{changed} is not what was said in answer" in said
    code, said = await ivr(new.url, new.state, "restore", archive)
    assert code == 0 and f"gone before: {gone}" in said, said
    kinds = sorted(each.kind for each in await findings(new.engine, new.state))
    assert kinds == ["answer_changed", "answer_missing"]


async def test_of_a_spoken_answer_that_an_earlier_backup_holds_that_copy_stands(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    at, folder = await counter(old.engine), tmp_path / "backups"
    folder.mkdir()
    _, file = await answered(at, old.state)
    assert (await ivr(old.url, old.state, "backup", str(folder / "1.tar"), "--new"))[0] == 0
    file.unlink()
    status, said = await ivr(old.url, old.state, "backup", str(folder / "2.tar"), "--new", "--json")
    assert status == 1 and json.loads(said)["findings"][0].endswith("earlier backup stands for it"), said
    assert (await ivr(new.url, new.state, "restore", str(folder / "2.tar")))[0] == 0
    assert await findings(new.engine, new.state) == []


async def test_the_few_cases_with_such_an_answer_are_found_by_their_index(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        query = str(answer_voices.asked().compile(engine, compile_kwargs={"literal_binds": True}))
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {query}"))).scalars())
    assert "ix_cases_with_voice" in plan and "Sort" not in plan
