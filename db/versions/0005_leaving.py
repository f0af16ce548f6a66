"""What leaves the house: call-backs and their attempts, dead letters, voice answers, answers to approve.

Forward-compatible: every new column of an existing table may be left out by older code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ALIVE = sa.text("delivered_at IS NULL AND dead_at IS NULL")
DEAD = sa.text("dead_at IS NOT NULL")
WAITING = sa.text("delivered_at IS NULL")


def upgrade() -> None:
    """Add what is new."""
    op.add_column("cases", sa.Column("answer_voice", sa.Text(), server_default="", nullable=False))
    op.add_column("cases", sa.Column("draft", JSONB(), nullable=True))
    op.add_column("cases", sa.Column("satisfaction", sa.Integer(), nullable=True))
    op.add_column("outbox", sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_outbox_next_at", table_name="outbox")
    op.create_index("ix_outbox_next_at", "outbox", ["next_at"], unique=False, postgresql_where=ALIVE)
    op.create_index("ix_outbox_dead_at", "outbox", ["dead_at"], unique=False, postgresql_where=DEAD)
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_outcome", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_callbacks_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
        sa.UniqueConstraint("key", name=op.f("uq_callbacks_key")),
    )
    op.create_index(
        "ix_callbacks_next_at",
        "callbacks",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(op.f("ix_callbacks_case_id"), "callbacks", ["case_id"], unique=False)
    op.create_index("ix_callbacks_created_at_id", "callbacks", ["created_at", "id"], unique=False)
    op.create_table(
        "callback_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("callback_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["callback_id"], ["callbacks.id"], name=op.f("fk_callback_attempts_callback_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_attempts")),
    )
    op.create_index(
        op.f("ix_callback_attempts_callback_id"), "callback_attempts", ["callback_id"], unique=False
    )
    op.create_index("ix_callback_attempts_number_at", "callback_attempts", ["number", "at"], unique=False)
    op.create_index(
        "ix_callback_attempts_open",
        "callback_attempts",
        ["at"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )


def downgrade() -> None:
    """Take it away again; call-backs, voice answers and drafts are lost."""
    op.drop_table("callback_attempts")
    op.drop_table("callbacks")
    op.drop_index("ix_outbox_dead_at", table_name="outbox")
    op.drop_index("ix_outbox_next_at", table_name="outbox")
    op.create_index("ix_outbox_next_at", "outbox", ["next_at"], unique=False, postgresql_where=WAITING)
    op.drop_column("outbox", "dead_at")
    for name in ("satisfaction", "draft", "answer_voice"):
        op.drop_column("cases", name)
