"""What somebody with bad intent tries on the whole panel, whatever sections it has."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import referring
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.people import signing_in, unsealing
from ivr.desk.people.people import Person
from ivr.store.sessions import attempts
from ivr.store.tables import audit, case_events, cases, openings
from ivr.web.panel import sessions
from ivr.web.panel.visit import Route
from tests.desk.counter import Counter, counter
from tests.web.account.test_sign_in import sign_in
from tests.web.casefile import Desk, desk_served
from tests.web.everything import MARKUP, WORDS, Standing, ask, hostile_case, plain_pages, routes, standing
from tests.web.panel import PASSWORD, PanelServed

RAW = ("<script>window.hit", "<img src=x", 'onerror="window', "'49")
LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
DESK = ("supervisor", "operator", "governor", "auditor")
# A line of a list, which comes again and says that there is no case of that code.
LINES = {"meetings.check", "meetings.lottery.ring", "meetings.lottery.note"}
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


@pytest.fixture
async def desk(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_served(engine, tmp_path) as served:
        yield served


def addresses_it(route: Route) -> bool:
    """A case, or a thing of one that has an address of its own."""
    its = ("/panel/recordings/{", "/panel/attachments/{", "/panel/openings/{", "/panel/live/calls/{")
    return "{code}" in route.path or route.path.startswith(its)


async def got_by(panel: PanelServed, person: Person, its: Standing) -> list[str]:
    """What somebody who may know nothing of it was given by any route."""
    found, fields = [], STRANGE | {"what": "caller", "second": "1", "note": "x"}
    for route in routes():
        parts = its.parts(route)
        answer, text = await ask(panel, route, await panel.token_of(person), parts, fields)
        refused, asked = ((403, 404, 422), parts["code"]) if route.name in LINES else ((403, 404), "")
        given = answer.status not in refused if addresses_it(route) else answer.content_type == "audio/wav"
        told = {code for code in its.codes if code in text.translate(LATIN).replace(" ", "")} - {asked}
        if given or told or WORDS in text:
            found.append(f"{person.name} {route.name}: {answer.status}")
    return found


async def seen_of(panel: PanelServed, its: Standing, *roles: str) -> set[str]:
    """The routes by which they, of all counties, look at it."""
    found = set()
    for role in roles:
        token = await panel.token(role)
        for route in filter(addresses_it, routes("GET")):
            answer, _ = await ask(panel, route, token, its.parts(route))
            if answer.status in (200, 303):
                found.add(route.name)
    return found


async def test_nothing_of_a_case_out_of_sight_is_there_by_any_route(desk: Desk, tmp_path: Path) -> None:
    panel, its = desk.panel, await standing(desk, tmp_path)
    elsewhere = [await panel.person(role, "bargh_tabriz") for role in ("officer", "head")]
    elsewhere += [await panel.person(role, areas=("tabriz",)) for role in DESK]
    friends = [await panel.person(role, trusted=True) for role in DESK]
    seen = await seen_of(panel, its, "supervisor", "governor")
    assert seen == {route.name for route in routes("GET") if addresses_it(route)}, "those ids are real"
    before = await story(panel)
    assert [each for person in elsewhere for each in await got_by(panel, person, its)] == []
    assert await story(panel) == before
    secrecy = Secrecy(kept_from=[person.name for person in friends], told="رشوه")
    for code in its.codes:
        await confide(panel.engine, its.town.page, its.town.by(code, "تهدید شده است"), secrecy)
    asker = await panel.person("supervisor", trusted=True)
    await unsealing.ask_for_case(panel.engine, asker, its.complaint, "پیگیری تلفنی", panel.clock())
    async with panel.engine.connect() as connection:
        asked = select(openings.c.id).where(openings.c.case_id.is_not(None))
        opening = (await connection.execute(asked)).scalar_one()
    others = {**its.others, "call": "over"}  # one that goes on has no case yet that is kept from somebody
    its = replace(its, ids={**its.ids, "opening": str(opening)}, others=others)
    before = await story(panel)
    assert [each for person in friends for each in await got_by(panel, person, its)] == []
    assert await story(panel) == before
    strangers = audit.c.person_id.in_([person.id for person in (*elsewhere, *friends)])
    its_own = audit.c.case_id.is_not(None) | audit.c.recording.is_not(None)
    async with panel.engine.connect() as connection:
        assert (await connection.execute(select(audit.c.action).where(strangers, its_own))).all() == []
    friend = await panel.person("auditor", trusted=True)
    second = await panel.client(friend, await panel.token_of(friend))
    assert (await second.post(f"/panel/openings/{opening}/allow")).status == 303, "it waited"


async def test_a_ruling_tells_whom_its_case_is_kept_from_neither_which_nor_why(
    panel: PanelServed, at: Counter
) -> None:
    friend, code = await panel.person("supervisor"), await at.open("water.bill", "ahar")
    await referring.rule(panel.engine, at.page, at.ask(code, reason=WORDS), "gas")
    client = await panel.client(friend, await panel.token_of(friend))
    address = "/panel/admin/who-gets?kind=complaint&topic=water.bill&county=ahar"
    before = await client.text(address)
    assert WORDS in before and code in before.translate(LATIN), "it is there"
    secrecy = Secrecy(kept_from=[friend.name], told="رشوه")
    await confide(panel.engine, at.page, at.ask(code, reason="تهدید شده است"), secrecy)
    after = await client.text(address)
    assert WORDS not in after and code not in after.translate(LATIN)
    assert "گاز" in after.partition('id="precedents"')[2].partition("</section>")[0], "routing obeys it"


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


async def test_a_look_up_without_cookies_is_taken_from_no_other_site_and_nothing_else_is_without_them(
    panel: PanelServed,
) -> None:
    http, key = await panel.anybody(), "g" * 32
    hers = {"Cookie": f"seda-form={key}"}
    fields = {"csrf": sessions.token_for(key), "code": "1234567890"}
    for said in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        for headers in (said, hers | said):
            async with http.post("/track", data=fields, headers=headers) as answer:
                assert answer.status == 403, headers
    ours = {"Origin": panel.url, "Sec-Fetch-Site": "same-origin"}
    for path, status in (("/track", 404), ("/panel/sign-in", 403), ("/panel/theme", 403)):
        async with http.post(path, data=fields, headers=ours, allow_redirects=False) as answer:
            assert answer.status == status, path


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
    person, client = await panel.person("officer"), await panel.client()
    await sign_in(client, person.name, "a password typed as such")
    row = (await sign_ins_refused(panel))[0]
    assert (row.subject, row.address) == (f"person/{person.name}", "127.0.0.1")
    assert (row.person_id, row.detail) == (person.id, {"why": "password"}) and "typed" not in str(row)


async def test_what_is_typed_as_a_name_and_is_nobody_s_is_kept_nowhere(panel: PanelServed) -> None:
    """It may be the password, in the wrong field; audit and back-ups keep what they have."""
    client = await panel.client()
    await sign_in(client, "Typed-By-Mistake-7", "")
    (row,) = await sign_ins_refused(panel)
    assert (row.subject, row.address, row.detail) == ("", "127.0.0.1", {"why": "nobody"})
    async with panel.engine.connect() as connection:
        counted = (await connection.execute(select(attempts))).all()
    assert counted and "typed" not in str([row, *counted]).casefold()


async def sign_ins_refused(panel: PanelServed) -> Sequence[Row[Any]]:
    async with panel.engine.connect() as connection:
        query = select(audit).where(audit.c.action == "sign_in_refused")
        return (await connection.execute(query)).all()


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
