"""Long runs that measure: `python -m bench.<name>`."""

from __future__ import annotations

import sys

from ivr.lab import leash

_KEEPER = leash.put_on()  # one that is killed leaves no server and no PostgreSQL running


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
