"""Cases and calls as the stable JSON of the command line and the panel. Newest first."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.zone import ZONE
from ivr.desk.case import callback_planning
from ivr.desk.case.attachments import ATTACHED
from ivr.store.recording_files import closed, packed, plain
from ivr.store.tables import calls as call_table
from ivr.store.tables import case_events, recordings, referrals
from ivr.store.tables import cases as case_table
from ivr.voice.footprints import KEPT

Json = dict[str, Any]


async def case_json(engine: AsyncEngine, code: str, languages: Collection[str] = ()) -> Json | None:
    """One case by its tracking code, with all that belongs to it; None when there is no such case.

    All of it as of one moment: a case never stands otherwise than its last event says. `languages`: as for
    `callback_planning.reach`.
    """
    async with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        rows = (await connection.execute(select(case_table).where(case_table.c.code == code))).all()
        found = await _cases_json(connection, rows, languages)
    return found[0] if found else None


async def cases(engine: AsyncEngine, limit: int = 20, languages: Collection[str] = ()) -> list[Json]:
    """The newest cases."""
    async with engine.connect() as connection:
        rows = (await connection.execute(newest_cases(limit))).all()
        return await _cases_json(connection, rows, languages)


async def calls(engine: AsyncEngine, limit: int = 20, passed: str = "", revision: str = "") -> list[Json]:
    """The newest calls.

    `passed`: of those who did that there, like “topic:hung_up”; `revision`: through that tree.
    """
    async with engine.connect() as connection:
        rows = (await connection.execute(newest_calls(limit, passed, revision))).all()
        ids = [row.id for row in rows]
        heard = await _children(connection, recordings, recordings.c.call_id, ids, recordings.c.recorded_at)
        opened, sealed = await _codes(connection, ids)
    found = [_call_json(row, heard.get(row.id, ()), opened.get(row.id)) for row in rows]
    return [
        each | {"caller_name": "", "recordings": []} if row.id in sealed else each
        for row, each in zip(rows, found, strict=True)
    ]


def newest_cases(limit: int) -> Select[Any]:
    table = case_table
    return select(table).order_by(table.c.opened_at.desc(), table.c.id.desc()).limit(limit)


def newest_calls(limit: int, passed: str = "", revision: str = "") -> Select[Any]:
    table = call_table
    query = select(table).order_by(table.c.started_at.desc(), table.c.id.desc()).limit(limit)
    query = query.where(table.c.passed.contains([passed])) if passed else query
    return query.where(table.c.menu_revision == revision) if revision else query


async def _cases_json(
    connection: AsyncConnection, rows: Sequence[Row[Any]], languages: Collection[str]
) -> list[Json]:
    ids = [row.id for row in rows]
    heard = await _children(connection, recordings, recordings.c.case_id, ids, recordings.c.recorded_at)
    sent = await _children(connection, referrals, referrals.c.case_id, ids, referrals.c.referred_at)
    told = await _children(connection, case_events, case_events.c.case_id, ids, case_events.c.seq)
    kin = await _kin(connection, rows)
    hers, now = [row._mapping for row in rows], datetime.now(UTC)
    reach = await callback_planning.reach(connection, hers, now, languages)
    return [
        _case_json(r, heard.get(r.id, ()), sent.get(r.id, ()), told.get(r.id, ()))
        | kin[r.id] | {"by_phone": by_phone}
        for r, by_phone in zip(rows, reach, strict=True)
    ]  # fmt: skip


async def _kin(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> dict[uuid.UUID, Json]:
    """What a case is a part or a member of; its parts; how many members it has."""
    table, ids = case_table, [row.id for row in rows]
    above = {above for row in rows for above in (row.part_of, row.member_of) if above}
    codes = select(table.c.id, table.c.code).where(table.c.id.in_(above))
    found = {row.id: row.code for row in await connection.execute(codes)} if above else {}
    parts = await _children(connection, table, table.c.part_of, ids, table.c.code)
    collectives = [row.id for row in rows if row.channel == "collective"]
    members = await _counts(connection, collectives) if collectives else {}
    return {
        row.id: {
            "part_of": found.get(row.part_of),
            "parts": [_plain(part._mapping, ("code", "agency", "status")) for part in parts.get(row.id, ())],
            "member_of": found.get(row.member_of),
            "members": members.get(row.id, 0),
        }
        for row in rows
    }


async def _counts(connection: AsyncConnection, collectives: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    of = case_table.c.member_of
    query = select(of, func.count()).where(of.in_(collectives)).group_by(of)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def _children(
    connection: AsyncConnection, table: Table, parent: Any, ids: list[uuid.UUID], order: Any
) -> dict[uuid.UUID, list[Row[Any]]]:
    """The rows that belong to any of these, in order, by whom they belong to. One query for a whole page."""
    children: dict[uuid.UUID, list[Row[Any]]] = {}
    if ids:
        for row in await connection.execute(select(table).where(parent.in_(ids)).order_by(order)):
            children.setdefault(row._mapping[parent], []).append(row)
    return children


async def _codes(
    connection: AsyncConnection, call_ids: list[uuid.UUID]
) -> tuple[dict[uuid.UUID, str], set[uuid.UUID]]:
    """Call → code of the case that came of it, or that its words joined; the last one of several.

    And the calls of confidential ones: whose such a case is, no list of calls tells.
    """
    codes: dict[uuid.UUID, str] = {}
    sealed: set[uuid.UUID] = set()
    if not call_ids:
        return codes, sealed
    its = (case_table.c.code, case_table.c.confidential)
    opened = select(case_table.c.call_id, *its).where(case_table.c.call_id.in_(call_ids))
    joined = select(recordings.c.call_id, *its).where(recordings.c.call_id.in_(call_ids))
    joined = joined.join(case_table, case_table.c.id == recordings.c.case_id)
    for query in (joined, opened.order_by(case_table.c.opened_at)):
        for row in await connection.execute(query):
            if row.confidential:
                sealed.add(row.call_id)
            else:
                codes[row.call_id] = row.code
    return codes, sealed


_SEALED = dict.fromkeys(("caller", "caller_name", "callback"), "") | {"place": None, "call_id": None}


def _case_json(
    row: Row[Any], heard: Iterable[Row[Any]], sent: Iterable[Row[Any]], told: Iterable[Row[Any]]
) -> Json:
    names = ("code", "kind", "topic", "county", "agency", "status", "channel", "language", "caller")
    said = ("answer", "answer_voice", "answer_spoken")
    more = ("caller_name", "callback", "words", "place", *said, "closure", "satisfaction")
    found = {
        **_plain(row._mapping, names),
        "opened_at": _iso(row.opened_at),
        "due_at": _iso(row.due_at),
        **_plain(row._mapping, more),
        "answered_at": _iso(row.answered_at),
        "awaiting_approval": row.draft,
        "level": row.level or None,
        "next_rung_at": _iso(row.next_rung_at),
        "id": str(row.id),
        "call_id": str(row.call_id) if row.call_id else None,
        "recordings": [recording_json(r) for r in heard],
        "referrals": [_referral_json(r) for r in sent],
        "events": [
            {"seq": e.seq, "at": _iso(e.at), "actor": e.actor, "what": e.event, "details": _details(e)}
            for e in told
        ],
        "confidential": row.confidential,
    }
    if not row.confidential:
        return found
    unheard = [each | {"path": None, "transcript": None, "sha256": None} for each in found["recordings"]]
    return found | _SEALED | {"words": row.told or "", "recordings": unheard}


def _details(event: Row[Any]) -> Json:
    """Without what older releases wrote there of a paper: that goes when the paper does."""
    if event.event != ATTACHED:
        return dict(event.details)
    return {name: value for name, value in event.details.items() if name != "text"}


def _call_json(row: Row[Any], heard: Collection[Row[Any]], case: str | None) -> Json:
    """`words_kept`: of any outcome, for who says nothing also completes her call. None: not yet."""
    said = not all(each.silent for each in heard) or any(each["note"] in KEPT for each in row.steps)
    names = (
        "unique_id",
        "caller",
        "caller_name",
        "outcome",
        "language",
        "menu_name",
        "menu_revision",
        "steps",
    )
    return {
        "id": str(row.id),
        "started_at": _iso(row.started_at),
        "answered_at": _iso(row.answered_at),
        "ended_at": _iso(row.ended_at),
        **_plain(row._mapping, names),
        "words_kept": bool(case) or said or (None if row.ended_at is None else False),
        "recordings": [recording_json(r) for r in heard],
        "case": case,
    }


def recording_json(row: Row[Any]) -> Json:
    """`path` is relative to the recordings folder; `silence_ratio` is 1.0 for pure silence."""
    silence = 1 - row.voiced_seconds / row.seconds if row.seconds else 1.0
    return {
        "path": _file(row)(Path(), row.name).as_posix(),
        "recorded_at": _iso(row.recorded_at),
        **_plain(
            row._mapping, ("seconds", "voiced_seconds", "silent", "size", "sha256", "ended", "superseded")
        ),
        "transcript": row.transcript,
        "removed_at": _iso(row.removed_at),
        "silence_ratio": round(min(max(silence, 0.0), 1.0), 3),
    }


def _file(row: Row[Any]) -> Callable[[Path, str], Path]:
    if row.enclosed_at is not None:
        return closed
    return packed if row.packed_size else plain


def _referral_json(row: Row[Any]) -> Json:
    return {
        **_plain(row._mapping, ("agency", "reason", "advice")),
        "referred_at": _iso(row.referred_at),
        "due_at": _iso(row.due_at),
        "ended_at": _iso(row.ended_at),
        "ended_reason": row.ended_reason,
    }


def _plain(row: Mapping[Any, Any], names: tuple[str, ...]) -> Json:
    return {name: row[name] for name in names}


def _iso(moment: datetime | None) -> str | None:
    """In the zone of the province's clocks, so that a date read off it is the date that callers hear."""
    return None if moment is None else moment.astimezone(ZONE).isoformat()
