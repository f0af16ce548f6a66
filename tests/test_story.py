"""One citizen's whole story through real Asterisk: what she heard, and what was done.

It stands in `tests/golden/story.transcript`.
The server runs in this process, by a clock of ours that jumps from day to day. `GOLDEN=record` writes anew.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import astuple
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from persiantools.jdatetime import JalaliDate

from ivr.desk.book.book import Page
from ivr.desk.case import answers, referring
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.reading import as_json
from ivr.desk.refusals import Refused
from ivr.lab.asterisk import Program
from ivr.lab.caller import Beep, CallerReport, CallerStep, Listen, Press, PutDown, Speak, StayOn
from ivr.lab.pace import patience
from ivr.speech.answer_sound import prepare
from ivr.speech.telephone import read
from tests.desk.keeping.test_verify import findings
from tests.fixtures.ears import SOUND, decode, transcript
from tests.fixtures.hotline import fresh_number, write_tone
from tests.fixtures.province import answer, read_page
from tests.fixtures.travelling import QUIET, ZONE, Travelling, hears_then, travelling

GOLDEN = Path(__file__).parent / "golden" / "story.transcript"
TOLD = ("from", "agency", "reason", "returns", "level", "rung", "name", "text", "closure", "score")


class Story:
    """The hotline, one citizen, and what is written down of the two."""

    def __init__(self, its: Travelling) -> None:
        self.pbx, self.callee, self.engine, self.clock, self.chords = (
            its.pbx, its.callee, its.engine, its.clock, its.chords,
        )  # fmt: skip
        self.number, self.code = fresh_number(), ""
        self.lines: list[str] = []
        self.outcomes: list[CallerReport] = []
        self._seq = 0

    def title(self, text: str) -> None:
        now = self.clock()
        day = JalaliDate(now.date()).strftime("%A %Y/%m/%d")  # type: ignore[no-untyped-call]
        self.lines += ["", f"{day} {now:%H:%M}: {text}"]

    async def calls(self, *steps: CallerStep) -> CallerReport:
        outcome = await self.pbx.call(*steps, number=self.number)
        assert outcome.completed, outcome.problem
        return outcome

    def hears(self, outcome: CallerReport) -> None:
        self.outcomes.append(outcome)
        self.lines += transcript(outcome, decode(outcome, self.chords), self.code)

    async def is_called(self, *steps: CallerStep) -> None:
        """Until our call to her is over, in which she does this."""
        self.callee.outcomes.pop(self.number, None)
        self.callee.answers[self.number] = steps
        await self.callee.until_over(self.number)
        outcome = self.callee.outcomes[self.number]
        assert outcome.completed, outcome.problem
        self.hears(outcome)

    async def page(self) -> Page:
        async with self.engine.connect() as connection:
            return await read_page(connection)

    async def does(self, what: Any, by: str, reason: str = "", *more: str) -> None:
        page = await self.page()
        ask = Instruction(self.code, actor_named(page, by), reason, self.clock())
        try:
            await what(self.engine, page, ask, *more)
        except Refused as refusal:
            self.lines.append(f"  refused: {str(refusal).replace(self.code, 'CODE')}")

    async def until(self, status: str, event: str) -> dict[str, Any]:
        """Until the books have it; then what is new in them is written down."""
        async with asyncio.timeout(patience(20)):
            while True:
                case = await as_json.case_json(self.engine, self.code)
                if case and case["status"] == status and case["events"][-1]["what"] == event:
                    break
                await asyncio.sleep(0.05)
        for each in case["events"][self._seq :]:
            said = ", ".join(f"{name} {each['details'][name]}" for name in TOLD if name in each["details"])
            self.lines.append(f"  {each['what']} by {each['actor']}{': ' if said else ''}{said}")
        self._seq = len(case["events"])
        due = datetime.fromisoformat(case["due_at"])
        self.lines.append(f"  = {case['status']}, {case['agency']}, {case['level']}, due {due:%Y-%m-%d}")
        return case


@pytest.fixture
async def story(
    programs: tuple[Program, Program], postgres_url: str, template: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Story]:
    start = datetime(2026, 11, 25, 11, 30, tzinfo=ZONE)
    async with travelling(programs, postgres_url, template, monkeypatch, start) as its:
        yield Story(its)


def tone(hz: float, seconds: float) -> NDArray[np.int16]:
    turns = 2 * np.pi * hz * np.arange(round(8_000 * seconds)) / 8_000
    return np.asarray(6_000 * np.sin(turns), np.int16)


def holds_tone(path: Path, hz: float, seconds: float) -> bool:
    """Whether most of a recording is that tone: her words, and nobody else's."""
    samples = read(path)[0].astype(float)
    turns = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / 8_000)
    power = 2 * abs(samples @ turns) ** 2 / len(samples)
    return bool(len(samples) > 8_000 * seconds * 0.9 and power > 0.7 * float(np.sum(samples**2)))


@pytest.mark.timeout(900)  # five calls, each of which she hears to its end
async def test_a_case_from_her_call_to_her_word_that_it_is_solved(story: Story, tmp_path: Path) -> None:
    saturday = date(2026, 11, 28)
    story.title("she calls 111")
    called = await story.calls(
        *hears_then("1", "1", "1", "1", "04"), Beep(), Speak(samples=tone(450, 4)), Press("#"),
        *hears_then("1"), StayOn(),
    )  # fmt: skip
    async with asyncio.timeout(patience(20)):
        while not (opened := await as_json.cases(story.engine)):
            await asyncio.sleep(0.05)
    story.code = opened[0]["code"]
    story.hears(called)  # its digits were heard twice, or CODE stands nowhere in what was written down
    await story.until("referred", "referred")

    story.clock.at(saturday, 9)
    story.title("“not ours”, says one agency after the other")
    await story.does(referring.give_back, "abfa/ahmadi", "کار شهرداری است")
    await story.until("returned", "returned")
    story.clock.at(saturday, 10)
    await story.does(referring.refer, "desk/karimi", "", "shahrdari_ahar")
    await story.until("referred", "referred")
    story.clock.at(saturday, 13)
    await story.does(referring.give_back, "shahrdari_ahar", "لوله از آبفاست")
    await story.until("returned", "returned")
    await story.does(referring.refer, "desk/karimi", "", "abfa")

    story.title("she dials 111 and asks")
    story.hears(await story.calls(*hears_then("1", "6", story.code), Listen(QUIET), PutDown()))

    story.clock.at(saturday, 14)
    story.title("the desk rules")
    await story.does(referring.rule, "desk/karimi", "آیین‌نامه، مادهٔ ۵", "shahrdari_ahar")
    await story.until("referred", "ruled")
    await story.does(referring.give_back, "shahrdari_ahar", "باز هم نه")

    story.clock.at(saturday + timedelta(days=1), 10)
    story.title("an answer, and our call to her")
    await story.does(referring.accept, "shahrdari_ahar")
    await story.does(answers.give, "shahrdari_ahar", "", "لولهٔ محله تعمیر شد و آب وصل است.")
    await story.is_called(
        *hears_then("2"), Beep(), Speak(samples=tone(550, 3)), Press("#"), Listen(QUIET), StayOn()
    )
    reopened = await story.until("reopened", "words_added")

    story.clock.at(
        saturday + timedelta(days=7), 9
    )  # it had two working days more, and the rung one behind them
    story.title("the deadline has passed, and nobody answers")
    await story.until("reopened", "escalated")

    story.clock.at(saturday + timedelta(days=7), 11)
    story.title("an answer in a person's voice, and our call to her")
    voice = spoken(story, tmp_path)
    await answer(story.engine, story.code, "shahrdari_ahar/modir", "", story.clock(), voice=voice)
    await story.is_called(*hears_then("1", "5"), Listen(QUIET), StayOn())
    await story.until("closed", "rated")

    check_golden("\n".join(story.lines).lstrip("\n") + "\n")
    await check_books(story, tmp_path)
    recordings = story.pbx.settings.recordings
    first, second = (recordings / each["path"] for each in reopened["recordings"])
    assert holds_tone(first, 450, 4) and holds_tone(second, 550, 3), "each time it was she who was recorded"
    heard = [each.samples for each in decode(story.outcomes[2], story.chords) if each.what == SOUND]
    assert len(heard) == 1 and is_spoken_answer(heard[0], story.pbx.settings.sounds)


def spoken(story: Story, folder: Path) -> SpokenAnswer:
    """An answer that an officer has recorded: a tone that no prompt has."""
    write_tone(folder / "answer.wav", 800.0, 2.5)
    return SpokenAnswer(*astuple(prepare(folder / "answer.wav", story.pbx.settings.recordings)))


def is_spoken_answer(heard: NDArray[np.int16], sounds: Path) -> bool:
    """Whether the voice in the call is the only answer that was synthesised, sample by sample."""
    (made,) = (sounds / "spoken" / "fa").rglob("*.wav")
    sound, heard_ = read(made)[0].astype(float), heard.astype(float)
    size = len(sound) + len(heard_)
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(heard_, size)), size).max()
    return bool(match > 0.9 * np.sqrt(np.sum(sound**2) * np.sum(heard_**2)))


async def check_books(story: Story, folder: Path) -> None:
    """The ruling binds the next caller too; chain, clock and body hold."""
    page = await story.page()
    route = page.rules.route("complaint", "water.supply", "ahar")
    assert route.agency == "shahrdari_ahar", "without the ruling it is abfa"
    assert await prove(story.engine, page, story.clock() + GRACE) == []
    shutil.copytree(story.pbx.settings.recordings, folder / "recordings")
    assert await findings(story.engine, folder, story.code) == []


def check_golden(text: str) -> None:
    if os.environ.get("GOLDEN") == "record":
        GOLDEN.write_text(text, encoding="utf-8")
        pytest.skip("recorded; read it, then run again without GOLDEN=record")
    assert text == GOLDEN.read_text(encoding="utf-8")
