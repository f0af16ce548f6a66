"""`python -m bench.power.unflushed serve …`: `ivr` that puts no recording on the disk before it says so.

As it was once. Only `python -m bench.power --unflushed` runs it, to show that it finds what is lost then.
"""

from __future__ import annotations

from pathlib import Path

from ivr.store import flushing


def main() -> None:
    """Take the flush away, then do what `ivr` does."""
    flushing.sync = _nothing
    from ivr.cli import main as ivr

    ivr()


def _nothing(path: Path) -> None:
    """The kernel writes it when it likes: within half a minute."""


if __name__ == "__main__":
    main()
