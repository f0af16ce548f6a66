"""type: say. Speaks, together with what follows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.voice.menu import Step
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import StepValue


@dataclass(frozen=True, slots=True)
class SayStep(Step):
    go: str

    TYPE = "say"
    TITLE = "speaks"
    KEYS = (YamlKey("go", StepValue(), "the next step"),)
    ABOUT = "It is spoken together with what follows it."
    EXAMPLE = """\
notice:
  type: say
  prompt: [operator.closed]
  go: goodbye
"""

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
