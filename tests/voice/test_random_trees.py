"""Trees built by chance: what the proof says of one is what every possible call on it does.

A call is any row of answers a caller can give; the real `Session` is walked through all of them. Only going
round is left out, as in the proof: that is the caller's own wish, or an endless loop, which is looked for by
itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.voice.actions import (
    Action,
    Ask,
    FindRoom,
    HangUp,
    OpenCase,
    Operator,
    Record,
    RefineCase,
    Say,
)
from ivr.voice.events import (
    Caller,
    CaseOpened,
    CaseRefined,
    Ended,
    Event,
    Keys,
    Recorded,
    RoomFound,
    Said,
    Transfer,
    Transferred,
)
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.proof import Proof, prove
from ivr.voice.session import Session
from tests.voice.conversation import OFFICE_HOURS
from tests.voice.test_proof import SMALL

NAMES = ("first", "second", "third")  # in the order of the alphabet, too
WRONG, SILENT = "9", ""
SECONDS = {"a": 5.0, "b": 2.0, "no": 1.0, "same": 0.0}
FEW = settings(max_examples=25, deadline=None)


def seconds_of(id: str, language: str) -> float:
    return SECONDS.get(id, 0.0)


def goal() -> st.SearchStrategy[str]:
    return st.sampled_from((*NAMES, "bye"))


def miss() -> st.SearchStrategy[dict[str, Any]]:
    says = st.sampled_from(([], ["no"]))
    return st.fixed_dictionaries({"limit": st.integers(1, 2), "say": says, "then": goal()})


def choice() -> st.SearchStrategy[dict[str, Any]]:
    kind = st.sampled_from(({}, {}, {"kind": "complaint"}, {"kind": "meeting"}))
    return st.tuples(kind, goal()).map(lambda drawn: {**drawn[0], "go": drawn[1]})


PROMPT = st.sampled_from((["a"], ["b"], ["a", "b"]))
MENU = st.fixed_dictionaries(
    {
        "type": st.just("menu"),
        "prompt": PROMPT,
        "first_key": st.sampled_from((1, 7)),
        "no_input": miss(),
        "no_match": miss(),
        "keys": st.fixed_dictionaries({"1": choice()}, optional={"2": choice()}),
    }
)
SAY = st.fixed_dictionaries({"type": st.just("say"), "prompt": PROMPT, "go": goal()})
OPERATOR = st.fixed_dictionaries(
    {"type": st.just("operator"), "prompt": PROMPT, "queue": st.just("q"), "wait_seconds": st.just(30),
     "nobody": goal()}
)  # fmt: skip
RECORD = st.fixed_dictionaries(
    {
        "type": st.just("record"),
        "prompt": PROMPT,
        "max_seconds": st.just(20),
        "too_short": st.fixed_dictionaries({"limit": st.integers(1, 2), "then": goal()}),
        "go": goal(),
    },
    optional={"sets": st.just({"kind": "request"})},
)
STEP = st.one_of(MENU, MENU, MENU, SAY, OPERATOR, RECORD)


@st.composite
def trees(draw: st.DrawFn, limits: bool = False) -> dict[str, Any]:
    """A tree of three steps and an end, right in its form; whether a call on it ends is chance."""
    names = NAMES[: draw(st.integers(1, 3))]
    steps = {name: draw(STEP) for name in names}
    text = json.dumps(steps)
    for absent in set(NAMES) - set(names):
        text = text.replace(f'"{absent}"', '"bye"')
    for name, step in steps.items():
        if step["type"] == "say" and step["go"] <= name:  # a loop of these alone would never ask for anything
            text = text.replace(json.dumps(step), json.dumps(step | {"go": "bye"}))
    tree = {"menu": "chance", "languages": ["fa"], "start": "first", "steps": json.loads(text)}
    tree["steps"]["bye"] = {"type": "end", "prompt": ["b"]}
    if limits:
        tree["limits"] = {
            "misses": draw(st.integers(1, 3)),
            "leave_seconds": draw(st.sampled_from((10, 15, 30))),
        }
        tree["limits"] |= {"then": "bye", "safe_then": "bye"}
    return tree


def read(tree: dict[str, Any]) -> Menu:
    """YAML holds JSON."""
    return parse(json.dumps(tree, indent=1).encode(), "m.yaml")


@dataclass
class Seen:
    """What all calls together did."""

    been: set[str] = field(default_factory=set)
    kindless: set[str] = field(default_factory=set)  # beeps come to without a kind
    worst: dict[tuple[str, str], float] = field(default_factory=dict)
    best: dict[tuple[str, str], float] = field(default_factory=dict)
    most_asked: float = 0.0


class Call:
    """One call on the tree, walked again from its start by the answers so far."""

    def __init__(self, menu: Menu, answers: tuple[str, ...], seen: Seen, *, round_too: bool = False) -> None:
        self.menu, self.seen, self.round_too = menu, seen, round_too
        self.session = Session(menu, SMALL, Caller("", OFFICE_HOURS))
        self.answers = list(answers)
        self.worst = self.best = self.asked = 0.0
        self.willing = True  # she has missed nothing to a limit, and so far nothing at all
        self.path: list[str] = []
        self.over = False
        self.open: tuple[str, ...] = ()  # what she may answer now

    def walk(self) -> Call:
        action: Action | None = self.session.start()
        while action is not None and not self.over and not self.open:
            self._arrive(action)
            if self.over or isinstance(action, HangUp):
                self.over = True
                break
            options = self._options(action)
            if len(options) > 1 and not self.answers:
                self.open = options
                break
            answer = self.answers.pop(0) if len(options) > 1 else options[0]
            event, spent = self._answered(action, answer)
            self.worst += spent
            action = self.session.receive(event)
        return self

    def _arrive(self, action: Action) -> None:
        step = self.session.step
        if not self.path or step != self.path[-1]:
            if step in self.path and not self.round_too:
                self.over = True
                return
            self.path.append(step)
        self.seen.been.add(step)
        said = sum(
            seconds_of(sound, "fa") for sound in getattr(action, "speech", ()) if isinstance(sound, str)
        )
        self.worst += said
        self.best += said
        kind = self.session.draft.get("kind", "")
        own = self.menu.steps.get(step)
        leaf = isinstance(action, Record | Operator) or (own is not None and own.LEAF == "end")
        if isinstance(action, Record) and not kind and not getattr(own, "sets", None):
            self.seen.kindless.add(step)
        if leaf:
            key = step, kind
            self.seen.worst[key] = max(self.worst, self.seen.worst.get(key, 0.0))
            if self.willing:
                self.seen.best[key] = min(self.best, self.seen.best.get(key, inf))

    def _options(self, action: Action) -> tuple[str, ...]:
        match action:
            case Ask():
                keys = getattr(self.menu.steps[self.session.step], "keys", {})
                return (*keys, SILENT, WRONG)
            case Record():
                return ("words", "still")
            case _:
                return ("",)

    def _answered(self, action: Action, answer: str) -> tuple[Event, float]:
        match action:
            case Ask():
                self.willing = self.willing and answer not in (SILENT, WRONG)
                spent = action.first_key_seconds
                said = sum(seconds_of(s, "fa") for s in action.speech if isinstance(s, str))
                self.asked += said + spent
                self.seen.most_asked = max(self.seen.most_asked, self.asked)
                ended = Ended.FULL if answer else Ended.TIMEOUT
                return Keys(answer, ended, said + spent), spent
            case Record():
                self.willing = self.willing and answer == "words"
                if answer == "words":
                    return Recorded(
                        "w", action.max_seconds, action.max_seconds, Ended.LIMIT
                    ), action.max_seconds
                return Recorded("w", action.silence_seconds, 0.0, Ended.SILENCE), action.silence_seconds
            case Operator():
                return Transferred(Transfer.NOBODY), float(action.wait_seconds)
            case Say():
                return Said(), 0.0
            case FindRoom():
                return RoomFound(), 0.0
            case OpenCase():
                return CaseOpened("1234567894"), 0.0
            case RefineCase():
                return CaseRefined(), 0.0
        raise AssertionError(action)


def every_call(menu: Menu) -> Seen:
    """All rows of answers, none of which goes round."""
    seen = Seen()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        answers = waiting.pop()
        call = Call(menu, answers, seen).walk()
        waiting += [(*answers, option) for option in call.open]
    return seen


def goes_round_unanswered(menu: Menu) -> bool:
    """Whether who always does the same at each step may go on for ever without a key that means anything."""
    ways = [_habits(menu, id) for id in menu.steps]
    return any(_is_endless(menu, dict(zip(menu.steps, habit, strict=True))) for habit in product(*ways))


def _habits(menu: Menu, id: str) -> tuple[str, ...]:
    match menu.steps[id].TYPE:
        case "menu":
            return (*menu.steps[id].keys, SILENT, WRONG)  # type: ignore[attr-defined]
        case "record":
            return ("words", "still")
        case _:
            return ("",)


def _is_endless(menu: Menu, habits: dict[str, str]) -> bool:
    call = Call(menu, (), Seen(), round_too=True)
    action: Action | None = call.session.start()
    been: list[str] = []
    for _ in range(24 * len(menu.steps)):
        if action is None or isinstance(action, HangUp):
            return False
        step = call.session.step
        been.append(step)
        options = call._options(action)
        answer = habits[step] if len(options) > 1 else options[0]
        action = call.session.receive(call._answered(action, answer)[0])
    lately = been[len(been) // 2 :]
    return all(habits[step] in (SILENT, WRONG, "words", "still", "") for step in lately)


def said_by(proof: Proof, words: str) -> set[str]:
    return {mistake.key.removeprefix("steps.") for mistake in proof.mistakes if words in mistake.message}


@cache
def as_proved(text: str) -> Proof:
    return prove(read(json.loads(text)), SMALL, seconds_of, file="m.yaml")


@FEW
@given(trees())
def test_the_proof_says_of_a_tree_what_all_calls_on_it_do(tree: dict[str, Any]) -> None:
    menu = read(tree)
    proof, seen = as_proved(json.dumps(tree)), every_call(menu)
    assert said_by(proof, "no call can come here") == set(menu.steps) - seen.been
    assert said_by(proof, "without a kind") == seen.kindless
    assert bool(said_by(proof, "goes round for ever")) == goes_round_unanswered(menu)
    if not proof.mistakes:
        assert {(a.step, a.kind): a.worst for a in proof.arrivals} == pytest.approx(seen.worst)
        best = {(a.step, a.kind): a.best for a in proof.arrivals if a.best is not None}
        assert best == pytest.approx(seen.best)


@FEW
@given(trees(limits=True))
def test_limits_hold_whatever_a_caller_does(tree: dict[str, Any]) -> None:
    """Her questions take no longer than the figure says, and no leaf comes later than is shown."""
    menu = read(tree)
    proof, seen = as_proved(json.dumps(tree)), every_call(menu)
    assert seen.most_asked <= proof.menus_seconds
    if not proof.mistakes:
        shown = {(a.step, a.kind): a.worst for a in proof.arrivals}
        assert all(seconds <= shown.get(key, inf) for key, seconds in seen.worst.items())
