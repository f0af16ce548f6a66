"""An office-automation system reads orders and reports, and gets news of them; no citizen is named to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome
from ivr.desk.call import callbacks
from ivr.desk.case import answers, closing, pausing, referring
from ivr.desk.counter import channels
from ivr.desk.letters import outgoing
from ivr.desk.letters.notices import Notices
from ivr.desk.meetings import agenda, order_answers, order_giving, order_ruling, request_deciding
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.refusals import Refused
from ivr.store.tables import audit, cases, meeting_orders, meeting_requests, outbox
from ivr.store.tables import channels as channel_rows
from tests.desk.meetings.hall import SOON, WORDS, Hall, hall
from tests.desk.meetings.test_order_answers import called, ordered
from tests.desk.meetings.test_order_giving import FAR, NEAR
from tests.fixtures.commands import ivr
from tests.web.service import Service, serving

SESSIONS, ORDERS = "/api/v1/meetings/sessions", "/api/v1/meetings/orders"
HOOK = "https://oa.example.ir/111"


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


@pytest.fixture
async def api(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(engine, tmp_path) as service:
        made: Mapping[str, Any] = {
            "automation": {"rights": ["orders"], "webhook": HOOK},
            "secretariat": {"rights": ["orders", "names"]},
            "water": {"rights": ["orders"], "agency": "abfa"},
        }
        for name, more in made.items():
            service.tokens[name] = await channels.add(engine, name, service.clock(), 10_000, **more)
        yield service


async def held(at: Hall) -> tuple[int, str, list[str]]:
    """A session: her case, then the orders to abfa and edu, and one about a complaint of abfa's head."""
    heard = await at.accepted(9, "09141234561", bodies=["abfa", "edu"])
    private = await at.accepted(4, "09141234562", about="abfa")
    number = await at.session(slots=2)
    await at.fill(number)
    async with at.engine.begin() as connection:
        await connection.execute(
            update(cases).where(cases.c.code.in_([heard, private])).values(caller_name="زهرا احمدی")
        )
    at.later(6)
    for code in (heard, private):
        await agenda.met(at.engine, at.page, at.by(code))
    orders = [MeetingOrder("abfa", "آب خانهٔ زهرا احمدی وصل شود", NEAR), MeetingOrder("edu", "ثبت‌نام", FAR)]
    parts = await order_giving.give(at.engine, at.page, at.by(heard), orders)
    secret = await order_giving.give(at.engine, at.page, at.by(private), [MeetingOrder("edu", "بررسی", FAR)])
    return number, heard, [*parts, *secret]


async def get(api: Service, path: str, channel: str = "automation") -> tuple[int, Any]:
    async with api.client.get(path, headers=api.headers(channel)) as answer:
        return answer.status, await answer.json()


async def codes(api: Service, path: str, channel: str = "automation") -> set[str]:
    status, told = await get(api, path, channel)
    assert status == 200, told
    return {order["code"] for order in told["orders"]}


async def test_it_reads_sessions_orders_and_the_report_as_far_as_its_channel_goes(
    api: Service, at: Hall
) -> None:
    number, heard, [abfa, edu, secret] = await held(at)
    api.clock.now = at.at
    status, told = await get(api, f"{SESSIONS}?since=2026-11-01")
    assert status == 200 and [(s["number"], s["booked"]) for s in told["sessions"]] == [(number, 2)]
    assert (await get(api, f"{SESSIONS}?since=2030-01-01"))[1] == {"sessions": []}
    assert await codes(api, ORDERS) == {abfa, edu}, "what is about a head needs the right to names"
    assert await codes(api, ORDERS, "secretariat") == {abfa, edu, secret}
    assert await codes(api, f"{ORDERS}?session={number}", "water") == {abfa}
    assert await codes(api, f"{ORDERS}?session={number + 1}") == set()
    status, order = await get(api, f"{ORDERS}/{abfa}")
    assert status == 200 and order["words"] == "آب خانهٔ … وصل شود" and order["session"] == number
    assert (order["of"], order["citizen"], order["state"]) == (None, None, "given")
    assert (order["due_on"], order["late"]) == (NEAR.isoformat(), False)
    named = (await get(api, f"{ORDERS}/{abfa}", "secretariat"))[1]
    assert (named["of"], named["citizen"]) == (heard, "زهرا احمدی") and "احمدی" in named["words"]
    status, report = await get(api, f"{SESSIONS}/{number}/report")
    assert status == 200 and report["heard"] == 2 and {o["code"] for o in report["orders"]} == {abfa, edu}
    assert "احمدی" not in json.dumps(report, ensure_ascii=False)


async def test_an_order_that_its_body_calls_unlawful_is_told_as_that_body_s_until_the_office_rules(
    api: Service, at: Hall, database_url: str, tmp_path: Path
) -> None:
    number, _, [abfa, edu, _] = await held(at)
    api.clock.now = at.at
    await news(at)
    for part, body in ((abfa, "abfa"), (edu, "edu")):
        await referring.give_back(at.engine, at.page, at.by(part, "خلاف آیین‌نامه", body))
    await order_ruling.revoke(at.engine, at.page, at.by(edu, "حق با شماست"))
    report = (await get(api, f"{SESSIONS}/{number}/report"))[1]["orders"]
    orders = [*report, *(await get(api, ORDERS))[1]["orders"], (await get(api, f"{ORDERS}/{abfa}"))[1]]
    names = {"abfa": "شرکت آب و فاضلاب آذربایجان شرقی", "edu": "اداره کل آموزش و پرورش آذربایجان شرقی"}
    found = {(each["code"], each["agency"], each["agency_name"], each["state"]) for each in orders}
    assert found == {(abfa, "abfa", names["abfa"], "objected"), (edu, "edu", names["edu"], "revoked")}
    assert {(n["case"], n["order"]["agency"]) for n in await news(at)} == {(abfa, "abfa"), (edu, "edu")}
    code, listed = await ivr(database_url, tmp_path, "meeting", "orders", "--json")
    assert code == 0 and {each["code"]: each["agency"] for each in json.loads(listed)}[abfa] == "abfa"
    await referring.refer(at.engine, at.page, at.by(abfa, "کار شهرداری است"), "shahrdari_ahar")
    [only] = [each["order"] for each in await news(at)]
    assert only["agency"] == (await get(api, f"{ORDERS}/{abfa}"))[1]["agency"] == "shahrdari_ahar"


async def test_pages_follow_each_other_and_what_is_not_its_own_is_refused(api: Service, at: Hall) -> None:
    number, heard, [abfa, edu, secret] = await held(at)
    first = (await get(api, f"{ORDERS}?limit=1"))[1]
    second = (await get(api, f"{ORDERS}?limit=1&after={first['after']}"))[1]
    assert {first["orders"][0]["code"], second["orders"][0]["code"]} == {abfa, edu}
    assert (await get(api, f"{ORDERS}?after={second['after']}"))[1] == {"orders": [], "after": None}
    for path, channel, status in (
        (ORDERS, "city_app", 403),
        ("/api/v1/cases", "automation", 403),
        (f"{SESSIONS}/{number}/report", "water", 403),
        (f"{ORDERS}/{edu}", "water", 404),
        (f"{ORDERS}/{secret}", "automation", 404),
        (f"{ORDERS}/{heard}", "automation", 404),
        (f"{SESSIONS}/99/report", "automation", 404),
        (f"{SESSIONS}/x/report", "automation", 400),
        (f"{SESSIONS}?since=soon", "automation", 400),
        (f"{SESSIONS}?since=0001-01-01T00:00%2B03:30", "automation", 400),
        (f"{ORDERS}?session=99999999999", "automation", 400),
        (f"{ORDERS}?after=1", "automation", 400),
        (f"{ORDERS}?limit=0", "automation", 400),
    ):
        assert (await get(api, path, channel))[0] == status, path


async def test_a_request_to_meet_is_sent_and_followed_to_its_slot(api: Service, at: Hall) -> None:
    body = {"kind": "meeting", "county": "ahar", "words": WORDS, "caller": "09141234567"}
    async with api.client.post("/api/v1/cases", json=body, headers=api.headers()) as answer:
        sent = await answer.json()
    assert answer.status == 201 and sent["meeting"]["state"] == "requested"
    code = sent["code"]
    await request_deciding.accept(at.engine, at.page, at.by(code), SOON)
    path = f"/api/v1/cases/{code}"
    waits = (await get(api, path, "city_app"))[1]["meeting"]
    assert (waits["state"], waits["next_on"], waits["at"]) == ("waiting", SOON.isoformat(), None)
    await at.fill(await at.session(slots=1))
    seen = (await get(api, path, "city_app"))[1]["meeting"]
    assert (seen["state"], seen["official"], seen["place"]) == ("invited", "governor", "تالار") and seen["at"]
    assert seen["agency"] == "ostandari" and waits["agency"] is None
    other = {"kind": "complaint", "topic": "water.supply", "county": "ahar", "words": "آب نداریم"}
    async with api.client.post("/api/v1/cases", json=other, headers=api.headers()) as answer:
        assert (await answer.json())["meeting"] is None


async def test_an_order_that_got_a_confidential_topic_is_told_to_who_may_read_names_alone(
    api: Service, at: Hall
) -> None:
    number, _, [abfa, edu, secret] = await held(at)
    api.clock.now = at.at
    await news(at)
    await pausing.change_topic(at.engine, at.page, at.by(edu, "رشوه", who="desk/sadr"), "gov.conduct")
    assert await codes(api, ORDERS) == {abfa}
    assert await codes(api, ORDERS, "secretariat") == {abfa, edu, secret}
    assert {order["code"] for order in (await get(api, f"{SESSIONS}/{number}/report"))[1]["orders"]} == {abfa}
    await order_giving.extend(at.engine, at.page, at.by(edu, "برف"), FAR + timedelta(days=7))
    assert not [each for each in await news(at) if each["case"] == edu]


async def test_words_of_an_order_are_told_to_nobody_once_her_name_is_gone_that_may_stand_in_them(
    api: Service, at: Hall
) -> None:
    """As of a case that retention made nameless, while its order is held."""
    number, heard, [abfa, _, _] = await held(at)
    api.clock.now = at.at
    gone = update(cases).where(cases.c.code == heard).values(caller_name="", anonymised_at=at.at)
    async with at.engine.begin() as connection:
        await connection.execute(gone)
    assert (await get(api, f"{ORDERS}/{abfa}"))[1]["words"] == "…"
    report = (await get(api, f"{SESSIONS}/{number}/report"))[1]
    assert "احمدی" not in json.dumps(report, ensure_ascii=False)


async def news(at: Hall) -> list[dict[str, Any]]:
    """What would leave for the webhook now, and has not left before."""
    events = [row for row in await outgoing.lease(at.engine, at.at, 500) if not row.is_letter]
    await outgoing.spread(at.engine, Notices(), events, at.page.calendar, at.at)
    async with at.engine.begin() as connection:
        query = select(outbox.c.payload).where(outbox.c.kind == "webhook", outbox.c.delivered_at.is_(None))
        found = list((await connection.execute(query.order_by(outbox.c.created_at))).scalars())
        await connection.execute(update(outbox).values(delivered_at=at.at))
    return found


async def test_no_webhook_tells_a_body_of_a_case_that_accuses_it_whoever_s_head_it_is_about(
    api: Service, at: Hall
) -> None:
    school = "https://edu.example.ir/111"
    await channels.add(at.engine, "school", api.clock(), 10, rights=["orders"], agency="edu", webhook=school)
    _, _, [_, edu, secret] = await held(at)
    async with at.engine.begin() as connection:
        whole = select(meeting_orders.c.of_case).join(cases, cases.c.id == meeting_orders.c.case_id)
        its = cases.c.id.in_(whole.where(cases.c.code == secret))
        await connection.execute(update(cases).where(its).values(accused="edu"))
    told = [each["order"]["code"] for each in await news(at) if each["to"] == school]
    assert told == [edu]


async def test_news_that_are_late_are_not_sent_to_a_body_from_which_the_order_was_taken(
    api: Service, at: Hall
) -> None:
    school = "https://edu.example.ir/111"
    await channels.add(at.engine, "school", api.clock(), 10, rights=["orders"], agency="edu", webhook=school)
    _, _, [_, edu, _] = await held(at)
    events = [row for row in await outgoing.lease(at.engine, at.at, 500) if not row.is_letter]
    await outgoing.spread(at.engine, Notices(), events, at.page.calendar, at.at)
    await referring.refer(at.engine, at.page, at.by(edu), "tamin")
    now = at.at + timedelta(hours=1)
    late = await outgoing.lease(at.engine, now, 500, "webhook")
    kept = [each.payload for each in late if await outgoing.is_no_longer_so(at.engine, each, now)]
    assert [(each["case"], each["to"]) for each in kept] == [(edu, school)]
    assert HOOK in [each.payload["to"] for each in late if each.payload["case"] == edu]


@pytest.mark.parametrize("how", ["the whole", "the order", "accuses", "about a head", "another's change"])
async def test_late_news_of_what_is_kept_apart_since_reach_only_who_may_read_names(
    api: Service, at: Hall, how: str
) -> None:
    every, both = "https://names.example.ir/111", "https://both.example.ir/111"
    for name, more, hook in (("of_all", ["names"], every), ("few", [], both), ("more", ["names"], both)):
        await channels.add(at.engine, name, api.clock(), 10, rights=["orders", *more], webhook=hook)
    _, heard, [abfa, edu, _] = await held(at)
    events = [row for row in await outgoing.lease(at.engine, at.at, 500) if not row.is_letter]
    await outgoing.spread(at.engine, Notices(), events, at.page.calendar, at.at)
    hers, its = cases.c.code == heard, cases.c.code == edu
    request = meeting_requests.c.case_id.in_(select(cases.c.id).where(hers))
    changed = {
        "the whole": update(cases).where(hers).values(confidential="desk"),
        "the order": update(cases).where(its).values(confidential="desk"),
        "accuses": update(cases).where(hers).values(accused="tamin"),
        "about a head": update(meeting_requests).where(request).values(about="tamin"),
        "another's change": update(cases).where(cases.c.code == abfa).values(confidential="desk"),
    }[how]
    async with at.engine.begin() as connection:
        await connection.execute(changed)
    now = at.at + timedelta(hours=1)
    late = await outgoing.lease(at.engine, now, 500, "webhook")
    kept = [each.payload for each in late if await outgoing.is_no_longer_so(at.engine, each, now)]
    of_edu = [each["to"] for each in kept if each["case"] == edu]
    assert of_edu == ([] if how == "another's change" else [HOOK])
    assert {each["to"] for each in kept} == {HOOK} and {every, both} < {each.payload["to"] for each in late}


async def test_each_change_of_an_order_is_told_to_the_webhook_without_its_words(
    api: Service, at: Hall
) -> None:
    _, _, [abfa, edu, _] = await held(at)
    told = await news(at)
    assert {each["order"]["code"] for each in told} == {abfa, edu} and len(told) == 2
    assert {each["to"] for each in told} == {HOOK} and "آب" not in str(told) and "احمدی" not in str(told)
    states: list[str] = []

    async def noted() -> None:
        [each] = await news(at)
        assert (each["event"], each["case"]) == ("meeting_order", abfa)
        states.append(each["order"]["state"])

    await order_ruling.accept_here(at.engine, at.page, at.by(abfa))
    await noted()
    await order_giving.extend(at.engine, at.page, at.by(abfa, "کمبود لوله"), FAR)
    await noted()
    await answers.give(at.engine, at.page, at.by(abfa, who="abfa"), "وصل شد")
    await noted()
    assert states == ["accepted", "accepted", "reported"]


@pytest.mark.usefixtures("api")
async def test_of_two_news_of_one_order_the_later_one_tells_how_it_stands_though_she_had_spoken_before(
    at: Hall,
) -> None:
    """As where what she said on the call waited in the journal while her body reported."""
    _, [part] = await ordered(at, "abfa")
    placing = await called(at, NEAR)
    assert placing is not None
    spoke = at.at
    at.at += timedelta(minutes=10)
    await answers.give(at.engine, at.page, at.by(part, who="abfa"), "وصل شد")
    before = await news(at)
    async with at.engine.begin() as connection:
        await callbacks.ended(connection, placing.id, Outcome.ORDER_NOT_DONE, spoke)
        await order_answers.heard(connection, at.page, placing.id, spoke)
    [since] = await news(at)
    assert {n["order"]["state"] for n in before} == {"reported"} and not [
        n for n in before if n["order"]["said"]
    ]
    assert since["order"]["said"] == "order_not_done"
    assert datetime.fromisoformat(since["at"]) > max(datetime.fromisoformat(n["at"]) for n in before)


async def test_that_an_order_is_over_with_its_case_is_told_and_each_order_by_itself(
    api: Service, at: Hall
) -> None:
    _, heard, [abfa, edu, _] = await held(at)
    await order_ruling.revoke(at.engine, at.page, at.by(edu, "لازم نیست"))
    await answers.give(at.engine, at.page, at.by(abfa, who="abfa"), "وصل شد")
    await news(at)
    at.later()
    await closing.close(at.engine, at.page, at.by(heard, who="citizen"))
    assert [(n["case"], n["order"]["state"]) for n in await news(at)] == [(abfa, "kept")]
    other = await at.open()
    orders = [MeetingOrder(body, "رسیدگی شود", FAR) for body in ("abfa", "edu")]
    both = await order_giving.give(at.engine, at.page, at.by(other), orders)
    await news(at)
    await closing.withdraw(at.engine, at.page, at.by(other, who="citizen"))
    assert {(n["case"], n["order"]["state"]) for n in await news(at)} == {(c, "revoked") for c in both}


async def test_changed_rights_hold_from_the_next_request_on_and_are_on_record(api: Service, at: Hall) -> None:
    _, _, [abfa, _, _] = await held(at)
    assert (await get(api, ORDERS))[0] == 200
    events = [row for row in await outgoing.lease(at.engine, at.at, 500) if not row.is_letter]
    await outgoing.spread(at.engine, Notices(), events, at.page.calendar, at.at)
    why = {"by": "sadr", "reason": "پایان تفاهم‌نامه"}
    await channels.change(at.engine, "automation", at.at, ["cases"], webhook="", **why)
    assert (await get(api, ORDERS))[0] == 403
    async with at.engine.connect() as connection:
        its = select(outbox.c.delivered_at).where(outbox.c.kind == "webhook")
        held_back = (await connection.execute(its)).scalars().all()
    assert held_back and None not in held_back, "what had not left yet stays here"
    await channels.change(at.engine, "automation", at.at, ["orders"], "abfa", **why)
    assert await codes(api, ORDERS) == {abfa}
    async with at.engine.connect() as connection:
        noted = select(audit).where(audit.c.action == "channel_changed").order_by(audit.c.id)
        first, second = (await connection.execute(noted)).all()
    assert first.subject == "channel/automation" and first.reason == why["reason"]
    assert first.detail["before"] == {"rights": ["orders"], "agency": "", "webhook": HOOK}
    assert second.detail["after"] == {"rights": ["orders"], "agency": "abfa", "webhook": ""}
    for wrong in ({"rights": ["cases"]}, {"rights": ["everything"]}, {"agency": "nobody"}, {"reason": ""}):
        with pytest.raises(Refused):
            await channels.change(at.engine, "automation", at.at, **why | wrong)
    with pytest.raises(Refused):
        await channels.change(at.engine, "nobody", at.at, **why)


async def test_neither_the_audit_nor_the_list_of_channels_holds_what_is_secret_in_a_webhook_s_address(
    engine: AsyncEngine, database_url: str, tmp_path: Path, at: Hall
) -> None:
    secret = "https://seda:pa@ss@oa.example.ir/111?key=se/cret@x"
    its: Mapping[str, Any] = {"rights": ["orders"], "webhook": secret}
    await channels.add(engine, "oa", at.at, **its)
    await channels.change(engine, "oa", at.at, ["orders", "names"], by="sadr", reason="تفاهم‌نامه")
    [listed] = json.loads((await ivr(database_url, tmp_path, "channel", "list", "--json"))[1])
    async with engine.connect() as connection:
        kept = (await connection.execute(select(channel_rows.c.webhook))).scalar_one()
    assert kept == secret, "where its news go is as it was given"
    await channels.change(engine, "oa", at.at, webhook=secret + "2", by="sadr", reason="رمز تازه")
    await channels.revoke(engine, "oa", at.at, "sadr", "پایان")
    async with engine.connect() as connection:
        noted = (await connection.execute(select(audit.c.detail).order_by(audit.c.id))).scalars().all()
    told = [noted[0]["before"], noted[0]["after"], noted[2]["before"], listed]
    assert [each.get("secret_changed", False) for each in noted] == [False, True, False]
    assert {each["webhook"] for each in told} == {"https://***@oa.example.ir/111?***"}


@pytest.mark.usefixtures("api")
async def test_a_revoked_channel_gets_no_news_that_waited_and_its_end_is_on_record(at: Hall) -> None:
    await held(at)
    events = [row for row in await outgoing.lease(at.engine, at.at, 500) if not row.is_letter]
    await outgoing.spread(at.engine, Notices(), events, at.page.calendar, at.at)
    async with at.engine.begin() as connection:
        one = select(outbox.c.id).where(outbox.c.kind == "webhook").limit(1).scalar_subquery()
        await connection.execute(update(outbox).where(outbox.c.id == one).values(dead_at=at.at))
    await channels.revoke(at.engine, "automation", at.at, "sadr", "پایان تفاهم‌نامه")
    async with at.engine.connect() as connection:
        its = select(outbox.c.delivered_at, outbox.c.dead_at).where(outbox.c.kind == "webhook")
        held_back = (await connection.execute(its)).all()
        noted = select(audit).where(audit.c.action == "channel_revoked")
        [row] = (await connection.execute(noted)).all()
    assert held_back and {tuple(each) for each in held_back} == {(at.at, None)}
    assert await outgoing.retry(at.engine, at.at) == 0, "nobody sends it again"
    assert (row.subject, row.detail["before"]["webhook"]) == ("channel/automation", HOOK)
    assert (row.reason, row.detail["by"]) == ("پایان تفاهم‌نامه", "sadr")
    with pytest.raises(Refused):
        await channels.revoke(at.engine, "automation", at.at)


@pytest.mark.usefixtures("api")
async def test_news_still_leave_for_an_address_where_another_channel_may_know_as_much(at: Hall) -> None:
    await held(at)
    events = [row for row in await outgoing.lease(at.engine, at.at, 500) if not row.is_letter]
    await outgoing.spread(at.engine, Notices(), events, at.page.calendar, at.at)
    query = select(outbox.c.delivered_at).where(outbox.c.kind == "webhook")
    why = {"by": "sadr", "reason": "سامانهٔ تازه"}
    await channels.change(at.engine, "automation", at.at, ["orders", "cases"], **why)
    await channels.add(at.engine, "renewed", at.at, rights=["orders"], webhook=HOOK)
    await channels.revoke(at.engine, "automation", at.at)
    async with at.engine.connect() as connection:
        assert {*(await connection.execute(query)).scalars()} == {None}
    await channels.add(at.engine, "water_too", at.at, rights=["orders"], agency="abfa", webhook=HOOK)
    await channels.revoke(at.engine, "renewed", at.at)
    async with at.engine.connect() as connection:
        assert {*(await connection.execute(query)).scalars()} == {at.at}, "it knows less"


async def test_a_channel_gets_its_rights_at_the_command_line(
    engine: AsyncEngine, database_url: str, tmp_path: Path, at: Hall
) -> None:
    made = ("channel", "add", "oa", "--right", "orders", "--agency", "abfa", "--webhook", HOOK)
    assert (await ivr(database_url, tmp_path, *made))[0] == 0
    wider = ("channel", "change", "oa", "--webhook", "", "--reason", "تازه")
    assert (await ivr(database_url, tmp_path, *wider))[0] == 0
    assert (await ivr(database_url, tmp_path, *wider[:-3], HOOK, *wider[-2:]))[0] == 0
    listed = json.loads((await ivr(database_url, tmp_path, "channel", "list", "--json"))[1])
    assert [(c["rights"], c["agency"], c["webhook"]) for c in listed] == [(["orders"], "abfa", HOOK)]
    orders = {"rights": ["orders"]}
    mistakes: list[dict[str, Any]] = [{"rights": ["everything"]}, {"rights": []}, {"webhook": HOOK}]
    mistakes += [{"agency": "abfa"}, orders | {"agency": "nobody"}, orders | {"webhook": "file:///etc"}]
    for wrong in mistakes:
        with pytest.raises(Refused):
            await channels.add(engine, "other", at.at, **wrong)
