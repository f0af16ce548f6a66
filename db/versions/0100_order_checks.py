"""The office looks at what a body reports of an order: when it did last, and who."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns."""
    op.add_column("meeting_orders", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("meeting_orders", sa.Column("checked_by", sa.Text(), nullable=True))


def downgrade() -> None:
    """The orders' stories keep who looked at what."""
    op.drop_column("meeting_orders", "checked_by")
    op.drop_column("meeting_orders", "checked_at")
