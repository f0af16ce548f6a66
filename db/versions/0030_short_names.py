"""What people call an agency, for lists that have no room for its whole name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; seeding fills it."""
    op.add_column("agencies", sa.Column("short", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Whole names everywhere."""
    op.drop_column("agencies", "short")
