"""An admin's whole way with a branch of her own: from the editor to a call on it, and back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from playwright.async_api import Browser, Page, ViewportSize, expect
from sqlalchemy import select

from ivr.desk.book import menus
from ivr.lab.pace import patience
from ivr.store.tables import calls
from ivr.web.panel.locale import words
from ivr.web.panel.mistake_words import in_persian
from ivr.web.panel.visit import Panel
from tests.fixtures.hotline import PATIENCE, Hotline
from tests.fixtures.province import book_of
from tests.voice.conversation import TREE
from tests.web.browser import screenshot, serious, window
from tests.web.panel import PanelServed, places_of
from tests.web.public.test_call_page import hears, press_call, text
from tests.web.service import Clock
from tests.web.trees.test_menu_trees import END, pressed_until

TEXT = words()
ONE = "/panel/menus/111"
DESK: ViewportSize = {"width": 1366, "height": 768}
SNOW = "سلام، امروز برف آمده است."


def served(hotline: Hotline, stack: AsyncExitStack) -> PanelServed:
    """The panel of the hotline that takes the calls."""
    panel = Panel(hotline.engine, book_of(hotline.engine), places_of(hotline.settings.state_path))
    url = f"http://127.0.0.1:{hotline.settings.web.port}"
    return PanelServed(url, panel, panel.engine, Clock(datetime.now(UTC)), stack)


async def live(hotline: Hotline) -> menus.Revision:
    found = await menus.current(hotline.engine, "111")
    assert found is not None
    return found


async def went_through(hotline: Hotline, revision: int) -> None:
    """Until a call from a browser is in the books that began on that revision."""
    found = select(calls.c.id).where(calls.c.menu_revision == str(revision), calls.c.caller == "")
    async with asyncio.timeout(patience(PATIENCE)):
        while True:
            async with hotline.engine.connect() as connection:
                if (await connection.execute(found)).first():
                    return
            await asyncio.sleep(0.1)


async def typed_over(page: Page, found: str, text: str) -> None:
    """With the keyboard alone: find it, close the search, write over what is picked."""
    search = page.locator(".cm-search input[name=search]")
    await pressed_until(page, "Control+f", search)
    await expect(search).to_be_focused()
    await page.keyboard.insert_text(found[:-1])
    await page.keyboard.type(found[-1])  # a key that goes up, as the search waits for one
    await pressed_until(page, "Enter", page.locator(".cm-searchMatch-selected").first)
    await page.keyboard.press("Escape")
    await expect(page.locator(".cm-search")).to_have_count(0)
    await expect(page.locator(".cm-content")).to_be_focused()
    await page.keyboard.insert_text(text)


async def test_an_admin_adds_a_branch_mends_it_hears_it_rehearses_publishes_and_dials_it_and_rolls_back(
    chrome: Browser, hotline: Hotline
) -> None:
    first = await menus.publish(hotline.engine, "111", TREE.read_text(encoding="utf-8"), "karimi")
    steps = first.text.count("\n    type: ")
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(window(chrome, served(hotline, stack), "admin", size=DESK))
        await page.context.grant_permissions(["microphone"])
        await page.goto(ONE)
        await screenshot(page, "menu-tree")
        assert not await serious(page)
        await page.get_by_role("link", name=TEXT("menus.edit.title")).click()
        state = page.locator("#tree-state")
        await expect(page.locator(".cm-content")).to_be_visible()
        await page.locator(".cm-content").focus()
        await pressed_until(page, "Control+End", page.locator(END))
        await page.keyboard.insert_text(
            "\n  # برف: امروز راه‌ها بسته است (snow, تا شنبه)\n"
            "  snow:\n    type: say\n    prompt: [operator.closed]\n    go: notcie\n"
        )
        await expect(state).to_have_text(TEXT("menus.edit.mistakes", n=1))
        await expect(page.locator("#tree-mistakes")).to_contain_text("notcie")
        assert await page.locator(".cm-lint-marker-error").count() == 1
        await screenshot(page, "menu-edit-mistake", whole=False)
        await pressed_until(page, "F8", page.locator(".cm-diagnosticAction").first)
        await page.locator(".cm-diagnosticAction").first.click()
        await expect(page.locator("#tree-mistakes")).to_contain_text(
            in_persian("no call can come here: no other step leads to it")
        )
        await typed_over(page, r"[emergency]\n    go: notice", "[emergency]\n    go: snow")
        await expect(page.locator("#tree-picture [data-step=snow]")).to_be_visible()
        await expect(state).to_have_text(TEXT("menus.edit.right", n=steps + 1))
        await page.locator("#tree-picture [data-step=snow] .box").click()
        change = page.get_by_role("button", name=f"{TEXT('menus.prompts.edit')} operator.closed")
        await change.press("Enter")
        await expect(page.locator("#said-fa")).to_be_focused()
        await page.locator("#said-fa").fill(SNOW)
        async with page.expect_response("**/hear") as spoken:
            await page.get_by_role("button", name=f"{TEXT('menus.prompts.hear')} operator.closed fa").click()
        assert (await spoken.value).status == 200
        await screenshot(page, "menu-words", whole=False)
        assert not await serious(page)
        await page.get_by_role("button", name=TEXT("menus.prompts.write")).press("Enter")
        await expect(page.locator("#tree-prompts")).to_contain_text(SNOW)
        await expect(page.locator("#tree-prompts .badge")).to_have_text(TEXT("menus.prompts.own"))
        assert f'fa: "{SNOW}"' in await page.locator("textarea[name=text]").input_value()
        await expect(state).to_have_text(TEXT("menus.edit.right", n=steps + 1))
        await screenshot(page, "menu-edit", whole=False)
        assert not await serious(page)

        played: list[str] = []
        page.on(
            "request",
            lambda asked: played.append(asked.url) if asked.url.endswith(("/audio", "/hear")) else None,
        )
        await page.locator("#tree-try").click()
        await expect(page.locator("#phone-step")).to_have_text("language")
        await expect(page.locator("#phone-state")).to_have_text(TEXT("menus.try.waits"))
        await pressed_until(page, "1", page.locator("#phone-step", has_text="kind"))
        await expect(page.locator("#phone-step")).to_have_text("kind")
        await expect(page.locator("#phone-state")).to_have_text(TEXT("menus.try.waits"))
        assert [url.split("/")[-2] for url in played][:2] == ["welcome", "language.choose"]
        await expect(page.locator("#phone-heard")).to_contain_text(SNOW)
        assert any(url.endswith("/hear") for url in played), "the new branch is heard in its own words"
        await screenshot(page, "menu-try", whole=False)
        assert not await serious(page)
        await page.keyboard.press("Escape")

        await page.locator("#f-reason").fill("برف")
        await page.locator(".cm-content").focus()
        sent, saved = page.locator("#tree-form[data-sent]"), page.get_by_text(TEXT("menus.said.saved"))
        await pressed_until(page, "Control+s", sent.or_(saved).first)
        await expect(saved).to_be_visible()
        await page.get_by_role("button", name=TEXT("menus.rehearsal.button")).click()
        await expect(page.locator("#rehearsed [role=status]")).to_be_visible()
        await screenshot(page, "menu-draft")
        assert not await serious(page)
        await page.get_by_role("button", name=TEXT("menus.publish.button"), exact=True).click()
        await expect(page.get_by_text(TEXT("menus.said.now"))).to_be_visible()
        published = await live(hotline)
        assert published.number > first.number and "# برف: امروز" in published.text
        async with page.expect_popup() as opened:
            await page.get_by_role("link", name=TEXT("menus.dial")).press("Enter")
        phone = await opened.value
        await press_call(phone)
        await hears(phone, "theirs")
        await phone.get_by_role("button", name=text("hang_up")).click()
        await went_through(hotline, published.number)
        await phone.close()
        await page.get_by_role("button", name=TEXT("menus.back.button")).click()
        await page.locator("#f-reason").fill("برف آب شد")
        await screenshot(page, "menu-back", whole=False)
        await page.locator("#back button.danger").click()
        await expect(page.get_by_text(TEXT("menus.said.back"))).to_be_visible()
        assert (await live(hotline)).text == first.text
