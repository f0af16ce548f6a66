"""Masked numbers stay masked: nobody reads one digit by digit through the search; who tries is on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ivr.desk.case.registering import Wanted, register
from ivr.desk.reading.number_searches import BLIND, KNOWING
from ivr.store.tables import audit, saved_views
from tests.web.inbox.test_inbox import Books, books
from tests.web.panel import Client, PanelServed, panel

__all__ = ["panel"]

HERS = "09141234567"
BLIND_ROLES = ("operator", "officer", "auditor")
KNOWING_ROLES = ("supervisor", "head", "governor")


async def hits(client: Client, typed: str, its: Books, more: str = "") -> list[str]:
    page = await client.text(f"/panel/inbox?q={typed}{more}")
    return [code for code in its.codes if f'id="case-{code}"' in page]


async def noted(panel: PanelServed, action: str) -> list[Any]:
    query = select(audit).where(audit.c.action == action).order_by(audit.c.id)
    async with panel.engine.connect() as connection:
        return list((await connection.execute(query)).all())


@pytest.mark.parametrize("role", BLIND_ROLES)
async def test_a_beginning_tells_nothing_to_whom_numbers_are_masked(panel: PanelServed, role: str) -> None:
    its = await books(panel.engine)
    client = await panel.signed_in(role)
    for digits in range(7, len(HERS)):
        for typed in (HERS[:digits], f"98{HERS[1:digits]}", f"00989{HERS[2:digits]}"):
            assert not await hits(client, typed, its), typed
    for digit in "0123456789":  # the digit after the known ones: what was read one after another
        assert not await hits(client, f"091412345{digit}", its)
    assert "شماره را کامل بنویسید" in await client.text(f"/panel/inbox?q={HERS[:9]}")
    # "98914123" is whole, too: a subscriber's number in the province, of somebody else.
    assert not [row for row in await noted(panel, "number_searched") if row.detail["found"]]


@pytest.mark.parametrize("role", BLIND_ROLES)
async def test_a_whole_number_finds_its_cases_and_is_on_record_once(panel: PanelServed, role: str) -> None:
    its = await books(panel.engine)
    client = await panel.signed_in(role)
    for typed in (HERS, "۰۹۱۴ ۱۲۳ ۴۵۶۷", "+98-914-123-4567".replace("+", "%2B")):
        assert await hits(client, typed, its)
    (row,) = await noted(panel, "number_searched")
    assert client.person and row.person_id == client.person.id and row.address
    assert row.subject == "number/+98914***67" and HERS[3:] not in str(row.detail)
    assert set(row.detail["found"]) <= set(its.codes) and row.detail["found"]
    assert await hits(client, HERS, its, "&kind=complaint")
    panel.clock.now += timedelta(hours=1, minutes=1)
    await client.text(f"/panel/inbox?q={HERS}")
    assert len(await noted(panel, "number_searched")) == 2


async def test_a_number_that_was_given_for_the_answer_finds_its_case_and_is_on_record(
    panel: PanelServed,
) -> None:
    its = await books(panel.engine)
    wanted = Wanted("complaint", "water.supply", "ahar", "آب نداریم", callback="09147654321")
    its.codes.append((await register(panel.engine, its.at.page, wanted, its.at.at)).code)
    client = await panel.signed_in("operator")
    assert await hits(client, "0914 765 4321", its) == its.codes[-1:]
    (row,) = await noted(panel, "number_searched")
    assert row.subject == "number/+98914***21" and row.detail["found"] == its.codes[-1:]


async def test_a_letter_s_number_is_no_search_by_telephone(panel: PanelServed) -> None:
    its = await books(panel.engine)
    its.codes.append(await its.more("water.supply", "نامهٔ شمارهٔ ۱۴۰۳/۱۲۳۴۵", caller=""))
    for role in ("operator", "supervisor"):
        client = await panel.signed_in(role)
        assert await hits(client, "1403/12345", its) == its.codes[-1:]
        assert "شماره را کامل بنویسید" not in await client.text("/panel/inbox?q=1403/12345")
    assert not await noted(panel, "number_searched")


async def test_whoever_tries_one_number_after_another_is_stopped_and_that_is_on_record(
    panel: PanelServed,
) -> None:
    its = await books(panel.engine)
    client = await panel.signed_in("officer")
    for n in range(BLIND.most):
        assert not await hits(client, f"0914765{n:04}", its)
    page = await client.text(f"/panel/inbox?q={HERS}")
    assert "این شماره جستجو نشد" in page and not await hits(client, HERS, its)
    assert not await hits(client, HERS, its, "&after=1-00000000000000000000000000000001")
    assert len(await noted(panel, "number_searched")) == BLIND.most
    assert len(await noted(panel, "number_search_refused")) == 1
    colleague = await panel.signed_in("officer")
    assert await hits(colleague, HERS, its)  # it is hers alone
    assert await hits(client, "آب", its)  # and of numbers alone
    panel.clock.now += timedelta(hours=1, minutes=1)
    assert await hits(client, HERS, its)


@pytest.mark.parametrize("role", KNOWING_ROLES)
async def test_who_may_reveal_numbers_may_search_by_how_one_begins(panel: PanelServed, role: str) -> None:
    its = await books(panel.engine)
    client = await panel.signed_in(role)
    assert await hits(client, HERS[:8], its)
    (row,) = await noted(panel, "number_searched")
    assert row.subject == "number/beginning" and row.detail["digits"] == 9
    assert KNOWING.most > BLIND.most


@pytest.mark.parametrize("typed", [HERS, "احمدی ۰۹۱۴۱۲۳۴۵۶۷", "0914 123 4567 احمدی"])
async def test_a_view_with_a_number_is_shared_with_nobody(panel: PanelServed, typed: str) -> None:
    client = await panel.signed_in("supervisor")
    await client.post(f"/panel/inbox/views?q={typed}", {"name": "او", "shared": "1"})
    async with panel.engine.connect() as connection:
        (view,) = (await connection.execute(select(saved_views))).all()
    assert not view.shared


async def test_an_auditor_reads_of_it_in_persian(panel: PanelServed) -> None:
    await books(panel.engine)
    await (await panel.signed_in("supervisor")).text(f"/panel/inbox?q={HERS}")
    page = await (await panel.signed_in("auditor")).text("/panel/admin/audit")
    assert "با شماره جستجو کرد" in page and "number_searched" not in page
