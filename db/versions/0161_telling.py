"""An index of who revealed or took away what: few of the many rows of the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0161"
down_revision = "0160"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    telling = sa.text(
        "action IN ('caller_revealed', 'callback_revealed', 'national_id_revealed', 'voice_revealed',"
        " 'reveal_limit_reached', 'identities_exported', 'recording_downloaded')"
    )
    op.create_index("ix_audit_telling", "audit", ["at", "id"], postgresql_where=telling)


def downgrade() -> None:
    """The whole audit is looked through again."""
    op.drop_index("ix_audit_telling", "audit")
