"""The index of calls to forget has those with a withheld number, too, whose keys are still there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0165"
down_revision = "0164"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it anew."""
    op.drop_index("ix_calls_known", "calls")
    known = sa.text("caller <> '' OR steps <> '[]'")
    op.create_index("ix_calls_known", "calls", ["started_at"], postgresql_where=known)


def downgrade() -> None:
    """Only those with a number."""
    op.drop_index("ix_calls_known", "calls")
    op.create_index("ix_calls_known", "calls", ["started_at"], postgresql_where=sa.text("caller <> ''"))
