"""People change the province's book: kept, reversible, and not undone by the seed files."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing.changing import Conflict, Done, Why, Wish, change, wish
from ivr.desk.editing.nouns import AGENCY, AREA, BY_NAME, DAY, KIND, LIMIT, NOTICE, RULE, TOPIC, Noun
from ivr.desk.editing.seeding import directory, seed
from ivr.desk.editing.undoing import history, undo
from ivr.desk.editing.values import WrongRow, hour_of
from ivr.desk.refusals import Refused
from ivr.lab.pace import patience
from ivr.store.row_version import version
from ivr.store.tables import agencies, book_changes, topics
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY
from tests.fixtures.database import SEED
from tests.fixtures.province import CONVENTIONS, book_of

ADMIN = Actor("admin/karimi", Side.DESK)
BILL = {"topic": "water.bill", "scope": "default"}
SMS = {"on": "case_opened", "to": "citizen", "by": "sms", "text": {"fa": "{code}"}}


def why(reason: str = "", minutes: int = 0) -> Why:
    return Why(ADMIN, reason, WEDNESDAY + timedelta(minutes=minutes))


async def row(engine: AsyncEngine, noun: str, key: str) -> dict[str, Any]:
    async with engine.connect() as connection:
        return (await BY_NAME[noun].rows(connection))[key]


async def edit(engine: AsyncEngine, noun: str, which: str, reason: str = "", **changed: Any) -> list[Done]:
    values = {**(await row(engine, noun, which)), **changed}
    return await change(engine, why(reason), wish(BY_NAME[noun], values, which))


async def test_yes_and_no_are_taken_as_the_pages_show_them_also_from_an_arabic_keyboard(
    engine: AsyncEngine,
) -> None:
    for written, taken in (("بله", True), ("خیر", False), ("بله", True), ("خير", False)):
        await edit(engine, "topic", "water.bill", retired=written)
        assert (await row(engine, "topic", "water.bill"))["retired"] is taken


async def test_a_change_keeps_who_when_why_before_and_after(engine: AsyncEngine) -> None:
    [done] = await edit(engine, "topic", "water.supply", "قول شورا", deadline_days="۵")
    assert (done.fields, done.number > 0) == (["deadline_days"], True)
    [kept] = await history(engine)
    assert (kept["by"], kept["reason"], kept["key"]) == ("admin/karimi", "قول شورا", "water.supply")
    assert datetime.fromisoformat(kept["at"]) == WEDNESDAY
    assert (kept["before"]["deadline_days"], kept["after"]["deadline_days"]) == (2, 5)
    assert await edit(engine, "topic", "water.supply") == [], "nothing to change is no change"
    for statement in ("UPDATE book_changes SET changed_by = 'x'", "DELETE FROM book_changes"):
        with pytest.raises(DBAPIError, match="never changed or deleted"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))


async def test_every_book_sees_it_at_once_and_the_next_case_goes_there(engine: AsyncEngine) -> None:
    at, book = await counter(engine), book_of(engine)
    following = asyncio.create_task(book.follow())
    try:
        assert (await book.page()).rules.route("complaint", "water.bill", "ahar").agency == "abfa"
        rule = {"topic": "water.bill", "scope": "county", "county": "ahar", "agency": "gas"}
        await change(engine, why(), wish(RULE, rule))
        async with asyncio.timeout(patience(20)):
            while (await book.page()).rules.route("complaint", "water.bill", "ahar").agency != "gas":
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
    at.page = await book.page()
    assert (await at.row(await at.open("water.bill"))).agency == "gas"
    assert (await at.row(await at.open("water.bill", "tabriz"))).agency == "abfa"


async def test_two_people_at_once_are_told_and_nothing_is_overwritten(engine: AsyncEngine) -> None:
    seen = await row(engine, "agency", "abfa")
    first, second = ({**seen, "note": note} for note in ("a", "b"))
    await change(engine, why(), wish(AGENCY, first, "abfa", version(seen)))
    with pytest.raises(Conflict, match="has changed since you looked") as refused:
        await change(engine, why(), wish(AGENCY, second, "abfa", version(seen)))
    assert refused.value.current == first
    with pytest.raises(WrongRow, match="code: is there already"):
        await change(engine, why(), wish(AGENCY, second, seen=""))


async def test_undo_is_a_change_and_waits_for_later_ones(engine: AsyncEngine) -> None:
    [one] = await edit(engine, "topic", "water.bill", deadline_days=9)
    [two] = await edit(engine, "topic", "water.bill", name="قبض")
    with pytest.raises(Refused, match=rf"change {two.number} \(admin/karimi, .* stands in the way"):
        await undo(engine, why(), one.number)
    [back] = await undo(engine, why("اشتباه"), two.number)
    assert (await history(engine))[0]["undoes"] == two.number
    with pytest.raises(Refused, match="undone already"):
        await undo(engine, why(), two.number)
    await undo(engine, why(), back.number)
    assert (await row(engine, "topic", "water.bill"))["name"] == "قبض", "an undo can be undone"
    await undo(engine, why(), (await history(engine))[1]["number"] and two.number)
    await undo(engine, why(), one.number)
    assert (await row(engine, "topic", "water.bill"))["deadline_days"] == 7
    assert [h["may_undo"] for h in await history(engine)].count(True) == 1
    with pytest.raises(Refused, match="there is no change 999"):
        await undo(engine, why(), 999)


async def test_seeding_leaves_people_s_rows_alone_and_tells_the_difference(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    [days] = await edit(engine, "topic", "water.supply", deadline_days=5)
    await change(engine, why(), Wish("rule", "energy.gas/default/", None))
    await change(engine, why(), wish(KIND, {"kind": "meeting", "topic": "gov.political"}, "meeting"))
    await change(engine, why(), wish(RULE, {"topic": "water.bill", "scope": "no_county", "agency": "gas"}))
    [agency] = await edit(engine, "agency", "gas", note="x")
    kept = [str(one) for one in await seed(engine, SEED)]
    assert "topic water.supply: deadline_days: 5 as people set it, 2 in the files" in kept
    assert any(one.startswith("rule energy.gas/default/: gone as people set it") for one in kept)
    assert "kind meeting: topic: 'gov.political' as people set it, 'gov.meeting' in the files" in kept
    assert len(kept) == 4, kept
    route = (await counter(engine)).page.rules.route
    assert route("complaint", "energy.gas").reason == "no_rule"
    assert route("complaint", "water.bill").agency == "gas"
    # Taken back, a row is the files' again.
    folder = tmp_path / SEED.name
    shutil.copytree(SEED, folder)
    file = folder / "topics.yaml"
    file.write_text(file.read_text().replace("deadline_days: 2\n", "deadline_days: 4\n", 1))
    await undo(engine, why(), days.number)
    await undo(engine, why(), agency.number)
    assert len(await seed(engine, folder)) == 2
    assert (await row(engine, "topic", "water.supply"))["deadline_days"] == 4
    [again] = await edit(engine, "topic", "water.supply", deadline_days=6)
    assert len(await seed(engine, SEED)) == 3
    await undo(engine, why(), again.number)
    assert (await row(engine, "topic", "water.supply"))["deadline_days"] == 4


async def test_a_rule_that_was_taken_back_is_the_files_again(engine: AsyncEngine, tmp_path: Path) -> None:
    rule = {"topic": "water.bill", "scope": "default", "agency": "gas"}
    [done] = await change(engine, why(), wish(RULE, rule, "water.bill/default/"))
    await undo(engine, why(), done.number)
    folder = tmp_path / SEED.name
    shutil.copytree(SEED, folder)
    file = folder / "topics.yaml"
    before, behind, after = file.read_text().partition("  - code: water.bill\n")
    file.write_text(before + behind + after.replace('"abfa"', '"edu"', 1))
    assert await seed(engine, folder) == []
    found = (await counter(engine)).page.rules.route("complaint", "water.bill")
    assert (found.agency, found.reason) == ("edu", "rule")


async def test_a_name_as_an_old_pdf_gives_its_letters_is_kept_in_those_that_a_keyboard_gives(
    engine: AsyncEngine,
) -> None:
    [done] = await edit(engine, "agency", "abfa", name="ﺳﺎﺯﻣﺎﻥ ﭘﺎﺭﻛﻬﺎﻱ m²", note="ﺗﻠﻔﻦ: ۵ ﻻﺯﻡ")
    assert done.after and (done.after["name"], done.after["note"]) == ("سازمان پارکهای m²", "تلفن: ۵ لازم")
    [done] = await edit(engine, "area", "ahar", towns="ﻫﻮﺭﺍﻧﺪ\nهوراند")
    assert done.after and done.after["towns"] == ["هوراند"]


async def test_nothing_that_cases_point_at_is_deleted_or_left_without_a_body(engine: AsyncEngine) -> None:
    at = await counter(engine)
    with pytest.raises(Refused, match="retired, never deleted"):
        await change(engine, why(), Wish("agency", "abfa", None))
    with pytest.raises(WrongRow, match=r"retired: the rules of water\.\w+ name it"):
        await edit(engine, "agency", "abfa", retired=True)
    with pytest.raises(WrongRow, match="the desk stays an agency"):
        await edit(engine, "agency", "gov_inspection", assignable=False)
    with pytest.raises(WrongRow, match="meeting needs it"):
        await edit(engine, "topic", "gov.meeting", retired=True)
    new = {"code": "park", "name": "سازمان پارك‌ها", "level": "county", "county": "ahar", "assignable": "true"}
    [made] = await change(engine, why(), wish(AGENCY, new))
    assert made.after and made.after["name"] == "سازمان پارک‌ها", "Arabic letters are written as Persian ones"
    rule = {"topic": "water.bill", "scope": "county", "county": "ahar", "agency": "park"}
    [ruled] = await change(engine, why(), wish(RULE, rule))
    await at.reread()
    code = await at.open("water.bill")
    await undo(engine, why(), ruled.number)
    with pytest.raises(WrongRow, match="open cases are with it"):
        await undo(engine, why(), made.number)
    with pytest.raises(WrongRow, match="open cases are with it"):
        await edit(engine, "agency", "park", assignable="no")
    await at.reread()
    assert (await at.row(code)).agency == "park", "open cases keep their agency when rules change"


async def test_a_retired_agency_gets_no_more_cases_and_its_officers_stay_its_officers(
    engine: AsyncEngine,
) -> None:
    from ivr.desk.case import referring
    from ivr.desk.case.change import actor_named

    [made] = await change(
        engine, why(), wish(AGENCY, {"code": "park", "name": "پارک", "level": "county", "assignable": "1"})
    )
    await undo(engine, why(), made.number)
    async with engine.connect() as connection:
        query = select(agencies.c.retired_at).where(agencies.c.code == "park")
        assert (await connection.execute(query)).scalar_one() is not None
    at = await counter(engine)
    assert actor_named(at.page, "park/karimi").side is Side.AGENCY
    with pytest.raises(Refused, match="park is retired"):
        await referring.refer(engine, at.page, at.ask(await at.open()), "park")
    with pytest.raises(WrongRow, match="agency park is retired"):
        await change(engine, why(), wish(RULE, {"topic": "water.bill", "scope": "default", "agency": "park"}))


async def test_a_topic_s_new_deadline_leaves_open_cases_and_a_closed_day_moves_them(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    before = await at.open("water.bill")
    due = (await at.row(before)).due_at
    await edit(engine, "topic", "water.bill", deadline_days=1)
    await at.reread()
    assert await retime(engine, at.page, at.at) == 0
    assert (await at.row(before)).due_at == due, "what the caller was told stays true"
    assert (await at.row(await at.open("water.bill"))).due_at < due
    await edit(engine, "topic", "water.bill", deadline_days=7)
    [closed] = await change(engine, why(), wish(DAY, {"day": "1405/09/07", "county": "ahar", "note": "برف"}))
    assert closed.key == "2026-11-28/ahar"
    await at.reread()
    assert await retime(engine, at.page, at.at) == 2
    await undo(engine, why(), closed.number)
    await at.reread()
    assert await retime(engine, at.page, at.at) == 2
    assert (await at.row(before)).due_at == due


async def test_limits_that_people_set_go_before_the_configured_ones(engine: AsyncEngine) -> None:
    book = book_of(engine)
    [done] = await change(engine, why(), wish(LIMIT, {"name": "cases_per_hour", "value": "۳"}))
    await book.load()
    assert (book.limits_now.cases_per_hour, book.limits_now.wrong_codes) == (3, 5)
    await undo(engine, why(), done.number)
    await book.load()
    assert book.limits_now.cases_per_hour == 0


async def test_a_retired_topic_or_county_is_not_offered_to_callers_any_more(engine: AsyncEngine) -> None:
    await edit(engine, "topic", "water.bill", retired="yes")
    await edit(engine, "area", "leylan", retired="yes")
    offered = await directory(engine, CONVENTIONS)
    assert "12" not in offered.by_topic_key and "leylan" not in {c.code for c in offered.counties}
    await edit(engine, "topic", "water.sewage", key="12")
    with pytest.raises(WrongRow, match=r"key: 12 is taken by water\.sewage"):
        await edit(engine, "topic", "water.bill", retired="")


WRONG: list[tuple[Noun, dict[str, Any], str]] = [
    (AGENCY, {"code": "x", "name": "", "level": "city"}, "name: must be given; level: .*did you mean"),
    (AGENCY, {"code": "x", "name": "ن", "level": "county", "county": "ahr"}, "no county “ahr” .*“ahar”"),
    (AGENCY, {"code": "X y", "name": "ن", "level": "county"}, "code: has not the right form"),
    (AGENCY, {"code": "x", "name": "ن" * 201, "level": "county"}, "name: has more than 200"),
    (TOPIC, {"deadline_days": "zwei"}, "deadline_days: must be a whole number from 1 to 365, not “zwei”"),
    (TOPIC, {"colour": "red"}, "colour: unknown key"),
    (AREA, {"key": "101"}, "key: has not the right form"),
    (RULE, BILL | {"agency": "abfaa"}, "no agency .*did you mean “abfa”"),
    (RULE, BILL | {"county": "ahar", "agency": "abfa"}, "exactly when"),
    (RULE, BILL | {"scope": "county_pattern", "agency": "abfa"}, r"lacks \{county\}"),
    (DAY, {"day": "1405-13-01", "note": "x"}, "day: is no day"),
    (DAY, {"day": "1420-01-05", "note": "x"}, "day: is too far"),
    (LIMIT, {"name": "wrong_codes", "value": 0}, "value: must be a whole number from 1"),
    (BY_NAME["wording"], {"name": "a", "said": {"fa": "{colour}"}}, "said: {colour} stands for nothing"),
    (BY_NAME["wording"], {"name": "a", "said": {"fa": "{kind}"}}, "said: {kind} stands for nothing"),
    (BY_NAME["wording"], {"name": "a", "topic": "fire.*", "said": {"fa": "x"}}, "no topic “fire"),
    (NOTICE, {}, "on: must be given; to: must be given; by: must be given; text: must be given"),
    (NOTICE, SMS | {"on": "case_opend"}, "on: must be one of case_opened, .* “case_opened”"),
    (NOTICE, SMS | {"by": "email"}, "by: must be sms"),
    (NOTICE, SMS | {"topic": "fire"}, "no topic “fire"),
    (NOTICE, SMS | {"subject": "{colour}"}, "subject: {colour} stands for nothing; there are {agency}, "),
    (NOTICE, SMS | {"text": {"fa": "{code}", "az": "{code"}}, "text: has a brace too many or too few"),
    (NOTICE, SMS | {"text": "ن" * 2001}, "text: has more than 2000"),
]


async def test_every_mistake_has_its_field_and_changes_nothing(engine: AsyncEngine) -> None:
    for noun, given, says in WRONG:
        with pytest.raises(WrongRow, match=says):
            await change(engine, why(), wish(noun, given))
    async with engine.connect() as connection:
        assert (await connection.execute(select(book_changes))).first() is None


async def test_only_the_desk_may_and_a_rehearsal_leaves_no_trace(engine: AsyncEngine) -> None:
    wanted = wish(TOPIC, {**(await row(engine, "topic", "water.bill")), "deadline_days": 3}, "water.bill")
    officer = Why(Actor("abfa/karimi", Side.AGENCY, "abfa"))
    with pytest.raises(Refused, match="only by the desk"):
        await change(engine, officer, wanted)
    [done] = await change(engine, why(), wanted, rehearse=True)
    assert (done.fields, done.number) == (["deadline_days"], 0)
    async with engine.connect() as connection:
        days = select(topics.c.deadline_days).where(topics.c.code == "water.bill")
        assert (await connection.execute(days)).scalar_one() == 7
    assert await history(engine) == []


async def test_a_change_from_before_a_field_was_there_is_undone_all_the_same(engine: AsyncEngine) -> None:
    [done] = await edit(engine, "agency", "gas", name="شرکت گاز", short="")
    older = "SET before = before - 'short', after = after - 'short'"
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(f"UPDATE book_changes {older} WHERE number = {done.number}"))
    await undo(engine, why(), done.number)
    assert (await row(engine, "agency", "gas"))["name"] != "شرکت گاز"


@pytest.mark.parametrize("sign", list(":./,،٫"))
def test_an_hour_is_the_same_with_whatever_sign_between_hour_and_minutes(sign: str) -> None:
    assert hour_of(f"10{sign}30") == hour_of(f" ۱۰{sign}۳۰ ") == time(10, 30)
    assert hour_of(f"۹{sign}۰۵") == time(9, 5)


@pytest.mark.parametrize("text", ["", "9", "10.3", "10,300", "10:30:00.5", "24:00", "10.60", "ten"])
def test_what_is_no_hour_of_the_day_is_taken_for_none(text: str) -> None:
    with pytest.raises(ValueError):
        hour_of(text)
