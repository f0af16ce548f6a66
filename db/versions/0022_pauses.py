"""Pauses that are over are found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index."""
    only = sa.text("paused_at IS NOT NULL AND closed_at IS NULL")
    op.create_index("ix_cases_paused_until", "cases", ["paused_until"], postgresql_where=only)


def downgrade() -> None:
    """Nothing is lost."""
    op.drop_index("ix_cases_paused_until", "cases")
