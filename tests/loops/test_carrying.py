"""Real calls through real Asterisk: every branch, keys at every moment, hang-ups at every step."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import signal
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ivr.cases import code as tracking_code
from ivr.desk.book import menus
from ivr.desk.trees import drafts, tree_history
from ivr.desk.trees.publishing import publish_draft
from ivr.installation import tree_check
from ivr.lab.caller import Beep, CallerReport, CallerStep, Hear, Listen, Press, PutDown, Speak, StayOn, Wait
from ivr.lab.media import is_beep
from ivr.lab.pace import patience
from ivr.settings import ROOT
from ivr.store.recording_files import is_of
from ivr.voice.menu_life import TreeDeed
from tests.desk.trees.test_trials import KEPT, LEFT, ended
from tests.fixtures.commands import typed
from tests.fixtures.hotline import MUSIC, Hotline, fresh_number
from tests.fixtures.province import answer

TREE = ROOT / "dialplan" / "menus" / "111.yaml"


def keys(*each: str) -> tuple[CallerStep, ...]:
    """Barge in on one prompt after the other."""
    return tuple(step for key in each for step in (Hear(), Press(key)))


TO_RECORD = keys("1", "1", "1", "1", "01")
SPEAK = (Beep(), Speak(2.6), Press("#"))
HEARD_OUT = (Listen(quiet=1.5), Press("1"))
KEEP = (*keys("1"), Hear(), PutDown())  # keep at the review, hang up while the code is read


async def call(hotline: Hotline, *steps: CallerStep, number: str, name: str | bytes = "") -> CallerReport:
    outcome = await hotline.call(*steps, number=number, name=name)
    assert outcome.completed, f"{outcome.problem}\n{outcome.log}"
    return outcome


async def cased(hotline: Hotline, *steps: CallerStep) -> dict[str, Any]:
    """Place the call; the case that came of it, whose call row points back at it."""
    number = fresh_number()
    await call(hotline, *steps, number=number)
    row = await hotline.call_of(number)  # the last of its facts: all that the call did is in the books
    (case,) = await hotline.cases_of(number)
    assert row["case"] == case["code"]
    return case


def files(hotline: Hotline, case: dict[str, Any]) -> list[Path]:
    return [hotline.settings.recordings / recording["path"] for recording in case["recordings"]]


# --- the tree's branches

# How to say it, and what the case must then be.
BRANCHES: dict[str, tuple[tuple[CallerStep, ...], dict[str, object]]] = {
    "complaint": (TO_RECORD, {"kind": "complaint", "topic": "water.supply", "agency": "abfa"}),
    "criticism": (keys("1", "2", "2", "1", "01"), {"kind": "criticism", "county": "tabriz"}),
    "suggestion": (keys("1", "3", "7", "1", "10"), {"kind": "suggestion", "county": "sarab"}),
    "request": (keys("1", "4", "5", "1", "23"), {"kind": "request", "county": "torkamanchay"}),
    "meeting with number and identity": (
        keys("1", "5", "9", "6", "00", "2", "09140000000", "1", "1", "0012345679", "1"),
        {"kind": "meeting", "callback": "+989140000000", "county": None},
    ),
    "meeting, identity skipped": (keys("1", "5", "9", "6", "00", "1", "2"), {"kind": "meeting"}),
    "Azerbaijani, another matter": (
        keys("2", "4", "0", "00"),
        {"language": "az", "topic": "other.other", "county": None, "agency": "gov_inspection"},
    ),
    "silence means Persian, keys after the prompts": (
        (Listen(), Listen(), Press("1"), Listen(), Press("1"), Listen(), Press("1"), Listen(), Press("01")),
        {"language": "fa", "kind": "complaint", "topic": "water.supply"},
    ),
    "two digits in one go": ((*keys("1", "1", "1", "1"), Hear(), Press("04", gap=0.03)), {"county": "ahar"}),
    "star repeats, hash goes back": (
        keys("1", "*", "2", "#", "1", "1", "#", "#", "3", "1", "1", "01"),
        {"kind": "suggestion", "topic": "water.supply"},
    ),
    "hash that ends a full number": (keys("1", "1", "1", "1", "01#"), {"county": "tabriz"}),
    "a county missed three times: kind and topic stay, the county is unknown": (
        keys("1", "1", "9", "4", "98", "97", "99"),
        {"kind": "complaint", "topic": "gov.crisis", "county": None},
    ),
    "a topic missed three times: the kind stays": (
        keys("1", "3", "1", "9", "9", "9"),
        {"kind": "suggestion", "topic": "other.other", "agency": "gov_inspection"},
    ),
    "five at once: a meeting": (keys("5", "9", "1", "01", "1", "2"), {"kind": "meeting", "language": "fa"}),
    "three wrong keys, the operator, a message": (
        keys("1", "9", "9", "9"),
        {"kind": "request", "topic": "other.other", "agency": "gov_inspection"},
    ),
}


async def test_every_branch_becomes_its_case(hotline: Hotline) -> None:
    async def branch(name: str, to_record: tuple[CallerStep, ...], wanted: dict[str, object]) -> str:
        try:
            case = await cased(hotline, *to_record, *SPEAK, *KEEP)
        except AssertionError as error:
            return f"{name}: {error}"
        assert case["channel"] == "phone" and case["referrals"] and case["due_at"]
        assert tracking_code.is_valid(case["code"])
        wrong = {key: case[key] for key, value in wanted.items() if case[key] != value}
        return f"{name}: {wrong}" if wrong else ""

    found = await asyncio.gather(*(branch(name, *what) for name, what in BRANCHES.items()))
    assert not list(filter(None, found))


async def test_the_code_is_spoken_to_the_end_and_the_call_completes(hotline: Hotline) -> None:
    number = fresh_number()
    outcome = await call(hotline, *TO_RECORD, *SPEAK, *keys("1"), Listen(), StayOn(), number=number)
    row = await hotline.call_of(number)
    assert (outcome.ended_by, row["outcome"], row["steps"][-1]["step"]) == ("hotline", "completed", "goodbye")


async def test_keys_of_a_national_id_are_never_in_the_books(hotline: Hotline) -> None:
    number = fresh_number()
    asked = keys("1", "5", "9", "6", "00", "1", "1", "0012345679")
    await call(hotline, *asked, Hear(), PutDown(), number=number)
    row = await hotline.call_of(number)
    assert ("national_id_number", "•" * 10) in [(step["step"], step["key"]) for step in row["steps"]]
    assert "0012345679" not in json.dumps(row)


async def test_review_hears_says_again_and_adds(hotline: Hotline) -> None:
    hear = (*keys("2"), Listen())
    again = (Press("3"), *SPEAK)
    add = (*keys("4"), *SPEAK)
    case = await cased(hotline, *TO_RECORD, *SPEAK, *hear, *again, *add, *KEEP)
    assert [r["superseded"] for r in case["recordings"]] == [True, False, False]
    assert all(path.is_file() for path in files(hotline, case))


async def test_a_known_caller_is_offered_her_county(hotline: Hotline) -> None:
    number = fresh_number()
    await call(hotline, *keys("1", "1", "1", "1", "04"), *SPEAK, *KEEP, number=number)
    await hotline.case_of(number)
    await call(hotline, *keys("1", "4", "1", "2"), *HEARD_OUT, *SPEAK, *KEEP, number=number)
    await asyncio.wait_for(_until_cases(hotline, number, 2), patience(20))
    assert [case["county"] for case in await hotline.cases_of(number)] == ["ahar", "ahar"]


async def _until_cases(hotline: Hotline, number: str, count: int) -> None:
    while len(await hotline.cases_of(number)) < count:
        await asyncio.sleep(0.1)


async def test_the_same_matter_again_joins_her_case_and_a_blocked_caller_is_still_heard(
    hotline: Hotline,
) -> None:
    again, blocked = fresh_number(), fresh_number()

    async def calls_again() -> None:
        for county in (keys("01"), (*HEARD_OUT, *HEARD_OUT)):  # asked for; then offered
            await call(hotline, *keys("1", "1", "1", "1"), *county, *SPEAK, *KEEP, number=again)
            await hotline.case_of(again)
        while len(await hotline.calls_of(again)) < 2:
            await asyncio.sleep(0.1)
        (case,) = await hotline.cases_of(again)
        assert [len(case["recordings"]), *(c["case"] for c in await hotline.calls_of(again))] == [
            2,
            case["code"],
            case["code"],
        ]

    async def is_blocked() -> None:
        await ivr(hotline, "block", "add", blocked, "--days", "1", "--reason", "x")
        await call(hotline, *keys("1", "1"), Hear(), PutDown(), number=blocked)
        steps = [step["step"] for step in (await hotline.call_of(blocked))["steps"]]
        assert steps[:3] == ["language", "language", "kind"] and steps[-1] in ("operator", "message"), steps

    await asyncio.gather(calls_again(), is_blocked())


async def test_a_code_is_followed_up_and_a_wrong_one_refused(hotline: Hotline) -> None:
    number = fresh_number()
    await call(hotline, *TO_RECORD, *SPEAK, *KEEP, number=number)
    case = await hotline.case_of(number)
    await answer(hotline.engine, case["code"], "abfa", "آب محله وصل شد.")
    wrong = case["code"][:-1] + str((int(case["code"][-1]) + 1) % 10)
    follow_up = keys("1", "6", wrong, case["code"], "1")
    await call(hotline, *follow_up, Hear(), PutDown(), number=number)
    async with asyncio.timeout(patience(20)):
        while len(rows := await hotline.calls_of(number)) < 2:
            await asyncio.sleep(0.1)
    steps = [(step["step"], step["key"]) for step in rows[0]["steps"]]
    assert steps.count(("follow_up", "•" * 10)) == 2 and "status" in [step for step, _ in steps]
    # She hears that she has to wait, and puts down: it is spoken all the same.
    async with asyncio.timeout(patience(20)):
        while not list((hotline.settings.sounds / "spoken").rglob("*.wav")):
            await asyncio.sleep(0.1)


async def test_six_at_once_follows_up_in_the_language_she_spoke_before(hotline: Hotline) -> None:
    number = fresh_number()
    await call(hotline, *keys("2", "1", "1", "1", "01"), *SPEAK, *KEEP, number=number)
    case = await hotline.case_of(number)
    await call(hotline, *keys("6", case["code"]), Hear(), PutDown(), number=number)
    async with asyncio.timeout(patience(20)):
        while len(rows := await hotline.calls_of(number)) < 2:
            await asyncio.sleep(0.1)
    steps = [(step["step"], step["key"]) for step in rows[0]["steps"]]
    assert rows[0]["language"] == "az" and ("language", "6") in steps
    assert ("follow_up", "•" * 10) in steps and "status" in [step for step, _ in steps]


# --- hanging up

HANG_UPS: dict[str, tuple[tuple[CallerStep, ...], int]] = {
    "at the language": ((Hear(), PutDown()), 0),
    "at the kind": ((*keys("1"), Hear(), PutDown()), 0),
    "at the topic's group": ((*keys("1", "1"), Hear(), PutDown()), 0),
    "at the topic": ((*keys("1", "1", "1"), Hear(), PutDown()), 0),
    "at the county": ((*keys("1", "1", "1", "1"), Hear(), PutDown()), 0),
    "before the beep": ((*TO_RECORD, Hear(), PutDown()), 0),
    "at the beep": ((*TO_RECORD, Beep(), PutDown()), 0),
    "in mid-word": ((*TO_RECORD, Beep(), Speak(3), PutDown()), 1),
    "at the review": ((*TO_RECORD, *SPEAK, Hear(), PutDown()), 1),
    "while saying it again": ((*TO_RECORD, *SPEAK, *keys("3"), Beep(), Speak(2.5), PutDown()), 1),
    "at the code": ((*TO_RECORD, *SPEAK, *keys("1"), Hear(), PutDown()), 1),
    "at a follow-up": ((*keys("1", "6"), Hear(), PutDown()), 0),
    "at the message": ((*keys("1", "0"), Beep(), Speak(2.5), PutDown()), 1),
}


async def test_hanging_up_at_any_step_leaves_the_right_rows(hotline: Hotline) -> None:
    async def hang_up(where: str, steps: tuple[CallerStep, ...], cases: int) -> str:
        number = fresh_number()
        outcome = await hotline.call(*steps, number=number)
        row = await hotline.call_of(number)
        opened = await hotline.cases_of(number)
        right = outcome.completed and row["outcome"] == "hung_up" and len(opened) == cases
        kept = all(path.is_file() for case in opened for path in files(hotline, case))
        return "" if right and kept else f"{where}: {outcome.problem} {row['outcome']}, {len(opened)} cases"

    wrong = await asyncio.gather(*(hang_up(where, *what) for where, what in HANG_UPS.items()))
    assert not list(filter(None, wrong))


async def test_a_caller_who_gives_up_as_it_is_answered_leaves_nothing_behind(own_hotline: Hotline) -> None:
    number = fresh_number()
    await call(own_hotline, PutDown(), number=number)
    # A second caller's row: whatever the first one left would be in the books by then.
    await call(own_hotline, Hear(), PutDown(), number=(second := fresh_number()))
    await own_hotline.call_of(second)
    assert await own_hotline.cases_of(number) == [] and own_hotline.fallbacks == []
    assert list(own_hotline.settings.recordings.rglob("*.wav")) == []


# --- recordings


async def test_length_and_hash_in_the_books_are_those_of_the_file(hotline: Hotline) -> None:
    by_key, by_hanging_up = await asyncio.gather(
        cased(hotline, *TO_RECORD, *SPEAK, *KEEP),
        cased(hotline, *TO_RECORD, Beep(), Speak(3), PutDown()),
    )
    for case in (by_key, by_hanging_up):
        [recording], [path] = case["recordings"], files(hotline, case)
        with wave.open(str(path)) as sound:
            assert sound.getframerate() == 8_000
            assert recording["seconds"] == pytest.approx(sound.getnframes() / 8_000, abs=0.001)
        assert recording["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert not recording["silent"] and recording["voiced_seconds"] > 1.5
        assert is_of(path.with_suffix("").as_posix(), case["call_id"]), "a file alone tells its call"
    assert (by_key["recordings"][0]["ended"], by_hanging_up["recordings"][0]["ended"]) == ("hash", "hangup")


# --- what callers send

NAMES: dict[str, str | bytes] = {
    "Persian": "زهرا الف",
    "invalid UTF-8": b"\xff\xfe\x80 caf\xe9",
    "quotes": 'O\'Brien "the\\caller"',
    "SQL": "Robert'); DROP TABLE calls;--",
    "AGI": "name\\r\\nHANGUP",
}


async def test_any_caller_name_is_carried(hotline: Hotline) -> None:
    async def named(name: str | bytes) -> str:
        number = fresh_number()
        await call(hotline, *TO_RECORD, *SPEAK, *KEEP, number=number, name=name)
        assert await hotline.case_of(number)
        return str((await hotline.call_of(number))["caller_name"])

    names = await asyncio.gather(*map(named, NAMES.values()))
    assert names[0] == "زهرا الف"
    assert "DROP TABLE" in names[3] and all("\n" not in name and "\r" not in name for name in names)


# --- menus and operators


async def ivr(hotline: Hotline, *arguments: str) -> str:
    code, out, err = await typed(hotline.url, hotline.settings.state_path, *arguments)
    assert code == 0, err
    return out


async def test_a_published_menu_is_live_for_the_next_call_and_live_calls_keep_theirs(
    own_hotline: Hotline, tmp_path: Path
) -> None:
    hotline = own_hotline
    await ivr(hotline, "menu", "publish", str(TREE))
    await hotline.answers("111")
    tree = tmp_path / "shorter.yaml"
    text = TREE.read_text(encoding="utf-8")
    tree.write_text(text.replace('"2": {kind: criticism, go: caller}', ""), encoding="utf-8")
    before, after = fresh_number(), fresh_number()
    # It stands in the kind menu, silent twice, while the other revision goes on the air.
    slow = (*keys("1"), Listen(), Listen(), Listen(), Press("2"), *keys("1", "1", "01"), *SPEAK, *KEEP)
    calling = asyncio.create_task(call(hotline, *slow, number=before))
    await hotline.begun(before)
    await ivr(hotline, "menu", "publish", str(tree))
    await hotline.answers("111")
    history = json.loads(await ivr(hotline, "menu", "history", "--json"))
    await call(hotline, *keys("1", "2", "1", "1", "1", "01"), *SPEAK, *KEEP, number=after)
    await calling
    old, new = await hotline.call_of(before), await hotline.call_of(after)
    assert int(new["menu_revision"]) == int(old["menu_revision"]) + 1 == history[0]["number"]
    pressed = next(step["at"] for step in old["steps"] if (step["step"], step["key"]) == ("kind", "2"))
    assert datetime.fromisoformat(pressed) > datetime.fromisoformat(history[0]["at"])
    assert (await hotline.case_of(before))["kind"] == "criticism"
    assert (await hotline.case_of(after))["kind"] == "complaint"


CALLS, REVISIONS = 6, 3  # 50 and 10 were run by hand: a minute, the same


async def test_revisions_published_in_a_row_reach_the_next_calls_and_none_that_has_begun(
    own_hotline: Hotline,
) -> None:
    hotline, begun = own_hotline, list[tuple[str, int]]()
    text = TREE.read_text(encoding="utf-8")
    slow = (*keys("1"), Listen(), Listen(), *keys("1", "1", "1", "01"), *SPEAK, *KEEP)
    calling = []
    for n in range(REVISIONS):
        draft = text.replace("to_beep_seconds: 150", f"to_beep_seconds: {200 + n}")
        live = await menus.publish(hotline.engine, "111", draft, "sara")
        await hotline.answers("111")
        numbers = [fresh_number() for _ in range(CALLS // REVISIONS)]
        begun += [(number, live.number) for number in numbers]
        calling += [asyncio.create_task(call(hotline, *slow, number=number)) for number in numbers]
        await asyncio.gather(*(hotline.begun(number) for number in numbers))
    await asyncio.gather(*calling)
    assert len({revision for _, revision in begun}) == REVISIONS
    for number, revision in begun:
        row = await hotline.call_of(number)
        assert (int(row["menu_revision"]), row["outcome"]) == (revision, "hung_up")
        assert await hotline.case_of(number)


async def test_a_tree_on_trial_gets_its_share_of_the_calls_and_is_taken_back_by_itself(
    own_hotline: Hotline,
) -> None:
    hotline, engine = own_hotline, own_hotline.engine
    text = TREE.read_text(encoding="utf-8")
    live = await menus.publish(engine, "111", text, "sara")
    await hotline.answers("111")
    draft = await drafts.save_draft(engine, "111", text + "# worse\n", "sara")
    await drafts.check_draft(engine, "111", draft.number, "sara", tree_check(hotline.settings))
    now = datetime.now(UTC)
    trial = await publish_draft(engine, "111", draft.number, "sara", "is it better?", now, share=0.5)
    assert isinstance(trial, menus.OnTrial)
    tried = trial.revision.number
    await hotline.answers("111")
    # One look is at twenty calls: all but the last ones were before.
    await ended(engine, live.number, 100, "hung_up", KEPT)
    await ended(engine, tried, 19, "hung_up", LEFT)
    early = (*keys("1"), Hear(), PutDown())
    through = set[int]()
    async with asyncio.timeout(patience(60)):
        while not through >= {live.number, tried}:
            numbers = [fresh_number() for _ in range(4)]
            await asyncio.gather(*(call(hotline, *early, number=number) for number in numbers))
            through |= {int((await hotline.call_of(number))["menu_revision"]) for number in numbers}
        while (still := await menus.on_the_air(engine, "111")) is not None and still.trial is not None:
            await asyncio.sleep(0.2)  # the work's own time: no event
    assert (await tree_history.revisions(engine, "111"))[0].deed is TreeDeed.TAKEN_BACK
    await hotline.answers("111")
    numbers = [fresh_number() for _ in range(6)]
    await asyncio.gather(*(call(hotline, *early, number=number) for number in numbers))
    after = {(await hotline.call_of(number))["menu_revision"] for number in numbers}
    assert after == {str(live.number)}


async def test_whoever_waits_for_an_operator_hears_her_position_and_music(
    own_hotline: Hotline, tmp_path: Path
) -> None:
    hotline = own_hotline
    tree = tmp_path / "always.yaml"
    lines = TREE.read_text(encoding="utf-8").splitlines(keepends=True)
    tree.write_text("".join(line for line in lines if not line.startswith("    hours:")), encoding="utf-8")
    await ivr(hotline, "menu", "publish", str(tree))
    await hotline.answers("111")
    # The one operator's telephone is 111 itself: it answers at once and talks for longer than this test.
    hotline.console("queue add member Local/111@seda111-inbound to operators")
    to_operator = keys("1", "0")
    talked = fresh_number()
    served = asyncio.create_task(call(hotline, *to_operator, Wait(30), PutDown(), number=talked))
    async with asyncio.timeout(patience(30)):
        while "(In use)" not in await asyncio.to_thread(hotline.console, "queue show operators"):
            await asyncio.sleep(0.2)  # another process: no event
    numbers = fresh_number(), fresh_number()
    waiting = [call(hotline, *to_operator, Wait(10), PutDown(), number=number) for number in numbers]
    heard = [_tones(outcome) for outcome in await asyncio.gather(*waiting)]
    heard.sort(key=len)
    assert heard == [[600.0, MUSIC], [700.0, 800.0, MUSIC]]  # you are next; your place is: two
    await served
    async with asyncio.timeout(patience(20)):
        while len(talks := await hotline.calls_of(talked)) < 2:  # hers, and the operator's telephone at 111
            await asyncio.sleep(0.1)
    ends = {(talk["outcome"], talk["steps"][-1]["note"]) for talk in talks}
    assert ("completed", "operator:answered") in ends  # it looks like no abandoned call
    for number in numbers:
        assert (await hotline.call_of(number))["outcome"] == "hung_up"
        assert await hotline.cases_of(number) == []


def _tones(outcome: CallerReport) -> list[float]:
    """What was heard last, from the first word about the queue on, of the tones that stand for it."""
    names = (600.0, 700.0, 800.0, MUSIC)
    each = [next((hz for hz in names if is_beep(audio, hz)), 0.0) for _, audio in outcome.heard]
    tones = [hz for hz, _ in itertools.groupby(hz for hz in each if hz)]
    first = next((at for at, hz in enumerate(tones) if hz != MUSIC), len(tones))
    return tones[first:]


async def test_on_sigterm_live_calls_finish_and_new_ones_reach_the_fall_back(own_hotline: Hotline) -> None:
    hotline = own_hotline
    number, late = fresh_number(), fresh_number()
    live = asyncio.create_task(call(hotline, *TO_RECORD, *SPEAK, *KEEP, number=number))
    await hotline.recording_grown()
    hotline.server.process.send_signal(signal.SIGTERM)
    await deaf(hotline)
    await call(hotline, Beep(), Speak(2.5), PutDown(), number=late)
    await live
    assert await asyncio.to_thread(hotline.server.process.wait, patience(60)) == 0
    assert len(hotline.fallbacks) == 1
    case = await hotline.case_of(number)
    assert (await hotline.call_of(number))["outcome"] == "hung_up" and case["recordings"]
    await hotline.start_server()
    assert (await hotline.case_of(late, 60))["agency"] == "gov_inspection"


async def deaf(hotline: Hotline) -> None:
    """Until the server takes no more calls."""
    async with asyncio.timeout(patience(20)):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", hotline.settings.agi.port)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:  # it was closed with us in its queue
                continue
            writer.close()
            await asyncio.sleep(0.05)  # another process: no event


# --- the words first, sorting afterwards

WORDS_FIRST = TREE.with_name("111-words-first.yaml")


async def test_words_first_a_case_follows_what_she_says_after_them_and_hanging_up_loses_nothing(
    own_hotline: Hotline,
) -> None:
    await ivr(own_hotline, "menu", "publish", str(WORDS_FIRST))
    await own_hotline.answers("111")
    spoken = (*keys("1", "1"), *SPEAK)
    sorted_, at_matter, at_county, at_topic, in_her_words = await asyncio.gather(
        cased(own_hotline, *spoken, *keys("1", "1", "04", "1"), Hear(), PutDown()),
        cased(own_hotline, *spoken, *keys("1"), Hear(), PutDown()),
        cased(own_hotline, *spoken, *keys("1", "1"), Hear(), PutDown()),
        cased(own_hotline, *spoken, Hear(), PutDown()),
        cased(own_hotline, *keys("1", "1"), Beep(), Speak(3), PutDown()),
    )
    told = [sorted_[name] for name in ("kind", "topic", "county", "agency", "status")]
    assert told == ["complaint", "water.supply", "ahar", "abfa", "referred"]
    assert [event["what"] for event in sorted_["events"]].count("topic_changed") == 2
    for left in (at_matter, at_topic, in_her_words):
        told = [left[name] for name in ("kind", "topic", "county", "agency")]
        assert told == ["complaint", "other.other", None, "gov_inspection"]
        assert sorted_["due_at"] <= left["due_at"]
    assert [at_county[name] for name in ("topic", "county", "agency")] == ["water.supply", None, "abfa"]
    for case in (sorted_, at_matter, at_county, at_topic, in_her_words):
        assert len(case["recordings"]) == 1 and tracking_code.is_valid(case["code"])
        assert all(path.is_file() for path in files(own_hotline, case))


async def test_two_numbers_are_called_at_once_and_two_trees_answer(hotline: Hotline) -> None:
    numbers = {"111": fresh_number(), "122": fresh_number()}
    # The water company's: language, a broken pipe, the words; no topic and no county before the beep.
    steps = {"111": (*TO_RECORD, *SPEAK, *KEEP), "122": (*keys("1", "1"), *SPEAK, Hear(), PutDown())}
    outcomes = await asyncio.gather(
        *(hotline.call(*steps[called], number=number, extension=called) for called, number in numbers.items())
    )
    assert all(outcome.completed for outcome in outcomes), outcomes
    for called, number in numbers.items():
        row = await hotline.call_of(number)
        (case,) = await hotline.cases_of(number)
        assert row["menu_name"] == called and row["case"] == case["code"]
        assert (case["kind"], case["topic"]) == ("complaint", "water.supply")


async def test_a_call_goes_through_the_tree_of_another_number_and_back(hotline: Hotline) -> None:
    """The water company's callers may go through the whole of 111; the row names the steps of both."""
    text = TREE.with_name("122.yaml").read_text(encoding="utf-8")
    text = text.replace(
        '    keys:\n      "1": {kind', '    keys:\n      "8": {go: hotline}\n      "1": {kind', 1
    )
    called = '\n  hotline:\n    type: tree\n    name: "111"\n    go: goodbye\n    missing_go: operator\n'
    live = await menus.publish(hotline.engine, "122", text + called, "sara")
    await hotline.answers("122")
    there = await menus.current(hotline.engine, "111")
    number = fresh_number()
    through = (*keys("1", "8", "1", "1", "1", "1", "01"), *SPEAK, *keys("1"), Listen(), StayOn())
    outcome = await hotline.call(*through, number=number, extension="122")
    assert outcome.completed and outcome.ended_by == "hotline", f"{outcome.problem}\n{outcome.log}"
    row = await hotline.call_of(number)
    (case,) = await hotline.cases_of(number)
    passed = [step["step"] for step in row["steps"]]
    (entered,) = (step["note"] for step in row["steps"] if step["step"] == "hotline")
    assert (row["menu_name"], row["menu_revision"], row["outcome"]) == ("122", str(live.number), "completed")
    assert entered == f"tree:111@{there.number if there else ''}".removesuffix("@")
    assert passed.index("matter") < passed.index("hotline.111.record") < passed.index("goodbye")
    assert (case["kind"], case["topic"], case["county"]) == ("complaint", "water.supply", "tabriz")
