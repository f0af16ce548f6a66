"""Requests to meet an official, sessions and slots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three tables, and an index by which requests are found."""
    op.create_table(
        "meeting_requests",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Integer(), server_default="0", nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("bodies", JSONB(), server_default="[]", nullable=False),
        sa.Column("below", sa.Text(), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_meeting_requests_case_id")),
        sa.ForeignKeyConstraint(["about"], ["agencies.code"], name=op.f("fk_meeting_requests_about")),
        sa.ForeignKeyConstraint(["below"], ["agencies.code"], name=op.f("fk_meeting_requests_below")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_meeting_requests")),
    )
    op.create_table(
        "meeting_sessions",
        sa.Column("number", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("official", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("link", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"], name=op.f("fk_meeting_sessions_agency")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_meeting_sessions")),
    )
    op.create_index("ix_meeting_sessions_starts_at", "meeting_sessions", ["starts_at"])
    op.create_table(
        "meeting_slots",
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("by_hand", sa.Text(), server_default="", nullable=False),
        sa.Column("ahead_of", sa.Integer(), server_default="0", nullable=False),
        sa.Column("placed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session"], ["meeting_sessions.number"], name=op.f("fk_meeting_slots_session")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["meeting_requests.case_id"], name=op.f("fk_meeting_slots_case_id")
        ),
        sa.PrimaryKeyConstraint("session", "slot", name=op.f("pk_meeting_slots")),
    )
    booked = sa.text("outcome = ''")
    op.create_index(
        "uq_meeting_slots_booked", "meeting_slots", ["case_id"], unique=True, postgresql_where=booked
    )
    wishes = sa.text("kind = 'meeting' AND part_of IS NULL AND closed_at IS NULL")
    op.create_index("ix_cases_wishes", "cases", ["opened_at", "id"], postgresql_where=wishes)


def downgrade() -> None:
    """Decisions, sessions and agendas are lost; the cases and their stories stay."""
    op.drop_index("ix_cases_wishes", "cases")
    op.drop_table("meeting_slots")
    op.drop_table("meeting_sessions")
    op.drop_table("meeting_requests")
