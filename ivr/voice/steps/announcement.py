"""type: announcement. Speaks what a supervisor has switched on for its slot; mostly nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.voice.announcements import LONGEST_SECONDS
from ivr.voice.menu import Step
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import StepValue, TextValue


@dataclass(frozen=True, slots=True)
class AnnouncementStep(Step):
    slot: str
    go: str

    TYPE = "announcement"
    TITLE = "what holds today"
    PROMPT = None
    KEYS = (
        YamlKey("slot", TextValue("[a-z][a-z0-9_]{0,40}", "a name of a-z, 0-9 and _"), "its name", "today"),
        YamlKey("go", StepValue(), "the next step"),
    )
    ABOUT = """\
A place in the tree for words that change without it: "today the offices are closed for snow". A supervisor
switches them on with an end, under *live calls* in the panel or by `ivr menu announce`; once they are
spoken calls of every process hear them there, together with what follows. An empty slot costs the caller
nothing, and nobody hears one whose time is over. Whose language has no text hears the Persian one; until it
can be spoken for callers of some language those hear nothing there, and `/readyz` names slot and language.
Steps with the same slot say the same."""
    EXAMPLE = """\
notice:
  type: announcement
  slot: today
  go: kind
"""

    def perform(self, talk: Talk) -> Flow[str]:
        announced = talk.directory.announced.get(self.slot)
        if announced is not None:
            talk.say(*announced.said(talk.language, talk.caller.now))
        yield from ()
        return self.go

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.ALONE)

    def announces(self) -> Iterator[str]:
        yield self.slot

    def at_best(self, timing: Timing) -> float:
        return 0.0

    def at_worst(self, timing: Timing, by: By) -> float:
        return LONGEST_SECONDS
