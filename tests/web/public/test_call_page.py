"""A citizen calls from a real browser through a real Asterisk, and her words become a case."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, async_playwright, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.call import live
from ivr.lab.browser import FLAGS, chromium
from ivr.lab.pace import patience
from ivr.lab.ports import free
from ivr.store.tables import calls, cases, recordings
from ivr.web.browser_phone import Telephone
from ivr.web.panel.locale import words
from ivr.web.panel.visit import Panel
from tests.fixtures.hotline import PATIENCE, Hotline
from tests.fixtures.province import book_of
from tests.web.browser import PHONE, WIDE, patient, screenshot, serious, stays_when_asked, window
from tests.web.panel import PanelServed, panel_served, places_of
from tests.web.service import Clock

ELSEWHERE = "seda.example"  # an address that is not this machine's, so no secure one
HEARD = 60_000  # milliseconds for the far end to be heard; a machine with many processes lets one wait


def text(key: str) -> str:
    return words()(f"public.call.{key}")


@asynccontextmanager
async def calling(chrome: Browser, hotline: Hotline, **options: Any) -> AsyncIterator[Page]:
    """The page /call of a running hotline. Scripts that fail, fail the test."""
    url = f"http://127.0.0.1:{hotline.settings.web.port}"
    context = patient(await chrome.new_context(base_url=url, locale="fa-IR", **options))
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.extend([said.text] * ("Security Policy" in said.text)))
    try:
        await page.goto("/call")
        yield page
        assert not wrong, wrong
    finally:
        await context.close()


async def press_call(page: Page) -> None:
    await page.get_by_role("button", name=text("call"), exact=True).click()


async def hears(page: Page, who: str, least: float = 0.2) -> None:
    """Until the meter shows that much."""
    meter = page.locator(f"[data-level={who}]")
    async with asyncio.timeout(patience(HEARD / 1000)):
        while await meter.evaluate("meter => meter.value") <= least:
            await asyncio.sleep(0.03)


async def step_of(hotline: Hotline, step: str) -> None:
    """Until the caller from the browser has come to that step."""
    async with asyncio.timeout(patience(HEARD / 1000)):
        while True:
            await live.ask(hotline.engine)
            told = await live.told(hotline.engine, datetime.now(UTC))
            if any(call["step"] == step and call["number"] == "withheld" for call in told):
                return
            await asyncio.sleep(0.1)


async def complains(page: Page, hotline: Hotline) -> Path:
    """She calls, says what is wrong, and hangs up once asked whether to keep it. Where her words are."""
    before = set(hotline.settings.recordings.rglob("*.wav"))
    await press_call(page)
    await expect(page.get_by_text(text("state.talking"))).to_be_visible(timeout=patience(HEARD))
    await hears(page, "theirs")
    await page.get_by_role("group", name=text("keypad")).get_by_role("button", name="۱").click()
    for step, keys in (("kind", "1"), ("topic", "11"), ("county", "01")):
        await step_of(hotline, step)
        await hears(page, "theirs")
        for key in keys:
            await page.keyboard.press(key)
    await step_of(hotline, "record")
    file = await hotline.recording_grown(48_000, besides=before)
    await hears(page, "mine", 0.05)
    await page.keyboard.press("#")
    await step_of(hotline, "review")
    await expect(page.locator("[data-length]")).to_contain_text(":")
    await page.get_by_role("button", name=text("hang_up")).click()
    await expect(page.get_by_text(text("state.idle"))).to_be_visible()
    return file


async def test_her_words_in_the_browser_become_a_case(chrome: Browser, hotline: Hotline) -> None:
    async with calling(chrome, hotline, permissions=["microphone"]) as page:
        file = await complains(page, hotline)
    name = file.relative_to(hotline.settings.recordings).with_suffix("").as_posix()
    told = (cases.c.code, cases.c.topic, cases.c.county, recordings.c.voiced_seconds, recordings.c.ended)
    found = select(*told, calls.c.outcome, calls.c.caller)
    found = found.join(recordings, recordings.c.case_id == cases.c.id)
    found = found.join(calls, calls.c.id == cases.c.call_id)
    async with asyncio.timeout(patience(PATIENCE)):
        while True:
            async with hotline.engine.connect() as connection:
                row = (await connection.execute(found.where(recordings.c.name == name))).first()
            if row is not None and row.outcome:
                break
            await asyncio.sleep(0.1)
    assert (row.topic, row.county, row.outcome, row.caller) == ("water.supply", "tabriz", "hung_up", "")
    assert (
        row.voiced_seconds > 0.3 and row.ended == "hash"
    )  # WebRTC, its packets and its gaps: nothing is called cut
    async with AsyncExitStack() as stack:
        panel = Panel(hotline.engine, book_of(hotline.engine), places_of(hotline.settings.state_path))
        url = f"http://127.0.0.1:{hotline.settings.web.port}"
        served = PanelServed(url, panel, panel.engine, Clock(datetime.now(UTC)), stack)
        desk = await stack.enter_async_context(window(chrome, served, "supervisor"))
        await desk.goto(f"/panel/inbox?q={row.code}")
        await expect(desk).to_have_url(re.compile(f"/panel/cases/{row.code}"))  # a code opens its case
        await expect(desk.locator("audio").first).to_be_attached(timeout=patience(HEARD))


async def test_who_calls_again_at_once_keeps_her_call_when_the_first_ones_connection_closes(
    chrome: Browser, hotline: Hotline
) -> None:
    async with calling(chrome, hotline, permissions=["microphone"]) as page:
        async with page.expect_websocket() as first:
            await press_call(page)
        await hears(page, "theirs")
        await page.get_by_role("button", name=text("hang_up")).click()
        await press_call(page)
        await expect(page.get_by_text(text("state.talking"))).to_be_visible(timeout=patience(HEARD))
        socket = await first.value
        if not socket.is_closed():
            await socket.wait_for_event("close")
        await hears(page, "theirs")
        await expect(page.get_by_text(text("state.talking"))).to_be_visible()


async def test_a_talk_outlasts_its_websocket_and_ends_with_its_sound(
    chrome: Browser, hotline: Hotline
) -> None:
    lines: list[WebSocketRoute] = []
    again = asyncio.Event()

    def line(route: WebSocketRoute) -> None:
        route.connect_to_server()
        lines.append(route)
        if len(lines) > 1:
            again.set()

    async with calling(chrome, hotline, permissions=["microphone"]) as page:
        await page.route_web_socket(hotline.settings.phone_url, line)
        await page.reload()
        await press_call(page)
        await hears(page, "theirs")
        await lines[0].close(code=1012)  # as nginx does that starts anew
        async with asyncio.timeout(patience(HEARD / 1000)):
            await again.wait()
        await hears(page, "theirs")
        await expect(page.get_by_text(text("state.talking"))).to_be_visible()
        hotline.console("channel request hangup all")  # its BYE goes to the WebSocket that was
        await expect(page.get_by_text(text("trouble.lost"))).to_be_visible(timeout=patience(HEARD))


async def test_who_leaves_the_page_in_mid_call_is_asked_and_keeps_her_call(
    chrome: Browser, hotline: Hotline
) -> None:
    async with calling(chrome, hotline, permissions=["microphone"]) as page:
        await press_call(page)
        await hears(page, "theirs")
        await stays_when_asked(page)
        await hears(page, "theirs")
        await page.get_by_role("button", name=text("hang_up")).click()
        await page.goto("/")  # nobody is asked any more


@asynccontextmanager
async def chrome_without(*left_out: str) -> AsyncIterator[Browser]:
    """A person's own Chromium, without some of the flags that give it a microphone."""
    found = chromium(print, windows=True)
    flags = [flag for flag in FLAGS if flag not in left_out]
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=found.program,
            args=[*flags, f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"],
            env={**os.environ, **found.environment},
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def page_of(browser: Browser, url: str, **options: Any) -> AsyncIterator[Page]:
    context = patient(await browser.new_context(base_url=url, locale="fa-IR", **options))
    page = await context.new_page()
    await page.goto("/call")
    yield page
    await context.close()


@pytest.fixture
async def nowhere(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[PanelServed]:
    """The page, and no Asterisk behind it."""
    phone = Telephone(f"ws://127.0.0.1:{free()}/ws", "seda111-phone", "secret", "111")
    async with panel_served(engine, tmp_path, citizens_phone=phone) as served:
        yield served


async def test_each_trouble_with_the_microphone_is_told_in_its_own_words(nowhere: PanelServed) -> None:
    async def told(browser: Browser, url: str, trouble: str) -> None:
        async with page_of(browser, url) as page:
            await press_call(page)
            alert = page.get_by_role("alert")
            said, most = text(f"trouble.{trouble}"), patience(HEARD)
            await expect(alert).to_have_text(said, use_inner_text=True, timeout=most)
            await expect(page.get_by_role("button", name=text("call"), exact=True)).to_be_enabled()

    async with chrome_without("--use-fake-ui-for-media-stream") as asking:
        await told(asking, nowhere.url, "refused")
        await told(asking, nowhere.url.replace("127.0.0.1", ELSEWHERE), "insecure")
    async with chrome_without("--use-fake-device-for-media-stream") as deaf:
        await told(deaf, nowhere.url, "no_microphone")


async def test_an_asterisk_that_is_away_is_told(chrome: Browser, nowhere: PanelServed) -> None:
    async with page_of(chrome, nowhere.url, permissions=["microphone"]) as page:
        await press_call(page)
        await expect(page.get_by_text(text("trouble.unreachable"))).to_be_visible(timeout=patience(HEARD))


async def test_a_wrong_password_calls_nobody(
    chrome: Browser, hotline: Hotline, engine: AsyncEngine, tmp_path: Path
) -> None:
    phone = Telephone(hotline.settings.phone_url, "seda111-phone", "wrong", "111")
    async with panel_served(engine, tmp_path, citizens_phone=phone) as served:  # noqa: SIM117
        async with page_of(chrome, served.url, permissions=["microphone"]) as page:
            await press_call(page)
            await expect(page.get_by_text(text("trouble.rejected"))).to_be_visible(timeout=patience(HEARD))


@pytest.mark.parametrize("dark", [False, True])
async def test_the_page_looks_as_it_should(chrome: Browser, nowhere: PanelServed, dark: bool) -> None:
    tone: Any = "dark" if dark else "light"
    async with page_of(chrome, nowhere.url, permissions=["microphone"], color_scheme=tone) as page:
        for name, size in (("", WIDE), ("-phone", PHONE)):
            await page.set_viewport_size(size)
            await screenshot(page, f"call{name}-{tone}")
            assert await page.locator("html").evaluate("e => e.scrollWidth") <= size["width"]
        keys = await page.locator("[data-key]").evaluate_all("keys => keys.map(k => k.clientHeight)")
        assert len(keys) == 12 and min(keys) >= 44
        assert not await serious(page)
