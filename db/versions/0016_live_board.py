"""The live board: what servers tell of their calls, and who intervened in one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "live_calls",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calls", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_live_calls")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "interventions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interventions")),
    )
    op.create_index(op.f("ix_interventions_call_id"), "interventions", ["call_id"], unique=False)
    op.create_index(op.f("ix_interventions_at"), "interventions", ["at"], unique=False)
    op.create_index(
        "ix_interventions_code_hash",
        "interventions",
        ["code_hash"],
        unique=False,
        postgresql_where=sa.text("used_at IS NULL AND code_hash IS NOT NULL"),
    )


def downgrade() -> None:
    """Who intervened is forgotten."""
    op.drop_table("interventions")
    op.drop_table("live_calls")
