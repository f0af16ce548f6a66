"""How an order stands that an official gave: told by the case that carries it. Pure."""

from __future__ import annotations

from enum import StrEnum

from ivr.cases.statuses import Status


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
_OWED = frozenset({OrderState.GIVEN, OrderState.ACCEPTED, OrderState.OBJECTED})


def order_state(status: Status, denied: bool = False) -> OrderState:
    """`denied`: she said on the day that it is not done, and the body has reported nothing since."""
    state = _OF[status]
    return OrderState.CONTRADICTED if denied and state in _OWED | {OrderState.REPORTED} else state


def is_unkept(state: OrderState, late: bool) -> bool:
    """Whether it heads the next session's agenda: contradicted, or owed beyond its day."""
    return state is OrderState.CONTRADICTED or (late and state in _OWED)
