"""From the journal to the books: exactly once, whatever happens in between."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.facts import apply
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.store.engine import AWAY, make_engine
from ivr.store.facts import CaseOpenedFact, FactStep, is_patient
from ivr.store.journal import Position
from ivr.store.tables import calls, case_events, cases, outbox, recordings, referrals
from ivr.voice.actions import Confide, Confirm, KeepWords, RefineCase
from ivr.voice.events import IN_MID_WORD, CallerKnown, Ended, Lookup
from tests.desk.office import WEDNESDAY, Office, call, office, opening, words
from tests.fixtures.database import run
from tests.store.noted import lay

TABLES = (calls, cases, recordings, referrals, case_events, outbox)


async def counts(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        queries = [select(func.count()).select_from(table) for table in TABLES]
        return [(await connection.execute(query)).scalar_one() for query in queries]


async def test_applying_the_whole_journal_again_changes_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        code = await desk.intake.open_case(facts, opening(topic="other.other"))
        await desk.intake.refine_case(facts, RefineCase(code, "water.supply", "ahar"))
        await desk.intake.keep_words(facts, KeepWords(code, words(), instead=True))
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, (), (words(),))
        await desk.pump.idle()
        before, case = await counts(engine), await as_json.case_json(engine, code)
        everything, _ = desk.journal.read(Position())
        page = await desk.book.page()
        await apply.apply(engine, page, everything)
        for fact in everything:
            await apply.apply(engine, page, [fact])
        assert await counts(engine) == before
        assert await as_json.case_json(engine, code) == case


async def test_a_crash_before_the_checkpoint_makes_nothing_twice(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        before = await counts(engine)
    (tmp_path / "journal" / "checkpoint.json").unlink()
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        assert await counts(engine) == before
        assert await as_json.case_json(engine, code) is not None


async def test_what_was_journalled_before_a_crash_is_applied_after_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path, pumping=False) as desk:
        facts = call()
        code = await desk.intake.open_case(facts, opening(topic="other.other", county=""))
        await desk.intake.refine_case(facts, RefineCase(code, "water.supply", "ahar"))
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None and (case["topic"], case["agency"]) == ("water.supply", "abfa")


async def test_while_the_database_is_away_codes_are_promised_and_resolve_later(
    database_url: str, postgres_url: str, tmp_path: Path
) -> None:
    engine = make_engine(database_url)
    database = engine.url.database
    async with office(engine, tmp_path) as desk:
        await desk.pump.idle()
        await run(postgres_url, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        await run(
            postgres_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='{database}'"
        )
        codes = [await desk.intake.open_case(call(), opening()) for _ in range(30)]
        assert all(codes) and len(set(codes)) == 30
        assert (await desk.intake.look_up("09141112222", codes[0])).result is Lookup.UNAVAILABLE
        assert await desk.intake.recall("09141234567") == CallerKnown("")
        with pytest.raises(AWAY):
            await desk.codes.lease(engine)
        await run(postgres_url, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
        await desk.pump.idle()
        found = {case["code"] for case in await as_json.cases(engine, limit=100)}
        assert found == set(codes)
    await engine.dispose()


async def test_one_fact_that_the_database_refuses_holds_up_no_other(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    lay(tmp_path / "journal", b'{"type":"nonsense","call":{}}', b'{"type":"rating","version":2,"score":"5"}')
    async with office(engine, tmp_path) as desk:
        good = await desk.intake.open_case(call(), opening())
        bad = await desk.intake.open_case(call(), opening(words(seconds="long")))  # type: ignore[arg-type]
        after = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        found = {case["code"] for case in await as_json.cases(engine)}
        assert found == {good, after}
        aside = "".join(path.read_text() for path in (tmp_path / "journal" / "quarantine").glob("*.fact"))
        assert bad in aside and "nonsense" in aside and '"version":2' in aside
        why = "".join(path.read_text() for path in (tmp_path / "journal" / "quarantine").glob("*.why"))
        assert "segment 1, byte 0: a fact can't be read: of unknown type 'nonsense'" in why
        assert "rating of version 2: a newer release wrote it" in why


async def test_one_fact_that_is_too_much_for_an_index_holds_up_no_other(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        long = replace(words(), name=f"2026/11/25/{secrets.token_hex(5_000)}")
        bad = await desk.intake.open_case(call(), opening(long))
        good = await desk.intake.open_case(call(), opening())
        async with asyncio.timeout(patience(20)):
            await desk.pump.idle()
        assert {case["code"] for case in await as_json.cases(engine)} == {good}
        [aside] = (tmp_path / "journal" / "quarantine").glob("*.fact")
        assert bad in aside.read_text()


async def test_a_code_that_another_case_has_costs_the_code_not_the_words(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        async with engine.begin() as connection:
            await connection.execute(update(cases).values(id=cases.c.id, code=code))
        everything, _ = desk.journal.read(Position())
        fact = next(fact for fact in everything if isinstance(fact, CaseOpenedFact))
        said = replace(fact.recordings[0], name="2026/11/25/other")
        other = replace(fact.call, id=uuid.uuid4())
        await desk.journal.append(replace(fact, id=uuid.uuid4(), call=other, recordings=(said,)))
        await desk.pump.idle()
        found = await as_json.cases(engine)
        assert len(found) == 2 and {len(case["recordings"]) for case in found} == {1}


async def test_words_whose_case_got_lost_become_a_case_at_the_desk(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        facts, kept = call(), words()
        code = await desk.codes.take()
        facts.cases[code] = str(uuid.uuid4())
        await desk.intake.keep_words(facts, KeepWords(code, kept, instead=False))
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None
        assert case["agency"] == "gov_inspection" and case["recordings"][0]["path"] == f"{kept.name}.wav"


async def test_two_pumps_on_the_same_facts_make_one_case_each(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path, pumping=False) as desk:
        for _ in range(40):
            await desk.intake.open_case(call(), opening())
        everything, _ = desk.journal.read(Position())
        page = await desk.book.page()
        await asyncio.gather(*(apply.apply(engine, page, everything[n:]) for n in (0, 10, 20)))
        assert (await counts(engine))[1:] == [40, 40, 40, 80, 40]


async def a_call_is_seen(desk: Office) -> None:
    """One of which nothing is to be routed, begun and over, until the pump has read of it."""
    desk.pump.linger = 0.01
    quiet = call()
    await desk.intake.call_started(quiet)
    await desk.intake.call_ended(quiet, "completed", WEDNESDAY, ())
    while len(desk.pump._ahead[1]) < 2 and not (await counts(desk.engine))[0]:  # private: no event tells
        await asyncio.sleep(0.01)


async def test_what_nobody_waits_for_shares_the_transaction_of_what_somebody_does(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk, asyncio.timeout(patience(20)):
        desk.pump.patience = 3_600.0
        await a_call_is_seen(desk)
        assert not (await counts(engine))[0]
        await desk.intake.open_case(call(), opening())
        while not await as_json.cases(engine):
            await asyncio.sleep(0.02)
        async with engine.connect() as connection:
            query = "SELECT xmin::text FROM calls UNION SELECT xmin::text FROM cases"
            assert len((await connection.execute(text(query))).all()) == 1
        assert (await counts(engine))[0] == 2


@pytest.mark.parametrize("hurried", [False, True])
async def test_what_nobody_waits_for_comes_by_itself_and_at_once_when_all_is_to_be_there(
    engine: AsyncEngine, tmp_path: Path, hurried: bool
) -> None:
    async with office(engine, tmp_path) as desk, asyncio.timeout(patience(20)):
        desk.pump.patience = 3_600.0 if hurried else 0.2
        await a_call_is_seen(desk)
        if hurried:
            await desk.pump.idle()
        while not (await counts(engine))[0]:
            assert not hurried
            await asyncio.sleep(0.02)


async def test_facts_that_somebody_waits_for_are_not_patient(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path, pumping=False) as desk:
        hers = call()
        await desk.intake.call_started(hers)
        code = await desk.intake.open_case(hers, opening())
        await desk.intake.confide(hers, Confide(code))
        await desk.intake.confirm(hers, Confirm(code, solved=True))
        await desk.intake.call_ended(hers, "completed", WEDNESDAY, ())
        await desk.intake.call_ended(replace(hers, attempt=str(uuid.uuid4())), "completed", WEDNESDAY, ())
        for note in (Ended.HASH, *IN_MID_WORD):
            hung_up = FactStep(WEDNESDAY, "record", "", f"recorded:{note}")
            await desk.intake.call_ended(hers, "hung_up", WEDNESDAY, [hung_up])
            await desk.journal.flush()
        facts, _ = desk.journal.read(Position())
    told = [True, False, False, False, True, False, True, *(False for _ in IN_MID_WORD)]
    assert [is_patient(fact) for fact in facts] == told
