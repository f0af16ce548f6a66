"""What callers did at each step of a tree: by day, and of each call, by which it is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0114"
down_revision = "0113"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, the column and its index."""
    op.create_table(
        "menu_step_days",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "day", "revision", name=op.f("pk_menu_step_days")),
    )
    op.add_column("calls", sa.Column("passed", postgresql.JSONB(), nullable=True))
    ops = {"passed": "jsonb_path_ops"}
    op.create_index("ix_calls_passed", "calls", ["passed"], postgresql_using="gin", postgresql_ops=ops)


def downgrade() -> None:
    """All of it can be counted anew from the calls."""
    op.drop_index("ix_calls_passed", table_name="calls")
    op.drop_column("calls", "passed")
    op.drop_table("menu_step_days")
