"""A call that can't go on in the middle: the words that are in no case yet come to the call's case."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import shlex
import shutil
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk import recording as recordings
from ivr.asterisk.channel import Channel
from ivr.asterisk.server import AgiServer
from ivr.desk.book.book import Limits
from ivr.desk.call import intake
from ivr.desk.editing.seeding import directory_from
from ivr.desk.facts.reconcile import Pass, reconcile
from ivr.desk.facts.strays import Shelf
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.loops.carrying import OpenLine, carry
from ivr.settings import ROOT, Settings
from ivr.store.facts import CallEndedFact, CaseOpenedFact, RecordingBegunFact, is_patient
from ivr.store.journal import Position, pen
from ivr.store.tables import cases
from ivr.voice import talk
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from tests.asterisk.pretend import GoesOn, Pretend, no_speech, prompt_file
from tests.desk.call.test_callbacks import NOON, NUMBER, answered, claim, row
from tests.desk.office import WEDNESDAY, Office, office, opening
from tests.desk.office import call as of_someone
from tests.fixtures.province import CONVENTIONS, answer
from tests.loops.carried import carried

TREE = ROOT / "dialplan" / "menus" / "111.yaml"
TO_RECORD, ADD = "1111" + "01" + "-", "4" + "-"
SECONDS = 8_000  # samples
AZ = b"""\
menu: "az"
languages: [az]
steps:
  hello: {type: say, prompt: [welcome], go: bye}
  bye: {type: end, prompt: [goodbye]}
"""
WORDS_FIRST = TREE.with_name("111-words-first.yaml")


def line_of(desk: Office, menu: Menu) -> OpenLine:
    directory = directory_from(Settings().seed_path, CONVENTIONS)
    return OpenLine(lambda *_: menu, directory, desk.intake, lambda: WEDNESDAY)


def tree(path: Path = TREE) -> Menu:
    return parse(path.read_bytes(), path.name, languages=Settings().calls.languages)


async def test_further_words_join_the_case_of_the_first_ones(engine: AsyncEngine, tmp_path: Path) -> None:
    settings = Settings(state=tmp_path)
    menu = parse(TREE.read_bytes(), TREE.name, languages=settings.calls.languages)

    def sounds(prompt: str, language: str) -> str:
        if prompt == "record.too_short":
            raise RuntimeError("something of ours is broken")
        return prompt_file(prompt, language)

    async with office(engine, tmp_path, pumping=False) as desk:  # the books don't know of her case yet
        directory = directory_from(settings.seed_path, CONVENTIONS)
        line = OpenLine(lambda *_: menu, directory, desk.intake, lambda: WEDNESDAY)
        says = [3 * SECONDS, round(1.5 * SECONDS)]
        call = await carried(line, Pretend(keys=TO_RECORD + ADD, says=says), tmp_path, sounds)
        assert "IVR_DONE" not in call.variables and call.variables["IVR_KEPT"] == "1"
        pumping = asyncio.create_task(desk.pump.run())
        await desk.pump.idle()
        pumping.cancel()
    [case] = await as_json.cases(engine, limit=5)
    assert sorted(recording["seconds"] for recording in case["recordings"]) == [1.5, 3.0]


@dataclass
class Witness(Pretend):
    """Keeps what a kill -9 of the server would leave, each time when Asterisk has begun to record."""

    state: Path = Path()
    left: list[Path] = field(default_factory=list)

    def _record(self, path: Path, most: int, silence: int, hanging_up: bool) -> str:
        self.left.append(self.state.with_name(f"left-{len(self.left)}"))
        shutil.copytree(self.state / "journal", self.left[-1] / "journal")
        reply = super()._record(path, most, silence, hanging_up)  # the pretended telephone speaks on
        shutil.copytree(self.state / "recordings", self.left[-1] / "recordings")
        return reply


@pytest.mark.parametrize(("recording", "found"), [(0, Pass(cases=1)), (1, Pass(added=1))])
async def test_a_server_killed_as_a_recording_begins_leaves_a_journal_that_names_it(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: int, found: Pass
) -> None:
    real = pen._write_all  # a disk that fails between two writes

    def slow(fd: int, content: bytes) -> None:
        time.sleep(0.05)
        real(fd, content)

    monkeypatch.setattr(pen, "_write_all", slow)  # a slow disk …
    menu = parse(TREE.read_bytes(), TREE.name, languages=Settings().calls.languages)
    state, busy = tmp_path / "state", set[asyncio.Task[None]]()
    words = state / "recordings"

    async with office(engine, state, pumping=False) as desk:
        directory = directory_from(Settings().seed_path, CONVENTIONS)
        line = OpenLine(lambda *_: menu, directory, desk.intake, lambda: WEDNESDAY)

        def sounds(prompt: str, language: str) -> str:
            busy.add(asyncio.create_task(desk.journal.flush()))  # … which other calls keep busy
            return prompt_file(prompt, language)

        call = Witness(keys=TO_RECORD + ADD, says=[3 * SECONDS, 2 * SECONDS], state=state)
        await carried(line, call, words, sounds)
        await asyncio.gather(*busy)
    async with office(engine, left := call.left[recording]) as desk:
        await desk.pump.idle()
        shelf = Shelf(engine, desk.book, left / "recordings", left)
        assert await reconcile(shelf, own=desk.journal, settled=0) == found
    [case] = await as_json.cases(engine, limit=5)
    assert (len(case["recordings"]), case["caller"]) == (recording + 1, "02155500111")


async def test_who_says_not_solved_on_a_disk_that_hangs_is_told_the_truth_in_time_and_it_counts_later(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    menu = parse(TREE.read_bytes(), TREE.name, languages=Settings().calls.languages)
    real, well = pen._write_all, threading.Event()  # a disk that sleeps between two writes

    def asleep(fd: int, content: bytes) -> None:
        well.wait(patience(60))
        real(fd, content)

    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(of_someone("02155500111"), opening())
        await desk.pump.idle()
        await answer(engine, code, "abfa", "آب وصل شد.")
        directory = directory_from(Settings().seed_path, CONVENTIONS)
        line = OpenLine(lambda *_: menu, directory, desk.intake, lambda: WEDNESDAY)
        monkeypatch.setattr(pen, "_write_all", asleep)
        monkeypatch.setattr(intake, "JOURNAL_SECONDS", 0.2)
        try:
            call = await carried(line, Pretend(keys=f"16{code}-2"), tmp_path / "recordings")
        finally:
            well.set()
        assert "/sounds/verdict.unsure" in call.played and "IVR_DONE" in call.variables
        assert "/sounds/verdict.why" not in call.played and "/sounds/verdict.noted" not in call.played
        await desk.journal.flush()
        await desk.pump.idle()
        case = await as_json.case_json(engine, code)
        assert case is not None and case["status"] == "reopened"


async def test_the_journal_names_a_recording_with_what_was_chosen_last(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    menu = parse(TREE.read_bytes(), TREE.name, languages=Settings().calls.languages)
    state = tmp_path / "state"
    async with office(engine, state, pumping=False) as desk:
        directory = directory_from(Settings().seed_path, CONVENTIONS)
        line = OpenLine(lambda *_: menu, directory, desk.intake, lambda: WEDNESDAY)
        # The first # ends the number; at the second she goes back to the counties, and takes another one.
        call = Pretend(keys="111101" + "##" + "02" + "-", says=[3 * SECONDS])
        await carried(line, call, state / "recordings")
        facts, _ = desk.journal.read(Position())
    begun = [fact for fact in facts if isinstance(fact, RecordingBegunFact)]
    [opened] = [fact for fact in facts if isinstance(fact, CaseOpenedFact)]
    assert len({fact.name for fact in begun}) == 2 and begun[0].county != begun[1].county
    assert begun[1].name == opened.recordings[0].name and begun[1].county == opened.county


async def test_words_with_which_asterisk_goes_on_as_we_end_are_whole_in_their_case(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "GROWS_SECONDS", 0.2)
    state, call = tmp_path / "state", GoesOn(keys=TO_RECORD)
    words = state / "recordings"
    async with office(engine, state) as desk:
        line = line_of(desk, tree())
        server = AgiServer(
            "127.0.0.1",
            0,
            answer=lambda its: carry(
                line, Channel(its, sounds=prompt_file, recordings=words, speak=no_speech)
            ),
        )
        await server.start()
        speaking = asyncio.create_task(call.run(server.port))
        async with asyncio.timeout(patience(20)):
            await call.begun.wait()
        await server.close()  # as at a drain's end
        call.through.set()
        await speaking
        await desk.pump.idle()
        assert await as_json.cases(engine) == [], "half of what she says is no recording"
        shelf = Shelf(engine, desk.book, words, state)
        found = await reconcile(shelf, own=desk.journal, live=desk.intake.live, settled=0)
    assert found == Pass(cases=1)
    [case] = await as_json.cases(engine)
    [its] = case["recordings"]
    whole = (words / its["path"]).read_bytes()
    assert its["sha256"] == hashlib.sha256(whole).hexdigest()
    assert (case["kind"], case["county"], case["caller"]) == ("complaint", "tabriz", "02155500111")


async def test_the_dialplan_knows_the_first_language_of_a_tree_for_a_number_of_its_own(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    theirs = Pretend(keys="1" * 9)
    async with office(engine, tmp_path) as desk:
        await carried(line_of(desk, parse(AZ, "m.yaml")), theirs, tmp_path / "recordings")
    assert theirs.variables["IVR_LANGUAGE"] == "az"


@pytest.mark.parametrize(("language", "told"), [("fa", None), ("az", "az")])
async def test_the_dialplan_apologises_in_her_language_on_a_call_of_ours_too(
    engine: AsyncEngine, tmp_path: Path, language: str, told: str | None
) -> None:
    async with office(engine, tmp_path) as desk:
        hers = of_someone("09141234567")
        code = await desk.intake.open_case(hers, replace(opening(), language=language))
        await desk.intake.call_ended(hers, "completed", NOON, ())
        await desk.journal.flush()  # nobody waits for the end of a call
        await desk.pump.idle()
        await answer(engine, code, "abfa", "آب وصل شد.", NOON)
        placing = await claim(engine)
        assert placing is not None
        ours = Pretend(arguments=("callback", str(placing.id)))
        await carried(line_of(desk, tree()), ours, tmp_path / "recordings")
    assert ours.variables.get("IVR_LANGUAGE") == told and "/sounds/callback.greeting" in ours.played


@pytest.mark.parametrize(("start", "keys"), [("language", "11-" + "1101"), ("record", "-" + "1101")])
async def test_whose_words_come_first_could_hear_the_code_of_her_case_from_the_dialplan(
    engine: AsyncEngine, tmp_path: Path, start: str, keys: str
) -> None:
    async with office(engine, tmp_path) as desk:
        line = line_of(desk, replace(tree(WORDS_FIRST), start=start))
        call = await carried(line, Pretend(keys=keys + "-"), tmp_path / "recordings")
        await desk.pump.idle()
    [case] = await as_json.cases(engine)
    code, _, topic, county = call.variables["IVR_CHOSEN"].split("~")
    assert (code, topic, county) == (case["code"], "water.supply", "tabriz")
    assert call.variables["IVR_KEPT"] == "1"


async def test_who_joins_an_open_case_hears_no_code_from_the_dialplan_that_opens_nothing(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "TWICE_SECONDS", 0.0)  # nothing takes time on a pretended Asterisk
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(of_someone("02155500111"), opening(county="tabriz"))
        await desk.pump.idle()
        desk.book.conventions = replace(CONVENTIONS, limits=Limits(repeat_days=10))
        await desk.book.load()
        call = Pretend(keys="1111" + "1" + "1" + "-")  # her county is offered, and it is that matter
        await carried(line_of(desk, tree()), call, tmp_path / "recordings")
        await desk.pump.idle()
    [case] = await as_json.cases(engine)
    assert len(case["recordings"]) == 2 and call.variables["IVR_KEPT"] == "1"
    assert call.variables["IVR_CHOSEN"] == "~complaint~water.supply~tabriz"
    before = [line for line in call.commands if "IVR_CHOSEN" in line][-2]
    assert "~complaint~water.supply~tabriz" in before and " ~" not in before, "one had been set aside"


async def test_whose_answer_can_t_be_spoken_to_its_end_is_told_so_and_not_asked_about_silence(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    async with engine.begin() as connection:
        await connection.execute(update(cases).values(answer="آب محلهٔ شما وصل شد. " * 70))
    made = list[str]()

    async def all_but_its_end(words: str, language: str) -> str | None:
        if words not in made:
            made.append(words)
        return None if made.index(words) == 1 else "/spoken/fa"

    async with office(engine, tmp_path / "server") as desk:
        hers = Pretend(keys="16" + code + "1" * 9, header={"callerid": NUMBER})
        await carried(line_of(desk, tree()), hers, tmp_path, speak=all_but_its_end)
        placing = await claim(engine)
        assert placing is not None
        ours = Pretend(keys="1" * 9, arguments=("callback", str(placing.id)))
        await carried(line_of(desk, tree()), ours, tmp_path, speak=no_speech)
        await desk.pump.idle()
    assert "/spoken/fa" in hers.played and len(made) == 2
    for call_of_hers in (hers, ours):
        assert "/sounds/status.answer_unheard" in call_of_hers.played
        assert not {"/sounds/verdict.menu", "/sounds/callback.later"}.intersection(call_of_hers.played)
    case = await as_json.case_json(engine, code)
    assert case is not None and case["status"] == "answered"
    again = await row(engine)
    assert (again.state, again.last_outcome) == ("waiting", "no_key")


async def test_her_answer_is_made_ready_while_she_hears_how_her_case_stands(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    code = await answered(engine, tmp_path)
    hers = Pretend(keys="16" + code, header={"callerid": NUMBER})
    heard_before = list[list[str]]()

    async def speak(words: str, language: str) -> str:
        heard_before.append([*hers.played])
        return "/spoken/fa"

    async with office(engine, tmp_path / "server") as desk:
        await carried(line_of(desk, tree()), hers, tmp_path, speak=speak)
        await desk.pump.idle()
    assert "/sounds/status.answered" not in heard_before[0]
    assert "/sounds/status.answered" in heard_before[-1] and "/spoken/fa" in hers.played


async def test_the_dialplan_is_told_of_her_reason_for_not_solved_as_it_begins_and_once_it_is_kept(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(of_someone("02155500111"), opening())
        await desk.pump.idle()
        await answer(engine, code, "abfa", "آب وصل شد.")
        chose_first = "11#6"  # so that a code is set aside for another case
        call = Pretend(keys=f"{chose_first}{code}-2", says=[3 * SECONDS])
        await carried(line_of(desk, tree()), call, tmp_path / "recordings")
        await desk.pump.idle()
    told = [line for line in call.commands if line.startswith(("SET VARIABLE IVR_KEPT", "RECORD"))]
    begun, recorded, kept = map(shlex.split, told)
    assert recorded[2].endswith(f"/{begun[-1]}") and kept[-1] == "1"
    assert call.variables["IVR_CHOSEN"].startswith("~"), "the code that was set aside leads to no case"
    [case] = await as_json.cases(engine)
    assert len(case["recordings"]) == 2


async def test_words_of_another_matter_behind_her_reason_for_not_solved_are_begun_for_no_case(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """In a tree that goes on there. The dialplan is told which file holds them: her reason alone is kept."""
    goes_on = re.sub("(unknown_go: follow_up\n    go:) goodbye", r"\1 kind", TREE.read_text()).encode()
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(of_someone("02155500111"), opening())
        await desk.pump.idle()
        await answer(engine, code, "abfa", "آب وصل شد.")
        call = Pretend(keys=f"16{code}-2--131101-", says=[3 * SECONDS, 3 * SECONDS])
        await carried(line_of(desk, parse(goes_on, TREE.name)), call, tmp_path / "recordings")
        facts, _ = desk.journal.read(Position())
    begun = [fact for fact in facts if isinstance(fact, RecordingBegunFact)]
    assert [fact.code for fact in begun] == [code, ""]
    told = [line for line in call.commands if line.startswith("SET VARIABLE IVR_KEPT")]
    assert told == [f"SET VARIABLE IVR_KEPT {kept}" for kept in (begun[0].name, 1, begun[1].name, 1)]


@dataclass
class HearsOut(Pretend):
    """She hangs up as she hears that prompt."""

    last: str = ""

    async def during(self, line: str) -> None:
        if f"/sounds/{self.last}" in line and not self.hangs_up_at:
            self.hangs_up_at = len(self.commands)


@pytest.mark.parametrize(
    ("path", "keys", "last", "unsaid"),
    [
        (WORDS_FIRST, "11-", "topic.menu", True),
        (WORDS_FIRST, "11-11", "county.ask", True),
        (WORDS_FIRST, "11-1101-", "code.is", False),
        (TREE, TO_RECORD, "review.menu", False),
        (WORDS_FIRST, "1", "kind.short", False),
    ],
)
async def test_only_who_leaves_behind_her_words_with_her_matter_or_county_unsaid_is_waited_for_by_herself(
    engine: AsyncEngine, tmp_path: Path, path: Path, keys: str, last: str, unsaid: bool
) -> None:
    """She may call again at once, and go on. The usual caller's end comes into the books with another's."""
    async with office(engine, tmp_path) as desk:
        call = HearsOut(keys=keys, says=[3 * SECONDS], last=last)
        await carried(line_of(desk, tree(path)), call, tmp_path / "recordings")
        await desk.journal.flush()
        facts, _ = desk.journal.read(Position())
    [end] = [fact for fact in facts if isinstance(fact, CallEndedFact)]
    assert (end.outcome, end.unsaid, is_patient(end)) == ("hung_up", unsaid, not unsaid)


async def test_where_no_disk_takes_why_it_is_not_solved_a_code_is_set_aside_for_another_matter(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """None of her words is safe: the dialplan would ask for them, and tell it."""
    goes_on = re.sub("(unknown_go: follow_up\n    go:) goodbye", r"\1 kind", TREE.read_text()).encode()
    no_folder = tmp_path / "no-folder"
    no_folder.touch()
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(of_someone("02155500111"), opening())
        await desk.pump.idle()
        await answer(engine, code, "abfa", "آب وصل شد.")
        call = await carried(
            line_of(desk, parse(goes_on, TREE.name)), Pretend(keys=f"16{code}-2" + "3" + "1"), no_folder
        )
    assert re.match("[0-9]{10}~complaint~", call.variables["IVR_CHOSEN"]) and "IVR_KEPT" not in call.variables


async def test_whose_further_recording_holds_no_word_has_all_her_words_kept(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        call = Pretend(keys=TO_RECORD + ADD + "##", says=[3 * SECONDS, 0])  # she slipped on 4
        await carried(line_of(desk, tree()), call, tmp_path / "recordings")
    assert call.variables["IVR_KEPT"] == "1" and sum("RECORD" in line for line in call.commands) == 2


async def test_whose_further_words_the_disk_refused_is_not_told_by_the_dialplan_that_all_are_kept(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush(room: recordings.Anywhere, name: str, fd: int) -> None:
        if os.fstat(fd).st_size < SECONDS:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(recordings.Anywhere, "flush", flush)
    async with office(engine, tmp_path) as desk:
        call = Pretend(keys=TO_RECORD + ADD, says=[3 * SECONDS, 0])
        await carried(line_of(desk, tree()), call, tmp_path / "recordings")
    kept = [line for line in call.commands if line == "SET VARIABLE IVR_KEPT 1"]
    assert len(kept) == 2, "her first words, and as the call ends what there is of the others"
