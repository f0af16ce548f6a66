"""Whose job a case is."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import closing, pausing, precedents, referring
from ivr.desk.case.transaction import locked
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.named_lock import alone
from tests.desk.counter import Counter, counter, outcomes
from tests.desk.keeping.test_verify import findings
from tests.fixtures.database import until_blocked


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def twice_returned(at: Counter) -> str:
    code = await at.open()
    await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "شبکهٔ روستاست"))
    at.later()
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    await referring.give_back(at.engine, at.page, at.ask(code, "edu", "به ما مربوط نیست"))
    return code


async def test_the_whole_way_there_and_back_is_told(at: Counter) -> None:
    code = await at.open()
    await referring.accept(at.engine, at.page, at.ask(code, "abfa/karimi"))
    assert (await at.case(code))["status"] == "in_progress"
    await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "کار شهرداری است"))
    case = await at.case(code)
    assert (case["status"], case["agency"]) == ("returned", at.page.rules.desk)
    await referring.refer(at.engine, at.page, at.ask(code, "desk/ahmadi"), "edu")
    case = await at.case(code)
    assert (case["status"], case["agency"]) == ("referred", "edu")
    assert [(e["what"], e["actor"]) for e in case["events"]] == [
        ("opened", "ivr"),
        ("referred", "ivr"),
        ("accepted", "abfa/karimi"),
        ("returned", "abfa"),
        ("referred", "desk/ahmadi"),
    ]
    assert case["events"][3]["details"] == {
        "reason": "کار شهرداری است",
        "from": "abfa",
        "agency": at.page.rules.desk,
        "returns": 1,
    }
    kept = [(r["agency"], r["reason"], r["ended_reason"]) for r in case["referrals"]]
    assert kept == [
        ("abfa", "rule", "returned"),
        (at.page.rules.desk, "returned", "referred"),
        ("edu", "desk", None),
    ]


async def test_a_pause_ends_where_the_body_that_paused_lets_the_case_go_and_leaves_no_time_that_was_not_used(
    at: Counter, tmp_path: Path
) -> None:
    code, other = await at.open(), await at.open()
    due_at = (await at.row(code)).due_at
    for each in (code, other):
        await pausing.pause(at.engine, at.page, at.ask(each, "abfa", "قطعه می‌رسد"), 5)
    at.at += timedelta(minutes=10)
    await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "کار ما نیست"))
    await referring.refer(at.engine, at.page, at.ask(other, "abfa", "کار مدرسه است"), "edu")
    for each in (code, other):
        row = await at.row(each)
        assert (row.paused_at, row.paused_until, row.due_at) == (None, None, due_at)
        told = [datetime.fromisoformat(r["due_at"]) for r in (await at.case(each))["referrals"]]
        assert told == [due_at, due_at]
    assert await findings(at.engine, tmp_path) == []


async def test_a_pause_of_the_desk_s_goes_on_at_the_body_that_it_gives_the_case_to(at: Counter) -> None:
    code = await at.open()
    await pausing.pause(at.engine, at.page, at.ask(code, reason="مدرک می‌آورد"), 5)
    before = await at.row(code)
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    after = await at.row(code)
    assert (after.paused_until, after.due_at) == (before.paused_until, before.due_at)


async def test_a_new_agency_gets_no_new_time(at: Counter) -> None:
    code = await at.open()
    due_at = (await at.row(code)).due_at
    at.later(1)
    await referring.refer(at.engine, at.page, at.ask(code, "abfa", "کار آنهاست"), "edu")
    row, (running,) = await at.row(code), await at.running(code)
    assert row.due_at == running.due_at == due_at and running.reason == "onward"


async def test_an_agency_sends_onward_once_and_never_back(at: Counter) -> None:
    code = await at.open()
    refer, ask = referring.refer, at.ask
    with pytest.raises(Refused, match="is with abfa, so edu can't have it referred"):
        await refer(at.engine, at.page, ask(code, "edu", "x"), "shahrdari_ahar")
    with pytest.raises(Refused, match="without a reason"):
        await refer(at.engine, at.page, ask(code, "abfa"), "edu")
    with pytest.raises(Refused, match="goes to the desk by returning it"):
        await refer(at.engine, at.page, ask(code, "abfa", "x"), at.page.rules.desk)
    await refer(at.engine, at.page, ask(code, "abfa", "x"), "edu")
    with pytest.raises(Refused, match="sent onward once"):
        await refer(at.engine, at.page, ask(code, "edu", "x"), "tamin")
    await refer(at.engine, at.page, ask(code), "tamin")
    with pytest.raises(Refused, match="was with abfa before"):
        await refer(at.engine, at.page, ask(code, "tamin", "x"), "abfa")


async def test_what_can_t_be_given_a_case_gets_none(at: Counter) -> None:
    code = await at.open()
    outside = next(body for body, inside in at.page.rules.agencies.items() if not inside)
    for agency, why in (
        (outside, "outside the network"),
        ("nobody", "no agency nobody"),
        ("abfa", "already"),
    ):
        with pytest.raises(Refused, match=why):
            await referring.refer(at.engine, at.page, at.ask(code), agency)
    for agency, why in ((outside, "outside the network"), ("nobody", "no agency nobody")):
        with pytest.raises(Refused, match=why):
            await referring.rule(at.engine, at.page, at.ask(code, reason="x"), agency)
    with pytest.raises(NoSuchCase, match="no case 1234567890"):
        await referring.accept(at.engine, at.page, at.ask("1234567890"))
    case = await at.case(code)
    assert (case["agency"], len(case["events"]), len(case["referrals"])) == ("abfa", 2, 1)


async def test_a_return_needs_a_reason_and_an_agency(at: Counter) -> None:
    code = await at.open()
    with pytest.raises(Refused, match="can't be returned without a reason"):
        await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "  "))
    with pytest.raises(Refused, match=r"by the citizen, only by the desk or agency"):
        await referring.give_back(at.engine, at.page, at.ask(code, "citizen", "x"))
    await referring.refer(at.engine, at.page, at.ask(code), at.page.rules.desk)
    with pytest.raises(Refused, match="at the desk already"):
        await referring.give_back(at.engine, at.page, at.ask(code, reason="x"))


async def test_the_second_return_forces_a_ruling_that_routing_obeys(at: Counter) -> None:
    code = await twice_returned(at)
    with pytest.raises(Refused, match="returned twice: it takes a ruling"):
        await referring.refer(at.engine, at.page, at.ask(code), "tamin")
    with pytest.raises(Refused, match="only by the desk"):
        await referring.rule(at.engine, at.page, at.ask(code, "abfa", "x"), "edu")
    await referring.rule(at.engine, at.page, at.ask(code, "desk/ahmadi", "مادهٔ ۵"), "water_regional")
    case = await at.case(code)
    assert (case["status"], case["agency"], case["events"][-1]["what"]) == (
        "referred",
        "water_regional",
        "ruled",
    )
    await at.reread()
    following, elsewhere = await at.case(await at.open()), await at.case(await at.open(county="tabriz"))
    assert (following["agency"], following["status"]) == ("water_regional", "referred")
    assert elsewhere["agency"] == "abfa"


async def test_withdrawing_and_reopening_is_no_way_round_the_ruling(at: Counter) -> None:
    code = await twice_returned(at)
    await closing.withdraw(at.engine, at.page, at.ask(code, "citizen"))
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    with pytest.raises(Refused, match="returned twice"):
        await referring.refer(at.engine, at.page, at.ask(code), "tamin")


async def test_a_ruling_binds_until_another_one_or_another_topic(at: Counter) -> None:
    code = await twice_returned(at)
    await referring.rule(at.engine, at.page, at.ask(code, reason="x"), "abfa")
    with pytest.raises(Refused, match="only a new ruling moves it"):
        await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "x"))
    with pytest.raises(Refused, match="only a new ruling moves it"):
        await referring.refer(at.engine, at.page, at.ask(code, reason="x"), "edu")
    await referring.rule(at.engine, at.page, at.ask(code, reason="y"), "edu")
    assert (await at.case(code))["agency"] == "edu" and await at.in_force() == 1
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="z"), "energy.power_cut")
    await referring.give_back(at.engine, at.page, at.ask(code, "edu", "برق است"))


async def test_a_precedent_is_revoked_while_its_case_is_ruled_on_anew_and_neither_fails(at: Counter) -> None:
    code = await twice_returned(at)
    await referring.rule(at.engine, at.page, at.ask(code, "desk/ahmadi", "الف"), "abfa")
    (kept,) = await precedents.listed(at.engine)
    async with at.engine.begin() as ruling:
        await locked(ruling, code)
        revoking = asyncio.create_task(precedents.revoke(at.engine, kept["id"], at.ask(code).actor, "x"))
        await until_blocked(at.engine)
        await alone(ruling, "precedents")  # as a ruling takes both, in this order
    await revoking
    assert await precedents.listed(at.engine) == []


async def test_precedents_are_listed_replaced_and_revoked(at: Counter) -> None:
    code = await twice_returned(at)
    await referring.rule(at.engine, at.page, at.ask(code, "desk/ahmadi", "الف"), "abfa")
    at.later()
    await referring.rule(at.engine, at.page, at.ask(code, reason="ب"), "edu")
    (kept,) = await precedents.listed(at.engine)
    assert (kept["case"], kept["topic"], kept["county"]) == (code, "water.supply", "ahar")
    assert (kept["agency"], kept["reason"]) == ("edu", "ب")
    both = await precedents.listed(at.engine, past=True)
    assert [(p["agency"], p["ended_reason"]) for p in both] == [("edu", None), ("abfa", "replaced")]

    desk = at.ask(code).actor
    for actor, reason, why in (
        (at.ask(code, "abfa").actor, "x", "by the agency"),
        (desk, " ", "without a reason"),
    ):
        with pytest.raises(Refused, match=why):
            await precedents.revoke(at.engine, kept["id"], actor, reason)
    await precedents.revoke(at.engine, kept["id"], desk, "قانون تازه", at.later())
    for gone in (kept["id"], both[1]["id"]):
        with pytest.raises(Refused, match="is in force"):
            await precedents.revoke(at.engine, gone, desk, "x")
    with pytest.raises(Refused, match="no precedent's id"):
        await precedents.revoke(at.engine, "7", desk, "x")
    await at.reread()
    assert await precedents.listed(at.engine) == []
    assert (await at.case(await at.open()))["agency"] == "abfa"


async def test_the_bounce_ledger_counts_returns_and_what_was_sent_onward(at: Counter) -> None:
    await twice_returned(at)
    onward = await at.open()
    await referring.refer(at.engine, at.page, at.ask(onward, "abfa", "x"), "edu")
    ledger = {line.pop("agency"): line for line in await precedents.bounces(at.engine)}
    assert ledger["abfa"] == {"referrals": 2, "returned": 1, "onward": 1}
    assert ledger["edu"] == {"referrals": 2, "returned": 1, "onward": 0}


async def test_two_officers_at_once_are_one_after_the_other(at: Counter) -> None:
    """Both want to return it; and two at the desk who saw the same page want different agencies."""
    code = await at.open()
    done = await outcomes(
        *(referring.give_back(at.engine, at.page, at.ask(code, f"abfa/{n}", "x")) for n in range(4))
    )
    assert done.count("") == 1
    assert all("is returned and can't be returned" in sentence for sentence in done if sentence)
    seen = (await at.row(code)).last_seq
    done = await outcomes(
        *(referring.refer(at.engine, at.page, at.ask(code, seen=seen), body) for body in ("edu", "tamin"))
    )
    assert sorted(map(bool, done)) == [False, True]
    assert "has changed since you looked: it is referred now" in "".join(done)
    case = await at.case(code)
    assert [e["seq"] for e in case["events"]] == [1, 2, 3, 4] and len(await at.running(code)) == 1


async def test_two_rulings_on_one_matter_at_once_leave_one_precedent(at: Counter) -> None:
    codes = [await at.open() for _ in range(4)]
    done = await outcomes(
        *(referring.rule(at.engine, at.page, at.ask(code, reason="x"), "edu") for code in codes)
    )
    assert done == [""] * 4 and await at.in_force() == 1
