"""On whose list a request to meet is: of a county governor, mayor or head, or the office's own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; whoever was sent below is on that body's list."""
    op.add_column("meeting_requests", sa.Column("tier", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_meeting_requests_tier"), "meeting_requests", "agencies", ["tier"], ["code"]
    )
    op.execute("UPDATE meeting_requests SET tier = below WHERE state = 'sent_below'")


def downgrade() -> None:
    """All are on one list again."""
    op.drop_constraint(op.f("fk_meeting_requests_tier"), "meeting_requests", type_="foreignkey")
    op.drop_column("meeting_requests", "tier")
