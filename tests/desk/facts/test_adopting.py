"""What a dead process left in its slot comes into the books by a living one, once."""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands import doctor
from ivr.commands.spool import take_all
from ivr.desk.facts import adopting
from ivr.desk.facts.adopting import Following, adopt_left, empty
from ivr.desk.facts.apply import Pump
from ivr.desk.facts.gauges import of_spool
from ivr.desk.facts.journals import others_promise
from ivr.desk.facts.reconcile import Pass, reconcile
from ivr.desk.facts.strays import Shelf
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.loops.telling import JOURNAL, Telling, telling_place
from ivr.settings import JournalSettings, Settings
from ivr.store import disk_thread, slots
from ivr.store.journal import JournalError, journal_keeping, journal_marks, journal_reading
from ivr.store.journal.journal_follower import JournalFollower
from ivr.voice.events import Lookup
from tests.desk.facts.test_reconcile import CHOSEN, LONG_AGO, put
from tests.desk.office import Office, call, office, opening
from tests.fixtures.damaged import damaged, hanging, unmounted, unreadable
from tests.fixtures.province import book_of


async def one_pass(desk: Office, spool: Path) -> Pass:
    shelf = Shelf(desk.engine, desk.book, spool / "recordings", spool)
    return await reconcile(shelf, own=desk.journal, live=desk.intake.live)


async def test_facts_of_the_dead_become_rows_once_however_many_adopt_them(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    codes = []
    for slot in (tmp_path, tmp_path / "1"):
        async with office(engine, slot, pumping=False) as dead:
            codes.append(await dead.intake.open_case(call(), opening()))
    async with office(engine, tmp_path / "2") as living:
        await living.intake.open_case(call(), opening())
        adopted = await asyncio.gather(*(adopt_left(engine, book_of(engine), tmp_path) for _ in range(3)))
        assert sum(adopted) == 2
        assert not any(map(journal_reading.is_left, slots.journals(tmp_path)))
        await living.pump.idle()
        assert set(codes) < {case["code"] for case in await as_json.cases(engine)}
        assert len(await as_json.cases(engine)) == 3


async def test_nobody_adopts_the_living_and_the_next_takes_the_slot_with_its_codes(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path, pumping=False) as first:
        await first.intake.open_case(call(), opening())
        assert await adopt_left(engine, book_of(engine), tmp_path) == 0
        left = first.codes.left
    async with office(engine, tmp_path, lease=False) as second:
        assert 0 < second.codes.left < left
        await second.pump.idle()
        assert len(await as_json.cases(engine)) == 1


async def test_who_only_carries_calls_is_in_the_books_at_once_and_by_another_when_the_first_ends(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adopting, "LOOK_SECONDS", 0.1)
    works = [asyncio.create_task(Following(engine, book_of(engine), tmp_path).run()) for _ in range(2)]
    async with office(engine, tmp_path, alone=False) as desk:
        for many, work in enumerate(works, 1):
            await desk.intake.open_case(call(), opening())
            async with asyncio.timeout(patience(10)):
                while len(await as_json.cases(engine)) < many:
                    await asyncio.sleep(0.05)
            work.cancel()
            await asyncio.wait({work})
    assert len(await as_json.cases(engine)) == 2


async def test_while_every_journal_has_its_process_no_database_is_asked_and_one_that_has_none_is_told_of(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    asked = list[object]()
    listen(engine.sync_engine.pool, "checkout", lambda *its: asked.append(its))
    following = Following(engine, book_of(engine), tmp_path, ours=[tmp_path / "journal"])
    async with office(engine, tmp_path, pumping=False, lease=False):
        await following.look()
        assert not asked and not following.gone.is_set()
        assert not following._tasks, "nor is our own taken"  # private: nothing else tells at once
    await following.look()
    assert asked and following.gone.is_set()


async def test_a_journal_that_its_disk_refuses_once_holds_up_no_other_and_comes_into_the_books_after_that(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for slot in (tmp_path, tmp_path / "1"):
        async with office(engine, slot, pumping=False) as dead:
            await dead.intake.open_case(call(), opening())
    monkeypatch.setattr(adopting, "LOOK_SECONDS", 0.1)
    work = asyncio.create_task(Following(engine, book_of(engine), tmp_path).run())
    for many, disk in ((1, damaged(tmp_path / "journal")), (2, nullcontext())):
        with disk:
            async with asyncio.timeout(patience(10)):
                while len(await as_json.cases(engine)) < many or "must wait" not in caplog.text:
                    await asyncio.sleep(0.05)
    work.cancel()
    await asyncio.wait({work})


@pytest.mark.parametrize("gone", [True, False])
async def test_facts_on_a_second_disk_that_shows_nothing_are_told_of_wait_and_come_by_themselves(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, gone: bool
) -> None:
    settings = Settings(state=tmp_path, database_url=database_url)
    dead, codes = [settings.spool, settings.spool / "1"], list[str]()
    for slot in dead:
        async with office(engine, slot, pumping=False) as desk:
            codes.append(await desk.intake.open_case(call(), opening()))
        (slot / "disk").mkdir()
        (slot / "journal" / "second").symlink_to(slot / "disk")
    lost = dead[0] / "journal"
    (lost / "00000001.log").rename(dead[0] / "disk" / "00000001.log")
    async with office(engine, dead[0], pumping=False) as desk:
        await desk.intake.open_case(call(), opening())  # in a segment behind it
    monkeypatch.setattr(adopting, "LOOK_SECONDS", 0.1)
    following = Following(engine, book_of(engine), settings.spool)
    work = asyncio.create_task(following.run())
    links = [slot / "journal" / "second" for slot in dead]
    with unmounted(*(slot / "disk" for slot in dead)) if gone else damaged(*links):
        async with asyncio.timeout(patience(10)):
            while len(await as_json.cases(engine)) < 1 or len(following.unread) < 2:
                await asyncio.sleep(0.05)
        async with office(engine, settings.spool / "2") as desk:
            desk.intake.others_promise = partial(others_promise, settings.spool, desk.journal)
            assert (await desk.intake.look_up("09141234567", codes[0])).result is Lookup.UNAVAILABLE
        assert following.unread == sorted(str(slot / "journal") for slot in dead)
        told = await doctor._journal(settings)  # this check alone: all of them take seconds
        assert not told.ok and str(lost / "second") in told.found and "dmesg" in told.mend
        assert of_spool(settings.spool, tmp_path / "fallback"), "what else the machine tells is told"
        assert len(await as_json.cases(engine)) == 1, "nothing behind what may lie there"
    async with asyncio.timeout(patience(10)):
        while len(await as_json.cases(engine)) < 3 or following.unread:
            await asyncio.sleep(0.05)
    assert (await doctor._journal(settings)).ok  # likewise
    async with engine.connect() as connection:
        assert await journal_marks.setbacks(connection) == [], "no journal was taken for another"
    work.cancel()
    await asyncio.wait({work})


@pytest.mark.parametrize("when", ["opened", "followed"])
async def test_a_living_journal_whose_folder_is_not_shown_is_told_of_until_it_is_and_no_longer(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(adopting, "LOOK_SECONDS", 0.1)
    following = Following(engine, book_of(engine), tmp_path)
    async with office(engine, tmp_path, alone=False) as desk:
        await desk.intake.open_case(call(), opening())
        work = asyncio.create_task(following.run()) if when == "followed" else None
        if work is not None:
            async with asyncio.timeout(patience(10)):
                while not await as_json.cases(engine):
                    await asyncio.sleep(0.05)
        with damaged(desk.journal.folder):
            work = work or asyncio.create_task(following.run())
            async with asyncio.timeout(patience(20)):
                while following.unread != [str(desk.journal.folder)]:
                    await asyncio.sleep(0.05)
        await desk.intake.open_case(call(), opening())
        async with asyncio.timeout(patience(20)):
            while len(await as_json.cases(engine)) < 2 or following.unread:
                await asyncio.sleep(0.05)
        # Nothing else tells that it is followed all the same.
        assert desk.journal.folder in following._tasks, "it is followed all the same"
        work.cancel()
        await asyncio.wait({work})


async def test_a_living_journal_with_a_bad_page_is_told_of_until_that_can_be_read(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name in ("LOOK_SECONDS", "OVER_SECONDS"):
        monkeypatch.setattr(adopting, name, 0.05)
    following = Following(engine, book_of(engine), tmp_path)
    async with office(engine, tmp_path, alone=False) as desk:
        await desk.intake.open_case(call(), opening())
        whole = desk.journal.flushed.offset
        await desk.intake.open_case(call(), opening())
        with unreadable(desk.journal.folder / "00000001.log", whole + 9):
            work = asyncio.create_task(following.run())
            async with asyncio.timeout(patience(20)):
                while caplog.text.count("are applied by us") < 4:
                    await asyncio.sleep(0.05)
            assert following.unread == [str(desk.journal.folder)]
            assert caplog.text.count("must wait") == 1, "not at each try"
        async with asyncio.timeout(patience(20)):
            while len(await as_json.cases(engine)) < 2 or following.unread:
                await asyncio.sleep(0.05)
        work.cancel()
        await asyncio.wait({work})


async def test_a_second_disk_that_hangs_holds_up_neither_other_work_nor_what_lies_on_the_first(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slot in (tmp_path, tmp_path / "1"):
        async with office(engine, slot, pumping=False) as dead:
            await dead.intake.open_case(call(), opening())
    (tmp_path / "disk").mkdir()
    second = tmp_path / "journal" / "second"
    second.symlink_to(tmp_path / "disk")
    monkeypatch.setattr(adopting, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", 0.2)
    following = Following(engine, book_of(engine), tmp_path)
    with hanging(second):
        work = asyncio.create_task(following.run())
        async with asyncio.timeout(patience(20)):
            while len(await as_json.cases(engine)) < 2 or following.unread != [str(second.parent)]:
                await asyncio.sleep(0.05)
    async with asyncio.timeout(patience(20)):
        while following.unread:
            await asyncio.sleep(0.05)
    work.cancel()
    await asyncio.wait({work})


async def test_one_bad_page_of_a_journal_stops_that_one_alone_and_its_place_is_told(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    named, unnamed = put(tmp_path), put(tmp_path)
    for slot in (tmp_path, tmp_path / "1"):
        async with office(engine, slot, pumping=False) as dead:
            await dead.intake.open_case(call(), opening())
            segment = slot / "journal" / "00000001.log"
            whole = segment.stat().st_size
            if slot != tmp_path:
                await dead.intake.recording_begun(call(), named, CHOSEN)
            await dead.intake.open_case(call(), opening())
    page = unreadable(tmp_path / "journal" / "00000001.log", whole + 9)
    monkeypatch.setattr(adopting, "LOOK_SECONDS", 0.1)
    following = Following(engine, book_of(engine), tmp_path)
    work = asyncio.create_task(following.run())
    with page:
        async with asyncio.timeout(patience(10)):
            while len(await as_json.cases(engine)) < 3 or not following.unread:
                await asyncio.sleep(0.05)
        assert following.unread == [str(tmp_path / "journal")]
        async with office(engine, tmp_path / "2") as desk:
            done = await one_pass(desk, tmp_path)
            assert (done.cases, done.waiting) == (1, [unnamed]), "that journal may name it"
            assert done.unread == [str(tmp_path / "journal")]
            desk.intake.others_promise = partial(others_promise, tmp_path, desk.journal)
            assert (await desk.intake.look_up("09141234567", "1234567894")).result is Lookup.UNAVAILABLE
    assert "database is away" not in caplog.text
    assert f"behind byte {whole}: '{tmp_path / 'journal' / '00000001.log'}'" in caplog.text
    async with asyncio.timeout(patience(10)):
        while len(await as_json.cases(engine)) < 5 or following.unread:
            await asyncio.sleep(0.05)
    async with office(engine, tmp_path / "2") as desk:
        assert (await one_pass(desk, tmp_path)).cases == 1
    work.cancel()
    await asyncio.wait({work})


async def test_a_journal_that_can_t_be_looked_at_is_not_said_to_be_in_the_books(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path, pumping=False) as dead:
        await dead.intake.open_case(call(), opening())
    left = JournalFollower(tmp_path / "journal")
    left.open()
    with damaged(tmp_path / "journal"), pytest.raises(JournalError, match="Input/output error"):
        await empty(Pump(engine, left, book_of(engine), linger=0))
    await empty(Pump(engine, left, book_of(engine), linger=0))
    await left.close()
    assert len(await as_json.cases(engine)) == 1


async def test_a_checkpoint_that_can_t_be_read_holds_up_no_facts(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path, pumping=False) as dead:
        await dead.intake.open_case(call(), opening())
    (tmp_path / "journal" / "checkpoint.json").unlink()
    (tmp_path / "journal" / "checkpoint.json").mkdir()
    assert journal_reading.is_left(tmp_path / "journal")
    assert await adopt_left(engine, book_of(engine), tmp_path) == 1
    assert len(await as_json.cases(engine)) == 1


async def test_a_sibling_s_live_recording_is_left_alone_until_it_dies(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path / "1") as other:
        async with office(engine, tmp_path) as dying:
            await dying.intake.recording_begun(call(), name, CHOSEN)
            await dying.journal.flush()
            assert await one_pass(other, tmp_path) == Pass(waiting=[name])
        await adopt_left(engine, other.book, tmp_path)
        assert await one_pass(other, tmp_path) == Pass(cases=1)
        [case] = await as_json.cases(engine)
        assert (case["topic"], case["caller"]) == ("water.supply", "09141234567")


async def test_words_of_a_living_sibling_s_call_are_left_to_it_though_it_has_not_written_them_down(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    facts = call()
    name = put(tmp_path, call=facts.id)
    async with office(engine, tmp_path / "1") as other:
        async with office(engine, tmp_path) as dying:
            await dying.intake.call_started(facts)
            await dying.journal.flush()
            assert await one_pass(other, tmp_path) == Pass(waiting=[name])
        await adopt_left(engine, other.book, tmp_path)
        assert await one_pass(other, tmp_path) == Pass(cases=1)
        [case] = await as_json.cases(engine)
        assert case["call_id"] == facts.id


async def test_a_file_that_a_hanging_sibling_may_not_have_told_of_waits_for_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    name = put(tmp_path)
    async with office(engine, tmp_path / "1") as other:
        async with office(engine, tmp_path) as hanging:
            os.utime(tmp_path / "journal" / "lock", (LONG_AGO - 5, LONG_AGO - 5))  # its last sign
            assert await one_pass(other, tmp_path) == Pass(waiting=[name])
            await hanging.intake.recording_begun(facts := call(), name, CHOSEN)  # it lives after all
            await hanging.journal.sign()
            assert await one_pass(other, tmp_path) == Pass(waiting=[name])
        assert await one_pass(other, tmp_path) == Pass(cases=1)
        [case] = await as_json.cases(engine)
        assert case["call_id"] == facts.id


async def test_where_other_machines_record_too_a_file_that_nobody_here_names_is_left_to_them(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    named, unnamed = put(tmp_path), put(tmp_path)
    async with office(engine, tmp_path / "1") as dead:
        await dead.intake.recording_begun(call(), named, CHOSEN)
    async with office(engine, tmp_path) as desk:
        await adopt_left(engine, desk.book, tmp_path)
        shelf = Shelf(engine, desk.book, tmp_path / "recordings", tmp_path, alone=False)
        assert await reconcile(shelf, own=desk.journal) == Pass(cases=1, waiting=[unnamed])
        assert await one_pass(desk, tmp_path) == Pass(cases=1)  # as `ivr spool retry --unnamed`


async def test_the_doctor_names_a_worker_that_gives_no_sign(engine: AsyncEngine, tmp_path: Path) -> None:
    settings = Settings(state=tmp_path)
    async with office(engine, settings.spool / "1"):
        # this check alone: all of them take seconds
        assert await doctor._workers(settings) == ("workers", True, "1 serve on this machine", "")
        lock = settings.spool / "1" / "journal" / "lock"
        os.utime(lock, (LONG_AGO, LONG_AGO))
        silent = await doctor._workers(settings)  # this check alone: all of them take seconds
        assert not silent.ok and str(lock.parent) in silent.found and "kill -9" in silent.mend

        async def writes() -> str:
            return str(lock.parent)

        telling = Telling(telling_place(settings), "calls-1", {JOURNAL: writes})
        await telling.open()
        try:
            refused = await doctor._workers(settings)  # likewise
        finally:
            telling.close()
        assert not refused.ok and str(lock.parent) in refused.found
        assert "do not kill it" in refused.mend and "kill -9" not in refused.mend


async def test_two_who_reconcile_at_once_make_one_case_of_what_a_third_left(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path / "2") as third:
        facts = call()
        for name in [put(tmp_path) for _ in range(3)]:
            await third.intake.recording_begun(facts, name, CHOSEN)
        code = await third.intake.open_case(call("09140000000"), opening())
    nobody_knows = [put(tmp_path) for _ in range(4)]
    async with office(engine, tmp_path) as one, office(engine, tmp_path / "1") as two:
        for _ in range(2):
            works = [one_pass(desk, tmp_path) for desk in (one, two, one, two)]
            await asyncio.gather(*works, *(adopt_left(engine, desk.book, tmp_path) for desk in (one, two)))
        found = await as_json.cases(engine)
        assert sorted(len(case["recordings"]) for case in found) == [1] * (len(nobody_knows) + 1) + [3]
        assert code in {case["code"] for case in found}
        assert not any(journal_reading.is_left(folder) for folder in slots.journals(tmp_path))


async def test_a_code_that_a_sibling_promised_is_never_called_unknown(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as one, office(engine, tmp_path / "1", pumping=False) as two:
        one.intake.others_promise = partial(others_promise, tmp_path, one.journal)
        code = await two.intake.open_case(call(), opening())
        assert (await one.intake.look_up("09141234567", code)).result is Lookup.UNAVAILABLE
        assert (await one.intake.look_up("09141234567", "1234567894")).result is Lookup.UNKNOWN
    await adopt_left(engine, book_of(engine), tmp_path)
    async with office(engine, tmp_path) as one:
        one.intake.others_promise = partial(others_promise, tmp_path, one.journal)
        assert (await one.intake.look_up("09141234567", code)).result is not Lookup.UNKNOWN


@pytest.mark.parametrize("slot", ["", "1"])
async def test_ivr_spool_retry_lets_facts_stay_for_as_many_days_as_the_installation_wants(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slot: str
) -> None:
    monkeypatch.setattr(journal_keeping, "KEEP_BYTES", 0)
    settings = Settings(state=tmp_path, journal=JournalSettings(keep_days=10**6))
    for _ in range(3):  # each begins a segment
        async with office(engine, settings.spool / slot, pumping=False) as dead:
            await dead.intake.open_case(call(), opening())
    segments = sorted((settings.spool / slot / "journal").glob("*.log"))
    for segment in segments:
        os.utime(segment, (LONG_AGO, LONG_AGO))
    await take_all(settings, engine)
    assert len(await as_json.cases(engine)) == len(segments) == 3
    assert all(segment.exists() for segment in segments)
