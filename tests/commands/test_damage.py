"""The doctor names every place that a disk of ours does not give, and what to do."""

from __future__ import annotations

import errno
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands import doctor
from ivr.commands.damage import MEND
from ivr.settings import Settings
from ivr.store.room import Hold, Room
from ivr.store.volumes import link
from tests.desk.facts.test_reconcile import put
from tests.desk.office import office
from tests.fixtures.damaged import bad_sector, damaged


async def test_the_doctor_names_what_a_disk_does_not_give(engine: AsyncEngine, tmp_path: Path) -> None:
    """Of recordings, of a slot and its codes, of what is held of a disk; and a second disk unplugged."""
    settings = Settings(state=tmp_path)
    put(tmp_path)
    put(tmp_path / "other")
    link(tmp_path / "recordings", tmp_path / "other" / "recordings")
    room = Room(tmp_path / "recordings")
    room.count([Hold(tmp_path / "recordings" / "words.wav", 1_000_000)])
    async with office(engine, tmp_path / "spool"):
        # This check alone, here and below: all of them take seconds.
        assert await doctor._damage(settings) == ("damage", True, "every folder can be read", MEND)
        day = tmp_path / "recordings" / "2026" / "11" / "25"
        held = next((tmp_path / "recordings" / ".room").glob("held-*"))
        codes, journal = tmp_path / "spool" / "codes", tmp_path / "spool" / "journal"
        for place in (day, codes, journal / "lock", codes / "lease.json", held):
            with damaged(place), bad_sector(place):
                seen = await doctor._damage(settings)  # likewise
            assert not seen.ok and f"{place}: Input/output error" in seen.found
    room.close()
    (tmp_path / "other").rename(tmp_path / "unplugged")
    seen = await doctor._damage(settings)  # likewise
    assert f"{tmp_path / 'recordings' / 'second'}: No such file or directory" in seen.found
    assert "mount that disk" in seen.mend


async def test_what_this_user_may_not_read_is_not_laid_at_a_disk_s_door(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """`lost+found` is root's at the top of each disk, and no folder of ours."""
    settings = Settings(state=tmp_path)
    put(tmp_path)
    mine, root_s = tmp_path / "recordings" / "2026", tmp_path / "recordings" / "lost+found"
    root_s.mkdir()
    with damaged(root_s, code=errno.EACCES):
        assert await doctor._damage(settings) == ("damage", True, "every folder can be read", MEND)  # alone
        with damaged(mine, code=errno.EACCES):
            seen = await doctor._damage(settings)  # likewise
    assert not seen.ok and seen.found == f"can't be read: {mine}: Permission denied"
    assert "not readable for this user" in seen.mend and "dmesg" not in seen.mend
