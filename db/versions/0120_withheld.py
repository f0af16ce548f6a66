"""An index of the calls that withheld their number: their allowance is counted among them, not among all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0120"
down_revision = "0117"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    withheld = sa.text("caller_key = '' AND channel = 'phone'")
    op.create_index("ix_cases_withheld", "cases", ["opened_at"], postgresql_where=withheld)


def downgrade() -> None:
    """All of a day are looked through again."""
    op.drop_index("ix_cases_withheld", "cases")
