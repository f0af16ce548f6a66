"""A county governor, mayor or head hears those who were sent to him, and nobody from the governor's list."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.meetings import Official
from ivr.cases.meetings import RequestState as S
from ivr.desk.case import referring
from ivr.desk.meetings import agenda, order_giving, request_deciding, session_planning
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_planning import PlannedSession
from ivr.desk.people.scope import Scope
from ivr.desk.refusals import Refused
from tests.desk.meetings.hall import LATER, SOON, Hall, hall
from tests.desk.meetings.test_order_giving import NEAR

BELOW = "farmandari_ahar"


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def sent_below(at: Hall, days_ago: int, caller: str) -> str:
    code = await at.wish(days_ago, caller)
    await request_deciding.send_below(at.engine, at.page, at.by(code, "نخست فرمانداری"), BELOW)
    return code


async def county_session(at: Hall, slots: int = 3) -> int:
    starts_at = at.at.replace(hour=9) + (SOON - at.at.date())
    wanted = PlannedSession(Official.COUNTY_GOVERNOR, BELOW, starts_at, slots, place="فرمانداری اهر")
    return await session_planning.plan(at.engine, at.page, at.by("").actor, wanted, at.at)


async def test_each_session_is_filled_from_its_own_list_in_the_fair_order(at: Hall) -> None:
    new = await sent_below(at, 2, "09141234561")
    old = await sent_below(at, 9, "09141234562")
    waits = await at.accepted(30, "09141234563")
    county, governor = await county_session(at), await at.session()
    assert await at.fill(county) == [old, new] and await at.fill(governor) == [waits]
    assert [(await at.seen(code)).state for code in (old, waits)] == [S.INVITED, S.INVITED]
    assert (await at.case(old))["agency"] == BELOW, "the tier has her case all the while"


async def deputy_session(at: Hall, body: str, slots: int = 3) -> int:
    starts_at = at.at.replace(hour=9) + (SOON - at.at.date())
    wanted = PlannedSession(Official.DEPUTY, body, starts_at, slots, place="تالار")
    return await session_planning.plan(at.engine, at.page, at.by("").actor, wanted, at.at)


async def test_each_deputy_hears_who_waits_at_the_office_and_whom_it_sent_to_his_body_at_one_hour(
    at: Hall,
) -> None:
    first, last = [await at.accepted(days, f"0914123456{days}") for days in (9, 1)]
    own, other = await deputy_session(at, "gov_civil", 2), await deputy_session(at, "gov_economic", 1)
    sent = await at.wish(4, "09141234564")
    await request_deciding.send_below(at.engine, at.page, at.by(sent, "کار عمرانی است"), "gov_civil")
    with pytest.raises(Refused, match="is not on the list of gov_economic"):
        await agenda.place(at.engine, at.page, at.by(sent, "بیمار است"), other, 1)
    assert await at.fill(own) == [first, sent]
    await agenda.place(at.engine, at.page, at.by(last), other, 1)
    assert (await at.seen(last)).state is S.INVITED


async def test_a_deputy_hears_nobody_about_himself(at: Hall) -> None:
    about = await at.accepted(9, "09141234561", about="gov_civil")
    waits = await at.accepted(1, "09141234562")
    own = await deputy_session(at, "gov_civil")
    assert await at.fill(own) == [waits]
    with pytest.raises(Refused, match="it is kept from that body"):
        await agenda.place(at.engine, at.page, at.by(about, "بیمار است"), own, 2)
    assert await at.fill(await deputy_session(at, "gov_economic")) == [about]


async def test_of_whom_she_complains_is_not_noted_while_she_has_a_slot_with_him(at: Hall) -> None:
    """His own people have read it by then."""
    code = await at.accepted(9, "09141234561")
    await at.fill(await deputy_session(at, "gov_civil"))
    with pytest.raises(Refused, match="she has a slot with gov_civil: release it first"):
        await request_deciding.review(at.engine, at.page, at.by(code), about="gov_civil")
    await request_deciding.review(at.engine, at.page, at.by(code), about="gov_economic")


async def test_nobody_is_put_by_hand_into_a_session_of_another_list(at: Hall) -> None:
    below, waits = await sent_below(at, 2, "09141234561"), await at.accepted(3, "09141234562")
    county, governor = await county_session(at), await at.session()
    for code, number in ((waits, county), (below, governor)):
        with pytest.raises(Refused, match="is not on the list of"):
            await agenda.place(at.engine, at.page, at.by(code, "بیمار است"), number, 1)
    await agenda.place(at.engine, at.page, at.by(below), county, 2)
    assert (await at.seen(below)).state is S.INVITED


async def test_who_loses_such_a_slot_waits_on_that_list_until_it_is_given_back(at: Hall) -> None:
    code = await sent_below(at, 2, "09141234561")
    county = await county_session(at)
    await at.fill(county)
    await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
    assert (await at.seen(code)).state is S.WAITING and await at.fill(await at.session()) == []
    assert await at.fill(county) == [code]
    await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
    await referring.give_back(at.engine, at.page, at.by(code, "کار استانداری است", BELOW))
    assert (await at.seen(code)).state is S.REQUESTED and await at.fill(county) == []
    await request_deciding.accept(at.engine, at.page, at.by(code), SOON)
    assert (await at.seen(code)).case.tier is None and await at.fill(county) == []


async def test_she_is_heard_there_and_orders_come_of_it(at: Hall) -> None:
    code = await sent_below(at, 2, "09141234561")
    await at.fill(await county_session(at, slots=1))
    at.at = at.at + (SOON - at.at.date())
    await agenda.met(at.engine, at.page, at.by(code))
    [part] = await order_giving.give(at.engine, at.page, at.by(code), [MeetingOrder("abfa", "وصل شود", NEAR)])
    assert (await at.seen(code)).state is S.MET and (await at.case(part))["agency"] == "abfa"


async def test_the_body_sees_its_own_session_whole_but_for_what_is_about_its_head(at: Hall) -> None:
    seen = await sent_below(at, 9, "09141234561")
    county = await county_session(at, slots=2)
    await at.fill(county)
    assert await at.agenda(county, Scope(BELOW)) == [seen, ""]
    assert await at.agenda(county, Scope("abfa")) == []
    async with at.engine.connect() as connection:
        its = await session_planning.sittings(connection, at.at, BELOW)
        assert [row.number for row in its] == [county]
        assert await session_planning.sittings(connection, at.at, "abfa") == []
