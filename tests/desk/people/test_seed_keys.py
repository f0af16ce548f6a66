"""Seeds of second factors at rest: a copy of the database signs nobody in."""

from __future__ import annotations

import stat
import uuid
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.roles import Role
from ivr.commands import exposure
from ivr.desk.keeping.backup import KEPT
from ivr.desk.people import own_account, resealing, signing_in, totp
from ivr.desk.people.seed_keys import SeedKeys, SeedUnreadable
from ivr.installation import factor_keys
from ivr.settings import Settings
from ivr.store import key_file
from ivr.store.tables import people
from tests.desk.office import WEDNESDAY as NOW
from tests.desk.people.test_granting import made
from tests.fixtures.commands import ivr

SEED = totp.new_secret()
CODE = totp.code_at(SEED, int(NOW.timestamp()) // totp.STEP_SECONDS)


@pytest.fixture
def keys(tmp_path: Path) -> SeedKeys:
    return factor_keys(Settings(state=tmp_path))


async def kept(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return [*(await connection.execute(select(people.c.totp_secret).order_by(people.c.name))).scalars()]


def test_a_sealed_seed_says_nothing_and_is_none_in_another_persons_row(keys: SeedKeys) -> None:
    hers, his = uuid.uuid4(), uuid.uuid4()
    sealed = keys.seal(SEED, hers)
    assert SEED not in sealed and sealed != keys.seal(SEED, hers) and keys.open(sealed, hers) == SEED
    with pytest.raises(SeedUnreadable):
        keys.open(sealed, his)
    with pytest.raises(SeedUnreadable):
        keys.open(sealed[:-4] + ("AAA=" if sealed[-4:] != "AAA=" else "BBB="), hers)


def test_the_key_is_the_owners_alone_made_once_and_in_no_backup(keys: SeedKeys) -> None:
    assert keys.path is not None
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    first = keys.path.read_text()
    key_file.make(keys.path)
    assert keys.path.read_text() == first and keys.path.parent.name not in KEPT


async def test_a_seed_that_stood_in_clear_is_sealed_as_its_code_is_used(
    engine: AsyncEngine, keys: SeedKeys
) -> None:
    id = await made(engine, "karimi", Role.ADMIN, totp_since=NOW, totp_secret=SEED)
    async with engine.begin() as connection:
        assert await signing_in.spend(connection, id, CODE, NOW, keys) == "totp"
        assert await signing_in.spend(connection, id, CODE, NOW, keys) == "", "once"
    [sealed] = await kept(engine)
    assert keys.open(sealed, id) == SEED != sealed


async def test_a_proposed_seed_is_the_same_until_it_is_confirmed_and_never_in_clear(
    engine: AsyncEngine, keys: SeedKeys
) -> None:
    id = await made(engine, "karimi", Role.ADMIN)
    proposed = await own_account.propose_factor(engine, id, keys)
    assert await own_account.propose_factor(engine, id, keys) == proposed
    assert proposed not in (await kept(engine))[0]


async def test_the_command_seals_all_and_changes_the_key_beside_a_server_that_reads_it_again(
    engine: AsyncEngine, database_url: str, tmp_path: Path, keys: SeedKeys
) -> None:
    ids = [
        await made(engine, name, Role.ADMIN, totp_since=NOW, totp_secret=SEED)
        for name in ("amini", "karimi", "rezaei")
    ]
    settings = Settings(state=tmp_path, database_url=database_url)
    assert "in clear" in (await exposure.seeds(settings)).found
    code, said = await ivr(database_url, tmp_path, "user", "seal-factors")
    assert code == 0 and said.startswith("3 sealed anew, 3 in all")
    before = await kept(engine)
    assert [keys.open(each, id) for each, id in zip(before, ids, strict=True)] == [SEED] * 3
    assert not (await exposure.seeds(settings)).found
    code, said = await ivr(database_url, tmp_path, "user", "seal-factors", "--new-key")
    assert code == 0 and said.startswith("3 sealed anew, 3 in all")
    after = await kept(engine)
    assert [keys.open(each, id) for each, id in zip(after, ids, strict=True)] == [SEED] * 3
    with pytest.raises(SeedUnreadable):
        keys.open(before[0], ids[0])  # the old key is forgotten


async def test_whom_the_database_refuses_makes_no_key_for_the_seeds(tmp_path: Path, keys: SeedKeys) -> None:
    assert keys.path is not None
    before = keys.path.read_bytes()
    away = "postgresql://nobody@127.0.0.1:1/none"
    code, said = await ivr(away, tmp_path, "user", "seal-factors", "--new-key")
    assert (code, keys.path.read_bytes()) == (1, before) and "the database can't be used" in said
    keys.path.unlink()
    assert (await ivr(away, tmp_path, "user", "seal-factors"))[0] == 1 and not keys.path.exists()


async def test_without_the_key_a_recovery_code_is_good_and_the_doctor_names_who_is_concerned(
    engine: AsyncEngine, database_url: str, tmp_path: Path, keys: SeedKeys
) -> None:
    code = totp.recovery_codes()[0]
    more = {"totp_since": NOW, "totp_secret": SEED, "recovery": [totp.recovery_hash(code)]}
    id = await made(engine, "karimi", Role.ADMIN, **more)
    async with engine.begin() as connection:
        await connection.execute(update(people).values(totp_secret=keys.seal(SEED, id)))
    assert keys.path is not None
    keys.path.unlink()
    another = factor_keys(Settings(state=tmp_path))
    async with engine.begin() as connection:
        assert await signing_in.spend(connection, id, CODE, NOW, another) == ""
        assert await signing_in.spend(connection, id, code, NOW, another) == "recovery"
    found = await exposure.seeds(Settings(state=tmp_path, database_url=database_url))
    assert "karimi" in found.found and "totp-reset" in found.mend
    assert (await resealing.look(engine, another)).lost == ("karimi",)
