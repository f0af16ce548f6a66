"""Recordings in an S3-compatible store: a real server of that protocol on this machine."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.exceptions import PermissionDeniedError
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.proving import Finding
from ivr.commands import doctor
from ivr.commands.doctor import examine
from ivr.desk.case import holds
from ivr.desk.keeping.backup import Backup
from ivr.desk.keeping.restore import restore
from ivr.desk.keeping.verify import Verification, prove
from ivr.desk.recordings.enclosing import enclose
from ivr.desk.recordings.hearing import Rendition, Renditions
from ivr.desk.recordings.storing import not_stored, store_recordings
from ivr.lab.pace import patience
from ivr.settings import RecordingsStore, Serve, Settings
from ivr.store import key_file, recording_files
from ivr.store.aside import Aside, NoneWorks
from ivr.store.derived import Derived
from ivr.store.engine import make_engine
from ivr.store.envelope import KeyMissing
from ivr.store.tables import recordings
from ivr.store.vault import Vault, VaultError
from tests.desk.counter import counter
from tests.desk.keeping.test_verify import alike, findings, with_words
from tests.fixtures.commands import ivr, started
from tests.fixtures.damaged import asleep, bad_sector
from tests.fixtures.plans import plan_of

BUCKET = "s3://seda111/tabriz"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def vault(endpoint: str) -> Vault:
    """Empty."""
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    urlopen(Request(f"{endpoint}/seda111", method="PUT")).close()
    return Vault(BUCKET, endpoint, "us-east-1", "key", "secret")


async def stored(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        query = select(recordings.c.name).where(recordings.c.stored_at.is_not(None))
        return list((await connection.execute(query)).scalars())


async def proved(engine: AsyncEngine, folder: Path, vault: Vault) -> list[Finding]:
    found: list[Finding] = []
    proof = Verification(engine, folder / "recordings", folder / "custody", found.append, vault=vault)
    await prove(proof)
    return found


async def test_closed_recordings_are_copied_once_and_read_from_there_when_they_are_gone(
    engine: AsyncEngine, empty_url: str, tmp_path: Path, vault: Vault
) -> None:
    _, names = await with_words(engine, tmp_path)
    assert await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived")) == 2
    assert await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived")) == 0
    assert sorted(await stored(engine)) == sorted(names)
    path = tmp_path / "recordings" / f"{names[0]}.wav"
    content = path.read_bytes()
    assert (vault.size(names[0]), vault.open(names[0]).read(len(content))) == (len(content), content)
    path.unlink()
    assert await proved(engine, tmp_path, vault) == []
    assert [each.kind for each in await findings(engine, tmp_path)] == ["recording_missing"]

    async def back_up(**more: Any) -> bytes:
        out, told = io.BytesIO(), list[Finding]()
        await Backup(engine, tmp_path, told.append, vault=vault, **more).write(out)
        assert told == []
        return out.getvalue()

    whole = await back_up()
    assert len(await back_up(leave_stored=True)) < len(whole)
    new = make_engine(empty_url)
    await restore(new, tmp_path / "new", io.BytesIO(whole))
    assert (tmp_path / "new" / "recordings" / f"{names[0]}.wav").read_bytes() == content
    assert await findings(new, tmp_path / "new") == []
    await new.dispose()


async def test_who_ends_does_not_wait_for_a_disk_that_hangs_under_what_is_being_stored(
    engine: AsyncEngine, tmp_path: Path, vault: Vault
) -> None:
    await with_words(engine, tmp_path)
    shelf = (engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    with asleep(tmp_path / "recordings") as sleepers:
        storing = asyncio.create_task(store_recordings(*shelf))
        while not sleepers:
            await asyncio.sleep(0.01)
        storing.cancel()
        await asyncio.wait({storing})
        assert all(thread.daemon for thread in sleepers), "the interpreter waits for any other"
    assert await store_recordings(*shelf) == 2


async def test_what_retention_removes_goes_from_the_store_too(
    engine: AsyncEngine, tmp_path: Path, vault: Vault
) -> None:
    _, (one, other) = await with_words(engine, tmp_path)
    await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    async with engine.begin() as connection:
        gone = update(recordings).where(recordings.c.name == one)
        await connection.execute(gone.values(removed_at=func.now(), erased_at=func.now()))
    (tmp_path / "recordings" / f"{one}.wav").unlink()
    assert await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived")) == 0
    assert await stored(engine) == [other]
    with pytest.raises(FileNotFoundError):
        vault.size(one)
    # No event tells of it, as retention would have: that is all the proof finds; the copy is not missed.
    assert [finding.kind for finding in await proved(engine, tmp_path, vault)] == ["recording_hidden"]


async def test_the_copy_in_the_store_stays_too_as_long_as_its_case_is_held(
    engine: AsyncEngine, tmp_path: Path, vault: Vault
) -> None:
    code, (one, other) = await with_words(engine, tmp_path)
    shelf = (engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    await store_recordings(*shelf)
    at = await counter(engine)
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(removed_at=func.now()))
    await holds.hold(engine, at.ask(code, "desk", "دادگاه"))
    await store_recordings(*shelf)
    assert sorted(await stored(engine)) == sorted((one, other)) and vault.size(one)
    await holds.end(engine, at.ask(code, "desk", "رأی قطعی شد"))
    await store_recordings(*shelf)
    assert await stored(engine) == []


async def test_of_many_copies_those_stay_whose_case_is_held_while_the_first_ones_go(
    engine: AsyncEngine, tmp_path: Path, vault: Vault
) -> None:
    code, (one, _) = await with_words(engine, tmp_path)
    shelf = (engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    await store_recordings(*shelf)
    await alike(engine, one, 24)
    at, many = await counter(engine), len(await stored(engine))
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(removed_at=func.now()))
    with asleep(tmp_path / "derived") as sleepers:
        storing = asyncio.create_task(store_recordings(*shelf))
        async with asyncio.timeout(patience(20)):
            while not sleepers:
                await asyncio.sleep(0.01)
        await holds.hold(engine, at.ask(code, "desk", "دادگاه"))
    await storing
    assert 0 < len(await stored(engine)) < many == 26
    await holds.end(engine, at.ask(code, "desk", "رأی قطعی شد"))
    await store_recordings(*shelf)
    assert await stored(engine) == []


async def test_what_is_not_what_was_recorded_is_never_stored_and_told_once_and_a_changed_copy_is_found(
    engine: AsyncEngine, tmp_path: Path, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    _, (one, other) = await with_words(engine, tmp_path)
    path = tmp_path / "recordings" / f"{one}.wav"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    for new in (1, 0):
        shelf = (engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
        assert await store_recordings(*shelf) == new
    assert await stored(engine) == [other]
    assert caplog.text.count(f"recording {one} is not stored: it is not what was recorded") == 1
    path.write_bytes(content)
    assert await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived")) == 1
    path.write_bytes(content[:-1] + b"x")
    (changed,) = await proved(engine, tmp_path, vault)
    assert changed.text.endswith("its bytes were changed; the copy in the store is")
    path.unlink()
    with pytest.raises(VaultError, match="another hash"):
        vault.put(one, io.BytesIO(b"other"), "0" * 64)
    (changed,) = await proved(engine, tmp_path, vault)
    assert (changed.kind, changed.recording) == ("recording_changed", one)


async def test_one_that_its_disk_damaged_keeps_no_other_from_the_store(
    engine: AsyncEngine, tmp_path: Path, vault: Vault
) -> None:
    _, (one, other) = await with_words(engine, tmp_path)
    recording_files.plain(tmp_path / "recordings", one).unlink()
    recording_files.packed(tmp_path / "recordings", one).write_bytes(b"fLaC and no more")
    assert await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived")) == 1
    assert await stored(engine) == [other]


class Torn(io.FileIO):
    """Of which the disk gives the first block only."""

    def readinto(self, buffer: Any, /) -> int:
        if self.tell():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readinto(buffer)


async def test_one_whose_disk_fails_in_the_middle_of_it_keeps_no_newer_one_from_the_store(
    engine: AsyncEngine, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_words(engine, tmp_path)
    async with engine.connect() as connection:
        older, newer = (row.name for row in await connection.execute(not_stored(None)))
    its, does = recording_files.plain(tmp_path / "recordings", older), Path.open

    def opening(path: Path, *more: Any, **named: Any) -> Any:
        return io.BufferedReader(Torn(path)) if path == its else does(path, *more, **named)

    monkeypatch.setattr(Path, "open", opening)
    assert await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived")) == 1
    assert await stored(engine) == [newer]


async def test_one_that_the_store_refuses_is_put_aside_for_an_hour_and_keeps_no_newer_one_out(
    engine: AsyncEngine, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_words(engine, tmp_path)
    async with engine.connect() as connection:
        older, newer = (row.name for row in await connection.execute(not_stored(None)))
    aside, puts, now = Aside(), obstore.put, datetime.now(UTC)

    def refusing(store: Any, path: str, file: Any, **how: Any) -> None:
        if path == f"{older}.wav":
            raise PermissionDeniedError("AccessDenied")
        puts(store, path, file, **how)

    async def a_pass(minutes: int) -> int:
        derived, at = Derived(tmp_path / "derived"), now + timedelta(minutes=minutes)
        return await store_recordings(engine, tmp_path / "recordings", vault, derived, at, aside)

    monkeypatch.setattr(obstore, "put", refusing)
    assert await a_pass(0) == 1 and await stored(engine) == [newer]
    assert aside.troubles == ["store: 1 put aside, which can't be worked on (VaultError); the log says why"]
    monkeypatch.undo()
    assert [await a_pass(30), await a_pass(61)] == [0, 1] and aside.troubles == []


async def test_a_page_of_those_that_the_store_refuses_keeps_no_newer_one_out(
    engine: AsyncEngine, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.store.aside.MANY", 2)
    monkeypatch.setattr("ivr.desk.recordings.storing.PAGE", 4)
    for _ in range(3):
        await with_words(engine, tmp_path)
    async with engine.connect() as connection:
        bad = {row.name for row in await connection.execute(not_stored(None))}
    aside, puts = Aside(), obstore.put

    def refusing(store: Any, path: str, file: Any, **how: Any) -> None:
        if path.removesuffix(".wav") in bad:
            raise PermissionDeniedError("AccessDenied")
        puts(store, path, file, **how)

    async def a_pass() -> int:
        folder, derived = tmp_path / "recordings", Derived(tmp_path / "derived")
        return await store_recordings(engine, folder, vault, derived, aside=aside)

    monkeypatch.setattr(obstore, "put", refusing)
    for _ in range(2):
        with pytest.raises(NoneWorks):
            await a_pass()
    assert len(bad) == 4 and await a_pass() == 2 and aside.counts == {"store": 4}


async def test_the_doctor_tells_of_a_store_that_takes_nothing_and_not_of_an_archive_or_a_lost_file(
    engine: AsyncEngine, database_url: str, tmp_path: Path, vault: Vault, endpoint: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    for _ in range(2):
        await with_words(engine, tmp_path)
    async with engine.begin() as connection:
        long_ago = func.now() - timedelta(hours=2)
        await connection.execute(update(recordings).values(recorded_at=long_ago))
        here, *_, lost = (row.name for row in await connection.execute(not_stored(None)))
    store = RecordingsStore(url=BUCKET, endpoint=endpoint, key="key", secret="secret")
    settings = Settings(state=tmp_path, database_url=database_url, recordings_store=store)
    taking_nothing = "takes nothing: {} of the newest recordings wait for more than an hour"
    found = await doctor._store(settings)  # this check alone: all of them take seconds
    assert not found.ok and taking_nothing.format(4) in found.found

    (file := recording_files.plain(tmp_path / "recordings", lost)).rename(away := tmp_path / "away")
    found = await doctor._store(settings)  # likewise
    assert not found.ok and taking_nothing.format(3) in found.found
    for _ in range(2):
        await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    assert caplog.text.count(f"recording {lost} is not stored: it can't be read here") == 1
    found = await doctor._store(settings)  # likewise
    assert found.ok and found.found.endswith("; of those that wait 1 are not on this machine (ivr verify)")

    away.rename(file)
    before, its = func.now() - timedelta(hours=3), update(recordings).where(recordings.c.name == here)
    for stored_at, is_ok in ((func.now(), True), (before, False)):  # of another that was recorded before it
        async with engine.begin() as connection:
            await connection.execute(update(recordings).values(stored_at=None))
            await connection.execute(its.values(recorded_at=before, stored_at=stored_at))
        assert (await doctor._store(settings)).ok is is_ok  # likewise


async def test_of_a_quiet_evening_whose_last_recordings_are_damaged_or_refused_no_store_is_blamed(
    engine: AsyncEngine, database_url: str, tmp_path: Path, vault: Vault, endpoint: str
) -> None:
    for _ in range(2):
        await with_words(engine, tmp_path)
    async with engine.begin() as connection:
        long_ago = func.now() - timedelta(hours=2)
        await connection.execute(update(recordings).values(recorded_at=long_ago))
        names = [row.name for row in await connection.execute(not_stored(None))]
    store = RecordingsStore(url=BUCKET, endpoint=endpoint, key="key", secret="secret")
    settings = Settings(state=tmp_path, database_url=database_url, recordings_store=store)
    assert not (await doctor._store(settings)).ok  # this check alone: all of them take seconds
    for name in names[1:]:
        file = recording_files.plain(tmp_path / "recordings", name)
        file.write_bytes(file.read_bytes()[:-2] + b"\1\1")
    assert (await doctor._store(settings)).ok  # likewise


async def test_a_store_that_takes_nothing_is_no_recording_s_fault(
    engine: AsyncEngine, tmp_path: Path, endpoint: str
) -> None:
    await with_words(engine, tmp_path)
    aside, nobody_s = Aside(), Vault("s3://seda112/tabriz", endpoint, "us-east-1", "key", "secret")
    with pytest.raises(VaultError, match="it has no such bucket"):
        derived = Derived(tmp_path / "derived")
        await store_recordings(engine, tmp_path / "recordings", nobody_s, derived, aside=aside)
    assert not aside.counts.get("store")


def test_long_words_go_up_in_one_piece_of_which_nothing_stays_behind(vault: Vault) -> None:
    """A store that got parts says so behind the hash of the whole."""
    content = bytes(12 << 20)
    vault.put("long", io.BytesIO(content), hashlib.sha256(content).hexdigest())
    whole = obstore.head(vault._store, "long.wav")  # what the vault says of none
    assert whole["size"] == len(content) and "-" not in str(whole["e_tag"])


async def test_in_a_bucket_that_is_not_there_nothing_counts_as_removed_nor_a_recording_as_gone(
    engine: AsyncEngine, tmp_path: Path, vault: Vault, endpoint: str
) -> None:
    _, (one, other) = await with_words(engine, tmp_path)
    shelf = (engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    await store_recordings(*shelf)
    for name in (one, other):
        recording_files.plain(tmp_path / "recordings", name).unlink()
    mistyped = Vault("s3://seda112/tabriz", endpoint, "us-east-1", "key", "secret")
    told: list[Finding] = []
    work = Backup(engine, tmp_path, told.append, vault=mistyped)
    await work.write(io.BytesIO())
    assert ([each.kind for each in told], len(work.lacking), work.gone) == (["store_unread"], 1, [])

    async with engine.begin() as connection:
        taken = dict.fromkeys(("removed_at", "erased_at"), func.now())
        await connection.execute(update(recordings).where(recordings.c.name == one).values(**taken))
    with pytest.raises(VaultError, match="it has no such bucket"):
        await store_recordings(engine, tmp_path / "recordings", mistyped, Derived(tmp_path / "derived"))
    assert sorted(await stored(engine)) == sorted((one, other))
    await store_recordings(*shelf)
    assert await stored(engine) == [other]


async def test_the_doctor_tells_of_copies_in_a_store_that_is_configured_no_more(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await with_words(engine, tmp_path)
    settings = Settings(state=tmp_path, database_url=database_url)
    assert (await doctor._store(settings)).ok  # this check alone: all of them take seconds
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(stored_at=func.now(), removed_at=func.now()))
    found = await doctor._store(settings)  # likewise
    assert not found.ok and found.found.startswith("2 copies are in a store that is configured no more")


async def test_the_doctor_of_a_machine_that_only_takes_calls_misses_no_store(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await with_words(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(stored_at=func.now()))
    settings = Settings(state=tmp_path, database_url=database_url, serve=Serve(roles=("calls",)))
    found = await doctor._store(settings)  # this check alone, as above
    assert found.ok and "local folder alone" not in found.found


async def test_a_key_that_may_not_delete_keeps_nothing_from_the_store_and_is_told_of(
    engine: AsyncEngine, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (one, other) = await with_words(engine, tmp_path)
    async with engine.begin() as connection:
        gone = update(recordings).where(recordings.c.name == one)
        await connection.execute(gone.values(stored_at=func.now(), removed_at=func.now()))

    def refusing(*_: Any) -> None:
        raise PermissionDeniedError("AccessDenied")

    monkeypatch.setattr(obstore, "delete", refusing)
    with pytest.raises(VaultError, match="AccessDenied"):
        await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    assert sorted(await stored(engine)) == sorted((one, other))
    assert vault.size(other)


async def test_a_store_that_is_away_is_one_sentence_and_nothing_counts_as_stored(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.commands.doctor.ASTERISK_SECONDS", 0.1)  # there is none here to wait for
    await with_words(engine, tmp_path)
    nowhere = Vault(BUCKET, "http://127.0.0.1:1", "us-east-1", "key", "secret")
    with pytest.raises(VaultError, match="the recordings' store fails"):
        await store_recordings(engine, tmp_path / "recordings", nowhere, Derived(tmp_path / "derived"))
    assert await stored(engine) == []
    settings = Settings(
        state=tmp_path, database_url=database_url,
        recordings_store=RecordingsStore(url=BUCKET, endpoint="http://127.0.0.1:1"),
    )  # fmt: skip
    (said,) = (finding for finding in await examine(settings) if finding.name == "store")
    assert not said.ok and "the recordings' store fails" in said.found and "s3:ListBucket" in said.mend
    with pytest.raises(VaultError, match="must be like s3://"):
        Vault("https://elsewhere", "", "", "", "")


async def test_the_commands_use_the_store_of_the_settings(
    engine: AsyncEngine, database_url: str, tmp_path: Path, vault: Vault, endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _, names = await with_words(engine, tmp_path)
    await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    for name in names:
        (tmp_path / "recordings" / f"{name}.wav").unlink()
    for key, value in {"URL": BUCKET, "ENDPOINT": endpoint, "KEY": "key", "SECRET": "secret"}.items():
        monkeypatch.setitem(os.environ, f"IVR_RECORDINGS_STORE__{key}", value)
    assert (await ivr(database_url, tmp_path, "verify"))[0] == 0
    status, said = await started(database_url, tmp_path, "backup", str(tmp_path / "a.tar"), "--json")
    assert (status, json.loads(said)["findings"]) == (0, [])
    monkeypatch.setitem(os.environ, "IVR_RECORDINGS_STORE__ENDPOINT", "http://127.0.0.1:1")
    status, said = await ivr(database_url, tmp_path, "verify")
    assert status == 1 and said.startswith("store_unread: the recordings' store fails"), said
    assert said.count("the recordings' store fails") == 1 and "2 recordings" in said, said


async def test_one_that_the_store_does_not_give_is_told_and_all_others_are_proved(
    engine: AsyncEngine, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, names = await with_words(engine, tmp_path)
    await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    for name in names:
        recording_files.plain(tmp_path / "recordings", name).unlink()
    one, other, gives = *sorted(names), Vault.sha256

    def giving(store: Vault, name: str) -> str:
        if name == one:
            raise VaultError("the recordings' store fails: 503 SlowDownRead")
        return gives(store, name)

    monkeypatch.setattr(Vault, "sha256", giving)
    vault.delete(other)
    found = [(each.kind, each.recording) for each in await proved(engine, tmp_path, vault)]
    assert found == [("recording_unread", one), ("recording_missing", other)]


async def test_the_store_gets_what_was_recorded_and_helps_where_the_key_of_an_envelope_is_lost(
    engine: AsyncEngine, tmp_path: Path, vault: Vault
) -> None:
    _, names = await with_words(engine, tmp_path)
    folder, keys = tmp_path / "recordings", tmp_path / "keys" / "recordings"
    contents = [recording_files.read(folder, name) for name in names]
    key_file.make(keys)
    for name, content in zip(names, contents, strict=True):
        assert enclose(folder, name, hashlib.sha256(content).hexdigest(), timedelta())
    derived = Derived(tmp_path / "derived")
    assert await store_recordings(engine, folder, vault, derived) == 2
    assert [vault.open(name).read(1 << 20) for name in names] == contents
    assert await proved(engine, tmp_path, vault) == []
    keys.unlink()
    found = await proved(engine, tmp_path, vault)
    assert [each.kind for each in found] == ["recording_locked"] * 2
    assert found[0].text.endswith("; the copy in the store is whole")
    async with engine.connect() as connection:
        row = (await connection.execute(select(recordings).where(recordings.c.name == names[0]))).one()
    booth = Renditions(folder, derived, vault)
    assert (await booth.opened(row, Rendition.PLAIN)).read() == contents[0]
    with pytest.raises(KeyMissing):
        await Renditions(folder, derived).opened(row, Rendition.EVEN)


async def test_what_waits_to_be_stored_is_found_by_index(engine: AsyncEngine) -> None:
    aside, now = Aside(), datetime.now(UTC)
    for _ in range(2):
        plan = await plan_of(engine, not_stored(None, *aside.but("store", recordings.c.name, now)))
        assert "ix_recordings_to_store" in plan and "Sort" not in plan, plan
        aside.put("store", "refused", VaultError("refused"), now)


async def test_a_recording_that_is_in_the_store_alone_is_heard_from_there(
    engine: AsyncEngine, tmp_path: Path, vault: Vault
) -> None:
    _, names = await with_words(engine, tmp_path)
    await store_recordings(engine, tmp_path / "recordings", vault, Derived(tmp_path / "derived"))
    path = tmp_path / "recordings" / f"{names[0]}.wav"
    content = path.read_bytes()
    path.unlink()
    async with engine.connect() as connection:
        query = select(recordings).where(recordings.c.name == names[0])
        row = (await connection.execute(query)).one()
    booth = Renditions(tmp_path / "recordings", Derived(tmp_path / "derived"), vault)
    found = await asyncio.gather(
        *(booth.opened(row, form) for form in (Rendition.PLAIN, Rendition.PLAIN, Rendition.BLIND))
    )
    heard = [file.read() for file in found]
    assert found[0].name == found[1].name and heard[0] == heard[1] == content != heard[2]
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        await Renditions(tmp_path / "recordings", Derived(tmp_path / "elsewhere")).opened(row, Rendition.EVEN)


@pytest.mark.parametrize("before_its_end", [None, 10])
async def test_one_that_its_disk_does_not_give_any_more_is_heard_from_there_too(
    engine: AsyncEngine,
    tmp_path: Path,
    vault: Vault,
    before_its_end: int | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, names = await with_words(engine, tmp_path)
    folder, derived = tmp_path / "recordings", Derived(tmp_path / "derived")
    await store_recordings(engine, folder, vault, derived)
    content = recording_files.read(folder, names[0])
    async with engine.connect() as connection:
        row = (await connection.execute(select(recordings).where(recordings.c.name == names[0]))).one()
    at = 0 if before_its_end is None else len(content) - before_its_end
    with bad_sector(folder / f"{names[0]}.wav", at=at):
        booth = Renditions(folder, derived, vault)
        assert (await booth.opened(row, Rendition.PLAIN)).read() == content
        assert f"recording {names[0]} is to be heard from the store: [Errno 5]" in caplog.text
        assert len((await booth.opened(row, Rendition.BLIND)).read()) == len(content)
        with pytest.raises(OSError, match="Input/output error"):
            await Renditions(folder, derived).opened(row, Rendition.EVEN)
