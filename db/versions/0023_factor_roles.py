"""Roles that need a second factor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "factor_roles",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("needed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_factor_roles")),
    )


def downgrade() -> None:
    """The password alone is enough again."""
    op.drop_table("factor_roles")
