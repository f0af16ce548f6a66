"""What seeding leaves alone because people changed it, and how it differs from the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.editing.nouns import Noun
from ivr.desk.editing.values import Row
from ivr.store.book_changes import held_keys


@dataclass(frozen=True, slots=True)
class Kept:
    """One field of one row. `here`, `there`: in the database, in the files; None = no such row."""

    noun: str
    key: str
    field: str
    here: Any
    there: Any

    def __str__(self) -> str:
        where = f"{self.noun} {self.key}" + (f": {self.field}" if self.field else "")
        return f"{where}: {_said(self.here)} as people set it, {_said(self.there)} in the files"


async def sift(
    connection: AsyncConnection, noun: Noun, rows: Sequence[Row]
) -> tuple[list[Row], set[str], list[Kept]]:
    """The rows that seeding may write, the keys that are people's, and what differs in those.

    `rows` may lack fields that the files know nothing of, and have others that people can't change.
    """
    held = set((await connection.execute(held_keys(noun.name))).scalars())
    if not held:
        return list(rows), held, []
    there = {noun.key(row): row for row in rows}
    here = await noun.rows(connection)
    kept = [one for key in sorted(held) for one in _differences(noun, key, here.get(key), there.get(key))]
    return [row for key, row in there.items() if key not in held], held, kept


def _differences(noun: Noun, key: str, here: Row | None, there: Row | None) -> list[Kept]:
    if here is None or there is None:
        both_gone = here is None and there is None
        return [] if both_gone or there is None else [Kept(noun.name, key, "", here, there)]
    names = [field.name for field in noun.fields if field.name in there]
    return [
        Kept(noun.name, key, name, here[name], there[name])
        for name in names
        if here[name] != (there[name] if there[name] is not None else "")
    ] + ([Kept(noun.name, key, "retired", True, False)] if here.get("retired") else [])


def _said(value: Any) -> str:
    if value is None:
        return "gone"
    return repr(value) if not isinstance(value, dict) else "there"
