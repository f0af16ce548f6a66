"""Orders that come of meetings: parts of a case with a due date of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and a column."""
    op.add_column("cases", sa.Column("ordered_days", sa.Integer(), nullable=True))
    op.create_table(
        "meeting_orders",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("of_case", sa.Uuid(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("first_due_on", sa.Date(), nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_meeting_orders_case_id")),
        sa.ForeignKeyConstraint(["of_case"], ["cases.id"], name=op.f("fk_meeting_orders_of_case")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_meeting_orders")),
    )
    op.create_index("ix_meeting_orders_of_case", "meeting_orders", ["of_case"])
    op.create_index("ix_meeting_orders_due_on", "meeting_orders", ["due_on"])


def downgrade() -> None:
    """The parts stay, under the deadline of their topic."""
    op.drop_table("meeting_orders")
    op.drop_column("cases", "ordered_days")
