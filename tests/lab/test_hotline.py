"""The whole hotline answers a SIP caller, and loses no words when its server is killed."""

from __future__ import annotations

import asyncio
import signal

import aiohttp
import pytest
from sqlalchemy import select

from ivr.lab.caller import Beep, Hear, Listen, Press, PutDown, Speak, StayOn
from ivr.lab.demo import demo_case
from ivr.lab.pace import patience
from ivr.store.tables import calls, recordings
from tests.fixtures.hotline import Hotline, fresh_number, told, worries

# Persian, complaint, topic 11, county 01: up to the beep.
TO_THE_BEEP = (Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(),
               Press("01"), Beep())  # fmt: skip


async def test_words_survive_a_server_killed_while_they_are_spoken(own_hotline: Hotline) -> None:
    number = fresh_number()
    steps = (*TO_THE_BEEP, Speak(4), Beep(), Speak(2), PutDown())
    calling = asyncio.create_task(own_hotline.call(*steps, number=number))
    await own_hotline.recording_grown()
    own_hotline.server.process.send_signal(signal.SIGKILL)
    outcome = await calling
    assert outcome.completed, outcome
    assert len(own_hotline.fallbacks) == 1
    await own_hotline.start_server()
    async with asyncio.timeout(patience(60)):
        while sum(len(case["recordings"]) for case in await own_hotline.cases_of(number)) < 2:
            await asyncio.sleep(0.2)
    [case] = await own_hotline.cases_of(number)
    assert [recording["seconds"] > 1 for recording in case["recordings"]] == [True, True]


async def test_a_server_killed_in_a_menu_leaves_what_was_chosen_before(own_hotline: Hotline) -> None:
    number = fresh_number()
    # Azerbaijani, complaint, topic 11; killed while she is asked for the county.
    chosen = (Hear(), Press("2"), Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear())
    steps = (*chosen, Beep(), Speak(2), Press("#"), Listen(), StayOn(60))
    calling = asyncio.create_task(own_hotline.call(*steps, number=number))
    async with asyncio.timeout(patience(60)):
        while "county/ask" not in await asyncio.to_thread(own_hotline.console, "core show channels concise"):
            await asyncio.sleep(0.1)  # another process: no event
    own_hotline.server.process.send_signal(signal.SIGKILL)
    outcome = await calling
    assert outcome.completed and told(outcome, "code.is"), outcome
    [kept] = own_hotline.fallbacks
    await own_hotline.start_server()
    case = await own_hotline.case_of(number, 60)
    assert f"~az~{case['code']}~complaint~" in kept.name, "the code that she was told"
    said = {name: case[name] for name in ("language", "kind", "topic")}
    assert said == {"language": "az", "kind": "complaint", "topic": "water.supply"}
    assert case["agency"] != "gov_inspection", "and her case is where it belongs"


@pytest.mark.timeout(1200)
async def test_ten_demonstration_calls_in_a_row_bring_a_case_each_and_leave_the_disk_alone(
    hotline: Hotline,
) -> None:
    url = f"http://127.0.0.1:{hotline.settings.web.port}/readyz"
    async with aiohttp.ClientSession() as session:

        async def five() -> None:
            for _ in range(5):
                case = await demo_case(hotline.engine, hotline.settings)  # the code is still being spoken
                assert (case["kind"], case["county"]) == ("complaint", "tabriz")
                assert case["recordings"][0]["seconds"] > 3.5
                assert case["by_phone"] == "no", "callbacks.dial is empty here"
                async with session.get(url) as answer:
                    told = await answer.json()
                assert told["ready"] and not worries(told)

        await asyncio.gather(five(), five())  # ten calls take minutes
    async with hotline.engine.connect() as connection:
        hers = recordings.join(calls, recordings.c.call_id == calls.c.id)
        query = select(recordings.c.ended).select_from(hers).where(calls.c.caller_name == "Demonstration")
        assert [*await connection.scalars(query)] == ["hash"] * 10
