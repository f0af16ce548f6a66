"""Asterisk dies while somebody speaks: her words are a case, her call is lost, and we are there again."""

from __future__ import annotations

import asyncio

from ivr.lab.caller import HangUp, Hear, Speak
from tests.fixtures.hotline import Hotline, fresh_number
from tests.lab.test_hotline import TO_THE_BEEP


async def test_asterisk_killed_in_mid_word_loses_no_words_and_is_used_again_once_it_is_back(
    own_hotline: Hotline,
) -> None:
    hotline, number, later = own_hotline, fresh_number(), fresh_number()
    calling = asyncio.create_task(hotline.call(*TO_THE_BEEP, Speak(8), HangUp(), number=number))
    await hotline.recording_grown(32_000)
    hotline.asterisk.process.kill()
    call = await hotline.call_of(number)
    [words] = (await hotline.case_of(number))["recordings"]
    assert call["outcome"] == "lost" and words["seconds"] > 1
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await hotline.start_asterisk()
    await hotline.ready()  # AMI has come back by itself
    outcome = await hotline.call(Hear(), HangUp(), number=later)
    assert outcome.completed and (await hotline.call_of(later))["outcome"] == "hung_up"
