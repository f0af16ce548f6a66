"""Recordings closed in envelopes: nothing is lost on the way, and whoever may, reads them as before."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.proving import Finding
from ivr.commands import doctor
from ivr.desk.facts.reconcile import reconcile
from ivr.desk.facts.strays import Shelf
from ivr.desk.keeping.backup import Backup
from ivr.desk.recordings import enclosing
from ivr.desk.recordings.enclosing import Encloser, enclose
from ivr.desk.recordings.hearing import Rendition, Renditions
from ivr.desk.recordings.settling import NotWhole, due
from ivr.lab.pace import patience
from ivr.settings import AtRest, Settings
from ivr.store import envelope, key_file, recording_files
from ivr.store.derived import Derived
from ivr.store.envelope import KeyMissing
from ivr.store.key_copies import KeyCopies
from ivr.store.key_file import KeyFile
from ivr.store.recording_files import closed, plain
from ivr.store.recordings import TO_ENCLOSE
from ivr.store.tables import recordings
from ivr.voice.wave import read
from tests.desk.facts.test_reconcile import put
from tests.desk.keeping.test_verify import findings, with_words
from tests.desk.office import WEDNESDAY, office
from tests.desk.recordings.test_settling import headless
from tests.fixtures.commands import ivr, roles
from tests.fixtures.damaged import bad_sector, root_s
from tests.fixtures.plans import plan_of
from tests.fixtures.small_disk import SmallDisk
from tests.store.test_envelope import key_of
from tests.store.test_key_copies import copies, holder

LATER = WEDNESDAY + timedelta(days=1)
AT_ONCE = timedelta()


@dataclass(slots=True)
class Shut:
    """A case of two recordings, whose files are in envelopes."""

    engine: AsyncEngine
    state: Path
    copies: KeyCopies
    names: list[str]
    contents: list[bytes]

    @property
    def folder(self) -> Path:
        return self.state / "recordings"

    async def close(self, settled: timedelta = timedelta(hours=1), now: datetime = LATER) -> int:
        return await Encloser(self.engine, self.folder, self.copies, settled).once(now)


Making = Callable[[], Awaitable[Shut]]


@pytest.fixture
def opened(engine: AsyncEngine, tmp_path: Path) -> Making:
    async def make() -> Shut:
        _, names = await with_words(engine, tmp_path)
        its = copies(tmp_path, holder(tmp_path / "holder"))
        key_file.make(tmp_path / "keys" / "recordings")
        found = [plain(tmp_path / "recordings", name).read_bytes() for name in names]
        return Shut(engine, tmp_path, its, names, found)

    return make


@pytest.fixture
async def shut(opened: Making) -> Shut:
    found = await opened()
    assert await found.close() == 2
    return found


async def test_what_is_in_the_books_is_closed_once_and_read_and_proved_as_before(shut: Shut) -> None:
    for name, content in zip(shut.names, shut.contents, strict=True):
        assert not plain(shut.folder, name).exists()
        assert content[44:300] not in closed(shut.folder, name).read_bytes()
        assert recording_files.read(shut.folder, name) == content
        with recording_files.lent(shut.folder, name) as path:
            assert path.read_bytes() == content and path.suffix == ".wav"
        assert not path.exists() and not path.is_relative_to(shut.state)
    assert await shut.close() == 0
    assert await findings(shut.engine, shut.state) == []
    async with shut.engine.connect() as connection:
        rows = (await connection.execute(select(recordings).order_by(recordings.c.name))).all()
    assert {row.enclosed_at for row in rows} == {LATER}
    # What is made of them to be heard is closed as well.
    booth = Renditions(shut.folder, Derived(shut.state / "derived"))
    heard = {form: (await booth.opened(rows[0], form)).read() for form in Rendition}
    assert heard[Rendition.PLAIN] in shut.contents and len({*heard.values()}) == 3
    assert len(read(heard[Rendition.BLIND])[0]) == len(read(heard[Rendition.PLAIN])[0])
    assert (await booth.outline(rows[0])).read().startswith(b"{")
    made = [path for path in (shut.state / "derived").rglob("*") if path.is_file()]
    assert len(made) == 3 and {path.read_bytes()[: len(envelope.MARK)] for path in made} == {envelope.MARK}


async def test_what_may_still_be_needed_as_it_is_waits(
    opened: Making, caplog: pytest.LogCaptureFixture
) -> None:
    its = await opened()
    assert await its.close(now=WEDNESDAY + timedelta(minutes=59)) == 0, "in its first hour"
    one, other = (plain(its.folder, name) for name in its.names)
    os.link(one, its.state / "second_name")  # as the dialplan's own has until it is taken in
    other.write_bytes(its.contents[1] + b"more")
    os.utime(other, (1_700_000_000, 1_700_000_000))
    assert await its.close() == 0
    assert "is not what was recorded: ivr verify" in caplog.text
    os.utime(other)
    (its.state / "second_name").unlink()
    os.utime(one)
    assert await its.close() == 0, "it grew just now"
    assert [path.is_file() for path in (one, other)] == [True, True]
    assert not [*its.folder.rglob("*.sealed*")]


async def test_nothing_is_closed_with_a_key_that_one_disk_alone_has(
    opened: Making, caplog: pytest.LogCaptureFixture
) -> None:
    its = await opened()
    its.copies = copies(its.state)  # nobody holds another key
    assert await its.close() == 0 and "no copy of the key" in caplog.text
    its.copies.confirm((its.state / "keys" / "recordings").read_text())
    assert await its.close() == 2
    key_file.add(its.state / "keys" / "recordings")
    put(its.state)
    assert await its.close() == 0 and await findings(its.engine, its.state) == []


async def test_a_key_that_comes_in_the_middle_of_a_pass_closes_nothing_before_there_is_a_copy_of_it(
    opened: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    its = await opened()
    its.copies, keys = copies(its.state), its.state / "keys" / "recordings"
    its.copies.confirm(keys.read_text())
    first, close = its.copies.keys.newest, enclosing.enclose

    def closing(*given: Any) -> bool:
        done = close(*given)
        key_file.add(keys)
        return done

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(enclosing, "enclose", closing)
        assert await its.close() == 1
    shut = [closed(its.folder, name) for name in its.names if not plain(its.folder, name).exists()]
    assert [key_of(path) for path in shut] == [first] != [its.copies.keys.newest]
    its.copies.confirm(keys.read_text())
    assert await its.close() == 1


async def test_nor_does_it_open_what_is_closed_already(
    shut: Shut, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_rest = {"IVR_AT_REST__RECIPIENTS": f'["{shut.copies.recipients[0]}"]'}
    assert (await ivr(database_url, shut.state, "keys", "new", **at_rest))[0] == 0
    second, rewrap = shut.copies.keys.newest, envelope.rewrap

    def wrapping(path: Path, its: KeyFile) -> bool:
        done = rewrap(path, its)
        key_file.add(shut.state / "keys" / "recordings")
        return done

    monkeypatch.setattr(envelope, "rewrap", wrapping)
    status, said = await ivr(database_url, shut.state, "keys", "rewrap", **at_rest)
    assert status == 1 and "no copy of the key" in said and said.endswith("then ivr keys rewrap again")
    found = [key_of(closed(shut.folder, name)) for name in shut.names]
    assert found.count(second) == 1 and shut.copies.keys.newest not in found


def test_the_keys_of_two_machines_in_one_file_open_what_either_has_closed(tmp_path: Path) -> None:
    """As those need it that share their recordings and had made one each."""
    machines, found = (tmp_path / "a", tmp_path / "b"), {}
    for state in machines:
        key_file.make(state / "keys" / "recordings")
        name = put(state)
        found[name] = plain(state / "recordings", name).read_bytes()
        assert enclose(state / "recordings", name, hashlib.sha256(found[name]).hexdigest(), AT_ONCE)
    keys = "".join((state / "keys" / "recordings").read_text() for state in machines)
    shared, others = (state / "recordings" for state in machines)
    shutil.copytree(others, shared, dirs_exist_ok=True)
    with pytest.raises(KeyMissing):
        [recording_files.read(shared, name) for name in found]
    (machines[0] / "keys" / "recordings").write_text(keys)
    assert {name: recording_files.read(shared, name) for name in found} == found


async def test_half_an_envelope_is_written_anew_while_the_plain_file_is_there(tmp_path: Path) -> None:
    key_file.make(tmp_path / "keys" / "recordings")
    folder, name = tmp_path / "recordings", put(tmp_path)
    content = plain(folder, name).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    closed(folder, name).write_bytes(b"half")
    with pytest.raises(NotWhole):
        enclose(folder, name, "0" * 64, AT_ONCE)
    assert plain(folder, name).read_bytes() == content
    assert enclose(folder, name, sha256, AT_ONCE) and recording_files.read(folder, name) == content


async def test_one_whose_head_a_full_disk_refused_is_closed_with_it(opened: Making) -> None:
    """All her words are there: it does not stay in clear for that, packed or not."""
    its = await opened()
    one = plain(its.folder, its.names[0])
    one.write_bytes(headless(its.contents[0]))
    os.utime(one, (1_700_000_000, 1_700_000_000))
    assert await its.close() == 2 and not one.exists()
    assert recording_files.read(its.folder, its.names[0]) == its.contents[0]
    assert await findings(its.engine, its.state) == []


async def test_what_retention_takes_never_comes_back(opened: Making) -> None:
    its = await opened()
    async with its.engine.begin() as connection:  # decided, and held, while the pass goes on
        await connection.execute(
            update(recordings).where(recordings.c.name == its.names[0]).values(removed_at=func.now())
        )
        assert await its.close() == 1
    recording_files.forget(its.folder, its.names[0])
    assert await its.close() == 0
    recording_files.forget(its.folder, its.names[1])
    assert not [path for path in its.folder.rglob("*") if path.is_file()]


async def test_a_database_that_went_back_gets_closed_words_again(engine: AsyncEngine, tmp_path: Path) -> None:
    key_file.make(tmp_path / "keys" / "recordings")
    name = put(tmp_path)
    sha256 = hashlib.sha256(plain(tmp_path / "recordings", name).read_bytes()).hexdigest()
    assert enclose(tmp_path / "recordings", name, sha256, AT_ONCE)
    async with office(engine, tmp_path / "spool") as desk:
        shelf = Shelf(engine, desk.book, tmp_path / "recordings", tmp_path / "spool")
        assert (await reconcile(shelf, own=desk.journal)).cases == 1
        assert (await reconcile(shelf, own=desk.journal, look_back=1e9)).cases == 0
    async with engine.connect() as connection:
        assert (await connection.execute(select(recordings.c.name, recordings.c.sha256))).all() == [
            (name, sha256)
        ]
    assert await findings(engine, tmp_path) == []


async def test_a_missing_key_a_sick_disk_and_a_changed_file_are_told_apart(
    shut: Shut, database_url: str
) -> None:
    keys, one = shut.state / "keys" / "recordings", closed(shut.folder, shut.names[0])
    key = keys.read_text()
    keys.unlink()
    found = await findings(shut.engine, shut.state)
    assert [each.kind for each in found] == ["recording_locked"] * 2
    assert f"closed with the key {key.split()[0]}, which is not in {keys}" in found[0].text
    status, said = await ivr(
        database_url, shut.state, "keys", "recover", "--identity", f"{shut.state}/holder"
    )
    assert (status, said) == (0, f"brought back: {key.split()[0]}")
    assert await findings(shut.engine, shut.state) == []

    whole = one.read_bytes()
    sick = {
        "recording_lost": (whole[:-5_000], whole[: 10 * 4096] + bytes(len(whole) - 10 * 4096)),
        "recording_changed": (whole[:9_000] + bytes([whole[9_000] ^ 1]) + whole[9_001:], whole + b"?"),
    }
    for kind, ways in sick.items():
        for content in ways:
            one.write_bytes(content)
            assert [each.kind for each in await findings(shut.engine, shut.state)] == [kind], len(content)
    one.unlink()
    assert [each.kind for each in await findings(shut.engine, shut.state)] == ["recording_missing"]


async def test_where_recordings_are_in_clear_no_key_is_missed(database_url: str, tmp_path: Path) -> None:
    status, said = await ivr(database_url, tmp_path, "keys", "show", IVR_AT_REST__RECORDINGS="false")
    assert (status, said) == (
        0,
        "no key, and none is needed: recordings are in clear (at_rest.recordings is off)",
    )
    status, said = await ivr(
        database_url, tmp_path, "keys", "show", "--json", IVR_AT_REST__RECORDINGS="false"
    )
    assert (status, json.loads(said)) == (0, [])
    status, said = await ivr(database_url, tmp_path, "keys", "show", IVR_AT_REST__RECORDINGS="true")
    assert status == 1 and "there is no key" in said


async def test_a_lost_key_is_named_though_nothing_is_closed_any_more(shut: Shut, database_url: str) -> None:
    """Nobody is told that none is needed while words lie behind it; a further one opens none of them."""
    keys, lost = shut.state / "keys" / "recordings", shut.copies.keys.newest
    kept = shut.state.with_name("copy")
    keys.rename(kept)
    for show in (["keys", "show"], ["keys", "show", "--json"]):
        status, said = await ivr(database_url, shut.state, *show)
        assert status == 1 and f"closed with the key {lost}, which is not in {keys}" in said, said
        assert "2 of 2 recordings" in said and "ivr keys recover" in said and "none is needed" not in said
    key_file.make(keys)
    shut.copies.confirm(keys.read_text())
    status, said = await ivr(database_url, shut.state, "keys", "show")
    assert status == 1 and "a copy is known elsewhere" in said and f"with the key {lost}" in said
    shut.folder.rename(shut.state / "away")  # another machine has them
    keys.unlink()
    status, said = await ivr(database_url, shut.state, "keys", "show")
    assert status == 1 and f"recordings.age holds {lost}" in said and "ivr keys recover" in said
    (shut.state / "away").rename(shut.folder)
    kept.rename(keys)
    shut.copies.confirm(keys.read_text())
    assert (await ivr(database_url, shut.state, "keys", "show"))[0] == 0


async def test_no_new_key_is_made_where_a_holder_brings_the_lost_one_back(
    shut: Shut, database_url: str
) -> None:
    """It would open nothing of what is closed, and until the lost one is back nothing is closed with it."""
    at_rest = {"IVR_AT_REST__RECIPIENTS": f'["{shut.copies.recipients[0]}"]'}
    keys, lost = shut.state / "keys" / "recordings", shut.copies.keys.newest
    kept = keys.read_text()
    closed_copy = shut.state / "escrow" / "recordings.age"
    bring_back = f"{closed_copy} holds {lost}, which {keys} lacks: ivr keys recover"
    for left in ("", kept.replace(lost, "k0ther")):
        keys.write_text(left) if left else keys.unlink()
        for named in (at_rest, {}):
            for _ in range(2):
                status, said = await ivr(database_url, shut.state, "keys", "new", **named)
                assert status == 1 and said.startswith(bring_back), said
            status, said = await ivr(database_url, shut.state, "keys", "rewrap", **named)
            assert (status, said) == (1, bring_back)
        assert (keys.read_text() if keys.exists() else "") == left
    keys.unlink()
    assert f"move {closed_copy} away" in (await ivr(database_url, shut.state, "keys", "new", **at_rest))[1]
    holder_s = ("keys", "recover", "--identity", f"{shut.state}/holder")
    assert (await ivr(database_url, shut.state, *holder_s))[0] == 0 and keys.read_text() == kept
    keys.unlink()
    for place in shut.copies.places:
        (place / "recordings.age").rename(place / "recordings.age.nobody_s")  # no holder is left
    status, said = await ivr(database_url, shut.state, "keys", "new", **at_rest)
    assert status == 0 and shut.copies.keys.newest in said and shut.copies.lacking() == ""


async def test_a_key_that_no_recipient_gets_is_not_made_and_one_that_no_disk_copies_is_told(
    database_url: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys" / "recordings"
    status, said = await ivr(database_url, tmp_path, "keys", "new", IVR_AT_REST__RECIPIENTS='["age1nobody"]')
    assert status == 1 and "'age1nobody' is no public key" in said and not keys.exists()
    (tmp_path / "escrow").write_text("a file where the folder should be")
    at_rest = {"IVR_AT_REST__RECIPIENTS": f'["{holder(tmp_path / "holder")}"]'}
    status, said = await ivr(database_url, tmp_path, "keys", "new", **at_rest)
    assert status == 1 and f"{keys.read_text().split()[0]} in {keys}, which is in no backup" in said, said


async def test_a_key_file_that_this_user_may_not_read_is_not_called_gone(
    shut: Shut, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = shut.state / "keys" / "recordings"
    kept, to = keys.read_text(), str(shut.state / "words.wav")
    settings = Settings(state=shut.state, database_url=database_url, at_rest=AtRest(recordings=True))
    os.utime(keys)  # so that it is read again, by this process too
    with root_s(keys):
        for words in (
            ("show",), ("new",), ("rewrap",), ("recover", "--identity", f"{shut.state}/holder"),
            ("kept", "-"), ("open", f"{closed(shut.folder, shut.names[0])}", to),
        ):  # fmt: skip
            monkeypatch.setattr(sys, "stdin", io.StringIO(kept))
            status, said = await ivr(database_url, shut.state, "keys", *words)
            assert status == 1 and f"{keys}: Permission denied; see its owner and mode" in said, said
            assert "bring the key" not in said and "there is no key" not in said, said
        seen = [await looked(settings)]
        unread = await findings(shut.engine, shut.state)
        left: list[Finding] = []
        await Backup(shut.engine, shut.state, left.append).write(io.BytesIO())
        shut.folder.rename(shut.state / "away")  # none of them is here to be tried
        seen.append(await looked(settings))
    for each in seen:
        assert not each.ok and f"{keys}" in each.found and "Permission denied" in each.found, each
        assert "see its owner and mode" in each.mend and "recover" not in each.mend, each
    assert [each.kind for each in unread] == ["recording_unread"] * 2
    assert all(f": {keys} can't be read: Permission denied; " in each.text for each in unread), unread
    assert [each.kind for each in left] == ["recording_unread"] * 2
    asked = f"{keys} can't be read: Permission denied; it is not readable for this user"
    assert all(asked in each.text and "backed up as it is" in each.text for each in left), left
    assert keys.read_text() == kept and not Path(to).exists()


async def test_a_key_file_that_is_damaged_or_on_a_sick_disk_makes_no_recording_lost(shut: Shut) -> None:
    keys = shut.state / "keys" / "recordings"
    kept = keys.read_text()
    for spoilt, why in (
        (b"no key\n", "a line of it is no key"), (b"\xff\n", "a line of it is no key"),
        (b"", "Input/output error"),
    ):  # fmt: skip
        keys.write_bytes(kept.encode() + spoilt)
        with nullcontext() if spoilt else bad_sector(keys):
            told = await findings(shut.engine, shut.state)
        assert [each.kind for each in told] == ["recording_unread"] * 2, told
        assert all(f"{keys} can't be read: {why}" in each.text for each in told), told
        assert not any("is not whole" in each.text for each in told)
    keys.write_text(kept)
    assert await findings(shut.engine, shut.state) == []


async def test_a_full_disk_or_a_damaged_envelope_leaves_no_half_file_of_one_that_is_opened(
    shut: Shut, tmp_path: Path, small_disk: SmallDisk
) -> None:
    file, words = closed(shut.folder, shut.names[0]), small_disk.path / "words.wav"
    small_disk.fill(leave=4096)
    for _ in range(2):
        told = await ivr("", shut.state, "keys", "open", str(file), str(words))
        assert told == (1, f"{words} can't be written: No space left on device")
        assert not words.exists()
    small_disk.free()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"?")
    status, said = await ivr("", shut.state, "keys", "open", str(file), str(words))
    assert status == 1 and str(file) in said and not words.exists(), said
    file.write_bytes(whole)
    assert (await ivr("", shut.state, "keys", "open", str(file), str(words)))[0] == 0
    assert words.read_bytes() == shut.contents[0]
    nowhere = tmp_path / "nowhere" / "words.wav"
    told = await ivr("", shut.state, "keys", "open", str(file), str(nowhere))
    assert told == (1, f"{nowhere} can't be written: No such file or directory")


async def test_keys_change_by_the_command_and_nothing_has_to_be_closed_anew(
    shut: Shut, database_url: str
) -> None:
    at_rest = {"IVR_AT_REST__RECIPIENTS": f'["{shut.copies.recipients[0]}"]'}
    first = shut.copies.keys.newest
    status, said = await ivr(database_url, shut.state, "keys", "new", **at_rest)
    assert status == 0 and said.endswith("which is in no backup")
    assert await findings(shut.engine, shut.state) == []
    status, said = await ivr(database_url, shut.state, "keys", "rewrap", **at_rest)
    newest = shut.copies.keys.newest
    assert (status, said) == (0, f"2 of 2 envelopes are opened by {newest} now, the others were")
    assert {key_of(closed(shut.folder, name)) for name in shut.names} == {newest} != {first}
    assert await findings(shut.engine, shut.state) == []
    status, said = await ivr(database_url, shut.state, "keys", "show", **at_rest)
    assert (status, said.count("a copy is known elsewhere")) == (0, 2)
    status, said = await ivr(database_url, shut.state, "keys", "show", "--json", **at_rest)
    assert (status, json.loads(said)) == (0, [{"name": name, "copied": True} for name in (newest, first)])
    words = shut.state / "words.wav"
    file = str(closed(shut.folder, shut.names[1]))
    assert (await ivr(database_url, shut.state, "keys", "open", file, str(words)))[0] == 0
    again = await ivr(database_url, shut.state, "keys", "open", file, str(words))
    assert again == (2, f"{words} is there already")
    assert words.read_bytes() == shut.contents[1] and words.stat().st_mode & 0o077 == 0
    status, said = await ivr(
        database_url, shut.state, "keys", "kept", str(shut.state / "keys" / "recordings")
    )
    assert status == 1 and "on the same disk" in said
    status, said = await ivr(database_url, shut.state, "keys", "rewrap")  # without recipients
    assert status == 1 and "no copy of the key" in said


async def looked(settings: Settings) -> doctor.Diagnosis:
    return await doctor._at_rest(settings)  # the others of its looks take seconds


async def test_the_doctor_tells_what_is_in_clear_and_which_key_is_in_danger(
    opened: Making, database_url: str
) -> None:
    its = await opened()
    settings = Settings(state=its.state, database_url=database_url)
    seen = await looked(settings)
    assert seen.ok and "recordings and backups are in clear" in seen.found
    on = settings.model_copy(update={"at_rest": AtRest(recordings=True)})
    seen = await looked(on)
    assert not seen.ok and "no copy of the key" in seen.found
    both = settings.model_copy(update={"at_rest": AtRest(recordings=True, recipients=its.copies.recipients)})
    assert await its.close() == 2
    seen = await looked(both)
    assert seen.ok and seen.found.startswith("2 recordings are in envelopes")
    (its.state / "keys" / "recordings").unlink()
    for each in (settings, both):
        seen = await looked(each)
        assert not seen.ok and "which is not in" in seen.found and "ivr keys recover" in seen.mend


async def test_a_holder_who_is_mistyped_is_named_whether_recordings_are_closed_or_not(
    shut: Shut, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every backup fails of it, and no key of a recording is closed for anybody."""
    (own := shut.state / "own.yaml").touch()
    monkeypatch.setenv("IVR_CONFIG", str(own))
    settings, well = Settings(state=shut.state, database_url=database_url), shut.copies.recipients[0]
    both = (well, "age1bad")
    named = f"{own}: at_rest.recipients (or IVR_AT_REST__RECIPIENTS): 'age1bad' is no public key"
    for recordings_too in (False, True):
        at_rest = AtRest(recordings=recordings_too, recipients=both)
        seen = await looked(settings.model_copy(update={"at_rest": at_rest}))
        assert not seen.ok and named in seen.found and "each backup" in seen.found, seen
        assert "no copy of the key" not in seen.found, seen
    in_env = {"IVR_AT_REST__RECIPIENTS": json.dumps(both)}
    for how in (("show",), ("rewrap",)):
        status, said = await ivr(database_url, shut.state, "keys", *how, **in_env)
        assert status == 1 and "'age1bad' is no public key" in said and "no copy of" not in said, said
    (shut.state / "keys" / "recordings").unlink()
    seen = await looked(settings.model_copy(update={"at_rest": AtRest(recipients=both)}))
    assert named in seen.found and "can't be opened" in seen.found and "ivr keys recover" in seen.mend
    seen = await looked(settings.model_copy(update={"at_rest": AtRest(recipients=(f" {well}\n",))}))
    assert "at_rest.recipients" not in seen.found, "as the backup reads it"
    secret = str(pyrage.x25519.Identity.generate())
    seen = await looked(settings.model_copy(update={"at_rest": AtRest(recipients=(secret,))}))
    assert "a secret key stands where" in seen.found and secret not in f"{seen}", "it is printed, and logged"


async def test_the_role_work_packs_and_closes_them(opened: Making, database_url: str) -> None:
    its = await opened()
    its.copies.keep()
    told = {"IVR_STATE": str(its.state), "IVR_AT_REST__RECORDINGS": "true", **roles(database_url)}
    told["IVR_AT_REST__PACKED"] = "true"
    saying = [b"2 recordings were enclosed", b"2 recordings were packed"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr.cli", "serve", "--role", "work"),
        env={**os.environ, **told, "IVR_AT_REST__RECIPIENTS": json.dumps(its.copies.recipients)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(patience(60)):
            assert process.stdout is not None
            while saying:
                line = await process.stdout.readline()
                assert line, "it ended"
                if saying[-1] in line:
                    saying.pop()
    finally:
        process.terminate()
        await process.communicate()
    assert [recording_files.read(its.folder, name) for name in its.names] == its.contents
    outside = [closed(its.folder, name).stat().st_size for name in its.names]
    assert all(size < 0.9 * len(content) for size, content in zip(outside, its.contents, strict=True))
    assert not [*its.folder.rglob("*.wav")] and await findings(its.engine, its.state) == []


async def test_what_waits_to_be_closed_is_found_by_index(engine: AsyncEngine) -> None:
    plan = await plan_of(engine, due(TO_ENCLOSE, LATER))
    assert "ix_recordings_to_enclose" in plan and "Sort" not in plan, plan
