"""`ivr meeting …`: an office's whole way with requests, at the terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.hearing_order import FIRST_MEETING
from ivr.desk.case import answers, confiding
from ivr.desk.case.confiding import Secrecy
from ivr.desk.meetings import request_deciding
from ivr.desk.meetings.session_planning import sitting
from tests.desk.meetings.hall import WORDS, hall
from tests.desk.meetings.test_live_hour_desk import announced
from tests.fixtures.commands import Terminal, ivr


async def test_from_the_list_over_a_session_to_the_slot(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await hall(engine)
    at.at = datetime.now(UTC)
    old, new = await at.wish(20, "09141234561"), await at.wish(1, "09141234562")
    soon = (at.at + timedelta(days=20)).date().isoformat()

    its = Terminal(database_url, tmp_path, ("meeting",))
    run, read = its.run, its.read

    listed = await read("requests")
    assert [(row["code"], row["state"]) for row in listed] == [(old, "requested"), (new, "requested")]
    assert {"why": "waiting", "count": 20, "points": 20} in listed[0]["because"]
    await run("review", new, "--urgency", "pressing", "--body", "abfa", "--about", "edu")
    for code in (old, new):
        assert "waiting, with ostandari" in await run("accept", code, "--next", soon, "--by", "sadr")
    day = (at.at + timedelta(days=5)).date().isoformat()
    planned = await run("plan", "--on", day, "--at", "9:30", "--slots", "2", "--place", "تالار", "--even-off")
    assert "session 1: planned, 2 slots from" in planned
    assert await run("fill", "1", "--by", "sadr") == f"session 1: 2 slots given: {new} {old}"
    seats = await read("agenda", "1")
    assert [seat["request"]["code"] for seat in seats] == [new, old] and seats[0]["placed_by"] == "sadr"
    assert (await read("show", new))["state"] == "invited"
    assert [(row["booked"], row["state"]) for row in await read("sessions")] == [(2, "planned")]
    later = (at.at + timedelta(days=6)).date().isoformat()
    moved = ("--on", later, "--at", "10.30", "--even-off", "--reason", "سفر")
    assert "2 are told" in await run("move", "1", *moved)
    assert [row["starts_at"][11:16] for row in await read("sessions")] == ["07:00"]  # UTC
    assert "2 wait again" in await run("cancel", "1", "--next", soon, "--reason", "مأموریت")
    assert "declined" in await run("decline", old, "--reason", "این کار دادگاه است")
    assert old not in await run("requests") and new in await run("requests")


async def test_of_a_confidential_request_what_the_desk_wrote_is_read_and_none_of_her_words(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at, read = await hall(engine), Terminal(database_url, tmp_path, ("meeting",)).read
    code = await at.accepted()
    await at.fill(number := await at.session())

    async def words() -> list[str]:
        shown, [listed] = await read("show", code), await read("requests", "--state", "invited")
        seated = next(seat["request"] for seat in await read("agenda", str(number)) if seat["request"])
        return [each["words"] for each in (shown, listed, seated)]

    assert await words() == 3 * [WORDS]
    await confiding.confide(engine, at.page, at.by(code, "تهدید"))
    assert await words() == 3 * [""]
    await confiding.confide(engine, at.page, at.by(code, "متن"), Secrecy(told="رشوه خواسته‌اند."))
    assert await words() == 3 * ["رشوه خواسته‌اند."]


async def test_why_a_confidential_request_has_its_place_tells_nothing_of_her_other_cases(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at, read = await hall(engine), Terminal(database_url, tmp_path, ("meeting",)).read
    code = await at.wish()
    before = await read("show", code)
    assert [each["why"] for each in before["because"]] == ["waiting", "first_meeting"]
    await confiding.confide(engine, at.page, at.by(code, "تهدید"))
    sealed = await read("show", code)
    assert [each["why"] for each in sealed["because"]] == ["waiting"]
    assert sealed["points"] == before["points"] - FIRST_MEETING


async def test_an_order_is_given_listed_and_extended(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at, now = await hall(engine), datetime.now(UTC)
    at.at = now - timedelta(days=7)
    code = await at.wish()
    await request_deciding.accept(engine, at.page, at.by(code), (now + timedelta(days=7)).date())
    await at.fill(await at.session(slots=1, starts_at=now - timedelta(hours=1), even_off=True))
    days = (now.date() + timedelta(days=n) for n in range(8, 40))
    first, second = list(filter(at.page.calendar.is_working, days))[:2]

    run = Terminal(database_url, tmp_path, ("meeting",)).run

    assert "met" in await run("met", code)
    said = await run("order", code, "abfa", "--due", first.isoformat(), "--words", "وصل شود", "--by", "sadr")
    part = said.split()[1].rstrip(":")
    await run("extend", part, "--due", second.isoformat(), "--reason", "کمبود لوله")
    [order] = json.loads(await run("orders", "--agency", "abfa", "--json"))
    assert (order["code"], order["of"], order["state"], order["late"]) == (part, code, "given", False)
    assert (order["first_due_on"], order["due_on"]) == (first.isoformat(), second.isoformat())
    assert order["given_by"] == "sadr" and part in await run("orders")
    await answers.give(engine, at.page, at.ask(part, "abfa"), "وصل شد")
    assert [row["answer"] for row in json.loads(await run("reported", "--json"))] == ["وصل شد"]
    assert "handed back" in await run("hand-back", part, "--reason", "عکس ندارد", "--by", "sadr")
    assert "is owed until" in await run("ask-report", part, "--due", first.isoformat(), "--reason", "چه شد؟")
    assert "is reminded" in await run("remind", part, "--reason", "زودتر")
    await answers.give(engine, at.page, at.ask(part, "abfa"), "با عکس")
    assert "found done" in await run("confirm", part, "--by", "sadr") and part not in await run("reported")
    told = json.loads(
        await run("figures", "--since", (now - timedelta(days=30)).date().isoformat(), "--json")
    )
    assert (told["sessions"], told["requests"]["met"], told["orders"]["given"]) == (1, 1, 1)


async def test_what_is_wrong_is_one_sentence(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    at = await hall(engine)
    code, case = await at.wish(), await at.open()
    for words, exit_code, sentence in (
        (("decline", code), 1, f"request {code}: decline needs a reason"),
        (("show", case), 1, "is no request to meet an official"),
        (("agenda", "7"), 1, "there is no session 7"),
        (("requests", "--state", "lost"), 2, "no state of a request: lost"),
        (("accept", code, "--next", "soon"), 2, "is no day"),
        (("review", code, "--urgency", "very"), 2, "--urgency must be one of"),
    ):
        found = await ivr(database_url, tmp_path, "meeting", *words)
        assert found[0] == exit_code and sentence in found[1]


async def test_an_hour_is_announced_shown_and_closed(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hall(engine)
    its = Terminal(database_url, tmp_path, ("meeting",))
    day = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    wanted = (
        "announce-hour",
        "--on",
        day,
        "--from",
        "10:00",
        "--to",
        "11:00",
        "--extension",
        "201",
        "--even-off",
    )
    code, said = await ivr(database_url, tmp_path, "meeting", *wanted)
    assert code == 1 and "list may ring" in said
    monkeypatch.setenv("IVR_MEETINGS__EXTENSIONS", '{"201": "PJSIP/201@exchange"}')
    assert f"hour 1: announced, 10:00 to 11:00 on {day}" in await its.run(*wanted)
    [hour] = await its.read("hours")
    assert (hour["official"], hour["extensions"], hour["state"]) == ("governor", ["201"], "planned")
    shown = await its.read("hour", "1")
    assert (shown["line"], shown["with_him"], shown["past"]) == ([], None, [])
    assert await its.run("close-hour", "1", "--reason", "سفر") == "hour 1: closed"
    assert (await its.read("hour", "1"))["closed_by"] == "desk"


async def test_an_hour_that_has_begun_is_called_off_as_ended_with_its_reason(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await hall(engine)
    at.at = datetime.now(UTC) - timedelta(minutes=1)
    number, soon = await announced(at, even_off=True), (at.at + timedelta(days=20)).date().isoformat()
    its = Terminal(database_url, tmp_path, ("meeting",))
    said = await its.run("cancel", str(number), "--next", soon, "--reason", "جلسهٔ فوری")
    assert said == f"session {number}: ended; 0 wait again"
    async with engine.connect() as connection:
        row = await sitting(connection, number)
    assert row is not None and (row.state, row.reason) == ("planned", "جلسهٔ فوری")
