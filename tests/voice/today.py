"""type: today. Says which day it is.

A whole type of steps and a small one: `test_steps` adds it as CONTRIBUTING says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ivr.voice import saying
from ivr.voice.menu import Step
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import StepValue

_EXAMPLE_DAY = date(2026, 3, 20)


@dataclass(frozen=True, slots=True)
class TodayStep(Step):
    go: str

    TYPE = "today"
    TITLE = "which day it is"
    KEYS = (YamlKey("go", StepValue(), "the next step"),)
    EXAMPLE = """\
today:
  type: today
  prompt: [status.due_is]
  go: goodbye
"""

    def perform(self, talk: Talk) -> Flow[str]:
        talk.say(*self.prompt, *saying.day(talk.caller.now.date(), talk.language))
        yield from ()
        return self.go

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.ALONE)

    def at_best(self, timing: Timing) -> float:
        return timing.speech((*self.prompt, *saying.day(_EXAMPLE_DAY, timing.language)))

    def at_worst(self, timing: Timing, by: By) -> float:
        return self.at_best(timing)
