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


@pytest.mark.parametrize(
    "script", ["console.error(new Error('it was caught'))", "setTimeout(() => { no.such })"]
)
async def test_what_goes_wrong_in_a_second_tab_fails_a_test_too(
    panel: PanelServed, chrome: Browser, script: str
) -> None:
    with pytest.raises(AssertionError, match=r"it was caught|no is not defined"):
        async with window(chrome, panel, "supervisor") as page:
            beside = await page.context.new_page()
            await beside.goto("/panel/inbox")
            async with page.context.expect_event("console" if "console" in script else "weberror"):
                await beside.evaluate(script)


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
