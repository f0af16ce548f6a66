"""Roots of seals on their way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.keeping import sealing
from ivr.desk.keeping.seal_proof import read_roots
from ivr.desk.keeping.sealing import RootsUnkept, Seal, seal
from ivr.desk.keeping.witnessing import LATE, NOBODY, Witnesses, send_away, troubles
from ivr.desk.letters.outgoing import give_up
from ivr.notify.mail import Mail
from ivr.notify.post import Dispatch
from ivr.settings import Email
from ivr.store import disk_thread
from ivr.store.engine import is_away
from ivr.store.tables import outbox
from tests.desk.keeping.test_seal_proof import NOW, listened
from tests.desk.keeping.test_verify import findings, sql
from tests.desk.office import office
from tests.fixtures.commands import ivr
from tests.fixtures.damaged import asleep
from tests.loops.test_put_aside import worker_at

BOTH = Witnesses(mail=("archive@example.org",), webhook=("https://example.org/roots",))


async def sealed(engine: AsyncEngine, witnesses: Witnesses) -> Seal:
    """Something happens, is sealed and told."""
    await listened(engine, 1)
    *_, made = await seal(engine)
    await send_away(engine, witnesses, datetime.now(UTC))
    return made


async def letters(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(outbox).order_by(outbox.c.kind))).all())


async def test_the_newest_root_leaves_by_mail_and_webhook_once_and_not_every_minute(
    engine: AsyncEngine,
) -> None:
    first = await sealed(engine, BOTH)
    await sealed(engine, BOTH)
    mail, hook = await letters(engine)
    assert (mail.kind, mail.payload["to"], mail.payload["subject"]) == ("email", BOTH.mail[0], first.line)
    assert (hook.kind, hook.payload["details"]["root"]) == ("webhook", first.root.hex())
    await sql(engine, "UPDATE custody_seals SET made_at = made_at - interval '1 h'")
    third = await sealed(engine, BOTH)
    assert [each.payload["subject"] for each in await letters(engine) if each.kind == "email"].count(
        third.line
    ) == 1
    assert len(await letters(engine)) == 4


async def test_a_seal_over_letters_alone_is_told_by_no_further_letter(engine: AsyncEngine) -> None:
    at_once = Witnesses(mail=BOTH.mail, every=timedelta())
    await sealed(engine, at_once)
    (made,) = await seal(engine)
    await send_away(engine, at_once, NOW)
    assert made.entries == 1 and len(await letters(engine)) == 1
    assert await seal(engine) == []


async def test_a_file_gets_every_root_and_verify_compares_with_it(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "elsewhere" / "roots"
    lines = [(await sealed(engine, Witnesses(file=file))).line for _ in range(3)]
    assert file.read_text().splitlines() == lines
    assert (await ivr(database_url, tmp_path, "verify", "--witness", str(file)))[0] == 0
    forged = file.read_text().replace(lines[1][-4:], "0000")
    file.write_text(forged)
    status, said = await ivr(database_url, tmp_path, "verify", "--witness", str(file.parent))
    assert status == 1 and "seal_changed: seal 2 of" in said
    assert (await ivr(database_url, tmp_path, "verify", "--witness", "/nowhere"))[0] == 2


async def test_a_file_that_takes_no_root_is_no_database_that_is_away(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Which is waited for: where the unit's rights did not reach, no root left and nothing told of it."""
    (tmp_path / "archive").touch()
    with pytest.raises(RootsUnkept, match=r"can't be kept in .*archive/roots: Not a directory") as told:
        await sealed(engine, Witnesses(file=tmp_path / "archive" / "roots"))
    assert not is_away(told.value)


async def test_roots_leave_also_while_our_own_list_takes_none_and_that_is_told(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (lists := tmp_path / "lists").touch()
    async with office(engine, tmp_path / "desk", pumping=False) as desk:
        worker = worker_at(NOW, desk, tmp_path)
        worker.cellar = replace(worker.cellar, witnesses=replace(BOTH, file=tmp_path / "roots"))
        await listened(engine, 1)
        with pytest.raises(RootsUnkept, match=f"can't be kept in {lists}"):
            await worker._seal()  # a turn: the loop's come every minute
    assert [each.kind for each in await letters(engine)] == ["email", "webhook"]
    assert (tmp_path / "roots").read_text().startswith("seal 1 ")


async def test_a_witness_that_hangs_stops_no_sealing_and_is_told(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "UNKEPT_SECONDS", 0.2)
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", 0.2)
    away = Witnesses(file=tmp_path / "mount" / "roots")
    async with office(engine, tmp_path / "desk", pumping=False) as desk:
        worker = worker_at(NOW, desk, tmp_path)
        worker.cellar = replace(worker.cellar, witnesses=away)
        with asleep(tmp_path / "mount"):
            for row in (1, 2):
                await listened(engine, row)
                with pytest.raises(RootsUnkept, match=r"can't be kept in .*mount/roots: it hangs"):
                    await worker._seal()  # a turn: the loop's come every minute
            await sql(engine, f"UPDATE custody_seals SET made_at = made_at - interval '{LATE.seconds + 1} s'")
            assert f"{away.file} lacks the latest roots" in await troubles(engine, away)
        async with engine.connect() as connection:
            assert (await sealing.last_seal(connection)).seal == 2


def test_a_mail_that_was_kept_is_read_as_it_came(tmp_path: Path) -> None:
    made = Seal(7, bytes(32), bytes([171] * 32), 1, 1, 1, NOW)
    payload = {"subject": made.line, "text": "فارسی\n" + made.line}
    mail = Dispatch("1", "email", "a@example.org", payload)
    message = Mail(Email(), 1.0)._message(mail)  # what is sent, without a server
    (tmp_path / "one.eml").write_bytes(message.as_bytes())
    assert read_roots(tmp_path) == {7: {"ab" * 32: NOW}}


async def test_what_is_not_sealed_and_roots_that_do_not_leave_are_told(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    there = Witnesses(file=tmp_path / "roots", mail=BOTH.mail)
    await sealed(engine, there)
    assert await troubles(engine, there) == []
    await sql(engine, f"UPDATE custody_seals SET made_at = made_at - interval '{LATE.seconds + 1} s'")
    assert await troubles(engine, there) == [], "what is new after a quiet time has yet to be sealed"
    await sql(engine, f"UPDATE outbox SET created_at = now() - interval '{LATE.seconds + 1} s'")
    (tmp_path / "roots").unlink()
    found = await troubles(engine, there)
    assert [each.split(" ", 1)[1].partition(",")[0] for each in found] == [
        "rows wait for a seal", "lacks the latest roots", "letters with a root have not left"
    ]  # fmt: skip
    assert await findings(engine, tmp_path / "x") != []


async def test_a_root_that_did_not_leave_is_missed_until_a_later_one_is_there(engine: AsyncEngine) -> None:
    """Which stands for all before it: of an outage that is over nothing is left to tell."""
    await sealed(engine, BOTH)
    await sql(engine, "UPDATE outbox SET created_at = now() - interval '2 h', dead_at = now()")
    assert await troubles(engine, BOTH) == ["2 letters with a root have not left"]
    assert await troubles(engine, Witnesses(mail=BOTH.mail)) == ["1 letters with a root have not left"]
    assert await troubles(engine, NOBODY) == []
    await sql(engine, "UPDATE custody_seals SET made_at = made_at - interval '1 h'")
    await sealed(engine, BOTH)
    await sql(engine, "UPDATE outbox SET delivered_at = now() WHERE dead_at IS NULL AND kind = 'email'")
    assert await troubles(engine, BOTH) == ["1 letters with a root have not left"], "the webhook's"
    await sql(engine, "UPDATE outbox SET delivered_at = now() WHERE dead_at IS NULL")
    assert await troubles(engine, BOTH) == []


async def test_a_root_that_was_given_up_is_there_for_none_before_it(engine: AsyncEngine) -> None:
    await sealed(engine, BOTH)
    await sql(engine, "UPDATE outbox SET created_at = now() - interval '2 h'")
    await sql(engine, "UPDATE custody_seals SET made_at = made_at - interval '1 h'")
    await sealed(engine, BOTH)
    await sql(engine, "UPDATE outbox SET dead_at = now()")
    newest = sorted(await letters(engine), key=lambda row: row.created_at)[-2:]
    ids = [row.id for row in newest]
    assert await give_up(engine, NOW, ids, "این صندوق دیگر نیست") == set(ids)
    assert await troubles(engine, BOTH) == ["2 letters with a root have not left"]
