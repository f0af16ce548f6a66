"""`ivr spool` and the doctor, as processes of their own beside a desk that is open or closed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands.doctor import examine
from ivr.desk.facts.fallback import nameless
from ivr.desk.facts.quarantine import try_again
from ivr.desk.reading import as_json
from ivr.settings import Settings
from ivr.store.facts import CaseOpenedFact, ConfidedFact, write
from ivr.store.tables import case_events, cases
from tests.desk.facts.test_fallback import put as put_fallback
from tests.desk.facts.test_fallback import put_open
from tests.desk.facts.test_reconcile import CHOSEN, put, recorded
from tests.desk.office import call, office, opening
from tests.fixtures.commands import typed
from tests.fixtures.damaged import damaged
from tests.store.noted import AT, CALL, lay


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


async def ivr(state: Path, url: str, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli", *arguments,
        env={**os.environ, "IVR_STATE": str(state), "IVR_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def listed(state: Path, url: str) -> dict[tuple[str, str], Any]:
    code, out, err = await typed(url, state, "spool", "list", "--json")
    assert code == 0, err
    return {(row["where"], row["name"]): row for row in json.loads(out)}


async def test_retry_brings_everything_in_while_no_server_runs(
    engine: AsyncEngine, database_url: str, tmp_path: Path, spool: Path
) -> None:
    stray, known = put(tmp_path), put(tmp_path)
    waits = put_fallback(tmp_path / "fallback", "1700000000_09141234567_123456789.wav")
    async with office(engine, spool, pumping=False) as desk:
        await desk.intake.open_case(call(), opening(recorded(tmp_path, known)))
        desk.journal.quarantine("x.fact", b"{}", "a fact was refused: as a test")
    found = await listed(tmp_path, database_url)
    assert set(found) == {
        ("journal", "case_opened"), ("quarantine", "x.fact"), ("fallback", nameless(waits)),
        ("recordings", stray), ("recordings", known),
    }  # fmt: skip
    assert found["recordings", stray]["since"] == "2023-11-14T22:13:20+00:00"
    assert found["quarantine", "x.fact"]["why"] == "a fact was refused: as a test"
    code, out, _ = await ivr(tmp_path, database_url, "spool", "retry", "--json")
    assert (code, json.loads(out)) == (
        0, {"cases": 1, "added": 0, "empty": 0, "growing": 0, "waiting": [], "unread": [], "fallback": 1,
            "left": [], "again": 0, "damaged": []}
    )  # fmt: skip
    assert len(await as_json.cases(engine)) == 3
    assert set(await listed(tmp_path, database_url)) == {("quarantine", "x.fact")}


async def test_retry_says_what_of_the_dialplans_it_leaves(
    engine: AsyncEngine, database_url: str, tmp_path: Path, spool: Path
) -> None:
    """What Asterisk died over, ivr serve watches for a while."""
    left = put_open(tmp_path / "fallback", "1700000000_09141234567_123456789.wav")
    code, out, _ = await ivr(tmp_path, database_url, "spool", "retry", "--json")
    assert (code, json.loads(out)["left"]) == (0, [nameless(left)]) and left.exists()
    code, out, _ = await ivr(tmp_path, database_url, "spool", "retry")
    assert code == 0 and "of the dialplan's: 1 (ivr spool list)" in out


async def test_retry_beside_a_server_leaves_its_live_calls_alone(
    engine: AsyncEngine, database_url: str, tmp_path: Path, spool: Path
) -> None:
    live, stray = put(tmp_path), put(tmp_path)
    async with office(engine, spool) as desk:
        await desk.intake.recording_begun(call(), live, CHOSEN)
        code, out, _ = await ivr(tmp_path, database_url, "spool", "retry", "--json")
        assert (code, json.loads(out)["waiting"]) == (0, [live])
        (case,) = await as_json.cases(engine)
        assert case["recordings"][0]["path"] == f"{stray}.wav"
        found = await listed(tmp_path, database_url)
        assert "its call goes on" in found["recordings", live]["why"]


async def test_what_another_release_wrote_is_put_aside_shown_and_taken_in_once_it_can_be_read(
    engine: AsyncEngine, database_url: str, tmp_path: Path, spool: Path
) -> None:
    opened = CaseOpenedFact(
        uuid.uuid4(), AT, "", CALL, "complaint", "water.supply", "ahar", "fa", "", "", recordings=()
    )
    newer = write(opened).replace(b'"type"', b'"version":2,"type"')
    lay(spool / "journal", newer)
    waiting = await listed(tmp_path, database_url)
    why = "case_opened of version 2: a newer release wrote it"
    assert why in waiting["journal", "unreadable"]["why"]
    code, out, _ = await typed(database_url, tmp_path, "spool", "inspect", str(opened.id))
    assert code == 0 and why in out and "09141234567" not in out
    other = spool / "1" / "journal"
    other.mkdir(parents=True)
    (other / "second").symlink_to(tmp_path / "not mounted")
    code, out, _ = await typed(database_url, tmp_path, "spool", "inspect", str(opened.id))
    assert code == 0 and why in out and f"{other}: [Errno 2]" in out and "does not show all" in out
    shutil.rmtree(spool / "1")
    async with office(engine, spool) as desk:
        await desk.pump.idle()
        assert await as_json.cases(engine) == []
        aside = spool / "journal" / "quarantine" / "00000001-0.fact"
        assert await try_again(engine, await desk.book.page(), spool) == 0 and aside.exists()
        assert ("quarantine", aside.name) in await listed(tmp_path, database_url)
        aside.write_bytes(write(opened))  # as if this were the newer release
        assert await try_again(engine, await desk.book.page(), spool) == 1
        assert [case["topic"] for case in await as_json.cases(engine)] == ["water.supply"]
        assert await try_again(engine, await desk.book.page(), spool) == 0
        assert not list(aside.parent.iterdir())


@pytest.mark.parametrize("names", [("a.fact", "b.fact"), ("b.fact", "a.fact")])
async def test_a_case_that_was_put_aside_with_the_wish_to_seal_it_opens_sealed_whichever_comes_first(
    engine: AsyncEngine, tmp_path: Path, spool: Path, names: tuple[str, str]
) -> None:
    opened = CaseOpenedFact(
        uuid.uuid4(), AT, "", CALL, "complaint", "water.supply", "ahar", "fa", "", "", recordings=()
    )
    wish = ConfidedFact(uuid.uuid4(), AT, str(opened.id), "", CALL)
    async with office(engine, spool) as desk:
        for name, body in zip(names, (write(opened), write(wish)), strict=True):
            desk.journal.quarantine(name, body, "a fact was refused: as a test")
        assert await try_again(engine, await desk.book.page(), spool) == 2
        assert not list((spool / "journal" / "quarantine").iterdir())
    async with engine.connect() as connection:
        rows = await connection.execute(select(cases.c.confidential, cases.c.agency))
        assert [tuple(row) for row in rows] == [("caller", "gov_inspection")]
        many = select(func.count(text("DISTINCT xmin::text"))).select_from(case_events)
        assert await connection.scalar(many) == 1, "in one transaction"


async def test_a_damaged_report_or_fact_that_was_put_aside_is_named_and_the_others_come_in(
    engine: AsyncEngine, database_url: str, tmp_path: Path, spool: Path
) -> None:
    """What a disk refuses has the same form as a folder in its place."""
    opened = [
        CaseOpenedFact(uuid.uuid4(), AT, "", replace(CALL, id=uuid.uuid4()), "complaint", "water.supply",
                       "ahar", "fa", "", "", recordings=())
        for _ in range(3)
    ]  # fmt: skip
    async with office(engine, spool) as desk:
        for number, each in enumerate(opened):
            desk.journal.quarantine(f"{number}.fact", write(each), "a fact was refused: as a test")
    aside = spool / "journal" / "quarantine"
    (aside / "0.fact").unlink()
    (aside / "0.fact").mkdir()
    (aside / "1.fact.why").write_bytes(b"no UTF-8: \xff")
    (aside / "2.fact.why").unlink()
    (aside / "2.fact.why").mkdir()
    found = await listed(tmp_path, database_url)
    assert {name for where, name in found if where == "quarantine"} == {"0.fact", "1.fact", "2.fact"}
    assert "why can't be read: Is a directory" in found["quarantine", "2.fact"]["why"]
    with damaged(aside):
        assert "quarantine" in {where for where, _ in await listed(tmp_path, database_url)}
        code, out, err = await typed(database_url, tmp_path, "spool", "retry", "--json")
        assert (code, json.loads(out)["damaged"]) == (1, [f"{aside}: Input/output error"])
    code, out, err = await typed(database_url, tmp_path, "spool", "retry", "--json")
    assert (code, json.loads(out)["again"]) == (1, 2)
    assert f"{aside / '0.fact'}: Is a directory" in err and "Traceback" not in err
    assert len(await as_json.cases(engine)) == 2


async def test_without_a_database_the_list_says_what_it_can(tmp_path: Path, spool: Path) -> None:
    put_fallback(tmp_path / "fallback", "1700000000_09141234567_123456789.wav")
    put(tmp_path)
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    code, out, err = await ivr(tmp_path, nowhere, "spool", "list", "--json")
    assert (code, [row["where"] for row in json.loads(out)]) == (1, ["fallback"])
    assert "can't be said" in err and "Traceback" not in err
    code, _, err = await ivr(tmp_path, nowhere, "spool", "retry")
    assert code == 1 and "the database can't be used" in err


async def test_the_doctor_names_what_does_not_come_into_the_books(
    engine: AsyncEngine, database_url: str, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.commands.doctor.ASTERISK_SECONDS", 0.1)  # there is none here to wait for
    settings = Settings(state=tmp_path, database_url=database_url)

    async def finding() -> tuple[bool, str]:
        return next((f.ok, f.found) for f in await examine(settings) if f.name == "spool")

    assert await finding() == (True, "nothing waits to come into the books")
    put(tmp_path)
    async with office(engine, spool) as desk:
        desk.journal.quarantine("x.fact", b"{}", "a fact was refused: as a test")
        await desk.intake.recording_begun(call(), put(tmp_path), CHOSEN)
        await desk.journal.flush()
        await desk.pump.idle()
        desk.journal.save_checkpoint()  # which it does by itself within a second
        assert await finding() == (False, "not in the books: 1 in quarantine, 1 in recordings")
