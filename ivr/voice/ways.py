"""Where each step can lead, and what makes the call go there: the menu as a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.voice import menu
from ivr.voice.menu import Asking, Step


class By(StrEnum):
    """What takes a call out of a step."""

    CALLER = "caller"  # a key that means something
    ALONE = "alone"  # nothing: the step goes on by itself
    SILENT = "silent"  # no input, up to the limit
    WRONG = "wrong"  # keys that mean nothing, up to the limit


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a step. `sets`: draft values it leaves behind."""

    to: str
    by: By
    sets: Mapping[str, str] = field(default_factory=dict)


def ways(step: Step) -> tuple[Way, ...]:
    """Every way out of a step, in the file's order; none out of an end."""
    return tuple(_ways(step))


def _ways(step: Step) -> Iterator[Way]:
    match step:
        case menu.MenuStep():
            yield from (Way(choice.go, By.CALLER, choice.sets) for choice in step.keys.values())
            yield from _misses(step)
        case menu.TopicStep() | menu.CountyStep() | menu.DigitsStep():
            yield Way(step.go, By.CALLER)
            yield from _misses(step)
        case menu.RecordStep():
            # A line with noise on it fills a recording without any caller.
            yield Way(step.go, By.ALONE, step.sets)
            yield Way(step.too_short.then, By.SILENT)
        case menu.ReviewStep():
            yield Way(step.go, By.CALLER)
            if {"again", "add"} & set(step.keys.values()):
                yield Way(step.record, By.CALLER)
            yield from _misses(step)
        case menu.CodeStep():
            yield Way(step.go, By.ALONE)
        case menu.StatusStep():
            yield Way(step.go, By.ALONE)
            yield Way(step.unknown_go, By.WRONG)
            yield Way(step.no_match.then, By.WRONG)
        case menu.OperatorStep():
            yield Way(step.nobody, By.ALONE)
        case menu.BranchStep():
            yield from (Way(to, By.ALONE) for to in step.cases.values())
            yield Way(step.go, By.ALONE)
        case menu.SayStep():
            yield Way(step.go, By.ALONE)


def _misses(step: Asking) -> Iterator[Way]:
    yield Way(step.no_input.then, By.SILENT)
    yield Way(step.no_match.then, By.WRONG)
