"""What takes two admins; when somebody last proved who they are; whom to tell of what was done to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0065"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and three columns."""
    op.add_column("sessions", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("people", sa.Column("untold_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("people", sa.Column("email", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "grant_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wanted", JSONB(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("allowed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["asked_by"], ["people.id"], name=op.f("fk_grant_requests_asked_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_grant_requests_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_requests")),
    )
    op.create_index(
        "ix_grant_requests_waiting",
        "grant_requests",
        ["name", "deed"],
        unique=True,
        postgresql_where=sa.text("decided_at IS NULL"),
    )


def downgrade() -> None:
    """What was asked is gone; nobody was given anything by it."""
    op.drop_table("grant_requests")
    op.drop_column("people", "email")
    op.drop_column("people", "untold_since")
    op.drop_column("sessions", "proved_at")
