"""Calls that have not ended, found without looking at those that have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_calls_running", "calls", ["started_at"], postgresql_where=sa.text("ended_at IS NULL"))


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_calls_running", table_name="calls")
