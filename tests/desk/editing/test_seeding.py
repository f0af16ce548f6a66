"""A province's seed folder."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.book.seeds import SeedError, load_seeds
from ivr.desk.counter.following import services
from ivr.desk.editing.changing import Why, change, wish
from ivr.desk.editing.nouns import KIND
from ivr.desk.editing.seeding import directory, directory_from, seed
from ivr.desk.editing.undoing import undo
from ivr.store.tables import agencies, areas, calendar_days, provinces, routing_rules, topics
from tests.desk.editing.test_changing import edit
from tests.fixtures.database import SEED
from tests.fixtures.province import CONVENTIONS, book_of, calendar

WHY = Why(Actor("admin/karimi", Side.DESK))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the seeds to spoil."""
    copy = tmp_path / "province"
    shutil.copytree(SEED, copy)
    return copy


async def test_the_database_and_the_files_give_the_same_directory(engine: AsyncEngine) -> None:
    stored, written = await directory(engine, CONVENTIONS), directory_from(SEED, CONVENTIONS)
    assert stored.calendar == written.calendar == calendar()
    assert stored.groups == written.groups == tuple("1234567890")
    assert stored.by_topic_key == written.by_topic_key and len(stored.topics) == 59
    assert stored.by_county_key == written.by_county_key and len(stored.counties) == 23
    assert set(stored.agencies) == set(written.agencies)
    assert stored.other_topic == written.other_topic == "other.other"


def test_the_files_say_which_days_are_worked_and_the_configuration_which_are_the_week_s_end(
    folder: Path,
) -> None:
    snow = "days: [{day: 2026-11-25, working: false, county: maragheh}, {day: 2026-11-29, working: true}]"
    (folder / "calendar.yaml").write_text(snow, encoding="utf-8")
    elsewhere = replace(CONVENTIONS, timezone="Asia/Baku", weekend=frozenset({5, 6}))
    found = directory_from(folder, elsewhere).calendar
    assert found.timezone == "Asia/Baku"
    assert not found.is_working(date(2026, 11, 25), "maragheh") and found.is_working(date(2026, 11, 25))
    thursday, saturday, sunday = (date(2026, 11, day) for day in (26, 28, 29))
    assert [found.is_working(day) for day in (thursday, saturday, sunday)] == [True, False, True]


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ("{day: 1405-09-05, working: false}", r"days\[0\]\.day: .*greater than or equal to 2000-01-01"),
        ("{day: 1405-02-30, working: false}", "calendar.yaml: day is out of range for month"),
        (
            "{day: 2026-11-25, working: false, county: ahar}, {day: 2026-11-25, working: true, county: ahar}",
            "2026-11-25 in ahar: it is said to be worked, and not to be",
        ),
        ("{day: 2026-11-25, working: false}, {day: 2026-11-25, working: true}", "2026-11-25: it is said"),
        ("{day: 2026-11-25, working: false, day: 2026-11-26}", r"calendar\.yaml:1: 'day' stands twice"),
    ],
)
def test_a_day_that_cannot_be_meant_is_refused_with_its_file(folder: Path, days: str, says: str) -> None:
    (folder / "calendar.yaml").write_text(f"days: [{days}]", encoding="utf-8")
    with pytest.raises(SeedError, match=says):
        load_seeds(folder)


def test_a_day_may_have_two_feasts_and_a_county_its_own_word(folder: Path) -> None:
    days = (
        "{day: 2026-11-25, working: false, note: a}",
        "{day: 2026-11-25, working: false, note: b}",
        "{day: 2026-11-25, working: true, county: ahar}",
    )
    (folder / "calendar.yaml").write_text(f"days: [{', '.join(days)}]", encoding="utf-8")
    assert len(load_seeds(folder).calendar.days) == 3


def test_what_stands_twice_in_a_file_is_told_by_its_line_and_anchors_may_stay(folder: Path) -> None:
    file = folder / "rules.yaml"
    file.write_text("both: &b {a: x}\nnote: {<<: *b, <<: *b}\nkinds: {}\nkinds: {meeting: gov.political}\n")
    with pytest.raises(SeedError, match=r"rules\.yaml:4: 'kinds' stands twice$"):
        load_seeds(folder)


def test_a_note_may_be_a_telephone_s_number_with_a_0_before_it(folder: Path) -> None:
    file = folder / "areas.yaml"
    file.write_text(file.read_text() + "\nasked_at: 04135210000\n", encoding="utf-8")
    file = folder / "topics.yaml"
    noted = file.read_text().replace("    confidential: true", "    official: x\n    confidential: true")
    file.write_text(noted, encoding="utf-8")
    assert load_seeds(folder) == replace(load_seeds(SEED), name=folder.name)


async def test_a_topic_without_a_key_takes_cases_and_is_not_in_the_telephones_menu(
    engine: AsyncEngine,
) -> None:
    assert "docs.post" not in {topic.code for topic in (await directory(engine, CONVENTIONS)).topics}
    async with engine.connect() as connection:
        offered = {service.code: service for service in await services(connection)}
    assert offered["docs.post"].group == offered["docs.identity"].group != ""
    page = await book_of(engine).page()
    assert page.rules.route("complaint", "docs.post").agency == "post"


async def test_seeding_again_changes_nothing_but_what_changed(engine: AsyncEngine, folder: Path) -> None:
    tables = (provinces, areas, agencies, topics, routing_rules, calendar_days)
    before = [await count(engine, table) for table in tables]
    async with engine.begin() as connection:
        ruling = {
            "topic": "energy.gas",
            "scope": "county",
            "county": "ahar",
            "agency": "gas",
            "source": "ruling",
        }
        await connection.execute(insert(routing_rules).values(ruling | {"source": "ruling"}))
    text = (folder / "topics.yaml").read_text()
    (folder / "topics.yaml").write_text(text.replace("deadline_days: 2\n", "deadline_days: 4\n", 1))
    await seed(engine, folder)
    after = [await count(engine, table) for table in tables]
    assert after == [n + (table is routing_rules) for n, table in zip(before, tables, strict=True)]
    async with engine.connect() as connection:
        query = select(topics.c.deadline_days).where(topics.c.code == "water.supply")
        assert (await connection.execute(query)).scalar() == 4


async def test_a_second_province_is_refused_and_the_first_stays_as_it_was(
    engine: AsyncEngine, folder: Path
) -> None:
    for file, old, new in (("topics", "_days: 2\n", "_days: 4\n"), ("areas", 'code: "041"', 'code: "024"')):
        text = (folder / f"{file}.yaml").read_text()
        (folder / f"{file}.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(SeedError, match="holds the province east-azerbaijan; province needs a database"):
        await seed(engine, folder)
    async with engine.connect() as connection:
        assert (await connection.execute(select(provinces.c.code))).scalars().all() == [SEED.name]
        query = select(topics.c.deadline_days).where(topics.c.code == "water.supply")
        assert (await connection.execute(query)).scalar() == 2


async def test_a_province_whose_folder_is_renamed_keeps_the_kinds_that_people_set(
    engine: AsyncEngine, folder: Path
) -> None:
    await change(engine, WHY, wish(KIND, {"kind": "meeting", "topic": "gov.political"}, "meeting"))
    [kept] = await seed(engine, folder)
    assert str(kept).startswith("kind meeting: topic: 'gov.political' as people set it")
    async with engine.connect() as connection:
        province = (await connection.execute(select(provinces))).one()
    assert (province.code, province.kinds["meeting"]) == ("province", "gov.political")


async def test_files_that_would_put_two_topics_or_counties_behind_one_key_are_refused_as_a_whole(
    engine: AsyncEngine, folder: Path
) -> None:
    """She would press for one and be booked under the other."""
    here = await directory(engine, CONVENTIONS)
    [changed] = await edit(engine, "topic", "water.bill", deadline_days=9)
    file = folder / "topics.yaml"
    swapped = file.read_text().replace('key: "11"', 'key: "?"').replace('key: "12"', 'key: "11"')
    file.write_text(swapped.replace('key: "?"', 'key: "12"'))
    with pytest.raises(SeedError, match=r"water\.bill and topic water\.supply are both behind key 12"):
        await seed(engine, folder)
    assert (await directory(engine, CONVENTIONS)).by_topic_key == here.by_topic_key
    await undo(engine, WHY, changed.number)
    await seed(engine, folder)
    assert (await directory(engine, CONVENTIONS)).by_topic_key["12"].code == "water.supply"

    towns = folder / "areas.yaml"
    towns.write_text(towns.read_text().replace("code: azarshahr", "code: azar_shahr"))
    for name in ("topics", "agencies"):
        its = folder / f"{name}.yaml"
        its.write_text(re.sub(r"\bazarshahr\b", "azar_shahr", its.read_text()))
    with pytest.raises(SeedError, match="area azar_shahr and area azarshahr are both behind key 02") as told:
        await seed(engine, folder)
    assert "where nobody did, retire the code that the files gave up" in str(told.value)
    await edit(engine, "area", "azarshahr", retired=True)
    await seed(engine, folder)
    assert (await directory(engine, CONVENTIONS)).by_county_key["02"].code == "azar_shahr"


async def test_a_desk_that_people_give_no_cases_is_refused_and_what_clashed_before_is_told_alone(
    engine: AsyncEngine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await edit(engine, "topic", "docs.post", deadline_days=9)
    async with engine.begin() as connection:
        await connection.execute(update(topics).where(topics.c.code == "docs.post").values(key="11"))
    await edit(engine, "agency", "gas", assignable=False)
    file = folder / "agencies.yaml"
    before = file.read_text()
    file.write_text(before.replace("fallback: gov_inspection", "fallback: gas"))
    with pytest.raises(SeedError, match=r"agency gas is the desk \(fallback in agencies.yaml\)"):
        await seed(engine, folder)
    assert "as before, topic docs.post and topic water.supply are both behind key 11" in caplog.text
    file.write_text(before)
    await seed(engine, folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("topics.yaml", 'key: "11"', 'key: "111"', r"topics\[0\] \(water\).*\(water.supply\)\.key"),
        ("topics.yaml", "deadline_days: 2", "deadline_days: two", r"\(water.supply\)\.deadline_days"),
        ("topics.yaml", 'key: "12"', 'key: "11"', "key '11' is there more than once"),
        ("topics.yaml", '"default": "abfa"', '"default": "abfaa"', "water.supply: route.default: .*'abfaa'"),
        ("topics.yaml", "\n    confidential: true", "\n    confidental: true", "did you mean 'confidential'"),
        ("topics.yaml", "other: other.other", "other: other.what", "other: there is no topic 'other.what'"),
        ("areas.yaml", 'key: "02"', 'key: "2"', r"counties\[1\] \(azarshahr\)\.key"),
        ("areas.yaml", 'key: "02"', 'key: "۰۲"', r"counties\[1\] \(azarshahr\)\.key"),  # no telephone's
        ("topics.yaml", 'key: "12"', 'key: "1۲"', r"leaves\[1\] \(.*\)\.key"),
        ("agencies.yaml", "fallback: gov_inspection", "fallback: police", "fallback: 'police' is no agency"),
        ("agencies.yaml", "\n  scope: inside", "\n  scope: indoors", r"agencies\[0\] \(ostandari\)\.scope"),
        (
            "rules.yaml",
            "meeting: gov.meeting",
            "meeting: gov.tea",
            "kinds.meeting: there is no topic 'gov.tea'",
        ),
        ("rules.yaml", "\nkinds:", "\nkinds: [", "line"),
        ("areas.yaml", "_digits: 8", "_digits: 010", r"areas\.yaml:9: subscriber_digits: .*015"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(
    folder: Path, file: str, old: str, new: str, place: str
) -> None:
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(SeedError, match=place) as caught:
        load_seeds(folder)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "areas.yaml").unlink()
    with pytest.raises(SeedError, match=r"areas\.yaml can't be read"):
        load_seeds(folder)


async def count(engine: AsyncEngine, table: object) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()  # type: ignore[arg-type]
