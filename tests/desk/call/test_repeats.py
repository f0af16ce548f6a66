"""A caller who calls often, and one who is blocked. Nobody is refused."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.book.book import Limits
from ivr.desk.call import blocking, verdicts
from ivr.desk.case import closing
from ivr.desk.case.change import Instruction
from ivr.desk.facts.comparing import compare
from ivr.desk.facts.reconcile import Pass
from ivr.desk.reading import as_json
from ivr.desk.refusals import Refused
from ivr.store.facts import FactCall, VerdictFact
from ivr.store.tables import blocked_callers, hour_calls, outbox
from ivr.voice.actions import KeepWords
from ivr.voice.events import CallerKnown, Lookup
from tests.desk.counter import counter
from tests.desk.facts.test_reconcile import CHOSEN, one_pass, put, recorded
from tests.desk.keeping.test_verify import findings
from tests.desk.meetings.hall import hall
from tests.desk.meetings.test_live_hour_desk import announced
from tests.desk.office import WEDNESDAY, Office, call, office, opening, words
from tests.fixtures.province import CONVENTIONS, answer

DESK = Actor("desk/karimi", Side.DESK)
LIMITS = Limits(cases_per_hour=4, cases_per_day=6, repeat_days=10)


@asynccontextmanager
async def limited(engine: AsyncEngine, folder: Path, limits: Limits = LIMITS) -> AsyncIterator[Office]:
    async with office(engine, folder, pumping=False) as desk:
        desk.book.conventions = replace(CONVENTIONS, limits=limits)
        await desk.book.load()
        yield desk


async def applied(desk: Office) -> None:
    await compare(desk.engine, desk.journal)  # as the pump itself begins
    await desk.pump._drain()  # once, at a time of the test's choosing


async def case(engine: AsyncEngine, code: str) -> dict[str, Any]:
    found = await as_json.case_json(engine, code)
    assert found is not None
    return found


async def test_words_on_the_same_matter_join_the_open_case_and_its_code_is_told_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await applied(desk)
        again, said = call("+98 914 123 4567"), words()
        assert await desk.intake.open_case(again, opening(said)) == code
        assert again.joined == {code}
        better = words()
        await desk.intake.keep_words(again, KeepWords(code, better, True))
        await applied(desk)
        assert (await desk.intake.look_up("", code)).result is Lookup.FOUND
    found = await case(engine, code)
    first, *hers = found["recordings"]
    assert [r["path"] for r in hers] == [f"{said.name}.wav", f"{better.name}.wav"]
    superseded = [r["superseded"] for r in found["recordings"]]
    assert superseded == [False, True, False], "never an earlier call's words"
    assert first["sha256"]
    added, replaced = found["events"][2:]
    assert (added["what"], replaced["what"]) == ("words_added", "words_replaced")
    assert added["details"]["repeat"] is True
    async with engine.connect() as connection:
        query = select(outbox.c.payload).where(outbox.c.kind == "case_repeated")
        assert (await connection.execute(query)).scalars().all() == [{"case": code, "status": "referred"}]
    assert [f for f in await findings(engine, tmp_path) if not f.recording] == []


async def test_who_shares_her_line_is_asked_and_has_a_case_of_her_own(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        stranger = call()
        assert not await desk.intake.knows_matter(stranger, opening())
        code = await desk.intake.open_case(call(), opening())
        await applied(desk)
        assert await desk.intake.knows_matter(stranger, opening())
        assert not await desk.intake.knows_matter(stranger, opening(topic="water.bill"))
        own = await desk.intake.open_case(stranger, opening(joins=False))
        assert own != code and not stranger.joined
        assert not await desk.intake.knows_matter(stranger, opening()), "once in a call is enough"
        await applied(desk)
    assert len((await case(engine, code))["recordings"]) == 1


async def test_another_matter_is_another_case(engine: AsyncEngine, tmp_path: Path) -> None:
    """Another topic, county, kind or caller; a request to meet; and what is about anything."""
    async with limited(engine, tmp_path, Limits(repeat_days=10)) as desk:
        asked = [
            (call(), opening()),
            (call(), opening(topic="water.bill")),
            (call(), opening(county="tabriz")),
            (call(), opening(county="")),
            (call(), opening(kind="request")),
            (call("09141112222"), opening()),
            (call(""), opening()),
            (call(""), opening()),
            (call(), opening(kind="meeting", callback="09141234567")),
            (call(), opening(kind="meeting")),
            (call(), opening(kind="meeting")),
            (call(), opening(callback="09141234567")),
            (call(), opening(topic="other.other")),
            (call(), opening(topic="other.other")),
        ]
        codes = []
        for facts, chosen in asked:
            codes.append(await desk.intake.open_case(facts, chosen))
            await applied(desk)
        assert len(set(codes)) == len(asked)
        assert await desk.intake.open_case(call(), opening(county="")) == codes[3]


async def test_only_who_has_an_unanswered_case_may_speak_of_it_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        assert not (await desk.intake.recall("09141234567")).waits
        code = await desk.intake.open_case(call(), opening())
        await applied(desk)
        assert (await desk.intake.recall("09141234567")).waits
        assert not (await desk.intake.recall("09141112222")).waits
        assert not (await desk.intake.recall("")).waits
        await answer(engine, code, "abfa", "درست شد", WEDNESDAY)
        assert not (await desk.intake.recall("09141234567")).waits


async def test_what_came_to_an_end_or_is_long_ago_begins_anew(engine: AsyncEngine, tmp_path: Path) -> None:
    async with limited(engine, tmp_path) as desk:
        codes = [await desk.intake.open_case(call(), opening())]
        await applied(desk)
        await answer(engine, codes[0], "abfa", "درست شد", WEDNESDAY)
        codes.append(await desk.intake.open_case(call(), opening()))
        await applied(desk)
        desk.intake.clock = lambda: WEDNESDAY + timedelta(days=11)
        codes.append(await desk.intake.open_case(call(), opening()))
        await applied(desk)
        assert len(set(codes)) == 3
        assert await desk.intake.open_case(call(), opening()) == codes[2]


async def test_a_case_that_ended_before_the_words_reached_it_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    async with limited(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        other = await desk.intake.open_case(call(), opening(topic="water.bill"))
        await applied(desk)
        assert await desk.intake.open_case(call(), opening()) == code
        assert await desk.intake.open_case(call(), opening(topic="water.bill")) == other
        await answer(engine, code, "abfa", "درست شد", WEDNESDAY)
        await closing.withdraw(
            engine, at.page, Instruction(other, Actor("citizen", Side.CITIZEN), now=WEDNESDAY)
        )
        await applied(desk)
    for each in (code, other):
        found = await case(engine, each)
        assert (found["status"], len(found["recordings"])) == ("reopened", 2)


@pytest.mark.parametrize("number", ["09141234567", ""], ids=["her number", "withheld"])
async def test_words_found_once_their_call_s_case_was_answered_open_it_again_and_its_body_is_told_each_time(
    engine: AsyncEngine, tmp_path: Path, number: str
) -> None:
    first, *lost = (put(tmp_path, at=WEDNESDAY.timestamp() + s) for s in (9, 19, 29))
    aside = tmp_path / "aside"
    async with office(engine, tmp_path) as desk:
        facts = call(number)
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, first)))
        for name in lost:
            await desk.intake.recording_begun(facts, name, CHOSEN, code)
            (tmp_path / "recordings" / f"{name}.wav").rename(aside.with_name(f"{name[-32:]}.wav"))
        desk.intake.live.clear()
        await desk.pump.idle()
    for name in lost:
        await answer(engine, code, "abfa", "وصل شد.", datetime.now(UTC))
        aside.with_name(f"{name[-32:]}.wav").rename(tmp_path / "recordings" / f"{name}.wav")
        async with office(engine, tmp_path) as desk:
            assert await one_pass(desk, tmp_path, look_back=9e9) == Pass(added=1)
            assert await one_pass(desk, tmp_path, look_back=9e9) == Pass()
        (case,) = await as_json.cases(engine)
        assert case["status"] == "reopened" and len(case["recordings"]) == 2 + lost.index(name)
        assert datetime.fromisoformat(case["due_at"]) > datetime.now(UTC), "a fair time, from now"
    async with engine.connect() as connection:
        told = await connection.execute(select(outbox.c.payload).where(outbox.c.kind == "case_repeated"))
        assert list(told.scalars()) == [{"case": code, "status": "answered"}] * 2


@asynccontextmanager
async def left_behind(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[str]:
    """A case with one recording of two, whose body has answered it; the other one is found afterwards."""
    there, lost = put(tmp_path), put(tmp_path)
    file = tmp_path / "recordings" / f"{lost}.wav"
    async with office(engine, tmp_path) as desk:
        facts = call()
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, there)))
        await desk.intake.recording_begun(facts, lost, CHOSEN, code)
        file.rename(tmp_path / "aside.wav")
        desk.intake.live.clear()
        await desk.pump.idle()
    yield code
    (tmp_path / "aside.wav").rename(file)
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(added=1)
    assert len((await case(engine, code))["recordings"]) == 2


async def told(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        query = select(outbox.c.payload).where(outbox.c.kind == "case_repeated")
        return list((await connection.execute(query)).scalars())


async def test_words_found_once_somebody_has_said_unproven_that_it_is_solved_are_told_to_their_body(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at, later = await counter(engine), WEDNESDAY + timedelta(minutes=30)
    async with left_behind(engine, tmp_path) as code:
        await answer(engine, code, "abfa", "وصل شد.", WEDNESDAY)
        by_anybody = FactCall(uuid.uuid4(), "1.2", "09141234567", "", later, None, "fa", "", "")
        async with engine.begin() as connection:
            fact = VerdictFact(uuid.uuid4(), later, code, by_anybody, solved=True, proven=False)
            await verdicts.settle(connection, at.page, fact)
    assert (await case(engine, code))["status"] == "reopened"
    assert await told(engine) == [{"case": code, "status": "answered"}]


@pytest.mark.parametrize("end", ["solved", "withdrawn", "solved, though the desk had closed it"])
async def test_words_found_once_she_has_ended_their_case_herself_leave_it_so_and_its_body_is_told(
    engine: AsyncEngine, tmp_path: Path, end: str
) -> None:
    at, now = await counter(engine), datetime.now(UTC)  # no more than 30 days before the words are found
    async with left_behind(engine, tmp_path) as code:
        her = Instruction(code, Actor("citizen", Side.CITIZEN), now=now)
        if end == "withdrawn":
            await closing.withdraw(engine, at.page, her)
        else:
            await answer(engine, code, "abfa", "وصل شد.", now - timedelta(days=1))
            if end == "solved":
                await closing.close(engine, at.page, her)
            else:
                await closing.close(engine, at.page, replace(her, actor=DESK, reason="روشن است"))
                hers = FactCall(uuid.uuid4(), "1.2", "09141234567", "", her.now, None, "fa", "", "")
                async with engine.begin() as connection:
                    fact = VerdictFact(uuid.uuid4(), her.now, code, hers, solved=True)
                    await verdicts.settle(connection, at.page, fact)
        before = await case(engine, code)
    after = await case(engine, code)
    assert [after[name] for name in ("status", "due_at")] == [before[name] for name in ("status", "due_at")]
    assert await told(engine) == [{"case": code, "status": before["status"]}]


async def test_words_found_of_a_case_that_was_merged_open_the_one_in_which_it_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    async with left_behind(engine, tmp_path) as code:
        other = await at.open()
        await closing.merge(engine, at.page, at.ask(code, reason="همان است"), other)
        await answer(engine, other, "abfa", "وصل شد.", WEDNESDAY)
    assert (await case(engine, other))["status"] == "reopened"
    assert await told(engine) == [{"case": code, "status": "merged"}], "of the case that the words are in"


@pytest.mark.parametrize("noted", ["when they began", "that they talked"])
async def test_a_talk_with_an_official_that_is_found_later_opens_no_case_that_he_has_answered(
    engine: AsyncEngine, tmp_path: Path, noted: str
) -> None:
    at = await hall(engine)
    words, talk = put(tmp_path), put(tmp_path)
    async with office(engine, tmp_path) as desk:
        facts = call()
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, words)))
        await desk.intake.recording_begun(facts, talk, CHOSEN, code)
        desk.intake.live.clear()
        await desk.pump.idle()
    its = {"call_id": uuid.UUID(facts.id), "session": await announced(at), "code": code, "language": "fa"}
    its |= {"records": True, "state": "over", "joined_at": at.at, "seen_at": at.at}
    its |= {"talked_at": at.at} if noted == "when they began" else {"outcome": "heard"}
    async with engine.begin() as connection:
        await connection.execute(hour_calls.insert().values(its))
    await answer(engine, code, "abfa", "وصل شد.", at.at)
    async with office(engine, tmp_path) as desk:
        assert await one_pass(desk, tmp_path) == Pass(added=1)
    found = await as_json.case_json(engine, code)
    assert found is not None and (found["status"], len(found["recordings"])) == ("answered", 2)


async def test_without_the_database_she_gets_a_case_of_her_own(engine: AsyncEngine, tmp_path: Path) -> None:
    async with limited(engine, tmp_path) as desk:
        first = await desk.intake.open_case(call(), opening())
        second = await desk.intake.open_case(call(), opening())  # the first has not reached the books
        assert "" not in (first, second) and first != second
        await applied(desk)
    assert [len((await case(engine, code))["recordings"]) for code in (first, second)] == [1, 1]


async def test_words_join_once_however_often_they_are_applied(engine: AsyncEngine, tmp_path: Path) -> None:
    from ivr.desk.facts.apply import apply

    async with limited(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await applied(desk)
        # the fact as an older release wrote it
        fact = replace(desk.intake._kept(call(), KeepWords(code, words(), False)), repeat=True)
        for _ in range(3):
            await apply(engine, await desk.book.page(), [fact])
    found = await case(engine, code)
    assert (len(found["recordings"]), len(found["events"])) == (2, 3)


async def test_beyond_the_limit_every_case_is_kept_and_the_desk_reads_it_first(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    topics = ["water.supply", "water.bill", "water.sewage", "energy.gas", "energy.power_bill", "city.street"]
    async with limited(engine, tmp_path) as desk:
        codes = [await desk.intake.open_case(call(), opening(topic=topic)) for topic in topics]
        stranger = await desk.intake.open_case(call("09141112222"), opening())
        await applied(desk)
        desk.intake.clock = lambda: WEDNESDAY + timedelta(hours=2)
        codes.append(await desk.intake.open_case(call(), opening(topic="energy.power_cut")))
        await applied(desk)
        desk.intake.clock = lambda: WEDNESDAY + timedelta(days=2)
        codes.append(await desk.intake.open_case(call(), opening(topic="work.jobs")))
        await applied(desk)
    found = [await case(engine, code) for code in codes]
    assert all(len(each["recordings"]) == 1 for each in found)
    reasons = [each["referrals"][0]["reason"] for each in found]
    assert reasons[:4] == ["rule"] * 4
    assert reasons[4:7] == ["over_limit"] * 3, "the hour's, and later the day's"
    assert reasons[7] != "over_limit", "never for good"
    assert {each["agency"] for each in found[4:7]} == {"gov_inspection"}
    assert {each["status"] for each in found[4:7]} == {"opened"}
    assert (await case(engine, stranger))["agency"] == "abfa"


async def test_withheld_numbers_share_an_allowance(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.desk.call.repeats.WITHHELD_TIMES", 1)
    topics = ["water.supply", "water.bill", "water.sewage", "energy.gas", "energy.power_bill"]
    async with limited(engine, tmp_path) as desk:
        codes = [await desk.intake.open_case(call("anonymous"), opening(topic=topic)) for topic in topics]
        known = await desk.intake.open_case(call(), opening())
        await applied(desk)
    reasons = [(await case(engine, code))["referrals"][0]["reason"] for code in [*codes, known]]
    assert reasons == ["rule"] * 4 + ["over_limit", "rule"]


async def test_a_blocked_caller_is_known_until_the_block_ends_by_itself(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with limited(engine, tmp_path) as desk:
        page = await desk.book.page()
        until = await blocking.block(engine, page, DESK, "0914 123 4567", 3, "شوخی", WEDNESDAY)
        assert until == WEDNESDAY + timedelta(days=3)
        for number in ("09141234567", "+989141234567"):
            assert await desk.intake.recall(number) == CallerKnown("", True)
        assert await desk.intake.recall("09141112222") == CallerKnown("", False)
        assert await desk.intake.open_case(call(), opening()) != "", "what she says is kept all the same"
        await applied(desk)
        desk.intake.clock = lambda: until
        assert await desk.intake.recall("09141234567") == CallerKnown("ahar", False)


async def test_blocks_are_listed_replaced_and_lifted_and_have_a_reason_and_an_end(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    page = (await counter(engine)).page
    for number, days, reason, why in (
        ("", 3, "x", "whole telephone number"),
        ("12", 3, "x", "whole telephone number"),
        ("09141234567", 3, " ", "needs a reason"),
        ("09141234567", 0, "x", "from 1 to 90 days, not 0"),
        ("09141234567", 91, "x", "from 1 to 90 days, not 91"),
    ):
        with pytest.raises(Refused, match=why):
            await blocking.block(engine, page, DESK, number, days, reason, WEDNESDAY)
    with pytest.raises(Refused, match="only by the desk"):
        await blocking.block(engine, page, Actor("abfa/x", Side.AGENCY, "abfa"), "09141234567", 1, "x")
    await blocking.block(engine, page, DESK, "09141234567", 3, "شوخی", WEDNESDAY)
    await blocking.block(engine, page, DESK, "09141234567", 9, "باز هم", WEDNESDAY)
    (row,) = await blocking.listed(engine, now=WEDNESDAY)
    assert (row["caller"], row["reason"], row["blocked_by"]) == ("+989141234567", "باز هم", "desk/karimi")
    await blocking.lift(engine, page, DESK, "+989141234567", WEDNESDAY)
    assert await blocking.listed(engine, now=WEDNESDAY) == []
    assert len(await blocking.listed(engine, past=True)) == 2
    with pytest.raises(Refused, match="not blocked"):
        await blocking.lift(engine, page, DESK, "09141234567", WEDNESDAY)


async def test_a_number_that_several_block_at_once_is_let_in_by_whoever_lifts_one_of_their_blocks(
    engine: AsyncEngine,
) -> None:
    page, reasons = (await counter(engine)).page, [f"شوخی {n}" for n in range(6)]
    at_once = (blocking.block(engine, page, DESK, "09141234567", 3, each, WEDNESDAY) for each in reasons)
    await asyncio.gather(*at_once)
    [row] = await blocking.listed(engine, now=WEDNESDAY)
    assert len(await blocking.listed(engine, past=True)) == len(reasons)
    async with engine.begin() as connection:  # as they were left while nobody waited for another
        await connection.execute(update(blocked_callers).values(ended_at=None, ended_by=None))
    assert len(await blocking.listed(engine, now=WEDNESDAY)) == len(reasons)
    await blocking.lift_one(engine, DESK, uuid.UUID(row["id"]), WEDNESDAY)
    assert await blocking.listed(engine, now=WEDNESDAY) == []
    with pytest.raises(Refused, match="not in force"):
        await blocking.lift_one(engine, DESK, uuid.UUID(row["id"]), WEDNESDAY)
