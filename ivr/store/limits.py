"""Limits that people set, instead of those of `config.yaml`."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from ivr.store.base import metadata

limits = Table(
    "limits",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)
