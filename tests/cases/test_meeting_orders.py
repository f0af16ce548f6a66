"""How an order stands is told by the case that carries it."""

from __future__ import annotations

import pytest

from ivr.cases.meeting_orders import OrderState, is_unkept, order_state
from ivr.cases.statuses import OPEN, Status


@pytest.mark.parametrize("status", Status)
def test_every_status_is_a_state_and_only_what_is_owed_or_contradicted_is_unkept(status: Status) -> None:
    state = order_state(status)
    owed = status in OPEN - {Status.ANSWERED}
    assert is_unkept(state, late=True) == owed
    assert is_unkept(state, late=False) == (state is OrderState.CONTRADICTED)


def test_every_state_comes_of_some_status() -> None:
    assert {order_state(status) for status in Status} == set(OrderState)
