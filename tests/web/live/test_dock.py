"""The telephone that hangs over the live board and the lottery."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from ivr.web.browser_phone import Telephone
from ivr.web.panel.visit import Telephones
from tests.web.browser import screenshot, window
from tests.web.panel import PanelServed


@pytest.mark.parametrize(("role", "page"), [("supervisor", "live"), ("governor", "meetings/lottery")])
async def test_at_four_times_the_size_the_telephone_leaves_half_of_the_window_and_hangs_up(
    panel: PanelServed, chrome: Browser, role: str, page: str
) -> None:
    panel.panel.telephones = Telephones(desk=Telephone("ws://127.0.0.1:9/ws", "desk", "secret", "111"))
    async with window(chrome, panel, role, size={"width": 320, "height": 256}) as seen:
        await seen.goto(f"/panel/{page}")
        dock, hang_up = seen.locator(".dock"), seen.locator("[data-act=hang-up]")
        await dock.evaluate("its => { its.hidden = its.querySelector('[data-act=hang-up]').hidden = false; }")
        await expect(hang_up).to_be_in_viewport(ratio=1)
        await screenshot(seen, f"dock-{role}", whole=False)
        height = await dock.evaluate("its => its.getBoundingClientRect().height")
        assert height <= 256 / 2
        room = "its => parseFloat(getComputedStyle(its).paddingBlockEnd)"
        assert await seen.locator(".page").evaluate(room) > height, (
            "the page's end can be scrolled clear of it"
        )
