"""Chromium for the tests: the one on PATH, or the distribution's own unpacked without root.

It starts itself again for each of its processes, so it can't be run by a loader as Asterisk is; its libraries
come from the machine's own suite and fit the machine's own loader.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ivr.lab.asterisk import cache
from ivr.lab.pace import patience
from ivr.lab.packages import PackagesError, Progress, bring

# The shell is Chromium without windows and without questions to a person, at two thirds of the CPU of a page.
SHELL = "chromium-headless-shell"
NAMES = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 60.0

# No sandbox: containers have none to give. The rest keeps it from calling out and lets it telephone here.
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--force-color-profile=srgb",
)


@dataclass(frozen=True, slots=True)
class Browser:
    """How to start it: the program, and the environment that it needs beside ours."""

    program: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def chromium(progress: Progress, windows: bool = False) -> Browser:
    """Chromium that starts; `windows`: the one that people use, which asks before it gives a microphone.

    Raises PackagesError with the one sentence that says what is missing.
    """
    names = NAMES if windows else (SHELL, *NAMES)
    package = NAMES[0] if windows else SHELL
    found = next((path for name in names if (path := shutil.which(name))), None)
    try:
        browser = Browser(Path(found)) if found else _unpacked(package, progress)
        _try(browser)
    except PackagesError as error:
        raise PackagesError(
            f"the panel's tests need Chromium ({error}): as root apt-get install {package}, then again"
        ) from None
    return browser


def _unpacked(package: str, progress: Progress) -> Browser:
    root = bring([package], cache() / package, progress, suites=("",))
    folders = sorted({str(path.parent) for path in (root / "usr/lib").rglob("*.so*")})
    fonts = str(root / "etc/fonts")
    return Browser(
        root / "usr/lib/chromium" / package,
        {"LD_LIBRARY_PATH": ":".join(folders), "FONTCONFIG_PATH": fonts},
    )


def _try(browser: Browser) -> None:
    if not browser.program.is_file():
        raise PackagesError(f"{browser.program} is not there")
    try:
        ended = subprocess.run(
            [browser.program, "--version", "--no-sandbox"], env={**os.environ, **browser.environment},
            capture_output=True, text=True, errors="replace", timeout=patience(START_SECONDS), check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackagesError(f"{browser.program} does not start: {error}") from error
    if ended.returncode:
        raise PackagesError(f"{browser.program} does not start: {ended.stderr.strip()[-200:]}")
