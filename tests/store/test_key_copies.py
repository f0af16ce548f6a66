"""A key that only one disk has is used for nothing, and one that is known elsewhere is not forgotten."""

from __future__ import annotations

import os
from pathlib import Path

import pyrage
import pytest

from ivr.store import key_file
from ivr.store.age import AgeError, identities
from ivr.store.envelope import KeyMissing
from ivr.store.key_copies import KeyCopies
from ivr.store.key_file import KeyFile


def holder(path: Path) -> str:
    """Writes a secret key there as `age-keygen` does; the public one."""
    secret = pyrage.x25519.Identity.generate()
    path.write_text(f"# created: today\n# public key: {secret.to_public()}\n{secret}\n")
    return str(secret.to_public())


def copies(folder: Path, *recipients: str) -> KeyCopies:
    places = (folder / "escrow", folder / "second" / "escrow")
    return KeyCopies(KeyFile(folder / "keys" / "recordings"), recipients, places)


def test_a_key_is_used_once_somebody_showed_a_copy_of_it(tmp_path: Path) -> None:
    its = copies(tmp_path)
    assert "ivr keys new" in its.lacking()
    key_file.make(tmp_path / "keys" / "recordings")
    assert "no copy of the key" in its.lacking()
    copy = (tmp_path / "keys" / "recordings").read_text()
    name = its.keys.newest
    other = f"{name} {copy.split()[1][:-4]}AAA=\n"
    assert its.confirm(other) == [] and its.lacking(), "a name is no key"
    assert its.confirm(copy) == [name] and its.lacking() == ""
    key_file.add(tmp_path / "keys" / "recordings")
    assert its.keys.newest != name and its.keys.newest in its.lacking() and its.known() == {name}


def test_or_once_it_is_closed_for_a_holder_who_alone_brings_it_back(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "recordings"
    its = copies(tmp_path, holder(tmp_path / "holder"))
    key_file.make(path)
    assert its.lacking(), "before it is written"
    its.keep()
    key_file.add(path)
    assert its.lacking() and its.known()
    its.keep()
    assert its.lacking() == "" and len(its.known()) == 2
    before = path.read_text()
    assert before.split()[1] not in (tmp_path / "escrow" / "recordings.age").read_bytes().decode("latin1")

    (tmp_path / "escrow" / "recordings.age").write_bytes(b"half")
    assert "no copy of the key" in its.lacking()
    its.keep()
    assert its.lacking() == ""

    path.unlink()
    holder(tmp_path / "stranger")
    with pytest.raises(AgeError, match="another key"):
        its.recover(identities(tmp_path / "stranger"))
    (tmp_path / "escrow" / "recordings.age").unlink()  # the second volume has one
    assert len(its.recover(identities(tmp_path / "holder"))) == 2
    assert path.read_text() == before and its.recover(identities(tmp_path / "holder")) == []


def test_a_copy_that_holds_more_than_we_have_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "recordings"
    its = copies(tmp_path, holder(tmp_path / "holder"))
    key_file.make(path)
    its.keep()
    lost = its.keys.newest
    path.unlink()
    its.keep()  # nothing to close, nothing to forget
    bring_back = f"{tmp_path}/escrow/recordings.age holds {lost}, which {path} lacks: ivr keys recover"
    assert its.lacking() == bring_back, "no new one opens what it closed"
    assert copies(tmp_path).lacking() == bring_back, "though nobody is named any more"
    key_file.make(path)  # somebody thinks that will do
    with pytest.raises(KeyMissing, match=f"holds {lost}, which .* lacks: ivr keys recover"):
        its.keep()
    assert its.lacking() == bring_back, "and no word of a copy that is not known"
    its.confirm(path.read_text())
    assert its.lacking() == "", "somebody showed a copy of this one"
    assert its.recover(identities(tmp_path / "holder")) == [lost]
    its.keep()
    assert its.known() == set(its.keys.current()) and its.keys.newest != lost


def test_other_recipients_get_their_own_copy(tmp_path: Path) -> None:
    one, other = holder(tmp_path / "one"), holder(tmp_path / "other")
    key_file.make(tmp_path / "keys" / "recordings")
    copies(tmp_path, one).keep()
    its = copies(tmp_path, one, other)
    assert its.lacking(), "the copy is not for both yet"
    its.keep()
    (tmp_path / "keys" / "recordings").unlink()
    assert its.recover(identities(tmp_path / "other"))
    with pytest.raises(AgeError, match="'age1nobody' is no public key"):
        copies(tmp_path, "age1nobody").keep()


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root writes what is its own")
def test_keys_that_root_makes_in_the_service_s_folders_are_the_service_s(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12346)
    its = copies(tmp_path, holder(tmp_path / "holder"))
    assert its.keys.path is not None
    key_file.make(its.keys.path)
    key_file.add(its.keys.path)
    its.keep()
    its.confirm(its.keys.path.read_text())
    made = [each for each in tmp_path.rglob("*") if each.name != "holder"]
    names = {"keys", "recordings", "recordings.kept", "second", "escrow", "recordings.age", "recordings.json"}
    assert {path.name for path in made} == names
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12345, 12346)}
    assert not any(path.stat().st_mode & 0o077 for path in made if path.is_file())


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root writes what is its own")
def test_a_key_that_root_makes_stays_with_whoever_has_the_file_or_the_folder_but_root(tmp_path: Path) -> None:
    kept, owners = tmp_path / "factors", ((12345, 12346), (0, 0))
    for file, folder in (owners, owners[::-1]):
        os.chown(tmp_path, *folder)
        key_file.make(kept)
        os.chown(kept, *file)
        key_file.add(kept)
        assert (kept.stat().st_uid, kept.stat().st_gid) == owners[0], (
            "as in /etc; as an older release left it"
        )
        key_file.keep_newest(kept)
        assert kept.stat().st_uid == 12345 and not kept.stat().st_mode & 0o077


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root gives nothing away")
def test_what_root_gives_away_is_written_through_no_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"root's")
    folder = tmp_path / "keys"
    folder.mkdir()
    os.chown(folder, 12345, 12346)
    (folder / f"recordings.{os.getpid()}").symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        key_file.make(folder / "recordings")
    assert (other.read_bytes(), other.stat().st_uid) == (b"root's", 0)
