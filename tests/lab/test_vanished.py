"""Telephones that vanish, that send nothing in silence, or whose keys are tones: a real Asterisk."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ivr.asterisk.ami import Ami
from ivr.asterisk.channel import Channel
from ivr.asterisk.dialplan import FIRST_SECONDS, RTP_SECONDS
from ivr.asterisk.server import AgiConnection
from ivr.lab.caller import Beep, Handset, Hear, Press, PutDown, Speak, StayOn, Vanish, Wait
from ivr.lab.media import RATE, babble
from ivr.lab.pace import patience
from ivr.loops import quiet
from ivr.loops.every import Loops
from ivr.loops.quiet import QuietWatch
from ivr.voice.actions import Ask
from tests.asterisk.test_channel_real import answering, folder
from tests.fixtures.hotline import Hotline, Pbx, fresh_number

__all__ = ["folder"]

FREE_SECONDS = 30.0  # so long at most a telephone that is gone holds its line, on an idle machine
LISTENING = 65  # much longer than a telephone may be silent that nobody has heard of
# Persian, complaint, topic 11, county 01: up to the beep.
TO_THE_BEEP = (Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(), Press("1"), Hear(),
               Press("01"), Beep())  # fmt: skip
ALONE = "nobody looks"
CUT_SECONDS = 0.2  # that RECORD FILE takes away at a key (res_agi.c, handle_recordfile)
PACKETS = 0.045  # two: a busy machine may lose some
SUPPRESSES, REPORTS = Handset(suppresses=True), Handset(suppresses=True, reports=True)


async def seconds_held(hotline: Hotline, *until: Hear | Press | Beep | Speak, model: Handset) -> float:
    """From the moment the telephone is gone to the end of the call in the books."""
    number = fresh_number()
    calling = asyncio.create_task(hotline.call(*until, Vanish(), number=number, model=model))
    async with asyncio.timeout(patience(200)):
        while not (found := await hotline.calls_of(number)):
            await asyncio.sleep(0.2)
        ended = asyncio.get_running_loop().time()
        outcome = await calling
    assert found[0]["outcome"] == "hung_up", found
    gone = next(at for at, step in outcome.did if step == Vanish())
    return ended - gone


@pytest.mark.parametrize("model", [Handset(), SUPPRESSES], ids=["sends all the time", "suppresses silence"])
async def test_a_telephone_that_is_gone_frees_its_line(hotline: Hotline, model: Handset) -> None:
    in_a_menu, while_speaking = await asyncio.gather(
        seconds_held(hotline, Hear(), model=model),
        seconds_held(hotline, *TO_THE_BEEP, Speak(2), model=model),
    )
    assert max(in_a_menu, while_speaking) < patience(FREE_SECONDS)


async def test_who_only_listens_is_never_cut_off_whatever_her_telephone_sends(pbx: Pbx, folder: Path) -> None:
    here, ami = dict[str, Listener](), Ami(
        pbx.settings.ami.host, pbx.settings.ami.port, pbx.settings.ami.username, pbx.secrets.ami, events="off"
    )  # fmt: skip

    async def script(channel: Channel, connection: AgiConnection) -> None:
        if connection.variables["agi_calleridname"] != ALONE:
            here[channel.line] = Listener(channel)
        await channel.perform(Ask(("long",), "fa", first_key_seconds=LISTENING + 20))
        here.pop(channel.line, None)

    await ami.connect()
    loops = Loops()
    loops.every("silent telephones", quiet.LOOK_SECONDS, partial(QuietWatch(ami).turn, here))
    steps = (Hear(), Wait(LISTENING), PutDown())
    async with answering(pbx, folder, script):
        watched = (pbx.call(*steps, model=m) for m in (Handset(), REPORTS, SUPPRESSES))
        alone = (pbx.call(*steps, model=m, name=ALONE) for m in (REPORTS, SUPPRESSES))
        *found, reports, silent = await asyncio.gather(*watched, *alone)
    await loops.close()
    await ami.close()
    assert [(each.completed, each.ended_by) for each in found] == [(True, "caller")] * 3, found
    assert found[0].asked == 0, "nobody is asked who sends"
    assert found[2].asked >= LISTENING // RTP_SECONDS, "and who gives no sign is asked again and again"
    assert reports.ended_by == "caller", "Asterisk itself takes reports for a sign of life"
    assert silent.ended_by == "hotline", "without us it would cut her off"


@dataclass
class Listener:
    channel: Channel


async def test_who_falls_silent_gets_her_code_though_her_telephone_sends_nothing(hotline: Hotline) -> None:
    number = fresh_number()
    steps = (*TO_THE_BEEP, Speak(3), Hear(25), PutDown())
    outcome = await hotline.call(*steps, number=number, model=SUPPRESSES)
    assert outcome.completed, outcome
    when = {type(step).__name__: at for at, step in outcome.did}
    assert when["PutDown"] - when["Hear"] < patience(15), "eight seconds and what it takes to see it"
    [recording] = (await hotline.case_of(number))["recordings"]
    assert recording["seconds"] == pytest.approx(3 - CUT_SECONDS, abs=PACKETS)
    assert recording["ended"] == "silence"


@pytest.mark.parametrize("sends_on", [0.0, 0.1, CUT_SECONDS, 0.4])
async def test_a_key_takes_a_fifth_of_a_second_from_a_telephone_less_what_it_sends_after_the_last_word(
    hotline: Hotline, sends_on: float
) -> None:
    """What docs/decisions/lines.md does not promise."""
    number = fresh_number()
    said = np.concatenate([babble(3), np.zeros(round(sends_on * RATE), np.int16)])
    steps = (*TO_THE_BEEP, Speak(samples=said), Wait(0.5), Press("#"), Hear(), PutDown())
    assert (await hotline.call(*steps, number=number, model=SUPPRESSES)).completed
    [recording] = (await hotline.case_of(number))["recordings"]
    assert recording["ended"] == "hash"
    lost = 3 - min(recording["seconds"], 3)
    assert lost == pytest.approx(max(0.0, CUT_SECONDS - sends_on), abs=PACKETS)


async def test_who_makes_long_pauses_says_all_she_has_to_say(hotline: Hotline) -> None:
    number = fresh_number()
    pauses = [step for _ in range(4) for step in (Speak(0.4), Wait(5.5))]
    steps = (*TO_THE_BEEP, *pauses, Speak(1), Press("#"), Hear(), PutDown())
    assert (await hotline.call(*steps, number=number, model=SUPPRESSES)).completed
    [recording] = (await hotline.case_of(number))["recordings"]
    assert recording["seconds"] == pytest.approx(4 * 0.4 + 1 - CUT_SECONDS, abs=PACKETS)
    assert recording["ended"] == "hash"


async def test_a_telephone_whose_keys_are_tones_makes_a_case(hotline: Hotline) -> None:
    number = fresh_number()
    steps = (*TO_THE_BEEP, Speak(3), Press("#"), Hear(), Press("1"), StayOn())
    assert (await hotline.call(*steps, number=number, model=Handset(tones=True))).completed
    case = await hotline.case_of(number)
    assert (case["kind"], case["topic"], case["county"]) == ("complaint", "water.supply", "tabriz")
    assert case["recordings"][0]["ended"] == "hash" and case["recordings"][0]["seconds"] > 2.5


async def test_a_frozen_server_keeps_nobody_listening_to_nothing(own_hotline: Hotline) -> None:
    own_hotline.server.process.send_signal(signal.SIGSTOP)
    try:
        outcome = await own_hotline.call(Beep(FIRST_SECONDS + 10), Speak(2), PutDown())
    finally:
        own_hotline.server.process.send_signal(signal.SIGCONT)
    assert outcome.completed and len(own_hotline.fallbacks) == 1, outcome
