"""The menu tree as immutable values. `ivr.voice.parse` makes it from YAML, `ivr.voice.proof` proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from ivr.voice.events import CaseSeen

# What a `keys:` entry may set, and to what (None: anything; the languages come from the menu).
SETTABLE = ("language", "kind", "topic", "county", "callback")


@dataclass(frozen=True, slots=True)
class Miss:
    """What happens on no input or no match: after each miss `say`, at the `limit` go to `then`."""

    limit: int
    say: tuple[str, ...]
    then: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A key's meaning: set these draft values, then go to that step."""

    go: str
    sets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Common to every step. `line` is where it stands in its file (1-based)."""

    id: str
    line: int
    prompt: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asking(Step):
    first_key: float
    next_key: float
    barge_in: bool
    no_input: Miss
    no_match: Miss
    sensitive: bool  # keys are masked in the step log


@dataclass(frozen=True, slots=True)
class MenuStep(Asking):
    """type: menu. One or more keys to choose from; no key is a prefix of another."""

    keys: Mapping[str, Choice]


@dataclass(frozen=True, slots=True)
class TopicStep(Asking):
    """type: topic. Group, then leaf, from the directory; 0 = another matter."""

    leaf_prompt: tuple[str, ...]
    go: str


@dataclass(frozen=True, slots=True)
class CountyStep(Asking):
    """type: county. Two digits, `unknown` when she doesn't know; a known caller is offered hers first."""

    offer_prompt: tuple[str, ...]
    unknown: str
    go: str


@dataclass(frozen=True, slots=True)
class DigitsStep(Asking):
    """type: digits. A number with a check, read back when `confirm_prompt` is given (1 right, 2 again)."""

    into: str  # callback | national_id | code
    check: str  # phone | national_id | tracking_code
    min_keys: int
    max_keys: int
    confirm_prompt: tuple[str, ...]
    go: str


@dataclass(frozen=True, slots=True)
class RecordStep(Asking):
    """type: record. After the words a case is opened; nothing that follows can lose them."""

    max_seconds: float
    silence_seconds: float
    min_seconds: float
    too_short: Miss
    sets: Mapping[str, str]
    go: str


@dataclass(frozen=True, slots=True)
class ReviewStep(Asking):
    """type: review. `keys`: key → keep | hear | again | add. `record` is the step to return to."""

    keys: Mapping[str, str]
    record: str
    go: str


@dataclass(frozen=True, slots=True)
class CodeStep(Asking):
    """type: code. Once `ready_prompt`, then the tracking code `times` times; key `repeat` speaks it again."""

    times: int
    ready_prompt: tuple[str, ...]
    repeat: str
    repeat_prompt: tuple[str, ...]
    no_code_prompt: tuple[str, ...]
    go: str


@dataclass(frozen=True, slots=True)
class StatusStep(Asking):
    """type: status. Looks `code` up and tells; `unknown_go` after an unknown code.

    Then `after_prompt`: key `repeat` tells again, `another` asks for another code at `unknown_go`.
    """

    unknown_prompt: tuple[str, ...]
    too_many_prompt: tuple[str, ...]
    unavailable_prompt: tuple[str, ...]
    after_prompt: tuple[str, ...]
    repeat: str
    another: str
    unknown_go: str
    go: str


@dataclass(frozen=True, slots=True)
class AnswerStep(Asking):
    """Never written in YAML: built for one call-back by `ivr.voice.verdict`. Tells the answer to `code`."""

    code: str
    seen: CaseSeen


@dataclass(frozen=True, slots=True)
class VerifyStep(Asking):
    """Never written in YAML: asks who answers our call whether a number that was given is hers."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Office hours. `days`: Python weekdays (Monday 0)."""

    days: frozenset[int]
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class OperatorStep(Step):
    """type: operator. Nobody there or out of hours → `nobody`."""

    queue: str
    hours: Hours | None
    wait_seconds: int
    closed_prompt: tuple[str, ...]
    nobody: str


@dataclass(frozen=True, slots=True)
class BranchStep(Step):
    """type: branch. Says nothing: goes where the value `on` sends it, else to `go`."""

    on: str  # kind | language | topic | county | number | caller
    cases: Mapping[str, str]
    go: str


@dataclass(frozen=True, slots=True)
class SayStep(Step):
    """type: say."""

    go: str


@dataclass(frozen=True, slots=True)
class EndStep(Step):
    """type: end. Speak, then hang up."""


@dataclass(frozen=True, slots=True)
class Menu:
    """A whole proved tree. `revision` is "" until published."""

    name: str
    languages: tuple[str, ...]
    start: str
    steps: Mapping[str, Step]
    revision: str = ""
