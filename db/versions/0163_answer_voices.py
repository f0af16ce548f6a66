"""An index of the cases with an answer in a person's voice: few of many."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0163"
down_revision = "0162"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    voiced = sa.text("answer_voice <> '' OR jsonb_typeof(draft -> 'voice') = 'object'")
    op.create_index("ix_cases_with_voice", "cases", ["id"], postgresql_where=voiced)


def downgrade() -> None:
    """All cases are looked through again."""
    op.drop_index("ix_cases_with_voice", "cases")
