"""What `ivr backup` says where its archive can't be written."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pyrage
import pytest

from tests.fixtures.commands import roles, started
from tests.fixtures.small_disk import SmallDisk

OPTIONS = ((), ("--for", str(pyrage.x25519.Identity.generate().to_public())))


@pytest.mark.parametrize("options", OPTIONS, ids=["clear", "closed"])
async def test_a_backup_that_finds_no_room_names_its_archive_and_leaves_none(
    options: tuple[str, ...], database_url: str, tmp_path: Path, small_disk: SmallDisk
) -> None:
    small_disk.fill()
    code, said = await started(database_url, tmp_path, "backup", str(small_disk.path / "a.tar"), *options)
    assert (code, said) == (1, f"{small_disk.path / 'a.tar'} can't be written: No space left on device")
    assert not list(small_disk.path.glob("*.tar*"))


@pytest.mark.parametrize("options", OPTIONS, ids=["clear", "closed"])
async def test_a_backup_whose_stream_ends_is_one_sentence(
    options: tuple[str, ...], database_url: str, tmp_path: Path
) -> None:
    ours, left = os.pipe()
    os.close(ours)
    for out, why in ((left, "Broken pipe"), (os.open("/dev/full", os.O_WRONLY), "No space left on device")):
        backup = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ivr.cli", "backup", "-", *options),
            env={**os.environ, **roles(database_url), "IVR_STATE": str(tmp_path)},
            stdout=out, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        os.close(out)
        _, said = await backup.communicate()
        assert (backup.returncode, said.decode()) == (1, f"standard output can't be written: {why}\n")
