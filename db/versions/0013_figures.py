"""Figures: days that are over are counted once. Older code knows nothing of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None is counted yet; the worker begins with the first."""
    op.create_table(
        "figure_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("names", JSONB(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_figure_days"),
    )
    # Read by the year: not compressed, fifty kilobytes a day at a million cases in two years.
    op.execute("ALTER TABLE figure_days ALTER COLUMN facts SET STORAGE EXTERNAL")
    op.create_index("ix_case_events_at", "case_events", ["at"], postgresql_using="brin")
    op.create_index("ix_referrals_due_at", "referrals", ["due_at"])
    op.create_index(
        "ix_cases_waiting",
        "cases",
        ["agency", "county", "topic", "kind", "due_at"],
        postgresql_where=sa.text("closed_at IS NULL AND stopped_at IS NULL"),
    )


def downgrade() -> None:
    """What was counted can be counted again."""
    op.drop_index("ix_cases_waiting", table_name="cases")
    op.drop_index("ix_referrals_due_at", table_name="referrals")
    op.drop_index("ix_case_events_at", table_name="case_events")
    op.drop_table("figure_days")
