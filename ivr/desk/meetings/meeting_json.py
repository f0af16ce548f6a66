"""Requests, sessions and agendas as stable JSON: times ISO 8601 with zone, days ISO 8601."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from ivr.cases.hearing_order import Urgency
from ivr.cases.presence import presence
from ivr.desk.meetings.agenda import Seat
from ivr.desk.meetings.inviting import Attendance
from ivr.desk.meetings.order_giving import OrderSeen
from ivr.desk.meetings.request_list import MeetingRequest

Json = dict[str, Any]


def request_json(wish: MeetingRequest) -> Json:
    """Without the caller's number: `ivr case show CODE --reveal` gives it, with a reason.

    `words` of a confidential one are what the desk wrote of it.
    """
    case = wish.case
    told: Json = {"code": wish.code, "state": str(wish.state), "late": wish.late}
    told |= {"asked_at": case.opened_at.isoformat(), "due_at": case.due_at.isoformat()}
    told |= {name: getattr(case, name) for name in ("topic", "county", "agency", "status")}
    told |= {
        "words": (case.told or "") if case.confidential else case.words,
        "urgency": Urgency(case.urgency or 0).name.lower(),
        "about": case.about,
        "bodies": [*wish.bodies],
    }
    told |= {
        "tried_below": case.below,
        "tier": case.tier,
        "next_on": wish.next_on and wish.next_on.isoformat(),
    }
    told |= {"reason": case.decided_because or "", "decided_by": case.decided_by or ""}
    told |= {"decided_at": case.decided_at and case.decided_at.isoformat(), "by_phone": str(wish.by_phone)}
    told |= {"points": sum(r.points for r in wish.reasons)}
    return told | {
        "because": [{"why": str(r.why), "count": r.count, "points": r.points} for r in wish.reasons]
    }


def session_json(row: Row[Any]) -> Json:
    told: Json = {"number": row.number, "official": row.official, "agency": row.agency, "state": row.state}
    told |= {"starts_at": row.starts_at.isoformat(), "ends_at": row.ends_at.isoformat()}
    told |= {name: getattr(row, name) for name in ("way", "place", "link", "reason", "made_by")}
    return told | {"slots": row.slots, "booked": row.booked}


def order_json(order: OrderSeen) -> Json:
    """`code`: of the part that carries it; `of`: her case."""
    part = order.part
    told: Json = {"code": part.code, "of": part.whole, "agency": part.ordered_of, "words": part.words}
    told |= {"state": str(order.state), "late": order.late, "due_on": part.due_on.isoformat()}
    told |= {"first_due_on": part.first_due_on.isoformat(), "level": part.level, "said": part.said}
    return told | {"given_by": part.given_by, "given_at": part.given_at.isoformat()}


def seat_json(seat: Seat) -> Json:
    slot = seat.slot
    told: Json = {"slot": slot.slot, "starts_at": slot.starts_at.isoformat(), "outcome": slot.outcome}
    told |= {"by_hand": slot.by_hand, "ahead_of": slot.ahead_of, "placed_by": slot.placed_by}
    return told | {"request": request_json(seat.wish) if seat.wish else None}


def attendance_json(each: Attendance) -> Json:
    its = each.invitation
    told: Json = {"agency": its.agency, "state": its.state, "who": its.who, "reason": its.reason}
    told |= {"invited_at": its.invited_at.isoformat(), "answered_by": its.answered_by}
    return told | {"owed": each.owed, "given": each.given, "came": its.came, "came_by": its.came_by}


def view_json(row: Row[Any]) -> Json:
    """`words` "": owed, and not given."""
    told: Json = {"code": row.code, "agency": row.agency, "session": row.session, "words": row.words}
    told |= {"due_at": row.due_at.isoformat(), "given_by": row.given_by}
    return told | {"given_at": row.given_at and row.given_at.isoformat()}


def visitor_json(seat: Seat) -> Json:
    """Of a slot that somebody has."""
    assert seat.wish is not None
    told: Json = {"slot": seat.slot.slot, "code": seat.wish.code, "presence": str(presence(seat.slot))}
    times = ("starts_at", "arrived_at", "began_at", "ended_at")
    moments = {name: getattr(seat.slot, name) for name in times}
    told |= {name: at and at.isoformat(timespec="seconds") for name, at in moments.items()}
    return told | {"bodies": [*seat.wish.bodies], "private": bool(seat.wish.case.about)}
