"""What the service's database role may do: read and write, and to what must stay as it is only add.

Another role owns the tables and migrates. Where there is only one role, nothing here says anything.
"""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.store.copying import VERSION
from ivr.store.tables import metadata

ONLY_ADDED_TO = (
    *("audit", "case_events", "custody_days", "custody_seals", "custody_entries"),
    *("menu_revisions", "menu_drafts", "menu_events", "book_changes", "announcements"),
)
ONLY_READ = (VERSION, "key_material")
_FUNCTIONS = ("custody_chain(uuid, bytea, bytea)", "custody_wait()")


class NoSuchRole(Exception):
    """The role is not there; one sentence."""


async def grant(connection: AsyncConnection, role: str) -> None:
    """Let the service's role do what it needs and no more. Nothing when it is the owner's own."""
    if role == (await connection.execute(select(func.current_user()))).scalar_one():
        return
    known = text("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = :role")
    name = (await connection.execute(known, {"role": role})).scalar()
    if name is None:
        raise NoSuchRole(f"the database has no role {role}: createuser {role}")
    schema = (await connection.execute(select(func.quote_ident(func.current_schema())))).scalar_one()
    for statement in _statements(name, schema):
        await connection.execute(text(statement))


def _statements(role: str, schema: str) -> list[str]:
    ours = sorted(set(metadata.tables) - {*ONLY_ADDED_TO, *ONLY_READ})
    return [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(ours)} TO {role}",
        f"GRANT SELECT, INSERT ON {', '.join(ONLY_ADDED_TO)} TO {role}",
        f"GRANT SELECT ON {', '.join(ONLY_READ)} TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"GRANT EXECUTE ON FUNCTION {', '.join(_FUNCTIONS)} TO {role}",
    ]


async def too_much(connection: AsyncConnection) -> list[str]:
    """The tables that this connection's role may change or delete from, and must not."""
    may = "has_table_privilege(CAST(:name AS text), 'UPDATE, DELETE, TRUNCATE')"
    asked = text(f"SELECT {may} OR pg_has_role(tableowner, 'USAGE') FROM pg_tables WHERE tablename = :name")
    return [n for n in ONLY_ADDED_TO if (await connection.execute(asked, {"name": n})).scalar()]
