"""A range's mark changes with every row that is not as it was, and with nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store import copying
from ivr.store.copying import RowRange, ranges
from ivr.store.direct import direct


async def marks(engine: AsyncEngine, form: object = "", table: str = "numbered") -> list[RowRange]:
    async with direct(engine) as (_, raw), raw.transaction():
        return [each async for each in ranges(raw, table, form)]


async def done(engine: AsyncEngine, *statements: str) -> None:
    async with direct(engine) as (_, raw):
        for statement in statements:
            await raw.execute(statement)


@pytest.fixture
async def numbered(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> AsyncEngine:
    """A table of some ranges of a page each."""
    monkeypatch.setattr(copying, "PAGES", 1)
    await done(
        engine,
        "CREATE TABLE numbered (number int PRIMARY KEY, said text)",
        "INSERT INTO numbered SELECT n, repeat('x', 100) FROM generate_series(1, 300) AS n",
    )
    return engine


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE numbered SET said = 'y' WHERE number = 1",
        "UPDATE numbered SET number = number WHERE number = 1",
        "DELETE FROM numbered WHERE number = 1",
        "DELETE FROM numbered WHERE number = 1; VACUUM numbered; INSERT INTO numbered VALUES (1, 'y')",
        "BEGIN; DELETE FROM numbered WHERE number = 1; INSERT INTO numbered VALUES (1, 'y'); COMMIT",
    ],
)
async def test_the_range_whose_row_was_changed_has_another_mark(numbered: AsyncEngine, change: str) -> None:
    before = await marks(numbered)
    assert len(before) > 3 and sum(each.rows for each in before) == 300
    for each in change.split("; ") if "VACUUM" in change else [change]:
        await done(numbered, each)
    after = await marks(numbered)
    assert before[0] not in after
    assert before[1:-1] == after[1 : len(before) - 1], "what lies elsewhere stays"


async def test_what_changes_no_row_changes_no_mark(numbered: AsyncEngine) -> None:
    before = await marks(numbered)
    with suppress(ZeroDivisionError):
        async with direct(numbered) as (_, raw), raw.transaction():
            await raw.execute("UPDATE numbered SET said = 'never'")
            raise ZeroDivisionError
    await done(
        numbered,
        "SELECT * FROM numbered FOR UPDATE",
        "VACUUM (FREEZE) numbered",
        "ANALYZE numbered",
        "INSERT INTO numbered SELECT n, 'later' FROM generate_series(1000, 1100) AS n",
    )
    assert (await marks(numbered))[: len(before) - 1] == before[:-1]


async def test_another_form_and_another_file_have_other_marks(
    numbered: AsyncEngine,
) -> None:
    """A copy of them would be read as what it is not, or their rows lie elsewhere."""
    before = {each.mark for each in await marks(numbered)}
    assert before.isdisjoint({each.mark for each in await marks(numbered, "of a later migration")})
    await done(numbered, "VACUUM FULL numbered")
    assert before.isdisjoint({each.mark for each in await marks(numbered)})


async def test_ranges_hold_each_row_once(numbered: AsyncEngine) -> None:
    """Also where a range has none any more."""
    await done(numbered, "DELETE FROM numbered WHERE number BETWEEN 50 AND 250")
    found = bytearray()

    async def take(piece: bytes) -> None:
        found.extend(piece)

    async with direct(numbered) as (_, raw), raw.transaction():
        numbers = [each.number async for each in ranges(raw, "numbered", "")]
        for number in numbers:
            await copying.copy_out(raw, "numbered", ["number"], number, take)
        expected: list[Any] = await raw.fetch("SELECT number FROM numbered")
    assert [int(line) for line in found.split()] == [row[0] for row in expected]
    assert numbers != list(range(1, len(numbers) + 1))
