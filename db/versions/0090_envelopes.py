"""When a recording was closed in its envelope."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0102"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and its index."""
    op.add_column("recordings", sa.Column("enclosed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_recordings_to_enclose",
        "recordings",
        ["recorded_at", "name"],
        postgresql_where=sa.text("enclosed_at IS NULL AND removed_at IS NULL"),
    )


def downgrade() -> None:
    """The files stay as they are: open them first (`ivr keys open`)."""
    op.drop_index("ix_recordings_to_enclose", table_name="recordings")
    op.drop_column("recordings", "enclosed_at")
