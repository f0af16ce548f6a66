"""The way to PostgreSQL: which addresses are taken."""

from __future__ import annotations

import pytest

from ivr.store.engine import WrongAddress, async_url


@pytest.mark.parametrize("address", ["mysql://u:hush@host/n", "postgresql://u:hush@host:port/n", "hush"])
def test_what_is_no_address_of_postgresql_is_refused_without_repeating_its_password(address: str) -> None:
    with pytest.raises(WrongAddress, match="IVR_DATABASE_URL") as refused:
        async_url(address)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_usual_scheme_is_taken(scheme: str) -> None:
    assert async_url(f"{scheme}://u@host/name") == "postgresql+asyncpg://u@host/name"
