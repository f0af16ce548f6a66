"""A tree of 2,000 steps is proved whole, and at a cost that grows as the tree does."""

from __future__ import annotations

import time
from collections.abc import Callable
from cProfile import Profile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.voice.directory import Directory, Topic
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MOST_MISTAKES, MenuMistakes
from ivr.voice.parse import MOST_STEPS, parse
from ivr.voice.proof import check, prove
from ivr.voice.timing import Timing
from ivr.voice.ways import By
from tests.fixtures.province import calendar

DIRECTORY = Directory(
    ("1", "0"), (Topic("water.supply", "11"), Topic("other.other", "0")), (), (), "other.other", calendar()
)
HEAD = "menu: large\nlanguages: [fa, az]\nstart: s0\n"
HEAD += "defaults: {no_input: {limit: 3, say: [no_input], then: bye}, "
HEAD += "no_match: {limit: 3, say: [no_match], then: bye}}\nsteps:\n"
LAST = """\
  kind: {type: menu, prompt: [a], keys: {"1": {kind: complaint, go: words}, "2": {kind: request, go: words}}}
  words: {type: record, prompt: [a], too_short: {limit: 2, say: [b], then: bye}, go: bye}
  bye: {type: end, prompt: [c]}
"""


def tree(steps: int) -> bytes:
    """Every menu offers eight others, the one before and the first; the last ones lead on to the kinds."""
    menus = steps - 3
    keys = ([f"s{to}" for to in range(8 * n + 1, min(8 * n + 9, menus))] or ["kind"] for n in range(menus))
    lines = (_menu(n, [*onward, f"s{(n - 1) // 8}", "s0"] if n else onward) for n, onward in enumerate(keys))
    return (HEAD + "".join(lines) + LAST).encode()


def chain(steps: int) -> bytes:
    """Every menu leads to the next, back to the one before, and to the end."""
    menus = steps - 3
    onward = [f"s{n + 1}" for n in range(menus - 1)] + ["kind"]
    return (
        HEAD + "".join(_menu(n, [to, f"s{max(n - 1, 0)}", "bye"]) for n, to in enumerate(onward)) + LAST
    ).encode()


def silent_loops(steps: int) -> bytes:
    """Every second step says the same for ever."""
    turns = (f"  l{n}: {{type: say, prompt: [a], go: l{n}}}\n" for n in range(steps // 2 - 3))
    menus = (_menu(n, [f"s{n + 1}", f"l{n}"]) for n in range(steps // 2 - 3))
    return (HEAD + "".join([*menus, *turns, _menu(steps // 2 - 3, ["kind"])]) + LAST).encode()


def strange_variables(steps: int) -> bytes:
    """Every second step asks for what hardly any other gives."""
    pairs = (
        f'  s{n}: {{type: menu, prompt: [a], keys: {{"1": {{vars: {{given_{n}: x}}, go: b{n}}}}}}}\n'
        f"  b{n}: {{type: branch, on: var.gvien_{n}, cases: {{x: bye}}, go: s{n + 1}}}\n"
        for n in range(steps // 2 - 3)
    )
    return (HEAD + "".join([*pairs, _menu(steps // 2 - 3, ["kind"])]) + LAST).encode()


def renamed(steps: int) -> bytes:
    """Every menu leads to where no step is any more, though many are called nearly so."""
    old, new = (
        "questions_about_the_citizens_water_or_power_nr_{}",
        "questions_of_citizens_on_water_and_power_{}",
    )
    menus = (
        f'  {new.format(n)}: {{type: menu, prompt: [a], keys: {{"1": {{go: {old.format(n)}}}}}}}\n'
        for n in range(steps - 3)
    )
    return (HEAD.replace("s0", new.format(0)) + "".join(menus) + LAST).encode()


def _menu(number: int, onward: list[str]) -> str:
    keys = ", ".join(f'"{key}": {{go: {to}}}' for key, to in enumerate(onward))
    return f"  s{number}: {{type: menu, prompt: [a], keys: {{{keys}}}}}\n"


def proved(data: bytes) -> None:
    _, proof = check(data, "m.yaml", DIRECTORY)
    assert proof.complete
    arrived = {(a.step, a.kind) for a in proof.arrivals}
    assert arrived >= {("words", "complaint"), ("words", "request"), ("bye", "")}


def refused(data: bytes) -> None:
    with pytest.raises(MenuMistakes) as told:
        check(data, "m.yaml", DIRECTORY)
    assert len(told.value.mistakes) == MOST_MISTAKES


def calls(work: Callable[[bytes], None], data: bytes) -> int:
    """How many functions a check calls: a cost that no busy machine changes."""
    counted = Profile()
    counted.runcall(work, data)
    return sum(each.callcount for each in counted.getstats())


def cpu(data: bytes) -> float:
    """Seconds of this process, the least of three rounds."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        proved(data)
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.parametrize("shape", [tree, chain])
def test_four_times_the_steps_cost_four_times_as_much(shape: Callable[[int], bytes]) -> None:
    assert calls(proved, shape(MOST_STEPS)) < 5 * calls(proved, shape(MOST_STEPS // 4))


def test_four_times_the_steps_take_far_from_sixteen_times_as_long() -> None:
    """What goes on within one function counts as well; by the size of what it reads it is five times."""
    assert cpu(tree(MOST_STEPS)) < 10 * cpu(tree(MOST_STEPS // 4))


@pytest.mark.parametrize("shape", [silent_loops, strange_variables, renamed])
def test_a_large_tree_full_of_mistakes_costs_no_more_than_three_sound_ones(
    shape: Callable[[int], bytes],
) -> None:
    assert calls(refused, shape(MOST_STEPS)) < 3 * calls(proved, tree(MOST_STEPS))


def seconds_of(prompt: str, language: str) -> float:
    return {"a": 1.0, "b": 2.5}.get(prompt, 4.0) + (language == "az")


Key = tuple[str, str, str]


def walked(menu: Menu) -> dict[Key, tuple[float | None, float]]:
    """Every way without loops, one by one: best and worst seconds by step, kind and language."""
    found: dict[Key, tuple[float | None, float]] = {}

    def walk(id: str, been: frozenset[str], draft: dict[str, str], best: float | None, worst: float) -> None:
        step, timing = menu.steps[id], Timing(DIRECTORY, draft["language"], seconds_of)
        if step.LEAF:
            heard = timing.speech(step.prompt)
            key = id, draft.get("kind", ""), draft["language"]
            least, most = found.get(key, (None, 0.0))
            all_best = [b for b in (least, None if best is None else best + heard) if b is not None]
            found[key] = min(all_best, default=None), max(most, worst + heard)
        for way in step.open_ways(draft):
            if not way.again and way.to not in been | {id}:
                willing = best is not None and way.by in (By.CALLER, By.ALONE)
                spent = best + step.at_best(timing) if best is not None and willing else None
                after = {**way.fills, **draft, **way.sets}
                walk(way.to, been | {id}, after, spent, worst + step.at_worst(timing, way.by))

    for language in menu.languages:
        walk(menu.start, frozenset(), {"language": language}, 0.0, 0.0)
    return found


NAMES = [f"s{n}" for n in range(7)]
GO = st.sampled_from([*NAMES, "bye"])
SETS = st.sampled_from(["", "kind: complaint, ", "kind: request, ", "language: az, "])
CHOICES = st.lists(st.tuples(SETS, GO), min_size=1, max_size=4)


@st.composite
def steps(draw: st.DrawFn, name: str) -> str:
    prompt = f"prompt: [{', '.join(draw(st.lists(st.sampled_from('ab'), min_size=1, max_size=3)))}]"
    match draw(st.sampled_from(["menu", "menu", "say", "branch", "record"])):
        case "menu":
            keys = ", ".join(f'"{n}": {{{sets}go: {go}}}' for n, (sets, go) in enumerate(draw(CHOICES)))
            miss = f"no_match: {{limit: {draw(st.integers(1, 3))}, then: {draw(GO)}}}"
            return f"  {name}: {{type: menu, {prompt}, {miss}, keys: {{{keys}}}}}\n"
        case "say":
            return f"  {name}: {{type: say, {prompt}, go: {draw(GO)}}}\n"
        case "branch":
            on = draw(
                st.sampled_from(["kind, cases: {complaint", "language, cases: {az", "topic, cases: {x"])
            )
            return f"  {name}: {{type: branch, on: {on}: {draw(GO)}}}, go: {draw(GO)}}}\n"
        case _:
            miss = f"too_short: {{limit: 2, say: [b], then: {draw(GO)}}}"
            return f"  {name}: {{type: record, {prompt}, {miss}, go: {draw(GO)}}}\n"


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_its_times_are_those_of_walking_every_way_alone(data: st.DataObject) -> None:
    """Whatever goes round: menus that lead to each other, ways back, steps nobody reaches."""
    text = HEAD + "".join(data.draw(steps(name)) for name in NAMES) + "  bye: {type: end, prompt: [c]}\n"
    menu = parse(text.encode(), "m.yaml")
    proof = prove(menu, DIRECTORY, seconds_of)
    assert proof.complete
    assert {(a.step, a.kind, a.language): (a.best, a.worst) for a in proof.arrivals} == walked(menu)
