"""A backup of what is new stands on those before it: together they bring everything back, a gap is told."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import timedelta
from pathlib import Path

import pyrage

from ivr.desk.recordings.enclosing import Encloser
from ivr.store import recording_files
from ivr.store.age import identities
from tests.desk.facts.test_reconcile import put, recorded
from tests.desk.keeping.test_backup import Machine, new, old
from tests.desk.keeping.test_verify import close_days, sql, with_words
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.commands import ivr
from tests.fixtures.damaged import bad_sector
from tests.store.test_key_copies import copies, holder

__all__ = ["new", "old"]  # fixtures


async def backed_up(at: Machine, to: Path, **more: str) -> str:
    """The last line of what the command says."""
    code, said = await ivr(at.url, at.state, "backup", str(to), "--new", **more)
    assert code == 0, said
    return said


async def another_case(at: Machine) -> str:
    """The name of its one recording."""
    name = put(at.state)
    async with office(at.engine, at.state / "spool") as desk:
        await desk.intake.open_case(call(), opening(recorded(at.state, name)))
        await desk.pump.idle()
    return name


def recordings_in(archive: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {name.split("/", 1)[1] for name in tar.getnames() if name.startswith("recordings/")}


async def test_a_chain_for_the_holder_of_a_key_brings_back_what_was_there_at_its_end(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """Words that were closed in between go in once more, words that retention erased stay away."""
    to_whom = holder(tmp_path / "holder")
    recipients = {"IVR_AT_REST__RECIPIENTS": json.dumps([to_whom])}
    folder = tmp_path / "backups"
    folder.mkdir()
    _, (erased, closed) = await with_words(old.engine, old.state)
    await close_days(old.engine, old.state)
    assert "this backup is whole: there is no earlier one" in await backed_up(
        old, folder / "1.tar.age", **recipients
    )

    second = await another_case(old)
    said = await backed_up(old, folder / "2.tar.age", **recipients)
    assert "stands on 1 earlier ones with 3 files" in said  # two recordings and the list of a day

    recording_files.plain(old.state / "recordings", erased).unlink()
    gone = "UPDATE recordings SET removed_at = now(), erased_at = now() WHERE name = :name"
    await sql(old.engine, gone, name=erased)
    assert (await ivr(old.url, old.state, "keys", "new", **recipients))[0] == 0
    encloser = Encloser(old.engine, old.state / "recordings", copies(old.state, to_whom))
    assert await encloser.once(WEDNESDAY + timedelta(days=1)) == 2
    third = await another_case(old)
    await backed_up(old, folder / "3.tar.age", **recipients)
    inside = {
        path.name[0]: recordings_in(pyrage.decrypt(path.read_bytes(), identities(tmp_path / "holder")))
        for path in folder.glob("*.age")
    }
    assert inside == {
        "1": {f"{erased}.wav", f"{closed}.wav"},
        "2": {f"{second}.wav"},
        "3": {f"{closed}.sealed", f"{second}.sealed", f"{third}.wav"},
    }

    its = ["--identity", str(tmp_path / "holder")]
    for check in (["--check"], []):
        code, said = await ivr(new.url, new.state, "restore", str(folder / "3.tar.age"), *its, *check)
        assert code == 0 and "3 recordings" in said, said
    assert {name for name in new.files() if name.startswith("recordings/")} == {
        f"recordings/{closed}.sealed", f"recordings/{second}.sealed", f"recordings/{third}.wav"
    }  # fmt: skip
    assert [name for name in old.files() if name.startswith("custody/")] == [
        name for name in new.files() if name.startswith("custody/")
    ]
    _, said = await ivr(new.url, new.state, "verify")
    assert said.count("\n") == 1 and said.startswith("recording_hidden: "), said  # we erased it untold


async def test_a_backup_stands_on_none_that_who_is_to_open_it_can_not_open(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """One for somebody else lies in between, then a second holder is named, then the first one alone."""
    hers, other = holder(tmp_path / "her key"), holder(tmp_path / "another")
    last, whole = "", "this backup is whole: {} was closed for others than this one"
    folder = tmp_path / "backups"
    folder.mkdir()
    await with_words(old.engine, old.state)
    for day, (closed_for, told) in enumerate(
        [
            ([hers], "this backup is whole: there is no earlier one"),
            ([other], whole),
            ([hers], whole),
            ([hers], "stands on 1 earlier ones"),
            ([hers, other], whole),
            ([hers], "stands on 1 earlier ones"),
            ([other], whole),
        ]
    ):
        archive = folder / f"{day}.tar.age"
        said = await backed_up(old, archive, IVR_AT_REST__RECIPIENTS=json.dumps(closed_for))
        assert told.format(last) in said
        last = archive.name
        its = ["--identity", str(tmp_path / ("her key" if hers in closed_for else "another"))]
        code, said = await ivr(new.url, new.state, "restore", "--check", str(archive), *its)
        assert code == 0 and "2 recordings" in said, said


async def test_a_list_that_does_not_say_for_whom_it_was_closed_is_an_earlier_release_s(
    old: Machine, tmp_path: Path
) -> None:
    await backed_up(old, tmp_path / "1.tar")
    its = tmp_path / "1.tar.files"
    head, rest = its.read_text().split("\n", 1)
    told = json.loads(head)
    del told["holders"]
    its.write_text(json.dumps(told) + "\n" + rest)
    why = "this backup is whole: 1.tar.files does not say for whom it was closed"
    assert why in await backed_up(old, tmp_path / "2.tar")
    assert "stands on 1 earlier ones" in await backed_up(old, tmp_path / "3.tar")


async def test_a_broken_chain_is_told_in_one_sentence_and_nothing_is_left_behind(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    await with_words(old.engine, old.state)
    first, second, third = (tmp_path / f"{name}.tar" for name in ("first", "second", "third"))
    await backed_up(old, first)
    await another_case(old)
    await backed_up(old, second)
    whole = first.read_bytes()

    async def refused() -> str:
        for check in (["--check"], []):
            code, said = await ivr(new.url, new.state, "restore", str(second), *check)
            assert code == 1 and new.files() == [] and await new.tables() == []
        return said

    first.unlink()
    why = f"{second}: it stands on first.tar, which can't be read: No such file or directory"
    assert await refused() == why
    assert "this backup is whole: first.tar, on which the last one stands, is not there as it was" in (
        await backed_up(old, third)
    )
    first.write_bytes(third.read_bytes())
    assert await refused() == f"{second}: first.tar is another backup than the one that it stands on"
    first.write_bytes(whole[:-20_000])
    assert "cut off" in await refused() or "damaged" in await refused()
    first.write_bytes(whole)
    assert (await ivr(new.url, new.state, "restore", str(second)))[0] == 0
    code, said = await ivr(new.url, new.state, "verify")
    assert code == 0, said


async def test_what_could_not_be_read_is_taken_by_the_next_backup_once_it_can(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    """What an earlier one holds stands for it meanwhile."""
    _, (known, gone) = await with_words(old.engine, old.state)
    await backed_up(old, tmp_path / "1.tar")
    sick = await another_case(old)
    folder = old.state / "recordings"
    (folder / f"{gone}.wav").rename(tmp_path / "gone")
    with bad_sector(*(folder / f"{name}.wav" for name in (known, sick))):
        code, said = await ivr(old.url, old.state, "backup", str(tmp_path / "2.tar"), "--new")
    assert code == 1 and "NOT WHOLE, 1 things are lacking" in said, said
    assert "stands on 1 earlier ones with 2 files" in said
    code, said = await ivr(old.url, old.state, "backup", str(tmp_path / "3.tar"), "--new")
    assert code == 1 and "NOT WHOLE" not in said and f"{gone} is not there to be backed up" in said, said
    (tmp_path / "gone").rename(folder / f"{gone}.wav")
    await backed_up(old, tmp_path / "4.tar")
    inside = {path.name[0]: recordings_in(path.read_bytes()) for path in tmp_path.glob("*.tar")}
    assert inside["3"] == {f"{sick}.wav"} and inside["4"] == set()
    assert (await ivr(new.url, new.state, "restore", str(tmp_path / "3.tar")))[0] == 0
    assert {name for name in new.files() if name.startswith("recordings/")} == {
        f"recordings/{name}.wav" for name in (known, gone, sick)
    }
    assert (await ivr(new.url, new.state, "verify"))[0] == 0


async def test_a_list_that_can_t_be_written_is_told_in_one_sentence_and_the_archive_stands(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    archive = tmp_path / "first.tar"
    archive.with_name("first.tar.files").mkdir()
    code, said = await ivr(old.url, old.state, "backup", str(archive))
    why = f"{archive} is whole, but its list beside it can't be written: Is a directory"
    assert code == 1 and said.splitlines()[-1] == why, said
    assert (await ivr(new.url, new.state, "restore", "--check", str(archive)))[0] == 0
