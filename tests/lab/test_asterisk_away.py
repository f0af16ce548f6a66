"""Asterisk dies while somebody speaks: her words are a case, her call is lost, and we are there again."""

from __future__ import annotations

import asyncio
import signal

from ivr.lab.caller import Hear, Press, PutDown, Speak
from tests.fixtures.hotline import Hotline, fresh_number, told
from tests.lab.test_hotline import TO_THE_BEEP


async def test_asterisk_killed_in_mid_word_loses_no_words_and_is_used_again_once_it_is_back(
    own_hotline: Hotline,
) -> None:
    hotline, number, later = own_hotline, fresh_number(), fresh_number()
    calling = asyncio.create_task(hotline.call(*TO_THE_BEEP, Speak(8), PutDown(), number=number))
    await hotline.recording_grown(32_000)
    hotline.asterisk.process.kill()
    call = await hotline.call_of(number)
    [words] = (await hotline.case_of(number))["recordings"]
    assert call["outcome"] == "lost" and words["seconds"] > 1
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await hotline.start_asterisk()
    await hotline.ready()  # AMI has come back by itself
    outcome = await hotline.call(Hear(), PutDown(), number=later)
    assert outcome.completed and (await hotline.call_of(later))["outcome"] == "hung_up"


async def test_asterisk_stopped_while_she_ends_her_words_has_all_of_them_when_it_goes_on(
    own_hotline: Hotline,
) -> None:
    number = fresh_number()
    steps = (*TO_THE_BEEP, Speak(4), Press("#"), Hear(), Press("1"), Hear(), PutDown())
    calling = asyncio.create_task(own_hotline.call(*steps, number=number))
    await own_hotline.recording_grown(32_000)  # two seconds
    own_hotline.asterisk.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(3)  # so long it stands still: she has pressed # meanwhile
    own_hotline.asterisk.process.send_signal(signal.SIGCONT)
    outcome = await calling
    assert outcome.completed and told(outcome, "record.safe"), outcome
    call = await own_hotline.call_of(number)
    [case] = await own_hotline.cases_of(number)
    [words] = case["recordings"]
    assert words["seconds"] > 3.5 and words["ended"] == "hash"
    assert (call["outcome"], call["case"]) == ("hung_up", case["code"])
