"""Recordings that a killed process left: each is exactly one case in the end, or has a reason why not."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.code import is_valid
from ivr.desk.call.intake import CallFacts
from ivr.desk.facts import reconcile as reconcile_file
from ivr.desk.facts import strays as strays_file
from ivr.desk.facts.quarantine import try_again
from ivr.desk.facts.reconcile import Pass, reconcile
from ivr.desk.facts.strays import Shelf, strays, with_row
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.store import disk_thread
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY, make_engine
from ivr.store.facts import CallStartedFact, RecordingBegunFact
from ivr.store.journal import Position, writing
from ivr.store.recording_files import is_of, new_stem
from ivr.store.room import Hold, Room
from ivr.store.tables import case_events, cases, outbox, recordings
from ivr.store.volumes import link
from ivr.voice.actions import Confide, KeepWords, OpenCase
from ivr.voice.events import Ended, Recorded
from ivr.voice.wave import measure
from tests.desk.facts.test_fallback import audio
from tests.desk.office import WEDNESDAY, Office, call, office, opening
from tests.fixtures.damaged import asleep, damaged, unmounted, without_header
from tests.fixtures.small_disk import SmallDisk
from tests.store.noted import lay

CHOSEN = OpenCase("complaint", "water.supply", "ahar", "fa", (), callback="04431112233")
LONG_AGO = 1_700_000_000.0


def put(folder: Path, content: bytes = b"", at: float = LONG_AGO, call: str = "") -> str:
    """A file among the recordings, whose name is returned. By default three seconds of voice."""
    name = f"2026/11/25/{new_stem(call) if call else uuid.uuid4().hex}"
    path = folder / "recordings" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or audio(3.0))
    os.utime(path, (at, at))
    return name


def recorded(folder: Path, name: str) -> Recorded:
    found = measure((folder / "recordings" / f"{name}.wav").read_bytes())
    return Recorded(name, found.seconds, found.voiced_seconds, Ended.HASH, found.sha256, found.size)


def shelf(desk: Office, folder: Path) -> Shelf:
    return Shelf(desk.engine, desk.book, folder / "recordings", folder, fallback=folder / "fallback")


async def one_pass(desk: Office, folder: Path, **more: Any) -> Pass:
    return await reconcile(shelf(desk, folder), own=desk.journal, live=desk.intake.live, **more)


async def test_whose_words_are_about_to_be_spoken_is_on_the_disk_before_the_beep(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "NOTE_SECONDS", 3_600.0)  # what is merely noted would never come
    async with office(engine, tmp_path, pumping=False) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        await desk.intake.recording_begun(facts, put(tmp_path), CHOSEN)
        on_disk, _ = desk.journal.read(Position())
        assert [type(fact) for fact in on_disk] == [CallStartedFact, RecordingBegunFact]


async def rows(engine: AsyncEngine, name: str) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.execute(select(recordings).where(recordings.c.name == name)))


async def begun(engine: AsyncEngine, tmp_path: Path, name: str) -> CallFacts:
    """Her words are under way as the process dies."""
    async with office(engine, tmp_path) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        await desk.intake.recording_begun(facts, name, CHOSEN)
    return facts


async def test_a_file_whose_process_died_becomes_a_case_with_caller_kind_and_county(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path)
    facts = await begun(engine, tmp_path, name)
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (case,) = await as_json.cases(engine)
        chosen = (case["kind"], case["topic"], case["county"], case["language"], case["callback"])
        assert chosen == ("complaint", "water.supply", "ahar", "fa", "+984431112233")
        assert (case["caller"], case["caller_name"], case["call_id"]) == ("09141234567", "مریم", facts.id)
        assert (case["agency"], case["opened_at"]) == ("abfa", "2026-11-25T11:30:00+03:30"), "not its file's"
        assert [event["details"].get("recovered") for event in case["events"]] == [True, None]
        (words,) = case["recordings"]
        assert (words["path"], words["seconds"], words["silent"]) == (f"{name}.wav", 3.0, False)
        (row,) = await as_json.calls(engine)
        assert (row["outcome"], row["case"]) == ("lost", case["code"])
        assert row["ended_at"] == row["started_at"]


@pytest.mark.parametrize("late", [timedelta(seconds=2), timedelta(hours=1)])
async def test_words_bear_the_time_at_which_they_were_said_though_room_was_given_back_later(
    engine: AsyncEngine, tmp_path: Path, late: timedelta
) -> None:
    """As the file of another user, whose time nobody else can set, has it then."""
    name = put(tmp_path, at=(WEDNESDAY + late).timestamp())
    await begun(engine, tmp_path, name)
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (case,) = await as_json.cases(engine)
        (row,) = await as_json.calls(engine)
        said = f"2026-11-25T11:30:0{min(late.seconds, 3)}+03:30"
        assert (case["opened_at"], row["ended_at"]) == (said, said)


async def test_a_file_of_which_nobody_knows_anything_becomes_a_request_at_the_desk(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    put(tmp_path)
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (case,) = await as_json.cases(engine)
        assert (case["kind"], case["topic"], case["caller"]) == ("request", "other.other", "")
        assert case["agency"] == "gov_inspection" and len(case["code"]) == 10 and case["language"] == "fa"


def test_who_knows_a_call_knows_its_recordings_and_nobody_else_does() -> None:
    one, other = call().id, call().id
    name = f"2026/11/25/{new_stem(one)}"
    assert is_of(name, one) and not is_of(name, other) and not is_of(name, "")
    assert new_stem(one) != new_stem(one) and one.replace("-", "") not in name
    assert not is_of(f"2026/11/25/{uuid.uuid4().hex}", "") and not is_of("fallback/1_2_3", one)


async def test_a_process_that_died_before_it_wrote_whose_words_it_began_leaves_them_to_their_call(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A flush took so long that she spoke meanwhile; her call had begun before it."""
    async with office(engine, tmp_path) as desk:
        facts, another = call(), replace(call(), caller="09149999999")
        put(tmp_path, call=facts.id)
        for each in (another, facts):
            await desk.intake.call_started(each)
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (case,) = await as_json.cases(engine)
        assert (case["caller"], case["caller_name"], case["call_id"]) == ("09141234567", "مریم", facts.id)
        assert (case["kind"], case["agency"]) == ("request", "gov_inspection")
        assert await one_pass(desk, tmp_path) == Pass()


async def test_words_of_which_nobody_knows_whose_they_are_wait_for_the_dialplan_to_tell(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        name = put(tmp_path, at=time.time() - 15)
        assert await one_pass(desk, tmp_path) == Pass(waiting=[name], growing=1)
        assert await one_pass(desk, tmp_path, settled=5) == Pass(cases=1), "half a minute is enough"


async def test_words_whose_fact_tells_nothing_are_those_of_the_call_their_file_is_named_for(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    facts = call()
    name = put(tmp_path, call=facts.id)
    torn = b'{"type":"recording_begun","name":"%s","call":{"id":"x"}}' % name.encode()
    lay(tmp_path / "journal", torn)
    async with office(engine, tmp_path) as desk:
        await desk.intake.call_started(facts)
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (case,) = await as_json.cases(engine)
        assert (case["caller"], case["call_id"]) == ("09141234567", facts.id)


async def test_words_that_were_not_written_down_join_those_that_she_said_before(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    first = put(tmp_path)
    async with office(engine, tmp_path, pumping=False) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, first)))
        second = put(tmp_path, call=facts.id)
    async with office(engine, tmp_path, pumping=False) as desk:
        found = await one_pass(desk, tmp_path)
        assert (found.cases, found.added, second in found.waiting) == (0, 0, True), "her case comes first"
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(added=1)
        (case,) = await as_json.cases(engine)
        assert case["code"] == code and f"{second}.wav" in [each["path"] for each in case["recordings"]]


async def test_a_second_pass_finds_nothing_and_a_lost_memory_makes_nothing_twice(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    put(tmp_path)
    async with office(engine, tmp_path) as desk:
        await one_pass(desk, tmp_path)
        before = await as_json.cases(engine)
        assert await one_pass(desk, tmp_path) == Pass()
        (tmp_path / "reconciled.json").unlink()
        assert await one_pass(desk, tmp_path) == Pass()
        assert await as_json.cases(engine) == before


async def test_many_at_once_make_one_case_of_each_file(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        facts = call()
        for name in [put(tmp_path) for _ in range(4)]:
            await desk.intake.recording_begun(facts, name, CHOSEN)  # four recordings of one call
        await desk.journal.flush()
        desk.intake.live.clear()
        for _ in range(6):
            put(tmp_path)
        await asyncio.gather(*(one_pass(desk, tmp_path) for _ in range(4)))
        found = await as_json.cases(engine)
        assert sorted(len(case["recordings"]) for case in found) == [1] * 6 + [4]
        async with engine.connect() as connection:
            assert await connection.scalar(select(func.count()).select_from(outbox)) == 7
        assert len(await as_json.calls(engine)) == 7


async def test_words_of_a_call_that_has_a_case_are_added_to_it(engine: AsyncEngine, tmp_path: Path) -> None:
    first, second = put(tmp_path), put(tmp_path)
    async with office(engine, tmp_path) as desk:
        facts = call()
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, first)))
        desk.intake.clock = lambda: WEDNESDAY + timedelta(minutes=1)
        await desk.intake.recording_begun(facts, second, CHOSEN)
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(added=1)
        (case,) = await as_json.cases(engine)
        assert case["code"] == code
        assert [(r["path"], r["superseded"]) for r in case["recordings"]] == [
            (f"{first}.wav", False), (f"{second}.wav", False)
        ]  # fmt: skip
        added = case["events"][-1]
        details = {"recording": second, "sha256": recorded(tmp_path, second).sha256, "recovered": True}
        assert (added["what"], added["details"]) == ("words_added", details)


async def test_a_fact_that_is_not_applied_yet_is_waited_for(engine: AsyncEngine, tmp_path: Path) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path, pumping=False) as desk:
        facts = call()
        await desk.intake.recording_begun(facts, name, CHOSEN)
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, name)))
        desk.intake.live.clear()
        assert await one_pass(desk, tmp_path) == Pass(waiting=[name], growing=1)
    async with office(engine, tmp_path) as desk:
        assert (await one_pass(desk, tmp_path)).cases == 0
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass()
        assert [case["code"] for case in await as_json.cases(engine)] == [code]


async def test_a_file_with_a_row_is_left_as_it_is(engine: AsyncEngine, tmp_path: Path) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call(), opening(recorded(tmp_path, name)))
        await desk.pump.idle()
        before = await as_json.cases(engine)
        assert await one_pass(desk, tmp_path) == Pass()
        assert await as_json.cases(engine) == before


async def test_a_live_call_is_never_touched_and_its_words_are_looked_at_when_it_is_over(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path) as desk:
        facts = call()
        await desk.intake.recording_begun(facts, name, CHOSEN)
        for _ in range(2):
            assert await one_pass(desk, tmp_path) == Pass(waiting=[name])
        await desk.intake.call_ended(facts, "hung_up", WEDNESDAY, ())  # and nothing was said of the file
        await desk.pump.idle()
        # Long after its file grew: it is remembered, not found by its time.
        assert await one_pass(desk, tmp_path, look_back=0) == Pass(cases=1)
        (row,) = await as_json.calls(engine)
        assert row["outcome"] == "hung_up"  # what the call itself said of its end stays


async def test_a_growing_file_waits(engine: AsyncEngine, tmp_path: Path) -> None:
    name = put(tmp_path)
    path = tmp_path / "recordings" / f"{name}.wav"
    os.utime(path)
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(growing=1, waiting=[name])
        os.utime(path, (LONG_AGO, LONG_AGO))
        assert await one_pass(desk, tmp_path, look_back=0) == Pass(cases=1)


@pytest.mark.parametrize(
    ("content", "why"), [(audio(0.4), "too_short"), (b"RIFF", "too_short"), (bytes(100_044), "no_voice")]
)
async def test_a_file_without_a_word_is_a_row_with_its_reason(
    engine: AsyncEngine, tmp_path: Path, content: bytes, why: str
) -> None:
    name = put(tmp_path, content)
    async with office(engine, tmp_path) as desk:
        await desk.intake.recording_begun(facts := call(), name, CHOSEN)
        await desk.journal.flush()
        desk.intake.live.clear()
        assert await one_pass(desk, tmp_path) == Pass(empty=1)
        assert await one_pass(desk, tmp_path) == Pass()
        assert await as_json.cases(engine) == []
        (row,) = await rows(engine, name)
        assert (row.ended, row.case_id, str(row.call_id)) == (why, None, facts.id)


@pytest.mark.parametrize("size", [39_744, 8 * 4096, 39_724])
async def test_words_in_a_file_of_any_length_are_whole_and_what_was_set_aside_for_more_is_given_back(
    engine: AsyncEngine, tmp_path: Path, size: int
) -> None:
    name = put(tmp_path, audio((size - 44) / 16_000))
    path = tmp_path / "recordings" / f"{name}.wav"
    room, hold = Room(tmp_path / "recordings"), Hold.of(path, 60)
    room.count([hold])
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert hold.secured and path.stat().st_blocks * 512 > 900_000  # and its process was killed
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (row,) = await rows(engine, name)
        assert row.ended == "broken" and path.stat().st_blocks * 512 < 200_000
    room.close()


async def test_a_case_whose_fact_was_refused_opens_under_the_code_she_was_told(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path) as desk:
        said = replace(recorded(tmp_path, name), seconds="long")  # type: ignore[arg-type]
        facts = call()
        code = await desk.intake.open_case(facts, opening(said))
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, ())
        await desk.pump.idle()
        assert await as_json.cases(engine) == []
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (case,) = await as_json.cases(engine)
        assert (case["code"], case["topic"], case["recordings"][0]["seconds"]) == (code, "water.supply", 3.0)


async def test_a_case_whose_fact_was_refused_is_confidential_from_the_moment_it_opens_if_she_was_told_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """In the same call she opens another one, and adds words to it: nobody asked to have that one sealed."""
    added, first = put(tmp_path, at=LONG_AGO - 1), put(tmp_path)
    async with office(engine, tmp_path) as desk:
        said, more = [
            replace(recorded(tmp_path, name), seconds="long")  # type: ignore[arg-type]
            for name in (first, added)
        ]
        facts = call()
        code = await desk.intake.open_case(facts, opening(said))
        await desk.intake.confide(facts, Confide(code))
        other = await desk.intake.open_case(facts, opening())
        await desk.intake.keep_words(facts, KeepWords(other, more, instead=False))
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, ())
        await desk.pump.idle()
        aside = [*(tmp_path / "journal" / "quarantine").glob("*.fact")]
        assert len(aside) == 3, "also the wish, until its case is there"
        assert await one_pass(desk, tmp_path) == Pass(cases=1, added=1)
        found = await as_json.case_json(engine, code) or {}
        async with engine.connect() as connection:
            rows = await connection.execute(select(cases.c.code, cases.c.confidential, cases.c.agency))
            assert {tuple(row) for row in rows} == {(code, "caller", "gov_inspection"), (other, None, "abfa")}
            many = func.count(text("DISTINCT case_events.xmin::text"))
            hers = select(many).select_from(case_events).join(cases).where(cases.c.code == code)
            assert await connection.scalar(hers) == 1, "in one transaction"
        assert await try_again(engine, await desk.book.page(), tmp_path) == 1
        assert await as_json.case_json(engine, code) == found, "sealed once"


@pytest.mark.parametrize("noted", [True, False])
async def test_words_whose_damaged_line_opened_a_confidential_case_join_no_other_one_of_their_call(
    engine: AsyncEngine, tmp_path: Path, noted: bool
) -> None:
    """What she says after the wish is not of that case. Not `noted`: only the call of the words is known."""
    facts = call()
    first, second, late = (put(tmp_path, at=WEDNESDAY.timestamp() + s, call=facts.id) for s in (9, 19, 60))
    async with office(engine, tmp_path, pumping=False) as desk:
        await desk.intake.call_started(facts)
        for name in (first, second) if noted else ():
            await desk.intake.recording_begun(facts, name, CHOSEN)
        code = await desk.intake.open_case(facts, opening(*(recorded(tmp_path, n) for n in (first, second))))
        desk.intake.clock = lambda: WEDNESDAY + timedelta(seconds=30)
        await desk.intake.confide(facts, Confide(code))
        other = await desk.intake.open_case(facts, opening())
        desk.intake.clock = lambda: WEDNESDAY + timedelta(seconds=40)
        await desk.intake.recording_begun(facts, late, CHOSEN)
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, ())
    (segment,) = (tmp_path / "journal").glob("*.log")
    line = next(each for each in segment.read_bytes().splitlines() if b"case_opened" in each)
    segment.write_bytes(segment.read_bytes().replace(line, line[:-1] + b"?"))
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1, added=2)
        assert await one_pass(desk, tmp_path) == Pass()
        async with engine.connect() as connection:
            its = cases.c
            rows = await connection.execute(select(its.code, its.confidential, its.agency, its.topic))
            topic = "water.supply" if noted else "other.other"
            assert {tuple(row) for row in rows} == {
                (code, "caller", "gov_inspection", topic), (other, None, "abfa", "water.supply")
            }  # fmt: skip
            whose = select(recordings.c.name).join(cases).where(its.code == code)
            assert {*(await connection.scalars(whose))} == {first, second}
        assert await try_again(engine, await desk.book.page(), tmp_path) == 1, "the wish, sealed already"


async def test_a_code_that_a_wish_alone_tells_and_that_another_case_has_costs_no_more_than_the_code(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path) as desk:
        facts, stranger = call(), replace(call(), caller="09149999999")
        taken = await desk.intake.open_case(stranger, opening())
        await desk.intake.recording_begun(facts, name, CHOSEN)
        facts.cases[taken] = str(uuid.uuid4())  # its opening was refused
        await desk.intake.confide(facts, Confide(taken))
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, ())
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        found = select(cases.c.code == taken, cases.c.confidential, cases.c.caller)
        async with engine.connect() as connection:
            rows = {tuple(row) for row in await connection.execute(found)}
        assert rows == {(True, None, "09149999999"), (False, "caller", "09141234567")}


async def test_words_that_come_to_the_desk_alone_are_confidential_once_the_file_of_their_case_is_found(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """What she said first opens no case, what she said after she wished it opens one at the desk."""
    first, second = put(tmp_path), put(tmp_path)
    async with office(engine, tmp_path) as desk:
        facts = call()
        said = replace(recorded(tmp_path, first), seconds="long")  # type: ignore[arg-type]
        code = await desk.intake.open_case(facts, opening(said))
        await desk.intake.confide(facts, Confide(code))
        await desk.intake.keep_words(facts, KeepWords(code, recorded(tmp_path, second), instead=False))
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(added=1)
        async with engine.connect() as connection:
            rows = await connection.execute(select(cases.c.code, cases.c.confidential))
            assert [tuple(row) for row in rows] == [(code, "caller")]


async def test_a_code_set_aside_for_her_that_another_case_has_costs_no_more_than_the_code(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path) as desk:
        facts = call()
        facts.reserved = await desk.intake.open_case(call("09149999999"), opening())
        await desk.intake.recording_begun(facts, name, CHOSEN)
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        other, hers = sorted(await as_json.cases(engine), key=lambda case: -int(case["caller"]))
        assert other["code"] == facts.reserved != hers["code"] and is_valid(hers["code"])
        known = (hers["caller"], hers["kind"], hers["topic"], hers["county"])
        assert known == ("09141234567", "complaint", "water.supply", "ahar")


async def test_words_kept_whose_fact_was_refused_join_their_case(engine: AsyncEngine, tmp_path: Path) -> None:
    first, second = put(tmp_path), put(tmp_path)
    async with office(engine, tmp_path) as desk:
        facts = call()
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, first)))
        said = replace(recorded(tmp_path, second), seconds="long")  # type: ignore[arg-type]
        await desk.intake.keep_words(facts, KeepWords(code, said, instead=True))
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(added=1)
        (case,) = await as_json.cases(engine)
        assert {r["path"]: r["superseded"] for r in case["recordings"]} == {
            f"{first}.wav": True, f"{second}.wav": False
        }  # fmt: skip


async def test_a_fact_that_makes_no_sense_costs_what_it_said_not_the_words(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path).encode()
    begun = b'{"type":"recording_begun","name":"%s"' % name
    lay(tmp_path / "journal", begun + b',"call":{"id":"x"}}', begun + b"}")
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        (case,) = await as_json.cases(engine)
        assert case["caller"] == "" and case["recordings"][0]["path"] == f"{name.decode()}.wav"


async def test_an_unreadable_file_is_tried_again_and_holds_up_no_other(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    bad = tmp_path / "recordings/2026/11/25/aaaa.wav"
    bad.mkdir(parents=True)  # root reads any file, but no folder
    os.utime(bad, (LONG_AGO, LONG_AGO))
    put(tmp_path)
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(cases=1, waiting=["2026/11/25/aaaa"])
        bad.rmdir()
        bad.write_bytes(audio(3.0))
        os.utime(bad, (LONG_AGO, LONG_AGO))
        assert await one_pass(desk, tmp_path, look_back=0) == Pass(cases=1)


async def test_a_name_that_no_book_can_hold_waits_and_holds_up_no_other(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A flipped bit in a damaged folder; as long as names of ours are, which are compared with calls."""
    put(tmp_path)
    strange = os.fsdecode(b"2026/11/25/\xff" + b"a" * 31)
    path = tmp_path / "recordings" / f"{strange}.wav"
    path.write_bytes(audio(3.0))
    os.utime(path, (LONG_AGO - 1, LONG_AGO - 1))
    async with office(engine, tmp_path) as desk:
        await desk.intake.call_started(call())
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1, waiting=[strange])
        assert await one_pass(desk, tmp_path, look_back=0) == Pass(waiting=[strange]), "nor is it forgotten"
        assert r"25/\udcffaaa" in caplog.text
        path.rename(path.with_name("aaaa.wav"))
        (path.parent / "aaaa.wav").touch()
        assert await one_pass(desk, tmp_path, look_back=0, settled=0) == Pass(cases=1)


async def test_a_recording_that_the_books_refuse_waits_and_holds_up_no_other(
    engine: AsyncEngine, tmp_path: Path, small_disk: SmallDisk
) -> None:
    """A damaged file may be of a year that no book knows. The disk in memory keeps such years, ext4 none."""
    refused, last = put(small_disk.path, at=253_402_300_800.0), put(small_disk.path, at=253_402_300_801.0)
    put(small_disk.path)
    async with office(engine, tmp_path) as desk:
        its = replace(shelf(desk, tmp_path), recordings=small_disk.path / "recordings")
        assert await reconcile(its, own=desk.journal) == Pass(cases=1, waiting=[refused, last])
        os.utime(its.recordings / f"{refused}.wav", (LONG_AGO, LONG_AGO))
        assert await reconcile(its, own=desk.journal) == Pass(cases=1, waiting=[last])


@pytest.mark.parametrize("code", [errno.EUCLEAN, errno.EACCES])
@pytest.mark.parametrize("folder", ["2026/11/24", "2026/10", "2025", "second", "fallback"])
async def test_a_damaged_folder_holds_up_no_other_and_is_looked_at_once_it_is_mended(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, code: int
) -> None:
    root, hidden = tmp_path / "recordings", HIDDEN[folder]
    for name in ("2026/11/25/aaaa", "second/2026/11/25/cccc", hidden):
        path = root / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audio(3.0))
        os.utime(path, (LONG_AGO, LONG_AGO))
    monkeypatch.setattr(strays_file, "TAKEN_SECONDS", 0.0)
    async with office(engine, tmp_path) as desk:
        with damaged(root / folder, code=code):
            for cases in (1 if folder == "second" else 2, 0):
                assert await one_pass(desk, tmp_path, look_back=0) == Pass(cases=cases, unread=[folder])
        assert await one_pass(desk, tmp_path, look_back=0) == Pass(cases=2 if folder == "second" else 1)
        assert await one_pass(desk, tmp_path, look_back=0) == Pass()


async def test_words_whose_flush_is_refused_are_entered_once_the_disk_has_what_was_read_before_it(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put(tmp_path)
    path, said = tmp_path / "recordings" / f"{name}.wav", audio(3.0)

    def refusing(file: Path, _: Path) -> None:
        file.write_bytes(bytes(len(said)))  # as ext4 reads what it could not write
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with office(engine, tmp_path) as desk:
        with monkeypatch.context() as sick:
            sick.setattr(reconcile_file, "flush", refusing)
            assert await one_pass(desk, tmp_path) == Pass(waiting=[name])
        assert await one_pass(desk, tmp_path, settled=0) == Pass(cases=1)
        (row,) = await rows(engine, name)
        assert path.read_bytes() == said and row.sha256 == measure(said).sha256


async def test_what_a_process_that_died_may_have_been_refused_is_written_anew(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    late, old = time.time() - 60, time.time() - 2 * reconcile_file.ANEW_SECONDS
    paths = [tmp_path / "recordings" / f"{put(tmp_path, at=at)}.wav" for at in (late, old)]
    before = [path.stat().st_ino for path in paths]
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(cases=2)
    assert [path.stat().st_ino == inode for path, inode in zip(paths, before, strict=True)] == [False, True]
    assert paths[0].stat().st_mtime == pytest.approx(late) and paths[0].read_bytes() == audio(3.0)


async def test_what_a_full_disk_left_without_its_header_is_entered_as_it_can_be_heard(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path, without_header(audio(3.0)))
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        await desk.pump.idle()
        (row,) = await rows(engine, name)
    content = (tmp_path / "recordings" / f"{name}.wav").read_bytes()
    assert content[:4] == b"RIFF" and row.sha256 == measure(content).sha256


async def test_a_second_disk_that_hangs_holds_up_no_words_on_the_first_and_nobody_at_the_end(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _words_on_both(tmp_path)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(joined := ThreadPoolExecutor())
    async with office(engine, tmp_path) as desk:
        with asleep(disk):
            monkeypatch.setattr(disk_thread, "HANG_SECONDS", 0.2)
            done = await asyncio.wait_for(one_pass(desk, tmp_path), patience(20))
            assert done == Pass(cases=1, unread=["second"])
            await asyncio.wait_for(ask_once(joined.shutdown), patience(20))  # as a loop does at its end
            loop.set_default_executor(ThreadPoolExecutor())
        await _wakes(disk, monkeypatch)
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        assert await one_pass(desk, tmp_path) == Pass()


async def test_words_on_a_second_disk_that_hangs_as_they_are_measured_wait_alone(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, its = _words_on_both(tmp_path), "second/2026/11/25/cccc"
    async with office(engine, tmp_path) as desk:
        with asleep(tmp_path / "recordings" / f"{its}.wav"):
            monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(1))
            done = await asyncio.wait_for(one_pass(desk, tmp_path), patience(20))
            assert done == Pass(cases=1, waiting=[its])
            assert await one_pass(desk, tmp_path) == Pass(waiting=[its], unread=["second"])
        await _wakes(disk, monkeypatch)
        assert await one_pass(desk, tmp_path) == Pass(cases=1)


@pytest.mark.parametrize("known", [True, False], ids=["left before", "never seen"])
async def test_words_on_a_second_disk_that_is_not_mounted_are_taken_in_once_it_is(
    engine: AsyncEngine, tmp_path: Path, known: bool
) -> None:
    link(tmp_path / "recordings", tmp_path / "disk")
    _words_on_both(tmp_path)
    async with office(engine, tmp_path) as desk:
        if known:
            assert (await one_pass(desk, tmp_path, settled=9e9)).growing == 2
        with unmounted(tmp_path / "disk"):
            waiting = ["second/2026/11/25/cccc"] if known else []
            done = await one_pass(desk, tmp_path, look_back=0)
            assert done == Pass(cases=1, waiting=waiting, unread=["second"])
        assert await one_pass(desk, tmp_path, look_back=0) == Pass(cases=1)
        assert await one_pass(desk, tmp_path, look_back=0) == Pass()


def _words_on_both(folder: Path) -> Path:
    """Those on the second disk, whose folder is returned, come first."""
    put(folder)
    path = folder / "recordings" / "second" / "2026" / "11" / "25" / "cccc.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(audio(3.0))
    os.utime(path, (LONG_AGO - 1, LONG_AGO - 1))
    return folder / "recordings" / "second"


async def _wakes(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", patience(10))
    await asyncio.to_thread(disk_thread._hanging[disk, 0.0].join, patience(10))  # who sleeps there


HIDDEN = {
    "2026/11/24": "2026/11/24/bbbb", "2026/10": "2026/10/31/bbbb", "2025": "2025/11/24/bbbb",
    "second": "second/2026/11/24/bbbb", "fallback": "fallback/bbbb",
}  # fmt: skip


async def test_while_the_database_is_away_nothing_is_forgotten(engine: AsyncEngine, tmp_path: Path) -> None:
    put(tmp_path)
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/none")
    async with office(engine, tmp_path) as desk:
        await desk.book.page()
        with pytest.raises(AWAY):
            await reconcile(Shelf(nowhere, desk.book, tmp_path / "recordings", tmp_path), own=desk.journal)
        assert not (tmp_path / "reconciled.json").exists()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
    await nowhere.dispose()


async def test_a_clock_that_was_wrong_hides_no_file(engine: AsyncEngine, tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / "reconciled.json").write_text(json.dumps({"since": 9e9, "left": []}))
    put(tmp_path, at=8e9)
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(cases=2)


async def test_only_what_grew_since_the_last_pass_is_looked_at(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        await one_pass(desk, tmp_path)
        name = put(tmp_path)
        os.utime((tmp_path / "recordings" / name).parent, (LONG_AGO, LONG_AGO))
        assert (await strays(shelf(desk, tmp_path), look_back=0)).strays == []
        (tmp_path / "reconciled.json").unlink()
        assert [stray.name for stray in (await strays(shelf(desk, tmp_path))).strays] == [name]


async def test_names_are_looked_up_by_index(engine: AsyncEngine) -> None:
    many = "INSERT INTO recordings SELECT 'd/' || n, NULL, NULL, now(), 1, 1, false, 1, '', '', false "
    async with engine.begin() as connection:
        await connection.execute(text(f"{many} FROM generate_series(1, 100000) n"))
        await connection.execute(text("ANALYZE recordings"))
        query = str(with_row().compile(dialect=dialect()))  # type: ignore[no-untyped-call]
        names = [f"d/{n}" for n in range(1000)]
        plan = await connection.exec_driver_sql(f"EXPLAIN {query}", (names,))
        assert "pk_recordings" in "\n".join(plan.scalars())


async def test_what_the_dialplan_recorded_and_a_disk_forgot_to_journal_is_a_case_all_the_same(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strays_file, "TAKEN_SECONDS", 0.0)
    place = tmp_path / "recordings" / "fallback"
    place.mkdir(parents=True)
    (place / "taken.wav").write_bytes(audio(3.0))
    (tmp_path / "original.wav").write_bytes(audio(3.0))
    os.link(tmp_path / "original.wav", place / "about_to_be.wav")
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path, settled=0.0) == Pass(cases=1)
        [case] = await as_json.cases(engine)
        assert [words["path"] for words in case["recordings"]] == ["fallback/taken.wav"]
        monkeypatch.undo()
        assert (await strays(shelf(desk, tmp_path))).strays == []
