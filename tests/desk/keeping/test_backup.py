"""A living hotline backed up, and put into an empty machine: nothing is lost, nothing given out twice."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.proving import Finding
from ivr.desk.case.codes import CodeBlock, desk_code
from ivr.desk.facts.fallback import take_in
from ivr.desk.facts.reconcile import Pass, reconcile
from ivr.desk.facts.strays import Shelf
from ivr.desk.keeping import backup as backup_file
from ivr.desk.keeping.backup import Backup
from ivr.desk.keeping.restore import RestoreError, check, restore
from ivr.desk.keeping.sealing import keep_roots, seal
from ivr.desk.reading import as_json
from ivr.desk.recordings.enclosing import Encloser, enclose
from ivr.desk.recordings.packing import Packer
from ivr.desk.recordings.storing import store_recordings
from ivr.lab.pace import patience
from ivr.settings import ROOT
from ivr.store import engine as store_engine
from ivr.store import key_file, recording_files, schema
from ivr.store.age import identities
from ivr.store.archive import ArchiveError, Writer
from ivr.store.code_blocks import (
    APART_BLOCKS,
    APART_NUMBERS,
    SKIPPED_BLOCKS,
    after_restore,
    next_desk_number,
)
from ivr.store.derived import Derived
from ivr.store.engine import make_engine
from ivr.store.folders import TellRefused
from ivr.store.vault import Vault
from ivr.store.volumes import link
from ivr.voice.events import Lookup
from tests.desk.facts.test_fallback import put as put_fallback
from tests.desk.facts.test_reconcile import CHOSEN, put, recorded
from tests.desk.keeping.test_seal_proof import listened
from tests.desk.keeping.test_verify import close_days, findings, list_of, with_words
from tests.desk.office import WEDNESDAY, Office, call, office, opening
from tests.desk.recordings.test_storing import endpoint, vault
from tests.fixtures.commands import ivr as ivr_here
from tests.fixtures.commands import started as ivr
from tests.fixtures.damaged import bad_sector, damaged
from tests.fixtures.database import create, drop
from tests.fixtures.province import answer
from tests.store.test_key_copies import copies, holder
from tests.store.test_schema import with_a_migration

__all__ = ["endpoint", "vault"]  # fixtures

NUMBER = "09141234567"


@dataclass(slots=True)
class Machine:
    """A database and a state folder."""

    engine: AsyncEngine
    url: str
    state: Path

    async def back_up(self) -> bytes:
        out = io.BytesIO()
        await Backup(self.engine, self.state, lambda finding: None).write(out)
        return out.getvalue()

    async def tables(self) -> list[str]:
        async with self.engine.connect() as connection:
            return await connection.run_sync(lambda c: inspect(c).get_table_names())

    def files(self) -> list[str]:
        found = (path.relative_to(self.state) for path in self.state.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in found)


async def one_pass(desk: Office, machine: Machine, **more: Any) -> Pass:
    shelf = Shelf(desk.engine, desk.book, machine.state / "recordings", machine.state / "spool")
    return await reconcile(shelf, own=desk.journal, **more)


async def first_codes(machine: Machine, count: int) -> set[str]:
    """Of a process that leases for the first time."""
    codes = CodeBlock(machine.state / "codes")
    codes.open()
    await codes.lease(machine.engine)
    taken = {await codes.take() for _ in range(count)}
    codes.close()
    return taken


@pytest.fixture
def old(engine: AsyncEngine, database_url: str, tmp_path: Path) -> Machine:
    (tmp_path / "old").mkdir()
    return Machine(engine, database_url, tmp_path / "old")


@pytest.fixture
async def new(empty_url: str, tmp_path: Path) -> AsyncIterator[Machine]:
    engine = make_engine(empty_url)
    yield Machine(engine, empty_url, tmp_path / "new")
    await engine.dispose()


async def test_a_machine_that_burns_down_goes_on_elsewhere(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """By the commands. In the snapshot, in the journal only, with the dialplan only, on the disk only."""
    fallback = put_fallback(old.state / "fallback", "1700000000_09141234567_123456789.wav")
    for name in ("codes", "codes.1000000005", "codes.1000000005.taken"):
        (fallback.parent / name).write_text("1000000005\n")  # the dialplan gives the next ones meanwhile
    (old.state / "secrets").mkdir(mode=0o700)
    (old.state / "secrets" / "agi").write_text("s3cret")
    (old.state / "secrets" / "agi").chmod(0o600)
    async with office(old.engine, old.state / "spool") as desk:
        code = await desk.intake.open_case(call(), opening(recorded(old.state, put(old.state))))
        await desk.pump.idle()
        await answer(old.engine, code, "abfa", "لوله تعویض شد", WEDNESDAY)
        (day,) = await close_days(old.engine, old.state)
    async with office(old.engine, old.state / "spool", pumping=False) as desk:
        waiting = await desk.intake.open_case(call(), opening(recorded(old.state, put(old.state))))
        await desk.intake.recording_begun(call(), stray := put(old.state), CHOSEN)
        await desk.journal.flush()
        status, said = await ivr(old.url, old.state, "backup", str(tmp_path), "--json")
        assert status == 0, said
        # It lives on for a while, with the codes in hand and with blocks leased since.
        later = {await desk.codes.take() for _ in range(300)} | await first_codes(old, 300)

    archive = json.loads(said)["file"]
    assert Path(archive).stat().st_mode & 0o777 == 0o600
    status, checked = await ivr(new.url, new.state, "restore", "--check", archive)
    assert (status, "whole and as it was written: 3 recordings" in checked) == (0, True), checked
    assert not new.state.exists() and await new.tables() == []
    assert (await ivr(new.url, new.state, "restore", archive))[0] == 0
    assert await ivr(new.url, new.state, "verify") == (
        0, "looked at 1 cases, 3 events, 1 recordings, 1 days, 7 unsealed: all is well"
    )  # fmt: skip

    assert list_of(new.state, day).read_bytes() == list_of(old.state, day).read_bytes()
    assert not [*(new.state / "fallback").glob("codes*")], "they would be given again"
    agi = new.state / "secrets" / "agi"
    assert (agi.read_text(), agi.stat().st_mode & 0o777) == ("s3cret", 0o600)
    async with office(new.engine, new.state / "spool") as desk:
        await take_in(desk.intake, new.state / "fallback", new.state / "recordings")
        await desk.pump.idle()
        seen = await desk.intake.look_up(NUMBER, code)
        assert (seen.result, seen.answer) == (Lookup.FOUND, "لوله تعویض شد")
        assert (await desk.intake.look_up(NUMBER, waiting)).result is Lookup.FOUND
        assert await one_pass(desk, new) == Pass(cases=1)
        assert later.isdisjoint({await desk.codes.take() for _ in range(300)})
    assert later.isdisjoint(await first_codes(new, 300))
    found = await as_json.cases(new.engine)
    assert len(found) == 4 and {len(case["recordings"]) for case in found} == {1}
    assert stray in {case["recordings"][0]["path"].removesuffix(".wav") for case in found}
    assert not (new.state / "fallback" / fallback.name).exists()
    assert await findings(new.engine, new.state) == []


async def test_what_the_dialplan_recorded_after_the_backup_comes_back_with_the_disk_that_lives(
    old: Machine, new: Machine
) -> None:
    """As the page on production has it: these folders of the old disk stand in place of the restored ones."""
    spoken, page = "1000000005", (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    _, _, named = page.partition("If that disk lives, put its")
    folders = re.findall(r"`(\w+)/`", named.partition("in place of the restored ones")[0])
    async with office(old.engine, old.state / "spool") as desk:
        await desk.pump.idle()
        archive = await old.back_up()
    put_fallback(old.state / "fallback", f"1700000000_09141234567_123456789_~fa~{spoken}~~~.wav")
    await restore(new.engine, new.state, io.BytesIO(archive))
    for folder in folders:
        if (lives := old.state / folder).is_dir():
            shutil.rmtree(new.state / folder, ignore_errors=True)
            shutil.copytree(lives, new.state / folder)
    async with office(new.engine, new.state / "spool") as desk:
        await take_in(desk.intake, new.state / "fallback", new.state / "recordings")
        await desk.pump.idle()
        assert (await desk.intake.look_up(NUMBER, spoken)).result is Lookup.FOUND
    assert [case["code"] for case in await as_json.cases(new.engine)] == [spoken]


async def test_what_only_the_recordings_store_has_since_the_backup_is_one_case_each_after_a_restore(
    old: Machine, new: Machine, vault: Vault
) -> None:
    """As the page on production has it: laid into the restored folder with the time of its object."""
    page = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    _, _, way = page.partition("but for what a recordings' store (10) has of it")
    [into] = re.findall(r"from the day before the backup on into `(\w+)/`", way)

    async def said(desk: Office) -> str:
        await desk.intake.open_case(calling := call(), opening(recorded(old.state, name := put(old.state))))
        await desk.intake.call_ended(calling, "completed", WEDNESDAY, (), ())
        await desk.pump.idle()
        await store_recordings(old.engine, old.state / "recordings", vault, Derived(old.state / "derived"))
        return name

    async with office(old.engine, old.state / "spool") as desk:
        before = await said(desk)
        archive = await old.back_up()
        since = [await said(desk), await said(desk)]
    shutil.rmtree(old.state)
    await restore(new.engine, new.state, io.BytesIO(archive))
    for name in since:
        path = new.state / into / f"{name}.wav"
        path.write_bytes(vault.open(name).read(vault.size(name)))
        os.utime(path, (WEDNESDAY.timestamp(),) * 2)
    async with office(new.engine, new.state / "spool") as desk:
        assert await one_pass(desk, new) == Pass(cases=2)
        assert await one_pass(desk, new) == Pass()
    found = await as_json.cases(new.engine)
    its = {case["recordings"][0]["path"].removesuffix(".wav"): case for case in found}
    assert its.keys() == {before, *since} and len(found) == 3
    assert {datetime.fromisoformat(its[name]["opened_at"]) for name in since} == {WEDNESDAY}
    assert await findings(new.engine, new.state) == []


async def test_a_backup_in_the_middle_of_calls_holds_every_case_promised_before_it(
    old: Machine, new: Machine
) -> None:
    promised: list[str] = []

    async def calls() -> None:
        while True:
            promised.append(await desk.intake.open_case(call(), opening(recorded(old.state, put(old.state)))))

    async with office(old.engine, old.state / "spool") as desk:
        for _ in range(30):
            promised.append(await desk.intake.open_case(call(), opening(recorded(old.state, put(old.state)))))
        calling = asyncio.create_task(calls())
        before = list(promised)
        archive = await old.back_up()
        calling.cancel()
        await desk.pump.idle()
    assert len(promised) > len(before), "calls went on"
    await restore(new.engine, new.state, io.BytesIO(archive))
    async with office(new.engine, new.state / "spool") as desk:
        await desk.pump.idle()
        await one_pass(desk, new, settled=0)
        for code in before:
            assert (await desk.intake.look_up("", code)).result is Lookup.FOUND
    assert not list((new.state / "spool" / "journal").glob("quarantine/*"))
    assert await findings(new.engine, new.state) == []


async def test_a_damaged_archive_leaves_nothing_behind(old: Machine, new: Machine) -> None:
    async with office(old.engine, old.state / "spool") as desk:
        await desk.intake.open_case(call(), opening(recorded(old.state, put(old.state))))
        await desk.pump.idle()
    whole = await old.back_up()
    assert (await check(io.BytesIO(whole))).recordings == 1
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        ends = {member.name: member.offset_data + member.size for member in tar.getmembers()}
    for name in ("database/cases/000001.copy.gz", next(n for n in ends if n.startswith("recordings/"))):
        flipped = bytearray(whole)
        flipped[ends[name] - 1] ^= 0x10
        for archive in (bytes(flipped), whole[: ends[name] - 1]):
            with pytest.raises(ArchiveError):
                await check(io.BytesIO(archive))
            with pytest.raises(ArchiveError):
                await restore(new.engine, new.state, io.BytesIO(archive))
            assert await new.tables() == [] and new.files() == []
    await restore(new.engine, new.state, io.BytesIO(whole))
    assert await findings(new.engine, new.state) == []


async def test_a_restore_that_is_given_up_as_its_folders_go_to_their_places_leaves_nothing_behind(
    old: Machine, new: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(old.state)
    archive, at, on, rename = await old.back_up(), threading.Event(), threading.Event(), os.rename

    def slow(*its: Any) -> None:
        rename(*its)
        at.set()
        on.wait(patience(60))

    monkeypatch.setattr(os, "rename", slow)
    before = asyncio.all_tasks()
    restoring = asyncio.create_task(restore(new.engine, new.state, io.BytesIO(archive)))
    await asyncio.to_thread(at.wait, patience(60))
    for _ in range(2):  # Ctrl-C, and once more, which ends whatever goes on
        for task in asyncio.all_tasks() - before:
            task.cancel()
        await asyncio.wait({restoring}, timeout=0.3)  # who does not wait for the thread is over by then
    on.set()
    with pytest.raises(asyncio.CancelledError):
        await restoring
    assert await new.tables() == [] and new.files() == ["restores.json"], "from where codes go on"
    await restore(new.engine, new.state, io.BytesIO(archive))
    assert await findings(new.engine, new.state) == []


async def test_a_restore_whose_commit_nobody_answers_leaves_the_recordings_that_its_books_may_name(
    old: Machine, new: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(old.engine, old.state / "spool") as desk:
        await desk.intake.open_case(call(), opening(recorded(old.state, put(old.state))))
        await desk.pump.idle()
    archive, dialect = await old.back_up(), new.engine.sync_engine.dialect
    commit = dialect.do_commit

    def unanswered(connection: Any) -> None:
        commit(connection)
        raise ConnectionResetError

    with monkeypatch.context() as cut:
        cut.setattr(dialect, "do_commit", unanswered)
        with pytest.raises(ConnectionResetError):
            await restore(new.engine, new.state, io.BytesIO(archive))
    assert await findings(new.engine, new.state) == []
    assert [*(new.state / "recordings").rglob("*.wav")]


async def test_the_codes_of_the_dialplan_that_an_earlier_release_backed_up_are_not_given_again(
    old: Machine, new: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_fallback(old.state / "fallback", "1700000000_09141234567_123456789.wav")
    (old.state / "fallback" / "codes").write_text("1000000005\n")
    later = backup_file.files

    def earlier(folder: Path, refused: TellRefused) -> list[Path]:
        return [*later(folder, refused), *folder.glob("codes")]

    monkeypatch.setattr(backup_file, "files", earlier)
    archive = await old.back_up()
    assert b"fallback/codes" in archive
    await restore(new.engine, new.state, io.BytesIO(archive))
    assert [path.suffix for path in (new.state / "fallback").iterdir()] == [".wav"]


async def test_only_an_empty_machine_is_restored(old: Machine, new: Machine) -> None:
    archive = await old.back_up()
    with pytest.raises(RestoreError, match=r"the database is not empty \(agencies"):
        await restore(old.engine, new.state, io.BytesIO(archive))
    (new.state / "recordings").mkdir(parents=True)
    words = new.state / "recordings" / "words.wav"
    words.write_bytes(b"RIFF")
    (new.state / "secrets").mkdir()
    for name in ("sip", "desk"):
        (new.state / "secrets" / name).write_text("s3cret")
    held = f"{new.state} holds secrets (2 files), recordings (1 file): a restore wants"
    with pytest.raises(RestoreError, match=re.escape(held)):
        await restore(new.engine, new.state, io.BytesIO(archive))
    words.unlink()
    shutil.rmtree(new.state / "secrets")
    out = io.BytesIO()
    Writer(out, {"taken_at": "", "revision": "9999", "tables": {}, "sequences": {}}).finish()
    with pytest.raises(RestoreError, match="newer code"):
        await restore(new.engine, new.state, io.BytesIO(out.getvalue()))
    assert await new.tables() == []
    (new.state / "restoring").mkdir()
    (new.state / "restoring" / "left").write_text("by a restore that was killed")
    await restore(new.engine, new.state, io.BytesIO(archive))
    assert "restoring/left" not in new.files()


async def test_who_restores_as_the_service_is_told_whose_it_is_and_may_ask_the_doctor_before_the_next(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """Whom the doctor asks for wants secrets; it makes none, for a restore brings them."""
    archive = tmp_path / "one.tar"
    archive.write_bytes(await old.back_up())
    as_service = {"IVR_DATABASE_OWNER_URL": ""}
    for _ in range(2):
        status, said = await ivr_here(new.url, new.state, "restore", str(archive), **as_service)
        assert status == 1 and "permission denied for schema public" in said, said
        assert "IVR_DATABASE_OWNER_URL" in said and "ivr doctor" not in said, said
        status, said = await ivr_here(new.url, new.state, "doctor", **as_service)
        secret = f"BAD asterisk: {new.state}/secrets/agi is not there\n    mend: a restore brings"
        assert status == 1 and secret in said, said
        assert not (new.state / "secrets").exists()
    status, said = await ivr_here(new.url, new.state, "db", "upgrade", **as_service)
    assert status == 1 and "permission denied" in said and "IVR_DATABASE_OWNER_URL" in said, said
    status, said = await ivr_here(new.url, new.state, "restore", str(archive))
    assert status == 0, said


async def test_recordings_that_are_not_what_they_were_are_told_and_the_rest_is_backed_up(
    old: Machine, new: Machine
) -> None:
    names = [put(old.state) for _ in range(3)]
    async with office(old.engine, old.state / "spool") as desk:
        await desk.intake.open_case(call(), opening(*(recorded(old.state, name) for name in names)))
        await desk.pump.idle()
    (old.state / "recordings" / f"{names[0]}.wav").write_bytes(b"RIFF")
    (old.state / "recordings" / f"{names[1]}.wav").unlink()
    found: list[Finding] = []
    out = io.BytesIO()
    await Backup(old.engine, old.state, found.append).write(out)
    assert [(each.kind, each.recording) for each in found] == [
        ("recording_changed", names[0]), ("recording_missing", names[1])
    ]  # fmt: skip
    await restore(new.engine, new.state, io.BytesIO(out.getvalue()))
    assert {each.recording for each in await findings(new.engine, new.state)} == {*names[:2]}


async def test_what_a_disk_does_not_give_is_named_in_the_backup_which_holds_all_else(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """A bad sector in a recording, in a segment of the journal and in a secret, and a folder of a day."""
    folder = old.state / "recordings"
    sick, well = put(old.state), put(old.state)
    hidden = put(old.state).replace("2026/11/25", "2026/11/24")
    (folder / hidden).parent.mkdir()
    (folder / f"{hidden.replace('/24/', '/25/')}.wav").rename(folder / f"{hidden}.wav")
    (old.state / "secrets").mkdir()
    (old.state / "secrets" / "agi").write_text("s3cret")
    async with office(old.engine, old.state / "spool") as desk:
        for name in (sick, hidden, well):
            await desk.intake.open_case(call(), opening(recorded(old.state, name)))
        await desk.pump.idle()
    [segment] = (old.state / "spool" / "journal").glob("*.log")
    bad = [folder / f"{sick}.wav", segment, old.state / "secrets" / "agi"]
    day = (folder / hidden).parent
    with bad_sector(bad[0], at=5000), bad_sector(*bad[1:]), damaged(day):
        status, said = await ivr_here(old.url, old.state, "backup", str(tmp_path), "--json")
    made = json.loads(said)
    assert status == 1 and len(made["lacking"]) == len(made["findings"]) == 4, said
    for path in (*bad, day):
        assert sum(f"{path} can't be read: Input/output error" in text for text in made["lacking"]) == 1
    assert all("once its disk gives it the next backup takes it" in text for text in made["lacking"])

    status, said = await ivr_here(new.url, new.state, "restore", "--check", made["file"])
    assert status == 1 and "not whole (4 things are lacking), but as it was written" in said
    assert all(text in said for text in made["lacking"])
    status, said = await ivr_here(new.url, new.state, "restore", made["file"])
    assert status == 0 and all(text in said for text in made["lacking"])
    there = new.state / "recordings"
    assert not (new.state / "secrets" / "agi").exists(), "half a secret is none"
    for name in (hidden, well):  # the books name what the folder did not show
        assert recording_files.read(there, name) == recording_files.read(folder, name)
    whole, kept = ((at / f"{sick}.wav").read_bytes() for at in (folder, there))
    assert kept == whole[:4096] + bytes(4096) + whole[8192:], "all but the sector"
    assert {each.kind for each in await findings(new.engine, new.state)} == {"recording_lost"}


async def test_what_lies_on_the_second_volume_is_in_it(old: Machine, new: Machine, tmp_path: Path) -> None:
    other = tmp_path / "other disk"
    (old.state / "recordings").mkdir()
    for folder in ("recordings", "fallback"):
        link(old.state / folder, other / folder)
    name = f"second/{put(other)}"
    waits = put_fallback(other / "fallback", "1700000000_09141234567_123456789.wav")
    async with office(old.engine, old.state / "spool") as desk:
        code = await desk.intake.open_case(call(), opening(recorded(old.state, name)))
        await desk.pump.idle()
    await restore(new.engine, new.state, io.BytesIO(await old.back_up()))
    assert {f"recordings/{name}.wav", f"fallback/second/{waits.name}"} <= {*new.files()}
    assert await findings(new.engine, new.state, code) == []


async def test_a_backup_of_older_code_is_brought_up_to_date(new: Machine, old: Machine) -> None:
    archive = await old.back_up()
    async with old.engine.begin() as connection:
        now = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
    await restore(new.engine, new.state, io.BytesIO(archive))
    async with new.engine.begin() as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == now


async def test_a_restore_onto_a_newer_release_takes_as_long_as_its_migrations_take(
    new: Machine, old: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.tar").write_bytes(await old.back_up())
    monkeypatch.setattr(schema, "MIGRATIONS", with_a_migration(tmp_path, "SELECT pg_sleep(1)"))
    monkeypatch.setattr(store_engine, "make_engine", partial(make_engine, command_seconds=0.5))
    status, said = await ivr_here(new.url, new.state, "restore", str(tmp_path / "old.tar"))
    assert status == 0, said


IDLE_SECONDS = 2  # of a server; a loaded machine may need some of it between two statements


class Slow(io.BytesIO):
    """A disk or a pipe that takes longer over a piece than the server lets a transaction be idle."""

    slow = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.take_time(self.tell() > len(self.getbuffer()) // 2)
        return super().read(size)

    def write(self, piece: Any, /) -> int:
        self.take_time(self.tell() > 0)
        return super().write(piece)

    def take_time(self, now: bool) -> None:
        if now and not self.slow:
            self.slow += 1
            time.sleep(IDLE_SECONDS + 0.5)


async def test_a_server_that_ends_idle_transactions_ends_neither_a_backup_nor_a_restore(
    new: Machine, old: Machine
) -> None:
    for machine in (old, new):
        async with machine.engine.begin() as connection:
            its = f'ALTER DATABASE "{machine.engine.url.database}"'
            limit = f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
            await connection.execute(text(f"{its} {limit}"))
        await machine.engine.dispose()  # so that it holds
    out = Slow()
    await Backup(old.engine, old.state, lambda finding: None).write(out)
    source = Slow(out.getvalue())
    await restore(new.engine, new.state, source)
    assert out.slow and source.slow and await new.tables()


async def test_a_restore_does_not_begin_where_a_folder_lies_on_another_disk(
    old: Machine, new: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is linked there as its last act comes ends it with a sentence, too."""
    await with_words(old.engine, old.state)
    archive = await old.back_up()
    (tmp_path / "disk").mkdir()
    new.state.mkdir()

    def linked() -> None:
        (new.state / "recordings").symlink_to(tmp_path / "disk")

    linked()
    with pytest.raises(RestoreError, match="recordings leads to another disk, where a restore can't"):
        await restore(new.engine, new.state, io.BytesIO())
    (new.state / "recordings").unlink()
    with monkeypatch.context() as mounted:
        mounted.setattr(Path, "is_mount", lambda path: path == new.state / "spool")
        with pytest.raises(RestoreError, match="spool leads to another disk, where a restore can't"):
            await restore(new.engine, new.state, io.BytesIO())
    monkeypatch.setattr(os, "sync", linked)
    with pytest.raises(RestoreError, match="recordings can't be put in its place: Not a directory"):
        await restore(new.engine, new.state, io.BytesIO(archive))
    assert await new.tables() == [] and new.files() == ["restores.json"]


async def test_errors_of_the_commands_are_sentences(old: Machine, new: Machine, tmp_path: Path) -> None:
    (tmp_path / "there.tar").write_bytes(b"x" * 100)
    assert await ivr(old.url, old.state, "backup", str(tmp_path / "there.tar")) == (
        2, f"{tmp_path}/there.tar is there already"
    )  # fmt: skip
    assert await ivr(new.url, new.state, "restore", str(tmp_path / "there.tar")) == (
        1, f"{tmp_path}/there.tar: this is no backup of Seda 111"
    )  # fmt: skip
    assert await ivr(new.url, new.state, "backup", str(tmp_path / "none.tar")) == (
        1, "the database is empty: there is nothing to back up"
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.glob("*.tar*")) == ["there.tar"]
    status, said = await ivr(old.url, old.state, "backup", "/dev/full")
    assert status == 2 and "is there already" in said


def test_codes_go_on_far_behind_what_may_have_been_given_out_and_never_beyond_the_end() -> None:
    blocks, desk = "code_blocks_number_seq", "desk_numbers"
    ahead = after_restore({blocks: 7, desk: 890_000_100, "other": 3}, {})
    assert ahead == {blocks: 7 + SKIPPED_BLOCKS, desk: 890_050_100}
    assert after_restore({blocks: 88_999, desk: 899_999_999}, {}) == {blocks: 88_999, desk: 899_999_999}
    again = after_restore({blocks: 7, desk: 890_000_100}, ahead)
    assert again == {blocks: ahead[blocks] + APART_BLOCKS, desk: ahead[desk] + APART_NUMBERS}
    assert after_restore({blocks: 7, desk: 890_000_100}, {blocks: 88_990, desk: 899_999_000}) == ahead
    newer = {blocks: 9_000, desk: 891_000_000}
    assert after_restore(newer, ahead) == after_restore(newer, {}), "far behind all that was given"


async def from_the_desk(machine: Machine) -> set[str]:
    async with machine.engine.begin() as connection:
        return {await desk_code(connection) for _ in range(100)}


@pytest.mark.parametrize("new_is", ["the state folder", "the archive's folder"])
async def test_a_second_restore_of_one_backup_gives_no_code_that_the_first_gave(
    old: Machine, new: Machine, postgres_url: str, tmp_path: Path, new_is: str
) -> None:
    """Each time into a new database, and `restores.json` is there in one of the two places."""
    archive = tmp_path / "backup" / "one.tar"
    archive.parent.mkdir()
    archive.write_bytes(await old.back_up())
    assert (await ivr_here(new.url, new.state, "restore", str(archive)))[0] == 0
    given = await first_codes(new, 300) | await from_the_desk(new)

    note = (new.state / "restores.json").read_bytes()
    shutil.rmtree(new.state)
    if new_is == "the archive's folder":
        archive = archive.rename(tmp_path / "one.tar")
        new.state.mkdir()
        (new.state / "restores.json").write_bytes(note)
    await new.engine.dispose()
    await drop(postgres_url, name := str(new.engine.url.database))
    await create(postgres_url, name)
    status, said = await ivr_here(new.url, new.state, "restore", str(archive))
    assert status == 0, said
    assert given.isdisjoint(await first_codes(new, 300))
    assert given.isdisjoint(await from_the_desk(new))


async def test_codes_go_on_where_it_is_noted_though_the_backup_is_of_another_server(
    old: Machine, new: Machine
) -> None:
    """Passing over more for its timelines, too, another restore's could meet this one's."""
    await from_the_desk(old)
    async with old.engine.begin() as connection:
        await connection.execute(text("UPDATE code_blocks SET used = used + 3 WHERE number = -1"))
    await restore(new.engine, new.state, io.BytesIO(await old.back_up()))
    [noted] = json.loads((new.state / "restores.json").read_bytes()).values()
    async with new.engine.begin() as connection:
        assert await next_desk_number(connection) == noted["desk_numbers"] + 1


async def test_where_the_database_alone_is_lost_it_is_restored_under_the_hotline_that_goes_on(
    old: Machine, postgres_url: str, tmp_path: Path
) -> None:
    """As the page on production has it: with a state folder of its own, which goes then."""
    aside = tmp_path / "aside"
    async with office(old.engine, old.state / "spool") as desk:
        said = [recorded(old.state, put(old.state)) for _ in range(3)]
        codes = [await desk.intake.open_case(call(), opening(said[0]))]
        await desk.pump.idle()
        status, made = await ivr_here(old.url, old.state, "backup", str(tmp_path), "--json")
        assert status == 0, made
        codes.append(await desk.intake.open_case(call(), opening(said[1])))
        await desk.pump.idle()
        given = {*codes, *await from_the_desk(old), *[await desk.codes.take() for _ in range(300)]}

        await drop(postgres_url, name := str(old.engine.url.database))
        await create(postgres_url, name)
        await old.engine.dispose()
        archive = json.loads(made)["file"]
        status, refused = await ivr_here(old.url, old.state, "restore", archive)
        assert status == 1 and "leave the hotline running: docs/production.md, 9" in refused
        before = {name: (old.state / name).read_bytes() for name in old.files() if "recordings/" in name}
        status, restored = await ivr_here(old.url, aside, "restore", archive)
        assert status == 0, restored
        shutil.rmtree(aside)
        codes.append(await desk.intake.open_case(call(), opening(said[2])))  # or it notices within a minute
        await desk.pump.idle()
        assert {case["code"] for case in await as_json.cases(old.engine)} == {*codes}
        for code, words in zip(codes, said, strict=True):
            case = await as_json.case_json(old.engine, code)
            assert case is not None and [each["path"] for each in case["recordings"]] == [f"{words.name}.wav"]
        assert await one_pass(desk, old) == Pass()
        assert {name: (old.state / name).read_bytes() for name in before} == before
        later = {*await from_the_desk(old), *[await desk.codes.take() for _ in range(300)]}
        assert given.isdisjoint(later | await first_codes(Machine(old.engine, old.url, tmp_path / "x"), 300))
    assert {each.kind for each in await findings(old.engine, old.state)} == {"went_back"}
    assert json.loads((tmp_path / "restores.json").read_bytes())


async def test_where_codes_go_on_is_told_if_it_can_t_be_noted_and_a_damaged_note_ends_the_restore(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    archive = tmp_path / "backup" / "one.tar"
    archive.parent.mkdir()
    archive.write_bytes(await old.back_up())
    note = archive.with_name("restores.json")
    note.write_text("[")
    status, said = await ivr_here(new.url, new.state, "restore", str(archive))
    assert status == 1 and f"{note} can't be read (it is damaged)" in said
    assert await new.tables() == [] and new.files() == []
    note.unlink()
    note.with_name(f"{note.name}.{os.getpid()}").mkdir()  # root, as whom tests may run, writes everywhere
    status, said = await ivr_here(new.url, new.state, "restore", str(archive))
    assert status == 0 and f"{archive.parent} can't be written (" in said
    assert "keep restores.json of IVR_STATE" in said


async def test_a_backup_for_the_holder_of_a_key_is_opened_by_her_alone_on_another_machine(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """With recordings in envelopes, whose key is neither in the database nor in the archive."""
    recipients = {"IVR_AT_REST__RECIPIENTS": f'["{holder(tmp_path / "holder")}"]'}
    code, names = await with_words(old.engine, old.state)
    contents = [recording_files.read(old.state / "recordings", name) for name in names]
    assert (await ivr_here(old.url, old.state, "keys", "new", **recipients))[0] == 0
    its = copies(old.state, json.loads(recipients["IVR_AT_REST__RECIPIENTS"])[0])
    assert await Encloser(old.engine, old.state / "recordings", its).once(WEDNESDAY + timedelta(days=1)) == 2

    status, said = await ivr_here(old.url, old.state, "backup", str(tmp_path), "--json", **recipients)
    made = json.loads(said)
    assert (status, made["findings"], made["file"][-8:]) == (0, [], ".tar.age")
    raw = Path(made["file"]).read_bytes()
    assert raw.startswith(b"age-encryption.org/v1\n") and code.encode() not in raw
    key = (old.state / "keys" / "recordings").read_text().split()[1].encode()
    inside = pyrage.decrypt(raw, identities(tmp_path / "holder"))
    assert key not in inside and contents[0][44:300] not in inside and b"escrow/recordings.age" in inside

    holder(tmp_path / "stranger")
    for secret, why in (("", "for the holder of a key alone"), ("stranger", "for another key than this one")):
        with_key = ["--identity", str(tmp_path / secret)] if secret else []
        status, said = await ivr_here(new.url, new.state, "restore", made["file"], *with_key)
        assert status == 1 and why in said, said
        assert new.files() == [] and await new.tables() == []
    with_key = ["--identity", str(tmp_path / "holder")]
    status, said = await ivr_here(new.url, new.state, "restore", "--check", made["file"], *with_key)
    assert status == 0 and said.startswith("whole and as it was written: 2 recordings"), said
    status, said = await ivr_here(new.url, new.state, "restore", made["file"], *with_key)
    assert status == 0 and "the recordings' keys are back" in said, said
    assert [recording_files.read(new.state / "recordings", name) for name in names] == contents
    assert (await ivr_here(new.url, new.state, "verify"))[0] == 0


async def test_a_backup_closes_the_recordings_key_for_the_holder_of_now_though_nothing_is_closed_any_more(
    old: Machine, tmp_path: Path
) -> None:
    """`at_rest.recordings` is false: no server closes the key anew, and each backup had it as it lay."""
    await with_words(old.engine, old.state)
    held = [{"IVR_AT_REST__RECIPIENTS": f'["{holder(tmp_path / name)}"]'} for name in ("former", "new")]
    assert (await ivr_here(old.url, old.state, "keys", "new", **held[0]))[0] == 0
    key = (old.state / "keys" / "recordings").read_bytes()

    async def made(name: str) -> tuple[int, bytes, list[str]]:
        to = str(tmp_path / name)
        status, said = await ivr_here(old.url, old.state, "backup", to, "--json", **held[1])
        inside = pyrage.decrypt(Path(json.loads(said)["file"]).read_bytes(), identities(tmp_path / "new"))
        with tarfile.open(fileobj=io.BytesIO(inside)) as archive:
            copy = archive.extractfile("escrow/recordings.age")
            assert copy is not None
            return status, copy.read(), json.loads(said)["findings"]

    status, copy, told = await made("one.tar.age")
    assert (status, told) == (0, [])
    assert pyrage.decrypt(copy, identities(tmp_path / "new")) == key
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(copy, identities(tmp_path / "former"))

    (old.state / "keys" / "recordings").unlink()
    assert (await ivr_here(old.url, old.state, "keys", "new", **held[1]))[0] == 1
    key_file.make(old.state / "keys" / "recordings")  # another machine's came instead
    status, again, [told_of] = await made("two.tar.age")
    assert (status, again) == (1, copy) and "stays as it was" in told_of and "ivr keys recover" in told_of


async def test_a_backup_of_envelopes_tells_what_can_not_be_opened_and_takes_it_all_the_same(
    old: Machine, new: Machine
) -> None:
    _, names = await with_words(old.engine, old.state)
    key_file.make(keys := old.state / "keys" / "recordings")
    its = copies(old.state)
    its.confirm(keys.read_text())
    assert await Encloser(old.engine, old.state / "recordings", its).once(WEDNESDAY + timedelta(days=1)) == 2
    sick = recording_files.closed(old.state / "recordings", names[0])
    whole = sick.read_bytes()
    sick.write_bytes(whole[:-1] + b"?")
    told: list[Finding] = []
    await Backup(old.engine, old.state, told.append).write(io.BytesIO())
    assert [(each.kind, each.recording) for each in told] == [("recording_changed", names[0])]
    sick.write_bytes(whole)
    kept = keys.read_text()
    keys.unlink()
    told.clear()
    out = io.BytesIO()
    await Backup(old.engine, old.state, told.append).write(out)
    assert [each.kind for each in told] == ["recording_locked"] * 2
    await restore(new.engine, new.state, io.BytesIO(out.getvalue()))
    assert {each.kind for each in await findings(new.engine, new.state)} == {"recording_locked"}
    (new.state / "keys").mkdir()
    (new.state / "keys" / "recordings").write_text(kept)  # the operator's own copy
    assert await findings(new.engine, new.state) == []


async def test_a_recording_that_is_closed_while_the_backup_runs_is_in_it_once(
    old: Machine, new: Machine
) -> None:
    _, names = await with_words(old.engine, old.state)
    folder = old.state / "recordings"
    contents = {name: recording_files.read(folder, name) for name in names}
    key_file.make(old.state / "keys" / "recordings")

    def close(what: str, count: int) -> None:
        for name in names if what == "recordings" else ():
            enclose(folder, name, hashlib.sha256(contents[name]).hexdigest(), timedelta())

    for _ in range(2):  # in between, and after both lay there
        out, told = io.BytesIO(), list[Finding]()
        await Backup(old.engine, old.state, told.append, close).write(out)
        assert told == []
        with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
            members = [each for each in tar.getnames() if each.startswith("recordings/")]
        assert sorted(each.split("/", 1)[1].rsplit(".")[0] for each in members) == sorted(names)
        recording_files.plain(folder, sorted(names)[1]).write_bytes(contents[sorted(names)[1]])
        os.utime(recording_files.plain(folder, sorted(names)[1]), (1, 1))
    await restore(new.engine, new.state, io.BytesIO(out.getvalue()))
    (new.state / "keys").mkdir()
    (new.state / "keys" / "recordings").write_bytes((old.state / "keys" / "recordings").read_bytes())
    assert {name: recording_files.read(new.state / "recordings", name) for name in names} == contents


async def test_packed_recordings_are_on_the_other_machine_what_was_recorded(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    _, names = await with_words(old.engine, old.state)
    contents = [recording_files.read(old.state / "recordings", name) for name in names]
    later = WEDNESDAY + timedelta(days=1)
    assert await Packer(old.engine, old.state / "recordings").once(later) == 2
    status, said = await ivr_here(old.url, old.state, "backup", str(tmp_path), "--json")
    made = json.loads(said)
    assert (status, made["findings"]) == (0, [])
    assert (await ivr_here(new.url, new.state, "restore", made["file"]))[0] == 0
    assert [recording_files.read(new.state / "recordings", name) for name in names] == contents
    assert all(recording_files.packed(new.state / "recordings", name).is_file() for name in names)
    assert (await ivr_here(new.url, new.state, "verify"))[0] == 0
    recording_files.packed(old.state / "recordings", names[0]).write_bytes(b"fLaC and no more")
    status, said = await ivr_here(old.url, old.state, "backup", str(tmp_path / "again.tar"), "--json")
    assert status == 1 and f"{names[0]}.flac is not as it was written; it is backed up as it is" in said


async def test_roots_that_were_told_since_the_backup_are_one_finding_until_somebody_has_looked(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    witness = tmp_path / "elsewhere"

    async def one_more(at: Machine) -> None:
        await listened(at.engine, 1)
        await seal(at.engine)
        await keep_roots(at.engine, witness)

    async def verified(*more: str) -> tuple[int, str]:
        return await ivr_here(new.url, new.state, "verify", *more, IVR_WITNESSES__FILE=str(witness))

    await one_more(old)
    (tmp_path / "one.tar").write_bytes(await old.back_up())
    await one_more(old)
    assert (await ivr_here(new.url, new.state, "restore", str(tmp_path / "one.tar")))[0] == 0
    for _ in range(2):
        status, said = await verified()
        assert status == 1 and said.startswith("went_back: the books are those of a backup of "), said
        assert said.count("\n") == 1, said
        await one_more(new)
    assert [line.split()[1] for line in witness.read_text().splitlines()] == ["1", "2", "2", "3"]
    assert (await verified("--seen", "what was lost was done again"))[0] == 0
    assert (await verified())[0] == 0
