"""Numbers that were given are asked for first: found by number, and counted by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three indexes."""
    op.create_index(
        "ix_callbacks_verify_number",
        "callbacks",
        ["number"],
        postgresql_where=sa.text("purpose = 'verify'"),
    )
    op.create_index(
        "ix_callbacks_untold",
        "callbacks",
        ["case_id"],
        postgresql_where=sa.text("purpose = 'answer' AND state = 'unreachable'"),
    )
    op.create_index("ix_callback_attempts_at", "callback_attempts", ["at"])


def downgrade() -> None:
    """They are found more slowly."""
    op.drop_index("ix_callback_attempts_at", "callback_attempts")
    op.drop_index("ix_callbacks_untold", "callbacks")
    op.drop_index("ix_callbacks_verify_number", "callbacks")
