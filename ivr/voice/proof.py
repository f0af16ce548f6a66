"""Proves a menu: every step can be reached, every call comes to an end, and how long each way takes.

A caller who stays silent, or whose keys mean nothing, must reach an end too: a loop of such ways alone is
refused. Loops that a caller walks by meaningful keys are her own choice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from itertools import chain, islice

from ivr.voice import saying
from ivr.voice.arrivals import Arrivals
from ivr.voice.directory import Directory
from ivr.voice.enquiries import AskedHost
from ivr.voice.menu import Choosing, Menu, Step
from ivr.voice.mistakes import MOST_MISTAKES, MenuMistakes, Mistake, nearest, shown
from ivr.voice.own_words import all_own, timed
from ivr.voice.parse import parse
from ivr.voice.reading import FindTree
from ivr.voice.regions import loops
from ivr.voice.report import Proof, StepSeconds, report, report_json
from ivr.voice.steps.registry import BUILT_IN
from ivr.voice.timing import SecondsOf, Stay, Timing
from ivr.voice.ways import By, Miss

__all__ = ["Proof", "check", "prompt_ids", "prove", "report", "report_json"]

UNANSWERED = frozenset({By.ALONE, By.SILENT, By.ABSENT})


def check(
    data: bytes,
    file: str,
    directory: Directory,
    *,
    languages: Collection[str] | None = None,
    prompts: Collection[str] | None = None,
    hosts: Mapping[str, AskedHost] | None = None,
    seconds_of: SecondsOf | None = None,
    called: FindTree | None = None,
) -> tuple[Menu, Proof]:
    """Parse and prove, together with the trees that it calls. Raises MenuMistakes with all that is wrong."""
    menu = parse(
        data,
        file,
        languages=languages,
        prompts=prompts,
        topics=[topic.code for topic in directory.topics],
        counties=[county.code for county in directory.counties],
        called=called,
        hosts=hosts,
    )
    proof = prove(menu, directory, seconds_of, file=file)
    if proof.mistakes:
        raise MenuMistakes(proof.mistakes)
    return menu, proof


def prove(menu: Menu, directory: Directory, seconds_of: SecondsOf | None = None, *, file: str = "") -> Proof:
    """What is wrong with a parsed menu as a whole, no more than MOST_MISTAKES, and its times in seconds.

    `seconds_of(prompt id, language)` is a prompt's length; without it each counts as two seconds.
    """
    flaws = chain(
        _unreached(menu),
        _endless(menu),
        _kindless(menu),
        ((step, message, "") for step in menu.steps.values() for message in step.unclear()),
        _unknown(menu, directory),
    )
    found = (Mistake(file, step.line, 1, f"steps.{step.id}", message, hint) for step, message, hint in flaws)
    told = tuple(islice(chain(found, _unsaid(menu, directory, file)), MOST_MISTAKES))
    lengths = timed(menu.words, menu.called_words, seconds_of)
    timings = {language: Timing(directory, language, lengths) for language in menu.languages}
    asking = [step for step in menu.steps.values() if isinstance(step, Choosing)]
    longest = max((s.longest_question(t) for s in asking for t in timings.values()), default=0.0)
    stays = {(s.id, name): _stay(s, t) for s in menu.steps.values() for name, t in timings.items()}
    arrivals = Arrivals(menu, timings, stays, menu.limits.leave_seconds + longest)
    times = arrivals.find()
    slowest = tuple(_slowest(menu, stays))
    return Proof(told, times, slowest, seconds_of is not None, arrivals.complete, arrivals.most)


def _stay(step: Step, timing: Timing) -> Stay:
    return Stay(step.at_best(timing), {by: step.at_worst(timing, by) for by in By})


def _slowest(menu: Menu, stays: Mapping[tuple[str, str], Stay]) -> Iterator[StepSeconds]:
    """Each step in its slowest language, in the file's order."""
    for step in menu.steps.values():
        if step.TAKES_TIME:
            each = [stays[step.id, language] for language in menu.languages]
            worst = max(max(stay.worst.values()) for stay in each)
            yield StepSeconds(step.id, max(stay.best for stay in each), worst)


_Flaw = tuple[Step, str, str]


def reached(menu: Menu) -> frozenset[str]:
    """The steps that some call can come to."""
    found: set[str] = set()
    waiting = [step for step in (menu.start, menu.limits.then, menu.limits.safe_then) if step]
    while waiting:
        step = waiting.pop()
        if step not in found:
            found.add(step)
            waiting += [way.to for way in menu.steps[step].ways()]
    return frozenset(found)


def _unreached(menu: Menu) -> Iterator[_Flaw]:
    known = reached(menu)
    for step in menu.steps.values():
        if step.id not in known:
            yield step, "no call can come here: no other step leads to it", ""


def _endless(menu: Menu) -> Iterator[_Flaw]:
    silent = _loops(menu, UNANSWERED)
    for loop in silent:
        yield menu.steps[loop[0]], f"a silent caller goes round for ever: {' → '.join(loop)}", ""
    if not silent:
        for loop in _loops(menu, UNANSWERED | {By.WRONG}):
            message = f"a caller whose keys are never understood goes round for ever: {' → '.join(loop)}"
            yield menu.steps[loop[0]], message, ""


def _kindless(menu: Menu) -> Iterator[_Flaw]:
    """Beeps to which a caller comes without a kind, where they give her none: her case would be a guess."""
    found: set[tuple[str, bool]] = set()
    waiting = [(menu.start, False)]
    while waiting:
        id, has_kind = here = waiting.pop()
        if here not in found:
            found.add(here)
            ways = menu.steps[id].ways()
            onward = (way for way in ways if not way.again)  # there her case has its kind
            waiting += [(way.to, has_kind or "kind" in {**way.sets, **way.fills}) for way in onward]
    for step in menu.steps.values():
        given = any("kind" in way.fills for way in step.ways())
        if step.LEAF == "record" and not given and (step.id, False) in found:
            yield step, "a caller comes here without a kind: have her choose one, or give it in `sets`", ""


def _loops(menu: Menu, by: Collection[By]) -> list[list[str]]:
    """Loops of such ways, no step in two of them, each from its first step in the file and back."""
    place = {id: n for n, id in enumerate(menu.steps)}
    known = reached(menu)
    ways = {id: [way.to for way in menu.steps[id].ways() if way.by in by] for id in place if id in known}
    return [_turned(loop, place) for loop in loops(ways)]


def _turned(loop: list[str], place: Mapping[str, int]) -> list[str]:
    first = loop.index(min(loop, key=place.__getitem__))
    return [*loop[first:], *loop[:first], loop[first]]


def _unknown(menu: Menu, directory: Directory) -> Iterator[_Flaw]:
    """Values that this province does not have."""
    known = {"topic": [t.code for t in directory.topics], "county": [c.code for c in directory.counties]}
    variables = {name for step in menu.steps.values() for name in step.gives()}
    words = {n: s for s in menu.steps.values() for n in set(s.gives()) - set(s.gives_numbers())}
    for step in menu.steps.values():
        for name in step.needs():
            if name not in variables:
                yield step, f"nothing gives {name} a value", nearest(name, variables)
        for name in step.counts():
            if name in words:
                yield step, f"{name} is no number that can be said: {words[name].id} gives it words", ""
        for name, value in _named(step):
            if name in known and value not in known[name]:
                yield step, f"there is no {name} {shown(value)}", nearest(value, known[name])
        yield from ((step, message, "") for message in step.refused_in(directory))


def _unsaid(menu: Menu, directory: Directory, file: str) -> Iterator[Mistake]:
    """Words of its own that no call comes to."""
    spoken = prompt_ids(menu, directory) if menu.words else frozenset()
    for id, language, own in all_own(menu.words):
        if id not in spoken:
            hint = nearest(id, spoken)
            yield Mistake(file, own.line, 1, f"words.{id}.{language}", "nothing in this tree says it", hint)


def _named(step: Step) -> Iterator[tuple[str, str]]:
    for way in step.ways():
        yield from (*way.sets.items(), *way.fills.items())


def prompt_ids(menu: Menu, directory: Directory, language: str | None = None) -> frozenset[str]:
    """Every prompt id that a call on this menu can speak in `language` (None: in any of the menu's)."""
    languages = menu.languages if language is None else (language,)
    composed = (saying.fragments(language) for language in languages)
    spoken = (step.SPEAKS for step in menu.steps.values())
    return BUILT_IN.union(*composed, *spoken, written(menu), _of_province(directory))


def written(menu: Menu) -> Iterator[str]:
    """The prompt ids that its steps name."""
    for step in menu.steps.values():
        for each in fields(step):
            value = getattr(step, each.name)
            if each.name.endswith("prompt"):
                yield from value
            elif isinstance(value, Miss):
                yield from value.say


def _of_province(directory: Directory) -> Iterator[str]:
    yield from (f"topic_group.{group}" for group in directory.groups)
    yield from (f"topic.{topic.code}" for topic in directory.topics)
    yield from (f"county.{county.code}" for county in directory.counties)
    yield from (f"agency.{agency}" for agency in directory.agencies)
