"""Other writers' texts: what should be left to people is, in a share that can be counted on."""

from __future__ import annotations

import pytest

from bench.routing import strangers
from bench.routing.__main__ import OURS, UNSEEN_PHRASES, missed
from ivr.cases.suggest import Suggester
from ivr.desk.book.seeds import load_seeds
from ivr.desk.book.suggesting import rules_of
from tests.fixtures.database import SEED


def test_the_upper_end_is_clopper_and_pearsons() -> None:
    assert strangers.upper(0, 59) == pytest.approx(0.0495, abs=0.0005)
    assert strangers.upper(5, 5) == 1.0


def test_no_target_is_missed_on_texts_of_other_writers(suggester: Suggester) -> None:
    rules = rules_of(load_seeds(SEED))
    asked = list(strangers.strangers(rules, suggester.places))
    found = list(strangers.rows([strangers.judge(suggester, each, rules.desk) for each in asked]))
    assert sum(each.writer == strangers.UNSEEN for each in asked) >= 350
    assert not strangers.missed(found)


def test_the_unseen_writers_texts_must_keep_the_promise_by_themselves() -> None:
    good: dict[str, float | int | str] = {"top1": 1.0, "top3": 1.0, "alone": 1.0, "wrong_upper": 0.01}
    found = [{**good, "name": name} for name in (strangers.PLAIN, "all")]
    found.append({**good, "name": strangers.UNSEEN, "wrong_upper": 0.031})
    assert strangers.missed(found) == ["writer_four: wrong alone up to 3.1% > 3%"]


@pytest.mark.parametrize("name", [OURS, UNSEEN_PHRASES])
def test_cases_and_unseen_phrases_are_held_to_the_same_targets(name: str) -> None:
    good: dict[str, float | int | str] = {
        "name": name,
        "top1": 0.85,
        "top3": 0.97,
        "alone": 0.5,
        "alone_wrong": 0.03,
    }
    assert missed(good) == []
    assert missed({**good, "top1": 0.84, "alone": 0.37}) == [
        f"{name}: top1 84.0% < 85%", f"{name}: alone 37.0% < 50%"
    ]  # fmt: skip
    assert missed({**good, "alone_wrong": 0.031}) == [f"{name}: alone_wrong 3.1% > 3%"]
