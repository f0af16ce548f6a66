"""The lottery: closed cases drawn at random, an official's calls to their citizens, and results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0102"
down_revision = "0107"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three tables."""
    op.create_table(
        "lottery_draws",
        sa.Column("number", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("pool", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("left_out", postgresql.JSONB(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("put_aside_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lottery_draws")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_lottery_draws_open", "lottery_draws", [sa.text("(true)")], unique=True, postgresql_where=is_open
    )
    op.create_table(
        "lottery_cases",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("draw", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("result", sa.Text(), server_default="", nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_lottery_cases_case_id")),
        sa.ForeignKeyConstraint(["draw"], ["lottery_draws.number"], name=op.f("fk_lottery_cases_draw")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_lottery_cases")),
    )
    op.create_index("ix_lottery_cases_draw", "lottery_cases", ["draw"])
    op.create_table(
        "lottery_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("callback_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["lottery_cases.case_id"], name=op.f("fk_lottery_calls_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lottery_calls")),
    )
    op.create_index("ix_lottery_calls_case_id", "lottery_calls", ["case_id"])
    op.create_index("ix_lottery_calls_code_hash", "lottery_calls", ["code_hash"])


def downgrade() -> None:
    """What came of each stays in the cases' stories."""
    op.drop_table("lottery_calls")
    op.drop_table("lottery_cases")
    op.drop_table("lottery_draws")
