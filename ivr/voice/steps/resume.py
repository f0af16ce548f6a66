"""type: resume. She goes on with the case of her call that broke off: key `add` adds words, then the unsaid.

Nothing of that case is told, neither its code nor what it is about: the line may be shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.voice.actions import TakeUp
from ivr.voice.events import TakenUp
from ivr.voice.menu import Asking
from ivr.voice.step_fields import StepFields
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way


@dataclass(frozen=True, slots=True)
class ResumeStep(Asking):
    add: str
    record: str
    topic: str
    county: str
    none_go: str
    go: str

    TYPE = "resume"
    GONE_BACK_TO = False  # her words are safe
    SPEAKS = frozenset({"earlier.none"})
    EXAMPLE = """\
resume:
  type: resume
  prompt: [earlier.menu]
  add: "1"
  record: record
  topic: topic
  county: county
  none_go: kind
  go: code
"""

    @classmethod
    def read(cls, written: StepFields) -> ResumeStep:
        fields = written.fields
        asking = written.asking()
        go = fields.step("go")
        return cls(
            *asking,
            add=written.one_key("add", "1"),
            record=fields.step("record", type="record"),
            topic=fields.step("topic") if fields.node("topic", needed=False) else go,
            county=fields.step("county") if fields.node("county", needed=False) else go,
            none_go=fields.step("none_go"),
            go=go,
        )

    def perform(self, talk: Talk) -> Flow[str]:
        earlier = yield from talk.do(TakeUp(), TakenUp)
        if not earlier.code:
            talk.say("earlier.none")
            return self.none_go
        talk.take_up(earlier)
        onward = self.topic if not earlier.topic else self.county if not earlier.county else self.go
        keys = yield from talk.ask(self, self.prompt, 1)
        while keys.pressed == "*":
            keys = yield from talk.ask(self, self.prompt, 1)
        if keys.pressed != self.add:
            return onward
        talk.review_mode, talk.reviewed_at = "add", onward
        return self.record

    def ways(self) -> Iterator[Way]:
        for to in dict.fromkeys((self.topic, self.county, self.go)):
            yield Way(to, By.ALONE)
        yield Way(self.record, By.CALLER, again=True)
        yield Way(self.none_go, By.WRONG)

    def at_best(self, timing: Timing) -> float:
        return timing.speech(self.prompt)

    def at_worst(self, timing: Timing, by: By) -> float:
        if by is By.WRONG:
            return timing.speech(("earlier.none",))
        return timing.speech(self.prompt) + self.first_key
