"""What a call-back is to tell, where it is no answer to a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column."""
    op.add_column("callbacks", sa.Column("notice", JSONB(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Nobody is called about a meeting any more."""
    op.drop_column("callbacks", "notice")
