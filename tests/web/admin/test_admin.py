"""The administration, as its pages are used: by requests, and by a real browser for the main ways."""

from __future__ import annotations

import base64
import html
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from ivr.cases.code import grouped
from ivr.desk.call import blocking
from ivr.desk.case import closing
from ivr.desk.editing.book_names import read_names
from ivr.desk.editing.changing import Why, change, wish
from ivr.desk.editing.exchange import export
from ivr.desk.editing.listing import Files
from ivr.desk.editing.nouns import BY_NAME, FIXED, NOUNS
from ivr.desk.editing.undoing import history
from ivr.desk.letters import notices, outgoing
from ivr.desk.people import auditing, people, totp
from ivr.web.admin import book_rows, showing
from ivr.web.panel.locale import words
from tests.desk.counter import counter
from tests.desk.editing.test_exchange import NO_FILES
from tests.web.account.test_sign_in import sign_in
from tests.web.browser import PHONE, WIDE, screenshot, serious, window
from tests.web.panel import PASSWORD, Client, PanelServed

TEXT = words()
BOOK = "/panel/admin/book"
PAGES = (
    "/panel/admin",
    *(f"{BOOK}/{noun.name}" for noun in NOUNS),
    "/panel/admin/history",
    "/panel/admin/audit",
    "/panel/admin/who-gets?kind=complaint&topic=energy.power_cut&county=tabriz",
    "/panel/admin/calendar?year=1405&month=9",
    "/panel/admin/people",
)


async def form(client: Client, noun: str, key: str) -> dict[str, str]:
    """What the browser would send if nothing was touched."""
    page = await client.text(f"{BOOK}/{noun}/row?key={key}")
    main = page.partition('id="row"')[2].partition("</form>")[0]
    sent = dict(re.findall(r'<input[^>]*name="([a-z_.]+)"[^>]*value="([^"]*)"', main))
    for name, options in re.findall(r'<select[^>]*name="([a-z_.]+)".*?>(.*?)</select>', main, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        sent[name] = chosen[1] if chosen else ""
    sent |= dict(re.findall(r'<textarea[^>]*name="([a-z_.]+)"[^>]*>([^<]*)</textarea>', main))
    for name in re.findall(r'type="checkbox"[^>]*name="([a-z_]+)"', main):
        if not re.search(rf'type="checkbox"[^>]*name="{name}"[^>]* checked', main):
            sent.pop(name, None)
    return sent


async def row(panel: PanelServed, noun: str, key: str) -> dict[str, Any]:
    async with panel.engine.connect() as connection:
        return (await BY_NAME[noun].rows(connection))[key]


async def test_every_page_is_there_for_admin_and_auditor_and_nobody_else(panel: PanelServed) -> None:
    admin, auditor = await panel.signed_in("admin"), await panel.signed_in("auditor")
    officer, operator = await panel.signed_in("officer"), await panel.signed_in("operator")
    for path in PAGES:
        assert (await admin.get(path)).status == 200, path
        assert (await auditor.get(path)).status == 200, path
        for other in (officer, operator):
            assert (await other.get(path)).status == 403, path
    sent = await form(auditor, "topic", "water.bill")
    assert (await auditor.post(f"{BOOK}/topic/save", sent | {"deadline_days": "3"})).status == 403
    assert (await auditor.get(f"{BOOK}/topic/new")).status == 403
    assert await history(panel.engine) == []


async def test_every_row_of_the_province_opens_and_saves_as_it_is(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    for noun in NOUNS:
        listed = await client.text(f"{BOOK}/{noun.name}?all=1")
        keys = re.findall(rf'{BOOK}/{noun.name}/row\?key=([^"]+)"', listed)
        assert keys or noun.name == "day", noun.name
        for key in dict.fromkeys((*keys[:2], *keys[-2:])):
            sent = await form(client, noun.name, key)
            answer = await client.post(f"{BOOK}/{noun.name}/save", sent)
            assert answer.status == 303, (noun.name, key, sent)
            expected = "saved" if noun.over_files or noun in FIXED else "same"
            assert answer.headers["Location"].endswith(f"said={expected}"), (noun.name, key)


async def test_a_mistake_loses_nothing_and_a_colleague_is_not_overwritten(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    sent = await form(client, "topic", "water.bill")
    wrong = sent | {"name": "نام تازهٔ بلند", "deadline_days": "۴۰۰", "reason": "آزمون"}
    answer = await client.post(f"{BOOK}/topic/save", wrong)
    page = await answer.text()
    assert answer.status == 422
    assert 'value="نام تازهٔ بلند"' in page and 'value="۴۰۰"' in page and 'value="آزمون"' in page
    assert "عددی از ۱ تا ۳۶۵ بنویسید" in page and 'aria-describedby="d-deadline_days"' in page
    other = await panel.signed_in("admin")
    await other.post(f"{BOOK}/topic/save", await form(other, "topic", "water.bill") | {"deadline_days": "۵"})
    late = await client.post(f"{BOOK}/topic/save", sent | {"deadline_days": "9"})
    page = await late.text()
    assert late.status == 422 and TEXT("admin.conflict") in page and TEXT("admin.current") in page
    assert 'value="9"' in page
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen and (await row(panel, "topic", "water.bill"))["deadline_days"] == 5
    again = await client.post(f"{BOOK}/topic/save", sent | {"deadline_days": "9", "seen": seen[1]})
    assert again.status == 303 and (await row(panel, "topic", "water.bill"))["deadline_days"] == 9


async def test_what_is_wrong_is_said_in_persian_in_every_case(panel: PanelServed) -> None:
    from ivr.desk.editing.undoing import SENTENCES as UNDO
    from ivr.desk.editing.values import SENTENCES
    from ivr.voice.prompt_sounds import SENTENCES as TAKES

    assert set(SENTENCES) <= set(TEXT.under("admin.wrong"))
    assert set(UNDO) == set(TEXT.under("admin.cannot_undo"))
    assert set(TAKES) == set(TEXT.under("admin.take"))
    for noun in NOUNS:
        assert {"title", "one", "new", "text"} <= set(TEXT.under(f"admin.noun.{noun.name}"))
        for each in noun.fields:
            assert f"admin.field.{noun.name}_{each.name}" in TEXT or f"admin.field.{each.name}" in TEXT
            for value in each.choices if each.name != "name" or noun.name == "limit" else ():
                assert f"admin.choice.{each.name}.{value}" in TEXT
    client = await panel.signed_in("admin")
    rule = {
        "topic": "water.bill",
        "scope": "default",
        "county": "ahar",
        "agency": "nobody",
        "row": "",
        "seen": "",
    }
    page = await (await client.post(f"{BOOK}/rule/save", rule)).text()
    assert "دستگاه “nobody” نداریم" in page and TEXT("admin.wrong.scope_county") in page


async def test_what_citizens_are_told_is_mended_on_its_page_and_sent_so(panel: PanelServed) -> None:
    client, key = await panel.signed_in("admin"), "case_opened/citizen/sms/*"
    sent = await form(client, "notice", key)
    wrong = await client.post(f"{BOOK}/notice/save", sent | {"text.fa": "کد {cod}"})
    page = await wrong.text()
    assert wrong.status == 422 and ">کد {cod}</textarea>" in page
    told = re.search(r'class="wrong" id="d-text">([^<]*)<', page)
    assert told and "\u2066{cod}\u2069 چیزی نمی‌آید" in told[1] and "{code}، {county}" in told[1]
    mailed = {"row": "", "seen": "", "on": "case_closed", "to": "citizen", "by": "email", "text.fa": "x"}
    page = await (await client.post(f"{BOOK}/notice/save", mailed)).text()
    assert TEXT("admin.wrong.citizen_sms") in page
    assert "{code}" in sent["text.az"], "no language is lost, whichever the panel knows"
    two = sent | {"text.fa": "کد شما:\r\n{code}"}
    assert (await client.post(f"{BOOK}/notice/save", two)).status == 303
    assert ">کد شما:\n{code}</textarea>" in await client.text(f"{BOOK}/notice/row?key={key}")
    at = await counter(panel.engine)
    code = await at.open()
    rows = await outgoing.lease(panel.engine, at.at)
    file, calendar = notices.load(panel.panel.places.files.folder), at.page.calendar
    assert await outgoing.spread(panel.engine, file, rows, calendar, at.at) == 1
    [letter] = [row for row in await outgoing.lease(panel.engine, at.at) if row.kind == "sms"]
    assert letter.payload["text"] == f"کد شما:\n{code}"
    again = await form(client, "notice", key) | {"text.az": "kod: {code}"}
    assert (await client.post(f"{BOOK}/notice/save", again)).status == 303
    changes = await client.text("/panel/admin/history")
    az = TEXT("admin.language.az")
    assert f"<ins>{az}: \u2066kod: {{code}}\u2069</ins>" in changes, "of a text the language that was changed"


async def test_a_mistake_in_a_file_is_told_and_leaves_the_administration_open(
    panel: PanelServed, chrome: Browser, tmp_path: Path
) -> None:
    whole = panel.panel.places.files
    panel.panel.places.files = Files(Path(shutil.copytree(whole.folder, tmp_path / "seed")))
    (tmp_path / "seed" / "notices.yaml").write_text("notices:\n  - {on: case_closed, to: nobody}\n")
    notice = {"on": "case_closed", "to": "citizen", "by": "sms", "text": "{code}"}
    await change(panel.engine, Why((await panel.person("admin")).actor), wish(BY_NAME["notice"], notice))
    async with window(chrome, panel, "admin") as page:
        await page.goto("/panel/admin")
        assert await page.get_by_text(TEXT("admin.broken")).count() == 1
        await page.goto(f"{BOOK}/notice")
        told = page.get_by_role("alert")
        assert "notices.yaml:2:" in await told.inner_text()
        assert await page.locator("tbody tr").count() == 1
        await screenshot(page, "admin-notices-broken")
        assert not await serious(page)
    client = await panel.signed_in("admin")
    assert (await client.get(f"{BOOK}/notice/export/csv")).headers["Location"] == f"{BOOK}/notice"
    data = base64.b64encode(await export(panel.engine, "notice", "csv", whole)).decode()
    sent = {"name": "n.csv", "data": data, "looked": "x"}
    answer = await client.post(f"{BOOK}/notice/import", sent)
    assert answer.status == 422 and TEXT("admin.file_broken") in await answer.text()


async def test_markup_in_names_stays_text(panel: PanelServed) -> None:
    client, nasty = await panel.signed_in("admin"), "<script>alert(1)</script>"
    sent = await form(client, "agency", "abfa") | {"name": nasty, "note": nasty, "reason": nasty}
    assert (await client.post(f"{BOOK}/agency/save", sent)).status == 303
    asked = "/panel/admin/who-gets?topic=water.bill&words=%3Cscript%3E"
    pages = ("/panel/admin", f"{BOOK}/agency", f"{BOOK}/agency/row?key=abfa", "/panel/admin/history")
    for path in (*pages, asked, f"{BOOK}/agency?q=%3Cscript%3E"):
        page = await client.text(path)
        assert "<script>" not in page, path
    for path in (
        f"{BOOK}/nothing",
        f"{BOOK}/agency/row?key=nothing",
        f"{BOOK}/topic/export/exe",
        "/panel/admin/people/nobody",
    ):
        assert (await client.get(path)).status == 404, path


async def test_blocks_show_no_whole_number_and_end(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    answer = await client.post("/panel/admin/blocks", {"number": "۰۹۱۴۱۲۳۴۵۶۷", "days": "هفت", "reason": ""})
    page = await answer.text()
    assert answer.status == 422 and 'value="هفت"' in page and page.count('class="wrong"') == 2
    sent = {"number": "۰۹۱۴۱۲۳۴۵۶۷", "days": "۷", "reason": "شوخی"}
    assert (await client.post("/panel/admin/blocks", sent)).status == 303
    page = await client.text("/panel/admin/blocks")
    assert "9141234567" not in page and "۹۱۴۱۲۳۴۵۶۷" not in page and "شوخی" in page
    [block] = await blocking.listed(panel.engine, now=panel.clock())
    assert (await client.post("/panel/admin/blocks/lift", {"id": block["id"]})).status == 303
    assert await blocking.listed(panel.engine, now=panel.clock()) == []
    assert (await client.post("/panel/admin/blocks/lift", {"id": "x"})).status == 422


async def test_who_gives_a_password_or_takes_the_second_factor_proves_who_they_are_and_she_is_told(
    panel: PanelServed,
) -> None:
    her = await panel.person("supervisor", totp_secret="A" * 32, totp_since=panel.clock())
    admin, other = await panel.signed_in("admin"), await panel.signed_in("admin")
    for what in ("password", "totp"):
        for mine in ("", "wrong password"):
            sent = {"what": what, "mine": mine}
            answer = await admin.post(f"/panel/admin/people/{her.name}/do", sent)
            assert answer.status == 422 and TEXT("admin.people.mine_wrong") in await answer.text()
    took = {"what": "totp", "mine": PASSWORD}
    assert (await admin.post(f"/panel/admin/people/{her.name}/do", took)).status == 303
    page = await (await panel.client(her, await panel.token_of(her))).text("/panel/account")
    assert "مرحلهٔ دوم ورود شما را برداشت" in page
    gives = {"what": "password", "mine": PASSWORD}
    answer = await admin.post(f"/panel/admin/people/{her.name}/do", gives)
    assert answer.status == 422 and TEXT("admin.people.second_admin") in await answer.text()
    asks = await other.post(f"/panel/admin/people/{her.name}/do", gives)
    assert asks.headers["Location"].endswith("said=asked"), "nothing else stands between her account and him"
    page = await admin.text("/panel/admin/people")
    [grant] = re.findall(r'action="(/panel/admin/grants/[0-9a-f-]{36})"', page)
    answer = await admin.post(grant, {"answer": "allow"})
    assert answer.status == 422 and TEXT("admin.people.second_admin") in await answer.text()
    third = await panel.signed_in("admin")
    answer = await third.post(grant, {"answer": "allow"})
    assert answer.status == 422 and TEXT("admin.people.mine_wrong") in await answer.text()
    answer = await third.post(grant, {"answer": "allow", "mine": PASSWORD})
    assert answer.status == 200 and 'class="secret' in await answer.text()
    assert (await third.post(grant, {"answer": "allow"})).status == 409, "once"


async def test_making_and_changing_people_asks_for_the_password_or_a_code_and_not_again_for_a_while(
    panel: PanelServed,
) -> None:
    secret = totp.new_secret()
    admin = await panel.person("admin", totp_secret=secret, totp_since=panel.clock())
    client = await panel.client(admin, await panel.token_of(admin))
    sent = {"name": "karimi", "full_name": "مریم کریمی", "role": "operator"}
    for mine in ("", "wrong password", "123456"):
        answer = await client.post("/panel/admin/people/new", sent | {"mine": mine})
        assert answer.status == 422 and TEXT("admin.people.mine_wrong") in await answer.text()
    step = int(panel.clock.now.timestamp()) // totp.STEP_SECONDS
    code = totp.code_at(secret, step).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    answer = await client.post("/panel/admin/people/new", sent | {"mine": code})
    assert answer.status == 200 and 'class="secret' in await answer.text()
    change = {"full_name": "مریم رضایی", "role": "operator"}
    panel.clock.now += timedelta(minutes=9)
    assert 'name="mine"' not in await client.text("/panel/admin/people/karimi")
    assert (await client.post("/panel/admin/people/karimi/change", change)).status == 303
    panel.clock.now += timedelta(minutes=2)
    assert 'name="mine"' in await client.text("/panel/admin/people/karimi")
    assert (await client.post("/panel/admin/people/karimi/change", change)).status == 422
    fresh = await panel.client()
    assert (await sign_in(fresh, (await panel.person("admin")).name))[0] == 303
    await fresh.get("/panel/admin/people")
    assert (await fresh.post("/panel/admin/people/karimi/change", change)).status == 303, "just signed in"


async def test_a_role_that_sees_identities_is_asked_for_by_one_admin_and_allowed_by_another(
    panel: PanelServed, chrome: Browser
) -> None:
    client = await panel.signed_in("admin")
    sent = {"name": "karimi", "full_name": "مریم کریمی", "role": "head", "agency": "abfa", "areas": "ahar"}
    alone = await client.post("/panel/admin/people/new", sent | {"mine": PASSWORD})
    assert alone.status == 422 and TEXT("admin.people.nobody_else") in await alone.text()
    async with window(chrome, panel, "admin", size=PHONE) as page:  # another one
        asked = await client.post("/panel/admin/people/new", sent)
        assert asked.headers["Location"] == "/panel/admin/people?said=asked"
        again = await client.post("/panel/admin/people/new", sent)
        assert again.status == 422 and TEXT("admin.people.asked_already") in await again.text()
        hers = await client.text("/panel/admin/people")
        assert TEXT("admin.people.take_back") in hers and TEXT("admin.people.allow") not in hers
        await page.goto("/panel/admin/people")
        await screenshot(page, "grants-phone")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert not await serious(page)
        await page.set_viewport_size(WIDE)
        await screenshot(page, "grants")
        await page.get_by_label(TEXT("admin.people.mine")).fill(PASSWORD)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".secret")
    trail = await client.text("/panel/admin/audit?about=person/karimi")
    for action in ("grant_asked", "grant_allowed", "person_added"):
        assert TEXT(f"admin.audit.action.{action}") in trail, action


async def test_a_tracking_code_among_the_deeds_is_read_from_its_beginning(
    chrome: Browser, panel: PanelServed
) -> None:
    at = await counter(panel.engine)
    code = await at.open("water.bill", "ahar")
    async with panel.engine.begin() as connection:
        await auditing.note(connection, panel.clock(), "case_seen", case=(await at.row(code)).id)
    async with window(chrome, panel, "auditor") as page:
        await page.goto("/panel/admin/audit")
        its = page.locator(f"a[href='?about=case/{code}']").first
        first, last = [
            await its.evaluate(
                """(link, at) => {
                    const sign = new Range(), text = link.firstChild
                    sign.setStart(text, at); sign.setEnd(text, at + 1)
                    return sign.getBoundingClientRect().left
                }""",
                at,
            )
            for at in (0, len(grouped(code)) - 1)
        ]
        assert first < last
        await screenshot(page, "admin-audit")


async def test_who_is_signed_in_is_told_on_every_page_of_what_another_did_until_she_has_looked(
    panel: PanelServed,
) -> None:
    her = await panel.person("operator", email="maryam@example.org")
    admin = await panel.signed_in("admin")
    change = {"full_name": "مریم رضایی", "role": "officer", "agency": "abfa", "mine": PASSWORD}
    assert (await admin.post(f"/panel/admin/people/{her.name}/change", change)).status == 303
    hers = await panel.client(her, await panel.token_of(her))
    assert TEXT("common.account.untold") in await hers.text("/panel/inbox")
    page = await hers.text("/panel/account")
    assert "نام، نقش، دستگاه" in page and TEXT("common.account.seen_it") in page
    assert (await hers.post("/panel/account/seen")).status == 303
    assert TEXT("common.account.untold") not in await hers.text("/panel/inbox")
    assert "نام، نقش، دستگاه" in await hers.text("/panel/account"), "for a month"


async def test_people_and_the_book_are_found_from_an_arabic_keyboard(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    sent = {"name": "karimi", "full_name": "مریم کریمی", "role": "officer", "agency": "abfa"}
    await client.post("/panel/admin/people/new", sent | {"mine": PASSWORD})
    for asked in ("كريمي", "مريم", "کریمی مریم", "KARIMI"):
        found = await client.text(f"/panel/admin/people?q={asked}")
        assert re.findall(r'scope="row"><a href="/panel/admin/people/([a-z]+)">', found) == ["karimi"], asked
    for asked in ("شهرداري تبريز", "تبریز شهرداری", "شهرداری\u200cتبریز"):
        assert 'row?key=shahrdari_tabriz"' in await client.text(f"{BOOK}/agency?q={asked}"), asked


def test_what_a_half_space_parts_is_found_joined_and_joined_parted() -> None:
    assert showing.holds("آتشنشانی", "سازمان آتش\u200cنشانی") and showing.holds("آتش\u200cنشانی", "آتشنشانی")
    assert showing.holds("آتش\u200cنشانی", "سازمان آتش نشانی")
    assert not showing.holds("آتشبس", "سازمان آتش\u200cنشانی")


def test_what_ends_one_word_and_begins_the_next_is_not_found() -> None:
    assert not showing.holds("آب", "پس از شنیدن، ۱ را بزنید", "ما بعد")
    assert not showing.holds("نان", "بنیاد مسکن انقلاب")


async def test_people_are_made_changed_locked_and_the_last_admin_stays(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    sent = {"name": "karimi", "full_name": "مریم کریمی", "role": "officer", "agency": "", "areas": "ahar"}
    answer = await client.post("/panel/admin/people/new", sent)
    page = await answer.text()
    assert answer.status == 422 and TEXT("admin.people.wrong.agency") in page and 'value="مریم کریمی"' in page
    assert re.search(r'name="areas" value="ahar" checked', page)
    made = await client.post("/panel/admin/people/new", sent | {"agency": "abfa", "mine": PASSWORD})
    secret = re.search(r'class="secret ltr">([a-z0-9-]+)<', await made.text())
    assert made.status == 200 and secret
    signing = await panel.client()
    await signing.get("/panel/sign-in")
    entered = await signing.post("/panel/sign-in", {"name": "karimi", "password": secret[1]})
    assert entered.status == 303
    changed = sent | {"role": "operator", "agency": "abfa"}
    assert (await client.post("/panel/admin/people/karimi/change", changed)).status == 303
    assert (await signing.get("/panel/")).headers["Location"].startswith("/panel/sign-in"), "signed out"
    assert "اپراتور" in await client.text("/panel/admin/people")
    assert client.person
    for what in ("lock", "unlock", "sign_out", "totp"):
        answer = await client.post("/panel/admin/people/karimi/do", {"what": what, "mine": PASSWORD})
        assert answer.status == 303, what
    locked = await client.post(f"/panel/admin/people/{client.person.name}/do", {"what": "lock"})
    assert locked.status == 422 and TEXT("admin.people.last_admin") in await locked.text()
    other = await panel.signed_in("admin")
    new = await other.post("/panel/admin/people/karimi/do", {"what": "password", "mine": PASSWORD})
    assert secret[1] not in await new.text() and 'class="secret' in await new.text()
    assert other.person
    await client.post(f"/panel/admin/people/{other.person.name}/do", {"what": "lock"})
    trail = await client.text("/panel/admin/audit?about=person/karimi")
    deeds = ("person_added", "person_changed", "person_locked", "signed_out_everywhere", "password_set")
    for action in deeds:
        assert TEXT(f"admin.audit.action.{action}") in trail, action
    assert TEXT("admin.audit.none") in await client.text("/panel/admin/audit?who=nobody")
    typed = client.person.name.upper()
    assert TEXT("admin.audit.none") not in await client.text(f"/panel/admin/audit?who={typed}")
    demoted = await client.post(
        f"/panel/admin/people/{client.person.name}/change", {"full_name": "x", "role": "auditor"}
    )
    assert demoted.status == 422 and TEXT("admin.people.last_admin") in await demoted.text()


async def change_form(client: Client, name: str) -> dict[str, Any]:
    """What the browser would send of a person's page if nothing was touched."""
    page = await client.text(f"/panel/admin/people/{name}")
    main = page.partition('/change"')[2].partition("</form>")[0]
    sent: dict[str, Any] = dict(re.findall(r'<input[^>]*name="([a-z_]+)"[^>]*value="([^"]*)"', main))
    for select, options in re.findall(r'<select[^>]*name="([a-z]+)".*?>(.*?)</select>', main, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        sent[select] = chosen[1] if chosen else ""
    sent["areas"] = re.findall(r'name="areas" value="([a-z_]+)" checked', main)
    if not re.search(r'name="trusted"[^>]* checked', main):
        del sent["trusted"]
    return sent | {"mine": PASSWORD}


async def test_who_is_of_a_retired_body_or_county_stays_so_when_something_else_is_changed(
    panel: PanelServed,
) -> None:
    why, client = Why((await panel.person("admin")).actor), await panel.signed_in("admin")
    park = {"code": "park", "name": "پارک", "level": "county", "assignable": "1"}
    await change(panel.engine, why, wish(BY_NAME["agency"], park))
    officer = await panel.person("officer", "park", areas=["leylan"])
    for noun, code in (("agency", "park"), ("area", "leylan")):
        values = await row(panel, noun, code)
        await change(panel.engine, why, wish(BY_NAME[noun], values | {"retired": "yes"}))
    sent = await change_form(client, officer.name)
    assert (sent["agency"], sent["areas"]) == ("park", ["leylan"])
    answer = await client.post(f"/panel/admin/people/{officer.name}/change", sent | {"full_name": "نام دیگر"})
    assert answer.status == 303
    [found] = [each for each in await people.listed(panel.engine) if each["name"] == officer.name]
    assert (found["full_name"], found["agency"], found["areas"]) == ("نام دیگر", "park", ["leylan"])


async def choose_rule(page: Page, agency: str) -> None:
    """From the tester to a rule for this very place."""
    await page.get_by_role("link", name=TEXT("admin.tester.add_rule")).click()
    await page.select_option("#f-agency", agency)
    await page.fill("#f-reason", "توافق دو دستگاه")
    await page.get_by_role("button", name=TEXT("common.save")).click()
    await page.get_by_text(TEXT("admin.saved")).wait_for()


async def ask_tester(page: Page) -> str:
    """Who gets bills of water in Ahar."""
    await page.goto("/panel/admin/who-gets")
    await page.select_option("#f-topic", "water.bill")
    await page.select_option("#f-county", "ahar")
    await page.get_by_role("button", name=TEXT("admin.tester.ask")).click()
    return await page.locator("#verdict .big").first.inner_text()


async def test_a_rule_is_changed_and_tested_the_next_case_goes_there_and_it_is_undone(
    chrome: Browser, panel: PanelServed
) -> None:
    async with panel.engine.connect() as connection:
        names = await read_names(connection)
    water, gas = names.of("agency", "abfa"), names.of("agency", "gas")
    async with window(chrome, panel, "admin") as page:
        assert await ask_tester(page) == water
        await choose_rule(page, "gas")
        await panel.panel.book.load()
        assert await ask_tester(page) == gas
        await screenshot(page, "admin-tester")
        assert not await serious(page)
        at = await counter(panel.engine)
        assert (await at.row(await at.open("water.bill", "ahar"))).agency == "gas"
        await page.goto("/panel/admin/history")
        await screenshot(page, "admin-history")
        assert not await serious(page)
        await page.get_by_role("button", name=TEXT("admin.history.undo"), exact=True).click()
        await page.get_by_text(TEXT("admin.undone")).wait_for()
        await panel.panel.book.load()
        assert await ask_tester(page) == water
        # By keyboard alone: a deadline that is no number comes back with its sentence, where the focus is.
        await page.goto(f"{BOOK}/topic/row?key=water.bill")
        await page.focus("#f-deadline_days")
        await page.keyboard.type("هفت")
        await page.keyboard.press("Enter")
        await page.locator("#d-deadline_days.wrong").wait_for()
        await expect(page.locator("#f-deadline_days")).to_be_focused()
        assert (await page.input_value("#f-deadline_days")).startswith("هفت")
        assert not await serious(page)


async def test_a_file_with_a_wrong_line_is_told_and_a_right_one_shown_before_it_comes_in(
    chrome: Browser, panel: PanelServed
) -> None:
    excel = "\ufeffcode;deadline_days\r\nwater.bill;۹\r\nwater.sewage;صد\r\n"
    async with window(chrome, panel, "admin") as page:

        async def send(text: str) -> None:
            await page.goto(f"{BOOK}/topic/import")
            file: FilePayload = {"name": "topics.csv", "mimeType": "text/csv", "buffer": text.encode()}
            assert await page.locator(".file output").inner_text() == TEXT("common.file.none")
            async with page.expect_file_chooser() as opened:
                await page.get_by_text(TEXT("common.file.choose")).click()
            await (await opened.value).set_files(file)
            assert await page.locator(".file output").inner_text() == "topics.csv"
            await page.get_by_role("button", name=TEXT("admin.import.look")).click()

        await send(excel)
        told = page.get_by_role("alert").locator("tbody tr")
        await told.first.wait_for()
        assert await told.locator("td").all_inner_texts() == [
            "۳",
            "۲",
            TEXT("admin.field.deadline_days"),
            TEXT("admin.wrong.number", low=1, high=365, given="“صد”"),
        ]
        await screenshot(page, "admin-import-wrong")
        await send(excel.replace("صد", "۱۰"))
        assert await history(panel.engine) == []
        await screenshot(page, "admin-import")
        assert not await serious(page)
        await page.fill("#reason", "بخشنامه")
        await page.get_by_role("button", name=TEXT("admin.import.do")).click()
        await page.get_by_text(TEXT("admin.imported")).wait_for()
        assert (await row(panel, "topic", "water.sewage"))["deadline_days"] == 10
        assert {h["reason"] for h in await history(panel.engine)} == {"بخشنامه"}
        async with page.expect_download() as download:
            await page.get_by_role("link", name="CSV").click()
        text = (await (await download.value).path()).read_text("utf-8-sig")
        assert "water.sewage" in text


async def looked_at(client: Client, name: str, data: bytes) -> tuple[str, list[list[str]]]:
    """The heading over the mistakes of a file, and their cells."""
    answer = await client.post(
        f"{BOOK}/topic/import", {"name": name, "data": base64.b64encode(data).decode()}
    )
    page = html.unescape(await answer.text())
    assert answer.status == 422, name
    found = page.partition('role="alert"')[2].partition("</tbody>")[0]
    rows = [re.findall("<td>(.*?)</td>", each) for each in found.split("<tr>")]
    return found.partition("</h2>")[0].rpartition(">")[2], [cells for cells in rows if cells]


async def test_what_is_no_file_of_rows_is_told_in_persian_with_its_place(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    for data, name, says in (*NO_FILES, (b'code,name\nx,"a" b\n', "a.csv", "")):
        if not data:
            continue  # no file was chosen
        _, [[line, column, _, sentence], *_] = await looked_at(client, name, data)
        told = re.sub("“[^”]*”|\\.?(csv|yaml|CSV|YAML)|UTF-8|topics|name|[&*]", "", sentence)
        assert not re.search("[a-zA-Z0-9]", told) and told, (sentence, says)
        assert re.fullmatch("[۰-۹]+", line) and re.fullmatch("[۰-۹]+", column)
    _, [[line, column, field, sentence]] = await looked_at(client, "a.csv", b"code,nam\nx,y\n")
    assert (line, column, field) == ("۱", "۲", "nam")
    assert sentence == "ستونی به نام “nam” نداریم. (شاید «name»؟)"


async def test_of_more_mistakes_than_are_shown_their_number_is_told(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    for many, said in ((50, ""), (51, TEXT("admin.import.first", n=50))):
        file = "code,deadline_days\n" + "water.bill,x\n" * many
        heading, rows = await looked_at(client, "a.csv", file.encode())
        assert heading == f"{TEXT('admin.import.mistakes', n=many)} {said}".strip() and len(rows) == 50


async def test_a_file_is_looked_at_again_where_a_colleague_changed_a_row_meanwhile(
    chrome: Browser, panel: PanelServed
) -> None:
    client = await panel.signed_in("admin")
    file = {"name": "t.csv", "mimeType": "text/csv", "buffer": b"code,deadline_days\nwater.bill,9\n"}
    async with window(chrome, panel, "admin") as page:
        await page.goto(f"{BOOK}/topic/import")
        await page.set_input_files("#file", file)  # type: ignore[arg-type]
        await page.get_by_role("button", name=TEXT("admin.import.look")).click()
        await page.fill("#reason", "بخشنامه")
        sent = await form(client, "topic", "water.bill") | {"deadline_days": "3"}
        assert (await client.post(f"{BOOK}/topic/save", sent)).status == 303
        await page.get_by_role("button", name=TEXT("admin.import.do")).click()
        await expect(page.get_by_text(TEXT("admin.conflict"))).to_be_visible()
        await expect(page.locator("del")).to_have_text("۳")
        assert (await row(panel, "topic", "water.bill"))["deadline_days"] == 3
        await expect(page.locator("#reason")).to_have_value("بخشنامه")
        await page.get_by_role("button", name=TEXT("admin.import.do")).click()
        await page.get_by_text(TEXT("admin.imported")).wait_for()
    assert (await row(panel, "topic", "water.bill"))["deadline_days"] == 9


async def test_the_pages_are_for_everybody_s_eyes(chrome: Browser, panel: PanelServed) -> None:
    """Those with parts in their addresses; tests/web/test_pages.py sees the others."""
    snow = {"day": "1405-09-07", "county": "", "note": "برف", "is_working": ""}
    await change(panel.engine, Why((await panel.person("admin")).actor), wish(BY_NAME["day"], snow))
    looks = (("light", WIDE), ("dark", WIDE), ("light", PHONE))
    async with window(chrome, panel, "admin") as page:
        for name, path in (
            ("overview", "/panel/admin"),
            ("agencies", f"{BOOK}/agency"),
            ("agency", f"{BOOK}/agency/row?key=abfa"),
            ("calendar", "/panel/admin/calendar?year=1405&month=9"),
            ("person", "/panel/admin/people/new"),
            ("wording", f"{BOOK}/wording/row?key=repaired/water.*/answered"),
            ("notices", f"{BOOK}/notice"),
            ("notice", f"{BOOK}/notice/row?key=case_referred/agency/email/*"),
        ):
            await page.goto(path)
            for look, size in looks:
                await page.set_viewport_size(size)
                await page.emulate_media(color_scheme="dark" if look == "dark" else "light")
                await screenshot(page, f"admin-{name}-{look if size is WIDE else 'phone'}")
                if size is WIDE:
                    assert not await serious(page), (path, look)
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"{path} is {wide} px too wide"


async def test_the_states_of_days_differ_in_high_contrast(chrome: Browser, panel: PanelServed) -> None:
    looks = ("light", "dark")
    async with window(chrome, panel, "admin") as page:
        for look in looks:
            await page.emulate_media(
                forced_colors="active", color_scheme="dark" if look == "dark" else "light"
            )
            await page.goto("/panel/admin/calendar?year=1405&month=9")
            colours = "all => new Set(all.map((each) => getComputedStyle(each).backgroundColor)).size"
            assert await page.locator(".legend .dot").evaluate_all(colours) == 4
            assert await page.locator(".month td:is(.working, .off)").evaluate_all(colours) == 2
            await screenshot(page, f"admin-calendar-contrast-{look}")


async def test_what_another_admin_made_of_her_is_not_undone_by_a_page_that_was_open(
    panel: PanelServed,
) -> None:
    her, client = await panel.person("operator"), await panel.signed_in("admin")
    place = f"/panel/admin/people/{her.name}/change"
    mine, other = await change_form(client, her.name), await panel.signed_in("admin")
    theirs = await change_form(other, her.name) | {"areas": ["ahar"]}
    assert (await other.post(place, theirs)).status == 303
    for late in (mine | {"email": "m@example.org"}, mine | {"role": "supervisor"}):
        answer = await client.post(place, late)
        page = await answer.text()
        assert answer.status == 422 and TEXT("admin.people.outdated") in page
        [found] = [each for each in await people.listed(panel.engine) if each["name"] == her.name]
        assert (found["areas"], found["email"]) == (["ahar"], "")
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen and 'value="supervisor" selected' in page and TEXT("admin.current") in page
    asked = await client.post(place, mine | {"role": "supervisor", "seen": seen[1]})
    assert asked.headers["Location"].endswith("said=asked")


async def test_what_would_be_gone_for_good_is_asked_twice(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    code = await at.open()
    await closing.withdraw(panel.engine, at.page, at.ask(code, "citizen"))
    panel.clock.now += timedelta(days=100)
    client = await panel.signed_in("admin")
    key = "cases//withdrawn"
    short = await form(client, "retention", key) | {"delete_after": "60", "anonymise_after": "90"}
    first = await client.post(f"{BOOK}/retention/save", short)
    page = await first.text()
    assert first.status == 422 and TEXT("admin.retention_sure", n=1) in page and 'value="60"' in page
    assert await history(panel.engine) == []
    assert (await client.post(f"{BOOK}/retention/save", short | {"sure": "true"})).status == 303
    long = await form(client, "retention", key) | {"delete_after": "700", "anonymise_after": "700"}
    assert (await client.post(f"{BOOK}/retention/save", long)).status == 303
    newest = (await history(panel.engine))[0]["number"]
    undone = await client.post("/panel/admin/undo", {"number": str(newest)})
    assert undone.status == 422 and TEXT("admin.cannot_undo_retention", n=1) in await undone.text()
    assert (await client.get(f"{BOOK}/retention/import")).status == 404


async def test_an_edit_that_came_while_a_form_was_made_is_not_overwritten(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = await panel.signed_in("admin"), await panel.signed_in("admin")
    theirs = await form(other, "agency", "abfa")

    async def meanwhile(*asked: Any, **more: Any) -> Any:
        """Between what the form shows and its end somebody else saves."""
        monkeypatch.undo()
        answer = await other.post(f"{BOOK}/agency/save", theirs | {"name": "آب و فاضلاب استان"})
        assert answer.status == 303
        return await history(*asked, **more)

    monkeypatch.setattr(book_rows, "history", meanwhile)
    sent = await form(mine, "agency", "abfa")
    answer = await mine.post(f"{BOOK}/agency/save", sent | {"reason": "تلفن"})
    assert answer.status == 422 and TEXT("admin.conflict") in await answer.text()
