"""CPU seconds of whole process trees, over a stretch of time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil


def seconds(roots: Iterable[int]) -> float:
    """User and system time of these processes and all below them.

    Children that have ended count too: the kernel adds theirs to their parent's when it waits for them.
    """
    living: dict[int, psutil.Process] = {}
    for root in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(root)
            living |= {each.pid: each for each in (process, *process.children(recursive=True))}
    return sum(map(_spent, living.values()))


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0  # it has just ended, and stands in its parent's account
    return float(times.user + times.system + times.children_user + times.children_system)


def descendants(root: int, *names: str) -> list[int]:
    """The processes below `root` whose executable's name, or command line, holds one of the names."""
    found = []
    for process in psutil.Process(root).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            command = " ".join(process.cmdline()[:4])
            if any(name in process.name() or name in command for name in names):
                found.append(process.pid)
    return found


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts from its making. `groups`: name → the roots of its process trees, which must not overlap."""

    groups: Mapping[str, tuple[int, ...]]
    before: Mapping[str, float]

    @classmethod
    def start(cls, groups: Mapping[str, tuple[int, ...]]) -> Meter:
        return cls(groups, {name: seconds(roots) for name, roots in groups.items()})

    def read(self) -> dict[str, float]:
        """CPU seconds by group since the start."""
        return {name: seconds(roots) - self.before[name] for name, roots in self.groups.items()}
