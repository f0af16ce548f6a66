"""Figures as people see them: dashboard, league, gaps, hours, files and letters.

The books of this module hold 75 days before Wednesday, 25 November 2026 (4 Azar 1405).
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientResponse
from openpyxl.reader.excel import load_workbook
from playwright.async_api import Browser
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import figures
from ivr.cases.figures import What
from ivr.desk.case import collecting, splitting
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.splitting import Part
from ivr.desk.people import unsealing
from ivr.desk.reading import exporting
from ivr.desk.recordings.hearing import keep_swept
from ivr.lab.pace import patience
from ivr.store.derived import exports
from ivr.store.tables import audit, cases
from ivr.web.numbers.frame import shown
from ivr.web.panel import charts
from ivr.web.panel.locale import digits, words
from ivr.web.panel.sheets import SHARE, harmless
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY
from tests.fixtures.database import SEED, create, drop, named, warm_engine
from tests.web.books import fill
from tests.web.browser import PHONE, WIDE, screenshot, serious, window
from tests.web.panel import Client, PanelServed, panel_served
from tests.web.test_pages import CUT, SCROLLBAR

ABAN = "period=month:1405-08"
SINCE, UNTIL = date(2026, 10, 23), date(2026, 11, 22)
PAGES = ("", "/league", "/gaps", "/hours")
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
async def books(postgres_url: str, template: str) -> AsyncIterator[AsyncEngine]:
    """Cases of some months; no test of this module changes them."""
    name = f"{template}_numbers"
    await create(postgres_url, name, template)
    engine = warm_engine(named(postgres_url, name))
    await fill(engine, WEDNESDAY)
    yield engine
    await engine.dispose()
    await drop(postgres_url, name)


@pytest.fixture(scope="module")
async def served(books: AsyncEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PanelServed]:
    async with panel_served(books, tmp_path_factory.mktemp("numbers"), seed=SEED) as panel:
        yield panel


async def sheet(client: Client, path: str) -> list[Sequence[Any]]:
    """The rows of a workbook, which must be one."""
    answer = await client.get(path)
    assert (answer.status, answer.content_type) == (200, SHEET)
    page = load_workbook(io.BytesIO(await answer.read())).worksheets[0]  # type: ignore[no-untyped-call]
    assert page.sheet_view.rightToLeft and page.freeze_panes == "A2"
    return [[cell.value for cell in row] for row in page.iter_rows()]


async def noted(panel: PanelServed, action: str) -> list[Any]:
    async with panel.engine.connect() as connection:
        query = select(audit).where(audit.c.action == action).order_by(audit.c.at, audit.c.id)
        return list((await connection.execute(query)).all())


async def test_the_dashboard_shows_what_the_books_hold(served: PanelServed) -> None:
    client = await served.signed_in("supervisor")
    text = await client.text(f"/panel/numbers?{ABAN}")
    whole = figures.total(await served.panel.archive.facts(SINCE, UNTIL))
    assert whole[What.OPENED] > 400 and whole[What.OVERDUE] > 50
    for count in (whole[What.OPENED], whole.answered, whole[What.OVERDUE], whole[What.SOLVED]):
        assert f'">{digits(count)}</' in text
    behind = re.search(r'href="(/panel/inbox\?[^"]*since=[^"]*)"', text)
    assert behind and "1405%2F08%2F01" in behind[1] and "1405%2F08%2F30" in behind[1]
    assert (await client.get(behind[1].replace("&amp;", "&"))).status == 200
    async with served.engine.connect() as connection:
        opened = (await connection.execute(select(cases.c.opened_at))).scalars().all()
    tehran = ZoneInfo("Asia/Tehran")
    there = [moment for moment in opened if SINCE <= moment.astimezone(tehran).date() < UNTIL]
    assert whole[What.OPENED] == len(there)


@pytest.mark.parametrize("by", figures.DIMENSIONS)
async def test_the_lines_of_every_table_add_up_to_its_last_one(served: PanelServed, by: str) -> None:
    client = await served.signed_in("supervisor")
    head, *lines, last = await sheet(client, f"/panel/numbers/export/figures.xlsx?{ABAN}&by={by}")
    for column in ("opened", "answered", "overdue", "solved", "unconfirmed", "other_ends", "waiting", "late"):
        at = head.index(words()(f"numbers.measure.{column}"))
        assert sum(line[at] for line in lines) == last[at] > 0


async def test_a_bygone_month_s_page_and_file_say_of_what_waits_that_it_waits_now(
    served: PanelServed,
) -> None:
    client, now = await served.signed_in("supervisor"), "(هم‌اکنون)"
    head, *_ = await sheet(client, f"/panel/numbers/export/figures.xlsx?{ABAN}")
    assert [title for title in head if now in title] == [f"در انتظار پاسخ {now}", f"از آن‌ها معوق {now}"]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', await client.text(f"/panel/numbers?{ABAN}"))
    assert [title for title in heads if now in title] == [f"در انتظار {now}", f"معوق {now}"]


async def test_a_head_sees_the_own_agency_and_learns_of_no_other(served: PanelServed) -> None:
    head = await served.signed_in("head", agency="abfa")
    text = await head.text(f"/panel/numbers?{ABAN}")
    async with served.engine.connect() as connection:
        query = select(cases.c.agency).distinct()
        others = set((await connection.execute(query)).scalars()) - {"abfa"}
    names = await sheet(head, f"/panel/numbers/export/figures.xlsx?{ABAN}&by=agency")
    assert len(names) == 3, "a head, the own agency, and the sum"
    assert 'name="agency"' not in text
    league = await head.text(f"/panel/numbers/league?{ABAN}")
    assert league.count('scope="row"') == 1
    for path in (f"?{ABAN}&agency={sorted(others)[0]}", f"/export/gaps.csv?{ABAN}"):
        assert (await head.get(f"/panel/numbers{path}")).status == 404
    rows = await sheet(head, f"/panel/numbers/export/cases.xlsx?{ABAN}")
    agency = rows[0].index(words()("numbers.cases.agency"))
    assert len({row[agency] for row in rows[1:]}) == 1


async def test_who_sees_some_counties_sees_no_other(served: PanelServed) -> None:
    person = await served.signed_in("supervisor", areas=("marand",))
    rows = await sheet(person, f"/panel/numbers/export/figures.xlsx?{ABAN}&by=county")
    assert len(rows) == 3
    assert (await person.get(f"/panel/numbers?{ABAN}&county=tabriz")).status == 404
    told = {row[1] for row in await sheet(person, "/panel/numbers/export/gaps.xlsx?period=day:1405-09-02")}
    assert "تبریز" not in told and "اهر" not in told, "of theirs alone it is said that they are silent"


async def test_a_county_is_silent_whichever_body_or_county_one_asks_about(served: PanelServed) -> None:
    client = await served.signed_in("governor")

    async def silent(more: str = "") -> set[str]:
        rows = await sheet(client, f"/panel/numbers/export/gaps.xlsx?period=day:1405-09-02{more}")
        return {row[1] for row in rows if row[0] == words()("numbers.gaps.silent.title")}

    every = await silent()
    assert "میانه" in every and "تبریز" not in every
    assert await silent("&agency=abfa") == every
    assert await silent("&county=mianeh") == {"میانه"} and await silent("&county=tabriz") == set()


@pytest.mark.parametrize(
    "query",
    ["period=month:1405-13", "period=x", "agency=nobody", "by=caller", "county=%3Cscript%3E",
     "period=month:1499-01"],
)  # fmt: skip
async def test_what_is_no_period_or_code_is_not_found(served: PanelServed, query: str) -> None:
    client = await served.signed_in("supervisor")
    assert (await client.get(f"/panel/numbers?{query}")).status == 404


async def test_a_workbook_holds_real_numbers_and_dates(served: PanelServed) -> None:
    client = await served.signed_in("supervisor")
    head, first, *_ = await sheet(client, f"/panel/numbers/export/cases.xlsx?{ABAN}")
    opened = head.index(words()("numbers.cases.opened"))
    assert isinstance(first[opened], datetime) and first[opened + 1].startswith("1405/08/")
    caller = head.index(words()("numbers.cases.caller"))
    assert first[caller] != "09141234567" and first[caller].endswith("67")
    assert words()("numbers.cases.caller_name") not in head
    (_, line, *_) = await sheet(client, f"/panel/numbers/export/league.xlsx?{ABAN}")
    assert isinstance(line[0], int) and isinstance(line[2], float) and line[3] < line[2] < line[4]


async def test_behind_what_was_opened_stand_the_cases_that_it_counts(panel: PanelServed) -> None:
    at, asked = await counter(panel.engine), "/panel/numbers?period=month:1405-09&by="
    one, *others = [await at.open() for _ in range(3)]
    await splitting.split(at.engine, at.page, at.ask(one), [Part("abfa", "لوله"), Part("edu", "شیر مدرسه")])
    await collecting.collect(at.engine, at.page, at.ask("").actor, others, "قطع آب", at.at)
    client, seen = await panel.signed_in("supervisor"), 0
    for by in figures.DIMENSIONS:
        linked = re.findall(r'"(/panel/inbox\?[^"]*since=[^"]*)">([^<]+)<', await client.text(f"{asked}{by}"))
        for path, number in linked:
            page = await client.text(path.replace("&amp;", "&"))
            assert digits(page.count('data-code="')) == number, (by, path)
            assert "agency=" not in path, "the inbox knows who has it now"
        seen += len(linked)
    assert seen >= 7, "the card, each time, and the lines of county, topic and kind"
    assert "since=" not in await client.text(f"{asked}agency&agency=abfa")
    new = "/panel/inbox?queue=new&agency=abfa"
    both = [await client.text(f"{new}{its}") for its in ("", "&channel=part", "&channel=citizen")]
    every, parts, citizens = (page.count('data-code="') for page in both)
    assert citizens and parts and citizens < every


async def test_the_file_of_cases_holds_citizens_cases_and_names_no_number_hidden_but_a_caller_s(
    panel: PanelServed,
) -> None:
    at = await counter(panel.engine)
    called, hidden = await at.open(), await at.open(caller="anonymous")
    walked_in = (await register(at.engine, at.page, Wanted("complaint", words="آب نداریم"), at.at)).code
    both = [Part("abfa", "لوله عوض شود"), Part("edu", "شیر مدرسه عوض شود")]
    await splitting.split(at.engine, at.page, at.ask(called), both)
    await collecting.collect(at.engine, at.page, at.ask("").actor, [hidden, walked_in], "قطع آب", at.at)
    client = await panel.signed_in("supervisor")
    path = "/panel/numbers/export/cases.xlsx?period=month:1405-09"
    head, *rows = await sheet(client, path)
    caller = head.index(words()("numbers.cases.caller"))
    told = {called: "0914***67", hidden: words()("menus.calls.withheld"), walked_in: ""}
    assert {row[0]: row[caller] for row in rows} == told
    answer = await (await identities(panel, client, path.replace("xlsx", "csv"))).read()
    named = {row[0]: row[caller] for row in csv.reader(io.StringIO(answer.decode("utf-8-sig")))}
    assert (named[hidden], named[walked_in]) == (words()("menus.calls.withheld"), "")


async def test_a_file_without_all_cases_says_so_in_its_first_row(
    served: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await served.signed_in("supervisor")
    path = f"/panel/numbers/export/cases.xlsx?{ABAN}"
    head, *whole = await sheet(client, path)
    monkeypatch.setattr(exporting, "MOST", exporting.BATCH)
    _, told, *rows = await sheet(client, path)
    assert told[0] == words()("numbers.export.cut", n="۲۵۰") and not any(told[1:])
    assert rows == whole[:250] and len(whole) > 250
    monkeypatch.setattr(exporting, "MOST", len(whole))
    assert await sheet(client, path) == [head, *whole]


# What XlsxWriter writes as it stands: the first breaks the file, the second has a formula in C2.
MARKUP = (
    "<r>آب & برق</r>",
    '<r><t>آب</t></r></is></c><c r="C2"><f>HYPERLINK("http://x.ir")</f></c>'
    '<c r="D2" t="inlineStr"><is><r><t>.</t></r>',
)


async def test_a_name_that_looks_like_a_workbook_s_own_markup_stands_in_it_as_it_was_sent(
    panel: PanelServed,
) -> None:
    at = await counter(panel.engine)
    sent = {await at.open(): name for name in MARKUP}
    async with panel.engine.begin() as connection:
        for code, name in sent.items():
            await connection.execute(update(cases).where(cases.c.code == code).values(caller_name=name))
    client = await panel.signed_in("supervisor")
    path = "/panel/numbers/export/cases.xlsx?period=month:1405-09"
    answer = await identities(panel, client, path)
    page = load_workbook(io.BytesIO(await answer.read())).worksheets[0]  # type: ignore[no-untyped-call]
    head, *rows = page.iter_rows()
    named = [cell.value for cell in head].index(words()("numbers.cases.caller_name"))
    assert {row[0].value: row[named].value.lstrip() for row in rows} == sent
    assert not [cell for row in rows for cell in row if cell.data_type == "f"]


async def test_a_csv_is_read_as_persian_and_runs_nothing(served: PanelServed) -> None:
    client = await served.signed_in("supervisor")
    answer = await client.get(f"/panel/numbers/export/cases.csv?{ABAN}")
    raw = await answer.read()
    assert raw.startswith(b"\xef\xbb\xbf") and answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    head, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    assert len({len(row) for row in rows} | {len(head)}) == 1 and len(rows) > 400
    sent = await identities(served, client, f"/panel/numbers/export/cases.csv?{ABAN}")
    told = (await sent.read()).decode("utf-8-sig")
    assert "09141234567" in told and ",'=HYPERLINK()," in told and ",=HYPER" not in told


async def identities(served: PanelServed, client: Client, path: str) -> ClientResponse:
    """The file with who the callers are, asked for and allowed by another person."""
    await client.post(path, {"reason": "پیگیری تلفنی"})
    second = await served.person("governor", trusted=True)
    for row in await unsealing.listed(served.engine, second, served.clock()):
        if row.allowed is None:
            await unsealing.allow(served.engine, second, row.id, served.clock())
    return await client.post(path, {"reason": "پیگیری تلفنی"})


async def test_a_workbook_over_which_the_panel_died_goes_after_a_day(served: PanelServed) -> None:
    place = exports(served.panel.places.state)
    client = await served.signed_in("supervisor")
    await sheet(client, f"/panel/numbers/export/cases.xlsx?{ABAN}")
    assert place.folder.is_dir()
    left, made = place.folder / "tmp1" / "sheet.xlsx", place.folder / "tmp2" / "sheet.xlsx"
    for path, hours in ((left, 25), (made, 1)):
        path.parent.mkdir()
        path.write_bytes(b"PK")
        at = time.time() - hours * 3600
        os.utime(path, (at, at))
    sweeping = asyncio.create_task(keep_swept(place))
    async with asyncio.timeout(patience(5)):
        while left.exists():
            await asyncio.sleep(0.01)
    sweeping.cancel()
    assert made.exists()
    made.unlink()


@pytest.mark.parametrize("text", ["=1+1", "+98", "-x", "@SUM(A1)", "\tx", "  =1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"x{text}") == f"x{text}"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("آب;=1+1|x", "آب;'=1+1|x"),
        ("آب؛  =1", "آب؛  '=1"),
        ("آب\t+98", "آب\t'+98"),
        ("\t=1", "'\t'=1"),
        ("آب\r\n-x", "آب\r\n'-x"),
        ('آب, گاز؛"=1;برق', "آب, گاز؛'\"=1;برق"),
        ("آب; گاز؛ 2-1\nبرق", "آب; گاز؛ 2-1\nبرق"),
    ],
)
def test_a_cell_is_harmless_too_to_a_spreadsheet_that_parts_cells_by_other_marks(
    text: str, safe: str
) -> None:
    assert harmless(text) == safe
    line = io.StringIO()
    csv.writer(line).writerow(["111", safe, "x"])
    for mark in ",;؛\t":
        for cells in csv.reader(io.StringIO(line.getvalue(), newline=""), delimiter=mark):
            assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))], mark


async def test_who_the_callers_are_leaves_only_with_a_reason_and_is_noted(served: PanelServed) -> None:
    supervisor, auditor = [await served.signed_in(role) for role in ("supervisor", "auditor")]
    path = f"/panel/numbers/export/cases.xlsx?{ABAN}"
    before = len(await noted(served, "identities_exported"))
    assert (await supervisor.post(path, {"reason": "  "})).status == 422
    assert (await auditor.post(path, {"reason": "می‌خواهم ببینم"})).status == 403
    assert len(await noted(served, "identities_exported")) == before
    assert (await supervisor.post(path, {"reason": "پیگیری تلفنی"})).status == 202
    assert len(await noted(served, "identities_exported")) == before, "until another person allows it"
    assert (await identities(served, supervisor, path)).status == 200
    last = (await noted(served, "identities_exported"))[-1]
    assert supervisor.person is not None
    assert (last.person_id, last.reason) == (supervisor.person.id, "پیگیری تلفنی")
    assert last.detail["since"] == SINCE.isoformat()
    await sheet(auditor, path)
    assert (await noted(served, "cases_exported"))[-1].detail["form"] == "xlsx"


async def test_every_table_leaves_in_both_forms(served: PanelServed) -> None:
    client = await served.signed_in("governor")
    for table in ("figures", "league", "gaps", "hours-called", "hours-overdue"):
        rows = await sheet(client, f"/panel/numbers/export/{table}.xlsx?{ABAN}")
        answer = await client.get(f"/panel/numbers/export/{table}.csv?{ABAN}")
        lines = list(csv.reader(io.StringIO((await answer.read()).decode("utf-8-sig"))))
        assert (len(lines), lines[0]) == (len(rows), rows[0])
    for path in ("figures.pdf", "people.csv", "hours-x.csv"):
        assert (await client.get(f"/panel/numbers/export/{path}?{ABAN}")).status == 404
    admin = await served.signed_in("admin")
    assert (await admin.get(f"/panel/numbers/export/figures.csv?{ABAN}")).status == 403
    assert "export/" not in await admin.text(f"/panel/numbers?{ABAN}")


async def test_a_file_of_a_part_says_in_its_name_and_last_row_of_which(served: PanelServed) -> None:
    everybody = await served.signed_in("governor")
    head = await served.signed_in("head", agency="abfa")
    some = await served.signed_in("governor", areas=("marand", "tabriz"))
    sums = set()
    for client, asked, codes, names in (
        (everybody, "", "", ""),
        (everybody, "&county=tabriz&kind=complaint", "-tabriz-complaint", "تبریز، شکایت"),
        (head, "&topic=water.supply", "-abfa-water.supply", ""),
        (some, "", "-marand-tabriz", "مرند، تبریز"),
        (some, "&county=tabriz", "-tabriz", "تبریز"),
    ):
        for table in ("figures", "league", "hours-overdue", "cases") + ("gaps",) * (client is not head):
            answer = await client.get(f"/panel/numbers/export/{table}.csv?{ABAN}{asked}")
            assert answer.headers["Content-Disposition"].endswith(f"''111-{table}-1405-08{codes}.csv")
        whole = (await sheet(client, f"/panel/numbers/export/figures.xlsx?{ABAN}{asked}"))[-1][0]
        sums.add(whole)
        if client is not head:
            assert whole == (f"جمع کل ({names})" if names else "جمع کل")
    assert len(sums) == 5


async def test_an_unfinished_month_says_what_it_is_compared_with(served: PanelServed) -> None:
    client = await served.signed_in("supervisor")
    text = await client.text("/panel/numbers")
    assert "آذر ۱۴۰۵" in text and words()("numbers.compared_partly", period="آبان ۱۴۰۵") in text
    assert 'title="دورهٔ بعد"' not in text, "there is no month after this one yet"


async def test_a_period_without_a_case_says_so_on_every_page(served: PanelServed) -> None:
    client = await served.signed_in("governor")
    said = {"": "ends.none", "/league": "none.title", "/hours": "none.title", "/gaps": "gaps.silent.none"}
    for page, word in said.items():
        text = await client.text(f"/panel/numbers{page}?period=year:1400")
        assert words()(f"numbers.{word}") in text


async def test_a_letter_is_a_pdf_for_who_may_see_the_case(served: PanelServed) -> None:
    async with served.engine.connect() as connection:
        query = select(cases.c.code, cases.c.agency).where(cases.c.status == "referred")
        code, agency = (await connection.execute(query.order_by(cases.c.code).limit(1))).one()
    elsewhere = "edu" if agency == "abfa" else "abfa"
    own, other = [await served.signed_in("head", agency=each) for each in (agency, elsewhere)]
    path = f"/panel/cases/{code}/letters/referral.pdf"
    answer = await own.get(path)
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert (await answer.read()).startswith(b"%PDF")
    assert (await noted(served, "letter_printed"))[-1].case_id is not None
    assert (await other.get(path)).status == 404
    assert (await own.get(path.replace("referral", "escalation"))).status == 404
    assert (await own.get(path.replace("referral", "bill"))).status == 404


@pytest.mark.parametrize(
    ("share", "told"), [(0.0, 0), (0.003, 1), (0.5, 50), (0.996, 99), (0.99999999999, 100), (1.0, 100)]
)
def test_a_share_is_told_as_all_or_nothing_only_where_it_is(share: float, told: int) -> None:
    assert shown(words())(share, SHARE) == words()("numbers.percent", n=told)


async def test_a_workbook_shows_a_share_to_the_tenth_of_a_percent(served: PanelServed) -> None:
    client = await served.signed_in("supervisor")
    answer = await client.get(f"/panel/numbers/export/league.xlsx?{ABAN}")
    page = load_workbook(io.BytesIO(await answer.read())).worksheets[0]  # type: ignore[no-untyped-call]
    assert page["C2"].number_format == "0.0%"


async def test_a_workbook_shows_a_whole_number_without_a_point_and_a_mean_score_with_its_fraction(
    served: PanelServed,
) -> None:
    client, measure = await served.signed_in("supervisor"), "numbers.measure"
    answer = await client.get(f"/panel/numbers/export/figures.xlsx?{ABAN}&by=topic")
    page = load_workbook(io.BytesIO(await answer.read())).worksheets[0]  # type: ignore[no-untyped-call]
    head, *rows = page.iter_rows()
    place = {cell.value: n for n, cell in enumerate(head)}
    formats = {
        name: {cell.number_format for row in rows if (cell := row[place[words()(f"{measure}.{name}")]]).value}
        for name in ("opened", "median", "kept", "satisfaction")
    }
    assert formats == {
        "opened": {"#,##0"}, "median": {"#,##0"}, "kept": {"0.0%"}, "satisfaction": {"#,##0.0#"}
    }  # fmt: skip


def test_scales_end_on_round_whole_numbers() -> None:
    assert charts.scale(0) == [0, 1] and charts.scale(3) == [0, 1, 2, 3]
    assert charts.scale(97) == [0, 25, 50, 75, 100]
    for most in (1, 7, 12, 99, 1_234, 98_765):
        steps = charts.scale(most)
        assert steps[-1] >= most and steps[-2] < most and len(steps) <= 6


def test_shades_tell_nothing_from_little() -> None:
    assert [charts.shade(n, 90) for n in (0, 1, 10, 11, 90)] == [0, 1, 1, 2, 9]
    assert charts.shade(0, 0) == 0


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), (PHONE, True)])
async def test_the_pages_as_they_look(served: PanelServed, chrome: Browser, size: Any, dark: bool) -> None:
    async with window(chrome, served, "governor", dark=dark, size=size) as page:
        for each in PAGES:
            await page.goto(f"/panel/numbers{each}?{ABAN}")
            name = f"numbers{each.replace('/', '-')}-{size['width']}{'-dark' if dark else ''}"
            await screenshot(page, name)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], f"{each} is wider than the screen"
            assert not await serious(page)
            for picture in await page.locator("svg.chart").all():
                box = await picture.bounding_box()
                assert box and box["width"] > 250 and await picture.locator("title").first.text_content()


# What a whole province's year would fill in: 12,345 cases in every cell of the table of figures.
MANY = """(many) => document.querySelectorAll('.figures td.number, .league td.number').forEach((each) => {
  if (/^[\\u06f0-\\u06f9]+$/.test(each.textContent.trim())) each.textContent = many;
})"""


async def test_tables_of_large_numbers_fit_a_small_screen(served: PanelServed, chrome: Browser) -> None:
    async with window(chrome, served, "governor") as page:
        for each in ("", "/league"):
            for size in (WIDE, PHONE):
                await page.set_viewport_size({**size, "width": size["width"] - SCROLLBAR})
                await page.goto(f"/panel/numbers{each}?{ABAN}")
                await page.evaluate(MANY, "۱۲٬۳۴۵")
                cut = await page.evaluate(CUT)
                assert not cut or size is PHONE, (each, cut)
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), each


async def test_from_a_number_down_to_an_agency_by_the_keyboard_and_back(
    served: PanelServed, chrome: Browser
) -> None:
    async with window(chrome, served, "governor") as page:
        await page.goto(f"/panel/numbers?{ABAN}")
        link = page.locator(".figures tbody th a").first
        agency = (await link.text_content() or "").strip()
        await link.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("agency="))
        chosen = await page.locator("#f-agency option:checked").text_content()
        assert (chosen or "").strip() == agency
        assert await page.locator(".figures tbody tr").count() == 1
        await page.select_option("#f-agency", "")
        await page.select_option("#f-period", "week:1405-08-23")
        await page.get_by_role("button", name=words()("numbers.show")).click()
        await page.wait_for_url(re.compile("week"))
        assert "agency=&" in page.url or "agency=" not in page.url
        assert "هفتهٔ ۲۳ آبان" in await page.locator(".period").inner_text()
