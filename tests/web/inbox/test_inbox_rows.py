"""What a row of the inbox says, seen in a real Chromium over books like a province's."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect
from sqlalchemy import func, insert, select, text, update

from bench.panel.books import fill
from ivr.cases.alphabet import persian_order
from ivr.store.tables import agencies, areas, cases, marks, recordings
from ivr.web.inbox.names import NameBook
from tests.desk.inbox import NOW
from tests.web.browser import PHONE, chrome, screenshot, serious, window
from tests.web.inbox.test_inbox import books, line
from tests.web.panel import PanelServed, panel

__all__ = ["chrome", "panel"]

LAPTOP: ViewportSize = {"width": 1366, "height": 768}
# What an element holds and has no room for.
CUT = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
COMMONEST = """
UPDATE cases SET agency = common.agency FROM
  (SELECT agency, row_number() OVER (ORDER BY count(*) DESC, agency) AS place
   FROM cases GROUP BY agency) AS common,
  (SELECT id, row_number() OVER (ORDER BY opened_at DESC, id DESC) AS place FROM cases) AS newest
WHERE cases.id = newest.id AND common.place = newest.place AND newest.place <= 50
"""


async def cut(page: Page, names: str) -> list[str]:
    found: list[str] = await page.locator(names).evaluate_all(CUT)
    return found


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
async def test_no_name_is_cut_and_words_and_age_are_told(
    panel: PanelServed, chrome: Browser, size: ViewportSize
) -> None:
    """The newest fifty cases are with the fifty bodies that have the most."""
    await fill(panel.engine, await panel.panel.book.page(), 3_000, NOW)
    async with panel.engine.begin() as connection:
        await connection.execute(text(COMMONEST))
    panel.clock.now = NOW
    async with window(chrome, panel, "supervisor", size=size) as page:
        await page.goto("/panel/inbox?queue=all")
        names = await page.locator(".of-agency").all_inner_texts()
        assert len(set(names)) == len(names) == 50
        assert not await cut(page, ".of-agency, .of-county, .topic, .status, .of-due, .age")
        assert await page.locator(".said").count() > 20
        assert await page.locator(".age").count() > 10
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert not await serious(page)
        await screenshot(page, f"inbox-rows-{size['width']}", whole=False)
        tabs = await page.locator(".tabs").evaluate("it => [it.scrollHeight, it.clientHeight]")
        assert tabs[0] == tabs[1], "scrollbars that take room would show one for a single pixel"


async def test_a_body_has_the_name_that_people_use_and_tells_its_whole_one(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await page.goto("/panel/inbox?queue=all")
        row = line(page, its.codes[0])
        await expect(row.locator(".of-agency [aria-hidden]")).to_have_text("آبفا")
        await expect(row.locator(".of-body")).to_have_attribute("title", "شرکت آب و فاضلاب آذربایجان شرقی")
        await expect(row.locator(".of-agency .unseen")).to_have_text("شرکت آب و فاضلاب آذربایجان شرقی")
        await row.get_by_role("checkbox").check()
        await page.locator("[data-deed=refer]").click()
        await page.locator("#deed-refer input[name=agency]").fill(
            "بنيادشهيد"
        )  # short, joined, Arabic letters
        await page.locator("#deed-refer button.main").click()
        await expect(row.locator(".of-agency [aria-hidden]")).to_have_text("بنیاد شهید")
    assert (await its.at.row(its.codes[0])).agency == "shahid"


async def test_of_two_bodies_that_a_half_space_tells_apart_each_is_found_as_it_is_typed(
    panel: PanelServed,
) -> None:
    called = {"shahid": "سازمان آتش\u200cنشانی", "bonyad_maskan": "سازمان آتشنشانی"}
    async with panel.engine.begin() as connection:
        for code, name in called.items():
            await connection.execute(update(agencies).where(agencies.c.code == code).values(name=name))
    names = await NameBook().names(panel.panel)
    assert [names.body_called(name) for name in called.values()] == list(called)
    assert names.body_called("سازمانآتشنشانی") == "", "which of the two is not known"


async def test_every_seeded_body_has_a_short_name_of_its_own(panel: PanelServed) -> None:
    async with panel.engine.connect() as connection:
        rows = (await connection.execute(select(agencies.c.code, agencies.c.short))).all()
    assert not [row.code for row in rows if not row.short]
    assert len({row.short.replace("\u200c", "").replace(" ", "") for row in rows}) == len(rows)


async def test_her_words_are_told_in_one_line_without_numbers(panel: PanelServed) -> None:
    its = await books(panel.engine)
    said = (
        "شماره‌ام ۰۹۱۴ ۱۲۳ ۴۵۶۷ است و کد ملی 0012345679\nیا ۰۹۱۴ـ۱۲۳ـ۴۵ـ۶۷ از ۱۴۰۵/۰۶/۰۱، سه روز است آب نداریم"
    )
    ids = [(await its.at.row(code)).id for code in its.codes]
    blank: dict[str, Any] = {"seconds": 9.0, "voiced_seconds": 8.0, "silent": False, "size": 1}
    blank |= {"sha256": "ab", "ended": "hash"}
    async with panel.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.id.in_(ids)).values(words=""))
        await connection.execute(update(cases).where(cases.c.id == ids[0]).values(words=said))
        for case, name, heard in ((ids[1], "heard", "فشار آب کم است"), (ids[2], "noted", None)):
            row = {"name": name, "id": uuid.uuid4(), "case_id": case, "recorded_at": its.at.at}
            row |= blank | {"superseded": False, "transcript": heard}
            await connection.execute(insert(recordings).values(row))
        mark = {"id": uuid.uuid4(), "recording": "noted", "second": 1.0, "note": "از قطع برق می‌گوید"}
        mark |= {"made_by": "karimi", "made_at": its.at.at}
        await connection.execute(insert(marks).values(mark))
    client = await panel.signed_in("supervisor")
    page = await client.text("/panel/inbox?queue=all")
    assert "شماره‌ام ••• است و کد ملی ••• یا ••• از ۱۴۰۵/۰۶/۰۱، سه روز است آب نداریم" in page
    assert "۴۵۶۷" not in page and "0012345679" not in page
    assert "فشار آب کم است" in page and "از قطع برق می‌گوید" in page
    stranger = await panel.signed_in("officer", agency="bargh_tabriz")
    assert "سه روز است" not in await stranger.text("/panel/inbox?queue=all")


async def test_the_age_is_how_long_she_waits(panel: PanelServed) -> None:
    its = await books(panel.engine)
    panel.clock.now = its.at.at + timedelta(days=4, hours=1)
    client = await panel.signed_in("supervisor")
    assert (await client.text("/panel/inbox?queue=all")).count("۴ روز در انتظار") == len(its.codes)
    async with panel.engine.begin() as connection:
        await connection.execute(update(cases).values(status="closed", closed_at=its.at.at, closure="solved"))
        await connection.execute(text("UPDATE inbox_entries SET seq = seq"))
    assert "در انتظار</span>" not in await client.text("/panel/inbox?queue=all")


async def test_counties_stand_in_persian_order(panel: PanelServed, chrome: Browser) -> None:
    async with panel.engine.connect() as connection:
        known = list((await connection.execute(select(areas.c.name))).scalars())
        assert (await connection.execute(select(func.count()).select_from(areas))).scalar_one() == len(known)
    wanted = sorted(known, key=persian_order)
    assert wanted[0] == "آذرشهر" and wanted.index("چاراویماق") < wanted.index("خداآفرین")
    async with window(chrome, panel, "admin") as page:
        await page.goto("/panel/admin/people/new")
        boxes = await page.locator("label:has(input[name=areas])").all_inner_texts()
        assert [box.strip() for box in boxes] == wanted
    async with window(chrome, panel, "supervisor") as page:
        await page.goto("/panel/inbox?queue=all")
        assert (await page.locator("#f-county option").all_text_contents())[1:] == wanted
