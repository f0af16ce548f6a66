"""Escalation: the ladder's place and time in the case, the province's ladders, calendar revisions.

Open cases are timed anew by the worker's first pass, as are those that older code opens meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; every case is timed by revision 0, older than any."""
    op.add_column("cases", sa.Column("rung", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("level", sa.Text(), server_default="", nullable=False))
    op.add_column("cases", sa.Column("next_rung_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("timed_by", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_cases_next_rung_at",
        "cases",
        ["next_rung_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL AND stopped_at IS NULL"),
    )
    op.create_index(
        "ix_cases_county_timed_by",
        "cases",
        ["county", "timed_by"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.add_column(
        "provinces",
        sa.Column("escalation", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.create_table(
        "calendar_revisions",
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("county", name=op.f("pk_calendar_revisions")),
    )
    op.execute("INSERT INTO calendar_revisions VALUES ('', 1)")


def downgrade() -> None:
    """Take it away again; the ladder's places are lost, its events stay."""
    op.drop_table("calendar_revisions")
    op.drop_column("provinces", "escalation")
    op.drop_index("ix_cases_county_timed_by", table_name="cases")
    op.drop_index("ix_cases_next_rung_at", table_name="cases")
    for name in ("timed_by", "next_rung_at", "level", "rung"):
        op.drop_column("cases", name)
