"""A database that goes back in time (a lagging replica, a restored copy) gets again what it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands import doctor
from ivr.desk.case.codes import desk_code
from ivr.desk.facts import adopting, apply, comparing
from ivr.desk.facts.adopting import Following, adopt_left
from ivr.desk.facts.apply import Pump
from ivr.desk.facts.reconcile import Pass
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.settings import Settings
from ivr.store.engine import make_engine
from ivr.store.journal import Position, journal_marks, journal_reading
from ivr.store.journal.applied import JournalUnread
from ivr.store.journal.journal_follower import JournalFollower
from ivr.voice.actions import KeepWords
from tests.desk.facts.test_pump import counts
from tests.desk.facts.test_reconcile import CHOSEN, one_pass, put, recorded
from tests.desk.keeping.test_verify import findings
from tests.desk.office import Office, call, office, opening, words
from tests.fixtures.damaged import damaged, unmounted
from tests.fixtures.database import create, drop, run
from tests.fixtures.province import book_of


class Books:
    """A database of which copies are kept, and that is replaced by one, as a restore or a fail-over does."""

    def __init__(self, server: str, url: str) -> None:
        self.server, self.url, self.engine = server, url, make_engine(url)
        self.name = str(self.engine.url.database)
        self.copy = f"{self.name}_copy"

    async def keep(self) -> None:
        """A copy as of now; whoever is connected loses that."""
        await self._alone(self.name)
        await create(self.server, self.copy, self.name)
        await run(self.server, f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS true')
        await self.engine.dispose()

    async def go_back(self) -> None:
        await drop(self.server, self.name)
        await create(self.server, self.name, self.copy)
        await self.engine.dispose()  # new connections: nothing but what it holds tells that it is another

    async def _alone(self, name: str) -> None:
        await run(self.server, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        others = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        await run(self.server, others)


@pytest.fixture
async def books(postgres_url: str, database_url: str) -> AsyncIterator[Books]:
    kept = Books(postgres_url, database_url)
    yield kept
    await kept.engine.dispose()
    await drop(postgres_url, kept.copy)


async def told(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return await journal_marks.told(connection)


async def from_the_desk(engine: AsyncEngine) -> str:
    async with engine.begin() as connection:
        return await desk_code(connection)


async def codes_of(desk: Office) -> set[str]:
    return {case["code"] for case in await as_json.cases(desk.engine, limit=100)}


@asynccontextmanager
async def at_work(books: Books, folder: Path) -> AsyncIterator[Office]:
    async with office(books.engine, folder) as desk:
        yield desk
        await desk.pump.idle()


async def one_case(engine: AsyncEngine, folder: Path) -> None:
    """Comes into the books, and then its office ends."""
    async with office(engine, folder) as desk:
        await desk.intake.open_case(call(), opening())
        await desk.pump.idle()


async def test_ten_of_ten_codes_open_their_cases_after_a_restore_and_eleven_restarts(
    books: Books, tmp_path: Path
) -> None:
    settings = Settings(state=tmp_path, database_url=books.url)
    folder = settings.spool
    async with at_work(books, folder) as desk:
        before = await desk.intake.open_case(call(), opening())
    await books.keep()
    given: dict[str, str] = {}
    for _ in range(10):
        async with at_work(books, folder) as desk:
            said = recorded(folder, put(folder))
            given[await desk.intake.open_case(call(), opening(said))] = said.name
    async with at_work(books, folder) as desk:
        late = await desk.intake.open_case(facts := call(), opening())
        await desk.intake.keep_words(facts, KeepWords(late, words(), instead=False))
        desk_codes = {await from_the_desk(desk.engine)}
    there = await counts(books.engine)

    await books.go_back()
    assert await comparing.behind(books.engine, folder) == {folder / "journal"}
    lacking = await doctor._journal(settings)  # this check alone: all of them take seconds
    assert not lacking.ok and "the database went back" in lacking.found
    with damaged(folder / "journal"):
        both = await doctor._journal(settings)  # likewise
    assert lacking.found in both.found and lacking.mend in both.mend
    assert "facts wait for a disk" in both.found and "dmesg" in both.mend
    async with office(books.engine, folder, pumping=False) as desk:
        seen = await one_pass(desk, folder)  # these files are somebody's, though no row says so
        assert seen.cases == 0 and set(seen.waiting) == set(given.values())
    async with at_work(books, folder) as desk:
        await desk.pump.idle()
        assert await codes_of(desk) == {before, late, *given}
        for code, name in given.items():
            case = await as_json.case_json(desk.engine, code)
            assert case is not None and [each["path"] for each in case["recordings"]] == [f"{name}.wav"]
        assert await one_pass(desk, folder) == Pass()
        assert await counts(books.engine) == there
        fresh = {await desk.codes.take() for _ in range(5)}
        desk_codes.add(await from_the_desk(desk.engine))
        assert len(desk_codes) == 2 and not fresh & {before, late, *given}
    assert not await comparing.behind(books.engine, folder)
    well = await doctor._journal(settings)  # likewise
    assert well.ok and "the database went back 12 facts" in well.found
    assert "went_back" in {each.kind for each in await findings(books.engine, tmp_path)}


async def test_a_fail_over_under_calls_loses_no_code(books: Books, tmp_path: Path) -> None:
    async with at_work(books, tmp_path) as desk:
        await desk.intake.open_case(early := call(), opening())
        await desk.pump.idle()
    await books.keep()
    async with at_work(books, tmp_path) as desk:
        given, speaking = set(early.cases), call()
        given.add(await desk.intake.open_case(speaking, opening()))
        await desk.pump.idle()
        await books.go_back()  # while she speaks, and others call
        for code in list(speaking.cases):
            await desk.intake.keep_words(speaking, KeepWords(code, words(), instead=False))
        given |= {await desk.intake.open_case(call(), opening()) for _ in range(5)}
        await desk.pump.idle()
        assert await codes_of(desk) == given
        [its] = speaking.cases
        case = await as_json.case_json(desk.engine, its)
        assert case is not None and len(case["recordings"]) == 2
        assert len(await told(desk.engine)) == 1


async def test_a_quiet_line_notices_by_itself(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "COMPARE_SECONDS", 0.1)
    await books.keep()
    async with at_work(books, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        await books.go_back()
        async with asyncio.timeout(patience(10)):
            while not await told(desk.engine):
                await asyncio.sleep(0.05)
            while await codes_of(desk) != {code}:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("living", [True, False])
async def test_so_do_the_dead_s_journals_whoever_is_there(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, living: bool
) -> None:
    monkeypatch.setattr(adopting, "LOOK_SECONDS", 0.1)
    await books.keep()
    codes = set[str]()
    for slot in ("1", "2"):
        async with at_work(books, tmp_path / slot) as dead:
            codes.add(await dead.intake.open_case(call(), opening()))
    await books.go_back()
    assert not journal_reading.is_left(tmp_path / "1" / "journal")
    lock = tmp_path / "2" / "journal" / "lock"  # a damaged one hides no other journal, nor its own
    lock.unlink()
    lock.symlink_to(lock)
    if living:
        work = asyncio.create_task(Following(books.engine, book_of(books.engine), tmp_path).run())
        async with asyncio.timeout(patience(10)):
            while len(await as_json.cases(books.engine)) < 2:
                await asyncio.sleep(0.05)
        work.cancel()
        await asyncio.wait({work})
    else:
        assert await adopt_left(books.engine, book_of(books.engine), tmp_path) == 2
    assert {case["code"] for case in await as_json.cases(books.engine)} == codes
    assert not await comparing.behind(books.engine, tmp_path)


async def test_a_journal_whose_second_disk_is_gone_is_not_taken_for_one_that_was_set_back(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await one_case(engine, tmp_path)
    disk, follower = tmp_path / "disk", JournalFollower(tmp_path / "journal")
    disk.mkdir()
    (follower.folder / "second").symlink_to(disk)
    (follower.folder / "00000001.log").rename(disk / "00000001.log")
    with unmounted(disk):
        follower.open()
        with pytest.raises(JournalUnread, match="second"):
            await comparing.compare(engine, follower)
    follower.look()
    await comparing.compare(engine, follower)
    assert await told(engine) == [] and not follower.has_more
    await follower.close()


async def test_what_only_the_reconciler_had_brought_in_it_brings_in_again(
    books: Books, tmp_path: Path
) -> None:
    await books.keep()
    name = put(tmp_path)
    async with at_work(books, tmp_path) as desk:
        await desk.intake.recording_begun(call(), name, CHOSEN)  # and then its process died
    async with at_work(books, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        assert await one_pass(desk, tmp_path) == Pass()
    await books.go_back()
    async with at_work(books, tmp_path) as desk:
        await desk.pump.idle()
        assert await one_pass(desk, tmp_path) == Pass(cases=1)
        assert await one_pass(desk, tmp_path) == Pass()
        assert len(await as_json.cases(desk.engine)) == 1


async def test_a_lost_checkpoint_is_no_loss_where_the_database_knows(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        applied = desk.journal.applied
    (tmp_path / "journal" / "checkpoint.json").unlink()
    async with office(engine, tmp_path, pumping=False) as desk:
        await comparing.compare(engine, desk.journal)
        assert desk.journal.applied == applied
    assert not await told(engine)


async def test_a_journal_whose_name_a_disk_did_not_keep_is_applied_under_another(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """What was refused reads as zeros."""
    await one_case(engine, tmp_path)
    (tmp_path / "journal" / "identity").write_bytes(bytes(32))
    await one_case(engine, tmp_path)
    assert len(await as_json.cases(engine)) == 2
    assert (tmp_path / "journal" / "identity").read_text().isalnum()


async def test_a_journal_that_was_set_back_is_not_taken_for_the_one_that_the_database_knows(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Its numbers are used again, so what the database says of them is about other facts."""
    for _ in range(3):
        await one_case(engine, tmp_path)
    for path in [*(tmp_path / "journal").glob("*.log"), tmp_path / "journal" / "checkpoint.json"]:
        path.unlink()
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        assert desk.journal.applied > Position()
        assert len(await as_json.cases(engine)) == 4
    (text,) = await told(engine)
    assert text.startswith("a journal was set back or replaced") and "the database" not in text


async def test_a_pump_that_is_told_to_end_ends_though_the_wait_that_it_was_in_kept_it_quiet(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python 3.11's wait_for does when what it waits for comes in that moment, which no test can time."""
    waits = asyncio.Event()

    async def keeps_it_quiet(*of: Any) -> None:
        await comparing.compare(*of)
        waits.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    monkeypatch.setattr(apply, "compare", keeps_it_quiet)
    async with office(engine, tmp_path, pumping=False) as desk:
        running = asyncio.create_task(Pump(engine, desk.journal, desk.book).run())
        await waits.wait()
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=patience(10))
        assert done and running.cancelled()
