"""Citizens called back through real Asterisk: their telephones ring, they hear the answer and press a key."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import Row, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami, AmiFailed
from ivr.cases import phone
from ivr.cases.callback import Policy
from ivr.cases.live_hour import waiting
from ivr.cases.meetings import Official
from ivr.cases.transitions import Actor
from ivr.cases.turns import Hours
from ivr.cases.zone import ZONE
from ivr.desk.book.book import Page
from ivr.desk.call.callbacks import LONGEST_TALK, SOON, UNSENT_ONCE
from ivr.desk.call.callbacks import claim as claim_of
from ivr.desk.call.live import CallQueue, QueueMember
from ivr.desk.case import answers, closing, turn_calls
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.case.change import CITIZEN, Instruction, actor_named
from ivr.desk.case.registering import Wanted, register
from ivr.desk.facts.apply import apply
from ivr.desk.meetings import (
    agenda,
    hour_hearing,
    hour_planning,
    hour_queue,
    lottery_calling,
    lottery_drawing,
    order_giving,
    request_deciding,
    session_planning,
)
from ivr.desk.meetings.hour_planning import WantedHour
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.request_list import EVERYTHING, of_case
from ivr.desk.meetings.session_planning import PlannedSession
from ivr.desk.people.scope import Scope
from ivr.desk.reading import as_json
from ivr.desk.refusals import Refused
from ivr.lab.asterisk import Program
from ivr.lab.callee import BUSY, RINGS, Callee
from ivr.lab.callee import GONE as OFF
from ivr.lab.caller import Beep, CallerReport, CallerStep, Hear, Listen, Press, PutDown, Speak, StayOn, Wait
from ivr.lab.media import is_beep
from ivr.lab.pace import patience
from ivr.loops import dialling as dialling_module
from ivr.loops.dialling import (
    GONE,
    LOOKS,
    LOST,
    NOT_THROUGH,
    RINGING,
    STILL_RINGING,
    UNSAID,
    UP,
    WAITS_FOR,
    Dialler,
    Trunk,
    dial_string,
)
from ivr.loops.every import Loops
from ivr.settings import Callbacks, Meetings
from ivr.speech.answer_sound import prepare
from ivr.store.facts import CallStartedFact
from ivr.store.tables import callback_attempts, callbacks, calls, cases
from ivr.voice import verdict
from ivr.voice.actions import Words
from ivr.voice.events import CaseSeen, Lookup
from ivr.web.browser_phone import Telephone
from tests.asterisk.pretend import Pretend, no_speech
from tests.asterisk.pretend_ami import Connection, Fields, PretendAmi, Reply, pretend_ami, refuse, success
from tests.desk.call.test_callbacks import CALL, NOON, NUMBER, answered, claim, untold
from tests.desk.call.test_callbacks import row as row_of
from tests.desk.call.test_verifying import walk_in
from tests.desk.case.test_family import split, spoken_by
from tests.desk.case.test_turn_calls import keeps
from tests.desk.counter import counter
from tests.desk.meetings.test_lottery_drawing import signed_in
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.damaged import away, unmounted
from tests.fixtures.hotline import Hotline, fresh_number, running_hotline, write_tone
from tests.fixtures.province import answer, book_of, read_page
from tests.loops.carried import carried
from tests.loops.test_rescue import line_of, tree
from tests.voice.conversation import DIRECTORY
from tests.web.browser import window
from tests.web.panel import panel_served

AT_ANY_HOUR = {"opens": time(0), "closes": time(23, 59, 59), "days_off": True}


def keys(*each: str) -> tuple[CallerStep, ...]:
    """Barge in on one prompt after the other."""
    return tuple(step for key in each for step in (Hear(), Press(key)))


NEWS = Listen(quiet=2)  # to the end of the question: no key counts before the answer was heard
SOLVED = (NEWS, Press("1"), NEWS, Press("5"), StayOn())
SAY_WHY = (Press("2"), Hear(), Press("#"), Beep(), Speak(2.6), Press("#"), StayOn())
NOT_SOLVED = (NEWS, *SAY_WHY)
EXTENSION = "201"  # of an official who takes calls himself
TONE = 700.0  # Hz; prompts are 400 here, the beep 1,000
LONG = "آب محلهٔ شما پس از تعمیر لوله‌ها وصل شد. " * 12


class Town:
    """The hotline, and citizens whose telephones ring here."""

    def __init__(self, hotline: Hotline, callee: Callee, folder: Path) -> None:
        self.hotline, self.callee, self.folder = hotline, callee, folder

    async def citizen(
        self, does: Sequence[CallerStep] | str, words: str = "آب وصل شد.", voice: SpokenAnswer | None = None
    ) -> tuple[str, str]:
        """Someone who opened a case, which has its answer now. Her number and the code."""
        number = fresh_number()
        self.callee.answers[number] = does
        async with office(self.hotline.engine, self.folder / number) as desk:
            code = await desk.intake.open_case(call(number), opening())
            await desk.pump.idle()
        await answer(self.hotline.engine, code, "abfa", words, voice=voice)
        return number, code

    def spoken(self, seconds: float) -> SpokenAnswer:
        """An answer that an officer has recorded."""
        recording = self.folder / "answer.wav"
        write_tone(recording, TONE, seconds)
        return SpokenAnswer(*astuple(prepare(recording, self.hotline.settings.recordings)))

    async def row(self, table: Table, number: str) -> Row[Any] | None:
        """The only one of that number."""
        query = select(table).where(table.c.number == phone.normalise(number))
        async with self.hotline.engine.connect() as connection:
            return (await connection.execute(query)).one_or_none()

    async def until_outcome(self, number: str, outcome: str) -> Row[Any]:
        """Until her call-back's last attempt ended like that."""
        async with asyncio.timeout(patience(40)):
            while True:
                row = await self.row(callbacks, number)
                if row is not None and row.last_outcome == outcome:
                    return row
                await asyncio.sleep(0.1)

    async def until_put_off(self, number: str, at: datetime) -> None:
        """Until her next call is not due before that moment."""
        async with asyncio.timeout(patience(20)):
            while (row := await self.row(callbacks, number)) is None or row.next_at < at:
                await asyncio.sleep(0.1)

    async def until_put_down(self, number: str) -> None:
        """Until no call of ours to that number goes on."""
        its = callback_attempts.c
        under_way = select(its.id).where(its.number == phone.normalise(number), its.ended_at.is_(None))
        async with asyncio.timeout(patience(40)):
            while True:
                async with self.hotline.engine.connect() as connection:
                    if not (await connection.execute(under_way)).all():
                        return
                await asyncio.sleep(0.1)

    async def until_status(self, code: str, status: str) -> dict[str, Any]:
        async with asyncio.timeout(patience(40)):
            while True:
                case = await as_json.case_json(self.hotline.engine, code)
                if case is not None and case["status"] == status:
                    return case
                await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
async def town(
    programs: tuple[Program, Program],
    stand_ins: Path,
    postgres_url: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Town]:
    callee = Callee()
    dial = f"PJSIP/loopback/sip:{{number}}@127.0.0.1:{await callee.open()}"
    his = {EXTENSION: dial.format(number=EXTENSION)}
    allowed = Callbacks(dial=dial, ring_seconds=15, at_once=20, per_number_per_day=9, **AT_ANY_HOUR)
    more: dict[str, Any] = {
        "callbacks": allowed,
        "meetings": Meetings(telephones=("loopback", "seda111-desk"), extensions=his),
    }
    async with running_hotline(programs, stand_ins, postgres_url, template, **more) as hotline:
        yield Town(hotline, callee, tmp_path_factory.mktemp("town"))
    callee.close()


async def test_she_hears_the_answer_and_her_key_decides(town: Town) -> None:
    (solved, first), (unsolved, second), (busy, _), (rings, fourth), (leaves, _) = [
        await town.citizen(does) for does in (SOLVED, NOT_SOLVED, BUSY, RINGS, (Hear(), PutDown()))
    ]
    silent, third = await town.citizen((StayOn(),), "", town.spoken(3.0))
    await town.until_outcome(rings, "no_answer")
    town.callee.answers[rings] = SOLVED
    asks = (*keys("1", "6", fourth), NEWS, Press("1"))  # she missed the call, and dials 111 herself
    asking, _ = await asyncio.gather(
        town.hotline.call(*asks, StayOn(), number=rings),
        town.callee.until_over(solved, unsolved, silent, leaves),
    )
    assert asking.completed, asking.problem
    assert (await town.until_status(fourth, "closed"))["closure"] == "solved"
    told = await town.row(callbacks, rings)
    assert told is not None and told.state == "reached"
    for number in (solved, unsolved, silent, leaves):
        assert town.callee.outcomes[number].completed, town.callee.outcomes[number].problem
    tones = [is_beep(audio, TONE) for _, audio in town.callee.outcomes[silent].heard]
    assert sum(tones) > 2.5 / 0.02  # frames of the officer's own voice

    closed = await town.until_status(first, "closed")
    last, after = closed["events"][-2:]
    assert (last["actor"], last["what"], last["details"]) == ("citizen", "closed", {"closure": "solved"})
    assert (after["actor"], after["what"], after["details"]) == ("citizen", "rated", {"score": 5})

    reopened = await town.until_status(second, "reopened")
    recording = reopened["recordings"][-1]
    assert (
        recording["voiced_seconds"] > 2 and (town.hotline.settings.recordings / recording["path"]).is_file()
    )

    now = datetime.now(UTC)
    for number, outcome, soonest in (
        (busy, "busy", 0.4), (silent, "no_key", 2.9), (leaves, "no_key", 2.9),
    ):  # fmt: skip
        waiting = await town.until_outcome(number, outcome)
        assert (waiting.state, waiting.attempts) == ("waiting", 1), outcome
        await town.until_put_off(number, now + timedelta(hours=soonest))
    assert (await town.until_status(third, "answered"))["status"] == "answered"
    again = town.callee.rung.pop(rings)
    assert set(town.callee.rung.values()) == {1} and again == 2  # each telephone once, and who had wished it


async def test_who_hangs_up_in_the_middle_of_the_news_has_not_heard_it_and_is_rung_again(town: Town) -> None:
    """She wished to hear how her case stands, which asks no key of her."""
    number = fresh_number()
    town.callee.answers[number] = (Hear(), PutDown())
    async with office(town.hotline.engine, town.folder / number) as desk:
        code = await desk.intake.open_case(call(number), opening())
        await desk.pump.idle()
        await desk.intake.wish_call_back(call(number), code)
        await desk.pump.idle()
    told = await town.until_outcome(number, "no_key")
    assert (told.purpose, told.state) == ("status", "waiting")


async def test_a_key_before_the_answer_ends_nothing_and_a_wrong_one_is_taken_back_by_phone(
    town: Town,
) -> None:
    early = (Hear(), Press("1"), NEWS, PutDown())
    (hasty, first), (wrong, second) = await town.citizen(early), await town.citizen(SOLVED)
    await town.until_outcome(hasty, "no_key")
    assert town.callee.outcomes[hasty].completed, town.callee.outcomes[hasty].problem
    assert (await town.until_status(first, "answered"))["closure"] is None
    await town.until_status(second, "closed")
    for status in ("reopened", "reopened"):  # twice: the second time somebody has answered it anew
        asks = (*keys("1", "6", second), NEWS, *SAY_WHY)
        asking = await town.hotline.call(*asks, number=wrong)
        assert asking.completed, asking.problem
        case = await town.until_status(second, status)
        assert case["recordings"][-1]["voiced_seconds"] > 2 and case["due_at"] > case["opened_at"]
        await answer(town.hotline.engine, second, "abfa", "آب وصل شد.")
        await town.until_status(second, "closed")  # she says 1 on our call again


async def test_a_walk_in_is_asked_for_her_number_and_called_and_the_second_time_called_at_once(
    town: Town,
) -> None:
    number, engine = fresh_number(), town.hotline.engine
    town.callee.answers[number] = SOLVED
    async with engine.connect() as connection:
        page = await read_page(connection)
    for rings in (2, 3):
        wanted = Wanted("complaint", "water.supply", "ahar", caller=number)
        code = (await register(engine, page, wanted, datetime.now(UTC))).code
        await answer(engine, code, "abfa", "آب وصل شد.")
        case = await town.until_status(code, "closed")
        assert (case["closure"], case["by_phone"]) == ("solved", "yes")
        assert town.callee.rung[number] == rings
        await town.until_put_down(number)  # nobody is rung who is still on the line with us


async def test_the_telephone_in_the_hand_of_who_withholds_its_number_rings_once_she_has_put_down(
    town: Town,
) -> None:
    number, its = fresh_number(), callback_attempts.c
    town.callee.answers[number] = SOLVED
    says = (*keys("5", "9", "1", "01", number, "1", "2"), Hear(), Press("#"), Beep(), Speak(4), Press("#"))
    calling = await town.hotline.call(*says, StayOn(), number="anonymous")
    assert calling.completed, calling.problem
    await town.until_outcome(number, "confirmed")
    when = select(its.at, calls.c.ended_at).join(callbacks, callbacks.c.id == its.callback_id)
    when = when.join(cases, cases.c.id == callbacks.c.case_id).join(calls, calls.c.id == cases.c.call_id)
    async with town.hotline.engine.connect() as connection:
        [rang] = await connection.execute(when.where(its.number == phone.normalise(number)))
    assert rang.ended_at is not None, "her number was asked for while she was on the line"
    assert rang.at >= rang.ended_at and town.callee.rung[number] == 1


async def test_whose_answer_comes_while_she_is_on_the_line_is_rung_once_she_has_put_down(town: Town) -> None:
    engine, number = town.hotline.engine, fresh_number()
    town.callee.answers[number] = SOLVED
    async with office(engine, town.folder / number) as desk:
        code = await desk.intake.open_case(call(number), opening())
        await desk.pump.idle()
    calling = asyncio.create_task(town.hotline.call(Hear(), Wait(8), PutDown(), number=number))
    hers = (calls.c.caller_key == phone.normalise(number), calls.c.started_at > WEDNESDAY)
    async with asyncio.timeout(patience(20)), engine.connect() as connection:
        while (await connection.execute(select(calls.c.id).where(*hers))).first() is None:
            await asyncio.sleep(0.1)
    await answer(engine, code, "abfa", "آب وصل شد.")
    assert (await calling).completed
    put_down = (await town.hotline.call_of(number))["ended_at"]
    assert (await town.until_status(code, "closed"))["closure"] == "solved"
    rang = await town.row(callback_attempts, number)
    assert rang is not None and rang.at >= datetime.fromisoformat(put_down), "she was on the line"


async def test_a_slot_that_one_citizen_can_t_take_goes_to_the_next_who_is_called_and_comes(
    town: Town,
) -> None:
    """Two wait for one slot with the governor: the first presses 2, the second hears of it and presses 1."""
    engine, numbers = town.hotline.engine, dict[str, str]()
    for _ in range(2):
        number = fresh_number()
        town.callee.answers[number] = (StayOn(),)  # hears until when she waits
        async with office(engine, town.folder / number) as desk:
            numbers[await desk.intake.open_case(call(number), opening(kind="meeting"))] = number
            await desk.pump.idle()
    async with engine.connect() as connection:
        page = await read_page(connection)
    now, by = datetime.now(UTC), actor_named(page, "desk")
    wanted = PlannedSession(
        Official.GOVERNOR, "ostandari", now + timedelta(days=5), 1, place="تالار", even_off=True
    )
    async with engine.begin() as connection:  # together, so that the first is not rung between
        for code in numbers:
            asked = Instruction(code, by, now=now)
            await request_deciding.accept(connection, page, asked, (now + timedelta(days=20)).date())
        session = await session_planning.plan(connection, page, by, wanted, now)
        [first] = await agenda.fill(connection, page, by, session, now)
        town.callee.answers[numbers[first]] = (NEWS, Press("2"), StayOn())
    [second] = numbers.keys() - {first}
    await town.callee.until_over(numbers[second])
    town.callee.answers[numbers[second]] = (NEWS, Press("1"), StayOn())
    states: dict[str, str] = {}
    async with asyncio.timeout(patience(60)):
        while states != {first: "under_review", second: "confirmed"}:
            await asyncio.sleep(0.2)
            async with engine.connect() as connection:
                found = [await of_case(connection, page, now, EVERYTHING, code) for code in numbers]
            states = {each.code: str(each.state) for each in found if each}
    assert town.callee.rung[numbers[first]] == 1 and town.callee.rung[numbers[second]] == 2


async def test_who_says_that_an_order_is_done_in_part_says_what_is_missing_and_its_body_has_her_words(
    town: Town,
) -> None:
    engine, number, now = town.hotline.engine, fresh_number(), datetime.now(UTC)
    town.callee.answers[number] = (NEWS, Press("3"), *SAY_WHY[1:])
    async with office(engine, town.folder / number) as desk:
        code = await desk.intake.open_case(call(number), opening(kind="meeting"))
        await desk.pump.idle()
    async with engine.connect() as connection:
        page = await read_page(connection)
    before, by = now - timedelta(hours=2), actor_named(page, "desk")
    days = (now.astimezone(ZONE).date() + timedelta(days=n) for n in range(1, 30))
    order = MeetingOrder("abfa", "آب وصل شود", next(filter(page.calendar.is_working, days)))
    wanted = PlannedSession(
        Official.GOVERNOR, "ostandari", now - timedelta(hours=1), 1, place="تالار", even_off=True
    )
    async with engine.begin() as connection:  # together, so that she is rung about nothing else
        asked = Instruction(code, by, now=before)
        await request_deciding.accept(connection, page, asked, (now + timedelta(days=9)).date())
        await agenda.fill(
            connection, page, by, await session_planning.plan(connection, page, by, wanted, before), before
        )
        await agenda.met(connection, page, Instruction(code, by, now=now))
        [part] = await order_giving.give(connection, page, Instruction(code, by, now=now), [order])
        await connection.execute(update(callbacks).values(next_at=now).where(callbacks.c.purpose == "order"))
    await town.callee.until_over(number)
    assert town.callee.outcomes[number].completed, town.callee.outcomes[number].problem
    case: dict[str, Any] = {}
    async with asyncio.timeout(patience(40)):
        while not case.get("recordings") or "order_said" not in [event["what"] for event in case["events"]]:
            await asyncio.sleep(0.1)
            case = await as_json.case_json(engine, part) or {}
    assert case["agency"] == "abfa" and case["recordings"][0]["voiced_seconds"] > 2
    said = next(event for event in case["events"] if event["what"] == "order_said")
    assert said["details"] == {"said": "order_partly"} and town.callee.rung[number] == 1


@pytest.mark.parametrize(("key", "recorded"), [("1", True), ("2", False)])
async def test_an_official_talks_with_who_was_drawn_recorded_only_with_her_key(
    town: Town, key: str, recorded: bool, chrome: Browser, tmp_path: Path
) -> None:
    """His telephone, in the browser or not, holds the line; hers rings, and her key puts her through."""
    engine, number, official, now = town.hotline.engine, fresh_number(), fresh_number(), datetime.now(UTC)
    # So long that they talk for two seconds, however late a busy machine puts her through.
    until_through = Hear() if recorded else Listen(quiet=1.5)  # the browser's microphone is never quiet
    town.callee.answers[number] = (NEWS, Press(key), until_through, Speak(12), PutDown())
    town.callee.answers[official] = (StayOn(),)
    async with office(engine, town.folder / number) as desk:
        code = await desk.intake.open_case(call(number), opening())
        await desk.pump.idle()
    async with engine.connect() as connection:
        page = await read_page(connection)
    by = actor_named(page, "desk")
    async with engine.begin() as connection:  # together, so that she is rung about nothing else
        ask = Instruction(code, actor_named(page, "abfa"), now=now)
        await answers.give(connection, page, ask, "وصل شد")
        await closing.close(connection, page, Instruction(code, actor_named(page, CITIZEN), now=now))
        await connection.execute(callbacks.delete().where(callbacks.c.number == phone.normalise(number)))
    found, draw = list[str](), 0
    while code not in found:  # others of this town have closed cases, too
        if found:
            await lottery_drawing.put_aside(engine, Instruction("", by, "دیگران", now), draw)
        draw = await lottery_drawing.draw(engine, page, Instruction("", by, now=now), Scope())
        async with engine.connect() as connection:
            drawn = await lottery_drawing.read(connection, await lottery_drawing.current(connection))
        found = [each.case.code for each in drawn]
    if recorded:
        await clicks(chrome, town, tmp_path, code, number)
    else:
        await signed_in(engine, now, by.name)
        await dials(town, await lottery_calling.ring(engine, Instruction(code, by), None), official)
        await town.callee.until_over(number, official)
    hers = town.callee.outcomes[number]
    assert hers.completed, hers.problem
    await town.until_outcome(number, "talked")
    case: dict[str, Any] = {}
    async with asyncio.timeout(patience(40)):
        while not case or (recorded and not case["recordings"][1:]):
            await asyncio.sleep(0.1)
            case = await as_json.case_json(engine, code) or {}
    assert [each["voiced_seconds"] > 2 for each in case["recordings"][1:]] == [True] * recorded
    assert town.callee.rung[number] == 1 and town.callee.rung[official] == (not recorded)
    done = Instruction("", by, "آزمون", now)
    await lottery_drawing.put_aside(engine, done, draw)


async def dials(town: Town, code: str, official: str) -> None:
    """A telephone of the desk dials the code."""
    place = town.hotline.settings.ami
    ami = Ami(place.host, place.port, place.originate_username, town.hotline.secrets.originate, events="call")
    try:
        await ami.connect()
        his = dial_string(Trunk(town.hotline.settings.callbacks.dial, "111"), official)
        await ami.originate(his, context="seda111-desk", exten=f"8{code}")
    finally:
        await ami.close()


async def clicks(chrome: Browser, town: Town, folder: Path, code: str, number: str) -> None:
    """He presses the button of her case; the telephone in his browser dials, and they talk."""
    phone = Telephone(town.hotline.settings.phone_url, "seda111-desk", town.hotline.secrets.desk, EXTENSION)
    async with panel_served(town.hotline.engine, folder, desk_phone=phone) as panel:
        panel.clock.now = datetime.now(UTC)
        async with window(chrome, panel, "governor") as page:
            await page.context.grant_permissions(["microphone"])
            await page.goto("/panel/meetings/lottery")
            ring = page.locator(f'form[action$="/{code}/ring"] button')
            await ring.click()
            await town.callee.until_over(number)
            await page.locator("[data-phone]").wait_for(state="hidden")  # the page comes anew by itself
            await town.until_outcome(number, "talked")
            await page.goto("/panel/meetings/lottery")
            await page.get_by_text("گفتگو کرد").first.wait_for()


async def test_asterisk_lets_her_telephone_ring_no_longer_than_the_official_holds_the_line(
    town: Town,
) -> None:
    engine, his, number = town.hotline.engine, fresh_number(), fresh_number()
    holds = asyncio.create_task(town.hotline.call(Hear(), Wait(8), PutDown(), number=his))
    await town.hotline.begun(his)
    town.callee.answers[number] = RINGS
    async with office(engine, town.folder / number) as desk:
        code = await desk.intake.open_case(call(number), opening())
        await desk.pump.idle()
    async with engine.connect() as connection:
        page = await read_page(connection)
        line = await connection.scalar(select(calls.c.unique_id).where(calls.c.caller == his))
    now = datetime.now(UTC)
    notice = {"line": line, "until": (now + timedelta(minutes=1)).isoformat()}
    hers = callbacks.c.number == phone.normalise(number)
    async with engine.begin() as connection:  # together, so that she is rung about nothing else
        await answers.give(connection, page, Instruction(code, actor_named(page, "abfa"), now=now), "وصل شد")
        lottery = {"purpose": "lottery", "notice": notice, "next_at": now}
        await connection.execute(update(callbacks).where(hers).values(lottery))
    await town.callee.until_rung(number)
    assert (await holds).completed
    await town.until_outcome(number, "given_up")
    attempt = await town.row(callback_attempts, number)
    assert attempt is not None
    rang, most = attempt.ended_at - attempt.at, town.hotline.settings.callbacks.ring_seconds
    assert rang < timedelta(seconds=most - 2), "it was given up"


async def test_an_official_takes_her_call_himself_recorded_with_her_key_and_orders(town: Town) -> None:
    """She is offered it, leaves her words, has her code and waits; his line is busy, then he answers."""
    engine, (page, by, hour) = town.hotline.engine, await open_hour(town)
    calling, waits = await in_line(town, hour)
    town.callee.answers[EXTENSION] = BUSY
    await hour_queue.take(engine, Instruction("", by), hour)
    await town.callee.until_rung(EXTENSION)
    await until_hour(town, hour, "waiting")
    town.callee.answers[EXTENSION] = (Speak(8), PutDown())
    code = await hour_queue.take(engine, Instruction("", by), hour)
    await until_hour(town, hour, "talking")
    await hour_hearing.note(engine, page, Instruction(code, by), hour)
    await order_giving.give(
        engine, page, Instruction(code, by), [MeetingOrder("abfa", "وصل شود", workday(page))]
    )
    hers = await calling
    assert hers.completed, hers.problem
    (over,) = await until_hour(town, hour, "over")
    assert (over.code, over.outcome, over.rings) == (waits.code, "heard", 2)
    case: dict[str, Any] = {}
    async with asyncio.timeout(patience(40)):
        while len(case.get("recordings", ())) < 2:
            await asyncio.sleep(0.1)
            case = await as_json.case_json(engine, code) or {}
    assert case["kind"] == "meeting" and case["recordings"][1]["voiced_seconds"] > 2
    assert {"hour_heard", "meeting_meet"} <= {event["what"] for event in case["events"]}
    await hour_planning.close(engine, Instruction("", by), hour)


async def test_the_hour_ends_or_the_server_dies_while_she_waits(town: Town) -> None:
    """She is told, or her line is free again; her words are a case, and nobody waits behind her."""
    engine, (_, by, hour) = town.hotline.engine, await open_hour(town)
    calling, _ = await in_line(town, hour)
    await hour_planning.close(engine, Instruction("", by), hour)
    assert (await calling).completed
    (over,) = await until_hour(town, hour, "over")
    assert over.outcome == "not_taken"

    *_, hour = await open_hour(town)
    calling, waits = await in_line(town, hour)
    town.hotline.server.process.send_signal(signal.SIGKILL)
    assert (await calling).completed, "nobody keeps her on the line"
    await asyncio.to_thread(town.hotline.server.process.wait, patience(10))
    await town.hotline.start_server()
    case: dict[str, Any] = {}
    async with asyncio.timeout(patience(60)):
        while not case.get("recordings"):
            await asyncio.sleep(0.1)
            case = await as_json.case_json(engine, waits.code) or {}
        assert case["recordings"][0]["voiced_seconds"] > 2
        while waiting(await calls_in(town, hour), datetime.now(UTC)):
            await asyncio.sleep(0.1)
    with pytest.raises(Refused, match="nobody waits"):
        await hour_queue.take(engine, Instruction("", by), hour)


async def open_hour(town: Town) -> tuple[Page, Actor, int]:
    """The governor's, from now on, as the hotline offers it."""
    engine, now = town.hotline.engine, datetime.now(UTC)
    async with engine.connect() as connection:
        page = await read_page(connection)
    by = actor_named(page, "desk")
    span = (now, now + timedelta(hours=1))
    wanted = WantedHour(Official.GOVERNOR, "ostandari", *span, (EXTENSION,), even_off=True)
    return page, by, await hour_planning.announce(engine, page, by, wanted, [EXTENSION], now)


async def in_line(town: Town, hour: int) -> tuple[asyncio.Task[CallerReport], Row[Any]]:
    """A caller whose words are kept and who has heard her code, and how she stands."""
    her_words = (*keys("1", "7", "1"), Beep(), Speak(2.6), Press("#"))
    call = town.hotline.call(*her_words, *keys("2", "1"), StayOn(), number=fresh_number())
    calling = asyncio.create_task(call)
    (waits,) = await until_hour(town, hour, "waiting")
    return calling, waits


async def calls_in(town: Town, hour: int) -> Sequence[Row[Any]]:
    async with town.hotline.engine.connect() as connection:
        return await hour_queue.of_hour(connection, hour)


async def until_hour(town: Town, hour: int, state: str) -> Sequence[Row[Any]]:
    """The calls of that hour, once they stand so."""
    async with asyncio.timeout(patience(60)):
        while True:
            found = await calls_in(town, hour)
            if [each.state for each in found] == [state]:
                return found
            await asyncio.sleep(0.1)


def workday(page: Page) -> date:
    days = (datetime.now(UTC).date() + timedelta(days=n) for n in range(9, 40))
    return next(filter(page.calendar.is_working, days))


async def nobody_waits(queue: str) -> CallQueue:
    raise AssertionError("nobody keeps a place")


@asynccontextmanager
async def dialling(
    engine: AsyncEngine, recordings: Path, speak: Callable[[str, str], Awaitable[str | None]] = no_speech
) -> AsyncIterator[tuple[Dialler, PretendAmi]]:
    """At noon, through an Asterisk that refuses whatever is dialled."""
    async with pretend_ami() as peer:
        peer.replies["originate"] = refuse
        ami = Ami("127.0.0.1", peer.port, "seda", "secret", events="call")
        await ami.connect()
        dialler = Dialler(
            engine, book_of(engine), Policy(), Trunk("PJSIP/{number}@trunk", "111"),
            originate=ami, ami=ami, speak=speak, recordings=recordings, clock=lambda: NOON,
            queue=nobody_waits,
        )  # fmt: skip
        yield dialler, peer
        dialler.close()
        await ami.close()


def told(*ids: str) -> Reply:
    """Asterisk tells of these channels."""

    def of_them(connection: Connection, action: Fields) -> None:
        connection.answer(action, "Success", "Channel status will follow")
        for id in ids:
            connection.send(Event="Status", ActionID=action["actionid"], Uniqueid=id)
        connection.send(Event="StatusComplete", ActionID=action["actionid"])

    return of_them


async def tried(dialler: Dialler) -> Any:
    """The only call-back, after one more attempt, which is due now."""
    async with dialler.engine.begin() as connection:
        await connection.execute(update(callbacks).values(next_at=NOON))
    await dialler.look()
    async with asyncio.timeout(patience(20)):
        while (hers := await row_of(dialler.engine)).state == "calling":
            await dialler.pause()
    return hers


async def a_day_passes(engine: AsyncEngine, since: timedelta = LOST, looks: int = LOOKS) -> None:
    """Since whatever was tried, and was looked for so often besides."""
    async with engine.begin() as connection:
        first = (await connection.execute(select(callback_attempts).limit(1))).one()._mapping
        for _ in range(looks):
            await connection.execute(insert(callback_attempts).values({**first, "id": uuid.uuid4()}))
        await connection.execute(update(callback_attempts).values(at=NOON - since))


def long_used(recordings: Path) -> Path:
    """A disk with words from before any case."""
    (recordings / "2025" / "03" / "20").mkdir(parents=True)
    return recordings


async def test_who_can_t_be_told_the_answer_now_is_not_rung_about_it_and_is_tried_again(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else she would hear nothing for an answer, or half of it, and her key might end her case."""
    await answered(engine, tmp_path)
    made = list[str]()
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(answer=4 * LONG))

    async def all_but_its_end(words: str, language: str) -> str | None:
        made.append(words)
        return words if len(made) == 1 else None

    async with dialling(engine, tmp_path, all_but_its_end) as (dialler, peer):
        hers = await tried(dialler)
    seen = CaseSeen(Lookup.FOUND, "answered", answer=4 * LONG)
    assert ["status.answer_is", *map(Words, made)] == [*verdict.answer(seen, "fa", DIRECTORY)]
    assert peer.count("Originate") == 0 and "can't be spoken" in caplog.text
    assert (hers.state, hers.attempts, hers.last_outcome) == ("waiting", 0, "not_sent")
    assert hers.next_at == NOON + UNSENT_ONCE


async def test_what_takes_too_long_to_be_spoken_is_put_off_before_her_attempt_counts_as_lost(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.loops.dialling.READY_SECONDS", 0.05)
    await answered(engine, tmp_path)

    async def slow(words: str, language: str) -> str | None:
        await asyncio.Event().wait()
        return words

    async with dialling(engine, tmp_path, slow) as (dialler, peer):
        once, again, more = [await tried(dialler) for _ in range(3)]
    assert (more.state, more.last_outcome, peer.count("Originate")) == ("waiting", "not_sent", 0)
    assert [each.next_at - NOON for each in (once, again, more)] == [UNSENT_ONCE, SOON, SOON]


async def test_the_dialplan_is_told_her_language_for_where_no_server_takes_the_call(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(callbacks).values(language="az"))

    async def speak(words: str, language: str) -> str | None:
        return words

    async with dialling(engine, tmp_path, speak) as (dialler, peer):
        await tried(dialler)
    [rung] = [each for each in peer.received if each["action"] == "Originate"]
    assert rung["variable"] == "IVR_LANGUAGE=az"


async def voiced(engine: AsyncEngine, tmp_path: Path) -> str:
    """In an official's own voice alone."""
    code = await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(answer="", answer_voice="answers/1"))
    return code


async def test_who_is_to_hear_a_person_s_voice_is_rung_once_its_recording_is_there(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Else she would hear silence for an answer, and her key might end her case."""
    await voiced(engine, tmp_path)
    async with dialling(engine, tmp_path) as (dialler, peer):
        waits = await tried(dialler)
        assert (waits.state, waits.last_outcome, waits.next_at) == ("waiting", "not_sent", NOON + UNSENT_ONCE)
        assert peer.count("Originate") == 0
        write_tone(tmp_path / "answers" / "1.wav", TONE, 0)
        assert (await tried(dialler)).last_outcome == "not_sent", "a header is no sound"
        write_tone(tmp_path / "answers" / "1.wav", TONE, 1)
        await tried(dialler)
        assert peer.count("Originate") == 1


async def test_who_is_to_hear_a_voice_whose_recording_is_lost_is_rung_with_what_is_written_beside_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    made = list[str]()
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(answer_voice="answers/1"))

    async def speak(words: str, language: str) -> str | None:
        made.append(words)
        return words

    async with dialling(engine, tmp_path, speak) as (dialler, peer):
        await tried(dialler)
        assert (peer.count("Originate"), dialler.trouble, made) == (1, "", ["آب وصل شد."])
    async with engine.begin() as connection:
        await connection.execute(update(callbacks).values(next_at=NOON, last_at=None))
    async with office(engine, tmp_path / "server") as desk:
        placing = await claim(engine)
        assert placing is not None
        call_of_ours = Pretend(keys="1" * 9, arguments=("callback", str(placing.id)))
        await carried(line_of(desk, tree()), call_of_ours, tmp_path)
        await desk.pump.idle()
    assert "/sounds/verdict.menu" in call_of_ours.played
    assert (await row_of(engine)).last_outcome == "solved"


async def test_an_answer_whose_recording_is_lost_is_the_desk_s_to_tell_unless_its_disk_is_only_sick(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await voiced(engine, tmp_path)
    folder = long_used(tmp_path / "recordings")
    async with dialling(engine, folder) as (dialler, peer):
        with away(folder / "answers" / "1.wav"):
            for _ in range(UNSAID):
                assert (await tried(dialler)).last_outcome == "not_sent"
        assert "`ivr verify` tells of which case" in dialler.trouble and await untold(engine) == []
        assert (await tried(dialler)).last_outcome == "not_sent", "another server may have it"
        await a_day_passes(engine)
        with unmounted(folder):
            assert (await tried(dialler)).last_outcome == "not_sent", "its disk is not mounted"
        lost = await tried(dialler)
        assert (lost.state, lost.last_outcome, peer.count("Originate")) == ("unreachable", "unread", 0)
    assert await untold(engine) == [code]


async def test_whom_another_server_rings_is_not_the_desk_s_to_tell_where_this_one_lacks_the_voice(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await voiced(engine, tmp_path)
    async with dialling(engine, long_used(tmp_path)) as (dialler, _):
        for _ in range(UNSAID):
            await tried(dialler)
        await a_day_passes(engine, timedelta(days=2, hours=13), looks=0)
        assert (await tried(dialler)).last_outcome == "not_sent", "on days off nobody looks"
        await a_day_passes(engine)
        async with engine.begin() as connection:
            await connection.execute(update(callback_attempts).values(outcome="no_answer"))
        assert (await tried(dialler)).last_outcome == "not_sent"


async def test_of_a_disk_that_is_not_mounted_for_a_week_nobody_waits_for_an_answer_any_more(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Meanwhile calls leave their words in the bare folder."""
    code = await voiced(engine, tmp_path)
    (bare := tmp_path / "recordings").mkdir()
    (bare / ".room").mkdir()
    (bare / "second").symlink_to(tmp_path)
    (bare / f"{NOON:%Y/%m/%d}").mkdir(parents=True)
    async with dialling(engine, bare) as (dialler, _):
        for _ in range(UNSAID):
            await tried(dialler)
        await a_day_passes(engine)
        assert (await tried(dialler)).last_outcome == "not_sent" and await untold(engine) == []
        await a_day_passes(engine, GONE)
        assert (await tried(dialler)).last_outcome == "unread"
    assert await untold(engine) == [code]


async def test_an_empty_disk_that_is_mounted_is_a_new_one_and_her_answer_is_the_desk_s_after_a_day(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await voiced(engine, tmp_path)
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path)
    async with dialling(engine, tmp_path) as (dialler, _):
        for _ in range(UNSAID):
            await tried(dialler)
        await a_day_passes(engine)
        assert (await tried(dialler)).last_outcome == "unread"
    assert await untold(engine) == [code]


async def test_of_an_answer_in_parts_she_is_rung_to_hear_what_there_is_once_the_rest_stays_away(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    at = await counter(engine)
    _, one, two = await split(at)
    await answers.give(engine, at.page, at.ask(one, "abfa"), "لوله تعمیر شد.")
    await answers.give(engine, at.page, at.ask(two, "shahrdari_ahar"), "", spoken_by("shahrdari_ahar"))
    async with engine.begin() as connection:  # she has put down
        await connection.execute(update(calls).values(ended_at=NOON))
    made = list[str]()

    async def speak(words: str, language: str) -> str | None:
        made.append(words)
        return words

    async with dialling(engine, long_used(tmp_path), speak) as (dialler, peer):
        for _ in range(UNSAID):
            assert (await tried(dialler)).last_outcome == "not_sent"
        assert peer.count("Originate") == 0
        await a_day_passes(engine)
        await tried(dialler)
        assert peer.count("Originate") == 1 and "لوله تعمیر شد." in made[-1]
    assert await untold(engine) == []


async def test_whoever_is_put_off_again_and_again_for_want_of_words_is_told_of_until_they_can_be_spoken(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    voice: dict[str, str] = {}

    async def speak(words: str, language: str) -> str | None:
        return voice.get(language)

    await answered(engine, tmp_path)
    async with dialling(engine, tmp_path, speak) as (dialler, _):
        for _ in range(UNSAID):
            assert dialler.trouble == ""
            await tried(dialler)
        assert "1 call-backs were put off" in dialler.trouble
        voice["fa"] = "/spoken/fa"
        await tried(dialler)
        assert dialler.trouble == ""


@pytest.mark.parametrize("cause", ["", "18", "21", "34"])  # refused at once; SIP 408, 403, 503
async def test_a_trunk_that_puts_nobody_through_is_told_of_until_one_rings(
    engine: AsyncEngine, tmp_path: Path, cause: str
) -> None:
    """One number that is tried again and again is no trouble of the trunk."""

    async def speak(words: str, language: str) -> str | None:
        return words

    def times_out(connection: Connection, action: Fields, reason: int = STILL_RINGING) -> None:
        success(connection, action)
        its = {"ActionID": action["actionid"], "Response": "Failure", "Reason": str(reason)}
        connection.send(Event="OriginateResponse", **its)

    def unsure(connection: Connection, action: Fields) -> None:
        off = peer.count("Originate") % 2
        times_out(connection, action, reason=0 if off else STILL_RINGING)
        connection.send(Event="Hangup", Uniqueid=action["channelid"], Cause="19" if off else "16")

    def rings_out(connection: Connection, action: Fields, then: Callable[..., None] = times_out) -> None:
        its = {"Uniqueid": action["channelid"], "ChannelState": RINGING}
        connection.send(Event="Newstate", **its)
        then(connection, action)

    def not_through(connection: Connection, action: Fields) -> None:
        times_out(connection, action, reason=0)
        connection.send(Event="Hangup", Uniqueid=action["channelid"], Cause=cause)

    def rings_and_fails(connection: Connection, action: Fields) -> None:
        rings_out(connection, action, denied if not cause else fails)

    def fails(connection: Connection, action: Fields) -> None:
        times_out(connection, action, reason=0)
        connection.send(Event="Hangup", Uniqueid=action["channelid"], Cause="34")

    async def all_tried(week: int) -> None:
        dialler.clock = lambda: NOON + timedelta(weeks=week)
        async with engine.begin() as connection:
            await connection.execute(update(callbacks).values(next_at=NOON))
        async with asyncio.timeout(patience(20)):
            while await places(engine, dialler):
                await dialler.pause()

    async with dialling(engine, tmp_path, speak) as (dialler, peer):
        peer.replies["originate"] = not_through if cause else denied
        for last in range(NOT_THROUGH - 1):
            await answered(engine, tmp_path, f"{NUMBER[:-1]}{last}")
        for week in range(2):
            await all_tried(week)
        assert peer.count("Originate") == 2 * (NOT_THROUGH - 1) and dialler.trouble == ""
        await answered(engine, tmp_path, f"{NUMBER[:-1]}9")
        failing, peer.replies["originate"] = peer.replies["originate"], unsure
        await all_tried(2)
        assert dialler.trouble == "", "perhaps she did not hear it"
        peer.replies["originate"] = failing
        await all_tried(3)
        at = f"{(NOON + timedelta(weeks=3)).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        none = (
            f"{NOT_THROUGH} numbers could not be put through and none rang since, the last failed at {at}: "
        )
        assert dialler.trouble.startswith(none)
        # Put off: what takes three calls each is told of above.
        put_off, dialler._unsaid = dialler._unsaid, {code: (UNSAID, dialler.clock()) for code in "ab"}
        assert dialler.trouble.startswith(none) and "; 2 call-backs were put off" in dialler.trouble
        dialler._unsaid = put_off  # as it was
        peer.replies["originate"] = unsure
        await all_tried(5)  # in between is a day off
        assert peer.count("Originate") == 5 * NOT_THROUGH - 2
        assert dialler.trouble.startswith(none), "perhaps nothing rang"
        peer.replies["originate"] = rings_and_fails
        await all_tried(7)
        assert dialler.trouble.startswith(f"{NOT_THROUGH} numbers"), "a gateway that rings before it routes"
        peer.replies["originate"] = rings_out
        await all_tried(9)
        assert dialler.trouble == ""


def ends_with(cause: str, *, rings: bool) -> Reply:
    """Her telephone rings, or nothing is told of it, and the trunk ends the call."""

    def reply(connection: Connection, action: Fields) -> None:
        success(connection, action)
        id = action["channelid"]
        if rings:
            connection.send(Event="Newstate", Uniqueid=id, ChannelState=RINGING)
        connection.send(Event="Hangup", Uniqueid=id, Cause=cause)
        its = {"ActionID": action["actionid"], "Response": "Failure", "Reason": "0"}
        connection.send(Event="OriginateResponse", **its)

    return reply


async def weeks_pass(engine: AsyncEngine, dialler: Dialler) -> None:
    """In each of which whoever is due is rung."""
    for week in range(8):
        dialler.clock = partial(NOON.__add__, timedelta(weeks=week))
        async with asyncio.timeout(patience(20)):
            while await places(engine, dialler):
                await dialler.pause()


async def speaks(words: str, language: str) -> str | None:
    return words


async def test_who_rejects_our_call_was_disturbed_and_is_rung_no_sooner_than_who_does_not_answer(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Of the red key a mobile network says what it says of a line that is taken."""
    await answered(engine, tmp_path)
    async with dialling(engine, tmp_path, speaks) as (dialler, peer):
        peer.replies["originate"] = ends_with("17", rings=False)
        assert (await tried(dialler)).last_outcome == "busy"
        async with engine.begin() as connection:
            await connection.execute(update(callbacks).values(last_at=NOON - timedelta(days=1)))
        peer.replies["originate"] = ends_with("17", rings=True)
        assert (await tried(dialler)).last_outcome == "no_answer"


# SIP 408, 480 (it is off, or a gateway has no line), it is off, 403; or 603, of who declines
@pytest.mark.parametrize("cause", ["18", "19", "20", "21"])
@pytest.mark.parametrize(("rings", "stands"), [(False, "answered"), (True, "closed")])
async def test_no_case_closes_for_a_trunk_that_refuses_every_call_as_one_does_whose_citizen_declines_each(
    engine: AsyncEngine, tmp_path: Path, cause: str, rings: bool, stands: str
) -> None:
    code = await answered(engine, tmp_path)
    async with dialling(engine, tmp_path, speaks) as (dialler, peer):
        peer.replies["originate"] = ends_with(cause, rings=rings)
        await weeks_pass(engine, dialler)
        assert peer.count("Originate") == 5
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == stands
    assert (await row_of(engine)).state == ("unconfirmed" if rings else "unreachable")
    assert await untold(engine) == ([] if rings else [code])


async def test_a_stranger_behind_a_trunk_that_does_not_say_that_it_rings_is_asked_no_more_often(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Who declines may be told from a trunk's refusal nowhere: he counts as rung."""
    await walk_in(engine)
    async with dialling(engine, tmp_path) as (dialler, peer):
        peer.replies["originate"] = ends_with("21", rings=False)
        await weeks_pass(engine, dialler)
        assert peer.count("Originate") == Policy().verify_rings


async def test_asterisk_tells_which_of_our_calls_ring_and_gives_the_same_reason_where_nothing_did(
    town: Town,
) -> None:
    """… in the time that was up, and none for a telephone that is off (SIP 480)."""
    place, rang = town.hotline.settings.ami, set[str]()
    ami = Ami(place.host, place.port, place.originate_username, town.hotline.secrets.originate, events="call")
    ami.on("Newstate", lambda event: rang.add(event.uniqueid))
    placed = {str(uuid.uuid4()): does for does in (RINGS, "100 Trying", OFF)}
    try:
        await ami.connect()
        for id, does in placed.items():
            town.callee.answers[number := fresh_number()] = does
            dial = dial_string(Trunk(town.hotline.settings.callbacks.dial, "111"), number)
            said = await ami.originate(dial, context="seda111-callback", exten="s", timeout=2, channel_id=id)
            assert (said.answered, said.reason) == (False, 0 if does == OFF else STILL_RINGING), does
    finally:
        await ami.close()
    assert [placed[id] for id in rang] == [RINGS]


async def places(engine: AsyncEngine, dialler: Dialler) -> bool:
    """Whether it still has somebody to ring, or rings."""
    await dialler.look()
    its = callbacks.c
    due = (its.state == "waiting") & (its.next_at <= dialler.clock())
    query = select(its.id).where((its.state == "calling") | due)
    async with engine.connect() as connection:
        return (await connection.execute(query)).first() is not None


async def test_who_answers_as_the_recording_of_her_answer_is_lost_is_not_asked_about_silence(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await voiced(engine, tmp_path)
    async with office(engine, tmp_path / "server") as desk:
        placing = await claim(engine)
        assert placing is not None and [*placing.clips] == ["answers/1"]
        ours = Pretend(keys="1" * 9, arguments=("callback", str(placing.id)))
        await carried(line_of(desk, tree()), ours, tmp_path)
        hers = Pretend(keys="16" + code + "1" * 9, header={"callerid": NUMBER})
        await carried(line_of(desk, tree()), hers, tmp_path)
        await desk.pump.idle()
    for call_of_hers in (ours, hers):
        assert "/sounds/status.answer_unheard" in call_of_hers.played
        assert "/sounds/verdict.menu" not in call_of_hers.played
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered"
    assert (await row_of(engine)).last_outcome == "unread"


async def test_nobody_is_rung_in_her_turn_outside_the_hours_in_which_operators_serve(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Their telephones stay registered when they go home, and say that they are free."""

    async def one_is_free(queue: str) -> CallQueue:
        return CallQueue({}, (QueueMember("one", "free", 3),))

    until_noon = Hours(frozenset(range(7)), time(9), NOON.time())
    await keeps(engine, tmp_path, NOON - timedelta(minutes=1), hours=until_noon.written())
    async with dialling(engine, tmp_path) as (dialler, peer):
        peer.replies["status"] = told()
        dialler.queue = one_is_free
        await dialler.look()
        assert (await row_of(engine)).state == "waiting"
        dialler.clock = lambda: NOON - timedelta(seconds=30)
        await dialler.look()
        await peer.until_received("Originate")


@pytest.mark.parametrize("here", [True, False], ids=["our Asterisk", "another site's"])
async def test_who_talks_with_an_operator_in_her_turn_keeps_nobody_else_from_being_rung_and_gives_no_line(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:

    async def one_talks(queue: str) -> CallQueue:
        return CallQueue({}, (QueueMember("one", "talking", 3),))

    await keeps(engine, tmp_path, NOON - timedelta(minutes=6))
    [place] = await turn_calls.kept(engine)
    page = await book_of(engine).page()
    begun = NOON - timedelta(minutes=5)
    talks = await claim_of(engine, page, Policy(), begun, {place.id})
    assert talks is not None
    call_of_hers = replace(CALL, id=uuid.uuid4(), unique_id=str(talks.id))
    await apply(engine, page, [CallStartedFact(call_of_hers)])
    codes = [await answered(engine, tmp_path, number) for number in ("09141234561", "09141234562")]
    monkeypatch.setattr("ivr.loops.dialling.ELSEWHERE_SECONDS", 0.0)
    async with dialling(engine, tmp_path) as (dialler, peer):
        dialler.trunk = replace(dialler.trunk, at_once=1)
        dialler.queue = one_talks
        peer.replies["status"] = told(*([call_of_hers.unique_id] if here else []))
        await dialler.look()
    states = [(await row_of(engine, code)).state for code in (place.code, *codes)]
    assert states[0] == "calling" and sorted(states[1:]) == ["calling", "waiting"]


async def test_over_days_on_which_no_operator_serves_her_place_is_not_given_up(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async def nobody_serves(queue: str) -> CallQueue:
        return CallQueue({}, ())

    await keeps(engine, tmp_path, NOON, hours="01256 07:00 19:00")  # on Wednesday
    async with dialling(engine, tmp_path) as (dialler, peer):
        peer.replies["status"] = told()
        dialler.queue = nobody_serves
        dialler.clock = lambda: NOON + timedelta(days=2)
        await dialler.look()
        assert (await row_of(engine)).state == "waiting"
        dialler.clock = lambda: NOON + timedelta(days=3, minutes=2)
        await dialler.look()
        assert (await row_of(engine)).state == "unreachable"


async def test_for_a_line_that_another_asterisk_holds_she_is_not_rung_here(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await answered(engine, tmp_path)
    line = {"line": "1.7", "until": (NOON + timedelta(minutes=1)).isoformat()}
    async with engine.begin() as connection:
        await connection.execute(update(callbacks).values(purpose="lottery", notice=line, next_at=NOON))
    async with dialling(engine, tmp_path) as (dialler, peer):
        peer.replies["status"] = told()
        await dialler.look()
        assert (await row_of(engine)).state == "waiting"
        peer.replies["status"] = told("1.7")
        await dialler.look()
        await peer.until_received("Originate")


async def test_her_telephone_rings_no_longer_once_the_official_who_waits_for_her_has_put_down(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not cut off where she has answered: she is told there."""
    monkeypatch.setattr(dialling_module, "LINE_SECONDS", 0.01)
    await answered(engine, tmp_path)
    line = {"line": "1.7", "until": (NOON + timedelta(minutes=1)).isoformat()}
    async with engine.begin() as connection:
        await connection.execute(update(callbacks).values(purpose="lottery", notice=line, next_at=NOON))
    rings = dict[str, str]()
    states = [RINGING, UP, RINGING]

    def ringing(connection: Connection, action: Fields) -> None:
        success(connection, action)
        rings.update(id=action["channelid"], action=action["actionid"])

    def seen(connection: Connection, action: Fields) -> None:
        connection.answer(action, "Success", "Channel status will follow")
        if not rings or len(states) == 3:
            connection.send(Event="Status", ActionID=action["actionid"], Uniqueid="1.7")
        if rings:
            hers = {"Uniqueid": rings["id"], "Channel": "PJSIP/trunk-1", "ChannelState": states.pop(0)}
            connection.send(Event="Status", ActionID=action["actionid"], **hers)
        connection.send(Event="StatusComplete", ActionID=action["actionid"])

    def put_down(connection: Connection, action: Fields) -> None:
        """Who placed the call hears on a connection of its own that it is over, here before who ended it."""
        ended = {"ActionID": rings["action"], "Response": "Failure", "Reason": "0"}
        connection.send(Event="Hangup", Uniqueid=rings["id"], Cause="16")
        connection.send(Event="OriginateResponse", **ended)
        success(connection, action)

    async with dialling(engine, tmp_path) as (dialler, peer):
        before = {"+989120000001": NOON}
        dialler._not_through |= before  # fewer than `trouble` would tell of
        peer.replies |= {"originate": ringing, "status": seen, "hangup": put_down}
        hers = await tried(dialler)
        [given_up] = [each for each in peer.received if each["action"] == "Hangup"]
        assert (given_up["channel"], given_up["cause"], states) == ("PJSIP/trunk-1", "16", [])
        assert (hers.state, hers.last_outcome) == ("waiting", "given_up")
        # `trouble` tells of no fewer than ten
        assert dialler._not_through == before, "neither that the trunk works nor that it does not"


async def test_who_calls_back_and_is_refused_by_asterisk_says_so_until_it_is_let_in(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk that is only away is waited for without a word."""
    for slow in ("ivr.asterisk.ami.REFUSED_WAIT", "ivr.loops.every.FIRST_SECONDS"):
        monkeypatch.setattr(slow, 0.05)
    monkeypatch.setattr("ivr.loops.dialling.LOOK_SECONDS", 0.05)
    loops = Loops()
    async with pretend_ami() as peer, asyncio.timeout(patience(20)):
        ami = Ami("127.0.0.1", peer.port, "ivr-originate", "old")
        dialler = Dialler(
            engine, book_of(engine), Policy(), Trunk("PJSIP/{number}@trunk", "111"),
            originate=ami, ami=ami, speak=no_speech, recordings=Path(), clock=lambda: NOON,
            queue=nobody_waits,
        )  # fmt: skip
        await dialler.look()
        peer.replies["login"] = refuse
        ami.start()
        loops.every("dialler", dialler.pause, dialler.look, waits_for=WAITS_FOR)
        while not loops.troubles:
            await asyncio.sleep(0.02)
        assert "refused the login of 'ivr-originate'" in loops.troubles[0]
        peer.replies["login"] = success
        while loops.troubles:
            await asyncio.sleep(0.02)
        assert ami.connected
        await loops.close()
        await ami.close()


def denied(connection: Connection, action: Fields) -> None:
    connection.answer(action, "Error", "Permission denied")


async def test_a_call_that_is_just_over_is_lost_only_when_its_end_does_not_come(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of looks that fail, as while the books or Asterisk are away, none counts."""
    await answered(engine, tmp_path)
    assert await claim(engine) is not None
    async with engine.begin() as connection:
        for at in (callback_attempts.c.at, callbacks.c.last_at):
            await connection.execute(update(at.table).values({at: NOON - timedelta(minutes=5)}))
    async with dialling(engine, tmp_path) as (dialler, peer):
        peer.replies["status"] = told()
        await dialler.look()
        assert (await row_of(engine)).state == "calling"
        monkeypatch.setattr("ivr.loops.dialling.MISSED_SECONDS", 0.001)
        peer.replies["status"] = denied
        with pytest.raises(AmiFailed):
            await dialler.look()
        peer.replies["status"] = told()
        await dialler.look()
        assert (await row_of(engine)).state == "calling"
        await asyncio.sleep(0.002)
        await dialler.look()
    assert (await row_of(engine)).last_outcome == "unknown"


async def test_talks_of_a_machine_that_is_gone_keep_nobody_else_from_being_rung(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go on in the books, as another site's do, and nobody says how they ended."""

    async def speak(words: str, language: str) -> str | None:
        return "/spoken/fa"

    codes = [await answered(engine, tmp_path, number) for number in ("09141234561", "09141234562")]
    talks = [await claim(engine) for _ in codes]
    page = await book_of(engine).page()
    begun = [
        replace(CALL, id=uuid.uuid4(), unique_id=str(each.id), caller=each.number) for each in talks if each
    ]
    await apply(engine, page, [CallStartedFact(talk) for talk in begun])
    async with engine.begin() as connection:
        await connection.execute(update(callback_attempts).values(at=NOON - timedelta(minutes=5)))
    await answered(engine, tmp_path)
    async with dialling(engine, tmp_path, speak) as (dialler, peer):
        peer.replies["status"] = told(begun[0].unique_id)
        await dialler.look()
        monkeypatch.setattr("ivr.loops.dialling.ELSEWHERE_SECONDS", 0.001)
        peer.replies["status"] = told(*(talk.unique_id for talk in begun))
        await dialler.look()
        peer.replies["status"] = told(begun[0].unique_id)
        await dialler.look()
        assert peer.count("Originate") == 0
        await asyncio.sleep(0.002)
        await dialler.look()
        await peer.until_received("Originate")
    assert [(await row_of(engine, code)).state for code in codes] == ["calling", "calling"]


async def test_a_talk_of_hours_that_takes_no_line_gives_none_either(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a machine that is gone, too: she had said her word, and no call lasts so long."""
    code = await answered(engine, tmp_path)
    talks = await claim(engine)
    assert talks is not None
    begun = replace(CALL, id=uuid.uuid4(), unique_id=str(talks.id))
    await apply(engine, await book_of(engine).page(), [CallStartedFact(begun)])
    since = NOON - LONGEST_TALK - timedelta(seconds=1)
    async with engine.begin() as connection:
        await connection.execute(update(callback_attempts).values(outcome="confirmed", at=since))
        await connection.execute(update(callbacks).values(state="reached"))
    assert await answered(engine, tmp_path, "09141234561") and await claim(engine)  # rings on the only line
    waits = await answered(engine, tmp_path, "09141234562")
    monkeypatch.setattr("ivr.loops.dialling.ELSEWHERE_SECONDS", 0.0)
    async with dialling(engine, tmp_path) as (dialler, peer):
        dialler.trunk = replace(dialler.trunk, at_once=1)
        peer.replies["status"] = told()
        await dialler.look()
    states = [(await row_of(engine, each)).state for each in (code, waits)]
    assert states == ["reached", "waiting"]


async def test_a_server_killed_before_or_after_the_ringing_has_tried(town: Town) -> None:
    """What she is to hear takes seconds to be spoken, between the attempt's row and the Originate."""
    ringing, _ = await town.citizen(RINGS)
    await town.callee.until_rung(ringing)
    unsaid, _ = await town.citizen(RINGS, LONG)
    async with asyncio.timeout(patience(60)):
        while await town.row(callback_attempts, unsaid) is None:
            await asyncio.sleep(0.02)
    town.hotline.server.process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(town.hotline.server.process.wait, patience(10))
    await town.hotline.start_server()
    async with town.hotline.engine.begin() as connection:  # as if it had been away for an hour
        hour = timedelta(hours=1)
        await connection.execute(update(callback_attempts).values(at=callback_attempts.c.at - hour))
        await connection.execute(update(callbacks).values(last_at=callbacks.c.last_at - hour))
    for number in (unsaid, ringing):
        lost = await town.until_outcome(number, "unknown")
        assert (lost.state, lost.attempts) == ("waiting", 1)
        await town.until_put_off(number, datetime.now(UTC) + timedelta(hours=1.9))
    assert (town.callee.rung[unsaid], town.callee.rung[ringing]) == (0, 1)


async def test_who_keeps_her_place_is_called_in_her_turn_though_the_server_was_killed_meanwhile(
    town: Town,
) -> None:
    """Two wait before her; she leaves her words, and is put through in her turn."""
    hotline, number = town.hotline, fresh_number()
    one = "Local/122@seda111-inbound"  # answers, and talks for a while
    place, secret = hotline.settings.ami, hotline.secrets.originate
    ami = Ami(place.host, place.port, place.originate_username, secret, events="off")
    town.callee.answers[number] = (NEWS, Press("1"), Hear(), Speak(6), PutDown())
    hotline.console(f"queue add member {one} to operators")
    try:
        await ami.connect()
        for _ in range(2):  # Asterisk takes the operator for busy as long as his like is
            await ami.action("Originate", Channel=one, Application="Queue", Data="operators", Async=True)
        async with asyncio.timeout(patience(20)):
            while "has 2 calls" not in await asyncio.to_thread(hotline.console, "queue show operators"):
                await asyncio.sleep(0.2)
        wants = (*keys("1", "0", "1"), Beep(), Speak(2.6), Press("#"), Hear(), PutDown())
        asking = await hotline.call(*wants, number=number, extension="122")
        assert asking.completed, asking.problem
        case = await hotline.case_of(number)
        async with asyncio.timeout(patience(20)):
            while (row := await town.row(callbacks, number)) is None:
                await asyncio.sleep(0.1)
        assert (row.purpose, row.state, row.attempts) == ("turn", "waiting", 0)
        hotline.server.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(hotline.server.process.wait)
        await hotline.start_server()
        assert number not in town.callee.rung, "somebody is before her"
        await asyncio.to_thread(hotline.console, "channel request hangup all")
        done = await town.until_outcome(number, "talked")
    finally:
        await ami.close()
        hotline.console(f"queue remove member {one} from operators", "channel request hangup all")
    assert (done.state, town.callee.rung[number]) == ("reached", 1)
    assert (case["kind"], case["recordings"][0]["voiced_seconds"] > 1.0) == ("request", True)
