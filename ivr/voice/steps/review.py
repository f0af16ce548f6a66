"""type: review. Keep, hear, say again or add, hide who she is; `record` is the step to return to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ivr.voice.actions import Clip
from ivr.voice.fields import Fields, checked_key
from ivr.voice.menu import Choosing
from ivr.voice.step_fields import StepFields
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_tree import Scalar

MEANINGS = ("keep", "hear", "again", "add", "confide")


@dataclass(frozen=True, slots=True)
class ReviewStep(Choosing):
    keys: Mapping[str, str]  # key → one of MEANINGS
    record: str
    go: str

    TYPE = "review"
    SPEAKS = frozenset({"record.hear_intro", "record.confided", "record.not_confided"})
    EXAMPLE = """\
review:
  type: review
  prompt: [review.menu]
  record: record
  keys: {"1": keep, "2": hear, "3": again, "4": add, "5": confide, "#": keep}
  no_input: {limit: 1, then: code}
  go: code
"""

    @classmethod
    def read(cls, written: StepFields) -> ReviewStep:
        fields = written.fields
        asking = written.asking()
        return cls(
            *asking,
            keys=MappingProxyType(_keys(fields)),
            record=fields.step("record", type="record"),
            go=fields.step("go"),
        )

    def perform(self, talk: Talk) -> Flow[str]:
        while talk.words or not talk.taken_up:  # else she has said nothing in this call
            choice = yield from talk.listen(self, self.prompt, self.keys.get, hash_means=self.keys.get("#"))
            if choice == "hear":
                talk.say("record.hear_intro", *(Clip(r.name) for r in talk.words))
            elif choice == "confide":
                talk.say("record.confided" if (yield from talk.confide()) else "record.not_confided")
            elif choice == "keep":
                return self.go
            else:
                talk.review_mode, talk.reviewed_at = choice, self.id
                return talk.recorded_at or self.record
        return self.go

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.CALLER)
        if {"again", "add"} & set(self.keys.values()):
            yield Way(self.record, By.CALLER, again=True)
        yield from self.misses()

    def questions(self, timing: Timing) -> list[Question]:
        return [Question(timing.speech(self.prompt))]


def _keys(fields: Fields) -> dict[str, str]:
    inner = fields.inner("keys")
    keys: dict[str, str] = {}
    if inner is None:
        return keys
    for key, node in inner.each():
        right = checked_key(inner, key, lambda k: re.fullmatch("[0-9#]", k) is not None, "one digit or #")
        meaning = inner.one_of(key.value, MEANINGS)
        if right and isinstance(node, Scalar):
            keys[key.value] = meaning
    if "keep" not in keys.values():
        fields.wrong(inner.table, "keys", "no key means keep")
    return keys
