"""A progress bar on stderr for long work; nothing when it goes to a file or a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Step(Protocol):
    """So many more of something are done."""

    def __call__(self, what: str, count: int = 1) -> None: ...


@contextmanager
def bars(totals: Mapping[str, int]) -> Iterator[Step]:
    """A bar for each of `totals`; steps of what is not among them are not shown."""
    err = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        shown = {name: progress.add_task(name, total=total) for name, total in totals.items()}

        def step(what: str, count: int = 1) -> None:
            if what in shown:
                progress.advance(shown[what], count)

        yield step
