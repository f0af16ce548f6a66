"""What a browser would say in its own language is said in Persian; without scripts no button is dead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store.tables import cases
from ivr.web.panel.locale import words
from tests.desk.counter import counter
from tests.fixtures.database import SEED
from tests.web.browser import PHONE, WIDE, chrome, enter, patient, screenshot, serious
from tests.web.panel import PanelServed, panel_served

__all__ = ["chrome"]
TEXT = words()


@pytest.fixture
async def panel(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[PanelServed]:
    async with panel_served(engine, tmp_path, seed=SEED) as served:
        yield served


@asynccontextmanager
async def english(chrome: Browser, panel: PanelServed, role: str = "", **more: Any) -> AsyncIterator[Page]:
    """A page of a browser that speaks English."""
    context = patient(await chrome.new_context(base_url=panel.url, viewport=WIDE, locale="en-US", **more))
    try:
        if role:
            await enter(context, panel, role)
        yield await context.new_page()
    finally:
        await context.close()


async def message(page: Page, field: str) -> str:
    return str(await page.locator(field).first.evaluate("field => field.validationMessage"))


async def test_what_a_field_lacks_is_said_in_persian(panel: PanelServed, chrome: Browser) -> None:
    code = await (await counter(panel.engine)).open()
    async with english(chrome, panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.locator("[data-opens=reveal-caller]").click()
        form = page.locator("#reveal-caller form")
        await form.locator("button.main").click()
        assert await message(page, "#reason-caller") == TEXT("common.form.needed")
        await form.locator("[name=reason]").press_sequentially("چون")
        assert await message(page, "#reason-caller") != TEXT("common.form.needed")
        await form.locator("button.main").click()
        assert await message(page, "#reason-caller") == TEXT("common.form.short").replace("#", "۴")
        await form.locator("[name=reason]").fill("تماس برای پرسش")
        await form.locator("button.main").click()
        await expect(page.locator("[data-revealed=caller]")).to_be_visible()
    async with english(chrome, panel) as page:
        await page.goto("/track")
        await page.locator("form button.main").click()
        assert await message(page, "#code") == TEXT("common.form.needed")


async def test_a_sound_has_a_player_in_persian(panel: PanelServed, chrome: Browser) -> None:
    at = await counter(panel.engine)
    code = await at.open()
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(answer_voice="0" * 64))
    async with english(chrome, panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        player = page.get_by_role("group", name=TEXT("casefile.player"), exact=True)
        await expect(player).to_be_visible()
        assert await page.locator("audio[controls]").count() == 0
        await expect(player.get_by_role("slider", name=TEXT("casefile.position"))).to_be_disabled()
        await player.get_by_role("button", name=TEXT("casefile.play")).click()
        await expect(player).to_contain_text(TEXT("casefile.trouble"))
        assert not await serious(page)
        await screenshot(page, "browser-words-player")
        await page.set_viewport_size(PHONE)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await screenshot(page, "browser-words-player-phone")


async def test_without_scripts_there_are_no_dead_buttons_and_a_number_is_still_revealed(
    panel: PanelServed, chrome: Browser
) -> None:
    code = await (await counter(panel.engine)).open()
    async with english(chrome, panel, "supervisor", java_script_enabled=False) as page:
        case = f"/panel/cases/{code}"
        for address in (case, f"{case}?do=answer", "/panel/inbox", "/panel/account"):
            await page.goto(address)
            dead = page.locator("button[type=button]").filter(visible=True)
            assert await dead.count() == 0, address
        await page.goto(case)
        await screenshot(page, "browser-words-no-script")
        form = page.locator("#reveal-caller form")
        await form.locator("[name=reason]").fill("تماس برای پرسش")
        await form.locator("button.main").click()
        await expect(page.locator("[data-revealed=caller]")).to_be_visible()
