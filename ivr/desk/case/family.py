"""Cases that belong together: a whole and its parts, a collective case and its members.

`changing` asks `may` before any change and tells `follow` after it, in the same transaction. Each of them is
an ordinary case with a body, a clock and a story; here is only what one brings the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, select, update

from ivr.cases.channels import COLLECTIVE
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import CaseAction, Side
from ivr.desk.case import callback_planning, order_calls, owed_reports
from ivr.desk.refusals import Refused
from ivr.store.calendar_revisions import UNTIMED
from ivr.store.tables import agencies, cases

if TYPE_CHECKING:
    from ivr.desk.case.change import Change

A = CaseAction
# What the citizen, or the desk for her, may do with a case that waits in a collective one.
_OF_MEMBERS = frozenset({A.CLOSE, A.REOPEN, A.WITHDRAW, A.MERGE, A.RELEASE})
_NOT_OF_PARTS = frozenset({A.CLOSE, A.MERGE, A.SPLIT, A.COLLECT, A.RELEASE, A.AWAIT})
_NOT_OF_COLLECTIVES = frozenset(
    {A.SPLIT, A.COLLECT, A.RELEASE, A.MERGE, A.PAUSE, A.RESUME, A.AWAIT, A.ADVISE, A.WITHDRAW, A.HAND_BACK}
)
_NOT_ONCE_LEFT = frozenset({A.REOPEN})  # a collective case, by all its callers
_NOT_WHILE_SPLIT = frozenset({A.REFER, A.ACCEPT, A.ANSWER, A.PROPOSE, A.APPROVE, A.RETURN, A.RULE, A.ADVISE})
_NOT_ONCE_SPLIT = frozenset({A.MERGE, A.COLLECT})  # its parts would be left to nobody
_ANSWERS = frozenset({A.ANSWER, A.APPROVE})
_MIRRORED = _ANSWERS | {A.REFER, A.ACCEPT, A.RETURN, A.RULE, A.REOPEN}
_ENDS_PART = _ANSWERS | {A.ADVISE, A.WITHDRAW}


def forbidden(case: Row[Any], below: Sequence[Row[Any]]) -> frozenset[CaseAction]:
    """What its place among its kin forbids a case, so that nobody need be offered it.

    `below`: its own parts; of a collective case, any of its members that waits.
    """
    if case.part_of:
        return _NOT_OF_PARTS
    if case.member_of:
        return frozenset(CaseAction) - _OF_MEMBERS
    if case.channel == COLLECTIVE:
        return _NOT_OF_COLLECTIVES | (frozenset() if below else _NOT_ONCE_LEFT)
    once = _NOT_ONCE_SPLIT | {A.HAND_BACK} if below else frozenset()
    return once | {A.RELEASE} | (_NOT_WHILE_SPLIT if any(map(_is_unanswered, below)) else frozenset())


async def may(change: Change) -> None:
    """Raises Refused where a case's kin forbids what the table permits."""
    case, action, code = change.case, change.action, change.ask.code
    if case.part_of:
        await _may_as_part(change)
    elif case.member_of and action not in _OF_MEMBERS:
        collective = await _code(change, case.member_of)
        raise Refused(f"case {code} waits in the collective case {collective}: act on that, or release it")
    elif not case.member_of and action is A.RELEASE:
        raise Refused(f"case {code} waits in no collective case")
    elif case.channel == COLLECTIVE and action in _NOT_OF_COLLECTIVES and not await _is_left(change):
        raise Refused(f"case {code} is a collective one, to which this can't be done")
    elif case.channel == COLLECTIVE and action is A.REOPEN and not await open_members(change):
        raise Refused(f"no caller waits in the collective case {code} any more: collect them in a new one")
    elif action is A.HAND_BACK and await _parts(change, case.id):
        raise Refused(f"case {code} is split: hand back what its parts report")
    elif action in _NOT_WHILE_SPLIT | _NOT_ONCE_SPLIT:
        parts = await _parts(change, case.id)
        waiting = [part.code for part in parts if _is_unanswered(part)]
        if waiting or (parts and action in _NOT_ONCE_SPLIT):
            raise Refused(f"case {code} is split, and {', '.join(waiting) or 'its parts'} must be dealt with")


async def _is_left(change: Change) -> bool:
    """Whether the machine ends a collective case since nobody waits in it any more."""
    by_itself = change.action is A.WITHDRAW and change.ask.actor.side is Side.MACHINE
    return by_itself and not await open_members(change)


async def _may_as_part(change: Change) -> None:
    case, action, code = change.case, change.action, change.ask.code
    whole = await _code(change, case.part_of)
    if action in _NOT_OF_PARTS:
        raise Refused(f"case {code} is a part of {whole}: that is done to the whole")
    if action is A.REOPEN and (await whole_of(change)).status not in OPEN - {Status.ANSWERED}:
        raise Refused(f"case {code} is a part of {whole}, which has its answer: reopen that")


async def follow(change: Change) -> None:
    """What a change that is written brings the kin."""
    case, action = change.case, change.action
    if case.part_of and action in _ENDS_PART:
        await _part_done(change)
        if action is A.WITHDRAW:
            await _order_moved(change)
    elif case.part_of and action is A.HAND_BACK:
        await _part_owed_again(change)
    elif case.part_of and action is A.REOPEN and case.status == Status.WITHDRAWN:
        await _order_moved(change)
    elif case.channel == COLLECTIVE and action in _MIRRORED:
        members = await open_members(change)
        for member in members:
            await _mirror(change, member)
        await _await_pass(change, case.id, members)
        if (action is A.REOPEN or _not_ours(change)) and (due_at := await first_due(change)):
            await hurry(change.of(await _row(change, case.id), A.COLLECT, change.status), due_at)
    elif action is A.COLLECT:
        await _await_pass(change, change.values["member_of"], [case])
    elif action in (A.CLOSE, A.WITHDRAW):
        for part in await _parts(change, case.id):
            if part.closed_at is None:
                await _end_part(change, part)
    elif action is A.REOPEN:
        blames = case.status != Status.WITHDRAWN
        for part in await _parts(change, case.id):
            told = part.status == Status.ANSWERED or (blames and part.status == Status.ADVISED)
            ended_with_it = part.closed_at and part.closed_at == case.closed_at
            if part.anonymised_at is None and (told or ended_with_it):  # else nothing new of it would ever go
                await _again(change.of(part, A.REOPEN, Status.REOPENED), blames)
        await _await_orders(change, await _row(change, case.id))
    if action in owed_reports.MOVED_BY:
        await owed_reports.go_on(change)


async def first_due(change: Change) -> datetime | None:
    """When the first of those is due for all of whom a collective case climbs."""
    return min((member.due_at for member in await open_members(change)), default=None)


async def whole_of(change: Change) -> Row[Any]:
    """What this part belongs to, which `changing` has locked."""
    return await _row(change, change.case.part_of)


async def hurry(whole: Change, due_at: datetime) -> None:
    """A collective case is due then at the latest."""
    if due_at >= whole.case.due_at:
        return
    whole.clock = whole.clock.due_by(whole.page.calendar, due_at, whole.county)
    whole.quiet = True
    await whole.save()


async def _await_pass(change: Change, whole: uuid.UUID, members: Sequence[Row[Any]]) -> None:
    """A deed timed these anew before the pass did, which finds the collective case by this alone.

    `members`: as they were before.
    """
    if any(member.timed_by < change.page.wanted(member.county or "") for member in members):
        await change.connection.execute(update(cases).where(cases.c.id == whole).values(timed_by=UNTIMED))


async def _part_done(change: Change) -> None:
    """The whole is told; once every part is dealt with, their answers are its answer."""
    whole = await whole_of(change)
    details = {"part": change.case.code, "agency": change.agency}
    if change.action is not A.WITHDRAW:
        await change.of(whole, change.action, Status(whole.status)).tell("part_answered", whole, details)
    parts = await _parts(change, whole.id)
    answered = [part for part in parts if part.answered_at is not None and part.status != Status.WITHDRAWN]
    if whole.status not in OPEN or any(map(_is_unanswered, parts)):
        return
    if change.action is A.WITHDRAW and _is_the_desks_own(whole, parts):
        return
    if not answered:
        await _part_owed_again(change)
        return
    one = change.of(whole, A.ANSWER, Status.ANSWERED)
    one.values = {"answer": await _composed(change, answered), "answer_voice": "", "draft": None}
    spoken = any(part.answer_spoken for part in answered)
    one.values["answer_spoken"] = await _composed(change, answered, spoken=True) if spoken else ""
    # The last part's: what was spoken is heard (`case_parts`) though a needless part was withdrawn since.
    one.values["answered_at"] = max(part.answered_at for part in answered)
    one.details = {"text": one.values["answer"], "parts": [part.code for part in answered]}
    if spoken:
        one.details["spoken"] = one.values["answer_spoken"]
    await one.save()
    await callback_planning.plan(change.connection, whole, f"answer:{one.ask.cause}", change.ask.now)
    await _hold_for_the_office(change, whole)


def _is_the_desks_own(whole: Row[Any], parts: Sequence[Row[Any]]) -> bool:
    """Whether the desk has answered it since: what is composed of its parts is as old as the last of them."""
    if whole.status != Status.ANSWERED or whole.answered_at is None:
        return False
    return all(part.answered_at is None or part.answered_at < whole.answered_at for part in parts)


async def _hold_for_the_office(change: Change, whole: Row[Any]) -> None:
    """She is called with what was ordered for her once the office has looked at it, or on its day."""
    now = change.ask.now
    at = await order_calls.told_from(change.connection, whole.id, now, _zone(change))
    if at > now:
        await order_calls.hold(change.connection, whole, at, now)


async def _part_owed_again(change: Change) -> None:
    """The whole has no answer any more, and she is not called with it."""
    whole = await whole_of(change)
    if whole.status == Status.ANSWERED:
        one = change.of(whole, A.HAND_BACK, Status.IN_PROGRESS)
        one.details, one.quiet = {"part": change.case.code}, True
        await one.save()
        await order_calls.take_back(change.connection, whole, change.ask.now)


async def _order_moved(change: Change) -> None:
    """Of an order that is revoked, or in force again: whether she is asked about it, and her case waits."""
    part, now = change.case, change.ask.now
    day = await order_calls.day_of(change.connection, part.id)
    if day is None:
        return
    whole = await _row(change, part.part_of)
    if change.action is A.WITHDRAW:
        await order_calls.cancel(change.connection, whole, part, now)
    elif day >= change.page.calendar.day(now):
        await order_calls.plan(change.connection, whole, part, day, now, _zone(change))
    await _await_orders(change, whole, part=part.code)


async def _await_orders(change: Change, whole: Row[Any], **told: str) -> None:
    """The whole's clock stands until the last of its orders is due that are not over, or runs again."""
    until = await order_calls.waits_until(change.connection, whole.id, change.ask.now, _zone(change))
    if whole.status in OPEN - {Status.ANSWERED} and (until or whole.paused_at):
        one = change.of(whole, A.AWAIT if until else A.RESUME, Status(whole.status))
        one.details |= told
        one.wait(until)
        await one.save()


async def _composed(change: Change, parts: Sequence[Row[Any]], spoken: bool = False) -> str:
    """One answer of several, or what is spoken of it. Those spoken by a person are heard, not read.

    No body's name, which is Persian, stands before what she hears in her own language.
    """
    named = select(agencies.c.code, agencies.c.name).where(agencies.c.code.in_({p.agency for p in parts}))
    names = {row.code: row.name for row in await change.connection.execute(named)}
    said = [(names[p.agency], p.answer, p.answer_spoken if spoken else "") for p in parts]
    return "\n".join(heard or f"{name}: {words}" for name, words, heard in said if words or heard)


async def _end_part(change: Change, part: Row[Any]) -> None:
    ended = change.of(part, change.action, change.status)
    ended.values = {"closed_at": change.ask.now, "closure": change.values["closure"]}
    ended.details = {"with_whole": change.ask.code}
    ended.quiet = True
    await ended.save()


async def _mirror(change: Change, member: Row[Any]) -> None:
    """A member goes where its collective case goes, and has the same answer; each is called by herself."""
    unconfirmed = member.status == Status.ANSWERED
    if unconfirmed != (change.action is A.REOPEN) and not (unconfirmed and change.action in _ANSWERS):
        return
    one = change.of(member, change.action, change.status)
    one.quiet = change.action not in _ANSWERS
    if change.action is A.REOPEN:
        await _again(one)
    elif change.action in _ANSWERS:
        answer = ("answer", "answer_voice", "answer_spoken", "answered_at")
        one.values = {name: change.values[name] for name in answer}
        one.values["draft"] = None
        one.details = change.details | {"collective": change.ask.code}
        await one.save()
        await callback_planning.plan(change.connection, member, f"answer:{one.ask.cause}", change.ask.now)
    else:
        if change.agency != member.agency:
            one.move(change.agency, COLLECTIVE)
        if _not_ours(change):
            one.wait(None)  # a pause of its own, from before it was collected
        one.details |= {"collective": change.ask.code}
        await one.save()


def _not_ours(change: Change) -> bool:
    """Whether the body that has it lets it go."""
    action, side = change.action, change.ask.actor.side
    return action is A.RETURN or (action is A.REFER and side is Side.AGENCY)


async def _again(one: Change, climb: bool = True) -> None:
    one.values = {"closed_at": None, "closure": None}
    one.move(one.agency, "reopened")
    await one.give_time()
    one.quiet = one.case.part_of is None
    if climb:
        one.climb()
    await one.save()


def _zone(change: Change) -> ZoneInfo:
    return ZoneInfo(change.page.calendar.timezone)


def _is_unanswered(part: Row[Any]) -> bool:
    return part.closed_at is None and part.status != Status.ANSWERED


async def open_members(change: Change) -> Sequence[Row[Any]]:
    """Of a collective case those that wait in it, locked."""
    return await _locked(change, select(cases).where(cases.c.member_of == change.case.id))


async def _parts(change: Change, whole: uuid.UUID) -> Sequence[Row[Any]]:
    return await _locked(change, select(cases).where(cases.c.part_of == whole), closed_too=True)


async def _locked(change: Change, query: Select[Any], closed_too: bool = False) -> Sequence[Row[Any]]:
    if not closed_too:
        query = query.where(cases.c.closed_at.is_(None))
    found = await change.connection.execute(query.order_by(cases.c.code).with_for_update(key_share=True))
    return list(found)


async def _row(change: Change, case: uuid.UUID) -> Row[Any]:
    return (await change.connection.execute(select(cases).where(cases.c.id == case))).one()


async def _code(change: Change, case: uuid.UUID) -> str:
    return str((await _row(change, case)).code)
