"""Call-backs as the stable JSON of the command line and the panel."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases import phone
from ivr.cases.zone import ZONE
from ivr.desk.call.callbacks import THANKS, going_on
from ivr.desk.case.callback_planning import LOTTERY, TELLABLE
from ivr.store.callbacks import ASIDE, PUT_ASIDE, UNTOLD
from ivr.store.tables import callback_attempts, callbacks, calls, cases


async def listed(engine: AsyncEngine, state: str = "all", limit: int = 20) -> list[dict[str, Any]]:
    """The newest call-backs. `tries`: how many attempts; `attempts`: each with its time and outcome;
    `put_aside`: why it can't be worked on, else null.
    """
    query = select(callbacks, cases.c.code, cases.c.confidential).join(
        cases, cases.c.id == callbacks.c.case_id
    )
    query = query.order_by(callbacks.c.created_at.desc(), callbacks.c.id.desc()).limit(limit)
    if state != "all":
        query = query.where(callbacks.c.state == state)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
        tried = select(callback_attempts).where(callback_attempts.c.callback_id.in_([row.id for row in rows]))
        attempts = (await connection.execute(tried.order_by(callback_attempts.c.at))).all()
    return [_json(row, [each for each in attempts if each.callback_id == row.id]) for row in rows]


async def unreachable(engine: AsyncEngine) -> int:
    """How many cases have an answer of which the desk must tell a citizen who can't be called."""
    is_open = (UNTOLD, TELLABLE)
    query = select(func.count(func.distinct(callbacks.c.case_id))).select_from(
        callbacks.join(cases, cases.c.id == callbacks.c.case_id)
    )
    async with engine.connect() as connection:
        return (await connection.execute(query.where(*is_open))).scalar_one()


async def put_aside(engine: AsyncEngine) -> int:
    """How many can't be worked on."""
    query = select(func.count()).where(PUT_ASIDE)
    async with engine.connect() as connection:
        return (await connection.execute(query)).scalar_one()


async def behind_calls(engine: AsyncEngine, now: datetime) -> tuple[int, float]:
    """How many are due and wait since their number is on the line, and for how many seconds the longest call
    of those goes on: one without an end in the books, a faked number and a shared line keep her waiting, too.
    """
    async with engine.connect() as connection:
        waiting, began = (await connection.execute(waiting_behind(now))).one()
    return waiting, max((now - began).total_seconds(), 0.0) if began else 0.0


def waiting_behind(now: datetime) -> Select[int, datetime]:
    """How many are due whose number is on the line, and since when the longest of those calls goes on."""
    its = callbacks.c
    due = (its.state == "waiting", its.next_at <= now + THANKS, its.purpose != LOTTERY)
    many, since = func.count(func.distinct(its.id)), func.min(calls.c.started_at)
    query = select(many, since).join(calls, calls.c.caller_key == its.number)
    return query.where(*due, *going_on(now))


def _json(row: Any, attempts: list[Any]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "case": row.code,
        "purpose": row.purpose,
        "number": "" if row.confidential else phone.mask(row.number),
        "language": row.language,
        "state": row.state,
        "created_at": _iso(row.created_at),
        "next_at": _iso(row.next_at) if row.state == "waiting" else None,
        "ended_at": _iso(row.ended_at),
        "tries": row.attempts,
        "last_outcome": row.last_outcome,
        "put_aside": row.notice.get(ASIDE) if isinstance(row.notice, dict) else None,
        "attempts": [{"at": _iso(each.at), "outcome": each.outcome} for each in attempts],
    }


def _iso(moment: Any) -> str | None:
    return None if moment is None else str(moment.astimezone(ZONE).isoformat())
