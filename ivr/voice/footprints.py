"""What a call's row tells of her way: for each question when it was asked and what came of it.

A step of the row stands at its end; it began where the one before it ended, or the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

# Notes of steps (`ivr.voice.session`) after which she was served: her words are kept, or she heard an answer.
KEPT = ("CaseOpened", "WordsKept")
SERVED = (*KEPT, "CaseSeen", "operator:answered")
WAY = "way:"  # of a step that sends calls different ways by itself
FAILED = ("failed", "lost")  # outcomes of a call that no caller chose
LONGEST_SECOND = 120  # later ones count as this one
MASK = "•"
_CHOICE_KEYS = 4  # at most, of a choice: kind, topic, county


class Did(StrEnum):
    """What came of one asking."""

    PRESSED = "pressed"  # keys that meant something
    WRONG = "wrong"  # keys that meant nothing
    SILENT = "silent"  # no key in time
    HEARD = "heard"  # it was said to the end
    SPOKE = "spoke"
    REACHED = "reached"  # an operator talked with her …
    NOBODY = "nobody"  # … or none came
    HUNG_UP = "hung_up"


class Fate(StrEnum):
    """What a whole call came to, as far as its tree can help it."""

    SERVED = "served"
    DROPPED = "dropped"  # she hung up before anything was kept or told
    FAILED = "failed"
    ENDED = "ended"  # to its end, and nothing was kept or told


@dataclass(frozen=True, slots=True)
class Footprint:
    """One asking. `second`: since its first word, when `did` came about. `keys`, `note`: as in the row."""

    step: str
    did: Did
    second: float
    keys: str
    note: str


def footprints(began: datetime, steps: Sequence[Mapping[str, Any]]) -> Iterator[Footprint]:
    """Of one call, in order. `steps`: as in its row. What the desk was asked meanwhile is left out."""
    since = began
    for step in steps:
        at = datetime.fromisoformat(step["at"])
        did = deed(step)
        if did is not None:
            yield Footprint(
                step["step"], did, max((at - since).total_seconds(), 0.0), step["key"], step["note"]
            )
        since = at


def deed(step: Mapping[str, Any]) -> Did | None:
    """None: nothing that she did or heard. Rows of older releases don't say what was missed."""
    key, note = step["key"], step["note"]
    if note == "hangup" or note.endswith((":hangup", ":broken")):
        return Did.HUNG_UP
    if note.startswith("recorded:"):
        return Did.SPOKE
    if note.startswith("enquiry:"):
        return None
    if note.startswith("operator:"):
        return Did.REACHED if note == "operator:answered" else Did.NOBODY
    if key:
        return Did.WRONG if step.get("missed") else Did.PRESSED
    return _WITHOUT_KEY.get(note)


_WITHOUT_KEY: Mapping[str, Did] = {"timeout": Did.SILENT, "hash": Did.PRESSED, "said": Did.HEARD}


def choices_only(keys: str) -> str:
    """Of what was keyed only choices of a menu: a longer entry is a number or a code of hers."""
    return MASK * len(keys) if len(keys) > _CHOICE_KEYS else keys


def ways_taken(steps: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """By `share` step, which way the call went."""
    return {step["step"]: step["note"][len(WAY) :] for step in steps if step["note"].startswith(WAY)}


def fate(outcome: str | None, steps: Iterable[Mapping[str, Any]]) -> Fate:
    """Of a call that is over."""
    if outcome in FAILED:
        return Fate.FAILED
    if any(step["note"] in SERVED for step in steps):
        return Fate.SERVED
    return Fate.DROPPED if outcome == "hung_up" else Fate.ENDED
