"""Open collective cases are timed anew: some stood due before the first of their members for ever."""

from __future__ import annotations

from alembic import op

revision = "0168"
down_revision = "0167"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """As `ivr.store.calendar_revisions.UNTIMED` has it: the next pass brings each to its members, once."""
    op.execute("UPDATE cases SET timed_by = -1 WHERE channel = 'collective' AND closed_at IS NULL")


def downgrade() -> None:
    """They are timed once more, and stay as they are."""
