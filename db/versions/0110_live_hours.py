"""Hours in which an official takes calls himself, and the calls that stood in his line."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0110"
down_revision = "0090"
branch_labels = None
depends_on = None


def moment(name: str, nullable: bool = False) -> sa.Column[datetime]:
    """A time with its zone."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Two tables; an hour is a session as well."""
    op.create_table(
        "live_hours",
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("extensions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("room", sa.Integer(), nullable=False),
        moment("closed_at", nullable=True),
        sa.Column("closed_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["session"], ["meeting_sessions.number"], name=op.f("fk_live_hours_session")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_live_hours")),
    )
    op.create_table(
        "hour_calls",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("records", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        moment("joined_at"),
        moment("seen_at"),
        moment("taken_at", nullable=True),
        sa.Column("taken_by", sa.Text(), server_default="", nullable=False),
        moment("talked_at", nullable=True),
        moment("ended_at", nullable=True),
        sa.Column("rings", sa.Integer(), server_default="0", nullable=False),
        moment("noted_at", nullable=True),
        sa.ForeignKeyConstraint(["session"], ["live_hours.session"], name=op.f("fk_hour_calls_session")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_hour_calls")),
    )
    op.create_index("ix_hour_calls_session_joined_at", "hour_calls", ["session", "joined_at"])
    op.create_index(
        "ix_hour_calls_to_note",
        "hour_calls",
        ["joined_at"],
        postgresql_where=sa.text("outcome = 'heard' AND noted_at IS NULL"),
    )


def downgrade() -> None:
    """The sessions stay."""
    op.drop_table("hour_calls")
    op.drop_table("live_hours")
