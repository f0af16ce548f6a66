"""Call-backs of cases that are anonymised are named by no number: what asked for it had it in its key."""

from __future__ import annotations

from alembic import op

revision = "0166"
down_revision = "0165"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """As retention does from now on. Only of who was anonymised such a row has no number."""
    op.execute("UPDATE callbacks SET key = id::text WHERE number = '' AND key LIKE 'verify:%'")


def downgrade() -> None:
    """Nobody knows the numbers any more."""
