"""The screen of an official who takes calls himself: announced, the line as it changes, a talk, an order."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from persiantools.jdatetime import JalaliDate
from playwright.async_api import Browser, ViewportSize, expect

from ivr.cases.code import grouped
from ivr.cases.live_hour import HourOutcome
from ivr.cases.meetings import Official
from ivr.desk.case import confiding
from ivr.desk.case.confiding import Secrecy
from ivr.desk.meetings import hour_planning, hour_queue
from ivr.desk.meetings.hour_planning import WantedHour
from ivr.store.tables import audit
from ivr.web.panel.locale import digits
from ivr.web.panel.visit import Telephones
from tests.desk.meetings.hall import Hall, hall
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import PanelServed

HOURS = "/panel/meetings/hours"
DESKTOP: ViewportSize = {"width": 1366, "height": 768}
ALLOWED = ("201", "202")


@pytest.fixture
async def at(panel: PanelServed) -> Hall:
    panel.panel.telephones = Telephones(officials=ALLOWED)
    its = await hall(panel.engine)
    its.at = panel.clock()
    return its


async def open_hour(at: Hall, agency: str = "ostandari") -> int:
    span = (at.at, at.at + timedelta(hours=1))
    wanted = WantedHour(Official.GOVERNOR, agency, *span, ("201",), even_off=True)
    return await hour_planning.announce(at.engine, at.page, at.by("").actor, wanted, ALLOWED, at.at)


async def calls(at: Hall, caller: str, later: int = 0) -> tuple[uuid.UUID, str]:
    """Somebody stands in line, as her call does it, so many seconds after the first."""
    call, code = uuid.uuid4(), await at.wish(caller=caller)
    await hour_queue.join(at.engine, call, code, "fa", True, at.at + timedelta(seconds=later))
    return call, code


@pytest.mark.timeout(900)
async def test_he_takes_the_next_by_a_click_writes_and_orders_and_the_page_reads_well(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    await at.open(caller="09141234501")
    number = await open_hour(at)
    async with window(chrome, panel, "governor", size=DESKTOP) as page:
        await page.goto(HOURS)
        await screenshot(page, "hours")
        assert not await serious(page)
        await page.goto(f"{HOURS}/{number}")
        await page.get_by_text("کسی در صف نیست").first.wait_for()
        await screenshot(page, "hour-empty")
        first, code = await calls(at, "09141234501")
        await calls(at, "09141234502", later=5)
        await expect(page.locator("[data-piece=line] ol li")).to_have_count(2)  # by itself
        assert "۱ پروندهٔ دیگر" in await page.locator("[data-piece=line] li").first.inner_text()
        assert "0914123" not in await page.content() and "۱۲۳۴۵۰۱" not in await page.inner_text("body")
        await screenshot(page, "hour-line")
        await page.get_by_role("button", name="نفر بعد").press("Enter")
        await page.get_by_text("تلفن شما زنگ می‌خورد").wait_for()
        assert await page.get_by_role("button", name="نفر بعد").is_disabled()
        await hour_queue.answered(at.engine, first, panel.clock())
        await page.get_by_text("در گفتگو").first.wait_for()
        await page.get_by_label("چه باید بشود").fill("آب محله تا یک ماه وصل شود")
        await page.get_by_role("button", name="دستور", exact=True).press("Enter")
        await page.locator(".wrong").first.wait_for()
        await screenshot(page, "hour-talk")
        assert not await serious(page)
        await page.set_viewport_size(PHONE)
        await screenshot(page, "hour-phone")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert await page.get_by_label("چه باید بشود").input_value() == "آب محله تا یک ماه وصل شود"
        await page.get_by_label("دستگاه").select_option("abfa")
        due = next(
            d for n in range(9, 30) if at.page.calendar.is_working(d := (at.at + timedelta(days=n)).date())
        )
        await page.get_by_label("تا تاریخ").fill(f"{JalaliDate(due):%Y/%m/%d}")  # type: ignore[no-untyped-call]
        await page.get_by_role("button", name="دستور", exact=True).press("Enter")
        await page.get_by_text("دستور داده شد.").wait_for()
        await page.get_by_label("آنچه گفته شد").fill("قول یک‌ماهه داده شد")
        await hour_queue.over(at.engine, first, HourOutcome.HEARD, panel.clock())
        await page.get_by_text("شنیده شد").first.wait_for()
        assert await page.get_by_label("آنچه گفته شد").input_value() == "قول یک‌ماهه داده شد", (
            "typed, and still there"
        )
        await page.get_by_role("button", name="ثبت صورت‌جلسه").press("Enter")
        await page.get_by_text("صورت‌جلسه ثبت شد.").wait_for()
    assert (await at.seen(code)).state == "met" and "hour_heard" in await at.events(code)


async def talking(panel: PanelServed, at: Hall) -> tuple[int, str]:
    """The number of an hour in which a citizen is heard, and her case."""
    number = await open_hour(at)
    call, code = await calls(at, "09141234501")
    await hour_queue.take(at.engine, at.by(""), number, (await panel.person("governor")).id, "127.0.0.1")
    await hour_queue.answered(at.engine, call, panel.clock())
    return number, code


async def test_the_clock_of_a_talk_is_not_read_out_each_second(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, _ = await talking(panel, at)
    async with window(chrome, panel, "governor", size=DESKTOP) as page:
        await page.goto(f"{HOURS}/{number}")
        clock = page.locator("[aria-live=polite] time[data-since]")
        await expect(clock).to_have_text(re.compile("[۰-۹]:[۰-۹]{2}"))
        await expect(clock).to_have_role("timer")  # which tells nothing by itself


async def test_what_was_typed_in_the_hour_is_not_left_unasked_by_another_of_its_forms(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, code = await talking(panel, at)
    async with window(chrome, panel, "governor", size=DESKTOP) as page:
        page.on("dialog", lambda asked: asked.dismiss())
        await page.goto(f"{HOURS}/{number}?code={code}")
        said = page.get_by_label("آنچه گفته شد")
        order = page.get_by_role("button", name="دستور", exact=True)
        await said.fill("قول یک‌ماهه داده شد")
        for _ in range(2):  # who stayed may press it again
            async with page.expect_event("dialog"):
                await order.click()
        await expect(said).to_have_value("قول یک‌ماهه داده شد")
        await page.get_by_role("button", name="ثبت صورت‌جلسه").click()
        await page.get_by_text("صورت‌جلسه ثبت شد.").wait_for()
        await page.get_by_label("چه باید بشود").fill("آب محله تا یک ماه وصل شود")
        await order.click()
        await page.locator(".wrong").first.wait_for()
        async with page.expect_event("dialog"):  # it came back, and nobody else has it
            await page.locator("main .tabs a").first.click()
        await expect(page.get_by_label("چه باید بشود")).to_have_value("آب محله تا یک ماه وصل شود")


async def test_the_office_announces_and_closes_and_others_only_look(panel: PanelServed, at: Hall) -> None:
    governor = await panel.signed_in("governor")
    today = f"{JalaliDate(panel.clock().date() + timedelta(days=1)):%Y/%m/%d}"  # type: ignore[no-untyped-call]
    sent = {
        "official": "governor",
        "on": today,
        "begins": "10:00",
        "ends": "11:00",
        "room": "10",
        "even_off": "1",
    }
    refused = await governor.post(HOURS, sent)
    assert refused.status == 422 and "دست‌کم یک داخلی" in await refused.text()
    forged = await governor.post(HOURS, sent | {"extensions": "09141234567"})
    assert forged.status == 422
    made = await governor.post(HOURS, sent | {"extensions": "201"})
    assert made.status == 303
    page = made.headers["Location"]
    assert re.fullmatch(rf"{HOURS}/\d+", page)
    assert "۱۰:۰۰ تا ۱۱:۰۰" in await governor.text(HOURS)
    later = sent | {"on": "", "begins": "22:00", "ends": "23:00", "extensions": "201"}
    assert (await governor.post(HOURS, later)).status == 303, "without a day it is today"
    early = await governor.post(f"{page}/take")
    assert early.status == 422 and "اکنون باز نیست" in await early.text()
    for role in ("auditor", "supervisor"):
        client = await panel.signed_in(role)
        assert "پایان دادن" not in await client.text(page)
        assert (await client.post(f"{page}/close")).status == 403
    head = await panel.signed_in("head")
    assert (await head.get(page)).status == 404 and (await head.get(HOURS)).status == 303
    assert (await governor.post(f"{page}/close", {"reason": "سفر"})).status == 303
    assert "برگزار نمی‌شود" in await governor.text(HOURS) or "لغو" in await governor.text(HOURS)
    async with at.engine.connect() as connection:
        noted = {row.action for row in await connection.execute(audit.select())}
    assert {"hour_announced", "hour_closed"} <= noted
    trail = await (await panel.signed_in("auditor")).text("/panel/admin/audit")
    assert "ساعت پاسخگویی بسته شد" in trail, "it never began"


async def test_who_has_it_opens_the_own_hour_from_the_list_before_anybody_called(
    panel: PanelServed, at: Hall
) -> None:
    number = await open_hour(at, "abfa")
    session = f"/panel/meetings/sessions/{number}"
    own, other = await panel.signed_in("head", agency="abfa"), await panel.signed_in("head", agency="edu")
    assert session in await own.text("/panel/meetings/sessions")
    assert (await own.get(session)).status == 200
    assert session not in await other.text("/panel/meetings/sessions")
    assert (await other.get(session)).status == 404


async def test_an_hour_that_has_begun_is_called_off_among_the_sessions_as_ended(
    panel: PanelServed, at: Hall
) -> None:
    number, office = await open_hour(at), await panel.signed_in("governor")
    session = f"/panel/meetings/sessions/{number}"
    done = await office.post(f"{session}/cancel", {"next_on": "۱۴۰۵/۰۹/۲۵", "reason": "جلسهٔ فوری"})
    page = await office.text(done.headers["Location"])
    assert "ساعت پایان یافت" in page and "نشست لغو شد" not in page and "جلسهٔ فوری" in page


async def test_of_a_head_who_takes_calls_the_page_says_of_which_body(panel: PanelServed, at: Hall) -> None:
    span = (at.at, at.at + timedelta(hours=1))
    wanted = WantedHour(Official.HEAD, "abfa", *span, ("201",), even_off=True)
    number = await hour_planning.announce(at.engine, at.page, at.by("").actor, wanted, ALLOWED, at.at)
    [heading] = re.findall(
        "<h1>(.*?)</h1>", await (await panel.signed_in("governor")).text(f"{HOURS}/{number}")
    )
    assert heading == "گفتگوی مستقیم رئیس دستگاه، شرکت آب و فاضلاب آذربایجان شرقی با شهروندان"


async def test_from_whom_her_case_is_kept_he_talks_with_her_and_learns_no_code(
    panel: PanelServed, at: Hall
) -> None:
    number = await open_hour(at)
    call, code = await calls(at, "09141234501")
    his, hers = await panel.signed_in("governor"), await panel.signed_in("governor")
    assert his.person is not None
    secrecy = Secrecy(kept_from=[his.person.name])
    await confiding.confide(at.engine, at.page, at.by(code, "دوست متهم است"), secrecy)
    path = f"{HOURS}/{number}"
    taken = await his.post(f"{path}/take")
    assert taken.status == 303 and code not in taken.headers["Location"]
    await hour_queue.answered(at.engine, call, panel.clock())
    shown, told = await his.text(path), digits(grouped(code))
    assert "تماس تازه" in shown and code not in shown and told not in shown
    seen = await hers.text(path)
    assert f"/panel/cases/{code}" in seen and told in seen


async def test_who_sees_other_counties_writes_nothing_to_what_she_said(panel: PanelServed, at: Hall) -> None:
    number = await open_hour(at)
    call, code = await calls(at, "09141234501")
    office, path = await panel.signed_in("governor"), f"{HOURS}/{number}"
    assert (await office.post(f"{path}/take")).status == 303
    await hour_queue.answered(at.engine, call, panel.clock())
    elsewhere = await panel.signed_in("governor", areas=("tabriz",))
    for client, status in ((elsewhere, 422), (office, 303)):
        assert (await client.post(f"{path}/heard", {"code": code, "said": "قول داده شد"})).status == status
