"""Roles that may do nothing without a second factor; one without a row may."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Text

from ivr.store.base import metadata

factor_roles = Table(
    "factor_roles",
    metadata,
    Column("role", Text, primary_key=True),
    Column("needed", Boolean, nullable=False),
)
