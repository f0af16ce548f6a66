"""Any life that the table permits: no case is ever without a responsible body, a clock or an event."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.clock import Clock
from ivr.cases.escalation import next_at
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import TABLE, Action, Actor, Side, permitted
from ivr.desk import answers, closing, referring, timing
from ivr.desk.change import EVENTS, Ask
from ivr.desk.escalating import sweep
from ivr.desk.escalation_proof import GRACE, prove
from ivr.desk.refusals import Refused
from tests.desk.counter import Counter, counter
from tests.desk.test_verify import findings

AGENCIES = ("abfa", "edu", "tamin", "gov_inspection", "judiciary", "nobody")
TOPICS = ("water.supply", "water.bill", "energy.gas")
MOST_RETURNS = 2


@dataclass(frozen=True)
class Step:
    """`way` picks among what the table permits in the status that the case has by then; `wild` ignores it."""

    way: int
    wild: bool
    days: int
    agency: str
    topic: str
    reason: str


steps = st.builds(
    Step,
    st.integers(0, 1000),
    st.integers(0, 9).map(lambda n: n == 0),
    st.integers(0, 6),
    st.sampled_from(AGENCIES),
    st.sampled_from(TOPICS),
    st.sampled_from(["دلیل", "دلیل", "دلیل", ""]),
)


def chosen(step: Step, status: Status) -> tuple[Action, Side]:
    ways = [(a, s) for a in Action for s in Side if step.wild or a in permitted(status, s)]
    return ways[step.way % len(ways)] if ways else (Action.REOPEN, Side.CITIZEN)


async def do(at: Counter, action: Action, ask: Ask, step: Step, other: str) -> None:
    engine, page = at.engine, at.page
    match action:
        case Action.REFER:
            await referring.refer(engine, page, ask, step.agency)
        case Action.ACCEPT:
            await referring.accept(engine, page, ask)
        case Action.ANSWER:
            await answers.give(engine, page, ask, step.reason)
        case Action.PROPOSE:
            await answers.propose(engine, page, ask, step.reason)
        case Action.APPROVE:
            await answers.approve(engine, page, ask)
        case Action.TURN_DOWN:
            await answers.turn_down(engine, page, ask)
        case Action.RETURN:
            await referring.give_back(engine, page, ask)
        case Action.RULE:
            await referring.rule(engine, page, ask, step.agency)
        case Action.CLOSE:
            await closing.close(engine, page, ask)
        case Action.REOPEN:
            await closing.reopen(engine, page, ask)
        case Action.WITHDRAW:
            await closing.withdraw(engine, page, ask)
        case Action.ADVISE:
            await closing.advise(engine, page, ask)
        case Action.MERGE:
            await closing.merge(engine, page, ask, other)
        case Action.CHANGE_TOPIC:
            await timing.change_topic(engine, page, ask, step.topic)
        case Action.PAUSE:
            await timing.pause(engine, page, ask, step.days)
        case Action.RESUME:
            await timing.resume(engine, page, ask)


def clock_of(row: Any) -> Clock:
    return Clock(**{f.name: getattr(row, f.name) for f in fields(Clock)})


async def has_body_clock_and_story(at: Counter, code: str) -> None:
    row, running, case = await at.row(code), await at.running(code), await at.case(code)
    seqs = [event["seq"] for event in case["events"]]
    assert seqs == list(range(1, row.last_seq + 1))
    if row.status not in OPEN:
        assert running == [] and row.closed_at is not None and row.closure and row.next_rung_at is None
        return
    (one,) = running
    assert one.agency == row.agency and at.page.rules.agencies[row.agency]
    assert row.closed_at is None and one.due_at == row.due_at
    assert row.level in at.page.ladders.levels
    assert (row.stopped_at is not None) == (row.status == Status.ANSWERED)
    days, ladder = at.page.deadlines[row.topic], at.page.ladder(row.kind, row.topic, row.agency)
    term = at.page.term(clock_of(row), row.kind, row.topic, row.county or "")
    assert row.next_rung_at == (None if row.stopped_at else next_at(ladder, term, row.rung))
    assert row.due_at == clock_of(row).due_at(at.page.calendar, days, row.county)
    if row.status == Status.RETURNED:
        assert row.agency == at.page.rules.desk


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=3, max_size=14))
async def test_no_life_leaves_a_case_without_body_clock_or_event(
    engine: AsyncEngine, tmp_path: Path, life: list[Step]
) -> None:
    at = await counter(engine)
    code, other = await at.open(), await at.open()
    returns_since_ruling = 0
    for step in life:
        at.later(step.days)
        await sweep(engine, at.page, at.at)
        assert await prove(engine, at.page, at.at + GRACE) == []
        before, calendar = await at.row(code), at.page.calendar
        used = clock_of(before).elapsed(calendar, at.at, "ahar")
        action, side = chosen(step, Status(before.status))
        name = {Side.AGENCY: f"{before.agency}/x", Side.DESK: "desk"}.get(side, side)
        actor = Actor(name, side, before.agency if side is Side.AGENCY else "")
        try:
            await do(at, action, Ask(code, actor, step.reason, at.at), step, other)
        except Refused as refusal:
            assert str(refusal) and await at.row(code) == before, "a refusal changes nothing"
        else:
            after, last = await at.row(code), (await at.case(code))["events"][-1]
            assert action in permitted(Status(before.status), side)
            assert after.status == (TABLE[action].target or before.status)
            assert after.last_seq == before.last_seq + 1
            assert (last["what"], last["actor"]) == (EVENTS[action], name)
            assert action is not Action.REFER or returns_since_ruling < MOST_RETURNS
            returns_since_ruling += action is Action.RETURN
            returns_since_ruling = 0 if action is Action.RULE else returns_since_ruling
            levels = at.page.ladders.levels
            assert after.rung >= before.rung
            assert levels.index(after.level) >= levels.index(before.level)
            assert clock_of(after).elapsed(calendar, at.at, "ahar") == used
        await has_body_clock_and_story(at, code)
    assert await findings(engine, tmp_path, code) == await findings(engine, tmp_path, other) == []
