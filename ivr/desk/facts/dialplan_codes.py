"""Tracking codes for callers whom no server of ours answers; the dialplan takes them alone, one by one.

In the folder of the dialplan's own recordings: `codes` names the set in use; `codes.<set>` holds it, ten
digits and a line end each, its own name first; `codes.<set>.taken` grows by a byte with each that is taken,
under Asterisk's LOCK and before it is used (dialplan/shared/hotline.conf.j2), and that is flushed. So a code
is given once, whatever is killed or cut off. Each start begins a new set: the folder may have been set back.
Servers lay out one after the other (`codes.lock`).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from ivr.desk.case.codes import CodeBlock
from ivr.store.disk_thread import ask_once
from ivr.store.flushing import each_write_is_flushed, flush, flush_each_write

log = logging.getLogger(__name__)

SET = 1_000  # callers while every server is away
LINE_BYTES = 11
LOOK_SECONDS = 30.0
NAME, LOCK = "codes", "lock"


async def keep_laid_out(codes: CodeBlock, folder: Path) -> None:
    """For ever: a fresh set at the start, another when half of it is taken."""
    fresh = False
    while True:
        if not fresh or await ask_once(partial(left, folder)) < SET // 2:
            try:
                fresh = await lay_out(codes, folder)
            except OSError as error:
                log.warning("no tracking codes for the dialplan: %s", error)
        await asyncio.sleep(LOOK_SECONDS)


async def lay_out(codes: CodeBlock, folder: Path) -> bool:
    """Begin a new set. False, and nothing done, while there are few codes in hand. Raises OSError."""
    if codes.left < 2 * SET:
        return False
    await ask_once(partial(_try, folder))
    own = [code for code in [await codes.take() for _ in range(SET + 1)] if code]
    await ask_once(partial(_write, folder, own))
    return True


def left(folder: Path) -> int:
    """How many of the set in use are not taken."""
    with suppress(OSError, ValueError):
        its = folder / f"{NAME}.{_named(folder)}"
        taken = its.with_name(f"{its.name}.taken")
        return its.stat().st_size // LINE_BYTES - 1 - (taken.stat().st_size if taken.exists() else 0)
    return 0


def forgettable(folder: Path) -> Path | None:
    """What tells how many of the set in use are taken, if a power cut may make the disk forget some."""
    with suppress(OSError, ValueError):
        taken = folder / f"{NAME}.{_named(folder)}.taken"
        return None if each_write_is_flushed(taken) else taken
    return None


def _named(folder: Path) -> int:
    return int((folder / NAME).read_text())


def _try(folder: Path) -> None:
    """Raises OSError where no set can be written: its codes would be lost, a thousand at each look."""
    with TemporaryFile(dir=folder) as trial:
        trial.write(bytes((SET + 1) * LINE_BYTES))
        trial.flush()
        os.fsync(trial.fileno())


def _write(folder: Path, codes: list[str]) -> None:
    """The set first, then what names it; the one before stays, for a call that is just taking from it.

    One process after the other: each would take the other's away.
    """
    with (folder / f"{NAME}.{LOCK}").open("w") as lock:
        with suppress(OSError):  # a file system that knows no locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        before = ""
        with suppress(OSError, ValueError):
            before = str(_named(folder))
        name = codes[0]
        _make_taken(folder / f"{NAME}.{name}.taken")
        _write_whole(folder / f"{NAME}.{name}", "".join(f"{code}\n" for code in codes))
        _write_whole(folder / NAME, f"{name}\n")
        _take_away(folder, {name, before, LOCK})


def _take_away(folder: Path, kept: set[str]) -> None:
    """All other sets. What tells that codes of one are taken goes after them, or they were given again."""
    old = (path for path in folder.glob(f"{NAME}.*") if not kept & set(path.name.split(".")))
    with suppress(OSError):
        for path in sorted(old):
            path.unlink()


def _make_taken(path: Path) -> None:
    """Asterisk, which writes to it, flushes nothing by itself."""
    _write_whole(path, "")
    path.chmod(0o660)
    try:
        flush_each_write(path)
    except OSError as error:  # NFS, tmpfs
        log.warning("a power cut may give a code of %s to a second caller: %s", path, error.strerror)


def _write_whole(path: Path, text: str) -> None:
    scratch = path.with_name(f"new.{path.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(path)
    flush(path, path.parent)
