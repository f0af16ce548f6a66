"""Every route of the panel, really requested by every role and by nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.editing.undoing import history
from ivr.desk.people import signing_in, totp
from ivr.store.tables import people
from ivr.web.panel.permissions import ROLES, ROUTES, Permission
from ivr.web.panel.visit import Route
from tests.web.casefile import Desk, desk_served
from tests.web.everything import Standing, ask, routes, standing
from tests.web.panel import PanelServed


@pytest.mark.parametrize("role", Role)
async def test_a_role_opens_what_the_table_gives_it_and_nothing_else(
    engine: AsyncEngine, tmp_path: Path, role: Role
) -> None:
    async with desk_served(engine, tmp_path) as desk:
        assert await against_the_table(desk, await standing(desk, tmp_path), role) == []


async def against_the_table(desk: Desk, its: Standing, role: Role) -> list[str]:
    panel = desk.panel
    person = await panel.person(role)
    wrong = []
    for route in routes():
        needed = ROUTES[route.name]
        answer, _ = await ask(panel, route, await panel.token_of(person), its.parts(route))
        may = needed in ROLES[role]
        plain = route.method == "GET" and "{" not in route.path
        if not may and answer.status != 403:
            wrong.append(f"{route.name} is open: {answer.status}")
        if answer.status >= 500:
            wrong.append(f"{route.name} fails: {answer.status}")
        if may and plain and needed is not Permission.PUBLIC and answer.status not in (200, 303):
            wrong.append(f"{route.name} is shut: {answer.status}")
    return wrong


async def test_who_is_not_signed_in_is_sent_to_the_sign_in_page(panel: PanelServed) -> None:
    wrong = []
    for route in routes():
        answer, _ = await ask(panel, route)
        if ROUTES[route.name] is not Permission.PUBLIC and not _leads(answer, route, "/panel/sign-in"):
            wrong.append(f"{route.name}: {answer.status}")
    assert not wrong


def _leads(answer: ClientResponse, route: Route, to: str) -> bool:
    """Or stays where it is: what was typed is not thrown away."""
    stays = answer.status == 401 and route.method == "POST"
    return stays or answer.headers.get("Location", "").startswith(to)


async def test_who_still_owes_the_second_factor_opens_nothing(panel: PanelServed) -> None:
    person = await panel.person("admin", totp_secret="A" * 32, totp_since=panel.clock())
    token = await panel.token_of(person, needs="totp")
    own = ("sign_in", "sign_out", "theme")
    wrong = []
    for route in routes():
        if not route.name.startswith(own) and ROUTES[route.name] is not Permission.PUBLIC:
            answer, _ = await ask(panel, route, token)
            if not _leads(answer, route, "/panel/sign-in/code"):
                wrong.append(f"{route.name}: {answer.status}")
    assert not wrong


async def test_whose_role_needs_a_second_factor_gets_nothing_until_it_is_set_up(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    page = await admin.text("/panel/admin/book/factor/row?key=supervisor")
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert seen is not None
    sent = {"row": "supervisor", "seen": seen[1], "role": "supervisor", "needed": "true", "reason": "بخشنامه"}
    person = await panel.person("supervisor")
    token = await panel.token_of(person)
    engine, now = panel.engine, panel.clock()
    before = await signing_in.session(engine, token, now, panel.panel.entry.keeping)
    assert before is not None and before.needs == ""
    assert (await admin.post("/panel/admin/book/factor/save", sent)).status == 303
    wrong = []
    for route in routes():
        own = route.name.startswith(("account.factor", "sign_out"))
        if not own and ROUTES[route.name] is not Permission.PUBLIC:
            answer, _ = await ask(panel, route, token)
            if not _leads(answer, route, "/panel/account/second-factor"):
                wrong.append(f"{route.name}: {answer.status}")
    assert not wrong
    assert not await signing_in.lives(engine, before.id, now, panel.panel.entry.keeping)  # streams end too
    assert (await admin.get("/panel/admin")).status == 200  # another role

    client = await panel.client(person, token)
    assert "نقش شما (سرپرست)" in await client.text("/panel/account/second-factor")
    async with engine.connect() as connection:
        its = people.c
        secret = (await connection.execute(select(its.totp_secret).where(its.id == person.id))).scalar_one()
    code = totp.code_at(secret, int(now.timestamp()) // totp.STEP_SECONDS)
    done = await client.post("/panel/account/second-factor", {"code": code})
    assert done.status == 200 and (await client.get("/panel/inbox")).status == 200

    other = await panel.signed_in("supervisor")
    assert (await other.get("/panel/inbox")).status == 303
    change = (await history(engine))[0]
    assert (change["noun"], change["key"], change["reason"]) == ("factor", "supervisor", "بخشنامه")
    undone = await admin.post("/panel/admin/undo", {"number": str(change["number"])})
    assert undone.status == 303 and (await other.get("/panel/inbox")).status == 200
