"""What a journalled fact means in rows: the same fact and page give the same rows, ids and all.

But for a case's salt, and what hangs on it: of a case that is there already neither is written again.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ivr.cases import phone
from ivr.cases.channels import PART
from ivr.cases.clock import Clock
from ivr.cases.escalation import next_at
from ivr.cases.kinds import Kind
from ivr.cases.routing import Reason, RoutingDecision
from ivr.cases.statuses import Status
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning
from ivr.desk.case.event_log import MACHINE, chained_rows, event_row
from ivr.store.direct import JsonText
from ivr.store.facts import (
    CallBackWishedFact,
    CallEndedFact,
    CaseOpenedFact,
    Fact,
    FactCall,
    FactRecording,
    way,
)
from ivr.voice.events import Recorded
from ivr.voice.step_figures import passed

Row = dict[str, Any]
CHANNEL = "phone"
TOPIC = "topic"  # made it confidential
MOVED = "confidential"  # the reason of a referral that takes it away from an agency
_KINDS = frozenset(Kind)
_OF_STEP = ("step", "key", "note", "missed")
VOICED_SECONDS = 0.3  # less voice than this is marked silent
SALT_BYTES = 16


@dataclass(slots=True)
class Rows:
    """The rows of one or many facts, by table."""

    started: dict[uuid.UUID, Row] = field(default_factory=dict)  # calls, by id
    ended: dict[uuid.UUID, Row] = field(default_factory=dict)
    cases: list[Row] = field(default_factory=list)
    recordings: list[Row] = field(default_factory=list)
    referrals: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)
    callbacks: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpening:
    """What a case is opened with, whichever way it came: `channel` names it, `by` who registered it.

    `call`: none, where nobody called; `words`: hers in writing. `recovered`: nobody was left to tell of it,
    its file was found. `over_limit`: she opens too many to be sent on unread.
    """

    id: uuid.UUID
    at: datetime
    kind: str
    topic: str
    county: str
    language: str
    callback: str
    national_id: str
    caller: str
    caller_name: str
    recordings: Sequence[FactRecording]
    town: str = ""  # of the county, where it is known
    call: uuid.UUID | None = None
    channel: str = CHANNEL
    by: str = MACHINE
    words: str = ""
    place: Row | None = None
    recovered: bool = False
    over_limit: bool = False

    @classmethod
    def of(cls, fact: CaseOpenedFact, *, recovered: bool = False, over_limit: bool = False) -> CaseOpening:
        """By telephone."""
        return cls(
            id=fact.id,
            at=fact.at,
            kind=fact.kind,
            topic=fact.topic,
            county=fact.county,
            language=fact.language,
            callback=fact.callback,
            national_id=fact.national_id,
            caller=fact.call.caller,
            caller_name=fact.call.caller_name,
            recordings=fact.recordings,
            call=fact.call.id,
            recovered=recovered,
            over_limit=over_limit,
        )


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the book says to an opening. `given`: what the call said where the book knows no such thing."""

    kind: Kind
    topic: str
    county: str
    route: RoutingDecision
    due_at: datetime
    next_rung_at: datetime | None
    given: dict[str, str]


def wishes_to_meet(page: Page, topic: str) -> bool:
    """Whether it is the matter that governs requests to meet, and is of nothing else."""
    return topic == page.rules.kinds.get(Kind.MEETING) and topic != page.other_topic


def rule(opening: CaseOpening, page: Page) -> Ruling:
    """Never fails for an unknown kind, topic or county: a menu may be older or newer than the book."""
    kind = Kind(opening.kind) if opening.kind in _KINDS else Kind.REQUEST
    topic = opening.topic if opening.topic in page.deadlines else page.other_topic
    county = opening.county if opening.county in page.counties else ""
    if kind is Kind.REQUEST and wishes_to_meet(page, topic):  # a complaint may be about how one was received
        kind = Kind.MEETING
    term = page.term(Clock(opening.at), kind, topic, county)
    route = page.rules.route(kind, topic, county, opening.town if county else "")
    if topic in page.confidential and kind is not Kind.MEETING and route.agency != page.rules.desk:
        route = RoutingDecision(page.rules.desk, Reason.CONFIDENTIAL)
    if opening.over_limit:
        route = RoutingDecision(page.rules.desk, Reason.OVER_LIMIT)
    said = {"kind": opening.kind, "topic": opening.topic, "county": opening.county}
    known = {"kind": kind, "topic": topic, "county": county}
    return Ruling(
        kind,
        topic,
        county,
        route,
        term.due_at,
        next_at(page.ladder(kind, topic, route.agency), term, 0),
        {name: value for name, value in said.items() if value and value != known[name]},
    )


def add_case(rows: Rows, opening: CaseOpening, code: str, page: Page) -> None:
    """Everything that comes of an opening: case, recordings, referral, two events, outbox."""
    case, at = opening.id, opening.at
    ruling = rule(opening, page)
    row = _case_row(opening, code, ruling, page)
    rows.cases.append(row)
    rows.recordings += [
        recording_row(recorded, case, opening.call, at + timedelta(microseconds=i))
        for i, recorded in enumerate(opening.recordings)
    ]
    rows.referrals.append(_referral_row(case, at, ruling))
    rows.events += chained_rows(_events(ruling, opening), row)
    rows.outbox.append(outbox_row(f"case_opened:{case}", "case_opened", at, {"case": code}))
    if callback_planning.is_given(row, callback_planning.number_of(row)):
        rows.callbacks.append(callback_planning.verifying(row, at))


@dataclass(frozen=True, slots=True)
class Kin:
    """A case that comes of another one: a part, or the collective case of many. Nobody called about it.

    `channel` says which of the two it is. `climbs_on`: rungs that the other has climbed count as climbed.
    """

    of: Any
    channel: str
    agency: str
    by: str
    topic: str
    words: str
    clock: Clock
    climbs_on: bool = False


def add_kin(rows: Rows, kin: Kin, code: str, page: Page, now: datetime) -> None:
    """Case, referral, two events, outbox."""
    of, case, part = kin.of, uuid.uuid4(), kin.channel == PART
    term = page.term(kin.clock, of.kind, kin.topic, of.county or "")
    ladder = page.ladder(of.kind, kin.topic, kin.agency)
    rung = min(of.rung, len(ladder.rungs)) if kin.climbs_on else 0
    row: Row = {"id": case, "code": code, "channel": kin.channel, "topic": kin.topic, "agency": kin.agency}
    row |= {name: getattr(of, name) for name in ("kind", "county", "language")}
    row |= dict.fromkeys(("caller", "caller_key", "caller_name", "callback", "national_id"), "")
    row |= {"words": kin.words.strip(), "status": Status.REFERRED, "due_at": term.due_at, "last_seq": 2}
    row |= {
        name: getattr(kin.clock, name)
        for name in ("opened_at", "stopped_days", "paused_days", "ordered_days")
    }
    row |= {"next_rung_at": next_at(ladder, term, rung), "timed_by": page.revision, "rung": rung}
    row |= {"part_of": of.id if part else None, "confidential": None, "salt": _salt()}
    if part and of.confidential:  # whom the whole is kept from does not see its parts either
        row |= {"told": row["words"]}
        row |= {name: getattr(of, name) for name in ("confidential", "accused", "kept_from")}
    row["level"] = of.level if kin.climbs_on and of.level else page.ladders.levels[0]
    referral = {"id": uuid.uuid5(case, "referral"), "case_id": case, "agency": kin.agency, "advice": ""}
    referral |= {"reason": kin.channel, "referred_at": now, "due_at": term.due_at}
    opened = {"kind": of.kind, "topic": kin.topic, "county": of.county or "", "recordings": 0, "files": {}}
    opened |= {"part_of": of.code, "rung": rung, "level": row["level"]} if part else {}
    referred = {"agency": kin.agency, "reason": kin.channel, "due_at": term.due_at.isoformat()}
    told = [event_row(case, case, 1, now, "opened", opened, kin.by)]
    told.append(event_row(case, case, 2, now, "referred", referred))
    rows.cases.append(row)
    rows.referrals.append(referral)
    rows.events += chained_rows(told, row)
    rows.outbox.append(outbox_row(f"case_opened:{case}", "case_opened", now, {"case": code}))


def call_row(fact: Fact, page: Page) -> Row:
    """The call of any fact; only `CallEndedFact` knows its end and its steps."""
    call, end = fact.call, fact if isinstance(fact, CallEndedFact) else None
    steps = end.steps if end else ()
    return {
        "id": call.id,
        "unique_id": _unique_id(call),
        "caller": call.caller,
        "caller_key": phone.key(call.caller, page.area_code),
        "caller_name": call.caller_name,
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "ended_at": end and end.ended_at,
        "outcome": end and end.outcome,
        "language": call.language,
        "menu_name": call.menu_name,
        "menu_revision": call.menu_revision,
        "steps": JsonText(way(steps)),
        "passed": passed([{name: getattr(step, name) for name in _OF_STEP} for step in steps]),
    }


def _unique_id(call: FactCall) -> str:
    """A fact of an older release names what the dialplan alone recorded by its file: her number, her code."""
    return f"fallback:{call.id.hex}" if call.unique_id.startswith("fallback:") else call.unique_id


def recording_row(
    recorded: FactRecording | Recorded, case: uuid.UUID | None, call: uuid.UUID | None, at: datetime
) -> Row:
    """A recording that begins to belong to a case, or to a call alone."""
    return {
        "name": recorded.name,
        "case_id": case,
        "call_id": call,
        "recorded_at": at,
        "seconds": recorded.seconds,
        "voiced_seconds": recorded.voiced_seconds,
        "silent": recorded.voiced_seconds < VOICED_SECONDS,
        "size": recorded.size,
        "sha256": recorded.sha256,
        "ended": recorded.ended,
        "superseded": False,
    }


SAID_AGAIN = "case_repeated"  # her words are in the case, whoever has it by then; dated as she said them


def outbox_row(key: str, kind: str, at: datetime, payload: Row) -> Row:
    """The same key makes the same message, so that it can't be sent twice."""
    return {
        "id": uuid.uuid5(uuid.NAMESPACE_OID, key),
        "key": key,
        "kind": kind,
        "payload": payload,
        "created_at": at,
        "next_at": at,
    }


def wish_row(fact: CallBackWishedFact, page: Page) -> Row:
    """The wish to be called about a code that could not be looked up: one for each call and code.

    `number` in E.164, as it may be dialled; `code` has a right check digit and may yet be nobody's.
    """
    call, number = str(fact.call.id), phone.normalise(fact.call.caller, page.area_code)
    payload = {"number": number, "code": fact.code, "language": fact.language, "call": call}
    key = f"call_back_wished:{call}:{fact.code}"
    if fact.queue:
        payload |= {"queue": fact.queue, "since": (fact.since or fact.at).isoformat()}
        payload |= {"hours": fact.hours} if fact.hours else {}
        key += ":turn"
    return outbox_row(key, "call_back_wished", fact.at, payload)


def _case_row(opening: CaseOpening, code: str, ruling: Ruling, page: Page) -> Row:
    return {
        "id": opening.id,
        "code": code,
        "kind": ruling.kind,
        "topic": ruling.topic,
        "county": ruling.county or None,
        "agency": ruling.route.agency,
        "status": Status.REFERRED if ruling.route.reason is Reason.RULE else Status.OPENED,
        "channel": opening.channel,
        "language": opening.language,
        "caller": opening.caller,
        "caller_key": phone.key(opening.caller, page.area_code),
        "caller_name": opening.caller_name,
        "callback": phone.normalise(opening.callback, page.area_code) or opening.callback,
        "national_id": opening.national_id,
        "call_id": opening.call,
        "opened_at": opening.at,
        "due_at": ruling.due_at,
        "last_seq": 2,
        "level": page.ladders.levels[0],
        "next_rung_at": ruling.next_rung_at,
        "timed_by": page.revision,
        "words": opening.words,
        "place": opening.place,
        "confidential": TOPIC if ruling.topic in page.confidential else None,
        "entered": True,
        "salt": _salt(),
    }


def _salt() -> str:
    return secrets.token_hex(SALT_BYTES)


def _referral_row(case: uuid.UUID, at: datetime, ruling: Ruling) -> Row:
    """A case at the desk has one too: there is a responsible body and a clock at all times."""
    return {
        "id": uuid.uuid5(case, "referral"),
        "case_id": case,
        "agency": ruling.route.agency,
        "reason": ruling.route.reason,
        "advice": ruling.route.advice,
        "referred_at": at,
        "due_at": ruling.due_at,
    }


def _events(ruling: Ruling, opening: CaseOpening) -> list[Row]:
    case, at, route = opening.id, opening.at, ruling.route
    opened: Row = {"kind": ruling.kind, "topic": ruling.topic, "county": ruling.county}
    opened["recordings"] = len(opening.recordings)
    opened["files"] = {recorded.name: recorded.sha256 for recorded in opening.recordings}
    if opening.recovered:
        opened["recovered"] = True
    if ruling.given:
        opened["given"] = ruling.given
    referred = {"agency": route.agency, "reason": route.reason, "due_at": ruling.due_at.isoformat()}
    if route.advice:
        referred["advice"] = route.advice
    return [
        event_row(case, case, 1, at, "opened", opened, opening.by),
        event_row(case, case, 2, at, "referred", referred),
    ]
