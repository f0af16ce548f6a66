"""The calls behind a figure of a step: who did that there, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.phone import mask
from ivr.desk.people.scope import OPEN_TO_ALL, Scope
from ivr.store.tables import calls
from ivr.store.tables import cases as case_table
from ivr.voice.footprints import LONGEST_SECOND, footprints
from ivr.voice.step_figures import ENTERED

LOOKED_AT = 1_000  # calls, of which those of one second are picked


@dataclass(frozen=True, slots=True)
class CallAtStep:
    """`caller`: masked. `seconds`: when in the step she did it, each time. `case`: "" where none is seen."""

    at: datetime
    caller: str
    language: str
    revision: str
    outcome: str
    seconds: tuple[int, ...]
    case: str


async def calls_at(
    engine: AsyncEngine,
    scope: Scope,
    name: str,
    step: str,
    did: str,
    since: datetime,
    second: int | None = None,
    limit: int = 50,
) -> list[CallAtStep]:
    """Of that menu since then, who did that at the step; in that second of it, if one is given."""
    async with engine.connect() as connection:
        most = limit if second is None else LOOKED_AT
        rows = (await connection.execute(of_step(name, step, did, since, most))).all()
        at = {row.id: _seconds(row.started_at, row.steps, step, did) for row in rows}
        chosen = [row for row in rows if second is None or second in at[row.id]][:limit]
        codes = await _codes(connection, scope, [row.id for row in chosen])
    return [
        CallAtStep(
            row.started_at,
            mask(row.caller),
            row.language,
            row.menu_revision,
            row.outcome or "",
            at[row.id],
            codes.get(row.id, ""),
        )
        for row in chosen
    ]


def of_step(name: str, step: str, did: str, since: datetime, most: int) -> Select[Any]:
    """By the index of what a call passed."""
    its = calls.c
    query = select(
        its.id, its.started_at, its.caller, its.language, its.menu_revision, its.outcome, its.steps
    )
    query = query.where(
        its.passed.contains([f"{step}:{did}"]), its.menu_name == name, its.started_at >= since
    )
    return query.order_by(its.started_at.desc(), its.id.desc()).limit(most)


def _seconds(began: datetime, steps: list[dict[str, str]], step: str, did: str) -> tuple[int, ...]:
    prints = footprints(began, steps)
    mine = (each for each in prints if each.step == step and did in (ENTERED, each.did))
    return tuple(min(int(each.second), LONGEST_SECOND) for each in mine)


async def _codes(connection: AsyncConnection, scope: Scope, ids: list[object]) -> dict[object, str]:
    """Call → its case, of those that whoever asks may see."""
    query = select(case_table.c.call_id, case_table.c.code)
    query = query.where(case_table.c.call_id.in_(ids), scope.cases())
    query = query.where(OPEN_TO_ALL)  # whose a confidential case is, no list of calls tells
    return {row.call_id: row.code for row in await connection.execute(query)}
