"""The order in which several processes share the tests."""

from __future__ import annotations

import random

from tests.fixtures.order import in_runs


def test_each_process_begins_with_what_takes_long_and_nothing_is_left_out() -> None:
    ranks = [0] * 4 + [1] * 90 + [2] * 700 + [3] * 2_217
    random.Random(111).shuffle(ranks)
    for processes in (2, 3, 4):
        order = in_runs(range(len(ranks)), ranks, processes)
        assert sorted(order) == list(range(len(ranks)))
        starts = [len(ranks) * run // processes for run in range(processes)]
        for start, end in zip(starts, [*starts[1:], len(ranks)], strict=True):
            run = [ranks[test] for test in order[start:end]]
            assert run == sorted(run) and run[0] == 0
            assert 22 <= run.count(1) <= 46 and 175 <= run.count(2) <= 350
