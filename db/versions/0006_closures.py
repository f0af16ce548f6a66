"""Closures: who declared a day closed, and when; empty for the days of the seed files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns."""
    op.add_column("calendar_days", sa.Column("declared_by", sa.Text(), server_default="", nullable=False))
    op.add_column("calendar_days", sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """The closures stay; who declared them is lost."""
    op.drop_column("calendar_days", "declared_at")
    op.drop_column("calendar_days", "declared_by")
