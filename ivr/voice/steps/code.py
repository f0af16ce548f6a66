"""type: code. Once `ready_prompt`, then the tracking code `times` times; key `repeat` speaks it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.cases import phone
from ivr.voice import saying
from ivr.voice.actions import Say, Speech
from ivr.voice.events import Ended, Said
from ivr.voice.menu import Asking
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Back, Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import ANY_PROMPTS, ONE_KEY, NumberValue, PromptsValue, StepValue

# What she may expect after her code: to be called, to be asked first whether the number is hers, or neither.
WILL_CALL, WILL_VERIFY, NO_CALL = EXPECT = ("code.will_call", "code.will_verify", "code.no_call")
_EXAMPLE_CODE = "1234567890"


@dataclass(frozen=True, slots=True)
class CodeStep(Asking):
    times: int
    ready_prompt: tuple[str, ...]
    repeat: str
    repeat_prompt: tuple[str, ...]
    no_code_prompt: tuple[str, ...]
    go: str

    TYPE = "code"
    TITLE = "the tracking code"
    TELLS_ALL = True
    PROMPT = replace(PROMPT, default=("code.is",))
    KEYS = (
        YamlKey(
            "ready_prompt",
            ANY_PROMPTS,
            'said once before `prompt`, where there is a code: "have a pen ready", and time for it; a key '
            "cuts it short",
            (),
        ),
        YamlKey("times", NumberValue(1, 5, "", whole=True), "how often it is read out", 2),
        YamlKey("repeat", ONE_KEY, "the key that reads it again; any other key and silence go on", "1"),
        YamlKey("repeat_prompt", PromptsValue(), "said after it", ("code.repeat",)),
        YamlKey("no_code_prompt", PromptsValue(), "said when no code could be promised", ("code.none",)),
        YamlKey("go", StepValue(), "the next step"),
    )
    SPEAKS = frozenset({"code.once_more", "earlier.kept", *EXPECT})
    EXAMPLE = """\
code:
  type: code
  ready_prompt: [code.ready]
  prompt: [code.is]
  no_code_prompt: [code.none]
  times: 2
  repeat: "1"
  repeat_prompt: [code.repeat]
  first_key: 4
  go: goodbye
"""

    def perform(self, talk: Talk) -> Flow[str]:
        if talk.joined:  # who opened that case has its code; a stranger on her line shall not
            if talk.taken_up:
                talk.say("earlier.kept")
            return self.go
        if not talk.code:
            if talk.code is not None:  # else nothing was kept, and that was said
                talk.say(*self.no_code_prompt)
            return self.go
        if self.ready_prompt:  # a key only shortens the wait for her pen
            ready = talk.take_pending() + self.ready_prompt
            wait = Say(ready, talk.language, self.barge_in, heeds_key=talk.late_hash > 0)
            said = yield from talk.do(wait, Said)
            if talk.ends_number(said.key == "#", said.after):
                yield from talk.do(replace(wait, heeds_key=False), Said)
        speech = (*self.prompt, *self._dictation(talk.code, talk.language), _expects(talk))
        while True:
            keys = yield from talk.ask(self, speech + self.repeat_prompt, 1)
            if not keys.pressed and keys.ended is Ended.HASH:
                raise Back
            if keys.pressed not in (self.repeat, "*"):
                return self.go

    def _dictation(self, code: str, language: str) -> Speech:
        digits = saying.dictated(code, language)
        return digits + (self.times - 1) * ("code.once_more", *digits)

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.ALONE)

    def at_best(self, timing: Timing) -> float:
        dictation = self._dictation(_EXAMPLE_CODE, timing.language)
        spoken = self.ready_prompt + self.prompt + dictation + self.repeat_prompt
        return timing.speech(spoken) + timing.longest(EXPECT)

    def at_worst(self, timing: Timing, by: By) -> float:
        return max(self.at_best(timing) + self.first_key, timing.speech(self.no_code_prompt))


def _expects(talk: Talk) -> str:
    """Who gave a number is called there and nowhere else."""
    directory, given = talk.directory, talk.draft.get("callback", "")
    if not directory.calls_back:
        return NO_CALL
    if given and not phone.is_same(given, talk.caller.number, directory.area_code):
        return WILL_VERIFY
    return WILL_CALL if talk.shows_number else NO_CALL
