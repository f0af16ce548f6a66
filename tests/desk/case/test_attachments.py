"""Papers of a case: in its story by hash, kept, proved, backed up, and gone in time."""

from __future__ import annotations

import asyncio
import io
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.attachments import AttachmentKind, measured
from ivr.desk.case import answers, attachments, closing, holds, referring
from ivr.desk.case.event_log import add_event
from ivr.desk.keeping import retention
from ivr.desk.keeping.backup import Backup
from ivr.desk.keeping.restore import restore
from ivr.desk.keeping.retention import Retention, Terms
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused, WrongField
from ivr.store.attachments import KeptFile, beside, keep
from ivr.store.derived import Derived
from ivr.store.engine import make_engine
from ivr.store.tables import case_events
from tests.cases.papers import PDF, image
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings, sql
from tests.fixtures.damaged import asleep, root_s

KEPT = Retention(rules=[Terms(delete_recording_after=100, anonymise_after=400)])


class Desk(Counter):
    folder: Path

    def kept(self, content: bytes) -> KeptFile:
        kind = measured(io.BytesIO(content)).kind
        return keep(io.BytesIO(content), beside(self.folder / "recordings"), kind.suffix, self.at)

    async def attach(self, code: str, content: bytes = PDF, by: str = "desk", note: str = "") -> uuid.UUID:
        kind = measured(io.BytesIO(content)).kind
        ask = self.ask(code, by)
        id, is_new = await attachments.attach(self.engine, ask, kind, self.kept(content), note)
        assert is_new
        return id

    async def found(self, id: uuid.UUID, scope: Scope | None = None) -> Any:
        return await attachments.attachment(self.engine, scope or Scope(), id)

    def path(self, row: Any) -> Path:
        return beside(self.folder / "recordings") / str(row.name)


@pytest.fixture
async def at(engine: AsyncEngine, tmp_path: Path) -> Desk:
    its = await counter(engine)
    desk = Desk(engine, its.page)
    desk.folder = tmp_path
    return desk


async def test_a_paper_stands_in_the_story_with_its_hash_and_is_seen_by_who_sees_the_case(at: Desk) -> None:
    code = await at.open()
    id = await at.attach(code, image("JPEG"), note="دادخواست")
    row = await at.found(id)
    assert (row.kind, row.code, row.added_by, row.note) == ("image/jpeg", code, "desk", "دادخواست")
    event = (await at.case(code))["events"][-1]
    assert event["what"] == "attached" and event["details"]["sha256"] == row.sha256
    assert "دادخواست" not in await chained(at), "what is said of a paper goes with it, and the chain stays"
    assert at.path(row).read_bytes() == image("JPEG") and not list(at.folder.rglob("*.new"))
    assert await at.found(id, Scope("abfa")) and await at.found(id, Scope("tamin")) is None
    assert await at.found(id, Scope(areas=("tabriz",))) is None
    assert await findings(at.engine, at.folder) == []


async def chained(at: Desk) -> str:
    """What all events tell."""
    async with at.engine.connect() as connection:
        return str((await connection.execute(select(case_events.c.details))).scalars().all())


async def test_what_an_older_release_chained_of_a_paper_is_not_told(at: Desk) -> None:
    code = await at.open()
    async with at.engine.begin() as connection:
        told = {"attachment": str(uuid.uuid4()), "kind": "application/pdf", "text": "شکایت مریم"}
        id = (await at.row(code)).id
        await add_event(connection, uuid.uuid4(), id, at.at, attachments.ATTACHED, told, "desk")
    event = (await at.case(code))["events"][-1]
    assert event["what"] == "attached" and event["details"]["kind"] and "مریم" not in str(event)


async def test_the_same_cause_attaches_nothing_twice(at: Desk) -> None:
    ask = replace(at.ask(await at.open()), cause=uuid.uuid4())
    first = await attachments.attach(at.engine, ask, AttachmentKind.PDF, at.kept(PDF))
    again = await attachments.attach(at.engine, ask, AttachmentKind.PDF, at.kept(PDF))
    assert (first[0], True, False) == (again[0], first[1], again[1])
    assert [event["what"] for event in (await at.case(ask.code))["events"]].count("attached") == 1


async def test_who_has_the_case_no_more_attaches_nothing_and_a_case_takes_so_many(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await at.open()
    await at.attach(code, by="abfa")
    with pytest.raises(WrongField, match="at most 300"):
        await at.attach(code, note="x" * 301)
    monkeypatch.setattr(attachments, "MOST_OF_A_CASE", 1)
    with pytest.raises(Refused, match="takes no more"):
        await at.attach(code)
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    with pytest.raises(Refused, match="is not with abfa"):
        await at.attach(code, by="abfa")


CHANGES = {
    "UPDATE attachments SET sha256 = repeat('0', 64)": {"attachment_row_changed", "attachment_changed"},
    "UPDATE attachments SET removed_at = now()": {"attachment_hidden"},
    "UPDATE attachments SET id = gen_random_uuid()": {"attachment_removed", "attachment_added"},
    "DELETE FROM attachments": {"attachment_removed"},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_changed_in_the_books_is_named(at: Desk, change: str) -> None:
    await at.attach(await at.open())
    await sql(at.engine, change)
    assert {finding.kind for finding in await findings(at.engine, at.folder)} == CHANGES[change]


async def test_and_so_is_a_file_that_is_changed_or_gone(at: Desk) -> None:
    code = await at.open()
    row = await at.found(await at.attach(code))
    at.path(row).write_bytes(PDF + b"x")
    (changed,) = await findings(at.engine, at.folder)
    assert (changed.kind, changed.case) == ("attachment_changed", code)
    with root_s(at.path(row)):
        (barred,) = await findings(at.engine, at.folder)
    assert (barred.kind, barred.case) == ("attachment_unread", code)
    assert "see its owner and mode" in barred.text and "backup" not in barred.text
    at.path(row).unlink()
    (missing,) = await findings(at.engine, at.folder, code)
    assert missing.kind == "attachment_missing"


async def test_it_goes_with_the_recordings_when_its_time_is_over(at: Desk) -> None:
    code, is_open = await at.open(), await at.open()
    row, stays = await at.found(await at.attach(code, note="مریم")), await at.found(await at.attach(is_open))
    await answers.give(at.engine, at.page, at.ask(code), "آب وصل شد.")
    await closing.close(at.engine, at.page, at.ask(code, "citizen"))

    async def kept(days: int) -> retention.Purged:
        now, derived = at.at + timedelta(days=days), Derived(at.folder / "derived")
        return await retention.keep(at.engine, KEPT, at.folder / "recordings", derived, now)

    assert await kept(99) == retention.Purged() and at.path(row).exists()
    assert await kept(100) == retention.Purged(files=1) and not at.path(row).exists()
    assert "مریم" not in await chained(at)
    event = (await at.case(code))["events"][-1]
    assert (event["what"], event["details"]["attachments"]) == ("recordings_removed", [str(row.id)])
    assert await at.found(row.id) is None and at.path(stays).exists()
    assert await findings(at.engine, at.folder) == []
    assert await kept(400) == retention.Purged(anonymised=1)
    with pytest.raises(Refused, match="is anonymised"):
        await at.attach(code)
    at.path(row).write_bytes(PDF)
    (back,) = await findings(at.engine, at.folder)
    assert back.kind == "attachment_back"


async def test_one_that_was_to_go_stays_as_long_as_its_case_is_held(at: Desk) -> None:
    code = await at.open()
    row = await at.found(await at.attach(code))
    await sql(at.engine, "UPDATE attachments SET removed_at = now()")
    await holds.hold(at.engine, at.ask(code, "desk", "دادگاه"))
    for held in (True, False):
        if not held:
            await holds.end(at.engine, at.ask(code, "desk", "رأی قطعی شد"))
        await retention.keep(at.engine, KEPT, at.folder / "recordings", Derived(at.folder / "d"), at.at)
        assert at.path(row).exists() == held


async def test_one_that_retention_takes_as_the_proof_comes_to_it_is_not_missing(at: Desk) -> None:
    row = await at.found(await at.attach(await at.open()))
    with asleep(at.path(row)) as sleepers:
        proving = asyncio.create_task(findings(at.engine, at.folder))
        while not sleepers:
            await asyncio.sleep(0.01)
        await sql(at.engine, "UPDATE attachments SET removed_at = now()")
        at.path(row).rename(at.folder / "gone")  # by the only way that does not ask that disk
    assert await proving == []


async def test_one_that_retention_takes_while_a_backup_reads_those_before_it_is_not_missing(at: Desk) -> None:
    first = await at.found(await at.attach(await at.open()))
    at.later()
    row, told = await at.found(await at.attach(await at.open())), list[Any]()
    with asleep(at.path(first)) as sleepers:
        writing = asyncio.create_task(Backup(at.engine, at.folder, told.append).write(io.BytesIO()))
        while not sleepers:
            await asyncio.sleep(0.01)
        await sql(at.engine, f"UPDATE attachments SET removed_at = now() WHERE id = '{row.id}'")
        at.path(row).rename(at.folder / "gone")  # by the only way that does not ask that disk
    await writing
    assert told == []


async def test_it_is_in_the_backup_and_comes_back_whole(at: Desk, empty_url: str, tmp_path: Path) -> None:
    row = await at.found(await at.attach(await at.open()))
    out, told = io.BytesIO(), list[Any]()
    await Backup(at.engine, at.folder, told.append).write(out)
    assert told == []
    out.seek(0)
    new = make_engine(empty_url)
    try:
        await restore(new, tmp_path / "new", out)
        assert (tmp_path / "new" / "attachments" / row.name).read_bytes() == PDF
        assert await findings(new, tmp_path / "new") == []
    finally:
        await new.dispose()
    at.path(row).unlink()
    await Backup(at.engine, at.folder, told.append).write(io.BytesIO())
    assert [finding.kind for finding in told] == ["attachment_missing"]
