"""Distribution packages unpacked into a folder of our own, without root, by apt's own client.

The machine's own apt source is copied with its suite changed, so no host is named here, and signatures are
checked with the keys the machine has. apt keeps its books (`status`) in the same folder, so a second package
brings only what the first one has not.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

Progress = Callable[[str], None]

# Stable Debian has left Asterisk out since bookworm; unstable has it.
SUITES = {"debian": ("sid", "unstable")}
ATTEMPTS = 3
SOURCES = Path("/etc/apt")


class PackagesError(Exception):
    """Could not be brought; the text is one sentence that says why."""


def bring(
    names: Sequence[str], folder: Path, progress: Progress, suites: Sequence[str] | None = None
) -> Path:
    """Unpack packages with everything they need. Returns the root of the tree; instant when already there.

    `suites`: where to look, "" = the machine's own; None = where its distribution has Asterisk.
    Safe to call from several processes at once. Raises PackagesError.
    """
    folder = folder.resolve()  # apt counts relative paths from /
    root, status = folder / "root", folder / "apt" / "status"
    with _locked(folder):
        if not set(names) <= _unpacked(status):
            _require(names, "apt-get", "dpkg-deb")
            _fetch(names, folder / "apt", progress, suites or SUITES.get(_system("ID")) or ("",))
            _unpack(folder / "apt", root, progress)
    return root


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpacked(status: Path) -> set[str]:
    if not status.is_file():
        return set()
    return set(re.findall(r"^Package: (\S+)$", status.read_text(encoding="utf-8"), re.MULTILINE))


def _require(names: Sequence[str], *programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            wanted = " and ".join(names)
            raise PackagesError(
                f"{program} is not on this machine, so {wanted} can't be unpacked: install {wanted} yourself "
                "and make sure that it is on PATH"
            )


def _fetch(names: Sequence[str], apt: Path, progress: Progress, suites: Sequence[str]) -> None:
    for part in ("lists/partial", "cache/archives/partial", "sources"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    problem = ""
    for attempt in range(ATTEMPTS):
        for suite in suites:
            try:
                _fetch_from(suite, names, apt, progress)
                return
            except PackagesError as error:
                problem = str(error)
                progress(f"no luck with suite {suite or 'of this machine'} ({problem})")
        time.sleep(2**attempt)  # the network, most likely
    raise PackagesError(f"{', '.join(names)} could not be fetched: {problem}")


def _fetch_from(suite: str, names: Sequence[str], apt: Path, progress: Progress) -> None:
    (apt / "sources" / "machine.sources").write_text(source(suite), encoding="utf-8")
    progress("reading the distribution's list of packages")
    _apt(apt, "update", "--error-on=any")
    wanted = _apt(apt, "install", "--print-uris", *names)
    total = sum(int(size) for size in re.findall(r"^'.+' \S+\.deb (\d+)", wanted, re.MULTILINE))
    done = threading.Event()
    watching = threading.Thread(target=_watch, args=(apt / "cache" / "archives", total, progress, done))
    watching.start()
    try:
        _apt(apt, "install", "--download-only", *names)
    finally:
        done.set()
        watching.join()


def _watch(archives: Path, total: int, progress: Progress, done: threading.Event) -> None:
    while not done.wait(2):
        have = sum(path.stat().st_size for path in archives.rglob("*.deb*") if path.exists())
        progress(f"{have / 1e6:.0f} of {total / 1e6:.0f} MB")


def _apt(apt: Path, *arguments: str) -> str:
    """Run apt-get on folders of ours only. The machine's own proxy and key settings still count."""
    options = {
        "Dir::State": apt,
        "Dir::State::status": apt / "status",
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "Dir::Cache::archives": apt / "cache" / "archives",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": apt / "sources",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Debug::NoLocking": "true",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "APT::Get::Assume-Yes": "true",
        "APT::Update::Post-Invoke": "",
        "Acquire::Check-Valid-Until": "false",  # a mirror's copy of a rolling suite may be weeks old
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    command = ["apt-get", "-q"]
    for key, value in options.items():
        command += ["-o", f"{key}={value}"]
    ended = subprocess.run([*command, *arguments], capture_output=True, text=True, errors="replace",
                           env={**os.environ, "LC_ALL": "C"}, check=False)  # fmt: skip
    if ended.returncode:
        complaints = [line for line in ended.stderr.splitlines() if line.startswith(("E:", "W:"))]
        raise PackagesError(f"apt-get {arguments[0]}: {' '.join(complaints)[:400] or ended.stderr[-400:]}")
    return ended.stdout


def _unpack(apt: Path, root: Path, progress: Progress) -> None:
    archives = sorted((apt / "cache" / "archives").glob("*.deb"))
    progress(f"unpacking {len(archives)} packages")
    root.mkdir(exist_ok=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda deb: _run("dpkg-deb", "-x", str(deb), str(root)), archives))
        controls = list(pool.map(lambda deb: _run("dpkg-deb", "-f", str(deb)), archives))
    new = {_name(control): _installed(control) for control in controls}
    old = [block for block in (apt / "status").read_text(encoding="utf-8").split("\n\n") if block.strip()]
    kept = [block for block in old if _name(block) not in new]
    text = "\n\n".join([*(block.strip() for block in kept), *new.values()]) + "\n\n"
    written = apt / "status.new"
    written.write_text(text, encoding="utf-8")
    written.replace(apt / "status")  # the stamp: nothing counts as unpacked before this
    shutil.rmtree(apt / "cache")


def _name(control: str) -> str:
    return control.strip().partition("\n")[0].removeprefix("Package: ")


def _installed(control: str) -> str:
    first, _, rest = control.strip().partition("\n")
    return f"{first}\nStatus: install ok installed\n{rest}"


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if ended.returncode:
        raise PackagesError(f"{' '.join(command[:2])}: {ended.stderr.strip()[-300:]}")
    return ended.stdout


def source(suite: str, etc: Path = SOURCES) -> str:
    """The machine's own distribution source in deb822 form, with its suite changed ("" = left as it is)."""
    codename = _system("VERSION_CODENAME")
    found = [stanza for stanza in _stanzas(etc) if _is_distribution(stanza, codename)]
    if not found:
        raise PackagesError(f"no apt source in {etc} serves this distribution ({codename or 'no codename'})")
    chosen = {**found[0], "types": "deb"}
    if suite:
        chosen |= {"suites": suite, "components": "main"}
    elif _system("ID") == "ubuntu":
        chosen["components"] = "main universe"
    chosen.pop("enabled", None)
    return "".join(f"{key.capitalize()}: {value}\n" for key, value in chosen.items())


def _is_distribution(stanza: dict[str, str], codename: str) -> bool:
    """Somebody else's packages are signed with somebody else's key, or trusted without one."""
    suites = stanza.get("suites", "").split()
    return (
        stanza.get("enabled", "yes") != "no"
        and "deb" in stanza.get("types", "").split()
        and stanza.get("trusted", "no") == "no"
        and "main" in stanza.get("components", "").split()
        and stanza.get("uris", "").startswith(("http", "mirror"))
        and bool({codename, "stable", "testing", "sid", "unstable"} & set(suites))
    )


def _stanzas(etc: Path) -> list[dict[str, str]]:
    parts = etc / "sources.list.d"
    deb822 = sorted(parts.glob("*.sources"), key=lambda p: (p.stem not in {"debian", "ubuntu"}, p.name))
    found = [stanza for path in deb822 for stanza in _read_deb822(path.read_text(encoding="utf-8"))]
    for path in [etc / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            found += _read_lines(path.read_text(encoding="utf-8"))
    return found


def _read_deb822(text: str) -> Iterator[dict[str, str]]:
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", text.strip()):
        fields = re.findall(r"^(\S+?):[ \t]*(.*(?:\n[ \t].*)*)", block, re.MULTILINE)
        yield {key.lower(): value for key, value in fields}


def _read_lines(text: str) -> Iterator[dict[str, str]]:
    """The older form: deb [options] URI suite component…"""
    line = re.compile(r"^deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.+?)\s*$", re.MULTILINE)
    for options, uri, suite, components in line.findall(text):
        given = dict(option.split("=", 1) for option in options.split() if "=" in option)
        known = ("signed-by", "trusted", "arch")
        extra = {key: given[key].replace(",", " ") for key in known if key in given}
        if "arch" in extra:
            extra["architectures"] = extra.pop("arch")
        yield {"types": "deb", "uris": uri, "suites": suite, "components": components, **extra}


def _system(key: str) -> str:
    """A value of os-release, or ""."""
    text = Path("/etc/os-release").read_text(encoding="utf-8") if Path("/etc/os-release").is_file() else ""
    found = re.search(rf'^{key}="?([^"\n]*)"?$', text, re.MULTILINE)
    return found[1] if found else ""
