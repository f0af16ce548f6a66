"""One call's way through a menu, as a sans-I/O state machine.

`Session.start()` gives the first action; each `receive(event)` gives the next one, or None after `HangUp`.
What a step type does is in `ivr.voice.steps`, what they share in `ivr.voice.talk`; here is the walk from
step to step, back on `#`, and the rule that no words are left without a case when the caller hangs up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.voice.actions import Action, HangUp, MissReason, RecallCaller
from ivr.voice.directory import Directory
from ivr.voice.events import (
    Caller,
    CallerKnown,
    Ended,
    Event,
    HungUp,
    Keys,
    Recorded,
    RoomFound,
    Said,
    Transferred,
)
from ivr.voice.menu import Asking, BranchStep, CountyStep, DigitsStep, Menu, RecordStep, Step
from ivr.voice.steps import BUILT_IN, END, perform
from ivr.voice.talk import Back, Flow, Gone, Jump, Talk

__all__ = ["BUILT_IN", "Session", "Trace"]


@dataclass(frozen=True, slots=True)
class Trace:
    """What the call row keeps of one event. Sensitive keys are masked with "•"."""

    step: str
    key: str = ""
    note: str = ""


class Session(Talk):
    """One call."""

    def __init__(self, menu: Menu, directory: Directory, caller: Caller) -> None:
        super().__init__(menu, directory, caller)
        self._flow = self._whole()

    def start(self) -> Action:
        """The first action."""
        return next(self._flow)

    def receive(self, event: Event) -> Action | None:
        """The next action, or None when the call is over. TypeError: an answer to another question."""
        try:
            return self._flow.send(event)
        except StopIteration:
            return None

    def trace(self, event: Event) -> Trace:
        """The line of the step log for `event`; ask before `receive`, while `step` is where it happened."""
        match event:
            case Keys(pressed=pressed, ended=ended):
                note = "" if ended is Ended.FULL else str(ended)
                return Trace(self.step, "•" * len(pressed) if self._sensitive() else pressed, note)
            case Said(key=key):
                return Trace(self.step, key, "said")
            case Recorded(ended=ended):
                return Trace(self.step, "", f"recorded:{ended}")
            case Transferred(result=result):
                return Trace(self.step, "", f"operator:{result}")
            case HungUp():
                return Trace(self.step, "", "hangup")
            case RoomFound(found=False):
                return Trace(self.step, "", "no_room")
            case _:
                return Trace(self.step, "", type(event).__name__)

    def _whole(self) -> Flow[None]:
        try:
            if self.caller.number and any(_asks_who(step) for step in self.menu.steps.values()):
                # Before the first prompt: keys pressed while nothing plays would be lost.
                known = yield from self.do(RecallCaller(), CallerKnown)
                self.known_county, self.blocked = known.county, known.blocked
                if known.language in self.menu.languages:
                    self.language = known.language
            yield from self._walk()
        except Gone:
            pass
        yield from self._leave_no_words()
        if self.reason_lost and self.code:
            yield MissReason(self.code, self.reason_lost)
        yield HangUp()

    def _walk(self) -> Flow[None]:
        while self.step != END:
            step, before = self.menu.steps[self.step], dict(self.draft)
            try:
                onward = yield from perform(self, step)
                if self._can_be_gone_back_to(step):
                    self.history.append((step.id, before))
            except Back:
                onward = self._back(step)
            except Jump as jump:
                onward = jump.step
            self.step = onward

    def _can_be_gone_back_to(self, step: Step) -> bool:
        """Asking steps, except a recording: her words are safe, going back to it would open a second case."""
        again = bool(self.history) and self.history[-1][0] == step.id
        return isinstance(step, Asking) and not isinstance(step, RecordStep) and not again

    def _back(self, step: Step) -> str:
        """One step back, and what was chosen there is open again."""
        while self.history and self.history[-1][0] == step.id:
            self.history.pop()
        if not self.history:
            return step.id
        onward, self.draft = self.history.pop()
        return onward

    def _leave_no_words(self) -> Flow[None]:
        if not self.uncased:
            return
        if self.code is not None:
            yield from self.keep_words(instead=False)
        elif (opening := self.rescue()) is not None:
            yield opening
            self.uncased = []

    def _sensitive(self) -> bool:
        step = self.menu.steps.get(self.step)
        return isinstance(step, DigitsStep) and step.sensitive


def _asks_who(step: Step) -> bool:
    """Whether a step wants to know what the books know of the caller."""
    return isinstance(step, CountyStep) or (isinstance(step, BranchStep) and step.on == "caller")
