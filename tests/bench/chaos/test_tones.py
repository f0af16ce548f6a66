"""What is said and heard in a chaos run can be told from its sound."""

from __future__ import annotations

import numpy as np
import pytest

from bench.chaos import tones
from bench.chaos.callers import plans
from bench.chaos.faults import FAULTS, schedule


@pytest.mark.parametrize("off", [0, 1, 40, 80, 120, 159])
def test_words_are_read_through_a_law_wherever_the_frames_begin(off: int) -> None:
    said = [(1, 0), (1122, 3), (9999, 14)]
    line = tones.to_alaw(tones.join(*(tones.word(n, k) for n, k in said)))
    heard = tones.join(np.zeros(off, np.int16), tones.from_alaw(line))
    assert [(word.n, word.k) for word in tones.words(tones.lines(heard))] == said


def test_a_word_with_a_hole_is_no_word() -> None:
    sound = tones.word(1234, 5)
    sound[10 * tones.FRAME : 15 * tones.FRAME] = 0  # one of its symbols
    assert tones.words(tones.lines(sound)) == []


def test_a_hole_over_two_words_makes_none_of_anothers() -> None:
    sound = tones.join(tones.tone(tones.SILENT, 13), *(tones.word(7, k) for k in range(3)))
    sound[4_074:8_170] = 0  # two blocks of 4 KB that a disk refused: read on, it was call 0's first word
    assert [(word.n, word.k) for word in tones.words(tones.lines(sound))] == [(7, 2)]


def test_every_prompt_has_a_tone_of_its_own_that_is_in_no_word() -> None:
    spoken = {
        line for k in range(tones.MOST_WORDS) for line in tones.lines(tones.word(1234 + 4321 * (k % 2), k))
    }
    assert len(set(tones.LINES.values())) == len(tones.PROMPTS)
    assert not spoken & set(tones.LINES.values())
    for line in tones.LINES.values():
        assert tones.lines(tones.from_alaw(tones.to_alaw(tones.tone(line, 2)))) == [line, line]


def test_the_same_seed_makes_the_same_callers_and_the_same_faults() -> None:
    assert plans(7, 50) == plans(7, 50) != plans(8, 50)
    assert schedule(7, 600, [*FAULTS]) == schedule(7, 600, [*FAULTS]) != schedule(8, 600, [*FAULTS])


def test_the_short_run_has_every_kind_of_fault_for_the_seed_that_the_tests_use() -> None:
    from tests.bench.chaos.test_chaos import KINDS, SECONDS, SEED

    assert {fault.kind for fault in schedule(SEED, SECONDS, KINDS)} == set(KINDS)
