"""Each file is in a backup once, whatever goes while it is made; an older one may hold some twice."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from ivr.cases.proving import Finding
from ivr.desk.keeping.backup import Backup
from ivr.desk.keeping.restore import Restored, check, restore
from ivr.desk.recordings.storing import store_recordings
from ivr.store import recording_files
from ivr.store.archive import CONTENT, SUMS, Reader, Writer
from ivr.store.derived import Derived
from ivr.store.vault import Vault
from ivr.store.volumes import link
from tests.desk.facts.test_reconcile import put, recorded
from tests.desk.keeping.test_backup import Machine, new, old
from tests.desk.keeping.test_backup_chain import recordings_in
from tests.desk.keeping.test_verify import findings, with_words
from tests.desk.office import call, office, opening
from tests.desk.recordings.test_storing import endpoint, vault
from tests.fixtures.commands import ivr
from tests.fixtures.damaged import bad_sector

__all__ = ["endpoint", "new", "old", "vault"]  # fixtures


async def brought_back(archive: bytes, to: Machine) -> Restored:
    """Which both proved it and put it into place, and said the same."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = tar.getnames()
    assert len(names) == len(set(names)), "none is in it twice"
    proved = await check(io.BytesIO(archive))
    done = await restore(to.engine, to.state, io.BytesIO(archive))
    assert (done.files, done.recordings, done.lacking) == (proved.files, proved.recordings, proved.lacking)
    return done


async def test_an_envelope_whose_packed_one_goes_behind_the_listing_is_in_it_once(
    old: Machine, new: Machine
) -> None:
    _, names = await with_words(old.engine, old.state)
    folder = old.state / "recordings"
    one, other = sorted(names)
    content = (folder / f"{other}.wav").read_bytes()
    recording_files.plain(folder, other).rename(recording_files.packed(folder, other))
    recording_files.closed(folder, other).write_bytes(content)

    def close(what: str, count: int) -> None:
        if what == "recordings":
            recording_files.packed(folder, other).unlink(missing_ok=True)

    out = io.BytesIO()
    await Backup(old.engine, old.state, lambda finding: None, close).write(out)
    assert recordings_in(out.getvalue()) == {f"{one}.wav", f"{other}.sealed"}
    assert (await brought_back(out.getvalue(), new)).recordings == 2


@pytest.mark.parametrize("stored", [True, False])
async def test_one_that_goes_after_it_was_added_is_not_fetched_from_the_store_nor_called_missing(
    old: Machine, new: Machine, vault: Vault, stored: bool
) -> None:
    """As the job of docs/production.md does that removes what is in the store."""
    _, names = await with_words(old.engine, old.state)
    folder = old.state / "recordings"
    await store_recordings(old.engine, folder, vault, Derived(old.state / "derived"))
    added = 0

    def remove(what: str, count: int) -> None:
        nonlocal added
        added += what == "recordings"
        for name in names if added == 2 else ():
            recording_files.plain(folder, name).unlink(missing_ok=True)

    out, told = io.BytesIO(), list[Finding]()
    await Backup(old.engine, old.state, told.append, remove, vault if stored else None).write(out)
    assert told == []
    assert (await brought_back(out.getvalue(), new)).recordings == 2
    assert await findings(new.engine, new.state) == []


async def test_one_with_a_bad_sector_on_a_disk_that_goes_then_is_in_it_once(
    old: Machine, new: Machine, vault: Vault, tmp_path: Path
) -> None:
    other = tmp_path / "other disk"
    (old.state / "recordings").mkdir()
    link(old.state / "recordings", other / "recordings")
    name = f"second/{put(other)}"
    async with office(old.engine, old.state / "spool") as desk:
        await desk.intake.open_case(call(), opening(recorded(old.state, name)))
        await desk.pump.idle()
    await store_recordings(old.engine, old.state / "recordings", vault, Derived(old.state / "derived"))

    def unplug(what: str, count: int) -> None:
        if what == "recordings":
            other.rename(tmp_path / "unplugged")

    out = io.BytesIO()
    with bad_sector(old.state / "recordings" / f"{name}.wav", at=5000):
        await Backup(old.engine, old.state, lambda finding: None, unplug, vault).write(out)
    [lacks] = (await brought_back(out.getvalue(), new)).lacking
    assert "4096 of its bytes are zeros in this backup" in lacks


def with_a_double(archive: bytes, name: str, content: bytes) -> bytes:
    """As earlier releases wrote it: that member once more, behind all others."""
    reader, out = Reader(io.BytesIO(archive)), io.BytesIO()
    content_of = reader.content()
    writer = Writer(out, {key: value for key, value in content_of.items() if key != "form"})
    while (member := reader.next()) is not None:
        assert member.name not in (CONTENT, SUMS)
        writer.add(member.name, member, member.size, member.mtime, member.mode)
    writer.add(name, io.BytesIO(content), len(content), 1_700_000_000)
    writer.finish()
    return out.getvalue()


async def test_a_double_in_an_older_archive_keeps_nothing_back(old: Machine, new: Machine) -> None:
    """The last one counts, which came from the store where a disk had given zeros."""
    _, names = await with_words(old.engine, old.state)
    path = old.state / "recordings" / f"{names[0]}.wav"
    whole = path.read_bytes()
    path.write_bytes(bytes(len(whole)))
    archive = with_a_double(await old.back_up(), f"recordings/{names[0]}.wav", whole)
    why = f"recordings/{names[0]}.wav is in the backup twice, and not the same: the last one counts"
    assert (await check(io.BytesIO(archive))).lacking == [why]
    done = await restore(new.engine, new.state, io.BytesIO(archive))
    assert (done.lacking, done.recordings) == ([why], 2)
    assert await findings(new.engine, new.state) == []


async def test_the_same_twice_is_not_worth_a_word(old: Machine, new: Machine, tmp_path: Path) -> None:
    _, names = await with_words(old.engine, old.state)
    path = old.state / "recordings" / f"{names[0]}.wav"
    double = tmp_path / "double.tar"
    double.write_bytes(with_a_double(await old.back_up(), f"recordings/{names[0]}.wav", path.read_bytes()))
    for how in (["--check"], []):
        code, said = await ivr(new.url, new.state, "restore", str(double), *how)
        assert code == 0 and "2 recordings" in said and "lacking" not in said, said


async def test_a_double_in_an_archive_that_others_stand_on_counts_likewise(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    _, names = await with_words(old.engine, old.state)
    member = f"recordings/{names[0]}.wav"
    whole = (old.state / member).read_bytes()
    (old.state / member).write_bytes(bytes(len(whole)))
    earlier = with_a_double(await old.back_up(), member, whole)
    reader = Reader(io.BytesIO(earlier))
    reader.content()
    while reader.next() is not None:
        pass
    (tmp_path / "1.tar").write_bytes(earlier)
    out = io.BytesIO()
    content = {"stands_on": [{"file": "1.tar", "sums": reader.sums}]}
    last = Reader(io.BytesIO(await old.back_up()))
    content = {key: value for key, value in last.content().items() if key != "form"} | content
    writer = Writer(out, content)
    while (found := last.next()) is not None:
        if found.name != member:
            writer.add(found.name, found, found.size, found.mtime, found.mode)
    writer.add_bytes("earlier/files", f'[0, "{member}"]\n'.encode())
    writer.finish()
    (tmp_path / "2.tar").write_bytes(out.getvalue())
    for how in (["--check"], []):
        code, said = await ivr(new.url, new.state, "restore", str(tmp_path / "2.tar"), *how)
        assert "2 recordings" in said and f"{member} is in the backup twice" in said, said
        assert code == (1 if how else 0)
    assert (new.state / member).read_bytes() == whole
