"""What a backup says of files that it can't have: each once, what is so, and no alarm that never ends."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ivr.cases.proving import Finding
from ivr.desk.keeping import backed_up
from ivr.desk.keeping.backup import Backup
from ivr.desk.keeping.restore import restore
from ivr.desk.recordings.storing import store_recordings
from ivr.store import recording_files
from ivr.store.derived import Derived
from ivr.store.vault import Vault, VaultError, _Stream
from ivr.store.volumes import link
from tests.desk.facts.test_reconcile import put, recorded
from tests.desk.keeping.test_backup import Machine, new, old
from tests.desk.keeping.test_backup_chain import another_case, recordings_in
from tests.desk.keeping.test_verify import findings, with_words
from tests.desk.office import call, office, opening
from tests.desk.recordings.test_storing import BUCKET, endpoint, vault
from tests.fixtures.commands import ivr
from tests.fixtures.damaged import bad_sector, damaged, without_inode

__all__ = ["endpoint", "new", "old", "vault"]  # fixtures


async def test_names_that_only_a_damaged_folder_shows_are_told_and_the_rest_is_in_it(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    _, names = await with_words(old.engine, old.state)
    day = (old.state / "recordings" / names[0]).parent
    for folder, name in ((day, b"\xff\xfe.wav"), (day, b"two\nlines.wav"), (old.state / "spool", b"\xe2")):
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"RIFF")
    archive = str(tmp_path / "a.tar")
    code, said = await ivr(old.url, old.state, "backup", archive, "--json")
    made = json.loads(said)
    assert code == 1 and made["lacking"] == made["findings"] and len(made["lacking"]) == 3
    for shown in (day / r"\xff\xfe.wav", day / r"two\nlines.wav", old.state / "spool" / r"\xe2"):
        [text] = [text for text in made["lacking"] if text.startswith(f"{shown} can't be read: ")]
        assert "its name is no UTF-8, or holds a line break" in text and "rename it" in text
    code, said = await ivr(new.url, new.state, "restore", archive)
    assert code == 0 and "2 recordings" in said, said
    assert await findings(new.engine, new.state) == []


async def test_root_s_folder_at_the_top_of_a_disk_is_no_fault_and_another_refusal_is_not_the_disk_s(
    old: Machine, tmp_path: Path
) -> None:
    await with_words(old.engine, old.state)
    root_s = [old.state / name / "lost+found" for name in ("recordings", "spool")]
    for folder in root_s:
        folder.mkdir()
    with damaged(*root_s, code=errno.EACCES):
        code, said = await ivr(old.url, old.state, "backup", str(tmp_path / "1.tar"))
        assert code == 0, said
        (mine := old.state / "recordings" / "mine").mkdir()
        with damaged(mine, code=errno.EACCES):
            code, said = await ivr(old.url, old.state, "backup", str(tmp_path / "2.tar"))
    assert code == 1 and f"{mine} can't be read: Permission denied" in said
    assert "not readable for this user" in said and "dmesg" not in said


def sectors(path: Path) -> Any:
    """Bad ones in all of it; the envelope's and the packed one's name in the archive is another."""
    return bad_sector(path, at=0, length=1 << 20)


@pytest.mark.parametrize("harm", [without_inode, sectors])
async def test_what_its_disk_does_not_give_is_taken_from_the_store_and_not_called_lacking(
    old: Machine, new: Machine, vault: Vault, harm: Callable[[Path], Any]
) -> None:
    _, names = await with_words(old.engine, old.state)
    folder = old.state / "recordings"
    contents = {name: recording_files.read(folder, name) for name in names}
    await store_recordings(old.engine, folder, vault, Derived(old.state / "derived"))
    sick = recording_files.packed(folder, names[0])
    recording_files.plain(folder, names[0]).rename(sick)
    out, told = io.BytesIO(), list[Finding]()
    with harm(sick):
        work = Backup(old.engine, old.state, told.append, vault=vault)
        await work.write(out)
    [found] = told
    assert found.text.startswith(f"{sick} can't be read: ") and work.lacking == work.gone == []
    assert "the copy in the recordings' store stands for it" in found.text
    done = await restore(new.engine, new.state, io.BytesIO(out.getvalue()))
    assert done.lacking == done.gone == []
    assert {name: recording_files.read(new.state / "recordings", name) for name in names} == contents


@pytest.mark.parametrize("harm", [without_inode, sectors])
async def test_without_a_store_that_answers_it_is_one_thing_that_is_lacking(
    old: Machine, new: Machine, harm: Callable[[Path], Any]
) -> None:
    _, names = await with_words(old.engine, old.state)
    sick = recording_files.plain(old.state / "recordings", names[0])
    away = Vault(BUCKET, "http://127.0.0.1:1", "us-east-1", "key", "secret")
    for store in (None, away):
        out, told = io.BytesIO(), list[Finding]()
        with harm(sick):
            work = Backup(old.engine, old.state, told.append, vault=store)
            await work.write(out)
        assert [each.text for each in told] == work.lacking and len(told) == 1 and work.gone == []
        assert told[0].text.startswith(f"{sick} can't be read: ")
    assert (await restore(new.engine, new.state, io.BytesIO(out.getvalue()))).lacking == work.lacking


async def test_a_store_that_is_away_is_one_sentence_and_keeps_nothing_else_out_of_the_backup(
    old: Machine, new: Machine, vault: Vault, tmp_path: Path
) -> None:
    """What earlier archives hold of it lacks nothing; and when the store is back, nor does the next one."""
    _, names = await with_words(old.engine, old.state)
    folder, todays = old.state / "recordings", list[str]()
    await store_recordings(old.engine, folder, vault, Derived(old.state / "derived"))
    code, said = await ivr(old.url, old.state, "backup", str(tmp_path / "1.tar"), "--new")
    assert code == 0, said
    for name in names:
        recording_files.plain(folder, name).unlink()
    away = {"IVR_RECORDINGS_STORE__URL": BUCKET, "IVR_RECORDINGS_STORE__ENDPOINT": "http://127.0.0.1:1"}
    for archive, how in (("2.tar", ["--new"]), ("other.tar", [])):
        todays.append(f"{await another_case(old)}.wav")
        its = str(tmp_path / archive)
        code, said = await ivr(old.url, old.state, "backup", its, "--json", *how, **away)
        made = json.loads(said)
        assert code == 1 and made["gone"] == [] and made["lacking"] == ([] if how else made["findings"])
        [told] = made["findings"]
        assert told.startswith("the recordings' store fails: "), told
        assert told.endswith("an earlier backup stands for it") is bool(how)
        assert recordings_in(Path(its).read_bytes()) == (set(todays[-1:]) if how else set(todays))
    code, said = await ivr(new.url, new.state, "restore", str(tmp_path / "2.tar"))
    assert code == 0 and "3 recordings" in said, said

    work = Backup(old.engine, old.state, lambda finding: None, vault=vault)
    await work.write(io.BytesIO())
    assert work.lacking == work.gone == []


async def test_one_recording_that_the_store_refuses_is_lacking_and_the_others_are_in_it(
    old: Machine, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk gives the first of it only, which leaves no half member."""
    _, (one, other) = await with_words(old.engine, old.state)
    folder = old.state / "recordings"
    await store_recordings(old.engine, folder, vault, Derived(old.state / "derived"))
    for name in (one, other):
        recording_files.plain(folder, name).unlink()
    reads, begun = _Stream.read, list[bytes]()

    def slow_down(stream: _Stream, size: int = 1000) -> bytes:
        if stream._name == one and begun:  # whose it is
            raise VaultError("the recordings' store fails: 503 SlowDownRead")
        begun.append(reads(stream, size))
        return begun[-1]

    monkeypatch.setattr(_Stream, "read", slow_down)
    out, told = io.BytesIO(), list[Finding]()
    work = Backup(old.engine, old.state, told.append, vault=vault)
    await work.write(out)
    assert [(each.kind, each.recording) for each in told] == [("recording_unread", one)]
    assert [each.text for each in told] == work.lacking and work.gone == []
    assert recordings_in(out.getvalue()) == {f"{other}.wav"}


async def test_what_was_gone_before_is_told_with_each_archive_and_is_no_fault_of_it(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """But what lies on a disk that is not there may come back, and is lacking."""
    _, names = await with_words(old.engine, old.state)
    (old.state / "recordings" / f"{names[0]}.wav").unlink()
    archive = str(tmp_path / "a.tar")
    code, said = await ivr(old.url, old.state, "backup", archive)
    gone = f"recording {names[0]} is not there to be backed up"
    assert code == 1 and gone in said and "NOT WHOLE" not in said, said
    for how in (["--check"], []):
        code, said = await ivr(new.url, new.state, "restore", archive, *how)
        assert code == 0 and f"gone before: {gone}" in said and "lacking" not in said, said

    other = tmp_path / "other disk"
    link(old.state / "recordings", other / "recordings")
    name = f"second/{put(other)}"
    async with office(old.engine, old.state / "spool") as desk:
        await desk.intake.open_case(call(), opening(recorded(old.state, name)))
        await desk.pump.idle()
    other.rename(tmp_path / "unplugged")
    archive = str(tmp_path / "b.tar")
    assert (await ivr(old.url, old.state, "backup", archive))[0] == 1
    code, said = await ivr(new.url, new.state, "restore", "--check", archive)
    second = old.state / "recordings" / "second"
    assert code == 1 and "not whole (2 things are lacking)" in said, said
    assert f"lacking: recording {name} is not in this backup: {second} can't be read" in said
    assert f"gone before: {gone}" in said


async def test_a_disk_that_is_not_mounted_where_the_recordings_were_is_not_taken_for_words_long_gone(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    _, names = await with_words(old.engine, old.state)
    (old.state / "recordings").rename(tmp_path / "unmounted")
    (old.state / "recordings").mkdir()
    archive = str(tmp_path / "a.tar")
    code, said = await ivr(old.url, old.state, "backup", archive)
    assert code == 1 and "NOT WHOLE, 2 things are lacking" in said, said
    code, said = await ivr(new.url, new.state, "restore", "--check", archive)
    assert code == 1 and "gone before" not in said
    for name in names:
        why = f"{old.state / 'recordings'} is empty: is its disk mounted?"
        assert f"lacking: recording {name} is not in this backup: {why}" in said


async def test_the_last_backup_is_red_while_it_lacks_things_and_not_for_what_was_gone_before(
    old: Machine, tmp_path: Path
) -> None:
    _, names = await with_words(old.engine, old.state)
    (old.state / "recordings" / f"{names[0]}.wav").unlink()
    folder, away = old.state / "recordings", tmp_path / "unmounted"

    async def told(archive: str) -> tuple[bool, str]:
        code, said = await ivr(old.url, old.state, "backup", str(tmp_path / archive))
        assert code == 1, said
        async with old.engine.connect() as connection:
            return await backed_up.last(connection)

    folder.rename(away)
    folder.mkdir()
    well, said = await told("a.tar")
    assert not well and said.endswith("and is not whole: 2 things are lacking in a.tar")
    folder.rmdir()
    away.rename(folder)
    well, said = await told("b.tar")
    assert well and said.endswith(" UTC"), said


async def test_the_rows_of_a_page_are_looked_through_at_once(
    old: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    does, calls = asyncio.to_thread, 0

    async def counting(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        return await does(*arguments, **named)

    async def backed_up() -> int:
        nonlocal calls
        for path in old.state.glob("recordings/*/*/*/*.wav"):
            path.unlink()
        with monkeypatch.context() as while_counted:
            while_counted.setattr(asyncio, "to_thread", counting)
            calls = 0
            await old.back_up()
        return calls

    await with_words(old.engine, old.state)
    before = await backed_up()
    for _ in range(3):
        await another_case(old)
    assert await backed_up() == before
