"""What she says after her words: topic and county change, the body follows the book, no deadline grows."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Policy
from ivr.desk.call.callbacks import claim
from ivr.desk.case import closing, pausing, referring
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.contact import RightContact, put_right
from ivr.desk.case.joining import reserve
from ivr.desk.facts.apply import apply
from ivr.desk.meetings import request_list
from ivr.store.facts import CaseOpenedFact, CaseRefinedFact, FactCall
from ivr.store.tables import callbacks, cases, outbox
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.desk.office import WEDNESDAY

CODE = "1234567894"
QUICK, SLOW = "water.supply", "water.bill"  # fewer working days than a matter of anything else, and more


class Call:
    """One that left words of which nobody knows what they are about; `says` is what comes after them."""

    def __init__(self, at: Counter, kind: str = "complaint", caller: str = "09141234567") -> None:
        self.at = at
        self.call = FactCall(uuid.uuid4(), "1.1", caller, "", WEDNESDAY, WEDNESDAY, "fa", "111", "1")
        self.opened = CaseOpenedFact(
            uuid.uuid4(), WEDNESDAY, CODE, self.call, kind, "other.other", "", "fa", "", "", ()
        )

    def says(self, topic: str = "", county: str = "", **more: Any) -> CaseRefinedFact:
        when = WEDNESDAY + timedelta(seconds=20)
        its = str(self.opened.id)
        return CaseRefinedFact(uuid.uuid4(), when, its, CODE, self.call, topic, county, **more)

    async def apply(self, *facts: Any) -> Any:
        """The case as it is then."""
        await apply(self.at.engine, self.at.page, facts)
        return await self.at.row(CODE)

    async def story(self) -> list[tuple[str, str]]:
        return [(event["what"], event["actor"]) for event in (await self.at.case(CODE))["events"]]


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


@pytest.fixture
async def call(at: Counter) -> Call:
    return Call(at)


async def test_topic_and_county_send_the_case_to_the_body_in_charge_with_its_code_and_its_clock(
    call: Call, engine: AsyncEngine, tmp_path: Path
) -> None:
    before = await call.apply(call.opened)
    assert before.agency == call.at.page.rules.desk
    after = await call.apply(call.says(QUICK), call.says(QUICK, "ahar"))
    assert (after.code, after.topic, after.county) == (CODE, QUICK, "ahar")
    assert (after.agency, after.status) == ("abfa", "referred")
    assert after.due_at < before.due_at
    [running] = await call.at.running(CODE)
    assert (running.agency, running.due_at, running.reason) == ("abfa", after.due_at, "rule")
    topic, sent, county = (await call.story())[2:]
    assert (topic, sent, county) == (
        ("topic_changed", "citizen"),
        ("referred", "ivr"),
        ("topic_changed", "citizen"),
    )
    async with engine.connect() as connection:
        told = (await connection.execute(select(outbox.c.kind))).scalars().all()
    assert "case_referred" in told
    assert await findings(engine, tmp_path) == []


async def test_a_topic_with_more_time_makes_no_deadline_later_until_the_desk_gives_it(
    call: Call,
) -> None:
    before = await call.apply(call.opened)
    after = await call.apply(call.says(SLOW))
    assert (after.agency, after.due_at) == ("abfa", before.due_at)
    assert after.next_rung_at <= before.due_at
    await pausing.pause(call.at.engine, call.at.page, call.at.ask(CODE, "abfa", "a reason"), 1)
    await pausing.resume(call.at.engine, call.at.page, call.at.ask(CODE, "abfa"))
    assert (await call.at.row(CODE)).due_at == before.due_at
    await pausing.change_topic(call.at.engine, call.at.page, call.at.ask(CODE, reason="wrong"), QUICK)
    await pausing.change_topic(call.at.engine, call.at.page, call.at.ask(CODE, reason="right"), SLOW)
    assert (await call.at.row(CODE)).due_at > before.due_at  # the desk's topic has its own time


async def test_who_chooses_the_meeting_itself_waits_for_one_and_not_if_she_goes_back_from_it(
    call: Call, engine: AsyncEngine, tmp_path: Path
) -> None:
    await call.apply(call.opened)
    after = await call.apply(call.says("gov.meeting", "ahar"))
    assert (after.kind, after.agency) == ("meeting", "ostandari")
    async with engine.connect() as connection:
        [wish] = await request_list.listed(connection, call.at.page, call.at.at)
    assert wish.code == CODE
    after = await call.apply(call.says(QUICK, "ahar"))
    assert (after.kind, after.agency) == ("complaint", "abfa")
    assert await findings(engine, tmp_path) == []


async def test_another_county_alone_gives_no_time_beyond_the_deadline_that_it_kept(call: Call) -> None:
    before = await call.apply(call.opened)
    kept = await call.apply(call.says(SLOW))
    await pausing.change_topic(
        call.at.engine, call.at.page, call.at.ask(CODE, reason="اهر است"), SLOW, "ahar"
    )
    row = await call.at.row(CODE)
    assert (row.county, row.due_at, row.ordered_days) == ("ahar", before.due_at, kept.ordered_days)


async def test_what_she_says_last_counts_and_brings_no_time_back(call: Call) -> None:
    quick = await call.apply(call.opened, call.says(QUICK, "ahar"))
    last = await call.apply(call.says("other.other"))
    assert (last.agency, last.topic, last.county) == (call.at.page.rules.desk, "other.other", None)
    assert last.due_at == quick.due_at


async def test_applied_twice_or_with_what_opened_the_case_it_happens_once(call: Call) -> None:
    facts = (call.opened, call.says(QUICK, "ahar", callback="09120000000"))
    once = await call.apply(*facts)
    told = await call.story()
    assert await call.apply(*facts) == once and await call.apply(facts[1]) == once
    assert await call.story() == told and len(await call.at.running(CODE)) == 1


@pytest.mark.parametrize("deed", ["referred", "topic_changed", "accepted"])
async def test_what_the_desk_decided_meanwhile_stands(call: Call, deed: str) -> None:
    at = call.at
    await call.apply(call.opened)
    match deed:
        case "referred":
            await referring.refer(at.engine, at.page, at.ask(CODE), "edu")
        case "topic_changed":
            await pausing.change_topic(at.engine, at.page, at.ask(CODE, reason="r"), SLOW)
        case "accepted":
            await referring.accept(at.engine, at.page, at.ask(CODE))
    before = await at.row(CODE)
    after = await call.apply(call.says(QUICK, "ahar"))
    kept = ("topic", "county", "agency", "status", "due_at", "next_rung_at", "ordered_days")
    assert [after._mapping[name] for name in kept] == [before._mapping[name] for name in kept]
    assert (await call.story())[-1] == ("topic_noted", "citizen")


async def test_a_case_that_is_over_is_only_told_of_it(call: Call) -> None:
    await call.apply(call.opened)
    await closing.withdraw(call.at.engine, call.at.page, call.at.ask(CODE, "citizen"))
    after = await call.apply(call.says(QUICK))
    assert (after.status, after.topic) == ("withdrawn", "other.other")
    assert (await call.story())[-1] == ("topic_noted", "citizen")


async def test_a_case_that_is_not_in_the_books_hinders_no_other_fact(call: Call, engine: AsyncEngine) -> None:
    other = Call(call.at)
    other.opened = replace(other.opened, code="1000000008")
    await apply(engine, call.at.page, [call.says(QUICK), other.opened])
    async with engine.connect() as connection:
        assert (await connection.execute(select(cases.c.topic))).scalars().all() == ["other.other"]


async def test_a_stranger_s_case_is_not_touched_by_a_code_alone(call: Call) -> None:
    await call.apply(call.opened)
    stranger = replace(call.says(QUICK), case="", call=replace(call.call, id=uuid.uuid4()))
    assert (await call.apply(stranger)).topic == "other.other"


async def test_it_finds_the_case_in_reserve_that_her_words_were_put_into(call: Call) -> None:
    kept = replace(call.opened, id=reserve(call.call.id))
    assert (await call.apply(kept, call.says(QUICK, "ahar"))).agency == "abfa"


async def test_a_topic_that_is_confidential_seals_the_case_and_keeps_it_at_the_desk(call: Call) -> None:
    sealed = sorted(call.at.page.confidential)[0]
    row = await call.apply(call.opened, call.says(QUICK), call.says(sealed))
    assert (row.topic, row.confidential, row.agency) == (sealed, "topic", call.at.page.rules.desk)


async def test_what_the_book_does_not_know_leaves_the_case_as_it_is(call: Call) -> None:
    before = await call.apply(call.opened)
    assert await call.apply(call.says("none.such", "atlantis")) == before


async def test_whoever_opens_too_many_is_read_first_whatever_she_says(call: Call) -> None:
    at = call.at
    limits = replace(at.page.limits, cases_per_hour=1)
    at.page = replace(at.page, limits=limits)
    await at.open(topic="other.other")
    late = Call(at)
    row = await late.apply(
        replace(late.opened, at=WEDNESDAY + timedelta(seconds=5)), late.says(QUICK, "ahar")
    )
    assert (row.topic, row.agency) == (QUICK, at.page.rules.desk)


async def test_a_number_that_is_given_after_the_words_is_hers_and_asked_for_first(at: Counter) -> None:
    call = Call(at, "meeting")
    row = await call.apply(call.opened, call.says(callback="09120000000", national_id="0012345679"))
    assert (row.callback, row.national_id) == ("+989120000000", "0012345679")
    assert (await call.story())[-1] == ("contact_given", "citizen")
    told = (await at.case(CODE))["events"][-1]["details"]
    assert "09120000000" not in str(told) and "9120000000" not in str(told)
    async with at.engine.connect() as connection:
        asked = (await connection.execute(select(callbacks.c.purpose, callbacks.c.number))).all()
    assert asked == [("verify", "+989120000000")]


async def test_a_number_that_she_takes_back_and_gives_again_is_asked_for(at: Counter) -> None:
    call = Call(at, "meeting")
    await call.apply(call.opened, call.says(callback="09120000000"))
    async with at.engine.begin() as connection:  # as a pass does that comes in between
        await connection.execute(update(callbacks).values(state="cancelled", ended_at=at.at))
    row = await call.apply(call.says(callback="09141234567"), call.says(callback="09120000000"))
    async with at.engine.connect() as connection:
        asked = (await connection.execute(select(callbacks.c.number, callbacks.c.state))).all()
    assert asked == [(row.callback, "waiting")]


async def test_what_the_desk_has_put_right_is_not_brought_back_by_a_journal_that_comes_late(
    at: Counter,
) -> None:
    call = Call(at, "meeting")
    late = call.says(callback="09120000009", national_id="0012345679")
    await call.apply(call.opened)
    ask = Instruction(CODE, actor_named(at.page, "desk"), now=WEDNESDAY + timedelta(hours=1))
    await put_right(at.engine, at.page, ask, RightContact(callback="09120000001"))
    row = await call.apply(late)
    assert (row.callback, row.national_id) == ("+989120000001", "0012345679")
    afterwards = replace(call.says(callback="09120000002"), at=WEDNESDAY + timedelta(hours=2))
    assert (await call.apply(afterwards)).callback == "+989120000002", "she says herself what is right"


async def test_a_number_given_for_a_case_that_was_merged_meanwhile_is_that_of_the_one_it_goes_on_in(
    at: Counter,
) -> None:
    call = Call(at)
    earlier, between = await at.open("other.other", ""), await at.open("other.other", "")
    await call.apply(call.opened)
    await closing.merge(at.engine, at.page, at.ask(CODE, reason="تکراری"), between)
    await closing.merge(at.engine, at.page, at.ask(between, reason="تکراری"), earlier)
    said = call.says(callback="09120000000")
    await call.apply(said, said)
    assert [(await at.row(code)).callback for code in (earlier, CODE)] == ["+989120000000", ""]
    assert [event["what"] for event in (await at.case(earlier))["events"]].count("contact_given") == 1
    async with at.engine.connect() as connection:
        asked = (await connection.execute(select(callbacks.c.case_id, callbacks.c.number))).all()
    assert asked == [((await at.row(earlier)).id, "+989120000000")]


async def merged(call: Call, national_id: str) -> str:
    """The case of whoever has that ID, "" for nobody known, in which hers goes on."""
    at = call.at
    kept = await at.open("other.other", "")
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(national_id=national_id))
    await call.apply(call.opened)
    await closing.merge(at.engine, at.page, at.ask(CODE, reason="تکراری"), kept)
    return kept


async def test_who_was_taken_for_her_neighbour_on_the_same_line_takes_nothing_of_his_away(
    at: Counter,
) -> None:
    """What she says of herself stays with her own case, for whoever hears that they are two."""
    call = Call(at)
    his = await merged(call, "0012345679")
    said = call.says(callback="09120000000", national_id="0023456787")
    await call.apply(said, said)
    told = [(row.callback, row.national_id) for row in [await at.row(his), await at.row(CODE)]]
    assert told == [("", "0012345679"), ("+989120000000", "0023456787")]
    assert [what for what, _ in await call.story()].count("contact_given") == 1
    async with at.engine.connect() as connection:
        assert (await connection.execute(select(callbacks.c.id))).all() == []


async def test_the_number_that_she_gave_before_her_national_id_is_taken_back_from_her_neighbour_s_case(
    at: Counter, tmp_path: Path
) -> None:
    call = Call(at)
    his = await merged(call, "0012345679")
    number = call.says(callback="09120000000")
    known = replace(number, id=uuid.uuid4(), national_id="0023456787")
    await call.apply(number, known, known, replace(known, id=uuid.uuid4(), callback="09121111111"))
    told = [(row.callback, row.national_id) for row in [await at.row(his), await at.row(CODE)]]
    assert told == [("", "0012345679"), ("+989121111111", "0023456787")]
    assert (await at.case(his))["events"][-1]["details"]["taken_back"] == ["callback"]
    assert await claim(at.engine, at.page, Policy(), WEDNESDAY + timedelta(minutes=1)) is None
    async with at.engine.connect() as connection:
        assert (await connection.execute(select(callbacks.c.state))).scalars().all() == ["cancelled"]
    assert await findings(at.engine, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "first", "then", "kept"),
    [
        ("callback", "09120000000", "09121111111", "+989121111111"),
        ("callback", "09120000000", "09141234567", "+989141234567"),  # which she calls from
        ("national_id", "0023456787", "0012345679", "0012345679"),
    ],
)
async def test_what_she_keys_anew_after_a_merge_corrects_what_she_keyed_before(
    at: Counter, name: str, first: str, then: str, kept: str
) -> None:
    call = Call(at)
    earlier = await merged(call, "")
    await call.apply(call.says(**{name: first}), call.says(**{name: then}))
    assert [(await at.row(code))._mapping[name] for code in (earlier, CODE)] == [kept, ""]
