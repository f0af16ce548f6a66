"""Drafts of menu trees, and what was done with them and with revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0113"
down_revision = "0110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "menu_drafts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("began_from", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "number", name=op.f("pk_menu_drafts")),
    )
    op.create_table(
        "menu_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("draft", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column(
            "noted_no",
            sa.BigInteger(),
            server_default=sa.text("nextval('custody_numbers')"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_events")),
    )
    op.create_index("ix_menu_events_name_id", "menu_events", ["name", "id"])
    op.create_index("ix_menu_events_noted_no", "menu_events", ["noted_no"], unique=True)


def downgrade() -> None:
    """What is on the air stays; why it is, nobody knows any more."""
    op.drop_table("menu_events")
    op.drop_table("menu_drafts")
