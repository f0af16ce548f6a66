"""Small things that the panel says, and that must be so."""

from __future__ import annotations

import ast
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

import ivr
from ivr.cases.code import grouped
from ivr.desk.call.interventions import Intervening
from ivr.desk.case import referring
from ivr.desk.keeping.retention import TOLD
from ivr.desk.letters.indicator import PaperKind
from ivr.desk.people.auditing import note
from ivr.desk.recordings.hearing import Rendition
from ivr.store.tables import suggestions
from ivr.voice.prompt_sounds import PromptSound, TakeRefused
from ivr.web.admin import prompts
from ivr.web.browser_phone import Telephone
from ivr.web.panel.locale import digits, words
from tests.desk.counter import Counter, counter
from tests.fixtures.database import SEED
from tests.web.browser import PHONE, chrome, screenshot, serious, window
from tests.web.panel import PASSWORD, PanelServed, panel_served

__all__ = ["chrome"]
TEXT = words()


@pytest.fixture
async def panel(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[PanelServed]:
    async with panel_served(engine, tmp_path, seed=SEED) as served:
        yield served


async def suggest(at: Counter, code: str, *top: tuple[str, float]) -> None:
    """What the machine would have thought of a case: agencies and how sure it is."""
    guesses = [{"agency": agency, "topic": "water.supply", "confidence": sure} for agency, sure in top]
    row = {"id": uuid.uuid4(), "case_id": (await at.row(code)).id, "suggested_at": at.at, "top": guesses}
    async with at.engine.begin() as connection:
        await connection.execute(insert(suggestions), [row | {"source": "words", "assigned": False}])


async def test_a_body_that_returned_the_case_and_one_of_no_likelihood_are_not_offered(
    panel: PanelServed, chrome: Browser
) -> None:
    at = await counter(panel.engine)
    code = await at.open()
    await suggest(at, code, ("abfa", 0.998), ("edu", 0.31), ("shahrdari_tabriz", 0.004))
    await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "کار ما نیست"))
    async with window(chrome, panel, "supervisor", size={"width": 1366, "height": 768}) as page:
        await page.goto(f"/panel/cases/{code}")
        shown = page.locator(".suggested .guess")
        await expect(shown).to_have_count(2)
        await expect(shown.nth(0)).to_contain_text(TEXT("casefile.gave_back"))
        assert "٪" not in await shown.nth(0).inner_text()
        await expect(shown.nth(0).locator("button")).to_have_count(0)
        await expect(shown.nth(1).locator("button")).to_have_count(1)
        await expect(page.locator("h1")).to_have_text(digits(grouped(code)))
        assert not await serious(page)
        await screenshot(page, "truths-suggested")
        await page.set_viewport_size(PHONE)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await screenshot(page, "truths-suggested-phone")


async def test_a_latin_name_leaves_the_date_beside_it_alone(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    code = await at.open()
    await referring.accept(at.engine, at.page, at.ask(code, "abfa/city_app"))
    story = await (await panel.signed_in("supervisor")).text(f"/panel/cases/{code}")
    assert "<bdi>city_app، " in story.partition('id="story-lines"')[2]


def test_fractions_are_written_in_persian() -> None:
    told = TEXT("admin.take.clipped", **TakeRefused("clipped", percent=1.3125).params)
    assert "۱٫۳ درصد" in told
    assert "2٫0" not in TEXT("admin.take.short", seconds=2.0, about=12.25)
    assert "۱۲٫۲" in TEXT("admin.take.short", seconds=2.0, about=12.25)


async def test_the_auditor_finds_what_was_seen_of_a_case(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    code, other = await at.open(), await at.open()
    for each in (code, other):
        await (await panel.signed_in("supervisor")).text(f"/panel/cases/{each}")
    auditor = await panel.signed_in("auditor")
    for typed in (f"case/{code}", f"case/{grouped(code)}", digits(code)):
        found = await auditor.text(f"/panel/admin/audit?about={typed}")
        assert TEXT("admin.audit.action.case_seen") in found
        assert f"about=case/{code}" in found and f"about=case/{other}" not in found
    nobody = await (await panel.signed_in("admin")).text(f"/panel/admin/audit?about=case/{code}")
    assert TEXT("admin.audit.none") in nobody, "who may see no cases can't try codes there"


async def test_the_auditor_reads_in_persian_what_was_heard_and_what_was_taken_along(
    panel: PanelServed,
) -> None:
    at = await counter(panel.engine)
    async with panel.engine.begin() as connection:
        for deed in (*(f"heard_{form}" for form in Rendition), "meeting_agenda_exported"):
            await note(connection, at.at, deed)
    page = await (await panel.signed_in("auditor")).text("/panel/admin/audit")
    assert "heard_" not in page and "meeting_agenda_exported" not in page
    assert TEXT("admin.audit.action.heard_blind") in page


def test_whatever_is_noted_in_the_audit_has_its_word() -> None:
    noted = {
        call.args[2].value
        for file in Path(ivr.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("note", "auditing.note")
        if len(call.args) > 2 and isinstance(call.args[2], ast.Constant)
    }
    noted |= {f"call_{did}" for did in Intervening} | {*TOLD}
    noted |= {f"meeting_{kind}_printed" for kind in PaperKind}
    assert noted - set(TEXT.under("admin.audit.action")) == set()


async def test_what_an_older_release_noted_of_a_case_tells_its_code_only_to_who_may_see_it(
    panel: PanelServed,
) -> None:
    at = await counter(panel.engine)
    code = await at.open()
    async with panel.engine.begin() as connection:
        await note(connection, at.at, "lottery_rung", subject=f"case/{code}")
    deed = TEXT("admin.audit.action.lottery_rung")
    page = await (await panel.signed_in("auditor")).text("/panel/admin/audit")
    assert deed in page and code in page
    admin = await panel.signed_in("admin")
    page = await admin.text("/panel/admin/audit")
    assert deed in page and code not in page
    assert deed not in await admin.text(f"/panel/admin/audit?about=case/{code}")


async def test_after_the_first_password_one_is_where_one_wanted_to_be(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    wanted = f"/panel/cases/{await at.open()}"
    person = await panel.person("supervisor", must_change=True)
    client = await panel.client(person, await panel.token_of(person))
    answer = await client.get(wanted)
    assert answer.headers["Location"] == f"/panel/account/password?next={wanted}"
    assert f'name="next" value="{wanted}"' in await client.text(answer.headers["Location"])
    fields = {"old": PASSWORD, "password": "a new green kettle 8", "next": wanted}
    wrong = await client.post("/panel/account/password", fields | {"again": "another"})
    assert f'name="next" value="{wanted}"' in await wrong.text()
    answer = await client.post("/panel/account/password", fields | {"again": "a new green kettle 8"})
    assert answer.headers["Location"] == wanted
    outside = await client.post("/panel/account/password", fields | {"next": "https://example.ir/"})
    assert "example.ir" not in outside.headers.get("Location", "") + await outside.text()


def test_the_prompts_begin_with_the_welcome() -> None:
    ids = ["agency.abfa", "beep", "county.ahar", "kind.menu", "number.1", "welcome"]
    seen = [PromptSound(id, "fa", "", "", True, "", 0.0, None) for id in ids]
    ordered = [one.id for one in prompts._ordered(seen)]  # the order alone, without a page
    assert ordered == ["welcome", "kind.menu", "agency.abfa", "beep", "county.ahar", "number.1"]


async def test_the_listening_dock_ends_listening_and_not_the_call(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    desk_phone = Telephone("ws://127.0.0.1:9/ws", "seda111-desk", "secret", "111")
    async with panel_served(engine, tmp_path, desk_phone=desk_phone) as panel:
        board = await (await panel.signed_in("supervisor")).text("/panel/live")
        dock = board.partition('class="dock')[2]
    assert TEXT("live.dock.ends.listen") in dock and TEXT("public.call.hang_up") not in dock
    assert "پس از بوق" not in dock, "that is said to callers"
