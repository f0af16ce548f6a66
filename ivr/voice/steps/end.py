"""type: end. Speaks, then hangs up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.voice.actions import Say
from ivr.voice.events import Said
from ivr.voice.menu import END, Step
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_values import ANY_PROMPTS


@dataclass(frozen=True, slots=True)
class EndStep(Step):
    TYPE = "end"
    TITLE = "speaks, then hangs up"
    PROMPT = replace(PROMPT, value=ANY_PROMPTS, default=())
    LEAF = "end"
    LOOK = "quiet"
    EXAMPLE = """\
goodbye:
  type: end
  prompt: [goodbye]
"""

    def perform(self, talk: Talk) -> Flow[str]:
        yield from talk.do(Say(talk.take_pending() + self.prompt, talk.language), Said)
        return END

    def ways(self) -> Iterator[Way]:
        yield from ()

    def at_best(self, timing: Timing) -> float:
        return timing.speech(self.prompt)

    def at_worst(self, timing: Timing, by: By) -> float:
        return timing.speech(self.prompt)
