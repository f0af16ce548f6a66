"""File systems of their own, each in a sparse image that a loop mounts. Needs root with CAP_SYS_ADMIN."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoImages(Exception):
    """This machine lets us have none; the text says what it lacks."""


@contextmanager
def made(image: Path, place: Path, size: int, *make: str, options: str = "loop") -> Iterator[None]:
    """A new one of so many bytes, mounted, for everybody to write on. `make`: what makes its file system."""
    with image.open("wb") as file:
        file.truncate(size)
    run(*make, str(image))
    with mounted(image, place, options):
        place.chmod(0o777)
        yield


@contextmanager
def mounted(image: Path, place: Path, options: str) -> Iterator[None]:
    """One that is there."""
    place.mkdir(parents=True, exist_ok=True)
    run("mount", "-o", options, str(image), str(place))
    try:
        yield
    finally:
        run("umount", "--lazy", str(place))


def run(*command: str) -> None:
    """Raises NoImages."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise NoImages(f"there is no {command[0]} (Debian: e2fsprogs, xfsprogs, mount)") from None
    except subprocess.CalledProcessError as error:
        raise NoImages(f"{' '.join(command)}: {(error.stderr or 'refused').strip()}") from None
