"""`ivr dialplan render`: where it writes, and what it says where it can't."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.commands import typed
from tests.fixtures.small_disk import SmallDisk


@pytest.mark.parametrize("kind", ["lab", "production"])
async def test_a_full_disk_is_named_and_nothing_half_written_is_left(
    kind: str, tmp_path: Path, small_disk: SmallDisk
) -> None:
    small_disk.fill()
    for _ in range(2):
        code, out, said = await typed("", tmp_path, "dialplan", "render", kind, "--out", str(small_disk.path))
        assert (code, out) == (1, "")
        assert said.startswith(f"{small_disk.path}/")
        assert said.endswith(".conf can't be written: No space left on device\n")
        assert not [each for each in small_disk.path.rglob("*") if each.suffix == ".new"]
    small_disk.free()
    code, out, _ = await typed("", tmp_path, "dialplan", "render", kind, "--out", str(small_disk.path))
    assert code == 0 and all(Path(each).stat().st_size for each in out.splitlines())


async def test_without_a_folder_it_writes_into_ours(tmp_path: Path) -> None:
    code, out, said = await typed("", tmp_path, "dialplan", "render", "production")
    assert (code, said) == (0, "")
    assert {Path(each).parent for each in out.splitlines()} == {tmp_path / "asterisk" / "etc"}
