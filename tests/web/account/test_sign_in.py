"""Signing in to the panel, by forms and in a real browser."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import Browser, expect
from sqlalchemy import select

from ivr.store.tables import audit
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import PASSWORD, Client, PanelServed

WRONG = "نام کاربری یا رمز عبور درست نیست."


async def actions(panel: PanelServed) -> list[str]:
    async with panel.engine.connect() as connection:
        return list((await connection.execute(select(audit.c.action).order_by(audit.c.id))).scalars())


async def sign_in(client: Client, name: str, password: str = PASSWORD, **more: str) -> tuple[int, str]:
    await client.get("/panel/sign-in")
    answer = await client.post("/panel/sign-in", {"name": name, "password": password} | more)
    return answer.status, answer.headers.get("Location", "")


async def test_a_person_signs_in_sees_who_she_is_and_signs_out(panel: PanelServed, chrome: Browser) -> None:
    person = await panel.person("officer")
    async with window(chrome, panel) as page:
        await page.goto("/panel/")
        await expect(page).to_have_title("ورود به سامانه · صدا ۱۱۱")
        await screenshot(page, "sign-in")
        assert not await serious(page)
        await page.get_by_label("نام کاربری").fill(person.name)
        await page.get_by_label("رمز عبور").fill("not the password")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text(WRONG)
        await page.get_by_label("رمز عبور").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="مریم کریمی").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("حساب من")
        await expect(page.get_by_role("main")).to_contain_text("کارشناس دستگاه")
        assert not await serious(page)
        (cookie,) = [c for c in await page.context.cookies() if c["name"] == "seda"]
        assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and not cookie["secure"]
        await page.get_by_role("button", name="خروج").click()
        await expect(page).to_have_title("ورود به سامانه · صدا ۱۱۱")
        await page.goto("/panel/")
        assert page.url.endswith("/panel/sign-in?next=/panel/")
    assert await actions(panel) == ["sign_in_refused", "signed_in", "signed_out"]


async def test_dark_and_narrow(panel: PanelServed, chrome: Browser) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    async with window(chrome, panel, "supervisor", dark=True) as page:
        await page.goto("/panel/account")
        assert not await serious(page)
        machines = await page.evaluate(ground)
        for name, theme in (("حالت روشن", "light"), ("حالت تیره", "dark")):
            await page.get_by_role("button", name=name).click()
            await expect(page.locator("html")).to_have_attribute("data-theme", theme)
            assert not await serious(page)
            assert (await page.evaluate(ground) == machines) is (theme == "dark")
    async with window(chrome, panel, "supervisor", size=PHONE) as page:
        await page.goto("/panel/account")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        await page.locator(".fold > summary").click()
        await expect(page.get_by_role("button", name="خروج")).to_be_visible()
        await screenshot(page, "phone-menu")


async def test_a_session_ends_when_it_is_idle_and_after_its_whole_time(panel: PanelServed) -> None:
    client = await panel.signed_in("auditor")
    for _ in range(7):
        panel.clock.now += timedelta(hours=1, minutes=40)
        assert (await client.get("/panel/account")).status == 200
    panel.clock.now += timedelta(minutes=21)  # used all the time, but twelve hours are over
    assert (await client.get("/panel/account")).status == 303
    other = await panel.signed_in("auditor")
    panel.clock.now += timedelta(hours=2)
    answer = await other.get("/panel/?a=1")
    assert (answer.status, answer.headers["Location"]) == (303, "/panel/sign-in?next=/panel/%3Fa%3D1")


async def test_a_page_s_stream_that_is_begun_again_after_each_cut_is_no_use_of_a_session(
    panel: PanelServed,
) -> None:
    client, itself = await panel.signed_in("supervisor"), {"Accept": "text/event-stream"}
    for _ in range(2):
        async with client.http.get("/panel/inbox/events", headers=itself) as answer:
            assert answer.content_type == "text/event-stream"
        panel.clock.now += timedelta(hours=1)
    assert (await client.get("/panel/inbox")).status == 303


async def test_what_was_typed_until_the_session_was_over_is_shown_to_be_copied(panel: PanelServed) -> None:
    client, comes = await panel.signed_in("operator"), {"Referer": f"{panel.url}/panel/desk?a=1"}
    await client.get("/panel/account")
    panel.clock.now += timedelta(hours=3)
    typed = {"words": "از کنتور <b>آب</b> نشت می‌کند", "caller": "09141234567", "kind": "complaint"}
    page = await (await client.post("/panel/desk", typed, headers=comes)).text()
    assert "از کنتور &lt;b&gt;آب&lt;/b&gt; نشت می‌کند</textarea>" in page
    assert "\n09141234567</textarea>" in page
    assert 'href="/panel/sign-in?next=/panel/desk%3Fa%3D1"' in page
    assert "complaint" not in page and client.proof not in page
    forged = await client.post("/panel/desk", typed, headers={"Sec-Fetch-Site": "cross-site"})
    assert forged.status == 401 and "09141234567" not in await forged.text()
    secret = {"old": "an old brown kettle 7", "password": "یک رمز تازه", "again": "یک رمز تازه"}
    page = await (await client.post("/panel/account/password", secret)).text()
    assert "kettle" not in page and "رمز تازه" not in page
    htmx = {"HX-Request": "true"}
    for piece in (
        await client.post("/panel/desk/beside", typed, headers=htmx),
        await client.get("/panel/cases/1234567894/seen-by", headers=htmx),
    ):
        assert piece.status == 401 and "HX-Redirect" not in piece.headers, "the page stays as it is"
    out = await client.post("/panel/sign-out")
    assert (out.status, out.headers["Location"]) == (303, "/panel/sign-in")


async def test_a_page_from_before_the_last_sign_in_gives_back_what_was_typed(panel: PanelServed) -> None:
    person = await panel.person("operator")
    before = await panel.client(person, await panel.token_of(person))
    await before.get("/panel/account")
    now = await panel.client(person, await panel.token_of(person))
    typed = {"csrf": before.proof, "words": "از کنتور نشت می‌کند"}
    answer = await now.post("/panel/desk", typed)
    assert answer.status == 403 and "از کنتور نشت می‌کند</textarea>" in await answer.text()
    piece = await now.post(
        "/panel/desk/beside", typed, headers={"HX-Request": "true", "X-CSRF-Token": before.proof}
    )
    assert (piece.status, piece.headers["X-CSRF-Token"]) == (403, "stale")


async def test_one_goes_on_to_where_one_wanted_and_nowhere_else(panel: PanelServed) -> None:
    person = await panel.person("admin")
    for wanted, comes in {
        "/panel/account?a=1": "/panel/account?a=1",
        "https://evil.example/panel/": "/panel/",
        "//evil.example/panel/": "/panel/",
        "/panel//evil.example": "/panel/",
        "/panel/\\evil.example": "/panel/",
        "/other": "/panel/",
    }.items():
        assert await sign_in(await panel.client(), person.name, next=wanted) == (303, comes)
