"""How large a recording is once it is packed as FLAC, and an index of those that are not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0150"
down_revision = "0120"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both."""
    op.add_column("recordings", sa.Column("packed_size", sa.BigInteger, nullable=True))
    op.create_index(
        "ix_recordings_to_pack",
        "recordings",
        ["recorded_at", "name"],
        postgresql_where=sa.text("packed_size IS NULL AND enclosed_at IS NULL AND removed_at IS NULL"),
    )


def downgrade() -> None:
    """Nobody knows any more which are packed; they are read all the same by a release that can."""
    op.drop_index("ix_recordings_to_pack", "recordings")
    op.drop_column("recordings", "packed_size")
