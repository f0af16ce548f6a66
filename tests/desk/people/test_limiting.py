"""What is counted as one source, so that neither a household gets many tries nor all of the world one."""

from __future__ import annotations

import pytest

from ivr.desk.people.limiting import source_of


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
