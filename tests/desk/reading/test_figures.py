"""Figures are what happened: counted once, whoever counts, and the parts are the whole.

25 November 2026 is a Wednesday (4 Azar 1405), 11:30 in Tehran.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import figures
from ivr.cases.figures import Facts, Figures, What
from ivr.cases.transitions import Actor, Side
from ivr.cases.zone import TIMEZONE
from ivr.desk.case import answers, closing, collecting, confiding, pausing, referring, splitting
from ivr.desk.case.change import Instruction
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.event_log import add_event
from ivr.desk.case.splitting import Part
from ivr.desk.deadlines import escalating
from ivr.desk.people.scope import Scope
from ivr.desk.reading.counting import count_days
from ivr.desk.reading.figures import Archive, Subject
from ivr.store.aside import AGAIN, Aside
from ivr.store.figure_days import COUNT, figure_days
from ivr.store.tables import agencies, calls, case_events, cases
from ivr.voice.our_call import MENU
from tests.desk.counter import Counter, counter

FIRST = date(2026, 11, 25)
OTHER = ("other.other", "")  # the desk's


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def noted_then(at: Counter) -> None:
    """The database's own clock is today's; what was noted is noted on the day that it happened."""
    async with at.engine.begin() as connection:
        day = func.date(func.timezone("Asia/Tehran", case_events.c.at))
        await connection.execute(update(case_events).values(noted_on=day))


async def retire(at: Counter, body: str) -> None:
    async with at.engine.begin() as connection:
        await connection.execute(update(agencies).where(agencies.c.code == body).values(retired_at=at.at))
    await at.reread()


async def found(at: Counter, days: int = 30, *, zone: str = "Asia/Tehran") -> Facts:
    return await Archive(at.engine, lambda: at.at, zone).facts(FIRST, FIRST + timedelta(days=days))


async def count(at: Counter, now: datetime | None = None) -> int:
    await noted_then(at)
    return await count_days(at.engine, TIMEZONE, now or at.at)


async def story(at: Counter) -> None:
    """A case of every fate. A bill has seven working days; two agencies and the desk have a hand in."""
    solved, reached, gone, late = [await at.open("water.bill") for _ in range(4)]
    bounced = await at.open("water.bill", "tabriz", "09142222222")
    at.later(3)
    for code in (solved, reached, gone):
        await answers.give(at.engine, at.page, at.ask(code, "abfa/karimi"), "درست شد")
    await referring.give_back(at.engine, at.page, at.ask(bounced, "abfa", "کار ما نیست"))
    at.later()
    await closing.close(at.engine, at.page, at.ask(solved, "citizen"))
    await closing.reopen(at.engine, at.page, at.ask(reached, "citizen"))
    await closing.close(at.engine, at.page, at.ask(gone, "desk", "پاسخ کافی است"))
    await referring.refer(at.engine, at.page, at.ask(bounced), "edu")
    at.later()
    await answers.give(at.engine, at.page, at.ask(reached, "abfa"), "دوباره درست شد")
    await closing.withdraw(at.engine, at.page, at.ask(bounced, "citizen"))
    at.later(20)
    await answers.give(at.engine, at.page, at.ask(late, "abfa"), "دیر شد")
    await answers.give(at.engine, at.page, at.ask(late, "abfa"), "بهتر گفته شد")


async def test_each_thing_is_counted_on_its_day_for_the_body_that_did_it(at: Counter) -> None:
    await story(at)
    at.later()
    await count(at)
    bodies = figures.by(await found(at), "agency")
    abfa, edu, desk = bodies["abfa"], bodies["edu"], bodies["gov_inspection"]
    assert (abfa[What.OPENED], abfa[What.RECEIVED], edu[What.RECEIVED], desk[What.RECEIVED]) == (5, 5, 1, 1)
    assert (abfa[What.IN_TIME], abfa[What.LATE], abfa.answered) == (4, 1, 5), "words said better count once"
    assert (abfa[What.OVERDUE], edu[What.OVERDUE]) == (1, 0)
    assert (abfa[What.RETURNED], desk[What.RETURNED]) == (1, 0), "who sends it away is counted, not the desk"
    assert (abfa[What.SOLVED], abfa[What.BY_DESK], abfa[What.UNCONFIRMED]) == (1, 1, 0)
    assert (edu[What.WITHDRAWN], abfa[What.REOPENED]) == (1, 1)
    assert (abfa.median, abfa.p90) == (3, 25), "3, 3, 3, 1 since it was reopened, and 25 days"


async def test_days_counted_and_days_worked_out_now_are_the_same(at: Counter) -> None:
    await story(at)
    archive, today = Archive(at.engine, lambda: at.at, TIMEZONE), at.at.date()
    live = await archive.facts(today, today + timedelta(days=1))
    assert figures.total(live).answered == 1
    at.later()
    assert await count(at) == 26
    days = await found(at)
    assert figures.total(days).answered == 5
    for dimension in figures.DIMENSIONS:
        parts = figures.by(days, dimension).values()
        whole = figures.total(days.where())
        for what in What:
            assert sum(part[what] for part in parts) == whole[what], (dimension, what)


async def test_counting_again_or_by_many_changes_nothing(at: Counter) -> None:
    await story(at)
    await noted_then(at)
    at.later()
    counted = await asyncio.gather(*(count_days(at.engine, TIMEZONE, at.at) for _ in range(4)))
    while sum(counted) < 26:
        counted = [sum(counted) + await count_days(at.engine, TIMEZONE, at.at)]
    assert sum(counted) == 26
    before = figures.total(await found(at))
    assert await count_days(at.engine, TIMEZONE, at.at) == 0
    async with at.engine.begin() as connection:
        await connection.execute(delete(figure_days))
    assert await count(at) == 26, "from the first day on, whatever was lost"
    assert figures.total(await found(at)) == before


async def test_a_day_is_not_counted_before_it_has_settled(at: Counter) -> None:
    await at.open()
    midnight = datetime.fromisoformat("2026-11-26T00:05:00+03:30")
    assert await count(at, midnight) == 0
    assert figures.total(await found(at))[What.OPENED] == 1, "worked out meanwhile"
    assert await count(at, midnight + timedelta(minutes=6)) == 1


async def test_another_topic_and_what_comes_late_change_days_that_were_counted(at: Counter) -> None:
    code = await at.open("other.other")
    at.later(5)
    assert await count(at) == 5
    archive = Archive(at.engine, lambda: at.at, TIMEZONE)
    span = FIRST, FIRST + timedelta(days=9)
    assert set(figures.by(await archive.facts(*span), "topic")) == {"other.other"}
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="گاز است"), "energy.gas")
    case = await at.row(code)
    async with at.engine.begin() as connection:
        yesterday = at.at - timedelta(days=1)
        await add_event(connection, case.id, case.id, yesterday, "rated", {"score": 4}, actor="citizen")
    await noted_then(at)
    async with at.engine.begin() as connection:
        await connection.execute(
            update(case_events).where(case_events.c.event == "rated").values(noted_on=at.at.date())
        )
    assert await count_days(at.engine, TIMEZONE, at.at) == 0, "not more than once an hour"
    at.at += timedelta(hours=2)
    assert await count_days(at.engine, TIMEZONE, at.at) >= 2
    facts = await archive.facts(*span)
    assert figures.by(facts, "topic")["energy.gas"][What.OPENED] == 1
    assert figures.total(facts).satisfaction == 4
    assert await count_days(at.engine, TIMEZONE, at.at) == 0


async def anew(at: Counter) -> Figures:
    """All days counted from the first on."""
    async with at.engine.begin() as connection:
        await connection.execute(delete(figure_days))
    await count(at)
    return figures.total(await found(at, 60))


async def test_an_answer_that_is_handed_back_has_kept_no_deadline(at: Counter) -> None:
    code = await at.open("water.bill")
    at.later(3)
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "رسیدگی شد")
    at.later()
    await count(at)
    assert figures.total(await found(at))[What.IN_TIME] == 1
    await answers.hand_back(at.engine, at.page, at.ask(code, "desk", "این پاسخ نیست"))
    at.later()
    await count(at)
    assert figures.total(await found(at)).answered == 0
    at.later(20)
    await count(at)
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "لوله عوض شد")
    at.later()
    await count(at)
    whole = figures.total(await found(at))
    assert (whole[What.OVERDUE], whole[What.IN_TIME], whole[What.LATE]) == (1, 0, 1)
    assert await anew(at) == figures.total(await found(at, 60))


async def test_what_is_handed_back_to_another_body_was_received_by_that_one(at: Counter) -> None:
    code, other = await at.open("water.bill"), await at.open("water.bill")
    for each in (code, other):
        await answers.give(at.engine, at.page, at.ask(each, "abfa"), "رسیدگی شد")
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "می‌ترسد"), Secrecy())
    for each in (code, other):
        at.later()
        await answers.hand_back(at.engine, at.page, at.ask(each, "desk", "این پاسخ نیست"))
    at.later()
    await count(at)
    bodies = figures.by(await found(at), "agency")
    assert (bodies["abfa"][What.RECEIVED], bodies["gov_inspection"][What.RECEIVED]) == (2, 1)


async def test_what_is_opened_again_away_from_its_body_was_received_by_who_has_it_now(at: Counter) -> None:
    code, other = await at.open("water.bill"), await at.open("water.bill")
    for each in (code, other):
        await answers.give(at.engine, at.page, at.ask(each, "abfa"), "رسیدگی شد")
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(other, "citizen"))
    await retire(at, "abfa")
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    bodies = figures.by(await found(at), "agency")
    assert (bodies["abfa"][What.RECEIVED], bodies["gov_inspection"][What.RECEIVED]) == (2, 1)


async def test_what_is_collected_or_split_was_received_by_the_body_that_has_it_from_then_on(
    at: Counter,
) -> None:
    code, other, whole = [await at.open(caller=caller) for caller in ("", "09142222222", "09143333333")]
    await referring.refer(at.engine, at.page, at.ask(other), "edu")
    at.later()
    await collecting.collect(at.engine, at.page, at.ask("").actor, [code, other], "قطع آب", at.at)
    await splitting.split(at.engine, at.page, at.ask(whole), [Part("abfa", "لوله"), Part("edu", "شیر")])
    at.later()
    await count(at)
    got = {body: its[What.RECEIVED] for body, its in figures.by(await found(at), "agency").items()}
    assert got == {"abfa": 3 + 1 + 1 + 1, "edu": 1 + 1, "gov_inspection": 1}, (
        "the collective one and parts, too"
    )


async def test_the_figures_of_who_had_a_case_tell_nothing_of_what_it_became_once_it_was_sealed(
    at: Counter,
) -> None:
    sealed, confided = await at.open(), await at.open()
    await referring.give_back(at.engine, at.page, at.ask(confided, "abfa", "کار ما نیست"))
    await pausing.change_topic(at.engine, at.page, at.ask(confided, reason="گاز است"), "energy.gas", "tabriz")
    at.later()
    await count(at)
    theirs = Subject(seen=Scope(agency="abfa"))
    assert set(figures.by(theirs.of(await found(at)), "topic")) == {"water.supply", "energy.gas"}
    await pausing.change_topic(
        at.engine, at.page, at.ask(sealed, reason="رفتار است"), "gov.conduct", "tabriz"
    )
    await confiding.confide(at.engine, at.page, at.ask(confided, "desk", "می‌ترسد"), Secrecy(told="گاز نیست"))
    at.later()
    await count(at)
    for dimension, alone in (("topic", "water.supply"), ("county", "ahar")):
        assert set(figures.by(theirs.of(await found(at)), dimension)) == {alone}
    whole = figures.by(await found(at), "topic")
    assert (whole["water.supply"][What.OPENED], whole["gov.conduct"][What.RECEIVED]) == (2, 1)
    assert figures.total(await found(at))[What.OPENED] == 2
    await referring.rule(at.engine, at.page, at.ask(confided, reason="کار گاز است"), "abfa")
    at.later()
    await count(at)
    assert figures.by(theirs.of(await found(at)), "topic")["energy.gas"][What.OPENED] == 1, (
        "it reads it again"
    )
    assert await anew(at) == figures.total(await found(at, 60))


@pytest.mark.parametrize(("accused", "opened"), [("", ("water.bill", "tabriz")), ("gov_inspection", OTHER)])
async def test_the_desk_s_own_figures_tell_what_a_sealed_case_became_unless_it_is_about_the_desk(
    at: Counter, accused: str, opened: tuple[str, str]
) -> None:
    code = await at.open(*OTHER)
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="قبض است"), "water.bill", "tabriz")
    secrecy = Secrecy(accused=accused, told="قبض زیاد است")
    await confiding.confide(at.engine, at.page, at.ask(code, reason="می‌ترسد"), secrecy)
    if (await at.row(code)).agency == "gov_inspection":
        await referring.refer(at.engine, at.page, at.ask(code), "abfa")
    at.later()
    await count(at)
    facts = await found(at)
    for dimension, its in zip(("topic", "county"), opened, strict=True):
        assert figures.by(facts, dimension)[its][What.OPENED] == 1


async def test_a_deadline_that_was_missed_and_moved_is_missed_once_where_it_lies(at: Counter) -> None:
    paused, sorted_ = await at.open(), await at.open()
    at.later(6)
    await count(at)
    assert figures.total(await found(at))[What.OVERDUE] == 2
    await pausing.pause(at.engine, at.page, at.ask(paused, reason="قطعه می‌رسد"), 5)
    await pausing.change_topic(at.engine, at.page, at.ask(sorted_, reason="قبض است"), "water.bill")
    at.later()
    await count(at)
    assert figures.total(await found(at))[What.OVERDUE] == 0
    at.later(20)
    await count(at)
    missed = {topic: its[What.OVERDUE] for topic, its in figures.by(await found(at), "topic").items()}
    assert missed == {"water.supply": 1, "water.bill": 1}
    assert await anew(at) == figures.total(await found(at, 60))


async def test_a_missed_deadline_that_moves_to_a_day_that_was_counted_is_missed_there(at: Counter) -> None:
    code = await at.open()
    at.later(14)
    await pausing.pause(at.engine, at.page, at.ask(code, reason="قطعه می‌رسد"), 5)
    at.later(3)
    await count(at)
    await pausing.resume(at.engine, at.page, at.ask(code, "abfa"))
    assert (await at.row(code)).due_at < at.at - timedelta(days=1)
    at.later()
    await count(at)
    assert figures.total(await found(at))[What.OVERDUE] == 1
    assert await anew(at) == figures.total(await found(at, 60))


async def test_a_deadline_that_had_passed_when_its_case_went_on_in_another_is_missed_once_by_who_had_it(
    at: Counter,
) -> None:
    callers = [f"0914{n}234567" for n in range(4)]
    merged, collected, late = [await at.open("water.bill", caller=caller) for caller in callers[:3]]
    for code in (merged, collected):
        await referring.refer(at.engine, at.page, at.ask(code), "edu")
    at.later(6)
    into, _, twin, first = [await at.open("water.bill", caller=caller) for caller in callers]
    desk = at.ask("").actor
    whole = (await collecting.collect(at.engine, at.page, desk, [first], "قطع آب", at.at)).code
    at.later(7)
    await count(at)
    await closing.merge(at.engine, at.page, at.ask(merged, reason="همان است"), into)
    await collecting.collect(at.engine, at.page, desk, [collected], "قطع آب", at.at, whole)
    for code in (into, whole):
        assert (await at.row(code)).due_at < at.at, "it waits for her, too"
    at.later(20)
    await closing.merge(at.engine, at.page, at.ask(late, reason="همان است"), twin)
    at.later()
    await count(at)
    missed = {body: its[What.OVERDUE] for body, its in figures.by(await found(at, 60), "agency").items()}
    assert missed == {"edu": 2, "abfa": 4}, (
        "late and its twin, the second of the collected one, and the first"
    )
    assert await anew(at) == figures.total(await found(at, 60))


async def test_who_has_what_was_paused_late_and_lets_it_go_has_missed_its_deadline_once(at: Counter) -> None:
    codes = [await at.open() for _ in range(6)]
    returned, onward, ruled, advised, withdrawn, split = codes
    at.later(6)
    for code in codes:
        await pausing.pause(at.engine, at.page, at.ask(code, reason="قطعه می‌رسد"), 5)
    at.later(2)
    await count(at)
    assert figures.total(await found(at))[What.OVERDUE] == 0
    await referring.give_back(at.engine, at.page, at.ask(returned, "abfa", "کار ما نیست"))
    await referring.refer(at.engine, at.page, at.ask(onward, "abfa", "کار مدرسه است"), "edu")
    await referring.rule(at.engine, at.page, at.ask(ruled, reason="کار مدرسه است"), "edu")
    await closing.advise(at.engine, at.page, at.ask(advised, reason="به دفتر بروید"))
    await closing.withdraw(at.engine, at.page, at.ask(withdrawn, "citizen"))
    await splitting.split(at.engine, at.page, at.ask(split), [Part("abfa", "لوله"), Part("edu", "شیر")])
    at.later()
    await count(at)
    bodies = figures.by(await found(at), "agency")
    missed = {body: its[What.OVERDUE] for body, its in bodies.items() if its[What.OVERDUE]}
    assert missed == {"abfa": 6}
    assert await anew(at) == figures.total(await found(at, 60))


async def test_what_is_answered_on_the_spot_is_an_answer_kept_or_late_and_once_more_after_not_solved(
    at: Counter,
) -> None:
    code, late, onward = [await at.open() for _ in range(3)]
    at.later(2)
    for each in (code, onward):
        await closing.advise(at.engine, at.page, at.ask(each, reason="به دفتر بروید"))
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(onward, "citizen"))
    at.later()
    await closing.advise(at.engine, at.page, at.ask(onward, reason="به دفتر دیگر بروید"))
    at.later(10)
    await closing.advise(at.engine, at.page, at.ask(late, reason="به دفتر بروید"))
    at.later()
    await count(at)
    bodies = figures.by(await found(at), "agency")
    desk, abfa = bodies[at.page.rules.desk], bodies["abfa"]
    assert (desk[What.IN_TIME], desk[What.LATE], desk[What.OVERDUE]) == (3, 1, 0)
    assert (desk[What.ADVISED], desk[What.REOPENED]) == (4, 1)
    assert desk.median == 2, "2, 2, 14, and 1 since it was not solved"
    assert (desk.kept, abfa.kept) == (1.0, 0.0)
    assert (abfa[What.IN_TIME], abfa[What.LATE], abfa[What.ADVISED], abfa[What.REOPENED]) == (0, 0, 0, 0)
    assert abfa[What.OVERDUE] == 1, "the late one, which it let lie"
    assert await anew(at) == figures.total(await found(at, 60))


async def test_a_reminder_that_comes_again_at_the_top_is_no_climb_but_the_top_by_a_new_deadline_is(
    at: Counter,
) -> None:
    code = await at.open()

    async def passes(days: int) -> int:
        for _ in range(days):
            at.later()
            await escalating.sweep(at.engine, at.page, at.at)
        await count(at)
        return figures.total(await found(at, 120))[What.ESCALATED]

    ladder = at.page.ladder("complaint", "water.supply", "abfa")
    late = [rung for rung in ladder.rungs if rung.days >= 0]
    assert ladder.repeat and await passes(40) == len({rung.level for rung in late})
    assert (await at.row(code)).rung > len(ladder.rungs) + 1, "it came again, more than once"
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "درست شد")
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert await passes(40) == len(late) + 1
    assert await anew(at) == figures.total(await found(at, 60))


async def test_a_case_opened_again_climbs_by_its_new_deadline_though_nobody_looked_until_it_was_long_over(
    at: Counter,
) -> None:
    code = await at.open()
    for _ in range(40):
        at.later()
        await escalating.sweep(at.engine, at.page, at.at)
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "درست شد")
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    await count(at)
    before = figures.total(await found(at, 120))[What.ESCALATED]
    at.later(60)
    await escalating.sweep(at.engine, at.page, at.at)
    await count(at)
    assert figures.total(await found(at, 180))[What.ESCALATED] == before + 1


async def test_a_withdrawal_that_is_taken_back_says_of_no_answer_that_it_solved_nothing(at: Counter) -> None:
    code = await at.open()
    await closing.withdraw(at.engine, at.page, at.ask(code, "citizen"))
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert figures.total(await found(at))[What.REOPENED] == 0


async def test_who_takes_a_withdrawal_back_has_waited_since_the_opening_until_she_says_not_solved(
    at: Counter,
) -> None:
    code = await at.open()
    at.later()
    await closing.withdraw(at.engine, at.page, at.ask(code, "citizen"))
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    at.later()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "درست شد")
    assert (await at.row(code)).answered_at == at.at
    await count(at)
    whole = figures.total(await found(at))
    assert (whole.answered, whole.median, whole.p90) == (1, 3, 3)
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    at.later()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "دوباره درست شد")
    at.later()
    await count(at)
    whole = figures.total(await found(at))
    assert (whole.answered, whole.median, whole.p90) == (2, 1, 3), (
        "three days, and one since it was not solved"
    )


async def test_not_solved_is_counted_for_whose_answer_it_was_though_another_has_the_case_now(
    at: Counter,
) -> None:
    code = await at.open()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "درست شد")
    await retire(at, "abfa")
    at.later()
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    bodies = figures.by(await found(at), "agency")
    assert {body for body, its in bodies.items() if its[What.REOPENED]} == {"abfa"}


async def test_what_another_release_called_otherwise_costs_neither_its_day_nor_those_after_it(
    at: Counter,
) -> None:
    await story(at)
    closed = func.jsonb_build_object("closure", "by_mail")
    async with at.engine.begin() as connection:
        one = select(case_events.c.id).where(case_events.c.event == "closed").limit(1)
        await connection.execute(update(case_events).where(case_events.c.id.in_(one)).values(details=closed))
    code, wrong = await at.open(), {"score": "very good"}
    async with at.engine.begin() as connection:
        its = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        await add_event(connection, uuid.uuid4(), its, at.at, "rated", wrong)
    aside = Aside()
    await noted_then(at)
    at.later(2)
    assert await count_days(at.engine, TIMEZONE, at.at, aside) > 20
    assert aside.counts == {"figures": 1}
    facts = await found(at)
    assert figures.NUMBER[What.CALLED] in facts.columns["what"] and not len(facts.ratings)


async def test_a_day_that_can_t_be_counted_hinders_none_after_it_and_is_counted_once_it_can_be(
    at: Counter,
) -> None:
    await story(at)
    refused = f"day <> '{FIRST}' OR octet_length(facts) = 0"
    async with at.engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE figure_days ADD CONSTRAINT odd CHECK ({refused})"))
    await noted_then(at)
    at.later(2)
    aside = Aside()
    assert await count_days(at.engine, TIMEZONE, at.at, aside) > 20
    assert aside.counts == {"figures": 1} and "IntegrityError" in aside.troubles[0]
    assert await count_days(at.engine, TIMEZONE, at.at, aside) == 0, "it waits an hour"
    assert figures.total(await found(at))[What.OPENED] == 0
    async with at.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE figure_days DROP CONSTRAINT odd"))
    assert await count_days(at.engine, TIMEZONE, at.at + AGAIN, aside) == 1
    assert not any(aside.counts.values())
    assert figures.total(await found(at))[What.OPENED] == 5


async def test_what_is_noted_in_a_way_that_can_t_be_read_keeps_no_day_from_being_counted(at: Counter) -> None:
    await story(at)
    await count(at)
    code = await at.open()
    async with at.engine.begin() as connection:
        its = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        await add_event(connection, uuid.uuid4(), its, at.at, "retimed", {"before": "next week"})
    await noted_then(at)
    aside = Aside()
    at.later(2)
    assert await count_days(at.engine, TIMEZONE, at.at, aside) == 4, "two of them once more"
    assert aside.counts == {"figures": 1}


async def test_unconfirmed_is_never_solved(at: Counter) -> None:
    code = await at.open()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "درست شد")
    machine = Instruction(code, Actor("ivr", Side.MACHINE), "not reached", at.at)
    await closing.close(at.engine, at.page, machine)
    whole = figures.total(await found(at))
    assert (whole[What.UNCONFIRMED], whole[What.SOLVED], whole.closed) == (1, 0, 1)


async def test_who_may_see_one_agency_sees_no_other_and_no_sum_of_all(at: Counter) -> None:
    await story(at)
    at.later()
    await count(at)
    own = Subject(seen=Scope(agency="edu"))
    facts = own.of(await found(at))
    assert set(figures.by(facts, "agency")) == {"edu"}
    assert figures.total(facts)[What.OPENED] == 0 and figures.total(facts)[What.WITHDRAWN] == 1
    asked = Subject(agency="abfa", seen=Scope(agency="edu"))
    assert len(asked.of(await found(at))) == 0
    assert await Archive(at.engine, lambda: at.at, TIMEZONE).waiting(asked) == []


async def test_what_waits_now_and_what_is_late(at: Counter) -> None:
    await at.open(county="ahar")
    await at.open("water.bill", county="tabriz")
    at.later(9)
    archive = Archive(at.engine, lambda: at.at, TIMEZONE)
    waiting = await archive.waiting(Subject())
    assert [(row.topic, row.waiting, row.late) for row in sorted(waiting, key=lambda row: row.topic)] == [
        ("water.bill", 1, 0),
        ("water.supply", 1, 1),
    ]
    assert [row.county for row in await archive.waiting(Subject(county="ahar"))] == ["ahar"]


async def test_calls_that_reached_us_are_counted_by_their_hour(at: Counter) -> None:
    await at.open()
    async with at.engine.begin() as connection:
        await connection.execute(update(calls).values(menu_name=MENU))  # that one we placed
    await at.open()
    await at.open()
    hours = figures.hours(await found(at), What.CALLED)
    assert hours[2, 11] == 2 and hours.sum() == 2


async def test_calls_without_a_case_that_a_journal_brings_late_are_counted_after_two_days(
    at: Counter,
) -> None:
    await at.open()
    night = datetime.fromisoformat("2026-11-26T00:10:00+03:30")
    assert await count(at, night) == 1
    async with at.engine.begin() as connection:
        row = (await connection.execute(select(calls))).mappings().one()
        await connection.execute(calls.insert().values({**row, "id": uuid.uuid4()}))
    assert [await count(at, night + timedelta(days=days)) for days in (1, 2, 2)] == [1, 2, 0]
    at.at = night + timedelta(days=2)
    assert figures.hours(await found(at), What.CALLED)[2, 11] == 2


async def test_counting_reads_only_its_day(at: Counter) -> None:
    """Each part begins at an index; with a year of cases nothing is read from end to end."""
    async with at.engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        span = {"since": at.at, "until": at.at + timedelta(days=1), "now": at.at, "zone": "Asia/Tehran"}
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {COUNT.text}"), span)).scalars())
    for index in (
        "ix_case_events_at",
        "ix_cases_opened_at_id",
        "ix_referrals_due_at",
        "ix_calls_started_at_id",
    ):
        assert index in plan
    assert "Seq Scan" not in plan.replace("Seq Scan on provinces", ""), "of which there is one row"


async def test_nothing_at_all_is_no_mistake(at: Counter) -> None:
    assert await count(at) == 0
    assert figures.total(await found(at)) == Figures(dict.fromkeys(What, 0))
    async with at.engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(figure_days))).scalar_one() == 0


async def test_days_kept_in_an_older_form_are_all_counted_anew(at: Counter) -> None:
    await story(at)
    at.later()
    await count(at)
    archive = Archive(at.engine, lambda: at.at, TIMEZONE)
    span = FIRST, FIRST + timedelta(days=40)
    before = figures.by(await archive.facts(*span), "agency")
    async with at.engine.begin() as connection:
        mixed = {"agency": ["nobody", "edu"], "county": [], "topic": [], "kind": []}
        await connection.execute(update(figure_days).values(names=mixed))
    at.at += timedelta(minutes=1)
    assert await count_days(at.engine, TIMEZONE, at.at) == 26
    assert figures.by(await archive.facts(*span), "agency") == before


async def test_who_looks_while_new_names_come_in_reads_each_right(at: Counter) -> None:
    archive, span = Archive(at.engine, lambda: at.at, TIMEZONE), (FIRST, FIRST + timedelta(days=40))
    for topic, county in (("water.bill", "tabriz"), ("energy.gas", "ahar"), ("other.other", "")):
        await at.open(topic, county)
        at.at += timedelta(minutes=1)
        assert topic in figures.by(await archive.facts(*span), "topic"), "worked out as it is asked for"
        at.later()
        await count(at)
        counted = figures.crossed(await archive.facts(*span), What.OPENED, "topic", "county")
        assert counted[topic, county] == 1
    assert counted == {("water.bill", "tabriz"): 1, ("energy.gas", "ahar"): 1, ("other.other", ""): 1}
