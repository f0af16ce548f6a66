"""What went wrong is a page in Persian too."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.people import own_account
from ivr.store.engine import make_engine
from ivr.store.tables import attempts, people
from ivr.web import outside
from ivr.web.application import attach
from ivr.web.health import application
from ivr.web.panel.locale import words
from ivr.web.window import Counter, problem_of
from tests.fixtures.database import SEED
from tests.web.browser import screenshot, serious, window
from tests.web.panel import PanelServed, panel_served
from tests.web.service import LEARNING


async def test_with_the_database_away_the_panel_says_so(tmp_path: Path, chrome: Browser) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:1/nothing")  # nobody listens on port 1
    async with panel_served(away, tmp_path) as served, window(chrome, served) as page:
        await page.context.add_cookies([{"name": "seda", "value": "x" * 43, "url": served.url}])
        answer = await page.goto("/panel/account")
        assert answer is not None and answer.status == 503
        await expect(page.get_by_role("heading", level=1)).to_have_text("سامانه به پایگاه داده دسترسی ندارد")
        await screenshot(page, "error-503")
        assert not await serious(page)
        sent = await page.request.post(
            "/panel/desk", form={"csrf": "x", "words": "از کنتور نشت می‌کند"}, max_redirects=0
        )
        assert sent.status == 503 and "از کنتور نشت می‌کند</textarea>" in await sent.text()
    await away.dispose()


async def test_with_the_database_away_all_that_was_typed_or_chosen_at_the_desk_is_read_again(
    panel: PanelServed, chrome: Browser
) -> None:
    typed = {"caller": "914", "caller_name": "Ali", "words": "از کنتور نشت می‌کند", "national_id": "12"}
    async with window(chrome, panel, "operator") as page:
        await page.goto("/panel/desk")
        for name, text in typed.items():
            await page.fill(f"#f-{name}", text)
        await page.get_by_label(words()("common.kind.request")).check()
        await page.get_by_label(words()("desk.county"), exact=True).select_option("ahar")
        chosen = {"desk.kind": "درخواست", "desk.county": "اهر", "desk.language": "فارسی"}
        away, there = make_engine("postgresql://nobody@127.0.0.1:1/nothing"), panel.panel.engine
        panel.panel.engine = away
        await page.get_by_role("button", name="ثبت پرونده").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(words()("common.error.503.title"))
        for name, text in typed.items():
            await expect(page.get_by_label(words()(f"desk.{name}"))).to_have_value(text)
        for label, text in chosen.items():
            await expect(page.get_by_label(words()(label), exact=True)).to_have_value(text)
        assert await page.locator("textarea").count() == len(typed) + len(chosen)
        await screenshot(page, "error-503-written")
        assert not await serious(page)
        panel.panel.engine = there
    await away.dispose()


async def test_what_went_wrong_leads_a_citizen_to_the_first_page_and_staff_to_the_panel(
    panel: PanelServed, tmp_path: Path
) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    async with panel_served(away, tmp_path) as served:
        citizen = await served.client()
        pages = [await citizen.get("/paper/x"), await citizen.post("/track", {"csrf": "old"})]
        for answer, status in zip(pages, (503, 403), strict=True):
            page = await answer.text()
            assert answer.status == status and 'href="/"' in page and "/panel/" not in page, status
    await away.dispose()
    office = await panel.signed_in("auditor")
    page = await (await office.get("/panel/nothing")).text()
    assert 'href="/panel/"' in page and 'href="/"' not in page


async def test_a_slip_in_an_address_leads_to_the_first_page_and_other_systems_keep_their_own_answers(
    panel: PanelServed, tmp_path: Path
) -> None:
    app, http = application(), await panel.anybody()
    attach(app, panel.panel, lambda *_: None)
    book = panel.panel.book
    outside.attach(app, Counter(panel.engine, book, LEARNING, tmp_path, SEED.name, panel.clock))  # later
    async with TestServer(app) as server:

        async def got(path: str, method: str = "GET") -> tuple[int, str, str]:
            url = server.make_url(path)
            async with http.request(method, url, allow_redirects=False) as answer:
                return answer.status, answer.content_type, await answer.text()

        for slip in ("/Track", "/track.", "/track/x", "/paper/", "/healthz/", "/static/x", "/%D9%BE"):
            status, kind, page = await got(slip)
            assert (status, kind) == (404, "text/html"), slip
            assert "چنین صفحه‌ای نیست" in page and 'href="/"' in page and "/panel/" not in page, slip
        for its in ("", "?code=1234567890"):  # a letter's QR brings the code
            async with http.get(server.make_url(f"/track/{its}"), allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, f"/track{its}")
        for path in ("/", "/track", "/healthz", "/api/openapi.json"):
            assert (await got(path))[0] == 200, path
        for own in ("/api", "/api/nothing", "/open311/nothing", "/static/x/nothing.css"):
            status, _, told = await got(own)
            assert status == 404 and "چنین صفحه‌ای" not in told, own
        assert (await got("/healthz", "HEAD"))[0] == 200 and (await got("/healthz", "POST"))[0] == 405
        assert (await got("/panel/nothing"))[0] == 303, "to the sign-in"


async def test_a_fault_of_ours_is_logged_and_tells_nothing(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(own_account, "account", lambda *_: 1 / 0)
    client = await panel.signed_in("admin")
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/panel/account")
    text = await answer.text()
    assert answer.status == 500 and "خطایی در سامانه رخ داد" in text
    assert "ZeroDivision" not in text and "ZeroDivision" in caplog.text


async def test_what_the_database_refuses_is_no_reason_to_wait_for_it(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def account(engine: AsyncEngine, *_: object) -> None:
        async with engine.connect() as connection:
            await connection.execute(select(people.c.id).where(people.c.name == "\0"))

    monkeypatch.setattr(own_account, "account", account)
    client = await panel.signed_in("admin")
    assert (await client.get("/panel/account")).status == 500
    with pytest.raises(DBAPIError) as refused:
        await account(panel.engine)
    assert problem_of(refused.value).status == 500, "nor for other systems"


@pytest.mark.parametrize("path", ["admin/audit?who=%00", "admin/audit?about=%00", "cases/%00"])
async def test_what_no_database_takes_in_an_address_is_refused_where_it_is_read(
    panel: PanelServed, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await panel.signed_in("admin")
    assert (await client.get(f"/panel/{path}")).status == 400
    assert "failed" not in caplog.text


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/track", {"code": "1234567890\0"}, 404),
        ("/panel/sign-in", {"name": "karimi\0", "password": "x\0"}, 422),
    ],
)
async def test_what_no_database_takes_in_a_field_is_left_out_and_the_try_is_counted(
    panel: PanelServed, path: str, sent: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    client = await panel.client()
    await client.get(path)
    assert (await client.post(path, sent)).status == status
    async with panel.engine.connect() as connection:
        assert (await connection.execute(select(attempts.c.many))).scalars().all()
    assert "failed" not in caplog.text


async def test_each_kind_of_refusal_has_its_page(panel: PanelServed, chrome: Browser) -> None:
    async with window(chrome, panel, "auditor") as page:
        for path, status in (("/panel/nothing", 404), ("/panel/sign-out", 404)):
            answer = await page.goto(path)
            assert answer is not None and answer.status == status
            await screenshot(page, f"error-{status}")
            assert not await serious(page)
        await page.goto("/panel/account")
        forged = await page.request.post("/panel/sign-out", form={"csrf": "x"}, max_redirects=0)
        assert forged.status == 403 and "اجازه ندارید" in await forged.text()
