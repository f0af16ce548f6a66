"""Calls that the dialplan alone recorded are named by their id: by the file they bore her number and code."""

from __future__ import annotations

from alembic import op

revision = "0167"
down_revision = "0166"
branch_labels = None
depends_on = None

# The audit names the numbers of those that were sealed, as where retention forgets a call.
RENAME = """
WITH renamed AS (
  SELECT id, noted_no, 'fallback:' || replace(id::text, '-', '') AS name FROM calls
  WHERE unique_id LIKE 'fallback:%'
), told AS (
  INSERT INTO audit (at, action, detail)
  SELECT now(), 'calls_forgotten', jsonb_build_object('numbers', jsonb_agg(noted_no ORDER BY noted_no))
  FROM renamed WHERE noted_no IS NOT NULL HAVING count(*) > 0
)
UPDATE calls SET unique_id = renamed.name, noted_no = NULL FROM renamed WHERE calls.id = renamed.id
"""


def upgrade() -> None:
    """As they are written from now on."""
    op.execute(RENAME)


def downgrade() -> None:
    """Nobody knows the names any more."""
