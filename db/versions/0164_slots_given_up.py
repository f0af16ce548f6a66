"""Requests whose slot was given up with their case are decided on anew: they stood as invited for ever."""

from __future__ import annotations

from alembic import op

revision = "0164"
down_revision = "0163"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """As `ivr.desk.meetings.session_planning.give_up_ended` does from now on."""
    op.execute(
        "UPDATE meeting_requests AS its SET state = 'under_review', next_on = NULL"
        " WHERE its.state IN ('invited', 'confirmed') AND NOT EXISTS ("
        "SELECT FROM meeting_slots AS slot WHERE slot.case_id = its.case_id AND slot.outcome = '')"
    )


def downgrade() -> None:
    """They had no slot either way."""
