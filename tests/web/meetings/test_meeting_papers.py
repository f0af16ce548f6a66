"""What leaves a session: calendar, table, report for the press; and the figures of a year."""

from __future__ import annotations

import io
import re
import shutil
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy
import pypdfium2
import pytest
import segno
from openpyxl import load_workbook  # type: ignore[attr-defined]
from playwright.async_api import Browser
from sqlalchemy import select, update

from ivr.cases.attendance import Came, InvitationState
from ivr.cases.meetings import Official
from ivr.desk.case import closing, collecting, pausing
from ivr.desk.case.registering import Wanted
from ivr.desk.meetings import (
    agenda,
    inviting,
    order_giving,
    order_ruling,
    request_deciding,
    session_day,
    session_moving,
    session_planning,
)
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.meetings.session_planning import PlannedSession
from ivr.store.tables import audit, cases, meeting_minutes
from ivr.web.meetings.session_files import CalendarEvent, ics
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_order_giving import FAR, NEAR
from tests.fixtures.database import SEED
from tests.voice.conversation import TEHRAN
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import Client, PanelServed

MEETINGS = "/panel/meetings"
NOW = datetime(2026, 12, 1, 7, tzinfo=UTC)


@pytest.fixture
async def at(panel: PanelServed) -> Hall:
    its = await hall(panel.engine)
    its.at = panel.clock()
    panel.panel.places.seed = SEED
    return its


async def held(panel: PanelServed, at: Hall) -> tuple[int, list[str]]:
    """A session: two were heard, one of them about a head; orders came of both, one is late."""
    heard = await at.accepted(9, "09141234561", bodies=["abfa", "edu"])
    private = await at.accepted(4, "09141234562", about="abfa", bodies=["edu"])
    number = await at.session(slots=3)
    await at.fill(number)
    async with at.engine.begin() as connection:
        named = update(cases).where(cases.c.code == heard).values(caller_name="زهرا احمدی")
        await connection.execute(named)
    at.later(6)
    for code in (heard, private):
        await agenda.met(at.engine, at.page, at.by(code))
    orders = [MeetingOrder("abfa", "آب خانهٔ زهرا احمدی وصل شود", NEAR)]
    orders.append(MeetingOrder("edu", "مدرسهٔ روستا باز شود", FAR))
    parts = await order_giving.give(at.engine, at.page, at.by(heard), orders)
    secret = [MeetingOrder("edu", "رفتار رئیس بررسی شود", FAR)]
    await order_giving.give(at.engine, at.page, at.by(private), secret)
    panel.clock.now = at.at
    return number, parts


async def paper(client: Client, path: str) -> tuple[Any, str]:
    """A PDF and its words, without the ways in which Persian letters join."""
    answer = await client.get(path)
    assert answer.status == 200, path
    pdf = pypdfium2.PdfDocument(await answer.read())  # type: ignore[no-untyped-call]
    text = "\n".join(page.get_textpage().get_text_range() for page in pdf)
    return pdf, unicodedata.normalize("NFKC", text)


def shows_code(pdf: Any, address: str) -> bool:
    """Whether some page has the QR code of that address at its right margin, module for module."""
    matrix = numpy.array([[bool(module) for module in row] for row in segno.make(address, error="m").matrix])
    middles = (numpy.arange(len(matrix)) + 0.5) / len(matrix) * 24
    for page in pdf:
        ink = page.render(scale=4).to_numpy().min(axis=2) < 128
        millimetre = ink.shape[1] / 210
        across = ((210 - 22 - 24 + middles) * millimetre).astype(int)
        for top in range(ink.shape[0] - int(24 * millimetre)):
            down = (top + middles * millimetre).astype(int)
            if (ink[numpy.ix_(down, across)] == matrix).all():
                return True
    return False


async def test_a_paper_that_the_wording_of_a_broken_file_keeps_back_is_told_in_the_log(
    panel: PanelServed, at: Hall, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    number, [part, _] = await held(panel, at)
    office = await panel.signed_in("governor")
    seed = Path(shutil.copytree(SEED, tmp_path / "seed"))
    (seed / "letters.yaml").write_text('letters: {order: {to: x, subject: "{due:%Y}", text: [x]}}')
    panel.panel.places.seed = seed
    for path, sort in (
        (f"{MEETINGS}/sessions/{number}/report.pdf", "no paper"),
        (f"/panel/cases/{part}/letters/order.pdf", "letter order"),
    ):
        caplog.clear()
        assert (await office.get(path)).status == 404
        [said] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
        assert said.startswith(sort) and "{due:%Y} stands for nothing" in said


async def test_a_paper_s_code_opens_a_page_that_confirms_it_and_says_nothing_of_its_text(
    panel: PanelServed, at: Hall
) -> None:
    number, [part, _] = await held(panel, at)
    office, guest = await panel.signed_in("governor"), await panel.client()
    session = f"{MEETINGS}/sessions/{number}"
    for path in (f"{session}/report.pdf", f"/panel/cases/{part}/letters/order.pdf"):
        pdf, text = await paper(office, path)
        [address] = re.findall(r"http://127\.0\.0\.1:\d+/paper/[\w-]{22}", text)
        assert shows_code(pdf, address) and not shows_code(pdf, f"{address[:-1]}!")
        page = await guest.text(address.removeprefix(panel.url))
        assert "معتبر است" in page and "استانداری آذربایجان شرقی" in page
        [numbered] = re.findall(r"<dd>(۱۴۰۵/\d+)</dd>", page)
        assert numbered in text and "وصل شود" not in page and part not in page
        again = (await paper(office, path))[1]
        assert address in again, "printed again it is the same paper"
    assert numbered == "۱۴۰۵/۲"
    gone = await guest.get("/paper/AAAAAAAAAAAAAAAAAAAAAA")
    assert gone.status == 404 and "در دفتر ما نیست" in await gone.text()
    assert (await office.post(f"{session}/void", {"paper": "1405/1", "reason": ""})).status == 422
    nothing = await office.post(f"{session}/void", {"paper": "1405/9", "reason": "اشتباه"})
    assert nothing.status == 422 and "برگهٔ معتبری با این شماره" in await nothing.text()
    assert (await office.post(f"{session}/void", {"paper": "۱۴۰۵/۱", "reason": "اشتباه"})).status == 303
    table = await office.text(session)
    token = re.findall(r"/paper/([\w-]{22})", table)[0]
    page = await guest.text(f"/paper/{token}")
    assert "باطل‌شده" in table and "دیگر معتبر نیست" in page and "اشتباه" not in page


async def test_minutes_and_attendance_count_all_who_were_heard_and_keep_apart_what_is_about_a_head(
    panel: PanelServed, at: Hall
) -> None:
    heard = await at.accepted(9, "09141234561", bodies=["abfa", "edu"])
    private = await at.accepted(8, "09141234562", about="abfa")
    late = await at.accepted(7, "09141234563", bodies=["abfa"])
    number = await at.session(slots=3)
    await at.fill(number)
    await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    assert (await office.get(f"{session}/attendance.pdf")).status == 404, "it has not begun"
    async with at.engine.begin() as connection:
        named = update(cases).where(cases.c.code == heard).values(caller_name="زهرا احمدی")
        await connection.execute(named)
    at.at += timedelta(days=6, hours=1)
    assert (await office.get(f"{session}/minutes.pdf")).status == 404
    hearing = Hearing("زهرا احمدی گفت که آب ندارد", "تا یک ماه وصل شود", 3)
    await session_day.heard(at.engine, at.page, at.by(heard), number, at.at, hearing)
    await session_day.heard(at.engine, at.page, at.by(private), number, at.at, Hearing("رشوه خواسته است"))
    await session_day.missed(at.engine, at.page, at.by(late), number, at.at)
    await inviting.note_came(at.engine, at.by(""), number, "abfa", Came.SUBSTITUTE)
    orders = [MeetingOrder("abfa", "لوله عوض شود", NEAR), MeetingOrder("edu", "مدرسه باز شود", FAR)]
    _, school = await order_giving.give(at.engine, at.page, at.by(heard), orders)
    await order_ruling.revoke(at.engine, at.page, at.by(school, "دیگر لازم نیست"))
    panel.clock.now = at.at
    office = await panel.signed_in("governor")
    _, minutes = await paper(office, f"{session}/minutes.pdf")
    _, annex = await paper(office, f"{session}/minutes.pdf?annex")
    _, attendance = await paper(office, f"{session}/attendance.pdf")
    told = {"وصل شود", "لوله عوض شود", "سپس برداشته شد", "آب ندارد", "جانشین آمد", "۳ نفر", "۲ شهروند"}
    assert {words for words in told if plain(words) in plain(minutes)} == told
    assert all(plain("با ۲ شهروند دیدار شد") in plain(text) for text in (minutes, attendance))
    assert "احمدی" not in minutes + annex + attendance and "رشوه" not in minutes + attendance
    assert persian(private) not in minutes + attendance and persian(private) in annex and "رشوه" in annex
    assert all(persian(code) in attendance for code in (heard, late)) and "جانشین آمد" in attendance
    for role, status in (("head", 404), ("operator", 403)):
        for path in ("minutes", "attendance"):
            client = await panel.signed_in(role)
            assert (await client.get(f"{session}/{path}.pdf")).status == status, (role, path)


@pytest.mark.parametrize(("body", "named"), [("gov_civil", True), ("ostandari", False)])
async def test_minutes_press_report_and_pages_say_which_deputy_it_was(
    panel: PanelServed, at: Hall, body: str, named: bool
) -> None:
    code, starts_at = await at.accepted(9, "09141234561"), at.at + timedelta(days=6)
    wanted = PlannedSession(Official.DEPUTY, body, starts_at, 3, place="تالار")
    number = await session_planning.plan(at.engine, at.page, at.ask("").actor, wanted, at.at)
    await at.fill(number)
    page = f"{MEETINGS}/sessions/{number}"
    office = await panel.signed_in("governor")
    texts = [await (await office.get(path)).text() for path in (f"{MEETINGS}/sessions", page)]
    at.at = panel.clock.now = starts_at + timedelta(minutes=5)
    await agenda.met(at.engine, at.page, at.by(code))
    office = await panel.signed_in("governor")
    texts.append(await (await office.get(f"{page}/report")).text())
    texts += [(await paper(office, f"{page}/{name}.pdf"))[1] for name in ("minutes", "attendance")]
    name = "معاونت هماهنگی امور عمرانی استانداری" if named else "استانداری"
    for its in map(plain, texts):
        assert plain("معاون استاندار") in its and (plain(f"معاون استاندار، {name}") in its) is named


async def test_a_long_reason_of_a_body_not_to_come_stands_whole_on_minutes_and_attendance(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.accepted(9, "09141234561", bodies=["abfa", "edu"])
    number = await at.session(slots=1)
    await at.fill(number)
    await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)
    reasons = {
        "abfa": "نمی‌توانیم بیاییم: لولهٔ شهر شکسته است. " * 24 + "پایان نامه",
        "edu": "بند\n" * 90 + "تا آخر",
    }
    for body, reason in reasons.items():
        await inviting.answer(at.engine, at.by("", reason, body), number, InvitationState.REFUSES)
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(code))
    panel.clock.now = at.at
    office = await panel.signed_in("governor")
    for name in ("minutes", "attendance"):
        _, text = await paper(office, f"{MEETINGS}/sessions/{number}/{name}.pdf")
        assert plain("پایان نامه") in plain(text) and plain("تا آخر") in plain(text), name
        assert text.count("شکسته") == 24 and text.count("بند") == 90, name


async def on_her_day(panel: PanelServed, at: Hall) -> tuple[str, int]:
    """Whose only slot of a session it is, and that, as it sits."""
    code = await at.accepted(9, "09141234561", bodies=["abfa"])
    number = await at.session(slots=1)
    await at.fill(number)
    at.later(6)
    panel.clock.now = at.at
    return code, number


async def test_an_order_that_became_confidential_since_stands_in_the_annex_alone(
    panel: PanelServed, at: Hall
) -> None:
    code, number = await on_her_day(panel, at)
    await session_day.heard(at.engine, at.page, at.by(code), number, at.at, Hearing("آب ندارد"))
    orders = [MeetingOrder("abfa", "لوله عوض شود", NEAR), MeetingOrder("edu", "مدیر بررسی شود", FAR)]
    water, school = await order_giving.give(at.engine, at.page, at.by(code), orders)
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    assert (await office.get(f"{session}/minutes.pdf?annex")).status == 404
    await pausing.change_topic(at.engine, at.page, at.by(school, "رشوه"), "gov.conduct")
    assert "minutes.pdf?annex" in await office.text(session)
    _, minutes = await paper(office, f"{session}/minutes.pdf")
    _, annex = await paper(office, f"{session}/minutes.pdf?annex")
    for text, told, kept in ((minutes, water, school), (annex, school, water)):
        assert persian(told) in text and persian(kept) not in text
    assert "آبندارد" in plain(minutes) and "مدیربررسی" not in plain(minutes)
    assert "آبندارد" not in plain(annex) and "مدیربررسی" in plain(annex)


async def test_minutes_and_annex_count_each_order_that_became_confidential_and_her_once(
    panel: PanelServed, at: Hall
) -> None:
    code, number = await on_her_day(panel, at)
    await agenda.met(at.engine, at.page, at.by(code))
    orders = [MeetingOrder("abfa", "رئیس بررسی شود", NEAR), MeetingOrder("edu", "مدیر بررسی شود", FAR)]
    for part in await order_giving.give(at.engine, at.page, at.by(code), orders):
        await pausing.change_topic(at.engine, at.page, at.by(part, "رشوه"), "gov.conduct")
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    minutes = plain((await paper(office, f"{session}/minutes.pdf"))[1])
    annex = plain((await paper(office, f"{session}/minutes.pdf?annex"))[1])
    assert plain("۱ شهروند دیدار شد") in minutes and plain("شهروند دیدار شد") not in annex
    assert all(plain("۲ پرونده یا دستور محرمانه") in text for text in (minutes, annex))
    assert plain("گفته یا تصمیمی نوشته نشده") not in minutes, "it stands in the annex"


async def test_once_her_name_is_gone_no_paper_tells_the_words_of_an_order_in_which_it_may_stand(
    panel: PanelServed, at: Hall
) -> None:
    number, _ = await held(panel, at)
    gone = update(cases).where(cases.c.caller_name != "").values(caller_name="", anonymised_at=at.at)
    async with at.engine.begin() as connection:
        await connection.execute(gone)
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    told = await office.text(f"{session}/report") + (await paper(office, f"{session}/minutes.pdf"))[1]
    assert "احمدی" not in told and "مدرسهٔ روستا" not in told


async def test_minutes_printed_once_her_words_are_forgotten_say_so_and_take_the_place_of_no_signed_ones(
    panel: PanelServed, at: Hall
) -> None:
    number, [part, _] = await held(panel, at)
    async with at.engine.begin() as connection:
        her = (await connection.execute(select(cases).where(cases.c.caller_name != ""))).one()
    hers = Hearing("آب روستا قطع است", "تا پایان هفته وصل شود", 1)
    await session_day.amend(at.engine, at.page, at.by(her.code), number, hers)
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    path = f"{session}/minutes.pdf"
    signed = (await paper(office, path))[1]
    [address] = re.findall(r"/paper/[\w-]{22}", signed)
    for forgotten in (part, her.code):  # an order of hers may be over long before her case is
        async with at.engine.begin() as connection:
            gone = update(cases).where(cases.c.code == forgotten)
            await connection.execute(gone.values(words="", caller_name="", anonymised_at=at.at))
            if forgotten == her.code:  # as `ivr.desk.keeping.retention` does
                await connection.execute(update(meeting_minutes).values(said="", decided=""))
        copy = (await paper(office, path))[1]
        assert "/paper/" not in copy and "۱۴۰۵/" not in copy, "no number, and no code to confirm it"
        told = plain("همه یا بخشی از آن، اگر نوشته شده بود، با پایان مهلت نگهداری پاک شده است")
        assert told in plain(copy) and told not in plain(signed)
    assert "آب روستا" not in copy
    assert "معتبر است" in await (await panel.client()).text(address)


def plain(text: str) -> str:
    """Without what a PDF's lines break and join."""
    return re.sub(r"[\s\u200c\u2066-\u2069]", "", text)


def persian(code: str) -> str:
    return code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))


def event(**more: Any) -> CalendarEvent:
    usual: dict[str, Any] = {"uid": "1", "starts_at": NOW, "ends_at": NOW + timedelta(hours=1)}
    usual |= {"summary": "دیدار", "location": "", "description": "", "cancelled": False, "changed": 7}
    return CalendarEvent(**usual | more)


def test_a_calendar_s_lines_are_folded_between_letters_and_marks_escaped() -> None:
    text = ics(event(location="تالار؛ طبقهٔ ۲, اتاق 3; راست\\چپ " + "استانداری " * 20), NOW)
    lines = text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-2:] == ["END:VCALENDAR", ""]
    assert max(len(line.encode()) for line in lines) <= 75
    whole = text.replace("\r\n ", "")
    assert "LOCATION:تالار؛ طبقهٔ ۲\\, اتاق 3\\; راست\\\\چپ استانداری" in whole
    assert "DTSTART:20261201T070000Z" in whole and "STATUS:CONFIRMED" in whole and "DESCRIPTION" not in whole


async def test_a_session_stands_once_in_a_calendar_by_whatever_name_the_panel_is_opened_and_once_moved(
    panel: PanelServed, at: Hall
) -> None:
    number, other = await at.session(), await at.session(starts_at=at.at + timedelta(days=7))
    office, found = await panel.signed_in("governor"), []

    async def note_uid(its: int, host: str) -> None:
        path = f"{MEETINGS}/sessions/{its}/calendar.ics"
        text = await (await office.get(path, headers={"Host": host})).text()
        found.append(text.partition("UID:")[2].partition("\r\n")[0])

    await note_uid(number, "111.example")
    await note_uid(number, "127.0.0.1:8111")
    await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, at.at + timedelta(days=10))
    await note_uid(number, "[::1]:8111")
    await note_uid(other, "111.example")
    assert found[0] == found[1] == found[2] != found[3] and found[0].endswith("@seda111")


async def test_a_head_s_calendar_holds_his_block_and_a_cancelled_session_says_so(
    panel: PanelServed, at: Hall
) -> None:
    for n, bodies in enumerate((["edu"], ["abfa"], ["abfa"])):
        await at.accepted(9 - n, f"0914123456{n}", bodies=bodies)
    number = await at.session(slots=3)
    await at.fill(number)
    path = f"{MEETINGS}/sessions/{number}/calendar.ics"
    await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)
    his, office = await panel.signed_in("head"), await panel.signed_in("governor")
    head = await (await his.get(path)).text()
    whole = await (await office.get(path)).text()
    hours = [re.findall(r"DT(?:START|END):\d+T(\d{4})", text) for text in (whole, head)]
    (begins, ends), (his_begin, his_end) = hours
    assert ends == his_end and int(his_begin) - int(begins) == 10
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    off = [await (await client.get(path)).text() for client in (office, his)]
    assert all("STATUS:CANCELLED" in text and f"T{begins}" in text for text in off)
    stranger = await panel.signed_in("head", agency="tamin")
    assert (await stranger.get(path)).status == 404


async def test_a_head_s_calendar_holds_no_hour_of_whom_was_missed_before_the_session_was_moved(
    panel: PanelServed, at: Hall
) -> None:
    codes = [await at.accepted(9 - n, f"0914123456{n}", bodies=["abfa"]) for n in range(2)]
    number = await at.session(slots=2)
    await at.fill(number)
    at.later(6)
    await agenda.missed(at.engine, at.page, at.by(codes[0]))
    await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, at.at + timedelta(days=7))
    told = await (await panel.signed_in("head")).text(f"{MEETINGS}/sessions/{number}/calendar.ics")
    begins = (at.at + timedelta(days=7)).astimezone(UTC)
    assert f"DTSTART:{begins:%Y%m%dT%H%M%S}Z" in told


async def test_whose_own_session_ended_early_has_it_in_his_calendar_until_then_like_the_office(
    panel: PanelServed, at: Hall
) -> None:
    codes = [await at.accepted(9 - n, f"0914123456{n}") for n in range(3)]
    number = await at.session(slots=3)
    await at.fill(number)
    at.at += timedelta(days=6, minutes=5)
    await session_day.begin(at.engine, at.page, at.by(codes[0]), number, at.at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    for client in (await panel.signed_in("head", agency="ostandari"), await panel.signed_in("governor")):
        told = await client.text(f"{MEETINGS}/sessions/{number}/calendar.ics")
        assert f"DTEND:{at.at.astimezone(UTC):%Y%m%dT%H%M%S}Z" in told


async def test_whose_own_session_is_late_has_it_in_his_calendar_from_its_first_slot_like_the_office(
    panel: PanelServed, at: Hall
) -> None:
    await at.accepted(9)
    number = await at.session(slots=2)
    await at.fill(number)
    begins = at.at + timedelta(days=6, minutes=30)
    at.at += timedelta(days=6)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    for client in (await panel.signed_in("head", agency="ostandari"), await panel.signed_in("governor")):
        told = await client.text(f"{MEETINGS}/sessions/{number}/calendar.ics")
        assert f"DTSTART:{begins.astimezone(UTC):%Y%m%dT%H%M%S}Z" in told


async def test_calendar_and_minutes_of_a_late_session_tell_its_late_hour_once_somebody_came_in_too(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.accepted(9, bodies=["abfa"])
    number, begins = await at.session(slots=2), at.at + timedelta(days=6, minutes=30)
    session = f"{MEETINGS}/sessions/{number}"
    await at.fill(number)
    at.at += timedelta(days=6)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 30)
    panel.clock.now = at.at = begins
    await session_day.heard(at.engine, at.page, at.by(code), number, at.at, Hearing("آب"))
    office = await panel.signed_in("governor")
    for client, minutes in ((office, 20), (await panel.signed_in("head"), 10)):  # its one slot
        told = await client.text(f"{session}/calendar.ics")
        for name, hour in (("DTSTART", begins), ("DTEND", begins + timedelta(minutes=minutes))):
            assert f"{name}:{hour.astimezone(UTC):%Y%m%dT%H%M%S}Z" in told
    _, text = await paper(office, f"{session}/minutes.pdf")
    assert plain(f"از ساعت {persian(f'{begins.astimezone(TEHRAN):%H:%M}')}") in plain(text)


async def test_a_late_session_that_begins_sooner_than_was_told_has_its_minutes_from_then(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.accepted(9)
    number = await at.session(slots=1)
    session = f"{MEETINGS}/sessions/{number}"
    await at.fill(number)
    at.at += timedelta(days=6)
    await session_moving.delay(at.engine, at.page, at.by("", "جلسه"), number, 60)
    at.at += timedelta(minutes=40)
    panel.clock.now = at.at
    office = await panel.signed_in("governor")
    assert (await office.get(f"{session}/attendance.pdf")).status == 404
    await session_day.heard(at.engine, at.page, at.by(code), number, at.at, Hearing("آب"))
    assert f"{session}/minutes.pdf" in await office.text(session)
    _, text = await paper(office, f"{session}/minutes.pdf")
    assert plain(f"از ساعت {persian(f'{at.at.astimezone(TEHRAN):%H:%M}')}") in plain(text)


async def test_who_came_and_was_sent_home_stands_on_attendance_minutes_and_page_of_a_session_that_ended(
    panel: PanelServed, at: Hall
) -> None:
    heard, gone, hall, private = [
        await at.accepted(9 - n, f"0914123456{n}", about="abfa" if n == 3 else "") for n in range(4)
    ]
    away = await at.accepted(1, "09141234569")
    number = await at.session(slots=5)
    await at.fill(number)
    at.at += timedelta(days=6, minutes=-51)  # all of them before its hour
    came = at.at.astimezone(TEHRAN)
    for code in (heard, gone, hall, private):
        await session_day.arrive(at.engine, at.page, at.by(code), number, at.at)
    await session_day.heard(at.engine, at.page, at.by(heard), number, at.at, Hearing("آب", people=2))
    await session_day.missed(at.engine, at.page, at.by(gone), number, at.at)
    at.at += timedelta(minutes=10)
    wanted = Wanted("meeting", words="بیکار شده‌ام", caller_name="زهرا")
    walked, _ = await session_day.walk_in(at.engine, at.page, at.by(""), number, at.at, wanted)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    panel.clock.now = at.at
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    _, text = await paper(office, f"{session}/attendance.pdf")
    _, minutes = await paper(office, f"{session}/minutes.pdf")
    assert all(persian(code) in text for code in (heard, gone, hall, walked))
    assert persian(private) not in text and persian(away) not in text
    assert plain(text).count(plain("آمد و شنیده نشد")) == 3
    assert plain("هنگام نوبت نبود") in plain(text) and text.count(persian(f"{came:%H:%M}")) >= 4
    assert plain("از ۵ نوبت، ۱ دیدار شد و ۱ نفر به نوبت خود نیامدند") in plain(text)
    sent_home = plain("۳ نفر آمدند و شنیده نشدند، زیرا نوبتشان لغو شد.")
    assert all(sent_home in plain(each) for each in (text, minutes))
    page = await office.text(session)
    told = re.findall(r'id="sent-home".*?</section>', page, re.DOTALL)[0]
    assert all(code in told for code in (hall, private, walked)) and away not in told
    whole = persian(f"{came:%H:%M}"), persian(f"{at.at.astimezone(TEHRAN):%H:%M}")
    assert re.search(rf"{whole[0]} تا {whole[1]}", page), "it began as the first came in"
    story = plain("آمده بود که نوبتش لغو شد")
    shown = {code: story in plain(await office.text(f"/panel/cases/{code}")) for code in (hall, heard, away)}
    assert shown == {hall: True, heard: False, away: False}


async def test_of_a_session_that_was_called_off_nobody_reads_that_it_ended_or_took_place(
    panel: PanelServed, at: Hall
) -> None:
    came, away = await at.accepted(9), await at.accepted(8, "09141234562")
    number = await at.session(slots=2)
    await at.fill(number)
    at.at += timedelta(days=6, minutes=-51)
    await session_day.arrive(at.engine, at.page, at.by(came), number, at.at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    at.at += timedelta(hours=2)
    panel.clock.now = at.at
    office = await panel.signed_in("governor")
    _, text = await paper(office, f"{MEETINGS}/sessions/{number}/attendance.pdf")
    stories = [plain(await office.text(f"/panel/cases/{code}")) for code in (came, away)]
    assert plain("آمده بود که نوبتش لغو شد") in stories[0] and plain("نوبتش آزاد شد") in stories[1]
    assert plain("۱ نفر آمدند و شنیده نشدند، زیرا نوبتشان لغو شد.") in plain(text)
    assert plain("لغو شد و با کسی دیدار نشد") in plain(text)
    session = f"{MEETINGS}/sessions/{number}"
    assert f"{session}/report" not in await office.text(session)
    for report in ("report", "report.pdf"):
        assert (await office.get(f"{session}/{report}")).status == 404, (
            "nothing took place that it could tell"
        )
    for untrue in ("پایان یافت", "برگزار شد"):
        assert plain(untrue) not in plain(text)
    assert plain("نشست پایان یافت") not in "".join(stories)


async def test_who_was_sent_home_and_is_out_of_their_sight_stands_on_no_paper_of_theirs(
    panel: PanelServed, at: Hall
) -> None:
    inside, waits = await at.accepted(9), await at.accepted(8, "09141234562")
    number = await at.session(slots=2)
    await at.fill(number)
    at.at += timedelta(days=6)
    await session_day.begin(at.engine, at.page, at.by(inside), number, at.at)
    await session_day.arrive(at.engine, at.page, at.by(waits), number, at.at)
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    panel.clock.now = at.at
    office, session = await panel.signed_in("governor", areas=("ahar",)), f"{MEETINGS}/sessions/{number}"
    _, text = await paper(office, f"{session}/attendance.pdf")
    assert persian(waits) in text
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == waits).values(county="tabriz"))
    assert (await office.get(f"{session}/attendance.pdf")).status == 404
    assert waits not in await office.text(session)


async def test_the_agenda_is_a_table_of_what_its_reader_may_see_and_on_record(
    panel: PanelServed, at: Hall
) -> None:
    number, _ = await held(panel, at)
    path = f"{MEETINGS}/sessions/{number}/agenda.xlsx"
    rows = {}
    for role in ("governor", "head"):
        answer = await (await panel.signed_in(role)).get(path)
        page = load_workbook(io.BytesIO(await answer.read())).worksheets[0]  # type: ignore[no-untyped-call]
        rows[role] = list(page.iter_rows(min_row=2, values_only=True))
    assert [len(its) for its in rows.values()] == [3, 1]
    assert "آب و فاضلاب" in str(rows["head"]) and "0914" not in str(rows)
    async with panel.engine.connect() as connection:
        query = select(audit).where(audit.c.action == "meeting_agenda_exported")
        assert len((await connection.execute(query)).all()) == 2


async def test_the_report_tells_what_was_ordered_and_later_what_is_done_and_names_nobody(
    panel: PanelServed, at: Hall
) -> None:
    number, [part, _] = await held(panel, at)
    office, path = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}/report"
    text = await office.text(path)
    assert "با ۲ شهروند" in text and "۲ دستور به ۲ دستگاه" in text and "آب خانهٔ … وصل شود" in text
    assert "زهرا" not in text and "رفتار رئیس" not in text and "تأیید کرده‌اند" not in text
    assert "آب خانهٔ" not in (await office.text(f"{path}?leave={part}")).partition("<form")[0]
    panel.clock.now = datetime(2026, 12, 12, 9, tzinfo=UTC)
    office = await panel.signed_in("governor")
    assert "هنوز شهروندی" in (later := await office.text(path)) and "موعد ۱ دستور گذشته" in later
    answer = await office.get(f"{path}.pdf")
    pdf = pypdfium2.PdfDocument(await answer.read())  # type: ignore[no-untyped-call]
    assert answer.status == 200 and len(pdf) == 1
    for role, status in (("head", 404), ("operator", 403)):
        assert (await (await panel.signed_in(role)).get(path)).status == status


async def test_an_order_that_its_head_calls_unlawful_is_written_as_given_to_his_body(
    panel: PanelServed, at: Hall
) -> None:
    """Not to the desk, with which it lies until the office rules."""
    number, [part, _] = await held(panel, at)
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    paths = (f"{session}/minutes.pdf", f"{session}/report.pdf")
    before = [(await paper(office, path))[1] for path in paths]
    await order_ruling.object_here(at.engine, at.page, at.by(part, "خلاف آیین‌نامه"))
    assert [(await paper(office, path))[1] for path in paths] == before, "the same paper, not one more"
    [row] = [row for row in (await office.text(f"{session}/day")).split("<li>") if "وصل شود" in row]
    name, _, _ = row.removeprefix('<span class="strong">').partition("<")
    assert name.startswith("شرکت آب و فاضلاب")


async def test_who_is_heard_in_a_later_year_is_drawn_in_the_month_in_which_she_asked(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.accepted(260)
    await at.fill(await at.session(slots=1))
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(code))
    panel.clock.now = at.at
    text = await (await panel.signed_in("governor")).text(f"{MEETINGS}/figures?year=1404")
    assert '<th scope="row">اسفند</th><td class="number">۱</td><td class="number">۱</td>' in text


async def test_the_figures_tell_who_took_her_request_back(panel: PanelServed, at: Hall) -> None:
    await at.wish()
    await closing.withdraw(at.engine, at.page, at.by(await at.wish(caller="09141234561"), who="citizen"))
    text = await (await panel.signed_in("governor")).text(f"{MEETINGS}/figures")
    cards = dict(re.findall(r'<span class="name">([^<]+)</span><span class="value">([^<]+)</span>', text))
    assert (cards["درخواست‌ها"], cards["پس‌گرفته‌شده"], cards["در انتظار"]) == ("۲", "۱", "۱")


async def test_who_was_heard_stands_in_minutes_and_report_once_her_case_is_collected(
    panel: PanelServed, at: Hall
) -> None:
    code, number = await on_her_day(panel, at)
    await session_day.heard(at.engine, at.page, at.by(code), number, at.at, Hearing("آب ندارد"))
    await collecting.collect(at.engine, at.page, at.by("").actor, [code], "یک خواسته", at.at)
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    assert "آبندارد" in plain((await paper(office, f"{session}/minutes.pdf"))[1])
    assert "با ۱ شهروند" in await office.text(f"{session}/report")
    assert "اکنون کاری در اختیار شما نیست" in await office.text(f"{MEETINGS}/requests/{code}")


async def test_the_start_page_counts_meetings_without_names(panel: PanelServed, at: Hall) -> None:
    guest = await panel.client()
    assert "دیدار کرده‌اند" not in await guest.text("/")
    await held(panel, at)
    assert "تاکنون ۲ شهروند" in (text := await guest.text("/")) and "از ۳ دستوری" in text


@pytest.mark.timeout(900)
async def test_figures_and_report_read_well(panel: PanelServed, at: Hall, chrome: Browser) -> None:
    number, _ = await held(panel, at)
    declined = await at.wish(caller="09141234569")
    await request_deciding.decline(at.engine, at.page, at.by(declined, "رسیدگی با دادگاه است"))
    panel.clock.now = datetime(2026, 12, 12, 9, tzinfo=UTC)
    await (await panel.signed_in("governor")).get(f"{MEETINGS}/sessions/{number}/attendance.pdf")
    paths = {"figures": "/figures", "report": f"/sessions/{number}/report", "papers": f"/sessions/{number}"}
    for size, dark in (({"width": 1366, "height": 768}, False), (PHONE, True)):
        async with window(chrome, panel, "governor", dark=dark, size=size) as page:  # type: ignore[arg-type]
            for name, path in paths.items():
                await page.goto(f"{MEETINGS}{path}")
                await screenshot(page, f"meetings-{name}{'-dark' if dark else ''}")
                assert not await serious(page), path
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, (path, wide)
            await page.goto(f"{MEETINGS}/figures")
            assert "رسیدگی با دادگاه است" in await page.content()
    text = await (await panel.signed_in("governor")).text(f"{MEETINGS}/sessions/{number}")
    async with window(chrome, panel, size=PHONE) as page:
        for name, path in (("genuine", re.findall(r"/paper/[\w-]+", text)[0]), ("unknown", "/paper/x")):
            await page.goto(path)
            await screenshot(page, f"paper-{name}")
            assert not await serious(page), path
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, wide)
    async with window(chrome, panel, "head") as page:
        await page.goto(f"{MEETINGS}/figures")
        assert "رسیدگی با دادگاه" not in await page.content()
        await screenshot(page, "meetings-figures-head")
