"""Any life that the table permits: no case is ever without a responsible body, a clock or an event.

Nor are the parts that it is split into, the collective case that it waits in, and what comes of all these.
"""

from __future__ import annotations

from collections import Counter as Counts
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.clock import Clock
from ivr.cases.escalation import next_at
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import TABLE, Actor, CaseAction, Side, permitted
from ivr.desk.case import answers, closing, collecting, pausing, referring, splitting
from ivr.desk.case.change import EVENTS, Instruction
from ivr.desk.case.splitting import Part
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.refusals import Refused
from ivr.store.tables import case_events, cases
from tests.cases.elapsed import elapsed
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings

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
    whose: int = 0


steps = st.builds(
    Step,
    st.integers(0, 1000),
    st.integers(0, 9).map(lambda n: n == 0),
    st.integers(0, 6),
    st.sampled_from(AGENCIES),
    st.sampled_from(TOPICS),
    st.sampled_from(["دلیل", "دلیل", "دلیل", ""]),
    st.integers(0, 5),
)


def chosen(step: Step, status: Status) -> tuple[CaseAction, Side]:
    ways = [(a, s) for a in CaseAction for s in Side if step.wild or a in permitted(status, s)]
    return ways[step.way % len(ways)] if ways else (CaseAction.REOPEN, Side.CITIZEN)


async def do(at: Counter, action: CaseAction, ask: Instruction, step: Step, other: str) -> None:
    engine, page = at.engine, at.page
    match action:
        case CaseAction.REFER:
            await referring.refer(engine, page, ask, step.agency)
        case CaseAction.ACCEPT:
            await referring.accept(engine, page, ask)
        case CaseAction.ANSWER:
            await answers.give(engine, page, ask, step.reason)
        case CaseAction.PROPOSE:
            await answers.propose(engine, page, ask, step.reason)
        case CaseAction.APPROVE:
            await answers.approve(engine, page, ask)
        case CaseAction.TURN_DOWN:
            await answers.turn_down(engine, page, ask)
        case CaseAction.HAND_BACK:
            await answers.hand_back(engine, page, ask)
        case CaseAction.RETURN:
            await referring.give_back(engine, page, ask)
        case CaseAction.RULE:
            await referring.rule(engine, page, ask, step.agency)
        case CaseAction.CLOSE:
            await closing.close(engine, page, ask)
        case CaseAction.REOPEN:
            await closing.reopen(engine, page, ask)
        case CaseAction.WITHDRAW:
            await closing.withdraw(engine, page, ask)
        case CaseAction.ADVISE:
            await closing.advise(engine, page, ask)
        case CaseAction.MERGE:
            await closing.merge(engine, page, ask, other)
        case CaseAction.CHANGE_TOPIC:
            await pausing.change_topic(engine, page, ask, step.topic)
        case CaseAction.PAUSE:
            await pausing.pause(engine, page, ask, step.days)
        case CaseAction.RESUME:
            await pausing.resume(engine, page, ask)
        case CaseAction.AWAIT:
            await pausing.wait_until(engine, page, ask, ask.now + timedelta(days=step.days))
        case CaseAction.EXTEND:
            raise Refused("only orders are extended: tests/desk/meetings")
        case CaseAction.SPLIT:
            second = Part("edu" if step.agency == "abfa" else "abfa", "دیگری")
            await splitting.split(engine, page, ask, [Part(step.agency, "یکی", step.topic), second])
        case CaseAction.COLLECT:
            await collecting.collect(engine, page, ask.actor, [ask.code], step.reason, ask.now)
        case CaseAction.RELEASE:
            await collecting.release(engine, page, ask)


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
    days = at.page.deadlines[row.topic] if row.ordered_days is None else row.ordered_days
    ladder = at.page.ladder(row.kind, row.topic, row.agency)
    term = at.page.term(clock_of(row), row.kind, row.topic, row.county or "")
    assert row.next_rung_at == (None if row.stopped_at else next_at(ladder, term, row.rung))
    assert row.due_at == clock_of(row).due_at(at.page.calendar, days, row.county)
    if row.status == Status.RETURNED:
        assert row.agency == at.page.rules.desk


@pytest.mark.timeout(1200)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=3, max_size=14))
async def test_no_life_leaves_a_case_without_body_clock_or_event(
    engine: AsyncEngine, tmp_path: Path, life: list[Step]
) -> None:
    at = await counter(engine)
    code, other = await at.open(), await at.open()
    returns: Counts[str] = Counts()  # since the last ruling
    for step in life:
        at.later(step.days)
        await sweep(engine, at.page, at.at)
        await collecting.settle(engine, at.page, at.at)
        await pausing.end_pauses(engine, at.page, at.at)
        assert await prove(engine, at.page, at.at + GRACE) == []
        acted = await one_of_the_family(at, code, step.whose)
        before = await at.row(acted)
        used = used_up(at, before)
        action, side = chosen(step, Status(before.status))
        name = {Side.AGENCY: f"{before.agency}/x", Side.DESK: "desk"}.get(side, side)
        actor = Actor(name, side, before.agency if side is Side.AGENCY else "")
        try:
            await do(at, action, Instruction(acted, actor, step.reason, at.at), step, other)
        except Refused as refusal:
            assert str(refusal) and await at.row(acted) == before, "a refusal changes nothing"
        else:
            after = await at.row(acted)
            is_carried_out(action, side, before, after)
            last = (await at.case(acted))["events"][before.last_seq]
            assert (last["what"], last["actor"]) == (EVENTS[action], name)
            assert action is not CaseAction.REFER or returns[acted] < MOST_RETURNS
            returns[acted] = (
                0 if action is CaseAction.RULE else returns[acted] + (action is CaseAction.RETURN)
            )
            levels = at.page.ladders.levels
            assert levels.index(after.level) >= levels.index(before.level)
            assert used_up(at, after) == used - last["details"].get("days_given", 0)
        for each in await family(at, code):
            await has_body_clock_and_story(at, each)
            await has_its_kin(at, each)
    for each in [other, *await family(at, code)]:
        assert await findings(engine, tmp_path, each) == []


def is_carried_out(action: CaseAction, side: Side, before: Any, after: Any) -> None:
    assert action in permitted(Status(before.status), side)
    assert after.status == (TABLE[action].target or before.status)
    assert after.last_seq == before.last_seq + 1


def used_up(at: Counter, row: Any) -> int:
    return elapsed(clock_of(row), at.page.calendar, at.at, "ahar")


async def family(at: Counter, code: str) -> list[str]:
    """It, its parts, and the collective cases that it is or was in."""
    own = (await at.row(code)).id
    members = select(case_events.c.details["collective"].astext).where(case_events.c.case_id == own)
    query = select(cases.c.code).where(
        or_(cases.c.id == own, cases.c.part_of == own, cases.c.code.in_(members))
    )
    async with at.engine.connect() as connection:
        return list((await connection.execute(query.order_by(cases.c.opened_at, cases.c.code))).scalars())


async def one_of_the_family(at: Counter, code: str, whose: int) -> str:
    """Mostly the case itself, now and then one of its kin."""
    its = await family(at, code)
    return its[whose % len(its)] if whose > 2 else code


async def has_its_kin(at: Counter, code: str) -> None:
    """A whole is answered once its parts are dealt with, and over only with them; no member strays."""
    row = await at.row(code)
    async with at.engine.connect() as connection:
        parts = (await connection.execute(select(cases).where(cases.c.part_of == row.id))).all()
        members = (await connection.execute(select(cases).where(cases.c.member_of == row.id))).all()
    unanswered = [p.code for p in parts if p.closed_at is None and p.status != Status.ANSWERED]
    assert not (row.status == Status.ANSWERED and unanswered)
    assert row.status in OPEN or all(part.closed_at for part in parts)
    for member in members:
        if member.closed_at is None and row.closed_at is None:
            assert member.agency == row.agency
            assert (member.status == Status.ANSWERED) <= (row.status == Status.ANSWERED)
