"""Pages on which the governor's office looks at what bodies report, and acts on any case."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.async_api import Browser, ViewportSize
from sqlalchemy import update
from sqlalchemy.event import listen

from ivr.desk.case import answers, referring
from ivr.desk.case.callback_planning import ANSWER
from ivr.desk.meetings import order_giving
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.store.tables import callbacks, cases, meeting_orders
from ivr.web.panel.locale import digits
from tests.cases.papers import image
from tests.desk.meetings.hall import Hall, hall
from tests.desk.meetings.test_order_giving import FAR, NEAR, heard
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.casefile.test_attachments import put
from tests.web.panel import Client, PanelServed

REPORTED = "/panel/meetings/reported"
NOW_REPORTED = "اکنون «پاسخ‌داده‌شده» است و این کار در این وضعیت شدنی نیست"
DESKTOP: ViewportSize = {"width": 1366, "height": 768}


@pytest.fixture
async def at(panel: PanelServed) -> Hall:
    its = await hall(panel.engine)
    its.at = panel.clock()
    return its


async def reported(at: Hall, words: str = "کوچهٔ شهید باکری آب‌دار شود", due: date = NEAR) -> tuple[str, str]:
    """A case and its order, which the water company says is done."""
    code = await at.open()
    [part] = await order_giving.give(
        at.engine, at.page, at.by(code, who="desk/sadr"), [MeetingOrder("abfa", words, due)]
    )
    await answers.give(at.engine, at.page, at.by(part, who="abfa/karimi"), "لوله عوض شد و آب وصل است.")
    return code, part


async def test_the_office_finds_it_done_or_hands_it_back_and_says_why(panel: PanelServed, at: Hall) -> None:
    (_, done), (_, poor) = await reported(at), await reported(at)
    client = await panel.signed_in("governor")
    text = await client.text(REPORTED)
    assert "لوله عوض شد" in text and "مدرکی پیوست نشده است" in text and "۱۷ آذر ۱۴۰۵" in text
    assert (await client.post(f"{REPORTED}/{done}/confirm")).status == 303
    answer = await client.post(f"{REPORTED}/{done}/confirm")
    assert answer.status == 422 and "شاید همکارتان" in await answer.text()
    assert (await client.post(f"{REPORTED}/{poor}/hand-back", {"reason": ""})).status == 422
    assert (
        await client.post(f"{REPORTED}/{poor}/hand-back", {"reason": "عکس از جای دیگری است"})
    ).status == 303
    assert "لوله عوض شد" not in await client.text(REPORTED)
    head = await panel.signed_in("head")
    assert "عکس از جای دیگری است" in await head.text(f"/panel/cases/{poor}")
    assert (await head.get(REPORTED)).status == 303
    assert (await head.post(f"{REPORTED}/{poor}/confirm")).status == 403
    auditor = await panel.signed_in("auditor")
    assert "hand-back" not in await auditor.text(REPORTED)


CALLED, NOBODY_CALLS = "تماس گرفته می‌شود", "نمی‌توان تلفن کرد؛ خودتان نتیجه را به او بگویید"


async def found_done(client: Client, order: str) -> str:
    """What the page tells the office of her once it has found that order done."""
    answer = await client.post(f"{REPORTED}/{order}/confirm")
    assert answer.status == 303
    text = await client.text(answer.headers["Location"])
    return " ".join(re.findall(r'<p class="notice[^>]*>(.*?)</p>', text))


async def test_the_office_hears_that_she_is_called_or_tells_her_itself_where_nobody_can_call_her(
    panel: PanelServed, at: Hall
) -> None:
    code, order = await reported(at)
    unheard, hers = await reported(at, "دبستان بخاری بگیرد")
    async with at.engine.begin() as connection:
        await connection.execute(
            cases.update().where(cases.c.code == unheard).values(caller="", caller_key="")
        )
    client = await panel.signed_in("governor")
    assert (await client.text(REPORTED)).count("به این شهروند نمی‌توان تلفن کرد") == 1
    said = await found_done(client, order)
    assert CALLED in said and digits(code[:3]) in said and "هنوز باز" not in said
    said = await found_done(client, hers)
    assert NOBODY_CALLS in said and digits(unheard[:3]) in said and CALLED not in said


async def test_while_more_of_her_case_is_owed_or_not_looked_at_the_office_hears_that_she_is_not_called_now(
    panel: PanelServed, at: Hall
) -> None:
    orders = [MeetingOrder("abfa", "آب وصل شود", NEAR), MeetingOrder("edu", "مدرسه باز شود", FAR)]
    client = await panel.signed_in("governor")
    for more_is_owed in (True, False):
        water, school = await order_giving.give(at.engine, at.page, at.by(await at.open()), orders)
        await answers.give(at.engine, at.page, at.by(water, who="abfa/karimi"), "وصل شد")
        if more_is_owed:
            assert "هنوز باز است" in await found_done(client, water)
            continue
        await answers.give(at.engine, at.page, at.by(school, who="edu"), "باز شد")
        assert "پس از دیدن گزارش‌های دیگر آن" in await found_done(client, water)
        said = await found_done(client, school)
        assert CALLED in said and "گزارش‌های دیگر" not in said


async def test_who_was_told_of_it_already_is_not_said_to_be_called_again(
    panel: PanelServed, at: Hall
) -> None:
    _, order = await reported(at)
    told = update(callbacks).where(callbacks.c.purpose == ANSWER).values(state="reached")
    async with at.engine.begin() as connection:
        await connection.execute(told)
    client = await panel.signed_in("governor")
    assert await found_done(client, order) == "ثبت شد."
    assert "ثبت شد." in await client.text(f"{REPORTED}?done=confirm&order=0000000000")


async def test_of_two_orders_of_one_case_each_says_the_day_on_which_she_is_called_about_both(
    panel: PanelServed, at: Hall
) -> None:
    orders = [MeetingOrder("abfa", "آب وصل شود", NEAR), MeetingOrder("edu", "مدرسه باز شود", FAR)]
    water, school = await order_giving.give(at.engine, at.page, at.by(await at.open()), orders)
    client = await panel.signed_in("governor")
    near, far = "پیش از ظهر ۱۷ آذر ۱۴۰۵", "پیش از ظهر ۲۹ آذر ۱۴۰۵"
    await answers.give(at.engine, at.page, at.by(school, who="edu"), "باز شد")
    assert far in await client.text(REPORTED), "the other body has not reported: of each on its own day"
    await answers.give(at.engine, at.page, at.by(water, who="abfa/karimi"), "وصل شد")
    text = await client.text(REPORTED)
    assert text.count(near) == 2 and far not in text


async def test_an_order_that_its_body_reports_done_meanwhile_is_not_withdrawn_from_a_page_of_before(
    panel: PanelServed, at: Hall
) -> None:
    code = await heard(at)
    panel.clock.now = at.at
    orders = [MeetingOrder("abfa", "آب وصل شود", NEAR), MeetingOrder("edu", "مدرسه باز شود", FAR)]
    water, school = await order_giving.give(at.engine, at.page, at.by(code), orders)
    client, request = await panel.signed_in("governor"), f"/panel/meetings/requests/{code}"
    [seen, *_] = re.findall(r'name="seen" value="(\d+)"', await client.text(request))
    await answers.give(at.engine, at.page, at.by(water, who="abfa/karimi"), "وصل شد")
    form = {"order": water, "reason": "دیگر لازم نیست", "seen": seen}
    answer = await client.post(f"{request}/revoke", form)
    text = await answer.text()
    assert answer.status == 422 and NOW_REPORTED in text and "دیگر لازم نیست" in text
    assert (await at.row(water)).status == "answered"
    assert (await client.post(f"{request}/revoke", form | {"order": school})).status == 303
    assert (await at.row(school)).status == "withdrawn"


async def test_of_the_only_order_that_is_reported_meanwhile_the_typed_reason_stays_on_the_page(
    panel: PanelServed, at: Hall
) -> None:
    code = await heard(at)
    panel.clock.now = at.at
    [part] = await order_giving.give(at.engine, at.page, at.by(code), [MeetingOrder("abfa", "وصل شود", NEAR)])
    client, request = await panel.signed_in("governor"), f"/panel/meetings/requests/{code}"
    await answers.give(at.engine, at.page, at.by(part, who="abfa/karimi"), "وصل شد")
    answer = await client.post(f"{request}/revoke", {"order": part, "reason": "دیگر <b>لازم نیست"})
    text = await answer.text()
    assert answer.status == 422 and f'action="{request}/revoke"' not in text
    assert NOW_REPORTED in text and "دیگر &lt;b&gt;لازم نیست" in text


async def test_the_office_rules_on_what_she_contradicts_and_is_offered_what_its_case_permits(
    panel: PanelServed, at: Hall
) -> None:
    code = await heard(at)
    [part] = await order_giving.give(at.engine, at.page, at.by(code), [MeetingOrder("abfa", "وصل شود", NEAR)])
    async with at.engine.begin() as connection:
        said = {"said": "order_not_done", "said_at": at.at}
        await connection.execute(update(meeting_orders).values(said))
    panel.clock.now = at.at
    client, request = await panel.signed_in("governor"), f"/panel/meetings/requests/{code}"
    await referring.accept(at.engine, at.page, at.by(part, who="abfa"))
    text = await client.text(request)
    assert "شهروند می‌گوید انجام نشده" in text and f"{request}/accepted" not in text
    await referring.give_back(at.engine, at.page, at.by(part, "بودجه نیست", "abfa"))
    assert f"{request}/uphold" in await client.text(request)
    assert (await client.post(f"{request}/uphold", {"order": part, "reason": "هست"})).status == 303
    assert (await at.row(part)).agency == "abfa"


async def test_of_three_orders_the_page_asks_the_books_no_more_than_of_one(
    panel: PanelServed, at: Hall
) -> None:
    client, asked = await panel.signed_in("governor"), list[str]()
    listen(panel.panel.engine.sync_engine, "before_cursor_execute", lambda *its: asked.append(its[2]))

    async def questions(many: int) -> int:
        asked.clear()
        assert (await client.text(REPORTED)).count("<article") == many
        return sum("cases" in each for each in asked)

    await reported(at)
    once = await questions(1)
    for _ in range(2):
        await reported(at)
    assert await questions(3) == once


async def test_the_office_orders_reminds_and_asks_for_a_report_on_any_case_s_page(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.open()
    case = f"/panel/cases/{code}"
    client, head = await panel.signed_in("governor"), await panel.signed_in("head")
    form = await client.text(f"{case}?do=remind")
    assert "اگر نشانی ایمیل دستگاه ثبت شده باشد" in form  # who has written none down sends nothing
    assert (await client.post(f"{case}/remind", {"reason": "دو هفته گذشته است"})).status == 303
    assert "یادآوری ثبت شد" in await client.text(f"{case}?done=remind")
    asked = {"reason": "تا کجا رسیده؟", "due_on": "۱۴۰۵/۰۹/۲۵"}
    assert (
        "روزی پس از امروز"
        in await (await client.post(f"{case}/ask-report", asked | {"due_on": "1399/01/01"})).text()
    )
    assert (await client.post(f"{case}/ask-report", asked)).status == 303
    assert code in await client.text(REPORTED)
    text = await head.text(case)
    assert (
        "تا ۲۵ آذر ۱۴۰۵ گزارش خواسته است" in text.replace("۱۴۰۵/۰۹/۲۵", "۲۵ آذر ۱۴۰۵") and "دو هفته" in text
    )
    assert (await head.post(f"{case}/report", {"reason": "نیمه‌کاره است"})).status == 303
    assert "نیمه‌کاره است" in await client.text(case) and code not in await client.text(REPORTED)
    order = {"agency": "abfa", "order_words": "آب وصل شود", "due_on": "۱۴۰۵/۰۹/۱۳"}
    assert "روزی کاری" in await (await client.post(f"{case}/order", order)).text()
    unread = order | {"order_words": "سیزین ایشینیزه باخیلدی"}
    assert "هیچ صدایی ترکی به خط فارسی" in await (await client.post(f"{case}/order", unread)).text()
    assert (await client.post(f"{case}/order", order | {"due_on": "۱۴۰۵/۰۹/۱۷"})).status == 303
    for deed in ("order", "remind", "ask-report", "hand-back"):
        assert (await head.post(f"{case}/{deed}", {"reason": "x"})).status == 403


@pytest.mark.timeout(900)
async def test_it_reads_well(panel: PanelServed, at: Hall, chrome: Browser) -> None:
    _, part = await reported(at)
    asked = await at.open()
    await put(await panel.signed_in("officer"), part, image("JPEG"), note="عکس پس از کار")
    await reported(at, "دبستان روستای اوزان بخاری بگیرد", FAR)
    async with window(chrome, panel, "governor", size=DESKTOP) as page:
        await page.goto(f"/panel/cases/{asked}?do=ask-report#act")
        await page.fill("#f-due_on", "1405/09/25")
        await page.fill("#f-reason", "تا کجا رسیده؟")
        await screenshot(page, "office-deeds")
        await page.keyboard.press("Tab")
        await page.click("#act button[type=submit]")
        await page.get_by_text("گزارش خواسته شد.").wait_for()
        await page.goto(REPORTED)
        await screenshot(page, "office-checks")
        assert not await serious(page)
        await page.locator("summary", has_text="برگرداندن به دستگاه").first.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.type("عکس روشن نیست")
        await page.set_viewport_size(PHONE)
        await screenshot(page, "office-checks-phone")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.get_by_text("به دستگاه برگشت").first.wait_for()
