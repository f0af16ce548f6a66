"""Child processes of the lab: each in a session of its own, so that Ctrl-C reaches only the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import psutil


class Process(Protocol):
    """What is used of `subprocess.Popen`."""

    args: Any
    pid: int
    returncode: int | Any

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


Begin = Callable[[Sequence[str], IO[bytes], Mapping[str, str]], Process]


def begin(command: Sequence[str], output: IO[bytes], env: Mapping[str, str]) -> Process:
    """The program, in a session of its own, with all it says in a file; what it makes is nobody else's."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        start_new_session=True, env=env, umask=0o077,
    )  # fmt: skip


@dataclass(slots=True)
class Child:
    """A running program with its log. `pid_file` lets the next start end what a killed parent left."""

    name: str
    process: Process
    log: Path
    pid_file: Path
    began: float = field(default_factory=time.monotonic)
    restart: Callable[[], Child] | None = None

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], *, log: Path, pid_file: Path,
        env: Mapping[str, str] | None = None, begin: Begin = begin,
    ) -> Child:  # fmt: skip
        """Start it, after ending a leftover of an earlier run."""
        end_leftover(pid_file)
        for folder in (log.parent, pid_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = begin(command, output, os.environ if env is None else env)
        created = psutil.Process(process.pid).create_time()
        pid_file.write_text(f"{process.pid} {created!r}\n", encoding="ascii")
        return cls(name, process, log, pid_file)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self, seconds: float, first: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and end it after `seconds`."""
        if not self.ended:
            self.process.send_signal(first)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                self.process.wait()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """At once, with all that it started."""
        if not self.ended:
            _kill(psutil.Process(self.process.pid))

    def last_words(self) -> str:
        """The end of its log, in one line."""
        return " | ".join(self.log.read_text(encoding="utf-8", errors="replace").split("\n")[-6:]).strip(" |")


def end_leftover(pid_file: Path) -> None:
    """End the process that the file names, unless its number belongs to another process by now."""
    try:
        pid, created = pid_file.read_text(encoding="ascii").split()
        process = psutil.Process(int(pid))
        if abs(process.create_time() - float(created)) < 0.01:
            process.terminate()
            process.wait(10)
    except (OSError, ValueError, psutil.NoSuchProcess):
        pass
    except psutil.TimeoutExpired:
        _kill(process)
    pid_file.unlink(missing_ok=True)


def _kill(program: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        for process in (program, *program.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
