"""Every page without parameters: readable by all (axe-core) in both themes, on a phone, light to load."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader
from playwright.async_api import Browser, Page, Route, expect

import ivr.web
from ivr.web.panel import rendering as making
from ivr.web.panel.permissions import ROUTES, Permission
from tests.desk.counter import counter
from tests.web.books import fill
from tests.web.browser import PHONE, WIDE, enter, patient, screenshot, serious, window
from tests.web.everything import MARKUP, ask, hostile_case, routes
from tests.web.panel import PASSWORD, PanelServed

STATIC = Path(ivr.web.__file__).parent / "static"
MOST_BYTES = 300_000
SCROLLBAR = 15  # pixels; a headless Chromium has none
# What is wider than its box, with what it begins with; and tables that nothing lets scroll.
CUT = """(which) => [...document.querySelectorAll(which ?? '.scroll, table')].filter((each) => {
  const box = each.tagName === 'TABLE' ? (each.closest('.scroll') ? null : each.parentElement) : each;
  return box && box.clientWidth && box.scrollWidth > box.clientWidth + 1;
}).map((each) => `${each.scrollWidth} in ${each.clientWidth}: ${each.textContent.trim().slice(0, 40)}`)"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["supervisor", "admin"])
async def test_every_page_reads_well_by_day_by_night_and_on_a_phone(
    panel: PanelServed, chrome: Browser, role: str
) -> None:
    """With a case of markup in the books: nothing serious for axe-core, nothing wider than a phone, no markup
    that is run. An admin looks at what a supervisor may not."""
    await fill(panel.engine, panel.clock(), many=200)
    code = await hostile_case(panel, await counter(panel.engine))
    found = await pages(panel, role, code)
    if role == "admin":
        others = await pages(panel, "supervisor", code)
        found = [path for path in found if path not in others]
        assert "/panel/admin/people" in found
    else:
        assert {"/panel/account", "/panel/inbox", "/panel/live", f"/panel/cases/{code}"} <= set(found)
    wrong: list[str] = []
    async with window(chrome, panel, role, full_name=MARKUP[:80]) as page:
        for path in found:
            await page.goto(path)
            wrong += [f"{path}: {fault}" for fault in await _faults(page, path.replace(code, "case"))]
    assert not wrong


async def pages(panel: PanelServed, role: str, code: str) -> list[str]:
    """What `role` may look at and takes no more than a case's code: no files, pieces, streams."""
    found, token = [], await panel.token(role)
    for route in routes("GET"):
        path = route.path.replace("{code}", code)
        if "{" not in path and ROUTES[route.name] is not Permission.PUBLIC:
            answer, text = await ask(panel, route, token, {"code": code})
            if answer.status == 200 and text.startswith("<!doctype html>"):
                found.append(path)
    return found


async def test_nobody_waits_for_a_template_once_a_process_has_prepared_them(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page of a supervisor and an admin: none reads a template, and so compiles one."""
    monkeypatch.setattr(making, "PAUSE", 0)
    read: list[str] = []

    class Watched(FileSystemLoader):
        def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
            read.append(template)
            return super().get_source(environment, template)

    assert panel.pages
    panel.pages.environment.loader = Watched(making.FOLDER)
    await panel.pages.prepare()
    assert len(read) == len(set(read)) > 60
    read.clear()
    await fill(panel.engine, panel.clock(), many=20)
    code = await hostile_case(panel, await counter(panel.engine))
    seen = await pages(panel, "supervisor", code) + await pages(panel, "admin", code)
    assert len(seen) > 30 and not read


async def _faults(page: Page, path: str) -> list[str]:
    name, faults = path[1:].replace("/", "-"), await serious(page)
    if await page.evaluate("window.hit") is not None:
        faults.append("markup was run")
    await screenshot(page, f"{name}-light")
    await page.set_viewport_size({**WIDE, "width": WIDE["width"] - SCROLLBAR})
    faults += [f"does not fit: {what}" for what in await page.evaluate(CUT)]
    await page.set_viewport_size(WIDE)
    title = page.locator("h1").first
    for tabs in await page.locator("main .tabs").all():
        here, below = await title.bounding_box(), await tabs.bounding_box()
        if here is None or below is None or here["y"] > below["y"]:
            faults.append("its tabs come before its heading")
    await page.emulate_media(color_scheme="dark")
    faults += [f"dark: {fault}" for fault in await serious(page, "color-contrast")]
    await screenshot(page, f"{name}-dark", whole=False)
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(PHONE)
    if await page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
        faults.append("is wider than a phone")
    faults += [f"cut on a phone: {what}" for what in await page.evaluate(CUT, "table")]
    await screenshot(page, f"{name}-phone", whole=False)
    await page.set_viewport_size(WIDE)
    return faults


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


async def test_a_form_whose_sending_was_stopped_by_escape_may_be_sent_again(
    panel: PanelServed, chrome: Browser
) -> None:
    """As one does on a slow line. A second press without it sends nothing."""
    person, sent = await panel.person("supervisor"), list[str]()

    async def stop_the_first(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.url)
        await (route.abort("aborted") if len(sent) == 1 else route.continue_())

    async with window(chrome, panel) as page:
        await page.goto("/panel/sign-in")
        await page.route("**/panel/sign-in", stop_the_first)
        await page.get_by_label("نام کاربری").fill(person.name)
        await page.get_by_label("رمز عبور").fill(PASSWORD)
        send = page.locator("form[data-once] button.main")
        async with page.expect_event("requestfailed"):
            await send.click()
        await send.click()
        assert len(sent) == 1
        await page.keyboard.press("Escape")
        await send.click()
        await page.wait_for_url(re.compile(r"/panel/(?!sign-in$)"))
    assert len(sent) == 2


async def test_half_written_words_are_not_left_unasked_in_chrome_before_119_either(
    panel: PanelServed, chrome: Browser
) -> None:
    """There `preventDefault()` asks nothing: each script that asks sets `returnValue`, too."""
    code = await hostile_case(panel, await counter(panel.engine))
    async with window(chrome, panel, "supervisor") as page:
        await page.add_init_script("BeforeUnloadEvent.prototype.preventDefault = () => {}")
        page.on("dialog", lambda asked: asked.dismiss())
        await page.goto(f"/panel/cases/{code}?do=reopen")
        await page.locator("form.deed [name=reason]").fill("آب هنوز قطع است")
        async with page.expect_event("dialog"):
            await page.locator("nav.menu a").first.click()
        await expect(page.locator("form.deed [name=reason]")).to_have_value("آب هنوز قطع است")
    asking = [text for each in STATIC.glob("*.js") if '"beforeunload"' in (text := each.read_text())]
    assert len(asking) == 5
    for text in asking:
        assert text.count('"beforeunload"') == text.count("event.returnValue = true;")


@pytest.mark.parametrize("style", sorted(STATIC.glob("*.css")), ids=lambda style: style.name)
def test_no_picture_depends_on_color_mix_which_is_not_there_before_chrome_111(style: Path) -> None:
    """There a chart's `fill` would be black, and a canvas would paint on in the colour of before."""
    assert not re.findall(r"(?:fill|stroke|--[\w-]+):[^;}]*color-mix", style.read_text())


async def test_without_scripts_the_menu_stands_on_a_wide_screen_and_folds_on_a_phone_in_older_browsers_too(
    panel: PanelServed, chrome: Browser
) -> None:
    """In those that know no `::details-content` a closed `<details>` shows nothing but its summary."""

    async def as_before(route: Route) -> None:
        came = await route.fetch()
        await route.fulfill(response=came, body=(await came.text()).replace("::details-content", "::before"))

    context = patient(await chrome.new_context(base_url=panel.url, viewport=WIDE, java_script_enabled=False))
    await enter(context, panel, "supervisor")
    page = await context.new_page()
    await page.route("**/panel.css", as_before)
    await page.goto("/panel/account")
    menu, out = page.locator("nav.menu"), page.get_by_role("button", name="خروج")
    await expect(menu).to_be_visible()
    await expect(out).to_be_visible()
    await page.set_viewport_size(PHONE)
    await expect(menu).to_be_hidden()
    await page.locator(".fold > summary").click()
    await expect(menu).to_be_visible()
    await expect(out).to_be_visible()
    await context.close()
