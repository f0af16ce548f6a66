"""Every page without parameters: readable by all (axe-core) in both themes, on a phone, light to load."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page

from ivr.web.panel.permissions import ROLES, ROUTES
from tests.web.books import fill
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.everything import plain_pages, routes
from tests.web.panel import PASSWORD, PanelServed

MOST_BYTES = 300_000
FILES = ("/export", "/csv", "/xlsx", "/yaml", "/pdf", "/letter", "/events", "/stream", "/live/calls")


def pages(role: str) -> list[str]:
    """Those that `role` may open and that are pages, not files or streams."""
    open_ = {r.path for r in routes("GET") if ROUTES[r.name] in ROLES[role]}  # type: ignore[index]
    return [path for path in plain_pages() if path in open_ and not path.endswith(FILES)]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_no_page_has_a_serious_fault(panel: PanelServed, chrome: Browser, dark: bool) -> None:
    found: dict[str, list[str]] = {}
    await fill(panel.engine, panel.clock(), many=200)
    for role in ("admin", "supervisor"):
        async with window(chrome, panel, role, dark=dark) as page:
            for path in pages(role):
                if path not in found and await _is_page(page, path):
                    found[path] = await serious(page)
                    await screenshot(page, f"{path[1:].replace('/', '-')}-{'dark' if dark else 'light'}")
    assert len(found) >= 3
    assert not {path: faults for path, faults in found.items() if faults}


async def test_no_page_is_wider_than_a_phone(panel: PanelServed, chrome: Browser) -> None:
    wide, seen = [], set()
    await fill(panel.engine, panel.clock(), many=200)
    for role in ("supervisor", "admin"):
        async with window(chrome, panel, role, size=PHONE) as page:
            for path in pages(role):
                if path in seen or not await _is_page(page, path):
                    continue
                seen.add(path)
                if await page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
                    wide.append(path)
                await screenshot(page, f"{path[1:].replace('/', '-')}-phone")
    assert not wide


async def _is_page(page: Page, path: str) -> bool:
    answer = await page.request.get(path, max_redirects=0)
    if answer.status != 200 or not answer.headers["content-type"].startswith("text/html"):
        return False
    await page.goto(path)
    return True


async def test_the_first_page_is_light(panel: PanelServed, chrome: Browser) -> None:
    """From an empty cache: signing in, and all that comes until the first page stands; bytes on the wire."""
    person = await panel.person("supervisor")
    async with window(chrome, panel) as page:
        wire = await page.context.new_cdp_session(page)
        came: list[int] = []
        wire.on("Network.loadingFinished", lambda event: came.append(int(event["encodedDataLength"])))
        await wire.send("Network.enable")
        await page.goto("/panel/sign-in", wait_until="networkidle")
        first = sum(came)
        await page.get_by_label("نام کاربری").fill(person.name)
        await page.get_by_label("رمز عبور").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(r"/panel/(?!sign-in$)"))
        await page.wait_for_load_state("networkidle")
        whole = sum(came)
    print(f"sign-in page {first:,} bytes, with the page behind it {whole:,}")
    assert 50_000 < first < MOST_BYTES and whole < MOST_BYTES
