"""One call that was, walked again: through its own tree or another one.

What is assumed of a caller, since nobody can know:

- At a question that she was asked in her call (the same step, one with the same words, or the only one of its
  type) she does what she did there, and waits as long: at the same second where she had interrupted it, as
  long after its end where she had heard it out.
- At a question that she was never asked, or has no answer left for, she is silent.
- What another system would have answered nobody knows: in eight calls of ten it finds what it is asked for,
  with other values from call to call, in one it does not, and in one it is away.
- Who hung up does so again: at the same question, once she has no answer left there, or when the call has
  lasted as long as hers did. At a beep that she never reached she speaks, if she comes to it before that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

from ivr.cases.statuses import Status
from ivr.voice.actions import (
    Action,
    Ask,
    Enquire,
    HangUp,
    LookAtQueue,
    LookUpCase,
    OpenCase,
    Operator,
    RecallCaller,
    Record,
    RefineCase,
    Say,
    Speech,
)
from ivr.voice.directory import Directory
from ivr.voice.events import (
    Caller,
    CallerKnown,
    CaseOpened,
    CaseRefined,
    CaseSeen,
    Ended,
    Enquired,
    EnquiryResult,
    Event,
    HungUp,
    Keys,
    Lookup,
    QueueSeen,
    Recorded,
    Said,
    Transfer,
    Transferred,
)
from ivr.voice.footprints import MASK, Did, Footprint
from ivr.voice.menu import Menu
from ivr.voice.session import Session
from ivr.voice.talk import TWICE_SECONDS
from ivr.voice.timing import SecondsOf, Timing
from ivr.voice.well_desk import EXAMPLE_CODE, answered, examples

SPOKEN_SECONDS = 20.0  # of who comes to a beep for the first time
FELT_SECONDS = 5.0  # a difference below this nobody notices
MOST_EVENTS = 400  # of one walk; the longest calls have about a hundred


@dataclass(frozen=True, slots=True)
class PastCall:
    """`number` is "" when withheld. `county`: of the case that came of it. `steps`: as in its row."""

    id: str
    began: datetime
    seconds: float
    hung_up: bool
    number: str
    language: str
    county: str
    steps: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Landing:
    """What a walk came to. `at`: words, status, operator or "" for nothing; of words what they are about."""

    at: str = ""
    kind: str = ""
    topic: str = ""
    county: str = ""

    def __str__(self) -> str:
        about = "/".join(part or "-" for part in (self.kind, self.topic, self.county))
        return f"{self.at} {about}" if self.at == "words" else self.at or "nothing"


@dataclass(slots=True)
class Walk:
    """One call through one tree. Seconds from the answer; `to_beep` is None of who came to none.

    `unanswered`: the questions that she had no answer to.
    """

    landing: Landing = Landing()
    seconds: float = 0.0
    to_beep: float | None = None
    unanswered: list[str] = field(default_factory=list)


class SpeechSeconds:
    """Seconds of an utterance, each added up once."""

    def __init__(self, directory: Directory, seconds_of: SecondsOf | None) -> None:
        self.directory, self.seconds_of = directory, seconds_of
        self._known: dict[tuple[str, Speech], float] = {}

    def seconds(self, language: str, speech: Speech) -> float:
        found = self._known.get((language, speech))
        if found is None:
            found = Timing(self.directory, language, self.seconds_of).speech(speech)
            self._known[language, speech] = found
        return found


class _Gone(Exception):
    """She has hung up."""


class Rewalk:
    """One walk. `same`: whose answers count at a step, {} in the tree of the call itself."""

    def __init__(
        self,
        menu: Menu,
        same: Mapping[str, str],
        call: PastCall,
        prints: Sequence[Footprint],
        directory: Directory,
        timed: SpeechSeconds,
        spoken: Mapping[int, float] | None = None,
    ) -> None:
        here = call.began.astimezone(ZoneInfo(directory.calendar.timezone))  # what a tree asks of the hour
        self.session = Session(menu, directory, Caller(call.number, here, call=call.id))
        self.menu, self.same, self.call, self.directory, self.timed = menu, same, call, directory, timed
        self.left: dict[str, list[tuple[int, Footprint]]] = defaultdict(list)
        for place, each in reversed(list(enumerate(prints))):
            self.left[each.step].append((place, each))
        self.was = spoken or {}  # how long what she heard there had been
        self.spoken: dict[int, float] = {}
        self.walk_ = Walk()

    def walk(self) -> Walk:
        """To its end."""
        session, walk = self.session, self.walk_
        action: Action | None = session.start()
        for _ in range(MOST_EVENTS):
            if action is None or isinstance(action, HangUp):
                break
            action = session.receive(self._answer(action))
        return walk

    def _answer(self, action: Action) -> Event:
        walk = self.walk_
        match action:
            case Ask() | Say() | Record() | Operator():
                try:
                    return self._caller(action)
                except _Gone:
                    return HungUp()
            case OpenCase(kind=kind, topic=topic, county=county):
                walk.landing = Landing("words", kind, topic, county)
                return CaseOpened(EXAMPLE_CODE)
            case RefineCase(topic=topic, county=county):
                walk.landing = replace(walk.landing, topic=topic or walk.landing.topic, county=county)
                return CaseRefined()
            case LookUpCase():
                walk.landing = walk.landing if walk.landing.at else Landing("status")
                agency, due = self.directory.agencies[0], self.call.began + timedelta(days=3)
                return CaseSeen(Lookup.FOUND, Status.REFERRED, agency, due)
            case Enquire():
                return self._other_system(action)
            case LookAtQueue():
                return QueueSeen(self._was_asked(self.session.step))
            case RecallCaller():
                return CallerKnown(self._known_county(), language=self.call.language)
        return answered(action)  # what an earlier call left then, nobody knows any more

    def _other_system(self, action: Enquire) -> Event:
        turn = crc32(self.call.id.encode())
        rare = {0: EnquiryResult.NOT_FOUND, 1: EnquiryResult.FAILED}.get(turn % 10)
        failed = rare is EnquiryResult.FAILED
        said = self.timed.seconds(self.session.language, action.lead + action.filler)
        try:
            self._pass(max(said, action.seconds if failed else 0.0))
        except _Gone:
            return HungUp()
        return Enquired(rare) if rare is not None else examples(action, turn // 10)

    def _was_asked(self, step: str) -> bool:
        """Whether she was offered to be called in her turn: all operators were busy then."""
        left = self._left_at(step)
        return bool(left) and left[-1][1].did in (Did.PRESSED, Did.SILENT)

    def _left_at(self, step: str) -> list[tuple[int, Footprint]]:
        """What she did at that question, as far as it was not taken yet; the next one last."""
        return self.left.get(self.same.get(step, "") if self.same else step, [])

    def _known_county(self) -> str:
        """She was offered one if a single 1 was her answer at the county."""
        for id, step in self.menu.steps.items():
            left = self.left.get(self.same.get(id, id), []) if step.question == "county" else []
            answers = [each for _, each in reversed(left) if each.note != "said" and each.keys != "*"]
            while len(answers) > 1 and answers[0].keys != "1" and answers[0].second < TWICE_SECONDS:
                del answers[0]  # an echo of the key before, after which it was asked again
            if answers and answers[0].keys == "1":
                return self.call.county
        return ""

    def _caller(self, action: Ask | Say | Record | Operator) -> Event:
        step = self.session.step
        speech = action.speech if isinstance(action, Ask | Say) else ()
        length = self.timed.seconds(self.session.language, speech)
        place, did = self._next(step, action)
        if did is None:
            return self._at_a_loss(action, step, length)
        if isinstance(action, Ask | Say):
            self.spoken[place] = length
        self._pass(self._after(place, did, length))
        if did.did is Did.HUNG_UP and not isinstance(action, Record):
            raise _Gone
        return self._as_before(action, did)

    def _next(self, step: str, action: Action) -> tuple[int, Footprint | None]:
        """Her next answer at that question, if it is one to such an action."""
        left = self._left_at(step)
        while left and left[-1][1].note == "said" and not isinstance(action, Say):
            left.pop()  # what she only heard there is not said here
        if not left:
            return 0, None
        place, did = left[-1]
        if not _fits(action, did):
            return 0, None
        left.pop()
        return place, did

    def _after(self, place: int, did: Footprint, length: float) -> float:
        """Seconds until she does it here."""
        was = self.was.get(place)
        if was is None:
            return did.second
        return length + did.second - was if did.second >= was else min(did.second, length)

    def _pass(self, seconds: float) -> None:
        walk = self.walk_
        walk.seconds += max(seconds, 0.0)
        if self.same and self.call.hung_up and walk.seconds > self.call.seconds + FELT_SECONDS:
            walk.seconds = self.call.seconds
            raise _Gone

    def _at_a_loss(self, action: Ask | Say | Record | Operator, step: str, length: float) -> Event:
        match action:
            case Say():
                self._pass(length)
                return Said(after=length)
            case Record():
                self._beep()
                self._pass(SPOKEN_SECONDS)
                return Recorded("r", SPOKEN_SECONDS, SPOKEN_SECONDS, Ended.SILENCE)
            case Operator():
                return Transferred(Transfer.NOBODY)
        self.walk_.unanswered.append(step)
        seconds = length + action.first_key_seconds
        self._pass(seconds)
        return Keys("", Ended.TIMEOUT, seconds)

    def _as_before(self, action: Ask | Say | Record | Operator, did: Footprint) -> Event:
        match action:
            case Ask():
                if did.did is Did.SILENT:
                    return Keys("", Ended.TIMEOUT, did.second)
                keys = self._unmasked(did.keys)
                known = Ended(did.note) if did.note in set(Ended) else Ended.FULL
                if keys and not self._left_at(self.session.step):  # it was taken then, as early as it came
                    return Keys(keys, known, max(did.second, TWICE_SECONDS))
                return Keys(keys, Ended.HASH if not keys else known, did.second)
            case Say():
                return Said(did.keys, did.second)
            case Record():
                self._beep(did.second)
                ended = Ended(did.note.partition(":")[2]) if ":" in did.note else Ended.HANGUP
                return Recorded("r", did.second, did.second, ended)
        reached = did.did is Did.REACHED
        if reached and not self.walk_.landing.at:
            self.walk_.landing = Landing("operator")
        return Transferred(Transfer.ANSWERED if reached else Transfer.NOBODY)

    def _beep(self, ago: float = 0.0) -> None:
        if self.walk_.to_beep is None:
            self.walk_.to_beep = self.walk_.seconds - ago

    def _unmasked(self, keys: str) -> str:
        """Of masked keys only how many there were is known."""
        if MASK not in keys:
            return keys
        step = self.menu.steps.get(self.session.step)
        return step.usual_keys(len(keys)) if step else "1" * len(keys)


def _fits(action: Action, did: Footprint) -> bool:
    match did.did:
        case Did.HUNG_UP:
            return not did.note.startswith("recorded:") or isinstance(action, Record)
        case Did.SPOKE:
            return isinstance(action, Record)
        case Did.REACHED | Did.NOBODY:
            return isinstance(action, Operator)
    return isinstance(action, Say if did.note == "said" else Ask)
