"""Cases get a salt: without one the digests in their events tell the number of a nameless caller."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0170"
down_revision = "0169"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it. What there is stays without: its older events have digests of before."""
    op.add_column("cases", sa.Column("salt", sa.Text(), nullable=True))


def downgrade() -> None:
    """What was opened with one is told as changed by a proof from now on."""
    op.drop_column("cases", "salt")
