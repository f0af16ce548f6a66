"""How far each journal's facts are in the database, as the database itself says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None is known: what is still in the journals is applied once more, which changes nothing."""
    op.create_table(
        "journal_marks",
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("byte", sa.BigInteger(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("went_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("went_back_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_again", sa.Integer(), server_default="0", nullable=False),
        sa.Column("beyond", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("journal", name=op.f("pk_journal_marks")),
    )


def downgrade() -> None:
    """The checkpoint is trusted again."""
    op.drop_table("journal_marks")
