"""What a journalled fact means in rows. Pure: the same fact and page give the same rows, ids and all."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ivr.cases import phone
from ivr.cases.kinds import Kind
from ivr.cases.routing import Reason, Route
from ivr.cases.statuses import Status
from ivr.desk.book import Page
from ivr.desk.events import event_row
from ivr.store.journal import Fact

Row = dict[str, Any]
CHANNEL = "phone"
VOICED_SECONDS = 0.3  # less voice than this is marked silent


@dataclass(slots=True)
class Rows:
    """The rows of one or many facts, by table."""

    calls: list[Row] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    recordings: list[Row] = field(default_factory=list)
    referrals: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)


def call_row(fact: Fact, page: Page) -> Row:
    """A `call_started`, `call_ended` or any other fact's call."""
    call = fact["call"]
    return {
        "id": uuid.UUID(call["id"]),
        "unique_id": call["unique_id"],
        "caller": call["caller"],
        "caller_key": phone.key(call["caller"], page.area_code),
        "caller_name": call["caller_name"],
        "started_at": datetime.fromisoformat(call["started_at"]),
        "answered_at": _moment(call["answered_at"]),
        "ended_at": _moment(fact.get("ended_at")),
        "outcome": fact.get("outcome"),
        "language": call["language"],
        "menu_name": call["menu_name"],
        "menu_revision": call["menu_revision"],
        "steps": fact.get("steps", []),
    }


def recording_row(recorded: Row, case: uuid.UUID | None, call: uuid.UUID | None, at: datetime) -> Row:
    return {
        "name": recorded["name"],
        "case_id": case,
        "call_id": call,
        "recorded_at": at,
        "seconds": recorded["seconds"],
        "voiced_seconds": recorded["voiced_seconds"],
        "silent": recorded["voiced_seconds"] < VOICED_SECONDS,
        "size": recorded["size"],
        "sha256": recorded["sha256"],
        "ended": recorded["ended"],
        "superseded": False,
    }


def add_case(rows: Rows, fact: Fact, code: str, page: Page) -> None:
    """Everything that comes of a `case_opened` fact: case, recordings, referral, two events, outbox."""
    case, at = uuid.UUID(fact["id"]), datetime.fromisoformat(fact["at"])
    call = uuid.UUID(fact["call"]["id"]) if fact["call"] else None
    topic, county = _known(fact, page)
    route = page.rules.route(fact["kind"], topic, county)
    days = page.deadlines[page.rules.governing_topic(fact["kind"], topic)]
    due_at = page.calendar.due_at(at, days, county)
    rows.cases.append(_case_row(fact, code, case, call, topic, county, route, due_at, page))
    rows.recordings += [
        recording_row(recorded, case, call, at + timedelta(microseconds=i))
        for i, recorded in enumerate(fact["recordings"])
    ]
    rows.referrals.append(
        {
            "id": uuid.uuid5(case, "referral"),
            "case_id": case,
            "agency": route.agency,
            "reason": route.reason,
            "advice": route.advice,
            "referred_at": at,
            "due_at": due_at,
        }
    )
    opened = {"kind": fact["kind"], "topic": topic, "county": county, "recordings": len(fact["recordings"])}
    if fact["topic"] and (topic, county) != (fact["topic"], fact["county"]):
        opened["given"] = {"topic": fact["topic"], "county": fact["county"]}
    referred = {"agency": route.agency, "reason": route.reason, "due_at": due_at.isoformat()}
    if route.advice:
        referred["advice"] = route.advice
    rows.events.append(event_row(case, case, 1, at, "opened", opened))
    rows.events.append(event_row(case, case, 2, at, "referred", referred))
    rows.outbox.append(outbox_row(f"case_opened:{case}", "case_opened", at, {"case": code}))


def outbox_row(key: str, kind: str, at: datetime, payload: Row) -> Row:
    return {
        "id": uuid.uuid5(uuid.NAMESPACE_OID, key),
        "key": key,
        "kind": kind,
        "payload": payload,
        "created_at": at,
        "next_at": at,
    }


def _case_row(
    fact: Fact,
    code: str,
    case: uuid.UUID,
    call: uuid.UUID | None,
    topic: str,
    county: str,
    route: Route,
    due_at: datetime,
    page: Page,
) -> Row:
    caller = fact["call"]["caller"]
    return {
        "id": case,
        "code": code,
        "kind": Kind(fact["kind"]),
        "topic": topic,
        "county": county or None,
        "agency": route.agency,
        "status": Status.REFERRED if route.reason is Reason.RULE else Status.OPENED,
        "channel": CHANNEL,
        "language": fact["language"],
        "caller": caller,
        "caller_key": phone.key(caller, page.area_code),
        "caller_name": fact["call"]["caller_name"],
        "callback": phone.normalise(fact["callback"], page.area_code) or fact["callback"],
        "national_id": fact["national_id"],
        "call_id": call,
        "opened_at": datetime.fromisoformat(fact["at"]),
        "due_at": due_at,
        "last_seq": 2,
    }


def _known(fact: Fact, page: Page) -> tuple[str, str]:
    """Topic and county as the book knows them now: a menu may be older or newer than the seeds."""
    topic = fact["topic"] if fact["topic"] in page.deadlines else page.other_topic
    county = fact["county"] if fact["county"] in page.counties else ""
    return topic, county


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
