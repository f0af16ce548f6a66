"""Rows that an earlier backup holds as they are stay out of the next; together they are the same books."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import signal
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.keeping.backup import COUNTS, EARLIER
from ivr.desk.keeping.proved import RESTORED
from ivr.desk.people.auditing import note
from ivr.lab import postgres
from ivr.lab.pace import patience
from ivr.store import copying
from ivr.store.archive import Reader, Writer
from ivr.store.backup_chain import LIST, ROWS
from ivr.store.direct import direct
from tests.desk.keeping.test_backup import Machine, new, old
from tests.desk.keeping.test_backup_chain import another_case, backed_up
from tests.desk.keeping.test_retention import CALLER, Archive, archive
from tests.desk.keeping.test_verify import close_days, sql, with_words
from tests.fixtures.commands import ivr, roles, typed
from tests.fixtures.database import create, drop

__all__ = ["archive", "new", "old"]  # fixtures
Books = dict[str, list[str]]
RESTORE_WRITES = "code_blocks"  # where codes go on, and on which timeline


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page each, so that few rows are many ranges."""
    monkeypatch.setattr(copying, "PAGES", 1)


async def books(engine: AsyncEngine) -> Books:
    """Every row of every table, but for what a restore writes."""
    async with direct(engine) as (connection, raw):
        every = {
            table: [row[0] for row in await raw.fetch(f"SELECT its::text FROM {table} AS its")]
            for table in await copying.tables(connection)
            if table != RESTORE_WRITES
        }
    return {table: sorted(row for row in rows if RESTORED not in row) for table, rows in every.items()}


async def made(at: Machine, to: Path, *more: str) -> dict[str, Any]:
    code, said, err = await typed(at.url, at.state, "backup", str(to), "--json", *(more or ("--new",)))
    assert code == 0, err
    found: dict[str, Any] = json.loads(said)
    return found


def pieces(archive: Path) -> dict[str, bytes]:
    """The rows in it, by member."""
    with tarfile.open(archive) as tar:
        its = [member for member in tar.getmembers() if member.name.startswith(ROWS)]
        return {each.name: gzip.decompress(tar.extractfile(each).read()) for each in its}  # type: ignore[union-attr]


async def restored(to: Machine, archive: Path) -> Books:
    code, said = await ivr(to.url, to.state, "restore", str(archive))
    assert code == 0, said
    found = await books(to.engine)
    code, said = await ivr(to.url, to.state, "verify")
    assert code == 0, said
    return found


async def noted(engine: AsyncEngine, subject: str, count: int = 1) -> None:
    async with engine.begin() as connection:
        for _ in range(count):
            await note(connection, datetime.now(UTC), "signed_in", subject=subject)


async def test_the_next_backup_copies_what_came_or_changed_and_all_together_are_the_same_books(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    await noted(old.engine, "person/karimi", 500)
    await with_words(old.engine, old.state)
    await close_days(old.engine, old.state)
    first = await made(old, tmp_path / "1.tar")
    assert first["copied"] == first["rows"] > 800
    await another_case(old)
    await sql(old.engine, "UPDATE routing_rules SET agency = 'abfa' WHERE agency = 'edu'")
    second = await made(old, tmp_path / "2.tar")
    assert 0 < second["copied"] < first["rows"] / 4
    await noted(old.engine, "person/yashar")
    expected = await books(old.engine)
    third = await made(old, tmp_path / "3.tar")
    assert {name.split("/")[1] for name in pieces(tmp_path / "3.tar")} == {"audit"}
    assert 0 < third["copied"] < 200 and third["rows"] == sum(
        len(rows) for rows in expected.values()
    ) + await count_of(old, RESTORE_WRITES)
    code, said = await ivr(new.url, new.state, "restore", "--check", str(tmp_path / "3.tar"))
    assert code == 0 and "whole and as it was written" in said, said
    assert await restored(new, tmp_path / "3.tar") == expected


async def count_of(at: Machine, table: str) -> int:
    async with direct(at.engine) as (_, raw):
        return int(await raw.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_row_that_commits_late_is_not_missed(old: Machine, new: Machine, tmp_path: Path) -> None:
    """Its number is older than those that the backup before holds."""
    await noted(old.engine, "person/karimi")
    async with old.engine.begin() as slow:
        await note(slow, datetime.now(UTC), "signed_in", subject="person/slow")
        await noted(old.engine, "person/fast")
        await made(old, tmp_path / "1.tar")
    await noted(old.engine, "person/later")
    expected = await books(old.engine)
    await made(old, tmp_path / "2.tar")
    found = await restored(new, tmp_path / "2.tar")
    assert found == expected and "person/slow" in str(found["audit"])


async def test_what_retention_took_is_in_no_later_backup_and_does_not_come_back(
    archive: Archive, old: Machine, new: Machine, tmp_path: Path
) -> None:
    old.state = archive.folder
    await archive.closed()
    folder = tmp_path / "backups"
    folder.mkdir()
    await made(old, folder / "1.tar")
    assert any(CALLER.encode() in rows for rows in pieces(folder / "1.tar").values())
    assert (await archive.keep(400)).anonymised == 1
    await sql(old.engine, "DELETE FROM outbox")  # which still say where they went
    expected = await books(old.engine)
    assert CALLER not in str({table: rows for table, rows in expected.items() if table != "facts"})
    await made(old, folder / "2.tar")
    assert not any(CALLER.encode() in rows for rows in pieces(folder / "2.tar").values())
    assert await restored(new, folder / "2.tar") == expected


async def test_a_killed_backup_holds_up_one_beside_it_and_the_next_is_whole(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    await with_words(old.engine, old.state)
    await made(old, tmp_path / "1.tar")
    await another_case(old)
    half, of_before = tmp_path / "2.tar.half", tmp_path / "seda111-of-before.tar.half"
    os.mkfifo(half)
    words = ("backup", str(tmp_path / "2.tar"), "--new")
    environment = {**os.environ, **roles(old.url), "IVR_STATE": str(old.state)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "ivr.cli", *words, env=environment)
    pipe = await written_to(half)  # it is in the midst of it
    of_before.write_bytes(b"what a killed one left")
    code, said = await ivr(old.url, old.state, "backup", str(tmp_path), "--new")
    assert (code, said) == (1, f"another backup is being written into {tmp_path}: let it end first")
    assert of_before.exists()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    os.close(pipe)
    half.unlink()
    expected = await books(old.engine)
    assert "stands on 1 earlier ones" in await backed_up(old, tmp_path / "2.tar")
    assert not of_before.exists()
    assert await restored(new, tmp_path / "2.tar") == expected


async def written_to(fifo: Path) -> int:
    """Its reader, once somebody has begun to."""
    fd, begun = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, begun.set)
    try:
        await asyncio.wait_for(begun.wait(), patience(60))
    finally:
        loop.remove_reader(fd)
    return fd


async def test_all_rows_are_copied_where_the_database_went_back_or_is_another(
    old: Machine, new: Machine, postgres_url: str, tmp_path: Path
) -> None:
    """A copy of its files has the same rows at the same places, by transactions of the same numbers."""
    await with_words(old.engine, old.state)
    first = await made(old, tmp_path / "1.tar")
    for engine in (old.engine, new.engine):
        await engine.dispose()
    await drop(postgres_url, name := str(new.engine.url.database))
    await create(postgres_url, name, str(old.engine.url.database))
    found = await made(Machine(new.engine, new.url, old.state), tmp_path / "2.tar")
    assert found["copied"] == found["rows"] > first["rows"]

    await made(old, tmp_path / "3.tar", "--clear")
    await sql(old.engine, "DELETE FROM audit WHERE subject = 'books/backed_up'")
    said = await backed_up(old, tmp_path / "4.tar")
    assert "with 2 files and 0 rows; all rows are in it: the database does not know of 3.tar" in said
    assert "and 0 rows" not in await backed_up(old, tmp_path / "5.tar")


async def test_a_backup_that_can_t_be_noted_stands_and_the_next_copies_all_rows(
    old: Machine, tmp_path: Path
) -> None:
    await with_words(old.engine, old.state)
    await sql(old.engine, f"REVOKE INSERT ON audit FROM {postgres.SERVICE}")
    code, said = await ivr(old.url, old.state, "backup", str(tmp_path / "1.tar"))
    why = f"{tmp_path}/1.tar is whole, but the next one copies all rows: it can't be noted: "
    assert code == 1 and why in said.splitlines()[-1] and "permission denied" in said, said
    await sql(old.engine, f"GRANT INSERT ON audit TO {postgres.SERVICE}")
    said = await backed_up(old, tmp_path / "2.tar")
    assert "with 2 files and 0 rows; all rows are in it: the database does not know of 1.tar" in said


async def test_rows_are_copied_once_a_week_and_where_an_earlier_release_wrote_the_list(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    await with_words(old.engine, old.state)
    await made(old, tmp_path / "1.tar")
    written = tmp_path / f"1.tar{LIST}"
    head, *lines = written.read_text().splitlines()
    told = json.loads(head)
    week_ago = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    written.write_text("\n".join([json.dumps(told | {"chain": [[*told["chain"][0][:3], week_ago]]}), *lines]))
    said = await backed_up(old, tmp_path / "2.tar")
    assert "with 2 files and 0 rows; all rows are in it: they are read once a week" in said

    files = [line for line in lines if not line.startswith(f'["{ROWS}')]
    written.write_text("\n".join([json.dumps(told | {"files": len(files)}), *files]))
    (tmp_path / f"2.tar{LIST}").unlink()
    assert "with 2 files and 0 rows;" in await backed_up(old, tmp_path / "3.tar")
    expected = await books(old.engine)
    assert "and 0 rows" not in await backed_up(old, tmp_path / "4.tar")
    assert await restored(new, tmp_path / "4.tar") == expected


def rewritten(archive: Path, **instead: bytes) -> None:
    """The same but for these members, as if it had been made so."""
    with archive.open("rb") as source:
        reader = Reader(source)
        content = reader.content()
        out = io.BytesIO()
        writer = Writer(out, {name: value for name, value in content.items() if name != "form"})
        while (member := reader.next()) is not None:
            its = member.read() if member.name not in instead else instead[member.name]
            writer.add_bytes(member.name, its)
        writer.finish()
    archive.write_bytes(out.getvalue())


async def test_a_damaged_earlier_backup_and_rows_that_are_missing_are_named_and_nothing_is_left(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    await with_words(old.engine, old.state)
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    await made(old, first)
    await noted(old.engine, "person/karimi")
    await made(old, second)
    whole = first.read_bytes()

    async def refused() -> str:
        code, said = await ivr(new.url, new.state, "restore", str(second))
        assert code == 1 and new.files() == [] and await new.tables() == []
        return said

    with tarfile.open(first) as tar:
        at = tar.getmember(name := f"{ROWS}agencies/000001.copy.gz").offset_data
    damaged = bytearray(whole)
    damaged[at + 30] ^= 0x10
    first.write_bytes(damaged)
    assert await refused() == f"{second}: it stands on 1.tar: {name} is not what was backed up"
    first.unlink()
    assert "it stands on 1.tar, which can't be read" in await refused()
    first.write_bytes(whole)

    with tarfile.open(second) as tar:
        wanted = tar.extractfile(EARLIER).read().splitlines(keepends=True)  # type: ignore[union-attr]
        counts = json.loads(tar.extractfile(COUNTS).read())  # type: ignore[union-attr]
    lacks = b"".join(line for line in wanted if b"/routing_rules/" not in line)
    rewritten(second, **{EARLIER: lacks})
    assert counts["routing_rules"] and lacks != b"".join(wanted)
    said = f"{second}: routing_rules has 0 rows, and had {counts['routing_rules']} when it was backed up"
    assert await refused() == said


async def test_a_backup_of_an_earlier_release_is_restored(old: Machine, new: Machine, tmp_path: Path) -> None:
    """Its tables are in pieces of some length, one behind the other, and it says nothing of their rows."""
    await with_words(old.engine, old.state)
    expected = await books(old.engine)
    await made(old, tmp_path / "1.tar")
    rows: dict[str, bytes] = {}
    for name, piece in pieces(tmp_path / "1.tar").items():
        rows[name.split("/")[1]] = rows.get(name.split("/")[1], b"") + piece
    out = io.BytesIO()
    with (tmp_path / "1.tar").open("rb") as source:
        reader = Reader(source)
        content = reader.content()
        writer = Writer(out, {name: value for name, value in content.items() if name != "form"})
        for table, its in rows.items():
            for number, at in enumerate(range(0, len(its), 5000), start=1):
                packed = gzip.compress(its[at : at + 5000], mtime=0)
                writer.add_bytes(f"{ROWS}{table}/{number:06}.copy.gz", packed)
        while (member := reader.next()) is not None:
            if not member.name.startswith(ROWS):
                writer.add_bytes(member.name, member.read())
        writer.finish()
    (tmp_path / "old.tar").write_bytes(out.getvalue())
    assert await restored(new, tmp_path / "old.tar") == expected
