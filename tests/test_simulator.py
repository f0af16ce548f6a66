"""The simulator, and the golden conversations: what each walk through the default tree says and does.

A golden file holds conversations with a line of dashes between them: comments, then `keys:` and what is set
beside them (`tree:` a file beside it in place of the default one), a blank line, and the transcript in prompt
ids. `GOLDEN=record` writes the transcripts anew.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from ivr import simulator
from ivr.cases import code as tracking_code
from ivr.cases.live_hour import HourOffered
from ivr.cases.meetings import Official
from ivr.desk.trees.beside import TreesBeside
from ivr.simulator import EXAMPLE_CODE, Desk, KeysMistake, Transcript
from ivr.voice.actions import Ask, Record, Say
from ivr.voice.events import Caller, CaseSeen, Lookup, Transfer
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.steps.announcement import AnnouncementStep
from ivr.voice.steps.branch import BranchStep
from ivr.voice.steps.code import CodeStep
from ivr.voice.steps.fragment import FragmentStep
from ivr.voice.steps.registry import TYPES
from ivr.voice.steps.say import SayStep
from ivr.voice.tried_call import TriedCall
from tests.voice.conversation import DIRECTORY, OFFICE_HOURS, TREE, default_menu

GOLDEN = Path(__file__).parent / "golden"
BETWEEN = "-" * 40 + "\n"
MENU = default_menu()
PASSED = (BranchStep, SayStep, AnnouncementStep)  # no call waits there
CALLER = Caller("+989120000000", OFFICE_HOURS)


@dataclass(frozen=True)
class Golden:
    """One conversation: its heading as it stands in the file, and the transcript that is expected."""

    file: str
    heading: str
    expected: str

    @property
    def id(self) -> str:
        return f"{self.file}: {self.heading.splitlines()[0].lstrip('# ')}"

    @property
    def given(self) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in self.heading.splitlines() if not line.startswith("#"))

    def run(self) -> tuple[str, Transcript]:
        given = self.given
        hour = int(given.get("hour", OFFICE_HOURS.hour))
        now = OFFICE_HOURS.replace(hour=hour)
        number = "" if given.get("caller") == "withheld" else CALLER.number
        caller = Caller(number, now, call=given.get("call", ""))
        try:
            return walk(given["keys"], caller, desk(given, now), tree_of(given))
        except KeysMistake as error:
            raise AssertionError(f"{self.id}: {error}") from None


def desk(given: dict[str, str], now: datetime) -> Desk:
    seen = CaseSeen(Lookup(given.get("found", "unknown")))
    if seen.result is Lookup.FOUND:
        due = now + timedelta(days=int(given.get("due_in", "3")))
        seen = CaseSeen(Lookup.FOUND, given["status"], "abfa", due, given.get("answer", ""))
    agency = given.get("agency", "ostandari")
    hour = HourOffered(Official(given["official"]), agency) if "official" in given else None
    return Desk(
        new_code=lambda case: "" if given.get("code") == "none" else EXAMPLE_CODE,
        look_up=lambda code: seen,
        county=given.get("county", ""),
        language=given.get("language", ""),
        blocked="blocked" in given,
        joined="joined" in given,
        earlier=given.get("earlier", ""),
        busy="busy" in given,
        operator=Transfer(given.get("operator", "nobody")),
        hour=hour,
        has_room=given.get("disk") != "full",
        keeps=given.get("journal") != "full",
    )


def tree_of(given: dict[str, str]) -> Menu:
    """The default one, or that of a file beside the conversations, which may call those that ship."""
    if "tree" not in given:
        return MENU
    shipped = GOLDEN if given.get("others") == "none" else TREE.parent
    path = GOLDEN / f"{given['tree']}.yaml"
    return parse(path.read_bytes(), path.name, called=TreesBeside(GOLDEN, shipped).called)


def walk(
    keys: str, caller: Caller = CALLER, desk: Desk | None = None, menu: Menu = MENU
) -> tuple[str, Transcript]:
    out = io.StringIO()
    transcript = simulator.simulate(
        menu,
        DIRECTORY,
        keys=keys.split(",") if keys else [],
        prompts=lambda id, language: id,
        caller=caller,
        out=out,
        desk=desk,
    )
    return out.getvalue(), transcript


def goldens() -> Iterator[Golden]:
    for path in sorted(GOLDEN.glob("*.txt")):
        for conversation in path.read_text(encoding="utf-8").split(BETWEEN):
            heading, _, expected = conversation.strip("\n").partition("\n\n")
            yield Golden(path.name, heading, expected)


ALL = list(goldens())


@pytest.fixture(scope="module", autouse=True)
def recorded() -> None:
    """With GOLDEN=record: the files as the call flow speaks now. Read the difference before you commit it."""
    if os.environ.get("GOLDEN") == "record":
        for path in GOLDEN.glob("*.txt"):
            of_file = [golden for golden in ALL if golden.file == path.name]
            texts = [f"{golden.heading}\n\n{golden.run()[0]}" for golden in of_file]
            path.write_text(BETWEEN.join(texts), encoding="utf-8")
        pytest.skip("recorded; run again without GOLDEN=record")


@pytest.mark.parametrize("golden", ALL, ids=lambda golden: golden.id)
def test_the_conversation_goes_as_written(golden: Golden) -> None:
    text, _ = golden.run()
    assert text.rstrip("\n") == golden.expected


def test_the_golden_conversations_walk_every_way_of_the_default_tree() -> None:
    walked = set()
    for golden in ALL:
        steps = [turn.step for turn in golden.run()[1].turns]
        walked |= set(pairwise(steps))
    missing = {
        (step.id, way.to)
        for step in MENU.steps.values()
        if not isinstance(step, PASSED)
        for way in step.ways()
        if not any((step.id, target) in walked for target in waiting_behind(way.to))
    }
    assert not missing


def test_every_type_of_steps_stands_in_a_tree_of_the_golden_conversations() -> None:
    held = {type(step) for golden in ALL for step in tree_of(golden.given).steps.values()}
    assert held >= {*TYPES} - {FragmentStep}  # which is its steps


def waiting_behind(target: str) -> set[str]:
    """The steps where a call first waits for somebody on its way through `target`."""
    step = MENU.steps[target]
    if isinstance(step, CodeStep):  # nobody is told the code of a case that her words have joined
        return {target} | waiting_behind(step.go)
    if not isinstance(step, PASSED):
        return {target}
    return set().union(*(waiting_behind(way.to) for way in step.ways()))


def test_the_golden_conversations_open_cases_of_every_kind_in_both_languages() -> None:
    cases = [case for golden in ALL for case in golden.run()[1].cases]
    assert {case["kind"] for case in cases} == {"complaint", "criticism", "suggestion", "request", "meeting"}
    assert {case["language"] for case in cases} == {"fa", "az"}


def test_the_golden_conversations_hang_up_in_every_asking_step() -> None:
    its = [golden for golden in ALL if "\ntree: " not in golden.heading]
    ends = {
        transcript.turns[-1].step for golden in its if (transcript := golden.run()[1]).outcome == "hung_up"
    }
    assert ends == {step.id for step in MENU.steps.values() if not isinstance(step, PASSED)}


def test_the_example_code_is_valid() -> None:
    assert tracking_code.is_valid(EXAMPLE_CODE)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ("1,hello", "key 2, “hello”, means nothing: use digits"),
        ("1,r:5", "key 2, “r:5”, does not fit: the call waits for up to 1 keys"),
        ("1,12", "key 2, “12”, does not fit: the call waits for up to 1 keys"),
        ("1,1,1,1,00,answered", "key 6, “answered”, does not fit: the call waits for words"),
    ],
)
def test_a_wrong_token_is_named_with_its_place(keys: str, sentence: str) -> None:
    with pytest.raises(KeysMistake, match=sentence):
        walk(keys)


def typed(lines: list[str]) -> tuple[str, Transcript]:
    """As if these lines were typed; then Ctrl-D."""
    waiting = iter(lines)

    def read() -> str:
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    out = io.StringIO()
    transcript = simulator.simulate(
        MENU, DIRECTORY, keys=None, prompts=lambda id, language: id, caller=CALLER, out=out, read=read
    )
    return out.getvalue(), transcript


def test_typed_words_are_a_recording_and_an_empty_line_is_silence() -> None:
    text, transcript = typed(
        ["", "1", "1", "1", "00", "آب محله ما سه روز است که قطع است و کسی نیامده", "1", ""]
    )
    assert transcript.outcome == "completed" and transcript.cases[0]["kind"] == "complaint"
    assert transcript.cases[0]["recordings"] == [{"seconds": 6.0, "ended": "hash"}]
    assert text.endswith("(completed)\n")


def test_the_end_of_the_input_hangs_up() -> None:
    text, transcript = typed(["1"])
    assert transcript.outcome == "hung_up" and transcript.turns[-1].step == "kind"
    assert "> (hangs up)" in text


def test_a_typed_line_that_does_not_fit_is_explained_and_asked_again() -> None:
    text, transcript = typed(["one", "1"])
    assert "the call waits for up to 1 keys (0–9, *, #)" in text
    assert [turn.step for turn in transcript.turns if turn.action == "Ask"] == ["language", "kind"]


def test_sensitive_keys_stay_out_of_the_transcript() -> None:
    text, transcript = walk("1,5,0,00,1,1,0499370899,1,r:5,1,-")
    assert "> ••••••••••" in text and "0499370899" not in json.dumps(transcript.as_json())
    assert transcript.cases[0]["national_id"] == "••••••••••"


def test_colours_appear_only_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    simulator.simulate(MENU, DIRECTORY, keys=[], prompts=lambda id, _: id, caller=CALLER, out=out)
    assert "\x1b[" in out.getvalue()
    assert "\x1b[" not in walk("")[0]


def walked(*keys: str) -> TriedCall:
    return simulator.walk(
        default_menu(),
        DIRECTORY,
        keys,
        prompts=lambda id, language: id,
        caller=Caller("04133334444", OFFICE_HOURS),
    )


def test_a_walk_stops_where_the_caller_has_to_do_something_and_says_what_she_hears() -> None:
    began = walked()
    assert isinstance(began.waits, Ask) and began.step == "language"
    assert began.heard == (("welcome", "fa"), ("language.choose", "fa"))
    onward = walked("2", "1")
    assert onward.step == "topic" and {language for _, language in onward.heard} == {"az"}
    words = walked("2", "1", "1", "1", "01", ".")
    assert isinstance(words.waits, Record) and not words.cases
    kept = walked("2", "1", "1", "1", "01", ".", "r:5")
    assert isinstance(kept.waits, Ask) and kept.step == "review" and len(kept.cases) == 1


def test_a_walk_waits_also_where_she_could_break_in_and_ends_with_the_call() -> None:
    spoken = walked("1", "1", "1", "1", "01", ".", "r:5", "1")
    assert isinstance(spoken.waits, Say) and spoken.step == "code"
    asked = walked("1", "1", "1", "1", "01", ".", "r:5", "1", ".")
    assert isinstance(asked.waits, Ask) and asked.step == "code"
    over = walked("hangup")
    assert over.waits is None and over.outcome == "hung_up"
    with pytest.raises(KeysMistake, match="key 2"):
        walked("1", "answered")
