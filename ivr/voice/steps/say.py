"""type: say. Speaks, together with what follows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.voice import saying
from ivr.voice.actions import Speech
from ivr.voice.fields import VARIABLE
from ivr.voice.menu import Step
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import ANY_PROMPTS, StepValue, TextValue

_LONG_NUMBER = "777777"


@dataclass(frozen=True, slots=True)
class SayStep(Step):
    number: str  # a variable, or ""
    after_prompt: tuple[str, ...]
    go: str

    TYPE = "say"
    TITLE = "speaks"
    LOOK = "say"
    KEYS = (
        YamlKey(
            "number",
            TextValue(VARIABLE.pattern, "a variable like var.hours"),
            "a variable whose number is said after `prompt`: one that an `enquiry` takes as a whole number",
            "",
        ),
        YamlKey("after_prompt", ANY_PROMPTS, "said after that number", ()),
        YamlKey("go", StepValue(), "the next step"),
    )
    ABOUT = "It is spoken together with what follows it."
    EXAMPLE = """\
notice:
  type: say
  prompt: [operator.closed]
  go: goodbye
"""

    def perform(self, talk: Talk) -> Flow[str]:
        number = talk.draft.get(self.number, "")
        if number or not self.number:  # else the words around it would be wrong
            talk.say(*self.prompt, *self._counted(number, talk.language))
        yield from ()
        return self.go

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.ALONE)

    def at_best(self, timing: Timing) -> float:
        counted = self._counted(_LONG_NUMBER if self.number else "", timing.language)
        return timing.speech(self.prompt + counted)

    def at_worst(self, timing: Timing, by: By) -> float:
        return self.at_best(timing)

    def needs(self) -> Iterator[str]:
        return iter((self.number,) if self.number else ())

    def counts(self) -> Iterator[str]:
        return self.needs()

    def _counted(self, number: str, language: str) -> Speech:
        return (*saying.number(int(number), language), *self.after_prompt) if number else ()
