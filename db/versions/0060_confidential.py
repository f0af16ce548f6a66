"""Confidential cases: who she is stays sealed, and whom they are about never sees them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0060"
down_revision = "0051"
branch_labels = None
depends_on = None

KEPT = sa.text("accused IS NOT NULL OR kept_from IS NOT NULL")


def upgrade() -> None:
    """Add columns; every case there is stays an open one."""
    op.add_column("cases", sa.Column("confidential", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("accused", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("kept_from", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("cases", sa.Column("told", sa.Text(), nullable=True))
    op.create_index("ix_cases_kept", "cases", ["id"], postgresql_where=KEPT)
    op.add_column(
        "topics", sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "people", sa.Column("trusted", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def downgrade() -> None:
    """Confidential cases are open ones again."""
    op.drop_column("people", "trusted")
    op.drop_column("topics", "confidential")
    op.drop_index("ix_cases_kept", table_name="cases")
    for column in ("told", "kept_from", "accused", "confidential"):
        op.drop_column("cases", column)
