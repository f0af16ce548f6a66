"""Blocked callers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "blocked_callers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("caller_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blocked_by", sa.Text(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocked_callers")),
    )
    op.create_index(
        op.f("ix_blocked_callers_caller_key_until"), "blocked_callers", ["caller_key", "until"], unique=False
    )


def downgrade() -> None:
    """Take it away again; everybody may call."""
    op.drop_table("blocked_callers")
