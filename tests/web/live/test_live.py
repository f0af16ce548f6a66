"""The live board: what goes on is seen as it goes on, and a supervisor steps in, on record."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientResponse
from playwright.async_api import Browser, Locator, Page, Route, expect
from sqlalchemy import Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami
from ivr.desk.book import announcing, menus
from ivr.desk.call import live
from ivr.desk.call.interventions import Intervening
from ivr.desk.call.live import Disk
from ivr.lab.caller import Beep, CallerReport, CallerStep, Hear, Press, PutDown, Speak, StayOn
from ivr.lab.pace import patience
from ivr.loops import every
from ivr.loops.every import Loops
from ivr.store.tables import audit, calls, interventions
from ivr.voice.callback import AnswerStep, VerifyStep
from ivr.voice.steps.registry import TYPES
from ivr.web.board import Board
from ivr.web.browser_phone import Telephone
from ivr.web.live import stream
from ivr.web.panel.locale import digits, words
from ivr.web.panel.visit import Panel, Telephones
from tests.desk.case.test_turn_calls import keeps
from tests.desk.office import WEDNESDAY, call, office
from tests.fixtures.hotline import PATIENCE, Hotline, fresh_number
from tests.fixtures.province import CONVENTIONS, book_of
from tests.web.browser import PHONE, WIDE, enter, screenshot, serious, stays_when_asked, window
from tests.web.panel import PanelServed, places_of
from tests.web.service import Clock

# Persian, complaint, topic 11, county 01: up to the beep.
TO_THE_BEEP = (Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(),
               Press("01"), Beep())  # fmt: skip
SEEN = 20_000  # milliseconds
SEEN_TODAY = re.compile(r'name="seen.today" value="([0-9]+)"')
LONG = 170.0  # seconds, nearly all that a recording may have; whoever steps in ends it


def text(key: str, **values: object) -> str:
    return words()(f"live.{key}", **values)


def going_on(step: str = "record", **more: Any) -> dict[str, Any]:
    """A call as `ivr.loops.carrying` tells of it."""
    began = WEDNESDAY - timedelta(seconds=95)
    told = {"id": str(uuid.uuid4()), "unique_id": "1700.1", "number": "0914***67", "began": began.isoformat()}
    told |= {"step": step, "type": step, "since": (began + timedelta(seconds=60)).isoformat()}
    told |= {"kind": "complaint", "topic": "water.supply", "county": "ahar", "language": "fa"}
    return told | {"safe": False, "ours": False} | more


async def tell(panel: PanelServed, *told: dict[str, Any]) -> None:
    await live.tell(panel.engine, "a:1", panel.clock(), told)


async def running(panel: PanelServed, folder: Path) -> str:
    """The id of a call that is in the books and goes on."""
    async with office(panel.engine, folder) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        await desk.pump.idle()
    return facts.id


async def noted(engine: AsyncEngine, table: Table) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(table))).all())


async def test_the_board_shows_every_servers_calls_without_saying_who_calls(panel: PanelServed) -> None:
    await tell(panel, going_on(), going_on("operator", number="withheld", language="az"))
    page = await (await panel.signed_in("supervisor")).text("/panel/live")
    for shown in (text("step.record"), text("withheld"), "۰۹۱۴•••۶۷", "اهر", text("no_asterisk")):
        assert shown in page, shown
    assert page.count('data-intervention="listen"') == page.count('data-intervention="end"') == 2
    operators = await (await panel.signed_in("operator")).text("/panel/live")
    assert text("step.record") in operators and "data-intervention" not in operators


async def test_who_sees_some_counties_alone_sees_no_call_and_steps_into_none_of_another(
    panel: PanelServed, tmp_path: Path
) -> None:
    client = await panel.signed_in("supervisor", areas=("tabriz",))
    call = await running(panel, tmp_path / "spool")
    path, reason = f"/panel/live/calls/{call}/listen", {"reason": "کیفیت"}
    for county, shown in (("", True), ("tabriz", True), ("ahar", False)):
        await tell(panel, going_on(id=call, county=county))
        assert (f'data-call="{call}"' in await client.text("/panel/live")) is shown, county
        assert (await client.get(path)).status == (200 if shown else 404), county
        assert (await client.post(path, reason)).status == (200 if shown else 404), county
    async with asyncio.timeout(patience(30)), client.http.get("/panel/live/stream") as answer:
        assert not (await anext(events(answer)))["rows"]
    assert len(await noted(panel.engine, interventions)) == 2
    assert (await (await panel.signed_in("supervisor")).post(path, reason)).status == 200, "of all counties"


async def test_who_steps_into_a_call_that_has_gone_elsewhere_is_told_so_and_of_no_fault(
    panel: PanelServed, tmp_path: Path
) -> None:
    client = await panel.signed_in("supervisor", areas=("tabriz",))
    call = await running(panel, tmp_path / "spool")
    reason, json_alone = {"reason": "کیفیت"}, {"Accept": "application/json"}
    for path in (f"/panel/live/calls/{call}/{action}" for action in Intervening):
        await tell(panel, going_on(id=call, county=""))
        assert (await client.get(path)).status == 200, "she chooses a county while the reason is written"
        await tell(panel, going_on(id=call, county="ahar"))
        answer = await client.post(path, reason, headers=json_alone)
        assert (answer.status, await answer.json()) == (404, {"wrong": text("wrong.elsewhere")})


async def test_who_waits_at_home_for_an_operator_is_shown_in_the_order_in_which_they_came(
    panel: PanelServed, tmp_path: Path
) -> None:
    client = await panel.signed_in("supervisor")
    assert text("side.places") not in await client.text("/panel/live")
    await keeps(panel.engine, tmp_path, WEDNESDAY + timedelta(minutes=7), "09141234568")
    await keeps(panel.engine, tmp_path, WEDNESDAY, "09351234567")
    page = await client.text("/panel/live")
    side = page[page.index(text("side.places")) :]
    shown = [side.index(each) for each in ("۰۹۳۵•••۶۷", "۰۹۱۴•••۶۸")]
    assert shown == sorted(shown) and side.count(text("side.waits")) == 2 and "09141234568" not in page


async def events(answer: ClientResponse) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.content:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def test_every_type_of_steps_has_its_word() -> None:
    types = [*(each.TYPE for each in TYPES), AnswerStep.TYPE, VerifyStep.TYPE]
    assert not [each for each in types if not words().get(f"live.step.{each}", "")]


async def test_what_changes_comes_by_itself_and_nothing_else_does(panel: PanelServed) -> None:
    client = await panel.signed_in("supervisor")
    one, other = going_on(), going_on("topic")
    await tell(panel, one, other)
    async with asyncio.timeout(patience(30)), client.http.get("/panel/live/stream") as answer:
        assert answer.content_type == "text/event-stream"
        came = events(answer)
        first = await anext(came)
        assert set(first["rows"]) == set(first["order"]) == {one["id"], other["id"]}
        assert set(first["pieces"]) == {"stats", "side"}
        await tell(panel, one, other | {"type": "county"})
        second = await anext(came)
        assert list(second["rows"]) == [other["id"]] and not second["pieces"]
        assert text("step.county") in second["rows"][other["id"]]
        await tell(panel, one)
        third = await anext(came)
        assert third["order"] == [one["id"]] and not third["rows"] and list(third["pieces"]) == ["stats"]
        await panel.panel.board.close()
        assert [each async for each in came] == []


async def test_a_board_that_one_comes_back_to_goes_on(panel: PanelServed, chrome: Browser) -> None:
    async with window(chrome, panel, "supervisor") as page:
        await page.goto("/panel/live")
        await tell(panel, going_on())
        await expect(page.locator("[data-rows] tr")).to_have_count(1)
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
        await tell(panel)
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        await expect(page.locator("[data-rows] tr")).to_have_count(0)


async def test_a_board_whose_stream_is_refused_once_goes_on_by_itself(
    panel: PanelServed, chrome: Browser
) -> None:
    async with window(chrome, panel, "supervisor") as page:
        await page.route("**/panel/live/stream", lambda route: route.fulfill(status=503), times=1)
        await page.goto("/panel/live")
        await expect(page.locator("[data-lost]")).to_be_visible()
        await tell(panel, going_on())
        await expect(page.locator("[data-rows] tr")).to_have_count(1)
        await expect(page.locator("[data-lost]")).to_be_hidden()


async def test_a_board_whose_session_is_over_says_so_and_asks_no_more_until_one_comes_back_signed_in(
    panel: PanelServed, chrome: Browser
) -> None:
    async with window(chrome, panel, "supervisor") as page:
        await page.clock.install()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/stream" in request.url else None)
        await page.route("**/panel/live/stream", lambda route: route.fulfill(status=503), times=1)
        await page.goto("/panel/live")
        lost = page.locator("[data-lost]")
        await expect(lost).to_have_text(text("lost"))
        panel.clock.now += timedelta(hours=3)
        await page.clock.run_for(5_000)
        await expect(lost).to_have_text(words()("common.error.signed_out"))
        asked.clear()
        await page.clock.run_for(60_000)
        await expect(lost).to_have_text(words()("common.error.signed_out"))
        assert not asked
        await enter(page.context, panel, "supervisor")
        await tell(panel, going_on())
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator("[data-rows] tr")).to_have_count(1)
        await expect(lost).to_be_hidden()


async def test_the_board_goes_dark_for_whoever_signs_out(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ALIVE_SECONDS", 0.1)
    client = await panel.signed_in("supervisor")
    await client.get("/panel/live")
    async with asyncio.timeout(patience(30)), client.http.get("/panel/live/stream") as answer:
        came = events(answer)
        await anext(came)
        await client.post("/panel/sign-out")
        assert [each async for each in came] == []


async def test_nobody_is_asked_anything_when_the_last_one_has_left(panel: PanelServed) -> None:
    client = await panel.signed_in("supervisor")
    async with asyncio.timeout(patience(30)):
        for _ in range(2):
            async with client.http.get("/panel/live/stream") as answer:
                await anext(events(answer))
        while panel.panel.board.watched:
            await asyncio.sleep(0.05)


async def test_a_supervisor_gets_a_code_for_a_reason_and_nobody_else_does(
    panel: PanelServed, tmp_path: Path
) -> None:
    path = f"/panel/live/calls/{await running(panel, tmp_path / 'spool')}/listen"
    json_please = {"headers": {"Accept": "application/json"}}
    client = await panel.signed_in("supervisor")
    refused = await client.post(path, {"reason": " "}, **json_please)
    assert (refused.status, await refused.json()) == (422, {"wrong": text("wrong.reason")})
    assert await noted(panel.engine, interventions) == []
    done = await (await client.post(path, {"reason": "کیفیت"}, **json_please)).json()
    assert len(done["dial"]) == 9 and done["dial"].startswith("8") and done["browser"] is False
    [row], [note] = await noted(panel.engine, interventions), [
        each for each in await noted(panel.engine, audit) if each.action == "call_listen"
    ]  # fmt: skip
    assert client.person is not None and row.actor == client.person.name and row.reason == "کیفیت"
    assert (note.person_id, note.reason) == (client.person.id, "کیفیت")
    trail = await (await panel.signed_in("auditor")).text("/panel/admin/audit")
    assert "خواست به تماس زنده گوش دهد" in trail, "nobody has dialled that code yet"
    for role in ("operator", "governor", "admin", "auditor", "officer", "head"):
        other = await panel.signed_in(role)
        assert (await other.post(path, {"reason": "کیفیت"}, **json_please)).status in (403, 404), role
    assert len(await noted(panel.engine, interventions)) == 1


async def test_without_javascript_the_buttons_lead_to_forms(panel: PanelServed, tmp_path: Path) -> None:
    client = await panel.signed_in("supervisor")
    path = f"/panel/live/calls/{await running(panel, tmp_path / 'spool')}/take"
    assert text("explain.take") in await client.text(path)
    answer = await client.post(path, {"reason": ""})
    assert answer.status == 422 and text("wrong.reason") in await answer.text()
    done = await (await client.post(path, {"reason": "x"})).text()
    assert re.search(r'class="ltr code">8\d{8}<', done)
    assert (await client.get("/panel/live/calls/x/take")).status == 404


async def test_a_call_that_is_over_and_an_asterisk_that_is_away_are_told(
    panel: PanelServed, tmp_path: Path
) -> None:
    client = await panel.signed_in("supervisor")
    json_please = {"headers": {"Accept": "application/json"}}
    call = await running(panel, tmp_path / "spool")
    path = f"/panel/live/calls/{call}/end"
    away = await client.post(path, {"reason": "x"}, **json_please)
    assert (away.status, await away.json()) == (503, {"wrong": text("wrong.asterisk")})
    unknown = await client.post(f"/panel/live/calls/{uuid.uuid4()}/end", {"reason": "x"}, **json_please)
    assert (unknown.status, await unknown.json()) == (409, {"wrong": text("wrong.unentered")})
    async with panel.engine.begin() as connection:
        await connection.execute(update(calls).where(calls.c.id == call).values(ended_at=func.now()))
    over = await client.post(path, {"reason": "x"}, **json_please)
    assert (over.status, await over.json()) == (409, {"wrong": text("wrong.over")})


@asynccontextmanager
async def watching(
    chrome: Browser, hotline: Hotline, number: str, steps: Sequence[CallerStep]
) -> AsyncIterator[tuple[Page, Locator, asyncio.Task[CallerReport]]]:
    """A supervisor looks at a running hotline's board while somebody calls: the page, and the call's row."""
    async with AsyncExitStack() as stack:
        panel = Panel(hotline.engine, book_of(hotline.engine), places_of(hotline.settings.state_path))
        url = f"http://127.0.0.1:{hotline.settings.web.port}"
        served = PanelServed(url, panel, panel.engine, Clock(datetime.now(UTC)), stack)
        page = await stack.enter_async_context(window(chrome, served, "supervisor"))
        await page.goto("/panel/live")
        calling = asyncio.create_task(hotline.call(*steps, number=number))
        row = page.locator("[data-rows] tr", has_text=digits(f"{number[:4]}•••{number[-2:]}"))
        try:
            yield page, row, calling
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)


async def step_in(page: Page, row: Locator, action: str) -> None:
    await row.get_by_role("link", name=text(f"act.{action}"), exact=True).click()
    await page.get_by_label(text("reason")).fill("کیفیت پاسخ")
    await page.get_by_role("dialog").get_by_role("button", name=text(f"act.{action}"), exact=True).click()


async def hears(page: Page, least: float = 0.15) -> None:
    """Until the telephone's meter of the other side shows that much."""
    meter, face = page.locator("[data-level=theirs]"), page.locator("[data-phone]")
    try:
        async with asyncio.timeout(patience(SEEN / 1000)):
            while await meter.evaluate("meter => meter.value") <= least:
                await asyncio.sleep(0.03)
    except TimeoutError:
        raise AssertionError(f"nothing was heard: {await face.inner_text()}") from None


async def lasted(hotline: Hotline, number: str, action: str) -> None:
    """Until the books say that this intervention in her call began and ended."""
    its = interventions.c
    query = select(its.id).join(calls, calls.c.id == its.call_id).where(calls.c.caller == number)
    query = query.where(its.action == action, its.over_at >= its.at)
    async with asyncio.timeout(patience(PATIENCE)):
        while True:
            async with hotline.engine.connect() as connection:
                if (await connection.execute(query)).first():
                    return
            await asyncio.sleep(0.1)


async def test_a_supervisor_sees_a_call_listens_in_and_ends_it_and_its_words_are_a_case(
    chrome: Browser, hotline: Hotline
) -> None:
    number, before = fresh_number(), set(hotline.settings.recordings.rglob("*.wav"))
    async with watching(chrome, hotline, number, (*TO_THE_BEEP, Speak(LONG))) as (page, row, calling):
        await expect(row).to_contain_text(text("step.record"), timeout=patience(SEEN))
        await expect(row).to_contain_text("تبریز")
        await expect(page.locator("[data-piece=side]")).to_contain_text(text("side.well"))
        await hotline.recording_grown(besides=before)
        await step_in(page, row, "listen")
        await expect(page.get_by_text(text("dock.listen"))).to_be_visible(timeout=patience(SEEN))
        await hears(page)
        for name, tone, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("phone", "light", PHONE)):
            await page.emulate_media(color_scheme=cast(Any, tone))
            await page.set_viewport_size(size)
            await screenshot(page, f"live-{name}")
            assert await page.locator("html").evaluate("e => e.scrollWidth") <= size["width"]
            assert not await serious(page)
        await page.set_viewport_size(WIDE)
        await page.get_by_role("button", name=text("dock.ends.listen")).click()
        await lasted(hotline, number, "listen")
        await expect(row).to_contain_text(text("step.record"))  # she noticed nothing
        await step_in(page, row, "end")
        await expect(row).to_have_count(0, timeout=patience(SEEN))
        outcome = await calling
    assert outcome.ended_by == "hotline"
    case = await hotline.case_of(number)
    assert case["recordings"][0]["ended"] == "hangup" and case["recordings"][0]["voiced_seconds"] > 2
    await lasted(hotline, number, "end")


async def test_a_supervisor_takes_a_call_over_and_its_words_are_a_case(
    chrome: Browser, hotline: Hotline
) -> None:
    number, before = fresh_number(), set(hotline.settings.recordings.rglob("*.wav"))
    async with watching(chrome, hotline, number, (*TO_THE_BEEP, Speak(LONG), StayOn())) as (
        page,
        row,
        calling,
    ):
        await expect(row).to_contain_text(text("step.record"), timeout=patience(SEEN))
        await hotline.recording_grown(besides=before)
        await step_in(page, row, "take")
        await expect(row).to_have_count(0, timeout=patience(SEEN))  # the hotline has her no more
        await hears(page)
        assert not calling.done()
        await stays_when_asked(page)
        await hears(page)
        case = await hotline.case_of(number)
        await page.get_by_role("button", name=text("dock.ends.take")).click()
        outcome = await calling
    assert outcome.ended_by == "hotline"  # she does not begin anew
    assert case["recordings"][0]["voiced_seconds"] > 0.5
    assert (await hotline.call_of(number))["outcome"] == "completed"
    await lasted(hotline, number, "take")


async def test_what_a_supervisor_who_talks_presses_of_another_call_ends_no_talk_and_hides_no_button(
    chrome: Browser, hotline: Hotline
) -> None:
    number, other, steps = fresh_number(), fresh_number(), (*TO_THE_BEEP, Speak(LONG))
    before = set(hotline.settings.recordings.rglob("*.wav"))
    async with watching(chrome, hotline, number, (*steps, StayOn())) as (page, row, _):
        await expect(row).to_contain_text(text("step.record"), timeout=patience(SEEN))
        await hotline.recording_grown(besides=before)
        await step_in(page, row, "take")
        await hears(page)
        beside = asyncio.create_task(hotline.call(*steps, number=other))
        another = page.locator("[data-rows] tr", has_text=digits(f"{other[:4]}•••{other[-2:]}"))
        await another.get_by_role("link", name=text("act.listen"), exact=True).click()
        await expect(page.get_by_text(text("dock.talks"))).to_be_visible()
        await another.get_by_role("link", name=text("act.end"), exact=True).click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name=words()("common.cancel")).click()
        await page.get_by_role("button", name=words()("public.call.mute"), exact=True).click()
        await page.get_by_role("button", name=words()("public.call.unmute"), exact=True).click()
        await hears(page)
        await expect(page.get_by_role("button", name=text("dock.ends.take"))).to_be_visible()
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)


async def test_a_second_press_neither_asks_again_nor_changes_what_the_first_asked(
    chrome: Browser, panel: PanelServed, tmp_path: Path
) -> None:
    panel.panel.telephones = Telephones(desk=Telephone("ws://127.0.0.1:9/ws", "desk", "secret", "111"))
    one, other = [await running(panel, tmp_path / spool) for spool in ("one", "other")]
    await tell(panel, going_on(id=one), going_on(id=other, number="0914***68"))
    asked, answered = list[str](), asyncio.Event()

    async def late(route: Route) -> None:
        asked.append(route.request.url)
        await answered.wait()
        await route.continue_()

    async with window(chrome, panel, "supervisor") as page:
        await page.route("**/panel/live/calls/**", late)
        await page.goto("/panel/live")
        row, another = [page.locator(f'[data-call="{call}"]') for call in (one, other)]
        dialog, whom = page.get_by_role("dialog"), page.locator("[data-phone] [data-whom]")
        async with page.expect_request("**/panel/live/calls/**"):
            await step_in(page, row, "listen")
        await dialog.get_by_role("button", name=text("act.listen"), exact=True).click()
        await dialog.get_by_role("button", name=words()("common.cancel")).click()
        await another.get_by_role("link", name=text("act.take"), exact=True).click()
        answered.set()
        await expect(whom).to_have_text("۰۹۱۴•••۶۷")
        await expect(page.get_by_text(text("dock.listen"))).to_be_visible()
        await expect(page.get_by_text(text("dock.take"))).to_be_hidden()
    assert len(asked) == 1 and one in asked[0]
    assert [row.action for row in await noted(panel.engine, interventions)] == ["listen"]


async def test_who_waits_for_an_operator_is_seen_and_so_is_the_operator(
    chrome: Browser, hotline: Hotline
) -> None:
    one = "Local/111@seda111-inbound"  # answers, and talks for a while
    place, secret = hotline.settings.ami, hotline.secrets.originate
    ami = Ami(place.host, place.port, place.originate_username, secret, events="off")
    hotline.console(f"queue add member {one} to operators")
    hotline.console(f"queue pause member {one} queue operators")
    try:
        await ami.connect()
        async with watching(chrome, hotline, fresh_number(), (PutDown(),)) as (page, _, _):
            side = page.locator("[data-piece=side]")
            await expect(side).to_contain_text(text("operator.paused"), timeout=patience(SEEN))
            hotline.console(f"queue unpause member {one} queue operators")
            await expect(side).to_contain_text(text("operator.free"), timeout=patience(SEEN))
            for _ in range(2):  # the first is served
                await ami.action("Originate", Channel=one, Application="Queue", Data="operators", Async=True)
            waiting = page.locator("[data-count=waiting]")
            await expect(waiting).to_have_text(re.compile("[۱۲]"), timeout=patience(SEEN))
    finally:
        await ami.close()
        hotline.console(f"queue remove member {one} from operators", "channel request hangup all")


async def test_a_look_that_fails_is_told_and_the_board_goes_on(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    faults = iter((OSError("a disk that nobody can ask"),))

    def disks() -> list[Disk]:
        for fault in faults:
            raise fault
        return []

    loops, board = Loops(), Board(panel.engine, panel.panel.book.timezone, panel.clock, disks=disks)
    loops.start("board", board.run)
    try:
        async with asyncio.timeout(patience(20)):
            assert (await anext(board.watch())).disks == []
    finally:
        await loops.close()
    [loop] = loops.all
    assert loop.failures == 1 and "nobody can ask" in loop.why


async def test_an_announcement_is_written_in_a_third_language_of_the_installation_too(
    panel: PanelServed,
) -> None:
    panel.panel.book.conventions = replace(CONVENTIONS, languages=("fa", "ku"))
    tree = '"111"\nlanguages: [fa]\nsteps:\n  first: {type: announcement, go: bye}\n  bye: {type: end}\n'
    await menus.publish(panel.engine, "111", f"menu: {tree}", "sara")
    page = await (await panel.signed_in("supervisor")).text("/panel/live/announcements")
    assert 'name="words.ku"' in page and text("announcements.in.other", language="ku") in page


async def test_a_supervisor_announces_hears_it_first_and_ends_it(panel: PanelServed) -> None:
    tree = '"111"\nlanguages: [fa, az]\nsteps:\n  first: {type: announcement, go: bye}\n  bye: {type: end}\n'
    await menus.publish(panel.engine, "111", f"menu: {tree}", "sara")
    client, place = await panel.signed_in("supervisor"), "/panel/live/announcements"
    assert text("announcements.none") in await client.text(place)
    sent = {"slot": "today", "end": "today", "words.fa": "امروز تعطیل است.", "words.az": ""}
    heard = await client.post(place, sent | {"hear": "1"})
    assert "/panel/live/announcements/sound/fa?words=" in await heard.text()
    assert await announcing.current(panel.engine, panel.clock()) == {}, "hearing switches nothing on"
    wrong = await client.post(place, sent | {"words.fa": "", "end": "never"})
    assert wrong.status == 422
    assert (await client.post(place, sent)).status == 303
    found = await announcing.current(panel.engine, panel.clock())
    assert found["today"].words == {"fa": sent["words.fa"]}
    assert sent["words.fa"] in await client.text(place)
    pasted = sent | {"words.fa": "آب شهر\r\nاست\u00a0فردا\u202fهم"}
    assert (await client.post(place, pasted)).status == 303
    found = await announcing.current(panel.engine, panel.clock())
    assert found["today"].words == {"fa": "آب شهر است فردا هم"}, "no two words are read as one"
    assert (await client.post(f"{place}/off", {"slot": "today"})).status == 303
    assert await announcing.current(panel.engine, panel.clock()) == {}
    operator = await panel.signed_in("operator")
    assert (await operator.post(place, sent)).status == 403


async def test_from_an_old_page_nobody_ends_or_replaces_what_a_colleague_announces(
    panel: PanelServed,
) -> None:
    tree = '"111"\nlanguages: [fa, az]\nsteps:\n  first: {type: announcement, go: bye}\n  bye: {type: end}\n'
    await menus.publish(panel.engine, "111", f"menu: {tree}", "sara")
    client, place = await panel.signed_in("supervisor"), "/panel/live/announcements"
    seen = {"seen.today": SEEN_TODAY.findall(await client.text(place))[0]}
    sent = {"slot": "today", "end": "today", "words.fa": "امروز تعطیل است.", "words.az": ""}
    for _ in range(2):  # pressed twice
        assert (await client.post(place, sent | seen)).headers["Location"] == f"{place}?said=on"
    assert (await client.post(place, sent | seen | {"end": "tomorrow"})).status == 422
    refused = await client.post(place, sent | seen | {"words.fa": "فردا تعطیل است."})
    page = await refused.text()
    assert refused.status == 422 and text("announcements.said.changed") in page
    assert "فردا تعطیل است." in page and sent["words.fa"] in page, "hers is kept, and the other's is shown"
    answer = await client.post(f"{place}/off", {"slot": "today"} | seen)
    assert answer.headers["Location"] == f"{place}?said=changed"
    assert "today" in await announcing.current(panel.engine, panel.clock())
    again = {"seen.today": SEEN_TODAY.findall(page)[0]}
    assert (await client.post(f"{place}/off", {"slot": "today"} | again)).headers["Location"].endswith("off")
