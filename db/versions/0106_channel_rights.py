"""What a channel may do beside sending cases, whose orders it sees, and where it gets news of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three columns; what there is may send cases, as before."""
    rights = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("channels", sa.Column("rights", rights, server_default='["cases"]', nullable=False))
    op.add_column("channels", sa.Column("agency", sa.Text(), nullable=True))
    op.add_column("channels", sa.Column("webhook", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(op.f("fk_channels_agency"), "channels", "agencies", ["agency"], ["code"])


def downgrade() -> None:
    """Every channel sends cases, and no more."""
    op.drop_constraint(op.f("fk_channels_agency"), "channels", type_="foreignkey")
    for name in ("webhook", "agency", "rights"):
        op.drop_column("channels", name)
