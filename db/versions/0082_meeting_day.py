"""The day of a session: who is there and who was heard when, minutes, and what browsers have sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None

MOMENTS = ("arrived_at", "began_at", "ended_at")


def upgrade() -> None:
    """Add three columns and two tables."""
    for name in MOMENTS:
        op.add_column("meeting_slots", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "meeting_minutes",
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.Column("decided", sa.Text(), server_default="", nullable=False),
        sa.Column("people", sa.Integer(), server_default="1", nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session"], ["meeting_sessions.number"], name=op.f("fk_meeting_minutes_session")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["meeting_requests.case_id"], name=op.f("fk_meeting_minutes_case_id")
        ),
        sa.PrimaryKeyConstraint("session", "case_id", name=op.f("pk_meeting_minutes")),
    )
    op.create_index("ix_meeting_minutes_case_id", "meeting_minutes", ["case_id"])
    op.create_table(
        "meeting_deeds",
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session"], ["meeting_sessions.number"], name=op.f("fk_meeting_deeds_session")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meeting_deeds")),
    )
    op.create_index("ix_meeting_deeds_session", "meeting_deeds", ["session"])


def downgrade() -> None:
    """What was written down is lost here; the cases' stories keep the minutes."""
    op.drop_table("meeting_deeds")
    op.drop_table("meeting_minutes")
    for name in MOMENTS:
        op.drop_column("meeting_slots", name)
