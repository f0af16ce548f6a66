"""How an order stands is told by the case that carries it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ivr.cases.callback import Outcome
from ivr.cases.meeting_orders import OrderState, is_unkept, order_state, state_of
from ivr.cases.statuses import OPEN, Status

REPORTED_AT = datetime(2026, 12, 8, 9, tzinfo=UTC)
BEFORE, SINCE = REPORTED_AT - timedelta(hours=1), REPORTED_AT + timedelta(hours=3)


@pytest.mark.parametrize("status", Status)
def test_every_status_is_a_state_and_only_what_is_owed_or_contradicted_is_unkept(status: Status) -> None:
    state = order_state(status)
    owed = status in OPEN - {Status.ANSWERED}
    assert is_unkept(state, late=True) == owed
    assert is_unkept(state, late=False) == (state is OrderState.CONTRADICTED)


def test_every_state_comes_of_some_status() -> None:
    assert {order_state(status) for status in Status} == set(OrderState)


@pytest.mark.parametrize(
    ("closure", "said", "said_at", "state"),
    [
        ("solved", "", None, OrderState.KEPT),
        ("unconfirmed", "", None, OrderState.REPORTED),
        ("by_desk", "", None, OrderState.REPORTED),
        ("unconfirmed", Outcome.ORDER_NOT_DONE, SINCE, OrderState.REPORTED),
        ("unconfirmed", Outcome.ORDER_DONE, BEFORE, OrderState.REPORTED),
        ("unconfirmed", Outcome.ORDER_DONE, SINCE, OrderState.KEPT),
    ],
)
def test_only_her_own_word_makes_an_order_kept(
    closure: str, said: str, said_at: datetime | None, state: OrderState
) -> None:
    its = {"closure": closure, "whole_closure": closure, "answered_at": REPORTED_AT}
    row = SimpleNamespace(status="closed", said=said, said_at=said_at, **its)
    assert state_of(row) is state
    advised = SimpleNamespace(**vars(row) | {"status": "advised", "closure": "advised"})
    assert state_of(advised) is state, "of what was answered on the spot she says it of the whole"
