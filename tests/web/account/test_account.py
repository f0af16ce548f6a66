"""One's own account: a first password, a second factor, sessions elsewhere, and who guesses too often."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import insert, select

from ivr.cases.roles import Role
from ivr.desk.people import own_account, people, signing_in, totp
from ivr.desk.people.people import Person
from ivr.desk.people.puzzles import PuzzleFirst
from ivr.desk.people.signing_in import From, Keeping, NotSignedIn
from ivr.desk.refusals import Refused
from ivr.settings import Web
from ivr.store.tables import factor_roles, sessions
from ivr.store.tables import people as people_table
from ivr.web.panel.locale import words
from tests.fixtures.database import until_blocked
from tests.fixtures.solving import solved
from tests.web.account.test_sign_in import WRONG, actions, sign_in
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import PASSWORD, QUICK, PanelServed

NEW = "seven green bicycles"


async def fill_in(page: Page, person: Person, password: str) -> None:
    await page.goto("/panel/sign-in")
    await page.get_by_label("نام کاربری").fill(person.name)
    await page.get_by_label("رمز عبور").fill(password)
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/panel/(?!sign-in$)"))


async def code_of(panel: PanelServed, person: Person) -> str:
    async with panel.engine.connect() as connection:
        secret = (
            await connection.execute(select(people_table.c.totp_secret).where(people_table.c.id == person.id))
        ).scalar_one()
    return totp.code_at(secret, int(panel.clock.now.timestamp()) // totp.STEP_SECONDS)


async def test_a_first_password_is_changed_before_anything_else(panel: PanelServed, chrome: Browser) -> None:
    person = await panel.person("supervisor", must_change=True)
    async with window(chrome, panel) as page:
        await fill_in(page, person, PASSWORD)
        await expect(page.get_by_role("heading", level=1)).to_have_text("تغییر رمز عبور")
        await screenshot(page, "first-password")
        assert not await serious(page)
        await page.goto("/panel/account")
        assert "/panel/account/password" in page.url
        for old, new, again, sentence in [
            (PASSWORD, PASSWORD, PASSWORD, "نه رمز پیشین"),
            (PASSWORD, NEW, "another one", "یکی نیست"),
            (PASSWORD, "short", "short", "دست‌کم ۱۰ نویسه"),
            ("not this one", NEW, NEW, "رمز عبور کنونی درست نیست"),
            (PASSWORD, NEW, NEW, ""),
        ]:
            await page.get_by_label("رمز عبور کنونی").fill(old)
            await page.get_by_label("رمز عبور تازه", exact=True).fill(new)
            await page.get_by_label("تکرار رمز عبور تازه").fill(again)
            await page.keyboard.press("Enter")
            if sentence:
                await expect(page.locator(".wrong")).to_contain_text(sentence)
        await expect(page.get_by_role("heading", level=1)).to_have_text("حساب من")
    other = await panel.client()
    assert (await sign_in(other, person.name))[0] == 422
    assert (await sign_in(other, person.name, NEW))[0] == 303
    assert "password_changed" in await actions(panel)


async def test_a_second_factor_from_set_up_to_recovery(panel: PanelServed, chrome: Browser) -> None:
    person = await panel.person("admin")
    async with window(chrome, panel) as page:
        await fill_in(page, person, PASSWORD)
        await page.get_by_role("link", name=person.full_name).click()
        await page.get_by_role("link", name="روشن کردن").click()
        await screenshot(page, "second-factor")
        assert not await serious(page)
        box = await page.get_by_role("img", name="نشان QR").bounding_box()
        assert box is not None and box["width"] > 200
        await page.get_by_label("رمز شش‌رقمی").fill("000000")
        await page.keyboard.press("Enter")
        await expect(page.locator(".wrong")).to_contain_text("درست نیست")
        await page.get_by_label("رمز شش‌رقمی").fill(await code_of(panel, person))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("رمزهای بازیابی")
        recovery = await page.locator(".codes code").all_inner_texts()
        await screenshot(page, "recovery-codes")
        await page.get_by_role("button", name="خروج").click()

        await fill_in(page, person, PASSWORD)
        await expect(page.get_by_role("heading", level=1)).to_have_text("رمز یک‌بارمصرف")
        await screenshot(page, "second-factor-asked")
        assert not await serious(page)
        await page.goto("/panel/account")
        assert "/panel/sign-in/code?next=/panel/account" in page.url
        await page.get_by_label("رمز یک‌بارمصرف").fill(await code_of(panel, person))  # used in the set-up
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("پیش‌تر به کار رفته")
        panel.clock.now += timedelta(seconds=30)
        persian = (await code_of(panel, person)).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
        await page.get_by_label("رمز یک‌بارمصرف").fill(persian)
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(r"/panel/(?!sign-in)"))
    assert len(recovery) == totp.RECOVERY_CODES
    for again in (False, True):
        client = await panel.client()
        assert await sign_in(client, person.name) == (303, "/panel/")
        assert (await client.get("/panel/account")).status == 303
        await client.get("/panel/sign-in/code")
        answer = await client.post("/panel/sign-in/code", {"code": recovery[0].upper()})
        assert answer.status == (422 if again else 303)
        assert (await client.get("/panel/account")).status == (303 if again else 200)


async def test_whose_role_needs_the_second_factor_moves_it_to_another_telephone(
    panel: PanelServed, chrome: Browser
) -> None:
    """It can't be switched off there; the old telephone is good until the new one has shown a code."""
    old = totp.new_secret()
    person = await panel.person("supervisor", totp_secret=old, totp_since=panel.clock(), recovery=["x"])
    async with panel.engine.begin() as connection:
        await connection.execute(insert(factor_roles).values(role="supervisor", needed=True))
    client = await panel.client(person, await panel.token_of(person))
    other = await panel.client(person, await panel.token_of(person))
    assert (await client.post("/panel/account/second-factor/drop", {"old": PASSWORD})).status == 409
    async with window(chrome, panel) as page:
        token = await panel.token_of(person)
        await page.context.add_cookies([{"name": "seda", "value": token, "url": panel.url}])
        await page.goto("/panel/account")
        await expect(page.locator("main")).to_contain_text("نقش شما (سرپرست) به آن نیاز دارد")
        await expect(page.get_by_role("button", name="خاموش کردن")).to_have_count(0)
        await screenshot(page, "account-factor-needed")
        assert not await serious(page)
        await page.get_by_role("link", name="راه‌اندازی روی تلفنی دیگر").click()
        secret = (await page.locator("code.ltr").inner_text()).replace(" ", "")
        step = int(panel.clock.now.timestamp()) // totp.STEP_SECONDS
        tries = (
            (PASSWORD, totp.code_at(old, step), "#d-code"),
            ("not this", totp.code_at(secret, step), "#d-old"),
        )
        for password, code, wrong in tries:
            await page.get_by_label("رمز عبور").fill(password)
            await page.get_by_label("رمز شش‌رقمی").fill(code)
            await page.keyboard.press("Enter")
            await expect(page.locator(f"{wrong}.wrong")).to_contain_text("درست نیست")
            assert await code_of(panel, person) == totp.code_at(old, step)
        await screenshot(page, "second-factor-anew")
        assert not await serious(page)
        await page.get_by_label("رمز عبور").fill(PASSWORD)
        await page.get_by_label("رمز شش‌رقمی").fill(totp.code_at(secret, step))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("رمزهای بازیابی")
        await expect(page.locator(".codes code")).to_have_count(totp.RECOVERY_CODES)
    assert await code_of(panel, person) == totp.code_at(secret, step)
    assert (await other.get("/panel/account")).status == 303, "signed out elsewhere"
    assert "factor_replaced" in await actions(panel) and "factor_dropped" not in await actions(panel)


async def test_whose_role_needs_the_second_factor_is_led_through_it_to_where_they_wanted_to_be(
    panel: PanelServed,
) -> None:
    person, wanted = await panel.person("supervisor"), "/panel/live?queue=mine"
    async with panel.engine.begin() as connection:
        await connection.execute(insert(factor_roles).values(role="supervisor", needed=True))
    client = await panel.client()
    assert await sign_in(client, person.name, next=wanted) == (303, wanted)
    answer = await client.get(wanted)
    assert answer.headers["Location"] == "/panel/account/second-factor?next=/panel/live%3Fqueue%3Dmine"
    page = await client.text(answer.headers["Location"])
    assert f'name="next" value="{wanted}"' in page
    wrong = await client.post("/panel/account/second-factor", {"code": "0", "next": wanted})
    assert f'name="next" value="{wanted}"' in await wrong.text()
    done = await client.post(
        "/panel/account/second-factor", {"code": await code_of(panel, person), "next": wanted}
    )
    assert done.status == 200 and f'href="{wanted}"' in await done.text()
    away = await client.get("/panel/account/second-factor?next=//elsewhere.example/")
    assert away.headers["Location"].startswith("/panel/")


async def test_what_was_typed_is_not_thrown_away_when_the_second_factor_becomes_needed_meanwhile(
    panel: PanelServed,
) -> None:
    client, typed = await panel.signed_in("operator"), {"words": "از کنتور نشت می‌کند"}
    assert client.person is not None
    await client.get("/panel/desk")
    async with panel.engine.begin() as connection:
        await connection.execute(insert(factor_roles).values(role="operator", needed=True))
    piece = await client.post("/panel/desk/beside", typed, headers={"HX-Request": "true"})
    assert piece.status == 401 and "HX-Redirect" not in piece.headers, "the page stays as it is"
    assert piece.headers["X-CSRF-Token"] == "unfinished"
    answer = await client.post("/panel/desk", typed, headers={"Referer": f"{panel.url}/panel/desk"})
    page = await answer.text()
    assert answer.status == 401 and "از کنتور نشت می‌کند</textarea>" in page
    assert f"<h1>{words()('common.error.unfinished.title')}</h1>" in page
    assert 'href="/panel/sign-in?next=/panel/desk"' in page
    way = ["/panel/sign-in?next=/panel/desk"]
    while (step := await client.get(way[-1])).status == 303:
        way.append(step.headers["Location"])
    assert way[1:] == ["/panel/desk", "/panel/account/second-factor?next=/panel/desk"]
    code = await code_of(panel, client.person)
    assert (await client.post("/panel/account/second-factor", {"code": code})).status == 200
    page = await client.text("/panel/account")  # by which the page of before goes on
    assert f'data-person="{client.person.name}"' in page and f'value="{client.proof}"' in page


async def test_everybody_sets_up_a_second_factor_at_the_first_sign_in_unless_an_admin_chose_for_the_role(
    panel: PanelServed,
) -> None:
    needed = Web(second_factor="needed").factor_roles
    panel.panel.entry.keeping = replace(panel.panel.entry.keeping, factors=needed)
    for role in Role:
        person = await panel.person(role)
        client = await panel.client(person, await panel.token_of(person))
        answer = await client.get("/panel/account")
        assert answer.status == 303, role
        assert answer.headers["Location"].startswith("/panel/account/second-factor?")
    person = await panel.person("operator")
    client = await panel.client(person, await panel.token_of(person))
    async with panel.engine.begin() as connection:
        await connection.execute(insert(factor_roles).values(role="operator", needed=False))
    assert (await client.get("/panel/account")).status == 200


def test_the_second_factor_is_needed_by_default_once_others_reach_the_panel() -> None:
    assert not Web().factor_roles, "on this machine alone"
    for reached in (Web(host="0.0.0.0"), Web(proxies=("127.0.0.1/32",))):
        assert reached.factor_roles == set(Role)
    assert not Web(host="0.0.0.0", second_factor="chosen").factor_roles


async def test_who_guesses_the_password_waits_and_an_admin_may_end_the_wait(panel: PanelServed) -> None:
    person = await panel.person("officer")
    client = await panel.client()
    for name in (person.name, "nobody.at.all"):
        statuses = [(await sign_in(client, name, "wrong password"))[0] for _ in range(9)]
        assert statuses == [422] * 8 + [429]
    assert (await sign_in(client, person.name))[0] == 429
    panel.clock.now += timedelta(minutes=15)
    assert (await sign_in(client, person.name))[0] == 303
    client = await panel.client()
    for _ in range(9):
        await sign_in(client, person.name, "wrong password")
    await people.unlock(panel.engine, person.name, panel.clock())
    assert (await sign_in(client, person.name))[0] == 303
    await people.lock(panel.engine, person.name, panel.clock())
    assert (await client.get("/panel/account")).status == 303, "locked people are signed out"
    other = await panel.client()
    assert (await sign_in(other, person.name))[0] == 422
    assert {"sign_in_refused", "person_locked", "person_unlocked"} <= set(await actions(panel))


async def tries(panel: PanelServed, name: str, address: str, password: str = "wrong", marks: str = "") -> str:
    """What became of it."""
    return (await tried(panel, name, address, password, marks))[0]


async def tried(
    panel: PanelServed, name: str, address: str, password: str, marks: str = "", given: str = ""
) -> tuple[str, str]:
    """The same, and the puzzle that was put, solved."""
    came, keeping = From(address, "", marks), panel.panel.entry.keeping
    try:
        await signing_in.sign_in(panel.engine, name, password, panel.clock(), came, keeping, given)
    except PuzzleFirst as first:
        return "PuzzleFirst", solved(first.puzzle)
    except Refused as error:
        return type(error).__name__, ""
    return "in", ""


@pytest.mark.usefixtures("cheap")
async def test_who_has_the_password_signs_in_by_a_proof_of_work_however_many_strangers_guess(
    panel: PanelServed,
) -> None:
    person = await panel.person("officer")
    for number in range(300):  # they pay, too
        address, given = f"198.51.100.{number % 150}", ""
        told, given = await tried(panel, person.name, address, "wrong")
        if told == "PuzzleFirst":
            told, _ = await tried(panel, person.name, address, "wrong", given=given)
        assert told == "NotSignedIn"
    told, hers = await tried(panel, person.name, "192.0.2.1", PASSWORD)
    assert told == "PuzzleFirst"
    assert (await tried(panel, person.name, "192.0.2.2", PASSWORD, given=hers))[0] == "PuzzleFirst"
    assert (await tried(panel, person.name, "192.0.2.1", PASSWORD, given=hers))[0] == "in"
    assert (await tried(panel, person.name, "192.0.2.1", PASSWORD, given=hers))[0] == "PuzzleFirst"


@pytest.mark.usefixtures("cheap")
async def test_tries_that_nobody_paid_for_make_it_no_dearer(panel: PanelServed) -> None:
    person, prices = await panel.person("officer"), []
    for number in range(3 * signing_in.OF_A_NAME_IN_ALL.most):
        try:
            await signing_in.sign_in(
                panel.engine, person.name, "wrong", panel.clock(), From(f"198.51.100.{number}"), Keeping()
            )
        except PuzzleFirst as first:
            prices.append(first.puzzle.work)
        except NotSignedIn:
            pass
    assert len(prices) == 2 * signing_in.OF_A_NAME_IN_ALL.most and len(set(prices)) == 1


async def test_a_new_browser_computes_while_she_types_and_comes_in(
    panel: PanelServed, chrome: Browser
) -> None:
    person = await panel.person("officer")
    for number in range(signing_in.OF_A_NAME_IN_ALL.most):
        await tries(panel, person.name, f"198.51.100.{number}")
    async with window(chrome, panel) as page:
        await page.goto("/panel/sign-in")
        await page.get_by_label("نام کاربری").fill(person.name)
        await page.get_by_label("رمز عبور").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("progressbar")).to_be_visible()
        await expect(page.get_by_role("alert")).to_have_count(0)
        await screenshot(page, "sign-in-puzzle")
        assert not await serious(page)
        await page.get_by_label("رمز عبور").fill("mistyped")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text(WRONG)
        await expect(page.get_by_role("progressbar")).to_be_visible()  # for the next try
        await screenshot(page, "sign-in-puzzle-again")
        await page.get_by_label("رمز عبور").fill(PASSWORD)
        await page.keyboard.press("Enter")  # pressed before it is done or after: it is sent once it is
        await page.wait_for_url(re.compile(r"/panel/(?!sign-in)"))


@pytest.mark.usefixtures("cheap")
async def test_nine_wrong_passwords_shut_out_who_typed_them_and_nobody_else(panel: PanelServed) -> None:
    person = await panel.person("officer")
    told = [await tries(panel, person.name, "192.0.2.1") for _ in range(9)]
    assert told == ["NotSignedIn"] * 8 + ["PuzzleFirst"]
    assert await tries(panel, person.name, "192.0.2.1", PASSWORD) == "PuzzleFirst"
    assert await tries(panel, person.name, "192.0.2.2", PASSWORD) == "in"


@pytest.mark.usefixtures("cheap")
async def test_a_browser_that_signed_in_before_is_not_shut_out_by_any_number_of_strangers(
    panel: PanelServed,
) -> None:
    person, other = await panel.person("officer"), await panel.person("officer")
    hers = await panel.client()
    for name in (other.name, person.name):  # a browser that two share
        assert (await sign_in(hers, name))[0] == 303
        await hers.get("/panel/account")
        await hers.post("/panel/sign-out")
    for number in range(60):  # 127.0.0.1, her own address, among them
        await tries(panel, person.name, f"192.0.2.{number}" if number > 9 else "127.0.0.1")
    for number in range(60):
        await tries(panel, f"name{number}", "127.0.0.1")
    assert (await sign_in(await panel.client(), person.name))[0] == 429, "a new browser waits"
    for name in (person.name, other.name):
        assert (await sign_in(hers, name))[0] == 303
        await hers.get("/panel/account")
        await hers.post("/panel/sign-out")
    statuses = [(await sign_in(hers, person.name, "wrong password"))[0] for _ in range(9)]
    assert statuses == [422] * 8 + [429], "a stolen cookie guesses no longer than others"


@pytest.mark.usefixtures("cheap")
async def test_the_mark_of_a_browser_can_not_be_made_up_and_ends_with_the_password(
    panel: PanelServed,
) -> None:
    person, thief = await panel.person("officer"), await panel.person("officer")
    came, keeping = From("192.0.2.1"), panel.panel.entry.keeping
    marks = [
        (await signing_in.sign_in(panel.engine, name, PASSWORD, panel.clock(), came, keeping)).marks
        for name in (person.name, thief.name)
    ]
    for number in range(signing_in.OF_A_NAME_IN_ALL.most):
        await tries(panel, person.name, f"198.51.100.{number}")
    for made_up in ("", marks[1], "0" * 48, "x" * 5_000, marks[0][:-1] + "g"):
        assert await tries(panel, person.name, "192.0.2.9", PASSWORD, made_up) == "PuzzleFirst"
    assert await tries(panel, person.name, "192.0.2.9", PASSWORD, marks[0]) == "in"
    async with panel.engine.begin() as connection:
        changed = people_table.update().values(password_hash=QUICK.hash(NEW))
        await connection.execute(changed.where(people_table.c.name == person.name))
    assert await tries(panel, person.name, "192.0.2.9", NEW, marks[0]) == "PuzzleFirst"


async def test_an_office_that_signs_in_at_eight_is_no_attack(panel: PanelServed) -> None:
    for number in range(signing_in.OF_AN_ADDRESS.most + 5):
        person = await panel.person("officer")
        if number % 7 == 0:
            assert await tries(panel, person.name, "192.0.2.1") == "NotSignedIn"  # mistyped
        assert await tries(panel, person.name, "192.0.2.1", PASSWORD) == "in"


async def test_what_is_typed_as_a_name_spends_no_other_limit(panel: PanelServed) -> None:
    person = await panel.person("officer")
    for number in range(9):
        for key in ("from/192.0.2.1", "signed-in"):
            await tries(panel, f"{person.name}/{key}", f"198.51.100.{number}")
    assert await tries(panel, person.name, "192.0.2.1", PASSWORD) == "in"


async def test_one_address_may_not_try_name_after_name(panel: PanelServed) -> None:
    client = await panel.client()
    await client.get("/panel/sign-in")
    statuses = []
    for n in range(62):
        fields = {"name": f"name{n}", "password": "x"}
        statuses.append((await client.post("/panel/sign-in", fields)).status)
    assert statuses == [422] * 60 + [429] * 2


@pytest.mark.parametrize("deed", ["sign in", "the code", "a password", "another telephone", "no telephone"])
async def test_what_was_begun_before_the_password_was_reset_changes_nothing_and_leaves_nobody_signed_in(
    panel: PanelServed, deed: str
) -> None:
    engine, now, came, keeping = panel.engine, panel.clock(), From("192.0.2.1"), panel.panel.entry.keeping
    seed = totp.new_secret()
    person = await panel.person("admin", totp_secret=seed, totp_since=now)
    code = await code_of(panel, person)
    half, whole = [
        await signing_in.session(engine, await panel.token_of(person, needs), now, keeping)
        for needs in ("totp", "")
    ]
    assert half is not None and whole is not None
    begun: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "sign in": lambda: signing_in.sign_in(engine, person.name, PASSWORD, now, came, keeping),
        "the code": lambda: signing_in.second_factor(engine, half, code, now, came, keeping),
        "a password": lambda: own_account.change_password(
            engine, whole, PASSWORD, "a third kettle of fish", now, came, keeping
        ),
        "another telephone": lambda: own_account.replace_factor(
            engine, whole, PASSWORD, seed, code, now, came, keeping.keys
        ),
        "no telephone": lambda: own_account.drop_factor(engine, whole, PASSWORD, now, came, keeping),
    }
    given = QUICK.hash(NEW)
    async with engine.begin() as admin:
        row = await people.one(admin, person.name)
        doing = asyncio.create_task(begun[deed]())
        await until_blocked(engine)
        values = people.new_password(given, now)
        await people.change_within(admin, row, "password_set", now, None, "", values)
    with pytest.raises(Refused):
        await doing
    async with engine.connect() as connection:
        assert (await connection.execute(select(sessions))).first() is None
        row = await people.one(connection, person.name)
    assert (row.password_hash, row.totp_secret) == (given, seed)


async def test_guessing_the_code_ends_at_the_password(panel: PanelServed) -> None:
    person = await panel.person("admin", totp_secret=totp.new_secret(), totp_since=panel.clock())
    client = await panel.client()
    await sign_in(client, person.name)
    await client.get("/panel/sign-in/code")
    statuses = [(await client.post("/panel/sign-in/code", {"code": f"{n:06d}"})).status for n in range(9)]
    assert statuses == [422] * 8 + [429]
    assert (await client.get("/panel/sign-in/code")).headers["Location"].startswith("/panel/sign-in?")
    await sign_in(client, person.name)
    await client.get("/panel/sign-in/code")
    right = {"code": await code_of(panel, person)}
    assert (await client.post("/panel/sign-in/code", right)).status == 429


async def test_sessions_elsewhere_are_listed_and_ended(panel: PanelServed, chrome: Browser) -> None:
    person = await panel.person("head")
    here, there, yonder = [await panel.client(person, await panel.token_of(person)) for _ in range(3)]
    stranger = await panel.signed_in("head")
    theirs = re.findall(r"/sessions/([0-9a-f-]{36})/end", await here.text("/panel/account"))
    assert len(theirs) == 2
    assert (await stranger.post(f"/panel/account/sessions/{theirs[0]}/end")).status == 404
    assert (await there.get("/panel/account")).status == (await yonder.get("/panel/account")).status == 200
    await here.post(f"/panel/account/sessions/{theirs[0]}/end")
    statuses = {(await client.get("/panel/account")).status for client in (there, yonder)}
    assert statuses == {200, 303}
    await here.post("/panel/account/sessions/end")
    assert (await there.get("/panel/account")).status == (await yonder.get("/panel/account")).status == 303
    assert (await here.get("/panel/account")).status == 200
    async with window(chrome, panel, size=PHONE) as page:
        await fill_in(page, person, PASSWORD)
        await page.goto("/panel/account")
        await screenshot(page, "account-phone")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert not await serious(page)
        await page.set_viewport_size({"width": 1280, "height": 720})
        await screenshot(page, "account")
