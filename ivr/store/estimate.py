"""How many inbox entries PostgreSQL expects to hold something: its planner's guess."""

from __future__ import annotations

import json
from functools import lru_cache

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection


async def expected(connection: AsyncConnection, *tsqueries: str) -> list[int]:
    """Of all entries, then of those that match each; from what ANALYZE last counted, so that words which come
    together more or less often than by chance are misjudged."""
    given = {f"q{n}": tsquery for n, tsquery in enumerate(tsqueries)}
    told = (await connection.execute(_explained(len(given)), given)).scalar_one()
    plan = json.loads(told) if isinstance(told, str) else told
    return [int(part["Plan Rows"]) for part in plan[0]["Plan"]["Plans"]]


@lru_cache
def _explained(count: int) -> TextClause:
    """One array of each question, for then each has a plan of its own."""
    holds = (f" WHERE lexemes @@ CAST(CAST(:q{n} AS text) AS tsquery)" for n in range(count))
    arrays = (f"array(SELECT 1 FROM inbox_entries{where})" for where in ("", *holds))
    return text(f"EXPLAIN (FORMAT JSON) SELECT {', '.join(arrays)}")
