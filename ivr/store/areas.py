"""Areas: the province as a whole (one row) and its counties.

A retired one gets nothing new; cases that have it go on.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, Table, Text, true
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `menu`: first-press digit → name of the topic group. `kinds`: kind → the topic whose rules govern it.
# `escalation`: `ivr.cases.escalation.as_json`. `calls_back`: whether anybody is dialled from here, which the
# configuration of the servers tells.
provinces = Table(
    "provinces",
    metadata,
    Column("code", Text, primary_key=True),
    Column("area_code", Text, nullable=False),
    Column("subscriber_digits", Integer, nullable=False),
    Column("desk", Text, nullable=False),
    Column("other_topic", Text, nullable=False),
    Column("menu", JSONB, nullable=False),
    Column("kinds", JSONB, nullable=False),
    Column("escalation", JSONB, nullable=False, server_default="{}"),
    Column("calls_back", Boolean, nullable=False, server_default=true()),
)

areas = Table(
    "areas",
    metadata,
    Column("code", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("capital", Text, nullable=False),
    Column("towns", JSONB, nullable=False),
    Column("aliases", JSONB, nullable=False),
    moment("retired_at", nullable=True),
)
