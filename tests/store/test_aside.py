"""A row that can't be worked on is put aside with its reason, told, and hinders no other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Select, Table, Text, event, insert, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store.aside import AGAIN, MANY, Aside, NoneWorks

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
rows = Table(
    "rows_to_work_on",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("said", Text, nullable=False),
    Column("length", Integer),
)
ALL: Select[Any] = select(rows).where(rows.c.length.is_(None)).order_by(rows.c.id)


@pytest.fixture
async def books(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as connection:
        await connection.run_sync(rows.create)
        await connection.execute(text("ALTER TABLE rows_to_work_on ADD CONSTRAINT short CHECK (length < 9)"))
    return engine


async def put(books: AsyncEngine, *said: str) -> None:
    async with books.begin() as connection:
        await connection.execute(insert(rows), [{"said": each} for each in said])


async def measure(connection: AsyncConnection, found: Sequence[Any]) -> int:
    for row in found:
        its = update(rows).where(rows.c.id == row.id)
        await connection.execute(its.values(length=len(row.said)))
    return len(found)


async def left(books: AsyncEngine) -> list[str]:
    async with books.connect() as connection:
        return [row.said for row in await connection.execute(ALL)]


async def test_one_of_three_waits_with_its_reason_and_without_its_words_and_the_others_are_done(
    books: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await put(books, "one", "her own words", "three")
    aside = Aside()
    found, done = await aside.batch("lengths", books, ALL, measure, NOW)
    assert (len(found), done, await left(books)) == (3, 2, ["her own words"])
    assert "lengths: 2 can't be worked on and is put aside: IntegrityError" in caplog.text
    assert 'violates check constraint "short"' in caplog.text and "her own words" not in caplog.text
    assert aside.counts == {"lengths": 1}
    [told] = aside.troubles
    assert told.startswith("lengths: 1 put aside, which can't be worked on (IntegrityError)")


async def test_it_is_left_alone_for_an_hour_then_tried_again_and_told_no_more_once_it_is_mended(
    books: AsyncEngine,
) -> None:
    await put(books, "her own words")
    aside = Aside()
    await aside.batch("lengths", books, ALL, measure, NOW)
    async with books.begin() as connection:
        await connection.execute(update(rows).values(said="words"))
    assert await aside.batch("lengths", books, ALL, measure, NOW + AGAIN / 2) == ([], 0)
    assert aside.counts == {"lengths": 1}
    assert (await aside.batch("lengths", books, ALL, measure, NOW + AGAIN))[1] == 1
    assert aside.counts == {"lengths": 0} and aside.troubles == []


async def test_a_clock_that_was_set_back_leaves_it_alone_no_longer(books: AsyncEngine) -> None:
    await put(books, "her own words")
    aside = Aside()
    await aside.batch("lengths", books, ALL, measure, NOW)
    assert aside.waiting("lengths", NOW - timedelta(days=300)) == []


async def test_where_nothing_is_wrong_nothing_is_asked_beyond_the_question_and_the_work(
    books: AsyncEngine,
) -> None:
    await put(books, "one", "two")
    said: list[str] = []

    @event.listens_for(books.sync_engine, "before_cursor_execute")
    def note(*told: Any) -> None:
        said.append(told[2].split()[0])

    await Aside().batch("lengths", books, ALL, measure, NOW)
    assert said == ["SELECT", "UPDATE", "UPDATE"]


async def test_so_many_of_which_none_can_be_worked_on_are_no_row_s_fault_and_wait_for_no_hour(
    books: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await put(books, *["one"] * MANY * 3)
    aside, tried = Aside(), 0

    async def mistaken(connection: AsyncConnection, found: Sequence[Any]) -> int:
        nonlocal tried
        tried += len(found)
        return len(None)  # type: ignore[arg-type]

    with pytest.raises(NoneWorks, match=r"^lengths: none of 20 .* \(TypeError\)"):
        await aside.batch("lengths", books, ALL, mistaken, NOW)
    assert tried == MANY * 3 + MANY, "all at once, then no more than tell whose fault it is"
    [told] = caplog.records
    assert "lengths: none of the 20" in told.message and told.exc_info
    assert aside.waiting("lengths", NOW) == [] and aside.counts == {"lengths": MANY}
    [trouble] = aside.troubles
    assert trouble.startswith("lengths: none of 20")
    assert (await aside.batch("lengths", books, ALL, measure, NOW))[1] == MANY * 3, "once it is mended"
    assert aside.counts == {"lengths": 0} and aside.troubles == []


async def test_what_somebody_else_holds_does_not_speak_for_a_step_that_is_at_fault(
    books: AsyncEngine,
) -> None:
    await put(books, *["one"] * (MANY + 1))
    query = ALL.with_for_update(skip_locked=True)

    async with books.connect() as other:

        async def mistaken(connection: AsyncConnection, found: Sequence[Any]) -> int:
            if len(found) > 1:
                await connection.rollback()
                await other.execute(query.limit(1))  # from here on it is somebody else's
            return len(None)  # type: ignore[arg-type]

        aside = Aside()
        with pytest.raises(NoneWorks):
            await aside.batch("lengths", books, query, mistaken, NOW)
    assert aside.waiting("lengths", NOW) == []


async def test_so_many_at_fault_that_stand_first_keep_none_behind_them(books: AsyncEngine) -> None:
    await put(books, *["her own words"] * MANY, "one", "two")
    aside = Aside()
    assert (await aside.batch("lengths", books, ALL, measure, NOW))[1] == 2
    assert aside.counts == {"lengths": MANY} and len(await left(books)) == MANY


async def test_nor_do_so_many_at_both_ends_keep_who_stands_between_them_for_ever(books: AsyncEngine) -> None:
    await put(books, *["her own words"] * (MANY // 2), "one", *["her own words"] * (MANY // 2))
    aside = Aside()
    for _ in range(2):
        with pytest.raises(NoneWorks):
            await aside.batch("lengths", books, ALL, measure, NOW)
    assert (await aside.batch("lengths", books, ALL, measure, NOW))[1] == 1
    assert len(await left(books)) == aside.counts["lengths"] == MANY


async def test_while_each_is_tried_alone_no_other_is_locked_and_what_somebody_did_meanwhile_is_left(
    books: AsyncEngine,
) -> None:
    await put(books, "her own words", "two", "three", "four")
    seen: list[str] = []

    async def look(connection: AsyncConnection, found: Sequence[Any]) -> int:
        if len(found) == 1:
            [one] = found
            seen.append(one.said)
            async with books.begin() as other:
                free = (await other.execute(ALL.with_for_update(skip_locked=True))).all()
                assert [row.said for row in free] == [said for said in await left(books) if said != one.said]
                if one.said == "two":
                    await measure(other, [row for row in free if row.said == "three"])
        return await measure(connection, found)

    aside = Aside()
    _, done = await aside.batch("lengths", books, ALL.with_for_update(skip_locked=True), look, NOW)
    assert (done, seen) == (2, ["her own words", "two", "four"])
    assert aside.counts == {"lengths": 1} and await left(books) == ["her own words"]


async def test_a_column_that_is_not_there_is_no_row_s_fault_and_costs_nobody_an_hour(
    books: AsyncEngine,
) -> None:
    await put(books, "one", "two")

    async def from_another_release(connection: AsyncConnection, found: Sequence[Any]) -> int:
        await connection.execute(text("UPDATE rows_to_work_on SET no_such_column = 1"))
        return 1

    aside = Aside()
    with pytest.raises(ProgrammingError):
        await aside.batch("lengths", books, ALL, from_another_release, NOW)
    assert not any(aside.counts.values()) and await left(books) == ["one", "two"]


async def test_a_database_that_is_away_is_no_row_s_fault(books: AsyncEngine) -> None:
    await put(books, "one")

    async def leave(connection: AsyncConnection, found: Sequence[Any]) -> int:
        await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return 1

    aside = Aside()
    with pytest.raises(Exception, match=r"terminat|closed"):
        await aside.batch("lengths", books, ALL, leave, NOW)
    assert not any(aside.counts.values()) and await left(books) == ["one"]
