"""The ways by which a case came. No other system's channel may bear one of these names."""

from __future__ import annotations

PHONE = "phone"
DESK = "desk"  # the service desk: somebody wrote it down for the citizen
PART, COLLECTIVE = "part", "collective"  # of cases that nobody called about
RESERVED = frozenset({PHONE, DESK, PART, COLLECTIVE, "ivr", "citizen"})
