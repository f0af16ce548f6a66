"""What `ivr verify` finds in what was sealed a minute ago, whoever changed it and however well."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.custody import chained, state_of
from ivr.cases.proving import Finding
from ivr.desk.book import menus
from ivr.desk.keeping import proved, retention, seal_proof, sealing
from ivr.desk.keeping.seal_proof import read_roots
from ivr.desk.keeping.sealing import Seal, keep_roots, root_of, seal
from ivr.desk.people.auditing import note
from ivr.store.derived import Derived
from ivr.store.journal import journal_marks
from ivr.store.tables import calls, case_events, cases, custody_entries, custody_seals, outbox
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import HERE, answered, findings, sql
from tests.fixtures.damaged import damaged

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
MADE_AT = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)


async def listened(engine: AsyncEngine, times: int) -> None:
    async with engine.begin() as connection:
        for number in range(times):
            await note(connection, NOW, "listened", subject=f"case/{number}")


async def called(engine: AsyncEngine, ended: datetime | None = NOW) -> uuid.UUID:
    call = uuid.uuid4()
    row = {"id": call, "unique_id": "1.1", "caller": "0914", "caller_key": "+98914", "caller_name": ""}
    row |= {"started_at": NOW, "ended_at": ended, "language": "fa", "menu_name": "", "menu_revision": ""}
    async with engine.begin() as connection:
        await connection.execute(insert(calls).values(row | {"steps": [{"key": "1"}]}))
    return call


async def a_day(engine: AsyncEngine) -> tuple[Counter, list[str]]:
    """Four cases, five looks at them, two calls, two menus, everything sealed."""
    at = await counter(engine)
    codes = [await answered(at) for _ in range(4)]
    await listened(engine, 5)
    for _ in range(2):
        await called(engine)
    for revision in ("a", "b"):
        await menus.publish(engine, "111", revision, "admin")
    await seal(engine)
    return at, codes


def kinds(found: Sequence[Finding]) -> set[str]:
    return {each.kind for each in found}


ENDED = "(SELECT %s(id::text)::uuid FROM calls WHERE ended_at IS NOT NULL)"
LETTER = "(SELECT %s(noted_no) FROM outbox)"
# Which finding must name it → what was done, and how its sentence begins.
ATTACKS: dict[str, tuple[str, str]] = {
    "audit_removed": ("DELETE FROM audit WHERE id = 2", "audit row 2 "),
    "audit_changed": ("UPDATE audit SET person_id = NULL, reason = 'x' WHERE id = 4", "audit row 4 "),
    "call_removed": (f"DELETE FROM calls WHERE id = {ENDED % 'min'}", "call "),
    "call_changed": (f"UPDATE calls SET steps = '[1]' WHERE id = {ENDED % 'max'}", "call "),
    "letter_removed": (f"DELETE FROM outbox WHERE noted_no = {LETTER % 'min'}", "letter "),
    "letter_changed": (f"UPDATE outbox SET payload = '1' WHERE noted_no = {LETTER % 'max'}", "letter "),
    "menu_removed": ("DELETE FROM menu_revisions WHERE text = 'a'", "menu revision 111/1 "),
    "menu_changed": ("UPDATE menu_revisions SET text = 'x' WHERE text = 'b'", "menu revision 111/2 "),
}


async def test_rows_that_are_changed_or_taken_away_are_named(engine: AsyncEngine, tmp_path: Path) -> None:
    _, codes = await a_day(engine)
    assert await findings(engine, tmp_path) == []
    for statement, _ in ATTACKS.values():
        await sql(engine, statement)
    said = {each.kind: each.text for each in await findings(engine, tmp_path)}
    assert {kind: said[kind].startswith(start) for kind, (_, start) in ATTACKS.items()} == dict.fromkeys(
        said, True
    )
    gone, moved = codes[:2]
    await sql(engine, f"DELETE FROM referrals WHERE {HERE} AND ended_at IS NOT NULL", code=gone)
    await sql(engine, f"UPDATE referrals SET ended_at = now() WHERE {HERE} AND ended_at IS NULL", code=moved)
    named = {(each.kind, each.case) for each in await findings(engine, tmp_path) if each.case}
    assert named == {("referral_removed", gone), ("referral_changed", moved), ("referral_removed", moved)}


async def rehash(engine: AsyncEngine, code: str) -> None:
    """Make the case's last event vouch for the row as it is now, as whoever knows this code could."""
    async with engine.begin() as connection:
        case = (await connection.execute(select(cases).where(cases.c.code == code))).one()
        query = select(case_events).where(case_events.c.case_id == case.id).order_by(case_events.c.seq)
        *_, last = (await connection.execute(query)).all()
        (row,) = chained([dict(last._mapping)], state_of(case._mapping), bytes(last.previous))
        change = update(case_events).where(case_events.c.id == last.id)
        await connection.execute(change.values(state=row["state"], hash=row["hash"]))


NEVER_ANSWERED = (
    f"DELETE FROM case_events WHERE {HERE} AND seq = 7",
    "UPDATE cases SET answer = '', answered_at = NULL, status = 'referred', stopped_at = NULL,"
    " last_seq = 6 WHERE code = :code",
)


async def test_the_last_event_of_today_or_a_whole_case_of_today_can_not_be_dropped_and_hashed_anew(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at, (shorter, gone, *_) = await a_day(engine)
    case = str((await at.row(gone)).id)
    await sql(engine, *NEVER_ANSWERED, code=shorter)
    await rehash(engine, shorter)
    children = [f"DELETE FROM {each} WHERE {HERE}" for each in ("case_events", "referrals", "precedents")]
    letters = "DELETE FROM outbox WHERE payload ->> 'case' = :code"
    await sql(engine, *children, letters, "DELETE FROM cases WHERE code = :code", code=gone)
    found = await findings(engine, tmp_path)
    named = {(each.kind, each.case, each.event) for each in found if each.case}
    assert {("event_removed", shorter, 7), ("case_removed", case, None)} <= named
    assert await findings(engine, tmp_path, shorter) == [], "its own chain is whole"


async def test_whoever_rewrites_the_seals_too_is_told_by_the_roots_that_were_written_down(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await a_day(engine)
    roots = tmp_path / "custody" / sealing.ROOTS
    await keep_roots(engine, roots)
    await listened(engine, 3)
    (second,) = await seal(engine)
    await keep_roots(engine, roots)
    await keep_roots(engine, roots)
    lines = roots.read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["1", "2"] and lines[1] == second.line
    assert await findings(engine, tmp_path) == []

    await sql(engine, "DELETE FROM audit WHERE id = 7")
    await sql(engine, "DELETE FROM custody_entries WHERE kind = 'audit' AND key = '7'")
    assert kinds(await findings(engine, tmp_path)) == {"seal_changed"}
    async with engine.begin() as connection:
        its = custody_entries.c
        query = select(its.number, its.kind, its.key, its.digest).where(its.seal == 2).order_by(its.number)
        left: list[Any] = [tuple(row) for row in await connection.execute(query)]
        root = root_of(2, second.made_at, second.previous, left)
        change = update(custody_seals).where(custody_seals.c.seal == 2)
        await connection.execute(change.values(root=root, entries=len(left)))
    (said,) = await findings(engine, tmp_path)
    assert said.kind == "seal_changed" and "told elsewhere" in said.text and "seal 2 of 20" in said.text
    assert await findings(engine, tmp_path / "another machine") == [], "nobody there knows better"

    await sql(
        engine, "DELETE FROM custody_entries WHERE seal = 2", "DELETE FROM custody_seals WHERE seal = 2"
    )
    assert "seal_removed" in kinds(await findings(engine, tmp_path))
    await sql(engine, "DELETE FROM custody_entries", "DELETE FROM custody_seals")
    assert [each.kind for each in await findings(engine, tmp_path)] == ["seal_removed"] * 2


async def test_roots_of_what_was_lost_as_the_database_went_back_are_one_finding_until_somebody_has_looked(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice: a journal tells of the last time alone."""
    monkeypatch.setattr(journal_marks, "AT_WORK", timedelta())  # else the second covers the first
    roots = tmp_path / "custody" / sealing.ROOTS

    async def one_more() -> Seal:
        await listened(engine, 1)
        [made] = await seal(engine)
        await keep_roots(engine, roots)
        return made

    for _ in range(2):
        kept, lost = await one_more(), await one_more()
        gone = f"DELETE FROM {{}} WHERE {{}} > {kept.up_to}"
        await sql(engine, gone.format("audit", "noted_no"), gone.format("custody_entries", "number"))
        await sql(engine, gone.format("custody_seals", "up_to"))
        instead = await one_more()
        assert instead.seal == lost.seal and roots.read_text().endswith(f"{lost.line}\n{instead.line}\n")
        assert kinds(await findings(engine, tmp_path)) == {"seal_changed"}
        async with engine.begin() as connection:
            await journal_marks.begin(connection, "one")
            await journal_marks.note_setback(connection, "one", kept.made_at, 12, False)
        assert kinds(await findings(engine, tmp_path)) == {"went_back"}
        await proved.see(engine, "با میزها سنجیده شد", [roots])
        assert await findings(engine, tmp_path) == []


async def test_whoever_rewrites_the_books_can_not_write_there_that_a_setback_excuses_him(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor that somebody has looked, nor by waiting; and what is noted here excuses nothing elsewhere."""
    roots, elsewhere = tmp_path / "custody" / sealing.ROOTS, tmp_path / "elsewhere"
    await listened(engine, 2)
    [kept] = await seal(engine)
    for file in (roots, elsewhere):
        await keep_roots(engine, file)
    await sql(engine, *(f"DELETE FROM {each}" for each in ("audit", "custody_entries", "custody_seals")))
    await listened(engine, 1)
    await seal(engine)
    async with engine.begin() as connection:
        await journal_marks.begin(connection, "one")
        await journal_marks.note_setback(connection, "one", kept.made_at, 12, False)
        await proved.note_restore(connection, kept.made_at.replace(year=2020).isoformat())
    assert [each.kind for each in await findings(engine, tmp_path)] == ["went_back"] * 2
    await proved.see(engine, "نوشتهٔ خودش")
    monkeypatch.setattr(journal_marks, "TOLD", timedelta())
    assert [each.kind for each in await findings(engine, tmp_path)] == ["went_back"] * 2

    lines = await proved.see(engine, "با میزها سنجیده شد", [roots])
    assert await findings(engine, tmp_path) == []
    assert kinds(await findings(engine, tmp_path, witnesses=(elsewhere,))) == {"went_back"}
    elsewhere.write_text("\n".join([elsewhere.read_text(), *lines]))
    assert await findings(engine, tmp_path, witnesses=(elsewhere,)) == []


def test_a_log_that_quotes_a_setback_excuses_nothing() -> None:
    line = "went_back 2026-11-27T06:30:00+00:00 2026-11-26T06:30:00+00:00"
    assert len(sealing.setbacks_in(f"seal 1\n{line}\n")) == 1
    quoted = (f"Nov 27 10:00:01 host ivr[7]: {line}", f"  {line}", "went_back 2026-11-27T06:30:00+00:00 -")
    assert sealing.setbacks_in("\n".join(quoted)) == []


async def test_half_a_line_that_a_full_disk_left_hides_no_root(engine: AsyncEngine, tmp_path: Path) -> None:
    roots = tmp_path / "custody" / sealing.ROOTS
    await listened(engine, 1)
    [first] = await seal(engine)
    await keep_roots(engine, roots)
    await listened(engine, 1)
    [second] = await seal(engine)
    with roots.open("a") as file:
        file.write(second.line[:6])
    for _ in range(2):
        await keep_roots(engine, roots)
    assert roots.read_text().splitlines() == [first.line, second.line[:6], second.line]


async def test_a_row_that_is_slipped_under_a_sealed_number_is_named(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await listened(engine, 2)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT nextval('custody_numbers') FROM generate_series(1, 2)"))
    await listened(engine, 1)
    await seal(engine)
    await seal(engine, given_up=timedelta())  # the two that were rolled back
    assert await findings(engine, tmp_path) == []
    names = "at, action, subject, reason, address, detail"
    slip = f"INSERT INTO audit ({names}, noted_no) SELECT {names}, 3 FROM audit WHERE noted_no = 1"
    await sql(engine, slip)
    assert [(each.kind, each.text.split(" was")[0]) for each in await findings(engine, tmp_path)] == [
        ("audit_added", "audit row 4")
    ]


async def test_what_retention_takes_is_no_finding_and_what_somebody_else_took_is_one(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await a_day(engine)
    later = NOW + timedelta(days=400)
    async with engine.begin() as connection:
        half = select(func.percentile_disc(0.5).within_group(outbox.c.noted_no)).scalar_subquery()
        sent = update(outbox).where(outbox.c.noted_no <= half).values(delivered_at=NOW)
        await connection.execute(sent)
    terms = retention.Retention(calls=365)
    derived = Derived(tmp_path / "derived")
    assert (await retention.keep(engine, terms, tmp_path / "recordings", derived, later)).calls == 2
    assert await retention.prune(engine, later) > 2
    assert await findings(engine, tmp_path) == []
    await seal(engine)
    assert await findings(engine, tmp_path) == []
    await sql(engine, "DELETE FROM audit WHERE action = 'calls_forgotten'")
    await sql(engine, "DELETE FROM outbox WHERE noted_no = (SELECT max(noted_no) FROM outbox)")
    assert sorted(each.kind for each in await findings(engine, tmp_path)) == [
        *("audit_removed", "call_removed", "call_removed", "letter_removed")
    ]


async def test_what_retention_takes_while_the_proof_runs_is_no_finding(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a letter of the first seal, which is proved, and then one of the second."""
    at, later, waiting = await counter(engine), NOW + timedelta(days=400), list[int]()
    for _ in range(2):
        await at.open()
        [made] = await seal(engine)
        waiting.append(made.up_to)
    monkeypatch.setattr(seal_proof, "PAGE", 1)
    pages, pruned = seal_proof._seals, list[int]()  # between two pages

    async def prune_first(connection: AsyncConnection, after: int) -> list[Seal]:
        if waiting:
            sent = update(outbox).where(outbox.c.noted_no <= waiting.pop(0)).values(delivered_at=NOW)
            async with engine.begin() as other:
                await other.execute(sent)
            pruned.append(await retention.prune(engine, later))
        return await pages(connection, after)

    monkeypatch.setattr(seal_proof, "_seals", prune_first)
    assert await findings(engine, tmp_path) == []
    assert len(pruned) == 2 and all(pruned), "one letter or more of each seal"


def test_roots_are_read_from_a_log_as_well_as_from_a_list(tmp_path: Path) -> None:
    line = f"Nov 27 10:00:01 host ivr[7]: custody: seal 3 2026-11-27T06:30:00.000000+00:00 {'ab' * 32} over 7"
    (tmp_path / "journal").write_text(f"something else\n{line}\n")
    assert read_roots(tmp_path) == {3: {"ab" * 32: MADE_AT}}


def test_a_folder_of_a_witness_that_its_disk_does_not_give_is_told_and_the_others_are_read(
    tmp_path: Path,
) -> None:
    sick, well = tmp_path / "a" / "sick", tmp_path / "b"
    for number, folder in enumerate((sick, well), 3):
        folder.mkdir(parents=True)
        (folder / "roots").write_text(f"seal {number} 2026-11-27T06:30:00.000000+00:00 {'ab' * 32}\n")
    told: list[Path] = []
    with damaged(sick):
        assert read_roots(tmp_path, refused=lambda at, _: told.append(at)) == {4: {"ab" * 32: MADE_AT}}
        assert read_roots(sick, well, refused=lambda at, _: told.append(at)) == {4: {"ab" * 32: MADE_AT}}
    assert told == [sick, sick]
