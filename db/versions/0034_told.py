"""Whether anybody is called from here, and what is spoken of an answer in another language than its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None

# What the desk ended before it had to be told of otherwise is no longer waited for.
SETTLED = """UPDATE callbacks SET state = 'reached' FROM cases WHERE cases.id = callbacks.case_id
    AND callbacks.purpose = 'answer' AND callbacks.state = 'unreachable' AND cases.closed_at IS NOT NULL"""


def upgrade() -> None:
    """Add two columns; forget what was never waited for."""
    yes = sa.true()
    op.add_column("provinces", sa.Column("calls_back", sa.Boolean(), server_default=yes, nullable=False))
    op.add_column("cases", sa.Column("answer_spoken", sa.Text(), server_default="", nullable=False))
    op.execute(SETTLED)


def downgrade() -> None:
    """What is told is told in the written words again."""
    op.drop_column("cases", "answer_spoken")
    op.drop_column("provinces", "calls_back")
