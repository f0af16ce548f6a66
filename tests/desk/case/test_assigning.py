"""Whose a case is: of somebody who sees it and can work on it, or nobody's."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import assigning, collecting, pausing
from ivr.desk.case.change import actor_named
from ivr.store.tables import people
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.fixtures.plans import plan_of


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def handed(at: Counter, **about: Any) -> tuple[str, uuid.UUID]:
    """A case of Ahar in the hands of an officer of its body, who has it by himself; `about` him."""
    id, code = uuid.uuid4(), await at.open()
    row = {"id": id, "name": f"officer.{id.hex[:8]}", "full_name": "احمدی", "role": "officer"}
    row |= {"password_hash": "x", "must_change": False, "made_at": at.at, "password_at": at.at}
    async with at.engine.begin() as connection:
        await connection.execute(people.insert(), [row | {"agency": "abfa"} | about])
    await assigning.hand(at.engine, at.page, at.ask(code, "abfa"), id)
    return code, id


async def becomes(at: Counter, person: uuid.UUID, **what: Any) -> None:
    async with at.engine.begin() as connection:
        await connection.execute(update(people).where(people.c.id == person).values(what))


async def test_a_case_leaves_the_hands_of_who_can_t_work_on_it_any_more(at: Counter, tmp_path: Path) -> None:
    kept = [await handed(at), await handed(at, areas=["ahar", "tabriz"])]
    gone, moved, elsewhere = [await handed(at) for _ in range(3)]
    here = await handed(at, areas=["ahar"])
    assert await assigning.let_go(at.engine, at.page, at.at) == 0
    await becomes(at, gone[1], locked_at=at.at)
    await becomes(at, moved[1], agency="edu")
    await becomes(at, elsewhere[1], areas=["tabriz"])
    await pausing.change_topic(at.engine, at.page, at.ask(here[0], reason="تبریز است"), county="tabriz")
    assert await assigning.let_go(at.engine, at.page, at.at, batch=3) == 4
    for code, _ in (gone, moved, elsewhere, here):
        last = (await at.case(code))["events"][-1]
        assert ((await at.row(code)).person_id, last["what"], last["details"]["name"]) == (None, "handed", "")
    assert [(await at.row(code)).person_id for code, _ in kept] == [id for _, id in kept]
    assert await assigning.let_go(at.engine, at.page, at.at) == 0
    assert await findings(at.engine, tmp_path) == []


async def test_a_case_that_joins_a_collective_one_of_another_body_leaves_the_hands_at_once(
    at: Counter,
) -> None:
    (code, _), other = await handed(at), await at.open("city.street", caller="09141234560")
    desk = actor_named(at.page, "desk")
    whole = await collecting.collect(at.engine, at.page, desk, [other], "آسفالت کوی ولیعصر", at.at)
    await collecting.collect(at.engine, at.page, desk, [code], "", at.at, whole.code)
    case = await at.row(code)
    assert case.agency == (await at.row(whole.code)).agency != "abfa" and case.person_id is None


async def test_of_all_cases_only_those_in_somebodys_hands_are_looked_at(at: Counter) -> None:
    plan = await plan_of(at.engine, assigning.out_of_hands("gov_inspection", 200))
    assert "ix_cases_assigned" in plan and "Seq Scan on cases" not in plan


async def test_colleagues_stand_in_the_order_of_the_persian_alphabet(at: Counter) -> None:
    for name in ("یوسفی", "گلی", "رضایی", "پناهی", "آقایی"):
        await handed(at, full_name=name)
    async with at.engine.connect() as connection:
        found = [row.full_name for row in await assigning.colleagues(connection, at.page, "abfa")]
    assert found == ["آقایی", "پناهی", "رضایی", "گلی", "یوسفی"]
