"""The news item behind this project, as one test: the governor meets citizens who asked 111 for it.

Through real Asterisk, PostgreSQL and browser, by a clock that jumps. Of the eleven three dial 111 themselves
(one in Azerbaijani, one with a withheld number); eight come to the service desk, four of them with a number
that is rung to verify it and four with none, so that the test stays cheap. What each telephone was told is
compared with what stands in the books.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pypdfium2
import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import func, select

from ivr.cases.meeting_orders import OrderState
from ivr.cases.meetings import MeetingWay, Official, RequestState
from ivr.desk.meetings import agenda, order_giving, request_list
from ivr.desk.meetings.agenda import Seat
from ivr.desk.meetings.order_giving import OrderSeen
from ivr.desk.meetings.request_list import EVERYTHING, MeetingRequest
from ivr.desk.people import passwords
from ivr.desk.people.scope import Scope
from ivr.desk.reading import as_json
from ivr.lab.asterisk import Program
from ivr.lab.callee import RINGS
from ivr.lab.caller import Beep, CallerStep, Hear, Listen, Press, Speak, StayOn
from ivr.lab.pace import patience
from ivr.settings import load
from ivr.store.tables import meeting_deeds, meeting_minutes, meeting_orders
from ivr.voice import meeting_standing
from tests.fixtures.ears import SILENT, decode
from tests.fixtures.hotline import fresh_number
from tests.fixtures.province import answer, read_page
from tests.fixtures.travelling import QUIET, ZONE, Travelling, travelling
from tests.web.browser import screenshot, window
from tests.web.meetings.test_session_day import TABLET, all_sent, line, press
from tests.web.panel import QUICK, Client, PanelServed
from tests.web.test_delay import letters, printed

S = RequestState
MONDAY, TUESDAY = date(2026, 11, 30), date(2026, 12, 1)
REPORTED, DUE = date(2026, 12, 6), date(2026, 12, 8)
MEETINGS, DESK = "/panel/meetings", "/panel/desk"
PLACE = "تالار اجتماعات استانداری"
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
NEWS = Listen(quiet=2)  # to the end of the question: no key counts before day and place were heard
COMES, CANT = ((NEWS, Press(key), StayOn()) for key in "12")
YES = (Listen(QUIET), Press("1"), StayOn())
# The article's bodies, and what the citizens of ours want of them.
WANTS = {
    "emdad": "مستمری خانواده‌ام قطع شده است",
    "shahrdari_tabriz": "پروانهٔ ساخت خانه‌ام را نمی‌دهند",
    "shahid": "پروندهٔ جانبازی‌ام مانده است",
    "edu": "پسرم را در مدرسه ثبت‌نام نمی‌کنند",
    "labour": "بیمهٔ بیکاری‌ام قطع شده است",
    "samt": "مجوز کارگاهم تمدید نشده است",
    "med_tabriz": "داروی بیماری خاص پیدا نمی‌کنم",
    "banks": "ضامن وام پسرم قبول نمی‌شود",
}


def keys(*each: str) -> tuple[CallerStep, ...]:
    """Barge in on one prompt after the other."""
    return tuple(step for key in each for step in (Hear(), Press(key)))


@dataclass(slots=True, eq=False)
class Citizen:
    """`body`: that she needs; `number`: on which she is called, "" = none."""

    name: str
    body: str
    number: str = ""
    language: str = "fa"
    about: str = ""
    code: str = ""
    heard: list[str] = field(default_factory=list)  # what each call to her said, prompt by prompt


class Article:
    """The hotline, its panel, and what one asks of the books."""

    def __init__(self, road: Travelling, panel: PanelServed) -> None:
        self.road, self.panel, self.engine, self.clock = road, panel, road.engine, road.clock
        self.callee = road.callee
        self.session = 0

    async def office(self) -> Client:
        return await self.panel.signed_in("governor")

    async def page(self) -> Any:
        async with self.engine.connect() as connection:
            return await read_page(connection)

    async def request(self, who: Citizen) -> MeetingRequest:
        async with self.engine.connect() as connection:
            page = await read_page(connection)
            found = await request_list.of_case(connection, page, self.clock(), Scope(), who.code)
        assert found is not None
        return found

    async def seats(self, number: int = 0) -> dict[str, Seat]:
        async with self.engine.connect() as connection:
            page = await read_page(connection)
            seats = await agenda.read(connection, page, self.clock(), number or self.session, EVERYTHING)
        return {seat.wish.code: seat for seat in seats if seat.wish}

    async def orders(self) -> dict[str, OrderSeen]:
        """By body."""
        async with self.engine.connect() as connection:
            page = await read_page(connection)
            found = await order_giving.listed(connection, page, self.clock())
        return {each.part.agency: each for each in found}

    async def until(self, who: Citizen, state: RequestState) -> None:
        async with asyncio.timeout(patience(60)):
            while (await self.request(who)).state is not state:
                await asyncio.sleep(0.1)

    async def is_called(self, who: Citizen, *steps: CallerStep) -> str:
        """Until our call to her is over; what she heard."""
        self.callee.answers[who.number] = steps
        await self.callee.until_over(who.number)
        outcome = self.callee.outcomes.pop(who.number)
        assert outcome.completed, (who.name, outcome.problem)
        who.heard.append(" ".join(each.what for each in decode(outcome, self.road.chords)))
        return who.heard[-1]

    async def hears_her_slot(self, who: Citizen, heard: str) -> None:
        """What she was told is what stands in the books."""
        at = (await self.seats())[who.code].slot.starts_at.astimezone(ZONE)
        told = meeting_standing.slot(Official.GOVERNOR, MeetingWay.IN_PERSON, at, "", who.language)
        assert " ".join(str(each) for each in told if str(each) not in SILENT) in heard, (who.name, heard)

    async def count(self, table: Any) -> int:
        async with self.engine.connect() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


@pytest.fixture
async def article(
    programs: tuple[Program, Program], postgres_url: str, template: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Article]:
    monkeypatch.setattr(passwords, "HASHER", QUICK)
    start = datetime(2026, 11, 25, 11, 30, tzinfo=ZONE)
    async with AsyncExitStack() as stack:
        road = await stack.enter_async_context(
            travelling(programs, postgres_url, template, monkeypatch, start)
        )
        assert road.hotline.panel is not None
        url = f"http://127.0.0.1:{road.settings.web.port}"
        clock: Any = road.clock
        panel = PanelServed(url, road.hotline.panel, road.engine, clock, stack)
        yield Article(road, panel)


async def ask_by_telephone(at: Article, who: Citizen, *presses: str, **call: Any) -> None:
    """111, key 5, and what she says; the code is hers by her words' county and number."""
    steps = (*keys(*presses), Beep(), Speak(2.5), Press("#"), Listen(QUIET), Press("1"), StayOn())
    outcome = await at.road.pbx.call(*steps, **call)
    assert outcome.completed, outcome.problem


async def ask_at_the_desk(at: Article, desk: Client, who: Citizen, words: str, warned: str = "") -> None:
    """`warned`: of this case of hers, which is not what she asks for now."""
    sent = {"form": who.name or "again", "caller": who.number, "kind": "meeting", "topic": "gov.meeting"}
    sent |= {"warned": warned}
    sent |= {"words": words, "county": "tabriz", "language": "fa", "caller_name": who.name}
    done = await desk.post(DESK, sent)
    assert done.status == 303, await done.text()
    who.code = done.headers["Location"].rstrip("/").rpartition("/")[2]


async def eleven_ask(at: Article) -> list[Citizen]:
    """In the order in which they asked; the last is the one for whom ten slots don't suffice."""
    fa, az, hidden = (
        Citizen("", "emdad", fresh_number()),
        Citizen("", "shahrdari_tabriz", fresh_number(), "az"),
        Citizen("", "samt", fresh_number()),
    )
    at.callee.answers[hidden.number] = YES
    asks = ("5", "9", "1", "01")
    await asyncio.gather(
        ask_by_telephone(at, fa, "1", *asks, "1", "2", number=fa.number),
        ask_by_telephone(at, az, "2", *asks, "1", "2", number=az.number),
        ask_by_telephone(at, hidden, "1", *asks, hidden.number, "1", "2", number="anonymous"),
        at.is_called(hidden, *YES),
    )
    async with asyncio.timeout(patience(20)):
        while len(opened := await as_json.cases(at.engine)) < 3:
            await asyncio.sleep(0.1)
    for case in opened:
        its = next(
            who for who in (fa, az, hidden)
            if who.number[1:] in case["caller"] + case["callback"] and len(who.number) > 1
        )  # fmt: skip
        its.code = case["code"]
    assert {(await as_json.case_json(at.engine, az.code) or {})["language"]} == {"az"}

    names = ("زهرا احمدی", "کریم نوری", "رباب صادقی", "حسن قلی‌زاده", "معصومه رضایی", "علی ایمانی",
             "فاطمه کاظمی", "یوسف بهرامی")  # fmt: skip
    bodies = ("shahid", "labour", "med_tabriz", "edu", "banks", "emdad", "shahrdari_tabriz", "samt")
    others = [Citizen(*each) for each in zip(names, bodies, strict=True)]
    for who in (*others[:3], others[7]):
        who.number = fresh_number()
        at.callee.answers[who.number] = YES
    others[1].about = "edu"
    desk = await at.panel.signed_in("operator")
    for who in others:
        await ask_at_the_desk(at, desk, who, WANTS[who.body])
    await asyncio.gather(*(at.is_called(who, *YES) for who in others if who.number))
    assert all("callback.verify" in who.heard[0] for who in (hidden, *others) if who.number)
    return [fa, az, hidden, *others]


async def the_office_builds_a_session(at: Article, everybody: list[Citizen], chrome: Browser) -> None:
    """Before anybody may be rung, so that each is called once, with her slot."""
    office = await at.office()
    for who in everybody:
        request = f"{MEETINGS}/requests/{who.code}"
        noted = {"urgency": "usual", "bodies": who.body, "about": who.about}
        for decision, fields in (("review", noted), ("accept", {"next_on": "1405/09/25"})):
            done = await office.post(f"{request}/{decision}", fields)
            assert done.status == 303, (decision, await done.text())
    async with window(chrome, at.panel, "governor") as page:
        await page.goto(f"{MEETINGS}/sessions")
        for name, typed in (
            ("on", "۱۴۰۵/۰۹/۱۰"), ("at", "۱۵:۳۰"), ("slots", "۱۰"), ("place", PLACE),
        ):  # fmt: skip
            await page.fill(f"#f-plan-{name}", typed)
        await page.click("form[action$='/sessions'] button.main")
        await page.click("form[action$='/fill'] button")
        await page.click("form[action$='/invite'] button")
        await expect(page.locator("#attendance tbody tr")).to_have_count(8)
        at.session = int(page.url.partition("/sessions/")[2].partition("?")[0])
        await screenshot(page, "article-session")
    placed = await at.seats()
    assert list(placed) != [] and everybody[-1].code not in placed and len(placed) == 10


async def the_agencies_say_what_they_think(at: Article, everybody: list[Citizen]) -> None:
    """Each body answers its invitation and gives its view; one gives none, and one head is not told all."""
    session = f"{MEETINGS}/sessions/{at.session}"
    for body in WANTS:
        officer = await at.panel.signed_in("head", agency=body)
        text = await officer.text(session)
        mine = [who for who in everybody[:-1] if who.body == body]
        assert [who.code for who in everybody if f'value="{who.code}"' in text] == [w.code for w in mine]
        assert (await officer.post(f"{session}/attend", {"state": "accepts"})).status == 303
        for who in mine if body != "banks" else ():
            done = await officer.post(f"{session}/view", {"code": who.code, "words": f"نظر {body}"})
            assert done.status == 303


async def they_are_called_back(at: Article, everybody: list[Citizen]) -> None:
    """Who can't come makes room for the one who waits, who is called and comes. One telephone is dead."""
    fa, az, hidden, zahra, karim, rubab, *_, last = everybody
    at.callee.answers[rubab.number] = RINGS
    hears, slots = (fa, az, hidden, zahra, karim), await at.seats()
    for who in (*hears, last):
        at.callee.answers[who.number] = CANT if who is hidden else COMES
    at.clock.at(MONDAY, 9, 30)
    told = await asyncio.gather(
        *(at.is_called(who, *at.callee.answers[who.number]) for who in (*hears, last))
    )
    assert "meeting.waiting" in told.pop(), "she waits, until she has the slot of another"
    told.append(await at.is_called(last, *COMES))
    for who, heard in zip((*hears, last), told, strict=True):
        assert ("meeting.cant_come" if who is hidden else "meeting.comes") in heard, (who.name, heard)
        if who is not hidden:
            await at.until(who, S.CONFIRMED)
            await at.hears_her_slot(who, heard)
    await at.until(hidden, S.UNDER_REVIEW)
    now = await at.seats()
    assert hidden.code not in now and now[last.code].slot.slot == slots[hidden.code].slot.slot
    assert now[last.code].slot.placed_by == "ivr" and (await at.request(rubab)).state is S.INVITED


async def order(page: Page, who: Citizen, body: str, words: str) -> None:
    person = page.locator(f"#c{who.code}")
    await person.locator('[name="agency"]').select_option(body)
    await person.locator('[data-later="order"] [name="words"]').fill(words)
    await person.locator('[name="due_on"]').fill("۱۴۰۵/۰۹/۱۷")
    await person.locator('[data-later="order"] button').click()


async def heard(page: Page, who: Citizen, decided: str) -> None:
    await line(page, who.code).locator(".ticket").click()
    person = page.locator(f"#c{who.code}")
    await person.locator('[name="decided"]').fill(decided)
    await person.locator('[data-later="heard"] button').click()


async def the_day(at: Article, everybody: list[Citizen], chrome: Browser) -> None:
    """At the first table in the browser, whose server is away for a minute; at a second one meanwhile."""
    fa, az, hidden, zahra, karim, rubab, hasan, masoumeh, ali, fatemeh, last = everybody
    day = f"{MEETINGS}/sessions/{at.session}/day"
    async with window(chrome, at.panel, "governor", size=TABLET) as page:
        await page.goto(day)
        for who in (fa, az):
            await page.fill("#door", who.code)
            await page.press("#door", "Enter")
            await expect(line(page, who.code)).to_have_attribute("data-presence", "arrived")
        await press(page, fa.code, "begin")
        await line(page, masoumeh.code).locator(".ticket").click()
        await expect(page.locator(f"#c{masoumeh.code}")).to_contain_text("نظری نداده است")
        await line(page, fa.code).locator(".ticket").click()
        await expect(page.locator(f"#c{fa.code}")).to_contain_text("نظر emdad")
        await expect(page.locator(f"#c{fa.code} audio")).to_have_count(1)
        await all_sent(page)

        await at.road.stop()
        await heard(page, fa, "مستمری برقرار شود")
        await order(page, fa, "emdad", "مستمری خانواده برقرار شود")
        await press(page, az.code, "begin")
        await heard(page, az, "پروانه داده شود")
        await order(page, az, "shahrdari_tabriz", "پروانهٔ ساخت داده شود")
        await expect(line(page, az.code)).to_have_attribute("data-presence", "heard")
        await expect(page.locator("[data-net]")).to_contain_text("۵ کار")
        await screenshot(page, "article-away")
        assert await at.count(meeting_orders) == 0 and await at.count(meeting_minutes) == 0
        at.clock.jump(at.clock() + timedelta(minutes=1))
        await at.road.start()
        await all_sent(page)

        assert [await at.count(each) for each in (meeting_orders, meeting_minutes)] == [2, 2]
        assert await at.count(meeting_deeds) == 8, "each once"
        await page.locator(f"#c{az.code}").locator('[data-later="accepted"] button').click()
        await all_sent(page)
        await press(page, rubab.code, "missed")
        await all_sent(page)
        await screenshot(page, "article-day")
    second = await at.office()
    for who in (zahra, karim, hasan, masoumeh, ali, fatemeh, last):
        done = await second.post(f"{day}/heard", {"code": who.code, "decided": f"رسیدگی شود: {who.body}"})
        assert done.status == 303, await done.text()
    more = (
        (zahra, "shahid", f"پروندهٔ {zahra.name} تمام شود", "1405/09/17"),
        (karim, "labour", "بیمهٔ او برقرار شود", "1405/09/17"),
        (fa, "med_tabriz", "دارو به خانواده داده شود", "1405/09/18"),
    )
    for who, body, words, due in more:
        given = {"code": who.code, "agency": body, "words": words, "due_on": due}
        done = await second.post(f"{day}/order", given)
        assert done.status == 303, await done.text()
    for body in WANTS:
        came = "nobody" if body == "banks" else "head"
        session = f"{MEETINGS}/sessions/{at.session}"
        assert (await second.post(f"{session}/came", {"agency": body, "came": came})).status == 303
    states = {who.code: (await at.request(who)).state for who in everybody}
    assert states.pop(hidden.code) is S.UNDER_REVIEW and states.pop(rubab.code) is S.NO_SHOW
    assert set(states.values()) == {S.MET} and await at.count(meeting_minutes) == 9


async def one_is_reported_and_kept(at: Article, zahra: Citizen) -> None:
    """The foundation says that it is done, and so does she. The committee reports, too."""
    orders = await at.orders()
    at.callee.answers[zahra.number] = (NEWS, Press("1"), Hear(), Press("5"), StayOn())
    for body in ("shahid", "emdad"):
        await answer(at.engine, orders[body].part.code, body, "انجام شد.", at.clock())
    checked = f"{MEETINGS}/reported/{orders['shahid'].part.code}/confirm"
    assert (await (await at.office()).post(checked)).status == 303, "the office has looked at it"
    await at.is_called(zahra, *at.callee.answers[zahra.number])
    async with asyncio.timeout(patience(30)):
        while (await at.request(zahra)).case.closure != "solved":
            await asyncio.sleep(0.1)


async def they_are_asked_on_the_day(at: Article, fa: Citizen, az: Citizen, karim: Citizen) -> None:
    """Two say that it is done; one says that it is not, whatever was reported: open again, one level up."""
    asked = {fa: "2", az: "1", karim: "1"}
    for who, key in asked.items():
        at.callee.answers[who.number] = (NEWS, Press(key), StayOn())
    at.clock.at(DUE, 12, 5)
    told = await asyncio.gather(*(at.is_called(who, *at.callee.answers[who.number]) for who in asked))
    for heard, body in zip(told, ("emdad", "shahrdari_tabriz", "labour"), strict=True):
        assert f"order.due agency.{body}" in heard, heard
    async with asyncio.timeout(patience(30)):
        while (await at.orders())["emdad"].state is not OrderState.CONTRADICTED:
            await asyncio.sleep(0.1)
    part = (await at.orders())["emdad"].part
    assert (part.status, part.level, part.said) == ("reopened", "head", "order_not_done")


async def it_heads_the_next_agenda(at: Article, everybody: list[Citizen], chrome: Browser) -> None:
    """She asks again and is heard first; the committee's head is called to answer, whoever else comes.

    In the evening, when nobody is rung.
    """
    at.clock.at(DUE, 20, 30)
    fa, _, hidden, _, _, rubab, *_ = everybody
    again = Citizen("", "samt")
    desk, office = await at.panel.signed_in("operator"), await at.office()
    again.number = fa.number
    await ask_at_the_desk(at, desk, again, "دستور استاندار انجام نشده است", fa.code)
    for who in (hidden, rubab, again):
        request = f"{MEETINGS}/requests/{who.code}"
        noted = {"urgency": "usual", "bodies": "samt"}
        for decision, fields in (("review", noted), ("accept", {"next_on": "1405/10/15"})):
            assert (await office.post(f"{request}/{decision}", fields)).status == 303, decision
    plan = {"official": "governor", "on": "1405/09/24", "at": "15:30", "slots": "4", "minutes": "10"}
    planned = await office.post(f"{MEETINGS}/sessions", plan | {"way": "in_person", "place": PLACE})
    session = planned.headers["Location"]
    for deed in ("fill", "invite"):
        assert (await office.post(f"{session}/{deed}")).status == 303
    assert [*await at.seats(int(session.rpartition("/")[2]))] == [again.code, hidden.code], "rubab cools down"
    async with window(chrome, at.panel, "head", agency="emdad", size=TABLET) as page:
        await page.goto(session)
        owed = page.locator("[aria-labelledby=owed] tbody tr")
        await expect(owed).to_have_count(1)
        await expect(owed).to_contain_text("شهروند می‌گوید انجام نشده")
        await screenshot(page, "article-head")
    text = await office.text(session)
    heads = text.partition('id="owed"')[2].partition("</section>")[0]
    assert "مستمری خانواده برقرار شود" in heads and "کمیته امداد" in heads
    other = await (await at.panel.signed_in("head", agency="samt")).text(session)
    assert 'id="owed"' not in other


async def the_papers(at: Article, everybody: list[Citizen]) -> None:
    """What the article tells: who sat there, how many were heard, what was ordered; no citizen named."""
    office = await at.office()
    path = f"{MEETINGS}/sessions/{at.session}/report"
    text = (await office.text(path)).partition("<main")[2].partition("<form")[0]
    for told in (
        "با ۹ شهروند",
        "۴ دستور به ۴ دستگاه",
        "شهرداری تبریز",
        "بنیاد شهید",
        "مستمری خانواده برقرار شود",
        "۱ دستور از ۴ دستور",
        "دربارهٔ ۱ دستور شهروند گفته است که انجام نشده",
    ):
        assert told in text, told
    paper = await printed(office, f"{path}.pdf")
    for who in everybody:
        for word in (*who.name.split(), who.code, who.code.translate(PERSIAN), who.number[1:] or who.code):
            assert not re.search(rf"(?<!\w){word}(?!\w)", f"{paper} {text}"), word
    present = text.partition("حاضر بودند")[2].partition("</p>")[0]
    assert "شورای هماهنگی بانک" not in present and "آموزش و پرورش" in present
    assert "بیمهٔ او برقرار شود" not in text + paper, "a complaint about a head is only counted"
    part = (await at.orders())["emdad"].part.code
    letter = await printed(office, (await letters(office, part))["order"])
    assert "مستمری" in letter or "ﻣﺴﺘﻤﺮی" in letter, letter
    if "SEDA_PICTURES" in os.environ:
        for name, where in (("report", f"{path}.pdf"), ("order", (await letters(office, part))["order"])):
            pdf = pypdfium2.PdfDocument(await (await office.get(where)).read())  # type: ignore[no-untyped-call]
            place = load().state_path / "screenshots" / f"article-{name}.png"
            pdf[0].render(scale=1.5).to_pil().save(place)


@pytest.mark.timeout(900)
async def test_the_governor_meets_eleven_citizens_and_what_he_orders_is_asked_about(
    article: Article, chrome: Browser
) -> None:
    at = article
    everybody = await eleven_ask(at)
    fa, az, _, zahra, karim, *_ = everybody
    at.clock.at(MONDAY, 8)
    await the_office_builds_a_session(at, everybody, chrome)
    await the_agencies_say_what_they_think(at, everybody)
    await they_are_called_back(at, everybody)
    at.clock.at(TUESDAY, 15, 30)
    await the_day(at, everybody, chrome)
    at.clock.at(REPORTED, 10)
    await one_is_reported_and_kept(at, zahra)
    await they_are_asked_on_the_day(at, fa, az, karim)
    await it_heads_the_next_agenda(at, everybody, chrome)
    await the_papers(at, everybody)
    told = {who.number: at.callee.rung[who.number] for who in everybody if who.number}
    assert max(told.values()) <= 4, "nobody is rung for nothing"
