"""`ivr escalation` and `ivr closure`; and the files that they go by."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from persiantools.jdatetime import JalaliDate
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands import doctor
from ivr.commands.closure import day_named
from ivr.desk.book.ladders import read_ladders
from ivr.desk.book.seeds import SeedError, load_seeds
from ivr.desk.editing.seeding import seed
from ivr.loops import time_of_day
from ivr.settings import Settings
from ivr.store.tables import cases
from ivr.voice.mistakes import MenuMistakes
from tests.desk.counter import counter
from tests.fixtures.commands import ivr
from tests.fixtures.database import SEED
from tests.loops.test_time_of_day import Ahead


async def test_the_ladder_is_climbed_and_proved_from_the_command_line(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await counter(engine)
    code = await at.open()
    long_ago = at.at - timedelta(days=30)
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(opened_at=long_ago, due_at=long_ago, timed_by=0))
        await connection.execute(update(cases).values(next_rung_at=long_ago))

    async def escalation(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "escalation", *arguments)

    exit_code, said = await escalation("check")
    assert exit_code == 1
    assert f"no_rung: overdue, and the log of events lacks the rung that is due (1): {code}" in said
    exit_code, said = await escalation("sweep", "--json")
    assert (exit_code, json.loads(said)) == (0, {"retimed": 1, "escalated": 1})
    exit_code, said = await escalation("check", "--json")
    assert (exit_code, json.loads(said)) == (0, {"ok": True, "alarms": []})
    assert (await at.row(code)).level == "governor"
    exit_code, said = await escalation("ladder", "--topic", "water.bill", "--agency", "ostandari")
    assert exit_code == 0 and "deputy_governor  0" in said and "every 5 working days" in said
    assert await escalation("ladder", "--topic", "x") == (1, "there is no topic x")


async def test_by_a_clock_that_is_not_the_database_s_nobody_climbs_and_nothing_is_proved(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await counter(engine)
    code = await at.open()
    long_ago = at.at - timedelta(days=30)
    async with engine.begin() as connection:
        overdue = update(cases).values(opened_at=long_ago, due_at=long_ago, next_rung_at=long_ago)
        await connection.execute(overdue)
    monkeypatch.setattr(time_of_day, "datetime", Ahead)
    before = await at.row(code)
    for deed in ("sweep", "check"):
        exit_code, said = await ivr(database_url, tmp_path, "escalation", deed)
        assert exit_code == 1 and "ahead of the database's" in said and "deadlines" in said
    assert await at.row(code) == before
    seen = await doctor._escalation(Settings(state=tmp_path, database_url=database_url))  # one look of many
    assert not seen.ok and "ahead of the database's" in seen.found and "sweep" not in seen.mend


async def test_a_closure_moves_deadlines_from_the_command_line(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await counter(engine)
    day = day_named("today")
    while not at.page.calendar.is_working(day := day + timedelta(days=1)):
        pass
    at.at = at.at.replace(year=day.year, month=day.month, day=day.day) - timedelta(days=1)
    code = await at.open("water.bill", "tabriz")
    jalali = JalaliDate(day).isoformat()  # type: ignore[no-untyped-call]

    async def closure(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "closure", *arguments)

    before = (await at.row(code)).due_at
    exit_code, said = await closure("add", jalali, "--county", "tabriz", "--reason", "برودت هوا")
    assert (exit_code, said) == (0, f"{day} tabriz: closed; 1 deadlines moved")
    assert (await at.row(code)).due_at > before
    exit_code, said = await closure("add", str(day), "--county", "tabriz", "--reason", "x")
    assert (exit_code, said) == (1, f"{day} is no working day in tabriz anyway")
    (row,) = json.loads((await closure("list", "--json"))[1])
    assert (row["day"], row["county"], row["reason"]) == (str(day), "tabriz", "برودت هوا")
    assert json.loads((await closure("remove", str(day), "--county", "tabriz", "--json"))[1])["moved"] == 1
    assert (await at.row(code)).due_at == before
    assert (await closure("add", "soon", "--reason", "x"))[0] == 2


async def test_a_new_ladder_file_moves_the_rungs_of_open_cases(engine: AsyncEngine, tmp_path: Path) -> None:
    from ivr.desk.deadlines.retiming import retime

    at = await counter(engine)
    code = await at.open("water.bill")
    before = await at.row(code)
    for path in SEED.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    await seed(engine, tmp_path)
    await at.reread()
    assert await retime(engine, at.page, at.at) == 0 and at.page.revision == before.timed_by
    own = "levels: [officer, head]\nladder: [{rung: first, level: head, before: 5}]\n"
    (tmp_path / "escalation.yaml").write_text(own)
    await seed(engine, tmp_path)
    await at.reread()
    assert await retime(engine, at.page, at.at) == 0, "no deadline moves"
    after = await at.row(code)
    assert (after.due_at, str(after.next_rung_at.date())) == (before.due_at, "2026-11-29")


BAD = """
levels: [officer, head]
ladder:
  - {rung: reminder, level: officer, before: 1}
  - {rung: overdue, level: heads, after: 0}
  - {rung: again, level: officer, before: 2, after: 1}
  - {rung: back, level: officer}
  - {rung: Big Name, level: officer, after: -2}
repeat: 0
topics:
  water.suply: {ladder: [{rung: x, level: head, after: 0}]}
agencies: {abfa: {ladder: []}}
ladders: []
"""


def test_every_mistake_in_a_ladder_is_named_with_its_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "escalation.yaml"
    path.write_text(BAD)
    with pytest.raises(MenuMistakes) as caught:
        read_ladders(path, ["water.supply"], ["abfa"])
    said = [f"{m.line} {m.key}: {m.message}" for m in caught.value.mistakes]
    assert "5 ladder[2].level: “heads” is none of officer, head" in said
    assert "6 ladder[3].after: a rung has either before or after, in working days" in said
    assert "7 ladder[4].after: a rung has either before or after, in working days" in said
    assert "9 repeat: 0 must be from 1 to 365" in said
    assert "11 topics.water.suply: is none of the province's topics" in said
    assert any(line.startswith("12 agencies.abfa.ladder: must list rungs") for line in said)
    assert any(line.startswith("13 ladders: there is no such key here") for line in said)
    assert any(line.startswith("8 ladder[5].rung: “Big Name” must be a name") for line in said)


RUNG = "{rung: x, level:"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "must be a mapping with levels, ladder"),
        (f"levels: [a, b]\nladder: [{RUNG} b, after: 0}}, {{rung: z, level: a, after: 1}}]", "lower than b"),
        (f"levels: [a]\nladder: [{RUNG} a, after: 2}}, {{rung: z, level: a, after: 2}}]", "later than x"),
        ("levels: [a, a]\nladder: [{rung: x, level: a, after: 2}]", "names a level twice"),
        ("levels: &x [a]", "anchors"),
    ],
)
def test_a_seed_folder_with_a_ladder_that_can_t_be_is_refused(tmp_path: Path, text: str, why: str) -> None:
    for path in SEED.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "escalation.yaml").write_text(text)
    with pytest.raises(SeedError, match=why):
        load_seeds(tmp_path)


def test_days_are_read_as_people_write_them() -> None:
    assert day_named("2026-11-26") == day_named("1405-09-05") == day_named("1405/9/5") == date(2026, 11, 26)
    assert day_named("tomorrow") - day_named("today") == timedelta(days=1)
    for none in ("1405-13-01", "05-09-05", "1045-09-05", "1605/9/5"):
        with pytest.raises(SystemExit):
            day_named(none)
