"""The page of the lottery: drawn, one click rings, what came of it is noted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect
from sqlalchemy import func, select, update

from ivr.cases.callback import Outcome
from ivr.desk.case import answers, closing
from ivr.desk.meetings import lottery_drawing
from ivr.store.tables import callbacks, lottery_calls
from ivr.web.browser_phone import Telephone
from ivr.web.panel.locale import words
from ivr.web.panel.visit import Telephones
from tests.desk.meetings.hall import Hall, hall
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import PanelServed

LOTTERY = "/panel/meetings/lottery"
DESKTOP: ViewportSize = {"width": 1366, "height": 768}


@pytest.fixture
async def at(panel: PanelServed) -> Hall:
    """Six cases that ended well."""
    its = await hall(panel.engine)
    its.at = panel.clock() - timedelta(days=3)
    for n in range(6):
        code = await its.open(caller=f"0914123450{n}")
        await answers.give(its.engine, its.page, its.by(code, who="abfa"), "لوله عوض شد و آب وصل است.")
        await closing.close(its.engine, its.page, its.by(code, who="citizen"))
    its.at = panel.clock()
    return its


async def talked(at: Hall) -> None:
    """As if the last one rung had talked."""
    async with at.engine.begin() as connection:
        its = callbacks.c.purpose == "answer"
        row = (await connection.execute(callbacks.select().where(its).limit(1))).one()
        said = {"last_outcome": Outcome.TALKED, "state": "reached", "attempts": 1}
        await connection.execute(update(callbacks).where(callbacks.c.id == row.id).values(said))
        await connection.execute(update(lottery_calls).values(callback_id=row.id))


@pytest.mark.timeout(900)
async def test_drawn_rung_and_noted_by_keyboard_and_it_reads_well(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    async with window(chrome, panel, "governor", size=DESKTOP) as page:
        await page.goto(LOTTERY)
        await screenshot(page, "lottery-empty")
        await page.get_by_role("button", name="قرعه‌کشی ۵ پرونده").press("Enter")
        cards = page.locator("article")
        await cards.first.wait_for()
        await expect(cards).to_have_count(5)
        await expect(cards.last).to_contain_text("۵.")
        await cards.first.get_by_role("button", name="تماس با شهروند").press("Enter")
        await page.get_by_text("گوشی را نگه دارید").wait_for()
        dial = await page.locator("[role=status] .code").inner_text()
        assert len(dial) == 9 and dial.startswith("8")
        await talked(at)
        await page.goto(LOTTERY)
        first = cards.first
        assert "گفتگو کرد" in await first.inner_text()
        await first.get_by_role("radio", name="راضی نیست").press("Space")
        await first.get_by_role("button", name="ثبت نتیجه").press("Enter")
        await page.get_by_text("بنویسید چه گفت").first.wait_for()
        await screenshot(page, "lottery")
        assert not await serious(page)
        await page.set_viewport_size(PHONE)
        await screenshot(page, "lottery-phone")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await first.locator("textarea").fill("آب هنوز قطع است")
        await first.get_by_role("button", name="ثبت نتیجه").press("Enter")
        await page.get_by_text("نتیجه ثبت شد.").wait_for()
        assert "راضی نیست" in await first.inner_text()


@asynccontextmanager
async def at_his_telephone(chrome: Browser, panel: PanelServed) -> AsyncIterator[Page]:
    """The governor's page of a draw. His telephone there connects, and rings for as long as he lets it."""
    panel.panel.telephones = Telephones(desk=Telephone("ws://127.0.0.1:9/ws", "desk", "secret", "111"))
    await (await panel.signed_in("governor")).post(f"{LOTTERY}/draw")
    async with window(chrome, panel, "governor", size=DESKTOP) as page:
        await page.route_web_socket("ws://127.0.0.1:9/ws", lambda line: line.on_message(lambda told: None))
        await page.goto(LOTTERY)
        yield page


async def test_what_he_writes_while_he_talks_outlasts_the_call_which_no_second_press_ends(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    async with at_his_telephone(chrome, panel) as page:
        token = await panel.token_of(next(reversed(panel.made.values())))  # signed in anew in another tab
        await page.context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])
        first, ended = page.locator("article").first, page.get_by_role("button", name="پایان گفتگو")
        await first.get_by_role("button", name="تماس با شهروند").evaluate(
            "its => { its.click(); its.click(); }"
        )
        await ended.wait_for()
        await page.locator("article").last.get_by_role("button", name="تماس با شهروند").click()
        await expect(ended).to_be_visible()
        await first.locator("summary").click()
        await first.locator("textarea").fill("آب هنوز قطع است")
        await ended.click()
        await expect(page.locator("[data-phone]")).to_be_hidden()
        await expect(first.locator("textarea")).to_have_value("آب هنوز قطع است")
        await first.locator("textarea").fill("")
        await first.get_by_role("button", name="تماس با شهروند").click()
        async with page.expect_navigation():
            await ended.click()
    async with at.engine.connect() as connection:
        rung = await connection.scalar(select(func.count()).select_from(lottery_calls))
    assert rung == 2


async def test_a_result_that_is_sent_while_he_talks_waits_and_hangs_up_on_nobody(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    async with at_his_telephone(chrome, panel) as page:
        first, ended = page.locator("article").first, page.get_by_role("button", name="پایان گفتگو")
        await first.get_by_role("button", name="تماس با شهروند").click()
        await ended.wait_for()
        await talked(at)
        await first.locator("summary").click()
        await first.get_by_role("radio", name="راضی نیست").check()
        await first.locator("textarea").fill("آب هنوز قطع است")
        await first.get_by_role("button", name="ثبت نتیجه").click()
        await page.get_by_text(words()("meetings.lottery.talks")).wait_for()
        await expect(ended).to_be_visible()
        await ended.click()
        await first.get_by_role("button", name="ثبت نتیجه").click()
        await page.get_by_text("نتیجه ثبت شد.").wait_for()


async def test_only_the_office_draws_and_rings(panel: PanelServed, at: Hall) -> None:
    client = await panel.signed_in("governor")
    assert (await client.post(f"{LOTTERY}/draw")).status == 303
    again = await client.post(f"{LOTTERY}/draw")
    assert again.status == 422 and "هنوز تمام نشده" in await again.text()
    assert (await client.post(f"{LOTTERY}/put-aside", {"number": "1", "reason": ""})).status == 422
    assert (await client.post(f"{LOTTERY}/put-aside", {"number": "1", "reason": "سفر"})).status == 303
    assert "سفر" in await client.text(LOTTERY)
    for role in ("auditor", "supervisor"):
        text = await (await panel.signed_in(role)).text(LOTTERY)
        assert "قرعه‌کشی" not in text
        assert (await (await panel.signed_in(role)).post(f"{LOTTERY}/draw")).status == 403
    assert (await (await panel.signed_in("head")).get(LOTTERY)).status == 303


async def test_whom_the_lottery_rang_is_on_record_and_its_code_only_for_who_may_see_cases(
    panel: PanelServed, at: Hall
) -> None:
    office = await panel.signed_in("governor")
    await office.post(f"{LOTTERY}/draw")
    async with at.engine.connect() as connection:
        drawn = await lottery_drawing.read(connection, await lottery_drawing.current(connection))
    code, rang = drawn[0].case.code, words()("admin.audit.action.lottery_rung")
    assert (await office.post(f"{LOTTERY}/{code}/ring")).status == 200
    page = await (await panel.signed_in("admin")).text("/panel/admin/audit")
    assert rang in page and code not in page
    assert rang in await (await panel.signed_in("auditor")).text(f"/panel/admin/audit?about=case/{code}")
    assert rang in await (await panel.signed_in("supervisor")).text(f"/panel/cases/{code}/seen-by")


async def test_who_sees_other_counties_neither_rings_nor_notes(panel: PanelServed, at: Hall) -> None:
    office = await panel.signed_in("governor")
    await office.post(f"{LOTTERY}/draw")
    async with at.engine.connect() as connection:
        drawn = await lottery_drawing.read(connection, await lottery_drawing.current(connection))
    code, elsewhere = drawn[0].case.code, await panel.signed_in("governor", areas=("tabriz",))
    for client, status in ((elsewhere, 422), (office, 200)):
        assert (await client.post(f"{LOTTERY}/{code}/ring")).status == status
    await talked(at)
    sent = {"result": "satisfied"}
    for client, status in ((elsewhere, 422), (office, 303)):
        assert (await client.post(f"{LOTTERY}/{code}/note", sent)).status == status
