"""How long what is kept: the province's `retention.yaml`, and over it what people changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.kinds import Kind
from ivr.cases.statuses import Status
from ivr.desk.editing.nouns import RETENTION
from ivr.desk.editing.undoing import history
from ivr.desk.editing.values import Row
from ivr.desk.keeping import retention
from ivr.desk.keeping.retention import Retention, Terms

CASES = "cases"


async def in_force(engine: AsyncEngine, folder: Path) -> Retention:
    """What counts now. Raises SeedError."""
    async with engine.connect() as connection:
        return as_rules((await rows(connection, folder)).values())


async def rows(connection: AsyncConnection, folder: Path) -> dict[str, Row]:
    """By key. Raises SeedError."""
    return {row_key(row): row for row in of_file(folder)} | await RETENTION.rows(connection)


async def would_go(engine: AsyncEngine, folder: Path, wanted: Row, now: Any) -> int:
    """How many cases, calls, blocks and recordings more would go within the hour, if that row were so."""
    async with engine.connect() as connection:
        here = await rows(connection, folder)
    counts: list[int] = []
    for terms in (here, here | {row_key(wanted): wanted}):
        found = await retention.preview(engine, as_rules(terms.values()), now)
        counts.append(sum(each["cases"] for each in found))
    return max(0, counts[1] - counts[0])


async def undone_would_go(engine: AsyncEngine, folder: Path, number: int, now: Any) -> int:
    """The same for taking back that change; 0 where it is none of these."""
    found = await history(engine, before=number + 1, limit=1)
    if not found or found[0]["number"] != number or found[0]["noun"] != RETENTION.name:
        return 0
    written = {row_key(row): row for row in of_file(folder)}
    restored = found[0]["before"] or written.get(found[0]["key"])
    return await would_go(engine, folder, restored or found[0]["after"] | {"retired": True}, now)


def row_key(row: Row) -> str:
    return RETENTION.key(row)


def of_file(folder: Path) -> list[Row]:
    """The file's rules as rows. Raises SeedError."""
    kept = retention.load(folder)
    found = [
        _row(CASES, each.kind or "", each.status or "", each.delete_recording_after, each.anonymise_after)
        for each in kept.rules
    ]
    for what, days in (("calls", kept.calls), ("scraps", kept.scraps)):
        if days is not None:
            found.append(_row(what, "", "", days, None))
    return found


def as_rules(terms: Iterable[Row]) -> Retention:
    """Retired ones say nothing."""
    live = [row for row in terms if not row["retired"]]
    plain = {row["what"]: row["delete_after"] or None for row in live if row["what"] != CASES}
    return Retention(
        rules=[
            Terms(
                kind=Kind(row["kind"]) if row["kind"] else None,
                status=Status(row["status"]) if row["status"] else None,
                delete_recording_after=row["delete_after"] or None,
                anonymise_after=row["anonymise_after"] or None,
            )
            for row in live
            if row["what"] == CASES
        ],
        calls=plain.get("calls"),
        scraps=plain.get("scraps"),
    )


def _row(what: str, kind: str, status: str, delete: int | None, anonymise: int | None) -> Row:
    row: Row = {"what": what, "kind": str(kind), "status": str(status), "delete_after": delete or 0}
    return row | {"anonymise_after": anonymise or 0, "retired": False}
