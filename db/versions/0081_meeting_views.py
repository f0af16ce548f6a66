"""Agencies are invited to sessions, and owe a written view of each request that needs them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "meeting_invitations",
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_by", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("came", sa.Text(), server_default="", nullable=False),
        sa.Column("came_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["session"], ["meeting_sessions.number"], name=op.f("fk_meeting_invitations_session")
        ),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_meeting_invitations_agency")),
        sa.PrimaryKeyConstraint("session", "agency", name=op.f("pk_meeting_invitations")),
    )
    op.create_index("ix_meeting_invitations_agency", "meeting_invitations", ["agency"])
    op.create_table(
        "meeting_views",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("given_by", sa.Text(), server_default="", nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["meeting_requests.case_id"], name=op.f("fk_meeting_views_case_id")
        ),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_meeting_views_agency")),
        sa.ForeignKeyConstraint(
            ["session"], ["meeting_sessions.number"], name=op.f("fk_meeting_views_session")
        ),
        sa.PrimaryKeyConstraint("case_id", "agency", name=op.f("pk_meeting_views")),
    )
    op.create_index("ix_meeting_views_session", "meeting_views", ["session"])


def downgrade() -> None:
    """Who was to come, and what was said beforehand, is lost; the cases' stories keep the views."""
    op.drop_table("meeting_views")
    op.drop_table("meeting_invitations")
