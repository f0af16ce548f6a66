"""type: review. Keep, hear, say again or add, hide who she is; `record` is the step to return to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ivr.voice.actions import Clip
from ivr.voice.fields import Fields, checked_key
from ivr.voice.menu import Choosing
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_tree import Scalar
from ivr.voice.yaml_values import OwnValue, StepValue, first_step

MEANINGS = ("keep", "hear", "again", "add", "confide")


REVIEW_KEYS = {
    "type": "object",
    "propertyNames": {"pattern": "^[0-9#]$"},
    "additionalProperties": {"enum": list(MEANINGS)},
    "minProperties": 1,
}
USUAL = MappingProxyType({"1": "keep", "2": "hear", "3": "again", "4": "add", "5": "confide", "#": "keep"})


def _meanings(fields: Fields, name: str) -> Mapping[str, str]:
    inner = fields.inner(name)
    keys: dict[str, str] = {}
    if inner is None:
        return keys
    for key, node in inner.each():
        right = checked_key(inner, key, lambda k: re.fullmatch("[0-9#]", k) is not None, "one digit or #")
        meaning = inner.one_of(key.value, MEANINGS)
        if right and isinstance(node, Scalar):
            keys[key.value] = meaning
    if "keep" not in keys.values():
        fields.wrong(inner.table, name, "no key means keep")
    return MappingProxyType(keys)


@dataclass(frozen=True, slots=True)
class ReviewStep(Choosing):
    keys: Mapping[str, str]  # key → one of MEANINGS
    record: str
    go: str

    TYPE = "review"
    TITLE = "keep, hear, again, add, confide"
    TELLS_ALL = True
    APART = True
    PROMPT = replace(PROMPT, default=("review.menu",))
    KEYS = (
        YamlKey(
            "keys",
            OwnValue(
                'one digit or `"#"` → `keep`, `hear`, `again`, `add`, `confide`', _meanings, REVIEW_KEYS
            ),
            "what each means; one must keep",
            USUAL,
        ),
        YamlKey(
            "record",
            StepValue("record"),
            "the recording step of `again` and `add`, from which she comes back to this review",
            first_step("the tree's first", "record"),
        ),
        YamlKey("go", StepValue(), "the next step, after `keep`"),
    )
    ABOUT = """\
`confide` makes her case confidential ([cases.md](cases.md)), says so once that is safe, and asks again."""
    SPEAKS = frozenset(
        {"record.hear_intro", "record.confided", "record.not_confided", "record.joined_not_confided"}
    )
    EXAMPLE = """\
review:
  type: review
  prompt: [review.menu]
  record: record
  keys: {"1": keep, "2": hear, "3": again, "4": add, "5": confide, "#": keep}
  no_input: {limit: 1, then: code}
  go: code
"""

    def perform(self, talk: Talk) -> Flow[str]:
        while talk.words or not talk.taken_up:  # else she has said nothing in this call
            choice = yield from talk.listen(self, self.prompt, self.keys.get, hash_means=self.keys.get("#"))
            if choice == "hear":
                talk.say("record.hear_intro", *(Clip(r.name) for r in talk.words))
            elif choice == "confide":
                if talk.joined and not talk.taken_up:
                    # For ever: not what somebody else of a shared line may have said, and may be answered.
                    talk.say("record.joined_not_confided")
                else:
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
