"""Trees built by chance: what the proof says of one is what every possible call on it does.

A call is any row of answers a caller can give; the real `Session` is walked through all of them. Only going
round is left out, as in the proof: that is the caller's own wish, or an endless loop, which is looked for by
itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.voice.actions import (
    Action,
    Ask,
    Enquire,
    HangUp,
    Operator,
    Record,
    Say,
    TakeWay,
)
from ivr.voice.events import (
    Caller,
    Ended,
    Enquired,
    EnquiryResult,
    Event,
    Keys,
    Recorded,
    Said,
)
from ivr.voice.menu import Menu, Step
from ivr.voice.menu_trial import within_share
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.voice.proof import Proof, check, prove
from ivr.voice.reading import CalledTree
from ivr.voice.session import Session
from ivr.voice.steps.share import ShareStep
from ivr.voice.well_desk import answered
from tests.voice.conversation import DIRECTORY, OFFICE_HOURS, TREE
from tests.voice.test_proof import SMALL

NAMES = ("first", "second", "third")
WRONG, SILENT = "9", ""
ENQUIRED = ("found", "not_found", "failed")
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
ENQUIRY = st.fixed_dictionaries(
    {"type": st.just("enquiry"), "prompt": PROMPT, "url": st.just("https://example.ir/"),
     "wait_seconds": st.sampled_from((1, 8)), "found": goal(), "not_found": goal(), "failed": goal()}
)  # fmt: skip
SHARE = st.fixed_dictionaries({"type": st.just("share"), "share": st.just(0.5), "to": goal(), "go": goal()})
STEP = st.one_of(MENU, MENU, MENU, SAY, OPERATOR, RECORD, SHARE, ENQUIRY)
USES = goal().map(lambda to: {"type": "fragment", "use": "piece", "exits": {"out": to}})


CALLS = st.tuples(goal(), goal()).map(
    lambda to: {"type": "tree", "name": "other", "go": to[0], "missing_go": to[1]}
)


def fragment(step: dict[str, Any]) -> dict[str, Any]:
    """Of that one step, which leads to itself where it led to the first, else out."""
    text = json.dumps({"inner": step}).replace('"first"', '"inner"')
    for outside in (*NAMES[1:], "bye"):
        text = text.replace(f'"{outside}"', '"out"')
    return {"piece": {"exits": ["out"], "steps": json.loads(text)}}


@st.composite
def trees(draw: st.DrawFn, limits: bool = False, called: bool = False) -> dict[str, Any]:
    """A tree of three steps and an end, right in its form; whether a call on it ends is chance."""
    names = NAMES[: draw(st.integers(1, 2 if called else 3))]
    drawn = st.one_of(STEP, STEP, USES)
    steps = {name: draw(drawn) for name in names}
    if not called and draw(
        st.booleans()
    ):  # once: what is missing for one call is missing for the whole of it
        steps[draw(st.sampled_from(names))] = draw(CALLS)
    text = json.dumps(steps)
    for absent in set(NAMES) - set(names):
        text = text.replace(f'"{absent}"', '"bye"')
    tree = {"menu": "chance", "languages": ["fa"], "start": "first", "steps": json.loads(text)}
    if any(step["type"] == "tree" for step in steps.values()):
        tree["other"] = draw(trees(called=True))
    if any(step["type"] == "fragment" for step in steps.values()):
        tree["fragments"] = fragment(draw(STEP))
    tree["defaults"] = {name: {"limit": 1, "then": "bye"} for name in ("no_input", "no_match")}
    tree["steps"]["bye"] = {"type": "end", "prompt": ["b"]}
    if limits:
        tree["limits"] = {
            "misses": draw(st.integers(1, 3)),
            "leave_seconds": draw(st.sampled_from((10, 15, 30))),
        }
        tree["limits"] |= {"then": "bye", "safe_then": "bye"}
    return tree


def read(tree: dict[str, Any], there: bool = True) -> Menu:
    """YAML holds JSON. `there`: whether the tree that it calls can be had."""
    text = {name: value for name, value in tree.items() if name != "other"}

    def called(_: str) -> CalledTree | None:
        return CalledTree(json.dumps(tree["other"]).encode()) if there else None

    return parse(json.dumps(text, indent=1).encode(), "m.yaml", called=called)


def both(tree: dict[str, Any]) -> tuple[Menu, ...]:
    """As it is, and as it is without the tree that it calls."""
    return (read(tree), *((read(tree, there=False),) if "other" in tree else ()))


@dataclass
class Seen:
    """What all calls together did."""

    been: set[str] = field(default_factory=set)
    kindless: set[str] = field(default_factory=set)  # beeps come to without a kind
    worst: dict[tuple[str, str], float] = field(default_factory=dict)
    best: dict[tuple[str, str], float] = field(default_factory=dict)
    most_asked: float = 0.0


class Round(Exception):
    """The call comes to a step again."""


class Entered(dict[str, Step]):
    """A menu's steps, which note each that a session enters; `most` times in all."""

    def __init__(self, steps: Mapping[str, Step], most: float) -> None:
        super().__init__(steps)
        self.path: list[str] = []
        self.most = most

    def __getitem__(self, id: str) -> Step:
        if (id in self.path and self.most == inf) or len(self.path) >= self.most:
            raise Round
        self.path.append(id)
        return super().__getitem__(id)


class Call:
    """One call on the tree, walked again from its start by the answers so far."""

    def __init__(
        self, menu: Menu, answers: tuple[str, ...], seen: Seen, most: float = inf, id: str = ""
    ) -> None:
        self.menu, self.seen = menu, seen
        self.steps = Entered(menu.steps, most)
        self.session = Session(replace(menu, steps=self.steps), SMALL, Caller("", OFFICE_HOURS, call=id))
        self.answers = list(answers)
        self.worst = self.best = self.asked = 0.0
        self.willing = True  # she has missed nothing so far
        self.arrived: set[str] = set()
        self.open: tuple[str, ...] = ()  # what she may answer now

    def walk(self) -> Call:
        with suppress(Round):
            action = self.session.start()
            while not isinstance(action, HangUp):
                self._hear(action)
                options = self.options(action)
                if len(options) > 1 and not self.answers:
                    self.open = options
                    break
                answer = self.answers.pop(0) if len(options) > 1 else options[0]
                event, spent = self.answer(action, answer)
                self.worst += spent
                onward = self.session.receive(event)
                assert onward is not None
                action = onward
        self.seen.been.update(self.steps.path)
        return self

    def _hear(self, action: Action) -> None:
        said = self._seconds(action)
        self.worst, self.best = self.worst + said, self.best + said
        step, kind = self.session.step, self.session.draft.get("kind", "")
        if isinstance(action, Record) and not kind and not getattr(self.menu.steps[step], "sets", None):
            self.seen.kindless.add(step)
        if not isinstance(action, Record | Operator | Say) or not step:
            return
        first = step not in self.arrived  # a second beep is the same one
        if first and (not isinstance(action, Say) or self.menu.steps[step].LEAF == "end"):
            self.arrived.add(step)
            key = step, kind
            self.seen.worst[key] = max(self.worst, self.seen.worst.get(key, 0.0))
            if self.willing:
                self.seen.best[key] = min(self.best, self.seen.best.get(key, inf))

    def _seconds(self, action: Action) -> float:
        sounds = action.speech if isinstance(action, Ask | Say) else ()
        if isinstance(action, Enquire):
            sounds = action.lead + action.filler
        return sum(seconds_of(sound, "fa") for sound in sounds if isinstance(sound, str))

    def options(self, action: Action) -> tuple[str, ...]:
        match action:
            case Ask():
                keys = getattr(self.menu.steps[self.session.step], "keys", {})
                return (*keys, SILENT, WRONG)
            case Record():
                return ("words", "still")
            case Enquire():
                return ENQUIRED
            case _:
                return ("",)

    def answer(self, action: Action, answer: str) -> tuple[Event, float]:
        match action:
            case Ask():
                self.willing = self.willing and answer not in (SILENT, WRONG)
                said, spent = self._seconds(action), action.first_key_seconds
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
                return Recorded("w", 1.0, 0.0, Ended.SILENCE), action.silence_seconds
            case Enquire():
                return Enquired(EnquiryResult(answer)), action.seconds
            case Operator():
                return answered(action), float(action.wait_seconds)
            case Say():
                return Said(), 0.0
            case TakeWay(way=way):
                self.willing = self.willing and not way.endswith(":none")
        return answered(action), 0.0


def every_call(*menus: Menu) -> Seen:
    """All rows of answers, none of which goes round."""
    seen = Seen()
    for menu, id in ((each, id) for each in menus for id in of_all_shares(each)):
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            answers = waiting.pop()
            call = Call(menu, answers, seen, id=id).walk()
            waiting += [(*answers, option) for option in call.open]
    return seen


def of_all_shares(menu: Menu) -> list[str]:
    """Ids of calls that go all ways of its `share` steps."""
    steps = [step for step in menu.steps.values() if isinstance(step, ShareStep)]
    found = {
        tuple(within_share(s.id, str(n), s.share) for s in steps): str(n) for n in range(20 << len(steps))
    }
    assert len(found) == 1 << len(steps)
    return list(found.values())


def goes_round_unanswered(menu: Menu) -> bool:
    """Whether who always does the same at each step may go on for ever without a key that means anything."""
    ways = [_habits(menu, id) for id in menu.steps]
    return any(
        _is_endless(menu, dict(zip(menu.steps, habit, strict=True)), id)
        for habit in product(*ways)
        for id in of_all_shares(menu)
    )


def _habits(menu: Menu, id: str) -> tuple[str, ...]:
    match menu.steps[id].TYPE:
        case "menu":
            return (*menu.steps[id].keys, SILENT, WRONG)  # type: ignore[attr-defined]
        case "record":
            return ("words", "still")
        case "enquiry":
            return ENQUIRED
        case _:
            return ("",)


def _is_endless(menu: Menu, habits: dict[str, str], id: str) -> bool:
    call = Call(menu, (), Seen(), most=8 * len(menu.steps), id=id)
    try:
        action = call.session.start()
        while not isinstance(action, HangUp):
            options = call.options(action)
            answer = habits[call.session.step] if len(options) > 1 else options[0]
            onward = call.session.receive(call.answer(action, answer)[0])
            assert onward is not None
            action = onward
    except Round:
        lately = call.steps.path[4 * len(menu.steps) :]
        return all(habits[step] in ("", SILENT, WRONG, "words", "still", *ENQUIRED) for step in lately)
    return False


def said_by(proof: Proof, words: str) -> set[str]:
    return {mistake.key.removeprefix("steps.") for mistake in proof.mistakes if words in mistake.message}


@FEW
@given(trees())
def test_the_proof_says_of_a_tree_what_all_calls_on_it_do(tree: dict[str, Any]) -> None:
    menu = read(tree)
    proof, seen = prove(menu, SMALL, seconds_of), every_call(*both(tree))
    assert said_by(proof, "no call can come here") == set(menu.steps) - seen.been
    assert said_by(proof, "without a kind") == seen.kindless
    assert bool(said_by(proof, "goes round for ever")) == any(map(goes_round_unanswered, both(tree)))
    if not proof.mistakes:
        worst = {(a.step, a.kind): a.worst for a in proof.arrivals}
        best = {(a.step, a.kind): a.best for a in proof.arrivals if a.best is not None}
        assert best == pytest.approx(seen.best)
        if any(step.LEAF == "record" for step in menu.steps.values()):  # it counts a question of the desk's
            assert worst.keys() == seen.worst.keys()
            assert all(seconds <= worst[key] for key, seconds in seen.worst.items())
        else:
            assert worst == pytest.approx(seen.worst)


@FEW
@given(trees(limits=True))
def test_limits_hold_whatever_a_caller_does(tree: dict[str, Any]) -> None:
    """Her questions take no longer than the figure says, and no leaf comes later than is shown."""
    menu = read(tree)
    proof, seen = prove(menu, SMALL, seconds_of), every_call(*both(tree))
    assert seen.most_asked <= proof.menus_seconds
    if not proof.mistakes:
        shown = {(a.step, a.kind): a.worst for a in proof.arrivals}
        assert all(seconds <= shown.get(key, inf) for key, seconds in seen.worst.items())


LINES = TREE.read_text("utf-8").splitlines()
KEYED = [n for n, line in enumerate(LINES) if ":" in line.split("#")[0] and not line.lstrip().startswith("#")]
# What can't be right wherever it stands for a value, and what can't stand anywhere as a line of its own.
NO_VALUE = ("[[]]", "{a: {b: [c]}}", "&x y", "*x", "!!int 3", "'", "|", "\t- x", "{", "\x01", "\ud800")
NO_LINE = (
    "  - x",
    "nonsense: 1",
    "  : :",
    "? a",
    "%YAML 1.1",
    "\ttab: x",
    "a b c",
    "}",
    "menu: again",
)


@st.composite
def broken(draw: st.DrawFn) -> tuple[int, bytes]:
    """The tree that ships with one line made wrong: which (from 1), and the file."""
    at, lines = draw(st.sampled_from(KEYED)), list(LINES)
    key = lines[at].split(":")[0]
    how = draw(st.sampled_from(("value", "line", "key", "twice", "bytes", "digit")))
    match how:
        case "value":
            lines[at] = f"{key}: {draw(st.sampled_from(NO_VALUE))}"
        case "line":
            lines.insert(at, draw(st.sampled_from(NO_LINE)))
        case "key":
            lines[at] = lines[at].replace(key.strip(), f"{key.strip()}_zzz", 1).replace('"_zzz', '_zzz"')
        case "twice":
            lines.insert(at, lines[at])
        case "bytes":
            return at + 1, "\n".join(lines[:at]).encode() + b"\n" + draw(
                st.binary(min_size=1, max_size=9)
            ) + b"\xff\n"
        case "digit":
            lines[at] = (
                f"{key}: {draw(st.sampled_from(('-1', '1e9', 'yes', '0x1F', '~', '99999999999999999999')))}"
            )
    return at + 1, "\n".join(lines).encode("utf-8", "surrogatepass")


@settings(max_examples=150, deadline=None)
@given(broken())
def test_a_broken_tree_is_never_accepted_and_its_mistake_has_a_place(case: tuple[int, bytes]) -> None:
    _, data = case
    with pytest.raises(MenuMistakes) as caught:
        check(data, "m.yaml", DIRECTORY, languages={"fa", "az"})
    lines = data.count(b"\n") + 2
    for mistake in caught.value.mistakes:
        assert mistake.file == "m.yaml" and mistake.message
        assert 1 <= mistake.line <= lines and mistake.column >= 1
    assert len(str(caught.value)) < 20_000


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_refused_with_a_place(data: bytes) -> None:
    with pytest.raises(MenuMistakes) as caught:
        check(data, "m.yaml", DIRECTORY)
    assert all(mistake.line >= 1 and mistake.column >= 1 for mistake in caught.value.mistakes)
