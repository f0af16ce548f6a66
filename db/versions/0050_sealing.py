"""Sealing: every row that must not be changed unseen gets a number, and what was numbered is sealed.

Existing rows are numbered now, which writes their tables anew: some 10 s a million rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0042"
branch_labels = None
depends_on = None

NUMBERED = ("audit", "case_events", "referrals", "outbox", "menu_revisions")
NEXT = sa.text("nextval('custody_numbers'::regclass)")


def upgrade() -> None:
    """Number what there is, make the tables of seals."""
    op.execute("CREATE SEQUENCE custody_numbers AS bigint")
    for table in NUMBERED:
        op.add_column(table, sa.Column("noted_no", sa.BigInteger(), server_default=NEXT, nullable=False))
        op.create_index(f"ix_{table}_noted_no", table, ["noted_no"], unique=True)
    op.add_column("calls", sa.Column("noted_no", sa.BigInteger(), nullable=True))
    op.create_index("ix_calls_noted_no", "calls", ["noted_no"], unique=True)
    op.create_index(
        "ix_calls_unnumbered",
        "calls",
        ["id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NOT NULL AND noted_no IS NULL"),
    )
    op.create_table(
        "custody_seals",
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("complete_to", sa.BigInteger(), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seal", name=op.f("pk_custody_seals")),
    )
    op.create_table(
        "custody_entries",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seal"], ["custody_seals.seal"], name=op.f("fk_custody_entries_seal_custody_seals")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_custody_entries")),
    )
    op.create_index(op.f("ix_custody_entries_seal"), "custody_entries", ["seal"], unique=False)


def downgrade() -> None:
    """Take it away again; the seals are lost."""
    op.drop_table("custody_entries")
    op.drop_table("custody_seals")
    for table in (*NUMBERED, "calls"):
        op.drop_column(table, "noted_no")
    op.execute("DROP SEQUENCE custody_numbers")
