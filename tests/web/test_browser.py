"""The window of our tests: what a script of ours gets wrong fails the test, though it was caught."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.web.browser import chrome, window
from tests.web.panel import PanelServed, panel

__all__ = ["chrome", "panel"]


async def test_what_was_caught_and_told_on_the_console_fails_a_test(
    panel: PanelServed, chrome: Browser
) -> None:
    with pytest.raises(AssertionError, match="it was caught"):
        async with window(chrome, panel, "supervisor") as page:
            await page.goto("/panel/inbox")
            await page.evaluate("console.error(new Error('it was caught'))")


async def test_a_request_that_gave_way_to_a_newer_one_is_no_mistake(
    panel: PanelServed, chrome: Browser
) -> None:
    async with window(chrome, panel, "operator") as page:
        await page.goto("/panel/desk")
        await page.route("**/beside", lambda route: None)
        for _ in range(2):
            async with page.expect_request("**/beside"):
                await page.locator("#desk-form").dispatch_event("filled")
        async with page.expect_event("console", lambda said: "sendAbort" in said.text):
            await page.locator("#desk-form").dispatch_event("filled")
