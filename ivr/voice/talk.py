"""What a call knows and what its steps share: speaking, listening with its misses, and keeping the words."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from math import inf
from typing import Protocol, TypeVar

from ivr.cases import phone
from ivr.cases.live_hour import HourOffered
from ivr.voice.actions import (
    Action,
    Ask,
    Confide,
    KeepPlace,
    KeepWords,
    OpenCase,
    Record,
    RefineCase,
    Say,
    Sound,
    Speech,
    TakeWay,
)
from ivr.voice.call_limits import NO_LIMITS
from ivr.voice.directory import Directory
from ivr.voice.events import (
    Caller,
    CaseOpened,
    CaseRefined,
    Confided,
    Ended,
    Event,
    HungUp,
    Keys,
    NotKept,
    PlaceKept,
    Recorded,
    Said,
    TakenUp,
    WayTaken,
)
from ivr.voice.ways import Miss

T = TypeVar("T")
E = TypeVar("E", bound=Event)
Flow = Generator[Action, Event, T]

# Speech shorter than this is taken for a click or a breath, not for words.
VOICED_SECONDS = 0.3
# A # that comes sooner after a full number belongs to the number, and after her words to them.
LATE_HASH_SECONDS = 1.2
# A key that comes sooner after a question begins may be the one before it, pressed twice.
TWICE_SECONDS = 1.2
# A recording that a step does not measure itself is worth a case from here on, however still it is.
LEAST_SECONDS = 2.0
# A case for words left with no kind chosen (an unusual tree, or a crash before the choice).
FALLBACK_KIND = "request"


class Gone(Exception):
    """The caller hung up."""


class Back(Exception):
    """The caller pressed `#` alone."""


class Jump(Exception):
    """Too many misses: go to that step."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


class Asks(Protocol):
    """What asking goes by: how long it waits and what a miss leads to. `ivr.voice.menu.Asking` has it."""

    @property
    def first_key(self) -> float: ...
    @property
    def next_key(self) -> float: ...
    @property
    def barge_in(self) -> bool: ...
    @property
    def no_input(self) -> Miss: ...
    @property
    def no_match(self) -> Miss: ...
    @property
    def sorts(self) -> bool: ...


class Talk:
    """One call's state. `step` is the id of the step it stands at, `language` the caller's.

    `steps` are those of its menu, for a step that looks for another.
    """

    __slots__ = (
        "_left_for", "_pending", "about", "asked_of", "asked_seconds", "blocked", "caller", "code",
        "directory", "draft", "earlier", "history", "hour", "joined", "joins", "known_county", "language",
        "late_hash", "least_seconds", "limits", "misses", "reason_lost", "reason_of", "recorded_at",
        "review_mode", "reviewed_at", "step", "steps", "taken_up", "turn_asked", "turn_hours", "turn_queue",
        "uncased", "unknown_codes", "verdict", "words",
    )  # fmt: skip

    def __init__(
        self, steps: Mapping[str, object], start: str, language: str, directory: Directory, caller: Caller
    ) -> None:
        self.steps = steps
        self.directory = directory
        self.caller = caller
        self.language = language
        self.draft: dict[str, str] = {}
        self.known_county = ""
        self.blocked = False
        self.earlier = ""  # what an earlier call of hers left: see `CallerKnown`
        self.hour: HourOffered | None = None  # who takes calls himself now, and has room for one more
        self.step = start
        self.code: str | None = None  # None: no case yet; "": a case whose code could not be promised
        self.joins = False  # whether she goes on with the case of an earlier call …
        self.asked_of: tuple[str, str, str] | None = None  # … as she was asked of this choice
        self.joined = False  # the case is that one
        self.taken_up = False  # the case is that of her call that broke off
        self.words: list[Recorded] = []  # what the caller's case says, in her last version
        self.uncased: list[Recorded] = []  # recordings that no case holds yet
        self.review_mode = ""  # "again" or "add" while a review sends her to record once more …
        self.reviewed_at = ""  # … and the step that did, to which she then comes back
        self.about: RefineCase | None = None  # what the case of this call is about, as far as the desk knows
        self.least_seconds = LEAST_SECONDS  # see there
        self.recorded_at = ""  # the step whose beep she last spoke after
        self.unknown_codes = 0
        self.verdict = ""  # what she said of an answer: solved | not_solved; heard: nothing was asked
        self.reason_of: str | None = None  # the earlier case of which she has said why it is not solved …
        self.reason_lost = ""  # … and why that is not kept: no_room | failed | not_kept
        self.turn_queue = ""  # she wants to be called when it is her turn in that queue …
        self.turn_hours = ""  # … in which operators serve there, as `Hours` are written …
        self.turn_asked = False  # … which was made safe, or could not be
        self.limits = NO_LIMITS
        self.misses = 0  # in the whole call
        self.asked_seconds = 0.0  # of the questions that sort her, as far as the shell has a clock
        self._left_for: set[str] = set()  # where she was sent because the limits were reached
        self.late_hash = 0.0  # so long a # may still come that ends a number, or once more her words
        self._pending: list[Sound] = []
        self.history: list[tuple[str, dict[str, str]]] = []  # steps to go back to, and the draft before each

    @property
    def shows_number(self) -> bool:
        """Whether she can be called on the number that she calls from: not a withheld one, nor one abroad."""
        return phone.is_callable(self.caller.number, self.directory.area_code)

    @property
    def can_be_called(self) -> bool:
        """Whether we call her there when she wants it."""
        return self.directory.calls_back and self.shows_number

    def say(self, *sounds: Sound) -> None:
        """Speak this before whatever is asked next, so that one barge-in covers both."""
        self._pending.extend(sounds)

    def in_words_of(self, step: str, speech: Speech) -> Speech:
        """As the tree says it in which that step stands, while she is at one of another."""
        return speech

    def take_pending(self) -> Speech:
        spoken, self._pending = tuple(self._pending), []
        return spoken

    def do(self, action: Action, answer: type[E]) -> Flow[E]:
        """Ask the shell for `action` and wait for an answer of that type."""
        event = yield action
        if isinstance(event, HungUp):
            raise Gone
        if not isinstance(event, answer):
            raise TypeError(f"{type(action).__name__} was answered with {type(event).__name__}")
        return event

    def record(self, seconds: float, silence_seconds: float) -> Flow[Recorded]:
        """Her words, however they ended: their # may come once more, or just behind what ended them."""
        recorded = yield from self.do(Record(self.language, seconds, silence_seconds), Recorded)
        self.late_hash = LATE_HASH_SECONDS
        return recorded

    def note(self, way: str) -> Flow[None]:
        """Have the call's row say which way it goes here."""
        yield from self.do(TakeWay(way), WayTaken)

    def ask(self, step: Asks, speech: Speech, max_keys: int) -> Flow[Keys]:
        """Raises Jump where the whole call has had enough of such questions."""
        if step.sorts:
            self._leave_if_stuck()
        action = Ask(
            speech=self.take_pending() + speech,
            language=self.language,
            max_keys=max_keys,
            first_key_seconds=step.first_key,
            next_key_seconds=step.next_key,
            barge_in=step.barge_in,
        )
        keys = yield from self.do(action, Keys)
        if self.ends_number(not keys.pressed and keys.ended is Ended.HASH, keys.after):
            keys = yield from self.do(action, Keys)
        if max_keys > 1 and keys.ended is Ended.FULL:
            self.late_hash = LATE_HASH_SECONDS
        if step.sorts and keys.after < inf:
            self.asked_seconds += keys.after
        return keys

    def ask_key(self, step: Asks, speech: Speech) -> Flow[Keys]:
        """Ask for one key, as often as she presses `*`."""
        while True:
            keys = yield from self.ask(step, speech, 1)
            if keys.pressed != "*":
                return keys

    def ask_heard(self, step: Asks, speech: Speech) -> Flow[Keys]:
        """The same, where her last key, pressed twice, must not answer what she has not heard yet.

        Who knows the question and presses early again means it.
        """
        if before := self.take_pending():
            yield from self.do(Say(before, self.language), Said)
            self.deaf_to_hash()  # the number is long past
        keys = yield from self.ask_key(step, speech)
        if keys.pressed and keys.after < TWICE_SECONDS:
            keys = yield from self.ask_key(step, speech)
        return keys

    def says_yes(self, step: Asks, speech: Speech) -> Flow[bool]:
        """1, of who has heard the question, is yes; silence or any other key is no. `#` goes back."""
        keys = yield from self.ask_heard(step, speech)
        if not keys.pressed and keys.ended is Ended.HASH:
            raise Back
        return keys.pressed == "1"

    def _leave_if_stuck(self) -> None:
        """To a person or the beep; where her words are safe, to her code. To each once."""
        limits = self.limits
        if self.misses < limits.misses and self.asked_seconds < limits.leave_seconds:
            return
        onward = limits.then if self.code is None else limits.safe_then
        if onward not in self._left_for:
            self._left_for.add(onward)
            raise Jump(onward)

    def deaf_to_hash(self) -> float:
        """Seconds for which a `#` may still be the end of what was before it. Asked once of each."""
        before, self.late_hash = self.late_hash, 0.0
        return before

    def ends_number(self, is_hash: bool, after: float) -> bool:
        """Whether this `#` only ends the number before it, which was taken at its last digit already.

        So it is when it follows within a moment; a later one means to go back. Asked once per number. Or it
        is the one that ended her words, pressed twice. The first one behind a number that was broken off, and
        is asked for again, ends it whenever it comes: what she types next is that number, and no choice.
        """
        deaf = self.deaf_to_hash()
        return is_hash and after < deaf

    def listen(
        self,
        step: Asks,
        speech: Speech,
        accept: Callable[[str], T | None],
        *,
        max_keys: int = 1,
        hash_means: T | None = None,
    ) -> Flow[T]:
        """Ask until `accept` takes the keys. `*` repeats; `#` alone means `hash_means` or raises Back.

        Raises Jump when no-input or no-match, counted apart, reach the step's limits.
        """
        silent = wrong = 0
        while True:
            keys = yield from self.ask(step, speech, max_keys)
            if "*" in keys.pressed:
                continue
            if keys.pressed:
                value = accept(keys.pressed)
                if value is not None:
                    return value
                wrong += 1
                if keys.ended is Ended.TIMEOUT:  # broken off: her hand is slower than any time that we know
                    self.late_hash = inf
                self.miss(step.no_match, wrong)
            elif keys.ended is Ended.HASH:
                if hash_means is None:
                    raise Back
                return hash_means
            else:
                silent += 1
                self.miss(step.no_input, silent)

    def miss(self, miss: Miss, count: int) -> None:
        """Say what is said after a miss; at the limit raise Jump."""
        self.misses += 1
        if count >= miss.limit:
            raise Jump(miss.then)
        self.say(*miss.say)

    def set(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            if name == "language":
                self.language = value
            else:
                self.draft[name] = value

    @property
    def chosen(self) -> tuple[str, str, str]:
        """Kind, topic and county, as far as they are known."""
        return self.draft.get("kind", ""), self.draft.get("topic", ""), self.draft.get("county", "")

    @property
    def leaves_unsaid(self) -> bool:
        """Whether this call's case is yet to get its matter or county: who calls again may go on with it."""
        _, topic, county = self.chosen
        unsaid = topic in ("", self.directory.other_topic) or not county
        return bool(self.code) and not self.joined and unsaid

    def opening(self, recordings: tuple[Recorded, ...]) -> OpenCase:
        return OpenCase(
            kind=self.draft.get("kind", FALLBACK_KIND),
            topic=self.draft.get("topic", self.directory.other_topic),
            county=self.draft.get("county", ""),
            language=self.language,
            recordings=recordings,
            callback=self.draft.get("callback", ""),
            national_id=self.draft.get("national_id", ""),
            joins=self.joins,
        )

    def open_case(self) -> Flow[bool]:
        """Make all the call's uncased words safe in a new case. There is no way back behind this point.

        False when they could not be made safe: then they stay uncased, for another try as the call ends.
        """
        opened = yield self.opening(tuple(self.uncased))
        if isinstance(opened, NotKept):
            return False
        self.code = opened.code if isinstance(opened, CaseOpened) else ""
        self.joined = isinstance(opened, CaseOpened) and opened.joined
        self.words, self.uncased = self.uncased[-1:], []
        self.about = None if self.joined else self._about_now(self.code)
        self.history.clear()
        return True

    def take_up(self, earlier: TakenUp) -> None:
        """Go on with the case of an earlier call, as one whose words are safe. Her code stays unspoken."""
        self.code, self.joined, self.taken_up = earlier.code, True, True
        self.about = RefineCase(earlier.code, earlier.topic, earlier.county)
        self.history.clear()

    def refine_case(self) -> Flow[None]:
        """Tell the desk what she has said of her case since it was opened, if anything.

        What is open again because she went back stays as it was told: she may hang up before she says more.
        """
        if self.about is None or self.about == (now := self._about_now(self.about.code)):
            return
        self.about = now
        yield from self.do(now, CaseRefined)

    def keep_place(self, last: bool = False) -> Flow[None]:
        """Her place in a queue hangs on her case: kept once her words are safe, and have a code.

        `last`: there will be none any more, and she is about to be told goodbye.
        """
        if not self.turn_queue or self.turn_asked:
            return
        if self.code is None and (not last or self.rescue() is not None):
            return
        self.turn_asked = True
        told = (yield KeepPlace(self.code, self.turn_queue, self.turn_hours)) if self.code else None
        safe = isinstance(told, PlaceKept) and told.kept
        self.say("turn.kept" if safe else "turn.not_kept")

    def _about_now(self, code: str) -> RefineCase:
        names = ("topic", "county", "callback", "national_id")
        said = {name: self.draft[name] for name in names if name in self.draft}
        about = self.about or RefineCase(code, "", "")
        if about.callback and said.get("callback") == "":  # not the one that she gave: the one she calls from
            said["callback"] = self.caller.number
        return replace(about, code=code, **said)

    def keep_words(self, *, instead: bool) -> Flow[bool]:
        """Add the uncased recordings to the open case; only the last one may stand instead of the earlier.

        False when one could not be made safe.
        """
        safe = True
        for recording in self.uncased:
            last = recording is self.uncased[-1]
            kept = yield KeepWords(self.code or "", recording, instead and last)
            safe = safe and not isinstance(kept, NotKept)
        if safe:
            self.words = self.uncased[-1:] if instead else self.words + self.uncased[-1:]
        self.uncased = []
        return safe

    def confide(self) -> Flow[bool]:
        """Keep who she is from all but a few. False when that could not be made safe."""
        safe = yield Confide(self.code or "")
        if isinstance(safe, HungUp):
            raise Gone
        return isinstance(safe, Confided)

    def rescue(self) -> OpenCase | None:
        """The case to open if this session can't go on: words that no case holds yet, worth one."""
        worth = [r for r in self.uncased if r.name and r.ended is not Ended.FAILED]
        if all(map(self.is_wordless, worth)):
            return None
        return self.opening(tuple(worth))

    def is_wordless(self, event: Event) -> bool:
        """Whether it is a recording that is not worth a case. One that failed may have held words."""
        if not isinstance(event, Recorded) or event.ended is Ended.FAILED:
            return False
        return event.seconds < self.least_seconds and event.voiced_seconds < VOICED_SECONDS
