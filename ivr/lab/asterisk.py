"""Asterisk for the lab: the one on PATH, or one unpacked without root and run by its own loader."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.asterisk.dialplan import Secrets, render
from ivr.lab.pace import patience
from ivr.lab.packages import PackagesError, bring
from ivr.lab.process import Child
from ivr.settings import ROOT, Settings
from ivr.speech.paths import SUFFIXES

Progress = Callable[[str], None]
START_SECONDS = 30.0


class LabError(Exception):
    """Something of the lab can't start; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Program:
    """How to run a program. `root` is the unpacked tree, None when it is the machine's own."""

    command: tuple[str, ...]
    root: Path | None = None

    @property
    def modules(self) -> Path | None:
        """Asterisk's modules, where they are not in the folder that was compiled in."""
        return next(self.root.glob("usr/lib/*/asterisk/modules"), None) if self.root else None

    @property
    def documentation(self) -> Path:
        """Asterisk refuses to start without the XML that describes its options."""
        tree = self.root or Path("/")
        for folder in ("usr/share/asterisk", "var/lib/asterisk", "usr/local/share/asterisk"):
            if (tree / folder / "documentation").is_dir():
                return tree / folder / "documentation"
        raise LabError("Asterisk's documentation folder is missing, and Asterisk does not start without it")


def cache() -> Path:
    """Where unpacked programs are kept; shared by every state of this checkout."""
    return Path(os.environ.get("IVR_LAB_CACHE") or ROOT / "var" / "lab").resolve()


def asterisk(progress: Progress) -> Program:
    """Asterisk from PATH, or unpacked. Raises PackagesError."""
    return _find("asterisk", "asterisk", "usr/sbin/asterisk", progress)


def sipp(progress: Progress) -> Program:
    """SIPp from PATH, or unpacked. Raises PackagesError."""
    return _find("sipp", "sip-tester", "usr/bin/sipp", progress)


def _find(name: str, package: str, place: str, progress: Progress) -> Program:
    if found := shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"):
        return Program((found,))
    root = bring([package], cache(), progress)
    return Program((*_loader(root), str(root / place)), root)


def _loader(root: Path) -> tuple[str, ...]:
    """The tree's own loader and libraries: the machine's may be older."""
    for loader in sorted(root.glob("usr/lib/*/ld-linux-*.so.*")):
        return (str(loader), "--library-path", str(loader.parent))
    raise PackagesError(f"there is no loader in {root}; remove that folder and start again")


def version(program: Program) -> str:
    """Like "22.10.1"."""
    said = subprocess.run([*program.command, "-V"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.\d+(\.\d+)?", said)
    if not found:
        raise LabError(f"{program.command[-1]} -V does not tell its version: {said.strip() or 'nothing'}")
    return found[0]


def start(program: Program, settings: Settings, secrets: Secrets) -> Child:
    """Render the lab's configuration and start Asterisk on it. Returns when its manager answers.

    Raises LabError with the place of the log.
    """
    home = settings.state_path / "asterisk"
    _prepare(home, settings)
    _link(home / "data" / "documentation", program.documentation)
    render("lab", settings, secrets, home / "etc", modules=program.modules)
    command = [*program.command, "-C", str(home / "etc" / "asterisk.conf"), "-f", "-n"]
    return launch(command, settings, secrets, home / "log" / "console.log")


def launch(command: Sequence[str], settings: Settings, secrets: Secrets, log: Path) -> Child:
    """Start Asterisk on a configuration that is there already. Raises LabError."""
    child = Child.start("Asterisk", command, log=log, pid_file=settings.state_path / "run" / "asterisk.pid")
    try:
        _await(child, settings, secrets)
    except BaseException:
        child.stop(2)
        raise
    return child


def _prepare(home: Path, settings: Settings) -> None:
    for part in ("lib", "keys", "data/agi-bin", "spool", "run", "log"):
        (home / part).mkdir(parents=True, exist_ok=True)
    settings.recordings.mkdir(parents=True, exist_ok=True, mode=0o700)
    for language in settings.calls.languages:
        folder = home / "data" / "sounds" / language
        folder.mkdir(parents=True, exist_ok=True)
        _link(folder / "seda111", settings.sounds / language)
        for suffix in (".wav", *(SUFFIXES[codec] for codec in settings.sip.codecs)):
            _link(folder / f"beep{suffix}", settings.sounds / language / f"beep{suffix}")  # RECORD FILE's
        _link(folder / "digits", settings.sounds / language / "number")  # Queue says the position with these


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink() or link.readlink() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _await(child: Child, settings: Settings, secrets: Secrets) -> None:
    """Until this Asterisk, known by the secret we gave it, says that it is fully booted."""
    deadline = time.monotonic() + patience(START_SECONDS)
    while time.monotonic() < deadline:
        if child.ended:
            raise LabError(f"Asterisk ended while starting; its last words: {child.last_words()}")
        if _booted(settings, secrets):
            return
        time.sleep(0.05)
    raise LabError(
        f"Asterisk's manager did not answer on {settings.ami.host}:{settings.ami.port} (ami.port); "
        f"see {child.log} and messages.log beside it"
    )


def _booted(settings: Settings, secrets: Secrets) -> bool:
    login = f"Action: Login\r\nUsername: {settings.ami.username}\r\nSecret: {secrets.ami}\r\n\r\n"
    said = b""
    try:
        with socket.create_connection((settings.ami.host, settings.ami.port), timeout=1) as manager:
            manager.sendall(login.encode())
            while b"FullyBooted" not in said and b"Response: Error" not in said:
                piece = manager.recv(4096)
                if not piece:
                    break
                said += piece
    except OSError:
        return False
    return b"FullyBooted" in said


def console(program: Program, settings: Settings, commands: Sequence[str]) -> str:
    """What Asterisk's own console answers to commands."""
    conf = settings.state_path / "asterisk" / "etc" / "asterisk.conf"
    answers = [
        subprocess.run([*program.command, "-C", str(conf), "-rx", command],
                       capture_output=True, text=True, errors="replace", check=False)
        for command in commands
    ]  # fmt: skip
    return "".join(answer.stdout + answer.stderr for answer in answers)


if __name__ == "__main__":
    print(version(asterisk(lambda text: print(text, file=sys.stderr))))
