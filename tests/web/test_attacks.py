"""What somebody with bad intent tries on the whole panel, whatever sections it has."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from ivr.desk.people import signing_in
from ivr.store.tables import audit, case_events, cases
from ivr.web.panel import sessions
from tests.desk.counter import Counter, counter
from tests.web.account.test_sign_in import sign_in
from tests.web.everything import MARKUP, ask, hostile_case, plain_pages, routes
from tests.web.panel import PASSWORD, PanelServed

RAW = ("<script>window.hit", "<img src=x", 'onerror="window', "'49")
STRANGE = {"agency": "'; DROP TABLE cases; --", "reason": MARKUP, "next": "//evil.example", "q": MARKUP}


@pytest.fixture
async def at(panel: PanelServed) -> Counter:
    return await counter(panel.engine)


async def story(panel: PanelServed) -> list[Any]:
    """Everything that stands in the books of the cases."""
    async with panel.engine.connect() as connection:
        rows = (await connection.execute(select(cases).order_by(cases.c.code))).all()
        events = (await connection.execute(select(case_events).order_by(case_events.c.id))).all()
        return [*rows, *events]


@pytest.mark.parametrize("role", ["supervisor", "head", "governor", "auditor", "admin"])
async def test_markup_of_callers_and_agencies_is_text(panel: PanelServed, at: Counter, role: str) -> None:
    code = await hostile_case(panel, at)
    person = await panel.person(role, full_name=MARKUP[:80])
    token, wrong = await panel.token_of(person), []
    for route in routes("GET"):
        answer, text = await ask(panel, route, token, {"code": code})
        if answer.content_type == "text/html" and any(raw in text for raw in RAW):
            wrong.append(route.name)
    assert not wrong


async def test_another_agencys_case_is_not_there_by_any_route(panel: PanelServed, at: Counter) -> None:
    code = await hostile_case(panel, at)
    before, wrong = await story(panel), []
    for role in ("officer", "head"):
        person = await panel.person(role, agency="bargh_tabriz")
        for route in routes():
            if "{code}" not in route.path:
                continue
            answer, text = await ask(panel, route, await panel.token_of(person), {"code": code}, STRANGE)
            if answer.status not in (403, 404) or code in text:
                wrong.append(f"{route.name}: {answer.status}")
    assert not wrong and await story(panel) == before


async def test_forms_of_other_sites_and_old_forms_change_nothing(panel: PanelServed, at: Counter) -> None:
    code = await hostile_case(panel, at)
    person = await panel.person("supervisor")
    token, other = await panel.token_of(person), await panel.token_of(await panel.person("supervisor"))
    gone = await panel.token_of(person)
    found = await signing_in.session(panel.engine, gone, panel.clock(), panel.panel.entry.keeping)
    assert found is not None
    await signing_in.sign_out(panel.engine, found, panel.clock(), signing_in.From())
    before, wrong = await story(panel), []
    forged = ["", "x", sessions.token_for(other), sessions.token_for(gone), sessions.token_for("")]
    for route in routes("POST", "PUT", "DELETE", "PATCH"):
        for proof in forged:
            answer, _ = await ask(panel, route, token, {"code": code}, STRANGE | {"csrf": proof})
            if answer.status != 403:
                wrong.append(f"{route.name}: {answer.status}")
        replayed, _ = await ask(panel, route, gone, {"code": code}, STRANGE)
        if replayed.status not in (303, 401, 403, 422):
            wrong.append(f"{route.name} replayed: {replayed.status}")
    assert not wrong and await story(panel) == before


async def test_strange_values_never_make_the_server_fail(panel: PanelServed, at: Counter) -> None:
    code = await hostile_case(panel, at)
    person = await panel.person("supervisor")
    wrong = []
    for route in routes():
        for part in ("%00", "..%2f..%2fetc%2fpasswd", "'%20OR%201=1--", "%F0%9F%92%A9" * 50, "9" * 400):
            if "{" not in route.path:
                continue
            parts = dict.fromkeys(("id", "code", "name", "number", "seq", "section", "key", "noun"), part)
            answer, _ = await ask(panel, route, await panel.token_of(person), parts, STRANGE)
            if answer.status >= 500:
                wrong.append(f"{route.name} {part}: {answer.status}")
        if route.method == "GET" and "{" not in route.path:
            client = await panel.anybody()
            headers = {"Cookie": f"seda={await panel.token_of(person)}"}
            for query in (
                "?after=%00&q=%00",
                "?page=-1&after=x&from=9999/99/99&sort=__class__",
                f"?q={'%25' * 900}",
            ):
                async with client.get(route.path + query, headers=headers, allow_redirects=False) as answer:
                    if answer.status >= 500:
                        wrong.append(f"{route.name} {query[:40]}: {answer.status}")
    assert not wrong and await at.case(code)


async def test_a_token_that_was_planted_is_not_the_one_that_signs_in(panel: PanelServed) -> None:
    person = await panel.person("supervisor")
    planted = "p" * 43
    client = await panel.client(token=planted)
    assert (await sign_in(client, person.name))[0] == 303
    given = {cookie.key: cookie.value for cookie in client.http.cookie_jar}["seda"]
    assert given != planted and len(given) >= 43
    assert (await (await panel.client(token=planted)).get("/panel/account")).status == 303


async def test_every_sign_in_has_another_token_and_the_database_knows_none(panel: PanelServed) -> None:
    person = await panel.person("supervisor")
    tokens = {await panel.token_of(person) for _ in range(20)}
    assert len(tokens) == 20
    async with panel.engine.connect() as connection:
        hashes = (await connection.exec_driver_sql("SELECT token_hash FROM sessions")).scalars().all()
    assert not tokens & {bytes(each).decode("latin-1") for each in hashes} and len(hashes) == 20


async def test_the_audit_tells_who_tried_and_holds_no_password(panel: PanelServed) -> None:
    client = await panel.client()
    await sign_in(client, "karimi", "a password typed as such")
    async with panel.engine.connect() as connection:
        rows = (await connection.execute(select(audit))).all()
    (row,) = rows
    assert (row.action, row.subject, row.address) == ("sign_in_refused", "person/karimi", "127.0.0.1")
    assert "typed" not in str(row)


async def test_behind_a_proxy_cookies_are_secure_and_addresses_are_the_citizens(panel: PanelServed) -> None:
    person = await panel.person("admin")
    panel.panel.entry.proxies = ("127.0.0.1/32",)
    http = await panel.anybody()
    behind = {"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Proto": "https"}
    key = "g" * 32
    sent = {"csrf": sessions.token_for(key), "name": person.name, "password": PASSWORD}
    async with http.post(
        "/panel/sign-in",
        data=sent,
        headers=behind | {"Cookie": f"__Host-seda-form={key}"},
        allow_redirects=False,
    ) as answer:
        cookies = answer.headers.getall("Set-Cookie")
        assert answer.status == 303 and answer.headers["Strict-Transport-Security"]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        f"__Host-seda{x}" for x in ("", "-form", "-known")
    }
    for cookie in cookies:
        parts = {part.strip() for part in cookie.split(";")}
        assert "Secure" in parts and "Path=/" in parts, "the browser takes no __Host- cookie else"
        assert {"HttpOnly", "SameSite=Lax"} <= parts or "Max-Age=0" in parts
    async with panel.engine.connect() as connection:
        assert (await connection.execute(select(audit.c.address))).scalar_one() == "203.0.113.9"
    async with http.post(
        "/panel/sign-in", data=sent, headers=behind | {"Cookie": f"seda-form={key}"}, allow_redirects=False
    ) as answer:
        assert answer.status == 403, "a neighbour without TLS can set this one"
    panel.panel.entry.proxies = ()
    async with http.get("/panel/sign-in", headers=behind) as answer:
        assert "Strict-Transport-Security" not in answer.headers, "nobody else is believed"


async def test_a_proxy_may_add_a_line_of_its_own_to_the_one_that_the_browser_made_up(
    panel: PanelServed,
) -> None:
    panel.panel.entry.proxies = ("127.0.0.1/32",)
    client = await panel.client()
    client.http.headers.add("X-Forwarded-For", "198.51.100.1")
    client.http.headers.add("X-Forwarded-For", "203.0.113.9")
    await sign_in(client, "karimi", "a password typed as such")
    async with panel.engine.connect() as connection:
        assert (await connection.execute(select(audit.c.address))).scalar_one() == "203.0.113.9"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_an_ipv4_address_that_comes_as_one_of_ipv6_is_a_proxys_and_a_citizens_likewise(
    panel: PanelServed,
) -> None:
    panel.panel.entry.proxies = ("127.0.0.1/32", "192.0.2.0/24")
    assert panel.runner is not None
    listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    await web.SockSite(panel.runner, listening).start()
    panel.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    client = await panel.client()
    client.http.headers.add("X-Forwarded-For", "198.51.100.1, ::ffff:203.0.113.9, ::ffff:192.0.2.7")
    await sign_in(client, "karimi", "a password typed as such")
    async with panel.engine.connect() as connection:
        assert (await connection.execute(select(audit.c.address))).scalar_one() == "203.0.113.9"


async def test_a_body_that_is_too_large_is_not_read(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    await client.get("/panel/account")
    answer = await client.post("/panel/account/password", {"old": "x" * 1_000_000})
    assert answer.status == 413


async def test_pages_are_for_this_browser_alone(panel: PanelServed) -> None:
    client = await panel.signed_in("supervisor")
    for path in plain_pages():
        async with client.http.get(path, allow_redirects=False) as answer:
            assert (
                "no-store" in answer.headers["Cache-Control"] or "private" in answer.headers["Cache-Control"]
            )
