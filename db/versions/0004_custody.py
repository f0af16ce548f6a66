"""Custody: the chain of a case's events, and the roots of the days.

Forward-compatible: older code may leave the new columns out. What it wrote is chained by the worker.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

HASHES = ("state", "previous", "hash")
TODAY = "((clock_timestamp() AT TIME ZONE 'Asia/Tehran'::text))::date"


def upgrade() -> None:
    """Add what is new; existing events count as written today."""
    empty, today = sa.text("''::bytea"), sa.text(TODAY)
    for name in HASHES:
        column = sa.Column(name, sa.LargeBinary(), server_default=empty, nullable=False)
        op.add_column("case_events", column)
    op.add_column("case_events", sa.Column("noted_on", sa.Date(), server_default=today, nullable=False))
    op.create_index(
        "ix_case_events_noted_on", "case_events", ["noted_on"], unique=False, postgresql_using="brin"
    )
    op.create_index(
        "ix_case_events_unchained",
        "case_events",
        ["case_id"],
        unique=False,
        postgresql_where=sa.text("hash = ''::bytea"),
    )
    op.create_table(
        "custody_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_custody_days")),
    )


def downgrade() -> None:
    """Take it away again; the chain is lost."""
    op.drop_table("custody_days")
    op.drop_index("ix_case_events_unchained", table_name="case_events")
    op.drop_index("ix_case_events_noted_on", table_name="case_events")
    op.drop_column("case_events", "noted_on")
    for name in HASHES:
        op.drop_column("case_events", name)
