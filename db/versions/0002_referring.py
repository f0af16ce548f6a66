"""From case to closure: the clock's stops, merged cases, closures, precedents.

Forward-compatible: every new column of an existing table may be left out by older code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENTS = ("paused_at", "paused_until", "stopped_at", "closed_at")


def upgrade() -> None:
    """Add what is new; answered cases stand still since their answer."""
    for name in ("stopped_days", "paused_days"):
        op.add_column("cases", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    for name in MOMENTS:
        op.add_column("cases", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("closure", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_cases_merged_into"), "cases", "cases", ["merged_into"], ["id"])
    op.create_index(
        "ix_cases_due_at",
        "cases",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL AND stopped_at IS NULL"),
    )
    op.execute("UPDATE cases SET stopped_at = answered_at WHERE status IN ('answered', 'closed')")
    op.create_index(
        "uq_referrals_running",
        "referrals",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "precedents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("ruled_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ruled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_precedents_agency")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_precedents_case_id")),
        sa.ForeignKeyConstraint(["topic"], ["topics.code"], name=op.f("fk_precedents_topic")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_precedents")),
    )
    op.create_index(
        "uq_precedents_in_force",
        "precedents",
        ["topic", "county"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    """Take it away again; precedents and stops are lost."""
    op.drop_table("precedents")
    op.drop_index("uq_referrals_running", table_name="referrals")
    op.drop_index("ix_cases_due_at", table_name="cases")
    op.drop_constraint(op.f("fk_cases_merged_into"), "cases", type_="foreignkey")
    for name in ("stopped_days", "paused_days", *MOMENTS, "closure", "merged_into"):
        op.drop_column("cases", name)
