"""What people change of the province's book: the changes, wordings and limits of their own, retirement."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REFUSE = """
CREATE FUNCTION book_changes_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a change of the book is never changed or deleted';
END $$
"""


def upgrade() -> None:
    """Add three tables, and a column to three."""
    op.create_table(
        "book_changes",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_book_changes")),
        sa.ForeignKeyConstraint(
            ["undoes"], ["book_changes.number"], name=op.f("fk_book_changes_undoes_book_changes")
        ),
    )
    op.create_index("ix_book_changes_noun_key_number", "book_changes", ["noun", "key", "number"])
    op.create_index(
        "ix_book_changes_batch", "book_changes", ["batch"], postgresql_where=sa.text("batch IS NOT NULL")
    )
    op.execute(REFUSE)
    op.execute(
        "CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON book_changes "
        "FOR EACH ROW EXECUTE FUNCTION book_changes_are_kept()"
    )
    op.create_table(
        "wordings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("said", JSONB(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", "topic", "status", name=op.f("pk_wordings")),
    )
    op.create_table(
        "limits",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limits")),
    )
    for table in ("agencies", "topics", "areas"):
        op.add_column(table, sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """What people changed is kept as it is; that they changed it is forgotten."""
    for table in ("agencies", "topics", "areas"):
        op.drop_column(table, "retired_at")
    op.drop_table("limits")
    op.drop_table("wordings")
    op.drop_table("book_changes")
    op.execute("DROP FUNCTION book_changes_are_kept()")
