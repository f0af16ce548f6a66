"""How many rows PostgreSQL expects of a query: its planner's guess, at the price of planning."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable


class _Explained(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(_Explained, "postgresql")
def _explain(element: _Explained, compiler: Any, **kw: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.query, **kw)}"


async def expected(connection: AsyncConnection, query: Select[Any]) -> int:
    """From what ANALYZE last counted: right to an order of magnitude for words that come independently."""
    told = (await connection.execute(_Explained(query))).scalar_one()
    plan = json.loads(told) if isinstance(told, str) else told
    return int(plan[0]["Plan"]["Plan Rows"])
