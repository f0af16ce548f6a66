"""The buttons of a case's page: which of them is offered first to whoever does not read them all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import splitting
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.splitting import Part
from tests.desk.office import WEDNESDAY
from tests.web.browser import chrome, screenshot, window
from tests.web.casefile import Desk, desk_served

__all__ = ["chrome"]


@pytest.fixture
async def desk(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_served(engine, tmp_path) as served:
        yield served


async def test_no_rare_deed_is_the_main_button_where_nothing_else_is_to_be_done(
    desk: Desk, chrome: Browser
) -> None:
    """On a case that waits for its parts it was what makes a case confidential for good."""
    plain, whole, page = await desk.open(), await desk.open(), await desk.office.book.page()
    ask = Instruction(whole, actor_named(page, "desk"), now=WEDNESDAY)
    named = [Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")]
    await splitting.split(desk.panel.engine, page, ask, named)
    async with window(chrome, desk.panel, "supervisor") as seen:
        await seen.goto(f"/panel/cases/{whole}")
        await expect(seen.locator("[data-deed=confide]")).to_have_class(re.compile(r"\blittle\b"))
        await screenshot(seen, "casefile-split")
        await expect(seen.locator(".timeline > .split")).to_have_css("display", "block")  # as each line
        await expect(seen.locator(".deeds .main")).to_have_count(0)
        await seen.goto(f"/panel/cases/{plain}")
        await expect(seen.locator(".deeds .main")).to_have_attribute("data-deed", "refer")
