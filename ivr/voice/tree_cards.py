"""What a drawing of a menu tells of each step: its words, its ways out with their keys, and seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from ivr.voice.directory import Directory
from ivr.voice.menu import CardLook, Menu, Step
from ivr.voice.own_words import timed
from ivr.voice.timing import SecondsOf, Timing
from ivr.voice.ways import By, Way


@dataclass(frozen=True, slots=True)
class TreeWords:
    """In the language of who looks at it.

    `prompt(id)`: its text, "" where there is none. `word(key, otherwise)`: such as "type.menu", "miss.silent"
    or "kind.complaint". `number`: a figure. `clock`: seconds.
    """

    prompt: Callable[[str], str]
    word: Callable[[str, str], str]
    number: Callable[[float], str]
    clock: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Exit:
    """One or more ways from a step to another. `seconds`: spent in the step before it is taken."""

    to: str
    labels: tuple[str, ...]
    seconds: float
    willing: bool = True


@dataclass(frozen=True, slots=True)
class StepCard:
    """One step. `arrives`: seconds from the first word, hearing all; None where only misses lead.

    `misses` are not worth a line of their own: they lead where others lead too.
    """

    step: str
    type: str
    look: CardLook
    line: int
    title: str
    arrives: float | None
    exits: tuple[Exit, ...]
    misses: tuple[Exit, ...]


def cards(menu: Menu, directory: Directory, words: TreeWords, seconds_of: SecondsOf | None) -> list[StepCard]:
    """In the file's order, but the first step first. Seconds are the slowest language's."""
    lengths = timed(menu.words, menu.called_words, seconds_of)
    timings = [Timing(directory, language, lengths) for language in menu.languages]
    exits = {step.id: list(_exits(step, timings, words)) for step in menu.steps.values()}
    arrives = _arrivals(menu.start, exits)
    only = _only_missed(menu, exits)
    order = sorted(menu.steps.values(), key=lambda step: step.id != menu.start)
    return [
        StepCard(
            step.id,
            step.TYPE,
            step.LOOK,
            step.line,
            _title(step, words),
            arrives.get(step.id),
            tuple(each for each in exits[step.id] if each.willing or each.to in only),
            tuple(each for each in exits[step.id] if not (each.willing or each.to in only)),
        )
        for step in order
    ]


def _exits(step: Step, timings: list[Timing], words: TreeWords) -> Iterator[Exit]:
    """Ways to one step are one, willing ones and misses apart."""
    best = max(step.at_best(timing) for timing in timings)
    found: dict[tuple[str, bool], Exit] = {}
    for way in step.ways():
        if way.again:
            continue
        willing = way.by.is_willing
        if not willing:
            key = words.word(f"miss.{way.by}", str(way.by))
        elif way.by is By.CALLER:
            key = way.key
        else:
            key = _went(way, words)
        seconds = best if willing else max(step.at_worst(timing, way.by) for timing in timings)
        other = found.get((way.to, willing), Exit(way.to, (), 0.0))
        labels = (*other.labels, *((key,) if key and key not in other.labels else ()))
        found[way.to, willing] = Exit(way.to, labels, max(seconds, other.seconds), willing)
    named = any(each.labels for each in found.values() if each.willing)
    for each in found.values():
        yield each if each.labels or not named else replace(each, labels=(words.word("otherwise", "…"),))


def _went(way: Way, words: TreeWords) -> str:
    """What a call goes by that presses nothing: a result, a share of the calls, or what was chosen."""
    if way.result:
        return words.word(way.result, way.result.rpartition(".")[2])
    if way.share is not None:
        return f"{words.number(round(100 * way.share, 1))}\u066a"
    named = (words.word(f"{name}.{value}", value) for name, value in way.sets.items())
    return words.word("comma", ", ").join(named)


def _arrivals(start: str, exits: Mapping[str, list[Exit]]) -> dict[str, float]:
    """When a caller who hears all and never misses comes to each step, at the earliest."""
    found: dict[str, float] = {}
    waiting = [(0.0, start)]
    while waiting:
        seconds, step = heappop(waiting)
        if step in found:
            continue
        found[step] = seconds
        for way in exits[step]:
            if way.willing:
                heappush(waiting, (seconds + way.seconds, way.to))
    return found


def _only_missed(menu: Menu, exits: Mapping[str, list[Exit]]) -> set[str]:
    """Steps to which no line would lead without the misses."""
    reached = {way.to for step, ways in exits.items() for way in ways if way.willing and way.to != step}
    return {way.to for ways in exits.values() for way in ways} - reached - {menu.start}


def _title(step: Step, words: TreeWords) -> str:
    """Its first words; of a step that says nothing, what it is about."""
    said = " ".join(filter(None, map(words.prompt, step.prompt)))
    its_type = words.word(f"type.{step.TYPE}", step.TYPE)
    if step.stands_for:
        return f"{its_type}: {step.stands_for}"
    if not said and step.LOOK == "say":  # the end of a tree that another one calls
        return words.word("back", "…")
    return said or words.word(f"on.{step.goes_by}", "") or its_type
