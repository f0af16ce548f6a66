"""A noun's rows as they hold: with those that stand in files alone, as people see and export them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.roles import Role
from ivr.desk import wording
from ivr.desk.admin import terms
from ivr.desk.admin.fields import Row
from ivr.desk.admin.nouns import BY_NAME, LIMITS
from ivr.desk.book import Limits


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    """What the database knows nothing of: the province's folder, and the configured limits."""

    folder: Path
    limits: Limits = dataclasses.field(default_factory=Limits)


async def rows_in_force(connection: AsyncConnection, noun: str, files: Files) -> dict[str, Row]:
    """By key. Raises SeedError for wordings and retention when their file is broken."""
    its = BY_NAME[noun]
    own = await its.rows(connection)
    if noun == "limit":
        return {
            name: own.get(name) or {"name": name, "value": getattr(files.limits, name)} for name in LIMITS
        }
    if noun == "factor":
        return {str(role): own.get(role) or {"role": str(role), "needed": False} for role in Role}
    if noun == "retention":
        return dict(sorted((await terms.rows(connection, files.folder)).items()))
    if noun != "wording":
        return own
    found = {}
    for each in (await wording.current(connection, files.folder)).answers:
        said = each.text if isinstance(each.text, dict) else {"fa": each.text}
        row = {"name": each.name, "topic": each.topic, "status": each.status, "said": dict(said)}
        found[its.key(row)] = row | {"retired": False}
    return dict(sorted({**own, **found}.items()))
