"""The page of a case, as the people who work with it see it."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select, update
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome
from ivr.cases.code import KEY_BYTES, code_for
from ivr.cases.transitions import Actor, Side
from ivr.desk.call import interventions
from ivr.desk.call.callbacks import dialled
from ivr.desk.call.interventions import Intervening
from ivr.desk.case import answers, closing, collecting, confiding, pausing, referring, splitting
from ivr.desk.case.change import EVENTS, Instruction, actor_named
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.event_log import add_event
from ivr.desk.case.splitting import Part
from ivr.desk.editing.changing import Why, change, wish
from ivr.desk.editing.nouns import BY_NAME
from ivr.desk.meetings import order_giving
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.people.scope import Scope
from ivr.desk.reading import as_json, casefile
from ivr.store.tables import agencies, audit, calls, cases
from ivr.voice import script
from ivr.web.casefile.deeds import DEEDS
from ivr.web.casefile.story import Teller
from ivr.web.panel import refusals
from ivr.web.panel.locale import digits, words
from tests.desk.call.test_callbacks import NOON, answered, claim, end
from tests.desk.call.test_interventions import picked_up
from tests.desk.office import WEDNESDAY
from tests.fixtures.database import ROOT
from tests.fixtures.learned import nothing_learned
from tests.fixtures.province import answer as answer_by
from tests.fixtures.province import read_page
from tests.web.browser import PHONE, WIDE, screenshot, serious, window
from tests.web.casefile import MARKUP, Desk, desk_served
from tests.web.panel import Client
from tests.web.service import LEARNING


@pytest.fixture
async def desk(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Desk]:
    """Answers of agencies wait for approval."""
    async with desk_served(engine, tmp_path, approval=True) as served:
        yield served


async def status(desk: Desk, code: str) -> tuple[str, str]:
    case = await as_json.case_json(desk.panel.engine, code)
    assert case is not None
    return case["status"], case["agency"]


async def offers(client: Client, code: str) -> set[str]:
    """What the page of that case has buttons for."""
    page = await client.text(f"/panel/cases/{code}")
    return {deed.name for deed in DEEDS if f'data-deed="{deed.name}"' in page}


async def do(page: Page, deed: str, **fields: str) -> None:
    """Press its button, fill in the form that comes, send it, and see that it was done."""
    await page.locator(f"[data-deed='{deed}']").click()
    form = page.locator(f"form.deed[data-name='{deed}']")
    for name, value in fields.items():
        field = form.locator(f"[name='{name}']")
        await (
            field.select_option(value)
            if name in {"agency", "topic", "county", "person"}
            else field.fill(value)
        )
    await form.locator("button[type=submit]").click()
    await page.wait_for_url(f"**?done={deed}")


async def test_a_case_goes_from_refer_to_close_through_the_page(desk: Desk, chrome: Browser) -> None:
    code = await desk.open()
    me = await desk.panel.person("officer", "abfa")
    address = f"/panel/cases/{code}"
    async with (
        window(chrome, desk.panel, "supervisor") as office,
        window(chrome, desk.panel, "officer", agency="abfa") as water,
        window(chrome, desk.panel, "officer", agency="edu") as school,
    ):
        await office.goto(address)
        await do(office, "refer", agency="edu", reason="مدرسه است")
        await school.goto(address)
        await do(school, "return", reason="کار آب و فاضلاب است")
        assert await status(desk, code) == ("returned", "gov_inspection")
        await office.goto(address)
        await do(office, "refer", agency="abfa")
        await water.goto(address)
        await do(water, "accept")
        await do(water, "hand", person=str(me.id))
        await expect(water.locator(".facts")).to_contain_text("در دست")
        await do(water, "answer", words="لوله عوض شد و آب وصل است.")
        await expect(water.locator(".draft")).to_contain_text("لوله عوض شد")
        assert await status(desk, code) == ("in_progress", "abfa")
        await office.goto(address)
        await screenshot(office, "casefile-approval")
        await do(office, "approve")
        await do(office, "close", reason="شهروند تلفنی تأیید کرد")
        assert await status(desk, code) == ("closed", "abfa")
        story = await office.locator(".timeline").inner_text()
    for said in ("کار آب و فاضلاب است", "آن را برگرداند", "پاسخ تأیید شد", "به تصمیم دفتر بازرسی بسته شد"):
        assert said in story


async def test_a_refusal_is_one_sentence_at_the_form_and_nothing_typed_is_lost(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    typed = "این‌جا خیلی نوشته‌ام تا گم نشود."
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.locator("[data-deed=rule]").click()
        form = page.locator("form.deed")
        await form.locator("[name=agency]").select_option("edu")
        await form.locator("[name=reason]").fill(typed)
        book = await desk.panel.panel.book.page()  # meanwhile somebody else refers it
        other = Instruction(code, actor_named(book, "desk"), now=desk.panel.clock())
        await referring.refer(desk.panel.engine, book, other, "shahrdari_tabriz")
        await form.locator("button[type=submit]").click()
        await expect(page.get_by_role("alert")).to_contain_text("پرونده در این میان تغییر کرده")
        assert await form.locator("[name=reason]").input_value() == typed
        assert await form.locator("[name=agency]").input_value() == "edu"
        await expect(page.locator(".timeline .event").first).to_contain_text("ارجاع شد")
        await expect(page.locator(".timeline .event")).to_have_count(3)
        await screenshot(page, "casefile-refused")
        await form.locator("button[type=submit]").click()  # who has seen it may insist
        await page.wait_for_url("**?done=rule")


async def test_who_approves_on_an_older_page_sees_first_what_was_proposed_meanwhile(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    book, engine = await desk.office.book.page(), desk.panel.engine

    async def propose(said: str) -> None:
        ask = Instruction(code, actor_named(book, "abfa"), now=desk.panel.clock())
        await answers.propose(engine, book, ask, said)

    await propose("لوله عوض شد.")
    async with window(chrome, desk.panel, "supervisor") as page:
        told = page.locator(".acts").get_by_role("alert")
        await page.goto(f"/panel/cases/{code}")
        await page.locator("[data-deed=approve]").click()
        await expect(page.locator("form.deed")).to_be_visible()
        await expect(told).to_have_count(0)
        await propose("کاری نمی‌کنیم.")
        await page.locator("[data-deed=approve]").click()
        await expect(told).to_contain_text("پس از باز شدن این صفحه تغییر کرده")
        await expect(page.locator(".draft")).to_contain_text("کاری نمی‌کنیم.")
        await expect(page.locator(".draft")).not_to_contain_text("لوله عوض شد.")
        await expect(page.locator(".timeline .event").first).to_contain_text("کاری نمی‌کنیم.")
        await screenshot(page, "casefile-older")
        await page.locator("[data-deed=turn-down]").click()  # seen by now
        await expect(page.locator("form.deed[data-name=turn-down]")).to_be_visible()
        await expect(told).to_have_count(0)
        await page.locator("form.deed [name=reason]").fill("باید وصل شود")
        await propose("فردا وصل می‌شود.")
        await page.locator("form.deed button[type=submit]").click()
        await expect(told).to_contain_text("پرونده در این میان تغییر کرده")
        await expect(page.locator(".draft")).to_contain_text("فردا وصل می‌شود.")
        await page.locator("form.deed [name=reason]").fill("")
        await do(page, "approve")
    assert (await as_json.case_json(engine, code) or {})["answer"] == "فردا وصل می‌شود."


async def test_who_saves_a_transcript_is_told_with_the_next_deed_what_was_proposed_meanwhile(
    desk: Desk, chrome: Browser
) -> None:
    code, said = await desk.open(), "کاری نمی‌کنیم."
    book, engine = await desk.office.book.page(), desk.panel.engine
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        ask = Instruction(code, actor_named(book, "abfa"), now=desk.panel.clock())
        await answers.propose(engine, book, ask, said)
        await page.locator(".writing summary").click()
        await page.locator(".writing textarea").fill("آب نداریم")
        await page.locator(".writing button").click()
        await expect(page.locator(".said")).to_have_text("آب نداریم")
        await expect(page.locator(".acts")).not_to_contain_text(said)
        await page.locator("[data-deed=pause]").click()
        told = page.locator(".acts").get_by_role("alert")
        await expect(told).to_contain_text("پس از باز شدن این صفحه تغییر کرده")
        await expect(page.locator(".draft")).to_contain_text(said)
        await expect(page.locator(".timeline .transcribed")).to_be_visible()


async def test_whose_deed_is_not_to_be_done_any_more_gets_the_page_as_it_is_now_which_says_so(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    book, engine = await desk.office.book.page(), desk.panel.engine
    ask = Instruction(code, actor_named(book, "abfa"), now=desk.panel.clock())
    await answers.propose(engine, book, ask, "لوله عوض شد.")
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}?do=approve#act")
        await answers.approve(engine, book, Instruction(code, actor_named(book, "desk"), now=ask.now))
        await page.locator(".writing summary").click()
        await page.locator(".writing textarea").fill("آب نداریم")
        page.on("dialog", lambda asked: asked.dismiss())
        async with page.expect_event("dialog"):  # whether to leave what is half written
            await page.locator("[data-deed=approve]").click()
        await expect(page.locator(".writing textarea")).to_have_value("آب نداریم")
        await page.locator(".writing button").click()
        await expect(page.locator(".said")).to_have_text("آب نداریم")
        await page.locator("[data-deed=approve]").click()
        told = page.get_by_role("alert")
        await expect(told).to_contain_text("«تأیید پاسخ» اکنون برای شما شدنی نیست؛ پرونده «پاسخ‌داده‌شده» است")
        await expect(page.locator("[data-deed=close]")).to_be_visible()
        await expect(page.locator("[data-deed=approve]")).to_have_count(0)
        await screenshot(page, "casefile-not-now")
        await page.goto(f"/panel/cases/{code}?do=close")
        await expect(page.locator("form.deed[data-name=close]")).to_be_visible()
        await expect(told).to_have_count(0)


async def test_whose_case_was_sent_on_meanwhile_is_told_so_by_whatever_deed_she_presses(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "officer", agency="abfa") as page:
        await page.goto(f"/panel/cases/{code}")
        book = await desk.panel.panel.book.page()
        ask = Instruction(code, actor_named(book, "desk"), now=desk.panel.clock())
        await referring.refer(desk.panel.engine, book, ask, "edu")
        await page.locator("[data-deed=answer]").click()
        await expect(page.locator("h1")).to_have_text("این پرونده دیگر نزد دستگاه شما نیست")
    for role, agency, status in (("officer", "abfa", 303), ("officer", "tamin", 404)):
        client = await desk.panel.signed_in(role, agency=agency)
        assert (await client.get(f"/panel/cases/{code}/form/answer")).status == status, agency
        assert (await client.get(f"/panel/cases/{code}/form/nothing")).status == 404


async def test_whose_field_is_refused_on_an_older_page_is_told_what_was_proposed_meanwhile_too(
    desk: Desk, chrome: Browser
) -> None:
    code, said = await desk.open(), "کاری نمی‌کنیم."
    book, engine = await desk.office.book.page(), desk.panel.engine
    async with window(chrome, desk.panel, "supervisor") as page:
        form = page.locator("form.deed[data-name=pause]")
        told, wrong = page.locator(".acts").get_by_role("alert"), form.locator(".wrong")
        await page.goto(f"/panel/cases/{code}?do=pause")
        await form.locator("[name=days]").fill("دو")
        await form.locator("[name=reason]").fill("پیمانکار")
        await form.locator("button[type=submit]").click()
        await expect(wrong).to_be_visible()
        await expect(told).to_have_count(0)  # nothing is new
        ask = Instruction(code, actor_named(book, "abfa"), now=desk.panel.clock())
        await answers.propose(engine, book, ask, said)
        await form.locator("button[type=submit]").click()
        await expect(told).to_contain_text("پس از باز شدن این صفحه تغییر کرده")
        await expect(page.locator(".draft")).to_contain_text(said)
        await expect(wrong).to_be_visible()
        await form.locator("[name=days]").fill("2")
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=pause")


async def test_without_scripts_too_whoever_is_refused_on_an_older_page_is_told_once_that_it_is_one(
    desk: Desk,
) -> None:
    code = await desk.open()
    client = await desk.panel.signed_in("supervisor")
    since, meanwhile = "پس از باز شدن این صفحه تغییر کرده", "در این میان تغییر کرده"

    async def refused(deed: str, **sent: str) -> str:
        answer = await client.post(f"/panel/cases/{code}/{deed}", {"reason": "همان تماس است"} | sent)
        assert answer.status == 422
        return await answer.text()

    text = await refused("merge", into=code, seen="1")  # before the desk looks at the case
    assert "در خودش ادغام کرد" in text and since in text
    text = await refused("pause", days="2", seen="1")
    assert meanwhile in text and since not in text
    for seen in ("", "x"):
        assert since not in await refused("merge", into=code, seen=seen)


async def test_deeds_in_a_row_and_behind_a_transcript_of_ones_own_are_not_taken_for_another_s(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await do(page, "topic", county="tabriz", reason="نشانی تبریز است")
        for said in ("آب نداریم", "آب نداریم و برق هم"):
            await page.locator(".writing summary").click()
            await page.locator(".writing textarea").fill(said)
            await page.locator(".writing button").click()
            await expect(page.locator(".said")).to_have_text(said)
            await expect(page.locator(".timeline .transcribed").first).to_be_visible()
        alert = page.locator(".acts").get_by_role("alert")
        await page.locator("[data-deed=pause]").click()
        await expect(page.locator("form.deed[data-name=pause]")).to_be_visible()
        await expect(alert).to_have_count(0)
        await page.locator("form.deed [name=days]").fill("1")
        await page.locator("form.deed [name=reason]").fill("پیمانکار")
        await page.locator("form.deed button[type=submit]").click()
        await page.wait_for_url("**?done=pause")
        await do(page, "resume")
        await page.locator("[data-deed=refer]").click()
        await expect(page.locator("form.deed[data-name=refer]")).to_be_visible()
        await expect(alert).to_have_count(0)


async def test_without_scripts_a_refusal_is_a_page_with_the_form_in_it(desk: Desk) -> None:
    code = await desk.open()
    client = await desk.panel.signed_in("supervisor")
    text = await client.text(f"/panel/cases/{code}?do=merge")
    assert 'data-name="merge"' in text and "شدنی نیست" not in text
    assert "«تأیید پاسخ» اکنون برای شما شدنی نیست" in await client.text(f"/panel/cases/{code}?do=approve")
    answer = await client.post(f"/panel/cases/{code}/merge", {"into": code, "reason": "همان تماس است"})
    text = await answer.text()
    assert answer.status == 422 and "در خودش ادغام کرد" in text and "همان تماس است" in text
    assert (await client.post(f"/panel/cases/{code}/withdraw", {"reason": "خودش گفت"})).status == 303


async def test_an_answer_that_no_voice_can_read_is_refused_at_the_form_which_says_what_can_be_read(
    desk: Desk,
) -> None:
    code, words = await desk.open(), "سیزین ایشینیزه باخیلدی"
    client = await desk.panel.signed_in("supervisor")
    assert "این شهروند ترکی می‌شنود" not in await client.text(f"/panel/cases/{code}?do=answer")
    async with desk.panel.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == code).values(language="az"))
    assert "این شهروند ترکی می‌شنود" in await client.text(f"/panel/cases/{code}?do=answer")
    preview = await client.post(f"/panel/cases/{code}/speak", {"words": words})
    assert preview.status == 422 and "به حروف لاتین" in await preview.text()
    answer = await client.post(f"/panel/cases/{code}/answer", {"words": words})
    text = await answer.text()
    assert answer.status == 422 and "هیچ صدایی ترکی به خط فارسی" in text and words in text
    answer = await client.post(f"/panel/cases/{code}/answer", {"words": "Su gəldi"})
    assert answer.status == 422 and "در خانهٔ «برای شنیدن» بنویسید" in await answer.text()
    both = {"words": words, "spoken": "Su gəldi"}
    assert (await client.post(f"/panel/cases/{code}/answer", both)).status == 303


@pytest.mark.parametrize(("language", "told"), [("ku", True), ("", False)])
async def test_a_case_in_a_language_that_the_panel_has_no_word_for_can_be_answered(
    desk: Desk, language: str, told: bool
) -> None:
    code = await desk.open()
    async with desk.panel.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == code).values(language=language))
    client = await desk.panel.signed_in("supervisor")
    form = await client.text(f"/panel/cases/{code}?do=answer")
    assert ("این شهروند به زبان دیگری می‌شنود" in form) == ('name="spoken"' in form) == told
    assert (await client.post(f"/panel/cases/{code}/answer", {"words": "آب وصل شد."})).status == 303


async def test_who_speaks_azerbaijani_hears_what_the_officer_wrote_for_it_and_reads_persian(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with desk.panel.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == code).values(language="az"))
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.locator("[data-deed=answer]").click()
        form = page.locator("form.deed")
        await form.get_by_role("button", name="خرابی برطرف شد").click()
        assert await form.locator("[name=words]").input_value() == "خرابی شبکهٔ آب در محل شما برطرف شد."
        assert "nasazlıq" in await form.locator("[name=spoken]").input_value()
        await form.locator("[name=spoken]").fill("Su gəldi.")
        await screenshot(page, "casefile-spoken")
        assert await serious(page) == []
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=answer")
        await expect(page.locator(".facts")).to_contain_text("Su gəldi.")
        await screenshot(page, "casefile-spoken-given")
    case = await as_json.case_json(desk.panel.engine, code)
    assert case is not None and case["answer_spoken"] == "Su gəldi." and "برطرف شد" in case["answer"]
    seen = await desk.office.book.look_up("09141234567", code, WEDNESDAY)
    assert (seen.spoken, seen.answer) == ("Su gəldi.", case["answer"])
    visitor = await desk.panel.client()
    await visitor.get("/track")
    page_of_hers = await (await visitor.post("/track", {"code": code, "number": "09141234567"})).text()
    assert "برطرف شد" in page_of_hers and "Su gəldi" not in page_of_hers


async def test_members_of_a_collective_case_hear_its_answer_in_azerbaijani_though_a_persian_speaker_began_it(
    desk: Desk, chrome: Browser
) -> None:
    codes = [await desk.open(caller=f"0914765432{n}") for n in range(3)]
    async with desk.panel.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == codes[1]).values(language="az"))
    book, engine = await desk.office.book.page(), desk.panel.engine
    by = actor_named(book, "desk")
    one, other = [
        (await collecting.collect(engine, book, by, its, "آب محله قطع است", WEDNESDAY)).code
        for its in (codes[:2], codes[2:])
    ]
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{one}")
        await page.locator("[data-deed=answer]").click()
        form = page.locator("form.deed")
        await form.get_by_role("button", name="خرابی برطرف شد").click()
        assert await form.locator("[name=words]").input_value() == "خرابی شبکهٔ آب در محل شما برطرف شد."
        assert "nasazlıq" in await form.locator("[name=spoken]").input_value()
        await screenshot(page, "casefile-spoken-to-many")
        assert await serious(page) == []
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=answer")
        await page.goto(f"/panel/cases/{other}")
        await do(page, "answer", words="آب وصل شد.")  # Persian alone will do
    seen = [await desk.office.book.look_up(f"0914765432{n}", code, WEDNESDAY) for n, code in enumerate(codes)]
    heard = [
        script.heard(its.answer, its.spoken, language)
        for its, language in zip(seen, ("fa", "az", "fa"), strict=True)
    ]
    assert heard[0].startswith("خرابی") and "nasazlıq" in heard[1] and heard[2] == "آب وصل شد."


async def test_what_the_desk_ended_and_nobody_could_be_told_of_is_told_by_the_desk(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open(caller="", topic="other.other")
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.locator("[data-deed=answer]").click()
        await expect(page.locator("form.deed")).to_contain_text("نمی‌توان با این شهروند تماس گرفت")
        await page.locator("[data-deed=advise]").click()
        form = page.locator("form.deed[data-name=advise]")
        reason = form.locator("[name=reason]")
        await form.locator("[type=submit]").click()
        assert await reason.evaluate("its => its.validity.customError")
        await form.locator("[data-wording]").first.click()
        assert await reason.evaluate("its => its.validity.valid"), "a ready wording is as good as a typed one"
        await form.locator("[type=submit]").click()
        await page.wait_for_url("**?done=advise")
        await expect(page.locator(".notice", has_text="باخبر نیست")).to_be_visible()
        await screenshot(page, "casefile-untold")
        await do(page, "told", reason="نامه فرستاده شد")
        await expect(page.locator(".notice", has_text="باخبر نیست")).to_have_count(0)
        await expect(page.locator(".timeline")).to_contain_text("نامه فرستاده شد")


async def test_who_closes_a_case_says_that_she_was_told_otherwise_only_where_the_form_asked_for_it(
    desk: Desk,
) -> None:
    engine, code = desk.panel.engine, await desk.open()
    await answer_by(engine, code, "abfa", "آب وصل شد.", WEDNESDAY)
    client, ask = await desk.panel.signed_in("supervisor"), 'name="untold"'
    assert ask not in await client.text(f"/panel/cases/{code}?do=close")
    await dialled(engine, False, WEDNESDAY)  # meanwhile
    sent = {"reason": "کار تمام است"}
    refused = await client.post(f"/panel/cases/{code}/close", sent)
    text = await refused.text()
    assert refused.status == 422 and words()("refusal.untold") in text and ask in text
    assert (await client.post(f"/panel/cases/{code}/close", sent | {"untold": "1"})).status == 303


async def test_who_answers_a_part_is_not_told_that_nobody_can_call_about_it(desk: Desk) -> None:
    """It has no caller: the whole's citizen hears its answer."""
    whole, page = await desk.open(), await desk.office.book.page()
    ask = Instruction(whole, actor_named(page, "desk"), now=WEDNESDAY)
    named = [Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")]
    codes = await splitting.split(desk.panel.engine, page, ask, named)
    client = await desk.panel.signed_in("officer", agency="abfa")
    form = await client.text(f"/panel/cases/{codes[0]}?do=answer")
    assert 'data-name="answer"' in form and words()("casefile.nobody_called") not in form


async def test_what_the_desk_wrote_into_a_part_is_not_headed_as_the_citizen_s_words(desk: Desk) -> None:
    code, page = await desk.open(), await desk.office.book.page()
    ask = Instruction(code, actor_named(page, "desk"), now=WEDNESDAY)
    parts = [Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")]
    part, _ = await splitting.split(desk.panel.engine, page, ask, parts)
    client = await desk.panel.signed_in("supervisor")
    async with desk.panel.engine.begin() as connection:
        its = update(cases).where(cases.c.code == code)
        await connection.execute(its.values(words="کوچه خراب است"))
    for its_code, head, other in ((part, "شرح موضوع", "نوشتهٔ شهروند"), (code, "نوشتهٔ شهروند", "شرح موضوع")):
        shown = await client.text(f"/panel/cases/{its_code}")
        assert f'<h2 id="written">{head}</h2>' in shown and other not in shown


async def test_who_answers_in_a_language_that_is_spoken_no_more_is_told_that_nobody_is_called(
    desk: Desk,
) -> None:
    code = await desk.open()
    client, silent = await desk.panel.signed_in("officer", agency="abfa"), words()("casefile.nobody_called")
    assert silent not in await client.text(f"/panel/cases/{code}?do=answer")
    async with desk.panel.engine.begin() as connection:
        await connection.execute(update(cases).values(language="ku"))
    assert silent in await client.text(f"/panel/cases/{code}?do=answer")


async def test_a_mistake_in_the_file_of_ready_wordings_keeps_nobody_from_answering(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "answers.yaml").write_text("answers: [{name: done, text: '{colour}'}]")
    voices = desk.panel.panel.voices
    assert voices.studio is not None
    desk.panel.panel.voices = replace(voices, studio=replace(voices.studio, wordings=tmp_path))
    client = await desk.panel.signed_in("officer", agency="abfa")
    form = await client.text(f"/panel/cases/{await desk.open()}?do=answer")
    assert 'data-name="answer"' in form and "data-wording" not in form
    assert "answers.yaml:1" in caplog.text


async def test_only_what_role_and_status_permit_is_offered(desk: Desk) -> None:
    code = await desk.open()
    roles = ("operator", "supervisor", "officer", "governor", "auditor")
    seen = {role: await offers(await desk.panel.signed_in(role), code) for role in roles}
    assert seen["operator"] == seen["auditor"] == set()
    assert seen["governor"] == {"order", "remind", "ask-report"}
    assert seen["officer"] == {"accept", "answer", "onward", "return", "pause", "hand"}
    desks = {"refer", "rule", "topic", "merge", "split", "withdraw", "advise", "answer", "pause"}
    desks |= {"confide", "contact"}
    assert seen["supervisor"] == desks
    assert (await (await desk.panel.signed_in("admin")).get(f"/panel/cases/{code}")).status == 403


async def test_a_wrong_number_is_put_right_on_the_page_by_the_supervisor_alone(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    for role in ("operator", "officer", "governor"):
        answer = await (await desk.panel.signed_in(role)).post(
            f"/panel/cases/{code}/contact", {"callback": "09120000001"}
        )
        assert answer.status == 403, role
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.locator("[data-deed=contact]").click()
        form = page.locator("form.deed[data-name=contact]")
        await expect(form.locator("[name=caller]")).to_have_count(0)
        await form.locator("[name=callback]").fill("۰۹۱۲")
        await form.locator("[name=national_id]").fill("۰۰۱۲۳۴۵۶۷۹")
        await form.locator("button[type=submit]").click()
        await expect(form.locator(".wrong")).to_contain_text("با این شماره نمی‌توان تماس گرفت")
        await expect(form.locator("[name=national_id]")).to_have_value("۰۰۱۲۳۴۵۶۷۹")
        await form.locator("[name=callback]").fill("۰۹۱۲ ۰۰۰ ۰۰۰۱")
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=contact")
        story = await page.locator(".timeline").inner_text()
    assert "شمارهٔ تماس و کد ملی شهروند که نادرست نوشته شده بود اصلاح شد" in story
    async with desk.panel.engine.connect() as connection:
        its = (await connection.execute(select(cases).where(cases.c.code == code))).one()
        noted = (await connection.execute(select(audit).where(audit.c.action == "contact_corrected"))).one()
    assert (its.callback, its.national_id, its.caller) == ("+989120000001", "0012345679", "09141234567")
    assert noted.person_id is not None and noted.case_id == its.id


async def test_what_is_split_waits_for_its_parts_and_is_neither_answered_nor_handed_back(desk: Desk) -> None:
    whole, page = await desk.open(), await desk.office.book.page()
    ask = Instruction(whole, actor_named(page, "desk"), now=WEDNESDAY)
    named = [Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")]
    codes = await splitting.split(desk.panel.engine, page, ask, named)
    supervisor, governor = await desk.panel.signed_in("supervisor"), await desk.panel.signed_in("governor")
    assert await offers(supervisor, whole) == {
        "topic",
        "pause",
        "split",
        "withdraw",
        "confide",
        "contact",
        "hand",
    }
    for part, code in zip(named, codes, strict=True):
        by = Instruction(code, actor_named(page, part.agency), now=WEDNESDAY)
        await answers.give(desk.panel.engine, page, by, "درست شد")
    assert {"answer", "close", "reopen"} <= await offers(supervisor, whole)
    assert ["hand-back" in await offers(governor, code) for code in (whole, codes[0])] == [False, True]


async def test_the_whole_s_page_tells_of_each_part_who_has_it_how_it_stands_and_until_when(
    desk: Desk, chrome: Browser
) -> None:
    whole, page, engine = await desk.open(), await desk.office.book.page(), desk.panel.engine
    named = [Part(body, "آسفالت") for body in ("abfa", "shahrdari_ahar", "gas", "edu")]
    ask = Instruction(whole, actor_named(page, "desk"), now=WEDNESDAY)
    codes = await splitting.split(engine, page, ask, named)
    done = Instruction(codes[0], actor_named(page, "abfa"), now=WEDNESDAY)
    await answers.give(engine, page, done, "درست شد")
    late = update(cases).where(cases.c.code == codes[1])
    async with engine.begin() as connection:
        await connection.execute(late.values(due_at=WEDNESDAY - timedelta(days=8)))
    paused = Instruction(codes[2], actor_named(page, "desk"), "زمستان", WEDNESDAY)
    await pausing.pause(engine, page, paused, 2)
    needless = Instruction(codes[3], actor_named(page, "desk"), "لازم نیست", WEDNESDAY)
    await closing.withdraw(engine, page, needless)
    officer = await desk.panel.signed_in("officer", agency="abfa")
    assert (await officer.get(f"/panel/cases/{whole}")).status == 404
    async with engine.connect() as connection:
        bodies = (await casefile.names(connection)).agencies
    for dark, size in ((False, WIDE), (True, PHONE)):
        async with window(chrome, desk.panel, "supervisor", dark=dark, size=size) as view:
            await view.goto(f"/panel/cases/{whole}")
            told = [await view.locator(".parts li", has_text=digits(code)).inner_text() for code in codes]
            for part, line in zip(named, told, strict=True):
                assert bodies[part.agency] in line, line
            assert "پاسخ" in told[0] and "منتظر شهروند" in told[0]
            assert "معوق" in told[1] and "مهلت ۲۶ آبان ۱۴۰۵" in told[1]
            assert "مهلت متوقف" in told[2] and "مهلت" not in told[3]
            assert await view.evaluate("document.documentElement.scrollWidth") <= size["width"]
            assert not await serious(view)
            await screenshot(view, f"casefile-parts-{size['width']}")


async def test_the_whole_s_page_asks_no_more_of_the_database_for_more_parts(desk: Desk) -> None:
    page, engine = await desk.office.book.page(), desk.panel.engine
    client, asked, counted = await desk.panel.signed_in("supervisor"), list[str](), list[int]()
    listen(engine.sync_engine, "before_cursor_execute", lambda *its: asked.append(its[2]))
    for bodies in (("abfa", "gas"), ("abfa", "gas", "edu", "shahrdari_ahar", "tamin")):
        whole = await desk.open()
        ask = Instruction(whole, actor_named(page, "desk"), now=WEDNESDAY)
        await splitting.split(engine, page, ask, [Part(body, "آسفالت") for body in bodies])
        await client.text(f"/panel/cases/{whole}")  # the first look of a case is noted
        asked.clear()
        _, _, told = (await client.text(f"/panel/cases/{whole}")).partition('class="card parts"')
        assert told.partition("</section>")[0].count('class="kin"') == len(bodies)
        counted.append(len(asked))
    assert counted[0] == counted[1]


async def test_what_forgot_whose_it_is_is_not_opened_again(desk: Desk) -> None:
    code, page, engine = await desk.open(), await desk.office.book.page(), desk.panel.engine
    by = Instruction(code, actor_named(page, "desk"), "خودش منصرف شد", WEDNESDAY)
    await closing.withdraw(engine, page, by)
    supervisor = await desk.panel.signed_in("supervisor")
    assert "reopen" in await offers(supervisor, code)
    async with engine.begin() as connection:  # as retention does
        await connection.execute(update(cases).values(caller="", caller_key="", anonymised_at=WEDNESDAY))
    assert "reopen" not in await offers(supervisor, code)


async def test_what_a_collective_case_is_answered_with_is_not_handed_back_and_what_is_returned_is(
    desk: Desk,
) -> None:
    codes, page = [await desk.open(caller=f"0914765432{n}") for n in range(2)], await desk.office.book.page()
    by, engine = actor_named(page, "desk"), desk.panel.engine
    whole = (await collecting.collect(engine, page, by, codes, "آب محله قطع است", WEDNESDAY)).code
    await answers.give(engine, page, Instruction(whole, actor_named(page, "abfa"), now=WEDNESDAY), "وصل شد")
    governor = await desk.panel.signed_in("governor")
    assert ["hand-back" in await offers(governor, code) for code in (whole, codes[0])] == [False, False]
    await closing.reopen(engine, page, Instruction(whole, by, "هنوز قطع است", WEDNESDAY))
    back = Instruction(whole, actor_named(page, "abfa"), "از ما نیست", WEDNESDAY)
    await referring.give_back(engine, page, back)
    assert ["hand-back" in await offers(governor, code) for code in (whole, codes[0])] == [True, False]


async def test_only_the_office_may_stop_the_clock_of_an_order(desk: Desk) -> None:
    page = await desk.office.book.page()
    ask = Instruction(await desk.open(), actor_named(page, "desk"), now=WEDNESDAY)
    order = MeetingOrder("abfa", "آب وصل شود", date(2026, 12, 8))
    [code] = await order_giving.give(desk.panel.engine, page, ask, [order])
    officer, desks = await desk.panel.signed_in("officer"), await desk.panel.signed_in("supervisor")
    assert await offers(officer, code) == {"accept", "answer", "onward", "return", "hand"}
    assert "pause" in await offers(desks, code)


async def test_a_body_is_offered_no_pause_of_a_deadline_that_it_has_missed(desk: Desk) -> None:
    code = await desk.open()
    assert "pause" in await offers(await desk.panel.signed_in("officer"), code)
    async with desk.panel.engine.begin() as connection:
        due = select(cases.c.due_at).where(cases.c.code == code)
        desk.panel.clock.now = (await connection.execute(due)).scalar_one()
    assert "pause" not in await offers(await desk.panel.signed_in("officer"), code)
    assert "pause" in await offers(await desk.panel.signed_in("supervisor"), code)


async def test_a_case_is_split_and_several_are_collected(desk: Desk, chrome: Browser) -> None:
    whole = await desk.open()
    one, two = await desk.open(caller="09147654321"), await desk.open(caller="09143334444")
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{whole}")
        await page.locator("[data-deed=split]").click()
        form = page.locator("form.deed")
        await form.locator("[name=part_agency]").nth(0).select_option("abfa")
        await form.locator("[name=part_words]").nth(0).fill("لوله را عوض کند")
        await form.locator("button[type=submit]").click()
        await expect(page.get_by_role("alert")).to_contain_text("پرونده به ۲ تا ۸ بخش می‌شود")
        assert await form.locator("[name=part_words]").nth(0).input_value() == "لوله را عوض کند"
        await form.locator("[name=part_agency]").nth(1).select_option("shahrdari_tabriz")
        await form.locator("[name=part_words]").nth(1).fill("کوچه را آسفالت کند")
        await screenshot(page, "casefile-split")
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=split")
        part = page.locator(".parts", has_text="بخش‌های جداشده").locator("a")
        await expect(part).to_have_count(2)
        await page.goto(f"/panel/cases/{one}")
        await page.locator("[data-deed=collect]").click()
        await form.locator(f"[name=members][value='{two}']").check()
        await form.locator("[name=about]").fill("آب محله قطع است")
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=collect")
        await expect(page.locator(".notice", has_text="عضو پروندهٔ جمعی")).to_be_visible()
        offered = await page.locator("[data-deed]").evaluate_all("all => all.map((x) => x.dataset.deed)")
        assert set(offered) == {"release", "merge", "withdraw", "confide", "contact"}
        await do(page, "release", reason="موضوعش جداست")
    async with desk.panel.engine.connect() as connection:
        joined = (
            await connection.execute(select(cases.c.code).where(cases.c.member_of.is_not(None)))
        ).scalars()
    assert set(joined) == {two}


async def test_who_moves_a_collective_case_is_told_which_of_its_members_holds_it(desk: Desk) -> None:
    ruled, other = await desk.open(), await desk.open(caller="09147654321")
    book, engine = await desk.office.book.page(), desk.panel.engine
    asking = Instruction(ruled, actor_named(book, "desk"), "ماده ۵", WEDNESDAY)
    await referring.rule(engine, book, asking, "tamin")
    whole = await collecting.collect(engine, book, asking.actor, [ruled, other], "آب قطع است", WEDNESDAY)
    client = await desk.panel.signed_in("supervisor")
    refused = await client.post(f"/panel/cases/{whole.code}/refer", {"agency": "abfa"})
    assert refused.status == 422
    assert words()("refusal.member_held", code=digits(ruled)) in await refused.text()


async def test_who_collects_is_told_what_a_colleague_did_meanwhile(desk: Desk) -> None:
    own, other = await desk.open(), await desk.open(caller="09147654321")
    book, engine = await desk.office.book.page(), desk.panel.engine
    client = await desk.panel.signed_in("supervisor")
    sent = {"members": other, "about": "آب محله قطع است", "seen": "2"}
    accepting = Instruction(own, actor_named(book, "abfa"), "", WEDNESDAY)
    await referring.accept(engine, book, accepting)
    refused = await client.post(f"/panel/cases/{own}/collect", sent)
    assert refused.status == 422 and "تغییر کرده" in await refused.text()
    assert (await client.post(f"/panel/cases/{own}/collect", sent | {"seen": "3"})).status == 303


async def test_of_many_members_some_are_named_and_the_others_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [await desk.open(caller=f"0914765432{n}") for n in range(3)]
    book = await desk.office.book.page()
    by, engine = actor_named(book, "desk/karimi"), desk.panel.engine
    done = await collecting.collect(engine, book, by, codes, "آب محله قطع است", WEDNESDAY)
    client = await desk.panel.signed_in("supervisor")
    others = words()("casefile.kin.more", n="۱")
    assert others not in await client.text(f"/panel/cases/{done.code}")
    monkeypatch.setattr(casefile, "KIN_NAMED", 2)
    page = await client.text(f"/panel/cases/{done.code}")
    [shown] = [line for line in page.splitlines() if others in line]
    assert [digits(code) in shown for code in sorted(codes)] == [True, True, False]
    assert done.code in await client.text(f"/panel/cases/{codes[0]}")


async def test_a_case_is_put_into_no_hands_of_who_does_not_see_it(desk: Desk) -> None:
    code = await desk.open(county="ahar")
    officer = await desk.panel.signed_in("officer")
    here, elsewhere = [await desk.panel.person("officer", areas=(county,)) for county in ("ahar", "tabriz")]
    path = f"/panel/cases/{code}/hand"
    refused = await officer.post(path, {"person": str(elsewhere.id)})
    assert refused.status == 422 and "این همکار پروندهٔ" in await refused.text()
    assert (await officer.post(path, {"person": str(here.id)})).status == 303


async def test_a_case_goes_into_other_hands_or_nobody_s_only_where_that_was_chosen(
    desk: Desk, chrome: Browser
) -> None:
    code, engine = await desk.open(), desk.panel.engine
    colleague = await desk.panel.person("officer", "abfa")

    async def hands() -> tuple[UUID | None, int]:
        its = select(cases.c.person_id, cases.c.last_seq).where(cases.c.code == code)
        async with engine.connect() as connection:
            hers = (await connection.execute(its)).one()
        return hers.person_id, hers.last_seq

    async with window(chrome, desk.panel, "officer", agency="abfa") as page:
        await page.goto(f"/panel/cases/{code}")
        for chosen in (str(colleague.id), "nobody"):
            await page.locator("[data-deed=hand]").click()
            before, form = await hands(), page.locator("form.deed[data-name=hand]")
            await expect(form).to_be_visible()
            await expect(form.locator("[value=nobody]")).to_have_count(int(before[0] is not None))
            await form.locator("button[type=submit]").click()
            await expect(form.locator("select")).to_be_focused()
            assert await form.locator("select").input_value() == "" and await hands() == before
            assert not await serious(page)
            await form.locator("select").select_option(chosen)
            await form.locator("button[type=submit]").click()
            await page.wait_for_url("**?done=hand")
            await page.goto(f"/panel/cases/{code}")
            assert (await hands())[0] == (colleague.id if chosen != "nobody" else None)
    officer, path = await desk.panel.signed_in("officer", agency="abfa"), f"/panel/cases/{code}/hand"
    assert (await officer.post(path, {"person": str(colleague.id)})).status == 303
    for _ in "twice":
        refused = await officer.post(path, {"person": ""})
        assert refused.status == 422 and words()("common.form.not_among") in await refused.text()
    assert (await hands())[0] == colleague.id


async def test_another_agencys_case_is_not_there(desk: Desk) -> None:
    code = await desk.open()
    other = await desk.panel.signed_in("officer", agency="edu")
    for path in ("", "/form/answer", "/answer-voice", f"/voice/{'0' * 64}"):
        assert (await other.get(f"/panel/cases/{code}{path}")).status == 404, path
    await other.get("/panel/account")
    for deed in DEEDS:
        answer = await other.post(f"/panel/cases/{code}/{deed.name}", {"reason": "چون"})
        assert answer.status in {403, 404}, deed.name
    for path in ("speak", "reveal", "voice"):
        assert (
            await other.post(f"/panel/cases/{code}/{path}", {"words": "x", "what": "caller"})
        ).status == 404
    assert await status(desk, code) == ("referred", "abfa")


async def test_what_they_may_not_see_is_neither_collected_nor_named_as_anothers(desk: Desk) -> None:
    own = await desk.open(county="tabriz")
    other = await desk.open(caller="09147654321", county="ahar")
    client = await desk.panel.signed_in("supervisor", areas=("tabriz",))
    assert (await client.get(f"/panel/cases/{other}")).status == 404
    for deed, field in (("collect", "members"), ("collect", "collective"), ("merge", "into")):
        sent = {"about": "آب محله قطع است", "reason": "یک موضوع است", field: other}
        unknown = {**sent, field: code_for(987654, bytes(KEY_BYTES))}
        answers = [await client.post(f"/panel/cases/{own}/{deed}", each) for each in (sent, unknown)]
        assert [each.status for each in answers] == [422, 422], field
        for answer in answers:
            assert words()("inbox.no_case") in await answer.text(), field
    async with desk.panel.engine.connect() as connection:
        made = await connection.execute(select(cases.c.code).where(cases.c.channel == "collective"))
        assert not made.all()
    assert await status(desk, other) == await status(desk, own) == ("referred", "abfa")


async def test_a_reason_that_is_too_long_comes_back_and_nothing_is_done_without_it(desk: Desk) -> None:
    code, reason = await desk.open(), "قبض گاز است " * 100
    client = await desk.panel.signed_in("supervisor")
    answer = await client.post(f"/panel/cases/{code}/refer", {"agency": "gas", "reason": reason})
    assert answer.status == 422 and reason in await answer.text()
    assert await status(desk, code) == ("referred", "abfa")


async def test_a_case_of_a_retired_topic_is_offered_its_own_and_the_live_ones(desk: Desk) -> None:
    code, why = await desk.open(), Why((await desk.panel.person("admin")).actor)
    for topic in ("water.supply", "water.bill"):
        async with desk.panel.engine.connect() as connection:
            values = (await BY_NAME["topic"].rows(connection))[topic]
        await change(desk.panel.engine, why, wish(BY_NAME["topic"], values | {"retired": "yes"}))
    await desk.panel.panel.book.load()
    client = await desk.panel.signed_in("supervisor")
    page = await client.text(f"/panel/cases/{code}?do=topic")
    assert 'value="water.supply" selected' in page and 'value="water.sewage"' in page
    assert 'value="water.bill"' not in page


async def test_numbers_are_masked_and_revealing_takes_a_reason_that_is_seen(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open(caller="09141234567", national_id="0013542419", callback="04133334444")
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        whole = await page.content()
        for hidden in ("1234567", "۱۲۳۴۵۶۷", "0013542419", "33334444", "۳۳۳۳۴۴۴۴"):
            assert hidden not in whole
        await page.locator("#masked-caller [data-opens]").click()
        await page.locator("#reveal-caller [name=reason]").fill("تماس با شهروند")
        await page.locator("#reveal-caller button.main").click()
        await expect(page.locator("[data-revealed=caller]")).to_have_text("۰۹۱۴۱۲۳۴۵۶۷")
        await expect(page.locator("[data-revealed=caller]")).to_be_focused()
        await page.locator(".seen summary").click()
        await expect(page.locator(".seen")).to_contain_text("شمارهٔ تماس را دید")
        await expect(page.locator(".seen")).to_contain_text("تماس با شهروند")
    async with desk.panel.engine.connect() as connection:
        rows = (await connection.execute(select(audit.c.action, audit.c.reason).order_by(audit.c.id))).all()
    assert ("caller_revealed", "تماس با شهروند") in {(row.action, row.reason) for row in rows}
    client = await desk.panel.signed_in("supervisor")
    assert (await client.post(f"/panel/cases/{code}/reveal", {"what": "caller", "reason": "-"})).status == 422
    operator = await desk.panel.signed_in("operator")
    assert (
        await operator.post(f"/panel/cases/{code}/reveal", {"what": "caller", "reason": "چون"})
    ).status == 403


async def test_markup_in_a_name_and_in_words_stays_text(desk: Desk, chrome: Browser) -> None:
    code = await desk.open(name=MARKUP)
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await do(page, "topic", county="tabriz", reason=MARKUP)
        await expect(page.locator(".facts")).to_contain_text("<script>")
        await expect(page.locator(".timeline")).to_contain_text("<img src=x")
        assert await page.locator("main img, main script").count() == 0
        assert "صدا ۱۱۱" in await page.title()


async def test_the_page_shows_whatever_is_known_of_the_place(desk: Desk) -> None:
    code, at = await desk.open(), desk.panel
    client = await at.signed_in("officer", agency="abfa")
    point = {"latitude": 38.4772, "longitude": 47.069}
    shown = '<bdi dir="ltr">۳۸.۴۷۷۲, ۴۷.۰۶۹</bdi>'
    for place, seen in (
        (point, [shown]),
        ({"latitude": 0.0, "longitude": 0.0}, ["۰.۰, ۰.۰"]),
        ({"address_id": "A-4711"}, ["شناسهٔ نشانی نزد فرستنده <bdi>A-4711</bdi>"]),
        (point | {"address": "اهر، کوچهٔ مهر", "address_id": "7"}, ["اهر، کوچهٔ مهر", shown, "<bdi>7</bdi>"]),
    ):
        async with at.engine.begin() as connection:
            await connection.execute(update(cases).where(cases.c.code == code).values(place=place))
        page = await client.text(f"/panel/cases/{code}")
        assert "<dt>نشانی</dt>" in page and all(each in page for each in seen), place
    for nothing in (None, {}, {"address": ""}):
        async with at.engine.begin() as connection:
            await connection.execute(update(cases).where(cases.c.code == code).values(place=nothing))
        assert "<dt>نشانی</dt>" not in await client.text(f"/panel/cases/{code}"), nothing


async def test_words_written_down_at_the_desk_suggest_an_agency_that_a_button_assigns(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open(topic="other", county="ahar")
    await LEARNING.suggester()  # a second's work, whoever comes first
    assert await status(desk, code) == ("referred", "gov_inspection")
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.locator(".writing summary").click()
        await page.locator(".writing textarea").fill(
            "سه روز است آب نداریم، شیر را باز می‌کنیم آب نمی‌آید، فشار آب صفر است"
        )
        await page.locator(".writing button").click()
        guesses = page.locator(".guess")
        await expect(guesses.first).to_contain_text("شرکت آب و فاضلاب")
        assert not [each for each in await guesses.all_inner_texts() if "\n۰" in each], "0 % says nothing"
        await screenshot(page, "casefile-suggested")
        await guesses.first.get_by_role("button", name="ارجاع").click()
        await page.wait_for_url("**?done=refer")
    assert await status(desk, code) == ("referred", "abfa")


async def test_words_are_written_down_where_nothing_can_be_learned(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with desk_served(engine, tmp_path, learning=nothing_learned(tmp_path)) as desk:
        code = await desk.open(topic="other", county="ahar")
        [recording] = await desk.recordings(code)
        client = await desk.panel.signed_in("supervisor")
        path = f"/panel/recordings/{recording}/transcript"
        assert (await client.post(path, {"transcript": "سه روز است آب نداریم"})).status == 303
        assert "سه روز است آب نداریم" in await client.text(f"/panel/cases/{code}")


async def test_related_cases_are_those_that_may_be_seen(desk: Desk) -> None:
    first = await desk.open(caller="09141234567")
    same_caller = await desk.open(caller="09141234567", topic="education.school", county="tabriz")
    same_matter = await desk.open(caller="09147654321")
    client = await desk.panel.signed_in("supervisor")
    text = await client.text(f"/panel/cases/{first}")
    assert f"/panel/cases/{first}/letters/referral.pdf" in text and "letters/escalation.pdf" not in text
    assert f"/panel/cases/{same_caller}" in text and f"/panel/cases/{same_matter}" in text
    officer = await desk.panel.signed_in("officer", agency="abfa")
    text = await officer.text(f"/panel/cases/{first}")  # sees of it what is theirs
    assert f"/panel/cases/{same_caller}" not in text and f"/panel/cases/{same_matter}" in text


async def test_who_called_without_a_number_is_not_known_by_the_one_given_for_the_answer(desk: Desk) -> None:
    first = await desk.open(caller="09141234567", topic="education.school", county="tabriz")
    withheld = await desk.open(caller="", callback="09141234567")
    client = await desk.panel.signed_in("supervisor")
    assert f"/panel/cases/{withheld}" not in await client.text(f"/panel/cases/{first}")
    assert f"/panel/cases/{first}" not in await client.text(f"/panel/cases/{withheld}")


async def test_the_page_in_the_dark_on_a_phone_and_for_everybody(desk: Desk, chrome: Browser) -> None:
    code = await desk.open(name=MARKUP)
    for name, options in (("light", {}), ("dark", {"dark": True}), ("phone", {"size": PHONE})):
        async with window(chrome, desk.panel, "supervisor", **options) as page:
            await page.goto(f"/panel/cases/{code}?do=answer")
            await page.wait_for_selector("[data-drawn]")
            await page.locator(".path summary").click()
            await screenshot(page, f"casefile-{name}")
            assert not await serious(page)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def told_events() -> Iterator[str]:
    """Every event that the desk's code tells by name."""
    for path in (ROOT / "ivr/desk").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = {"add_event": 4, "event_row": 4, "tell": 0, "Told": 2}.get(name)
            if place is None or len(node.args) <= place:
                continue
            for part in ast.walk(node.args[place]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value
                elif isinstance(part, ast.Name) and part.id in named:
                    yield str(named[part.id])


def test_every_event_has_its_words() -> None:
    told = (
        set(told_events()) | set(EVENTS.values()) | {"escalated", "reminded", "words_added", "words_replaced"}
    )
    assert {"opened", "referred", "retimed", "rated", "transcribed"} <= told
    assert not told - {key.split(".")[0] for key in words().under("casefile.event")}


def test_every_outcome_of_a_call_of_ours_has_its_words() -> None:
    assert {str(outcome) for outcome in Outcome} <= set(words().under("casefile.attempt"))


async def test_of_calls_in_a_row_that_did_not_leave_us_the_story_tells_the_first_and_the_last(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    put_off, busy = Outcome.NOT_SENT, Outcome.BUSY
    for hours, outcome in enumerate([put_off, put_off, put_off, put_off, busy, put_off]):
        now = NOON + timedelta(hours=hours)
        await end(engine, await claim(engine, now), outcome, now)
    file = await casefile.read(engine, Scope(), code)
    assert file is not None
    told = [(each.at - NOON, each.outcome) for each in file.attempts]
    told_of = [(0, put_off), (3, put_off), (4, busy), (5, put_off)]
    assert told == [(timedelta(hours=hours), outcome) for hours, outcome in told_of]


async def test_who_stepped_into_our_call_to_her_stands_in_the_story(desk: Desk, tmp_path: Path) -> None:
    engine, she = desk.panel.engine, await desk.panel.person("supervisor")
    code = await answered(engine, tmp_path)
    ours = await picked_up(engine, tmp_path / "ours")
    await desk.panel.token_of(she)
    taken = await interventions.begin(engine, ours, Intervening.TAKE, she, "گریه می‌کند", NOON)
    await interventions.redeem(engine, taken.code, NOON)
    file = await casefile.read(engine, Scope(), code)
    assert file is not None
    told = [line for line in Teller(words(), file).story() if line.kind == "intervention"]
    assert [(line.who, line.at) for line in told] == [("مریم کریمی", NOON)]
    assert ours not in {each.id for each in file.calls}


def refused_sentences() -> Iterator[tuple[str, str]]:
    """Every refusal that something done with a case on its page can meet."""
    names = ("change", "transaction", "referring", "closing", "pausing", "answers", "precedents", "family",
             "splitting", "collecting", "assigning", "discretion", "contact")  # fmt: skip
    files = [ROOT / f"ivr/desk/case/{name}.py" for name in names]
    files += [ROOT / f"ivr/desk/recordings/{name}.py" for name in ("marks", "transcripts")]
    for path in (*files, ROOT / "ivr/cases/transitions.py", ROOT / "ivr/cases/clock.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in {
                "Refused",
                "NoSuchCase",
            }:
                continue
            told = node.args[0]
            parts = told.values if isinstance(told, ast.JoinedStr) else [told]
            yield path.name, "".join(str(p.value) if isinstance(p, ast.Constant) else "1" for p in parts)


def test_every_refusal_has_its_sentence() -> None:
    elsewhere = ("precedent", "no precedent")  # rulings are revoked on another page
    found = [
        (name, sentence)
        for name, sentence in refused_sentences()
        if not any(w in sentence for w in elsewhere)
    ]
    assert len(found) > 25
    for name, sentence in found:
        assert refusals.key_of(sentence) != refusals.USUAL, (name, sentence)
    assert set(refusals.FORMS) | {refusals.USUAL} == set(words().under("refusal"))


async def test_the_story_names_people_and_bodies_as_people_do(desk: Desk) -> None:
    code = await desk.open()
    officer = await desk.panel.signed_in("officer", agency="abfa")
    await officer.post(f"/panel/cases/{code}/return", {"reason": "از ما نیست"})
    file = await casefile.read(desk.panel.engine, Scope(), code)
    assert file is not None
    latest: Any = Teller(words(), file).story()[0]
    assert latest.who == "مریم کریمی، شرکت آب و فاضلاب آذربایجان شرقی" and latest.reason == "از ما نیست"
    assert latest.text == "شرکت آب و فاضلاب آذربایجان شرقی آن را برگرداند: از آنِ ما نیست"
    path = Teller(words(), file).path(file.calls[0])
    assert [(step.after, step.key) for step in path[:3]] == [(6.0, "1"), (14.0, "1"), (25.0, "11")]
    assert path[-1].note == "قطع کرد" and all("caller" not in step.text for step in path)


async def test_the_hour_of_a_slot_is_told_by_the_province_s_clock(desk: Desk) -> None:
    code = await desk.open()
    invited = {"session": 1, "slot": 3, "at": "2026-12-01T08:00:00+00:00"}
    async with desk.panel.engine.begin() as connection:
        case = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        await add_event(connection, uuid4(), case, WEDNESDAY, "meeting_invite", invited, "desk")
    file = await casefile.read(desk.panel.engine, Scope(), code)
    assert file is not None
    assert any("۱۱:۳۰" in line.text for line in Teller(words(), file).story())


async def test_what_a_duplicate_brought_along_stands_in_the_story(desk: Desk) -> None:
    old, engine = await desk.open(), desk.panel.engine
    young, last = await desk.open(), await desk.open()
    async with engine.begin() as connection:
        older = update(cases).where(cases.c.code == old)
        await connection.execute(older.values(level="head", due_at=cases.c.due_at - timedelta(days=2)))
    page, by = await desk.office.book.page(), Actor("desk", Side.DESK)
    for code, into, said in (
        (old, young, "مهلت آن نزدیک‌تر بود و پیش‌تر به رئیس دستگاه رسیده بود"),
        (last, young, f"پروندهٔ تکراری {digits(last)} در این ادغام شد"),
    ):
        await closing.merge(engine, page, Instruction(code, by, "همان تماس", WEDNESDAY), into)
        file = await casefile.read(engine, Scope(), into)
        assert file is not None
        assert said in Teller(words(), file).story()[0].text


async def test_why_a_neighbour_s_number_is_that_of_his_case_no_more_stands_in_the_story(desk: Desk) -> None:
    code = await desk.open()
    taken = {"given": [], "taken_back": ["callback"], "duplicate": "1234567894"}
    async with desk.panel.engine.begin() as connection:
        case = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        await add_event(connection, uuid4(), case, WEDNESDAY, "contact_given", taken, "citizen")
    file = await casefile.read(desk.panel.engine, Scope(), code)
    assert file is not None
    told = [line.text for line in Teller(words(), file).story() if line.kind == "contact_given"]
    assert told[0].startswith(f"کد ملی نشان داد که پروندهٔ {digits('1234567894')} از شخص دیگری است")


@pytest.mark.parametrize("actor", ["desk", "citizen"])
async def test_of_a_topic_that_made_a_case_another_kind_the_story_says_which(desk: Desk, actor: str) -> None:
    code = await desk.open()
    details = {"before": ["water.supply", "ahar"], "topic": "other.other", "county": "ahar"}
    async with desk.panel.engine.begin() as connection:
        case = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        for more in ({}, {"kind": "meeting"}):
            its = (connection, uuid4(), case, WEDNESDAY, "topic_changed", details | more, actor)
            await add_event(*its)
    file = await casefile.read(desk.panel.engine, Scope(), code)
    assert file is not None
    its_kind, alone = [line.text for line in Teller(words(), file).story() if line.kind == "topic_changed"]
    assert its_kind == f"{alone}؛ نوع پرونده از این پس «{words()('common.kind.meeting')}» است"


NEARER, REACHED = "نزدیک‌تر", "به رئیس دستگاه رسیده بود"
LATER = {"due_before": "2026-12-02T00:00:00+03:30", "due_at": "2026-12-01T21:30:00+00:00"}
SOONER = {"due_before": LATER["due_at"], "due_at": LATER["due_before"]}


@pytest.mark.parametrize("event", ["duplicate_merged", "collected"])
@pytest.mark.parametrize(
    ("brought", "said", "unsaid"),
    [
        (SOONER, [NEARER], [REACHED]),
        (SOONER | {"level": "head"}, [NEARER, REACHED], []),
        (LATER | {"level": "head"}, [REACHED], [NEARER]),
    ],
)
async def test_a_duplicate_or_a_member_made_a_case_due_sooner_only_where_it_is(
    desk: Desk, event: str, brought: dict[str, str], said: list[str], unsaid: list[str]
) -> None:
    code = await desk.open()
    async with desk.panel.engine.begin() as connection:
        case = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        await add_event(connection, uuid4(), case, WEDNESDAY, event, brought, "desk")
    file = await casefile.read(desk.panel.engine, Scope(), code)
    assert file is not None
    [text] = [line.text for line in Teller(words(), file).story() if line.kind == event]
    assert all(each in text for each in said) and not any(each in text for each in unsaid)


@pytest.mark.parametrize(
    ("is_answered", "ending"),
    [
        (True, "همهٔ شهروندان این پروندهٔ جمعی به پایان رسید"),
        (False, "دیگر هیچ شهروندی در این پروندهٔ جمعی نمانده بود"),
    ],
)
async def test_why_a_collective_case_ended_by_itself_is_told_in_persian_alone(
    desk: Desk, is_answered: bool, ending: str
) -> None:
    code, page, engine = await desk.open(), await desk.office.book.page(), desk.panel.engine
    whole = (await collecting.collect(engine, page, actor_named(page, "desk"), [code], "آب", WEDNESDAY)).code
    if is_answered:
        await answers.give(engine, page, Instruction(whole, actor_named(page, "abfa"), now=WEDNESDAY), "شد")
    end = closing.close if is_answered else closing.withdraw
    await end(engine, page, Instruction(code, actor_named(page, "citizen"), now=WEDNESDAY))
    assert await collecting.settle(engine, page, WEDNESDAY) == 1
    file = await casefile.read(engine, Scope(), whole)
    assert file is not None
    latest: Any = Teller(words(), file).story()[0]
    assert ending in latest.text and latest.reason == ""


async def test_that_it_went_to_no_retired_body_stands_in_the_story(desk: Desk) -> None:
    code = await desk.open()
    client = await desk.panel.signed_in("supervisor")
    await client.post(f"/panel/cases/{code}/withdraw", {"reason": "شهروند منصرف شد"})
    async with desk.panel.engine.begin() as connection:
        gone = update(agencies).where(agencies.c.code == "abfa").values(retired_at=WEDNESDAY)
        await connection.execute(gone)
    await desk.panel.panel.book.load()
    answer = await client.post(f"/panel/cases/{code}/reopen", {"reason": "باز زنگ زد"})
    assert answer.status == 303
    file = await casefile.read(desk.panel.engine, Scope(), code)
    assert file is not None
    latest: Any = Teller(words(), file).story()[0]
    assert "شرکت آب و فاضلاب آذربایجان شرقی دیگر پرونده نمی‌گیرد" in latest.text


async def test_what_is_handed_back_away_from_its_body_is_not_said_to_be_back_there(desk: Desk) -> None:
    code, engine = await desk.open(), desk.panel.engine
    async with engine.connect() as connection:
        page = await read_page(connection)
    by = Actor("desk", Side.DESK)
    abfa = Actor("abfa", Side.AGENCY, "abfa")
    await answers.give(engine, page, Instruction(code, abfa, now=WEDNESDAY), "انجام شد")
    await confiding.confide(engine, page, Instruction(code, by, "می‌ترسد", WEDNESDAY), Secrecy())
    await answers.hand_back(engine, page, Instruction(code, by, "پاسخ نیست", WEDNESDAY))
    file = await casefile.read(engine, Scope(), code)
    assert file is not None
    latest: Any = Teller(words(), file).story()[0]
    assert latest.text.startswith("پاسخ کافی نبود و پرونده نزد ") and "بازرسی" in latest.text


async def test_the_story_says_whose_a_case_was_before_the_desk_advised(desk: Desk) -> None:
    code, engine = await desk.open(), desk.panel.engine
    async with engine.connect() as connection:
        page = await read_page(connection)
    await closing.advise(engine, page, Instruction(code, Actor("desk", Side.DESK), "به دادگاه", WEDNESDAY))
    file = await casefile.read(engine, Scope(), code)
    assert file is not None
    latest: Any = Teller(words(), file).story()[0]
    assert latest.text.startswith("پرونده از شرکت آب و فاضلاب آذربایجان شرقی نزد ")
    assert "راهنمایی" in latest.text


async def test_who_stepped_into_the_call_stands_in_its_path_and_in_the_story(
    desk: Desk, chrome: Browser
) -> None:
    code, engine = await desk.open(), desk.panel.engine
    officer = await desk.panel.signed_in("officer", agency="abfa")
    assert "تماس‌گیرنده قطع کرد" in await officer.text(f"/panel/cases/{code}")
    she = await desk.panel.person("supervisor")
    file = await casefile.read(engine, Scope(), code)
    assert file is not None
    call_id = file.calls[0].id
    async with engine.begin() as connection:  # as if it had not ended yet
        await connection.execute(update(calls).where(calls.c.id == call_id).values(ended_at=None))
    at = WEDNESDAY + timedelta(seconds=40)
    await desk.panel.token_of(she)
    heard = await interventions.begin(engine, call_id, Intervening.LISTEN, she, "آموزش اپراتور", at)
    await interventions.redeem(engine, heard.code, at)
    await interventions.over(engine, heard.id, at + timedelta(seconds=20))
    await interventions.begin(engine, call_id, Intervening.TAKE, she, "گریه می‌کند", at)
    ended = await interventions.begin(
        engine, call_id, Intervening.END, she, "ناسزا", at + timedelta(seconds=25)
    )
    await interventions.over(engine, ended.id, at + timedelta(seconds=26))
    async with engine.begin() as connection:
        row = update(calls).where(calls.c.id == call_id)
        await connection.execute(row.values(ended_at=WEDNESDAY + timedelta(seconds=72)))
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.locator(".path summary").click()
        await expect(page.locator(".stepped-in")).to_have_count(3)
        path, story = page.locator(".path"), page.locator(".timeline")
        await expect(path).to_contain_text("به تماس گوش داد (۰:۲۰)")
        await expect(path).to_contain_text("مریم کریمی به تماس پایان داد")
        await expect(path).not_to_contain_text("تماس‌گیرنده قطع کرد")
        await expect(story).to_contain_text("خواست تماس را به دست بگیرد، ولی نگرفت")
        await expect(story).to_contain_text("آموزش اپراتور")
        await screenshot(page, "casefile-stepped-in")
    text = await officer.text(f"/panel/cases/{code}")  # an agency learns how it ended, not who listened
    assert "مریم کریمی به تماس پایان داد" in text
    assert "گوش داد" not in text and "آموزش اپراتور" not in text and "ناسزا" not in text
