"""Call-backs: what is to be told by telephone, and the attempts at it.

The rules of who may be rung when are `ivr.cases.callback`. An attempt's row is committed before anything is
sent to Asterisk, so a process that dies in between has tried: nobody is rung twice for it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Exists, Row, Select, Text, Update, cast, func, or_, select, update
from sqlalchemy import case as either
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases import phone
from ivr.cases.callback import (
    REACHED,
    SETTLED,
    UNHEARD,
    VERIFIED,
    VERIFY_WITHIN,
    NoDay,
    Outcome,
    Policy,
    Tried,
    allowed_from,
    in_haste,
    next_attempt,
    next_day,
)
from ivr.cases.channels import PHONE
from ivr.cases.statuses import Status
from ivr.cases.transitions import REOPEN, Actor, Side
from ivr.cases.turns import PLACE_HOLDS, in_turn
from ivr.cases.zone import ZONE
from ivr.desk.book.book import Page, seen_in, with_meeting
from ivr.desk.case import callback_planning, closing, discretion, meeting_calls, order_calls, turn_calls
from ivr.desk.case.callback_planning import ANSWER, LOTTERY, MEETING, OF_CASE, ORDER, STATUS, TURN, VERIFY
from ivr.desk.case.change import Instruction
from ivr.desk.case.event_log import HER_WORD, MACHINE
from ivr.desk.case.rows import outbox_row
from ivr.desk.case.transaction import locked
from ivr.desk.people import limiting
from ivr.desk.people.limiting import Limit
from ivr.desk.refusals import Refused
from ivr.store.callbacks import ASIDE, PUT_ASIDE
from ivr.store.case_parts import followed_by, parts_column, parts_seen
from ivr.store.engine import is_a_row_s
from ivr.store.facts import FactCall
from ivr.store.named_lock import alone
from ivr.store.tables import (
    callback_attempts,
    callbacks,
    calls,
    case_events,
    cases,
    meeting_orders,
    meeting_requests,
    outbox,
    provinces,
)
from ivr.voice import script, verdict
from ivr.voice.events import CaseSeen, Lookup
from ivr.voice.invitation import MeetingNews
from ivr.voice.lottery_call import LotteryNews
from ivr.voice.order_call import OrderNews
from ivr.voice.turn_call import TurnNews

log = logging.getLogger(__name__)

CONFIRMED = "case_number_confirmed"  # the message for whoever said that a given number is the right one
MISSED = "case_turn_missed"  # … for whom it was her turn in the operators' queue, and nothing came of it
UNSENT_ONCE = timedelta(minutes=1)  # until what was not sent is tried, as its words may be in the making;
SOON = timedelta(minutes=10)  # … in vain once more; or the same number is being rung about something else …
THANKS = timedelta(seconds=10)  # … or whoever has said her word there hears thanks for it, or calls us
LONGEST_TALK = timedelta(hours=2)  # no call of ours lasts so long
UNTIL_ASKED = timedelta(hours=1)  # an answer waits for a number to be verified, and is told at once then
NO_DAY = timedelta(hours=1)  # until the calendar is asked again, where it had no day to call on
WISHED = timedelta(days=30)  # due for so long, a wish to be called is over
LOOKED_AT = 100  # rows looked at for one that may be called now


@dataclass(frozen=True, slots=True)
class Placing:
    """An attempt that is committed and may now be sent: once.

    `answer`: words to be made ready for her; `clips`: recordings that she is to hear; `instead`: words that
    are read to her where those are not there. `since`: the first of the attempts of which none left us, this
    one among them; `looks`: how many those are. `opened`: when her case was. `verifies`: it asks only whether
    the number is whose it should be. `line`: the channel of who waits for her; without him she is not rung.
    """

    id: uuid.UUID
    number: str
    code: str
    opened: datetime
    language: str
    answer: str
    since: datetime
    looks: int
    clips: Collection[str] = ()
    instead: str = ""
    verifies: bool = False
    line: str = ""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the call flow needs when she has answered."""

    number: str
    code: str
    language: str
    seen: CaseSeen
    verifies: bool = False  # only whether the number is whose it should be
    meeting: MeetingNews | None = None  # only when and where she meets an official
    order: OrderNews | None = None  # only whether that is done
    lottery: LotteryNews | None = None  # an official holds the line for her
    turn: TurnNews | None = None  # it is her turn in the operators' queue
    sealed: bool = False  # a confidential case: no operator is shown her number


_LONGEST = 300  # characters of a reason
_DIALS = "callbacks.dial"  # counted by a server that dials …
_DIALS_STILL = Limit(1, timedelta(minutes=5))  # … which tells so each minute

# Two workers can't begin to ring one number at the same moment, whatever it is about.
_ONE_NUMBER = "callback "


def due(
    now: datetime,
    turns: Collection[uuid.UUID] = frozenset(),
    only: uuid.UUID | None = None,
    kept: Collection[uuid.UUID] = frozenset(),
) -> Select[Any]:
    """The next call-back to look at, or that one alone, which no other worker holds.

    A place in the operators' queue, or for a held line, only in its turn, or when nobody came for it for too
    long; `kept`: the places for which that was not too long.
    """
    its = callbacks.c
    over = (its.created_at < now - PLACE_HOLDS) & its.id.not_in(kept)
    may = or_(its.purpose.not_in((TURN, LOTTERY)), its.id.in_(turns), over)
    may = or_(may, (its.purpose == LOTTERY) & (its.next_at < now - SOON))
    query = select(callbacks).where(its.state == "waiting", its.next_at <= now, may)
    if only is not None:
        query = query.where(its.id == only)
    return query.order_by(callbacks.c.next_at).limit(1).with_for_update(skip_locked=True)


def urgent(now: datetime, turns: Collection[uuid.UUID] = frozenset()) -> Select[Any]:
    """Those that may have to go before a morning's answers, which are many. `_rank` tells which do."""
    its = callbacks.c
    may = or_(its.purpose == MEETING, its.id.in_(turns))
    query = select(its.id, its.purpose, its.notice).where(its.state == "waiting", its.next_at <= now, may)
    return query.order_by(its.next_at)


def _rank(wanted: Row[Any], now: datetime) -> int | None:
    """An official who holds the line first, then whose turn it is, then a meeting that is near."""
    if wanted.purpose != MEETING:
        return 0 if wanted.purpose == LOTTERY else 1
    try:
        return 2 if meeting_calls.is_pressing(wanted.notice, now) else None
    except (AttributeError, TypeError, ValueError):  # which is told once it is looked at
        return None


async def claim(
    engine: AsyncEngine,
    page: Page,
    policy: Policy,
    now: datetime,
    turns: Collection[uuid.UUID] = frozenset(),
    kept: Collection[uuid.UUID] = frozenset(),
) -> Placing | None:
    """An attempt to make now, committed; None when there is none.

    `turns`: the call-backs whose turn in the operators' queue has come, or for which an official's line is
    held here. `kept`: the places that hold yet, however old. What can't be worked on is put aside with its
    reason, and hinders no other.
    """
    told, first = False, await _first(engine, now, turns)
    for _ in range(LOOKED_AT):
        wanted: Row[Any] | None = None
        only = next(first, None)
        try:
            async with engine.begin() as connection:
                wanted = (await connection.execute(due(now, turns, only, kept))).first()
                if wanted is None and only is not None:
                    continue  # another worker's
                if wanted is None:
                    return None
                query = select(cases, parts_column()).where(cases.c.id == wanted.case_id)
                case = (await connection.execute(query)).one()
                if wanted.purpose == TURN and wanted.id not in turns:
                    decided: Placing | bool = True  # nobody came for it
                else:
                    decided = await _decide(connection, page, policy, now, wanted, case)
            if isinstance(decided, Placing):
                return decided
            if decided:
                await _give_up(engine, page, wanted, case.code, now)
        except NoDay as error:
            assert wanted is not None
            if not told:  # the calendar, not a hundred call-backs
                log.error("call-back %s, and any like it, waits: %s", wanted.id, error)
            told = True
            async with engine.begin() as connection:
                await connection.execute(_waiting(wanted).values(next_at=now + NO_DAY))
        except Exception as error:
            if wanted is None or not is_a_row_s(error):
                raise
            await _unworkable(engine, wanted, error, now)
    return None


async def held_lines(engine: AsyncEngine, now: datetime) -> dict[uuid.UUID, str]:
    """The channel on which an official waits, by the call-back that he waits for."""
    its = callbacks.c
    query = select(its.id, its.notice["line"].as_string().label("line"))
    query = query.where(its.purpose == LOTTERY, its.state == "waiting", its.next_at <= now)
    async with engine.connect() as connection:
        return {row.id: row.line for row in await connection.execute(query)}


async def _first(engine: AsyncEngine, now: datetime, turns: Collection[uuid.UUID]) -> Iterator[uuid.UUID]:
    async with engine.connect() as connection:
        found = (await connection.execute(urgent(now, turns))).all()
    ranked = [(rank, row.id) for row in found if (rank := _rank(row, now)) is not None]
    return iter([id for _, id in sorted(ranked, key=lambda each: each[0])])


async def _unworkable(engine: AsyncEngine, wanted: Row[Any], error: Exception, now: datetime) -> None:
    """An answer that is put aside is the desk's to tell; who kept her place is written to."""
    log.error("call-back %s can't be worked on and is put aside", wanted.id, exc_info=error)
    notice = wanted.notice if isinstance(wanted.notice, dict) else {"notice": wanted.notice}
    notice = {**notice, ASIDE: f"{type(error).__name__}: {error}"[:_LONGEST]}
    aside = _waiting(wanted).where(callbacks.c.case_id == cases.c.id).returning(cases.c.code)
    async with engine.begin() as connection:
        code = (
            await connection.execute(aside.values(state="unreachable", ended_at=now, notice=notice))
        ).scalar()
        if wanted.purpose == TURN and code is not None:
            await _tell_missed(connection, {wanted.id: code}, now)


def _waiting(wanted: Row[Any]) -> Update:
    return update(callbacks).where(callbacks.c.id == wanted.id, callbacks.c.state == "waiting")


async def try_anew(engine: AsyncEngine) -> None:
    """What was put aside is looked at again, at the time at which it was due: what is not so any more ends.

    What had its one moment is over: a place in the queue, which was told so, and an official's held line.
    """
    its = callbacks.c
    aside, of_a_moment = update(callbacks).where(PUT_ASIDE), its.purpose.in_((TURN, LOTTERY))
    again = {"state": "waiting", "ended_at": None, "notice": its.notice.op("-")(ASIDE)}
    async with engine.begin() as connection:
        await connection.execute(aside.where(of_a_moment).values(state="cancelled"))
        await connection.execute(aside.where(~of_a_moment).values(again))


async def _decide(
    connection: AsyncConnection, page: Page, policy: Policy, now: datetime, wanted: Row[Any], case: Row[Any]
) -> Placing | bool:
    """Begin an attempt, or put the call-back off, or end it. True: it has been tried often enough.

    Raises whatever comes of a row that this release can't read: nobody is rung who can't be told.
    """
    is_wanted = _is_still_wanted(wanted, case, now, _midnight(page, now).date())
    if not is_wanted or await _is_old_news(connection, wanted, case, now):
        await _put(connection, wanted, state="cancelled", ended_at=now)
        return False
    if await _goes_on(connection, wanted, case, now):
        return False
    _news_of(wanted.purpose, wanted.notice)
    spoken = page.conventions.languages
    if wanted.language not in spoken and case.language in spoken:
        hers = _waiting(wanted).values(language=case.language).returning(callbacks)
        wanted = (await connection.execute(hers)).one()
    if wanted.purpose == LOTTERY:
        return await _now_or_never(connection, page, policy, now, wanted, case)
    if not phone.is_callable(wanted.number) or _is_the_desks(page, wanted, case, now):
        await _put(connection, wanted, state="unreachable", ended_at=now)
        if wanted.purpose == TURN:
            await _tell_missed(connection, {wanted.id: case.code}, now)
        return False
    await alone(connection, _ONE_NUMBER + wanted.number)
    if wanted.purpose not in (STATUS, TURN) and not await _is_right(connection, wanted, case, now):
        return False
    if wanted.purpose == MEETING and meeting_calls.is_pressing(wanted.notice, now):
        policy = in_haste(policy)
    if wanted.purpose == TURN:
        policy = in_turn(policy)
    last = Outcome(wanted.last_outcome) if wanted.last_outcome else None
    tried = Tried(wanted.attempts, wanted.first_at, wanted.last_at, last)
    county = case.county or ""
    at = next_attempt(policy, page.calendar, tried, now, county)
    if at is None:
        return True
    if wanted.purpose == VERIFY:
        at = await _next_asking(connection, page, policy, wanted, at, county)
        if at is None:
            await _put(connection, wanted, state="unreachable", ended_at=now)
            return False
    most = policy.per_number_per_day
    if at > now:
        await _put(connection, wanted, next_at=_once_it_presses(wanted, at, now))
    elif pause := await _on_the_line(connection, wanted.number, now):
        await _put(connection, wanted, next_at=now + pause)
    elif (await connection.execute(her_calls(wanted, case, now))).first() is not None:
        await _put(connection, wanted, next_at=now + THANKS)
    elif await _gives_way(connection, wanted, case, now):
        await _put(connection, wanted, next_at=now + SOON)
    elif await _rung_today(connection, page, wanted.number, now) >= most or (
        wanted.purpose == VERIFY and await _asked_enough(connection, page, policy, case, now)
    ):
        at = next_day(policy, page.calendar, now, county)
        await _put(connection, wanted, next_at=_once_it_presses(wanted, at, now))
    else:
        return await _begin(connection, wanted, case, now)
    return False


def _once_it_presses(wanted: Row[Any], at: datetime, now: datetime) -> datetime:
    """Put off to then, news of a meeting that presses before is looked at again once it does."""
    since = meeting_calls.presses_from(wanted.notice, now) if wanted.purpose == MEETING else None
    return at if since is None or since <= now else min(at, since)


async def _goes_on(connection: AsyncConnection, wanted: Row[Any], case: Row[Any], now: datetime) -> bool:
    """Whether she hears of another case instead: hers was merged into it while she was being rung."""
    if wanted.purpose != STATUS or case.merged_into is None:
        return False
    other = (await connection.execute(select(cases).where(followed_by(case.code)))).one()
    if wanted.number not in phone.of_case(other.caller_key, other.callback):
        return False
    await callback_planning.go_on(connection, case, other, now)
    return True


async def _gives_way(connection: AsyncConnection, wanted: Row[Any], case: Row[Any], now: datetime) -> bool:
    """Once she has her answer she may end her case, and would come for a slot that is off.

    What she wished to hear waits for no call to another telephone.
    """
    if wanted.purpose == STATUS and case.status == Status.ANSWERED:
        return await meeting_calls.is_to_tell_off(connection, case.id, now, wanted.number)
    return wanted.purpose == ANSWER and await meeting_calls.is_to_tell_off(connection, case.id, now)


def _is_the_desks(page: Page, wanted: Row[Any], case: Row[Any], now: datetime) -> bool:
    """What nobody is rung about: she would not hear it, for want of a voice or of prompts in her language."""
    if wanted.language not in page.conventions.languages:
        return True
    if wanted.purpose == ORDER:
        return not script.is_readable(wanted.notice["words"])
    return bool(wanted.purpose == ANSWER and (_is_unread(case) or _is_long_closed(case, now)))


async def _now_or_never(
    connection: AsyncConnection, page: Page, policy: Policy, now: datetime, wanted: Row[Any], case: Row[Any]
) -> Placing | bool:
    """An official holds the line: she is rung at once, if the hour and the day's count allow it, or not."""
    number = wanted.number
    await alone(connection, _ONE_NUMBER + number)
    may = not wanted.attempts and now < datetime.fromisoformat(wanted.notice["until"])
    may = may and phone.is_callable(number) and case.confidential is None
    may = may and wanted.language in page.conventions.languages
    may = may and allowed_from(policy, page.calendar, now, case.county or "") <= now
    if callback_planning.is_given(case._mapping, number):
        may = may and await callback_planning.standing(connection, number, now) is True
    may = may and not await _on_the_line(connection, number, now)
    may = may and await _rung_today(connection, page, number, now) < policy.per_number_per_day
    if may:
        return await _begin(connection, wanted, case, now)
    await _put(connection, wanted, state="cancelled", ended_at=now)
    return False


async def _is_right(connection: AsyncConnection, wanted: Row[Any], case: Row[Any], now: datetime) -> bool:
    """Whether that number may be rung for this, as things stand now; else it is put off, or ends."""
    if not callback_planning.is_given(case._mapping, wanted.number):
        if wanted.purpose == VERIFY:
            await _put(connection, wanted, state="cancelled", ended_at=now)
        return bool(wanted.purpose != VERIFY)
    said = await callback_planning.standing(connection, wanted.number, now)
    if wanted.purpose == VERIFY:
        asks = said is None and await _is_asked_for(connection, case, now)
        if not asks:  # asked about another case of hers, meanwhile; or no call of ours tells her anything
            await _put(connection, wanted, state="cancelled", ended_at=now)
        return asks
    if said is None and await callback_planning.is_being_asked(connection, wanted.number):
        await _put(connection, wanted, next_at=now + UNTIL_ASKED)
    elif not said:
        await _put(connection, wanted, state="unreachable", ended_at=now)
    return bool(said)


async def _is_asked_for(connection: AsyncConnection, case: Row[Any], now: datetime) -> bool:
    """Not once the case is over and the desk has told her, or over for so long that nobody calls her about
    it: whoever says yes there would wait for no call."""
    if case.closed_at is None:
        return True
    if not _is_long_closed(case, now) and await callback_planning.is_to_tell(connection, case.id):
        return True
    return await meeting_calls.is_to_tell_off(connection, case.id, now)


async def _next_asking(
    connection: AsyncConnection, page: Page, policy: Policy, wanted: Row[Any], at: datetime, county: str
) -> datetime | None:
    """When that number may be asked for, whatever cases name it; None: it was, often enough, in vain."""
    attempt = callback_attempts.c
    of = callbacks.c.id == attempt.callback_id
    heard = or_(attempt.outcome.is_(None), attempt.outcome.not_in(UNHEARD))
    query = select(func.count().label("rings"), func.max(attempt.at).label("last"))
    query = query.select_from(callback_attempts.join(callbacks, of))
    lately = (attempt.number == wanted.number, attempt.at > at - VERIFY_WITHIN)
    asked = (await connection.execute(query.where(*lately, callbacks.c.purpose == VERIFY, heard))).one()
    if asked.rings >= policy.verify_rings:
        return None
    if asked.last is None:
        return at
    return allowed_from(policy, page.calendar, max(at, asked.last + policy.verify_gap), county)


async def _asked_enough(
    connection: AsyncConnection, page: Page, policy: Policy, case: Row[Any], now: datetime
) -> bool:
    """Whether whoever gave the number has had strangers rung often enough today."""
    attempt = callback_attempts.c
    rows = callback_attempts.join(callbacks, callbacks.c.id == attempt.callback_id)
    rows = rows.join(cases, cases.c.id == callbacks.c.case_id)
    counts = or_(attempt.outcome.is_(None), attempt.outcome != Outcome.NOT_SENT)
    source = [cases.c.channel == case.channel]
    if case.channel == PHONE:
        source.append(cases.c.caller_key == case.caller_key)
    query = select(func.count()).select_from(rows).where(attempt.at >= _midnight(page, now), counts)
    made = (await connection.execute(query.where(callbacks.c.purpose == VERIFY, *source))).scalar_one()
    alone = case.channel == PHONE and case.caller_key
    return bool(made >= (policy.verify_per_caller_per_day if alone else policy.verify_per_channel_per_day))


def _is_still_wanted(wanted: Row[Any], case: Row[Any], now: datetime, today: date) -> bool:
    if wanted.purpose == ANSWER:
        return callback_planning.still_tells(case)
    if wanted.purpose == VERIFY:
        its = wanted.number == callback_planning.number_of(case._mapping)  # she may have given another since
        return its and (case.closed_at is None or callback_planning.still_tells(case))
    if wanted.purpose == ORDER:
        return order_calls.still_wanted(case)
    if wanted.purpose == MEETING:
        if case.closed_at is not None:
            comes = case.status != Status.WITHDRAWN  # who took it back does not
            return comes and meeting_calls.outlives_case(wanted.notice, now)
        return meeting_calls.still_true(wanted.notice, now, today)
    return bool(wanted.purpose == TURN or wanted.next_at > now - WISHED)


async def _is_old_news(connection: AsyncConnection, wanted: Row[Any], case: Row[Any], now: datetime) -> bool:
    """Her slot is not hers any more; or an answer that was given meanwhile has a call of its own."""
    if wanted.purpose == MEETING:
        if case.closed_at is not None:
            return False  # no slot is hers any more, of which she is told: `outlives_case`
        return not await meeting_calls.still_hers(connection, {**wanted.notice, "case": case.code}, now)
    its = callbacks.c
    later = (its.case_id == wanted.case_id, its.purpose == ANSWER, its.created_at > wanted.created_at)
    query = select(its.id).where(*later).limit(1)
    return wanted.purpose == ANSWER and (await connection.execute(query)).first() is not None


async def is_told_anew(connection: AsyncConnection, case: uuid.UUID, call: FactCall) -> bool:
    """Whether it was a call of ours, and she is yet to be called with another answer, given since then."""
    its, attempt = callbacks.c, callback_attempts.c
    hers = select(its.id).where(its.case_id == case)
    later = (its.created_at > call.started_at, its.state.in_(callback_planning.OPEN))
    ours = hers.join(callback_attempts, attempt.callback_id == its.id)
    ours = ours.where(cast(attempt.id, Text) == call.unique_id)  # as our calls are named: `loops.dialling`
    both = hers.where(its.purpose == ANSWER, *later).exists() & ours.exists()
    return bool((await connection.execute(select(both))).scalar_one())


def _is_long_closed(case: Row[Any], now: datetime) -> bool:
    """Nobody is asked whose "not solved" would change nothing (`closing.reopen`)."""
    return case.closed_at is not None and now - case.closed_at > REOPEN


def _is_unread(case: Row[Any]) -> bool:
    """Nobody is rung to hear that the answer can't be read: somebody must word it first.

    Where nothing is written of it, as when all parts were answered by voice, it is heard (`verdict.answer`).
    """
    written = case.answer.strip() or case.answer_spoken.strip()
    readable = case.answer_voice or script.heard(case.answer, case.answer_spoken, case.language)
    return bool(written) and not readable


async def _begin(connection: AsyncConnection, wanted: Row[Any], case: Row[Any], now: datetime) -> Placing:
    if wanted.purpose == MEETING and wanted.notice["what"] == callback_planning.REMINDER:
        await meeting_calls.give_way(connection, wanted, now)
    attempt = {"id": uuid.uuid4(), "callback_id": wanted.id, "number": wanted.number, "at": now}
    await connection.execute(insert(callback_attempts).values(attempt))
    first = wanted.first_at or now
    count = wanted.attempts + 1
    await _put(connection, wanted, state="calling", attempts=count, first_at=first, last_at=now)
    words, instead = "", ""
    if wanted.purpose in (MEETING, ORDER):
        words = wanted.notice.get("place") or wanted.notice.get("words", "")
    elif wanted.purpose in OF_CASE:
        words = script.heard(case.answer, case.answer_spoken, wanted.language)
        if case.answer_voice:
            words, instead = "", words
    clips = _clips(case) if wanted.purpose == ANSWER else ()  # what a status lacks she is told
    since, looks = await _in_vain(connection, wanted.id) if clips else (now, 1)
    whom = (attempt["id"], wanted.number, case.code, case.opened_at, wanted.language)
    line = wanted.notice["line"] if wanted.purpose == LOTTERY else ""
    return Placing(*whom, words, since, looks, clips, instead, wanted.purpose == VERIFY, line)


async def _in_vain(connection: AsyncConnection, callback: uuid.UUID) -> tuple[datetime, int]:
    """Since its last attempt that left us, from when and how often: that server has what another may lack."""
    its = callback_attempts.alias().c
    sent = select(func.max(its.at)).where(its.callback_id == callback, its.outcome != Outcome.NOT_SENT)
    this, last = callback_attempts.c, sent.scalar_subquery()
    query = select(func.min(this.at), func.count()).where(this.callback_id == callback)
    since, looks = (await connection.execute(query.where(or_(last.is_(None), this.at > last)))).one()
    return since, looks


def _clips(case: Row[Any]) -> Collection[str]:
    return verdict.clips(CaseSeen(Lookup.FOUND, voice=case.answer_voice, parts=parts_seen(case.parts)))


async def _give_up(engine: AsyncEngine, page: Page, wanted: Row[Any], code: str, now: datetime) -> None:
    """She could not be reached: the case closes as unconfirmed, which statistics keep apart.

    Not when no attempt got through to her telephone: that is the trunk's fault or the number's, and a
    person's to look into; so is what was answered while she waits for the office's word about her meeting,
    and what was answered anew as she said that it is not solved. Nor when the desk has closed it already. The
    case is locked before the call-back, as everywhere.
    """
    its = callbacks.c
    same = (its.id == wanted.id, its.created_at == wanted.created_at)
    waiting = (*same, its.state == "waiting", its.number == wanted.number)  # else put right, and tried anew
    async with engine.begin() as connection:
        case = await locked(connection, code)
        mine = select(callbacks.c.id).where(*waiting).with_for_update()
        if (await connection.execute(mine)).first() is None:
            return  # who held the case has cancelled it, as with another answer; or she keeps her place anew
        rang = wanted.purpose != VERIFY and await _ever_rang(connection, wanted)
        if rang and wanted.purpose == ANSWER:
            rang = not (await discretion.is_awaited(connection, case) or await _said_no(connection, case))
        state = "unconfirmed" if rang else "unreachable"
        if state == "unconfirmed" and wanted.purpose == ANSWER and case.closed_at is None:
            reason = f"not reached in {wanted.attempts} attempts since {wanted.first_at.date().isoformat()}"
            cause = uuid.uuid5(wanted.id, state)
            ask = Instruction(code, Actor(MACHINE, Side.MACHINE), reason, now, cause=cause)
            try:
                await closing.close(connection, page, ask)
            except Refused:
                state = "cancelled"
        ends = update(callbacks).where(*waiting).values(state=state, ended_at=now)
        ended = await connection.execute(ends.returning(callbacks.c.id))
        if wanted.purpose == TURN and ended.first() is not None:
            await _tell_missed(connection, {wanted.id: code}, now)


async def _said_no(connection: AsyncConnection, case: Row[Any]) -> bool:
    """Whether her last word is a "not solved" that opened nothing, for it was of an earlier answer.

    Where that is not noted with it, as by an older release, it was if it opened nothing after this answer.
    That it is solved takes no such word back where nothing proves that she says so.
    """
    its = case_events.c
    query = select(its.event, its.details, its.at).where(its.case_id == case.id, HER_WORD)
    last = (await connection.execute(query.order_by(its.seq.desc()).limit(1))).first()
    if last is None or last.event == "reopened" or last.details["solved"]:
        return False
    return bool(last.details.get("earlier", last.at > (case.answered_at or last.at)))


async def _tell_missed(connection: AsyncConnection, codes: Mapping[uuid.UUID, str], now: datetime) -> None:
    """By the call-back whose turn came to nothing."""
    told = [outbox_row(f"{MISSED}:{id}", MISSED, now, {"case": code}) for id, code in codes.items()]
    await connection.execute(insert(outbox).on_conflict_do_nothing(), told)


async def _ever_rang(connection: AsyncConnection, wanted: Row[Any]) -> bool:
    """Her telephone: not one whose number was put right since."""
    attempt = callback_attempts.c
    its = (attempt.callback_id == wanted.id, attempt.number == wanted.number)
    rang = attempt.outcome.not_in((Outcome.FAILED, Outcome.NOT_SENT))
    query = select(attempt.id).where(*its, rang).limit(1)
    return (await connection.execute(query)).first() is not None


async def _put(connection: AsyncConnection, wanted: Row[Any], **values: Any) -> None:
    await connection.execute(update(callbacks).where(callbacks.c.id == wanted.id).values(values))


def _talks() -> Exists:
    """Whether she answered the attempt, and that call goes on in the books."""
    its = (calls.c.unique_id == cast(callback_attempts.c.id, Text), calls.c.ended_at.is_(None))
    return select(calls.c.id).where(*its).exists()


def _goes_on_at(now: datetime) -> ColumnElement[bool]:
    """An attempt is open, or she has said her word and hears thanks for it, or says what is missing."""
    attempt = callback_attempts.c
    settled = attempt.outcome.in_(SETTLED) & (attempt.at > now - LONGEST_TALK)
    return or_(attempt.outcome.is_(None), settled & _talks())


def _takes_a_line_at(now: datetime) -> ColumnElement[bool]:
    """The same, but for who talks in her turn: no more are rung so than operators serve (`whose_turn`)."""
    attempt = callback_attempts.c
    turn = select(callbacks.c.id).where(callbacks.c.id == attempt.callback_id, callbacks.c.purpose == TURN)
    return _goes_on_at(now) & ~(attempt.outcome.is_(None) & turn.exists() & _talks())


async def _on_the_line(connection: AsyncConnection, number: str, now: datetime) -> timedelta | None:
    """How long to wait while a call of ours to that number goes on; None where none does."""
    attempt = callback_attempts.c
    query = select(attempt.outcome).where(attempt.number == number, _goes_on_at(now))
    outcomes = (await connection.execute(query)).scalars().all()
    return (SOON if None in outcomes else THANKS) if outcomes else None


def her_calls(wanted: Row[Any], case: Row[Any], now: datetime) -> Select[Any]:
    """Her calls that go on: her line is busy, she would be rung in vain.

    In her turn she may wait for an operator there, or talk with one. Who has given a number to be asked for
    may tell more in it, and hears that we ring there once it is over. A withheld one is known by what she has
    opened alone. One that has no end in the books, be its beginning by a wrong clock, counts for no longer
    than any lasts.
    """
    its = calls.c
    hers = its.caller_key == wanted.number
    if wanted.purpose == VERIFY:
        gave = (its.caller_key == case.caller_key) & (its.caller_key != "")
        hers = or_(hers, gave, its.id == case.call_id)
    return select(its.id).where(*going_on(now), hers).limit(1)


def going_on(now: datetime) -> Sequence[ColumnElement[bool]]:
    """Of the calls those that keep anybody from being rung."""
    its = calls.c
    return its.ended_at.is_(None), its.started_at > now - LONGEST_TALK, its.started_at < now + SOON


async def _rung_today(connection: AsyncConnection, page: Page, number: str, now: datetime) -> int:
    attempt = callback_attempts.c
    counts = or_(attempt.outcome.is_(None), attempt.outcome != Outcome.NOT_SENT)
    query = select(func.count()).where(attempt.number == number, attempt.at >= _midnight(page, now), counts)
    return (await connection.execute(query)).scalar_one()


def _midnight(page: Page, now: datetime) -> datetime:
    zone = ZoneInfo(page.calendar.timezone)
    return datetime.combine(now.astimezone(zone).date(), time(0), zone)


async def briefing(engine: AsyncEngine, attempt: str) -> Briefing | None:
    """What to tell whoever answered that attempt; None when there is no such attempt in progress."""
    try:
        key = uuid.UUID(attempt)
    except ValueError:
        return None
    query = (
        select(
            callbacks.c.number,
            callbacks.c.purpose,
            callbacks.c.language.label("spoken"),
            callbacks.c.notice,
            callback_attempts.c.at.label("rung_at"),
            cases,
            parts_column(),
        )
        .join(callback_attempts, callback_attempts.c.callback_id == callbacks.c.id)
        .join(cases, cases.c.id == callbacks.c.case_id)
        .where(callback_attempts.c.id == key, callback_attempts.c.outcome.is_(None))
    )
    async with engine.connect() as connection:
        row = (await connection.execute(with_meeting(query))).first()
        if row is None:
            return None
        news = _news_of(row.purpose, row.notice)
        if row.closed_at is not None and meeting_calls.outlives_case(row.notice, row.rung_at):
            news["meeting"] = replace(news["meeting"], what=meeting_calls.DECLINED, starts_at=None)
        if "order" in news:
            news["order"] = await order_calls.of_whom_it_is_now(connection, news["order"])
    if row.purpose == VERIFY:  # whoever answers may be anybody: the call knows nothing that it could tell
        return Briefing(row.number, "", row.spoken, CaseSeen(Lookup.UNKNOWN), verifies=True)
    sealed = row.confidential is not None
    if news:
        return Briefing(row.number, row.code, row.spoken, CaseSeen(Lookup.UNKNOWN), **news, sealed=sealed)
    seen = seen_in(row._mapping, row.number, row.rung_at)  # a stranger may have wished to be called about it
    asks = row.status == Status.ANSWERED or (row.purpose == ANSWER and callback_planning.still_tells(row))
    seen = replace(seen, may_confirm=seen.may_confirm and asks)
    return Briefing(row.number, row.code, row.spoken, seen, sealed=sealed)


def _news_of(purpose: str, notice: Any) -> dict[str, Any]:
    """What is told beside the case, by its field of the briefing. Raises for what this release can't read."""
    match purpose:
        case callback_planning.ANSWER | callback_planning.STATUS | callback_planning.VERIFY:
            return {}
        case callback_planning.LOTTERY:
            return {"lottery": LotteryNews(notice["line"])}
        case callback_planning.TURN:
            return {"turn": turn_calls.news_of(notice)}
        case callback_planning.ORDER:
            return {"order": order_calls.news_of(notice)}
        case callback_planning.MEETING:
            return {"meeting": meeting_calls.news_of(notice)}
    raise ValueError(f"this release calls nobody back for {purpose!r}")


async def ended(connection: AsyncConnection, attempt: uuid.UUID, outcome: Outcome, now: datetime) -> bool:
    """How an attempt ended, and whether that is news.

    The first word counts; only what the call itself says replaces `unknown`.
    """
    this = callback_attempts.c
    mark = update(callback_attempts).where(this.id == attempt)
    mark = mark.where(
        or_(this.outcome.is_(None), (this.outcome == Outcome.UNKNOWN) & (outcome != this.outcome))
    )
    done = await connection.execute(
        mark.values(outcome=outcome, ended_at=now).returning(this.callback_id, this.at)
    )
    found = done.first()
    if found is None:
        return False
    values: dict[str, Any] = {"last_outcome": outcome, "state": "waiting", "next_at": now}
    if outcome in REACHED:
        values |= {"state": "reached", "ended_at": now}
    elif outcome is Outcome.UNREAD:
        values |= {"state": "unreachable", "ended_at": now}
    elif outcome is Outcome.NOT_SENT:
        again = either((callbacks.c.last_outcome == outcome, now + SOON), else_=now + UNSENT_ONCE)
        values |= {"attempts": callbacks.c.attempts - 1, "next_at": again}
    # Not where it has moved on: ended, or a later attempt begun.
    own = (callbacks.c.id == found.callback_id, callbacks.c.last_at == found.at)
    open_ones = callbacks.c.state.in_(("calling", "waiting"))
    done = await connection.execute(
        update(callbacks).where(*own, open_ones).values(values).returning(callbacks)
    )
    if outcome in VERIFIED and (asked := done.first()) is not None:
        await _asked(connection, asked, outcome is Outcome.CONFIRMED, now)
    return True


async def _asked(connection: AsyncConnection, asked: Row[Any], yes: bool, now: datetime) -> None:
    """Who said yes may be written to from now on, and is at once (`CONFIRMED`)."""
    concerned = await callback_planning.verified(connection, asked, yes, now)
    if yes:
        found = await connection.execute(select(cases.c.id, cases.c.code).where(cases.c.id.in_(concerned)))
        told = [outbox_row(f"{CONFIRMED}:{asked.id}:{id}", CONFIRMED, now, {"case": c}) for id, c in found]
        await connection.execute(insert(outbox).on_conflict_do_nothing(), told)


async def in_progress(engine: AsyncEngine, now: datetime) -> int:
    """How many attempts take a line: ringing, or talking."""
    query = select(func.count()).select_from(callback_attempts).where(_takes_a_line_at(now))
    async with engine.connect() as connection:
        return (await connection.execute(query)).scalar_one()


async def open_attempts(engine: AsyncEngine, before: datetime, now: datetime) -> dict[uuid.UUID, bool]:
    """Attempts begun before then that take a line, for all that is known, by id.

    True where she answered and that call goes on in the books: its end, or that it is lost, comes by itself.
    """
    attempt = callback_attempts.c
    query = select(attempt.id, _talks()).where(_takes_a_line_at(now), attempt.at < before)
    async with engine.connect() as connection:
        found = await connection.execute(query.order_by(attempt.at).limit(500))
        return {row.id: row[1] for row in found}


async def lose(engine: AsyncEngine, attempts: Collection[uuid.UUID], now: datetime) -> None:
    """Nobody has said how these ended: each counts as made."""
    for attempt in attempts:
        async with engine.begin() as connection:
            await ended(connection, attempt, Outcome.UNKNOWN, now)


async def dialled(engine: AsyncEngine, dials: bool, now: datetime) -> None:
    """Whether this installation calls anybody: for all that tell people of it to know.

    Where it does not, what waits to be told is the desk's, and who keeps her place in the operators' queue is
    written to; once it does, whoever was not called is. Where one server calls, another that does not, as its
    configuration differs, says nothing.
    """
    answer = callbacks.c.purpose == ANSWER
    async with engine.begin() as connection:
        if dials:
            await limiting.count(connection, _DIALS, Limit(1, timedelta()), now)  # the last time alone
        elif await limiting.spent(connection, _DIALS, _DIALS_STILL, now):
            return
        known = update(provinces).where(provinces.c.calls_back != dials).values(calls_back=dials)
        changed = (await connection.execute(known.returning(provinces.c.code))).first() is not None
        if not dials:
            waits = update(callbacks).where(answer, is_left(now))
            await connection.execute(waits.values(state="unreachable", ended_at=now))
            await _end_turns(connection, now)
        elif changed:
            lately = or_(cases.c.closed_at.is_(None), cases.c.closed_at >= now - REOPEN)
            owed = select(cases.c.id).where(cases.c.status.in_(callback_planning.TOLD_OF), lately)
            its = callbacks.c
            never = (its.state == "unreachable", its.attempts == 0, its.number != "")
            anew = update(callbacks).where(*never).values(state="waiting", ended_at=None)
            anew = anew.where(~PUT_ASIDE)  # those are looked at as a server starts: `try_anew`
            later = func.greatest(its.next_at, now)  # what waits for the office, or for its day
            await connection.execute(anew.where(answer, its.case_id.in_(owed)).values(next_at=later))
            await _hold_for_the_office(connection, now)
            lives = or_(callback_planning.TELLS_OFF, its.case_id.in_(_WITH_NEWS))  # that outlives her case
            news = (its.purpose.in_((MEETING, ORDER)), lives)
            await connection.execute(anew.where(*news).values(next_at=later))


async def _hold_for_the_office(connection: AsyncConnection, now: datetime) -> None:
    """What bodies reported of orders while nobody was dialled, of which an older release noted no wait."""
    its, order = callbacks.c, meeting_orders.c
    due_now = (its.purpose == ANSWER, its.state == "waiting", its.next_at <= now)
    query = select(cases.c.id, cases.c.code).distinct().join(callbacks, its.case_id == cases.c.id)
    query = query.where(*due_now, cases.c.status == Status.ANSWERED, cases.c.id.in_(select(order.of_case)))
    wholes = (await connection.execute(query)).all()
    told = await order_calls.told_of_each_from(connection, [whole.id for whole in wholes], now, ZONE)
    for whole in wholes:
        if told[whole.id] > now:
            await order_calls.hold(connection, whole, told[whole.id], now)


# The open cases with news of a meeting or an order; what is not so any more ends when its time comes.
_WITH_NEWS = select(cases.c.id).where(
    cases.c.closed_at.is_(None),
    cases.c.id.in_(select(meeting_requests.c.case_id).union(select(meeting_orders.c.of_case))),
)


def is_left(now: datetime) -> ColumnElement[bool]:
    """What waits, or rang as the dialling ended, and nobody looks that up. Who talks to us hears it still.

    Found by what waits and by the attempts that are open, which have indexes: it is asked each minute.
    """
    attempt, its, waiting = callback_attempts.c, callbacks.c, callbacks.alias().c
    rings = select(attempt.callback_id).where(attempt.outcome.is_(None))
    open_ones = select(waiting.id).where(waiting.state == "waiting").union(rings)
    talks = (attempt.callback_id == its.id, attempt.at > now - LONGEST_TALK, _talks())
    is_open = its.id.in_(open_ones) & its.state.in_(callback_planning.OPEN)
    return is_open & ~select(attempt.id).where(*talks).exists()


async def _end_turns(connection: AsyncConnection, now: datetime) -> None:
    its = callbacks.c
    ends = update(callbacks).where(its.purpose == TURN, is_left(now), its.case_id == cases.c.id)
    ends = ends.values(state="unreachable", ended_at=now).returning(its.id, cases.c.code)
    if missed := {row.id: row.code for row in await connection.execute(ends)}:
        await _tell_missed(connection, missed, now)


async def settled(connection: AsyncConnection, case: Row[Any], now: datetime) -> None:
    """She has said what she thinks of the answer, on whatever call: nobody rings her about it any more.

    Who asked for it on another number is called there, as promised.
    """
    its, hers = callbacks.c, phone.of_case(case.caller_key, case.callback)
    about_it = or_(its.purpose == ANSWER, (its.purpose == STATUS) & its.number.in_(hers))
    open_ones = (its.case_id == case.id, about_it, its.state.in_(("waiting", "calling", "unreachable")))
    await connection.execute(update(callbacks).where(*open_ones).values(state="reached", ended_at=now))
