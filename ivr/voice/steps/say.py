"""type: say. Speaks, together with what follows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.voice.menu import Step
from ivr.voice.step_fields import StepFields
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way


@dataclass(frozen=True, slots=True)
class SayStep(Step):
    go: str

    TYPE = "say"
    EXAMPLE = """\
notice:
  type: say
  prompt: [operator.closed]
  go: goodbye
"""

    @classmethod
    def read(cls, written: StepFields) -> SayStep:
        return cls(*written.common(), go=written.fields.step("go"))

    def perform(self, talk: Talk) -> Flow[str]:
        talk.say(*self.prompt)
        yield from ()
        return self.go

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.ALONE)

    def at_best(self, timing: Timing) -> float:
        return timing.speech(self.prompt)

    def at_worst(self, timing: Timing, by: By) -> float:
        return timing.speech(self.prompt)
