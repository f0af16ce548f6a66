"""The inbox in a real Chromium: queues, search, keys, deeds on many cases, news without reloading."""

from __future__ import annotations

import asyncio
import re
import uuid
import wave
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from persiantools.jdatetime import JalaliDate
from playwright.async_api import Browser, Page, ViewportSize, expect
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import answers, pausing, referring, splitting
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.splitting import Part
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.reading import queues
from ivr.desk.reading.inbox import PAGE
from ivr.desk.recordings.hearing import Renditions
from ivr.lab.pace import patience
from ivr.loops.every import Loops
from ivr.store.derived import Derived
from ivr.store.tables import audit, case_events, cases, recordings
from ivr.web.application import attach
from ivr.web.inbox import stream
from ivr.web.panel import locale
from ivr.web.panel.locale import digits
from ivr.web.panel.visit import Panel
from tests.desk.counter import Counter, counter
from tests.web.browser import PHONE, WIDE, chrome, enter, patient, screenshot, serious, window
from tests.web.panel import PanelServed, panel

__all__ = ["chrome", "panel"]

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
SAID = (
    ("water.supply", "سه روز است آب روستای ما قطع است و تانکر هم نمی‌آید"),
    ("water.supply", "فشار آب طبقه‌ی سوم خیلی کم است"),
    ("energy.power_cut", "برق هر شب دو ساعت می‌رود و یخچالم سوخت"),
    ("city.street", "آسفالت کوچه پس از لوله‌کشی کنده شده و کسی درست نمی‌کند"),
    ("nature.environment", "سنگ‌شکن کنار رودخانه شب‌ها کار می‌کند"),
)

# Keeps what the player says of its place: a second may go by between two looks.
PLACES = """() => {
  const place = document.querySelector(".player .place");
  window.places = [];
  new MutationObserver(() => window.places.push(place.textContent)).observe(place, { childList: true });
}"""


@dataclass
class Books:
    """`codes`: in the order of SAID; each case is a minute younger than the one before."""

    at: Counter
    codes: list[str]

    async def more(self, topic: str, words: str, caller: str = "09141234567") -> str:
        self.at.at += timedelta(minutes=1)
        wanted = Wanted("complaint", topic, "ahar", words, caller=caller)
        return (await register(self.at.engine, self.at.page, wanted, self.at.at)).code

    async def told(self, code: str) -> list[str]:
        query = select(case_events.c.event).join(cases).where(cases.c.code == code)
        async with self.at.engine.connect() as connection:
            return list((await connection.execute(query.order_by(case_events.c.seq))).scalars())

    async def record(self, code: str, folder: Path, silent: bool = False) -> uuid.UUID:
        """A second of nothing as a recording of the case; the agency takes the case up."""
        name, case = f"2026/11/25/{uuid.uuid4().hex}", await self.at.row(code)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(16_000))
        row: dict[str, Any] = {
            "name": name,
            "id": uuid.uuid4(),
            "case_id": case.id,
            "recorded_at": self.at.at,
        }
        row |= {"seconds": 83.0, "voiced_seconds": 0.0 if silent else 40.0, "silent": silent}
        row |= {"size": 16_044, "sha256": "ab" * 32, "ended": "hash", "superseded": False}
        async with self.at.engine.begin() as connection:
            await connection.execute(insert(recordings).values(row))
        if case.status == "referred":
            await referring.accept(self.at.engine, self.at.page, self.at.ask(code, case.agency))
        return uuid.UUID(str(row["id"]))


async def books(engine: AsyncEngine) -> Books:
    found = Books(await counter(engine), [])
    for topic, words in SAID:
        found.codes.append(await found.more(topic, words))
    return found


def line(page: Page, code: str) -> Any:
    return page.locator(f"#case-{code}")


async def listed(page: Page) -> list[str]:
    rows = await page.locator("tr.case").all()
    return [str(await row.get_attribute("data-code")) for row in rows]


async def live(page: Page, address: str) -> None:
    """Opened, and told what happens."""
    await page.goto(address)
    await expect(page.locator(".pulse.on")).to_be_visible()


def _playable(panel: PanelServed) -> None:
    """The panel plays what the test recorded: a bar whose sound was not found is gone at once."""
    places = panel.panel.places
    panel.panel.voices.renditions = Renditions(places.recordings, Derived(places.state / "derived"))


async def test_how_it_looks(panel: PanelServed, chrome: Browser) -> None:
    its = await books(panel.engine)
    await its.record(its.codes[0], panel.panel.places.recordings)
    await its.record(its.codes[1], panel.panel.places.recordings, silent=True)
    panel.clock.now = its.at.later(9)
    await sweep(panel.engine, its.at.page, its.at.at)
    looks = ((False, WIDE, "inbox-light"), (True, WIDE, "inbox-dark"), (False, PHONE, "inbox-phone"))
    for dark, size, name in looks:
        async with window(chrome, panel, "supervisor", dark=dark, size=size) as page:
            await live(page, "/panel/inbox?queue=overdue")
            await expect(page.locator("tr.case")).to_have_count(4)
            await page.locator("tr.case input").first.check()
            assert not await serious(page)
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            await screenshot(page, name)
            await page.goto("/panel/inbox?queue=returned&kind=meeting")
            await screenshot(page, f"{name}-empty")


async def test_the_row_that_keys_act_on_is_seen_in_high_contrast(panel: PanelServed, chrome: Browser) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await page.emulate_media(forced_colors="active")
        await live(page, "/panel/inbox?queue=all")
        row = line(page, its.codes[1])
        await row.locator(".topic").click()
        await expect(row).to_have_css("outline-style", "solid")
        await screenshot(page, "inbox-contrast", whole=False)
        await page.locator("#pick-all").focus()  # the row stays the one that `m` takes
        await expect(row).to_have_css("outline-style", "solid")
        await expect(page.locator("tr.case:not(.at)").first).to_have_css("outline-style", "none")


async def test_at_four_times_the_size_what_hangs_over_the_list_hides_no_case(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    await its.record(its.codes[2], panel.panel.places.recordings)
    _playable(panel)
    small: ViewportSize = {"width": 320, "height": 256}
    async with window(chrome, panel, "supervisor", size=small) as page:
        await live(page, "/panel/inbox?queue=all")
        row = line(page, its.codes[2])
        await row.get_by_role("checkbox").check()
        await expect(page.locator(".deeds")).to_be_visible()
        await row.evaluate("each => each.scrollIntoView()")
        top = "its => document.elementFromPoint(160, its.getBoundingClientRect().y + 40)"
        top += "?.closest('tr.case') === its"
        assert await row.evaluate(top)
        bar = "e => e.getBoundingClientRect().height / innerHeight"
        assert await page.locator(".deeds").evaluate(bar) < 1 / 3
        await screenshot(page, "inbox-400", whole=False)
        await row.locator("[data-play]").click()
        await expect(page.locator(".player")).to_be_visible()
        await row.evaluate("each => each.scrollIntoView()")
        assert await row.evaluate(top)
        await page.locator("[data-deed=close]").press("Enter")
        await expect(page.locator("#deed-close")).to_be_visible()


async def test_a_whole_morning_by_keyboard_alone(panel: PanelServed, chrome: Browser) -> None:
    """On a Persian keyboard: the keys are known by their place."""
    its = await books(panel.engine)
    heard = await its.record(its.codes[3], panel.panel.places.recordings)
    _playable(panel)
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        assert await listed(page) == its.codes[::-1]
        await page.keyboard.press("Shift+Slash")
        await expect(page.locator("#help")).to_be_visible()
        assert await page.locator("#help kbd").count() >= 10
        await screenshot(page, "inbox-help")
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("k")
        await expect(line(page, its.codes[3])).to_be_focused()
        async with page.expect_response(lambda answer: f"/recordings/{heard}" in answer.url) as sound:
            await page.keyboard.press("Space")
        assert (await sound.value).status in (200, 206)
        await expect(page.locator(".player")).to_be_visible()
        await page.keyboard.press("x")
        await page.keyboard.press("j")
        await page.keyboard.press("x")
        await page.keyboard.press("a")
        await expect(page.locator("#deed-refer")).to_be_visible()
        await expect(page.locator("#deed-refer input[name=agency]")).to_be_focused()
        await page.keyboard.type("شهرداري تبريز")  # with Arabic letters
        await page.keyboard.press("Tab")
        await page.keyboard.type("در حوزه‌ی آن است")
        await screenshot(page, "inbox-refer")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        for code in (its.codes[3], its.codes[2]):
            await expect(line(page, code).locator(".of-agency")).to_have_text("شهرداری تبریز")
            assert "referred" in (await its.told(code))[-1:]
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{panel.url}/panel/cases/{its.codes[3]}")
    async with panel.engine.connect() as connection:
        played = (
            await connection.execute(select(audit.c.action).where(audit.c.recording.is_not(None)))
        ).all()
    assert played


async def test_keys_that_are_one_letter_are_switched_off_by_whoever_dictates(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        await page.keyboard.press("Shift+Slash")
        await expect(page.locator("#help [data-closes]")).to_be_focused()
        await page.locator("#help [data-letter-keys]").uncheck()
        assert not await serious(page)
        await page.keyboard.press("Escape")
        await live(page, "/panel/inbox?queue=all")
        await line(page, its.codes[-1]).focus()
        for key in ("j", "x", "a", "m", "/", "Shift+Slash"):
            await page.keyboard.press(key)
        await expect(line(page, its.codes[-1])).to_be_focused()
        await expect(page.locator("dialog[open], .pick input:checked")).to_have_count(0)
        await page.locator("[data-opens=help]").click()
        await page.locator("#help [data-letter-keys]").check()
        await page.keyboard.press("Escape")
        await expect(line(page, its.codes[-1])).to_be_focused()
        await page.keyboard.press("j")
        await expect(line(page, its.codes[-2])).to_be_focused()
        await page.locator("[data-opens=help]").click()
        await page.locator("#help [data-letter-keys]").uncheck()
        await page.keyboard.press("Escape")
        await expect(line(page, its.codes[-2])).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{panel.url}/panel/cases/{its.codes[-2]}")
    assert (await its.at.row(its.codes[-1])).person_id is None


async def test_enter_on_the_number_pad_presses_what_has_the_focus(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        await page.keyboard.press("j")
        await page.keyboard.press("x")
        await page.locator("[data-deed=refer]").press("NumpadEnter")
        await expect(page.locator("#deed-refer")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(line(page, its.codes[-1])).to_be_focused()
        await page.keyboard.press("NumpadEnter")
        await expect(page).to_have_url(f"{panel.url}/panel/cases/{its.codes[-1]}")


async def test_all_that_was_recorded_of_a_case_is_heard_one_after_another(
    panel: PanelServed, chrome: Browser
) -> None:
    """She added to her words: space plays both, says which it is, and after the last begins anew."""
    its = await books(panel.engine)
    heard = []
    for _ in range(2):
        its.at.at += timedelta(minutes=1)
        heard.append(await its.record(its.codes[4], panel.panel.places.recordings))
    _playable(panel)
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        asked: list[str] = []
        page.on("request", lambda sent: asked.extend(re.findall(r"/recordings/([0-9a-f-]+)", sent.url)))
        await page.evaluate(PLACES)
        await page.keyboard.press("j")
        await page.keyboard.press("Space")
        await expect(page.locator(".player .place")).to_have_text("۲ از ۲")
        await screenshot(page, "inbox-player")
        assert not await serious(page)
        await expect(page.locator(".player audio")).to_have_js_property("ended", True)
        assert list(dict.fromkeys(asked)) == [str(id) for id in heard]
        await page.keyboard.press("Space")
        assert (await page.evaluate("window.places"))[:3] == ["۱ از ۲", "۲ از ۲", "۱ از ۲"]


async def test_arabic_letters_and_digits_and_a_word_without_its_half_space_find_persian_words(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await page.goto("/panel/inbox")
        for typed, wanted in (
            ("يخچال برق", [its.codes[2]]),
            ("سنگ شكن", [its.codes[4]]),
            ("سنگشکن", [its.codes[4]]),
            ("سنگ‌شکن", [its.codes[4]]),
            ("آب", its.codes[1::-1]),
            ("٠٩١٤١٢٣٤٥٦٧", its.codes[::-1]),
            ("گورخر", []),
        ):
            await page.keyboard.press("Escape")
            await page.locator("h1").click()
            await page.keyboard.press("/")
            await page.keyboard.press("Control+a")
            await page.keyboard.type(typed)
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            assert await listed(page) == wanted, typed
        await expect(page.locator(".empty")).to_be_visible()
        await screenshot(page, "inbox-nothing-found")


async def test_an_officer_sees_nothing_of_another_agency(panel: PanelServed, chrome: Browser) -> None:
    its = await books(panel.engine)
    water, power = its.codes[0], its.codes[2]
    async with window(chrome, panel, "officer", agency="abfa", size=PHONE) as page:
        await live(page, "/panel/inbox")
        assert await listed(page) == its.codes[1::-1]
        typed = (power, power.translate(PERSIAN), "برق", "09141234567")
        for address in (*(f"q={each}" for each in typed), "queue=all", "queue=all&agency=bargh_as"):
            await page.goto(f"/panel/inbox?{address}")
            assert not {*await listed(page)} - {*its.codes[:2]}, address
        await live(page, "/panel/inbox?queue=all")
        await referring.accept(panel.engine, its.at.page, its.at.ask(power, (await its.at.row(power)).agency))
        await referring.accept(panel.engine, its.at.page, its.at.ask(water, "abfa"))
        await expect(line(page, water)).to_have_class("case changed")
        assert its.codes[2] not in await page.content()
    client = await panel.signed_in("officer", agency="abfa")
    answer = await client.get(f"/panel/inbox/rows/{power},{water}")
    assert power not in await answer.text() and water in await answer.text()
    answer = await client.post("/panel/inbox/accept", {"codes": f"{power}:1"})
    assert "چنین پرونده‌ای" in await answer.text()
    assert "accepted" in await its.told(water)


async def test_what_happens_meanwhile_is_seen_without_reloading_and_moves_nothing(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    agency = (await its.at.row(its.codes[1])).agency
    async with window(chrome, panel, "officer", agency=agency) as page:
        await live(page, "/panel/inbox")
        await page.evaluate("window.untouched = true")
        before = await listed(page)
        await page.keyboard.press("j")
        newer = await its.more("water.supply", "آب شهرک هم قطع شد", caller="09141230000")
        await expect(page.locator(".news")).to_be_visible()
        assert "۱" in await page.locator(".news").inner_text()
        await expect(page.locator("[data-count=new]")).to_have_text("۳")
        await answers.give(panel.engine, its.at.page, its.at.ask(its.codes[1], agency), "درست شد")
        await expect(line(page, its.codes[1]).locator(".status")).to_have_text("پاسخ‌داده‌شده")
        assert await listed(page) == before
        await expect(line(page, its.codes[1])).to_be_focused()
        await expect(page.locator("[data-count=new]")).to_have_text("۲")
        await screenshot(page, "inbox-news")
        assert await page.evaluate("window.untouched")
        async with page.expect_navigation():
            await page.keyboard.press("n")
        assert (await listed(page))[0] == newer


async def test_what_has_the_focus_in_a_row_keeps_it_when_the_row_is_renewed(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    code = its.codes[1]
    await its.record(code, panel.panel.places.recordings)  # which the body accepts
    agency = (await its.at.row(code)).agency
    async with window(chrome, panel, "officer", agency=agency) as page:
        await live(page, "/panel/inbox?queue=all")
        row = line(page, code)
        ask, engine, book = its.at.ask(code, agency, reason="بازدید"), panel.engine, its.at.page
        for part, deed in (
            ("[data-play]", pausing.pause(engine, book, ask, 1)),
            (".pick input", pausing.resume(engine, book, ask)),
            ("a.code", answers.give(engine, book, ask, "درست شد")),
        ):
            seq = await row.get_attribute("data-seq")
            await row.locator(part).focus()
            await deed
            await expect(row).not_to_have_attribute("data-seq", str(seq))
            await expect(row.locator(part)).to_be_focused()


async def test_the_focus_is_back_in_the_list_when_the_bar_of_deeds_goes(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "officer", agency="abfa") as page:
        await live(page, "/panel/inbox?queue=all")
        row, mine = line(page, its.codes[1]), page.locator("[data-deed=mine]")
        await page.locator("#pick-all").press("Space")  # there is no row yet that she stands on
        await mine.press("Escape")
        await expect(page.locator("#pick-all")).to_be_focused()
        await page.keyboard.press("j")
        await page.keyboard.press("x")
        await mine.press("Escape")
        await expect(mine).to_be_hidden()
        await expect(row).to_be_focused()
        await page.keyboard.press("x")
        await mine.press("Enter")
        await expect(row.locator(".of-state")).to_contain_text("مریم کریمی")
        await expect(row).to_be_focused()


async def test_a_list_that_only_stands_open_is_told_news_and_ends_after_the_idle_time(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        code = its.codes[1]
        agency = (await its.at.row(code)).agency
        panel.clock.now += timedelta(hours=1)
        async with page.expect_response(lambda answer: "/panel/inbox/rows/" in answer.url):
            await answers.give(panel.engine, its.at.page, its.at.ask(code, agency), "درست شد")
        await expect(line(page, code).locator(".status")).to_have_text("پاسخ‌داده‌شده")
        panel.clock.now += timedelta(hours=1)
        await page.goto("/panel/inbox")
        assert "/panel/sign-in" in page.url


async def test_a_list_whose_session_is_over_says_so_and_asks_no_more_until_one_comes_back_signed_in(
    panel: PanelServed, chrome: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ALIVE_SECONDS", 0.1)
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await page.clock.install()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/events" in request.url else None)
        await live(page, "/panel/inbox?queue=all")
        await page.evaluate("window.untouched = true")
        panel.clock.now += timedelta(hours=3)
        pulse = page.locator(".pulse.off")
        await expect(pulse).to_have_text(locale.words()("common.error.signed_out"))
        asked.clear()
        await page.clock.run_for(60_000)
        await expect(pulse).to_have_text(locale.words()("common.error.signed_out"))
        assert not asked
        await its.more("water.supply", "آب شهرک هم قطع شد", caller="09141230000")
        await enter(page.context, panel, "supervisor")
        await page.evaluate("dispatchEvent(new Event('focus'))")
        await expect(page.locator(".pulse.on")).to_be_visible()
        await expect(page.locator(".news")).to_be_visible()
        assert await page.evaluate("window.untouched")


async def test_a_list_whose_stream_is_refused_once_is_told_again_and_of_what_it_missed(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await page.route("**/panel/inbox/events?*", lambda route: route.fulfill(status=503), times=1)
        await page.goto("/panel/inbox?queue=all")
        await expect(page.locator(".pulse.off")).to_be_visible()
        await its.more("water.supply", "آب شهرک هم قطع شد", caller="09141230000")
        await expect(page.locator(".pulse.on")).to_be_visible()
        await expect(page.locator(".news")).to_be_visible()


async def test_of_a_line_that_may_not_be_seen_any_more_only_the_code_stays_and_its_sound_stops(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    code = its.codes[1]
    agency = (await its.at.row(code)).agency
    await answers.give(panel.engine, its.at.page, its.at.ask(code, agency), "درست شد")
    await its.record(code, panel.panel.places.recordings)
    _playable(panel)
    async with window(chrome, panel, "officer", agency=agency) as page:
        await live(page, "/panel/inbox?queue=all")
        await expect(line(page, code)).to_contain_text(SAID[1][1])
        await line(page, code).locator("[data-play]").press("Enter")  # wherever the line moves meanwhile
        await expect(page.locator(".player")).to_be_visible()
        about = Secrecy(agency, told="رشوه")
        await confide(panel.engine, its.at.page, its.at.ask(code, reason="پاسخ دروغ است"), about)
        await expect(line(page, code)).to_have_class(re.compile("gone"))
        await expect(page.locator(".player")).to_be_hidden()
        await expect(line(page, code)).to_be_focused()
        assert "".join((await line(page, code).inner_text()).split()) == code.translate(PERSIAN)
        assert SAID[1][1] not in await line(page, code).evaluate("its => its.outerHTML")


async def test_many_at_once_each_for_itself(panel: PanelServed, chrome: Browser) -> None:
    """One of them can't be closed: that one says why, the others are."""
    its = await books(panel.engine)
    for code in its.codes[:3]:
        agency = (await its.at.row(code)).agency
        await answers.give(panel.engine, its.at.page, its.at.ask(code, agency), "انجام شد")
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        await page.locator("#pick-all").check()
        await page.locator("[data-deed=close]").click()
        await page.locator("#deed-close textarea").fill("هر دو سو تأیید کردند")
        await page.locator("#deed-close button.main").click()
        await expect(page.locator("#outcomes")).to_be_visible()
        assert await page.locator("#outcomes li .good").count() == 3
        assert await page.locator("#outcomes li .bad").count() == 2
        await expect(page.locator("#outcomes")).to_contain_text("ارجاع‌شده")
        await screenshot(page, "inbox-outcomes")
        await page.locator("#outcomes [data-closes]").click()
        await expect(line(page, its.codes[0]).locator(".status")).to_have_text("بسته‌شده")
    assert [(await its.told(code))[-1] for code in its.codes[:3]] == ["closed"] * 3
    assert (await its.at.row(its.codes[4])).status == "referred"


async def test_the_cases_of_an_outage_are_collected_at_once_and_those_that_come_later_join_them(
    panel: PanelServed, chrome: Browser
) -> None:
    its = Books(await counter(panel.engine), [])
    for number in range(4):
        its.codes.append(await its.more("water.supply", "آب کوی ما قطع است", f"0914123450{number}"))
    oldest = await its.at.row(its.codes[0])
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        for code in its.codes[:3]:
            await line(page, code).get_by_role("checkbox").check()
        await page.locator("[data-deed=collect]").click()
        await page.locator("#deed-collect textarea").fill("قطع آب کوی ولیعصر")
        assert not await serious(page)
        await screenshot(page, "inbox-collect")
        await page.locator("#deed-collect button.main").click()
        await expect(page.locator(".toast")).to_contain_text("۳ از ۳ پرونده انجام شد")
    members = [await its.at.row(code) for code in its.codes]
    async with panel.engine.connect() as connection:
        [whole] = await connection.execute(select(cases).where(cases.c.channel == "collective"))
    assert [each.member_of for each in members] == [whole.id] * 3 + [None]
    assert (whole.opened_at, whole.agency, whole.words) == (
        oldest.opened_at, oldest.agency, "قطع آب کوی ولیعصر",
    )  # fmt: skip
    client = await panel.signed_in("supervisor")
    late, elsewhere = f"{its.codes[3]}:{members[3].last_seq}", "1" * 10
    persian = whole.code.translate(PERSIAN)
    for sent, said in (
        ({"codes": late}, "بنویسید پروندهٔ جمعی تازه"),
        ({"codes": late, "into": elsewhere}, "چنین پرونده‌ای"),
        ({"codes": f"{its.codes[3]}:0", "reason": "آب"}, "در این میان تغییر کرده"),
        ({"codes": late, "into": f"\u2068{persian}\u2069\u00a0"}, persian),
    ):
        assert said in await (await client.post("/panel/inbox/collect", sent)).text()
    assert (await its.at.row(its.codes[3])).member_of == whole.id
    async with panel.engine.connect() as connection:
        one = await connection.execute(select(cases.c.id).where(cases.c.channel == "collective"))
        assert one.scalars().all() == [whole.id]
    officer = await panel.signed_in("officer", agency="abfa")
    assert (await officer.post("/panel/inbox/collect", {"codes": late})).status == 403
    assert "deed-collect" not in await officer.text("/panel/inbox?queue=all")


async def test_a_case_taken_is_mine_and_nobody_elses_new(panel: PanelServed, chrome: Browser) -> None:
    its = await books(panel.engine)
    async with window(chrome, panel, "officer", agency="abfa") as page:
        await live(page, "/panel/inbox")
        await page.keyboard.press("j")
        await page.keyboard.press("m")
        await expect(line(page, its.codes[1]).locator(".of-state")).to_contain_text("مریم کریمی")
        await expect(page.locator("[data-count=mine]")).to_have_text("۱")
        await page.goto("/panel/inbox?queue=mine")
        assert await listed(page) == [its.codes[1]]
    colleague = await panel.signed_in("officer", agency="abfa")
    assert its.codes[1] not in await colleague.text("/panel/inbox")
    assert its.codes[1] in await colleague.text("/panel/inbox?queue=all")
    assert (await its.told(its.codes[1]))[-1] == "handed"
    await referring.refer(panel.engine, its.at.page, its.at.ask(its.codes[1]), "gov_inspection")
    assert (await its.at.row(its.codes[1])).person_id is None
    stranger = await panel.signed_in("officer", agency="bargh_tabriz")
    answer = await stranger.post("/panel/inbox/hand", {"codes": f"{its.codes[0]}:9", "person": "me"})
    assert "چنین پرونده‌ای" in await answer.text()


async def test_a_case_leaves_the_hands_of_all_only_where_that_was_chosen(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    code = its.codes[1]
    async with window(chrome, panel, "officer", agency="abfa") as page:
        await live(page, "/panel/inbox?queue=all")
        await line(page, code).focus()
        told = page.locator(".toast").last
        await page.keyboard.press("m")
        await expect(told).to_have_text("برداشتن: ۱ از ۱ پرونده انجام شد")
        await expect(line(page, code).locator(".of-state")).to_contain_text("مریم کریمی")
        await line(page, code).get_by_role("checkbox").check()
        await page.locator("[data-deed=hand]").click()
        dialog = page.locator("#deed-hand")
        await expect(dialog.locator("h2")).to_have_text("سپردن به همکار: ۱ پرونده")
        await dialog.locator("button.main").click()
        await expect(dialog.locator("select")).to_be_focused()
        assert (await its.told(code)).count("handed") == 1, "nobody was chosen"
        await screenshot(page, "inbox-hand")
        assert not await serious(page)
        await dialog.locator("select").select_option(label="از دست همه بیرون آوردن")
        await dialog.locator("button.main").click()
        await expect(told).to_have_text("از دست همه بیرون آوردن: ۱ از ۱ پرونده انجام شد")
    assert (await its.told(code)).count("handed") == 2 and (await its.at.row(code)).person_id is None
    officer = await panel.signed_in("officer", agency="abfa")
    seen = f"{code}:{(await its.at.row(code)).last_seq}"
    again = await officer.post("/panel/inbox/hand", {"codes": seen, "person": "nobody"})
    assert "پرونده همین حالا هم همین‌طور است" in await again.text()
    empty = await officer.post("/panel/inbox/hand", {"codes": seen, "person": ""})
    assert empty.status == 422


async def test_views_are_kept_shared_and_removed_by_their_owner(panel: PanelServed, chrome: Browser) -> None:
    await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await page.goto("/panel/inbox?queue=overdue&kind=complaint")
        await page.locator("[data-opens=keep]").click()
        await page.locator("#keep input[name=name]").fill("شکایت‌های دیر")
        await page.locator("#keep input[name=shared]").check()
        async with page.expect_navigation():
            await page.locator("#keep button.main").click()
        await expect(page.locator(".view a.accent")).to_contain_text("شکایت‌های دیر")
        other = await panel.signed_in("officer")
        text = await other.text("/panel/inbox")
        assert "شکایت‌های دیر" in text and "/remove" not in text
        async with page.expect_navigation():
            await page.locator(".view button").click()
        await expect(page.locator(".view")).to_have_count(0)
    answer = await other.post(f"/panel/inbox/views?{'kind=complaint'}", {"name": "مال من", "shared": "1"})
    assert answer.status == 303
    assert "مال من" not in await (await panel.signed_in("officer")).text("/panel/inbox")


async def test_it_reads_without_javascript(panel: PanelServed, chrome: Browser) -> None:
    its = await books(panel.engine)
    client = await panel.signed_in("supervisor")
    text = await client.text("/panel/inbox?queue=all&kind=complaint")
    assert all(f'href="/panel/cases/{code}"' in text for code in its.codes)
    assert "شکایت" in text and "مانده" in text
    assert "until" in text and (await client.get("/panel/inbox?since=1405/99/99")).status == 200


async def test_days_are_asked_for_in_either_calendar(panel: PanelServed) -> None:
    its = await books(panel.engine)
    client, before = await panel.signed_in("supervisor"), its.at.at.date() - timedelta(days=1)
    jalali = f"{JalaliDate(before):%Y/%m/%d}"  # type: ignore[no-untyped-call]
    for asked, there in (
        (f"since={before}", True), (f"since={jalali}", True), (f"until={before}", False),
        ("until=9999-12-31", True),
    ):  # fmt: skip
        assert (f'id="case-{its.codes[0]}"' in await client.text(f"/panel/inbox?queue=all&{asked}")) is there
    short = await client.text("/panel/inbox?queue=all&since=05/09/05")
    assert "تاریخ را مانند ۱۴۰۵/۰۹/۰۵ بنویسید." in short, "it was the year 5"


async def test_pages_follow_each_other_without_gaps(panel: PanelServed) -> None:
    its = await books(panel.engine)
    client, seen = await panel.signed_in("supervisor"), list[str]()
    for _ in range(PAGE - 2):
        its.codes.append(await its.more("water.bill", "قبض اشتباه است", caller=""))
    address = "/panel/inbox?queue=all"
    while address:
        text = await client.text(address)
        seen += [part.split('"')[0] for part in text.split('data-code="')[1:]]
        more = text.split('rel="next" href="')
        address = more[1].split('"')[0].replace("&amp;", "&") if len(more) > 1 else ""
    assert seen == its.codes[::-1]


async def test_a_stream_ends_with_its_session_and_when_the_server_leaves(panel: PanelServed) -> None:
    await books(panel.engine)
    client = await panel.signed_in("supervisor")
    async with client.http.get("/panel/inbox/events?queue=new") as answer:
        assert answer.content_type == "text/event-stream" and answer.headers["Cache-Control"] == "no-store"
        assert b"retry" in await answer.content.readline()
        panel.panel.news.close()
        async with asyncio.timeout(patience(20)):
            await answer.content.read()
    async with client.http.get("/panel/inbox/events") as again, asyncio.timeout(patience(20)):
        await again.content.read()


async def test_a_stream_is_no_use_of_a_session_and_ends_with_it(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ALIVE_SECONDS", 0.2)
    client = await panel.signed_in("supervisor")
    async with client.http.get("/panel/inbox/events") as answer, asyncio.timeout(patience(20)):
        await answer.content.readuntil(b": alive")
        panel.clock.now += timedelta(hours=3)
        await answer.content.read()
    assert (await client.get("/panel/inbox")).status == 303


async def test_an_open_page_does_not_hold_up_a_server_that_leaves(
    panel: PanelServed, engine: AsyncEngine
) -> None:
    app = web.Application()
    loops = Loops()
    attach(app, Panel(engine, panel.panel.book, panel.panel.places, clock=panel.clock), loops.start)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    headers = {"Cookie": f"seda={await panel.token('supervisor')}"}
    async with ClientSession() as client:
        address = f"http://{host}:{port}/panel/inbox/events"
        async with client.get(address, headers=headers) as answer:
            assert b"retry" in await answer.content.readline()
            async with asyncio.timeout(patience(20)):
                await runner.cleanup()
                await answer.content.read()
    await loops.close()


async def test_many_at_once_without_javascript(panel: PanelServed, chrome: Browser) -> None:
    its = await books(panel.engine)
    for code in its.codes[:2]:
        agency = (await its.at.row(code)).agency
        await answers.give(panel.engine, its.at.page, its.at.ask(code, agency), "انجام شد")
    context = patient(await chrome.new_context(base_url=panel.url, viewport=WIDE, java_script_enabled=False))
    try:
        await enter(context, panel, "supervisor")
        page = await context.new_page()
        await page.goto("/panel/inbox?queue=all")
        await expect(page.locator("#pick-all")).to_be_hidden()
        await page.get_by_role("button", name="بستن").click()
        await expect(page.locator("#told")).to_contain_text("پرونده‌ای انتخاب نشده است")
        await page.go_back()
        for code in its.codes[:3]:
            await line(page, code).get_by_role("checkbox").check()
        await page.locator("#plain-why").fill("هر دو سو تأیید کردند")
        await screenshot(page, "inbox-plain")
        await page.get_by_role("button", name="بستن").click()
        await expect(page.locator("#told li .good")).to_have_count(2)
        await expect(page.locator("#told li .bad")).to_have_count(1)
        await screenshot(page, "inbox-plain-outcomes")
        await page.goto("/panel/inbox?queue=all")
        await line(page, its.codes[3]).get_by_role("checkbox").check()
        await page.locator("#plain-agency").fill("شهرداری تبریز")
        await page.locator("#plain-why").fill("در حوزهٔ آن است")
        await page.get_by_role("button", name="ارجاع").click()
        await expect(page.locator("#told .good")).to_have_count(1)
    finally:
        await context.close()
    assert (await its.at.row(its.codes[0])).status == "closed"
    assert (await its.at.row(its.codes[3])).agency == "shahrdari_tabriz"


async def test_what_a_colleague_did_meanwhile_is_not_overridden(panel: PanelServed, chrome: Browser) -> None:
    """She picks two; a colleague refers one of them. That one is left alone and named, the other done."""
    its = await books(panel.engine)
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        for code in its.codes[:2]:
            await line(page, code).get_by_role("checkbox").check()
        await referring.refer(panel.engine, its.at.page, its.at.ask(its.codes[0]), "shahid")
        await expect(line(page, its.codes[0])).to_have_class(re.compile("changed"))
        await expect(line(page, its.codes[0]).get_by_role("checkbox")).to_be_checked()
        await page.locator("[data-deed=refer]").click()
        await page.locator("#deed-refer input[name=agency]").fill("شهرداری تبریز")
        await page.locator("#deed-refer button.main").click()
        await expect(page.locator("#outcomes")).to_be_visible()
        await expect(page.locator("#outcomes li:has(.bad)")).to_have_count(1)
        await expect(page.locator("#outcomes li:has(.bad)")).to_contain_text(its.codes[0].translate(PERSIAN))
        await expect(page.locator("#outcomes li:has(.bad)")).to_contain_text("در این میان تغییر کرده")
        await screenshot(page, "inbox-changed-meanwhile")
        await page.locator("#outcomes [data-closes]").click()
        assert (await its.at.row(its.codes[0])).agency == "shahid"
        assert (await its.at.row(its.codes[1])).agency == "shahrdari_tabriz"
        await line(page, its.codes[0]).get_by_role("checkbox").check()  # she has seen it now
        await page.locator("[data-deed=refer]").click()
        await referring.refer(panel.engine, its.at.page, its.at.ask(its.codes[0]), "emdad")
        await expect(line(page, its.codes[0]).locator(".of-agency")).to_contain_text("امداد")
        await page.locator("#deed-refer input[name=agency]").fill("شهرداری تبریز")
        await page.locator("#deed-refer button.main").click()  # behind the dialog it changed again
        await expect(page.locator("#outcomes li .bad")).to_have_count(1)
    assert (await its.at.row(its.codes[0])).agency == "emdad"


async def test_what_goes_wrong_in_a_dialog_is_told_in_it_and_stays_when_it_is_closed(
    panel: PanelServed, chrome: Browser
) -> None:
    its, words = await books(panel.engine), locale.words()
    async with window(chrome, panel, "supervisor") as page:
        await live(page, "/panel/inbox?queue=all")
        await line(page, its.codes[0]).get_by_role("checkbox").check()
        await page.locator("[data-deed=refer]").click()
        dialog = page.locator("#deed-refer")
        await dialog.get_by_label(words("inbox.bulk.agency")).fill("شهرداری تبریز")
        await page.route("**/panel/inbox/refer", lambda route: route.abort())
        for _ in range(2):
            await dialog.locator("button.main").click()
            await expect(dialog.locator("[role=status] .toast").first).to_have_text(
                words("common.error.offline")
            )
            await page.keyboard.press("Escape")
            await expect(page.locator("body > .toasts")).to_have_count(1)
            await page.locator("[data-deed=refer]").click()


async def test_a_deed_goes_on_with_its_reason_once_one_has_signed_in_anew(
    panel: PanelServed, chrome: Browser
) -> None:
    its, words = await books(panel.engine), locale.words()
    async with window(chrome, panel, "supervisor") as page:
        [person] = panel.made.values()
        await live(page, "/panel/inbox?queue=all")
        await line(page, its.codes[0]).get_by_role("checkbox").check()
        await page.locator("[data-deed=refer]").click()
        dialog = page.locator("#deed-refer")
        await dialog.get_by_label(words("inbox.bulk.agency")).fill("شهرداری تبریز")
        await dialog.locator("textarea").fill("در حوزهٔ آن است")
        panel.clock.now += timedelta(hours=3)
        await dialog.locator("button.main").click()
        await expect(page.locator(".toast.bad")).to_have_text(words("common.error.signed_out"))
        token = await panel.token_of(person)  # signed in in another tab
        await page.context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])
        await dialog.locator("button.main").click()
        await expect(line(page, its.codes[0]).locator(".of-agency")).to_have_text("شهرداری تبریز")
    assert (await its.at.row(its.codes[0])).agency == "shahrdari_tabriz"


@pytest.mark.parametrize(
    ("deed", "fields"),
    [
        ("refer", {"agency": "شهرداری تبریز"}), ("hand", {"person": "me"}), ("pause", {"days": "2"}),
        ("close", {}),
    ],
)  # fmt: skip
async def test_no_deed_on_many_is_done_on_what_was_not_seen(
    panel: PanelServed, deed: str, fields: dict[str, str]
) -> None:
    its = await books(panel.engine)
    stale, fresh = its.codes[:2]
    for code in (stale, fresh):
        at = its.at.ask(code, (await its.at.row(code)).agency)
        if deed == "close":
            await answers.give(panel.engine, its.at.page, at, "انجام شد")
        else:
            await referring.refer(panel.engine, its.at.page, its.at.ask(code), "gov_inspection")
    before, now = (await its.at.row(stale)).last_seq, (await its.at.row(fresh)).last_seq
    client = await panel.signed_in("supervisor")
    picked = [("codes", f"{stale}:{before - 1}"), ("codes", f"{fresh}:{now}"), ("codes", its.codes[2])]
    await client.get("/panel/account")
    sent = [*picked, *fields.items(), ("reason", "دلیل"), ("csrf", client.proof)]
    answer = await client.http.post(f"/panel/inbox/{deed}", data=sent)
    page = await answer.text()
    assert 'data-done="1" data-all="3"' in page and "در این میان تغییر کرده" in page
    assert (await its.at.row(stale)).last_seq == before
    assert (await its.at.row(fresh)).last_seq > now
    assert "کارتابل را تازه کنید" in page  # a page that doesn't tell what was seen


async def test_who_pauses_many_is_told_which_are_parts_that_would_be_due_after_their_whole(
    panel: PanelServed,
) -> None:
    its = await books(panel.engine)
    whole, alone = its.codes[:2]
    named = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    part, _ = await splitting.split(its.at.engine, its.at.page, its.at.ask(whole), named)
    before = await its.at.row(part)
    officer = await panel.signed_in("officer", agency="abfa")
    await officer.get("/panel/account")
    for done in (1, 0):  # once more: what was paused is so already
        picked = [("codes", f"{code}:{(await its.at.row(code)).last_seq}") for code in (alone, part)]
        sent = [*picked, ("days", "1"), ("reason", "منتظر قطعه"), ("csrf", officer.proof)]
        page = await (await officer.http.post("/panel/inbox/pause", data=sent)).text()
        assert f'data-done="{done}" data-all="2"' in page
        assert locale.words()("refusal.whole_sooner", code=digits(whole)) in page
    assert (await its.at.row(part)).due_at == before.due_at == (await its.at.row(whole)).due_at
    assert (await its.at.row(part)).last_seq == before.last_seq
    assert (await its.at.row(alone)).paused_at is not None


async def test_who_closes_many_says_of_nobody_that_she_was_told(panel: PanelServed) -> None:
    """Nobody can call her: her case is left alone, and its page asks how she was told."""
    its = await books(panel.engine)
    untold = await its.more("water.supply", "آب نداریم", caller="")
    both = (its.codes[0], untold)
    for code in both:
        await answers.give(panel.engine, its.at.page, its.at.ask(code, "abfa"), "انجام شد")
    client = await panel.signed_in("supervisor")
    picked = [("codes", f"{code}:{(await its.at.row(code)).last_seq}") for code in both]
    assert untold in await client.text("/panel/inbox?queue=untold")
    sent = [*picked, ("reason", "پاسخ کافی است"), ("csrf", client.proof)]
    page = await (await client.http.post("/panel/inbox/close", data=sent)).text()
    assert 'data-done="1" data-all="2"' in page and "در صفحهٔ خودش ببندید" in page
    assert [(await its.at.row(code)).status for code in both] == ["closed", "answered"]
    assert untold in await client.text("/panel/inbox?queue=untold")
    form = await client.text(f"/panel/cases/{untold}?do=close")
    said = locale.words()
    assert said("casefile.close_untold") in form and said("casefile.deed_hint.close") not in form


async def test_a_code_opens_its_case_however_it_is_written(panel: PanelServed, chrome: Browser) -> None:
    its = await books(panel.engine)
    code = its.codes[2]
    async with window(chrome, panel, "supervisor") as page:
        for typed in (
            code,
            code.translate(PERSIAN),
            f"{code[:3]} {code[3:6]} {code[6:]}",
            f" {code[:3]}-{code[3:6]}-{code[6:8]}-{code[8:]} ",
            f"\u2068{code[:4].translate(PERSIAN)}\u200c{code[4:]}\u2069",
        ):
            await page.goto("/panel/inbox?queue=overdue")
            await page.keyboard.press("/")
            await page.locator("#seek").fill(typed)
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            await expect(page).to_have_url(f"{panel.url}/panel/cases/{code}")
    stranger = await panel.signed_in("officer", agency="abfa")
    answer = await stranger.get(f"/panel/inbox?q={code}")
    assert answer.status == 200 and f'id="case-{code}"' not in await answer.text()
    blind = await panel.signed_in("operator", areas=["tabriz"])
    assert (await blind.get(f"/panel/inbox?q={code}")).status == 200


async def test_whose_case_went_on_is_told_so_by_its_code_and_of_no_other_case_anything(
    panel: PanelServed,
) -> None:
    its = await books(panel.engine)
    water, other, power = its.codes[:3]
    ask = its.at.ask(water, "abfa", "شکایت از رئیس ماست")
    await referring.refer(panel.engine, its.at.page, ask, "edu")
    confided = its.at.ask(other, "desk", "از رئیس خود می‌ترسد")
    await confide(panel.engine, its.at.page, confided, Secrecy("abfa"))
    officer = await panel.signed_in("officer", agency="abfa")
    gone, nothing = (
        locale.words()(f"{name}.title") for name in ("casefile.sent_on", "inbox.empty.unpermitted")
    )
    grouped = f"{water[:4]} {water[4:7]} {water[7:]}"
    for typed in (water, water.translate(PERSIAN), grouped, f"{water}&kind=request&queue=new"):
        page = await officer.text(f"/panel/inbox?q={typed}")
        assert gone in page and nothing not in page and "شکایت از رئیس" not in page, typed
        assert f"نتیجهٔ جستجوی «{digits(typed.partition('&')[0])}»" in page
    for unknown in (other, power, water[:-1]):
        page = await officer.text(f"/panel/inbox?q={unknown}")
        assert nothing in page and gone not in page, unknown
    naming = await its.more("water.supply", f"کد پروندهٔ پیشین من {water} است")
    page = await officer.text(f"/panel/inbox?q={water}")
    assert gone in page and f'id="case-{naming}"' in page
    elsewhere = await panel.signed_in("officer", agency="emdad")
    page = await elsewhere.text(f"/panel/inbox?q={water}")
    assert nothing in page and gone not in page


async def test_the_next_case_and_the_one_before_and_back_to_ones_place(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    for _ in range(PAGE):  # two pages of them
        its.codes.append(await its.more("water.bill", "قبض اشتباه است", caller=""))
    order = its.codes[::-1]
    async with window(chrome, panel, "supervisor", size={"width": 1366, "height": 768}) as page:

        async def at(code: str) -> None:
            await expect(page).to_have_url(f"{panel.url}/panel/cases/{code}")
            await expect(page.locator("nav.among")).to_be_visible()

        await live(page, "/panel/inbox?queue=all")
        await line(page, order[20]).locator("a.code").click()
        await at(order[20])
        await expect(page.locator("nav.among .place")).to_have_text("۲۱ از ۵۰")
        await screenshot(page, "case-among", whole=False)
        assert not await serious(page)
        await page.keyboard.press("j")
        await at(order[21])
        await page.locator("nav.among .next").click()
        await at(order[22])
        await page.keyboard.press("k")
        await at(order[21])
        await page.locator("[data-deed=refer]").click()  # what is written is not left by a key
        await expect(page.locator("#act form.deed")).to_be_visible()
        await page.locator("#act h3").first.click()
        await page.keyboard.press("j")
        await page.locator("[data-leave]").click()
        await at(order[21])
        await page.keyboard.press("j")
        await at(order[22])
        await page.go_back()  # to the list at once, not through every case
        await expect(line(page, order[22])).to_be_focused()
        await expect(line(page, order[22])).to_be_in_viewport()
        await page.keyboard.press("j")
        await expect(line(page, order[23])).to_be_focused()
        await line(page, order[49]).locator("a.code").click()
        await at(order[49])
        await page.keyboard.press("j")  # the first of the next page
        await at(order[50])
        await expect(page.locator("nav.among .place")).to_have_text("۵۱ از ۵۵")
        await page.locator("nav.among .back").click()
        await expect(line(page, order[50])).to_be_focused()
        assert "after=" in page.url


async def test_the_next_case_is_found_behind_pages_that_a_filter_left_empty(
    panel: PanelServed, chrome: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    its = await books(panel.engine)
    topics = ["water.bill", *["water.supply"] * 4, "water.bill"]
    last, *_, first = [await its.more(topic, "قبض اشتباه است", caller="") for topic in topics]
    monkeypatch.setattr(queues, "MOST_READ", 2)  # so the second page holds none
    async with window(chrome, panel, "officer", agency="abfa") as page:
        await live(page, "/panel/inbox?queue=new&topic=water.bill")
        assert await listed(page) == [first]
        await line(page, first).locator("a.code").click()
        await expect(page.locator("nav.among .place")).to_have_text("۱ از ۱")
        await page.keyboard.press("j")
        await expect(page).to_have_url(f"{panel.url}/panel/cases/{last}")
        await expect(page.locator("nav.among .place")).to_have_text("۲ از ۲")


async def test_ones_place_is_kept_where_the_case_has_left_the_queue(
    panel: PanelServed, chrome: Browser
) -> None:
    its = await books(panel.engine)
    for _ in range(20):
        its.codes.append(await its.more("water.supply", "آب نداریم", caller=""))
    async with window(chrome, panel, "officer", agency="abfa") as page:
        await live(page, "/panel/inbox?queue=new")
        order = await listed(page)
        await line(page, order[10]).locator("a.code").click()
        await expect(page.locator("nav.among .place")).to_have_text("۱۱ از ۲۲")
        await referring.accept(panel.engine, its.at.page, its.at.ask(order[10], "abfa"))
        await page.go_back()
        await expect(line(page, order[10])).to_have_count(0)
        await expect(line(page, order[11])).to_be_focused()
    async with window(chrome, panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{its.codes[0]}")  # from nowhere
        await expect(page.locator("nav.among")).to_be_hidden()
        await live(page, "/panel/inbox?queue=all")
        await line(page, its.codes[0]).locator("a.code").click()
        await expect(page.locator("nav.among")).to_be_visible()
        await page.get_by_role("button", name="خروج").click()
        await expect(page).to_have_url(re.compile("/panel/sign-in"))
        await page.wait_for_function("() => !sessionStorage.getItem('among')")
