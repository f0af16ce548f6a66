"""Every route of the panel, really requested by every role and by nobody."""

from __future__ import annotations

import pytest

from ivr.cases.roles import Role
from ivr.web.panel.permissions import ROLES, ROUTES, Permission
from tests.desk.counter import counter
from tests.web.everything import ask, routes
from tests.web.panel import PanelServed


@pytest.mark.parametrize("role", Role)
async def test_a_role_opens_what_the_table_gives_it_and_nothing_else(panel: PanelServed, role: Role) -> None:
    parts = {"code": await (await counter(panel.engine)).open()}
    person = await panel.person(role)
    wrong = []
    for route in routes():
        needed = ROUTES[route.name]
        answer, _ = await ask(panel, route, await panel.token_of(person), parts)
        may = needed in ROLES[role]
        plain = route.method == "GET" and "{" not in route.path
        if not may and answer.status not in (403, 404):
            wrong.append(f"{route.name} is open: {answer.status}")
        if answer.status >= 500:
            wrong.append(f"{route.name} fails: {answer.status}")
        if may and plain and needed is not Permission.PUBLIC and answer.status not in (200, 303):
            wrong.append(f"{route.name} is shut: {answer.status}")
    assert not wrong


async def test_who_is_not_signed_in_is_sent_to_the_sign_in_page(panel: PanelServed) -> None:
    wrong = []
    for route in routes():
        answer, _ = await ask(panel, route)
        to_sign_in = answer.status == 303 and answer.headers["Location"].startswith("/panel/sign-in")
        if ROUTES[route.name] is not Permission.PUBLIC and not to_sign_in:
            wrong.append(f"{route.name}: {answer.status}")
    assert not wrong


async def test_who_still_owes_the_second_factor_opens_nothing(panel: PanelServed) -> None:
    person = await panel.person("admin", totp_secret="A" * 32, totp_since=panel.clock())
    token = await panel.token_of(person, needs="totp")
    own = ("sign_in", "sign_out", "theme")
    wrong = []
    for route in routes():
        if not route.name.startswith(own) and ROUTES[route.name] is not Permission.PUBLIC:
            answer, _ = await ask(panel, route, token)
            if not answer.headers.get("Location", "").startswith("/panel/sign-in/code"):
                wrong.append(f"{route.name}: {answer.status}")
    assert not wrong
