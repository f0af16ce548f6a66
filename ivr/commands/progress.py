"""Progress of long work on stderr: a bar; into a file or a pipe nothing, or a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Protocol, cast

from rich.console import Console


class Advance(Protocol):
    """So many more of something are done."""

    def __call__(self, what: str, count: int = 1) -> None: ...


@contextmanager
def bars(totals: Mapping[str, int], bytes: bool = False) -> Iterator[Advance]:
    """A bar for each of `totals`; steps of what is not among them are not shown."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    err = Console(stderr=True)
    amount = DownloadColumn() if bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeElapsedColumn())
    with Progress(
        *columns, console=err, transient=True, disable=not (totals and err.is_terminal)
    ) as progress:
        shown = {name: progress.add_task(name, total=total) for name, total in totals.items()}

        def step(what: str, count: int = 1) -> None:
            if what in shown:
                progress.advance(shown[what], count)

        yield step


def lines(
    say: Callable[[str], object], seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """Where there is no terminal to draw a bar on: how many of how many are spoken, every so many seconds."""
    told = clock()

    def step(done: int, total: int) -> None:
        nonlocal told
        if (now := clock()) - told >= seconds:
            told = now
            say(f"{done} of {total} spoken so far")

    return step


def watched(source: IO[bytes], what: str, step: Advance) -> IO[bytes]:
    """The same stream; each byte that is read from it is a step."""

    class Watched:
        def read(self, size: int = -1) -> bytes:
            piece = source.read(size)
            step(what, len(piece))
            return piece

        def peek(self, size: int) -> bytes:
            return cast("Any", source).peek(size)[:size]  # type: ignore[no-any-return]

    return cast("IO[bytes]", Watched())
