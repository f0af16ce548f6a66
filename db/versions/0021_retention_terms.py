"""How long what is kept, where people changed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "retention_terms",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("delete_after", sa.Integer(), nullable=False),
        sa.Column("anonymise_after", sa.Integer(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("what", "kind", "status", name=op.f("pk_retention_terms")),
    )


def downgrade() -> None:
    """The province's file alone counts again."""
    op.drop_table("retention_terms")
