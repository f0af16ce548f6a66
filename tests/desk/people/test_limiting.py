"""What is counted as one source and for how long: neither a household gets many tries nor the world one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.people import limiting
from ivr.desk.people.limiting import Limit, source_of
from ivr.store.clocks import FAR, NEAR

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
TWICE = Limit(2, timedelta(minutes=15))


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::", "2001:db8:0:1::/64"),
        ("unix:", "unix:"),
    ],
)
def test_a_source_is_an_address_and_of_ipv6_a_households_network(address: str, source: str) -> None:
    assert source_of(address) == source


async def test_what_was_tried_while_a_clock_was_ahead_is_over_once_it_is_right(engine: AsyncEngine) -> None:
    ahead, known = NOW + timedelta(days=300), "name/karimi"
    async with engine.begin() as connection:
        for _ in range(3):
            until = await limiting.count(connection, known, TWICE, ahead)
        assert until == ahead + TWICE.within
        assert await limiting.spent(connection, known, TWICE, NOW) is None
        assert await limiting.tried(connection, known, TWICE, NOW) == 0
        await limiting.count(connection, "name/rezaei", TWICE, ahead)
    await limiting.forget(engine, NOW)
    async with engine.begin() as connection:
        assert not await limiting.tried(connection, "name/rezaei", TWICE, ahead), "not kept for 300 days"
        await limiting.count(connection, known, TWICE, ahead)
        assert await limiting.count(connection, known, TWICE, NOW) is None
        assert await limiting.tried(connection, known, TWICE, NOW) == 1


def test_a_proof_is_good_at_another_server_whose_clock_is_a_little_behind() -> None:
    made = int(NOW.timestamp())
    assert limiting.is_in_time(made, NOW - 2 * NEAR)
    assert not limiting.is_in_time(made, NOW - FAR)
    assert not limiting.is_in_time(made, NOW + timedelta(minutes=11))
