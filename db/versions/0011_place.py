"""Where a case is about: an address, a point, as another system gave it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add one column, which older code may leave out."""
    op.add_column("cases", sa.Column("place", JSONB(), nullable=True))


def downgrade() -> None:
    """Places are lost."""
    op.drop_column("cases", "place")
