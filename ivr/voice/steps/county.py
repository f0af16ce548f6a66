"""type: county. Two digits, `unknown` when she doesn't know; a known caller is offered hers first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.voice.directory import Directory
from ivr.voice.menu import Choosing
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import ANY_PROMPTS, StepValue, TextValue


@dataclass(frozen=True, slots=True)
class CountyStep(Choosing):
    offer_prompt: tuple[str, ...]
    unknown: str
    go: str

    TYPE = "county"
    TITLE = "two digits"
    TELLS_ALL = True
    PROMPT = replace(PROMPT, default=("county.ask",))
    KEYS = (
        YamlKey(
            "offer_prompt",
            ANY_PROMPTS,
            "said before the county of the caller's earlier case, which she takes with 1; without it nothing "
            "is offered",
            (),
        ),
        YamlKey(
            "unknown",
            TextValue("[0-9]{1,4}", "1 to 4 digits"),
            "the digits of a caller who doesn't know",
            "00",
        ),
        YamlKey("go", StepValue(), "the next step"),
    )
    SPEAKS = frozenset({"county.chosen", "county.offer_press"})
    EXAMPLE = """\
county:
  type: county
  prompt: [county.ask]
  offer_prompt: [county.offer]
  unknown: "00"
  go: record
"""

    def perform(self, talk: Talk) -> Flow[str]:
        known = talk.known_county
        if known in {county.code for county in talk.directory.counties} and self.offer_prompt:
            speech = (*self.offer_prompt, f"county.{known}", "county.offer_press")
            if (yield from talk.says_yes(self, speech)):
                talk.draft["county"] = known
                return self.go
        counties = {key: county.code for key, county in talk.directory.by_county_key.items()}
        counties[self.unknown] = ""
        length = max(len(key) for key in counties)
        code = yield from talk.listen(self, self.prompt, counties.get, max_keys=length)
        talk.draft["county"] = code
        if code:
            talk.say("county.chosen", f"county.{code}")
        return self.go

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.CALLER)
        yield from self.misses()

    def questions(self, timing: Timing) -> list[Question]:
        length = max((len(key) for key in timing.directory.by_county_key), default=len(self.unknown))
        asked = Question(timing.speech(self.prompt), length)
        offer = timing.speech((*self.offer_prompt, "county.offer_press")) + _longest(timing)
        return [Question(offer, once=True), asked] if self.offer_prompt else [asked]

    def at_best(self, timing: Timing) -> float:
        """Nothing is offered to who calls for the first time."""
        return timing.speech(self.prompt) + _chosen(timing)

    def at_worst(self, timing: Timing, by: By) -> float:
        return Choosing.at_worst(self, timing, by) + _chosen(timing)

    def refused_in(self, directory: Directory) -> Iterator[str]:
        for key, county in directory.by_county_key.items():
            if key.startswith(self.unknown) or self.unknown.startswith(key):
                yield f"unknown: {self.unknown} is taken by the county {county.code} ({key})"

    @property
    def asks_who(self) -> bool:
        return True


def _chosen(timing: Timing) -> float:
    return timing.speech(("county.chosen",)) + _longest(timing)


def _longest(timing: Timing) -> float:
    return timing.longest(f"county.{county.code}" for county in timing.directory.counties)
