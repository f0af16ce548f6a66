"""The counter: words in writing, parts and collectives, channels, fates of suggestions, retention.

Forward-compatible: every new column of an existing table may be left out by older code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAMES = ("part_of", "member_of")
INDEXES: tuple[tuple[str, str, list[str], str], ...] = (
    ("ix_cases_channel_opened_at_id", "cases", ["channel", "opened_at", "id"], ""),
    ("ix_cases_part_of", "cases", ["part_of"], "part_of IS NOT NULL"),
    ("ix_cases_member_of", "cases", ["member_of", "id"], "member_of IS NOT NULL"),
    ("ix_cases_topic_county_opened_at", "cases", ["topic", "county", "opened_at"], ""),
    ("ix_cases_closed_at_id", "cases", ["closed_at", "id"], "closed_at IS NOT NULL"),
    ("ix_recordings_to_erase", "recordings", ["name"], "removed_at IS NOT NULL AND erased_at IS NULL"),
    (
        "ix_recordings_to_transcribe",
        "recordings",
        ["recorded_at"],
        "transcript IS NULL AND removed_at IS NULL AND case_id IS NOT NULL",
    ),
)


def moment(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Add what is new."""
    op.add_column("cases", sa.Column("words", sa.Text(), server_default="", nullable=False))
    for name in NAMES:
        op.add_column("cases", sa.Column(name, sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(f"fk_cases_{name}"), "cases", "cases", [name], ["id"])
    op.add_column("cases", moment("anonymised_at", nullable=True))
    op.add_column("recordings", sa.Column("transcript", sa.Text(), nullable=True))
    for name in ("removed_at", "erased_at"):
        op.add_column("recordings", moment(name, nullable=True))
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)
    _channels()
    _suggestions()
    _legal_holds()


def _channels() -> None:
    op.create_table(
        "channels",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        moment("made_at"),
        moment("revoked_at", nullable=True),
        moment("window_at", nullable=True),
        sa.Column("window_count", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_channels")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_channels_token_hash")),
    )
    op.create_table(
        "channel_requests",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        moment("made_at"),
        sa.ForeignKeyConstraint(["channel"], ["channels.name"], name=op.f("fk_channel_requests_channel")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_channel_requests_case_id")),
        sa.PrimaryKeyConstraint("channel", "key", name=op.f("pk_channel_requests")),
    )
    op.create_index(op.f("ix_channel_requests_made_at"), "channel_requests", ["made_at"])


def _suggestions() -> None:
    op.create_table(
        "suggestions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        moment("suggested_at"),
        sa.Column("top", JSONB(), nullable=False),
        sa.Column("assigned", sa.Boolean(), nullable=False),
        sa.Column("chosen_topic", sa.Text(), nullable=True),
        sa.Column("chosen_agency", sa.Text(), nullable=True),
        sa.Column("chosen_by", sa.Text(), nullable=True),
        moment("chosen_at", nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_suggestions_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestions")),
    )
    op.create_index(op.f("ix_suggestions_case_id"), "suggestions", ["case_id"])
    op.create_index("ix_suggestions_suggested_at_id", "suggestions", ["suggested_at", "id"])


def _legal_holds() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        moment("held_at"),
        moment("ended_at", nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_legal_holds_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_index(
        "uq_legal_holds_in_force",
        "legal_holds",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    """What was erased stays erased; words in writing are lost."""
    for table in ("legal_holds", "suggestions", "channel_requests", "channels"):
        op.drop_table(table)
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
    for name in ("transcript", "removed_at", "erased_at"):
        op.drop_column("recordings", name)
    for name in ("words", *NAMES, "anonymised_at"):
        op.drop_column("cases", name)
