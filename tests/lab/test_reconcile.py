"""A server killed while she speaks, and she hangs up: only Asterisk's file is left of her words."""

from __future__ import annotations

import asyncio
import signal
import wave

from ivr.lab.caller import PutDown, Speak
from tests.fixtures.hotline import Hotline, fresh_number
from tests.lab.test_hotline import TO_THE_BEEP


async def killed_in_mid_word(hotline: Hotline, number: str) -> None:
    calling = asyncio.create_task(hotline.call(*TO_THE_BEEP, Speak(5), PutDown(), number=number))
    await hotline.recording_grown()
    hotline.server.process.send_signal(signal.SIGKILL)
    outcome = await calling
    assert outcome.completed, outcome
    assert hotline.fallbacks == []


async def test_words_of_which_only_the_file_is_left_become_one_case(own_hotline: Hotline) -> None:
    number = fresh_number()
    await killed_in_mid_word(own_hotline, number)
    await own_hotline.start_server()
    case = await own_hotline.case_of(number, 60)
    assert (case["kind"], case["topic"], case["county"]) == ("complaint", "water.supply", "tabriz")
    assert case["events"][0]["details"]["recovered"] is True
    [recording] = case["recordings"]
    with wave.open(str(own_hotline.settings.recordings / recording["path"])) as sound:
        assert recording["seconds"] == sound.getnframes() / 8_000 > 4
    call = await own_hotline.call_of(number)
    assert (call["outcome"], call["case"]) == ("lost", case["code"])
    assert len(await own_hotline.cases_of(number)) == 1
