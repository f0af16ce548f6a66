"""The names of what codes stand for, read again when the province's book is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.alphabet import persian_order
from ivr.cases.channels import RESERVED
from ivr.cases.kinds import Kind
from ivr.cases.spelling import normalise
from ivr.cases.statuses import Status
from ivr.desk.book.book import Page
from ivr.desk.case import assigning
from ivr.store.tables import agencies, areas, channels, topics
from ivr.web.panel.visit import Panel

FRESH = timedelta(minutes=1)
_OWN_WAYS = tuple(sorted(RESERVED - {"ivr"}))


@dataclass(frozen=True, slots=True, eq=False)
class InboxNames:
    """Code → name, in the order in which it is offered.

    `shorts`: what people call agencies, where there is such a name. `bodies`: those that can be given a case.
    `page`: the reading of the book that they belong to.
    """

    agencies: Mapping[str, str]
    shorts: Mapping[str, str]
    bodies: Mapping[str, str]
    topics: Mapping[str, str]
    counties: Mapping[str, str]
    channels: tuple[str, ...]
    page: Page

    def choices(self, name: str) -> tuple[str, ...]:
        """What a filter may be."""
        fixed = {"kind": tuple(map(str, Kind)), "status": tuple(map(str, Status)), "channel": self.channels}
        lists = {"topic": self.topics, "county": self.counties, "agency": self.agencies}
        return fixed.get(name) or tuple(lists[name])

    def body_called(self, name: str) -> str:
        """The code of the agency of that name, long or short, whatever the keyboard; "" for none.

        Words joined or not, where none has the name as it is typed.
        """
        for spelt in (normalise, _joined):
            typed = spelt(name)
            for known in (self.bodies, self.shorts):
                found = [code for code in self.bodies if spelt(known.get(code, "")) == typed]
                if typed and len(found) == 1:
                    return found[0]
        return ""


def _joined(name: str) -> str:
    return normalise(name).replace(" ", "")


class NameBook:
    """One for each application."""

    def __init__(self) -> None:
        self._read: tuple[Page, InboxNames] | None = None
        self._people: dict[str, tuple[datetime, dict[str, str]]] = {}

    async def names(self, panel: Panel) -> InboxNames:
        page = await panel.book.page()
        if self._read is None or self._read[0] is not page:
            self._read = page, await _names(panel, page)
        return self._read[1]

    async def colleagues(
        self, connection: AsyncConnection, page: Page, body: str, now: datetime
    ) -> dict[str, str]:
        """Who can be given a case of a body: id → name, at most a minute old; the desk looks again itself."""
        read_at, known = self._people.get(body, (now - 2 * FRESH, {}))
        if not timedelta() <= now - read_at < FRESH:
            known = {str(row.id): row.full_name for row in await assigning.colleagues(connection, page, body)}
            self._people[body] = now, known
        return known


def by_name(names: Mapping[str, str]) -> dict[str, str]:
    """In Persian alphabetical order."""
    return dict(sorted(names.items(), key=lambda pair: persian_order(pair[1])))


async def _names(panel: Panel, page: Page) -> InboxNames:
    async with panel.engine.connect() as connection:

        async def pairs(table: object) -> dict[str, str]:
            columns = table.c  # type: ignore[attr-defined]
            rows = (await connection.execute(select(columns.code, columns.name, columns.key))).all()
            return {row.code: row.name for row in sorted(rows, key=lambda row: str(row.key))}

        named = select(agencies.c.code, agencies.c.name, agencies.c.short)
        rows = sorted((await connection.execute(named)).all(), key=lambda row: persian_order(row.name))
        bodies = {row.code: row.name for row in rows}
        others = (await connection.execute(select(channels.c.name).order_by(channels.c.name))).scalars()
        return InboxNames(
            bodies,
            {row.code: row.short for row in rows if row.short},
            {code: name for code, name in bodies.items() if page.rules.agencies.get(code)},
            await pairs(topics),
            by_name(await pairs(areas)),
            (*_OWN_WAYS, *others),
            page,
        )
