"""Saved views of the inbox, as they stand in its list."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.reading import saved_views
from ivr.store.tables import people

NOW = datetime(2026, 12, 1, 7, tzinfo=UTC)


async def test_saved_views_stand_in_the_order_of_the_persian_alphabet_hers_first(engine: AsyncEngine) -> None:
    hers, others = uuid.uuid4(), uuid.uuid4()
    row = {"full_name": "احمدی", "role": "supervisor", "password_hash": "x", "must_change": False}
    row |= {"made_at": NOW, "password_at": NOW}
    async with engine.begin() as connection:
        await connection.execute(people.insert(), [row | {"id": id, "name": id.hex} for id in (hers, others)])
    for who, name in ((hers, "گاز"), (hers, "نان"), (others, "پل"), (others, "آب"), (others, "راه")):
        await saved_views.save(engine, who, name, "q=x", NOW, shared=True)
    async with engine.connect() as connection:
        found = [row.name for row in await saved_views.views(connection, hers)]
    assert found == ["گاز", "نان", "آب", "پل", "راه"]
