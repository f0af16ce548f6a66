"""Whether anybody is called from here, and what is spoken of an answer in another language than its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns."""
    calls_back = sa.Column("calls_back", sa.Boolean(), server_default=sa.true(), nullable=False)
    op.add_column("provinces", calls_back)
    op.add_column("cases", sa.Column("answer_spoken", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """What is told is told in the written words again."""
    op.drop_column("cases", "answer_spoken")
    op.drop_column("provinces", "calls_back")
