"""What no admin may do alone, and how another allows it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.roles import GUARDED, SEE_WHO, Role
from ivr.desk.letters import notices, outgoing
from ivr.desk.people import auditing, granting, people, staffing
from ivr.desk.people.granting import NobodyElse, NotYours
from ivr.desk.people.people import NewPerson, Outdated
from ivr.desk.people.staffing import LastAdmin
from ivr.desk.people.two_admins import NeedsTwo, SecondAdmin
from ivr.desk.refusals import Refused, WrongField
from ivr.store import tables
from ivr.web.panel.permissions import ROLES, Permission
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY as NOW
from tests.fixtures.database import SEED, until_blocked

PASSWORD = "an old brown kettle 7"


async def made(engine: AsyncEngine, name: str, role: Role, **more: object) -> uuid.UUID:
    """As the machine's owner makes them, without the hashing."""
    row = {"id": uuid.uuid4(), "name": name, "full_name": name, "role": str(role), "password_hash": "x"}
    row |= {"must_change": False, "made_at": NOW, "password_at": NOW} | more
    async with engine.begin() as connection:
        await connection.execute(insert(tables.people).values(row))
    return uuid.UUID(str(row["id"]))


def test_whom_no_admin_makes_alone_are_admins_and_those_to_whom_identities_can_be_revealed() -> None:
    assert {role for role, may in ROLES.items() if Permission.IDENTITY_REVEAL in may} == SEE_WHO
    assert {role for role, may in ROLES.items() if Permission.PEOPLE_EDIT in may} == GUARDED - SEE_WHO


async def test_no_admin_makes_or_becomes_somebody_who_sees_identities_alone(engine: AsyncEngine) -> None:
    admin = await made(engine, "first", Role.ADMIN)
    await made(engine, "karimi", Role.OFFICER, agency="abfa")
    await made(engine, "rezaei", Role.SUPERVISOR)  # without a second factor
    await made(engine, "amini", Role.SUPERVISOR, totp_since=NOW, totp_secret="x", must_change=True)
    for role in GUARDED:
        agency = "abfa" if role is Role.HEAD else ""
        wanted = NewPerson("somebody", "x", role, agency)
        with pytest.raises(NeedsTwo):
            await people.add(engine, wanted, PASSWORD, NOW, by=admin)
        with pytest.raises(NeedsTwo):
            await staffing.reassign(engine, NewPerson("karimi", "x", role, agency), NOW, by=admin)
    with pytest.raises(NeedsTwo):
        await people.set_password(engine, "rezaei", PASSWORD, NOW, by=admin)
    with pytest.raises(NeedsTwo):  # her password is one that somebody gave her
        await people.reset_totp(engine, "amini", NOW, by=admin)
    await made(engine, "nouri", Role.AUDITOR, trusted=True)
    with pytest.raises(NeedsTwo):  # one of those who open what is sealed
        await people.set_password(engine, "nouri", PASSWORD, NOW, by=admin)
    await staffing.reassign(engine, NewPerson("rezaei", "another name", Role.SUPERVISOR), NOW, by=admin)
    await people.set_password(engine, "karimi", PASSWORD, NOW, by=admin)
    await people.set_password(engine, "rezaei", PASSWORD, NOW)  # who has the machine


async def test_what_one_admin_asks_another_allows_and_both_are_on_record(engine: AsyncEngine) -> None:
    asks, allows = await made(engine, "first", Role.ADMIN), await made(engine, "second", Role.ADMIN)
    wanted = NewPerson("karimi", "Maryam", Role.GOVERNOR, areas=("ahar",), email="m@example.org")
    await granting.ask(engine, "add", wanted, NOW, by=asks)
    [request] = await granting.waiting(engine, NOW)
    assert (request.wanted, request.asked_by_name) == (wanted, "first")
    with pytest.raises(NotYours):
        await granting.allow(engine, request.id, NOW, by=asks)
    name, password = await granting.allow(engine, request.id, NOW, by=allows)
    assert name == "karimi" and len(password) == 19
    [found] = [each for each in await people.listed(engine) if each["name"] == "karimi"]
    assert (found["role"], found["areas"], found["email"]) == ("governor", ["ahar"], "m@example.org")
    trail = [
        (each["action"], each["name"]) for each in await auditing.listed(engine, subject="person/karimi")
    ]
    assert trail == [("person_added", "second"), ("grant_allowed", "second"), ("grant_asked", "first")]
    with pytest.raises(Refused):
        await granting.allow(engine, request.id, NOW, by=allows)
    assert await granting.waiting(engine, NOW) == []


async def test_what_can_not_be_done_any_more_waits_on_and_after_a_week_nothing_is_allowed(
    engine: AsyncEngine,
) -> None:
    asks, allows = await made(engine, "first", Role.ADMIN), await made(engine, "second", Role.ADMIN)
    wanted = NewPerson("karimi", "Maryam", Role.SUPERVISOR)
    await granting.ask(engine, "add", wanted, NOW, by=asks)
    [request] = await granting.waiting(engine, NOW)
    await made(engine, "karimi", Role.OPERATOR)
    with pytest.raises(WrongField):
        await granting.allow(engine, request.id, NOW, by=allows)
    assert len(await granting.waiting(engine, NOW)) == 1
    with pytest.raises(Refused):
        await granting.allow(engine, request.id, NOW + timedelta(days=8), by=allows)
    assert await granting.waiting(engine, NOW + timedelta(days=8)) == []


@pytest.mark.parametrize("deed", ["change", "password", "totp"])
async def test_a_request_undoes_nothing_that_was_done_to_her_since(engine: AsyncEngine, deed: str) -> None:
    asks, allows = await made(engine, "first", Role.ADMIN), await made(engine, "second", Role.ADMIN)
    await made(engine, "karimi", Role.OPERATOR)
    await granting.ask(engine, deed, NewPerson("karimi", "karimi", Role.SUPERVISOR), NOW, by=asks)
    [request] = await granting.waiting(engine, NOW)
    ahar = NewPerson("karimi", "karimi", Role.OPERATOR, areas=("ahar",))
    await staffing.reassign(engine, ahar, NOW, by=allows)
    with pytest.raises(Outdated):
        await granting.allow(engine, request.id, NOW, by=allows)
    [found] = [each for each in await people.listed(engine) if each["name"] == "karimi"]
    assert (found["role"], found["areas"]) == ("operator", ["ahar"])
    await granting.refuse(engine, request.id, NOW, by=asks)
    await granting.ask(engine, deed, NewPerson("karimi", "karimi", Role.SUPERVISOR), NOW, by=asks)
    [again] = await granting.waiting(engine, NOW)
    assert (await granting.allow(engine, again.id, NOW, by=allows))[0] == "karimi"


async def test_whoever_took_her_second_factor_does_not_allow_her_a_password(engine: AsyncEngine) -> None:
    took, asks = await made(engine, "first", Role.ADMIN), await made(engine, "second", Role.ADMIN)
    await made(engine, "rezaei", Role.SUPERVISOR, totp_since=NOW, totp_secret="x")
    await people.reset_totp(engine, "rezaei", NOW, by=took)
    await granting.ask(engine, "password", NewPerson("rezaei", "x", Role.SUPERVISOR), NOW, by=asks)
    [request] = await granting.waiting(engine, NOW)
    with pytest.raises(SecondAdmin):
        await granting.allow(engine, request.id, NOW, by=took)
    third = await made(engine, "third", Role.ADMIN)
    assert (await granting.allow(engine, request.id, NOW, by=third))[1]


async def test_who_presses_both_halves_at_once_does_one_of_them(engine: AsyncEngine) -> None:
    both, asks = await made(engine, "first", Role.ADMIN), await made(engine, "second", Role.ADMIN)
    await made(engine, "rezaei", Role.SUPERVISOR, totp_since=NOW, totp_secret="x")
    await granting.ask(engine, "password", NewPerson("rezaei", "x", Role.SUPERVISOR), NOW, by=asks)
    [request] = await granting.waiting(engine, NOW)
    async with engine.begin() as connection:
        row = await people.one(connection, "rezaei")
        allowing = asyncio.create_task(granting.allow(engine, request.id, NOW, by=both))
        await until_blocked(engine)
        gone = people.WITHOUT_FACTOR
        await people.change_within(connection, row, "totp_reset", NOW, both, "", gone)
    with pytest.raises(SecondAdmin):
        await allowing


async def test_a_lone_admin_is_told_that_nobody_can_allow_it(engine: AsyncEngine) -> None:
    alone = await made(engine, "first", Role.ADMIN)
    await made(engine, "second", Role.ADMIN, locked_at=NOW)
    with pytest.raises(NobodyElse):
        await granting.ask(engine, "add", NewPerson("karimi", "x", Role.ADMIN), NOW, by=alone)


@pytest.mark.parametrize("change", [{"locked_at": NOW}, {"role": "auditor"}], ids=["locked", "demoted"])
async def test_what_an_admin_asked_who_is_one_no_more_waits_no_longer_and_another_may_ask_it(
    engine: AsyncEngine, change: dict[str, object]
) -> None:
    asks = await made(engine, "first", Role.ADMIN)
    others = [await made(engine, name, Role.ADMIN) for name in ("second", "third")]
    wanted = NewPerson("karimi", "x", Role.SUPERVISOR, trusted=True)
    await granting.ask(engine, "add", wanted, NOW, by=asks)
    [request] = await granting.waiting(engine, NOW)
    async with engine.begin() as connection:
        its = tables.people.c
        await connection.execute(update(tables.people).where(its.name == "first").values(change))
    assert not await granting.waiting(engine, NOW)
    with pytest.raises(Refused, match="waits for no answer"):
        await granting.allow(engine, request.id, NOW, by=others[0])
    await granting.ask(engine, "add", wanted, NOW, by=others[0])
    [again] = await granting.waiting(engine, NOW)
    await granting.allow(engine, again.id, NOW, by=others[1])


async def test_of_two_admins_who_lock_each_other_at_once_one_stays(engine: AsyncEngine) -> None:
    for _ in range(5):
        ids = {name: await made(engine, name, Role.ADMIN) for name in ("first", "second")}
        each = (("first", ids["second"]), ("second", ids["first"]))
        done = await asyncio.gather(
            *(staffing.lock(engine, name, NOW, by=by) for name, by in each), return_exceptions=True
        )
        assert sorted(map(type, done), key=str) == [type(None), LastAdmin], done
        async with engine.begin() as connection:
            gone = {"name": func.concat(tables.people.c.name, "-", uuid.uuid4().hex), "role": "operator"}
            await connection.execute(update(tables.people).values(gone))


async def test_whose_account_another_changed_gets_a_letter_at_the_address_it_had(engine: AsyncEngine) -> None:
    at = await counter(engine)
    admin = await made(engine, "first", Role.ADMIN)
    await made(engine, "karimi", Role.OPERATOR, email="maryam@example.org")
    away = NewPerson("karimi", "Maryam", Role.OPERATOR, email="thief@example.org")
    await staffing.reassign(engine, away, NOW, by=admin)
    await people.set_password(engine, "karimi", PASSWORD, NOW)
    file = notices.load(SEED)
    assert await outgoing.spread(engine, file, await outgoing.lease(engine, NOW), at.page.calendar, NOW) == 2
    letters = [each for each in await outgoing.lease(engine, NOW) if each.kind == "email"]
    told = {each.payload["to"]: each.payload["text"] for each in letters}
    assert "karimi" in told["maryam@example.org"] and "first" in told["maryam@example.org"]
    assert "رمز عبور" in told["thief@example.org"], "who has that address now knows of what came later"
    async with engine.begin() as connection:
        untold = select(tables.people.c.untold_since).where(tables.people.c.name == "karimi")
        assert (await connection.execute(untold)).scalar_one() == NOW
        await connection.execute(update(tables.people).values(email=""))
    await people.set_password(engine, "karimi", PASSWORD, NOW)
    assert [each for each in await outgoing.lease(engine, NOW) if each.kind != "email"] == []
    shown = {each["to"] for each in await outgoing.listed(engine, "all", 10)}
    assert shown == {"m***@example.org", "t***@example.org"}
