"""type: branch. Says nothing: goes where the value `on` sends the call, else to `go`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ivr.voice.conditions import CONDITIONS, condition
from ivr.voice.fields import Fields
from ivr.voice.menu import Step
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import SETTLED, By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_tree import Scalar
from ivr.voice.yaml_values import ChoiceValue, OwnValue, StepValue

ON = ChoiceValue(tuple(CONDITIONS), or_variable=True)
ABOUT_HER = ("caller", "earlier")  # what the books know of who calls, and not where she is
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
    asked = condition(on.value) if isinstance(on, Scalar) else None
    for key, _ in inner.each():
        if inner.is_text(key, key.value) and asked is not None:
            asked.check(inner, key)
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
    TITLE = "by what was chosen, who calls, and when"
    PROMPT = None
    KEYS = (
        YamlKey("on", ON, "by what"),
        YamlKey(
            "cases", OwnValue("value → step", _cases, CASES), "where each value leads: the first that holds"
        ),
        YamlKey("go", StepValue(), "the step where none holds"),
    )
    ABOUT = "It says nothing and has no `prompt`. Values of `on`:\n\n" + "\n".join(
        [
            *(f"- `{name}`: {each.told}" for name, each in CONDITIONS.items()),
            "- `var.NAME`: what `vars` of a choice gave this call.",
            "",
            "Hours and dates are those of the call's beginning, where the province is; dates are Jalali.",
            "A day is `off` where the book's calendar says so (`ivr closure`), for her county once chosen.",
        ]
    )
    TAKES_TIME = False
    LOOK = "quiet"
    EXAMPLE = """\
who:
  type: branch
  on: kind
  cases: {meeting: callback}
  go: record
"""

    def perform(self, talk: Talk) -> Flow[str]:
        yield from ()
        asked = condition(self.on)
        assert asked is not None  # the parser refuses any other
        return next((to for value, to in self.cases.items() if asked.holds(talk, value)), self.go)

    def ways(self) -> Iterator[Way]:
        for value, to in self.cases.items():
            yield Way(to, By.ALONE, {self.on: value})
        yield Way(self.go, By.ALONE)

    def open_ways(self, draft: Mapping[str, str]) -> Iterator[Way]:
        """One, on what a walk has settled; on topic or county a caller may take any.

        Who is blocked, or called before, goes a way of her own, which says nothing of the usual call's time.
        """
        if self.on in ABOUT_HER:
            return (way._replace(by=By.WRONG) if way.sets else way for way in self.ways())
        if self.on not in SETTLED:
            return self.ways()
        return iter((Way(self.cases.get(draft.get(self.on, ""), self.go), By.ALONE),))

    @property
    def goes_by(self) -> str:
        return self.on

    def at_best(self, timing: Timing) -> float:
        return 0.0

    def at_worst(self, timing: Timing, by: By) -> float:
        return 0.0

    def needs(self) -> Iterator[str]:
        return iter((self.on,) if self.on.startswith("var.") else ())

    @property
    def asks_who(self) -> bool:
        return self.on in (*ABOUT_HER, "caller_county")
