"""The whole hotline answers a SIP caller, and loses no words when its server is killed."""

from __future__ import annotations

import asyncio
import signal

from ivr.lab.caller import Beep, HangUp, Hear, Press, Speak
from ivr.lab.demo import demo_case
from tests.fixtures.hotline import Hotline, fresh_number

# Persian, complaint, topic 11, county 01: up to the beep.
TO_THE_BEEP = (Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(),
               Press("01"), Beep())  # fmt: skip


async def test_words_survive_a_server_killed_while_they_are_spoken(own_hotline: Hotline) -> None:
    number = fresh_number()
    steps = (*TO_THE_BEEP, Speak(4), Beep(), Speak(2), HangUp())
    calling = asyncio.create_task(own_hotline.call(*steps, number=number))
    await own_hotline.recording_grown()
    own_hotline.server.process.send_signal(signal.SIGKILL)
    outcome = await calling
    assert outcome.completed, outcome
    assert len(own_hotline.fallbacks) == 1
    await own_hotline.start_server()
    async with asyncio.timeout(60):
        while sum(len(case["recordings"]) for case in await own_hotline.cases_of(number)) < 2:
            await asyncio.sleep(0.2)
    [case] = await own_hotline.cases_of(number)
    assert [recording["seconds"] > 1 for recording in case["recordings"]] == [True, True]


async def test_the_demonstration_call_brings_a_case(hotline: Hotline) -> None:
    case = await demo_case(hotline.settings.model_copy(update={"database_url": hotline.url}))
    assert case["kind"] == "complaint"
    assert case["county"] == "tabriz"
    assert case["recordings"][0]["seconds"] > 0
