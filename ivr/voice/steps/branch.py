"""type: branch. Says nothing: goes where the value `on` sends the call, else to `go`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ivr.voice.menu import Step
from ivr.voice.step_fields import StepFields
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way

ON = ("kind", "language", "topic", "county", "number", "caller", "earlier")

ABOUT_HER = ("caller", "earlier")  # what the books know of who calls


@dataclass(frozen=True, slots=True)
class BranchStep(Step):
    on: str  # one of ON
    cases: Mapping[str, str]
    go: str

    TYPE = "branch"
    TAKES_TIME = False
    EXAMPLE = """\
who:
  type: branch
  on: kind
  cases: {meeting: callback}
  go: record
"""

    @classmethod
    def read(cls, written: StepFields) -> BranchStep:
        fields = written.fields
        on = fields.one_of("on", ON)
        cases = _cases(written, on)
        return cls(*written.place, (), on=on, cases=MappingProxyType(cases), go=fields.step("go"))

    def perform(self, talk: Talk) -> Flow[str]:
        yield from ()
        return self.cases.get(self._value(talk), self.go)

    def _value(self, talk: Talk) -> str:
        if self.on == "number":
            return "shown" if talk.shows_number else "withheld"
        if self.on == "caller":
            return "blocked" if talk.blocked else "free"
        if self.on == "earlier":
            return talk.earlier
        return talk.language if self.on == "language" else talk.draft.get(self.on, "")

    def ways(self) -> Iterator[Way]:
        for value, to in self.cases.items():
            yield Way(to, By.ALONE, {self.on: value})
        yield Way(self.go, By.ALONE)

    def open_ways(self, draft: Mapping[str, str]) -> Iterator[Way]:
        """One, on what a walk has settled; on topic or county a caller may take any.

        Who is blocked, or called before, goes a way of her own, which says nothing of the usual call's time.
        """
        if self.on in ABOUT_HER:
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
        return self.on in ABOUT_HER


def _cases(written: StepFields, on: str) -> dict[str, str]:
    inner = written.fields.inner("cases")
    cases: dict[str, str] = {}
    if inner is None:
        return cases
    for key, _ in inner.each():
        if inner.is_text(key, key.value):
            inner.value(on, key, key.value[:20])
        cases[key.value] = inner.step(key.value)
    if not cases:
        written.fields.wrong(inner.table, "cases", "must name at least one value")
    return cases
