"""Several servers on one state and one port: deploys, deaths and hangs in the middle of real calls."""

from __future__ import annotations

import asyncio
import signal

from ivr.desk.facts.reconcile import Pass, reconcile
from ivr.desk.facts.strays import Shelf
from ivr.lab.caller import Hear, Press, PutDown, Speak
from ivr.lab.pace import patience
from tests.fixtures.hotline import Hotline, fresh_number, told
from tests.fixtures.province import book_of
from tests.lab.test_hotline import TO_THE_BEEP

WHOLE = (*TO_THE_BEEP, Speak(3), Press("#"), Hear(), Press("1"), Hear(), PutDown())  # … as her code is spoken


async def completed(hotline: Hotline, number: str) -> None:
    outcome = await hotline.call(*WHOLE, number=number)
    assert outcome.completed, (number, outcome)


async def one_whole_case(hotline: Hotline, number: str) -> None:
    await hotline.case_of(number)
    [case] = await hotline.cases_of(number)
    [recording] = case["recordings"]
    assert recording["seconds"] > 1 and (hotline.settings.recordings / recording["path"]).is_file()
    call = await hotline.call_of(number)
    assert (call["outcome"], call["case"]) == ("hung_up", case["code"])


async def test_two_deploys_in_the_middle_of_calls_are_noticed_by_no_caller(own_hotline: Hotline) -> None:
    numbers: list[str] = []
    calling: list[asyncio.Task[None]] = []
    serving, deploys = own_hotline.server, 0
    while deploys < 2 or len(numbers) < 16:
        numbers.append(fresh_number())
        calling.append(asyncio.create_task(completed(own_hotline, numbers[-1])))
        await asyncio.sleep(1)  # the pace of the calls
        if len(numbers) in (3, 9):
            older, serving = serving, await own_hotline.start_sibling("--take-over")
            deploys += 1
            assert not older.ended  # its calls go on
    await asyncio.gather(*calling)
    assert own_hotline.fallbacks == []
    for child in (own_hotline.server, own_hotline.siblings[0]):
        assert await asyncio.to_thread(child.process.wait, patience(10)) == 0
    for number in numbers:
        await one_whole_case(own_hotline, number)
    assert len(list(own_hotline.settings.recordings.rglob("*.wav"))) == len(numbers)


async def test_calls_go_to_the_living_and_the_dead_one_s_words_become_a_case(own_hotline: Hotline) -> None:
    sibling = await own_hotline.start_sibling()
    numbers = [fresh_number() for _ in range(4)]
    sibling.process.send_signal(signal.SIGSTOP)
    calls = [asyncio.create_task(completed(own_hotline, number)) for number in numbers[:2]]
    for number in numbers[:2]:
        await own_hotline.begun(number)  # by the other: whose a call is is settled then
    sibling.process.send_signal(signal.SIGCONT)  # before its watchdog would end it
    await asyncio.gather(*calls)
    sibling.process.send_signal(signal.SIGSTOP)  # so that the next call is the other's
    known = set(own_hotline.settings.recordings.rglob("*.wav"))
    steps = (*TO_THE_BEEP, Speak(5), PutDown())
    calling = asyncio.create_task(own_hotline.call(*steps, number=numbers[2]))
    await own_hotline.begun(numbers[2])
    sibling.process.send_signal(signal.SIGCONT)
    await own_hotline.recording_grown(besides=known)
    own_hotline.server.process.send_signal(signal.SIGKILL)
    await completed(own_hotline, numbers[3])
    outcome = await calling
    assert outcome.completed, outcome
    assert own_hotline.fallbacks == []
    case = await own_hotline.case_of(numbers[2], 40)
    assert (case["topic"], case["events"][0]["details"]["recovered"]) == ("water.supply", True)
    for number in (numbers[0], numbers[1], numbers[3]):
        await one_whole_case(own_hotline, number)
    assert [len(await own_hotline.cases_of(number)) for number in numbers] == [1] * 4


async def test_a_server_stopped_as_she_ends_her_words_has_them_once_when_it_goes_on(
    own_hotline: Hotline,
) -> None:
    number = fresh_number()
    calling = asyncio.create_task(own_hotline.call(*WHOLE, number=number))
    path = await own_hotline.recording_grown()
    own_hotline.server.process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(patience(20)):
        while not any(path.read_bytes()[40:44]):  # their length: Asterisk has closed the file
            await asyncio.sleep(0.05)  # another process: no event
    settings, book = own_hotline.settings, book_of(own_hotline.engine)
    shelf = Shelf(own_hotline.engine, book, settings.recordings, settings.spool)
    name = path.relative_to(settings.recordings).with_suffix("").as_posix()
    # As a sibling would, had she spoken long ago: it leaves them to the one that may go on.
    assert await reconcile(shelf, settled=0) == Pass(waiting=[name])
    own_hotline.server.process.send_signal(signal.SIGCONT)
    outcome = await calling
    assert outcome.completed and told(outcome, "record.safe"), outcome
    await one_whole_case(own_hotline, number)
    assert await reconcile(shelf, settled=0) == Pass() and own_hotline.fallbacks == []
