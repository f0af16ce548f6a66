"""Recordings put into words by a program of the installation's own, from the WAV to the suggestion's fate."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands import doctor
from ivr.desk.book.learning import Learning
from ivr.desk.recordings import recognising, transcripts
from ivr.desk.recordings.enclosing import enclose
from ivr.lab.pace import patience
from ivr.loops import transcribing
from ivr.loops.transcribing import TRIES, Transcriber
from ivr.settings import Recognition, Settings
from ivr.speech.recognition import Recogniser, RecognitionError, by_command, by_sherpa
from ivr.store import key_file
from ivr.store.aside import Aside, NoneWorks
from ivr.store.tables import recordings, suggestions
from ivr.voice.actions import KeepWords
from tests.desk.counter import Counter, counter
from tests.desk.office import WEDNESDAY, call, office, opening, words
from tests.fixtures.database import SEED
from tests.fixtures.hotline import write_tone
from tests.fixtures.learned import nothing_learned

# A recogniser with a vocabulary of three and one that no database takes: it listens for tones.
PROGRAM = """
import sys, wave
import numpy as np
WORDS = {400: "سه روز است آب خانه ما قطع است", 600: "برق کوچه ما رفته است", 800: "", 1_200: "چه\\0"}
with wave.open(sys.argv[1], "rb") as sound:
    samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    hz = np.argmax(np.abs(np.fft.rfft(samples))) * sound.getframerate() / len(samples)
heard = [words for tone, words in WORDS.items() if abs(tone - hz) < 20]
if not heard:
    sys.exit(f"{sys.argv[1]}: {hz:.0f} Hz is no word in {sys.argv[2]}")
print(heard[0])
"""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    path = tmp_path / "recogniser.py"
    path.write_text(PROGRAM)
    return [sys.executable, str(path), "{wav}", "{language}"]


async def said(engine: AsyncEngine, folder: Path, hz: float, topic: str = "other.other") -> str:
    """The code of a case in which someone has said a tone."""
    recorded = words()
    write_tone(folder / "recordings" / f"{recorded.name}.wav", hz, 2)
    async with office(engine, folder / recorded.name[-8:]) as desk:
        code = await desk.intake.open_case(call(), opening(recorded, topic=topic))
        await desk.pump.idle()
    return code


def transcriber(engine: AsyncEngine, folder: Path, command: list[str], seconds: float = 20) -> Transcriber:
    recogniser, folder = by_command(command, seconds), folder / "recordings"
    return Transcriber(engine, recogniser, folder, Learning(SEED), lambda: WEDNESDAY, Aside())


async def look(listener: Transcriber, hours: float) -> None:
    """As it looks so many hours later."""
    listener.clock = lambda: WEDNESDAY + timedelta(hours=hours)
    await listener.all()


async def written(at: Counter, code: str) -> str | None:
    text: str | None = (await at.case(code))["recordings"][0]["transcript"]
    return text


async def test_words_are_kept_told_and_asked_for_a_suggestion_that_assigns_nothing(
    engine: AsyncEngine, tmp_path: Path, program: list[str]
) -> None:
    at = await counter(engine)
    water, nothing = await said(engine, tmp_path, 400), await said(engine, tmp_path, 800, "water.bill")
    before = await at.row(water)
    listener = transcriber(engine, tmp_path, program)
    assert [await listener.once() for _ in range(3)] == [True, True, False]
    assert await written(at, water) == "سه روز است آب خانه ما قطع است"
    assert await written(at, nothing) == ""
    last = (await at.case(water))["events"][-1]
    assert (last["what"], last["actor"], last["details"]["characters"]) == ("transcribed", "ivr", 29)
    async with engine.connect() as connection:
        (guess,) = (await connection.execute(select(suggestions))).all()
    assert (guess.source, guess.assigned, guess.top[0]["topic"]) == ("transcript", False, "water.supply")
    after = await at.row(water)
    assert (after.agency, after.topic, after.status) == (before.agency, before.topic, before.status)


@pytest.mark.parametrize("lacks", ["a topic", "a processor", "a suggester"])
async def test_words_are_kept_once_where_nothing_can_be_learned(
    engine: AsyncEngine,
    tmp_path: Path,
    program: list[str],
    lacks: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at, listener = await counter(engine), transcriber(engine, tmp_path, program)
    code = await said(engine, tmp_path, 400)
    if lacks == "a topic":
        listener.learning = nothing_learned(tmp_path)
    else:  # no process begins, or it ends by itself
        monkeypatch.setattr(sys, "executable", "/nowhere" if lacks == "a processor" else "false")
    assert [await listener.once() for _ in range(2)] == [True, False]
    assert await written(at, code) == "سه روز است آب خانه ما قطع است"


@pytest.mark.parametrize(("outcome", "language"), [("hung_up", "fa"), ("lost", "az")])
async def test_words_are_heard_in_the_language_in_which_they_were_said(
    engine: AsyncEngine, tmp_path: Path, program: list[str], outcome: str, language: str
) -> None:
    """Both calls begin in the first language, as all do; whoever opens her case has chosen another."""
    at, listener = await counter(engine), transcriber(engine, tmp_path, program)
    hers, joined = words(), words()
    for recorded, hz in ((hers, 400), (joined, 600)):
        write_tone(tmp_path / "recordings" / f"{recorded.name}.wav", hz, 2)

    async def heard(language: str) -> set[str | None]:
        listener.recogniser = Recogniser({language: program}, 20)
        await listener.all()
        return {each["transcript"] for each in (await at.case(code))["recordings"]}

    async with office(engine, tmp_path / "desk") as desk:
        await desk.intake.call_started(first := call())
        code = await desk.intake.open_case(first, replace(opening(hers), language="az"))
        await desk.pump.idle()
        assert await heard("fa") == {None}
        assert await heard("az") == {"سه روز است آب خانه ما قطع است"}, "while she is in her call"
        again = replace(call(), cases={code: str((await at.row(code)).id)})
        await desk.intake.call_started(again)
        await desk.intake.keep_words(again, KeepWords(code, joined, instead=False))
        await desk.pump.idle()
        assert None in await heard(""), "nobody knows yet"
        await desk.intake.call_ended(again, outcome, WEDNESDAY, ())
        await desk.pump.idle()
    other = {"fa": "az", "az": "fa"}[language]
    assert None in await heard(other) and "برق کوچه ما رفته است" in await heard(language)


async def test_words_in_an_envelope_are_lent_to_the_program_and_not_left_about(
    engine: AsyncEngine, tmp_path: Path, program: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    at = await counter(engine)
    code, folder = await said(engine, tmp_path, 400), tmp_path / "recordings"
    (path,) = folder.rglob("*.wav")
    key_file.make(tmp_path / "keys" / "recordings")
    content, name = path.read_bytes(), path.relative_to(folder).with_suffix("").as_posix()
    assert enclose(folder, name, hashlib.sha256(content).hexdigest(), timedelta())
    (key := tmp_path / "keys" / "recordings").rename(tmp_path / "away")
    listener = transcriber(engine, tmp_path, program)
    assert await listener.once() and "closed with the key" in caplog.text
    (tmp_path / "away").rename(key)
    await listener.all()
    assert await written(at, code) == "سه روز است آب خانه ما قطع است"
    assert not [*tmp_path.rglob("*.wav")]


def test_of_the_words_that_are_lent_nothing_is_left_by_a_process_that_is_killed(tmp_path: Path) -> None:
    write_tone((path := tmp_path / "recordings" / "words.wav"), 400, 2)
    key_file.make(tmp_path / "keys" / "recordings")
    content = path.read_bytes()
    assert enclose(path.parent, "words", hashlib.sha256(content).hexdigest(), timedelta())
    code = """
import hashlib, os, signal, subprocess, sys
from pathlib import Path
from ivr.store.recording_files import lent
with lent(Path(sys.argv[1]), "words") as path:
    seen = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True)
    print(path, seen.stdout.split()[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    its = subprocess.run([sys.executable, "-c", code, str(path.parent)], stdout=PIPE, text=True)
    lent, seen = its.stdout.split()
    try:
        assert its.returncode == -signal.SIGKILL and seen == hashlib.sha256(content).hexdigest()
        assert not Path(lent).exists()
    finally:
        Path(lent).unlink()
        Path(lent).parent.rmdir()


async def test_words_that_asterisk_did_not_live_to_close_are_heard_as_far_as_they_go(
    engine: AsyncEngine, tmp_path: Path, program: list[str]
) -> None:
    at = await counter(engine)
    code = await said(engine, tmp_path, 400)
    (path,) = (tmp_path / "recordings").rglob("*.wav")
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + (36).to_bytes(4, "little") + whole[8:40] + bytes(4) + whole[44:])
    left = path.read_bytes()
    assert await transcriber(engine, tmp_path, program).once()
    assert await written(at, code) == "سه روز است آب خانه ما قطع است" and path.read_bytes() == left


async def test_several_workers_hear_each_once_and_what_fails_keeps_nobody_waiting(
    engine: AsyncEngine, tmp_path: Path, program: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    at = await counter(engine)
    codes = [
        await said(engine, tmp_path, hz, topic) for hz, topic in ((600, "water.bill"), (400, "energy.gas"))
    ]
    bad = await said(engine, tmp_path, 1_000, "water.supply")

    async def hear(listener: Transcriber) -> int:
        done = 0
        while await listener.once():
            done += 1
        return done

    await asyncio.gather(*(hear(transcriber(engine, tmp_path, program)) for _ in range(3)))
    assert [await written(at, code) for code in codes] == [
        "برق کوچه ما رفته است",
        "سه روز است آب خانه ما قطع است",
    ]
    assert await written(at, bad) is None and "1000 Hz is no word in fa" in caplog.text
    assert caplog.text.count("was not put into words") <= 3 * TRIES
    for code in codes:
        story = [event["what"] for event in (await at.case(code))["events"]]
        assert story.count("transcribed") == 1


async def test_while_a_recogniser_listens_the_books_can_be_upgraded_and_no_other_worker_takes_it(
    engine: AsyncEngine, tmp_path: Path, program: list[str]
) -> None:
    at = await counter(engine)
    code, others = await said(engine, tmp_path, 400), transcriber(engine, tmp_path, program)
    listener, slow = transcriber(engine, tmp_path, program), Slow({"": program}, 20)
    listener.recogniser = slow
    listening = asyncio.create_task(listener.once())
    await slow.begun.wait()
    assert not await others.once()
    async with engine.begin() as upgrading:
        await upgrading.execute(text("LOCK TABLE cases, recordings IN ACCESS EXCLUSIVE MODE NOWAIT"))
    slow.go_on.set()
    assert await listening and await written(at, code)
    async with engine.connect() as connection:
        held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
                    " (SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
        assert (await connection.execute(held)).scalar_one() == 0, "by a connection that others use again"


@dataclass(frozen=True)
class Slow(Recogniser):
    """A recogniser that takes its time."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def words(self, wav: Path, language: str) -> str:
        self.begun.set()
        await self.go_on.wait()
        return await super().words(wav, language)


async def test_words_that_the_books_refuse_keep_nobody_waiting_and_are_not_tried_for_ever(
    engine: AsyncEngine, tmp_path: Path, program: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    at = await counter(engine)
    code, bad = await said(engine, tmp_path, 400), await said(engine, tmp_path, 1_200, "water.bill")
    listener = transcriber(engine, tmp_path, program)
    for hours in range(TRIES + 1):
        await look(listener, hours)
    assert await written(at, code) == "سه روز است آب خانه ما قطع است" and await written(at, bad) is None
    assert caplog.text.count("was not put into words") == TRIES
    assert "UPDATE recordings" not in caplog.text, "nor what was said"


async def test_a_recording_over_which_the_recogniser_stumbles_is_not_tried_for_ever(
    engine: AsyncEngine, tmp_path: Path, program: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    at = await counter(engine)
    code, bad = await said(engine, tmp_path, 400), await said(engine, tmp_path, 600, "water.bill")
    listener = transcriber(engine, tmp_path, program)
    listener.recogniser = Stumbling(listener.recogniser.commands)
    async with asyncio.timeout(patience(40)):
        for hours in range(TRIES + 1):
            await look(listener, hours)
    assert await written(at, code) == "سه روز است آب خانه ما قطع است" and await written(at, bad) is None
    assert caplog.text.count("was not put into words") == TRIES


async def test_an_outage_costs_the_few_that_wait_an_hour_and_not_their_words(
    engine: AsyncEngine, tmp_path: Path, program: list[str]
) -> None:
    at = await counter(engine)
    codes = [
        await said(engine, tmp_path, 400, topic) for topic in ("water.bill", "energy.gas", "water.supply")
    ]
    listener = transcriber(engine, tmp_path, program)
    (there := tmp_path / "recogniser.py").rename(away := tmp_path / "away")
    for _ in range(TRIES + 1):
        await listener.all()
    told = "transcriber: 3 put aside, which can't be worked on (RecognitionError); the log says why"
    assert listener.aside.troubles == [told]
    away.rename(there)
    await look(listener, 1)
    assert {await written(at, code) for code in codes} == {"سه روز است آب خانه ما قطع است"}
    assert listener.aside.troubles == []


async def test_a_recogniser_that_is_away_is_told_of_and_no_recording_is_given_up_for_it(
    engine: AsyncEngine, tmp_path: Path, program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcribing, "MANY", 3)
    at = await counter(engine)
    codes = [
        await said(engine, tmp_path, 400, topic) for topic in ("water.bill", "energy.gas", "water.supply")
    ]
    listener = transcriber(engine, tmp_path, program)
    (there := tmp_path / "recogniser.py").rename(away := tmp_path / "away")
    for _ in range(TRIES + 1):
        with pytest.raises(NoneWorks):
            await listener.all()
    away.rename(there)
    await listener.all()
    assert {await written(at, code) for code in codes} == {"سه روز است آب خانه ما قطع است"}


async def test_what_another_machine_recorded_is_left_to_it_and_keeps_none_of_ours_waiting(
    engine: AsyncEngine, tmp_path: Path, program: list[str], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(recognising, "PAGE", 2)
    monkeypatch.setattr(transcribing, "MANY", 2)
    at, topics = await counter(engine), ("energy.gas", "water.supply", "other.other")
    mine = await said(engine, tmp_path, 400, "water.bill")
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(recorded_at=WEDNESDAY - timedelta(hours=1)))
    (tmp_path / "other").mkdir()
    theirs = [await said(engine, tmp_path / "other", 600, topic) for topic in topics]
    here, there = transcriber(engine, tmp_path, program), transcriber(engine, tmp_path / "other", program)
    await here.all()
    assert await written(at, mine) == "سه روز است آب خانه ما قطع است"
    assert {await written(at, code) for code in theirs} == {None}
    assert "was not put into words" not in caplog.text and here.aside.troubles == []
    await there.all()
    assert {await written(at, code) for code in theirs} == {"برق کوچه ما رفته است"}


async def old_ones_elsewhere(engine: AsyncEngine, folder: Path, *here: tuple[float, str]) -> list[str]:
    """Six, in pages of two, and the codes of so many with us, as old as they."""
    (folder / "other").mkdir()
    topics = ("energy.gas", "water.supply", "other.other", "city.street", "city.fire", "roads.rural")
    for topic in topics:
        await said(engine, folder / "other", 600, topic)
    codes = [await said(engine, folder, hz, topic) for hz, topic in here]
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(recorded_at=WEDNESDAY - timedelta(days=30)))
    return codes


def pages_of(engine: AsyncEngine) -> list[str]:
    """Each that is asked for from now on."""
    pages = list[str]()

    def note(*its: Any) -> None:
        if "ORDER BY recordings.recorded_at DESC" in its[2]:
            pages.append(its[2])

    listen(engine.sync_engine, "before_cursor_execute", note)
    return pages


async def test_what_lies_elsewhere_is_walked_through_once_an_hour_and_what_is_new_is_heard_at_once(
    engine: AsyncEngine, tmp_path: Path, program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognising, "PAGE", 2)
    at, listener = await counter(engine), transcriber(engine, tmp_path, program)
    await old_ones_elsewhere(engine, tmp_path)
    pages = pages_of(engine)

    async def walked(minutes: int) -> int:
        pages.clear()
        await look(listener, minutes / 60)
        return len(pages)

    assert await walked(0) == 4
    new = await said(engine, tmp_path, 400, "water.bill")
    assert await walked(1) == 2 and await written(at, new), "to find it, and to find no other"
    shutil.copytree(tmp_path / "other" / "recordings", tmp_path / "recordings", dirs_exist_ok=True)
    assert await walked(59) == 1
    assert await walked(60) > 4
    async with engine.connect() as connection:
        left = await connection.execute(select(recordings.c.name).where(recordings.c.transcript.is_(None)))
        assert left.all() == [], "what came here late, too"


async def test_old_ones_that_a_recogniser_which_is_away_has_failed_are_tried_again_without_a_walk(
    engine: AsyncEngine, tmp_path: Path, program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognising, "PAGE", 2)
    monkeypatch.setattr(transcribing, "MANY", 2)
    at, listener = await counter(engine), transcriber(engine, tmp_path, program)
    codes = await old_ones_elsewhere(engine, tmp_path, (400, "water.bill"), (400, "energy.fuel"))
    (there := tmp_path / "recogniser.py").rename(away := tmp_path / "away")
    with pytest.raises(NoneWorks):
        await listener.all()
    pages = pages_of(engine)
    with pytest.raises(NoneWorks):
        await listener.all()
    assert len(pages) == 4 + 1 + 2, "a walk, and each of the two by its name"
    pages.clear()
    with pytest.raises(NoneWorks):
        await listener.all()
    assert len(pages) == 2 + 2
    away.rename(there)
    await listener.all()
    assert {await written(at, code) for code in codes} == {"سه روز است آب خانه ما قطع است"}


async def test_as_many_as_no_recogniser_understands_keep_no_older_one_waiting_and_are_given_up(
    engine: AsyncEngine, tmp_path: Path, program: list[str], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(transcribing, "MANY", 2)
    at = await counter(engine)
    bad, listener = ("water.bill", "energy.gas"), transcriber(engine, tmp_path, program)
    code = await said(engine, tmp_path, 400, "water.supply")
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(recorded_at=WEDNESDAY - timedelta(hours=1)))
    for topic in bad:
        await said(engine, tmp_path, 1_000, topic)
    with pytest.raises(NoneWorks):
        await listener.all()
    await listener.all()
    assert await written(at, code) == "سه روز است آب خانه ما قطع است"
    for hours in range(1, TRIES):
        with pytest.raises(NoneWorks):
            await look(listener, hours)
        code = await said(engine, tmp_path, 400, "water.supply")
        await listener.all()
        assert await written(at, code)
    caplog.clear()
    await look(listener, TRIES)
    assert "was not put into words" not in caplog.text


class Stumbling(Recogniser):
    """A recogniser that knows no electricity."""

    async def words(self, wav: Path, language: str) -> str:
        found = await super().words(wav, language)
        if "برق" in found:
            raise RuntimeError("tensor of tomorrow")
        return found


async def test_what_a_person_wrote_or_retention_took_is_left_alone(
    engine: AsyncEngine, tmp_path: Path, program: list[str]
) -> None:
    at = await counter(engine)
    code = await said(engine, tmp_path, 400)
    name = (await at.case(code))["recordings"][0]["path"].removesuffix(".wav")
    await transcripts.write(engine, name, "خودم شنیدم", "desk/karimi", WEDNESDAY, 0)
    listener = transcriber(engine, tmp_path, program)
    assert not await listener.once() and await written(at, code) == "خودم شنیدم"
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(transcript=None, removed_at=WEDNESDAY))
    assert not await listener.once()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["/no/such/program", "{wav}"], "can't be run: No such file"),
        ([sys.executable, "-c", "import time; time.sleep(60)", "{wav}"], "not finished in 0.5 s"),
        ([sys.executable, "-c", "import sys; sys.exit('no model here')", "{wav}"], "no model here"),
        ([sys.executable, "-c", "raise SystemExit(3)", "{wav}"], "ended with 3"),
    ],
)
async def test_a_recogniser_that_fails_says_why(tmp_path: Path, command: list[str], why: str) -> None:
    with pytest.raises(RecognitionError, match=why):
        await by_command(command, 0.5 if "sleep" in str(command) else 20).words(tmp_path / "x.wav", "fa")


async def test_a_program_that_is_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    shell = f"sleep 60 & echo $! > {marker}; wait"
    with pytest.raises(RecognitionError):
        await by_command(["sh", "-c", shell, "{wav}"], 3.0).words(tmp_path / "x.wav", "fa")
    child = int(marker.read_text())
    async with asyncio.timeout(patience(20)):
        while (
            Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]
        ):
            await asyncio.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.killpg(child, 0)


async def test_without_a_model_sherpa_says_what_is_missing(tmp_path: Path) -> None:
    recogniser = by_sherpa({"fa": tmp_path}, 60)
    write_tone(tmp_path / "x.wav", 400, 1)
    with pytest.raises(RecognitionError, match="no recogniser is configured for az"):
        await recogniser.words(tmp_path / "x.wav", "az")
    with pytest.raises(RecognitionError, match=r"holds no \*encoder\*.onnx"):
        await recogniser.words(tmp_path / "x.wav", "fa")
    for part in ("encoder", "decoder", "joiner"):
        (tmp_path / f"{part}.onnx").write_bytes(b"no model")
    with pytest.raises(RecognitionError, match=r"tokens.txt is not there"):
        await recogniser.words(tmp_path / "x.wav", "fa")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "off: nothing is put into words"),
        ({"by": "command", "command": ["/no/such/program", "{wav}"]}, "/no/such/program is no program"),
        ({"by": "command", "command": [sys.executable, "{wav}"]}, f"by {sys.executable}"),
        ({"by": "sherpa", "models": {"fa": "/no/models"}}, "/no/models holds no *encoder*.onnx"),
    ],
)
async def test_the_doctor_says_whether_it_can_be_done(given: dict[str, Any], found: str) -> None:
    settings = Settings(recognition=Recognition.model_validate(given))
    finding = await doctor._recognition(settings)  # this check alone: all of them take seconds
    assert found in finding.found and finding.ok == ("no" not in found.split()), finding


@pytest.mark.parametrize("given", [{"by": "sherpa"}, {"by": "command", "command": ["x"]}, {"by": "magic"}])
def test_half_a_setting_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Recognition.model_validate(given)
    assert Recognition().by == ""
