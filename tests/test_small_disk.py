"""The small disk that other tests fill: whichever way it is made, the kernel itself says that it is full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.small_disk import NoSmallDisk, SmallDisk, small_disk_of


def check(disk: SmallDisk) -> None:
    """Fill it, meet ENOSPC, make room, write again."""
    disk.fill(leave=8192)
    victim = disk.path / "victim"
    with pytest.raises(OSError) as caught:
        victim.write_bytes(b"x" * 100_000)
    assert caught.value.errno == errno.ENOSPC
    assert 0 < victim.stat().st_size <= 12_288  # what fitted is there: half-written, as on any disk
    disk.free()
    victim.write_bytes(b"x" * 100_000)
    assert victim.stat().st_size == 100_000


def test_a_small_disk_fills_up_and_has_room_again(small_disk: SmallDisk) -> None:
    check(small_disk)


# As an ordinary container is: root, but not allowed to mount.
UNPRIVILEGED = "setpriv --inh-caps=-sys_admin --bounding-set=-sys_admin"
CHILD = "from tests.test_small_disk import check\nfrom tests.fixtures.small_disk import small_disk_of\n"
CHILD += "with small_disk_of() as disk:\n    check(disk)\n    print(disk.way)"


def test_it_needs_no_right_to_mount() -> None:
    command = [*(UNPRIVILEGED.split() if os.geteuid() == 0 else ()), sys.executable, "-c", CHILD]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("namespace", "shm")


def test_a_machine_that_allows_no_way_is_told_so_in_one_sentence() -> None:
    with pytest.raises(NoSmallDisk, match="no small disk can be had here"), small_disk_of(ways=()):
        pass
