"""A noun's rows as they hold: with those that stand in files alone, as people see and export them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.roles import Role
from ivr.desk.book.book import Limits
from ivr.desk.editing import terms
from ivr.desk.editing.nouns import BY_NAME, LIMITS
from ivr.desk.editing.values import Row
from ivr.desk.letters import notices, wording
from ivr.desk.letters.notices import SaidWords


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    """What the database knows nothing of: the province's folder, the configured limits, the roles that
    need a second factor by the settings, and the languages that are spoken.
    """

    folder: Path
    limits: Limits = dataclasses.field(default_factory=Limits)
    factors: frozenset[str] = frozenset()
    languages: tuple[str, ...] = ("fa", "az")


async def rows_in_force(connection: AsyncConnection, noun: str, files: Files) -> dict[str, Row]:
    """By key. Raises SeedError for what stands over files when its file is broken."""
    its = BY_NAME[noun]
    own = await its.rows(connection)
    if noun == "limit":
        return {
            name: own.get(name) or {"name": name, "value": getattr(files.limits, name)} for name in LIMITS
        }
    if noun == "factor":
        needed = {str(role): {"role": str(role), "needed": str(role) in files.factors} for role in Role}
        return needed | own
    if noun == "retention":
        return dict(sorted((await terms.rows(connection, files.folder)).items()))
    if noun not in ("wording", "notice"):
        return own
    live = _wordings if noun == "wording" else _notices
    found = {its.key(row): row | {"retired": False} for row in await live(connection, files.folder)}
    return dict(sorted({**own, **found}.items()))


async def _wordings(connection: AsyncConnection, folder: Path) -> list[Row]:
    found = (await wording.current(connection, folder)).answers
    return [
        {"name": each.name, "topic": each.topic, "status": each.status, "said": _by_language(each.text)}
        for each in found
    ]


async def _notices(connection: AsyncConnection, folder: Path) -> list[Row]:
    found = (await notices.in_force(connection, notices.load(folder))).notices
    return [
        {"on": each.on, "to": each.to, "by": each.by, "topic": each.topic}
        | {"subject": _by_language(each.subject), "text": _by_language(each.text)}
        for each in found
    ]


def _by_language(said: SaidWords) -> dict[str, str]:
    texts = said if isinstance(said, dict) else {"fa": said}
    return {language: text.strip() for language, text in texts.items() if text.strip()}
