"""What the service's role needs of tables that it may only add to: two functions of the owner's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them, for nobody yet: `ivr.store.grants` lets the service call them."""
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    as_owner = f"SECURITY DEFINER SET search_path = {schema}, pg_temp"
    # An event that code from before the chain wrote gets its place, once.
    op.execute(
        f"""
        CREATE FUNCTION custody_chain(its_id uuid, before bytea, hashed bytea) RETURNS void
        LANGUAGE sql {as_owner} AS
        $$ UPDATE case_events SET previous = before, hash = hashed WHERE id = its_id AND hash = ''::bytea $$
        """
    )
    # Until every event that is being written is there. The lock goes with the (sub)transaction.
    op.execute(
        f"""
        CREATE FUNCTION custody_wait() RETURNS void
        LANGUAGE plpgsql {as_owner} AS
        $$ BEGIN LOCK TABLE case_events IN SHARE MODE; END $$
        """
    )
    for function in ("custody_chain(uuid, bytea, bytea)", "custody_wait()"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")


def downgrade() -> None:
    """The owner alone never needed them."""
    op.execute("DROP FUNCTION custody_chain(uuid, bytea, bytea)")
    op.execute("DROP FUNCTION custody_wait()")
