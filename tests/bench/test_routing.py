"""Other writers' texts: what should be left to people is, in a share that can be counted on."""

from __future__ import annotations

import pytest

from bench.routing import strangers
from ivr.desk.book.seeds import load_seeds
from ivr.desk.book.suggesting import load_suggester, rules_of
from tests.fixtures.database import SEED


def test_the_upper_end_is_clopper_and_pearsons() -> None:
    assert strangers.upper(0, 59) == pytest.approx(0.0495, abs=0.0005)
    assert strangers.upper(5, 5) == 1.0


def test_no_target_is_missed_on_texts_of_other_writers() -> None:
    suggester, rules = load_suggester(SEED), rules_of(load_seeds(SEED))
    asked = list(strangers.strangers(rules, suggester.places))
    found = list(strangers.rows([strangers.judge(suggester, each, rules.desk) for each in asked]))
    assert len(asked) >= 600
    assert not strangers.missed(found)
