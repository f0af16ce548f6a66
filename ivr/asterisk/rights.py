"""What Asterisk's own process may read and write, told by the kernel's numbers and a file's mode bits.

Asterisk is another user, and of its groups it may have none: started with `-U` and `-G`, as Debian's service
is, it gives up every supplementary group (main/asterisk.c calls setgroups(0)). Seen from our process all is
well then, and a caller hears nothing.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

READ, WRITE, ENTER = 4, 2, 1
PROC, ENFORCE = Path("/proc"), Path("/sys/fs/selinux/enforce")


@dataclass(frozen=True, slots=True)
class Runner:
    """Who a process runs as, by numbers; how many `files` it may have open, 0 where there is no end.

    `confined`: SELinux is enforcing, and it runs in the domain of a packaged Asterisk.
    """

    uid: int
    groups: frozenset[int]
    files: int = field(default=0, compare=False)
    confined: bool = False

    @property
    def name(self) -> str:
        with suppress(KeyError):
            return pwd.getpwuid(self.uid).pw_name
        return str(self.uid)


def runners() -> Iterator[Runner]:
    """Of every Asterisk on this machine, not its consoles (`asterisk -r`) nor who only names its folders."""
    for process in psutil.process_iter(["name", "cmdline"]):
        name, words = process.info["name"] or "", process.info["cmdline"] or []
        loaded = name.startswith("ld-linux") and any(Path(word).name == "asterisk" for word in words)
        if (name == "asterisk" or loaded) and not any(word.startswith(("-r", "-x")) for word in words):
            with suppress(OSError):  # it may be gone
                of = PROC / str(process.pid)
                yield _runner((of / "status").read_text(), (of / "limits").read_text(), _confined(of))


def _confined(of: Path) -> bool:
    with suppress(OSError):  # there is no SELinux, or no such module at all
        domain = (of / "attr/current").read_bytes()  # user:role:domain:level, and a NUL
        return ENFORCE.read_bytes().strip() == b"1" and b":asterisk_t:" in domain
    return False


def _runner(status: str, limits: str, confined: bool) -> Runner:
    """Effective user and groups (proc(5): the second of four numbers, and all groups), and its soft limit."""
    told = {key: value.split() for key, _, value in (line.partition(":") for line in status.splitlines())}
    groups = frozenset(map(int, [told["Gid"][1], *told["Groups"]]))
    files = limits.partition("Max open files")[2].split()[0]
    return Runner(int(told["Uid"][1]), groups, int(files) if files.isdigit() else 0, confined)


def barred(runner: Runner, path: Path, wanted: int) -> Path | None:
    """The first folder on the way that it may not enter, or `path` if it may not use it as `wanted`.

    None: nothing bars it. Where an access list (acl(5)) decides, that is taken for leave. Raises OSError if
    `path` is not there.
    """
    if runner.uid == 0:
        return None
    path = path.resolve()
    way = [*((folder, ENTER) for folder in reversed(path.parents)), (path, wanted)]
    return next((step for step, want in way if not _may(runner, step, want)), None)


def _may(runner: Runner, path: Path, want: int) -> bool:
    found = path.stat()
    with suppress(OSError):
        if os.getxattr(path, "system.posix_acl_access"):
            return True
    if found.st_uid == runner.uid:
        bits = found.st_mode >> 6
    elif found.st_gid in runner.groups:
        bits = found.st_mode >> 3
    else:
        bits = found.st_mode
    return stat.S_IMODE(bits) & want == want
