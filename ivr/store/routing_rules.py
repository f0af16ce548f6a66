"""Routing rules: topic × area → agency. `source` tells seeded rules from rulings made later."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Table, Text, UniqueConstraint

from ivr.store.base import metadata

routing_rules = Table(
    "routing_rules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("topic", Text, ForeignKey("topics.code"), nullable=False),
    Column("scope", Text, nullable=False),
    Column("county", Text, nullable=False, server_default=""),
    Column("agency", Text, nullable=False),
    Column("source", Text, nullable=False, server_default="seed"),
    UniqueConstraint("topic", "scope", "county", "agency"),
)
