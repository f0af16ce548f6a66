"""type: tree. Into another tree, and on with `go` where that one comes to its end.

The steps of the other tree stand in this one as it is read, each behind this step's name and the tree's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.voice.menu import Step
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import StepValue, TextValue

TREE_NAME = "[A-Za-z0-9_-]{1,40}"
DEEPEST_CALL = 3  # a tree that calls a tree that …


@dataclass(frozen=True, slots=True)
class TreeStep(Step):
    """`entry`: the first step of the other tree, "" where it can't be had, and `trouble` says why.

    Both are "" in a tree that was read without looking for others.
    """

    name: str
    go: str
    missing_go: str
    entry: str = ""
    revision: str = ""
    trouble: str = ""
    opens_case: bool = False  # whether words are recorded there

    TYPE = "tree"
    TITLE = "another tree, and back"
    PROMPT = None
    KEYS = (
        YamlKey("name", TextValue(TREE_NAME, "a tree's name, in quotes"), "which, by its `menu:`"),
        YamlKey("go", StepValue(), "the step after its end"),
        YamlKey("missing_go", StepValue(), "the step when no such tree is on the air, or it can't be read"),
    )
    ABOUT = f"""\
She goes through the other tree as it is on the air and comes back where it would hang up: an `end` of it
leads to `go`, and its prompt, a goodbye, is not said. What she has chosen stays hers, `#` leads back from
one into the other, and a case that it opens is a case of this call: where it records words, nothing that
she says there changes the case of words before. Languages and `limits` are those of the
tree that answered; the other one's languages must be among them. An operator who talks with her ends the
call as anywhere.

A live call keeps both trees as they were when it began; publishing the other one brings it to the next
call. Both are proved together, with what is on the air on this machine, else the file that ships; and a tree
that others call is refused when one of them could not call it any more, or would not be sound. Trees may
call each other {DEEPEST_CALL} deep and 20 times in all, and none calls one that it is called by. Should the
other tree be gone or changed so that it can't be walked from here, she goes to `missing_go`. A trial of the
other tree is for its own callers only.

In rows, statistics and pictures its steps are called by all three names: `water.122.county` is the step
`county` of tree `122`, called by the step `water`, whose own line in the row names tree and revision."""
    TAKES_TIME = False
    EXAMPLE = """\
water:
  type: tree
  name: "122"
  go: goodbye
  missing_go: operator
"""

    def perform(self, talk: Talk) -> Flow[str]:
        which = f"@{self.revision}" if self.revision else ""
        yield from talk.note(f"tree:{self.name}{which if self.entry else ':none'}")
        if self.opens_case:
            talk.about = None  # what she says there is of another matter than the case of her earlier words
        return self.entry or self.missing_go

    def ways(self) -> Iterator[Way]:
        yield Way(self.entry or self.go, By.ALONE)
        yield Way(self.missing_go, By.ABSENT)

    @property
    def stands_for(self) -> str:
        return self.name

    def unclear(self) -> Iterator[str]:
        return iter((self.trouble,) if self.trouble else ())

    def at_best(self, timing: Timing) -> float:
        return 0.0

    def at_worst(self, timing: Timing, by: By) -> float:
        return 0.0
