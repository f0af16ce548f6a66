"""A province's suggester, learned when it is first wanted, in a process of its own that gives way to calls.

Learning takes a second of a core. In a thread, numpy and the imports hold the interpreter for up to a tenth
of a second at a time, which a caller would hear.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.cases.suggest import Suggester  # brings numpy

log = logging.getLogger(__name__)

_MISTAKE = 3  # how the process ends when something is wrong with the files
_GIVES_WAY = 5  # less, and a server under full load would keep whoever waits for words waiting for long


class Learning:
    """Learns once, for all who ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = asyncio.Lock()
        self._learned: Suggester | None = None

    async def suggester(self) -> Suggester:
        """Raises SeedError."""
        async with self._lock:
            if self._learned is None:
                self._learned = await _learned_apart(self.folder)
        return self._learned

    async def if_any(self) -> Suggester | None:
        """None, and why in the log, where nothing can be learned: what waits for it goes on without."""
        from ivr.desk.book.seeds import SeedError

        try:
            return await self.suggester()
        except (SeedError, RuntimeError, OSError) as error:
            log.error("no suggestion can be made: %s", error)
            return None


async def _learned_apart(folder: Path) -> Suggester:
    with tempfile.TemporaryFile() as written:
        await _run(folder, written)
        written.seek(0)
        return await asyncio.to_thread(_read, written)


def _read(written: IO[bytes]) -> Suggester:
    """Piece by piece: the interpreter is nobody else's while one is read."""
    from ivr.cases.suggest import Suggester

    reader = pickle.Unpickler(written)
    while not isinstance(piece := reader.load(), Suggester):
        pass
    return piece


async def _run(folder: Path, written: IO[bytes]) -> None:
    """A cancelled wait leaves no process behind."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.desk.book.learning", str(folder),
        stdin=asyncio.subprocess.DEVNULL, stdout=written, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is the server's to answer
    )  # fmt: skip
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    told = said.decode(errors="replace").strip()
    if process.returncode == _MISTAKE:
        from ivr.desk.book.seeds import SeedError

        raise SeedError(told)
    if process.returncode:
        raise RuntimeError(f"nothing was learned from {folder}: {told[-500:]}")


def main() -> None:
    """Learn from the folder that is the only argument, and write the suggester to standard output."""
    os.nice(_GIVES_WAY)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a second thread costs more than it brings
    from ivr.desk.book.seeds import SeedError
    from ivr.desk.book.suggesting import load_suggester

    try:
        learned = load_suggester(Path(sys.argv[1]))
    except SeedError as mistake:
        print(mistake, file=sys.stderr)
        raise SystemExit(_MISTAKE) from None
    writer = pickle.Pickler(sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
    for piece in (*learned.pieces(), learned):
        writer.dump(piece)


if __name__ == "__main__":
    main()
