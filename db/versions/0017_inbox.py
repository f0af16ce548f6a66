"""The inbox: an entry for each case by which it is found, whose it is, and the indexes of the queues.

Existing cases are entered by the worker, batch by batch (`ivr.desk.case.entries.catch_up`), as are those
that the release before this one opens meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

RUNNING = "closed_at IS NULL AND stopped_at IS NULL"
ESCALATED = f"{RUNNING} AND rung > 0"
TO_APPROVE = "closed_at IS NULL AND jsonb_typeof(draft) = 'object'"
INDEXES: tuple[tuple[str, list[str], str], ...] = (
    ("ix_cases_running", ["due_at", "id"], RUNNING),
    ("ix_cases_running_agency", ["agency", "due_at", "id"], RUNNING),
    ("ix_cases_running_county", ["county", "due_at", "id"], RUNNING),
    ("ix_cases_escalated", ["due_at", "id"], ESCALATED),
    ("ix_cases_escalated_agency", ["agency", "due_at", "id"], ESCALATED),
    (
        "ix_cases_untouched",
        ["agency", "opened_at", "id"],
        "status IN ('opened', 'referred', 'reopened') AND person_id IS NULL",
    ),
    ("ix_cases_returned", ["due_at", "id"], "status = 'returned'"),
    ("ix_cases_assigned", ["person_id", "due_at", "id"], "closed_at IS NULL AND person_id IS NOT NULL"),
    ("ix_cases_to_approve", ["due_at", "id"], TO_APPROVE),
    ("ix_cases_to_approve_agency", ["agency", "due_at", "id"], TO_APPROVE),
    ("ix_cases_unentered", ["id"], "entered IS NOT TRUE"),
)


def upgrade() -> None:
    """Add what is new; nothing is entered yet."""
    op.add_column("cases", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_cases_person_id"), "cases", "people", ["person_id"], ["id"])
    op.add_column("cases", sa.Column("entered", sa.Boolean(), nullable=True))
    for name, columns, where in INDEXES:
        op.create_index(name, "cases", columns, postgresql_where=sa.text(where))
    op.create_table(
        "inbox_entries",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("lexemes", TSVECTOR(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("silent", "fallback", "faint")),
        sa.Column("over_limit", sa.Boolean(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_inbox_entries_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_inbox_entries")),
    )
    op.create_index(
        "ix_inbox_entries_lexemes",
        "inbox_entries",
        ["lexemes"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": False},
    )
    faint = sa.text("faint")
    newest = ["opened_at", "case_id"]
    op.create_index("ix_inbox_entries_faint", "inbox_entries", newest, postgresql_where=faint)
    op.create_index(
        "ix_inbox_entries_faint_agency", "inbox_entries", ["agency", *newest], postgresql_where=faint
    )


def downgrade() -> None:
    """Whose a case is is lost; entries are made anew."""
    op.drop_table("inbox_entries")
    for name, _, _ in INDEXES:
        op.drop_index(name, table_name="cases")
    op.drop_column("cases", "entered")
    op.drop_constraint(op.f("fk_cases_person_id"), "cases", type_="foreignkey")
    op.drop_column("cases", "person_id")
