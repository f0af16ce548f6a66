"""What a citizen is to be told by telephone, and on which number. When: `ivr.desk.call.callbacks`.

The number that a call came from is the caller's own. One that was given (keyed in a call, typed at a desk,
sent by another system) may be anybody's: it is rung once to ask, and nothing is told there before whoever
answers has said yes (`VERIFY`). What is written goes by the same rule (`texted_at`). Where the installation
dials nobody (`calls_back`), every answer is the desk's to tell.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.cases.callback import Outcome
from ivr.cases.channels import NOBODYS, PHONE
from ivr.cases.statuses import Status
from ivr.desk.case import event_log
from ivr.desk.case.duplicates import below
from ivr.store.callbacks import NOBODY_ON_THE_LINE, PUT_ASIDE
from ivr.store.case_parts import HER_OWN, followed_by
from ivr.store.tables import callbacks, cases, provinces

# Purposes: an answer to be confirmed; how the case stands; whether a given number is hers; her meeting;
# whether what was ordered for her is done; an official who holds the line for her.
ANSWER, STATUS, VERIFY, MEETING, ORDER = "answer", "status", "verify", "meeting", "order"
LOTTERY = "lottery"
TURN = "turn"  # her turn in the operators' queue, whose place she kept: `ivr.desk.case.turn_calls`
OF_CASE = (ANSWER, STATUS)  # what the case itself has to tell
TOLD_OF = frozenset({Status.ANSWERED, Status.CLOSED, Status.ADVISED})  # with an answer that she is told of
# Of a nameless one nobody can be told any more.
TELLABLE = and_(cases.c.status.in_(TOLD_OF), cases.c.anonymised_at.is_(None))
HELD = "held"  # in the notice of an answer that waits for the office's look: until when
REMINDER = "reminder"  # `what` of news that wait for the day before her meeting
HOURS_LOST = ("was_at", "before")  # in news of a meeting: when she may come, and is not awaited any more
# How a case ends whose answer she may not have heard: by the desk, or as she was rung in vain.
BY_DESK, ADVISED, UNCONFIRMED = "by_desk", "advised", "unconfirmed"
HOLDS = timedelta(days=365)  # how long the word of whoever answers there holds
OPEN = ("waiting", "calling")
# News that may yet be told: what nobody could be called about is, once somebody is (`callbacks.dialled`).
YET_TO_TELL = callbacks.c.state.in_((*OPEN, "unreachable"))
_ON_HER_NUMBER = callbacks.c.purpose.not_in((STATUS, TURN))  # those ring the telephone that asked
_REMINDS = callbacks.c.notice["what"].as_string().is_not_distinct_from(REMINDER)
TELLS_OFF = or_(*(callbacks.c.notice[name].as_string().is_not(None) for name in HOURS_LOST))


class Reach(StrEnum):
    """Whether a citizen can be told by telephone. The values are stable names: JSON."""

    YES = "yes"
    TO_VERIFY = "to_verify"  # a number was given, and whoever has it is yet to be asked for it
    REFUSED = "refused"  # whoever has it does not want to be called
    NO = "no"  # no number, one that can't be called, nobody answered there, or nobody calls in her language


def number_of(case: Any) -> str:
    """The one on which she is called, in E.164: the one that she gave, else hers. "" = none."""
    given = case["callback"]
    number = given if given and phone.is_callable(given) else case["caller_key"]
    return phone.normalise(number) if number and phone.is_callable(number) else ""


async def is_told_together(connection: AsyncConnection, one: Row[Any], other: Row[Any]) -> bool:
    """Whether both are told on one number, and no two national IDs are known, also of what went on in them.

    Who shares her telephone has an ID, or gives a number, of her own.
    """
    if number_of(one._mapping) != number_of(other._mapping):
        return False
    both = {one.id, other.id}
    its = cases.c.id.in_(both | await below(connection, both))
    known = select(cases.c.national_id).distinct().where(its, cases.c.national_id != "")
    return len((await connection.execute(known)).all()) <= 1


def is_given(case: Any, number: str) -> bool:
    """Whether somebody gave it, so that it must be asked for first: no call came from it."""
    return bool(number) and (case["channel"] != PHONE or number != phone.key(case["caller_key"]))


async def plan(connection: AsyncConnection, case: Row[Any], key: str, now: datetime) -> None:
    """Have the citizen called about the answer to her case. What else she waits to be told, it tells too."""
    if case.channel in NOBODYS:
        return
    number = number_of(case._mapping)
    mine = (callbacks.c.case_id == case.id, callbacks.c.key != key)
    told = or_(callbacks.c.purpose == ANSWER, callbacks.c.number == number)
    old = (NOBODY_ON_THE_LINE, callbacks.c.purpose.in_(OF_CASE), told)
    untold = (callbacks.c.state == "unreachable", callbacks.c.purpose == ANSWER)
    hers = (*mine, callbacks.c.number == number, callbacks.c.purpose.in_(OF_CASE))
    latest = select(callbacks.c.language).where(*hers).order_by(callbacks.c.created_at.desc()).limit(1)
    language = (await connection.execute(latest)).scalar()  # in which she asked for one since (`wish`)
    for which in (old, untold):
        ended = update(callbacks).where(*mine, *which).values(state="cancelled", ended_at=now)
        await connection.execute(ended)
    await _add(connection, case, key, now, ANSWER, number, language or case.language)
    await verify(connection, case, number, now)


async def plan_news(
    connection: AsyncConnection,
    case: Row[Any],
    key: str,
    now: datetime,
    notice: dict[str, Any],
    purpose: str = MEETING,
    at: datetime | None = None,
) -> None:
    """Have her called about her meeting, or what was ordered at it; `at`: not before then."""
    number = number_of(case._mapping)
    await _add(connection, case, key, now, purpose, number, case.language, notice, at)
    await verify(connection, case, number, now)


async def call_off(connection: AsyncConnection, callback: uuid.UUID, now: datetime) -> bool:
    """Whether she was yet to be rung, which she is not any more."""
    waits = update(callbacks).where(callbacks.c.id == callback, callbacks.c.state == "waiting")
    done = await connection.execute(waits.values(state="cancelled", ended_at=now).returning(callbacks.c.id))
    return done.first() is not None


async def plan_turn(
    connection: AsyncConnection,
    case: Row[Any],
    key: str,
    now: datetime,
    number: str,
    language: str,
    notice: dict[str, Any],
) -> None:
    """Have her called on the number that she called from, when it is her turn."""
    await _add(connection, case, key, now, TURN, number, language, notice)


async def verify(connection: AsyncConnection, case: Row[Any], number: str, now: datetime) -> None:
    """A number that somebody gave is asked for first: also where the case was over for a while.

    No call that asks for it is waited for: who says yes there, and with it what waits for that, may wait for
    whoever comes here (`verified`).
    """
    if not is_given(case._mapping, number) or await standing(connection, number, now) is not None:
        return
    asks, its = verifying(case._mapping, now), callbacks.c
    state = (await connection.execute(select(its.state).where(its.id == asks["id"]))).scalar()
    if state is None:
        await connection.execute(insert(callbacks).values(asks).on_conflict_do_nothing())
    elif state == "cancelled":
        again = update(callbacks).where(its.id == asks["id"], its.state == "cancelled")
        await connection.execute(again.values(state="waiting", next_at=now, ended_at=None))


def still_tells(case: Any) -> bool:
    """Whether she is still to be told of the answer: also of one with which the desk has ended the case.

    Or that nobody heard: on the wrong number, as is known once the right one is written down.
    """
    ended = case.status in TOLD_OF and case.closure in (BY_DESK, ADVISED, UNCONFIRMED)
    return bool(case.status == Status.ANSWERED or ended)


async def is_to_tell(connection: AsyncConnection, case: uuid.UUID) -> bool:
    """Whether the answer to a case is still to be told: by our call, or where nobody can call by the desk."""
    its = (callbacks.c.case_id == case, callbacks.c.purpose == ANSWER, YET_TO_TELL)
    return (await connection.execute(select(callbacks.c.id).where(*its).limit(1))).first() is not None


async def was_rung_in_vain(connection: AsyncConnection, case: Row[Any]) -> bool:
    """Whether our last calls about the answer found nobody, and she has not said of it that it is solved."""
    its = callbacks.c
    last = select(its.state).where(its.case_id == case.id, its.purpose == ANSWER)
    if (await connection.execute(last.order_by(its.created_at.desc()).limit(1))).scalar() != "unconfirmed":
        return False
    return not await event_log.calls_it_solved(connection, case)


async def told_otherwise(connection: AsyncConnection, case: uuid.UUID, now: datetime) -> bool:
    """The desk has seen to it that she knows what nobody could tell her. False: nothing waited."""
    waits = (callbacks.c.case_id == case, callbacks.c.purpose == ANSWER, callbacks.c.state == "unreachable")
    done = update(callbacks).where(*waits).values(state="reached", ended_at=now)
    return bool((await connection.execute(done.returning(callbacks.c.id))).first())


def verifying(case: Any, now: datetime) -> dict[str, Any]:
    """The row that has a given number asked for: one for each case and number."""
    number = number_of(case)
    return _row(case["id"], f"verify:{case['id']}:{number}", now, VERIFY, number, case["language"])


async def standing(connection: AsyncConnection, number: str, now: datetime) -> bool | None:
    """What whoever has that number said last: call me, or don't. None: nobody has said anything lately."""
    said = (callbacks.c.purpose == VERIFY, callbacks.c.state == "reached", callbacks.c.number == number)
    query = select(callbacks.c.last_outcome).where(*said, callbacks.c.ended_at > now - HOLDS)
    last = (await connection.execute(query.order_by(callbacks.c.ended_at.desc()).limit(1))).scalar()
    return None if last is None else last == Outcome.CONFIRMED


async def is_being_asked(connection: AsyncConnection, number: str) -> bool:
    """Whether somebody is yet to be asked there."""
    asking = (callbacks.c.purpose == VERIFY, callbacks.c.number == number, callbacks.c.state.in_(OPEN))
    return (await connection.execute(select(callbacks.c.id).where(*asking).limit(1))).first() is not None


async def reach(
    connection: AsyncConnection, given: Sequence[Any], now: datetime, languages: Collection[str]
) -> list[Reach]:
    """Whether each of these citizens can be told of her case by telephone.

    `languages`: those that are spoken here, where whoever asks knows them: in no other is anybody called.
    """
    if not await calls_back(connection):
        return [Reach.NO for _ in given]
    found = zip(given, await _hers(connection, given, now), strict=True)
    return [Reach.NO if languages and case["language"] not in languages else how for case, how in found]


async def calls_back(connection: AsyncConnection) -> bool:
    """Whether anybody is called from here at all: `ivr.desk.call.callbacks.dialled` tells."""
    return (await connection.execute(select(provinces.c.calls_back).limit(1))).scalar() is not False


async def _hers(connection: AsyncConnection, given: Sequence[Any], now: datetime) -> list[Reach]:
    """Whether the number at hand is hers, as far as one knows."""
    numbers = [number_of(case) for case in given]
    doubtful = {n for case, n in zip(given, numbers, strict=True) if is_given(case, n)}
    known = await _said(connection, doubtful, now) if doubtful else {}
    return [
        known.get(number, Reach.NO) if number in doubtful and is_given(case, number)
        else Reach.YES if number else Reach.NO
        for case, number in zip(given, numbers, strict=True)
    ]  # fmt: skip


async def _said(connection: AsyncConnection, numbers: Collection[str], now: datetime) -> dict[str, Reach]:
    """What is known of numbers that were given: who answered there, or that they are yet to be asked."""
    here = (callbacks.c.purpose == VERIFY, callbacks.c.number.in_(numbers))
    said = select(callbacks.c.number, callbacks.c.last_outcome).order_by(callbacks.c.ended_at)
    said = said.where(*here, callbacks.c.state == "reached", callbacks.c.ended_at > now - HOLDS)
    asking = select(callbacks.c.number).where(*here, callbacks.c.state.in_(OPEN))
    known = dict.fromkeys((await connection.execute(asking)).scalars(), Reach.TO_VERIFY)
    for row in await connection.execute(said):  # the last one counts
        known[row.number] = Reach.YES if row.last_outcome == Outcome.CONFIRMED else Reach.REFUSED
    return known


async def texted_at(connection: AsyncConnection, given: Sequence[Any], now: datetime) -> list[str]:
    """Where what tells of each of these cases may be sent as text: "" = nowhere.

    A mobile number from which she called, or at which somebody said on our call that it is the right one;
    never one that anybody typed. Who gave a number is told there and nowhere else, as on the telephone.
    """
    told = zip(given, await _hers(connection, given, now), strict=True)
    numbers = [number_of(case) if how is Reach.YES else "" for case, how in told]
    return [number if phone.is_mobile(number) else "" for number in numbers]


async def verified(connection: AsyncConnection, asked: Row[Any], yes: bool, now: datetime) -> set[uuid.UUID]:
    """Whoever answered has said so. What waits to be told there is told, or is the desk's. The cases' ids."""
    here = (callbacks.c.number == asked.number, callbacks.c.state == "waiting")
    too = update(callbacks).where(*here, callbacks.c.purpose == VERIFY)
    too = too.values(state="cancelled", ended_at=now).returning(callbacks.c.case_id)
    concerned = {asked.case_id, *(await connection.execute(too)).scalars()}
    if yes:
        await connection.execute(update(callbacks).where(*here, _of_no_day()).values(next_at=now))
    return concerned


def _of_no_day() -> ColumnElement[bool]:
    """What is told as soon as may be, on no day of its own and after no look of the office."""
    held = callbacks.c.notice[HELD].as_string().is_not(None)
    return and_(callbacks.c.purpose != ORDER, ~_REMINDS, held.is_not(True))


async def is_ringing(connection: AsyncConnection, case: uuid.UUID) -> bool:
    """Whether she is being called, other than on a telephone that asked for it itself.

    Where not, no call to her begins before the transaction ends. One that rings is locked before what waits,
    as by what she says on it (`verified`).
    """
    hers = (callbacks.c.case_id == case, callbacks.c.state.in_(OPEN), _ON_HER_NUMBER)
    locked = select(callbacks.c.state).where(*hers).order_by(callbacks.c.state, callbacks.c.id)
    found = await connection.execute(locked.with_for_update())
    return "calling" in found.scalars().all()


async def move(connection: AsyncConnection, case: Row[Any], now: datetime) -> None:
    """What she is yet to be told is told on the number that is hers now, tried anew, and on no other.

    A telephone that asked itself to be called, or keeps a place in the queue, is called as promised.
    """
    its, number = callbacks.c, number_of(case._mapping)
    elsewhere = (its.case_id == case.id, its.number != number, _ON_HER_NUMBER)
    asked = update(callbacks).where(*elsewhere, its.purpose == VERIFY, NOBODY_ON_THE_LINE)
    await connection.execute(asked.values(state="cancelled", ended_at=now))
    tried = {"number": number, "attempts": 0, "first_at": None, "last_at": None, "last_outcome": None}
    in_vain = update(callbacks).where(*elsewhere, _of_a_slot_in_vain())  # `dialled` finds it so, too
    anew = await connection.execute(in_vain.values(state="unreachable").returning(its.id))
    if anew.first() is not None:  # and tells all that a reminder would whose day has come
        come = or_(its.attempts > 0, its.next_at <= now)
        gone = update(callbacks).where(*elsewhere, its.purpose == MEETING, NOBODY_ON_THE_LINE, _REMINDS, come)
        await connection.execute(gone.values(state="cancelled", ended_at=now))
    told = update(callbacks).where(*elsewhere, its.purpose != VERIFY, YET_TO_TELL)
    moved = (await connection.execute(told.values(tried).returning(its.id))).scalars().all()
    waits = update(callbacks).where(its.id.in_(moved), its.state == "waiting")
    if await calls_back(connection):
        aside = update(callbacks).where(its.id.in_(moved), its.state == "unreachable", ~PUT_ASIDE)
        again = {"state": "waiting", "ended_at": None, "next_at": func.greatest(its.next_at, now)}
        await connection.execute(aside.values(again))
    await connection.execute(waits.where(_of_no_day()).values(next_at=now))
    await verify(connection, case, number, now)


def _of_a_slot_in_vain() -> ColumnElement[bool]:
    """The last news of a slot, if nobody answered: whether they are so is looked at before she is rung."""
    its, other = callbacks.c, callbacks.alias().c
    beside = and_(_REMINDS, other.state == "unconfirmed", other.id != its.id)  # it reminds of that
    since = or_(other.created_at > its.created_at, other.state == "reached", beside)
    newer = (
        other.case_id == its.case_id,
        other.purpose == MEETING,
        other.created_at >= its.created_at,
        since,
    )
    of_a_slot = or_(its.notice["starts_at"].as_string().is_not(None), TELLS_OFF)
    return and_(
        its.purpose == MEETING,
        its.state == "unconfirmed",
        of_a_slot,
        ~select(other.id).where(*newer).exists(),
    )


async def wish(
    connection: AsyncConnection, code: str, number: str, language: str, key: str, now: datetime
) -> bool:
    """Who asked for a case while the books were away, or says that it is solved, is called about it.

    Her call is the proof that the number called. Of a duplicate she hears about the case in which it goes on
    where that is hers; else that it is merged, for a stranger may know its code. False when there is no such
    case.
    """
    its = cases.c
    goes_on = and_(followed_by(code), or_(its.caller_key == number, its.callback == number))
    found = select(cases).where(or_(and_(its.code == code, HER_OWN), goes_on)).order_by(its.code == code)
    case = (await connection.execute(found.limit(1))).first()
    if case is None:
        return False
    same = (callbacks.c.case_id == case.id, callbacks.c.number == number, callbacks.c.purpose.in_(OF_CASE))
    waits = update(callbacks).where(*same, callbacks.c.state == "waiting")
    # No pause: she is at her telephone.
    at_once = {"next_at": now, "last_at": None, "language": language or case.language}
    await connection.execute(waits.values(at_once))
    off = (callbacks.c.purpose == MEETING, TELLS_OFF)
    first = (callbacks.c.case_id == case.id, callbacks.c.number == number, callbacks.c.state == "waiting")
    await connection.execute(update(callbacks).where(*first, *off).values(at_once))  # which she hears before
    older = update(callbacks).where(*same, callbacks.c.purpose == STATUS, callbacks.c.key != key, PUT_ASIDE)
    await connection.execute(older.values(state="cancelled", ended_at=now))  # this one takes its place
    coming = select(callbacks.c.id).where(*same, callbacks.c.state.in_(OPEN))
    if is_given(case._mapping, number) and not await standing(connection, number, now):
        coming = coming.where(callbacks.c.purpose == STATUS)  # her answer waits for whoever is asked there
    if (await connection.execute(coming.limit(1))).first() is None:
        await _add(connection, case, key, now, STATUS, number, language or case.language)
    return True


async def go_on(connection: AsyncConnection, one: Row[Any], other: Row[Any], now: datetime) -> None:
    """Who waits to be called about a duplicate hears about the case in which it goes on, where that is hers.

    Once: not where a call about that is coming. Others hear that the duplicate is merged, as in `wish`.
    """
    its = callbacks.c
    for number in phone.of_case(other.caller_key, other.callback):
        tells = (STATUS,) if is_given(other._mapping, number) else OF_CASE  # else her answer may wait there
        coming = select(its.id).where(its.case_id == other.id, its.number == number, its.purpose.in_(tells))
        is_coming = (await connection.execute(coming.where(its.state.in_(OPEN)).limit(1))).first()
        values = {"state": "cancelled", "ended_at": now} if is_coming else {"case_id": other.id}
        waits = (its.case_id == one.id, its.purpose == STATUS, its.number == number, NOBODY_ON_THE_LINE)
        await connection.execute(update(callbacks).where(*waits).values(values))


async def _add(
    connection: AsyncConnection,
    case: Row[Any],
    key: str,
    now: datetime,
    purpose: str,
    number: str,
    language: str,
    notice: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> None:
    row = _row(case.id, key, now, purpose, number, language) | {"notice": notice, "next_at": at or now}
    if purpose in (ANSWER, MEETING, ORDER, LOTTERY) and number and not await calls_back(connection):
        row |= {"state": "unreachable", "ended_at": now}
    await connection.execute(insert(callbacks).values(row).on_conflict_do_nothing())


def _row(
    case: uuid.UUID, key: str, now: datetime, purpose: str, number: str, language: str
) -> dict[str, Any]:
    return {
        "id": uuid.uuid5(case, key),
        "key": key,
        "case_id": case,
        "purpose": purpose,
        "number": number,
        "language": language,
        "state": "waiting" if number else "unreachable",
        "created_at": now,
        "next_at": now,
        "ended_at": None if number else now,
    }
