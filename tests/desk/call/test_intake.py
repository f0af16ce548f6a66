"""What a call asks of the desk."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.code import is_valid
from ivr.desk.book.book import MANY_MISSES
from ivr.desk.reading import as_json
from ivr.store.facts import FactStep
from ivr.store.journal import pen
from ivr.store.tables import case_events, cases, code_misses, outbox, recordings, referrals
from ivr.voice.actions import KeepWords
from ivr.voice.events import CallerKnown, Ended, Lookup
from tests.desk.office import WEDNESDAY, Office, call, office, opening, words
from tests.fixtures.province import answer


async def test_words_become_a_case_with_the_right_agency_and_deadline(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        facts, said = call(), words()
        await desk.intake.call_started(facts)
        code = await desk.intake.open_case(facts, opening(said))
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, [FactStep(WEDNESDAY, "kind", "1", "")])
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None and is_valid(code)
        assert (case["kind"], case["topic"], case["county"]) == ("complaint", "water.supply", "ahar")
        assert (case["agency"], case["status"], case["channel"]) == ("abfa", "referred", "phone")
        assert (case["caller"], case["call_id"]) == ("09141234567", facts.id)
        # Opened on a Wednesday; Thursday and Friday are the weekend, two working days are given.
        assert (case["opened_at"], case["due_at"]) == (
            "2026-11-25T11:30:00+03:30",
            "2026-11-29T23:59:59+03:30",
        )
        assert [(r["path"], r["seconds"], r["silence_ratio"]) for r in case["recordings"]] == [
            (f"{said.name}.wav", 6.0, 0.25)
        ]
        assert [(r["agency"], r["due_at"]) for r in case["referrals"]] == [("abfa", case["due_at"])]
        assert [(e["seq"], e["what"]) for e in case["events"]] == [(1, "opened"), (2, "referred")]
        (row,) = await as_json.calls(engine)
        assert (row["outcome"], row["case"]) == ("completed", code)
        assert row["steps"] == [{"at": WEDNESDAY.isoformat(), "step": "kind", "key": "1", "note": ""}]


async def test_keys_that_meant_nothing_are_told_from_those_that_did(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        her = call()
        steps = [FactStep(WEDNESDAY, "kind", key, "", missed=key == "9") for key in ("9", "1")]
        await desk.intake.call_ended(her, "hung_up", WEDNESDAY, steps)
        await desk.journal.flush()
        await desk.pump.idle()
        (wrong,) = await as_json.calls(engine, passed="kind:wrong")
        assert [step.get("missed") for step in wrong["steps"]] == [True, None]


async def test_on_a_disk_that_takes_seconds_for_each_flush_everybody_gets_her_code(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pen._write_all  # a disk that fails between two writes

    def slow(fd: int, content: bytes) -> None:
        time.sleep(3.5)
        real(fd, content)

    async def caller(desk: Office, n: int) -> str:
        await asyncio.sleep(0.9 * n)
        return await desk.intake.open_case(call(f"0914123456{n}"), opening())

    async with office(engine, tmp_path, hurried=True) as desk:
        monkeypatch.setattr(pen, "_write_all", slow)
        codes = await asyncio.gather(*(caller(desk, n) for n in range(6)))  # some wait for two flushes
        monkeypatch.undo()
        await desk.pump.idle()
        told = [await as_json.case_json(engine, code) for code in codes]
        assert all(is_valid(code) for code in codes) and all(told) and len(set(codes)) == 6


async def test_each_table_gets_what_one_case_needs(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call(), opening(words(), words()))
        await desk.pump.idle()
        async with engine.connect() as connection:
            counts = [
                (await connection.execute(select(func.count()).select_from(table))).scalar()
                for table in (cases, recordings, referrals, case_events, outbox)
            ]
        assert counts == [1, 2, 1, 2, 1]


async def test_saying_it_again_keeps_the_first_words_but_marks_them(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        facts, first, second, third = call(), words(), words(), words()
        code = await desk.intake.open_case(facts, opening(first))
        await desk.intake.keep_words(facts, KeepWords(code, second, instead=True))
        await desk.intake.keep_words(facts, KeepWords(code, third, instead=False))
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None
        assert {r["path"]: r["superseded"] for r in case["recordings"]} == {
            f"{first.name}.wav": True,
            f"{second.name}.wav": False,
            f"{third.name}.wav": False,
        }
        assert [e["what"] for e in case["events"][2:]] == ["words_replaced", "words_added"]


async def test_without_codes_the_words_become_a_case_all_the_same(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path, lease=False) as desk:
        facts, more = call(), words()
        assert await desk.intake.open_case(facts, opening()) == ""
        await desk.intake.keep_words(facts, KeepWords("", more, instead=False))
        await desk.pump.idle()
        (case,) = await as_json.cases(engine)
        assert is_valid(case["code"]) and len(case["recordings"]) == 2


async def test_silence_is_marked_not_dropped(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(
            call(), opening(words(seconds=8.0, voiced=0.0, ended=Ended.SILENCE))
        )
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None
        assert (case["recordings"][0]["silent"], case["recordings"][0]["silence_ratio"]) == (True, 1.0)


async def test_scraps_of_a_call_are_listed_with_it(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        scrap = words(seconds=0.4, voiced=0.0, ended=Ended.HANGUP)
        await desk.intake.call_ended(call(), "hung_up", WEDNESDAY, (), (scrap,))
        await desk.pump.idle()
        (row,) = await as_json.calls(engine)
        assert [r["path"] for r in row["recordings"]] == [f"{scrap.name}.wav"]
        assert row["case"] is None and await as_json.cases(engine) == []


@pytest.mark.parametrize(
    "name", ["مریم", "O'Brien\"; DROP TABLE cases; --", "a\r\nb", "nul\0here", "half\udcff", "x" * 5000]
)
async def test_callers_may_be_called_anything(engine: AsyncEngine, tmp_path: Path, name: str) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(caller=name, name=name), opening())
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None
        assert case["caller_name"] == name.replace("\0", "\ufffd").replace("\udcff", "?")[:200]


async def test_topics_and_counties_the_book_lacks_go_to_the_desk(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening(topic="no.such", county="atlantis"))
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None
        assert (case["topic"], case["county"], case["agency"]) == ("other.other", None, "gov_inspection")
        assert case["events"][0]["details"]["given"] == {"topic": "no.such", "county": "atlantis"}


async def test_a_meeting_request_goes_to_the_governor_whatever_it_is_about(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        wish = opening(kind="meeting", topic="energy.gas", callback="33334444", national_id="0499370899")
        code = await desk.intake.open_case(call(), wish)
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None
        assert (case["topic"], case["agency"], case["callback"]) == (
            "energy.gas",
            "ostandari",
            "+984133334444",
        )


@pytest.mark.parametrize("kind", ["request", "complaint"])
async def test_a_request_for_the_meeting_itself_is_one_to_meet_and_a_complaint_about_it_stays_one(
    engine: AsyncEngine, tmp_path: Path, kind: str
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening(kind=kind, topic="gov.meeting"))
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None
        assert (case["kind"], case["agency"]) == ("meeting" if kind == "request" else kind, "ostandari")


async def test_a_caller_is_known_by_her_latest_case_however_her_number_is_written(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call("09141234567"), replace(opening(county="ahar"), language="az"))
        await desk.intake.open_case(call(""), opening(county="tabriz"))
        await desk.pump.idle()
        assert (await desk.intake.recall("+989141234567")).language == "az"
        assert (await desk.intake.recall("09140000000")).language == ""
        assert await desk.intake.recall("+989141234567") == CallerKnown("ahar")
        assert await desk.intake.recall("09140000000") == CallerKnown("")
        assert await desk.intake.recall("") == CallerKnown("")


async def test_a_code_tells_status_agency_deadline_and_answer(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        seen = await desk.intake.look_up("09149999999", code)
        assert (seen.result, seen.status, seen.agency, seen.answer) == (Lookup.FOUND, "referred", "abfa", "")
        assert seen.due_at is not None
        await answer(engine, code, "abfa", " آب وصل شد. ")
        seen = await desk.intake.look_up("09141234567", code)
        assert (seen.status, seen.answer, seen.withheld) == ("answered", "آب وصل شد.", False)


async def test_the_code_alone_does_not_open_the_answer_to_who_called_from_a_number(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Who withheld her number, or came to the desk, has the code and no more."""
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening(callback="09127654321"))
        hidden = await desk.intake.open_case(call(""), opening())
        await desk.pump.idle()
        for each in (code, hidden):
            await answer(engine, each, "abfa", "آب وصل شد.")
        voiced = {"answer_voice": "answers/1", "answer_spoken": "Su gəldi"}
        async with engine.begin() as connection:
            await connection.execute(update(cases).where(cases.c.code == code).values(voiced))
        for stranger in ("09149999999", "", "anonymous"):
            seen = await desk.intake.look_up(stranger, code)
            assert (seen.status, seen.agency, seen.withheld) == ("answered", "abfa", True)
            assert not (seen.answer or seen.voice or seen.spoken or seen.may_confirm)
        for hers in ("+989141234567", "09127654321"):
            seen = await desk.intake.look_up(hers, code)
            assert seen.answer and seen.voice and not (seen.withheld or seen.past)
        assert (await desk.intake.look_up("", hidden)).answer == "آب وصل شد."
        nameless = update(cases).where(cases.c.code == hidden).values(anonymised_at=WEDNESDAY)
        async with engine.begin() as connection:
            await connection.execute(nameless)
        assert (await desk.intake.look_up("", hidden)).past, "nobody can show any more whose it is"
        async with engine.begin() as connection:  # a number that somebody typed at the desk
            await connection.execute(update(cases).where(cases.c.code == code).values(channel="desk"))
        assert (await desk.intake.look_up("09149999999", code)).answer == "آب وصل شد."


async def test_wrong_codes_are_counted_per_caller_across_workers_and_forgiven_in_time(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path / "a") as one, office(engine, tmp_path / "b") as two:
        code = await one.intake.open_case(call(), opening())
        await one.pump.idle()
        for number, desk in enumerate((one, two, one, two, one)):
            wrong = f"100000000{number}"
            assert (await desk.intake.look_up("09141112222", wrong)).result is Lookup.UNKNOWN
        assert (await two.intake.look_up("+989141112222", code)).result is Lookup.TOO_MANY
        assert (await two.intake.look_up("09143334444", code)).result is Lookup.FOUND
        two.intake.clock = lambda: WEDNESDAY + two.book.window
        assert (await two.intake.look_up("09141112222", code)).result is Lookup.FOUND


async def test_codes_missed_while_a_clock_was_ahead_count_no_more_once_it_is_right(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        desk.intake.clock = lambda: WEDNESDAY + timedelta(days=300)
        await guess(desk, MANY_MISSES)
        for number in range(5):
            await desk.intake.look_up("09141112222", f"100000000{number}")
        desk.intake.clock = lambda: WEDNESDAY
        assert (await desk.intake.look_up("09141112222", code, missed=2)).result is Lookup.FOUND
        assert (await desk.intake.look_up("09141112222", "1000000009")).result is Lookup.UNKNOWN
        async with engine.connect() as connection:
            kept = (await connection.execute(select(func.count()).select_from(code_misses))).scalar_one()
        assert kept == 1, "those of the time to come are gone"


async def guess(desk: Office, many: int, number: str = "0913{:07}") -> None:
    """Each wrong code in a call of its own, each from another number unless told otherwise."""
    for each in range(many):
        seen = await desk.intake.look_up(number.format(each), f"1000{each:06}")
        assert seen.result is Lookup.UNKNOWN


async def test_wrong_codes_from_withheld_numbers_shut_out_no_other_withheld_caller(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        await guess(desk, 110, "")
        assert (await desk.intake.look_up("", code)).result is Lookup.FOUND
        assert (await desk.intake.look_up("", code, missed=1)).result is Lookup.TOO_MANY
        desk.intake.clock = lambda: WEDNESDAY + desk.book.window
        assert (await desk.intake.look_up("", code, missed=2)).result is Lookup.FOUND
        assert (await desk.intake.look_up("", code, missed=5)).result is Lookup.TOO_MANY


async def test_who_sends_noughts_for_a_number_has_withheld_it_also_in_a_case_of_an_older_release(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call("0000000000"), opening())
        await desk.pump.idle()
        assert await desk.intake.recall("0000000000") == CallerKnown(waits=False)
        await answer(engine, code, "abfa", "آب وصل شد.")
        for key in ("", "0000000000"):
            async with engine.begin() as connection:
                await connection.execute(update(cases).values(caller_key=key))
            seen = await desk.intake.look_up("0000000000", code)
            assert (seen.answer, seen.may_confirm) == ("آب وصل شد.", False), "her code is all there is"
        await guess(desk, 5, "0000000000")
        assert (await desk.intake.look_up("0000000000", code)).result is Lookup.FOUND, "nobody is shut out"


async def test_whose_number_an_older_release_kept_as_it_came_hears_her_answer_and_no_other_does(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call("09951234567"), opening())
        await desk.pump.idle()
        await answer(engine, code, "abfa", "آب وصل شد.")
        for key in ("09951234567", "9951234567", "00989951234567", "+989951234567"):
            async with engine.begin() as connection:
                await connection.execute(update(cases).values(caller_key=key))
            seen = await desk.intake.look_up("09951234567", code)
            assert (seen.answer, seen.may_confirm) == ("آب وصل شد.", True), key
            assert (await desk.intake.look_up("09951234568", code)).withheld


async def test_while_many_numbers_guess_a_call_has_one_try_and_a_citizen_with_a_case_has_hers(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call("09141112222"), opening())
        await desk.pump.idle()
        assert (await desk.intake.look_up("09120000001", code, missed=2)).result is Lookup.FOUND
        await guess(desk, MANY_MISSES)
        assert (await desk.intake.look_up("09120000001", code)).result is Lookup.FOUND
        assert (await desk.intake.look_up("09120000001", code, missed=1)).result is Lookup.TOO_MANY
        assert (await desk.intake.look_up("09141112222", code, missed=2)).result is Lookup.FOUND


async def test_a_promised_code_that_is_not_in_the_books_yet_is_not_called_unknown(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path, pumping=False) as desk:
        code = await desk.intake.open_case(call(), opening())
        for _ in range(6):
            assert (await desk.intake.look_up("09141112222", code)).result is Lookup.UNAVAILABLE
