"""The outbox on its way out: rows are leased, sent outside of any transaction, and marked.

Two kinds of rows. An event (`case_…`), written by whoever changed the case, becomes letters: rows of kind
sms, email or webhook, one for each receiver, with keys made from the event's, in the transaction that marks
it. A letter is delivered at least once; its id goes with it, so that the receiver can know a second one.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from persiantools import digits
from persiantools.jdatetime import JalaliDate
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Row,
    Select,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases import phone
from ivr.cases.channels import PHONE, without_secrets
from ivr.cases.deadlines import Calendar
from ivr.cases.kinds import Kind
from ivr.cases.meetings import MeetingWay
from ivr.cases.zone import ZONE
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning, meeting_calls, turn_calls
from ivr.desk.case.event_log import MACHINE
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.rows import SAID_AGAIN, outbox_row
from ivr.desk.letters import held_events, order_news, still_so
from ivr.desk.letters.notices import AddressedNotice, Notices, in_force, letters
from ivr.desk.people import account_news
from ivr.desk.people.auditing import note
from ivr.desk.refusals import WrongField
from ivr.store.direct import ALL, Prepared, asking, from_arrays
from ivr.store.tables import agencies, areas, cases, meeting_sessions, outbox, topics

log = logging.getLogger(__name__)

LETTERS = ("sms", "email", "webhook")
INSIDE = "inside"  # what waits for nobody outside: events, and wishes to be called
READING = "fa"  # whose digits letters have: Latin Azerbaijani is only spoken
WISH = "call_back_wished"
NO_LONGER_SO = "no longer so"
GIVEN_UP = "given up: "  # before the reason
LEASE = timedelta(minutes=5)  # longer than any delivery takes; a dead worker's rows come back after it
RETRIES = (30.0, 120.0, 600.0, 3600.0, 21_600.0, 86_400.0)  # seconds
OF_US_FOR = timedelta(days=14)  # so long the last of them is waited again and again where we are refused
TRIED_LONG = 4  # attempts; the next one is an hour later
_LONGEST = 300
# Arrays, so that it is one statement for any number of rows, made and planned once.
_LEASED = from_arrays([outbox.c.id, outbox.c.attempts])


@dataclass(frozen=True, slots=True)
class Leased:
    """A row that this worker may deal with until the lease is over. `attempts` counts this one.

    `again`: it was tried before, also where somebody had it begin anew since. `held_for`: whom the file did
    not let be written to when it was spread before; none: it was not.
    """

    id: uuid.UUID
    key: str
    kind: str
    payload: Mapping[str, Any]
    created_at: datetime
    attempts: int
    again: bool
    held_for: frozenset[str]

    @property
    def held(self) -> bool:
        """Whether it was spread before, and waits for what the file did not let be written."""
        return bool(self.held_for)

    @property
    def is_letter(self) -> bool:
        return self.kind in LETTERS

    @property
    def is_event(self) -> bool:
        """Whether letters are made of it."""
        return not self.is_letter and self.kind != WISH

    def is_late(self, now: datetime) -> bool:
        """Whether it waited since it was written: for another attempt, or in a long line for its first."""
        return self.again or now - self.created_at > LEASE


def _waits() -> tuple[ColumnElement[bool], ...]:
    now = bindparam("now", type_=outbox.c.next_at.type)
    return outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None), outbox.c.next_at <= now


def lanes_with_any_due() -> Select[Any]:
    """Those of which something is to be sent `now`."""
    lane = case(*((outbox.c.kind == kind, kind) for kind in LETTERS), else_=INSIDE).label("lane")
    return select(lane).where(*_waits()).distinct()


_DUE_LANES = Prepared(lanes_with_any_due())


async def due_lanes(engine: AsyncEngine, now: datetime) -> set[str]:
    """Those of which something is due: one cheap question for all."""
    async with asking(engine) as raw:
        return {row["lane"] for row in await _DUE_LANES.all(raw, now=now)}


def due(lane: str | None = None) -> Select[Any]:
    """What is to be sent `now` and no other worker has, the longest waiting first, at `most` so many."""
    query = select(outbox.c.id).where(*_waits())
    if lane is not None:
        is_letter = or_(*(outbox.c.kind == kind for kind in LETTERS))
        query = query.where(~is_letter if lane == INSIDE else outbox.c.kind == lane)
    query = query.order_by(outbox.c.next_at).limit(bindparam("most", type_=Integer))
    return query.with_for_update(skip_locked=True)


@cache
def _taking(lane: str | None) -> Prepared:
    """Their ids are an array, so that PostgreSQL looks each up, however many rows there are."""
    ids = func.array(due(lane).scalar_subquery(), type_=ARRAY(outbox.c.id.type))
    until = bindparam("until", type_=outbox.c.next_at.type)
    taken = update(outbox).where(outbox.c.id == any_(ids))
    return Prepared(taken.values(attempts=outbox.c.attempts + 1, next_at=until).returning(outbox))


async def lease(engine: AsyncEngine, now: datetime, limit: int = 50, lane: str | None = None) -> list[Leased]:
    """Take some rows; nobody else gets them before the lease is over.

    `lane`: only letters of that kind, or with INSIDE only what becomes of events and wishes.
    """
    async with asking(engine) as raw:
        rows = await _taking(lane).all(raw, now=now, most=limit, until=now + LEASE)
    return sorted(map(_leased, rows), key=lambda each: (each.created_at, each.key))


def _leased(row: Mapping[str, Any]) -> Leased:
    its = {name: row[name] for name in ("id", "key", "kind", "payload", "created_at", "attempts")}
    again = row["attempts"] > 1 or row["last_error"] is not None
    return Leased(**its, again=again, held_for=held_events.held_for(row["last_error"]))


async def spread(
    engine: AsyncEngine,
    notices: Notices,
    events: Sequence[Leased],
    calendar: Calendar,
    now: datetime,
    ways: Container[str] = LETTERS,
) -> int:
    """Events become their letters, by the ways that are open, in one transaction. How many.

    One of which the file lets some not be written or addressed is held for those (`held_events`).

    `notices`: the file's; what people changed of them is read here, so that it counts from the next event on.
    """
    async with engine.begin() as connection:
        notices = await in_force(connection, notices)
        true = [
            await _with_link(connection, event)
            for event in events
            if await meeting_calls.still_hers(connection, event.payload, now)
        ]
        tells = {kind for kind in {event.kind for event in true} if notices.may_tell(kind, ways)}
        known = await _cases_of(connection, [event for event in true if event.kind in tells])
        of_bodies = [
            event.id
            for event in true
            if event.kind in tells - {SAID_AGAIN}
            and (event.held or event.is_late(now))
            and "slot" not in event.payload  # which is hers yet, as was asked: news to whoever has it
            and not told(event.payload, "body")
        ]
        gone = await held_events.gone_elsewhere(connection, of_bodies)
        may = await callback_planning.texted_at(connection, [row._mapping for row in known.values()], now)
        hers = dict(zip(known, may, strict=True))
        written = [
            (event, n)
            for event in true
            for n in (
                _to_an_owner(notices, event)
                if event.kind.startswith(account_news.LETTER)
                else _letters(known, _in_time(hers, known, event, now), notices, event, calendar)
            )
            if n.by in ways
            and (not event.held or n.whom in event.held_for)
            and (n.hers or n.bodiless or event.id not in gone)
        ]
        lacking = defaultdict[uuid.UUID, list[AddressedNotice]](list)
        for event, n in written:
            if n.fault:
                lacking[event.id].append(n)
        waits = {id: held_events.why(its) for id, its in lacking.items()}
        rows = [
            outbox_row(
                f"{event.key}:{n.by}:{n.to}", n.by, now, _payload(n, event, known.get(_code_of(event)))
            )
            for event, n in written
            if not n.fault
        ]
        if "webhook" in ways:
            # A held one's are written; to a body's own letter nothing happened.
            news = [event for event in true if not event.held and not told(event.payload, "body")]
            rows += await _news_of_orders(connection, news, calendar.day(now), now)
        if rows:
            await connection.execute(insert(outbox).on_conflict_do_nothing(index_elements=["key"]), rows)
        whole = [event for event in events if event.id not in waits]
        await _mark(connection, whole, delivered_at=now, last_error=None)
        for reason in dict.fromkeys(waits.values()):
            held = [event for event in events if waits.get(event.id) == reason]
            await _hold(connection, held, reason, now)
    return len(rows)


async def _with_link(connection: AsyncConnection, event: Leased) -> Leased:
    """With the number or address of her meeting, which an older release left out of what it planned."""
    its = event.payload
    if "link" in its or its.get("way") not in (MeetingWay.PHONE, MeetingWay.VIDEO):
        return event
    query = select(meeting_sessions.c.link).where(meeting_sessions.c.number == its["session"])
    link = (await connection.execute(query)).scalar_one()
    return replace(event, payload={**its, "link": link})


def _in_time(
    hers: Mapping[str, str], known: Mapping[str, Row[Any]], event: Leased, now: datetime
) -> Mapping[str, str]:
    """Without hers where what waited is not so any more: an answer, and her case was opened again since."""
    case = known.get(_code_of(event))
    if case is None or event.kind not in still_so.UNDONE_BY_REOPENING or not event.is_late(now):
        return hers
    return hers if still_so.stands(case, event.kind, event.created_at) else {**hers, case.code: ""}


async def _hold(connection: AsyncConnection, events: Sequence[Leased], reason: str, now: datetime) -> None:
    for event in events:
        if not event.held:  # told once
            log.error("not all that tells of %s can be written: %s", event.key, reason)
    await _mark(connection, events, **held_events.as_held(reason[:_LONGEST], now))


async def _news_of_orders(
    connection: AsyncConnection, events: Sequence[Leased], today: date, now: datetime
) -> list[dict[str, Any]]:
    ended = [_code_of(event) for event in events if event.kind in order_news.ENDS]
    news = await order_news.of(connection, [_code_of(event) for event in events], ended, today)
    return [
        outbox_row(f"{e.key}:order:{n['case']}:{n['to']}", "webhook", now, {**n})
        for e in events
        for n in news.get(_code_of(e), ())
    ]


async def call_back(engine: AsyncEngine, page: Page, wish: Leased, now: datetime) -> bool:
    """A wish to be called becomes a call-back. False: it was about a code that is nobody's.

    Then it becomes a case at the desk, so that a person calls her: a promise is a promise.
    """
    told = wish.payload
    async with engine.begin() as connection:
        hers = (told["code"], told["number"], told["language"], wish.key)
        if told.get("queue"):
            place = told["queue"], datetime.fromisoformat(told["since"]), told.get("hours", "")
            found = await turn_calls.keep(connection, *hers, *place, now)
        else:
            found = await callback_planning.wish(connection, *hers, now)
        if not found:
            await _for_a_person(connection, page, wish, now)
        await _mark(connection, [wish], delivered_at=now, last_error=None if found else "no such case")
    return found


async def _for_a_person(connection: AsyncConnection, page: Page, wish: Leased, now: datetime) -> None:
    """Once: a journal that is applied again brings back what was delivered and pruned long ago."""
    case, told = uuid.uuid5(uuid.NAMESPACE_OID, wish.key), wish.payload
    if (await connection.execute(select(cases.c.id).where(cases.c.id == case))).first():
        return
    words = f"111 → 6: {told['code']}?"  # what she dialled; whoever reads it knows the menu
    spoken = page.conventions.languages  # hers may have been taken out since
    language = told["language"] if told["language"] in spoken else spoken[0]
    wanted = Wanted(Kind.REQUEST, page.other_topic, words=words, caller=told["number"], channel=PHONE)
    await register(connection, page, replace(wanted, language=language, by=MACHINE), now, case=case)


async def is_no_longer_so(engine: AsyncEngine, letter: Leased, now: datetime) -> bool:
    """Whether a letter that is late tells a citizen what is not so, or a body what it may not know any more.

    Then nobody sends it.
    """
    about = next(filter(None, (told(letter.payload, name) for name in still_so.KEPT)), "")
    if not about or not letter.is_late(now):
        return False
    async with engine.begin() as connection:
        if await still_so.still_so(connection, letter.payload, now):
            return False
        await _mark(connection, [letter], delivered_at=now, last_error=NO_LONGER_SO)
    log.warning("the %s %s (%s) is not sent: what it tells is no longer so", letter.kind, letter.id, about)
    return True


async def delivered(engine: AsyncEngine, letter: Leased, now: datetime) -> None:
    async with engine.begin() as connection:
        await _mark(connection, [letter], delivered_at=now, last_error=None)


async def failed(
    engine: AsyncEngine, letter: Leased, why: str, for_good: bool, now: datetime, of_us: bool = False
) -> bool:
    """To be tried again later, or dead: `for_good`, or tried often enough. Whether it is dead.

    `of_us`: none of its fault, so that it waits for two weeks until that is mended.
    """
    often = letter.attempts > len(RETRIES) and not (of_us and now - letter.created_at < OF_US_FOR)
    dead, pause = for_good or often, RETRIES[min(letter.attempts, len(RETRIES)) - 1]
    when = {"dead_at": now} if dead else {"next_at": now + timedelta(seconds=pause)}
    async with engine.begin() as connection:
        await _mark(connection, [letter], last_error=why[:_LONGEST], **when)
    return dead


async def _mark(connection: AsyncConnection, rows: Sequence[Leased], **values: Any) -> None:
    """Not what somebody else has taken meanwhile, or sent."""
    ours = (outbox.c.id == _LEASED.c.id, outbox.c.attempts == _LEASED.c.attempts)
    marked = update(outbox).where(*ours, outbox.c.delivered_at.is_(None)).values(values)
    its = {f"{ALL}id": [row.id for row in rows], f"{ALL}attempts": [row.attempts for row in rows]}
    await connection.execute(marked, its)


def _letters(
    known: Mapping[str, Row[Any]],
    hers: Mapping[str, str],
    notices: Notices,
    event: Leased,
    calendar: Calendar,
) -> Sequence[AddressedNotice]:
    """`hers`: by code, where its citizen may be written to."""
    case = known.get(_code_of(event))
    if case is None:
        return []
    words, to = words_of(case, event.payload, calendar, READING), _to(case, event.payload)
    words["county"] = words["county"] or notices.no_county
    found = letters(notices, event.kind, to, words, hers[case.code])
    # What is answered stays with the body that it accuses, which is kept from it all the same.
    return [n for n in found if n.hers or n.bodiless or to["agency"] != case.accused]


def _to(case: Row[Any], payload: Mapping[str, Any]) -> Mapping[Any, Any]:
    """The case as of the body that this is written to: `body`, else whose the case is."""
    return {**case._mapping, "agency": payload["body"]} if payload.get("body") else case._mapping


def _to_an_owner(notices: Notices, event: Leased) -> Sequence[AddressedNotice]:
    """What somebody did to a user's account, to the address that it had until then."""
    deed = event.kind.removeprefix(account_news.LETTER)
    words = {"name": told(event.payload, "name"), "by": told(event.payload, "by") or "ivr"}
    return [
        AddressedNotice(
            "email",
            told(event.payload, "to"),
            n.text.format(**words),
            n.subject.format(**words),
            next(iter(n.faults.values()), ""),
        )
        for n in notices.accounts
        if n.on == deed
    ]


def _code_of(event: Leased) -> str:
    return str(event.payload.get("case", ""))


async def _cases_of(connection: AsyncConnection, events: Sequence[Leased]) -> dict[str, Row[Any]]:
    if not events:
        return {}
    codes = {_code_of(event) for event in events}
    found = await connection.execute(_CASE_AND_NAMES.where(cases.c.code.in_(codes)))
    return {row.code: row for row in found}


async def case_and_names(connection: AsyncConnection, code: str) -> Row[Any] | None:
    """A case with the names of its agency, topic and county."""
    return (await connection.execute(_CASE_AND_NAMES.where(cases.c.code == code))).first()


_CASE_AND_NAMES = (
    select(cases, agencies.c.name.label("agency_name"), topics.c.name.label("topic_name"))
    .add_columns(areas.c.name.label("county_name"))
    .join(agencies, agencies.c.code == cases.c.agency)
    .join(topics, topics.c.code == cases.c.topic)
    .join(areas, areas.c.code == cases.c.county, isouter=True)
)


def words_of(
    case: Row[Any], payload: Mapping[str, Any], calendar: Calendar, language: str = ""
) -> dict[str, str]:
    """What the placeholders of a notice stand for; in the case's language unless another is given."""
    own = payload.get("until")  # what is due is not always the case
    due_on = calendar.day(datetime.fromisoformat(own) if own else case.due_at)
    return {
        "code": case.code,
        "kind": case.kind,
        "topic": case.topic_name,
        "county": case.county_name or "",
        "agency": case.agency_name,
        "status": case.status,
        "due": jalali(due_on, language or case.language),
        "answer": case.answer,
        "reason": str(payload.get("reason", "")),
        "level": str(payload.get("level", "")),
        "when": _moment(payload, language or case.language),
        "way": str(payload.get("way", "")),
        "place": str(payload.get("place") or payload.get("link", "")),
    }


def _moment(payload: Mapping[str, Any], language: str) -> str:
    """Day and hour of her slot."""
    if "starts_at" not in payload:
        return ""
    at = datetime.fromisoformat(payload["starts_at"])  # in the province's zone
    hour = f"{at:%H:%M}"
    return f"{jalali(at.date(), language)} {digits.en_to_fa(hour) if language == 'fa' else hour}"


@lru_cache(maxsize=1_000)
def jalali(day: date, language: str) -> str:
    """1405/09/04, in Persian digits for Persian."""
    text = str(JalaliDate(day).strftime("%Y/%m/%d"))  # type: ignore[no-untyped-call]
    return str(digits.en_to_fa(text)) if language == "fa" else text


def _payload(letter: AddressedNotice, event: Leased, case: Row[Any] | None) -> dict[str, Any]:
    """A webhook gets the event itself; what personal data there is stays in the books."""
    payload: dict[str, Any] = {"to": letter.to, "case": event.payload.get("case", "")}
    if case is not None and not (letter.hers or letter.bodiless):
        payload |= still_so.kept_of_body(case, event.payload)
    if letter.by == "webhook":
        return {**payload, "event": event.kind, "at": event.created_at.isoformat(), "details": event.payload}
    payload |= still_so.kept(event.kind, event.payload, event.created_at) if letter.hers else {}
    return {**payload, "text": letter.text, "subject": letter.subject}


async def listed(engine: AsyncEngine, state: str, limit: int) -> list[dict[str, Any]]:
    """The newest rows: dead, waiting, sent, given_up, not_sent, or all."""
    query = select(outbox).order_by(outbox.c.created_at.desc(), outbox.c.id.desc()).limit(limit)
    given_up = outbox.c.last_error.startswith(GIVEN_UP)
    match state:
        case "dead":
            query = query.where(outbox.c.dead_at.is_not(None))
        case "waiting":
            query = query.where(outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None))
        case "sent":
            query = query.where(outbox.c.delivered_at.is_not(None), outbox.c.last_error.is_(None))
        case "given_up":
            query = query.where(given_up)
        case "not_sent":
            query = query.where(outbox.c.delivered_at.is_not(None), ~given_up)
    async with engine.connect() as connection:
        return [_json(row) for row in await connection.execute(query)]


async def dead(engine: AsyncEngine) -> int:
    """How many letters a person must look at."""
    query = select(func.count()).select_from(outbox).where(outbox.c.dead_at.is_not(None))
    async with engine.connect() as connection:
        return (await connection.execute(query)).scalar_one()


async def tried_long(engine: AsyncEngine) -> dict[str, int]:
    """Of each way, how many letters wait that nobody has taken for ten minutes and more."""
    waits = (outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None), outbox.c.kind.in_(LETTERS))
    query = select(outbox.c.kind, func.count().label("many"))
    async with engine.connect() as connection:
        late = query.where(*waits, outbox.c.attempts >= TRIED_LONG).group_by(outbox.c.kind)
        found = await connection.execute(late)
        return {row.kind: row.many for row in found}


async def retry(engine: AsyncEngine, now: datetime, only: Sequence[uuid.UUID] = ()) -> int:
    """Dead letters begin anew: all, or these. How many."""
    dead = [outbox.c.dead_at.is_not(None), *([outbox.c.id.in_(only)] if only else [])]
    anew = update(outbox).where(*dead).values(dead_at=None, attempts=0, next_at=now)
    async with engine.begin() as connection:
        return len((await connection.execute(anew.returning(outbox.c.id))).all())


async def give_up(
    engine: AsyncEngine, now: datetime, only: Sequence[uuid.UUID], reason: str
) -> set[uuid.UUID]:
    """These dead letters are done though they never left: nobody is to look at them any more. Which.

    Not what becomes of an event or a wish: of a call that was promised nobody would know. Raises WrongField
    without a reason.
    """
    if not (reason := reason.strip()):
        raise WrongField("reason", "must be given")
    dead = update(outbox).where(outbox.c.dead_at.is_not(None), outbox.c.id.in_(only))
    done = dead.where(outbox.c.kind.in_(LETTERS)).values(
        delivered_at=now, dead_at=None, last_error=f"{GIVEN_UP}{reason}"[:_LONGEST]
    )
    async with engine.begin() as connection:
        rows = (await connection.execute(done.returning(outbox))).all()
        codes = {told(row.payload, "case") for row in rows}
        known = await connection.execute(select(cases.c.code, cases.c.id).where(cases.c.code.in_(codes)))
        ids = {row.code: row.id for row in known}
        for row in rows:
            its = ids.get(told(row.payload, "case"))  # whoever may not read of it reads of no letter, either
            subject, detail = "" if its else f"letter/{row.id}", {"kind": row.kind, "letter": str(row.id)}
            await note(
                connection, now, "letter_given_up", case=its, subject=subject, reason=reason, detail=detail
            )
    return {row.id for row in rows}


def _json(row: Row[Any]) -> dict[str, Any]:
    state = "dead" if row.dead_at else _ended_as(row.last_error) if row.delivered_at else "waiting"
    ended = row.dead_at or row.delivered_at
    return {
        "id": str(row.id),
        "kind": row.kind,
        "case": told(row.payload, "case"),
        "to": masked(row.kind, told(row.payload, "to")),
        "state": state,
        "attempts": row.attempts,
        "created_at": row.created_at.astimezone(ZONE).isoformat(),
        "next_at": row.next_at.astimezone(ZONE).isoformat() if state == "waiting" else None,
        "ended_at": ended.astimezone(ZONE).isoformat() if ended else None,
        "last_error": row.last_error,
    }


def _ended_as(error: str | None) -> str:
    """What is done with an error never left: it was no longer so, or whoever may know of it is another."""
    if error is None:
        return "sent"
    return "given_up" if error.startswith(GIVEN_UP) else "not_sent"


def told(payload: Any, name: str) -> str:
    """What a row says there; "" for one whose payload is nothing that we write."""
    return str(payload.get(name, "")) if isinstance(payload, Mapping) else ""


def masked(kind: str, to: str) -> str:
    """For lists and logs: enough to tell two receivers apart."""
    if kind == "sms":
        return phone.mask(to)
    if kind == "email" or kind.startswith(account_news.LETTER):
        name, _, domain = to.partition("@")
        return f"{name[:1]}***@{domain}"
    return without_secrets(to)
