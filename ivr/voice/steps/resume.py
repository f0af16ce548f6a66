"""type: resume. She goes on with the case of her call that broke off: key `add` adds words, then the unsaid.

Nothing of that case is told, neither its code nor what it is about: the line may be shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.voice.actions import TakeUp
from ivr.voice.events import TakenUp
from ivr.voice.menu import Asking
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import WorkedOut, YamlKey
from ivr.voice.yaml_values import ONE_KEY, StepValue

AS_GO = WorkedOut("`go`", lambda fields, name: fields.step("go"))


@dataclass(frozen=True, slots=True)
class ResumeStep(Asking):
    add: str
    record: str
    topic: str
    county: str
    none_go: str
    go: str

    TYPE = "resume"
    TITLE = "on with the call that broke off"
    PROMPT = replace(PROMPT, default=("earlier.menu",))
    KEYS = (
        YamlKey("add", ONE_KEY, "the key that adds words to her case; any other key and silence go on", "1"),
        YamlKey("record", StepValue("record"), "the step for that, from which she comes back to go on"),
        YamlKey("topic", StepValue(), "where she goes on when her matter is still unsaid", AS_GO),
        YamlKey("county", StepValue(), "where she goes on when only her county is still unsaid", AS_GO),
        YamlKey("none_go", StepValue(), "the step when there is no such call any more"),
        YamlKey("go", StepValue(), "the step when both are said"),
    )
    ABOUT = """\
For a branch on `earlier`. Behind it her words are safe: what she says is added to that case and refines it.
Neither its code nor anything that is in it is spoken, for caller id proves nothing and a line may be shared.
A withheld number, a confidential case, and a number with more than three open cases (an office) have nothing
`earlier`; who has just finished a call hears what everybody hears. The longer ways of these callers do not
count in the figures of the whole."""
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

    def perform(self, talk: Talk) -> Flow[str]:
        earlier = yield from talk.do(TakeUp(), TakenUp)
        if not earlier.code:
            talk.say("earlier.none")
            return self.none_go
        talk.take_up(earlier)
        onward = self.topic if not earlier.topic else self.county if not earlier.county else self.go
        keys = yield from talk.ask_key(self, self.prompt)
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
