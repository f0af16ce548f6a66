"""A tree on trial beside the live one; taken back by itself when it is worse (`ivr.voice.menu_trial`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.book.menus import OnAir, OnTrial, alone, on_air, on_the_air
from ivr.desk.case.rows import outbox_row
from ivr.desk.people import account_news, auditing
from ivr.desk.trees.publishing import end_trial
from ivr.store.aside import Aside
from ivr.store.direct import direct
from ivr.store.tables import calls, menu_events, outbox, people
from ivr.voice.footprints import FAILED, SERVED
from ivr.voice.menu_life import TreeDeed
from ivr.voice.menu_trial import Tally, Worse, calls_at, looks, worse

DEED = "menu_taken_back"
BY_ITSELF = "ivr"  # whose deed it is
_ANY_OF = " || ".join(f'@.note == "{note}"' for note in SERVED)
_SERVED = f"$[*] ? ({_ANY_OF})"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A trial that ended by itself, and why."""

    trial: OnTrial
    why: Worse

    def __str__(self) -> str:
        who = {"dropped": "callers hung up before anything was kept or told", "failed": "calls failed"}
        was, now = (f"{100 * share:.1f} %" for share in (self.why.was, self.why.now))
        return f"{now} of its {who[self.why.measure]}, {was} in the tree before"


async def watch_trials(engine: AsyncEngine, at: datetime, aside: Aside | None = None) -> list[TakenBack]:
    """Take back what turns out worse. A look is at a trial's first so many calls: it always says the same."""
    tried = select(menu_events.c.name).where(menu_events.c.deed == TreeDeed.TRIED).distinct()
    async with direct(engine) as (connection, _):  # asked every few seconds: without a transaction
        names = (await connection.execute(tried)).scalars().all()
    found: list[TakenBack] = []

    async def look(name: str) -> int:
        now = await on_the_air(engine, name)
        if now is None or now.trial is None:
            return 0
        async with engine.connect() as connection:
            why = await _why(connection, now)
        if why is not None and await _take_back(engine, now.trial, why, at):
            found.append(TakenBack(now.trial, why))
        return 1

    await (aside or Aside()).each("trees on trial", {name: name for name in names}, look, at)
    return found


async def _why(connection: AsyncConnection, now: OnAir) -> Worse | None:
    """As of the last look that is due."""
    assert now.trial is not None
    tried = now.trial.revision.number
    last = looks((await _tally(connection, tried, now)).calls)
    if not last:
        return None
    first = _ended(tried, now).order_by(calls.c.ended_at, calls.c.id).limit(calls_at(last))
    until = (await connection.execute(select(func.max(first.subquery().c.ended_at)))).scalar_one()
    return worse(
        await _tally(connection, now.revision.number, now, until), await _tally(connection, tried, now, until)
    )


def _ended(number: int, now: OnAir, until: datetime | None = None) -> Select[Any]:
    """The calls of one of the two trees that began since the trial did, and have ended `until` then."""
    assert now.trial is not None
    its = calls.c
    through = (its.menu_name == now.revision.name, its.menu_revision == str(number))
    query = select(its.ended_at, its.outcome, its.steps).where(
        *through, its.started_at >= now.trial.revision.at
    )
    return query.where(its.ended_at.is_not(None) if until is None else its.ended_at <= until)


async def _tally(
    connection: AsyncConnection, number: int, now: OnAir, until: datetime | None = None
) -> Tally:
    one = _ended(number, now, until).subquery().c
    served = func.jsonb_path_exists(one.steps, cast(_SERVED, JSONPATH))
    dropped = and_(one.outcome == "hung_up", ~served)
    counts = (func.count().filter(each) for each in (dropped, one.outcome.in_(FAILED)))
    row: Any = (await connection.execute(select(func.count(one.ended_at), *counts))).one()
    return Tally(*row)


async def _take_back(engine: AsyncEngine, trial: OnTrial, why: Worse, at: datetime) -> bool:
    """End it, note it, and tell whoever has to know. False when somebody ended it meanwhile."""
    name, told = trial.revision.name, str(TakenBack(trial, why))
    details = {
        name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(why).items()
    }
    async with engine.begin() as connection:
        await alone(connection, name)
        now = await on_air(connection, name)
        if now is None or now.trial != trial:
            return False
        await end_trial(connection, trial, TreeDeed.TAKEN_BACK, BY_ITSELF, told, details)
        subject, details = f"menu/{name}", details | {"revision": trial.revision.number}
        await auditing.note(connection, at, DEED, subject=subject, reason=told, detail=details)
        await _tell(connection, trial, at)
    return True


async def _tell(connection: AsyncConnection, trial: OnTrial, at: datetime) -> None:
    """By mail, whoever looks after menus and the line and has an address."""
    may = people.c.role.in_([Role.ADMIN, Role.SUPERVISOR])
    query = select(people.c.id, people.c.email).where(may, people.c.email != "", people.c.locked_at.is_(None))
    name, number = trial.revision.name, trial.revision.number
    payload = {"case": "", "at": at.isoformat(), "by": trial.revision.author, "name": name}
    kind = account_news.LETTER + DEED
    letters = [
        outbox_row(f"{DEED}:{name}:{number}:{row.id}", kind, at, payload | {"to": row.email})
        for row in await connection.execute(query)
    ]
    if letters:
        await connection.execute(insert(outbox).on_conflict_do_nothing(index_elements=["key"]), letters)
