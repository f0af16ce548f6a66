"""A migration only adds, so that the release before it goes on beside the new schema (CONTRIBUTING.md)."""

from __future__ import annotations

from typing import Any

from alembic import command as alembic
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from ivr.store import schema
from ivr.store.engine import make_engine

Tables = dict[str, dict[str, Any]]


def tables(connection: Connection) -> Tables:
    """Every table with its columns."""
    found = inspect(connection)
    return {name: {c["name"]: c for c in found.get_columns(name)} for name in found.get_table_names()}


def breaks(before: Tables, after: Tables, removes: tuple[str, ...] = ()) -> list[str]:
    """What code that was written for `before` can't do with `after`, apart from what it has long not used."""
    found = []
    for table, columns in before.items():
        now = after.get(table, {})
        gone = [f"{table}.{name}" for name in columns if name not in now] if now else [table]
        found += [f"{name} is gone" for name in gone if name not in removes]
        for name, column in now.items():
            was, optional = columns.get(name), column["nullable"] or _fills_itself(column)
            if was is None and not optional:
                found.append(f"{table}.{name} is new and must be given")
            elif was is not None and str(was["type"]) != str(column["type"]):
                found.append(f"{table}.{name} is another type")
            elif was is not None and (was["nullable"] or _fills_itself(was)) and not optional:
                found.append(f"{table}.{name} must be given now")
            elif was is not None and was["nullable"] and not column["nullable"]:
                found.append(f"{table}.{name} may not be null any more")
    return found


def _fills_itself(column: dict[str, Any]) -> bool:
    return bool(column["default"] or column.get("identity") or column.get("computed"))


async def test_each_migration_leaves_the_release_before_it_able_to_work(empty_url: str) -> None:
    engine, config = make_engine(empty_url), schema._config()  # Alembic's settings as the upgrade makes them
    revisions = [*ScriptDirectory.from_config(config).walk_revisions()][::-1]

    def upgrade(connection: Connection, revision: str) -> Tables:
        config.attributes["connection"] = connection
        alembic.upgrade(config, revision)
        return tables(connection)

    async with engine.begin() as connection:
        before: Tables = {}
        for each in revisions:
            after = await connection.run_sync(upgrade, each.revision)
            found = breaks(before, after, getattr(each.module, "REMOVES", ()))
            assert not found, f"migration {each.revision}: {', '.join(found)}"
            before = after
    await engine.dispose()


async def test_what_would_break_the_release_before_is_seen(empty_url: str) -> None:
    """The rule can fail: each way of breaking it, on a real database."""
    engine = make_engine(empty_url)
    wrongs = {
        "DROP TABLE t": "t is gone",
        "ALTER TABLE t DROP COLUMN b": "t.b is gone",
        "ALTER TABLE t RENAME b TO c": "t.b is gone",
        "ALTER TABLE t ADD c int NOT NULL": "t.c is new and must be given",
        "ALTER TABLE t ALTER b SET NOT NULL": "t.b must be given now",
        "ALTER TABLE t ALTER d DROP DEFAULT": "t.d must be given now",
        "ALTER TABLE t ALTER b SET DEFAULT 0, ALTER b SET NOT NULL": "t.b may not be null any more",
        "ALTER TABLE t ALTER b TYPE text": "t.b is another type",
    }
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TABLE t (a int NOT NULL, b int, d int NOT NULL DEFAULT 0)"))
        before = await connection.run_sync(tables)
        for statement, complaint in wrongs.items():
            async with connection.begin_nested() as point:
                await connection.execute(text(statement))
                assert complaint in breaks(before, await connection.run_sync(tables)), statement
                await point.rollback()
        await connection.execute(text("ALTER TABLE t ADD c int, ADD e int NOT NULL DEFAULT 0, DROP b"))
        assert breaks(before, await connection.run_sync(tables), ("t.b",)) == []
    await engine.dispose()
