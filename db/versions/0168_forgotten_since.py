"""What was kept of nameless cases: words of orders in call-backs, and an index of who asked for a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0168"
down_revision = "0167"
branch_labels = None
depends_on = None

# As retention does from now on with a case that becomes nameless, or with an order that does.
WORDLESS = """
WITH RECURSIVE held AS (
  SELECT case_id AS id FROM legal_holds WHERE ended_at IS NULL
  UNION
  SELECT cases.id FROM cases JOIN held ON held.id IN (cases.part_of, cases.merged_into)
), nameless AS (
  SELECT id, code FROM cases WHERE anonymised_at IS NOT NULL AND id NOT IN (SELECT id FROM held)
)
UPDATE callbacks SET notice = notice || '{"words": ""}'::jsonb
WHERE notice ->> 'words' <> ''
  AND (case_id IN (SELECT id FROM nameless) OR notice ->> 'order' IN (SELECT code FROM nameless))
"""


def upgrade() -> None:
    """Numbers go by retention itself, which finds them by the index, however old they are."""
    op.execute(WORDLESS)
    asked_for = sa.text("number <> '' AND purpose IN ('status', 'turn')")
    op.create_index("ix_callbacks_asked_for", "callbacks", ["ended_at"], postgresql_where=asked_for)


def downgrade() -> None:
    """Nobody knows the words any more."""
    op.drop_index("ix_callbacks_asked_for", "callbacks")
