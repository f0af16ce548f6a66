"""Pages of meetings: requests with the reasons of their order, decisions, sessions and agendas."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser, ViewportSize
from sqlalchemy import select, update

from ivr.cases.callback import Outcome
from ivr.cases.hearing_order import Urgency
from ivr.desk.case import answers, referring
from ivr.desk.case.callback_planning import VERIFY
from ivr.desk.case.registering import Wanted
from ivr.desk.meetings import agenda, request_deciding, session_day, session_moving, session_planning
from ivr.store.tables import audit, callbacks, cases
from ivr.web.meetings import request_pages
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.web.browser import PHONE, WIDE, screenshot, serious, window
from tests.web.panel import Client, PanelServed

MEETINGS = "/panel/meetings"
FREE = "آزاد</td>"
UNNOTED = "نوبت گذشته، نتیجه نوشته نشده"


@pytest.fixture
async def at(panel: PanelServed) -> Hall:
    its = await hall(panel.engine)
    its.at = panel.clock()
    return its


async def office(panel: PanelServed) -> Client:
    return await panel.signed_in("governor")


async def to_tell(client: Client, session: str) -> list[str]:
    """Whom the session's page asks the office to tell itself."""
    named = re.search(r"خودتان به آنان خبر دهید:(.*?)</p>", await client.text(session))
    return re.findall(r"/requests/(\d+)", named[1]) if named else []


async def to_tell_once_off(client: Client, session: str) -> list[str]:
    """The same, of a session that is called off now."""
    off = {"next_on": "۱۴۰۵/۰۹/۲۵", "reason": "سفر"}
    assert (await client.post(f"{session}/cancel", off)).status == 303
    return await to_tell(client, session)


async def test_the_office_sees_requests_in_their_order_with_reasons(panel: PanelServed, at: Hall) -> None:
    old, new = await at.wish(12, "09141234561"), await at.wish(0, "09141234562")
    text = await (await office(panel)).text(MEETINGS)
    assert re.findall(r"/requests/(\d+)\"", text) == [old, new]
    assert "۱۲ روز انتظار" in text and "+۱۲" in text and "نخستین دیدار" in text
    assert "09141234561" not in text


async def test_a_request_is_accepted_put_into_a_session_and_heard(panel: PanelServed, at: Hall) -> None:
    code = await at.wish()
    client = await office(panel)
    request = f"{MEETINGS}/requests/{code}"
    assert (await client.post(f"{request}/accept", {"next_on": "۱۴۰۵/۰۹/۲۵"})).status == 303
    assert "در انتظار نوبت" in await client.text(request) and "۲۵ آذر ۱۴۰۵" in await client.text(request)
    plan = {"official": "governor", "on": "1405/09/10", "at": "۱۰:۳۰", "slots": "۳", "minutes": "10"}
    plan |= {"way": "in_person", "place": "تالار استانداری"}
    answer = await client.post(f"{MEETINGS}/sessions", plan)
    session = answer.headers["Location"]
    assert answer.status == 303 and "پر کردن ۳ نوبت" in await client.text(session)
    assert (await client.post(f"{session}/fill")).status == 303
    text = await client.text(session)
    assert code in text.replace(" ", "") and "۱۰:۳۰" in text
    assert "دیدار شد</button>" not in text  # the day has not come
    panel.clock.now += timedelta(days=6)
    client = await office(panel)
    assert (await client.post(f"{session}/met", {"code": code})).status == 303
    assert "دیدار شد" in await client.text(request)
    order = {"agency": "abfa", "words": "آب خانه‌اش وصل شود", "due_on": "۱۴۰۵/۰۹/۱۷"}
    assert (
        "روزی کاری" in await (await client.post(f"{request}/order", order | {"due_on": "1405/09/13"})).text()
    )
    assert (await client.post(f"{request}/order", order)).status == 303
    text = await client.text(request)
    assert "آب خانه‌اش وصل شود" in text and "۱۷ آذر ۱۴۰۵" in text and "داده‌شده" in text
    part = re.findall(r'<option value="(\d+)"', text)[0]
    late = {"order": part, "due_on": "1405/09/24", "reason": "کمبود لوله"}
    assert (await client.post(f"{request}/extend", late)).status == 303
    text = await client.text(request)
    assert "۲۴ آذر ۱۴۰۵" in text and "(نخست: ۱۷ آذر ۱۴۰۵)" in text
    other = await at.wish(caller="09141234562")
    assert (await client.post(f"{MEETINGS}/requests/{other}/extend", late)).status == 404
    async with panel.engine.connect() as connection:
        noted = (await connection.execute(select(audit).where(audit.c.action == "meeting_planned"))).one()
    assert noted.person_id is not None and noted.subject.startswith("meeting_session/")


@pytest.mark.parametrize(
    ("decision", "sent", "says"),
    [
        ("accept", {"next_on": "فردا"}, "تاریخ را مانند"),
        ("accept", {"next_on": "۱۳۹۹/۰۱/۰۱"}, "تاریخی پس از امروز"),
        ("decline", {"reason": ""}, "این بخش را پر کنید"),
        ("decline", {"reason": "سیزین ایشینیزه باخیلدی"}, 'id="d-decline-reason">هیچ صدایی ترکی به خط فارسی'),
        ("settle", {"agency": "", "reason": "چرا"}, "این بخش را پر کنید"),
        ("settle", {"agency": "nobody", "reason": "چرا"}, "دستگاه گیرنده را انتخاب کنید"),
        ("put_off", {"next_on": "۱۴۰۵/۰۹/۲۵", "reason": "چرا"}, "این کار در این وضعیت شدنی نیست"),
    ],
)
async def test_what_won_t_do_is_said_at_the_form_in_persian(
    panel: PanelServed, at: Hall, decision: str, sent: dict[str, str], says: str
) -> None:
    code = await at.wish()
    answer = await (await office(panel)).post(f"{MEETINGS}/requests/{code}/{decision}", sent)
    assert answer.status == 422
    text = await answer.text()
    assert says in text and sent.get("reason", "") in text


async def test_who_decides_on_what_has_changed_is_told_so(panel: PanelServed, at: Hall) -> None:
    code = await at.wish()
    first, second = await office(panel), await office(panel)
    request = f"{MEETINGS}/requests/{code}"
    seen = re.search(r'name="seen" value="(\d+)"', await second.text(request))
    assert seen is not None
    await first.post(f"{request}/accept", {"next_on": "1405/09/25"})
    answer = await second.post(f"{request}/decline", {"reason": "نمی‌شود", "seen": seen[1]})
    assert answer.status == 422 and "در این میان تغییر کرده" in await answer.text()


async def test_of_what_another_body_has_answered_only_what_is_possible_is_offered(
    panel: PanelServed, at: Hall
) -> None:
    """She has given her slot back since; what she is told of it is the office's to decide."""
    code = await at.accepted()
    await at.fill(await at.session())
    await referring.refer(at.engine, at.page, at.by(code), "abfa")
    await answers.give(at.engine, at.page, at.by(code, who="abfa"), "به زودی وصل می‌شود")
    at.at += timedelta(minutes=5)
    async with at.engine.begin() as connection:
        await agenda.give_up(connection, at.page, at.by(code, who="citizen"))
    panel.clock.now += timedelta(minutes=10)
    client, request = await office(panel), f"{MEETINGS}/requests/{code}"
    offered = re.findall(rf'{request}/(\w+)"', await client.text(request))
    assert sorted(offered) == ["accept", "decline", "review"]
    assert (await client.post(f"{request}/accept", {"next_on": "۱۴۰۵/۰۹/۲۵"})).status == 303
    assert "در انتظار نوبت" in await client.text(request)


async def test_whom_nobody_can_call_or_not_yet_the_office_is_told_to_tell_of_a_slot_and_that_it_is_off(
    panel: PanelServed, at: Hall
) -> None:
    withheld = await at.accepted(3, "")
    reached = await at.accepted(2, "09141234562")
    unspoken = await at.accepted(1, "09141234563")
    asked = await at.accepted(0, "09141234564")
    async with at.engine.begin() as connection:
        said_yes = update(callbacks).where(
            callbacks.c.number == "+989141234562", callbacks.c.purpose == VERIFY
        )
        its = {"state": "reached", "last_outcome": Outcome.CONFIRMED, "ended_at": at.at}
        await connection.execute(said_yes.values(its))
        taken_out = update(cases).where(cases.c.code == unspoken).values(language="ku")
        await connection.execute(taken_out)
    number = await at.session(slots=4)
    await at.fill(number)
    client, session = await office(panel), f"{MEETINGS}/sessions/{number}"
    untold = [withheld, unspoken, asked]
    assert await to_tell(client, session) == untold and (await client.text(session)).count("خبر با دفتر") == 3
    for code, told in ((withheld, True), (unspoken, True), (asked, True), (reached, False)):
        assert ("خودتان به او خبر دهید" in await client.text(f"{MEETINGS}/requests/{code}")) is told
    assert await to_tell_once_off(client, session) == untold
    assert "تلفنی" not in await client.text(f"{session}?done=move")


async def test_whom_nobody_can_call_the_office_tells_that_the_session_ended_before_her_slot(
    panel: PanelServed, at: Hall
) -> None:
    inside, withheld = await at.accepted(3, "09141234562"), await at.accepted(2, "")
    number = await at.session(slots=2)
    await at.fill(number)
    panel.clock.now += timedelta(days=6)
    client, session = await office(panel), f"{MEETINGS}/sessions/{number}"
    assert (await client.post(f"{session}/day/begin", {"code": inside})).status == 303
    assert await to_tell_once_off(client, session) == [withheld]


async def test_whoever_came_without_a_slot_and_a_number_is_told_there_that_the_session_ended(
    panel: PanelServed, at: Hall
) -> None:
    await at.accepted(3, "09141234562")
    [inside] = await at.fill(number := await at.session(slots=1))
    panel.clock.now += timedelta(days=6)
    wanted = Wanted("meeting", words="آب ندارد", caller_name="زهرا")
    ask = replace(at.by(""), now=panel.clock.now)
    waits, _ = await session_day.walk_in(at.engine, at.page, ask, number, panel.clock.now, wanted)
    client, session = await office(panel), f"{MEETINGS}/sessions/{number}"
    assert (await client.post(f"{session}/day/begin", {"code": inside})).status == 303
    assert await to_tell_once_off(client, session) == [waits]


async def test_who_comes_without_a_slot_and_has_one_by_another_request_is_told_so_on_the_day_and_the_lists(
    panel: PanelServed, at: Hall
) -> None:
    line = await at.accepted(3, "09141234562")
    await at.fill(number := await at.session(slots=1))
    waits = await at.accepted(2, "09141234562")
    panel.clock.now += timedelta(days=6)
    client, session = await office(panel), f"{MEETINGS}/sessions/{number}"
    typed = {"name": "زهرا", "caller": "09141234562", "words": "آب ندارد"}
    assert (await client.post(f"{session}/day/walk_in", typed)).status == 303
    maybe = "از همین شماره نوبت ۱ نشست ۱ گرفته شده؛ شاید خود اوست"
    for path in (f"{session}/day", session, f"{MEETINGS}?tab=waiting", f"{MEETINGS}/requests/{waits}"):
        assert maybe in await client.text(path), path
    async with at.engine.begin() as connection:
        named = update(cases).where(cases.c.code == line).values(caller_name="زهرا")
        await connection.execute(named)
    assert "برای درخواست دیگرش نوبت ۱ نشست ۱ را دارد" in await client.text(f"{session}/day")


async def test_who_hands_over_what_was_told_a_day_is_told_where_nobody_can_call_her(
    panel: PanelServed, at: Hall
) -> None:
    client = await office(panel)
    for code, told in ((await at.accepted(3, ""), True), (await at.wish(caller=""), False)):
        text = await client.text(f"{MEETINGS}/requests/{code}")
        for deed in ("settle", "send_below"):
            form = text.partition(f'/{deed}"')[2].partition("</form>")[0]
            assert form and ("خودتان به او خبر دهید" in form) is told, deed


async def test_no_order_is_offered_where_her_case_has_its_answer(panel: PanelServed, at: Hall) -> None:
    code = await at.accepted()
    await at.fill(await at.session())
    panel.clock.now += timedelta(days=6)
    at.at = panel.clock()
    await agenda.met(at.engine, at.page, at.by(code))
    client, request = await office(panel), f"{MEETINGS}/requests/{code}"
    assert f'{request}/order"' in await client.text(request)
    await answers.give(at.engine, at.page, at.by(code), "وصل شد")
    assert f'{request}/order"' not in await client.text(request)


async def test_a_head_sees_only_what_needs_his_agency_and_nothing_about_himself(
    panel: PanelServed, at: Hall
) -> None:
    needs = await at.accepted(3, "09141234561", bodies=["abfa"])
    private = await at.accepted(9, "09141234562", about="abfa")
    others = await at.accepted(5, "09141234563", bodies=["edu"])
    number = await at.session()
    await at.fill(number)
    head, session = await panel.signed_in("head"), f"{MEETINGS}/sessions/{number}"
    assert (await head.get(MEETINGS)).headers["Location"] == f"{MEETINGS}/sessions"
    text = (await head.text(session)).replace(" ", "")
    shown = [code for code in (needs, private, others) if grouped(code) in text]
    assert shown == [needs]
    for code in (needs, private, others):
        assert (await head.get(f"{MEETINGS}/requests/{code}")).status == 404
    stranger = await panel.signed_in("head", agency="tamin")
    assert (await stranger.get(session)).status == 404
    assert f"/sessions/{number}" not in await stranger.text(f"{MEETINGS}/sessions")
    everything = (await (await office(panel)).text(session)).replace(" ", "")
    assert all(grouped(code) in everything for code in (needs, private, others))
    assert (await head.post(f"{session}/fill")).status == 403


async def test_a_body_says_who_comes_until_the_session_begins_whenever_its_own_citizens_are_heard(
    panel: PanelServed, at: Hall
) -> None:
    await at.accepted(5, "09141234561", bodies=["edu"])
    await at.accepted(3, "09141234562", bodies=["abfa"])
    number = await at.session()
    await at.fill(number)
    session, begins = f"{MEETINGS}/sessions/{number}", at.at + timedelta(days=6)
    assert (await (await office(panel)).post(f"{session}/invite")).status == 303
    panel.clock.now = at.at = begins - timedelta(minutes=5)
    assert 'name="state"' in await (await panel.signed_in("officer")).text(session)
    panel.clock.now = at.at = begins + timedelta(minutes=5)  # abfa's slot is still to come
    assert 'name="state"' not in await (await panel.signed_in("officer")).text(session)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    assert 'name="state"' in await (await panel.signed_in("officer")).text(session)
    assert f"{session}/invite" in await (await office(panel)).text(session)


def grouped(code: str) -> str:
    return code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))


async def test_the_office_hears_how_many_got_a_slot_and_of_a_day_that_is_off_none_is_free(
    panel: PanelServed, at: Hall
) -> None:
    await at.accepted()
    client, session = await office(panel), f"{MEETINGS}/sessions/{await at.session(slots=3)}"
    for said in ("به ۱ نفر به ترتیب نوبت داده شد", "به کسی نوبت داده نشد"):
        answer = await client.post(f"{session}/fill")
        assert said in await client.text(answer.headers["Location"])
    assert (await client.text(session)).count(FREE) == 2
    off = {"next_on": "۱۴۰۵/۰۹/۲۵", "reason": "سفر"}
    assert (await client.post(f"{session}/cancel", off)).status == 303
    text = await client.text(session)
    assert FREE not in text and text.count('<td colspan="5">لغوشده</td>') == 3


async def test_of_a_day_that_is_over_no_slot_is_free(panel: PanelServed, at: Hall) -> None:
    session = f"{MEETINGS}/sessions/{await at.session(slots=1)}"
    panel.clock.now += timedelta(days=7)
    text = await (await office(panel)).text(session)
    assert FREE not in text and "خالی ماند" in text


async def test_whose_slot_has_gone_by_with_nothing_noted_stands_among_those_to_be_decided_on(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.accepted()
    number = await at.session(slots=1)
    await at.fill(number)
    assert UNNOTED not in await (await office(panel)).text(f"{MEETINGS}?tab=invited")
    panel.clock.now += timedelta(days=7)
    client = await office(panel)
    text = await client.text(MEETINGS)
    assert UNNOTED in text and f'href="{MEETINGS}/sessions/{number}"' in text
    assert re.findall(r"/requests/(\d+)\"", text) == [code]
    assert "نوبت</span> ۱۰ آذر" in text  # no next date
    counts = re.findall(r'\?tab=(\w+)".*?class="count">(.)<', text)
    assert dict(counts) == dict.fromkeys(("waiting", "invited", "below", "over"), "۰") | {"undecided": "۱"}
    assert code not in await client.text(f"{MEETINGS}?tab=invited")
    request = await client.text(f"{MEETINGS}/requests/{code}")
    assert UNNOTED in request and "<dt>تاریخ بعدی</dt>" not in request
    assert (await client.post(f"{MEETINGS}/sessions/{number}/missed", {"code": code})).status == 303
    text = await client.text(MEETINGS)
    assert code in text and UNNOTED not in text


async def test_a_long_list_of_requests_goes_on_behind_the_last_one_and_skips_nobody_whoever_moved(
    panel: PanelServed, at: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_pages, "PAGE", 2)
    codes = [await at.wish(9 - n, f"0914123456{n}") for n in range(5)]
    client, seen, address = await office(panel), list[str](), MEETINGS
    for ranks in (["۱", "۲"], ["۳", "۴"], ["۵"]):
        text = await client.text(address)
        seen += re.findall(r"/requests/(\d+)\"", text)
        assert re.findall(r'<td class="number">(.)</td>', text) == ranks
        more = re.search(r'rel="next" href="([^"]+)"', text)
        address = MEETINGS + html.unescape(more[1]) if more else ""
    assert (seen, address) == (codes, "")
    behind = f"{MEETINGS}?tab=undecided&after={codes[1]}&n=2"
    await request_deciding.accept(at.engine, at.page, at.by(codes[0]), LATER)
    assert re.findall(r"/requests/(\d+)\"", await client.text(behind)) == codes[2:4]
    await request_deciding.review(at.engine, at.page, at.by(codes[4]), urgency=Urgency.PRESSING)
    moved_down = f"{MEETINGS}?tab=undecided&after={codes[3]}&n=1"
    assert re.findall(r"/requests/(\d+)\"", await client.text(moved_down)) == codes[1:3]
    gone = await client.text(f"{MEETINGS}?after=0000000000&n=99")
    assert re.findall(r"/requests/(\d+)\"", gone) == [codes[4], codes[1]]


async def test_a_deadline_is_called_one_and_no_next_date(panel: PanelServed, at: Hall) -> None:
    await at.wish()
    text = await (await office(panel)).text(MEETINGS)
    assert re.search(r"<td>\s*<span[^>]*>مهلت</span>", text)
    code = await at.accepted(caller="09141234562")
    text = await (await office(panel)).text(f"{MEETINGS}?tab=waiting")
    assert code in text and "مهلت</span>" not in text


async def test_the_page_of_a_session_says_when_the_bodies_that_it_needs_are_invited(
    panel: PanelServed, at: Hall
) -> None:
    """By themselves: five days before it, once it is near as soon as a slot needs them, afterwards never."""
    far, near = await at.session(), await at.session(starts_at=at.at + timedelta(days=3))
    client = await office(panel)
    text = {number: await client.text(f"{MEETINGS}/sessions/{number}") for number in (far, near)}
    assert "پنج روز پیش از نشست، خودبه‌خود دعوت می‌شوند" in text[far]
    assert "پنج روز پیش" not in text[near] and "از اکنون خودبه‌خود دعوت می‌شود" in text[near]
    await session_planning.cancel(at.engine, at.page, at.by("", "سفر"), far, LATER)
    panel.clock.now += timedelta(days=4)
    client = await office(panel)
    for number in (far, near):
        text[number] = await client.text(f"{MEETINGS}/sessions/{number}")
        assert "خودبه‌خود" not in text[number] and "دستگاهی دعوت نشده است." in text[number]


async def test_the_place_of_a_session_is_read_in_words_on_a_telephone(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    await at.session()
    async with window(chrome, panel, "governor", size=PHONE) as page:
        await page.goto(f"{MEETINGS}/sessions")
        box = await page.locator("td.wrap", has_text="تالار").bounding_box()
        assert box is not None and box["width"] > box["height"]


PAPER: ViewportSize = {"width": 718, "height": 1000}  # an A4 page between margins of a centimetre
CUT_OFF = """() => [...document.querySelectorAll('.page :is(h1, td, th)')].filter((one) => {
  const box = one.getBoundingClientRect(), frame = one.closest('.scroll')
  const scrolls = frame && getComputedStyle(frame).overflowX !== 'visible'
  return one.checkVisibility() && (scrolls || box.left < 0 || box.right > innerWidth)
}).map((one) => one.innerText)"""


async def test_what_the_office_prints_has_its_title_all_of_its_table_and_no_form(
    panel: PanelServed, at: Hall, chrome: Browser
) -> None:
    await at.accepted(20, "09141234561", bodies=["shahrdari_tabriz", "emdad"], urgency=Urgency.URGENT)
    await at.accepted(11, "09141234562", about="edu")
    waits = await at.accepted(4, "09141234564")
    number = await at.session(slots=4)
    await at.fill(number)
    await at.session(starts_at=at.at + timedelta(days=10))
    panel.clock.now += timedelta(days=6)
    pages = (
        f"/requests/{waits}",
        "?tab=invited",
        "/sessions",
        f"/sessions/{number}",
        f"/sessions/{number}/day",
    )
    async with window(chrome, panel, "governor", size=PAPER) as page:
        await page.emulate_media(media="print")
        for path in ("/figures", "/reported", *pages):
            await page.goto(f"{MEETINGS}{path}")
            await screenshot(page, "printed-" + re.sub(r"\W+", "-", re.sub(r"\d+", "n", path)).strip("-"))
            assert await page.locator("h1").is_visible(), path
            shown = page.locator(".page :is(form, input, select, textarea, button, summary.button):visible")
            assert not await shown.count(), path
            assert not await page.evaluate(CUT_OFF), path


@pytest.mark.timeout(900)
async def test_it_reads_well(panel: PanelServed, at: Hall, chrome: Browser) -> None:
    """In the browser, by day on a screen and by night on a phone; a slot given by hand says so."""
    await at.accepted(20, "09141234561", bodies=["abfa"], urgency=Urgency.URGENT)
    await at.accepted(11, "09141234562", about="edu")
    sick = await at.accepted(1, "09141234563", bodies=["shahrdari_tabriz", "emdad"])
    waits = await at.wish(4, "09141234564")
    number = await at.session(slots=5)
    async with window(chrome, panel, "governor") as page:
        await page.goto(f"{MEETINGS}/sessions/{number}")
        await page.fill("#f-place-code", sick)
        await page.click("form[action$='/place'] button")
        assert "نفر در ترتیب جلوترند" in await page.inner_text("form[action$='/place']")
        await page.fill("#f-place-reason", "بیمار است و از راه دور می‌آید")
        await page.click("form[action$='/place'] button")
        await page.click("form[action$='/fill'] button")
        assert "جلوتر از ۲ نفر" in await page.inner_text("table")
        paths = ("", f"/requests/{waits}", "/sessions", f"/sessions/{number}", "?tab=invited")
        for dark, size in ((False, WIDE), (True, PHONE)):
            await page.emulate_media(color_scheme="dark" if dark else "light")
            await page.set_viewport_size(size)
            for path in paths:
                await page.goto(f"{MEETINGS}{path}")
                name = re.sub(r"\d+", "n", path).strip("/?").replace("/", "-") or "requests"
                await screenshot(page, f"meetings-{name}{'-dark' if dark else ''}")
                assert not await serious(page), path
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, (path, wide)


async def test_a_session_is_moved_and_on_its_day_delayed_and_what_won_t_do_is_said_at_the_form(
    panel: PanelServed, at: Hall
) -> None:
    await at.accepted()
    number = await at.session(slots=1)
    await at.fill(number)
    client, session = await office(panel), f"{MEETINGS}/sessions/{number}"
    moved = {"on": "1405/09/11", "at": "۹:۳۰", "place": "سالن ۲", "reason": "سفر"}
    for wrong, says in (
        (moved | {"reason": ""}, "دلیل را بنویسید"),
        (moved | {"on": "1405/09/13"}, "تعطیل است"),
    ):
        answer = await client.post(f"{session}/move", wrong)
        assert answer.status == 422 and says in (text := await answer.text()) and "سالن ۲" in text
    assert "دیر شدن" not in await client.text(session)  # not its day
    assert (await client.post(f"{session}/move", moved)).status == 303
    assert "سالن ۲" in (text := await client.text(session)) and "۱۱ آذر ۱۴۰۵، ۰۹:۳۰" in text
    panel.clock.now += timedelta(days=7, hours=-3)
    client = await office(panel)
    late = {"minutes": "۴۰", "reason": "جلسهٔ پیشین طول کشید"}
    assert (await client.post(f"{session}/delay", late)).status == 303
    assert "۱۰:۱۰" in await client.text(session)


async def test_a_meeting_s_hour_typed_with_a_dot_is_that_hour_and_half_of_one_is_refused(
    panel: PanelServed, at: Hall
) -> None:
    number = await at.session(slots=1)
    client, session = await office(panel), f"{MEETINGS}/sessions/{number}"
    moved = {"on": "1405/09/11", "at": "۱۰.۳", "place": "سالن ۲", "reason": "سفر"}
    answer = await client.post(f"{session}/move", moved)
    assert answer.status == 422 and "ساعت را مانند ۱۰:۳۰ بنویسید" in await answer.text()
    assert (await client.post(f"{session}/move", moved | {"at": "۱۰.۳۰"})).status == 303
    assert "۱۱ آذر ۱۴۰۵، ۱۰:۳۰" in await client.text(session)


async def test_a_session_that_only_missed_somebody_is_still_offered_to_be_moved_and_has_no_minutes(
    panel: PanelServed, at: Hall
) -> None:
    first, second = [await at.accepted(3, "09141234561"), await at.accepted(2, "09141234562")]
    number = await at.session(slots=2)
    await at.fill(number)
    at.later(6)
    panel.clock.now, session = at.at + timedelta(minutes=11), f"{MEETINGS}/sessions/{number}"
    await agenda.missed(at.engine, at.page, at.by(first))
    text = await (client := await office(panel)).text(session)
    assert f"{session}/move" in text and f"{session}/minutes" not in text
    await session_day.begin(at.engine, at.page, at.by(second), number, panel.clock.now)
    text = await client.text(session)
    assert f"{session}/move" not in text and f"{session}/minutes" not in text
    await agenda.met(at.engine, at.page, at.by(second))
    text = await client.text(session)
    assert f"{session}/move" not in text and f"{session}/minutes" in text
