"""What must be compiled before the bench runs: the floor and the generator in C, and a peer in Go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE, BIN = Path(__file__).parent, Path(__file__).parent.parent / "bin"
GO_SECONDS = 120.0  # a proxy that never answers must not hold the bench


def build_c() -> None:
    """Compile the floor and the generator."""
    if shutil.which("gcc") is None:
        sys.exit("this bench needs gcc: apt-get install gcc")
    BIN.mkdir(exist_ok=True)
    for name in ("floor", "generator"):
        subprocess.run(["gcc", "-O2", "-o", BIN / name, HERE / f"{name}.c"], check=True)


def build_go(seconds: float = GO_SECONDS) -> str:
    """Compile the server that uses zaf/agi; why it can't be, in some words, or "".

    Where its module comes from is for Go's own settings to say: GOPROXY, GOMODCACHE.
    """
    go = shutil.which("go")
    if go is None:
        return "there is no Go on this machine (apt-get install golang-go)"
    command = [go, "build", "-buildvcs=false", "-o", str(BIN / "zaf"), "."]
    settings = os.environ | {"GOTOOLCHAIN": "local"}  # it shall not fetch another Go
    try:
        done = subprocess.run(
            command, cwd=HERE / "zaf", env=settings, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return f"Go neither had its module nor built it within {seconds:.0f} s"
    said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    return f"Go can't build it: {said[-1].strip()}" if done.returncode else ""


def those_there(servers: tuple[str, ...]) -> tuple[str, ...]:
    """Those of them that can be measured here: the one in Go is built, or it is said why it is left out."""
    if "zaf" not in servers or not (why := build_go()):
        return servers
    print(f"zaf/agi is left out: {why}", file=sys.stderr)
    return tuple(name for name in servers if name != "zaf")
