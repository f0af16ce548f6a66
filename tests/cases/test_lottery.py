"""Drawing closed cases at random: fair, and anybody with the pool and the seed draws the same."""

from __future__ import annotations

from collections import Counter

from ivr.cases.lottery import COUNT, drawn

POOL = [f"{n:010}" for n in range(40)]


def test_pool_and_seed_give_the_same_five_in_whatever_order_they_come() -> None:
    first = drawn(POOL, "a seed")
    assert drawn(POOL[::-1], "a seed") == first and len(set(first)) == COUNT
    assert drawn(POOL, "another seed") != first
    assert drawn(POOL[:2], "a seed") in (POOL[:2], POOL[1::-1]), "there are no more"


def test_over_many_seeds_each_case_is_drawn_about_as_often() -> None:
    counts = Counter(code for seed in range(4000) for code in drawn(POOL, str(seed)))
    expected = 4000 * COUNT / len(POOL)
    assert len(counts) == len(POOL) and all(0.8 < n / expected < 1.2 for n in counts.values())
