"""The service desk: a case by keyboard, her earlier ones beside it, one case however often it is sent."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Route, expect
from sqlalchemy import select, update

from ivr.cases.code import grouped
from ivr.desk.case.registering import Wanted, register
from ivr.desk.editing.changing import Why, change, wish
from ivr.desk.editing.nouns import BY_NAME
from ivr.desk.reading import as_json
from ivr.desk.reading.number_searches import BLIND
from ivr.store.tables import audit, callbacks, cases, people
from ivr.web.panel.locale import digits, words
from tests.desk.counter import counter
from tests.fixtures.province import CONVENTIONS
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import Client, PanelServed
from tests.web.service import LEARNING

DESK = "/panel/desk"
HERS = "09141234567"
SENT = {
    "form": "one",
    "caller": HERS,
    "kind": "complaint",
    "words": "از کنتور آب نشت می‌کند",
    "county": "ahar",
}
SENT |= {"topic": "water.supply", "language": "fa"}
KEYS = re.compile(r'name="form" value="([^"]+)"')


async def opened(panel: PanelServed) -> list[Any]:
    query = select(cases).order_by(cases.c.opened_at, cases.c.code)
    async with panel.engine.connect() as connection:
        return list((await connection.execute(query)).all())


async def before(panel: PanelServed, caller: str = HERS, **more: Any) -> str:
    at = await counter(panel.engine)
    wanted = Wanted(
        "complaint", "water.supply", words="کنتور آب نشت می‌کند و آب هدر می‌رود", caller=caller, **more
    )
    return (await register(panel.engine, at.page, wanted, panel.clock())).code


@pytest.fixture
async def operator(panel: PanelServed) -> Client:
    await counter(panel.engine)
    return await panel.signed_in("operator")


async def test_a_case_is_registered_with_the_facts_of_one_from_the_terminal(
    panel: PanelServed, operator: Client
) -> None:
    answer = await operator.post(DESK, SENT | {"caller": "۰۹۱۴ ۱۲۳ ۴۵۶۷", "caller_name": "زهرا احمدی"})
    assert answer.status == 303
    [case] = await opened(panel)
    assert (case.channel, case.caller_key, case.topic) == ("desk", "+989141234567", "water.supply")
    told = await as_json.case_json(panel.engine, case.code)
    assert told is not None and operator.person is not None
    assert [(event["what"], event["actor"]) for event in told["events"]] == [
        ("opened", operator.person.name),
        ("referred", "ivr"),
    ]
    async with panel.engine.connect() as connection:
        asked = (await connection.execute(select(callbacks))).one()
    assert (asked.purpose, asked.number) == ("verify", "+989141234567")
    receipt = await operator.text(answer.headers["Location"])
    assert "زنگ می‌زنیم تا تأیید کنید" in receipt and "مهلت پاسخ" in receipt
    assert HERS not in receipt and "نشت" not in receipt


async def test_a_retired_topic_or_county_is_not_offered(panel: PanelServed, operator: Client) -> None:
    why = Why((await panel.person("admin")).actor)
    for noun, code in (("topic", "water.supply"), ("area", "ahar")):
        async with panel.engine.connect() as connection:
            values = (await BY_NAME[noun].rows(connection))[code]
        await change(panel.engine, why, wish(BY_NAME[noun], values | {"retired": "yes"}))
    await panel.panel.book.load()
    page = await operator.text(DESK)
    assert 'value="water.bill"' in page and 'value="tabriz"' in page
    assert 'value="water.supply"' not in page and 'value="ahar"' not in page
    assert (await operator.post(DESK, SENT)).status == 422 and not await opened(panel)
    beside = await (await operator.post(f"{DESK}/beside", SENT | {"topic": ""})).text()
    assert "data-topic" in beside and 'data-topic="water.supply"' not in beside


async def test_a_third_language_of_the_installation_can_be_chosen(
    panel: PanelServed, operator: Client
) -> None:
    panel.panel.book.conventions = replace(CONVENTIONS, languages=("fa", "az", "ku"))
    await panel.panel.book.load()
    assert 'name="language" value="ku"' in await operator.text(DESK)
    assert (await operator.post(DESK, SENT | {"language": "ku"})).status == 303


async def test_a_receipt_without_a_number_promises_no_call(panel: PanelServed, operator: Client) -> None:
    answer = await operator.post(DESK, SENT | {"caller": ""})
    assert "با شما تماس گرفته نمی‌شود" in await operator.text(answer.headers["Location"])


async def test_enter_pressed_twice_opens_one_case_and_another_matter_another(
    panel: PanelServed, operator: Client
) -> None:
    twice = await asyncio.gather(*(operator.post(DESK, SENT) for _ in range(2)))
    assert {answer.status for answer in twice} == {303}
    assert len({answer.headers["Location"] for answer in twice}) == len(await opened(panel)) == 1
    other = SENT | {"words": "چراغ کوچه خاموش است", "topic": "", "caller": ""}
    assert (await operator.post(DESK, other)).status == 303
    assert len(await opened(panel)) == 2


async def test_a_form_that_is_sent_again_has_its_receipt_whatever_the_book_says_by_then(
    panel: PanelServed, operator: Client
) -> None:
    """Its own case is no duplicate of it, and a topic that was retired since opens nothing."""
    first = (await operator.post(DESK, SENT)).headers["Location"]
    again = await operator.post(DESK, SENT)
    assert (again.status, again.headers.get("Location")) == (303, first)
    async with panel.engine.connect() as connection:
        values = (await BY_NAME["topic"].rows(connection))["water.supply"]
    why = Why((await panel.person("admin")).actor)
    await change(panel.engine, why, wish(BY_NAME["topic"], values | {"retired": "yes"}))
    await panel.panel.book.load()
    late = await operator.post(DESK, SENT)
    assert (late.status, late.headers.get("Location")) == (303, first)
    assert len(await opened(panel)) == 1


async def test_the_receipt_of_what_is_confidential_names_no_number_and_promises_the_call(
    panel: PanelServed, operator: Client
) -> None:
    answer = await operator.post(DESK, SENT | {"topic": "gov.conduct"})
    receipt = await operator.text(answer.headers["Location"])
    assert "به شماره‌ای که داده‌اید می‌گوییم. نخست" in receipt and "\u2066—\u2069" not in receipt


async def test_a_national_id_in_groups_is_taken(panel: PanelServed, operator: Client) -> None:
    assert (await operator.post(DESK, SENT | {"national_id": "۰۰۱-۲۳۴۵۶۷-۹"})).status == 303
    async with panel.engine.connect() as connection:
        assert (await connection.execute(select(cases.c.national_id))).scalar_one() == "0012345679"


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"kind": ""}, "یکی از گزینه‌ها را انتخاب کنید"),
        ({"words": "", "topic": ""}, "خواستهٔ شهروند را بنویسید"),
        ({"caller": "0914"}, "این شماره درست نیست"),
        ({"callback": "+4930123456"}, "با این شماره نمی‌توان تماس گرفت"),
        ({"national_id": "1234567890"}, "کد ملی درست نیست"),
    ],
)
async def test_what_won_t_do_is_said_at_its_field_and_nothing_typed_is_lost(
    panel: PanelServed, operator: Client, sent: dict[str, str], says: str
) -> None:
    answer = await operator.post(DESK, SENT | {"caller_name": "زهرا احمدی"} | sent)
    text = await answer.text()
    assert answer.status == 422 and says in text and await opened(panel) == []
    for typed in ("زهرا احمدی", *filter(None, (SENT | sent).values())):
        assert typed in text, typed
    assert KEYS.findall(text) == ["one"]


async def test_a_likely_duplicate_is_told_once_and_then_left_to_whoever_asks(
    panel: PanelServed, operator: Client
) -> None:
    code = await before(panel)
    answer = await operator.post(DESK, SENT)
    text = await answer.text()
    assert answer.status == 422 and f"/panel/cases/{code}" in text and "شاید همین" in text
    assert len(await opened(panel)) == 1
    warned = re.findall(r'name="warned" value="(\d+)"', text)
    assert (await operator.post(DESK, SENT | {"warned": warned[0]})).status == 303


async def test_her_earlier_cases_come_with_her_whole_number_and_are_on_record(
    panel: PanelServed, operator: Client
) -> None:
    code = await before(panel)
    path = f"{DESK}/beside"
    assert code not in await (await operator.post(path, SENT | {"caller": HERS[:-1]})).text()
    assert code in await (await operator.post(path, SENT)).text()
    await operator.post(path, SENT | {"words": "آب"})
    async with panel.engine.connect() as connection:
        noted = (await connection.execute(select(audit).where(audit.c.action == "number_searched"))).one()
    assert noted.subject == "number/+98914***67" and noted.detail["found"] == [code]
    for last in range(BLIND.most):
        await operator.post(path, SENT | {"caller": f"09141230{last:03}"})
    assert "شماره‌های بسیاری" in await (await operator.post(path, SENT | {"caller": "09141239999"})).text()
    assert (await operator.post(DESK, SENT | {"caller": "09141239998"})).status == 303


async def test_of_a_withheld_number_her_earlier_case_comes_with_the_number_that_she_gave(
    panel: PanelServed, operator: Client
) -> None:
    code = await before(panel, caller="", callback=HERS)
    assert code in await (await operator.post(f"{DESK}/beside", SENT)).text()


async def test_only_who_may_open_cases_stands_at_the_desk(panel: PanelServed) -> None:
    code = await before(panel)
    for role, status in (("officer", 403), ("governor", 403), ("supervisor", 200)):
        client = await panel.signed_in(role)
        assert (await client.get(DESK)).status == status
        assert (await client.get(f"{DESK}/receipts/{code}")).status == status
    elsewhere = await panel.signed_in("operator", areas=("tabriz",))
    other = await before(panel, county="ahar")
    assert (await elsewhere.get(f"{DESK}/receipts/{other}")).status == 404


async def test_who_lives_elsewhere_has_her_code_from_whoever_registered_her_and_from_nobody_else_there(
    panel: PanelServed, operator: Client
) -> None:
    elsewhere = await panel.signed_in("operator", areas=("tabriz",))
    answer = await elsewhere.post(DESK, SENT)
    [case] = await opened(panel)
    assert (answer.status, case.county) == (303, "ahar")
    path = f"{DESK}/receipts/{case.code}"
    text = await elsewhere.text(path)
    assert digits(grouped(case.code)) in text and f"/panel/cases/{case.code}" not in text
    assert (await elsewhere.get(f"/panel/cases/{case.code}")).status == 404
    assert f"/panel/cases/{case.code}" in await operator.text(path)
    colleague = await panel.signed_in("operator", areas=("marand",))
    assert (await colleague.get(path)).status == 404


@pytest.mark.timeout(900)
async def test_it_is_done_by_keyboard_alone(panel: PanelServed, chrome: Browser) -> None:
    """Number, kind, words, a proposal taken, sent; the warning is heeded; the receipt is ready to print."""
    await LEARNING.suggester()  # a minute on a full machine, and a page's wait has an end
    code = await before(panel)
    async with window(chrome, panel, "operator", size={"width": 1366, "height": 768}) as page:
        await page.goto(DESK)
        keys = page.keyboard
        await page.locator("#f-words").focus()
        await keys.press("Control+Enter")
        await expect(page.locator("#d-kind")).to_be_visible()
        await expect(page.locator("#desk-form [name=kind]").first).to_be_focused()
        await screenshot(page, "desk-wrong")
        assert not await serious(page)
        await page.goto(DESK)
        await expect(page.locator("#f-caller")).to_be_focused()
        await keys.type(HERS)
        await keys.press("Tab")
        await keys.type("زهرا احمدی")
        await keys.press("Tab")
        await keys.press("ArrowLeft")
        await keys.press("ArrowRight")
        await keys.press("Tab")
        await keys.type("کنتور آب خانهٔ ما نشت می‌کند")
        await expect(page.locator("#beside [data-key='1']")).to_be_visible()
        await expect(page.locator("#beside .same a")).to_have_attribute("href", f"/panel/cases/{code}")
        await screenshot(page, "desk-beside")
        assert not await serious(page)
        await keys.press("Alt+Digit1")
        await expect(page.locator("#f-topic")).not_to_have_value("")
        await page.set_viewport_size(PHONE)
        await screenshot(page, "desk-phone")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await page.locator("#f-words").focus()
        await keys.press("Control+Enter")
        await page.wait_for_url("**/receipts/*")
        assert await page.evaluate("document.activeElement.hasAttribute('data-print')")
        await screenshot(page, "desk-receipt-phone")
        await page.set_viewport_size({"width": 1366, "height": 768})
        await screenshot(page, "desk-receipt")
        async with panel.engine.begin() as connection:
            await connection.execute(update(people).values(untold_since=panel.clock()))
        await page.reload()
        await expect(page.locator(".page > .notice")).to_be_visible()
        await page.emulate_media(media="print")
        await expect(page.locator(".page > .notice")).to_be_hidden()  # it is hers alone
        await screenshot(page, "desk-receipt-print")
        assert not await serious(page)
    assert len(await opened(panel)) == 2


async def test_what_came_too_late_beside_the_form_is_asked_for_again_by_itself(
    panel: PanelServed, chrome: Browser
) -> None:
    """As while a process that has just begun learns what topics are called."""
    await LEARNING.suggester()
    await counter(panel.engine)
    held: list[Route] = []

    async def hold(route: Route) -> None:
        if held:
            await route.continue_()
        held.append(route)

    async with window(chrome, panel, "operator", told=("htmx:timeout",)) as page:
        await page.goto(DESK)
        await page.route(f"**{DESK}/beside", hold)
        await page.evaluate("""() => {
          htmx.config.timeout = 1_000;
          document.addEventListener("htmx:timeout", () => { htmx.config.timeout = 0; });
        }""")
        await page.fill("#f-words", "کنتور آب خانهٔ ما نشت می‌کند")
        await expect(page.locator("#beside [data-key='1']")).to_be_visible()
    assert len(held) == 2


async def test_a_sign_that_is_typed_by_its_code_on_the_number_pad_takes_no_proposal(
    panel: PanelServed, chrome: Browser
) -> None:
    """As a half-space, Alt+0157, in the middle of a word."""
    await LEARNING.suggester()
    await counter(panel.engine)
    async with window(chrome, panel, "operator") as page:
        await page.goto(DESK)
        await page.fill("#f-words", "کنتور آب خانهٔ ما نشت می‌کند")
        await expect(page.locator("#beside [data-key='1']")).to_be_visible()
        await page.locator("#f-words").press("Alt+Numpad1")
        await expect(page.locator("#f-words")).to_be_focused()
        await expect(page.locator("#f-topic")).to_have_value("")


async def test_enter_of_the_number_pad_sends_the_form_as_well(panel: PanelServed, chrome: Browser) -> None:
    await counter(panel.engine)
    async with window(chrome, panel, "operator") as page:
        await page.goto(DESK)
        await page.locator("#f-words").press("Control+NumpadEnter")
        await expect(page.locator("#d-kind")).to_be_visible()


async def test_words_outlive_the_session_and_the_page_until_there_is_a_receipt(
    panel: PanelServed, chrome: Browser
) -> None:
    await counter(panel.engine)
    async with window(chrome, panel, "operator", told=("Response Status Error Code 401",)) as page:
        [person] = panel.made.values()
        await page.goto(DESK)
        await page.check("[name=kind][value=complaint]")
        await page.fill("#f-words", "از کنتور آب نشت")
        panel.clock.now += timedelta(hours=3)
        await page.locator("#f-words").press_sequentially(" می‌کند")
        await expect(page.locator(".toast.bad")).to_have_text(words()("common.error.signed_out"))
        assert await page.input_value("#f-words") == "از کنتور آب نشت می‌کند"
        token = await panel.token_of(person)  # signed in in another tab
        await page.context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator(".toast").last).to_have_text(words()("common.error.renewed"))
        await page.goto("/panel/account")
        await page.goto(DESK)
        await expect(page.locator("#restored")).to_be_visible()
        assert await page.input_value("#f-words") == "از کنتور آب نشت می‌کند"
        assert not await serious(page)
        await page.check("[name=kind][value=complaint]")
        await page.locator("#f-words").press("Control+Enter")
        await page.wait_for_url("**/receipts/*")
        await page.goto(DESK)
        assert await page.input_value("#f-words") == "", "it is registered"
        await page.fill("#f-words", "چیز دیگری")
        await page.locator("[action='/panel/sign-out'] button").click()
        await page.wait_for_url("**/panel/sign-in")
        assert await page.evaluate("sessionStorage.getItem('desk')") is None
    [case] = await opened(panel)
    assert case.words == "از کنتور آب نشت می‌کند"


async def test_what_was_registered_while_its_receipt_was_lost_opens_no_second_case(
    panel: PanelServed, chrome: Browser
) -> None:
    await counter(panel.engine)
    async with window(chrome, panel, "operator") as page:

        async def lose(route: Route) -> None:
            await route.fetch(max_redirects=0)
            await route.abort()

        async def send() -> None:
            await page.check("[name=kind][value=complaint]")
            await page.locator("#f-words").press("Control+Enter")

        await page.goto(DESK)
        await page.fill("#f-words", SENT["words"])
        await page.route(f"**{DESK}", lose)
        async with page.expect_event("requestfailed", lambda request: request.url.endswith(DESK)):
            await send()
        await page.unroute(f"**{DESK}")
        assert len(await opened(panel)) == 1
        await page.goto(DESK)
        await expect(page.locator("#restored")).to_be_visible()
        await send()
        await page.wait_for_url("**/receipts/*")
        assert len(await opened(panel)) == 1
        await page.goto(DESK)
        await page.fill("#f-words", SENT["words"])
        key = await page.input_value("[name=form]")
        await page.goto(DESK)
        assert await page.input_value("[name=form]") == key
        await page.locator("#restored button").click()
        assert await page.input_value("[name=form]") != key, "what is typed now is another matter"
