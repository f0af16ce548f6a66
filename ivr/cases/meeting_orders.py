"""How an order stands that an official gave: told by the case that carries it. Pure."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

from ivr.cases.callback import Outcome
from ivr.cases.statuses import OPEN, Status


class OrderState(StrEnum):
    """The values are stable names: JSON and the panel's words."""

    GIVEN = "given"
    ACCEPTED = "accepted"  # the body has taken it up
    OBJECTED = "objected"  # not lawful, or not its own, because …; the official rules
    REPORTED = "reported"  # the body says that it is done; the citizen has not confirmed it
    KEPT = "kept"
    CONTRADICTED = "contradicted"  # the citizen says that it is not done
    REVOKED = "revoked"


_OF = {
    Status.OPENED: OrderState.GIVEN,
    Status.REFERRED: OrderState.GIVEN,
    Status.IN_PROGRESS: OrderState.ACCEPTED,
    Status.RETURNED: OrderState.OBJECTED,
    Status.ANSWERED: OrderState.REPORTED,
    Status.CLOSED: OrderState.KEPT,
    Status.ADVISED: OrderState.KEPT,
    Status.REOPENED: OrderState.CONTRADICTED,
    Status.WITHDRAWN: OrderState.REVOKED,
    Status.MERGED: OrderState.REVOKED,
}
SOLVED = "solved"  # the closure of a case of which she said so
_OWED = frozenset({OrderState.GIVEN, OrderState.ACCEPTED, OrderState.OBJECTED})


def order_state(status: Status, denied: bool = False) -> OrderState:
    """`denied`: she said on the day that it is not done, and the body has reported nothing since."""
    state = _OF[status]
    return OrderState.CONTRADICTED if denied and state in _OWED | {OrderState.REPORTED} else state


def state_of(row: Any) -> OrderState:
    """Of an order with the case that carries it: `status`, `closure`, `answered_at`, `said`, `said_at`.

    That it is kept is her word, not that of whoever closed her case without her. What was answered on the
    spot has no closure of hers: what she says of the whole (`whole_closure`) counts.
    """
    said = row.said if row.said and (row.answered_at is None or row.answered_at < row.said_at) else ""
    denied = said in (Outcome.ORDER_NOT_DONE, Outcome.ORDER_PARTLY)
    state = order_state(Status(row.status), denied=denied)
    closure = row.whole_closure if row.status == Status.ADVISED else row.closure
    unsaid = closure != SOLVED and said != Outcome.ORDER_DONE
    return OrderState.REPORTED if state is OrderState.KEPT and unsaid else state


def is_late(row: Any, today: date) -> bool:
    """Whether the body still owes it beyond `due_on`."""
    late: bool = row.due_on < today and Status(row.status) in OPEN - {Status.ANSWERED}
    return late


def is_unkept(state: OrderState, late: bool) -> bool:
    """Whether it heads the next session's agenda: contradicted, or owed beyond its day."""
    return state is OrderState.CONTRADICTED or (late and state in _OWED)
