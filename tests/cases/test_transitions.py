"""The table of transitions, and its copy in docs/cases.md."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import TABLE, Actor, CaseAction, Refused, Side, decide, permitted

DOC = Path(__file__).resolve().parents[2] / "docs" / "cases.md"
ACTORS = {side: Actor(side, side, "abfa" if side is Side.AGENCY else "") for side in Side}


def result(status: Status, action: CaseAction, side: Side, reason: str = "x") -> Status | str:
    try:
        return decide("1", status, "abfa", action, ACTORS[side], reason)
    except Refused as refusal:
        return str(refusal)


def as_markdown() -> str:
    """The table as docs/cases.md shows it: one row for each action, then status × action."""
    lines = ["| action | from | to | who | reason | what it means |", "|---|---|---|---|---|---|"]
    for rule in TABLE.values():
        sources = ", ".join(s for s in Status if s in rule.sources)
        who, why = (", ".join(s for s in Side if s in sides) for sides in (rule.sides, rule.reason))
        to = rule.target or "as it is"
        lines.append(f"| `{rule.action}` | {sources} | {to} | {who} | {why or '-'} | {rule.means} |")
    lines += ["", "| status | what may follow |", "|---|---|"]
    for status in Status:
        follow = ", ".join(f"`{r.action}`" for r in TABLE.values() if status in r.sources)
        lines.append(f"| {status} | {follow or 'nothing: it is over'} |")
    return "\n".join(lines) + "\n"


def test_the_document_shows_this_table() -> None:
    assert as_markdown() in DOC.read_text(encoding="utf-8")


def test_every_action_has_its_row() -> None:
    assert set(TABLE) == set(CaseAction)


@pytest.mark.parametrize(("status", "action", "side"), [*product(Status, CaseAction, Side)])
def test_what_is_not_permitted_says_why_in_one_sentence(
    status: Status, action: CaseAction, side: Side
) -> None:
    said = result(status, action, side)
    if action in permitted(status, side):
        assert said in set(Status)
    else:
        assert said not in set(Status) and said.startswith("case 1 ") and "\n" not in said


@pytest.mark.parametrize("status", [*Status])
def test_every_open_case_can_be_carried_on_and_every_status_but_one_begins_again(status: Status) -> None:
    follow = {result(status, action, side) for action in CaseAction for side in Side}
    if status in OPEN:
        assert Status.ANSWERED in follow
    else:
        assert (Status.REOPENED in follow) == (status is not Status.MERGED)
        assert not follow & (OPEN - {Status.REOPENED})


def test_every_status_but_the_first_can_be_reached() -> None:
    seen, fresh = {Status.OPENED}, {Status.OPENED}
    while fresh:
        ways = product(fresh, CaseAction, Side)
        fresh = {Status(to) for way in ways if (to := result(*way)) in set(Status)} - seen
        seen |= fresh
    assert seen == set(Status)


def test_not_ours_never_closes_a_case() -> None:
    for status, action in product(Status, CaseAction):
        after = result(status, action, Side.AGENCY)
        assert after not in set(Status) or after in OPEN


def test_another_agency_may_do_nothing() -> None:
    other = Actor("edu/x", Side.AGENCY, "edu")
    for status, action in product(Status, CaseAction):
        with pytest.raises(Refused):
            decide("1", status, "abfa", action, other, "x")


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.action)
def test_who_owes_a_reason_is_told_so(rule: object) -> None:
    assert isinstance(rule, type(TABLE[CaseAction.REFER]))
    status = next(s for s in Status if s in rule.sources)
    for side in rule.sides:
        for nothing in ("  ", ".", "؟!"):
            said = result(status, rule.action, side, nothing)
            assert (said in set(Status)) == (side not in rule.reason)
            assert side not in rule.reason or "without a reason" in said
