"""The day of a session in the browser: the page goes on without the server, and nothing is done twice."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from playwright.async_api import Browser, Error, Locator, Page, Route, expect
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.meetings import RequestState as S
from ivr.desk.meetings import agenda, inviting, request_deciding
from ivr.desk.people import passwords
from ivr.desk.people.people import Person
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.lab.ports import free
from ivr.store.tables import (
    attachments,
    cases,
    factor_roles,
    meeting_deeds,
    meeting_minutes,
    meeting_orders,
    meeting_slots,
    people,
)
from ivr.web import bodies
from ivr.web.panel import uploading
from ivr.web.panel.locale import digits, words
from tests.cases.papers import PDF, image
from tests.desk.meetings.hall import SOON, Hall, hall
from tests.web.account.test_account import NEW, code_of
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.casefile.test_attachments import put
from tests.web.panel import PASSWORD, QUICK, Client, PanelServed, panel_served

TABLET: Any = {"width": 1024, "height": 768}
DESKTOP: Any = {"width": 1366, "height": 768}
LOOK = "dispatchEvent(new Event('online'))"  # what it does every twenty seconds


@pytest.fixture
async def panel(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PanelServed]:
    """On a port that is nobody else's while it is away."""
    monkeypatch.setattr(passwords, "HASHER", QUICK)
    async with panel_served(engine, tmp_path, free()) as served:
        yield served


@pytest.fixture
async def at(panel: PanelServed) -> Hall:
    its = await hall(panel.engine)
    its.at = panel.clock()
    return its


async def morning(panel: PanelServed, at: Hall) -> tuple[int, list[str]]:
    """Three citizens: one needs abfa, which has given its view, one complains of its head."""
    first = await at.accepted(9, "09141234561", bodies=["abfa"])
    await at.accepted(8, "09141234562", about="abfa")
    await at.accepted(7, "09141234563", bodies=["edu"])
    number = await at.session(slots=3)
    codes = await at.fill(number)
    await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)
    await inviting.give_view(at.engine, at.page, at.by(first, who="abfa/karimi"), number, "لوله فرسوده است")
    panel.clock.now += timedelta(days=6)
    at.at = panel.clock()
    return number, codes


async def count(at: Hall, table: Any) -> int:
    async with at.engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def come_in(page: Page, panel: PanelServed, person: Person | None = None) -> Person:
    """Sign the browser in anew, as a governor or that very one."""
    person = person or await panel.person("governor")
    token = await panel.token_of(person)
    await page.context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])
    return person


@asynccontextmanager
async def on_the_day(chrome: Browser, panel: PanelServed, number: int) -> AsyncIterator[tuple[Page, Person]]:
    """A tablet with that session's day, and the governor who is signed in there."""
    async with window(chrome, panel, size=TABLET) as page:
        person = await come_in(page, panel)
        await page.goto(f"/panel/meetings/sessions/{number}/day")
        yield page, person


def line(page: Page, code: str) -> Any:
    return page.locator(f'.visitor[data-code="{code}"]')


async def press(page: Page, code: str, deed: str) -> None:
    await line(page, code).locator(f".for-{deed} button").click()


async def kept(page: Page, many: int) -> None:
    """Until the browser has so many deeds on its disk, not only on the page."""
    await answers(page, LATER, many)


async def answers(page: Page, asked: str, wanted: object) -> None:
    """Until the page answers so. Playwright's wait_for_function takes any promise for a yes."""
    found: object = None
    try:
        async with asyncio.timeout(patience(20)):
            while (found := await page.evaluate(asked)) != wanted:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{found!r} instead of {wanted!r}") from None


async def all_sent(page: Page) -> None:
    await expect(page.locator(".unsent-mark")).to_have_count(0)
    await expect(page.locator("[data-net]")).to_be_hidden()


async def test_the_next_code_may_be_typed_before_the_last_one_is_kept(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, _) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day")
        door = page.locator("#door")
        await door.fill(one)
        await door.evaluate("(door, next) => { door.form.requestSubmit(); door.value = next; }", two)
        await expect(line(page, one)).to_have_attribute("data-presence", "arrived")
        await all_sent(page)
        assert await door.input_value() == two
        await door.press("Enter")
        await expect(line(page, two)).to_have_attribute("data-presence", "arrived")
        await all_sent(page)


async def test_a_code_in_arabic_digits_finds_her_at_the_door_and_an_id_in_them_is_told_by_its_end(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day")
        await all_sent(page)
        await page.context.set_offline(True)
        for typed in (one, "0499370899"):
            await page.fill("#door", typed.translate(arabic))
            await page.press("#door", "Enter")
        await kept(page, 2)
        await expect(line(page, one)).to_have_attribute("data-presence", "arrived")
        await expect(page.locator(".visitor.unsent")).to_have_count(1)
        await page.context.set_offline(False)
        await expect(page.locator("[data-wrongs] .notice .code")).to_have_text("•••" + digits("899"))
        await all_sent(page)
        await expect(line(page, one)).to_have_attribute("data-presence", "arrived")


async def test_whoever_must_set_up_a_second_factor_first_is_told_that_and_not_that_nobody_is_signed_in(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, person):
        async with panel.engine.begin() as connection:
            await connection.execute(insert(factor_roles).values(role="governor", needed=True))
        await page.evaluate(LOOK)
        await expect(page.locator("[data-net]")).to_have_text(words()("day.elsewhere"))
        await press(page, one, "arrive")
        await expect(page.locator("[data-net]")).to_have_text(words()("day.unfinished", n=digits(1)))
        await expect(page.locator(".unsent-mark")).to_have_count(1)
        beside = await page.context.new_page()
        await beside.goto("/panel/account")
        await beside.get_by_label("رمز شش‌رقمی").fill(await code_of(panel, person))
        await beside.keyboard.press("Enter")
        await expect(beside.get_by_role("heading", level=1)).to_have_text("رمزهای بازیابی")
        await page.evaluate(LOOK)
        await all_sent(page)


async def test_whoever_sets_a_new_password_first_has_all_sent_by_itself(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, person):
        async with panel.engine.begin() as connection:
            await connection.execute(update(people).where(people.c.id == person.id).values(must_change=True))
        await press(page, one, "arrive")
        await expect(page.locator("[data-net]")).to_have_text(words()("day.unfinished", n=digits(1)))
        beside = await page.context.new_page()
        await beside.goto("/panel/account")
        await beside.get_by_label("رمز عبور کنونی").fill(PASSWORD)
        await beside.get_by_label("رمز عبور تازه", exact=True).fill(NEW)
        await beside.get_by_label("تکرار رمز عبور تازه").fill(NEW)
        await beside.keyboard.press("Enter")
        await expect(beside.get_by_role("heading", level=1)).to_have_text("حساب من")
        await page.evaluate(LOOK)
        await all_sent(page)
        await expect(line(page, one)).to_have_attribute("data-presence", "arrived")


async def test_what_was_done_after_ones_session_was_over_is_sent_once_one_has_signed_in_and_as_nobody_else_s(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, _) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, person):
        net = page.locator("[data-net]")
        await page.context.clear_cookies()
        await press(page, one, "arrive")
        await expect(net).to_have_text(words()("day.signed_out", n=digits(1)))
        await come_in(page, panel)  # a colleague
        await press(page, two, "missed")
        await expect(net).to_have_text(words()("day.signed_out", n=digits(2)))
        assert await count(at, meeting_deeds) == 0
        await come_in(page, panel, person)
        await page.evaluate(LOOK)
        await all_sent(page)
        assert await count(at, meeting_deeds) == 2


async def test_who_may_not_run_the_session_any_more_is_not_told_that_the_server_is_away(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, person):
        async with panel.engine.begin() as connection:
            await connection.execute(update(people).where(people.c.id == person.id).values(role="auditor"))
        await page.evaluate(LOOK)
        await expect(page.locator("[data-net]")).to_have_text(words()("day.elsewhere"))
        await press(page, one, "arrive")
        await expect(page.locator(".unsent-mark")).to_have_count(1)
        await expect(page.locator("[data-net]")).to_have_text(words()("day.elsewhere"))


async def test_a_session_that_is_ended_while_it_sits_keeps_its_day_for_whoever_came_in(
    panel: PanelServed, at: Hall
) -> None:
    number, (one, two, three) = await morning(panel, at)
    office, session = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}"
    assert (await office.post(f"{session}/day/begin", {"code": one})).status == 303
    off = {"next_on": "۱۴۰۵/۰۹/۲۵", "reason": "جلسهٔ فوری"}
    done = await office.post(f"{session}/cancel", off)
    page = await office.text(done.headers["Location"])
    assert "نشست پایان یافت" in page and "لغوشده" not in page and "جلسهٔ فوری" in page
    for code, status in ((one, 303), (two, 303), ("1234567894", 422)):  # a tablet had let two in, unsent
        sent = await office.post(f"{session}/day/heard", {"code": code, "decided": "وصل شود"})
        assert sent.status == status
    assert (await at.seen(one)).state is S.MET and (await at.seen(two)).state is S.MET
    assert (await at.seen(three)).state is S.WAITING
    order = {"code": two, "agency": "edu", "words": "مدرسه باز شود", "due_on": "1405/09/17"}
    assert (await office.post(f"{session}/day/order", order)).status == 303
    assert "STATUS:CONFIRMED" in await office.text(f"{session}/calendar.ics")


async def test_whom_a_tablet_heard_without_network_raises_no_alarm_where_the_session_was_ended_meanwhile(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, three) = await morning(panel, at)
    office, session = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}"
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"{session}/day#c{one}")
        await all_sent(page)
        await page.context.set_offline(True)
        for deed, presence in (("arrive", "arrived"), ("begin", "inside")):
            await press(page, one, deed)
            await expect(line(page, one)).to_have_attribute("data-presence", presence)
        await page.locator(f'#c{one} [name="decided"]').fill("وصل شود")
        await page.locator(f'#c{one} [data-later="heard"] button').click()
        await press(page, two, "arrive")
        await expect(line(page, two)).to_have_attribute("data-presence", "arrived")
        await kept(page, 4)
        panel.clock.now += timedelta(minutes=1)
        off = {"next_on": "۱۴۰۵/۰۹/۲۵", "reason": "جلسهٔ فوری"}
        assert (await office.post(f"{session}/day/begin", {"code": three})).status == 303
        assert (await office.post(f"{session}/cancel", off)).status == 303
        await page.context.set_offline(False)
        refused = page.locator("[data-wrongs] .notice")
        await expect(refused).to_contain_text(words()("day.nobody"))
        await kept(page, 1)
        await expect(refused).to_have_count(1)  # of whom only sat in the hall
    assert [(await at.seen(code)).state for code in (one, two)] == [S.MET, S.WAITING]


async def test_who_is_marked_as_not_come_is_there_after_all_and_is_heard(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{one}")
        await press(page, one, "missed")
        await expect(line(page, one).locator(".push")).to_have_text(words()("day.presence.missed"))
        await all_sent(page)
        await press(page, one, "arrive")
        await expect(line(page, one)).to_have_attribute("data-presence", "arrived")
        await expect(line(page, one).locator(".push")).to_have_count(0)
        await all_sent(page)
        assert (await at.seen(one)).state is S.INVITED
        await page.reload()
        await press(page, one, "missed")
        await all_sent(page)
        await page.reload()
        await page.locator(f'#c{one} [name="said"]').fill("آب ندارد")
        await page.locator(f'#c{one} [data-later="heard"] button').click()
        await expect(line(page, one)).to_have_attribute("data-presence", "heard")
        await all_sent(page)
        assert (await at.seen(one)).state is S.MET and await count(at, meeting_minutes) == 1


async def test_who_came_late_and_has_another_slot_of_the_day_is_heard_at_that_one(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, _, three) = await morning(panel, at)
    office, day = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}/day"
    assert (await office.post(f"{day}/missed", {"code": one})).status == 303
    await agenda.release(at.engine, at.page, at.by(three, "نمی‌آید"), SOON)
    await request_deciding.accept(at.engine, at.page, at.by(one), SOON)
    await agenda.place(at.engine, at.page, at.by(one, "دیر رسید"), number, 3)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"{day}#c{one}")
        await expect(line(page, one)).to_have_attribute("data-slot", "3")
        person = page.locator(f"#c{one}")
        await person.locator('[name="decided"]').fill("وصل شود")
        await person.locator('[data-later="heard"] button').click()
        await expect(line(page, one)).to_have_attribute("data-presence", "heard")
        await all_sent(page)
    assert (await at.seen(one)).state is S.MET
    order = {"code": one, "agency": "abfa", "words": "آب وصل شود", "due_on": "1405/09/17"}
    assert (await office.post(f"{day}/order", order)).status == 303


async def test_a_tablet_whose_clock_is_an_hour_slow_writes_the_true_hour(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.clock.set_fixed_time(panel.clock() - timedelta(hours=1))
        await page.goto(f"/panel/meetings/sessions/{number}/day")
        for deed, presence in (("arrive", "arrived"), ("missed", "missed")):
            await press(page, one, deed)
            await expect(line(page, one)).to_have_attribute("data-presence", presence)
            await all_sent(page)
        [seat, *_] = await at.seats(number)
        assert seat.slot.arrived_at == panel.clock() and seat.slot.outcome == "no_show"


@pytest.mark.timeout(900)
async def test_the_day_goes_on_while_the_server_is_away_and_is_sent_once(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, three) = await morning(panel, at)
    day = f"/panel/meetings/sessions/{number}/day"
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(day)
        await page.fill("#door", one)
        await page.press("#door", "Enter")
        await expect(line(page, one)).to_have_attribute("data-presence", "arrived")
        await all_sent(page)

        async with panel.away():
            await press(page, one, "begin")
            await line(page, one).locator(".ticket").click()
            person = page.locator(f"#c{one}")
            await person.locator('[name="decided"]').fill("تا یک ماه وصل شود")
            await person.locator('[data-later="heard"] button').click()
            await person.locator('[name="agency"]').select_option("abfa")
            await person.locator('[data-later="order"] [name="words"]').fill("آب خانه‌اش وصل شود")
            await person.locator('[name="due_on"]').fill("۱۴۰۵/۰۹/۱۷")
            await person.locator('[data-later="order"] button').click()
            at_once = (
                await line(page, two)
                .locator(".for-missed button")
                .evaluate("button => (button.click(), document.querySelectorAll('.unsent-mark').length)")
            )
            assert at_once == 3, "it is marked as it is pressed, not only when it is kept"
            await expect(line(page, one)).to_have_attribute("data-presence", "heard")
            await expect(page.locator("[data-net]")).to_contain_text("۴ کار")
            await screenshot(page, "day-away")
            assert (await at.seen(one)).state is S.INVITED and await count(at, meeting_orders) == 0

        await all_sent(page)
        assert (await at.seen(one)).state is S.MET and (await at.seen(two)).state is S.NO_SHOW
        assert [await count(at, each) for each in (meeting_orders, meeting_minutes)] == [1, 1]
        await expect(person).to_contain_text("داده‌شده")
        await person.locator('[data-later="accepted"] button').click()
        await expect(person).to_contain_text("پذیرفته‌شده")
        await all_sent(page)

        lost: list[str] = []

        async def answer_is_lost(route: Route) -> None:
            if lost:
                await route.continue_()
                return
            lost.append((await route.fetch()).status.__str__())
            await route.abort()

        await page.route(re.compile(r"/day/walk_in$"), answer_is_lost)
        await page.click("text=مراجعهٔ بی‌نوبت")
        await page.fill("#w-name", "زهرا")
        await page.fill("#w-words", "بیکار شده‌ام")
        await page.press("#w-name", "Enter")
        await expect(page.locator(".visitor", has_text="زهرا")).to_have_attribute("data-presence", "arrived")
        await all_sent(page)
        assert lost == ["200"] and await count(at, meeting_slots) == 4, "she has one number"
        assert await count(at, meeting_deeds) == 7
        assert await page.locator(".visitor").count() == 4 and three


async def test_without_the_script_a_walk_in_is_registered_once_however_often_it_is_pressed(
    panel: PanelServed, at: Hall
) -> None:
    number, _ = await morning(panel, at)
    client, day = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}/day"
    found = re.search(r'name="form" value="([^"]+)"', await client.text(day))
    assert found is not None
    filled = {"form": found[1], "name": "زهرا", "words": "بیکار شده‌ام"}
    filled |= {"national_id": "۰۰۱-۲۳۴۵۶۷-۹"}  # in groups
    for name, slots in (("زهرا", 4), ("زهرا", 4), ("مریم", 5)):
        sent = await client.post(f"{day}/walk_in", filled | {"name": name})
        assert sent.status == 303 and await count(at, meeting_slots) == slots
    wrong = await client.post(f"{day}/walk_in", filled | {"name": "سارا", "national_id": "1234567890"})
    assert wrong.status == 422 and "کد ملی درست نیست." in await wrong.text()
    assert found[1] not in await client.text(day)


async def test_without_the_script_an_order_that_is_given_too_early_comes_back_as_it_was_typed(
    panel: PanelServed, at: Hall
) -> None:
    code, other = await at.accepted(2), await at.accepted(1, "09141234567")
    await at.fill(number := await at.session(slots=2))
    panel.clock.now += timedelta(days=6)
    office, day = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}/day"
    typed = {"code": code, "agency": "abfa", "words": "آب روستا وصل شود", "due_on": "1405/10/20"}
    refused = await office.post(f"{day}/order", typed)
    assert refused.status == 422
    page = await refused.text()
    form, others = (page.partition(f'id="a-{each}"')[2].partition("</form>")[0] for each in (code, other))
    kept = ('<option value="abfa" selected>', ">آب روستا وصل شود</textarea>", 'value="1405/10/20"')
    assert [each in form for each in kept] == [True] * 3
    assert not any(each in others for each in kept), "only with her"
    assert page.count("آب روستا وصل شود") == 1, "nor with who came without a slot"
    assert words()("day.after_heard") in page


async def test_a_walk_in_is_called_in_the_language_that_is_chosen_for_her_also_where_it_was_half_filled_in(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, _ = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day")
        await page.click("text=مراجعهٔ بی‌نوبت")
        await page.fill("#w-name", "زهرا")
        await answers(page, f"async () => (await ({DRAFTS})())", "زهرا")
        await page.select_option("#w-language", "az")
        await answers(page, f"async () => (await ({DRAFTS})()).includes('az')", True)
        await page.reload()
        await expect(page.locator("#w-language")).to_have_value("az")
        await page.fill("#w-national", "1234567890")
        await page.fill("#w-words", "بیکار شده‌ام")
        await page.press("#w-name", "Enter")
        refused = page.locator("[data-wrongs] .notice")
        assert re.findall("«.*?»", await refused.inner_text()) == ["«زهرا»", "«1234567890»", "«بیکار شده‌ام»"]
        await page.fill("#w-name", "زهرا")
        await page.fill("#w-words", "بیکار شده‌ام")
        await page.select_option("#w-language", "az")
        await page.press("#w-name", "Enter")
        await kept(page, 1)
        await page.fill("#w-name", "مریم")
        await page.fill("#w-words", "بیکار شده‌ام")
        await page.press("#w-name", "Enter")
        await kept(page, 1)
        await expect(page.locator(".visitor", has_text="مریم")).to_have_attribute("data-presence", "arrived")
    client, day = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}/day/walk_in"
    older = {"name": "سارا", "words": "بیکار شده‌ام"}  # as a page of before the language was asked sends it
    assert (await client.post(day, older)).status == 303
    assert (await client.post(day, older | {"language": "xx"})).status == 422
    told = {case["caller_name"]: case["language"] for case in (await as_json.cases(at.engine))[:3]}
    assert told == {"زهرا": "az", "مریم": "fa", "سارا": "fa"}


async def test_minutes_that_a_colleague_wrote_since_stand_beside_what_was_typed_from_a_page_of_before(
    panel: PanelServed, at: Hall
) -> None:
    number, (one, *_) = await morning(panel, at)
    his, hers = await panel.signed_in("governor"), await panel.signed_in("governor")
    day = f"/panel/meetings/sessions/{number}/day"
    assert (await his.post(f"{day}/heard", {"code": one, "said": "آب ندارد"})).status == 303
    form = re.compile(rf'id="c{one}".*?name="seen" value="([^"]+)"', re.DOTALL)
    [old] = form.findall(await hers.text(day))
    panel.clock.now += timedelta(minutes=1)
    added = {"code": one, "said": "آب ندارد و بیمار است", "seen": old}
    assert (await his.post(f"{day}/amend", added)).status == 303
    other = {"code": one, "said": "برق هم ندارد", "people": "۳", "seen": old}
    refused = await hers.post(f"{day}/amend", other)
    assert refused.status == 422
    text = await refused.text()
    assert "در این میان نوشته شده است" in text and ">آب ندارد و بیمار است</p>" in text
    assert ">برق هم ندارد</textarea>" in text and 'value="۳"' in text
    [fresh] = form.findall(text)
    assert (await hers.post(f"{day}/amend", other | {"seen": fresh})).status == 303


@pytest.mark.timeout(900)
async def test_a_reload_without_the_server_shows_the_page_that_was_kept_and_sends_once(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, _) = await morning(panel, at)
    day = f"/panel/meetings/sessions/{number}/day"
    async with window(chrome, panel, "governor", size=TABLET, workers=True) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        await page.goto(day)
        await expect(page.locator("[data-day]")).to_have_attribute("data-reloadable", "yes")
        async with panel.away():
            await page.reload()
            await expect(page.locator("[data-as-kept]")).to_be_visible()
            await press(page, one, "arrive")
            await line(page, one).locator(".ticket").click()
            person = page.locator(f"#c{one}")
            await person.locator('[name="decided"]').fill("تا یک ماه وصل شود")
            await person.locator('[data-later="heard"] button').click()
            await expect(line(page, one)).to_have_attribute("data-presence", "heard")
            await kept(page, 2)
            await page.reload()
            await expect(line(page, one)).to_have_attribute("data-presence", "heard")
            await expect(page.locator("[data-net]")).to_contain_text("۲ کار")
            await screenshot(page, "day-reloaded")
            assert not await serious(page)
            other = await page.context.new_page()
            await other.goto(day)
            await expect(other.locator("[data-nothing]")).to_be_visible()
            assert two not in await other.content(), "another tab has no key"
            await screenshot(other, "day-nothing-kept")
            await other.close()
        await all_sent(page)
        await expect(page.locator("[data-as-kept]")).to_be_hidden()
        assert (await at.seen(one)).state is S.MET
        assert [await count(at, each) for each in (meeting_deeds, meeting_minutes)] == [2, 1]
        stored = await page.evaluate(KEPT)
        assert stored["pages"] == 1 and stored["key"] and one not in stored["text"]
        await page.goto("/panel/account")
        await page.click('form[action="/panel/sign-out"] button')
        await page.wait_for_url("**/panel/sign-in")
        await answers(page, KEPT, {"pages": 0, "key": None, "workers": 0, "text": ""})
        async with panel.away():
            with pytest.raises(Error):
                await page.goto(day)


# From `held` on the page's fresh text is there, and is not read before `read()`.
HELD = """() => {
  const real = Response.prototype.text, go = new Promise((done) => { window.read = done; });
  Response.prototype.text = async function () {
    const text = await real.call(this);
    window.held = true;
    await go;
    return text;
  };
  dispatchEvent(new Event("online"));
}"""


async def test_what_is_done_while_the_page_is_read_anew_is_not_taken_back(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day")
        await page.evaluate(HELD)
        await page.wait_for_function("() => window.held")
        async with panel.away():
            await press(page, one, "arrive")
            await kept(page, 1)
            await page.evaluate("read()")
            await expect(page.locator("[data-net]")).to_contain_text("۱ کار")
            await expect(line(page, one)).to_have_attribute("data-presence", "arrived")
            await expect(page.locator(".unsent-mark")).to_have_count(1)
        await all_sent(page)
        assert await count(at, meeting_deeds) == 1


# What the browser holds of the day; of the page as text, in which nothing may be read.
KEPT = """async () => {
  const asking = indexedDB.open("seda-day");
  const books = await new Promise((done) => { asking.onsuccess = () => done(asking.result); });
  const asked = books.transaction("page").objectStore("page").getAll();
  const pages = await new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  books.close();
  const workers = (await navigator.serviceWorker.getRegistrations()).length;
  const text = pages.map((each) => JSON.stringify(each) + new TextDecoder().decode(each.sealed)).join("");
  return { pages: pages.length, key: sessionStorage.getItem("day-key"), workers, text };
}"""


@pytest.mark.timeout(900)
async def test_a_tab_closed_without_the_server_loses_nothing_that_was_done_or_half_written(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    """Its page can't be opened again, which is meant; what was done is sent, and half a word stands there."""
    number, (one, two, _) = await morning(panel, at)
    day = f"/panel/meetings/sessions/{number}/day"
    async with window(chrome, panel, "governor", size=TABLET, workers=True) as page:
        await page.goto(f"{day}#c{one}")
        await expect(page.locator("[data-day]")).to_have_attribute("data-reloadable", "yes")
        async with panel.away():
            await press(page, one, "arrive")
            await expect(line(page, one)).to_have_attribute("data-presence", "arrived")
            await page.locator(f'#c{one} [name="decided"]').press_sequentially("تا یک ماه و")
            await answers(page, f"async () => (await ({DRAFTS})()).includes('تا یک ماه و')", True)
            await page.close()  # as a system does that needs its memory: nobody is asked
            other = await page.context.new_page()
            await other.goto(day)
            await expect(other.locator("[data-nothing]")).to_be_visible()
            assert "تا یک ماه" not in await other.content()
        again = await page.context.new_page()
        await again.goto(f"{day}#c{one}")
        await expect(again.locator(f'#c{one} [name="decided"]')).to_have_value("تا یک ماه و")
        await all_sent(again)
        assert await count(at, meeting_deeds) == 1 and await count(at, meeting_minutes) == 0
        await again.locator(f'#c{one} [data-later="heard"] button').click()
        async with asyncio.timeout(patience(20)):
            while await count(at, meeting_minutes) != 1:
                await asyncio.sleep(0.05)
        await all_sent(again)
        assert await again.evaluate(DRAFTS) == ""
        assert await line(again, two).count() == 1


ALL = """async () => {
  const asking = indexedDB.open("seda-day");
  const books = await new Promise((done) => { asking.onsuccess = () => done(asking.result); });
  const asked = books.transaction("later").objectStore("later").getAll();
  const all = await new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  books.close();
"""
# What stands half written in the browser; how many deeds it keeps.
DRAFTS = f"""{ALL}
  return all.filter((each) => each.draft).flatMap((each) => each.fields.map(([, text]) => text)).join(" ");
}}"""
LATER = f"{ALL} return all.filter((each) => !each.draft).length; }}"


# The connection to the browser's store ends as the page asks for it next, as in a tab behind others; or
# nothing that it asks for begins any more.
ENDS = """() => {
  const { prototype } = IDBDatabase, begin = prototype.transaction;
  prototype.transaction = function (...its) {
    prototype.transaction = begin;
    this.close();
    return this.transaction(...its);
  };
}"""
NOTHING_BEGINS = """() => {
  IDBDatabase.prototype.transaction = () => { throw new DOMException("closing", "InvalidStateError"); };
}"""


async def test_a_tablet_whose_browser_closed_its_store_meanwhile_keeps_what_is_written_and_done(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, _) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, _):
        await all_sent(page)
        async with panel.away():
            await line(page, one).locator(".ticket").click()
            await page.evaluate(ENDS)
            await page.locator(f'#c{one} [name="decided"]').fill("تا یک ماه")
            await answers(page, f"async () => (await ({DRAFTS})()).includes('تا یک ماه')", True)
            await page.evaluate(ENDS)
            await press(page, two, "arrive")
            await kept(page, 1)
            await expect(page.locator("[data-net]")).to_contain_text("۱ کار")
        await all_sent(page)
        assert await count(at, meeting_deeds) == 1


# How durable each change to the browser's store is that begins from now on.
ASKED = """() => {
  const { prototype } = IDBDatabase, begin = prototype.transaction;
  window.asked = new Set();
  prototype.transaction = function (...its) {
    const change = begin.apply(this, its);
    if (change.mode === "readwrite") asked.add(`${[...change.objectStoreNames]} ${change.durability}`);
    return change;
  };
}"""


async def test_what_a_tablet_keeps_is_on_its_disk_before_it_counts_as_kept(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, _):
        await all_sent(page)
        await page.evaluate(ASKED)
        async with panel.away():
            await press(page, one, "arrive")
            await kept(page, 1)
        await all_sent(page)
        assert await page.evaluate("[...asked]") == ["later strict"]


async def says_at_the_next_look(page: Page, told: Locator, words: str) -> None:
    await told.evaluate("its => { its.hidden = true; }")
    await page.evaluate(LOOK)
    await expect(told).to_be_visible()
    await expect(told).to_contain_text(words)


async def test_who_writes_what_the_browser_can_not_keep_is_told_so_and_not_that_the_server_is_away(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, _):
        await all_sent(page)
        await line(page, one).locator(".ticket").click()
        await page.evaluate(NOTHING_BEGINS)
        await page.locator(f'#c{one} [name="decided"]').fill("تا یک ماه")
        told = page.locator("[data-net]")
        await expect(told).to_contain_text("چیزی نگه نمی‌دارد")
        await says_at_the_next_look(page, told, "چیزی نگه نمی‌دارد")


async def test_an_order_that_the_browser_can_not_keep_goes_to_the_server_as_it_was_written(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    """Too early here, so that it comes back: nothing of it stands on the page alone, which was emptied."""
    number, (one, _, _) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, _):
        await line(page, one).locator(".ticket").click()
        await page.evaluate(NOTHING_BEGINS)
        order = page.locator(f'#c{one} [data-later="order"]')
        await order.locator("[name=agency]").select_option("abfa")
        await order.locator("[name=words]").fill("لوله را تا پایان ماه عوض کنید")
        await order.locator("[name=due_on]").fill("۱۴۰۶/۰۱/۲۱")
        async with page.expect_navigation():
            await order.locator("button").click()
        await expect(order.locator("[name=words]")).to_have_value("لوله را تا پایان ماه عوض کنید")
        await expect(order.locator("[name=agency]")).to_have_value("abfa")


async def test_where_the_browser_still_reads_what_it_keeps_and_takes_no_more_it_is_told_until_it_does(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with on_the_day(chrome, panel, number) as (page, _):
        await all_sent(page)
        told, words = page.locator("[data-net]"), page.locator(f'#c{one} [name="decided"]')
        await line(page, one).locator(".ticket").click()
        browser = await page.context.new_cdp_session(page)
        await browser.send("Storage.overrideQuotaForOrigin", {"origin": panel.url, "quotaSize": 1})
        await words.fill("تا یک ماه")
        await expect(told).to_contain_text("چیزی نگه نمی‌دارد")
        for _ in range(2):
            await says_at_the_next_look(page, told, "چیزی نگه نمی‌دارد")
        async with panel.away():
            await says_at_the_next_look(page, told, "چیزی نگه نمی‌دارد")
        await browser.send("Storage.overrideQuotaForOrigin", {"origin": panel.url})
        await words.fill("تا دو ماه")
        await answers(page, f"async () => (await ({DRAFTS})()).includes('تا دو ماه')", True)
        await page.evaluate(LOOK)
        await expect(told).to_be_hidden()


async def test_what_was_half_written_is_about_the_minutes_that_stood_there_as_it_was_begun(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    his, day = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}/day"
    assert (await his.post(f"{day}/heard", {"code": one, "said": "آب ندارد"})).status == 303
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"{day}#c{one}")
        said = page.locator(f'#c{one} [name="said"]')
        await said.fill("برق هم ندارد")
        await answers(page, f"async () => (await ({DRAFTS})()).includes('برق')", True)
        panel.clock.now += timedelta(minutes=1)
        assert (await his.post(f"{day}/amend", {"code": one, "said": "بیمار است"})).status == 303
        await page.reload()
        await expect(said).to_have_value("برق هم ندارد")
        await page.locator(f'#c{one} [data-later="heard"] button').click()
        refused = page.locator("[data-wrongs] .notice")
        await expect(refused).to_contain_text("در این میان نوشته شده است")
        assert re.findall("«.*?»", await refused.inner_text()) == ["«برق هم ندارد»"]
        await page.reload()
        await expect(said).to_have_value("بیمار است")


@pytest.mark.timeout(900)
async def test_what_the_server_does_not_take_stays_with_its_words(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{one}")
        person = page.locator(f"#c{one}")
        await person.locator('[name="agency"]').select_option("abfa")
        await person.locator('[data-later="order"] [name="words"]').fill("آب وصل شود")
        await person.locator('[name="due_on"]').fill("1405/09/17")
        await person.locator('[data-later="order"] button').click()
        refused = page.locator("[data-wrongs] .notice")
        await expect(refused).to_contain_text("پس از دیدار")
        await expect(refused).to_contain_text("«آب وصل شود»")
        await page.reload()
        await expect(refused).to_contain_text("«آب وصل شود»")
        await refused.get_by_role("button", name=words()("day.forget")).click()
        await expect(refused).to_have_count(0)  # gone only once the browser has dropped it
        await page.reload()
        await kept(page, 0)
        await expect(refused).to_have_count(0)


async def test_orders_that_are_refused_later_tell_whose_they_are_to_which_body_and_by_which_day(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, _, three) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{three}")
        await all_sent(page)
        await page.context.set_offline(True)
        for code, body in ((one, "abfa"), (three, "edu")):
            await line(page, code).locator(".ticket").click()
            person = page.locator(f"#c{code}")
            await person.locator('[name="agency"]').select_option(body)
            await person.locator('[data-later="order"] [name="words"]').fill("رسیدگی شود")
            await person.locator('[name="due_on"]').fill("1405/09/17")
            await person.locator('[data-later="order"] button').click()
        await page.fill("#door", "0499370899")
        await page.press("#door", "Enter")
        photo = {"name": "خانه.jpg", "mimeType": "image/jpeg", "buffer": b"no image"}
        await person.locator("[name=file]").set_input_files(cast(Any, photo))
        await person.locator('[data-later="paper"] button').click()
        await kept(page, 4)
        await page.context.set_offline(False)
        refused = page.locator("[data-wrongs] .notice")
        await expect(refused).to_have_count(4)
        for _ in range(2):  # also once the browser has read them from its disk
            lines = await refused.all_inner_texts()
            for told, code, body in zip(lines, (one, three), ("abfa", "edu"), strict=False):
                name = await page.locator(f'#c{code} [name="agency"] option[value="{body}"]').inner_text()
                assert re.findall("«.*?»", told) == ["«رسیدگی شود»", "«1405/09/17»", f"«{name}»"]
                assert digits(code) in told
            assert "•••" + digits("899") in lines[2] and digits("0499370899") not in lines[2]
            assert "0499370899" not in lines[2], "her national ID is shown to nobody"
            assert "«خانه.jpg»" in lines[3] and digits(three) in lines[3]
            assert not await serious(page)
            await refused.first.get_by_role("link").click()
            await expect(page.locator(f"#c{one}")).to_be_visible()
            await page.reload()
            await expect(refused).to_have_count(4)


async def resent(refused: Any) -> None:
    """What was refused is sent again, and refused again."""
    await refused.evaluate("line => { line.dataset.old = ''; }")
    await refused.get_by_role("button", name=words()("day.resend")).click()
    await expect(refused.and_(refused.page.locator(":not([data-old])"))).to_have_count(1)


async def test_who_was_not_heard_for_a_wrong_number_of_people_is_heard_once_that_is_put_right(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, _) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{one}")
        form = page.locator(f'#c{one} [data-later="heard"]')
        few, button = form.locator("[name=people]"), form.locator("button")
        await form.locator("[name=decided]").fill("وصل شود")
        await few.fill("۲۵")
        await few.evaluate("its => its.removeAttribute('pattern')")  # as in a page of an older release
        await button.click()
        refused = page.locator("[data-wrongs] .notice")
        await expect(refused).to_contain_text("«وصل شود»")
        await expect(button).to_have_text(words()("day.heard"))
        await resent(refused)
        await expect(button).to_have_text(words()("day.heard"))
        await few.fill(" ۳ ")
        await button.click()
        await all_sent(page)
        await expect(button).to_have_text(words()("day.amend"))
        assert (await at.seen(one)).state is S.MET
        await resent(refused)
        await expect(button).to_have_text(words()("day.amend"))  # for she was heard by another deed
        await form.locator("[name=decided]").fill("تا یک ماه وصل شود")
        await button.click()
        await all_sent(page)
        async with at.engine.connect() as connection:
            [its] = (await connection.execute(select(meeting_minutes))).all()
        assert (its.decided, its.people) == ("تا یک ماه وصل شود", 3)
        assert await count(at, meeting_deeds) == 2 and two


async def test_who_was_heard_elsewhere_meanwhile_has_her_minutes_by_the_next_press_but_over_no_colleague_s(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, codes = await morning(panel, at)
    met, own, colleague_s = codes
    day = f"/panel/meetings/sessions/{number}/day"
    async with on_the_day(chrome, panel, number) as (page, person):
        await all_sent(page)
        await page.context.set_offline(True)
        for code in codes:
            await line(page, code).locator(".ticket").click()
            await page.locator(f"#c{code} [name=said]").fill("آب ندارد")
            await page.locator(f'#c{code} [data-later="heard"] button').click()
            await expect(line(page, code)).to_have_attribute("data-presence", "heard")
        await kept(page, 3)
        await agenda.met(at.engine, at.page, at.by(met))
        hers = await panel.client(person, await panel.token_of(person))
        for whose, code in ((hers, own), (await panel.signed_in("governor"), colleague_s)):
            done = await whose.post(f"{day}/heard", {"code": code, "said": "برق ندارد"})
            assert done.status == 303
        await page.context.set_offline(False)
        refused = page.locator("[data-wrongs] .notice")
        await expect(refused).to_have_count(3)
        for code, many in ((met, 3), (own, 3), (colleague_s, 4)):
            await line(page, code).locator(".ticket").click()
            button = page.locator(f'#c{code} [data-later="heard"] button')
            await expect(button).to_have_text(words()("day.amend"))
            await page.locator(f"#c{code} [name=said]").fill("آب ندارد و بیمار است")
            await button.click()
            await all_sent(page)
            await expect(refused).to_have_count(many)
        await expect(refused.last).to_contain_text("در این میان نوشته شده است")
        async with at.engine.connect() as connection:
            its = cases.c.id == meeting_minutes.c.case_id
            said = select(cases.c.code, meeting_minutes.c.said).where(its)
            found = {row.code: row.said for row in await connection.execute(said)}
        assert found == dict.fromkeys((met, own), "آب ندارد و بیمار است") | {colleague_s: "برق ندارد"}


async def test_what_is_no_number_of_people_is_told_as_it_is_typed_and_waits_for_no_server(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{one}")
        form = page.locator(f'#c{one} [data-later="heard"]')
        few = form.locator("[name=people]")
        for wrong in ("۲۵", "۳ نفر", "0"):
            await few.fill(wrong)
            await form.locator("button").click()
            await expect(few).to_be_focused()
            told = await few.evaluate("its => its.validationMessage")
            assert told == words()("meetings.refused.people")
        await kept(page, 0)
        await few.fill("٢٠")
        await form.locator("button").click()
        await expect(line(page, one)).to_have_attribute("data-presence", "heard")
        await all_sent(page)
        assert (await at.seen(one)).state is S.MET


async def test_a_photograph_that_found_no_room_on_the_server_s_disk_is_sent_again_by_a_button(
    panel: PanelServed, at: Hall, chrome: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, (one, *_) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{one}")
        form = page.locator(f'#c{one} [data-later="paper"]')
        photo = {"name": "خانه.jpg", "mimeType": "image/jpeg", "buffer": image("JPEG")}
        await form.locator("[name=file]").set_input_files(cast(Any, photo))
        with monkeypatch.context() as disk:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            disk.setattr(uploading, "keep", Mock(side_effect=full))
            await form.locator("button").click()
            refused = page.locator("[data-wrongs] .notice")
            await expect(refused).to_contain_text(words()("attachments.wrong.disk"))
        await page.reload()
        await screenshot(page, "day-no-room")
        await refused.get_by_role("button", name=words()("day.resend")).click()
        await expect(page.locator(f'#c{one} [data-fresh="p-{one}"] li')).to_have_count(1)
        await kept(page, 0)
        await expect(refused).to_have_count(0)
        assert await count(at, attachments) == 1


async def test_what_an_objection_says_stays_with_its_order_while_the_page_is_renewed(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    office, day = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}/day"
    part = await ordered(office, number, one)
    other = {"code": one, "agency": "edu", "words": "مدرسه باز شود", "due_on": "1405/09/17"}
    assert (await office.post(f"{day}/order", other)).status == 303
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"{day}#c{one}")
        orders = page.locator(f"#c{one} [data-fresh] li")
        water, school = (orders.filter(has_text=words) for words in ("آب وصل شود", "مدرسه باز شود"))
        await school.locator("[name=reason]").press_sequentially("بودجه نیست")
        await answers(page, f"async () => (await ({DRAFTS})()).includes('بودجه نیست')", True)
        await page.reload()
        await expect(school.locator("[name=reason]")).to_have_value("بودجه نیست")
        await expect(water.locator("[name=reason]")).to_have_value("")
        await school.locator("[name=reason]").press("End")
        await school.locator("[name=reason]").press_sequentially(" و")
        accepted = await office.post(f"{day}/accepted", {"code": one, "order": part})
        assert accepted.status == 303
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(water).to_contain_text("پذیرفته‌شده")
        await expect(school.locator("[name=reason]")).to_be_focused()
        await page.keyboard.type(" نیرو")
        await expect(school.locator("[name=reason]")).to_have_value("بودجه نیست و نیرو")
        await school.locator("[name=reason]").press("Enter")
        await all_sent(page)
        await expect(school).to_contain_text("حکم لازم است")


async def test_a_double_tap_does_one_deed_and_an_empty_order_none(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, two, _) = await morning(panel, at)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{one}")
        missed = """codes => codes.map((code) => document.querySelector(
          `.visitor[data-code="${code}"] .for-missed button`)).forEach((button) => button.click())"""
        await page.evaluate(missed, [one, two])
        await expect(line(page, one)).to_have_attribute("data-presence", "missed")
        await page.locator("#door").press("Enter")
        await page.locator(f'#c{two} [data-later="order"] button').evaluate("its => its.click()")
        await all_sent(page)
        await expect(page.locator("[data-wrongs] .notice, .visitor.unsent")).to_have_count(0)
        assert (await at.seen(one)).state is S.NO_SHOW and (await at.seen(two)).state is S.INVITED
        assert await count(at, meeting_deeds) == 1


# How long each request of the page may take, as it asks the browser.
WAITS = """const later = setTimeout;
  window.waits = [];
  window.setTimeout = (act, ms, ...more) => {
    if (`${act}`.includes("abort")) window.waits.push(ms);
    return later(act, ms, ...more);
  };"""


async def test_a_photograph_has_long_on_its_way_and_on_a_dead_line_holds_up_the_day_for_minutes_alone(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    photo = image("JPEG") + bytes(400_000)
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.add_init_script(WAITS)
        await page.goto(f"/panel/meetings/sessions/{number}/day#c{one}")
        form = page.locator(f'#c{one} [data-later="paper"]')
        sent = {"name": "خانه.jpg", "mimeType": "image/jpeg", "buffer": photo}
        await form.locator("[name=file]").set_input_files(cast(Any, sent))
        async with page.expect_request("**/day/paper"):
            await form.locator("button").click()
        waits = max(await page.evaluate("waits")) / 1000
        assert 2 * len(photo) / bodies.SLOWEST < waits < 180


async def test_a_browser_of_before_2022_sends_its_day_and_keeps_a_board_fresh(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    number, (one, *_) = await morning(panel, at)
    session = f"/panel/meetings/sessions/{number}"
    async with window(chrome, panel, "governor", size=TABLET) as page:
        await page.add_init_script("delete AbortSignal.timeout")
        await page.goto(f"{session}/day#c{one}")
        await press(page, one, "missed")
        await all_sent(page)
        assert (await at.seen(one)).state is S.NO_SHOW
        await page.goto(f"{session}/board")
        asked = lambda answer: "hx-request" in answer.request.headers  # noqa: E731
        async with page.expect_response(asked) as fresh:
            pass
        assert (await fresh.value).status == 200
        await expect(page.locator("[data-stale]")).to_be_hidden()


async def test_the_boards_tell_numbers_and_the_waiting_room_no_name(panel: PanelServed, at: Hall) -> None:
    number, (one, private, three) = await morning(panel, at)
    office, session = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}"
    for code, deed in ((one, "begin"), (private, "arrive"), (three, "arrive")):
        assert (await office.post(f"{session}/day/{deed}", {"code": code})).status == 303
    room, waiting = await office.text(f"{session}/board"), await office.text(f"{session}/waiting")
    for text in (room, waiting):
        assert [text.count(f">{n}<") for n in ("۱", "۲", "۳")] == [1, 1, 1] and one not in text
    assert "خصوصی" in room and "خصوصی" not in waiting and "شرکت" not in waiting
    piece = await office.http.get(f"{session}/waiting", headers={"HX-Request": "true"})
    assert "<html" not in await piece.text()
    head = await panel.signed_in("head")
    for path in ("day", "board", "waiting"):
        assert (await head.get(f"{session}/{path}")).status in (403, 404)
    wrong = await office.post(f"{session}/day/arrive", {"code": "۱۲۳"})
    assert wrong.status == 422 and "نوبت ندارد" in await wrong.text()


async def test_an_agency_answers_its_invitation_and_writes_its_view_in_the_panel(
    panel: PanelServed, at: Hall
) -> None:
    needs = await at.accepted(3, "09141234561", bodies=["abfa"])
    private = await at.accepted(2, "09141234562", about="abfa", bodies=["edu"])
    number = await at.session()
    await at.fill(number)
    office, session = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}"
    assert (await office.post(f"{session}/invite")).status == 303
    assert "نظر نداده" in await office.text(session)
    officer = await panel.signed_in("officer")
    text = await officer.text(session)
    assert "دعوت دستگاه شما" in text and f'value="{needs}"' in text and private not in text
    before = {"state": "accepts", "seen": "2026-11-25T08:00:00+00:00"}  # it ends otherwise by now
    for fields, says in (
        ({"state": "substitute"}, "نام جانشین"),
        ({"state": "refuses"}, "دلیل نیامدن"),
        (before, "در این میان تغییر کرده"),
    ):
        answer = await officer.post(f"{session}/attend", fields)
        assert answer.status == 422 and says in await answer.text()
    who = {"state": "substitute", "who": "آقای رضایی"}
    assert (await officer.post(f"{session}/attend", who)).status == 303
    empty = await officer.post(f"{session}/view", {"code": needs, "words": " "})
    assert empty.status == 422
    assert (await officer.post(f"{session}/view", {"code": needs, "words": "لوله فرسوده است"})).status == 303
    assert (await officer.post(f"{session}/view", {"code": private, "words": "x"})).status == 422
    text = await office.text(session)
    assert "آقای رضایی" in text and "نظر داده شد" in text and "۱ از ۱" in text
    panel.clock.now += timedelta(days=6)
    office = await panel.signed_in("governor")
    assert (await office.post(f"{session}/came", {"agency": "abfa", "came": "head"})).status == 303
    assert "رئیس آمد" in await office.text(session)


async def test_a_view_that_is_being_written_is_not_left_unasked_by_giving_another_one(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    one, two = [await at.accepted(n, f"0914123456{n}", bodies=["abfa"]) for n in (1, 2)]
    number = await at.session()
    await at.fill(number)
    await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)
    async with window(chrome, panel, "officer", size=DESKTOP) as page:
        page.on("dialog", lambda asked: asked.dismiss())
        await page.goto(f"/panel/meetings/sessions/{number}")
        for code, text in ((one, "لوله فرسوده است"), (two, "کنتور خراب است")):
            await page.locator(f"#view-{code}").fill(text)
        give = page.locator("form", has=page.locator(f"#view-{one}")).locator("button.main")
        async with page.expect_event("dialog"):
            await give.click()
        await expect(page.locator(f"#view-{two}")).to_have_value("کنتور خراب است")
        await page.locator(f"#view-{two}").fill("")
        await give.click()
        await page.wait_for_url("**?done=view")
        await expect(page.locator(f"#view-{one}")).to_have_value("لوله فرسوده است")


async def test_the_office_rules_on_orders_in_the_panel_and_sees_the_evidence(
    panel: PanelServed, at: Hall
) -> None:
    number, (one, *_) = await morning(panel, at)
    office, request = await panel.signed_in("governor"), f"/panel/meetings/requests/{one}"
    part = await ordered(office, number, one)
    bare = await office.post(f"{request}/objected", {"order": part, "reason": ""})
    assert bare.status == 422
    for decision, says in (
        ("objected", "حکم لازم است"), ("uphold", "دستور پابرجا ماند"), ("accepted", "پذیرفته‌شده"),
    ):  # fmt: skip
        done = await office.post(f"{request}/{decision}", {"order": part, "reason": "بودجه نیست"})
        assert done.status == 303, decision
        assert says in await office.text(done.headers["Location"])
    nobody = await office.post(f"{request}/uphold", {"order": part, "reason": "چرا"})
    assert nobody.status == 422 and "کسی به این دستور ایراد نگرفته است" in await nobody.text()
    assert (await put(await panel.signed_in("officer"), part, PDF, note="عکس لولهٔ تازه"))[0] == 303
    assert "عکس لولهٔ تازه" in await office.text(request)
    assert (await office.post(f"{request}/revoke", {"order": part, "reason": "لازم نیست"})).status == 303
    assert "برداشته‌شده" in await office.text(request)


async def ordered(office: Client, number: int, code: str) -> str:
    """She is heard and abfa is ordered to do something; the part's code."""
    day = f"/panel/meetings/sessions/{number}/day"
    assert (await office.post(f"{day}/heard", {"code": code, "decided": "وصل شود"})).status == 303
    order = {"code": code, "agency": "abfa", "words": "آب وصل شود", "due_on": "1405/09/17"}
    assert (await office.post(f"{day}/order", order)).status == 303
    found = re.findall(r'<option value="(\d{10})"', await office.text(f"/panel/meetings/requests/{code}"))
    return str(found[0])


@pytest.mark.timeout(900)
async def test_it_reads_well(panel: PanelServed, at: Hall, chrome: Browser) -> None:
    number, (one, private, three) = await morning(panel, at)
    office, session = await panel.signed_in("governor"), f"/panel/meetings/sessions/{number}"
    for code, deed in ((one, "begin"), (private, "arrive"), (three, "arrive")):
        await office.post(f"{session}/day/{deed}", {"code": code})
    async with window(chrome, panel, "governor", size=TABLET) as page:
        looks = (("tablet", TABLET, False), ("wide", DESKTOP, True), ("phone", PHONE, False))
        for name, size, dark in looks:
            await page.emulate_media(color_scheme="dark" if dark else "light")
            await page.set_viewport_size(size)
            for path in (f"day#c{one}", "board", "waiting"):
                await page.goto(f"{session}/{path}")
                await screenshot(page, f"day-{path.partition('#')[0]}-{name}")
                assert not await serious(page), path
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, (path, name, wide)
        await page.set_viewport_size(DESKTOP)
        part = await ordered(office, number, three)
        await put(await panel.signed_in("officer"), part, PDF, note="عکس لولهٔ تازه")
        for name, path in (("session", session), ("request", f"/panel/meetings/requests/{three}")):
            await page.goto(path)
            await screenshot(page, f"day-{name}")
            assert not await serious(page), name
    async with window(chrome, panel, "officer", size=DESKTOP) as page:
        await page.goto(session)
        await screenshot(page, "day-agency")
        assert not await serious(page)
