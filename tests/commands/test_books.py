"""The books at a terminal: numbers are masked, and seeing them whole leaves a trace."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import confiding
from ivr.desk.case.confiding import Secrecy
from ivr.desk.people import auditing
from ivr.desk.recordings import revealing
from ivr.store.facts import FactStep
from ivr.store.tables import cases, recordings
from ivr.web.panel.locale import digits
from tests.desk.counter import counter
from tests.desk.office import WEDNESDAY, call, office, opening, words
from tests.fixtures.commands import ivr

NUMBER, REASON = "09141234567", "پرسش بیشتر از شهروند"


async def test_numbers_are_masked_unless_a_reason_is_given_and_then_it_is_noted(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async def case(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "case", *arguments)

    at = await counter(engine)
    code = await at.open(caller=NUMBER)
    shown = json.loads((await case("show", code, "--json"))[1])
    assert shown["caller"] == "0914***67"
    for arguments in (("show", code), ("list",), ("list", "--json")):
        assert NUMBER not in (await case(*arguments))[1]
    assert (await case("show", code, "--reveal"))[0] == 2
    assert not await auditing.listed(engine, case=code)
    shown = json.loads((await case("show", code, "--json", "--reveal", "--reason", REASON))[1])
    assert shown["caller"] == NUMBER
    [noted] = await auditing.listed(engine, case=code)
    assert (noted["action"], noted["reason"], noted["name"]) == ("caller_revealed", REASON, None)
    [seen] = await revealing.seen_by(engine, (await at.row(code)).id)
    assert (seen["action"], seen["full_name"]) == ("caller_revealed", None), "the case's page tells it too"


async def test_a_call_list_masks_who_called_and_what_she_keyed_of_herself(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    keyed = {"language": "1", "topic": "11", "code": "1234567894"}
    keyed |= {"number": NUMBER, "national_id": "0013542419"}
    async with office(engine, tmp_path / "office") as desk:
        facts = call(NUMBER)
        await desk.intake.open_case(facts, opening())
        steps = [FactStep(WEDNESDAY, step, key, "") for step, key in keyed.items()]
        await desk.intake.call_ended(facts, "hung_up", WEDNESDAY, steps, ())
        await desk.pump.idle()
    exit_code, said = await ivr(database_url, tmp_path, "call", "list", "--json")
    [told] = json.loads(said)
    assert exit_code == 0 and told["caller"] == "0914***67"
    assert [step["key"] for step in told["steps"]] == ["1", "11", "•" * 10, "•" * 11, "•" * 10]


async def test_a_call_list_says_of_each_call_whether_words_were_kept(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    """Who said nothing, and who only asked for her code, completed their calls like who complained.

    No line is quite still: what is no word does not count as one.
    """
    hum = replace(words(), seconds=1.0, voiced_seconds=0.1)
    async with office(engine, tmp_path / "office") as desk:
        silent, asked, complained, talks = (call(f"0914123456{n}") for n in range(4))
        code = await desk.intake.open_case(complained, opening(words()))
        for each, note in ((silent, "timeout"), (asked, "CaseSeen"), (complained, "said")):
            steps = [FactStep(WEDNESDAY, "kind", "", note)]
            scraps = (hum,) if each is silent else ()
            await desk.intake.call_ended(each, "completed", WEDNESDAY, steps, scraps)
        await desk.intake.call_started(talks)
        await desk.pump.idle()
    listed = json.loads((await ivr(database_url, tmp_path, "call", "list", "--json"))[1])
    kept = {each["id"]: (each["words_kept"], each["case"]) for each in listed}
    assert kept == {
        silent.id: (False, None), asked.id: (False, None), complained.id: (True, code), talks.id: (None, None)
    }  # fmt: skip
    table = (await ivr(database_url, tmp_path, "call", "list"))[1]
    assert "words_kept" in table.splitlines()[0]


async def test_a_code_is_known_as_she_reads_it_out_in_persian_digits_and_in_groups(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await counter(engine)
    async with office(engine, tmp_path / "spool") as desk:
        code = await desk.intake.open_case(call(NUMBER), opening())
        await desk.pump.idle()
    written = "\u200f" + digits(f"{code[:3]} {code[3:6]}-{code[6:]}")
    for deed in (("case", "show"), ("hold", "add", "--reason", REASON)):
        exit_code, said = await ivr(database_url, tmp_path, *deed, written)
        assert exit_code == 0 and code in said, said
    assert "looked at 1 cases" in (await ivr(database_url, tmp_path, "verify", written))[1]
    exit_code, said = await ivr(database_url, tmp_path, "spool", "inspect", written, "--json")
    known = json.loads(said)
    assert exit_code == 0 and known["rows"]["cases"][0]["code"] == code and known["facts"]
    assert known["rows"]["cases"][0]["salt"] == "•••", "which is nobody's to copy"


def moments(told: Any) -> set[tuple[Any, ...]]:
    return {(each["recorded_at"], each["size"], each["seconds"]) for each in told["recordings"]}


def places(found: Any) -> set[tuple[Any, ...]]:
    """Where in a journal the facts stand."""
    return {(each["segment"], each["offset"]) for each in found["facts"] if "segment" in each}


async def test_nothing_at_a_terminal_leads_from_a_confidential_case_to_its_call_or_back(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at, hers, recorded = await counter(engine), "کوچهٔ مهر، پلاک ۳", words()
    async with office(engine, tmp_path / "spool") as desk:
        facts = call(NUMBER)
        code = await desk.intake.open_case(facts, opening(recorded))
        await desk.intake.call_ended(facts, "hung_up", WEDNESDAY, (), ())
        await desk.pump.idle()
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(place={"address": hers}, words=hers))
        await connection.execute(update(recordings).values(transcript=hers))
    await confiding.confide(engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy(told="رشوه خواسته است"))

    async def read(*arguments: str) -> Any:
        exit_code, said = await ivr(database_url, tmp_path, *arguments, "--json")
        assert exit_code == 0 and hers not in said and facts.caller_name not in said
        return json.loads(said)

    [listed], shown = await read("call", "list"), await read("case", "show", code)
    [heard] = shown["recordings"]
    assert not any(heard[name] for name in ("path", "transcript", "sha256"))
    assert listed["case"] is None and shown["call_id"] is None
    assert not moments(listed) & moments(shown), "nor the second of her words, nor their length"
    for name in (code, recorded.name):
        found = await read("spool", "inspect", name)
        assert found["rows"]["cases"][0]["code"] == code and found["rows"]["recordings"] and found["facts"]
        assert facts.id not in json.dumps(found)
        assert not places(found), "one fact is about both"
    found = await read("spool", "inspect", facts.id)
    assert found["rows"]["calls"][0]["id"] == facts.id and code not in json.dumps(found)
    assert found["facts"] and not places(found)
    exit_code, said = await ivr(database_url, tmp_path, "spool", "inspect", code)
    assert exit_code == 0 and "{'type': 'case_opened'}" in said


async def test_a_fact_of_an_older_release_tells_at_a_terminal_no_number_by_its_call_s_name(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    today, before = call(NUMBER), call(NUMBER)
    ours = replace(today, unique_id=f"fallback:{today.id.replace('-', '')}")
    older = replace(before, unique_id=f"fallback:1700000000_{NUMBER}_1_~fa~1000000005~~~")
    async with office(engine, tmp_path / "spool") as desk:
        for facts in (ours, older):
            await desk.intake.open_case(facts, opening())
        await desk.pump.idle()
    for facts, shown in ((ours, ours.unique_id), (older, "fallback:•••")):
        for form in ((), ("--json",)):
            exit_code, said = await ivr(database_url, tmp_path, "spool", "inspect", facts.id, *form)
            assert exit_code == 0 and shown in said and NUMBER not in said and "1000000005" not in said


async def test_blocked_numbers_are_masked_and_each_is_let_in_by_its_id(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async def block(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "block", *arguments)

    await counter(engine)
    assert (await block("add", NUMBER, "--days", "7", "--reason", "شوخی"))[0] == 0
    [row] = json.loads((await block("list", "--json"))[1])
    for form in ((), ("--json",)):
        exit_code, said = await block("list", *form)
        assert exit_code == 0 and row["id"] in said and NUMBER[1:] not in said
    assert (await block("remove", row["id"]))[0] == 0
    assert (await block("remove", row["id"]))[1] == "that block is not in force any more"
    assert json.loads((await block("list", "--json"))[1]) == []


async def test_a_case_that_is_opened_prints_no_number_either(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await counter(engine)
    numbers = ("--caller", NUMBER, "--callback", "09120000001")
    asked = ("complaint", "--topic", "water.supply", "--county", "ahar", *numbers)
    for form in ((), ("--json",)):
        exit_code, said = await ivr(database_url, tmp_path, "case", "open", *asked, *form)
        assert exit_code == 0 and "0914***67" in said and NUMBER not in said and "09120000001" not in said
