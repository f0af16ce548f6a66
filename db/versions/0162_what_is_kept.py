"""Indexes by which retention finds attachments that are kept, and recordings of no case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0162"
down_revision = "0161"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    scraps = sa.text("case_id IS NULL AND removed_at IS NULL")
    op.create_index("ix_recordings_scraps", "recordings", ["recorded_at"], postgresql_where=scraps)
    kept = sa.text("removed_at IS NULL")
    op.create_index("ix_attachments_kept", "attachments", ["added_at"], postgresql_where=kept)


def downgrade() -> None:
    """All are looked through again."""
    op.drop_index("ix_attachments_kept", "attachments")
    op.drop_index("ix_recordings_scraps", "recordings")
