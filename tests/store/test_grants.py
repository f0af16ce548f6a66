"""What the service's database role may not do, tried as that role; and that the hotline lives with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.desk.case import closing
from ivr.desk.case.event_log import chain_older
from ivr.desk.keeping import custody, retention
from ivr.desk.keeping.sealing import seal
from ivr.desk.people.auditing import note
from ivr.lab.postgres import SERVICE
from ivr.store import grants, schema
from ivr.store.derived import Derived
from ivr.store.engine import make_engine
from tests.desk.counter import counter
from tests.desk.keeping.test_seal_proof import called
from tests.desk.keeping.test_verify import answered, findings, sql

LATER = datetime(2028, 1, 1, tzinfo=UTC)
OTHERWISE = {
    "the role itself": "SET ROLE postgres",
    "triggers and foreign keys": "SET session_replication_role = replica",
    "an owner": f"ALTER TABLE audit OWNER TO {SERVICE}",
    "a column": "ALTER TABLE audit DROP COLUMN reason",
    "a table": "DROP TABLE custody_entries",
    "a trigger": "CREATE TRIGGER x BEFORE UPDATE ON audit FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "the numbers": "SELECT setval('custody_numbers', 1)",
    "the codes' key": "UPDATE key_material SET value = ''",
    "the migrations": "UPDATE alembic_version SET version_num = '0001'",
}


async def refused(service: AsyncEngine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be (owner|able)|insufficient"):
        async with service.begin() as connection:
            await connection.execute(text(statement))


@pytest.mark.parametrize("table", grants.ONLY_ADDED_TO)
async def test_what_must_stay_is_neither_changed_nor_deleted_by_the_service(
    service: AsyncEngine, table: str
) -> None:
    async with service.connect() as connection:
        columns = await connection.execute(text(f"SELECT * FROM {table} LIMIT 0"))
        column = list(columns.keys())[-1]
    await refused(service, f"UPDATE {table} SET {column} = {column}")
    await refused(service, f"DELETE FROM {table}")
    await refused(service, f"TRUNCATE {table} CASCADE")


async def test_nor_by_any_other_way(service: AsyncEngine) -> None:
    for statement in OTHERWISE.values():
        await refused(service, statement)


async def test_a_chained_event_is_not_chained_anew_by_the_function_that_the_service_has(
    engine: AsyncEngine, service: AsyncEngine, tmp_path: Path
) -> None:
    await answered(await counter(service))
    async with service.begin() as connection:
        forge = "SELECT custody_chain(id, sha256('x'), sha256('y')) FROM case_events"
        await connection.execute(text(forge))
    assert await findings(engine, tmp_path) == []


async def test_the_hotline_lives_with_these_rights(
    engine: AsyncEngine, service: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(service)
    code = await answered(at)
    await called(service)
    await menus.publish(service, "111", "a", "admin")
    async with service.begin() as connection:
        await note(connection, LATER, "listened")
    await sql(engine, "UPDATE case_events SET hash = '', previous = '', state = ''")
    async with service.begin() as connection:
        assert await chain_older(connection) == 1, "what code from before the chain wrote"
    await sql(engine, "UPDATE case_events SET noted_on = noted_on - 1")
    assert len(await custody.keep(service, tmp_path / "custody", timedelta())) == 1
    await closing.close(service, at.page, at.ask(code, "citizen"))
    await sql(engine, "UPDATE outbox SET delivered_at = created_at")
    assert len(await seal(service)) == 1
    rules = [retention.Terms(anonymise_after=365)]
    terms = retention.Retention(rules=rules, calls=365, scraps=365)
    gone = await retention.keep(service, terms, tmp_path, Derived(tmp_path / "derived"), LATER)
    assert (gone.anonymised, gone.calls) == (1, 1) and await retention.prune(service, LATER) > 0
    assert await findings(service, tmp_path) == []


async def test_the_doctor_knows_a_role_that_may_too_much(engine: AsyncEngine, service: AsyncEngine) -> None:
    async with engine.connect() as owner, service.connect() as ours:
        assert await grants.too_much(owner) == list(grants.ONLY_ADDED_TO)
        assert await grants.too_much(ours) == []


async def test_one_role_alone_is_still_possible_and_one_that_is_not_there_is_said(empty_url: str) -> None:
    await schema.upgrade(empty_url, "postgres")
    with pytest.raises(grants.NoSuchRole, match="createuser nobody_known"):
        await schema.upgrade(empty_url, "nobody_known")
    engine = make_engine(empty_url)
    assert await schema.is_current(engine)
    await engine.dispose()
