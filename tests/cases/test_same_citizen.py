"""One citizen, or several who share a line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ivr.cases.same_citizen import Acquaintances, is_same, may_be_same

HERS, HIS = "0499370899", "0012345679"
NUMBER, OTHER = "+989141234567", "+989141234568"


def who(number: str = "", name: str = "", identity: str = "") -> SimpleNamespace:
    return SimpleNamespace(caller_key=number, caller_name=name, national_id=identity)


@pytest.mark.parametrize(
    ("one", "other", "same", "may_be"),
    [
        pytest.param(who("", "", HERS), who(OTHER, "زهرا", HERS), True, True, id="by her national ID"),
        pytest.param(who(NUMBER, "علي كريمي"), who(NUMBER, "علی کریمی"), True, True, id="in two spellings"),
        pytest.param(who(NUMBER, "زهرا"), who(NUMBER, "زهرا", HERS), True, True, id="one without an ID"),
        pytest.param(who(NUMBER), who(NUMBER), False, True, id="two calls from one telephone"),
        pytest.param(who(NUMBER, "زهرا"), who(NUMBER), False, True, id="a name of one of them alone"),
        pytest.param(who(NUMBER, "زهرا"), who(NUMBER, "علی"), False, False, id="two of one house"),
        pytest.param(who(NUMBER, "زهرا", HERS), who(NUMBER, "زهرا", HIS), False, False, id="namesakes"),
        pytest.param(who("", "زهرا"), who("", "زهرا"), False, False, id="without any number"),
        pytest.param(who("anonymous", "زهرا"), who("anonymous", "زهرا"), False, False, id="both withheld"),
        pytest.param(who(NUMBER, "زهرا"), who(OTHER, "زهرا"), False, False, id="two numbers"),
    ],
)
def test_who_is_one_citizen_and_who_shares_a_line(
    one: SimpleNamespace, other: SimpleNamespace, same: bool, may_be: bool
) -> None:
    for pair in ((one, other), (other, one)):
        assert (is_same(*pair), may_be_same(*pair)) == (same, may_be)
        assert Acquaintances([pair[0]]).of(pair[1]) == [pair[0]] * may_be


def test_among_many_each_who_may_be_the_same_is_found_once_in_their_order() -> None:
    known = [who(NUMBER, "زهرا"), who(OTHER, "", HERS), who(NUMBER, "", HERS), who(OTHER, "علی", HIS)]
    assert Acquaintances(known).of(who(NUMBER, "زهرا", HERS)) == known[:3]
