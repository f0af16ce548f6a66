"""Saved views: what stands under a name is replaced only by whoever was asked."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, expect
from sqlalchemy import select

from ivr.store.tables import saved_views
from tests.web.browser import chrome, serious, window
from tests.web.panel import Client, PanelServed, panel

__all__ = ["chrome", "panel"]

LATE, URGENT = "queue=overdue&kind=complaint", "queue=escalated"
ASKED, FOR_ALL = "از پیش نمایی به نام «دیرها» دارید", "نمای «دیرها» را از پیش همه می‌بینند"


async def keep(client: Client, query: str, name: str = "دیرها", **more: str) -> tuple[int, str]:
    answer = await client.post(f"/panel/inbox/views?{query}", {"name": name} | more)
    return answer.status, await answer.text()


async def kept(panel: PanelServed) -> list[Any]:
    query = select(saved_views).order_by(saved_views.c.made_at, saved_views.c.name)
    async with panel.engine.connect() as connection:
        return list((await connection.execute(query)).all())


async def test_a_view_of_the_same_name_is_replaced_only_by_who_says_so(panel: PanelServed) -> None:
    client = await panel.signed_in("supervisor")
    assert (await keep(client, LATE))[0] == 303
    assert (await keep(client, LATE))[0] == 303, "pressed twice it is the same view"
    for _ in range(2):
        status, page = await keep(client, URGENT, " دیرها ")
        assert status == 422 and ASKED in page and "جایگزین شود" in page
        assert [each.query for each in await kept(panel)] == [LATE]
    assert f'href="/panel/inbox?{LATE.replace("&", "&amp;")}"' in page, "what would be lost can be looked at"
    assert (await keep(client, URGENT, replaces="دیرها"))[0] == 303
    assert [each.query for each in await kept(panel)] == [URGENT]


async def test_yes_to_one_name_is_no_yes_to_another(panel: PanelServed) -> None:
    client = await panel.signed_in("supervisor")
    await keep(client, LATE, "دیرها")
    await keep(client, LATE, "دیرترها")
    assert (await keep(client, URGENT, "دیرها", replaces="دیرترها"))[0] == 422
    assert [each.query for each in await kept(panel)] == [LATE, LATE]
    assert (await keep(client, URGENT, "تازه", replaces="دیرها"))[0] == 303
    assert [each.query for each in await kept(panel)].count(LATE) == 2


async def test_a_view_of_all_is_neither_changed_nor_taken_from_them_without_a_question(
    panel: PanelServed,
) -> None:
    client = await panel.signed_in("supervisor")
    await keep(client, LATE, shared="1")
    for query in (URGENT, LATE):
        status, page = await keep(client, query)
        assert status == 422 and FOR_ALL in page and "checked" in page, "as it is, it stays with all"
    status, page = await keep(client, "q=09141234567", shared="1")
    assert status == 422 and FOR_ALL in page and "فقط خودتان آن را می‌بینید" in page and "checkbox" not in page
    (view,) = await kept(panel)
    assert (view.query, view.shared) == (LATE, True)
    await keep(client, "q=09141234567", shared="1", replaces="دیرها")
    (view,) = await kept(panel)
    assert view.query.endswith("09141234567") and not view.shared
    assert (await keep(client, URGENT, replaces="دیرها", shared="1"))[0] == 303
    (view,) = await kept(panel)
    assert (view.query, view.shared) == (URGENT, True)


async def test_a_view_that_goes_to_all_as_it_is_takes_nothing_from_anybody(panel: PanelServed) -> None:
    client = await panel.signed_in("supervisor")
    await keep(client, LATE)
    assert (await keep(client, LATE, shared="1"))[0] == 303
    assert [each.shared for each in await kept(panel)] == [True]


async def test_a_colleague_s_view_of_that_name_stands_beside_it(panel: PanelServed) -> None:
    await keep(await panel.signed_in("supervisor"), LATE, shared="1")
    for role in ("officer", "supervisor"):
        colleague = await panel.signed_in(role)
        assert (await keep(colleague, URGENT))[0] == 303
        assert (await keep(colleague, LATE, shared="1", replaces="دیرها"))[0] == 303
    assert [each.query for each in await kept(panel)] == [LATE] * 3
    assert sum(each.shared for each in await kept(panel)) == 2, "an officer shares nothing"


async def test_by_keyboard_enter_replaces_nothing(panel: PanelServed, chrome: Browser) -> None:
    async with window(chrome, panel, "supervisor") as page:
        for query in (LATE, URGENT):
            await page.goto(f"/panel/inbox?{query}")
            await page.locator("[data-opens=keep]").press("Enter")
            await page.locator("#keep input[name=name]").fill("دیرها")
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
        for pressed in range(2):
            if pressed:
                async with page.expect_navigation():
                    await page.keyboard.press("Enter")
            await expect(page.locator("#f-name")).to_be_focused()
            await expect(page.locator("#d-name")).to_contain_text(ASKED)
        assert not await serious(page)
        assert [each.query for each in await kept(panel)] == [LATE]
        replace = page.get_by_role("button", name="جایگزین شود")
        for _ in range(9):
            await page.keyboard.press("Tab")
            if await replace.evaluate("each => each === document.activeElement"):
                break
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await expect(page.locator(".view a.accent")).to_contain_text("دیرها")
    assert [each.query for each in await kept(panel)] == [URGENT]
