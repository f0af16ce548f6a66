"""An index of the call-backs that were put aside: they are counted each minute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0160"
down_revision = "0150"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    aside = sa.text("state = 'unreachable' AND (notice -> 'put_aside') IS NOT NULL")
    op.create_index("ix_callbacks_put_aside", "callbacks", ["id"], postgresql_where=aside)


def downgrade() -> None:
    """All of them are looked through again."""
    op.drop_index("ix_callbacks_put_aside", "callbacks")
