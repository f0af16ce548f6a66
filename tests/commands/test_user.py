"""Who may sign in: `ivr user`, and whom the desk does not take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.people import passwords, people
from ivr.desk.people.people import NewPerson
from ivr.desk.refusals import Refused
from ivr.store.tables import audit
from tests.desk.office import WEDNESDAY
from tests.fixtures.commands import ivr


async def test_people_are_made_locked_and_listed(database_url: str, tmp_path: Path) -> None:
    async def user(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "user", *arguments)

    code, first = await user("add", "admin", "--role", "admin", "--first")
    assert code == 0 and first.startswith("admin ") and len(first.split()[1]) == 19
    assert await user("add", "admin2", "--role", "admin", "--first") == (0, ""), "only when there is nobody"
    assert (await user("add", "karimi", "--role", "officer", "--agency", "abfa", "--area", "ahar"))[0] == 0
    assert await user("lock", "karimi") == (0, "karimi: locked")
    assert (await user("lock", "nobody"))[0] == 1
    text = (await user("list", "--json"))[1]
    found = {p["name"]: (p["role"], p["agency"], p["areas"], p["locked"]) for p in json.loads(text)}
    assert found == {"admin": ("admin", None, [], False), "karimi": ("officer", "abfa", ["ahar"], True)}
    assert "argon2" not in text
    changed = await user("change", "karimi", "--role", "head", "--email", "maryam@example.org")
    assert changed == (0, "karimi: changed")  # in the panel that takes two admins
    [_, karimi] = json.loads((await user("list", "--json"))[1])
    assert (karimi["role"], karimi["agency"], karimi["areas"]) == ("head", "abfa", ["ahar"])
    assert karimi["email"] == "maryam@example.org"
    assert (await user("change", "karimi", "--role", "admin"))[0] == 1, "an admin is of no agency"


async def test_who_has_the_machine_marks_and_unmarks_who_is_trusted_with_the_seal_on_record(
    database_url: str, engine: AsyncEngine, tmp_path: Path
) -> None:
    async def user(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "user", *arguments)

    await user("add", "sohrabi", "--role", "supervisor")
    await user("add", "karimi", "--role", "officer", "--agency", "abfa")
    assert await user("trust", "sohrabi") == (0, "sohrabi: trusted with the seal")
    assert (await user("trust", "karimi"))[0] == 1, "an officer can't be"
    found = {each["name"]: each["trusted"] for each in await people.listed(engine)}
    assert found == {"karimi": False, "sohrabi": True}
    assert await user("trust", "sohrabi", "--no") == (0, "sohrabi: no longer trusted with the seal")
    assert not any(each["trusted"] for each in await people.listed(engine))
    async with engine.connect() as connection:
        query = select(audit.c.detail).where(audit.c.action == "person_changed").order_by(audit.c.id)
        deeds = (await connection.execute(query)).scalars().all()
    assert [(deed["before"]["trusted"], deed["after"]["trusted"]) for deed in deeds] == [
        (False, True),
        (True, False),
    ]


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (NewPerson("abfa", "x", Role.SUPERVISOR), "not a person's"),
        (NewPerson("citizen", "x", Role.SUPERVISOR), "not a person's"),
        (NewPerson("Karimi <b>", "x", Role.SUPERVISOR), "name"),
        (NewPerson("karimi", " ", Role.SUPERVISOR), "full_name"),
        (NewPerson("karimi", "x", Role.OFFICER), "agency"),
        (NewPerson("karimi", "x", Role.ADMIN, "abfa"), "agency"),
        (NewPerson("karimi", "x", Role.HEAD, "nowhere"), "no agency nowhere"),
        (NewPerson("karimi", "x", Role.GOVERNOR, areas=("atlantis",)), "no county atlantis"),
    ],
)
async def test_whom_the_desk_does_not_take(engine: AsyncEngine, wanted: NewPerson, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        await people.add(engine, wanted, passwords.by_chance(), WEDNESDAY)
    assert await people.listed(engine) == []
