"""Recordings know whether they are in the S3-compatible store too. Older code leaves it out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_recordings_to_store": (["recorded_at", "name"], "stored_at IS NULL AND removed_at IS NULL"),
    "ix_recordings_to_unstore": (["name"], "stored_at IS NOT NULL AND removed_at IS NOT NULL"),
}


def upgrade() -> None:
    """None is there yet."""
    op.add_column("recordings", sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True))
    for name, (columns, where) in INDEXES.items():
        op.create_index(name, "recordings", columns, unique=False, postgresql_where=sa.text(where))


def downgrade() -> None:
    """What is in the store stays there."""
    for name in INDEXES:
        op.drop_index(name, table_name="recordings")
    op.drop_column("recordings", "stored_at")
