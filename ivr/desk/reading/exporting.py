"""Cases on their way out of the panel, as rows: in batches by key, so that nobody holds them all.

Who they are of is masked, unless whoever asks may see it, says why, and it is noted.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.channels import NOBODYS
from ivr.desk.people import auditing
from ivr.desk.reading.figures import Subject
from ivr.store.tables import agencies, areas, cases, topics

BATCH = 250  # rows at once: who clicks meanwhile waits for what their cells become
MOST = 200_000  # rows of one file; Excel takes a million, whoever opens it does not


@dataclass(frozen=True, slots=True)
class Export:
    """What leaves, and who takes it. `reason` "" = without who the callers are."""

    subject: Subject
    since: date
    until: date
    zone: str
    person: uuid.UUID
    address: str = ""
    reason: str = ""

    @property
    def asked_for(self) -> dict[str, str]:
        """What a second person allows: these cases of these days, whatever the file's form."""
        about = {name: getattr(self.subject, name) for name in ("agency", "county", "topic", "kind")}
        days = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return days | {name: code for name, code in about.items() if code}


async def note(engine: AsyncEngine, export: Export, form: str, now: datetime) -> None:
    """Written before the first row leaves: what was taken by whom, and why with names."""
    detail = export.asked_for | {"form": form}
    action = "identities_exported" if export.reason else "cases_exported"
    async with engine.begin() as connection:
        await auditing.note(
            connection, now, action, person=export.person, subject="export/cases", reason=export.reason,
            address=export.address, detail=detail,
        )  # fmt: skip


async def is_cut(engine: AsyncEngine, export: Export) -> bool:
    """Whether there are more cases than `rows` brings."""
    its = select(cases.c.id).where(*_asked_for(export)).limit(MOST + 1).subquery()
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(its))).scalar_one()) > MOST


async def rows(engine: AsyncEngine, export: Export, now: datetime) -> AsyncIterator[Sequence[Row[Any]]]:
    """The cases that were opened in those days until `now`, the oldest first, with the names of things.

    None that comes while they leave: of that one the note would not tell.
    """
    query = (
        select(
            *export.subject.seen.columns(),
            agencies.c.name.label("agency_name"),
            topics.c.name.label("topic_name"),
        )
        .add_columns(areas.c.name.label("county_name"))
        .join(agencies, agencies.c.code == cases.c.agency)
        .join(topics, topics.c.code == cases.c.topic)
        .join(areas, areas.c.code == cases.c.county, isouter=True)
        .where(*_asked_for(export), cases.c.opened_at <= now)
        .order_by(cases.c.opened_at, cases.c.id)
        .limit(BATCH)
    )
    sent, last = 0, None
    while sent < MOST:
        page = query if last is None else query.where(tuple_(cases.c.opened_at, cases.c.id) > last)
        async with engine.connect() as connection:
            found = (await connection.execute(page)).all()
        if found:
            yield found
        if len(found) < BATCH:
            return
        sent, last = sent + len(found), tuple_(found[-1].opened_at, found[-1].id)


def _asked_for(export: Export) -> tuple[ColumnElement[bool], ...]:
    """Those of citizens, as the figures count what was opened."""
    zone = ZoneInfo(export.zone)
    since, until = (datetime.combine(day, time(0), zone) for day in (export.since, export.until))
    when = (cases.c.opened_at >= since, cases.c.opened_at < until)
    return *when, cases.c.channel.not_in(NOBODYS), export.subject.cases()
