"""Recordings as people listen to them: unguessable ids, marks, and every wording of a transcript."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those that are there get theirs at once. Older code leaves it out."""
    made = sa.text("gen_random_uuid()")
    op.add_column("recordings", sa.Column("id", sa.Uuid(), server_default=made, nullable=False))
    op.create_unique_constraint(op.f("uq_recordings_id"), "recordings", ["id"])
    op.create_table(
        "marks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recording", sa.Text(), nullable=False),
        sa.Column("second", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.CheckConstraint("second >= 0", name=op.f("ck_marks_second")),
        sa.ForeignKeyConstraint(["recording"], ["recordings.name"], name=op.f("fk_marks_recording")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marks")),
    )
    op.create_index(
        "ix_marks_recording",
        "marks",
        ["recording", "second"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "transcripts",
        sa.Column("recording", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recording"], ["recordings.name"], name=op.f("fk_transcripts_recording")),
        sa.PrimaryKeyConstraint("recording", "edition", name=op.f("pk_transcripts")),
    )


def downgrade() -> None:
    """Marks are lost, and of each transcript all wordings but the last."""
    op.drop_table("transcripts")
    op.drop_table("marks")
    op.drop_constraint("uq_recordings_id", "recordings", type_="unique")
    op.drop_column("recordings", "id")
