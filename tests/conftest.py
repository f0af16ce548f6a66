"""Fixtures for every room: the real database and the real hotline."""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import HealthCheck, settings

# What is compiled is kept, whatever the shell says: else each worker, and each of the hundreds of processes
# that tests start, compiles all of it again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
gc.disable()  # until all tests are known: none of it is garbage

# A busy machine makes no example wrong.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

pytest_plugins = [
    "tests.fixtures.order",  # these two before those that import them
    "tests.fixtures.leash",
    "tests.fixtures.database",
    "tests.fixtures.hotline",
    "tests.fixtures.learned",
    "tests.fixtures.small_disk",
    "tests.fixtures.solving",
    "tests.fixtures.weak_database",
    "tests.web.panel",
    "tests.web.browser",
]


def pytest_collection_finish() -> None:
    """Five thousand tests and all modules stay: no collection walks them again."""
    gc.freeze()
    gc.enable()
