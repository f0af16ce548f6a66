"""Retention: indexes by which it finds what still has a name or a voice, and what left the house long ago."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_cases_to_anonymise": (
        "cases",
        ["closed_at", "id"],
        "closed_at IS NOT NULL AND anonymised_at IS NULL",
    ),
    "ix_recordings_kept": ("recordings", ["recorded_at"], "removed_at IS NULL"),
    "ix_calls_known": ("calls", ["started_at"], "caller <> ''"),
    "ix_outbox_delivered_at": ("outbox", ["delivered_at"], "delivered_at IS NOT NULL"),
}


def upgrade() -> None:
    """Add four partial indexes."""
    for name, (table, columns, only) in INDEXES.items():
        op.create_index(name, table, columns, postgresql_where=sa.text(only))


def downgrade() -> None:
    """Nothing is lost."""
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
