"""The lottery: closed cases drawn at random, an official's calls to their citizens, and results."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `pool`: the codes that were drawn from, with which and `seed` the drawing can be done again. `left_out`: how
# many were not in it, by reason. It ends once all its cases have a result, or is put aside with a reason.
lottery_draws = Table(
    "lottery_draws",
    metadata,
    Column("number", Integer, Identity(), primary_key=True),
    Column("drawn_by", Text, nullable=False),
    moment("drawn_at"),
    Column("seed", Text, nullable=False),
    Column("pool", ARRAY(BigInteger), nullable=False),
    Column("left_out", JSONB, nullable=False),
    moment("ended_at", nullable=True),
    Column("put_aside_by", Text),
    Column("reason", Text, nullable=False, server_default=""),
    Index("uq_lottery_draws_open", text("(true)"), unique=True, postgresql_where=text("ended_at IS NULL")),
)

# `result`: "" until it is known, else of `ivr.cases.lottery`.
lottery_cases = Table(
    "lottery_cases",
    metadata,
    Column("case_id", Uuid, ForeignKey("cases.id"), primary_key=True),
    Column("draw", Integer, ForeignKey("lottery_draws.number"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("result", Text, nullable=False, server_default=""),
    Column("noted_by", Text),
    moment("noted_at", nullable=True),
    Index(None, "draw"),
)

# `code_hash`: of what his telephone dials, once; `callback_id`: our call to her, since he holds the line.
lottery_calls = Table(
    "lottery_calls",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("lottery_cases.case_id"), nullable=False),
    Column("asked_by", Text, nullable=False),
    moment("at"),
    Column("code_hash", Text, nullable=False),
    moment("expires_at"),
    moment("used_at", nullable=True),
    Column("callback_id", Uuid),
    Index(None, "case_id"),
    Index(None, "code_hash"),
)
