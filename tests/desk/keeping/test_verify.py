"""What `ivr verify` finds: whatever is changed or taken away, by name."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.custody import event_hash, state_of
from ivr.cases.proving import Finding
from ivr.desk.case import answers, closing, event_log, pausing, precedents, referring, rows
from ivr.desk.case.registering import Wanted, register
from ivr.desk.keeping import custody, proved, sealing
from ivr.desk.keeping.proved import LastProof
from ivr.desk.keeping.verify import Verification, prove
from ivr.desk.people.auditing import listed
from ivr.store.journal import journal_marks
from ivr.store.tables import case_events, recordings
from ivr.store.volumes import link
from ivr.voice.actions import KeepWords
from tests.desk.counter import Counter, counter
from tests.desk.facts.test_reconcile import put, recorded
from tests.desk.office import call, office, opening
from tests.fixtures.commands import ivr
from tests.fixtures.damaged import asleep, bad_sector, damaged, root_s


async def findings(
    engine: AsyncEngine,
    folder: Path,
    code: str = "",
    roots: Sequence[str] = (),
    witnesses: Sequence[Path] = (),
) -> list[Finding]:
    found: list[Finding] = []
    proof = Verification(engine, folder / "recordings", folder / "custody", found.append)
    proof.witnesses = tuple(witnesses)
    await prove(proof, code, roots)
    return found


async def sql(engine: AsyncEngine, *statements: str, **values: Any) -> None:
    """As somebody with the database's password may, in one transaction, foreign keys or not."""
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await connection.execute(text(statement), values if ":" in statement else {})


async def with_words(engine: AsyncEngine, folder: Path) -> tuple[str, list[str]]:
    """A case of two recordings, of which the second replaced the first."""
    names = [put(folder), put(folder)]
    async with office(engine, folder / "spool") as desk:
        facts = call()
        code = await desk.intake.open_case(facts, opening(recorded(folder, names[0])))
        await desk.intake.keep_words(facts, KeepWords(code, recorded(folder, names[1]), instead=True))
        await desk.pump.idle()
    return code, names


async def alike(engine: AsyncEngine, name: str, many: int) -> None:
    """So many rows more, named as that one and 00, 01, …; no files."""
    async with engine.begin() as connection:
        row = (await connection.execute(select(recordings).where(recordings.c.name.endswith(name)))).one()
        rows = [{**row._mapping, "id": uuid.uuid4(), "name": f"{row.name}{n:02}"} for n in range(many)]
        await connection.execute(recordings.insert(), rows)


async def answered(at: Counter) -> str:
    """A case with a ruling, a pause and an answer: seven events."""
    code = await at.open()
    page = at.page
    await referring.refer(at.engine, page, at.ask(code), "edu")
    await referring.rule(at.engine, page, at.ask(code, reason="ماده ۵"), "abfa")
    await pausing.pause(at.engine, page, at.ask(code, reason="نیاز به سند"), 2)
    await pausing.resume(at.engine, page, at.ask(code))
    await answers.give(at.engine, page, at.ask(code, "abfa"), "لوله تعویض شد")
    return code


AT_ONCE = timedelta()


async def close_days(
    engine: AsyncEngine, folder: Path, days: int = 1, settle: timedelta = AT_ONCE
) -> list[custody.ClosedDay]:
    """As if everything had been written so many days earlier; right after midnight, too."""
    await sql(engine, f"UPDATE case_events SET noted_on = noted_on - {days}")
    return await custody.keep(engine, folder / "custody", settle)


def list_of(folder: Path, day: custody.ClosedDay) -> Path:
    return custody.list_path(folder / "custody", day.day)


async def test_an_untouched_life_is_clean_with_its_days_and_recordings(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    await with_words(engine, tmp_path)
    code = await answered(at)
    await closing.close(engine, at.page, at.ask(code, "citizen"))
    await closing.reopen(engine, at.page, at.ask(code, "citizen"))
    (ruling,) = await precedents.listed(engine)
    await precedents.revoke(engine, ruling["id"], at.ask(code).actor, "قانون تازه")
    other = await at.open()
    await closing.merge(engine, at.page, at.ask(other, reason="تکراری"), code)
    assert await findings(engine, tmp_path) == []
    await close_days(engine, tmp_path)
    assert await findings(engine, tmp_path) == []
    last = (await at.case(code))["events"][-2]
    assert last["details"] == {"precedent": ruling["id"], "reason": "قانون تازه"}


async def test_cases_with_a_salt_of_their_own_and_those_of_an_older_release_are_proved_alike(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Also what a server of that release changes beside one of this: it knows no salt."""
    at = await counter(engine)
    wanted = Wanted("complaint", "water.supply", "ahar", "آب نداریم", "09141234567", "مریم")
    salted = [await answered(at), await at.open(), (await register(engine, at.page, wanted, at.at)).code]
    with patch.object(rows, "_salt", return_value=None):
        older = await answered(at)
    await answers.give(engine, at.page, at.ask(salted[1], "abfa"), "وصل شد")
    with patch.object(event_log, "state_of", lambda case: state_of({**case, "salt": None})):
        await answers.give(engine, at.page, at.ask(salted[2], "abfa"), "وصل شد")
    salts = [(await at.row(code)).salt for code in salted]
    assert [len(salt) for salt in salts] == [32] * 3 and len({*salts}) == 3
    assert (await at.row(older)).salt is None
    shown = json.dumps([await at.case(code) for code in salted], default=str)
    assert not any(salt in shown for salt in salts)
    assert await findings(engine, tmp_path) == []
    await sql(engine, "UPDATE cases SET caller = '0' WHERE code = :code", code=salted[2])
    assert {each.case for each in await findings(engine, tmp_path)} == {salted[2]}


HERE = "case_id = (SELECT id FROM cases WHERE code = :code)"
EDIT = f"UPDATE case_events SET %s WHERE {HERE} AND seq = 5"
LAST = "UPDATE cases SET last_seq = last_seq - 1 WHERE code = :code"
# What is done to one case of seven events → which finding must name it, at which event.
CHANGES: dict[str, tuple[tuple[str, ...], tuple[str, int]]] = {
    "a word of an event": ((EDIT % "details = details || '{\"reason\": \"x\"}'",), ("event_changed", 5)),
    "who did it": ((EDIT % "actor = 'abfa'",), ("event_changed", 5)),
    "when": ((EDIT % "at = at + interval '1 s'",), ("event_changed", 5)),
    "its hash": ((EDIT % "hash = sha256('x')",), ("event_changed", 5)),
    "what it says of the row": ((EDIT % "state = sha256('x')",), ("event_changed", 5)),
    "an event removed": ((f"DELETE FROM case_events WHERE {HERE} AND seq = 5",), ("event_removed", 5)),
    "the first removed": ((f"DELETE FROM case_events WHERE {HERE} AND seq = 1",), ("event_removed", 1)),
    "the last removed": ((f"DELETE FROM case_events WHERE {HERE} AND seq = 7",), ("event_removed", 7)),
    "one removed, the rest moved up": (
        (f"DELETE FROM case_events WHERE {HERE} AND seq = 5",
         f"UPDATE case_events SET seq = seq - 1 WHERE {HERE} AND seq > 5", LAST),
        ("event_changed", 5),
    ),
    "the answer": (("UPDATE cases SET answer = 'نه' WHERE code = :code",), ("case_changed", 7)),
    "the deadline": (
        ("UPDATE cases SET due_at = due_at + interval '9 d' WHERE code = :code",), ("case_changed", 7)
    ),
    "its salt": (("UPDATE cases SET salt = 'x' WHERE code = :code",), ("case_changed", 7)),
    "its salt gone": (("UPDATE cases SET salt = NULL WHERE code = :code",), ("case_changed", 7)),
    "who called": (("UPDATE cases SET caller = '0' WHERE code = :code",), ("case_changed", 7)),
    "a ruling's words": ((f"UPDATE precedents SET reason = 'x' WHERE {HERE}",), ("ruling_changed", 4)),
    "a ruling removed": ((f"DELETE FROM precedents WHERE {HERE}",), ("ruling_removed", 4)),
}  # fmt: skip


async def test_what_is_changed_in_a_case_is_named(engine: AsyncEngine, tmp_path: Path) -> None:
    at = await counter(engine)
    codes = {what: await answered(at) for what in CHANGES}
    untouched = await answered(at)
    assert await findings(engine, tmp_path) == []
    for what, (statements, _) in CHANGES.items():
        await sql(engine, *statements, code=codes[what])
    found = await findings(engine, tmp_path)
    for what, (_, (kind, event)) in CHANGES.items():
        named = [each for each in found if each.case == codes[what]]
        assert (named[0].kind, named[0].event) == (kind, event), what
        assert len(named) == (2 if "moved up" in what else 1) and codes[what] in named[0].text, what
        assert await findings(engine, tmp_path, codes[what]) == named, "alone as among the others"
    assert untouched not in {each.case for each in found}


async def forge(engine: AsyncEngine, case: uuid.UUID, seq: int) -> None:
    """Change an event's words and give it a hash that fits."""
    event_of = select(case_events).where(case_events.c.case_id == case, case_events.c.seq == seq)
    async with engine.begin() as connection:
        event = (await connection.execute(event_of)).one()
        row = {**event._mapping, "details": {"reason": "forged"}}
        hashed = event_hash(row, event.state, event.previous)
        change = update(case_events).where(case_events.c.id == event.id)
        await connection.execute(change.values(details=row["details"], hash=hashed))


async def test_a_forged_hash_shows_in_the_next_event_or_in_the_days_list(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    code, other = await answered(at), await answered(at)
    await close_days(engine, tmp_path)
    await forge(engine, (await at.row(code)).id, 5)
    await forge(engine, (await at.row(other)).id, 7)  # the last one: its chain is whole
    found = await findings(engine, tmp_path)
    assert {(each.kind, each.case, each.event) for each in found if each.case} == {
        ("event_changed", code, 5), ("event_changed", other, 7)
    }  # fmt: skip
    assert await findings(engine, tmp_path, other) == []  # one case alone is proved without the days


async def test_what_is_gone_without_a_trace_in_its_case_is_named_by_the_days_list(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    gone, shorter, late, moved = [await answered(at) for _ in range(4)]
    case = str((await at.row(gone)).id)
    (day,) = await close_days(engine, tmp_path)
    rows = [f"DELETE FROM {table} WHERE {HERE}" for table in ("case_events", "referrals", "precedents")]
    await sql(engine, *rows, "DELETE FROM cases WHERE code = :code", code=gone)
    # Its answer never was: the event is gone, the count and the row are as before it.
    await sql(engine, f"DELETE FROM case_events WHERE {HERE} AND seq = 7", LAST, code=shorter)
    await sql(engine, f"UPDATE case_events SET noted_on = noted_on + 1 WHERE {HERE} AND seq = 2", code=moved)
    await answers.give(engine, at.page, at.ask(late), "دیگر")
    await sql(engine, f"UPDATE case_events SET noted_on = noted_on - 1 WHERE {HERE} AND seq = 8", code=late)
    found = await findings(engine, tmp_path)
    assert ("case_removed", case) in {(each.kind, each.case) for each in found}
    named = {(each.kind, each.case, each.event) for each in found if each.event}
    assert {("event_removed", shorter, 7), ("event_added", late, 8), ("event_removed", moved, 2)} <= named
    (said,) = (each.text for each in found if each.kind == "day_changed")
    assert said.startswith(f"{day.day} was closed with 28 events, and has 20 now")
    list_of(tmp_path, day).unlink()
    found = await findings(engine, tmp_path)
    assert "is not on this machine" in next(each.text for each in found if each.kind == "day_changed")


async def test_roots_and_their_lists_vouch_for_each_other(engine: AsyncEngine, tmp_path: Path) -> None:
    at = await counter(engine)
    await answered(at)
    await sql(engine, "UPDATE case_events SET noted_on = noted_on - 2 WHERE seq < 4")
    days = await close_days(engine, tmp_path)
    assert [day.events for day in days] == [3, 0, 4]
    root = days[0].root.hex()
    content = list_of(tmp_path, days[0]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == root
    assert await findings(engine, tmp_path, roots=[root]) == []

    async def kinds(*roots: str) -> set[tuple[str, str]]:
        return {(each.kind, each.day) for each in await findings(engine, tmp_path, roots=roots)}

    named = [day.day.isoformat() for day in days]
    list_of(tmp_path, days[0]).write_bytes(content.replace(b" 1 ", b" 9 ", 1))
    assert await kinds() == {("list_changed", named[0])}
    list_of(tmp_path, days[0]).write_bytes(content)
    await sql(engine, f"UPDATE custody_days SET root = sha256('x') WHERE day = '{named[0]}'")
    assert await kinds(root) == {
        ("day_changed", named[0]), ("list_changed", named[0]), ("day_changed", named[1]), ("root_unknown", "")
    }  # fmt: skip
    await sql(engine, f"DELETE FROM custody_days WHERE day IN ('{named[0]}', '{named[1]}')")
    assert {("day_removed", named[0]), ("day_removed", named[1])} <= await kinds()
    await sql(engine, "DELETE FROM custody_days")
    assert {("day_open", named[0]), ("day_removed", named[0])} <= await kinds()


async def test_what_a_disk_lost_is_told_from_what_somebody_changed(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    def harmed(whole: bytes) -> dict[str, bytes]:
        half = len(whole) // 2
        zeros = whole[: half // 4096 * 4096].ljust(len(whole), b"\0")
        early = whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:]
        cut_out = whole[:4] + (half - 8).to_bytes(4, "little") + whole[8:half]
        return {
            "lost, its end": whole[:half],
            "lost, its last blocks": zeros,
            "lost, a block within": whole[:4096] + bytes(4096) + whole[8192:],
            "lost, all of it": b"",
            "lost, its head as it was at the end": early,
            "changed, a byte under such a head": early[:half] + bytes([whole[half] ^ 1]) + early[half + 1 :],
            "changed, a word cut out": cut_out,
            "changed, a byte": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
        }

    wanted, place = set(), tmp_path / "recordings"
    for what in harmed(bytes(64)):
        code, (name, *_) = await with_words(engine, tmp_path)
        path = place / f"{name}.wav"
        path.write_bytes(harmed(path.read_bytes())[what])
        wanted.add((f"recording_{what.partition(',')[0]}", code))
    found = await findings(engine, tmp_path)
    assert {(each.kind, each.case) for each in found} == wanted
    assert all(("look for it in a backup" in each.text) == (each.kind == "recording_lost") for each in found)


async def test_what_a_disk_does_not_give_is_named_and_all_else_is_proved(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A bad sector in a recording and in a day's list, a folder of lists, and the witness of the seals."""
    (sick, (bad, *_)), (other, (gone, *_)) = [await with_words(engine, tmp_path) for _ in range(2)]
    days = await close_days(engine, tmp_path, 2)
    roots, lists = tmp_path / "custody" / sealing.ROOTS, tmp_path / "custody"
    roots.touch()
    (tmp_path / "recordings" / f"{gone}.wav").unlink()
    of_day = list_of(tmp_path, days[0])
    with bad_sector(tmp_path / "recordings" / f"{bad}.wav", of_day, roots), damaged(lists):
        found = await findings(engine, tmp_path)
    assert sorted((each.kind, each.case) for each in found) == [
        ("list_unread", ""), ("list_unread", ""), ("recording_lost", sick), ("recording_missing", other),
        ("witness_unread", ""),
    ]  # fmt: skip
    assert all("look for it in a backup" in each.text or "see dmesg" in each.text for each in found)
    assert sum("Input/output error" in each.text for each in found) == 4


async def test_what_this_user_may_not_read_is_not_called_lost(engine: AsyncEngine, tmp_path: Path) -> None:
    """A recording, a day's list and the folder of lists, and the witness of the seals."""
    code, (barred, *_) = await with_words(engine, tmp_path)
    days = await close_days(engine, tmp_path, 2)
    lists, path = tmp_path / "custody", tmp_path / "recordings" / f"{barred}.wav"
    (roots := lists / sealing.ROOTS).touch()
    with root_s(path, list_of(tmp_path, days[0]), roots), damaged(lists, code=errno.EACCES):
        found = await findings(engine, tmp_path)
    assert sorted((each.kind, each.case, each.recording) for each in found) == [
        ("list_unread", "", ""), ("list_unread", "", ""), ("recording_unread", code, barred),
        ("witness_unread", "", ""),
    ]  # fmt: skip
    why = "Permission denied; it is not readable for this user: see its owner and mode (ls -ld)"
    [of_words] = [each for each in found if each.case]
    assert of_words.text == f"case {code}: {path} can't be read: {why}"
    for each in found:
        assert "see its owner and mode" in each.text, each
        assert not any(word in each.text for word in ("lost", "backup", "power cut", "dmesg")), each


async def test_recordings_of_a_second_disk_that_is_not_mounted_are_said_to_be_there(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (tmp_path / "recordings").mkdir()
    link(tmp_path / "recordings", other / "recordings")
    name = f"second/{put(other)}"
    async with office(engine, tmp_path / "spool") as desk:
        await desk.intake.open_case(call(), opening(recorded(tmp_path, name)))
        await desk.pump.idle()
    other.rename(tmp_path / "unplugged")
    (found,) = await findings(engine, tmp_path)
    assert found.kind == "recording_missing" and found.text.endswith("its disk is not mounted")


async def test_recordings_are_compared_with_their_rows_and_events(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    cases = [await with_words(engine, tmp_path) for _ in range(6)]
    assert await findings(engine, tmp_path) == []

    def path(case: int) -> Path:
        return tmp_path / "recordings" / f"{cases[case][1][0]}.wav"

    content = bytearray(path(0).read_bytes())
    content[1000] ^= 1
    path(0).write_bytes(content)
    path(1).unlink()
    where = "recordings WHERE name = :name"
    await sql(engine, f"DELETE FROM {where}", name=cases[2][1][0])
    await sql(engine, "UPDATE recordings SET sha256 = 'x' WHERE name = :name", name=cases[3][1][0])
    await sql(engine, "UPDATE recordings SET superseded = false WHERE name = :name", name=cases[4][1][0])
    same = "case_id, call_id, recorded_at, seconds, voiced_seconds, silent, size, sha256, ended, superseded"
    copied = f"INSERT INTO recordings (name, {same}) SELECT 'added', {same} FROM {where}"
    await sql(engine, copied, name=cases[5][1][0])
    found = {(each.kind, each.case, each.recording) for each in await findings(engine, tmp_path)}
    assert found == {
        ("recording_changed", cases[0][0], cases[0][1][0]),
        ("recording_missing", cases[1][0], cases[1][1][0]),
        ("recording_removed", cases[2][0], cases[2][1][0]),
        ("recording_row_changed", cases[3][0], cases[3][1][0]),
        ("recording_changed", cases[3][0], cases[3][1][0]),
        ("recording_row_changed", cases[4][0], cases[4][1][0]),
        ("recording_added", cases[5][0], "added"),
        ("recording_missing", cases[5][0], "added"),
    }


async def test_what_retention_takes_as_the_proof_comes_to_it_is_not_missing(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    _, names = await with_words(engine, tmp_path)
    with asleep(tmp_path / "recordings") as sleepers:
        proving = asyncio.create_task(findings(engine, tmp_path))
        while not sleepers:
            await asyncio.sleep(0.01)
        await sql(engine, "UPDATE recordings SET removed_at = now()")
        for name in names:  # by the only way that does not ask that disk
            (tmp_path / "recordings" / f"{name}.wav").rename(tmp_path / "gone")
    assert await proving == []


async def test_the_command_says_what_it_looked_at_and_ends_with_1_on_a_finding(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    code, names = await with_words(engine, tmp_path)
    assert await ivr(database_url, tmp_path, "verify") == (
        0, "looked at 1 cases, 3 events, 2 recordings, 0 days, 5 unsealed: all is well"
    )  # fmt: skip
    (tmp_path / "recordings" / f"{names[0]}.wav").unlink()
    status, out = await ivr(database_url, tmp_path, "verify", code, "--json")
    said = json.loads(out)
    assert (status, said["cases"], said["found"], said["findings"][0]["recording"]) == (1, 1, 1, names[0])
    assert (await ivr(database_url, tmp_path, "verify", "--no-listen"))[0] == 0
    assert await ivr(database_url, tmp_path, "verify", "123") == (1, "there is no case 123")
    typo = "--root: zzz is no root of a day, which is 64 digits of 0-9 and a-f"
    assert await ivr(database_url, tmp_path, "verify", "--root", "zzz") == (2, typo)
    status, said = await ivr(database_url, tmp_path, "verify", "--no-listen", "--root", 64 * "A")
    assert status == 1 and f"no day has the root {64 * 'a'}: what it stood for was changed" in said


async def test_that_somebody_has_looked_is_noted_nowhere_where_one_of_the_files_can_only_be_read(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "elsewhere"
    witness.touch()
    may = os.access  # root may write everywhere
    monkeypatch.setattr(os, "access", lambda at, mode: (at, mode) != (witness, os.W_OK) and may(at, mode))
    async with engine.begin() as connection:
        await journal_marks.begin(connection, "one")
        await journal_marks.note_setback(connection, "one", datetime.now(UTC), 12, False)
    asked = ("verify", "--seen", "با میزها سنجیده شد")
    status, said = await ivr(database_url, tmp_path, *asked, IVR_WITNESSES__FILE=str(witness))
    assert status == 1 and f"{witness}, which this user may only read" in said
    assert not (tmp_path / "custody" / sealing.ROOTS).exists()
    assert await listed(engine, subject=proved.SUBJECT) == []


async def test_that_the_database_went_back_is_a_finding_until_somebody_has_looked(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async def go_back(journal: str) -> None:
        async with engine.begin() as connection:
            await journal_marks.begin(connection, journal)
            await journal_marks.note_setback(connection, journal, None, 12, False)

    await with_words(engine, tmp_path)
    await close_days(engine, tmp_path)
    await go_back("one")
    for more in ((), ("--new",)):
        status, said = await ivr(database_url, tmp_path, "verify", *more)
        assert status == 1 and "went_back: the database went back 12 facts" in said and "--seen" in said
    assert (await proved.told(engine)).wrong
    status, said = await ivr(database_url, tmp_path, "verify", "--seen", "با میزها سنجیده شد")
    assert status == 0 and "all is well" in said
    assert not (await proved.told(engine)).wrong
    assert "all is well" in (await ivr(database_url, tmp_path, "verify", "--new"))[1]
    [note] = [row for row in await listed(engine, subject=proved.SUBJECT) if row["action"] == proved.SEEN]
    assert note["reason"] == "با میزها سنجیده شد"
    await go_back("another")  # that nobody has looked into
    status, said = await ivr(database_url, tmp_path, "verify", "--new")
    assert status == 1 and said.count("went_back:") == 1


async def test_a_proof_goes_on_from_the_last_one_and_a_whole_one_is_asked_for_each_week(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    """What was touched since is looked at again, in whole cases; what a root stood for must still be it."""

    async def said(*more: str) -> str:
        return (await ivr(database_url, tmp_path, "verify", *more))[1]

    async def told() -> LastProof:
        return await proved.told(engine)

    old, _ = await with_words(engine, tmp_path)
    await close_days(engine, tmp_path)
    await sealing.seal(engine)
    assert not (await told()).wrong and "never proved" in (await told()).says
    assert "looked at 1 cases" in await said() and (await told()).says == "all was proved 0 days ago"

    young, _ = await with_words(engine, tmp_path)
    await sealing.seal(engine)
    looked = await said("--new")
    assert looked.startswith("looked at 1 cases, 3 events, 2 recordings, 0 days, 1 seals"), looked
    await sql(engine, "UPDATE cases SET answer = 'x' WHERE code = :code", code=old)
    assert "all is well" in await said("--new")  # only a whole proof sees it
    await sql(engine, "UPDATE cases SET answer = 'x' WHERE code = :code", code=young)
    assert young in await said("--new") and old in await said()

    await sql(engine, "UPDATE custody_seals SET root = sha256('x') WHERE seal = 2")
    assert "seal_changed: seal 2 is not the one that was proved" in await said("--new")
    assert (await told()).wrong and "with " in (await told()).says
    await sql(engine, "UPDATE audit SET at = at - interval '9 days'")
    assert (await told()).says.endswith("it should be once a week: ivr verify")


async def test_a_proof_that_read_no_recordings_is_nothing_to_go_on_from_for_one_that_reads_them(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    _, names = await with_words(engine, tmp_path)
    await close_days(engine, tmp_path)
    await sql(engine, "UPDATE recordings SET recorded_at = recorded_at - interval '90 days'")
    (tmp_path / "recordings" / f"{names[0]}.wav").write_bytes(b"changed")
    assert "all is well" in (await ivr(database_url, tmp_path, "verify", "--no-listen"))[1]
    assert "all is well" in (await ivr(database_url, tmp_path, "verify", "--no-listen", "--new"))[1]
    assert "never proved" in (await proved.told(engine)).says
    status, said = await ivr(database_url, tmp_path, "verify", "--new")
    assert status == 1 and names[0] in said, said


async def test_a_day_that_was_proved_and_is_gone_with_its_list_is_named_by_each_proof(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    """The newest one: no later day follows it. Nor does a proof that found it gone stand for it."""

    async def said(*more: str) -> str:
        return (await ivr(database_url, tmp_path, "verify", *more))[1]

    await with_words(engine, tmp_path)
    days = await close_days(engine, tmp_path, 2)
    again: tuple[tuple[str, ...], ...] = ((), (), ("--new",), ("--no-listen",), ("--new", "--no-listen"))
    for more in again:
        assert "all is well" in await said(*more), more
    list_of(tmp_path, days[-1]).rename(tmp_path / "away")
    kept = "CREATE TABLE gone AS SELECT * FROM custody_days WHERE day = "
    gone = f"'{days[-1].day}'"
    await sql(engine, kept + gone, f"DELETE FROM custody_days WHERE day = {gone}")
    for more in again:
        told = await said(*more)
        assert f"day_removed: the root of {days[-1].day} was proved, and is gone" in told, more
        assert "1 findings" in told, more
    await sql(engine, "INSERT INTO custody_days SELECT * FROM gone", "DROP TABLE gone")
    assert "all is well" in await said(), "as it was"


async def test_a_day_that_is_closed_anew_over_less_is_told_by_the_proof_that_was_made_before(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await with_words(engine, tmp_path)
    [day] = await close_days(engine, tmp_path)
    assert "all is well" in (await ivr(database_url, tmp_path, "verify"))[1]
    await sql(engine, "DELETE FROM custody_days")
    list_of(tmp_path, day).unlink()
    await custody.keep(engine, tmp_path / "custody", AT_ONCE)
    assert await findings(engine, tmp_path) == [], "over the same it has the same root"
    await sql(engine, "DELETE FROM custody_days", "DELETE FROM case_events", "DELETE FROM cases")
    await sql(engine, "DELETE FROM referrals", "DELETE FROM recordings", "DELETE FROM custody_days")
    list_of(tmp_path, day).unlink()
    await with_words(engine, tmp_path)
    [again] = await close_days(engine, tmp_path)
    assert again.day == day.day
    assert [(each.kind, each.day) for each in await findings(engine, tmp_path)] == [
        ("day_changed", day.day.isoformat())
    ]
