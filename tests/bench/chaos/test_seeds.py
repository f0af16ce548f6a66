"""Several seeds: one table, one verdict, and who was interrupted goes on."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.chaos.__main__ import closing, has_one_disk, judged, what
from bench.chaos.accountant import Accountant
from bench.chaos.alarms import DISK, HANGS
from bench.chaos.evidence import Evidence, Fault, Recording, from_plain
from bench.chaos.evidence import as_plain as evidence_as_plain
from bench.chaos.faults import CLOSING_SECONDS, FAULTS, LAST, LONG, schedule
from bench.chaos.report import FEW_CALLS, Result, as_plain, as_text
from bench.chaos.run import Asked
from bench.chaos.seeds import COLUMNS, JUDGES, as_plain_sum, as_text_sum, first_of, run_seeds
from bench.chaos.tones import NOT_KEPT, TURNED_AWAY, Word
from tests.bench.chaos.test_accountant import call, evidence

ASKED = {"rate": "5"}


def report(found: Evidence, seed: int = 1) -> dict[str, Any]:
    return as_plain(result(found, seed))


def result(found: Evidence, seed: int = 1) -> Result:
    return Result(seed, 5, 60, Accountant(found).verdicts(), found, [])


def ran(seed: int, found: Evidence | None = None) -> dict[str, Any]:
    return {"seed": seed, "evidence": evidence_as_plain(found or evidence())}


def judge(ran: Mapping[str, Any]) -> dict[str, Any]:
    return report(from_plain(ran["evidence"]), ran["seed"])


def lost_with_her_excuse(seed: int) -> dict[str, Any]:
    """One of three words, while the disk was full, and she was told so."""
    told = call(heard=[(109.5, "beep"), (113.0, NOT_KEPT)], codes=[])
    found = evidence([told], Fault(DISK[0], 105.0, 115.0), words=(0, 1))
    found.recordings[0].ended = "cut"
    return report(found, seed)


def test_a_seed_is_run_once_and_one_that_could_not_be_run_is_tried_again(tmp_path: Path) -> None:
    begun = list[int]()

    def one(seed: int) -> dict[str, Any] | None:
        begun.append(seed)
        return ran(seed) if seed != 3 or begun.count(3) == 2 else None

    assert len(run_seeds([2, 3, 4], ASKED, tmp_path, one, judge)) == 2
    assert [each["seed"] for each in run_seeds([2, 3, 4], ASKED, tmp_path, one, judge)] == [2, 3, 4]
    assert begun == [2, 3, 4, 3]
    assert first_of(tmp_path, ASKED) == 2
    assert first_of(tmp_path, {"rate": "9"}) is None  # and so it writes over none of these
    run_seeds([2], {"rate": "9"}, tmp_path, one, judge)
    assert begun[4:] == [2]  # a report of another run is none of this one


def test_what_a_seed_left_is_judged_again_by_a_mended_accountant_and_no_call_is_placed_anew(
    tmp_path: Path,
) -> None:
    [before] = run_seeds([2], ASKED, tmp_path, lambda seed: ran(seed, evidence(words=(0, 2))), judge)
    assert not before["good"]

    def again(seed: int) -> dict[str, Any]:
        raise AssertionError("a call is placed anew")

    [after] = run_seeds([2], ASKED, tmp_path, again, lambda ran: {**judge(ran), "good": True})
    assert after["good"] and after["table"] == before["table"]
    assert json.loads((tmp_path / "2.json").read_text()) == after


def test_what_a_run_left_is_the_same_once_it_lay_in_a_file() -> None:
    hers = call(keys=[(112.3, "#")], played=[Word(1, 2, 7)])
    found = evidence([hers, call(n=2, answered=None)], Fault(DISK[0], 105.0, 115.0, 116.0))
    found.recordings += [Recording("r2", "", "cut", None, caller="0", size=44, playable=False)]
    found.strays, found.answered_by_sipp = {"/x.wav": [Word(1, 1, 0)]}, {1, 2}
    found.warnings, found.one_disk = [(111.0, "WARNING")], True
    assert from_plain(json.loads(json.dumps(evidence_as_plain(found)))) == found


def test_a_report_counts_for_the_code_that_it_is_of_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, reports = tmp_path / "code", tmp_path / "reports"
    (code / "ivr").mkdir(parents=True)
    (code / "ivr" / "one.py").write_text("1")
    monkeypatch.setattr("bench.chaos.__main__.ROOT", code)
    asked = Namespace(rate=5, minutes=1, kinds=[], speech=None, busy=False, one_disk=None)
    run_seeds([2], before := what(asked), reports, ran, judge)
    (code / "notes.md").write_text("of no run")
    assert first_of(reports, what(asked)) == 2
    (code / "ivr" / "one.py").write_text("2")  # in no commit, and all the same another
    assert first_of(reports, what(asked)) is None
    (code / "ivr" / "one.py").write_text("1")
    (code / "ivr" / "two.py").write_text("")
    assert what(asked) != before
    (code / "ivr" / "two.py").unlink()
    (code / "bench" / "chaos").mkdir(parents=True)
    for judges in JUDGES:  # they can judge what it left, whatever they know by now
        (code / judges).write_text("")
    assert what(asked) == before


def test_all_is_good_when_each_seed_is_and_few_words_are_excused() -> None:
    found = as_plain_sum([report(evidence(), seed) for seed in (1, 2)], 2)
    assert (found["good"], found["all"]["calls"], found["all"]["kept"]) == (True, 2, 6)
    assert as_text_sum(found, 2).endswith(": GOOD")


@pytest.mark.parametrize(
    ("seeds", "said", "disks"),
    [(5, None, [2, 1, 2, 1, 2]), (5, True, [1] * 5), (5, False, [2] * 5), (None, None, [2] * 5)],
)
def test_every_second_one_of_several_seeds_has_one_disk_unless_it_is_said_which(
    seeds: int | None, said: bool | None, disks: list[int]
) -> None:
    asked = Namespace(seeds=seeds, one_disk=said)
    reports = []
    for seed in range(4, 9):
        found = evidence()
        found.one_disk = has_one_disk(asked, seed)
        reports.append(report(found, seed))
    plain = as_plain_sum(reports, 5)
    assert [row["disks"] for row in plain["seeds"]] == disks
    assert f"| 5 | {disks[1]} |" in as_text_sum(plain, 5)


@pytest.mark.parametrize(
    ("reports", "wanted", "of_it"),
    [
        ([report(evidence(words=(0, 2)))], 1, "PROBLEM  seed 1: call 1"),
        ([report(evidence())], 2, "1 of 2 seeds"),
        ([lost_with_her_excuse(1)], 1, "33.33 % excused"),
    ],
    ids=["one is not", "one is missing", "too much is excused"],
)
def test_it_is_not_good_otherwise(reports: list[dict[str, Any]], wanted: int, of_it: str) -> None:
    found = as_plain_sum(reports, wanted)
    assert not found["good"]
    assert of_it in (text := as_text_sum(found, wanted)) and text.endswith("NOT GOOD")


@pytest.mark.parametrize(("one_disk", "share", "alone"), [(True, 0.0, 1), (False, 0.33333, 0)])
def test_what_the_only_disk_did_not_take_is_told_apart_and_what_one_of_two_did_not_is_not(
    one_disk: bool, share: float, alone: int
) -> None:
    told = call(heard=[(109.5, "beep"), (113.0, NOT_KEPT)], codes=[])
    for fault in (Fault(DISK[0], 105.0, 115.0), Fault(HANGS, 109.0, 114.0)):
        found = evidence([told], fault, words=(0, 1))
        found.one_disk, found.recordings[0].ended = one_disk, "cut"
        plain = as_plain_sum([report(found)], 1)
        assert (plain["excused_share"], plain["all"]["only disk's"], plain["good"]) == (
            share,
            alone,
            one_disk,
        )
        assert plain["all"]["excused"] == 1
        assert ("33.3 %, that the only disk" in as_text(result(found))) == one_disk


def test_who_was_turned_away_is_counted_apart_from_who_was_told_wrongly() -> None:
    away = call(said=[], codes=[], heard=[(109.5, TURNED_AWAY)])
    wrong = call(heard=[(109.5, "beep"), (113.0, NOT_KEPT)], codes=[])
    found = as_plain_sum([report(evidence([away], words=())), report(evidence([wrong]))], 2)
    assert [(row["turned away"], row["told wrongly"]) for row in found["seeds"]] == [(1, 0), (0, 1)]
    books = evidence([call(codes=[])], case="")
    books.cases.clear()
    untrue = report(books)
    assert untrue["table"][-1]["told_wrongly"] == 1  # "safe", and in no case
    assert set(COLUMNS.values()) <= set(untrue["table"][-1])


def test_five_seeds_have_every_fault_that_takes_long_one_each_and_take_no_longer() -> None:
    asked = Namespace(seeds=5, long=False, only=None, without=None, minutes=400 / 60)
    usual = [kind for kind in FAULTS if kind not in LONG]
    their = set[str]()
    for seed in range(31, 36):
        *_, before, long, last = schedule(seed, 400, usual, closing(asked, seed))
        assert (last.at, last.kind) == (400, LAST)
        assert (long.at, long.kind in LONG) == (400 - CLOSING_SECONDS, True) and before.at < long.at
        their.add(long.kind)
    assert their == LONG
    asked.without = ["every disk slow"]
    assert {closing(asked, seed) for seed in range(31, 36)} == LONG - {"every disk slow"}


@pytest.mark.parametrize("other", [{"seeds": None}, {"long": True}, {"only": ["disk full"]}, {"minutes": 1}])
def test_one_seed_a_short_one_and_who_says_which_faults_has_none_besides(other: dict[str, Any]) -> None:
    asked = Namespace(**({"seeds": 5, "long": False, "only": None, "without": None, "minutes": 9} | other))
    assert {closing(asked, seed) for seed in range(5)} == {""}


def test_a_run_of_fewer_calls_than_asked_or_without_words_or_codes_is_not_good() -> None:
    def problems(found: Evidence, seconds: float) -> list[str]:
        result = judged(Asked(1, seconds, 5, ()), found)
        assert result.good == (not result.general)
        return [*as_plain(result)["problems"]]

    assert problems(evidence(), 0.2) == []
    assert problems(evidence(), 0.4) == ["2 calls were asked for, and 1 were placed"]
    silent = call(said=[], codes=[], ended_by="caller")
    assert problems(evidence([silent], words=()), 0.2) == ["nobody said a word", "nobody was spoken a code"]


@pytest.mark.parametrize(("calls", "good"), [(FEW_CALLS - 1, True), (FEW_CALLS, False)])
def test_one_seed_alone_may_not_excuse_too_much_either_where_it_has_many_calls(
    calls: int, good: bool
) -> None:
    told = call(heard=[(109.5, "beep"), (113.0, NOT_KEPT)], codes=[])
    found = evidence([told], Fault(DISK[0], 105.0, 115.0), words=(0, 1))
    found.recordings[0].ended = "cut"
    [verdict] = Accountant(found).verdicts()
    result = Result(1, 5, 60, [verdict] * calls, found, [])
    text = as_text(result)
    assert result.good == as_plain(result)["good"] == good
    assert ("PROBLEM  33.33 % of the words are excused" in text) == ("NOT GOOD" in text) == (not good)
