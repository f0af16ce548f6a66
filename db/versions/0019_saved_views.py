"""Saved views of the inbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add one table."""
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "query")),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_saved_views_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("person_id", "name", name=op.f("uq_saved_views_person_id_name")),
    )
    op.create_index("ix_saved_views_shared", "saved_views", ["name"], postgresql_where=sa.text("shared"))


def downgrade() -> None:
    """The views are lost."""
    op.drop_table("saved_views")
