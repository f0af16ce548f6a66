"""A draft goes on the air: now or at a time, for all calls or first for a share of them; and back again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.desk.book.menus import (
    OnAir,
    OnTrial,
    Revision,
    alone,
    next_number,
    note_deed,
    on_air,
    put_on_air,
)
from ivr.desk.refusals import Refused, WrongField
from ivr.desk.trees.drafts import Draft, Faulty, draft_of, stage
from ivr.store.aside import Aside
from ivr.store.direct import direct
from ivr.store.tables import menu_events, menu_revisions
from ivr.voice.menu_life import ENDS_WAIT, Stage, TreeDeed

log = logging.getLogger(__name__)

NOTHING = "nothing"  # `seen` of a menu that was never published
MOST_TRIED = 0.5  # of the calls; beyond that the old tree is the one on trial


class TreeChanged(Refused):
    """Something else is on the air than the asker saw."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A draft that waits for its time. `share`: None = for all calls."""

    name: str
    draft: int
    at: datetime
    share: float | None
    author: str
    reason: str


async def publish_draft(
    engine: AsyncEngine,
    name: str,
    number: int,
    author: str,
    reason: str,
    now: datetime,
    *,
    at: datetime | None = None,
    share: float | None = None,
    seen: str = "",
) -> Revision | OnTrial | Planned:
    """Put a checked draft on the air: `at` that time, else now; for that `share` of the calls, else for all.

    `seen`: what was on the air, as the asker saw it beside the draft.
    Raises Faulty, WrongField, or Refused; TreeChanged where that is not so any more.
    """
    if share is not None and not 0 < share <= MOST_TRIED:
        raise WrongField("share", f"of the calls, above 0 and up to {MOST_TRIED:g}")
    async with engine.begin() as connection:
        await alone(connection, name)
        _refuse_unseen(name, await on_air(connection, name), seen)
        draft = await draft_of(connection, name, number)
        await _refuse_unchecked(connection, draft)
        if at is None or at <= now:
            return await _put(connection, draft, author, reason, share)
        details = {"at": at.isoformat(), "share": share}
        await note_deed(connection, name, TreeDeed.SCHEDULED, author, reason, number, details=details)
        return Planned(name, number, at, share, author, reason)


def _refuse_unseen(name: str, now: OnAir | None, seen: str) -> None:
    if seen and seen != (now.seen if now is not None else NOTHING):
        raise TreeChanged(f"menu {name} has changed since you looked")


async def _refuse_unchecked(connection: AsyncConnection, draft: Draft) -> None:
    stands = await stage(connection, draft.name, draft.number)
    if stands is Stage.FAULTY:
        raise Faulty(f"draft {draft.number} of menu {draft.name} has mistakes")
    if stands is Stage.DRAFT:
        raise Faulty(f"draft {draft.number} of menu {draft.name} was never checked")


async def _put(
    connection: AsyncConnection,
    draft: Draft,
    author: str,
    reason: str,
    share: float | None,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> Revision | OnTrial:
    name, number, reason = draft.name, draft.number, reason or draft.reason
    if share is None:
        deed = TreeDeed.PUBLISHED
        return await put_on_air(connection, name, draft.text, author, reason, deed, number, details)
    now = await on_air(connection, name)
    if now is None:
        raise Refused(f"menu {name} has never been published: there is nothing to compare a trial with")
    if now.trial is not None:
        raise Refused(f"draft {now.trial.draft} is on trial: publish it or roll it back first")
    if now.revision.sha256 == draft.sha256:
        raise Refused(f"draft {number} is what is on the air")
    tried = await next_number(connection, name)
    about = {**details, "share": share}
    await note_deed(connection, name, TreeDeed.TRIED, author, reason, number, tried, about)
    begun = await on_air(connection, name)
    assert begun is not None and begun.trial is not None
    return begun.trial


async def publish_due(engine: AsyncEngine, now: datetime, aside: Aside | None = None) -> list[Planned]:
    """Put on the air whatever has come to its time, in the order of the times, so that the last one stays.

    One that can't be, or comes behind a later one, is noted as unscheduled, with why.
    """
    done: list[Planned] = []
    async with direct(engine) as (connection, _):  # asked every few seconds: without a transaction
        waiting = dict(sorted((await _waiting(connection)).items(), key=lambda each: _at(each[1])))

    async def put(row: Row[Any]) -> int:
        plan = _plan(row)
        if plan.at > now:
            return 0
        async with engine.begin() as connection:
            await alone(connection, plan.name)
            if plan not in await _planned(connection, plan.name):
                return 0  # another process did
            try:
                draft = await draft_of(connection, plan.name, plan.draft)
                await _refuse_overtaken(connection, plan)
                its = {"at": plan.at.isoformat()}
                await _put(connection, draft, plan.author, plan.reason, plan.share, its)
            except Refused as refused:
                why = {"refused": str(refused)}
                await note_deed(
                    connection, plan.name, TreeDeed.UNSCHEDULED, plan.author, draft=plan.draft, details=why
                )
                return 1
            if plan in await _planned(connection, plan.name):  # it was on the air already
                deed = TreeDeed.UNSCHEDULED
                await note_deed(connection, plan.name, deed, plan.author, draft=plan.draft, details=its)
        done.append(plan)  # committed
        return 1

    await (aside or Aside()).each("planned trees", waiting, put, now)
    return done


async def _refuse_overtaken(connection: AsyncConnection, plan: Planned) -> None:
    """One that was put aside at its time may come when another has gone on the air that was to follow it."""
    its, at = menu_events.c, menu_events.c.details["at"].as_string()
    done = select(its.draft, at.label("at")).where(its.name == plan.name, its.deed.in_(ENDS_WAIT))
    for row in await connection.execute(done.where(at.is_not(None))):
        if datetime.fromisoformat(row.at) > plan.at:
            raise Refused(f"draft {row.draft}, which was planned for later, has been on the air since")


async def planned(engine: AsyncEngine, name: str = "") -> list[Planned]:
    """Drafts that wait for their time, of that menu or of all; the next one first."""
    async with engine.connect() as connection:
        return await _planned(connection, name)


async def unschedule(engine: AsyncEngine, name: str, number: int, author: str) -> None:
    """Let a draft not go on the air by itself. Raises Refused when it does not wait."""
    async with engine.begin() as connection:
        await alone(connection, name)
        if (name, number) not in await _waiting(connection, name):
            raise Refused(f"draft {number} of menu {name} does not wait for a time")
        await note_deed(connection, name, TreeDeed.UNSCHEDULED, author, "", number)


async def _planned(connection: AsyncConnection, name: str) -> list[Planned]:
    """But for those that can't be read: they hide no other."""
    plans = []
    for (of, draft), row in (await _waiting(connection, name)).items():
        try:
            plans.append(_plan(row))
        except (LookupError, ValueError, TypeError) as error:
            log.warning("when draft %d of menu %s goes on the air can't be read: %r", draft, of, error)
    return sorted(plans, key=lambda plan: plan.at)


def _plan(row: Row[Any]) -> Planned:
    """Raises LookupError, ValueError and TypeError for what another release wrote."""
    at, share = datetime.fromisoformat(row.details["at"]), row.details["share"]
    if at.tzinfo is None:
        raise ValueError(f"{at} has no zone")
    return Planned(row.name, row.draft, at, share, row.author, row.reason)


def _at(row: Row[Any]) -> datetime:
    """What can't be read comes last."""
    try:
        return _plan(row).at
    except (LookupError, ValueError, TypeError):
        return datetime.max.replace(tzinfo=UTC)


async def _waiting(connection: AsyncConnection, name: str = "") -> dict[tuple[str, int], Row[Any]]:
    """By menu and draft, what was said of its time last."""
    its = menu_events.c
    query = select(menu_events).where(its.deed.in_([TreeDeed.SCHEDULED, *ENDS_WAIT]), its.draft.is_not(None))
    if name:
        query = query.where(its.name == name)
    waiting: dict[tuple[str, int], Row[Any]] = {}
    for row in await connection.execute(query.order_by(its.id)):
        waiting.pop((row.name, row.draft), None)
        if row.deed == TreeDeed.SCHEDULED:
            waiting[row.name, row.draft] = row
    return waiting


async def roll_back(
    engine: AsyncEngine, name: str, author: str, reason: str = "", to: int | None = None, seen: str = ""
) -> OnAir:
    """End the trial, if there is one; else put the text before the live one on the air, or that of `to`.

    A trial beside `to` itself only ends. Twice in a row goes two texts back. What is on the air then.
    `seen`: what was, as the asker saw it.
    Raises Refused, TreeChanged where that is not so any more: it would be another step than was meant.
    """
    async with engine.begin() as connection:
        await alone(connection, name)
        now = await on_air(connection, name)
        if now is None:
            raise Refused(f"menu {name} has never been published")
        _refuse_unseen(name, now, seen)
        if now.trial is not None and to in (None, now.revision.number):
            await end_trial(connection, now.trial, TreeDeed.WITHDRAWN, author, reason)
            return OnAir(now.revision)
        before = await _before(connection, name, now.revision) if to is None else to
        its = menu_revisions.c
        found = select(its.text).where(its.name == name, its.number == before)
        text = (await connection.execute(found)).scalar()
        if text is None:
            raise Refused(f"menu {name} has no revision {before} that was published")
        details = {"to": before}
        back = await put_on_air(connection, name, text, author, reason, TreeDeed.ROLLED_BACK, details=details)
        return OnAir(back)


async def end_trial(
    connection: AsyncConnection,
    trial: OnTrial,
    deed: TreeDeed,
    author: str,
    reason: str,
    details: dict[str, Any] | None = None,
) -> None:
    """From the next call on all go through the tree that is live."""
    number, name = trial.revision.number, trial.revision.name
    await note_deed(connection, name, deed, author, reason, trial.draft, number, details)


async def _before(connection: AsyncConnection, name: str, live: Revision) -> int:
    """The revision whose text was on the air before the live text came there. Raises Refused."""
    event, its = menu_events.c, menu_revisions.c
    backs = select(event.revision, event.details).where(
        event.name == name, event.deed == TreeDeed.ROLLED_BACK
    )
    went = [(row.revision, row.details["to"]) for row in await connection.execute(backs)]
    stems = {revision: to for revision, to in went if to < revision}  # else it only ended a trial
    stem = live.number
    while stem in stems:
        stem = stems[stem]
    older = select(its.number, its.sha256).where(its.name == name, its.number < stem)
    for row in await connection.execute(older.order_by(its.number.desc())):
        if row.sha256 != live.sha256:
            return int(row.number)
    raise Refused(f"menu {name} had no other text before this one")
