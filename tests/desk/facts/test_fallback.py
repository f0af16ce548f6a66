"""Recordings that the dialplan made alone."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import time
import wave
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands.spool import on_disk
from ivr.desk.facts import fallback
from ivr.desk.facts.apply import apply
from ivr.desk.facts.fallback import fallbacks, take_in
from ivr.desk.facts.gauges import of_spool
from ivr.desk.reading import as_json
from ivr.settings import Settings
from ivr.store.facts import CallStartedFact
from ivr.store.journal import Journal, JournalError
from ivr.store.tables import calls
from tests.desk.counter import counter
from tests.desk.office import call, office, opening
from tests.fixtures.damaged import damaged, without_header
from tests.fixtures.small_disk import SmallDisk
from tests.store import noted


def audio(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(b"\x00\x10\x00\xf0" * int(seconds * 4000))
    return file.getvalue()


def put(folder: Path, name: str, seconds: float = 3.0) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(audio(seconds))
    os.utime(path, (1_700_000_100, 1_700_000_100))
    return path


def put_open(folder: Path, name: str) -> Path:
    """The lengths in its header are zero: Asterisk has not closed it."""
    path = put(folder, name)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:])
    os.utime(path, (1_700_000_100, 1_700_000_100))
    return path


def later(monkeypatch: pytest.MonkeyPatch, seconds: float, clock: float = 0.0) -> None:
    """For who takes in. `clock`: how far the machine's clock is off."""
    now = SimpleNamespace(time=lambda: time.time() + clock, monotonic=lambda: time.monotonic() + seconds)
    monkeypatch.setattr(fallback, "time", now)


async def test_a_recording_becomes_one_case_with_caller_and_time(engine: AsyncEngine, tmp_path: Path) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    path = put(folder, "1700000000_09141234567_123456789.wav")
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 1
        await desk.pump.idle()
        (case,) = await as_json.cases(engine)
        assert (case["caller"], case["kind"], case["topic"]) == ("09141234567", "request", "other.other")
        assert (case["agency"], case["opened_at"]) == ("gov_inspection", "2023-11-15T01:43:23+03:30")
        (heard,) = case["recordings"]
        assert heard["seconds"] == 3.0 and (kept / heard["path"]).read_bytes() == audio(3.0)
        assert not path.exists()
        (row,) = await as_json.calls(engine)
        assert (row["outcome"], row["case"]) == ("fallback", case["code"])


async def test_her_number_and_her_code_stand_in_no_other_name_in_the_log_nor_in_the_list(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(state=tmp_path)
    folder, kept = settings.state_path / "fallback", settings.recordings
    put(folder, "1700000000_09141234567_123456789_~fa~1000000005~~~.wav")
    put(folder, "1700000001_09141234567_123456788_~fa~1000000013~~~.wav", seconds=0)
    listed = [each.name for each in on_disk(settings)]
    assert listed == ["1700000000_*_123456789*", "1700000001_*_123456788*"]
    assert [len([*folder.glob(name)]) for name in listed] == [1, 1], "who looks for it finds it by that"
    async with office(engine, tmp_path / "desk") as desk:
        assert await take_in(desk.intake, folder, kept) == 2
        await desk.pump.idle()
    async with engine.connect() as connection:
        row = (await connection.execute(select(calls))).one()
    assert (row.caller, row.unique_id) == ("09141234567", f"fallback:{row.id.hex}")
    for told in (row.unique_id, caplog.text):
        assert "9141234567" not in told and "10000000" not in told


async def test_a_fact_of_an_older_release_brings_her_number_back_into_no_call_s_name(
    engine: AsyncEngine,
) -> None:
    at, name = await counter(engine), "fallback:1700000000_09141234567_1_~fa~1000000005~~~"
    await apply(engine, at.page, [CallStartedFact(replace(noted.CALL, unique_id=name))])
    async with engine.connect() as connection:
        row = (await connection.execute(select(calls))).one()
    assert row.unique_id == f"fallback:{row.id.hex}"


async def test_a_recording_over_which_asterisk_died_is_not_called_whole(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes the lengths into the header as it closes the file; until then they are zero."""
    folder = tmp_path / "fallback"
    put(folder, "1700000000_09141234567_1.wav")
    put_open(folder, "1700000000_09141234568_1.wav")
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, tmp_path / "recordings") == 1
        later(monkeypatch, 185)
        assert await take_in(desk.intake, folder, tmp_path / "recordings") == 1
        await desk.pump.idle()
        found = {case["caller"][-1]: case["recordings"][0] for case in await as_json.cases(engine)}
    assert (found["7"]["ended"], found["8"]["ended"]) == ("hangup", "broken")
    assert found["8"]["seconds"] == 3.0


async def test_what_asterisk_gave_up_is_not_said_to_be_her_end_and_its_mark_goes_after_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    path = put(folder, "1700000000_09141234567_1_~az~1000000005~~~.wav")
    mark = put(folder, f"{path.name}.cut", 0.0)
    put(folder, "1700000000_09141234568_1.wav")
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 2
        await desk.pump.idle()
        found = {case["caller"][-1]: case["recordings"][0]["ended"] for case in await as_json.cases(engine)}
        assert (found, path.exists()) == ({"7": "cut", "8": "hangup"}, False)
        assert await take_in(desk.intake, folder, kept) == 0
    assert not mark.exists()


async def test_what_a_full_disk_left_without_its_header_or_its_end_can_be_heard_and_says_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Asterisk writes 32,768 bytes at a time: the first were refused, or the last."""
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    whole = audio(3.0)
    for name, content in (
        ("7", without_header(whole)),
        ("8", whole[:32_768]),
        ("9", without_header(whole)[:32_768]),
    ):
        path = put(folder, f"1700000000_0914123456{name}_1.wav")
        path.write_bytes(content)
        os.utime(path, (1_700_000_100, 1_700_000_100))
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 3
        await desk.pump.idle()
        found = {case["caller"][-1]: case["recordings"][0] for case in await as_json.cases(engine)}
    assert {key: each["ended"] for key, each in found.items()} == {"7": "hangup", "8": "cut", "9": "cut"}
    for each in found.values():
        content = (kept / each["path"]).read_bytes()
        assert content[:4] == b"RIFF" and hashlib.sha256(content).hexdigest() == each["sha256"]
    with wave.open(str(kept / found["7"]["path"])) as file:
        assert file.getnframes() == 24_000 - 22


async def test_what_she_had_chosen_when_the_server_died_is_kept_as_far_as_the_book_knows_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    put(folder, "1700000000_09141234567_1_~az~1000000005~complaint~water.supply~tabriz.wav")
    put(folder, "1700000001_09141234568_1_~fa~~suggestion~~.wav")
    put(folder, "1700000002_09141234569_1_~xx~1234567890~bribe~water.s'pply~atlantis~more.wav")
    put(folder, "1700000003_09141234560_1_~az~.wav")
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 4
        await desk.pump.idle()
        found = {case["caller"][-1]: case for case in await as_json.cases(engine)}
        names = ("language", "kind", "topic", "county")
        assert {key: [case[name] for name in names] for key, case in found.items()} == {
            "7": ["az", "complaint", "water.supply", "tabriz"],
            "8": ["fa", "suggestion", "other.other", None],
            "9": ["", "request", "other.other", None],
            "0": ["az", "request", "other.other", None],
        }
        assert found["7"]["code"] == "1000000005"
        assert found["9"]["code"] != "1234567890", "whose check digit is wrong"
        assert found["7"]["agency"] != "gov_inspection" == found["9"]["agency"]


async def test_whom_no_server_answered_is_taken_to_speak_as_she_did_last(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    folder, kept, server = tmp_path / "fallback", tmp_path / "recordings", "0" * 31 + "1"
    async with office(engine, tmp_path) as desk:
        for number, language in (("7", "az"), ("8", "ku"), ("9", "az")):
            facts = replace(call(f"0914123456{number}"), language=language)
            await desk.intake.open_case(facts, replace(opening(), language=language))
        await desk.pump.idle()
        before = {case["code"] for case in await as_json.cases(engine)}
        for name in ("09141234567_1_", "09141234568_1_", f"09141234569_1_{server}", "_1_", "09350000000_1_"):
            put(folder, f"1700000000_{name}~fa~.wav")
        assert await take_in(desk.intake, folder, kept) == 5
        await desk.pump.idle()
        new = [case for case in await as_json.cases(engine) if case["code"] not in before]
        found = {case["caller"][-1:]: case["language"] for case in new}
        assert found == {"7": "az", "8": "fa", "9": "fa", "": "fa", "0": "fa"}
        rang = [row for row in await as_json.calls(engine) if row["outcome"] == "fallback"]
        assert {row["caller"][-1:]: row["language"] for row in rang} == found
        again = await desk.intake.recall("09141234567")
    assert again.language == "az", "and so she is spoken to when she calls next"


async def test_a_crash_between_the_steps_makes_no_second_case(engine: AsyncEngine, tmp_path: Path) -> None:
    folder, kept, name = tmp_path / "fallback", tmp_path / "recordings", "1700000000__1.wav"
    async with office(engine, tmp_path) as desk:
        for _ in range(3):
            put(folder, name)  # as if it had not been removed
            await take_in(desk.intake, folder, kept)
        await desk.pump.idle()
        (case,) = await as_json.cases(engine)
        assert case["caller"] == "" and len(case["recordings"]) == 1


async def test_a_growing_file_waits_a_strange_name_counts_and_an_empty_file_is_put_aside(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    growing = put(folder, "1700000000_1_2.wav")
    os.utime(growing)
    put(folder, "whatever.wav")
    put(folder, "1700000000_3_4.wav", seconds=0)
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 2
        await desk.pump.idle()
        (case,) = await as_json.cases(engine)
        assert case["opened_at"] == "2023-11-15T01:45:00+03:30"
    assert growing.exists() and (folder / "empty" / "1700000000_3_4.wav").exists()


async def test_a_pause_in_which_her_telephone_sends_nothing_ends_no_recording_that_asterisk_has_open(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be gone as the dialplan looks at it: a line that is well told her "not kept"."""
    folder, now = tmp_path / "fallback", time.time()
    under_way = put_open(folder, "1700000000_09141234560_1.wav")
    closed = put(folder, "1700000000_09141234561_1.wav")
    for path in (under_way, closed):
        os.utime(path, (now - 15, now - 15))
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, tmp_path / "recordings") == 1
        later(monkeypatch, 170)
        assert await take_in(desk.intake, folder, tmp_path / "recordings") == 0
    assert under_way.exists() and not closed.exists()


@pytest.mark.parametrize("off", [-240.0, 240.0, 86_400.0])
async def test_by_a_clock_that_is_off_no_recording_is_taken_away_under_who_still_speaks(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    """Asterisk would go on writing into a file without a name, and she hears that nothing was kept."""
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    path = put_open(folder, "1700000000_09141234567_1.wav")
    async with office(engine, tmp_path) as desk:
        for seconds in (0, 150, 200, 350):
            later(monkeypatch, seconds, clock=off)
            if seconds < 300:
                path.write_bytes(path.read_bytes() + bytes(16_000))
            assert (await take_in(desk.intake, folder, kept), path.exists()) == (0, True), seconds
        later(monkeypatch, 385, clock=off)
        assert (await take_in(desk.intake, folder, kept), path.exists()) == (1, False), "Asterisk died"
        await desk.pump.idle()
        (case,) = await as_json.cases(engine)
    assert (case["recordings"][0]["ended"], case["recordings"][0]["seconds"]) == ("broken", 6.0)


async def test_what_asterisk_died_over_is_taken_in_also_from_a_disk_that_is_now_and_then_too_slow_to_list(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    put_open(folder, "1700000000_09141234567_1.wav")

    def too_slow(*_: object) -> NoReturn:
        raise TimeoutError("it hangs")

    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 0
        later(monkeypatch, 100)
        with monkeypatch.context() as slow:
            slow.setattr(fallback, "in_time", too_slow)
            assert await take_in(desk.intake, folder, kept) == 0
        later(monkeypatch, 200)
        assert await take_in(desk.intake, folder, kept) == 1


async def test_what_another_process_took_in_is_no_longer_watched(engine: AsyncEngine, tmp_path: Path) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    path = put_open(folder, "1700000000_09141234567_1.wav")
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 0
        watched = fallback._open  # what it holds shows nowhere else
        assert path in watched
        path.unlink()
        assert await take_in(desk.intake, folder, kept) == 0 and path not in watched


async def test_what_only_the_dialplan_recorded_is_flushed_before_it_becomes_a_case(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, fsync = list[str](), os.fsync

    def flushed(fd: int) -> None:
        order.append(Path(f"/proc/self/fd/{fd}").readlink().suffix)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", flushed)
    put(tmp_path / "fallback", "1700000000_09141234567_123456789.wav")
    async with office(engine, tmp_path) as desk:
        before = len(order)
        append = Journal.append

        def journalled(journal: Journal, *arguments: Any, **more: Any) -> Any:
            order.append("journalled")
            return append(journal, *arguments, **more)

        monkeypatch.setattr(Journal, "append", journalled)
        assert await take_in(desk.intake, tmp_path / "fallback", tmp_path / "recordings") == 1
        its = order[before:]
        assert ".wav" in its and its.index(".wav") < its.index("journalled")


@pytest.mark.parametrize("disks", [1, 2])
async def test_what_the_recordings_disk_refused_is_brought_there_anew(
    engine: AsyncEngine, tmp_path: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch, disks: int
) -> None:
    """What a disk could not write is soon gone from its file, and only the first flush is told so."""
    other, refused = tmp_path if disks == 1 else small_disk.path, list[Path]()
    folder, kept = tmp_path / "fallback", other / "recordings"
    path = put(folder, "1700000000_09141234567_123456789.wav")
    flush = os.fsync

    def fsync(fd: int) -> None:
        file = Path(f"/proc/self/fd/{fd}").readlink()
        if file.is_relative_to(kept) and file.is_file() and not refused:
            refused.append(file)
            file.write_bytes(bytes(file.stat().st_size))
            os.utime(file, (1_700_000_100, 1_700_000_100))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flush(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 0
        assert refused and path.exists()
        assert await take_in(desk.intake, folder, kept) == 1
        await desk.pump.idle()
        (case,) = await as_json.cases(engine)
        assert (kept / case["recordings"][0]["path"]).read_bytes() == audio(3.0)


async def test_what_was_brought_anew_is_still_known_where_the_journal_is_refused_next(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, kept, refusing = tmp_path / "fallback", tmp_path / "recordings", {"recordings"}
    put(folder, "1700000000_09141234567_123456789.wav")
    writes = {
        name: getattr(os, name) for name in ("fsync", "write")
    }  # what is written to a journal is flushed

    def refuses(name: str, fd: int, *content: bytes) -> Any:
        file = Path(f"/proc/self/fd/{fd}").readlink()
        if any(file.is_relative_to(tmp_path / disk) and file.is_file() for disk in refusing):
            if file.is_relative_to(kept):
                file.write_bytes(bytes(file.stat().st_size))
                os.utime(file, (1_700_000_100, 1_700_000_100))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return writes[name](fd, *content)

    for name in writes:
        monkeypatch.setattr(os, name, partial(refuses, name))
    async with office(engine, tmp_path) as desk:
        assert await take_in(desk.intake, folder, kept) == 0
        refusing.clear()
        refusing.add("journal")
        with pytest.raises(JournalError):
            await take_in(desk.intake, folder, kept)
        refusing.clear()
        assert await take_in(desk.intake, folder, kept) == 1
        await desk.pump.idle()
        (heard,) = (await as_json.cases(engine))[0]["recordings"]
        assert (kept / heard["path"]).read_bytes() == audio(3.0)
        assert heard["seconds"] == 3.0 and heard["voiced_seconds"] > 2


async def test_a_damaged_disk_or_a_strange_file_holds_up_no_other_caller(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    good, strange = put(folder, "1700000000_09141234567_1.wav"), put(folder, os.fsdecode(b"0\xff.wav"))
    later = put(folder / "second", "1700000001_09141234568_1.wav")

    async with office(engine, tmp_path) as desk:
        with damaged(folder / "second"):
            unread: list[Path] = []
            assert await take_in(desk.intake, folder, kept, unread=unread) == 1
            assert (unread, good.exists(), strange.exists()) == ([folder / "second"], False, True)
            waiting = {gauge.name: gauge.value for gauge in of_spool(tmp_path, folder)}[
                "ivr_fallback_waiting"
            ]
            assert waiting == 1
            assert fallbacks(folder, hidden := list[Path]()) == [strange]
            assert hidden == [folder / "second"], "who would say that nothing waits must not"
        assert await take_in(desk.intake, folder, kept) == 1 and not later.exists()
        await desk.pump.idle()
        assert len(await as_json.cases(engine)) == 2


async def test_who_was_recorded_on_the_second_disk_does_not_wait_for_the_first(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "fallback", tmp_path / "recordings"
    first = put(folder, "1700000000_09141234567_1.wav")
    second = put(folder / "second", "1700000001_09141234568_1.wav")
    async with office(engine, tmp_path) as desk:
        with damaged(folder, opens=False):
            unread: list[Path] = []
            assert await take_in(desk.intake, folder, kept, unread=unread) == 1
        assert (unread, first.exists(), second.exists()) == ([folder], True, False)
        assert await take_in(desk.intake, folder, kept) == 1
        await desk.pump.idle()
        assert len(await as_json.cases(engine)) == 2
