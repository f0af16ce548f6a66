"""Fixtures for every room: the real database and the real hotline."""

from __future__ import annotations

pytest_plugins = [
    "tests.fixtures.database",
    "tests.fixtures.hotline",
    "tests.fixtures.learned",
    "tests.fixtures.leash",
    "tests.fixtures.order",
    "tests.fixtures.small_disk",
    "tests.fixtures.solving",
    "tests.fixtures.weak_database",
    "tests.web.panel",
    "tests.web.browser",
]
