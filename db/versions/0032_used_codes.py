"""How far the numbers of a leased block may have been given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column."""
    op.add_column("code_blocks", sa.Column("used", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Only the holder's own disk knows it."""
    op.drop_column("code_blocks", "used")
