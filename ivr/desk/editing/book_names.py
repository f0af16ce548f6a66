"""Codes and what people call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.alphabet import persian_order
from ivr.desk.editing.nouns import AGENCY, AREA, RULE, TOPIC
from ivr.desk.editing.values import Row
from ivr.store.tables import provinces


@dataclass(frozen=True, slots=True)
class BookNames:
    """Rows by code. `menu`: first digit of a topic's key → its group. `patterns`: agencies with a mark."""

    agency: Mapping[str, Row]
    topic: Mapping[str, Row]
    area: Mapping[str, Row]
    menu: Mapping[str, str]
    patterns: tuple[str, ...]

    def of(self, what: str, code: str) -> str:
        """`what`: agency | topic | area; the code itself where nothing has it."""
        rows: Mapping[str, Row] = getattr(self, what)
        return str(rows[code]["name"]) if code in rows else code

    def live(self, what: str) -> dict[str, str]:
        """Code → name of those that are not retired, in the order of the names."""
        rows: Mapping[str, Row] = getattr(self, what)
        live = [(code, row["name"]) for code, row in rows.items() if not row["retired"]]
        return dict(sorted(live, key=lambda pair: persian_order(pair[1])))

    def grouped(self) -> dict[str, dict[str, str]]:
        """The live topics under the group that callers find them in; those without a key behind their kin."""
        first = {row["parent"]: row["key"][:1] for row in self.topic.values() if row["key"]}
        found: dict[str, dict[str, str]] = {}
        for digit, _, code in sorted(
            (first.get(row["parent"], ""), row["key"] or "~", code) for code, row in self.topic.items()
        ):
            if not self.topic[code]["retired"]:
                found.setdefault(self.menu.get(digit, ""), {})[code] = self.topic[code]["name"]
        return found


async def read_names(connection: AsyncConnection) -> BookNames:
    menu = (await connection.execute(select(provinces.c.menu))).scalar_one()
    rules = await RULE.rows(connection)
    patterns = sorted({rule["agency"] for rule in rules.values() if "{" in rule["agency"]})
    return BookNames(
        await AGENCY.rows(connection),
        await TOPIC.rows(connection),
        await AREA.rows(connection),
        menu,
        tuple(patterns),
    )
