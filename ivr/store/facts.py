"""The facts of the journal: everything that a line of it may say. The contract is docs/facts.md.

On the disk a fact is a JSON object: its `type`, its fields, and its `version` unless that is 1. A field with
a default may be absent, and is left out when it has it. Such a field may be added under the same version,
since a release that does not know it reads the fact without. Whatever else changes makes a new version, which
an older release puts aside for a newer one.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AwareDatetime, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ivr.cases.callback import Outcome
from ivr.voice.events import IN_MID_WORD

# A UUID, or "" where none is known.
MaybeId = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$")]

_CUT_OFF = frozenset(f"recorded:{how}" for how in IN_MID_WORD)  # of `FactStep.note`


class FactError(ValueError):
    """This release can't read a fact; says of which kind, where in it and why."""


@dataclass(frozen=True, slots=True)
class FactCall:
    """The call that a fact comes from. `id` must stand first: journals are searched for it."""

    id: uuid.UUID
    unique_id: str
    caller: str
    caller_name: str
    started_at: AwareDatetime
    answered_at: AwareDatetime | None
    language: str
    menu_name: str
    menu_revision: str
    uptime: str = ""


@dataclass(frozen=True, slots=True)
class FactRecording:
    """A recording that came to its end. Journals are searched for its `name`."""

    name: str
    seconds: float
    voiced_seconds: float
    ended: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class FactStep:
    """One line of a call's path through the menu."""

    at: AwareDatetime
    step: str
    key: str
    note: str
    missed: bool = False


@dataclass(frozen=True, slots=True)
class FactAttempt:
    """The attempt of a call-back that a call of ours was, and how it ended."""

    id: uuid.UUID
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class CallStartedFact:
    """A call began."""

    TYPE: ClassVar = "call_started"
    VERSION: ClassVar = 1
    call: FactCall


@dataclass(frozen=True, slots=True)
class RecordingBegunFact:
    """Whose words will be in a file that is about to be recorded, and what was chosen before them."""

    TYPE: ClassVar = "recording_begun"
    VERSION: ClassVar = 1
    at: AwareDatetime
    call: FactCall
    name: str
    kind: str
    topic: str
    county: str
    language: str
    callback: str
    national_id: str
    case: MaybeId = ""
    code: str = ""
    reserved: str = ""


@dataclass(frozen=True, slots=True)
class CaseOpenedFact:
    """Words of a citizen are to become a case."""

    TYPE: ClassVar = "case_opened"
    VERSION: ClassVar = 1
    id: uuid.UUID
    at: AwareDatetime
    code: str
    call: FactCall
    kind: str
    topic: str
    county: str
    language: str
    callback: str
    national_id: str
    recordings: tuple[FactRecording, ...]


@dataclass(frozen=True, slots=True)
class WordsKeptFact:
    """A further recording belongs to a case."""

    TYPE: ClassVar = "words_kept"
    VERSION: ClassVar = 1
    id: uuid.UUID
    at: AwareDatetime
    case: MaybeId
    code: str
    call: FactCall
    recording: FactRecording
    instead: bool
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class CaseRefinedFact:
    """What a case is about, as she said it in the same call, after her words."""

    TYPE: ClassVar = "case_refined"
    VERSION: ClassVar = 1
    id: uuid.UUID
    at: AwareDatetime
    case: MaybeId
    code: str
    call: FactCall
    topic: str
    county: str
    callback: str = ""
    national_id: str = ""


@dataclass(frozen=True, slots=True)
class ConfidedFact:
    """Her case is to be confidential. `case`: its id; as of words that are kept."""

    TYPE: ClassVar = "confided"
    VERSION: ClassVar = 1
    id: uuid.UUID
    at: AwareDatetime
    case: MaybeId
    code: str
    call: FactCall


@dataclass(frozen=True, slots=True)
class CallBackWishedFact:
    """She wants to be called about a code that could not be looked up, or when it is her turn in a queue."""

    TYPE: ClassVar = "call_back_wished"
    VERSION: ClassVar = 1
    at: AwareDatetime
    code: str
    language: str
    call: FactCall
    queue: str = ""
    since: AwareDatetime | None = None
    hours: str = ""


@dataclass(frozen=True, slots=True)
class VerdictFact:
    """What she says of the answer to her case."""

    TYPE: ClassVar = "verdict"
    VERSION: ClassVar = 1
    id: uuid.UUID
    at: AwareDatetime
    code: str
    call: FactCall
    solved: bool
    proven: bool = True


@dataclass(frozen=True, slots=True)
class RatingFact:
    """How content she is."""

    TYPE: ClassVar = "rating"
    VERSION: ClassVar = 1
    id: uuid.UUID
    at: AwareDatetime
    code: str
    call: FactCall
    score: int


@dataclass(frozen=True, slots=True)
class ReasonLostFact:
    """Her reason for "not solved" could not be recorded."""

    TYPE: ClassVar = "reason_lost"
    VERSION: ClassVar = 1
    id: uuid.UUID
    at: AwareDatetime
    code: str
    call: FactCall
    why: str


@dataclass(frozen=True, slots=True)
class OurCallSettledFact:
    """What she said by key on a call of ours, which goes on. `CallEndedFact` says it once more."""

    TYPE: ClassVar = "our_call_settled"
    VERSION: ClassVar = 1
    at: AwareDatetime
    call: FactCall
    attempt: FactAttempt


@dataclass(frozen=True, slots=True)
class CallEndedFact:
    """A call is over. `scraps`: recordings that became no case; `unsaid`: it broke off, as her case's matter
    or county was to be said.
    """

    TYPE: ClassVar = "call_ended"
    VERSION: ClassVar = 1
    call: FactCall
    outcome: str
    ended_at: AwareDatetime
    steps: tuple[FactStep, ...]
    scraps: tuple[FactRecording, ...]
    attempt: FactAttempt | None = None
    unsaid: bool = False


Fact = (
    CallStartedFact
    | RecordingBegunFact
    | CaseOpenedFact
    | WordsKeptFact
    | CaseRefinedFact
    | ConfidedFact
    | CallBackWishedFact
    | VerdictFact
    | RatingFact
    | ReasonLostFact
    | OurCallSettledFact
    | CallEndedFact
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A whole line that this release can't read as a fact. `body`: what it holds; `why`: what is wrong."""

    body: bytes
    why: str


@dataclass(frozen=True, slots=True)
class _Head:
    type: str
    version: int = 1


KINDS: Mapping[str, type[Fact]] = {kind.TYPE: kind for kind in get_args(Fact)}
_BEGINNINGS = {b'{"type":"%s",' % name.encode(): name for name in KINDS}  # as `write` has them
_NOTHING = asdict(FactRecording("", 0.0, 0.0, "", "", 0))
_CHOICES = ("kind", "topic", "county", "language", "callback", "national_id")
# What `salvage` puts for what it can't read.
_EMPTY: Mapping[str, Any] = {
    **dict.fromkeys((*_CHOICES, "case", "code", "reserved"), ""),
    "recording": _NOTHING,
    **dict.fromkeys(("recordings", "steps", "scraps"), ()),
}


@cache  # building one takes some milliseconds, which commands that read no fact don't spend
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[name] if name else _Head)


@cache
def _steps() -> TypeAdapter[Any]:
    return TypeAdapter(tuple[FactStep, ...])


def prepare() -> None:
    """Make everything ready for the first fact, so that no call waits for that."""
    for name in ("", *KINDS):
        _adapter(name)


def write(fact: Fact) -> bytes:
    """The JSON object of a fact, in one line. ValueError, TypeError: it holds what is no JSON."""
    head = b'{"type":"%s",' % fact.TYPE.encode()
    if fact.VERSION != 1:
        head += b'"version":%d,' % fact.VERSION
    # What is of a wrong type is written all the same: words are safe so, and the reader says what is wrong.
    return head + _adapter(fact.TYPE).dump_json(fact, exclude_defaults=True, warnings=False)[1:]


def way(steps: tuple[FactStep, ...]) -> str:
    """The JSON of what a call's row tells of her way."""
    written = _steps().dump_json(steps, exclude_defaults=True, warnings=False)
    return written.replace(b'Z","step":', b'+00:00","step":').decode()  # UTC, as isoformat() has it


def read(body: bytes) -> Fact:
    """The fact that such an object is. Raises FactError."""
    try:
        fact: Fact = _adapter(_type_of(body)).validate_json(body, strict=True)
    except ValidationError as error:
        raise FactError(_located(error)) from None
    return fact


def _type_of(body: bytes) -> str:
    """Where the body begins as ours do it is parsed only once. Raises FactError, ValidationError."""
    name = _BEGINNINGS.get(body[: body.find(b",") + 1])
    if name and b'"version"' not in body:  # as a name or a value, wherever it stands
        return name
    head: _Head = _adapter("").validate_json(body, strict=True)
    if head.type not in KINDS:
        raise FactError(f"of unknown type {head.type!r}")
    if head.version > KINDS[head.type].VERSION:
        raise FactError(f"{head.type} of version {head.version}: a newer release wrote it")
    return head.type


def read_or_not(body: bytes) -> Fact | Unreadable:
    """The fact, or what is wrong with it."""
    try:
        return read(body)
    except FactError as error:
        return Unreadable(body, str(error))


def salvage(body: bytes) -> Fact | None:
    """What an unreadable fact still tells: what can't be read of it is empty.

    None when that is whose it is, when it was, or which file it names. A newer version counts as a known one.
    """
    try:
        told = from_json(body)
        adapter = _adapter(told["type"])
        try:
            fact: Fact = adapter.validate_json(body, strict=True)
        except ValidationError as error:
            told |= {name: _EMPTY[name] for name in {str(each["loc"][0]) for each in error.errors()}}
            fact = adapter.validate_json(to_json(told), strict=True)
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return fact


def is_patient(fact: Fact) -> bool:
    """Whether nobody waits for what it makes: a call's row, or nothing. A call of ours has its attempt.

    Who was cut off in mid-word, or before all was said, may call again at once, and hears that she can go on
    only once that is over.
    """
    if isinstance(fact, CallEndedFact):
        goes_on = fact.unsaid or any(step.note in _CUT_OFF for step in fact.steps)
        return fact.attempt is None and not goes_on
    return isinstance(fact, CallStartedFact | RecordingBegunFact)


def happened_at(fact: Fact) -> datetime:
    """When it came about."""
    match fact:
        case CallStartedFact():
            return fact.call.started_at
        case CallEndedFact():
            return fact.ended_at
        case _:
            return fact.at


def _located(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{where}: {first['msg']}" + (f", and {len(more)} more" if more else "")
