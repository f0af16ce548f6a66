"""CPU seconds of whole process trees, over a stretch of time."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass

import psutil


def seconds(root: int) -> float:
    """User and system time of a process and all below it.

    Children that have ended count too: the kernel adds theirs to their parent's when it waits for them.
    """
    try:
        process = psutil.Process(root)
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(map(_spent, tree))


def own() -> float:
    """This process's, and that of its children that have ended (SIPp)."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0  # it has just ended, and stands in its parent's account
    return float(times.user + times.system + times.children_user + times.children_system)


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts from its making. `roots`: name → the root of its process tree; trees must not overlap."""

    roots: Mapping[str, int]
    before: Mapping[str, float]

    @classmethod
    def start(cls, roots: Mapping[str, int]) -> Meter:
        return cls(roots, cls._all(roots))

    def read(self) -> dict[str, float]:
        """CPU seconds by name since the start; "bench" is our own and SIPp's."""
        return {name: spent - self.before[name] for name, spent in self._all(self.roots).items()}

    @staticmethod
    def _all(roots: Mapping[str, int]) -> dict[str, float]:
        return {**{name: seconds(root) for name, root in roots.items()}, "bench": own()}
