"""The accountant finds what is lost, doubled, untrue, in wrong hands, and believes no excuse unproved."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.chaos import accountant as judging
from bench.chaos.accountant import Accountant, general_problems
from bench.chaos.alarms import HANGS, JOURNAL_HANGS, READ_ONLY, REFUSES
from bench.chaos.evidence import Call, Case, Evidence, Fault, Recording, Said
from bench.chaos.report import Result
from bench.chaos.tones import AGAIN, CUT, NOT_KEPT, TURNED_AWAY, UNSURE, Word

ALONE = ("accountant", "alarms", "evidence", "tones", "phones", "switchboard", "callers", "report", "speech")
CODE = "1234567890"


@pytest.mark.parametrize("name", ALONE)
def test_callers_and_accountant_share_no_code_with_the_product(name: str) -> None:
    tree = ast.parse(Path(judging.__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0] if not name.startswith("bench.chaos.") else name.rpartition(".")[2]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" if node.module == "bench.chaos" else str(node.module)
                  for alias in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }  # fmt: skip
    assert "ivr" not in imported and not imported & {"lab", "run", "injector"}


def call(**changed: object) -> Call:
    """She says three words from 110 to 112 s, hears her code and stays to the end at 120."""
    said = [Said(k, 110.0 + 0.7 * k, 110.7 + 0.7 * k, "server") for k in range(3)]
    plain = Call(
        1, "04120000001", "keeps", 100.0, 101.0, 120.0, "hotline", said, [109.8],
        [(109.5, "beep"), (113.0, "record.safe"), (114.0, "code.is")], [CODE], [],
    )  # fmt: skip
    return replace(plain, **changed)  # type: ignore[arg-type]


def evidence(
    calls: Sequence[Call] = (), *faults: Fault, words: Sequence[int] = (0, 1, 2), case: str = "a"
) -> Evidence:
    """Books in which the first call's words are in one recording of one case."""
    found = Evidence(list(calls) or [call()], list(faults), answered_by_sipp={1})
    found.cases["a"] = Case("a", CODE, "04120000001")
    found.recordings = [Recording("r1", case, "hash", [Word(1, k, 0) for k in words])]
    return found


def problems(found: Evidence) -> list[str]:
    verdicts = Accountant(found).verdicts()
    result = Result(1, 5, 60, verdicts, found, [*general_problems(Accountant(found))])
    assert result.good == (not result.general and not any(v.problems for v in verdicts))
    return [*result.general, *(text for v in verdicts for text in v.problems)]


def test_all_is_well() -> None:
    found = evidence()
    assert problems(found) == []
    [verdict] = Accountant(found).verdicts()
    assert (verdict.kept, verdict.codes_true, verdict.outcome) == (3, 1, "heard her code")


def test_a_word_that_is_nowhere_is_lost() -> None:
    assert "word 1" in problems(evidence(words=(0, 2)))[0]


def test_what_is_known_of_a_troubled_call_is_told() -> None:
    found = evidence(words=(0, 2))
    found.recordings[0].caller = "04120000001"
    found.warnings = [(50.0, "before"), (111.0, "WARNING in the call")]
    [verdict] = Accountant(found).verdicts()
    told = "\n".join(verdict.account)
    assert "record.safe 12.0" in told and "1 9.7 (server)" in told and "row r1: hash" in told
    assert "WARNING in the call" in told and "before" not in told
    assert Accountant(evidence()).verdicts()[0].account == []


def test_a_word_in_a_recording_of_no_case_is_lost() -> None:
    assert "which no case has" in problems(evidence(case=""))[0]


def test_a_word_in_a_file_that_the_books_do_not_name_is_lost() -> None:
    found = evidence(words=(0, 1))
    found.strays["/somewhere.wav"] = [Word(1, 2, 0)]
    assert "only in /somewhere.wav" in problems(found)[0]


def test_a_word_in_two_recordings_and_a_caller_with_two_cases_are_doubled() -> None:
    found = evidence()
    found.cases["b"] = Case("b", "2222222222", "04120000001")
    found.recordings.append(Recording("r2", "b", "hash", [Word(1, 2, 0)]))
    [verdict] = Accountant(found).verdicts()
    assert verdict.doubled and any("r1 and r2" in text for text in verdict.problems)
    assert any("has 2 cases" in text for text in verdict.problems)


@pytest.mark.parametrize("code", ["9999999999", "99"])
def test_a_code_that_is_not_of_her_case_is_false_even_when_cut_short(code: str) -> None:
    assert "was spoken the code" in problems(evidence([call(codes=[code])]))[0]


def test_a_code_cut_short_by_a_hang_up_is_true_as_far_as_it_goes() -> None:
    found = evidence([call(codes=[CODE[:3]])])
    assert problems(found) == []
    assert Accountant(found).verdicts()[0].codes_cut == 1


def test_who_was_told_that_it_is_kept_must_have_a_case() -> None:
    found = evidence([call(said=[], codes=[], heard=[(119.0, "fallback.thanks")])])
    found.cases.clear()
    found.recordings.clear()
    assert problems(found) == ["was told that her words are kept, and has 0 cases"]


@pytest.mark.parametrize(("code", "missing"), [(CODE, False), ("9999999999", True)])
def test_on_a_shared_line_a_case_without_a_whole_word_is_hers_if_she_was_spoken_its_code(
    code: str, *, missing: bool
) -> None:
    her = call(codes=[code], heard=[(113.0, NOT_KEPT), (119.0, "record.safe")])
    found = evidence([her, replace(call(), n=2, codes=[], said=[], heard=[])], words=())
    found.faults = [Fault("disk full", 105.0, 112.5)]
    found.answered_by_sipp = {1, 2}
    assert any("has 0 cases" in text for text in problems(found)) == missing
    found.recordings[0].words = [Word(2, 0, 0)]
    assert any("has 0 cases" in text for text in problems(found)), "that case is the other one's"


def test_words_in_another_s_case_or_played_to_another_are_in_wrong_hands() -> None:
    other = replace(call(), n=2, number="04120000002", said=[], codes=[], heard=[], played=[Word(1, 0, 0)])
    found = evidence([call(), other])
    found.answered_by_sipp = {1, 2}
    found.recordings[0].words = [*(found.recordings[0].words or ()), Word(2, 0, 0)]
    told = problems(found)
    assert "her case holds the words of calls [2]" in told and "was played the words of calls [1]" in told


def test_files_rows_and_logs_must_agree() -> None:
    found = evidence()
    found.recordings += [
        Recording("gone", "a", "hash", None),
        Recording("other", "a", "hash", [], same=False),
    ]
    found.cases["x"] = Case("x", "3333333333", "")
    found.answered_by_sipp = {1, 7}
    told = " ".join(general_problems(Accountant(found)))
    assert "there is no such file" in told and "whose hash" in told and "nobody" in told and "[7]" in told


@pytest.mark.parametrize(
    ("ended", "fault", "excused"), [("cut", REFUSES, True), ("hash", REFUSES, False), ("cut", HANGS, False)]
)
def test_a_file_that_is_not_what_was_written_is_a_disk_s_doing_only_where_it_refused_and_the_row_says_so(
    ended: str, fault: str, excused: bool
) -> None:
    found = evidence([call()], Fault(fault, 111.0, 115.0))
    found.recordings = [Recording("r1", "a", ended, [Word(1, k, 0) for k in range(3)], same=False)]
    assert (problems(found) == []) == excused


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("r1", (20.0, 25.0)),
        ("r1", (102.0, 105.0)),  # whoever is told so late is told the truth, and her words are there
        ("r1", (130.0, 135.0)),
        ("second/r1", (111.0, 115.0)),
    ],
)
def test_nor_is_it_a_disk_s_doing_that_refused_at_another_time_or_is_another_one(
    name: str, refused: tuple[float, float]
) -> None:
    found = evidence([call()], Fault(REFUSES, *refused))
    found.recordings = [replace(found.recordings[0], name=name, ended="cut", same=False)]
    assert f"{name} is not the file whose hash the books hold" in problems(found)


KILLED, STOPPED = "Asterisk killed", "Asterisk stopped"
FULL = Fault("disk full", 112.0, 115.0)
REPEATED = {"heard": [(113.0, NOT_KEPT), (119.0, "record.safe")]}
AGAIN_BEFORE = {"heard": [(109.0, NOT_KEPT), (113.0, "record.safe")]}
TALKING = {"heard": [(111.7, NOT_KEPT), (113.0, "record.safe")], "beeps": [109.8, 112.4]}
CUT_OFF = {"codes": list[str](), "heard": [(109.5, "beep")], "ended_by": "caller"}


@pytest.mark.parametrize(
    ("fault", "her", "there", "excuse"),
    [
        (Fault(KILLED, 111.5, 114), {"ended_by": "caller"}, (0, 1), judging.DEAD),
        (Fault(KILLED, 112.5, 114), {"ended_by": "caller"}, (0, 1), judging.BUFFERED),
        (Fault(KILLED, 114.5, 116), {"ended_by": "caller"}, (0, 1), judging.BUFFERED),
        (Fault(KILLED, 112.5, 114), {"ended_by": "caller", "ended": 112.4}, (0, 1), judging.BUFFERED),
        (Fault(STOPPED, 111.9, 116), {"ended_by": "caller", "ended": 115.0}, (0, 1), judging.STOPPED),
        (Fault("server killed", 0, 1), {"ended_by": "caller", "ended": 112.2}, (0, 1), judging.CUT),
        (Fault(STOPPED, 109.85, 113), {}, (0, 1), judging.OVERFLOWED),
        (Fault(STOPPED, 109.75, 110.8), {}, (1, 2), judging.EARLY),
        (Fault("disk full", 111.8, 114), {}, (0, 1), judging.NO_ROOM),
        (Fault("disk full", 111.8, 114), REPEATED, (0, 1), judging.NO_ROOM),
        (Fault("disk full", 111.8, 114), TALKING, (0, 1), judging.NO_ROOM),
        (Fault(HANGS, 109.0, 114), {}, (0, 1), judging.HUNG),
        (Fault(HANGS, 110.9, 114), {"keys": [(113.0, "#")]}, (0, 1), judging.HUNG),
    ],
)
def test_a_missing_word_is_excused_when_its_reason_is_proved(
    fault: Fault, her: dict[str, object], there: Sequence[int], excuse: str
) -> None:
    found = evidence([call(**(CUT_OFF | her))], fault, words=there)
    found.recordings[0].ended = "broken"
    assert problems(found) == []
    assert Accountant(found).verdicts()[0].excused == {excuse: 1}


@pytest.mark.parametrize(
    ("fault", "her", "there"),
    [
        (Fault(KILLED, 112.5, 114), {"ended_by": "caller"}, (0, 2)),  # a hole is no buffer
        (Fault(KILLED, 115.5, 118), {"ended_by": "caller"}, (0, 1)),  # it was flushed long ago
        (Fault(KILLED, 90.0, 95.0), {"ended_by": "caller"}, (0, 1)),  # before the call
        (Fault(KILLED, 112.8, 114), {"ended_by": "caller", "ended": 112.4}, (0, 1)),  # it had closed the file
        (Fault(STOPPED, 111.9, 113), {}, (0, 1)),  # she stayed: it was read when Asterisk went on
        (Fault("one server killed", 111.0, 112.0), {}, (0, 1)),
        (Fault("PostgreSQL killed", 111.0, 112.0), {}, (0, 1)),
        (Fault("database cut", 100.0, 120.0), {}, (0, 1)),
        (Fault("disk full", 111.8, 114), {"heard": [(113.0, "record.safe")]}, (0, 1)),  # told that it is kept
        (Fault("disk full", 111.8, 114), AGAIN_BEFORE, (0, 1)),  # what she said after the new beep
        (Fault("disk full", 60.0, 70.0), {}, (0, 1)),
        (Fault(HANGS, 110.9, 114), {}, (0, 1)),  # she stayed: the socket was read when the disk answered
        (Fault(HANGS, 110.9, 114), {"keys": [(115.0, "#")]}, (0, 1)),  # and before her # came
    ],
)
def test_a_missing_word_is_lost_when_no_reason_can_be_proved(
    fault: Fault, her: dict[str, object], there: Sequence[int]
) -> None:
    found = evidence([call(**(CUT_OFF | her))], fault, words=there)
    assert Accountant(found).verdicts()[0].lost


@pytest.mark.parametrize(
    ("refused", "killed", "ended", "told", "lost"),
    [
        ((114.0, 117.0), 116.0, "cut", CUT, False),
        ((114.0, 117.0), 130.0, "cut", CUT, True),  # it was written anew by then
        ((114.0, 117.0), 116.0, "hash", CUT, True),  # it claims to be whole
        ((114.0, 117.0), 116.0, "cut", "record.safe", True),  # and so does who told her
        ((115.5, 117.0), 116.0, "cut", CUT, True),  # it was on the disk by then
    ],
)
def test_a_disk_that_refuses_as_a_recording_ends_has_all_of_it_if_its_server_dies_and_she_is_told(
    refused: tuple[float, float], killed: float, ended: str, told: str, *, lost: bool
) -> None:
    her = call(codes=[], keys=[(115.0, "#")], heard=[(115.2, told)])
    faults = (Fault(REFUSES, *refused), Fault("one server killed", killed, killed + 1))
    found = evidence([her], *faults, words=(1, 2))
    found.recordings[0].caller = her.number
    found.recordings[0].ended = ended
    assert bool(Accountant(found).verdicts()[0].lost) == lost


@pytest.mark.parametrize(("hangs", "lost"), [((116.5, 128.0), False), ((118.0, 128.0), True)])
def test_a_disk_that_refused_and_then_hangs_has_not_been_well_in_between(
    hangs: tuple[float, float], *, lost: bool
) -> None:
    her = call(codes=[], keys=[(115.0, "#")], heard=[(115.2, CUT)])
    faults = (Fault(REFUSES, 114.0, 117.0), Fault(HANGS, *hangs), Fault("one server killed", 126.0, 127.0))
    found = evidence([her], *faults, words=(1, 2))
    found.recordings[0].caller, found.recordings[0].ended = her.number, "cut"
    assert bool(Accountant(found).verdicts()[0].lost) == lost


@pytest.mark.parametrize(
    "fault",
    [
        Fault(KILLED, 112.5, 114),
        Fault(KILLED, 111.5, 114),
        Fault(HANGS, 109.0, 114),
        Fault("disk full", 111.8, 114),
        Fault(REFUSES, 111.8, 114),
    ],
)
def test_a_recording_without_her_last_word_may_not_claim_that_she_ended_it(fault: Fault) -> None:
    found = evidence([call(**(CUT_OFF | {"ended": 119.0}))], fault, words=(0, 1))
    for ended in ("hash", "hangup"):
        found.recordings[0].ended = ended
        assert problems(found) == [f"word 2 is missing in r1, which says that she ended it ({ended})"]
    assert Accountant(found).verdicts()[0].unmarked == 1


def test_a_hole_in_a_recording_on_the_second_volume_is_not_the_doing_of_the_first_one() -> None:
    found = evidence([call(**CUT_OFF)], Fault(HANGS, 109.0, 114.0), words=(0, 1))
    found.recordings[0] = replace(found.recordings[0], name="second/r1", ended="broken")
    assert "word 2" in problems(found)[0]
    found.faults = [Fault("disk full", 109.0, 114.0)]
    assert "word 2" in problems(found)[0], "nor is its being full"


@pytest.mark.parametrize(("began", "lost"), [(99.0, True), (101.0, False)])
def test_who_is_asked_to_speak_long_after_a_disk_began_to_hang_is_recorded_on_the_other_one(
    began: float, lost: bool
) -> None:
    found = evidence([call(**CUT_OFF)], Fault(HANGS, began, 114.0), words=())
    assert bool(Accountant(found).verdicts()[0].lost) == lost


@pytest.mark.parametrize("pressed", ["1", "2"])
def test_words_lie_in_the_case_of_an_earlier_call_of_that_line_only_where_she_said_so(pressed: str) -> None:
    heard = [(113.0, "record.safe"), (201.0, judging.SAME_MATTER)]
    later = call(n=2, invited=200.0, codes=[], heard=heard, keys=[(202.0, pressed)])
    found = evidence([call(), later])
    found.answered_by_sipp = {1, 2}
    found.recordings.append(Recording("r2", "a", "hash", [Word(2, k, 0) for k in range(3)]))
    told = {"her case holds the words of calls [1]", "her case holds the words of calls [2]"}
    assert set(problems(found)) == (set() if pressed == "1" else told)
    found.cases["b"] = Case("b", "2222222222", "04120000001")
    found.recordings[1].case = "b"
    assert problems(found) == [], "and else in one of their own, though the number has two"
    found.calls[1].codes = [CODE]
    assert "was spoken the code" in problems(found)[0], "nor is she told the other's code"


@pytest.mark.parametrize(("killed", "lost"), [(115.01, False), (116.0, True)])
def test_what_a_stopped_asterisk_held_is_in_its_buffer_when_it_is_killed_before_it_goes_on(
    killed: float, lost: bool
) -> None:
    hers = call(**CUT_OFF)
    found = evidence([hers], Fault(STOPPED, 112.4, 115.0), Fault(KILLED, killed, 118.0), words=(0, 1))
    [verdict] = Accountant(found).verdicts()
    assert (verdict.excused, bool(verdict.lost)) == ({} if lost else {judging.BUFFERED: 1}, lost)


@pytest.mark.parametrize(
    ("hang", "killed", "name", "lost"),
    [
        (Fault(HANGS, 112.4, 115.0), 114.0, "r1", False),
        (Fault(HANGS, 112.4, 113.0), 114.0, "r1", True),  # it had been written when that disk went on
        (Fault(HANGS, 112.4, 115.0), 114.0, "second/r1", True),  # that disk was well
        (Fault(READ_ONLY, 112.4, 115.0), 114.0, "r1", True),  # nobody sleeps in it
    ],
)
def test_and_what_one_held_that_slept_in_a_disk_that_hung(
    hang: Fault, killed: float, name: str, lost: bool
) -> None:
    hers = call(
        **(CUT_OFF | {"said": [Said(k, 108.0 + 0.7 * k, 108.7 + 0.7 * k, "server") for k in range(4)]})
    )
    hers.beeps[:] = [107.8]
    found = evidence([hers], hang, Fault(KILLED, killed, 118.0), words=(0, 1, 2))
    found.recordings[0] = replace(found.recordings[0], name=name, ended="broken")
    [verdict] = Accountant(found).verdicts()
    assert (verdict.excused, bool(verdict.lost)) == ({} if lost else {judging.BUFFERED: 1}, lost)


def test_and_so_it_is_when_she_hung_up_while_it_stood() -> None:
    hers = call(**(CUT_OFF | {"ended": 114.0}))
    found = evidence([hers], Fault(STOPPED, 112.4, 115.0), Fault(KILLED, 115.01, 118.0), words=(0, 1))
    [verdict] = Accountant(found).verdicts()
    assert verdict.excused == {judging.BUFFERED: 1} and not verdict.lost


@pytest.mark.parametrize(
    ("beeps", "heard", "lost"),
    [
        ([109.8], [(109.5, "beep"), (111.3, "code.ready")], False),
        ([109.8, 111.35], [(109.5, "beep"), (111.3, "record.failed")], True),  # she was asked for more
        ([109.8], [(109.5, "beep")], True),  # her # was not taken
    ],
)
def test_what_she_says_after_her_own_hash_is_said_to_nobody(
    beeps: list[float], heard: list[tuple[float, str]], lost: bool
) -> None:
    hers = call(codes=[], keys=[(111.2, "#")], beeps=beeps, heard=heard)
    [verdict] = Accountant(evidence([hers], words=(0, 1))).verdicts()
    assert (verdict.excused, bool(verdict.lost)) == ({} if lost else {judging.OVER: 1}, lost)


def alarms(found: Evidence) -> list[str]:
    [verdict] = Accountant(found).verdicts()
    row = [*Result(1, 5, 60, [verdict], found, []).rows()][-1]
    assert row["false_alarms"] == len(verdict.alarms)
    assert Result(1, 5, 60, [verdict], found, []).good == (not verdict.problems)
    assert all(f"false alarm: {text}" in verdict.problems for text in verdict.alarms)
    return verdict.alarms


FULL = Fault("disk full", 111.0, 112.0)
APOLOGY = "fallback.apology"


@pytest.mark.parametrize("told", [CUT, AGAIN, NOT_KEPT, UNSURE, APOLOGY])
def test_whole_words_that_are_called_cut_or_not_kept_or_asked_for_again_are_a_false_alarm(told: str) -> None:
    found = evidence([call(heard=[(109.5, "beep"), (113.0, told)])])
    [alarm] = alarms(found)
    assert "113.000" in alarm and "all 3 are kept" in alarm


def test_who_is_turned_away_from_a_disk_with_room_is_a_false_alarm() -> None:
    away = call(said=[], beeps=[], codes=[], heard=[(113.0, TURNED_AWAY)])
    [alarm] = alarms(evidence([away], words=()))
    assert "turned away" in alarm
    assert len(alarms(evidence([away], FULL, words=()))) == 1, "the other one has room"


@pytest.mark.parametrize(
    ("fault", "told", "excused"),
    [
        (FULL, NOT_KEPT, True),  # the journal's disk is the same
        (FULL, UNSURE, True),
        (Fault("recordings' disk hangs", 111.0, 112.0), UNSURE, True),
        (Fault("recordings' disk hangs", 111.0, 112.0), NOT_KEPT, False),
        (Fault("one server stopped", 105.0, 111.0), UNSURE, False),
        (FULL, AGAIN, True),
        (Fault("disk full", 102.0, 105.0), NOT_KEPT, False),  # over when she was asked to speak
        (Fault("disk full", 102.0, 105.0), AGAIN, False),
        (FULL, CUT, False),  # though the disk was full: all is there
        (Fault("Asterisk stopped", 111.0, 112.0), AGAIN, True),
        (Fault("Asterisk stopped", 111.0, 112.0), NOT_KEPT, False),
        (Fault("one server killed", 111.0, 112.0), APOLOGY, True),
        (Fault("one server stopped", 105.0, 111.0), NOT_KEPT, False),
        (Fault("PostgreSQL killed", 111.0, 112.0), APOLOGY, False),
        (Fault("one server killed", 114.0, 115.0), APOLOGY, False),  # a fault that came later
        (Fault("every server killed", 80.0, 81.0), APOLOGY, False),  # one was back before she called
        (Fault("every server killed", 80.0, 81.0, 110.5), APOLOGY, True),  # none took calls yet
    ],
)
def test_only_a_fault_that_can_be_the_cause_excuses_what_she_was_told(
    fault: Fault, told: str, excused: bool
) -> None:
    found = evidence([call(heard=[(109.5, "beep"), (113.0, told)])], fault)
    assert (alarms(found) == []) == excused


def test_who_was_asked_again_because_words_are_missing_or_none_were_said_is_no_false_alarm() -> None:
    assert alarms(evidence([call(heard=[(113.0, CUT)])], words=(0, 1))) == []
    silent = call(said=[], codes=[], heard=[(113.0, AGAIN)])
    assert alarms(evidence([silent], words=())) == []


def test_a_recording_that_is_marked_cut_with_every_word_in_it_is_a_false_alarm() -> None:
    found = evidence()
    found.recordings[0].caller, found.recordings[0].ended = "04120000001", "cut"
    assert alarms(found) == ["r1 is marked cut, and all her 3 words are kept"]
    found.recordings[0].words = [Word(1, 0, 0)]
    assert alarms(found) == []


@pytest.mark.parametrize(
    ("name", "fault", "excused"),
    [
        ("r1", Fault(REFUSES, 111.0, 112.0), True),
        ("r1", Fault(REFUSES, 102.0, 105.0), True),  # its file system may tell of it once more
        ("r1", Fault(REFUSES, 42.0, 45.0), False),  # it was over long before the beep
        ("r1", Fault(HANGS, 102.0, 105.0), False),
        ("r1", Fault(HANGS, 105.0, 108.0), True),  # by the clock it began with the command, before the beep
        ("second/r1", Fault(REFUSES, 102.0, 105.0), False),
        ("r1", Fault(HANGS, 109.9, 112.0), True),  # the file was not begun yet
        ("r1", Fault(READ_ONLY, 110.5, 114.0), True),
        ("r1", Fault(READ_ONLY, 109.0, 114.0), False),  # none can have been begun there
        ("second/r1", Fault(READ_ONLY, 110.5, 114.0), False),
        ("second/r1", Fault(HANGS, 110.5, 114.0), False),
    ],
)
def test_only_what_was_recorded_meanwhile_on_a_sick_disk_may_be_marked_cut_with_every_word_in_it(
    name: str, fault: Fault, excused: bool
) -> None:
    found = evidence([call()], fault)
    found.recordings[0] = replace(found.recordings[0], name=name, caller="04120000001", ended="cut")
    assert (alarms(found) == []) == excused


@pytest.mark.parametrize(
    ("faults", "size", "excused"),
    [
        ((Fault(STOPPED, 111.0, 114.0), FULL), 44, True),
        ((Fault(STOPPED, 111.0, 114.0),), 44, False),
        ((FULL,), 44, False),
        ((Fault(STOPPED, 102.0, 105.0), FULL), 44, False),
        ((FULL,), 65_536, True),
        ((FULL,), 65_580, False),
        ((Fault("disk full", 102.0, 105.0),), 65_536, False),
        ((Fault(STOPPED, 111.0, 114.0),), 65_536, False),
        ((Fault("disk full", 119.0, 121.0),), 44, True),  # it refused the flush
        ((Fault("disk full", 120.05, 125.0),), 44, True),
        ((Fault("disk full", 119.0, 119.9),), 44, False),
        ((Fault("disk full", 120.2, 125.0),), 44, False),
    ],
)
def test_a_recording_on_a_full_disk_may_be_cut_where_asterisk_stood_at_a_block_or_unflushed(
    faults: tuple[Fault, ...], size: int, excused: bool
) -> None:
    found = evidence([call()], *faults)
    found.recordings[0] = replace(found.recordings[0], caller="04120000001", ended="cut", size=size)
    assert (alarms(found) == []) == excused


@pytest.mark.parametrize(
    ("faults", "excused"), [((Fault(STOPPED, 109.0, 111.0), FULL), True), ((FULL,), False)]
)
def test_and_so_she_may_be_told(faults: tuple[Fault, ...], excused: bool) -> None:
    found = evidence([call(heard=[(109.5, "beep"), (113.0, CUT)])], *faults)
    assert (alarms(found) == []) == excused


def test_her_words_are_flushed_when_a_stopped_server_goes_on_and_a_disk_may_refuse_them_then() -> None:
    stopped, refuses = Fault("one server stopped", 114.0, 117.0), Fault(REFUSES, 116.0, 118.0)
    for faults, excused in (((refuses,), False), ((stopped,), False), ((stopped, refuses), True)):
        found = evidence([call(ended=115.0)], *faults)
        found.recordings[0] = replace(found.recordings[0], caller="04120000001", ended="cut")
        assert (alarms(found) == []) == excused, faults


@pytest.mark.parametrize(
    ("fault", "excused"),
    [
        (Fault(READ_ONLY, 110.5, 114.0), True),
        (Fault(READ_ONLY, 109.0, 114.0), False),
        (Fault(HANGS, 109.0, 114.0), True),
        (Fault(HANGS, 102.0, 105.0), False),
    ],
)
def test_only_what_was_recorded_meanwhile_may_be_called_cut(fault: Fault, excused: bool) -> None:
    found = evidence([call(heard=[(109.5, "beep"), (113.0, CUT)])], fault)
    assert (alarms(found) == []) == excused


@pytest.mark.parametrize(
    ("her", "there", "excused"),
    [
        ({"abrupt": True, "keys": [(112.3, "#")]}, (0, 1), True),
        ({"abrupt": False, "keys": [(112.3, "#")]}, (0, 1), False),  # what follows her words is cut, silence
        ({"abrupt": True}, (0, 1), False),  # no key of hers ended it
        ({"abrupt": True, "keys": [(112.3, "#")]}, (0, 2), False),  # not her last word
        ({"abrupt": True, "keys": [(116.0, "#")], "beeps": [109.8, 114.0]}, (0, 1), False),  # of another one
    ],
)
def test_the_last_word_before_her_key_is_asterisk_s_where_her_telephone_stops_with_it(
    her: dict[str, object], there: Sequence[int], excused: bool
) -> None:
    [verdict] = Accountant(evidence([call(**her)], words=there)).verdicts()
    assert (verdict.excused, bool(verdict.lost)) == ({judging.KEYED: 1} if excused else {}, not excused)


def test_who_waits_and_is_told_nothing_of_her_words_is_a_loss_unless_asterisk_was_killed() -> None:
    untold = call(heard=[(109.5, "beep")], codes=[], ended=121.0, ended_by="caller")
    assert problems(evidence([untold])) == ["stayed 8.9 s after her last word and was told nothing"]
    assert problems(evidence([replace(untold, ended=115.0)])) == []
    assert problems(evidence([untold], Fault("Asterisk killed", 113.0, 115.0))) == []
    assert problems(evidence([untold], Fault(HANGS, 111.0, 113.0))) == []
    assert problems(evidence([untold], Fault(HANGS, 103.0, 109.0))) != [], "it was over before she spoke"
    assert problems(evidence([untold], Fault("every server killed", 113.0, 115.0, 116.0))) != []


@pytest.mark.parametrize("told", [TURNED_AWAY, NOT_KEPT, UNSURE])
@pytest.mark.parametrize(
    ("fault", "excused"),
    [
        (Fault("disk full", 111.0, 112.0), True),
        (Fault(REFUSES, 111.0, 112.0), True),
        (Fault("journal's disk refuses", 111.0, 112.0), True),
        (Fault(JOURNAL_HANGS, 105.0, 112.0), True),
        (Fault("journal's disk read-only", 111.0, 115.0), True),
        (Fault(JOURNAL_HANGS, 95.0, 98.0), False),  # it was well again before she called
        (Fault(JOURNAL_HANGS, 114.0, 118.0), False),
        (Fault("every disk slow", 100.0, 114.0), False),  # which is well
        (Fault("one server killed", 111.0, 112.0), False),
    ],
)
def test_without_a_second_volume_she_may_be_told_so_while_that_disk_takes_nothing(
    fault: Fault, told: str, excused: bool
) -> None:
    found = evidence([call(heard=[(109.5, "beep"), (113.0, told)], codes=[])], fault)
    found.one_disk = True
    assert (alarms(found) == []) == excused


def test_with_one_nobody_need_be_told_so_for_a_sick_one_beside_it() -> None:
    for told in (TURNED_AWAY, NOT_KEPT, UNSURE):
        her = call(heard=[(109.5, "beep"), (113.0, told)], codes=[])
        assert len(alarms(evidence([her], Fault("journal's disk refuses", 111.0, 112.0)))) == 1


def test_who_is_told_that_nobody_could_make_sure_is_told_something() -> None:
    her = call(heard=[(109.5, "beep"), (113.0, UNSURE)], codes=[], ended=130.0)
    found = evidence([her], Fault("journal's disk refuses", 111.0, 112.0))
    found.one_disk = True
    [verdict] = Accountant(found).verdicts()
    assert (verdict.problems, verdict.outcome) == ([], "told it is not sure")


@pytest.mark.parametrize(("stayed", "told"), [(9.5, True), (11.5, False)])
def test_where_the_only_disk_hangs_she_is_told_within_the_ten_seconds_that_are_waited(
    stayed: float, told: bool
) -> None:
    untold = call(heard=[(109.5, "beep")], codes=[], ended=112.1 + stayed, ended_by="caller")
    found = evidence([untold], Fault(JOURNAL_HANGS, 111.0, 125.0))
    assert Accountant(found).verdicts()[0].untold, "with another disk she is told sooner"
    found.one_disk = True
    assert Accountant(found).verdicts()[0].untold != told


@pytest.mark.parametrize("fault", [Fault(READ_ONLY, 109.0, 114.0), Fault(HANGS, 99.0, 114.0)])
def test_without_a_second_volume_words_are_missing_though_it_was_known_that_the_disk_takes_none(
    fault: Fault,
) -> None:
    found = evidence([call(codes=[], heard=[(112.5, NOT_KEPT)])], fault, words=())
    assert Accountant(found).verdicts()[0].lost
    found.one_disk = True
    [verdict] = Accountant(found).verdicts()
    assert not verdict.lost and verdict.excused.total() == 3


def test_on_whom_the_line_is_put_down_without_a_word_of_hers_is_told_nothing_however_soon() -> None:
    dropped = call(heard=[(109.5, "beep")], codes=[], ended=113.1)
    assert problems(evidence([dropped])) == ["was dropped 1.0 s after her last word and was told nothing"]
    assert problems(evidence([replace(dropped, ended_by="caller")])) == []
    assert problems(evidence([dropped], Fault(KILLED, 113.0, 115.0))) == []


@pytest.mark.parametrize(
    ("faults", "well"),
    [((), True), ((Fault("database cut", 105.0, 110.0),), True), ((Fault(KILLED, 105.0, 110.0),), False)],
)
def test_who_is_not_answered_though_asterisk_was_well_is_a_problem(
    faults: Sequence[Fault], *, well: bool
) -> None:
    nobody = call(answered=None, said=[], beeps=[], heard=[], codes=[], ended_by="unanswered")
    found = evidence([nobody], *faults, words=())
    found.answered_by_sipp.clear()
    assert problems(found) == ["was not answered (unanswered), and Asterisk was well"] * well


@pytest.mark.parametrize("beeps", [[], [101.9]])
def test_who_is_put_down_before_she_said_a_word_is_a_problem(beeps: list[float]) -> None:
    silent = call(said=[], beeps=beeps, heard=[], codes=[], ended=102.0)
    assert problems(evidence([silent], words=())) == ["was put down 1.0 s after her answer, and said nothing"]
    assert problems(evidence([silent], Fault("one server killed", 101.5, 103.0), words=())) == []
    assert problems(evidence([replace(silent, ended_by="caller")], words=())) == []


def test_who_said_that_it_is_the_same_matter_and_left_no_words_covers_nobody_else_s_joining() -> None:
    heard = [(113.0, "record.safe"), (201.0, judging.SAME_MATTER)]
    wrong = call(n=2, invited=200.0, codes=[], heard=heard, keys=[(202.0, "2")])
    silent = replace(wrong, n=3, keys=[(202.0, "1")], said=[])
    found = evidence([call(), wrong, silent])
    found.answered_by_sipp = {1, 2, 3}
    found.recordings.append(Recording("r2", "a", "hash", [Word(2, k, 0) for k in range(3)]))
    told = {"her case holds the words of calls [1]", "her case holds the words of calls [2]"}
    assert set(problems(found)) == told


def test_a_stopped_asterisk_s_hole_is_in_a_recording_that_calls_itself_whole_for_nobody_sees_it() -> None:
    found = evidence([call(**CUT_OFF)], Fault(STOPPED, 109.85, 113), words=(0, 1))
    [verdict] = Accountant(found).verdicts()
    assert (verdict.excused, verdict.unmarked) == ({judging.OVERFLOWED: 1}, 0)


REFUSED_AND_KILLED = (
    Fault("journal's disk refuses", 100.5, 108.0),
    Fault("every server killed", 107.0, 109.0),
)


def of_nobody(*faults: Fault, **changed: object) -> Evidence:
    """A call of which a case of nobody is all there is. Her server was killed while she spoke."""
    silent = call(
        **({"codes": [], "heard": [(105.5, "beep")], "ended": 113.0, "ended_by": "caller"} | changed)
    )
    found = evidence([silent], *faults)
    found.cases["a"].caller = ""
    found.one_disk = True
    return found


@pytest.mark.parametrize("began", [100.5, 101.5])
def test_words_in_a_case_of_nobody_are_excused_where_the_only_disk_took_no_line_of_her_call(
    began: float,
) -> None:
    """Until half a second after her answer none need have been written."""
    found = of_nobody(replace(REFUSED_AND_KILLED[0], began=began), REFUSED_AND_KILLED[1])
    assert problems(found) == []
    [verdict] = Accountant(found).verdicts()
    assert (verdict.kept, verdict.excused) == (0, {judging.NOBODYS: 3})


@pytest.mark.parametrize(
    "found",
    [
        of_nobody(),
        of_nobody(REFUSED_AND_KILLED[0]),
        of_nobody(REFUSED_AND_KILLED[1]),
        of_nobody(replace(REFUSED_AND_KILLED[0], began=102.0), REFUSED_AND_KILLED[1]),
        of_nobody(replace(REFUSED_AND_KILLED[0], ended=103.0), REFUSED_AND_KILLED[1]),
        of_nobody(*REFUSED_AND_KILLED, heard=[(105.5, "beep"), (112.5, "record.safe")]),
        replace(of_nobody(*REFUSED_AND_KILLED), one_disk=False),
    ],
)
def test_a_case_of_nobody_is_not_excused_where_her_call_could_be_known_or_she_was_told_it_is_kept(
    found: Evidence,
) -> None:
    assert any("of nobody" in each for each in problems(found))


def test_a_last_word_that_her_key_cut_is_nothing_that_a_full_disk_took() -> None:
    """Its recording holds all that Asterisk had, and says so."""
    silent = call(abrupt=True, keys=[(112.2, "#")], codes=[])
    found = evidence([silent], Fault("disk full", 111.0, 113.0), words=(0, 1))
    found.cases["a"].code = "other"
    [verdict] = Accountant(found).verdicts()
    assert (verdict.excused, verdict.unmarked) == ({judging.KEYED: 1}, 0)


def test_words_that_nobody_can_play_are_a_problem() -> None:
    found = evidence()
    found.recordings[0].playable = False
    assert problems(found) == ["r1 has no header: nobody can play it"]


FULL_AND_KILLED = (Fault("disk full", 108.0, 111.0), Fault("every server killed", 112.0, 113.0))
NO_HEADER = "r1 has no header: nobody can play it"
CHANGED = "r1 is not the file whose hash the books hold"


@pytest.mark.parametrize(
    ("ended", "faults", "excused"),
    [
        ("cut", FULL_AND_KILLED, True),
        ("cut", (replace(FULL_AND_KILLED[0], kind="every disk full"), FULL_AND_KILLED[1]), True),
        ("hash", FULL_AND_KILLED, False),
        ("cut", FULL_AND_KILLED[:1], False),
        ("cut", (FULL_AND_KILLED[0], Fault("every server killed", 115.0, 116.0)), False),
        ("cut", (Fault(STOPPED, 108.0, 111.0), FULL_AND_KILLED[1]), False),
    ],
)
def test_what_a_full_disk_cut_lacks_its_header_only_where_who_would_write_it_anew_was_killed(
    ended: str, faults: tuple[Fault, ...], excused: bool
) -> None:
    """`ivr.asterisk.recording`: each second, until there is room. Its hash is that of what it would be."""
    found = evidence([call()], *faults)
    lacking = replace(found.recordings[0], ended=ended, playable=False, same=False, same_with_header=True)
    found.recordings[0] = lacking
    assert [each for each in problems(found) if each in (NO_HEADER, CHANGED)] == [NO_HEADER] * (not excused)


@pytest.mark.parametrize(
    ("playable", "same", "told"),
    [(False, False, NO_HEADER), (False, True, NO_HEADER), (True, False, CHANGED)],
)
def test_nor_then_where_the_books_hold_another_hash_than_it_would_have_with_a_header(
    playable: bool, same: bool, told: str
) -> None:
    """Words that somebody changed while the disk was full and a server died are changed all the same."""
    found = evidence([call()], *FULL_AND_KILLED)
    found.recordings[0] = replace(found.recordings[0], ended="cut", playable=playable, same=same)
    assert [each for each in problems(found) if each in (NO_HEADER, CHANGED)] == [told]


def test_a_case_that_is_not_what_she_chose_is_a_problem() -> None:
    found = evidence()
    found.cases["a"].chosen = ("request", "other.other", "")
    assert problems(found) == [f"her case {CODE} is filed under request, other.other"]
