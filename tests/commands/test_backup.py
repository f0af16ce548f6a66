"""What `ivr backup` says where its archive can't be written."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from pathlib import Path

import pyrage
import pytest
from rich.console import Console

from ivr.commands import backup as command
from tests.fixtures.commands import ivr, roles, started
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


async def test_a_backup_for_which_there_is_clearly_no_room_is_not_begun_and_one_that_needs_little_is(
    database_url: str, tmp_path: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "long.wav").write_bytes(bytes(range(256)) * 4096)
    first, second = (("backup", str(small_disk.path / name), "--new") for name in ("1.tar", "2.tar"))
    small_disk.fill(leave=1 << 19)
    for _ in range(2):
        code, said = await ivr(database_url, tmp_path, *first)
        assert code == 1 and "takes 1.0 MB for its files alone; 524.3 kB are free there" in said, said
        assert said.endswith("it was not begun") and not list(small_disk.path.glob("*.tar*"))
    small_disk.free()
    assert "free there" not in (await ivr(database_url, tmp_path, *first))[1], "to a terminal alone"
    small_disk.fill(leave=1 << 19)
    monkeypatch.setattr(command, "err", Console(file=(screen := io.StringIO()), force_terminal=True))
    code, said = await ivr(database_url, tmp_path, *second)
    assert "2.tar takes 0 bytes for its files alone; 524.3 kB are free there" in screen.getvalue()
    assert code == 0 and "stands on 1 earlier" in said, said
