"""What leaves a session: calendar, table, report for the press; and the figures of a year."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdfium2
import pytest
from openpyxl import load_workbook  # type: ignore[attr-defined]
from playwright.async_api import Browser
from sqlalchemy import select, update

from ivr.desk.meetings import agenda, order_giving, request_deciding, session_planning
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.store.tables import audit, cases
from ivr.web.meetings.session_files import CalendarEvent, ics
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_order_giving import FAR, NEAR
from tests.fixtures.database import SEED
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import PanelServed

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


async def test_a_head_s_calendar_holds_his_block_and_a_cancelled_session_says_so(
    panel: PanelServed, at: Hall
) -> None:
    for n, bodies in enumerate((["edu"], ["abfa"], ["abfa"])):
        await at.accepted(9 - n, f"0914123456{n}", bodies=bodies)
    number = await at.session(slots=3)
    await at.fill(number)
    path = f"{MEETINGS}/sessions/{number}/calendar.ics"
    head = await (await (await panel.signed_in("head")).get(path)).text()
    office = await panel.signed_in("governor")
    whole = await (await office.get(path)).text()
    hours = [re.findall(r"DT(?:START|END):\d+T(\d{4})", text) for text in (whole, head)]
    (begins, ends), (his_begin, his_end) = hours
    assert ends == his_end and int(his_begin) - int(begins) == 10
    await session_planning.cancel(at.engine, at.page, at.by("", "مأموریت"), number, LATER)
    assert "STATUS:CANCELLED" in await (await office.get(path)).text()
    stranger = await panel.signed_in("head", agency="tamin")
    assert (await stranger.get(path)).status == 404


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


async def test_the_start_page_counts_meetings_without_names(panel: PanelServed, at: Hall) -> None:
    guest = await panel.client()
    assert "دیدار کرده‌اند" not in await guest.text("/")
    await held(panel, at)
    assert "تاکنون ۲ شهروند" in (text := await guest.text("/")) and "از ۳ دستوری" in text


@pytest.mark.timeout(180)
async def test_figures_and_report_read_well(panel: PanelServed, at: Hall, chrome: Browser) -> None:
    number, _ = await held(panel, at)
    declined = await at.wish(caller="09141234569")
    await request_deciding.decline(at.engine, at.page, at.by(declined, "رسیدگی با دادگاه است"))
    panel.clock.now = datetime(2026, 12, 12, 9, tzinfo=UTC)
    paths = {"figures": "/figures", "report": f"/sessions/{number}/report"}
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
    async with window(chrome, panel, "head") as page:
        await page.goto(f"{MEETINGS}/figures")
        assert "رسیدگی با دادگاه" not in await page.content()
        await screenshot(page, "meetings-figures-head")
