"""Confidential cases are found by no word of an answer: entries of before are made of the others alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ivr.cases.search import words_of

revision = "0169"
down_revision = "0168"
branch_labels = None
depends_on = None

ANSWERED = "SELECT id, told FROM cases WHERE confidential IS NOT NULL AND answer <> '' ORDER BY id FOR UPDATE"
WORDS = """
UPDATE inbox_entries SET lexemes = array_to_tsvector(ARRAY(
  SELECT facet FROM unnest(tsvector_to_array(lexemes)) AS facet WHERE starts_with(facet, '=')
) || CAST(:words AS text[])) WHERE case_id = :id
"""


def upgrade() -> None:
    """At once, and `entered` stays: a worker of the release before would make them as they were."""
    connection = op.get_bind()
    for case in connection.execute(sa.text(ANSWERED)).all():
        connection.execute(sa.text(WORDS), {"id": case.id, "words": sorted(words_of(case.told or ""))})


def downgrade() -> None:
    """Nobody is to find them so."""
