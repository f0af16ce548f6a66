"""type: branch. Says nothing: goes where the value `on` sends the call, else to `go`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ivr.voice.fields import Fields
from ivr.voice.menu import Step
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_tree import Scalar
from ivr.voice.yaml_values import ChoiceValue, OwnValue, StepValue

ON = ("kind", "language", "topic", "county", "number", "caller")
CASES = {
    "type": "object",
    "additionalProperties": {"$ref": "#/$defs/step_name"},
    "minProperties": 1,
}


def _cases(fields: Fields, name: str) -> Mapping[str, str]:
    inner, on = fields.inner(name), fields.node("on", needed=False)
    cases: dict[str, str] = {}
    if inner is None:
        return cases
    for key, _ in inner.each():
        if inner.is_text(key, key.value) and isinstance(on, Scalar):
            inner.value(on.value, key, key.value[:20])
        cases[key.value] = inner.step(key.value)
    if not cases:
        fields.wrong(inner.table, name, "must name at least one value")
    return MappingProxyType(cases)


@dataclass(frozen=True, slots=True)
class BranchStep(Step):
    on: str  # one of ON
    cases: Mapping[str, str]
    go: str

    TYPE = "branch"
    TITLE = "by what was chosen"
    PROMPT = None
    KEYS = (
        YamlKey(
            "on",
            ChoiceValue(ON),
            "by what: what she chose; `number`: `shown`, or `withheld`, also from abroad, where she can't be "
            "called on it; `caller`: `free` or `blocked`",
        ),
        YamlKey("cases", OwnValue("value → step", _cases, CASES), "where each value leads"),
        YamlKey("go", StepValue(), "the step for every other value"),
    )
    ABOUT = "It says nothing and has no `prompt`."
    TAKES_TIME = False
    EXAMPLE = """\
who:
  type: branch
  on: kind
  cases: {meeting: callback}
  go: record
"""

    def perform(self, talk: Talk) -> Flow[str]:
        yield from ()
        return self.cases.get(self._value(talk), self.go)

    def _value(self, talk: Talk) -> str:
        if self.on == "number":
            return "shown" if talk.shows_number else "withheld"
        if self.on == "caller":
            return "blocked" if talk.blocked else "free"
        return talk.language if self.on == "language" else talk.draft.get(self.on, "")

    def ways(self) -> Iterator[Way]:
        for value, to in self.cases.items():
            yield Way(to, By.ALONE, {self.on: value})
        yield Way(self.go, By.ALONE)

    def open_ways(self, draft: Mapping[str, str]) -> Iterator[Way]:
        """One, on what a walk has settled; on topic or county a caller may take any.

        Who is blocked goes a way of her own: how long that is says nothing of the usual call.
        """
        if self.on == "caller":
            return (replace(way, by=By.WRONG) if way.sets else way for way in self.ways())
        if self.on not in ("language", "kind"):
            return self.ways()
        return iter((Way(self.cases.get(draft.get(self.on, ""), self.go), By.ALONE),))

    def at_best(self, timing: Timing) -> float:
        return 0.0

    def at_worst(self, timing: Timing, by: By) -> float:
        return 0.0

    @property
    def asks_who(self) -> bool:
        return self.on == "caller"
