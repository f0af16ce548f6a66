"""type: share. Says nothing: sends a share of the calls one way and the rest another, to compare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.voice.footprints import WAY
from ivr.voice.menu import Step
from ivr.voice.menu_trial import within_share
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import NumberValue, StepValue


@dataclass(frozen=True, slots=True)
class ShareStep(Step):
    share: float
    to: str
    go: str

    TYPE = "share"
    TITLE = "some calls one way, the rest another"
    PROMPT = None
    KEYS = (
        YamlKey("share", NumberValue(0.01, 0.99, ""), "of the calls, such as 0.2"),
        YamlKey("to", StepValue(), "where those go"),
        YamlKey("go", StepValue(), "where all others go"),
    )
    ABOUT = """\
Which calls, the call's id and this step's name decide: by chance, but for one call always the same, also when
it comes here again. `ivr menu stats` tells for either way how many calls went there and what came of them,
`ivr call list --passed shorter:way:topic` lists them; the rehearsal sends each call of the last weeks the
way that its id decides. `ivr simulate --call ID` walks as the call of that id."""
    TAKES_TIME = False
    EXAMPLE = """\
shorter:
  type: share
  share: 0.2
  to: topic
  go: kind
"""

    def perform(self, talk: Talk) -> Flow[str]:
        onward = self.to if within_share(self.id, talk.caller.call, self.share) else self.go
        yield from talk.note(f"{WAY}{onward}")
        return onward

    def ways(self) -> Iterator[Way]:
        yield Way(self.to, By.ALONE, share=self.share)
        yield Way(self.go, By.ALONE, share=1 - self.share)

    def at_best(self, timing: Timing) -> float:
        return 0.0

    def at_worst(self, timing: Timing, by: By) -> float:
        return 0.0
