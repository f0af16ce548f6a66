"""A real Chromium: one for each worker, a fresh context for each test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from ivr.lab.browser import FLAGS, chromium
from ivr.lab.pace import patience
from ivr.settings import load
from tests.web.panel import PanelServed

WIDE: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 390, "height": 844}
DEFAULT = 20_000  # milliseconds until what is expected of a page has to be there
# htmx calls an error, too, that a request gave way to a newer one (`hx-sync`), and that any ended unanswered;
# of the latter it says in a second line why.
NO_ANSWER = ("htmx:sendAbort", "htmx:afterRequest")
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="session")
async def chrome() -> AsyncIterator[Browser]:
    """Started once in each worker; a machine without one says in one sentence what is missing."""
    found = chromium(print)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=found.program, args=list(FLAGS), env={**os.environ, **found.environment}
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def window(
    chrome: Browser,
    panel: PanelServed,
    role: str = "",
    *,
    dark: bool = False,
    size: ViewportSize = WIDE,
    workers: bool = False,
    told: tuple[str, ...] = (),
    **who: Any,
) -> AsyncIterator[Page]:
    """A page of a fresh context on the panel, signed in as `role` ("" = nobody).

    Scripts that fail, what they say on the console as an error (so CodeMirror and htmx tell of ours that they
    called), and what the content security policy refuses, fail the test. `workers`: service workers may run;
    what they answer no route of a test sees. `told`: how an error begins that a test makes htmx tell, or that
    the browser's own page of an image is refused.
    """
    context = patient(await chrome.new_context(
        base_url=panel.url, viewport=size, color_scheme="dark" if dark else "light", locale="fa-IR",
        timezone_id="Asia/Tehran", reduced_motion="reduce", service_workers="allow" if workers else "block",
    ))  # fmt: skip
    try:
        if role:
            await enter(context, panel, role, **who)
        # What a page keeps until a day is over is kept whatever the day is on which the tests run.
        shift = f"const real = Date.now, ahead = {panel.clock().timestamp() * 1000} - real(); "
        await context.add_init_script(f"{{ {shift} Date.now = () => real() + ahead; }}")
        complaints: list[str] = []  # of each of its pages: a test may open more, as may a script
        context.on("weberror", lambda wrong: complaints.append(str(wrong.error)))
        context.on("console", lambda said: complaints.extend([said.text] * _complains(said, told)))
        yield await context.new_page()
        assert not complaints, complaints
    finally:
        await context.close()


def _complains(said: ConsoleMessage, told: tuple[str, ...]) -> bool:
    """What the browser itself tells of an answer that failed has no arguments."""
    if told and said.text.startswith(told):
        return False
    wrong = said.type == "error" and bool(said.args) and not said.text.startswith(NO_ANSWER)
    return wrong or "Security Policy" in said.text


def patient(context: BrowserContext) -> BrowserContext:
    """Waits as long as this machine may need now; what is expected of any page, too."""
    context.set_default_timeout(patience(DEFAULT))
    expect.set_options(timeout=patience(DEFAULT))
    return context


async def enter(context: BrowserContext, panel: PanelServed, role: str, **who: Any) -> None:
    """Sign the context in as somebody of that role."""
    token = await panel.token(role, **who)
    await context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])


async def stays_when_asked(page: Page) -> None:
    """Whoever leads to another page is asked by the browser, and stays."""
    async with page.expect_event("dialog") as asked:
        await page.evaluate("setTimeout(() => location.assign('/'))")
    dialog = await asked.value
    assert dialog.type == "beforeunload"
    await dialog.dismiss()


async def screenshot(page: Page, name: str, whole: bool = True) -> None:
    """For people to look at, under the state folder; only where SEDA_PICTURES is set: painting is dear."""
    await page.evaluate("document.fonts.ready")
    if "SEDA_PICTURES" in os.environ:
        folder = load().state_path / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=folder / f"{name}.png", full_page=whole)


async def serious(page: Page, *rules: str) -> list[str]:
    """What axe-core finds serious or worse, by all rules or some: "rule: element" each."""
    # Of what is well one element is enough: to describe all of them takes most of the time.
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    found: Sequence[Any] = await page.evaluate(
        "options => axe.run(options).then((told) => told.violations)", options
    )
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
