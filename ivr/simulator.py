"""The call flow in a terminal: prints what the caller would hear, takes keys from the keyboard or a list.

The keys are tokens of `ivr.voice.tokens`; the end of a list hangs up. The desk is played too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from io import StringIO
from typing import Any, Protocol, TextIO

from ivr.voice import tokens
from ivr.voice.actions import (
    Action,
    Ask,
    Clip,
    Confide,
    Confirm,
    Enquire,
    FindRoom,
    HangUp,
    HourOffered,
    KeepPlace,
    KeepWords,
    LookAtQueue,
    LookUpCase,
    OpenCase,
    Operator,
    RecallCaller,
    Record,
    RefineCase,
    Say,
    Sound,
    Speech,
    TakeUp,
    WishCallBack,
    Words,
)
from ivr.voice.directory import Directory
from ivr.voice.events import (
    BROKEN_OFF,
    Caller,
    CallerKnown,
    CaseOpened,
    CaseRefined,
    CaseSeen,
    Confided,
    Confirmed,
    Ended,
    Enquired,
    Event,
    HourTold,
    HungUp,
    Keys,
    Lookup,
    NotKept,
    PlaceKept,
    QueueSeen,
    Rated,
    Recorded,
    RoomFound,
    Said,
    TakenUp,
    Transfer,
    Transferred,
    WayTaken,
    WishNoted,
    WordsKept,
)
from ivr.voice.menu import Menu
from ivr.voice.own_words import all_words
from ivr.voice.session import Session
from ivr.voice.tokens import KeysMistake
from ivr.voice.tried_call import TriedCall
from ivr.voice.well_desk import EXAMPLE_CODE, answered

__all__ = ["EXAMPLE_CODE", "Desk", "KeysMistake", "Transcript", "Turn", "simulate", "walk"]

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Turn:
    """One action and its answer. `said` are the texts spoken, `answer` what the caller or the desk did."""

    step: str
    language: str
    action: str
    said: tuple[str, ...]
    answer: str


@dataclass(slots=True)
class Transcript:
    """A whole conversation. `outcome`: completed or hung_up; `cases`: what was opened, with its code."""

    menu: str
    revision: str
    caller: str
    turns: list[Turn] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    language: str = ""
    outcome: str = "completed"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def example_code(case: OpenCase) -> str:
    """A code of valid form, always the same."""
    return EXAMPLE_CODE


def empty_books(code: str) -> CaseSeen:
    """A desk that knows no case."""
    return CaseSeen(Lookup.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the played desk answers. `county` is the one this caller's latest case came from."""

    new_code: Callable[[OpenCase], str] = example_code
    look_up: Callable[[str], CaseSeen] = empty_books
    county: str = ""
    language: str = ""  # … and the one she spoke
    blocked: bool = False
    joined: bool = False  # her number has an open case of what she chooses
    earlier: str = ""  # what an earlier call of hers left: open or broken_off
    operator: Transfer = Transfer.NOBODY
    busy: bool = False  # who wants an operator has to wait
    hour: HourOffered | None = None  # of an official; his line has closed when she is in it
    has_room: bool = True  # a disk takes recordings …
    keeps: bool = True  # … and the journal what is to be kept


def simulate(
    menu: Menu,
    directory: Directory,
    *,
    keys: Sequence[str] | None,
    prompts: Callable[[str, str], str],
    caller: Caller,
    out: TextIO,
    read: Callable[[], str] = input,
    desk: Desk | None = None,
) -> Transcript:
    """Carry one call. `prompts(id, language)` is a prompt as written; `keys` None takes lines from `read`.

    `read` raises EOFError when the caller hangs up. Raises KeysMistake for keys that mean nothing.
    """
    source: _Source = _Typed(read, out) if keys is None else _Listed(keys)
    desk = desk or Desk()
    session = Session(menu, directory, caller, desk.hour)
    return _Call(session, source, prompts, _Page(out), desk).carry()


def walk(
    menu: Menu,
    directory: Directory,
    keys: Sequence[str],
    *,
    prompts: Callable[[str, str], str],
    caller: Caller,
) -> TriedCall:
    """The same up to the end of `keys`, which hangs up nowhere: what she does in a `Say` is one of them, too.

    Raises KeysMistake.
    """
    desk = Desk()
    session = Session(menu, directory, caller, desk.hour)
    call = _Call(session, _Paced(keys), prompts, _Page(StringIO()), desk)
    try:
        call.carry()
        waits = None
    except _Waits as waiting:
        waits = waiting.action
    told = call.transcript
    return TriedCall(waits, session.step, session.language, tuple(call.heard), told.cases, told.outcome)


class _Waits(Exception):
    """The list is at its end and the call goes on."""

    def __init__(self, action: Action) -> None:
        super().__init__()
        self.action = action


class _Source(Protocol):
    """Where the caller's tokens come from."""

    def listen(self, action: Action, name: str) -> Event:
        """What the caller does where the call waits for her."""

    def interrupt(self, action: Action) -> Event | None:
        """What she does while something is said or music plays, if anything."""


class _Listed:
    """A list, checked before the call begins. Its end hangs up."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._left = deque(enumerate(tokens.checked(keys), start=1))

    def listen(self, action: Action, name: str) -> Event:
        place, token = self._left.popleft() if self._left else (0, tokens.HANG_UP)
        event = tokens.answer(action, token, name)
        if event is None:
            fitting = tokens.wanted(action)
            raise KeysMistake(f"key {place}, “{token}”, does not fit: the call waits for {fitting}")
        return event

    def interrupt(self, action: Action) -> Event | None:
        event = tokens.answer(action, self._left[0][1]) if self._left else None
        if event is not None:
            self._left.popleft()
        return event


class _Paced(_Listed):
    """A list in which nothing goes by itself."""

    def listen(self, action: Action, name: str) -> Event:
        if not self._left:
            raise _Waits(action)
        return super().listen(action, name)

    def interrupt(self, action: Action) -> Event:
        return self.listen(action, "")


class _Typed:
    """A keyboard, a line at a time: an empty line is silence, any words are a recording."""

    def __init__(self, read: Callable[[], str], out: TextIO) -> None:
        self._read = read
        self._out = out

    def listen(self, action: Action, name: str) -> Event:
        while True:
            line = self._line()
            for token in (line, f"say:{line}"):
                event = tokens.answer(action, token, name)
                if event is not None:
                    return event
            self._out.write(f"  the call waits for {tokens.wanted(action)}\n")

    def interrupt(self, action: Action) -> Event | None:
        return None

    def _line(self) -> str:
        self._out.write("> ")
        self._out.flush()
        try:
            return self._read().strip() or tokens.SILENCE
        except EOFError:
            return tokens.HANG_UP


@dataclass(frozen=True, slots=True)
class _Page:
    """The terminal; colours only where a person looks at it."""

    out: TextIO

    def said(self, step: str, texts: Sequence[str]) -> None:
        if texts:
            self._line(_BOLD, f"[{step}] {' '.join(texts)}")

    def answered(self, text: str) -> None:
        if text:
            self._line(_DIM, f"    {text}")

    def _line(self, colour: str, text: str) -> None:
        self.out.write(f"{colour}{text}{_PLAIN}\n" if self.out.isatty() else f"{text}\n")


class _Call:
    """One conversation between a `Session`, the caller's tokens and the played desk."""

    def __init__(
        self,
        session: Session,
        source: _Source,
        prompts: Callable[[str, str], str],
        page: _Page,
        desk: Desk,
    ) -> None:
        self.session = session
        self.transcript = Transcript(session.menu.name, session.menu.revision, session.caller.number)
        self.source = source
        self.prompts = prompts
        self.page = page
        self.desk = desk
        self.clips: dict[str, str] = {}  # a recording's name → how it is shown
        self.heard: list[tuple[Sound, str]] = []  # since her last key
        self.own = {
            own.id: own.text for _, _, own in all_words(session.menu.words, session.menu.called_words)
        }

    def carry(self) -> Transcript:
        """To the end."""
        action: Action | None = self.session.start()
        while action is not None and not isinstance(action, HangUp):
            said = self._spoken(action)
            if isinstance(action, Ask | Say | Enquire):
                self.heard += [(sound, action.language) for sound in _speech(action)]
            self.page.said(self.session.step, said)
            event = self._answer(action)
            if isinstance(action, Ask | Say | Record | Operator | Enquire):
                self.heard.clear()
            self._note(action, said, event)
            action = self.session.receive(event)
        self.transcript.language = self.session.language
        self.page.answered(f"({self.transcript.outcome})")
        return self.transcript

    def _note(self, action: Action, said: tuple[str, ...], event: Event) -> None:
        answer = self._shown(action, event)
        self.page.answered(answer)
        session, name = self.session, type(action).__name__
        self.transcript.turns.append(Turn(session.step, session.language, name, said, answer))
        if isinstance(event, HungUp) or (isinstance(event, Recorded) and event.ended.is_gone):
            self.transcript.outcome = "hung_up"

    def _spoken(self, action: Action) -> tuple[str, ...]:
        if not isinstance(action, Ask | Say | Enquire):
            return ()
        texts = (self._text(sound, action.language) for sound in _speech(action))
        return tuple(text for text in texts if text)

    def _text(self, sound: Sound, language: str) -> str:
        match sound:
            case Clip(name=name):
                return self.clips.get(name, name)
            case Words(text=text):
                return text
            case str():
                return self.own.get(sound) or self.prompts(sound, language)

    def _answer(self, action: Action) -> Event:
        match action:
            case Ask() | Record():
                return self.source.listen(action, f"recording-{len(self.clips) + 1}")
            case Say():
                return self.source.interrupt(action) or Said()
            case Enquire():
                return self.source.interrupt(action) or answered(action)
            case Operator():
                return self.source.interrupt(action) or Transferred(self.desk.operator)
            case RecallCaller():
                desk = self.desk
                return CallerKnown(desk.county, desk.blocked, language=desk.language, earlier=desk.earlier)
            case TakeUp():
                found = self.desk.keeps and self.desk.earlier == BROKEN_OFF
                return TakenUp(EXAMPLE_CODE if found else "")
            case LookUpCase(code=code):
                return self.desk.look_up(code)
            case FindRoom():
                return RoomFound(self.desk.has_room, self.desk.joined)
            case LookAtQueue():
                return QueueSeen(self.desk.busy)
            case KeepPlace():
                return PlaceKept(self.desk.keeps)
            case WishCallBack():
                return WishNoted(self.desk.keeps)
            case RefineCase():
                if self.desk.keeps and self.transcript.cases:
                    about = {"topic": action.topic, "callback": action.callback}
                    said = {name: value for name, value in about.items() if value}
                    self.transcript.cases[-1] |= said | {"county": action.county}
                return CaseRefined(self.desk.keeps)
            case Confirm():
                return Confirmed(self.desk.keeps)
            case OpenCase() | KeepWords() | Confide() if not self.desk.keeps:
                return NotKept()
            case OpenCase():
                return self._opened(action)
        return answered(action)

    def _opened(self, action: OpenCase) -> CaseOpened:
        code = self.desk.new_code(action)
        case = asdict(action)
        case["recordings"] = [{"seconds": r.seconds, "ended": r.ended} for r in action.recordings]
        case["national_id"] = "•" * len(action.national_id)
        self.transcript.cases.append({**case, "code": code})
        return CaseOpened(code, self.desk.joined and action.joins)

    def _shown(self, action: Action, event: Event) -> str:
        """The answer in one line, sensitive keys masked as in the call row; "" for nothing worth a line."""
        match event:
            case Keys(ended=ended):
                pressed = self.session.trace(event).key + ("#" if ended is Ended.HASH else "")
                return f"> {pressed or '(silence)'}"
            case Said(key=key):
                return f"> {key}" if key else ""
            case Recorded(name=name, seconds=seconds, ended=ended):
                self.clips[name] = f"<{name}, {seconds:g} s>"
                return f"> {self.clips[name]} ended by {ended}"
            case HungUp():
                return "> (hangs up)"
            case Transferred(result=result):
                return f"operators: {result}"
            case Enquired(result=result, values=values):
                told = ", ".join(f"{name.removeprefix('var.')} {value}" for name, value in values.items())
                return f"the other system: {result}{f', {told}' if told else ''}"
            case WayTaken(way=way):
                return way
            case QueueSeen(busy=busy):
                return "operators: all are busy" if busy else ""
            case HourTold(state=state):
                return f"the official's line: {state}"
        return self._said_by_the_desk(action, event)

    def _said_by_the_desk(self, action: Action, event: Event) -> str:
        match event:
            case CaseSeen(result=result):
                return f"desk: {result} {event.status}".rstrip()
            case CallerKnown(blocked=True):
                return "desk: she is blocked"
            case CaseOpened(code=code, joined=True):
                return f"desk: joined to her case {code}"
            case TakenUp(code=code):
                return f"desk: goes on with her case {code}" if code else "desk: no call of hers broke off"
            case CallerKnown(county=county):
                return f"desk: her last case came from {county}" if county else ""
            case CaseOpened(code=code):
                return f"desk: {_in_short(action)}, {f'code {code}' if code else 'no code'}"
            case RoomFound(found=found):
                return "" if found else "desk: no disk takes a recording"
            case NotKept() | Confirmed(noted=False):
                return "desk: not kept"
            case WishNoted(noted=noted):
                return "desk: will be called" if noted else "desk: not kept"
            case CaseRefined(noted=noted) if isinstance(action, RefineCase):
                said = _about(action) if noted else "not kept"
                return f"desk: {said}"
            case WordsKept():
                instead = isinstance(action, KeepWords) and action.instead
                return "desk: words kept instead" if instead else "desk: words added"
            case Confided():
                return "desk: confidential"
            case Confirmed():
                return f"desk: {'solved' if self.session.verdict == 'solved' else 'not solved'}"
            case Rated():
                return "desk: rated"
            case PlaceKept(kept=kept):
                return "desk: her place is kept" if kept else "desk: her place is not kept"
        raise TypeError(type(event).__name__)


def _speech(action: Action) -> Speech:
    match action:
        case Ask(speech=speech) | Say(speech=speech):
            return speech
        case Enquire(lead=lead, filler=filler):
            return lead + filler
    return ()


def _about(action: RefineCase) -> str:
    parts = [f"about {action.topic or 'an unknown topic'}", action.county or "county unknown"]
    parts += [f"callback {action.callback}"] if action.callback else []
    parts += ["with a national ID"] if action.national_id else []
    return ", ".join(parts)


def _in_short(action: Action) -> str:
    if not isinstance(action, OpenCase):
        return ""
    parts = [f"case {action.kind}", action.topic, action.county or "county unknown", action.language]
    parts += ["+".join(f"{recorded.seconds:g} s" for recorded in action.recordings)]
    parts += [f"callback {action.callback}"] if action.callback else []
    parts += ["with a national ID"] if action.national_id else []
    return ", ".join(parts)
