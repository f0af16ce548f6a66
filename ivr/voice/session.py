"""One call's way through a menu, as a sans-I/O state machine.

`Session.start()` gives the first action; each `receive(event)` gives the next one, or None after `HangUp`.
What a type of steps does is in its file in `ivr.voice.steps`, what they share in `ivr.voice.talk`; here is
the walk from step to step, back on `#`, and the rule that no words are left without a case when the caller
hangs up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ivr.cases.live_hour import HourOffered
from ivr.voice.actions import Action, Ask, Enquire, HangUp, MissReason, RecallCaller, Say, Sound, Speech
from ivr.voice.directory import Directory
from ivr.voice.events import (
    Caller,
    CallerKnown,
    CaseOpened,
    Ended,
    Enquired,
    Event,
    HourTold,
    HungUp,
    Keys,
    LineSeen,
    PlaceKept,
    Recorded,
    RoomFound,
    Said,
    Transferred,
    WayTaken,
)
from ivr.voice.footprints import MASK
from ivr.voice.menu import END, Menu, Step
from ivr.voice.own_words import played
from ivr.voice.talk import LEAST_SECONDS, Back, Flow, Gone, Jump, Talk


@dataclass(frozen=True, slots=True)
class Trace:
    """What the call row keeps of one event. Sensitive keys are masked with "•"."""

    step: str
    key: str = ""
    note: str = ""


class _Settled(str):
    """A prompt as the tree that says it says it: no other tree puts its own words there."""

    __slots__ = ()


class Session(Talk):
    """One call."""

    __slots__ = ("_flow", "_played", "menu")

    def __init__(
        self, menu: Menu, directory: Directory, caller: Caller, hour: HourOffered | None = None
    ) -> None:
        """`hour`: the official who takes calls himself now, if one does and has room."""
        super().__init__(menu.steps, menu.start, menu.languages[0], directory, caller)
        self.hour = hour
        self.menu, self.limits = menu, menu.limits
        own = {**dict(sorted(menu.called_words.items(), reverse=True)), "": menu.words}
        spoken = {prefix: played(words) for prefix, words in own.items()}
        self._played = spoken if any(spoken.values()) else {}
        self._flow = self._whole()

    def start(self) -> Action:
        """The first action."""
        return self._in_own_words(next(self._flow))

    def receive(self, event: Event) -> Action | None:
        """The next action, or None when the call is over. TypeError: an answer to another question."""
        try:
            return self._in_own_words(self._flow.send(event))
        except StopIteration:
            return None

    def close(self) -> None:
        """Let go of the walk, which holds us as we hold it: else the garbage collector has to part us."""
        self._flow.close()

    def say(self, *sounds: Sound) -> None:
        """In the words of the tree that says it, which need not be the one that asks next."""
        super().say(*self._own(sounds, self.language))

    def in_words_of(self, step: str, speech: Speech) -> Speech:
        return self._own(speech, self.language, step)

    def _in_own_words(self, action: Action) -> Action:
        """As the tree says it in which she is."""
        if self._played and isinstance(action, Ask | Say):
            return replace(action, speech=self._own(action.speech, action.language))
        if self._played and isinstance(action, Enquire):
            lead, filler = (self._own(each, action.language) for each in (action.lead, action.filler))
            return replace(action, lead=lead, filler=filler)
        return action

    def _own(self, speech: Speech, language: str, step: str = "") -> Speech:
        """Steps of a tree that is called say what that one says; else of this step, the one she is at."""
        for prefix, played_in in self._played.items():
            if (step or self.step).startswith(prefix):
                own = played_in.get(language, {})
                return tuple(_Settled(own.get(each, each)) if type(each) is str else each for each in speech)
        return speech

    def trace(self, event: Event) -> Trace:
        """The line of the step log for `event`; ask before `receive`, while `step` is where it happened."""
        match event:
            case Keys(pressed=pressed, ended=ended):
                note = "" if ended is Ended.FULL else str(ended)
                step = self.menu.steps.get(self.step)
                masked = step is not None and step.is_masked
                return Trace(self.step, MASK * len(pressed) if masked else pressed, note)
            case Said(key=key):
                return Trace(self.step, key, "said")
            case Recorded(ended=ended):
                return Trace(self.step, "", f"recorded:{ended}")
            case Transferred(result=result):
                return Trace(self.step, "", f"operator:{result}")
            case Enquired(result=result, key=key):
                return Trace(self.step, key, f"enquiry:{result}")
            case PlaceKept(kept=kept):
                return Trace(self.step, "", f"place:{'kept' if kept else 'not_kept'}")
            case HourTold(state=state):
                return Trace(self.step, "", f"hour:{state}")
            case HungUp():
                return Trace(self.step, "", "hangup")
            case LineSeen():  # no part of her path
                return Trace(self.step, "", "")
            case WayTaken(way=way):
                return Trace(self.step, "", way)
            case RoomFound(found=False):
                return Trace(self.step, "", "no_room")
            case _:
                return Trace(self.step, "", type(event).__name__)

    def _whole(self) -> Flow[None]:
        try:
            if self.caller.number and any(step.asks_who for step in self.menu.steps.values()):
                # Before the first prompt: keys pressed while nothing plays would be lost.
                known = yield from self.do(RecallCaller(), CallerKnown)
                self.known_county, self.blocked, self.earlier = known.county, known.blocked, known.earlier
                if known.language in self.menu.languages:
                    self.language = known.language
            yield from self._walk()
        except Gone:
            pass
        yield from self._leave_no_words()
        yield from self.keep_place()
        if self.reason_lost and self.reason_of:
            yield MissReason(self.reason_of, self.reason_lost)
        yield HangUp()

    def _walk(self) -> Flow[None]:
        while self.step != END:
            step, before = self.menu.steps[self.step], dict(self.draft)
            self.least_seconds = LEAST_SECONDS
            if self.turn_queue and not any(step.ways()):
                yield from self.keep_place(last=True)
            try:
                onward = yield from step.perform(self)
                if step.GONE_BACK_TO and not self._came_from(step):
                    self.history.append((step.id, before))
            except Back:
                onward = self._back(step)
            except Jump as jump:
                onward = jump.step
            yield from self.refine_case()
            yield from self.keep_place()
            self.step = onward

    def _came_from(self, step: Step) -> bool:
        return bool(self.history) and self.history[-1][0] == step.id

    def _back(self, step: Step) -> str:
        """One step back, and what was chosen there is open again."""
        while self._came_from(step):
            self.history.pop()
        if not self.history:
            return step.id
        onward, self.draft = self.history.pop()
        if not self.turn_asked:
            self.turn_queue = ""
        return onward

    def _leave_no_words(self) -> Flow[None]:
        if not self.uncased:
            return
        if self.code is not None:
            yield from self.keep_words(instead=False)
        elif (opening := self.rescue()) is not None:
            opened = yield opening
            self.uncased = []
            if isinstance(opened, CaseOpened):
                self.code = opened.code
